//! What conditions want, in a few words of each language.

use std::collections::BTreeSet;

use crate::model::Language;

use super::spoken::fill;
use super::told::{Told, Values};

/// What a condition wants.
pub fn label(told: &Told, language: Language) -> String {
    if told.condition != "never" {
        return said(told.condition, &told.wanted, language);
    }
    let inner = said(unwanted(&told.wanted), &told.wanted, language);
    match language {
        Language::En => format!("this must not happen: {inner}"),
        Language::Ko => format!("일어나면 안 되는 것: {inner}"),
    }
}

fn said(condition: &'static str, wanted: &Values, language: Language) -> String {
    let whole = |name: &str| wanted.get(name).map(|value| word(name, value, language));
    if condition == "engine.container" && wanted.contains_key("container") {
        return fill(&container(wanted, language), language, whole);
    }
    let (english, korean) = words(condition, wanted);
    let pattern = match language {
        Language::En => english,
        Language::Ko => korean,
    };
    let mut named = BTreeSet::new();
    let mut text = fill(pattern, language, |name| {
        named.insert(name.to_owned());
        whole(name)
    });
    // What is wanted besides. That something happens once goes without saying.
    let others = wanted.iter().filter(|(name, value)| {
        let is_once = **name == "count" && value.as_str() == "1";
        !named.contains(**name) && !is_once
    });
    let others: Vec<_> = others.map(|(name, value)| detail(name, value, language)).collect();
    if !others.is_empty() {
        text.push_str(&format!(": {}", others.join(", ")));
    }
    text
}

/// The condition that must never be met, told by what it names.
fn unwanted(wanted: &Values) -> &'static str {
    let has = |name: &str| wanted.contains_key(name);
    if has("container") {
        "engine.container"
    } else if has("service") && (has("running") || has("replicas")) {
        "swarm.service"
    } else if has("service") {
        "swarm.replaced"
    } else if has("replaced") {
        "k8s.replaced"
    } else if has("pods") && has("count") {
        "k8s.restarted"
    } else if has("pods") {
        "k8s.pods"
    } else if has("unit") && has("match") {
        "machine.journal"
    } else if has("absent") {
        "swarm.absent"
    } else {
        "this"
    }
}

/// A value that has a word of its own.
fn word(name: &str, value: &str, language: Language) -> String {
    let (english, korean) = match (name, value) {
        ("machine", "any") => ("one of the machines", "어느 머신 하나"),
        ("machine", "each") => ("each machine", "모든 머신"),
        ("state", "on") => ("on", "켜짐"),
        ("state", "off") => ("off", "꺼짐"),
        _ => return value.to_owned(),
    };
    match language {
        Language::En => english.to_owned(),
        Language::Ko => korean.to_owned(),
    }
}

/// What is wanted of a container, in a sentence.
fn container(wanted: &Values, language: Language) -> String {
    let when = |name: &str, words: &'static str| {
        if wanted.contains_key(name) { words } else { "" }
    };
    let is_running = wanted.get("running").map(|running| running == "true");
    let has_health = wanted.contains_key("health");
    match language {
        Language::En => {
            let state = match is_running {
                Some(false) => "does not run",
                _ if has_health => "is {health}",
                Some(true) => "runs",
                None => "is there",
            };
            let place = when("machine", " on {machine}");
            let image = when("image", ", with the image {image}");
            let exit = when("exit-code", ", and has ended with {exit-code}");
            format!("the container `{{container}}` {state}{place}{image}{exit}")
        }
        Language::Ko => {
            let state = match is_running {
                Some(false) => "실행 중이 아님",
                _ if has_health => "{health} 상태",
                Some(true) => "실행 중",
                None => "있음",
            };
            let place = when("machine", "{machine}에서 ");
            let image = when("image", "{image}{:으로} ");
            let exit = when("exit-code", ", exit code {exit-code}{:으로} 종료됨");
            format!("컨테이너 `{{container}}`{{:이}} {place}{image}{state}{exit}")
        }
    }
}

fn words(condition: &'static str, wanted: &Values) -> (&'static str, &'static str) {
    let has = |name: &str| wanted.contains_key(name);
    match condition {
        "this" => ("this", "이것"),
        "all" => ("all of these", "다음 모두"),
        "any" => ("one of these is enough", "다음 중 하나"),
        "then" => ("these, one after the other", "다음을 차례대로"),
        "hold" => ("this, for {time} without a break", "다음이 {time} 동안 계속"),
        "swarm.service" => ("the service `{service}`", "서비스 `{service}`"),
        "swarm.absent" => ("there is no service `{absent}`", "서비스 `{absent}` 없음"),
        "swarm.replaced" => {
            ("a task of the service `{service}` is replaced", "서비스 `{service}`의 task가 교체됨")
        }
        "swarm.update" => (
            "the update of the service `{service}` is {state}",
            "서비스 `{service}`의 업데이트 상태가 {state}",
        ),
        "swarm.nodes" => ("nodes of the swarm", "swarm의 노드"),
        "swarm.stack" => ("the stack `{stack}`", "stack `{stack}`"),
        "swarm.leader" if has("leader") => {
            ("{leader} leads the swarm", "{leader}{:이} swarm의 leader")
        }
        "swarm.leader" => ("a manager leads the swarm", "swarm에 leader가 있음"),
        "engine.container" => ("there is no container `{absent}`", "컨테이너 `{absent}` 없음"),
        "engine.health" if has("service") => (
            "{count:health check/health checks} of the service `{service}`",
            "서비스 `{service}`의 health check {count:번}",
        ),
        "engine.health" => (
            "{count:health check/health checks} of the container `{container}`",
            "컨테이너 `{container}`의 health check {count:번}",
        ),
        "k8s.pods" => ("the Pods of `{pods}`", "`{pods}`의 Pod"),
        "k8s.absent" => ("`{absent}` is gone", "`{absent}` 없음"),
        "k8s.restarted" => {
            ("a container of `{pods}` is restarted", "`{pods}`의 컨테이너가 재시작됨")
        }
        "k8s.replaced" => ("Pods of `{replaced}` are replaced", "`{replaced}`의 Pod가 교체됨"),
        "k8s.rollout" => ("the Deployment `{workload}`", "Deployment `{workload}`"),
        "k8s.nodes" => ("nodes of the cluster", "클러스터의 노드"),
        "k8s.node" if has("node") => ("the node {node}", "노드 {node}"),
        "k8s.node" => ("a node of the cluster", "클러스터의 노드 하나"),
        "k8s.event" => ("the event `{event}` comes", "이벤트 `{event}` 발생"),
        "k8s.jobs" => ("the Jobs of `{jobs}`", "`{jobs}`의 Job"),
        "k8s.cronjob" => ("the CronJob `{cronjob}`", "CronJob `{cronjob}`"),
        "k8s.object" if has("absent") => ("there is no `{absent}`", "`{absent}`{:이} 없음"),
        "k8s.object" => ("`{object}` is there", "`{object}`{:이} 있음"),
        "machine.file" => ("the file `{path}` on {machine}", "{machine}의 파일 `{path}`"),
        "machine.unit" => {
            ("the unit `{unit}` on {machine} is {state}", "{machine}의 unit `{unit}`: {state}")
        }
        "machine.journal" => (
            "the journal of `{unit}` on {machine} has {count:line/lines} like `{match}`",
            "{machine}의 `{unit}` 저널에 `{match}` 같은 줄 {count:개}",
        ),
        "machine" => ("the machine {machine} is {state}", "머신 {machine}: {state}"),
        "script" => ("a test that dojo runs on {machine}", "{machine}에서 dojo가 실행하는 검사"),
        "probe" => ("the requests that dojo sends", "dojo가 보내는 요청"),
        "answer" => ("your answer to the question `{answer}`", "질문 `{answer}`의 답"),
        other => (other, other),
    }
}

/// What is wanted besides, by its name.
fn detail(name: &str, value: &str, language: Language) -> String {
    let (english, korean) = match (name, value) {
        ("because", cause) => because(cause),
        ("ready", "true") => ("ready", "준비됨"),
        ("ready", "false") => ("not ready", "준비되지 않음"),
        ("cordoned", "true") => ("cordoned", "cordon됨"),
        ("cordoned", "false") => ("not cordoned", "cordon되지 않음"),
        ("suspend", "true") => ("suspended", "중단됨"),
        ("suspend", "false") => ("not suspended", "중단되지 않음"),
        ("changed", "true") => ("another one than before", "전과 다른 노드"),
        ("changed", "false") => ("the same as before", "전과 같은 노드"),
        ("replicaset", "new") => ("with a new ReplicaSet", "새 ReplicaSet"),
        ("replicaset", _) => ("with the ReplicaSet of before", "전의 ReplicaSet"),
        ("running", _) => ("{v} running", "{v:개} 실행 중"),
        ("ready", _) => ("{v} ready", "{v:개} 준비됨"),
        ("not-ready", _) => ("{v} not ready", "{v:개} 준비되지 않음"),
        ("down", _) => ("{v} down", "{v:개} Down"),
        ("drained", _) => ("{v} drained", "{v:개} drain됨"),
        ("cordoned", _) => ("{v} cordoned", "{v:개} cordon됨"),
        ("managers", _) => ("{v:manager/managers} reachable", "연결되는 manager {v:개}"),
        ("replicas", _) => ("{v:replica/replicas}", "replica {v:개}"),
        ("replicasets", _) => ("{v:ReplicaSet/ReplicaSets}", "ReplicaSet {v:개}"),
        ("revision", _) => ("revision {v}", "revision이 {v}"),
        ("slot", _) => ("replica number {v}", "{v}번 replica"),
        ("image", _) => ("with the image {v}", "이미지 {v}"),
        ("node" | "machine", _) => ("on {v}", "{v}에서"),
        ("exit-code", _) => ("ended with {v}", "exit code {v}"),
        ("took", _) => ("took {v}", "{v} 걸림"),
        ("output", _) => ("said `{v}`", "출력 `{v}`"),
        ("count", _) => ("{v:time/times}", "{v:번}"),
        ("lines", _) => ("{v:line/lines}", "{v:줄}"),
        ("match", _) => ("like `{v}`", "`{v}` 같은 줄"),
        ("sequence", _) => ("with these lines in this order: {v}", "이 순서로 된 줄: {v}"),
        ("taint", _) => ("with the taint {v}", "taint {v}{:이} 있음"),
        ("no-taint", _) => ("without the taint {v}", "taint {v}{:이} 없음"),
        ("pods", _) => ("of the Pods of `{v}`", "`{v}`의 Pod"),
        ("about", _) => ("about {v}", "대상 {v}"),
        ("text", _) => ("with the text `{v}`", "내용 `{v}`"),
        ("source", _) => ("from {v}", "출처 {v}"),
        ("succeeded", _) => ("{v} succeeded", "{v:개} 성공"),
        ("failed", _) => ("{v} failed", "{v:개} 실패"),
        ("active", _) => ("{v} running now", "지금 {v:개} 실행 중"),
        ("served", _) => ("{v} answered", "{v:개} 처리됨"),
        ("dropped", _) => ("{v} lost", "{v:개} 놓침"),
        ("versions", _) => ("from {v:version/versions}", "버전 {v:개}"),
        ("hosts", _) => ("from {v:host/hosts}", "호스트 {v:개}"),
        ("slowest", _) => ("the slowest took {v}", "가장 느린 답이 {v}"),
        _ => return format!("{name} {value}"),
    };
    let pattern = match language {
        Language::En => english,
        Language::Ko => korean,
    };
    // How many more restarts: what is meant is the number.
    fill(pattern, language, |_| Some(value.trim_start_matches('+').to_owned()))
}

/// Why a task was replaced.
fn because(cause: &str) -> (&'static str, &'static str) {
    match cause {
        "exited" => ("because its container ended", "컨테이너가 끝나서"),
        "unhealthy" => ("because its health check failed", "health check에 실패해서"),
        "killed" => ("because its container was killed", "컨테이너가 강제로 종료되어서"),
        "update" => ("because the service was updated", "서비스가 업데이트되어서"),
        "node-down" => ("because its node is down", "노드가 죽어서"),
        "drained" => ("because its node was drained", "노드가 drain되어서"),
        "rejected" => ("because a node would not run it", "노드가 실행하지 못해서"),
        _ => ("because of {v}", "이유 {v}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::told::Outcome;

    fn told(condition: &'static str, wanted: &[(&'static str, &str)]) -> Told {
        let mut told = Told::new(condition, Outcome::NotYet, None);
        told.wanted.extend(wanted.iter().map(|(name, value)| (*name, (*value).to_owned())));
        told
    }

    #[test]
    fn a_container_is_told_in_a_sentence() {
        let wanted = [
            ("container", "there"),
            ("machine", "machine-2"),
            ("image", "dojo/lab:1"),
            ("running", "true"),
        ];
        let there = told("engine.container", &wanted);
        assert_eq!(
            label(&there, Language::En),
            "the container `there` runs on machine-2, with the image dojo/lab:1"
        );
        assert_eq!(
            label(&there, Language::Ko),
            "컨테이너 `there`가 machine-2에서 dojo/lab:1로 실행 중"
        );
        let ill = told("never", &[("container", "web"), ("health", "unhealthy")]);
        assert_eq!(
            label(&ill, Language::En),
            "this must not happen: the container `web` is unhealthy"
        );
    }

    #[test]
    fn what_is_wanted_besides_is_told_in_words() {
        let service = told("swarm.service", &[("service", "lab_web"), ("running", ">=2")]);
        assert_eq!(label(&service, Language::En), "the service `lab_web`: at least 2 running");
        assert_eq!(label(&service, Language::Ko), "서비스 `lab_web`: 2개 이상 실행 중");
        let journal = [("machine", "each"), ("unit", "job"), ("match", "FAILURE"), ("count", "1")];
        assert_eq!(
            label(&told("machine.journal", &journal), Language::En),
            "the journal of `job` on each machine has 1 line like `FAILURE`"
        );
    }
}
