//! What others get of a cluster: `dojo kubeconfig`, `dojo context export`, and a context for each plain Docker host.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::cli::{RECORD, UP, World};

const HOSTS: &str = "state/clusters/hosts/cluster.json";

impl World {
    /// Plain Docker hosts of the fake's: machine-1 and machine-2.
    fn with_hosts() -> Self {
        let world = Self::new();
        let up = ["-q", "up", "hosts", "--driver", "fake", "--engines", "--machines", "2"];
        world.dojo(&up).ok();
        world
    }

    /// The docker contexts that there are, each with where it leads.
    fn docker_contexts(&self) -> BTreeMap<String, String> {
        let metas = fs::read_dir(self.at("docker/contexts/meta")).into_iter().flatten().flatten();
        let metas = metas.map(|entry| {
            let text = fs::read(entry.path().join("meta.json")).unwrap();
            let meta: Value = serde_json::from_slice(&text).unwrap();
            let host = meta["Endpoints"]["docker"]["Host"].as_str().unwrap().to_owned();
            (meta["Name"].as_str().unwrap().to_owned(), host)
        });
        metas.collect()
    }

    fn selected(&self) -> Option<String> {
        let config = self.read("docker/config.json");
        config["currentContext"].as_str().map(str::to_owned)
    }

    /// Has this computer reach a machine at another address.
    fn lead(&self, record: &str, machine: &str, service: &str, address: &str) {
        self.change(record, |record| {
            let machines = record["machines"].as_array_mut().unwrap();
            let found = machines.iter_mut().find(|m| m["id"]["name"] == machine).unwrap();
            found["endpoints"][service] = address.into();
        });
    }

    /// Makes a cluster of Kubernetes of the record, with credentials.
    fn kubernetes(&self) {
        self.dojo(&UP).ok();
        self.record_of_kubernetes();
        let [ca, cert, key] = ["CA", "CERT", "KEY"].map(|text| STANDARD.encode(text));
        let text = format!(
            "current-context: dojo-practice\n\
             contexts: [{{ name: dojo-practice, context: {{ cluster: x, user: x }} }}]\n\
             clusters: [{{ name: x, cluster: {{ certificate-authority-data: {ca} }} }}]\n\
             users: [{{ name: x, user: {{ client-certificate-data: {cert}, client-key-data: {key} }} }}]\n"
        );
        fs::write(self.at("state/clusters/practice/kubeconfig"), text).unwrap();
    }

    fn archive(&self, file: &str) -> BTreeMap<String, Vec<u8>> {
        let bytes = fs::read(self.at(file)).unwrap();
        let mut archive = tar::Archive::new(&*bytes);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().display().to_string(), bytes)
        });
        entries.collect()
    }
}

fn mode(world: &World, file: &str) -> u32 {
    fs::metadata(world.at(file)).unwrap().permissions().mode() & 0o777
}

#[test]
fn each_plain_host_has_a_context_that_comes_and_goes_with_it() {
    let world = World::with_hosts();
    let at = |number: u8| format!("tcp://192.0.2.{number}:2376");
    let known = |contexts: &[(&str, u8)]| -> BTreeMap<String, String> {
        contexts.iter().map(|(name, number)| ((*name).to_owned(), at(*number))).collect()
    };
    let two = [("dojo-hosts", 1), ("dojo-hosts.machine-1", 1), ("dojo-hosts.machine-2", 2)];
    assert_eq!(world.docker_contexts(), known(&two));
    assert_eq!(world.selected().as_deref(), Some("dojo-hosts"));

    world.dojo(&["-q", "scale", "hosts", "--machines", "3"]).ok();
    let three = [&two[..], &[("dojo-hosts.machine-3", 3)]].concat();
    assert_eq!(world.docker_contexts(), known(&three));
    world.dojo(&["-q", "use", "hosts/machine-3"]).ok();
    world.dojo(&["-q", "scale", "hosts", "--machines", "2"]).ok();
    assert_eq!(world.docker_contexts(), known(&two));
    assert_eq!(
        world.selected().as_deref(),
        Some("dojo-hosts"),
        "docker is not left with what is gone"
    );

    world.dojo(&["-q", "use", "machine-2"]).ok();
    world.dojo(&["-q", "down", "hosts"]).ok();
    assert_eq!(world.docker_contexts(), BTreeMap::new());
    assert!(!world.at("docker/config.json").exists(), "nothing was selected before");
}

#[test]
fn a_context_of_somebody_else_is_no_machine_s() {
    let world = World::with_hosts();
    let meta = |name: &str| format!("docker/contexts/meta/{name}/meta.json");
    let directories = fs::read_dir(world.at("docker/contexts/meta")).unwrap().flatten();
    let names: Vec<_> = directories.map(|d| d.file_name().into_string().unwrap()).collect();
    let of_second = names.iter().find(|n| world.read(&meta(n))["Name"] == "dojo-hosts.machine-2");
    let of_second = meta(of_second.unwrap());
    world.dojo(&["-q", "down", "hosts"]).ok();
    fs::create_dir_all(world.at(&of_second).parent().unwrap()).unwrap();
    fs::write(world.at(&of_second), r#"{"Name":"dojo-hosts.machine-2","Endpoints":{}}"#).unwrap();
    let up = ["-q", "up", "hosts", "--driver", "fake", "--engines", "--machines", "2"];
    let said = world.dojo(&up);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("`dojo-hosts.machine-2` exists already"), "{}", said.stderr);
    assert_eq!(world.dojo(&["ls", "-q", "--driver", "fake"]).ok(), "", "nothing was made");
}

#[test]
fn a_machine_s_context_is_selected_and_known() {
    let world = World::with_hosts();
    assert_eq!(world.dojo(&["active"]).ok(), "hosts\n");
    let said = world.dojo(&["use", "hosts/machine-2"]).ok();
    assert_eq!(said, "docker now uses context dojo-hosts.machine-2\n");
    assert_eq!(world.dojo(&["active"]).ok(), "hosts/machine-2\n");
    assert!(world.dojo(&["ls", "--driver", "fake"]).ok().contains('*'));
    // What is said without a cluster is said of this one.
    assert_eq!(world.dojo(&["ip", "machine-1"]).ok(), "192.0.2.1\n");
    assert_eq!(world.dojo(&["use", "--previous"]).ok(), "docker now uses context dojo-hosts\n");
    let environment = [("DOCKER_CONTEXT", "dojo-hosts.machine-1")];
    assert_eq!(world.dojo_with(&environment, &["active"]).ok(), "hosts/machine-1\n");
    let gone = [("DOCKER_CONTEXT", "dojo-other.machine-1")];
    assert_eq!(world.dojo_with(&gone, &["active"]).code, Some(1));
    let unknown = world.dojo(&["use", "hosts/machine-7"]);
    assert!(unknown.stderr.contains("has no machine `machine-7`"), "{}", unknown.stderr);

    world.dojo(&UP).ok();
    let said = world.dojo(&["use", "practice/worker-1"]);
    assert_eq!(said.code, Some(2));
    for words in ["one context as a whole", "`dojo use practice`", "dojo env practice/worker-1"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
}

#[test]
fn a_context_goes_to_a_file_that_docker_reads_and_nobody_else() {
    let world = World::with_hosts();
    let file = world.at("machine-2.dockercontext").display().to_string();
    let said = world.dojo(&["context", "export", "hosts/machine-2", &file]);
    assert!(said.stderr.contains("root on all machines of cluster `hosts`"), "{}", said.stderr);
    assert_eq!(said.ok(), "");
    assert_eq!(mode(&world, "machine-2.dockercontext"), 0o600);
    let archive = world.archive("machine-2.dockercontext");
    let names: Vec<_> = archive.keys().map(String::as_str).collect();
    let files = ["meta.json", "tls/docker/ca.pem", "tls/docker/cert.pem", "tls/docker/key.pem"];
    assert_eq!(names, files);
    let meta: Value = serde_json::from_slice(&archive["meta.json"]).unwrap();
    assert_eq!(meta["Name"], "dojo-hosts.machine-2");
    assert_eq!(meta["Endpoints"]["docker"]["Host"], "tcp://192.0.2.2:2376");
    assert_eq!(meta["Endpoints"]["docker"]["SkipTLSVerify"], false);
    assert_eq!(meta["Metadata"].get("clusterdojo"), None, "it is no context of ours there");
    let key = fs::read(world.at("state/clusters/hosts/pki/client/key.pem")).unwrap();
    assert_eq!(archive["tls/docker/key.pem"], key);

    // What is there stays.
    let before = fs::read(&file).unwrap();
    let again = world.dojo(&["context", "export", "hosts", &file]);
    assert_eq!(again.code, Some(1));
    for words in ["`/world/machine-2.dockercontext` exists already", "--force"] {
        assert!(again.stderr.contains(words), "{}", again.stderr);
    }
    assert_eq!(fs::read(&file).unwrap(), before);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    world.dojo(&["-q", "context", "export", "--force", "hosts", &file]).ok();
    assert_eq!(mode(&world, "machine-2.dockercontext"), 0o600);
    // Of the current cluster, and to a pipe.
    let piped = world.command(&["-q", "context", "export", "-"]).output().unwrap();
    assert!(piped.status.success());
    assert_eq!(piped.stdout, fs::read(&file).unwrap());
    let nowhere = world.at("no/such").display().to_string();
    let said = world.dojo(&["context", "export", "hosts", &nowhere]);
    assert!(said.stderr.contains("cannot write `/world/no/such`"), "{}", said.stderr);
}

#[test]
fn others_never_get_an_address_of_this_computer_alone() {
    let world = World::with_hosts();
    let file = world.at("file").display().to_string();
    world.lead(HOSTS, "machine-1", "engine", "127.0.0.1:20001");
    let said = world.dojo(&["context", "export", "--external", "hosts", &file]);
    assert_eq!(said.code, Some(1));
    for words in [
        "`hosts/machine-1` is reached at 127.0.0.1:20001",
        "ssh -N -L 20001:127.0.0.1:20001",
        "without --external",
    ] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert!(!world.at("file").exists());
    world.dojo(&["-q", "context", "export", "hosts", &file]).ok();
    let meta: Value = serde_json::from_slice(&world.archive("file")["meta.json"]).unwrap();
    assert_eq!(meta["Endpoints"]["docker"]["Host"], "tcp://127.0.0.1:20001");
}

#[test]
fn others_never_get_an_address_that_the_certificate_does_not_name() {
    let world = World::with_hosts();
    let file = world.at("file").display().to_string();
    let export = ["context", "export", "--external", "hosts/machine-2", &file];
    world.dojo(&export).ok();
    world.lead(HOSTS, "machine-2", "engine", "203.0.113.9:2376");
    let said = world.dojo(&export);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("no good certificate for 203.0.113.9"), "{}", said.stderr);
    assert!(said.stderr.contains("`dojo up hosts` renews"), "{}", said.stderr);
}

#[test]
fn a_kubeconfig_stands_for_itself() {
    let world = World::new();
    world.kubernetes();
    let said = world.dojo(&["kubeconfig", "practice"]);
    assert!(said.stderr.contains("administrator of cluster `practice`"), "{}", said.stderr);
    insta::assert_snapshot!(said.ok(), @r"
    apiVersion: v1
    kind: Config
    clusters:
    - name: dojo-practice
      cluster:
        certificate-authority-data: Q0E=
        server: https://192.0.2.1:6443
        tls-server-name: kubernetes
    users:
    - name: dojo-practice
      user:
        client-certificate-data: Q0VSVA==
        client-key-data: S0VZ
    contexts:
    - name: dojo-practice
      context:
        cluster: dojo-practice
        user: dojo-practice
    current-context: dojo-practice
    ");
    let file = world.at("k8s").display().to_string();
    world.dojo(&["-q", "kubeconfig", "practice", "--external", "-o", &file]).ok();
    assert_eq!(mode(&world, "k8s"), 0o600);
    assert_eq!(world.dojo(&["kubeconfig", "practice", "-o", &file]).code, Some(1));
    world.dojo(&["-q", "kubeconfig", "practice", "-o", &file, "--force"]).ok();

    world.lead(RECORD, "control-plane-1", "api", "127.0.0.1:32771");
    let said = world.dojo(&["kubeconfig", "practice", "--external"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(said.stderr.contains("is reached at 127.0.0.1:32771"), "{}", said.stderr);
}

#[test]
fn each_tool_gets_what_is_for_it() {
    let world = World::with_hosts();
    let said = world.dojo(&["kubeconfig", "hosts"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("`dojo context export hosts FILE`"), "{}", said.stderr);
    world.kubernetes();
    let said = world.dojo(&["context", "export", "practice", "-"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
    assert!(said.stderr.contains("`dojo kubeconfig practice`"), "{}", said.stderr);
    let unknown = world.dojo(&["kubeconfig", "nobody"]);
    assert!(unknown.stderr.contains("there is no cluster `nobody`"), "{}", unknown.stderr);
}
