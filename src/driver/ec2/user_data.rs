//! What an instance is told at its first boot: who may log in, which host key it has, and when its time
//! is up ("Cloud config examples", cloud-init.io).

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::model::{MachineRequest, Secret};

/// Beside our own, user data of the user's.
const BOUNDARY: &str = "==clusterdojo==";
/// Without this, lists of a later part take the place of ours, and with them the end of the machine's time
/// ("Merging user data sections", cloud-init.io).
const MERGE: &str = "list(append)+dict(no_replace,recurse_list)+str()";
/// How much user data there may be in bytes ("Instance user data", Amazon EC2 User Guide).
pub(super) const MOST: usize = 16 * 1024;
/// Ends the machine; that terminates the instance.
const END: &str = "[Unit]\nDescription=The time of this machine is up\n\n\
    [Service]\nType=oneshot\nExecStart=/usr/bin/systemctl poweroff\n";

/// The user data of a machine, with what the user adds to it.
pub(super) fn user_data(
    request: &MachineRequest,
    expires: Option<Timestamp>,
    further: Option<&str>,
) -> Secret {
    let config = format!("#cloud-config\n{}\n", config(request, expires));
    let Some(further) = further else { return Secret::new(config) };
    // RFC 2046, section 5.1; cloud-init tells the kind of a part by its first line.
    let mut text =
        format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\n");
    for (kind, part) in [("text/cloud-config", config.as_str()), (kind(further), further)] {
        let _ = write!(
            text,
            "\n--{BOUNDARY}\nContent-Type: {kind}; charset=\"utf-8\"\nMerge-Type: {MERGE}\n\n{part}"
        );
    }
    let _ = write!(text, "\n--{BOUNDARY}--\n");
    Secret::new(text)
}

/// The public host key that user data gives to a machine.
pub(super) fn host_key(user_data: &str) -> Option<String> {
    let (_, rest) = user_data.split_once("\"ed25519_public\":\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn kind(part: &str) -> &'static str {
    if part.starts_with("#cloud-config") { "text/cloud-config" } else { "text/x-shellscript" }
}

/// JSON is YAML.
fn config(request: &MachineRequest, expires: Option<Timestamp>) -> Value {
    let mut files = Vec::new();
    let mut commands = Vec::new();
    if let Some(expires) = expires {
        let file = |path: &str, content: String| json!({ "path": path, "permissions": "0644", "content": content });
        // A calendar time, so that what was off in the meantime ends as soon as it is on again.
        let timer = format!(
            "[Unit]\nDescription=The time of this machine\n\n[Timer]\nOnCalendar={}\nPersistent=true\n\
             AccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n",
            expires.strftime("%Y-%m-%d %H:%M:%S UTC")
        );
        files.push(file("/etc/systemd/system/clusterdojo-ttl.timer", timer));
        files.push(file("/etc/systemd/system/clusterdojo-ttl.service", END.to_owned()));
        commands.push(json!(["systemctl", "daemon-reload"]));
        commands.push(json!(["systemctl", "enable", "--now", "clusterdojo-ttl.timer"]));
    }
    json!({
        "hostname": request.id.name.to_string(),
        // Without, sudo complains that it cannot resolve the name.
        "manage_etc_hosts": true,
        "ssh_authorized_keys": [request.authorized_key],
        "ssh_deletekeys": true,
        "ssh_genkeytypes": [],
        "ssh_keys": {
            "ed25519_private": request.host_key.private.expose(),
            "ed25519_public": request.host_key.public,
        },
        "write_files": files,
        "runcmd": commands,
    })
}

#[cfg(test)]
mod tests {
    use super::super::driver::tests::request;
    use super::*;

    #[test]
    fn a_machine_knows_its_keys_and_when_its_time_is_up() {
        let request = request("worker-1");
        let until: Timestamp = "2030-01-02T03:04:05Z".parse().unwrap();
        let text = user_data(&request, Some(until), None);
        let config = text.expose().strip_prefix("#cloud-config\n").unwrap();
        let config: Value = serde_json::from_str(config).unwrap();
        assert_eq!(config["hostname"], "worker-1");
        assert_eq!(config["ssh_authorized_keys"][0], request.authorized_key);
        assert_eq!(host_key(text.expose()).unwrap(), request.host_key.public);
        let timer = config["write_files"][0]["content"].as_str().unwrap();
        assert!(timer.contains("OnCalendar=2030-01-02 03:04:05 UTC"), "{timer}");
        let endless = user_data(&request, None, None);
        assert!(!endless.expose().contains("ttl"));
    }

    #[test]
    fn user_data_of_the_users_comes_along() {
        let text = user_data(&request("worker-1"), None, Some("#!/bin/sh\necho mine\n"));
        let parts: Vec<&str> = text.expose().split(BOUNDARY).collect();
        assert_eq!(parts.len(), 5, "the boundary is announced, begins two parts, and ends them");
        assert!(parts[2].contains("text/cloud-config") && parts[2].contains("ssh_keys"));
        assert!(parts[3].contains("text/x-shellscript") && parts[3].contains("echo mine"));
        assert!(parts[3].contains("\nMerge-Type: list(append)"), "its lists would replace ours");
    }
}
