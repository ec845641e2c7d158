//! What conditions want, in a few words of each language.

use crate::model::Language;

use super::told::Told;

/// What a condition wants.
pub fn label(told: &Told, language: Language) -> String {
    let (english, korean) = words(told);
    let mut pattern = match language {
        Language::En => english,
        Language::Ko => korean,
    };
    let (mut text, mut named) = (String::new(), Vec::new());
    while let Some((before, after)) = pattern.split_once('{') {
        text.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(told.wanted.get(name).map_or("–", String::as_str));
        named.push(name);
        pattern = after;
    }
    text.push_str(pattern);
    // What is wanted besides.
    let others = told.wanted.iter().filter(|(name, _)| !named.contains(name));
    let others: Vec<_> = others.map(|(name, value)| format!("{name} {value}")).collect();
    if !others.is_empty() {
        text.push_str(&format!(": {}", others.join(", ")));
    }
    text
}

fn words(told: &Told) -> (&'static str, &'static str) {
    match told.condition {
        "all" => ("all of these", "다음 모두"),
        "any" => ("one of these", "다음 중 하나"),
        "then" => ("in this order", "다음 순서대로"),
        "never" => ("this must not happen", "일어나면 안 되는 것"),
        "hold" => ("this for {time}", "{time} 동안 유지"),
        "swarm.service" => ("service {service}", "서비스 {service}"),
        "swarm.absent" => ("no service {absent}", "서비스 {absent} 없음"),
        "swarm.replaced" => ("a task of {service} is replaced", "{service}의 task가 교체됨"),
        "swarm.update" => ("update of {service}", "{service} 업데이트"),
        "swarm.nodes" => ("nodes of the swarm", "swarm의 노드"),
        "k8s.pods" => ("pods of {pods}", "{pods}의 Pod"),
        "k8s.absent" => ("no {absent}", "{absent} 없음"),
        "k8s.restarted" => ("a container of {pods} is restarted", "{pods}의 컨테이너가 재시작됨"),
        "k8s.replaced" => ("pods of {replaced} are replaced", "{replaced}의 Pod가 교체됨"),
        "k8s.rollout" => ("rollout of {workload}", "{workload} 롤아웃"),
        "k8s.nodes" => ("nodes of the cluster", "클러스터의 노드"),
        "swarm.stack" => ("stack {stack}", "stack {stack}"),
        "swarm.leader" => ("leader of the swarm", "swarm의 leader"),
        "engine.container" if told.wanted.contains_key("absent") => {
            ("no container {absent}", "컨테이너 {absent} 없음")
        }
        "engine.container" => ("container {container}", "컨테이너 {container}"),
        "engine.health" => ("health checks", "health check"),
        "k8s.node" => ("a node of the cluster", "클러스터의 노드"),
        "k8s.event" => ("event {event}", "이벤트 {event}"),
        "k8s.jobs" => ("jobs of {jobs}", "{jobs}의 Job"),
        "k8s.cronjob" => ("CronJob {cronjob}", "CronJob {cronjob}"),
        "k8s.object" => ("an object", "오브젝트"),
        "machine.file" => ("file {path} on {machine}", "{machine}의 파일 {path}"),
        "machine.unit" => {
            ("unit {unit} on {machine} is {state}", "{machine}의 유닛 {unit}: {state}")
        }
        "machine.journal" => ("journal of {unit} on {machine}", "{machine}의 {unit} 저널"),
        "script" => ("a check on {machine}", "{machine}에서 확인"),
        "probe" => ("requests", "요청"),
        "machine" => ("machine {machine} is {state}", "머신 {machine}: {state}"),
        "answer" => ("your answer: {answer}", "대답: {answer}"),
        other => (other, other),
    }
}
