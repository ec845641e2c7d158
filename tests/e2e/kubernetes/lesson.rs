//! What a learner does on a cluster, step by step: `workload.yaml`, by way of kubectl.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::service::{build_image, request};
use crate::world::{World, engine, until};

/// Longer than anything here takes on a machine that has other work to do.
const LONG: &str = "--timeout=240s";
const LONG_SECONDS: u64 = 240;

/// A pod that is ready.
struct Pod {
    name: String,
    node: String,
    address: String,
}

/// A cluster with `workload.yaml` on it.
pub struct Lesson<'a> {
    world: &'a World,
    cluster: &'a str,
    /// Ports of the host that lead to the `NodePort`, each on another machine.
    ports: Vec<u16>,
    /// The name of the images; their tags are their versions.
    image: String,
}

impl<'a> Lesson<'a> {
    pub fn begin(world: &'a World, cluster: &'a str, ports: Vec<u16>) -> Self {
        Self { world, cluster, ports, image: format!("dojo-e2e-{cluster}") }
    }

    #[track_caller]
    fn kubectl(&self, args: &[&str]) -> String {
        self.world.kubectl(args).ok()
    }

    fn get(&self, args: &[&str]) -> Vec<Value> {
        let said = self.world.kubectl(&[&["get", "-o", "json"], args].concat());
        let found: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        found["items"].as_array().cloned().unwrap_or_default()
    }

    /// The pods of an app that are ready and are to stay, ordered by their nodes.
    fn pods(&self, app: &str) -> Vec<Pod> {
        let found = self.get(&["pods", "-l", &format!("app={app}")]);
        let mut pods: Vec<Pod> = found
            .iter()
            .filter(|pod| is_ready(pod) && pod["metadata"]["deletionTimestamp"].is_null())
            .map(|pod| Pod {
                name: text(&pod["metadata"]["name"]),
                node: text(&pod["spec"]["nodeName"]),
                address: text(&pod["status"]["podIP"]),
            })
            .collect();
        pods.sort_by(|one, other| one.node.cmp(&other.node));
        pods
    }

    /// Builds two versions, puts them on every node, and takes them away from the host, so that the nodes
    /// can only have their own.
    pub fn load_images(&self) {
        let images = ["1", "2"].map(|version| format!("{}:{version}", self.image));
        for (image, version) in images.iter().zip(["1", "2"]) {
            build_image(self.world.path(), image, version);
        }
        let [one, two] = &images;
        let load = ["image", "load", "--cluster", self.cluster, one, two];
        let said = self.world.dojo(&load);
        engine(&["image", "rm", one, two]).ok();
        let said = said.ok();
        assert!(said.contains(one.as_str()) && said.contains(two.as_str()), "{said}");
    }

    pub fn apply(&self) {
        let workload = include_str!("workload.yaml").replace("IMAGE", &self.image);
        let file = self.world.path().join("workload.yaml");
        fs::write(&file, workload).unwrap();
        self.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    }

    #[track_caller]
    pub fn rolled_out(&self, deployment: &str) {
        let said = self.kubectl(&["rollout", "status", &format!("deployment/{deployment}"), LONG]);
        assert!(said.contains("successfully rolled out"), "{said}");
    }

    /// There is at least one pod on each of these nodes, and none elsewhere.
    #[track_caller]
    pub fn is_spread_over(&self, nodes: &[&str]) {
        let wanted: BTreeSet<&str> = nodes.iter().copied().collect();
        until("the website is spread over its nodes", LONG_SECONDS, || {
            let pods = self.pods("web");
            pods.iter().map(|pod| pod.node.as_str()).collect::<BTreeSet<_>>() == wanted
        });
    }

    /// What the website answers by way of each machine. Who answers is chosen anew each time, so they are
    /// asked often.
    #[track_caller]
    pub fn says(&self, path: &str, words: &str) {
        for port in &self.ports {
            until(&format!("{path} by way of port {port}: {words}"), LONG_SECONDS, || {
                (0..10).all(|_| request(&[*port], path).is_some_and(|a| a.contains(words)))
            });
        }
    }

    #[track_caller]
    pub fn serves(&self, version: &str) {
        self.says("/", version);
    }

    /// What a pod hears at an address, or why it hears nothing.
    fn hears(&self, pod: &Pod, from: &str) -> Result<String, String> {
        let said = self.world.kubectl(&["exec", &pod.name, "--", "/web", "get", from]);
        match said.code {
            Some(0) => Ok(said.stdout),
            _ => Err(format!("{} on {} asks {from}: {}", pod.name, pod.node, said.stderr)),
        }
    }

    /// Each node's pods reach those of each other node, and the Service.
    #[track_caller]
    pub fn pods_meet(&self) {
        // Where machines were off, what is told of their pods may still be of the time before.
        let end = Instant::now() + Duration::from_secs(LONG_SECONDS);
        while let Err(why) = self.try_to_meet() {
            assert!(Instant::now() < end, "{why}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Pods know names outside of the cluster: those that the machine's own resolver knows.
    #[track_caller]
    pub fn knows_names(&self) {
        until("pods know the machines by name", LONG_SECONDS, || {
            let pods = self.pods("web");
            let known = |pod: &Pod| self.hears(pod, "worker-1:30080/").is_ok();
            !pods.is_empty() && pods.iter().all(known)
        });
    }

    fn try_to_meet(&self) -> Result<(), String> {
        let mut pods = self.pods("web");
        pods.dedup_by(|one, other| one.node == other.node);
        if pods.len() < 2 {
            return Err("there is nobody to meet".to_owned());
        }
        let service = ["get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"];
        let service = format!("{}:80/", self.kubectl(&service));
        for from in &pods {
            for to in &pods {
                let heard = self.hears(from, &format!("{}:8080/", to.address))?;
                if !heard.contains(&to.name) {
                    return Err(format!("{} answers instead of {}", heard.trim(), to.name));
                }
            }
            self.hears(from, &service)?;
        }
        Ok(())
    }

    #[track_caller]
    fn keeper(&self) -> Pod {
        self.pods("keeper").pop().expect("the keeper is there")
    }

    /// Its `StatefulSet` has its pod, with a volume.
    pub fn keeps(&self) {
        let said = self.kubectl(&["rollout", "status", "statefulset/keeper", LONG]);
        assert!(said.contains("complete"), "{said}");
    }

    pub fn writes_down(&self, words: &str) {
        let claim = [
            "get",
            "pvc",
            "notes-keeper-0",
            "-o",
            "jsonpath={.status.phase} {.spec.storageClassName}",
        ];
        assert_eq!(self.kubectl(&claim), "Bound local-path");
        let keeper = self.keeper().name;
        self.kubectl(&["exec", &keeper, "--", "/web", "write", "/notes/words", words]);
    }

    /// Another pod takes over under the same name, and waits for the node that the volume is on: on any other it
    /// would be empty.
    pub fn replace_keeper(&self) {
        let before = self.keeper();
        let made = || self.kubectl(&["get", "pod", &before.name, "-o", "jsonpath={.metadata.uid}"]);
        let first = made();
        self.kubectl(&["cordon", &before.node]);
        self.kubectl(&["delete", "pod", &before.name, LONG]);
        let why = || {
            let pods = self.get(&["pods", "-l", "app=keeper"]);
            let conditions = pods.first().map(|pod| pod["status"]["conditions"].to_string());
            conditions.unwrap_or_default()
        };
        until("the new pod says that it waits for its volume's node", LONG_SECONDS, || {
            why().contains("Unschedulable") && why().contains("affinity")
        });
        self.kubectl(&["uncordon", &before.node]);
        self.keeps();
        assert_ne!(made(), first);
        assert_eq!(self.keeper().node, before.node);
    }

    #[track_caller]
    pub fn has_kept(&self, words: &str) {
        let heard = || {
            let keeper = self.pods("keeper").pop()?;
            self.hears(&keeper, "127.0.0.1:8080/file/notes/words").ok()
        };
        until("the keeper answers", LONG_SECONDS, || heard().is_some());
        assert_eq!(heard().as_deref(), Some(words));
    }

    pub fn roll_forward(&self) {
        let image = format!("web={}:2", self.image);
        self.kubectl(&["set", "image", "deployment/web", &image]);
        self.rolled_out("web");
    }

    pub fn roll_back(&self) {
        self.kubectl(&["rollout", "undo", "deployment/web"]);
        self.rolled_out("web");
    }

    /// A pod that says it is ill is restarted by its kubelet, and is well then.
    pub fn heals(&self) {
        let patient = self.pods("web").pop().expect("the website runs").name;
        let restarts = || {
            let path = "jsonpath={.status.containerStatuses[0].restartCount}";
            let count = self.kubectl(&["get", "pod", &patient, "-o", path]);
            count.parse::<u32>().unwrap()
        };
        let before = restarts();
        self.kubectl(&["exec", &patient, "--", "/web", "get", "127.0.0.1:8080/break"]);
        until("the ill container is restarted", LONG_SECONDS, || restarts() > before);
        let ready = ["wait", "--for=condition=Ready", LONG, "pod", &patient];
        self.kubectl(&ready);
        let field = format!("involvedObject.name={patient}");
        let events = self.kubectl(&["get", "events", "--field-selector", &field]);
        assert!(events.contains("failed liveness probe, will be restarted"), "{events}");
    }

    /// What ends with an error is started again, and `status` tells how often and with what it ended.
    #[track_caller]
    pub fn tells_of_crashes(&self) {
        let image = format!("--image={}:1", self.image);
        self.kubectl(&["run", "crashing", &image, "--command", "--", "/web", "nonsense"]);
        let seen = || {
            let said = self.world.dojo(&["status", self.cluster, "-o", "json"]).ok();
            let said: Value = serde_json::from_str(&said).unwrap();
            let pods = said["pods"]["items"].as_array().unwrap();
            pods.iter().find(|pod| pod["name"] == "crashing").cloned().unwrap_or_default()
        };
        let restarts = |pod: &Value| pod["containers"][0]["restartCount"].as_u64();
        until("it is started again", 60, || restarts(&seen()) >= Some(1));
        let pod = seen();
        let last = &pod["containers"][0]["lastState"]["terminated"];
        assert_eq!((&last["reason"], &last["exitCode"]), (&"Error".into(), &1.into()), "{pod:#}");
        assert!(text(&pod["nodeName"]).starts_with("worker-"), "{pod:#}");
        self.kubectl(&["delete", "pod", "crashing", "--now"]);
    }

    /// It was made long before, so this waits for the next minute at most. What it did is in its log.
    pub fn runs_on_the_minute(&self) {
        let jobs = || self.get(&["pods", "-l", "app=every-minute"]);
        let done = |pod: &Value| pod["status"]["phase"] == "Succeeded";
        until("the CronJob runs", LONG_SECONDS, || jobs().iter().any(done));
        let pod = jobs().into_iter().find(done).map(|pod| text(&pod["metadata"]["name"]));
        let log = self.kubectl(&["logs", &pod.expect("it has just been seen")]);
        assert!(log.starts_with("version "), "{log}");
        // It has shown what it can; machines that go must not wait for its pods.
        self.kubectl(&["delete", "cronjob", "every-minute", LONG]);
    }

    /// New pods for more nodes.
    pub fn grow(&self) {
        self.kubectl(&["scale", "deployment/web", "--replicas=6"]);
        self.rolled_out("web");
    }

    /// Of the website, the keeper and of Kubernetes itself.
    #[track_caller]
    pub fn all_pods_are_ready(&self) {
        // Nodes that were off need a while to find out what has become of their pods.
        until("all pods are ready", LONG_SECONDS, || {
            let pods = self.get(&["pods", "--all-namespaces"]);
            let (web, keeper) = (self.pods("web").len(), self.pods("keeper").len());
            (web, keeper) == (6, 1) && pods.iter().all(is_ready)
        });
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
}
