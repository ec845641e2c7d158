//! Sentences of reasons, in each language. `{name}` is a value that was seen, `{wanted name}` one that the lesson wants; what
//! is not known is a dash. `{name:line/lines}` and `{:은}` are as in `spoken`.

use crate::model::Language;

use super::reason::Reason;
use super::spoken::fill;
use super::told::Told;

/// Why a condition is not met, in a sentence; nothing, if it is met.
pub fn sentence(told: &Told, language: Language) -> Option<String> {
    let (english, korean) = match (told.reason?, told.condition) {
        (Reason::StillThere, "engine.container") => (
            "The container `{wanted absent}` is still there.",
            "컨테이너 `{wanted absent}`{:이} 아직 남아 있습니다.",
        ),
        (Reason::StillThere, "swarm.absent") => (
            "The service `{wanted absent}` is still there.",
            "서비스 `{wanted absent}`{:이} 아직 남아 있습니다.",
        ),
        (reason, _) => words(reason),
    };
    let pattern = match language {
        Language::En => english,
        Language::Ko => korean,
    };
    let mut text = fill(pattern, language, |name| match name.strip_prefix("wanted ") {
        Some(name) => told.wanted.get(name).cloned(),
        // A sentence that stands in another one needs no full stop.
        None => told.seen.get(name).map(|seen| seen.trim_end_matches('.').to_owned()),
    });
    // What the cluster itself says, where it says something.
    if let Some(error) = told.seen.get("error").filter(|_| !pattern.contains("{error}")) {
        text.push_str(&format!(" ({error})"));
    }
    Some(text)
}

/// The sentences of a reason.
#[expect(clippy::too_many_lines, reason = "a catalogue")]
fn words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::NotKnown => {
            ("That cannot be told now: {error}.", "지금은 확인할 수 없습니다: {error}.")
        }
        Reason::NothingSeen => (
            "Nothing has been seen since the step began.",
            "이 단계가 시작된 뒤로 아직 관찰된 것이 없습니다.",
        ),
        Reason::NotWatched => (
            "Nobody looked for a while, so it may have been missed. Do it again while dojo watches.",
            "한동안 관찰하지 않아서 놓쳤을 수 있습니다. dojo가 보고 있을 때 다시 해 보세요.",
        ),
        Reason::OtherStep => ("This was seen in another step.", "이 기록은 다른 단계의 것입니다."),
        Reason::Waits => (
            "What comes before it in the list is not done yet.",
            "목록에서 이것보다 앞에 있는 것이 먼저입니다.",
        ),
        Reason::TooEarly => (
            "It happened, but before what has to come first. Do it again.",
            "일어나긴 했지만 순서가 앞섰습니다. 다시 해 보세요.",
        ),
        Reason::Happened => (
            "It must not happen in this step, and it has. `dojo lesson reset` begins the lesson again.",
            "이 단계에서 일어나면 안 되는 일이 일어났습니다. `dojo lesson reset`으로 과정을 처음부터 다시 시작하세요.",
        ),
        Reason::NotLongEnough => (
            "It has been so for {time}; it has to stay so for {wanted time}.",
            "{time} 동안 유지되었습니다. {wanted time} 동안 유지되어야 합니다.",
        ),
        Reason::NoService => {
            ("There is no service `{service}`.", "서비스 `{service}`{:이} 없습니다.")
        }
        Reason::StillThere => {
            ("`{wanted absent}` is still there.", "`{wanted absent}`{:이} 아직 남아 있습니다.")
        }
        Reason::TooFew => (
            "There are fewer than the step wants.",
            "수가 모자랍니다. 이 단계에서 필요한 만큼 되지 않았습니다.",
        ),
        Reason::TooMany => {
            ("There are more than the step wants.", "이 단계에서 필요한 것보다 많습니다.")
        }
        Reason::Starting => (
            "{running} run, and the step wants {wanted running}; the others start, or wait for their health check.",
            "{running:개}가 실행 중이고, {wanted running:개} 필요합니다. 나머지는 시작 중이거나 health check를 기다립니다.",
        ),
        Reason::OtherReplicas => (
            "{replicas:replica is/replicas are} asked for, and the step wants {wanted replicas}.",
            "replica가 {replicas:개}로 지정되어 있습니다. {wanted replicas:개} 필요합니다.",
        ),
        Reason::OtherImage => (
            "The image is {image}, and not {wanted image}.",
            "이미지가 {wanted image}{:이} 아니라 {image}입니다.",
        ),
        Reason::OtherNode => (
            "{pod} is on {node}, and not on {wanted node}.",
            "{pod}{:이} {wanted node}{:이} 아니라 {node}에 있습니다.",
        ),
        Reason::NotReplaced => (
            "Nothing was replaced since the step began.",
            "단계가 시작된 뒤로 교체된 것이 없습니다.",
        ),
        Reason::NoSuccessor => (
            "A task has ended, and no other one has come in its place yet.",
            "task가 끝났고, 그 자리를 대신할 task가 아직 없습니다.",
        ),
        Reason::KilledByHand => (
            "Replica number {slot} was replaced because its container was killed (exit code {exit-code}).",
            "{slot}번 replica는 컨테이너가 강제로 종료되어 교체되었습니다 (exit code {exit-code}).",
        ),
        Reason::ReplacedByUpdate => (
            "Replica number {slot} was replaced because the service was updated.",
            "{slot}번 replica는 서비스가 업데이트되어 교체되었습니다.",
        ),
        Reason::EndedByItself => (
            "The container ended by itself (exit code {exit-code}); nobody stopped it.",
            "컨테이너가 스스로 끝났습니다 (exit code {exit-code}). 누가 멈춘 것이 아닙니다.",
        ),
        Reason::ReplacedAsUnhealthy => (
            "Replica number {slot} was replaced because its health check failed.",
            "{slot}번 replica는 health check에 실패해서 교체되었습니다.",
        ),
        Reason::NodeDown => (
            "Replica number {slot} was replaced because its node is down.",
            "{slot}번 replica는 노드가 죽어서 교체되었습니다.",
        ),
        Reason::NodeDrained => (
            "Replica number {slot} was replaced because its node was drained.",
            "{slot}번 replica는 노드가 drain되어 교체되었습니다.",
        ),
        Reason::Rejected => (
            "A node would not run replica number {slot}.",
            "노드가 {slot}번 replica를 실행하지 못했습니다.",
        ),
        Reason::NotUpdated => (
            "The service was not updated since the step began.",
            "단계가 시작된 뒤로 서비스가 업데이트되지 않았습니다.",
        ),
        Reason::OtherUpdateState => (
            "The update is {state}, and not {wanted state}.",
            "업데이트 상태가 {wanted state}{:이} 아니라 {state}입니다.",
        ),
        Reason::NoContainer => (
            "No container `{name}` is there and runs.",
            "실행 중인 컨테이너 `{name}`{:이} 없습니다.",
        ),
        Reason::OtherMachine => (
            "The container `{name}` is on {machine}, and not on {wanted machine}.",
            "컨테이너 `{name}`{:은} {wanted machine}{:이} 아니라 {machine}에 있습니다.",
        ),
        Reason::OtherState => {
            ("The container `{name}` is {state}.", "컨테이너 `{name}`의 상태는 {state}입니다.")
        }
        Reason::OtherHealth => (
            "The container `{name}` is {health}, and not {wanted health}.",
            "컨테이너 `{name}`{:은} {wanted health}{:이} 아니라 {health} 상태입니다.",
        ),
        Reason::AnotherContainer => (
            "The container `{name}` is another one than when the step began.",
            "컨테이너 `{name}`{:은} 단계가 시작될 때의 컨테이너가 아닙니다.",
        ),
        Reason::SameContainer => (
            "The container `{name}` is the one that was there when the step began.",
            "컨테이너 `{name}`{:은} 단계가 시작될 때의 컨테이너 그대로입니다.",
        ),
        Reason::NoHealthCheck => {
            ("`{name}` has no health check.", "`{name}`에 health check가 없습니다.")
        }
        Reason::NotProbed => (
            "The health check of `{name}` has not run since the step began.",
            "단계가 시작된 뒤로 `{name}`의 health check가 아직 실행되지 않았습니다.",
        ),
        Reason::OtherProbe => (
            "The last health check on {machine} took {took} and ended with {exit-code}.",
            "{machine}의 마지막 health check는 {took} 걸렸고 {exit-code}{:으로} 끝났습니다.",
        ),
        Reason::TooFewProbes => (
            "{number} of {wanted count:health check/health checks} went as wanted; the last one took {took} and ended with {exit-code}.",
            "health check {wanted count}번 중 {number}번이 원하는 대로였습니다. 마지막은 {took} 걸렸고 {exit-code}{:으로} 끝났습니다.",
        ),
        Reason::TooFewNodes => (
            "{number:node is/nodes are} {what}: {nodes}. There should be more.",
            "{what} 상태인 노드가 {number}개입니다: {nodes}. 더 있어야 합니다.",
        ),
        Reason::TooManyNodes => (
            "{number:node is/nodes are} {what}: {nodes}. There should be fewer.",
            "{what} 상태인 노드가 {number}개입니다: {nodes}. 더 적어야 합니다.",
        ),
        Reason::NoWorkload => ("There is no `{workload}`.", "`{workload}`{:이} 없습니다."),
        Reason::NoPods => ("There are no Pods of `{pods}`.", "`{pods}`의 Pod가 없습니다."),
        Reason::NotReady => (
            "{ready:Pod is/Pods are} ready, and the step wants {wanted ready}; {pod} is not ready ({error}).",
            "Pod {ready:개}가 준비되었고, {wanted ready:개} 필요합니다. {pod}{:은} 아직 준비되지 않았습니다 ({error}).",
        ),
        Reason::NotRestarted => (
            "No container has been started again since the step began.",
            "단계가 시작된 뒤로 재시작된 컨테이너가 없습니다.",
        ),
        Reason::OnlyRestarted => (
            "The Pods are the same ones; only their containers were started again.",
            "Pod는 그대로이고 컨테이너만 재시작되었습니다.",
        ),
        Reason::AnotherPod => (
            "{pod} is gone and {new} has come: that is another pod, and no restart.",
            "{pod}{:이} 사라지고 {new}{:이} 생겼습니다. 재시작이 아니라 다른 Pod입니다.",
        ),
        Reason::NotRolledOut => (
            "{updated} of {replicas:Pod/Pods} are of the newest version, {ready} are ready ({error}).",
            "Pod {replicas}개 중 {updated}개가 새 버전이고 {ready}개가 준비되었습니다 ({error}).",
        ),
        Reason::SameReplicaSet => (
            "The Pods are still of the same ReplicaSet: {replicaset}.",
            "Pod가 아직 같은 ReplicaSet에 속해 있습니다: {replicaset}.",
        ),
        Reason::OtherReplicaSet => (
            "The Pods are of a ReplicaSet that was not there before: {replicaset}.",
            "Pod가 전에 없던 ReplicaSet에 속해 있습니다: {replicaset}.",
        ),
        Reason::NoStack => ("There is no stack `{stack}`.", "stack `{stack}`{:이} 없습니다."),
        Reason::NotOfStack => (
            "The service `{service}` was made by hand: it does not belong to the stack.",
            "서비스 `{service}`{:은} 손으로 만든 것입니다. stack에 속하지 않습니다.",
        ),
        Reason::NoLeader => ("No manager leads the swarm.", "swarm에 leader가 없습니다."),
        Reason::SameLeader => {
            ("{leader} still leads the swarm.", "아직 {leader}{:이} leader입니다.")
        }
        Reason::AnotherLeader => (
            "{leader} leads the swarm now; it was another one before.",
            "이제 {leader}{:이} leader입니다. 전에는 다른 노드였습니다.",
        ),
        Reason::OtherSetting => (
            "{setting} is {value}; the step wants {expected}.",
            "{setting} 값이 {value}입니다. 이 단계에서는 {expected}이어야 합니다.",
        ),
        Reason::NoEvent => (
            "No event `{wanted event}` has come since the step began.",
            "단계가 시작된 뒤로 이벤트 `{wanted event}`{:이} 없습니다.",
        ),
        Reason::TooFewEvents => (
            "The event `{wanted event}` has come {times:time/times}; the step wants {wanted count}.",
            "이벤트 `{wanted event}`{:이} {times:번} 발생했습니다. {wanted count:번} 필요합니다.",
        ),
        Reason::NoCronJob => ("There is no CronJob `{name}`.", "CronJob `{name}`{:이} 없습니다."),
        Reason::NotFromCronJob => (
            "The Job `{job}` was made by hand; the CronJob has to make it.",
            "Job `{job}`{:은} 손으로 만든 것입니다. CronJob이 만들어야 합니다.",
        ),
        Reason::JobFailed => ("A Job of `{name}` has failed.", "`{name}`의 Job이 실패했습니다."),
        Reason::TooFewJobs => (
            "Jobs of `{name}`, {what}: {number}. There should be more.",
            "`{name}`의 Job 중 {what}: {number:개}입니다. 더 있어야 합니다.",
        ),
        Reason::TooManyJobs => (
            "Jobs of `{name}`, {what}: {number}. There should be fewer.",
            "`{name}`의 Job 중 {what}: {number:개}입니다. 더 적어야 합니다.",
        ),
        Reason::NoNode => ("There is no node {node}.", "노드 {node}{:이} 없습니다."),
        Reason::NodeNotReady => (
            "The node {node} is not ready: {error}.",
            "노드 {node}{:이} 준비되지 않았습니다: {error}.",
        ),
        Reason::NodeReady => ("The node {node} is ready.", "노드 {node}{:이} 준비되어 있습니다."),
        Reason::NotCordoned => (
            "The node {node} still gets new Pods: it is not cordoned.",
            "노드 {node}{:은} 아직 새 Pod를 받습니다. cordon되지 않았습니다.",
        ),
        Reason::StillCordoned => (
            "The node {node} gets no new Pods: it is cordoned.",
            "노드 {node}{:은} 새 Pod를 받지 않습니다. cordon된 상태입니다.",
        ),
        Reason::NotTainted => {
            ("The node {node} has no taint {taint}.", "노드 {node}에 taint {taint}{:이} 없습니다.")
        }
        Reason::StillTainted => (
            "The node {node} still has the taint {taint}.",
            "노드 {node}에 아직 taint {taint}{:이} 있습니다.",
        ),
        Reason::OtherNodeCondition => (
            "{condition} of the node {node} is {status}, and not {expected}.",
            "노드 {node}의 {condition} 상태가 {expected}{:이} 아니라 {status}입니다.",
        ),
        Reason::AnotherNode => (
            "The node {node} is another one than before: it was deleted and has joined again.",
            "노드 {node}{:은} 전과 다른 노드입니다. 삭제되고 다시 합류했습니다.",
        ),
        Reason::SameNode => (
            "The node {node} is still the same one.",
            "노드 {node}{:은} 아직 전과 같은 노드입니다.",
        ),
        Reason::NoObject => ("There is no `{object}`.", "`{object}`{:이} 없습니다."),
        Reason::AnotherObject => (
            "`{object}` is another one than before: it was deleted and made anew.",
            "`{object}`{:은} 전과 다른 것입니다. 삭제되고 새로 만들어졌습니다.",
        ),
        Reason::NoKey => (
            "`{object}` has no key `{key}`; it has {keys}.",
            "`{object}`에 key `{key}`{:이} 없습니다. 있는 것: {keys}.",
        ),
        Reason::SameImages => (
            "All Pods run the same image: {images}.",
            "모든 Pod가 같은 이미지를 실행합니다: {images}.",
        ),
        Reason::DifferentImages => (
            "The Pods run different images: {images}.",
            "Pod들이 서로 다른 이미지를 실행합니다: {images}.",
        ),
        Reason::OtherRevision => (
            "The Deployment is at revision {revision}, and not at {wanted revision}.",
            "Deployment의 revision이 {wanted revision}{:이} 아니라 {revision}입니다.",
        ),
        Reason::OtherReplicaSets => (
            "The Deployment has {number:ReplicaSet/ReplicaSets}: {replicasets}.",
            "Deployment의 ReplicaSet이 {number}개입니다: {replicasets}.",
        ),
        Reason::NoMachineMeant => (
            "There is no machine of {machines} yet.",
            "{machines}에 해당하는 머신이 아직 없습니다.",
        ),
        Reason::NoFile => {
            ("There is no `{path}` on {machine}.", "{machine}에 `{path}`{:이} 없습니다.")
        }
        Reason::FileStillThere => {
            ("`{path}` is still on {machine}.", "{machine}에 아직 `{path}`{:이} 있습니다.")
        }
        Reason::TooFewLines => (
            "`{path}` on {machine} has {number:such line/such lines}; there should be more.",
            "{machine}의 `{path}`에 그런 줄이 {number:개}입니다. 더 있어야 합니다.",
        ),
        Reason::TooManyLines => (
            "`{path}` on {machine} has {number:such line/such lines}; there should be fewer.",
            "{machine}의 `{path}`에 그런 줄이 {number:개}입니다. 더 적어야 합니다.",
        ),
        Reason::NoSequence => (
            "`{path}` on {machine} has no lines in this order: {wanted sequence}.",
            "{machine}의 `{path}`에 이 순서로 된 줄이 없습니다: {wanted sequence}.",
        ),
        Reason::NoUnit => {
            ("There is no unit `{unit}` on {machine}.", "{machine}에 unit `{unit}`{:이} 없습니다.")
        }
        Reason::UnitInactive => (
            "The unit `{unit}` on {machine} is {state}; it should be active.",
            "{machine}의 unit `{unit}`의 상태가 {state}입니다. active여야 합니다.",
        ),
        Reason::UnitActive => (
            "The unit `{unit}` on {machine} is {state}; it should be stopped.",
            "{machine}의 unit `{unit}`의 상태가 {state}입니다. 멈춰 있어야 합니다.",
        ),
        Reason::NoJournalLine => (
            "The journal of `{unit}` on {machine} has {number:such line/such lines} since the step began; the step wants {wanted count}.",
            "단계가 시작된 뒤로 {machine}의 `{unit}` 저널에 그런 줄이 {number:개}입니다. {wanted count:개} 필요합니다.",
        ),
        Reason::ScriptNotYet => {
            ("The test on {machine} says: {said}.", "{machine}에서 검사한 결과: {said}.")
        }
        Reason::ScriptLost => (
            "The test on {machine} says: {said}. `dojo lesson reset` begins the lesson again.",
            "{machine}에서 검사한 결과: {said}. `dojo lesson reset`으로 과정을 처음부터 다시 시작하세요.",
        ),
        Reason::NoProbe => (
            "No request has been sent from {machine} yet.",
            "{machine}에서 보낸 요청이 아직 없습니다.",
        ),
        Reason::Dropped => (
            "{dropped:request was/requests were} lost ({why}); {served} were answered.",
            "요청 {dropped:개}를 놓쳤습니다 ({why}). {served:개}는 처리되었습니다.",
        ),
        Reason::NotDropped => (
            "{dropped:request was/requests were} lost; in this step some have to be.",
            "놓친 요청이 {dropped:개}입니다. 이 단계에서는 놓치는 요청이 있어야 합니다.",
        ),
        Reason::TooFewServed => (
            "{served:request was/requests were} answered by now; the step wants {wanted served}.",
            "지금까지 요청 {served:개}가 처리되었습니다. {wanted served:개} 필요합니다.",
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
            "가장 느린 답이 {slowest} 걸렸습니다. 기준: {wanted slowest}.",
        ),
        Reason::TooFast => (
            "The slowest answer took {slowest} only; it should be {wanted slowest}.",
            "가장 느린 답도 {slowest}밖에 걸리지 않았습니다. 기준: {wanted slowest}.",
        ),
        Reason::NoMachine => ("There is no machine {machine}.", "머신 {machine}{:이} 없습니다."),
        Reason::StillOn => (
            "{machine} is {state}; it should be off.",
            "{machine}의 상태는 {state}입니다. 꺼져 있어야 합니다.",
        ),
        Reason::StillOff => (
            "{machine} is {state}; it should be on.",
            "{machine}의 상태는 {state}입니다. 켜져 있어야 합니다.",
        ),
        Reason::NoAnswer => (
            "You have not answered the question `{key}` yet.",
            "질문 `{key}`에 아직 답하지 않았습니다.",
        ),
        Reason::OtherAnswer => ("`{answer}` is not the answer.", "`{answer}`{:은} 답이 아닙니다."),
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
