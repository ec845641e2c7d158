//! The user's kubeconfig: entries of ours come and go, and no other byte changes.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clusterdojo::context::kubeconfig::Error;
use clusterdojo::context::{self, KubeContext, KubeContexts, Restored};
use clusterdojo::model::Secret;
use serde_json::Value;
use tempfile::TempDir;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n";
const KEY_DATA: &str =
    "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1DNENBUUF3Ci0tLS0tRU5EIFBSSVZBVEUgS0VZLS0tLS0K";

/// A directory for kubeconfigs.
struct Home {
    root: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path("config")
    }

    fn with(text: impl AsRef<[u8]>) -> (Self, KubeContexts) {
        let home = Self::new();
        home.put("config", text, 0o600);
        let contexts = home.contexts(&["config"]);
        (home, contexts)
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn contexts(&self, names: &[&str]) -> KubeContexts {
        KubeContexts::new(names.iter().map(|name| self.path(name)))
            .with_patience(Duration::from_millis(100))
    }

    /// Every file and directory, with its mode and content.
    fn snapshot(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut found = BTreeMap::new();
        let mut queue = vec![self.root.path().to_owned()];
        while let Some(dir) = queue.pop() {
            for entry in fs::read_dir(&dir).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                let content =
                    if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
                if metadata.is_dir() {
                    queue.push(path.clone());
                }
                found.insert(path, (metadata.permissions().mode() & 0o7777, content));
            }
        }
        found
    }
}

fn context(name: &str) -> KubeContext {
    KubeContext {
        name: name.to_owned(),
        server: "https://127.0.0.1:32771".to_owned(),
        ca: "authority\n".to_owned(),
        cert: "client\n".to_owned(),
        key: Secret::new(KEY),
        cluster: name.trim_start_matches("dojo-").to_owned(),
        cluster_id: "id-1".to_owned(),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// What a file says, as JSON.
fn said(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn find<'a>(said: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    said[list].as_array()?.iter().find(|entry| entry["name"] == name)
}

/// Kubeconfigs as they are found on people's computers.
const SHAPES: &[(&str, &str)] = &[
    ("empty file", ""),
    ("blank lines", "\n\n"),
    ("comments only", "# mine\n\n# really\n"),
    ("begin of a document", "---\n"),
    ("empty map", "{}\n"),
    (
        "kubectl",
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: LS0tLS1CRUdJTg==\n    server: https://10.0.0.1:6443\n  name: kubernetes\ncontexts:\n- context:\n    cluster: kubernetes\n    user: kubernetes-admin\n  name: kubernetes-admin@kubernetes\ncurrent-context: kubernetes-admin@kubernetes\nkind: Config\npreferences: {}\nusers:\n- name: kubernetes-admin\n  user:\n    client-certificate-data: LS0tLS1CRUdJTg==\n    client-key-data: LS0tLS1CRUdJTg==\n",
    ),
    (
        "kubectl, everything deleted",
        "apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: null\n",
    ),
    (
        "kubectl of old, everything deleted",
        "apiVersion: v1\nclusters: []\ncontexts: []\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: []\n",
    ),
    (
        "minikube",
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority: /home/u/.minikube/ca.crt\n    extensions:\n    - extension:\n        last-update: Tue, 25 Jan 2022 10:54:00 CET\n        provider: minikube.sigs.k8s.io\n        version: v1.25.1\n      name: cluster_info\n    server: https://192.168.49.2:8443\n  name: minikube\ncontexts:\n- context:\n    cluster: minikube\n    extensions:\n    - extension:\n        provider: minikube.sigs.k8s.io\n      name: context_info\n    namespace: default\n    user: minikube\n  name: minikube\ncurrent-context: minikube\nkind: Config\npreferences: {}\nusers:\n- name: minikube\n  user:\n    client-certificate: /home/u/.minikube/profiles/minikube/client.crt\n    client-key: /home/u/.minikube/profiles/minikube/client.key\n",
    ),
    (
        "cloud with a plugin",
        "apiVersion: v1\nkind: Config\nclusters:\n  - name: gke_p_europe-west1_c\n    cluster:\n      server: https://34.1.2.3\n      certificate-authority-data: LS0t\ncontexts:\n  - name: gke_p_europe-west1_c\n    context: {cluster: gke_p_europe-west1_c, user: gke_p_europe-west1_c}\ncurrent-context: gke_p_europe-west1_c\nusers:\n  - name: gke_p_europe-west1_c\n    user:\n      exec:\n        apiVersion: client.authentication.k8s.io/v1beta1\n        command: gke-gcloud-auth-plugin\n        args:\n          - --cluster\n          - c\n        installHint: |\n          Install the plugin.\n\n          Then try again.\n        provideClusterInfo: true\n",
    ),
    (
        "by hand, with comments and anchors",
        "# my clusters\napiVersion: v1 # what else\nkind: \"Config\"\n\nclusters:   # all of them\n\n# at work\n- name: work # Büro\n  cluster: &base\n    server: 'https://work.example:6443'   # VPN!\n    insecure-skip-tls-verify: true\n  # end of work\n\n# at home\n- name: home\n  cluster:\n    <<: *base\n    server: https://home.example:6443\n# that was all\n\ncontexts:\n- {name: work, context: {cluster: work, user: me}}\n-\n  name: home\n  context: {cluster: home, user: me}\n# which one\ncurrent-context:   'work'   # not home\nusers: # me\n- name: me\n  user: {token: \"abc\"}\n# the end\n",
    ),
    (
        "no line break at the end",
        "kind: Config\napiVersion: v1\ncurrent-context: \"a\"\nclusters:\n- name: a\n  cluster: {server: \"https://a\"}\ncontexts:\n- name: a\n  context: {cluster: a, user: a}\nusers:\n- name: a\n  user:\n    token: x",
    ),
    ("no line break after an empty list", "clusters: []\ncontexts: []\nusers: []"),
    ("no line break after the selection", "apiVersion: v1\ncurrent-context: 'a'"),
    (
        "a literal at the end, not ended",
        "contexts: []\nusers:\n- name: a\n  user:\n    token: |\n      x",
    ),
    (
        "keys without values",
        "apiVersion: v1\nkind: Config\nclusters:\ncontexts: ~\ncurrent-context:\nusers: # none\n",
    ),
    ("nothing but the kind", "apiVersion: v1\nkind: Config\n"),
    (
        "a mark at begin and end",
        "---\napiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster: {server: \"https://a\"}\n...\n",
    ),
    ("two documents", "apiVersion: v1\ncurrent-context: a\n---\ncurrent-context: b\n"),
    (
        "JSON",
        "{\"apiVersion\": \"v1\", \"kind\": \"Config\", \"clusters\": [{\"name\": \"a\", \"cluster\": {\"server\": \"https://a\"}}], \"contexts\": [], \"users\": null, \"current-context\": \"a\"}",
    ),
    (
        "JSON on many lines",
        "{\n    \"kind\": \"Config\",\n    \"apiVersion\": \"v1\",\n    \"clusters\": [\n        {\n            \"name\": \"a\",\n            \"cluster\": {\n                \"server\": \"https://a\"\n            }\n        }\n    ],\n    \"contexts\": [\n        {\n            \"name\": \"a\",\n            \"context\": {\n                \"cluster\": \"a\"\n            }\n        }\n    ]\n}\n",
    ),
    (
        "lists between brackets",
        "clusters: [{name: a, cluster: {server: \"https://a\"}},]\ncontexts: [\n  # first\n  {name: a, context: {cluster: a}}\n]\nusers: [ ]\ncurrent-context: a\n",
    ),
    (
        "keys of others",
        "zeta: [1, 2]\nclusters: []\nextensions:\n- name: theirs\n  extension: {a: 1}\nalpha: {b: yes, c: 0x1F, d: 1e3}\n",
    ),
    ("selected, but gone", "apiVersion: v1\nkind: Config\ncurrent-context: gone # where?\n"),
    ("selection on two lines", "current-context:\n  \"a\"\ncontexts:\n- name: a\n  context: {}\n"),
    ("a byte order mark", "\u{feff}apiVersion: v1\nkind: Config\ncurrent-context: a\n"),
    (
        "far from the margin",
        "  apiVersion: v1\n  clusters:\n    - name: a\n      cluster: {server: \"https://a\"}\n",
    ),
];

/// Each shape, and with the line ends of Windows.
fn shapes() -> impl Iterator<Item = (String, String)> {
    SHAPES.iter().flat_map(|(name, text)| {
        let crlf = text.replace('\n', "\r\n");
        [((*name).to_owned(), (*text).to_owned()), (format!("{name}, CRLF"), crlf)]
    })
}

/// All of the document but what is ours.
fn foreign(text: &str) -> Value {
    let first = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let first = first.strip_prefix("---\n").unwrap_or(&first);
    let first = first.split("\n---").next().unwrap();
    let mut said = if first.lines().all(|l| l.is_empty() || l.starts_with('#')) {
        serde_json::json!({})
    } else {
        said(first)
    };
    let keys = said.as_object_mut().unwrap();
    for list in ["clusters", "contexts", "users"] {
        if let Some(entries) = keys.get_mut(list).and_then(Value::as_array_mut) {
            entries.retain(|entry| !entry["name"].as_str().unwrap().starts_with("dojo-"));
        }
        if keys.get(list).is_some_and(|v| v.is_null() || v.as_array().is_some_and(Vec::is_empty)) {
            keys.shift_remove(list);
        }
    }
    for ours in ["current-context", "apiVersion", "kind"] {
        keys.shift_remove(ours);
    }
    keys.sort_keys();
    said
}

#[test]
fn what_was_written_and_removed_leaves_the_same_bytes() {
    for (shape, text) in shapes() {
        for select in [false, true] {
            let (home, contexts) = Home::with(&text);
            let before = home.snapshot();
            let selected = contexts.current().unwrap();
            contexts.check("dojo-a", "id-1").unwrap_or_else(|e| panic!("{shape}: {e}"));
            assert_eq!(home.snapshot(), before, "{shape}: a question changes nothing");

            contexts.write(&context("dojo-a")).unwrap_or_else(|e| panic!("{shape}: {e}"));
            assert_eq!(contexts.current().unwrap(), selected, "{shape}: nothing is selected yet");
            if select {
                contexts.select("dojo-a").unwrap_or_else(|e| panic!("{shape}: {e}"));
                assert_eq!(contexts.current().unwrap().as_deref(), Some("dojo-a"), "{shape}");
            }
            let written = home.read("config");
            assert_eq!(foreign(&written), foreign(&text), "{shape}:\n{written}");
            let lines: Vec<&str> = written.lines().collect();
            for line in text.lines().filter(|line| line.contains('#')) {
                let kept =
                    lines.iter().any(|found| found.contains(&line[line.find('#').unwrap()..]));
                assert!(kept, "{shape}: {line} is gone from\n{written}");
            }
            let crlf = |text: &str| text.matches("\r\n").count() == text.matches('\n').count();
            assert!(!crlf(&text) || crlf(&written) || !text.contains('\n'), "{shape}:\n{written}");

            assert!(contexts.remove("dojo-a", Some("id-1")).unwrap(), "{shape}");
            assert_eq!(home.read("config"), text, "{shape}, it was\n{written}");
            assert_eq!(home.snapshot(), before, "{shape}");
        }
    }
}

#[test]
fn clusters_come_and_go_in_any_order_and_leave_the_same_bytes() {
    let names = ["dojo-a", "dojo-b", "dojo-c"];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (shape, text) in shapes() {
        for order in orders {
            let (home, contexts) = Home::with(&text);
            let before = home.snapshot();
            for name in names {
                contexts.write(&context(name)).unwrap();
                let previous = contexts.select(name).unwrap();
                // A second `up` neither loses nor changes where to go back to.
                let once = home.snapshot();
                contexts.write(&context(name)).unwrap();
                contexts.select(name).unwrap();
                assert_eq!(home.snapshot(), once, "{shape}");
                assert_ne!(previous.as_deref(), Some(name));
            }
            // Going round among them loses nothing either.
            contexts.select("dojo-a").unwrap();
            for number in order {
                assert!(contexts.remove(names[number], Some("id-1")).unwrap());
                let current = contexts.current().unwrap();
                assert_ne!(current.as_deref(), Some(names[number]), "{shape}");
            }
            assert_eq!(home.read("config"), text, "{shape} {order:?}");
            assert_eq!(home.snapshot(), before, "{shape} {order:?}");
        }
    }
}
