//! Sentences of reasons, in each language. `{name}` is a value that was seen, `{wanted name}` one that the lesson wants; what
//! is not known is a dash.

use crate::model::Language;

use super::reason::Reason;
use super::told::Told;

/// Why a condition is not met, in a sentence; nothing, if it is met.
pub fn sentence(told: &Told, language: Language) -> Option<String> {
    let (english, korean) = words(told.reason?);
    let pattern = match language {
        Language::En => english,
        Language::Ko => korean,
    };
    Some(fill(pattern, told))
}

fn fill(pattern: &str, told: &Told) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let value = match name.strip_prefix("wanted ") {
            Some(name) => told.wanted.get(name),
            None => told.seen.get(name),
        };
        let value = value.map(String::as_str).filter(|value| !value.is_empty());
        text.push_str(value.unwrap_or("–"));
        rest = after;
    }
    text + rest
}

/// The sentences of a reason.
#[expect(clippy::too_many_lines, reason = "a catalogue")]
fn words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::NotKnown => {
            ("That cannot be told now: {error}.", "지금은 알 수 없습니다: {error}.")
        }
        Reason::NothingSeen => (
            "Nothing has been seen since the step began.",
            "이 단계가 시작된 뒤로 아직 본 것이 없습니다.",
        ),
        Reason::NotWatched => (
            "Nobody looked for a while, so it may have been missed. Do it again while dojo watches.",
            "한동안 아무도 보지 않아서 놓쳤을 수 있습니다. dojo가 보고 있을 때 다시 해 보세요.",
        ),
        Reason::OtherStep => ("This was seen in another step.", "이 기록은 다른 단계의 것입니다."),
        Reason::Waits => ("Something else comes first.", "먼저 이루어져야 할 것이 있습니다."),
        Reason::TooEarly => (
            "It happened, but before what has to come first. Do it again.",
            "일어나긴 했지만 순서가 앞섰습니다. 다시 해 보세요.",
        ),
        Reason::Happened => (
            "It must not happen in this step, and it has. Begin the step again.",
            "이 단계에서 일어나면 안 되는 일이 일어났습니다. 단계를 다시 시작하세요.",
        ),
        Reason::NotLongEnough => (
            "It is so for {time}; it has to stay so for {wanted time}.",
            "{time} 동안 유지되었습니다. {wanted time} 동안 유지되어야 합니다.",
        ),
        Reason::NoService => ("There is no service {service}.", "서비스 {service}가 없습니다."),
        Reason::StillThere => {
            ("{wanted absent} is still there.", "{wanted absent}가 아직 남아 있습니다.")
        }
        Reason::TooFew => (
            "There are fewer than the step wants.",
            "수가 모자랍니다. 이 단계가 바라는 만큼 되지 않았습니다.",
        ),
        Reason::TooMany => {
            ("There are more than the step wants.", "이 단계가 바라는 것보다 많습니다.")
        }
        Reason::Starting => (
            "{running} of {wanted running} run; the others start, or wait for their health check.",
            "{wanted running}개 중 {running}개가 실행 중입니다. 나머지는 시작 중이거나 health check를 기다립니다.",
        ),
        Reason::OtherReplicas => (
            "{replicas} replicas are asked for, and not {wanted replicas}.",
            "replica가 {wanted replicas}개가 아니라 {replicas}개로 지정되어 있습니다.",
        ),
        Reason::OtherImage => (
            "The image is {image}, and not {wanted image}.",
            "이미지가 {wanted image}가 아니라 {image}입니다.",
        ),
        Reason::OtherNode => (
            "{pod} is on {node}, and not on {wanted node}.",
            "{pod}가 {wanted node}가 아니라 {node}에 있습니다.",
        ),
        Reason::NotReplaced => (
            "Nothing was replaced since the step began.",
            "단계가 시작된 뒤로 교체된 것이 없습니다.",
        ),
        Reason::NoSuccessor => (
            "A task has ended, and nothing has come in its place yet.",
            "task가 끝났고, 그 자리를 대신할 것이 아직 없습니다.",
        ),
        Reason::KilledByHand => (
            "Replica {slot} was replaced because its container was killed (exit code {exit-code}).",
            "replica {slot}은 컨테이너가 강제로 종료되어 교체되었습니다 (exit code {exit-code}).",
        ),
        Reason::ReplacedByUpdate => (
            "Replica {slot} was replaced because the service was updated.",
            "replica {slot}은 서비스가 업데이트되어 교체되었습니다.",
        ),
        Reason::EndedByItself => (
            "The container ended by itself (exit code {exit-code}); nobody stopped it.",
            "컨테이너가 스스로 끝났습니다 (exit code {exit-code}). 누가 멈춘 것이 아닙니다.",
        ),
        Reason::ReplacedAsUnhealthy => (
            "Replica {slot} was replaced because its health check failed.",
            "replica {slot}은 health check에 실패해서 교체되었습니다.",
        ),
        Reason::NodeDown => (
            "Replica {slot} was replaced because its node is down.",
            "replica {slot}은 노드가 죽어서 교체되었습니다.",
        ),
        Reason::NodeDrained => (
            "Replica {slot} was replaced because its node was drained.",
            "replica {slot}은 노드가 drain되어 교체되었습니다.",
        ),
        Reason::Rejected => {
            ("A node would not run replica {slot}.", "노드가 replica {slot}을 실행하지 못했습니다.")
        }
        Reason::NotUpdated => (
            "The service was not updated since the step began.",
            "단계가 시작된 뒤로 서비스가 업데이트되지 않았습니다.",
        ),
        Reason::OtherUpdateState => (
            "The update is {state}, and not {wanted state}.",
            "업데이트 상태가 {wanted state}가 아니라 {state}입니다.",
        ),
        Reason::NoContainer => {
            ("No container of {name} is running.", "실행 중인 {name} 컨테이너가 없습니다.")
        }
        Reason::OtherMachine => (
            "Container {name} is on {machine}, and not on {wanted machine}.",
            "컨테이너 {name}은 {wanted machine}가 아니라 {machine}에 있습니다.",
        ),
        Reason::OtherState => {
            ("Container {name} is {state}.", "컨테이너 {name}의 상태는 {state}입니다.")
        }
        Reason::OtherHealth => (
            "Container {name} is {health}, and not {wanted health}.",
            "컨테이너 {name}은 {wanted health}가 아니라 {health} 상태입니다.",
        ),
        Reason::AnotherContainer => (
            "Container {name} is another one than when the step began.",
            "컨테이너 {name}은 단계가 시작될 때의 것이 아닙니다.",
        ),
        Reason::SameContainer => (
            "Container {name} is the one that was there when the step began.",
            "컨테이너 {name}은 단계가 시작될 때의 것 그대로입니다.",
        ),
        Reason::NoHealthCheck => {
            ("{name} has no health check.", "{name}에 health check가 없습니다.")
        }
        Reason::NotProbed => (
            "The health check of {name} has not run since the step began.",
            "단계가 시작된 뒤로 {name}의 health check가 아직 실행되지 않았습니다.",
        ),
        Reason::OtherProbe => (
            "The last probe on {machine} took {took} and ended with {exit-code}.",
            "{machine}의 마지막 probe는 {took} 걸렸고 {exit-code}로 끝났습니다.",
        ),
        Reason::TooFewProbes => (
            "{number} of {wanted count} probes went so; the last one took {took} and ended with {exit-code}.",
            "probe {wanted count}번 중 {number}번이 그러했습니다. 마지막은 {took} 걸렸고 {exit-code}로 끝났습니다.",
        ),
        Reason::TooFewNodes => (
            "{number} nodes are {what}: {nodes}. There should be more.",
            "{what} 상태인 노드가 {number}개입니다: {nodes}. 더 있어야 합니다.",
        ),
        Reason::TooManyNodes => (
            "{number} nodes are {what}: {nodes}. There should be fewer.",
            "{what} 상태인 노드가 {number}개입니다: {nodes}. 더 적어야 합니다.",
        ),
        Reason::NoWorkload => ("There is no {workload}.", "{workload}가 없습니다."),
        Reason::NoPods => ("There are no pods of {pods}.", "{pods}의 Pod가 없습니다."),
        Reason::NotReady => (
            "{ready} of {wanted ready} pods are ready; {pod} is not ({error}).",
            "Pod {wanted ready}개 중 {ready}개가 준비되었습니다. {pod}는 아직 아닙니다 ({error}).",
        ),
        Reason::NotRestarted => (
            "No container has been started again since the step began.",
            "단계가 시작된 뒤로 재시작된 컨테이너가 없습니다.",
        ),
        Reason::OnlyRestarted => (
            "The pods are the same ones; only their containers were started again.",
            "Pod는 그대로이고 컨테이너만 재시작되었습니다.",
        ),
        Reason::AnotherPod => (
            "{pod} is gone and {new} has come: that is another pod, and no restart.",
            "{pod}가 사라지고 {new}가 생겼습니다. 재시작이 아니라 다른 Pod입니다.",
        ),
        Reason::NotRolledOut => (
            "{updated} of {replicas} pods are of the newest version, {ready} are ready ({error}).",
            "Pod {replicas}개 중 {updated}개가 새 버전이고 {ready}개가 준비되었습니다 ({error}).",
        ),
        Reason::SameReplicaSet => (
            "The pods are still of the same ReplicaSet: {replicaset}.",
            "Pod가 아직 같은 ReplicaSet에 속해 있습니다: {replicaset}.",
        ),
        Reason::OtherReplicaSet => (
            "The pods are of a ReplicaSet that was not there before: {replicaset}.",
            "Pod가 전에 없던 ReplicaSet에 속해 있습니다: {replicaset}.",
        ),
        Reason::NoStack => ("There is no stack {stack}.", "스택 {stack}이 없습니다."),
        Reason::NotOfStack => (
            "{service} was made by hand: it does not belong to the stack.",
            "{service}는 손으로 만든 것입니다. 스택에 속하지 않습니다.",
        ),
        Reason::NoLeader => ("No manager leads the swarm.", "swarm에 리더가 없습니다."),
        Reason::SameLeader => ("{leader} still leads the swarm.", "아직 {leader}가 리더입니다."),
        Reason::AnotherLeader => (
            "{leader} leads the swarm now; it was another one before.",
            "이제 {leader}가 리더입니다. 전에는 다른 노드였습니다.",
        ),
        Reason::OtherSetting => (
            "{setting} is {value}; the step wants {expected}.",
            "{setting} 값이 {value}입니다. 이 단계는 {expected}를 바랍니다.",
        ),
        Reason::NoEvent => (
            "No event {wanted event} has come since the step began.",
            "단계가 시작된 뒤로 이벤트 {wanted event}가 없습니다.",
        ),
        Reason::TooFewEvents => (
            "The event {wanted event} has come {times} times, and should {wanted count} times.",
            "이벤트 {wanted event}가 {times}번 왔습니다. {wanted count}번이어야 합니다.",
        ),
        Reason::NoCronJob => ("There is no CronJob {name}.", "CronJob {name}이 없습니다."),
        Reason::NotFromCronJob => (
            "The Job {job} was made by hand; the CronJob has to make it.",
            "Job {job}은 손으로 만든 것입니다. CronJob이 만들어야 합니다.",
        ),
        Reason::JobFailed => ("A Job of {name} has failed.", "{name}의 Job이 실패했습니다."),
        Reason::TooFewJobs => (
            "Jobs of {name} that {what}: {number}. There should be more.",
            "{name}의 Job 중 {what}: {number}개입니다. 더 있어야 합니다.",
        ),
        Reason::TooManyJobs => (
            "Jobs of {name} that {what}: {number}. There should be fewer.",
            "{name}의 Job 중 {what}: {number}개입니다. 더 적어야 합니다.",
        ),
        Reason::NoNode => ("There is no node {node}.", "노드 {node}가 없습니다."),
        Reason::NodeNotReady => (
            "The node {node} is not ready: {error}.",
            "노드 {node}가 준비되지 않았습니다: {error}.",
        ),
        Reason::NodeReady => ("The node {node} is ready.", "노드 {node}가 준비되어 있습니다."),
        Reason::NotCordoned => (
            "The node {node} still gets new pods: it is not cordoned.",
            "노드 {node}는 아직 새 Pod를 받습니다. cordon되지 않았습니다.",
        ),
        Reason::StillCordoned => (
            "The node {node} gets no new pods: it is cordoned.",
            "노드 {node}는 새 Pod를 받지 않습니다. cordon된 상태입니다.",
        ),
        Reason::NotTainted => {
            ("The node {node} has no taint {taint}.", "노드 {node}에 taint {taint}가 없습니다.")
        }
        Reason::StillTainted => (
            "The node {node} still has the taint {taint}.",
            "노드 {node}에 아직 taint {taint}가 있습니다.",
        ),
        Reason::OtherNodeCondition => (
            "{condition} of the node {node} is {status}, and not {expected}.",
            "노드 {node}의 {condition} 상태가 {expected}가 아니라 {status}입니다.",
        ),
        Reason::AnotherNode => (
            "The node {node} is another one than before: it was deleted and has joined again.",
            "노드 {node}는 전과 다른 노드입니다. 삭제되고 다시 합류했습니다.",
        ),
        Reason::SameNode => {
            ("The node {node} is still the same one.", "노드 {node}는 아직 전과 같은 노드입니다.")
        }
        Reason::NoObject => ("There is no {object}.", "{object}가 없습니다."),
        Reason::AnotherObject => (
            "{object} is another one than before: it was deleted and made anew.",
            "{object}는 전과 다른 것입니다. 삭제되고 새로 만들어졌습니다.",
        ),
        Reason::NoKey => (
            "{object} has no key {key}; it has {keys}.",
            "{object}에 key {key}가 없습니다. 있는 것: {keys}.",
        ),
        Reason::SameImages => (
            "All pods run the same image: {images}.",
            "모든 Pod가 같은 이미지를 실행합니다: {images}.",
        ),
        Reason::DifferentImages => (
            "The pods run different images: {images}.",
            "Pod들이 서로 다른 이미지를 실행합니다: {images}.",
        ),
        Reason::OtherRevision => (
            "The Deployment is at revision {revision}, and not at {wanted revision}.",
            "Deployment의 revision이 {wanted revision}가 아니라 {revision}입니다.",
        ),
        Reason::OtherReplicaSets => (
            "The Deployment has {number} ReplicaSets: {replicasets}.",
            "Deployment의 ReplicaSet이 {number}개입니다: {replicasets}.",
        ),
        Reason::NoMachineMeant => (
            "There is no machine of {machines} yet.",
            "{machines}에 해당하는 머신이 아직 없습니다.",
        ),
        Reason::NoFile => ("There is no {path} on {machine}.", "{machine}에 {path}가 없습니다."),
        Reason::FileStillThere => {
            ("{path} is still on {machine}.", "{machine}에 아직 {path}가 있습니다.")
        }
        Reason::TooFewLines => (
            "{path} on {machine} has {number} such lines; there should be more.",
            "{machine}의 {path}에 해당하는 줄이 {number}개입니다. 더 있어야 합니다.",
        ),
        Reason::TooManyLines => (
            "{path} on {machine} has {number} such lines; there should be fewer.",
            "{machine}의 {path}에 해당하는 줄이 {number}개입니다. 더 적어야 합니다.",
        ),
        Reason::NoSequence => (
            "{path} on {machine} has no lines in this order: {wanted sequence}.",
            "{machine}의 {path}에 이 순서로 된 줄이 없습니다: {wanted sequence}.",
        ),
        Reason::NoUnit => {
            ("There is no unit {unit} on {machine}.", "{machine}에 unit {unit}이 없습니다.")
        }
        Reason::UnitInactive => (
            "{unit} on {machine} is {state}; it should be active.",
            "{machine}의 {unit} 상태가 {state}입니다. active여야 합니다.",
        ),
        Reason::UnitActive => (
            "{unit} on {machine} is {state}; it should be stopped.",
            "{machine}의 {unit} 상태가 {state}입니다. 멈춰 있어야 합니다.",
        ),
        Reason::NoJournalLine => (
            "The journal of {unit} on {machine} has {number} such lines since the step began.",
            "단계가 시작된 뒤로 {machine}의 {unit} journal에 해당하는 줄이 {number}개입니다.",
        ),
        Reason::ScriptNotYet => ("{machine} says: {said}.", "{machine}의 답: {said}."),
        Reason::ScriptLost => (
            "{machine} says: {said}. Begin the step again.",
            "{machine}의 답: {said}. 단계를 다시 시작하세요.",
        ),
        Reason::NoProbe => (
            "No request has been sent from {machine} yet.",
            "{machine}에서 보낸 요청이 아직 없습니다.",
        ),
        Reason::Dropped => (
            "{dropped} requests were dropped ({why}); {served} were served.",
            "요청 {dropped}개를 놓쳤습니다 ({why}). {served}개는 처리되었습니다.",
        ),
        Reason::NotDropped => (
            "{dropped} requests were dropped; this step is about those that are.",
            "놓친 요청이 {dropped}개입니다. 이 단계에서는 놓치는 요청이 있어야 합니다.",
        ),
        Reason::TooFewServed => (
            "{served} requests were served by now; {wanted served} are wanted.",
            "지금까지 요청 {served}개가 처리되었습니다. {wanted served}개여야 합니다.",
        ),
        Reason::TooManyVersions => (
            "More versions have answered than should: {versions}.",
            "답한 버전이 너무 많습니다: {versions}.",
        ),
        Reason::TooFewVersions => (
            "These versions have answered: {versions}. Others should, too.",
            "답한 버전: {versions}. 다른 버전도 답해야 합니다.",
        ),
        Reason::TooManyHosts => (
            "More hosts have answered than should: {hosts}.",
            "답한 host가 너무 많습니다: {hosts}.",
        ),
        Reason::TooFewHosts => (
            "These hosts have answered: {hosts}. Others should, too.",
            "답한 host: {hosts}. 다른 host도 답해야 합니다.",
        ),
        Reason::TooSlow => (
            "The slowest answer took {slowest}; it should be {wanted slowest}.",
            "가장 느린 답이 {slowest} 걸렸습니다. {wanted slowest}여야 합니다.",
        ),
        Reason::TooFast => (
            "The slowest answer took {slowest} only; it should be {wanted slowest}.",
            "가장 느린 답도 {slowest}밖에 걸리지 않았습니다. {wanted slowest}여야 합니다.",
        ),
        Reason::NoMachine => ("There is no machine {machine}.", "머신 {machine}이 없습니다."),
        Reason::StillOn => (
            "{machine} is {state}; it should be off.",
            "{machine}은 {state} 상태입니다. 꺼져 있어야 합니다.",
        ),
        Reason::StillOff => (
            "{machine} is {state}; it should be on.",
            "{machine}은 {state} 상태입니다. 켜져 있어야 합니다.",
        ),
        Reason::NoAnswer => {
            ("The question {key} has no answer yet.", "질문 {key}에 아직 답하지 않았습니다.")
        }
        Reason::OtherAnswer => ("`{answer}` is not the answer.", "`{answer}`는 답이 아닙니다."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::told::Outcome;

    #[test]
    fn every_reason_has_a_sentence_in_each_language() {
        for reason in Reason::ALL {
            let (english, korean) = words(*reason);
            assert!(english.is_ascii() && english.ends_with('.'), "{reason}: {english}");
            let is_korean = |c: char| ('가'..='힣').contains(&c);
            assert!(korean.contains(is_korean) && korean.ends_with('.'), "{reason}: {korean}");
        }
    }

    #[test]
    fn values_are_put_in_and_unknown_ones_are_dashes() {
        let mut told = Told::new("k8s.restarted", Outcome::NotYet, Some(Reason::AnotherPod));
        told.seen.insert("pod", "web-1".to_owned());
        let said = sentence(&told, Language::En).unwrap();
        assert_eq!(said, "web-1 is gone and – has come: that is another pod, and no restart.");
        told.reason = None;
        assert_eq!(sentence(&told, Language::En), None);
    }
}
