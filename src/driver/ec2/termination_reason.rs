//! Why an instance is gone, which AWS tells for about an hour after its end.

use aws_sdk_ec2::types::{Instance, InstanceStateName};

use super::tags;

/// Why, and when, if the instance is gone (`StateReason`, Amazon EC2 API Reference).
pub(super) fn termination_reason(instance: &Instance) -> Option<String> {
    let state = tags::state(instance);
    if !matches!(state, InstanceStateName::ShuttingDown | InstanceStateName::Terminated) {
        return None;
    }
    let reason = instance.state_reason()?;
    let why = match reason.code() {
        Some("Server.SpotInstanceTermination") => "AWS took the spot instance back",
        Some("Client.InstanceInitiatedShutdown") => "it switched itself off",
        Some("Client.UserInitiatedShutdown") => "somebody terminated the instance",
        _ => reason.message()?,
    };
    Some(match when(instance) {
        Some(when) => format!("{why}, {when}"),
        None => why.to_owned(),
    })
}

/// "User initiated (2030-01-02 03:04:05 GMT)"
fn when(instance: &Instance) -> Option<&str> {
    let (_, rest) = instance.state_transition_reason()?.rsplit_once('(')?;
    Some(rest.split_once(')')?.0)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{InstanceState, StateReason};

    use super::*;

    fn instance(state: InstanceStateName, code: &str, message: &str) -> Instance {
        Instance::builder()
            .state(InstanceState::builder().name(state).build())
            .state_reason(StateReason::builder().code(code).message(message).build())
            .state_transition_reason("User initiated (2030-01-02 03:04:05 GMT)")
            .build()
    }

    #[test]
    fn an_end_is_told_with_its_time() {
        let ended = |code, message| {
            termination_reason(&instance(InstanceStateName::Terminated, code, message))
        };
        assert_eq!(
            ended("Server.SpotInstanceTermination", "").unwrap(),
            "AWS took the spot instance back, 2030-01-02 03:04:05 GMT"
        );
        // What is not known here is told in AWS's own words.
        assert_eq!(
            ended("Server.InternalError", "Server.InternalError: Internal error").unwrap(),
            "Server.InternalError: Internal error, 2030-01-02 03:04:05 GMT"
        );
        assert_eq!(termination_reason(&instance(InstanceStateName::Running, "", "")), None);
    }
}
