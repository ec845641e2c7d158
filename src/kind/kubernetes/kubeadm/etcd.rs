//! The members of etcd, in which a cluster keeps all that it knows. kubeadm makes one with each control
//! plane, and knows nothing of one whose machine was lost: that counts for the majority until somebody
//! strikes it off.
//!
//! Source: "gRPC gateway" and "etcd API Reference", etcd.io; its JSON writes numbers of 64 bits as text.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::driver::Source;
use crate::model::Machine;
use crate::provision::Node;
use crate::remote::Script;
use crate::retry::{Attempt, Patience, retry};

use super::failure::failed;
use crate::bootstrap::Error;

/// The port on which members talk to each other.
const PEER_PORT: u16 = 2380;
/// How long etcd may refuse: it wants to have seen enough of its members for 5 s before one may go.
const SETTLING: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
struct Members {
    #[serde(default)]
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    #[serde(rename = "ID")]
    id: String,
    /// Empty until it has been started.
    #[serde(default)]
    name: String,
    #[serde(default, rename = "peerURLs")]
    peer_urls: Vec<String>,
}

fn question(call: &'static str, question: &serde_json::Value) -> Script {
    Script::new(
        "ask etcd for its members",
        "A member whose machine was lost still counts for the majority, and nothing else may take its \
         place until it is struck off.",
        include_str!("../../../../templates/kubernetes/etcd.sh"),
    )
    .with("CALL", call)
    .with("QUESTION", question.to_string())
}

/// Strikes off what etcd knows of a machine. Fine if that is nothing.
pub(super) async fn strike_off(leader: &Node, machine: &Machine) -> Result<(), Error> {
    const OPERATION: &str = "strike off a lost member of etcd";
    let attempt = || async {
        match strike_off_once(leader, machine).await {
            Ok(()) => Attempt::Ready(()),
            Err(error) => Attempt::Later(error),
        }
    };
    retry(Patience::until(SETTLING), attempt).await.map_err(|last| match last {
        Some(error) => failed(leader, OPERATION)(error),
        None => failed(leader, OPERATION)("no answer"),
    })
}

async fn strike_off_once(leader: &Node, machine: &Machine) -> Result<(), Source> {
    let answer = leader.remote().run(&question("member/list", &json!({}))).await?;
    for id in ids(&answer, machine)? {
        leader.remote().run(&question("member/remove", &json!({ "ID": id }))).await?;
    }
    Ok(())
}

/// The members that stand for a machine, in an answer to `member/list`: there may be several, each left
/// over from another attempt.
fn ids(answer: &str, machine: &Machine) -> Result<Vec<String>, serde_json::Error> {
    let list: Members = serde_json::from_str(answer)?;
    let peer = format!("https://{}", SocketAddr::new(machine.private_ip, PEER_PORT));
    let name = machine.id.name.to_string();
    let stands = |m: &Member| m.name == name || m.peer_urls.contains(&peer);
    Ok(list.members.into_iter().filter(stands).map(|m| m.id).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{DriverName, MachineId, MachineName, MachineState, Orchestrator, Role};

    #[test]
    fn members_are_known_by_name_and_before_their_start_by_address() {
        // As etcd 3.4 answers; the third one was added and never started.
        let answer = r#"{"header":{"cluster_id":"1","member_id":"2","raft_term":"4"},"members":[
            {"ID":"11","name":"control-plane-1","peerURLs":["https://10.200.7.2:2380"],
             "clientURLs":["https://10.200.7.2:2379"]},
            {"ID":"18446744073709551615","name":"control-plane-2",
             "peerURLs":["https://10.200.7.3:2380"],"clientURLs":["https://10.200.7.3:2379"]},
            {"ID":"13","peerURLs":["https://10.200.7.4:2380"]}]}"#;
        let machine = |number: u16, host: u8| {
            let name = MachineName::new(Role::ControlPlane, number);
            Machine {
                id: MachineId { cluster: "practice".parse().unwrap(), name },
                driver: DriverName::fixed("docker"),
                cluster_id: "1".to_owned(),
                home: None,
                orchestrator: Orchestrator::Kubernetes,
                handle: name.to_string(),
                state: MachineState::Running,
                user: "root".to_owned(),
                private_ip: [10, 200, 7, host].into(),
                endpoints: BTreeMap::new(),
                expires: None,
                cost: None,
            }
        };
        assert_eq!(ids(answer, &machine(2, 3)).unwrap(), ["18446744073709551615"]);
        assert_eq!(ids(answer, &machine(2, 9)).unwrap(), ["18446744073709551615"], "it moved");
        assert_eq!(ids(answer, &machine(3, 4)).unwrap(), ["13"]);
        assert_eq!(ids(answer, &machine(4, 5)).unwrap(), Vec::<String>::new());
        assert!(ids("<html>", &machine(2, 3)).is_err());
    }
}
