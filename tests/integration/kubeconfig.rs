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
        let path = |name: &&str| if name.is_empty() { PathBuf::new() } else { self.path(name) };
        KubeContexts::new(names.iter().map(path)).with_patience(Duration::from_millis(100))
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
    ("a comment before the next document", "current-context: a\n# between\n---\nusers: 7\n"),
    ("a comment before the end", "apiVersion: v1\n# the end\n...\n"),
    (
        "a literal with blank lines",
        "contexts: []\nusers: # mine\n- name: a\n  user:\n    token: |+\n      x\n\n\n",
    ),
    (
        "a comment after a dash",
        "contexts:\n- # the-first\n  name: a\n  context: {cluster: a}\n\n  # the-last\n",
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
    // The line ends make no difference to what the other test has not seen.
    for ((shape, text), orders) in SHAPES.iter().zip(orders.chunks(2).cycle()) {
        for order in orders {
            let (home, contexts) = Home::with(text);
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
            for name in order.map(|number| names[number]) {
                assert!(contexts.remove(name, Some("id-1")).unwrap());
                let current = contexts.current().unwrap();
                assert_ne!(current.as_deref(), Some(name), "{shape}");
            }
            assert_eq!(home.read("config"), *text, "{shape} {order:?}");
            assert_eq!(home.snapshot(), before, "{shape} {order:?}");
        }
    }
}

#[test]
fn entries_are_what_kubectl_would_write() {
    let home = Home::new();
    let contexts = home.contexts(&["config"]);
    contexts.write(&context("dojo-a")).unwrap();
    contexts.select("dojo-a").unwrap();
    let said = said(&home.read("config"));
    assert_eq!(said["apiVersion"], "v1");
    assert_eq!(said["kind"], "Config");
    assert_eq!(said["current-context"], "dojo-a");
    let cluster = &find(&said, "clusters", "dojo-a").unwrap()["cluster"];
    assert_eq!(cluster["server"], "https://127.0.0.1:32771");
    assert_eq!(cluster["certificate-authority-data"], "YXV0aG9yaXR5Cg==");
    let user = &find(&said, "users", "dojo-a").unwrap()["user"];
    assert_eq!(user["client-certificate-data"], "Y2xpZW50Cg==");
    assert_eq!(user["client-key-data"], KEY_DATA);
    let context = &find(&said, "contexts", "dojo-a").unwrap()["context"];
    assert_eq!((&context["cluster"], &context["user"]), (&"dojo-a".into(), &"dojo-a".into()));
    for entry in [cluster, user, context] {
        let mark = &entry["extensions"][0];
        assert_eq!(mark["name"], "io.clusterdojo");
        assert_eq!(mark["extension"]["cluster"], "a");
        assert_eq!(mark["extension"]["cluster-id"], "id-1");
    }
    assert_eq!(contexts.list_ours().unwrap(), [("dojo-a".to_owned(), "a".to_owned())]);
}

#[test]
fn numbers_as_names_stay_texts() {
    let (home, contexts) = Home::with("");
    for name in ["12", "yes", "y", "null", "1e3", "a: b", "\"'#", "0x1f", "- a", "é", "~"] {
        let context = KubeContext { cluster: name.to_owned(), ..context(name) };
        contexts.write(&context).unwrap();
        contexts.select(name).unwrap();
        assert_eq!(contexts.current().unwrap().as_deref(), Some(name));
        assert_eq!(contexts.list_ours().unwrap(), [(name.to_owned(), name.to_owned())]);
        assert!(contexts.remove(name, None).unwrap());
        assert_eq!(home.read("config"), "");
    }
}

#[test]
fn missing_file_is_made_for_the_user_alone_and_goes_again() {
    let home = Home::new();
    let contexts = home.contexts(&["home/.kube/config"]);
    contexts.check("dojo-a", "id-1").unwrap();
    assert_eq!(contexts.current().unwrap(), None);
    assert_eq!(contexts.list_ours().unwrap(), []);
    assert!(!contexts.remove("dojo-a", None).unwrap());
    assert_eq!(contexts.restore("dojo-a", None).unwrap(), Restored::LeftAlone);
    assert!(home.snapshot().is_empty(), "a question makes nothing");

    contexts.write(&context("dojo-a")).unwrap();
    contexts.select("dojo-a").unwrap();
    assert_eq!(mode(&home.path("home/.kube")), 0o700);
    assert_eq!(mode(&home.path("home/.kube/config")), 0o600);
    contexts.remove("dojo-a", Some("id-1")).unwrap();
    let left: Vec<_> = fs::read_dir(home.path("home/.kube")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn file_that_we_made_stays_if_somebody_else_uses_it() {
    let home = Home::new();
    let contexts = home.contexts(&["config"]);
    contexts.write(&context("dojo-a")).unwrap();
    // As kubectl leaves it: all keys there, and one entry of somebody else.
    let theirs = "- context:\n    cluster: c\n    user: u\n  name: theirs\n";
    let text = home.read("config").replace("contexts:\n", &format!("contexts:\n{theirs}"));
    home.put("config", text, 0o600);
    contexts.remove("dojo-a", None).unwrap();
    let left = home.read("config");
    assert!(left.contains(theirs) && !left.contains("dojo-a"), "{left}");
    assert!(said(&left)["kind"] == "Config" && contexts.exists("theirs"), "{left}");
}

#[test]
fn key_is_kept_from_others_as_long_as_it_is_there() {
    for (before, during) in [(0o644, 0o600), (0o640, 0o600), (0o600, 0o600), (0o700, 0o700)] {
        let home = Home::new();
        home.put("config", SHAPES[5].1, before);
        let contexts = home.contexts(&["config"]);
        contexts.write(&context("dojo-a")).unwrap();
        assert_eq!(mode(&home.config()), during);
        contexts.write(&context("dojo-b")).unwrap();
        contexts.select("dojo-b").unwrap();
        contexts.remove("dojo-a", None).unwrap();
        assert_eq!(mode(&home.config()), during);
        contexts.remove("dojo-b", None).unwrap();
        assert_eq!(mode(&home.config()), before);
    }
}

#[test]
fn foreign_entry_of_our_name_is_refused_and_untouched() {
    for (kind, text) in [
        ("context", "contexts:\n- name: dojo-a\n  context: {cluster: c, user: u}\n"),
        ("cluster", "clusters:\n- cluster: {server: \"https://a\"}\n  name: 'dojo-a'\n"),
        ("user", "users: [{\"name\": \"dojo-a\", \"user\": {\"token\": \"x\"}}]\n"),
        ("context", "contexts:\n- name: dojo-a\n"),
    ] {
        for files in [&["config"][..], &["first", "config"]] {
            let (home, _) = Home::with(text);
            home.put("first", "", 0o600);
            let contexts = home.contexts(files);
            let before = home.snapshot();
            for result in [contexts.check("dojo-a", "id-1"), contexts.write(&context("dojo-a"))] {
                let error = result.unwrap_err();
                let named = matches!(&error, Error::Foreign { kind: found, name, path }
                    if *found == kind && name == "dojo-a" && *path == home.config());
                assert!(named, "{error}");
            }
            assert!(!contexts.remove("dojo-a", None).unwrap());
            assert_eq!(home.snapshot(), before);
        }
    }
}

#[test]
fn context_of_another_cluster_of_the_same_name_is_refused_and_untouched() {
    let (home, contexts) = Home::with("");
    contexts.write(&context("dojo-a")).unwrap();
    contexts.select("dojo-a").unwrap();
    let before = home.snapshot();
    assert!(matches!(contexts.check("dojo-a", "id-2"), Err(Error::Foreign { .. })));
    let other = KubeContext { cluster_id: "id-2".to_owned(), ..context("dojo-a") };
    assert!(matches!(contexts.write(&other), Err(Error::Foreign { .. })));
    assert!(!contexts.remove("dojo-a", Some("id-2")).unwrap());
    assert_eq!(home.snapshot(), before);
    assert!(contexts.remove("dojo-a", None).unwrap());
}

#[test]
fn what_is_left_of_a_context_goes_too() {
    let (home, contexts) = Home::with(SHAPES[5].1);
    contexts.write(&context("dojo-a")).unwrap();
    contexts.select("dojo-a").unwrap();
    // `kubectl config delete-context` leaves cluster, user and selection.
    let text = home.read("config");
    let from = text.find("- context:\n    cluster: dojo-a").unwrap();
    let to = text.find("current-context").unwrap();
    home.put("config", [&text[..from], &text[to..]].concat(), 0o600);
    assert!(!contexts.exists("dojo-a"));
    assert!(contexts.remove("dojo-a", Some("id-1")).unwrap());
    assert_eq!(contexts.current().unwrap(), None);
    assert!(!home.read("config").contains("dojo-a"));
}

#[test]
fn new_address_keeps_what_the_user_has_set() {
    let (home, contexts) = Home::with(SHAPES[5].1);
    contexts.write(&context("dojo-a")).unwrap();
    let mine = home
        .read("config")
        .replace("    user: dojo-a\n", "    user: dojo-a\n    namespace: dev\n")
        .replace("    server: https://127", "    proxy-url: http://p\n    server: https://127");
    home.put("config", &mine, 0o600);
    contexts.write(&context("dojo-a")).unwrap();
    assert_eq!(home.read("config"), mine, "nothing new is nothing written");

    let moved = KubeContext { server: "https://127.0.0.1:40000".to_owned(), ..context("dojo-a") };
    contexts.write(&moved).unwrap();
    assert_eq!(home.read("config"), mine.replace("127.0.0.1:32771", "127.0.0.1:40000"));
    contexts.remove("dojo-a", None).unwrap();
    assert_eq!(home.read("config"), SHAPES[5].1);
}

#[test]
fn broken_file_is_reported_and_untouched() {
    for broken in [
        "clusters: [",
        "[]",
        "text",
        "clusters: 7\n",
        "contexts: {}\n",
        "users: [1]\n",
        "clusters:\n- name: 12\n",
        "current-context: 7\n",
        "current-context: yes\n",
        "current-context: a\ncurrent-context: b\n",
        "a: *nowhere\n",
        "a: &a [*a]\n",
        "a: 1\n\tb: 2\n",
    ] {
        let (home, _) = Home::with(broken);
        home.put("good", SHAPES[5].1, 0o600);
        let contexts = home.contexts(&["good", "config"]);
        let before = home.snapshot();
        for result in [
            contexts.check("dojo-a", "id-1"),
            contexts.write(&context("dojo-a")),
            contexts.current().map(drop),
            contexts.select("kubernetes-admin@kubernetes").map(drop),
            contexts.deselect(),
            contexts.restore("dojo-a", None).map(drop),
            contexts.remove("dojo-a", None).map(drop),
            contexts.list_ours().map(drop),
        ] {
            let error = result.expect_err(broken);
            assert!(matches!(&error, Error::Damaged { path, .. } if *path == home.config()));
        }
        assert_eq!(home.snapshot(), before, "{broken}");
    }
    let (home, contexts) = Home::with(b"a: \xff\n");
    assert!(matches!(contexts.check("dojo-a", "id-1"), Err(Error::Damaged { .. })));
    assert_eq!(fs::read(home.config()).unwrap(), b"a: \xff\n");
}

#[test]
fn aliases_to_aliases_do_not_fill_the_memory() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let list = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    let (_home, contexts) = Home::with(bomb);
    assert!(matches!(contexts.current(), Err(Error::Damaged { .. })));
}

/// Layouts that no text can be put into: the document is written anew, with all that it says.
#[test]
fn what_cannot_be_spliced_is_written_anew_with_all_that_it_says() {
    let aliased = "x-all: &all\n- {name: work, cluster: {server: \"https://w\", n: 0x10}}\nclusters: *all\ncurrent-context: work\nx: !mine {b: yes, c: \"yes\", d: [~, \"\", 'it''s'], e: |\n  two\n  lines\n}\n";
    let aliased = aliased.replace(", e: |\n  two\n  lines\n}", "}");
    let merged = "x: &x\n  clusters:\n  - {name: work, cluster: {server: \"https://w\"}}\n<<: *x\nkind: Config\n";
    let question = "? clusters\n: - {name: work, cluster: {server: \"https://w\"}}\n";
    for text in [aliased.as_str(), merged, question] {
        let (home, contexts) = Home::with(text);
        contexts.check("dojo-a", "id-1").unwrap();
        contexts.write(&context("dojo-a")).unwrap();
        contexts.select("dojo-a").unwrap();
        let written = home.read("config");
        let new = said(&written);
        assert!(find(&new, "clusters", "dojo-a").is_some(), "{written}");
        assert_eq!(find(&new, "clusters", "work").unwrap()["cluster"]["server"], "https://w");
        contexts.remove("dojo-a", None).unwrap();
        let left = home.read("config");
        let mut expected = said(text);
        // The alias is written out, and an absent selection may come back as none.
        let mut found = said(&left);
        for value in [&mut expected, &mut found] {
            value.as_object_mut().unwrap().sort_keys();
        }
        assert_eq!(found, expected, "{text}\nbecame\n{written}\nand\n{left}");
    }
}

#[test]
fn read_only_file_and_directory_are_reported_and_untouched() {
    let read_only = |error: &Error, path: &Path| matches!(error, Error::Files(context::Error::NotWritable(found)) if found == path);
    for (file, dir, at) in [(0o400, 0o700, "d/config"), (0o600, 0o500, "d")] {
        let home = Home::new();
        fs::create_dir(home.path("d")).unwrap();
        home.put("d/config", SHAPES[5].1, file);
        fs::set_permissions(home.path("d"), Permissions::from_mode(dir)).unwrap();
        let contexts = home.contexts(&["d/config"]);
        let before = home.snapshot();
        for result in [
            contexts.check("dojo-a", "id-1"),
            contexts.write(&context("dojo-a")),
            contexts.deselect(),
        ] {
            let error = result.unwrap_err();
            let at = [home.path(at), home.path("d/config")];
            assert!(at.iter().any(|at| read_only(&error, at)), "{error}");
        }
        assert_eq!(contexts.current().unwrap().as_deref(), Some("kubernetes-admin@kubernetes"));
        assert_eq!(home.snapshot(), before);
        fs::set_permissions(home.path("d"), Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn directory_that_is_missing_below_a_read_only_one_is_reported() {
    let home = Home::new();
    fs::create_dir(home.path("d")).unwrap();
    fs::set_permissions(home.path("d"), Permissions::from_mode(0o500)).unwrap();
    let error = home.contexts(&["d/.kube/config"]).check("dojo-a", "id-1").unwrap_err();
    let named =
        matches!(&error, Error::Files(context::Error::NotWritable(at)) if *at == home.path("d"));
    assert!(named, "{error}");
}

#[test]
fn link_is_followed_and_stays() {
    for target_exists in [true, false] {
        let home = Home::new();
        fs::create_dir(home.path("dotfiles")).unwrap();
        if target_exists {
            home.put("dotfiles/kube", SHAPES[10].1, 0o600);
        }
        symlink("dotfiles/kube", home.path("middle")).unwrap();
        symlink("middle", home.config()).unwrap();
        let contexts = home.contexts(&["config"]);
        let before = home.snapshot();
        contexts.check("dojo-a", "id-1").unwrap();
        contexts.write(&context("dojo-a")).unwrap();
        contexts.select("dojo-a").unwrap();
        for link in ["config", "middle"] {
            assert!(fs::symlink_metadata(home.path(link)).unwrap().is_symlink());
        }
        assert!(home.read("dotfiles/kube").contains("dojo-a"));
        contexts.remove("dojo-a", None).unwrap();
        assert_eq!(home.snapshot(), before);
    }
}

#[test]
fn file_that_is_listed_twice_is_one() {
    for text in ["", SHAPES[5].1, "contexts: []\n"] {
        let (home, _) = Home::with(text);
        symlink("config", home.path("link")).unwrap();
        symlink(home.root.path(), home.path("here")).unwrap();
        let contexts = home.contexts(&["link", "config", "here/config"]);
        let before = home.snapshot();
        contexts.write(&context("dojo-a")).unwrap();
        contexts.select("dojo-a").unwrap();
        assert_eq!(contexts.list_ours().unwrap().len(), 1);
        contexts.remove("dojo-a", None).unwrap();
        assert_eq!(home.snapshot(), before);
    }
}

#[test]
fn file_is_replaced_in_one_step() {
    let (home, contexts) = Home::with(SHAPES[5].1);
    // Whoever has the old file open reads the old text to its end.
    fs::hard_link(home.config(), home.path("old")).unwrap();
    let inode = |name| fs::metadata(home.path(name)).unwrap().ino();
    contexts.write(&context("dojo-a")).unwrap();
    assert_ne!(inode("config"), inode("old"));
    assert_eq!(home.read("old"), SHAPES[5].1);
    // What a killed process has left is swept away by the next one.
    home.put(".clusterdojo-x1", "half", 0o600);
    contexts.remove("dojo-a", None).unwrap();
    let names: Vec<_> = home.snapshot().into_keys().collect();
    assert_eq!(names, [home.config(), home.path("old")]);
}

#[test]
fn lock_of_another_program_is_waited_for_named_and_kept() {
    let (home, contexts) = Home::with(SHAPES[5].1);
    let lock = home.path("config.lock");
    fs::write(&lock, "").unwrap();
    let before = home.snapshot();
    for result in [
        contexts.check("dojo-a", "id-1"),
        contexts.write(&context("dojo-a")),
        contexts.select("kubernetes-admin@kubernetes").map(drop),
        contexts.deselect(),
    ] {
        let begin = Instant::now();
        let error = result.unwrap_err();
        assert!(matches!(&error, Error::Locked(path) if *path == lock), "{error}");
        assert!(error.to_string().contains(lock.to_str().unwrap()));
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(home.snapshot(), before);
    assert!(contexts.current().is_ok(), "reading takes no lock");

    // It is waited for, and not forever.
    let patient = contexts.with_patience(Duration::from_secs(20));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            fs::remove_file(&lock).unwrap();
        });
        let begin = Instant::now();
        patient.write(&context("dojo-a")).unwrap();
        assert!(begin.elapsed() >= Duration::from_millis(250));
    });
    assert!(!lock.exists());
}

#[test]
fn lock_of_ours_is_removed_only_when_its_process_is_gone() {
    let (home, contexts) = Home::with("");
    let lock = home.path("config.lock");
    fs::write(&lock, "clusterdojo\n").unwrap();
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    assert!(matches!(contexts.write(&context("dojo-a")), Err(Error::Locked(_))));
    assert!(matches!(contexts.check("dojo-a", "id-1"), Err(Error::Locked(_))));
    drop(held);
    contexts.check("dojo-a", "id-1").unwrap();
    contexts.write(&context("dojo-a")).unwrap();
    assert!(!lock.exists());
}

#[test]
fn removal_clears_what_a_killed_process_left() {
    let (home, contexts) = Home::with(SHAPES[5].1);
    let before = home.snapshot();
    home.put("config.lock", "clusterdojo\n", 0o600);
    home.put(".clusterdojo-x1", "half", 0o600);
    assert!(contexts.remove("dojo-a", Some("id-1")).unwrap());
    assert_eq!(home.snapshot(), before);
    assert!(!contexts.remove("dojo-a", Some("id-1")).unwrap());
}

const TWO: [(&str, &str); 2] = [
    (
        "one",
        "contexts:\n- name: here\n  context: {cluster: one, user: one}\n- name: both\n  context: {cluster: one, user: one}\n",
    ),
    (
        "two",
        "current-context: there # mine\ncontexts:\n- name: there\n  context: {cluster: two, user: two}\n- name: both\n  context: {cluster: two, user: two}\n",
    ),
];

#[test]
fn first_of_a_list_of_files_wins_and_the_first_that_exists_is_written() {
    let home = Home::new();
    for (name, text) in TWO {
        home.put(name, text, 0o600);
    }
    let contexts = home.contexts(&["", "missing", "one", "none/missing", "two", "one"]);
    let before = home.snapshot();
    assert_eq!(contexts.current().unwrap().as_deref(), Some("there"));
    assert!(contexts.exists("here") && contexts.exists("there"));
    contexts.check("dojo-a", "id-1").unwrap();
    contexts.write(&context("dojo-a")).unwrap();
    assert_eq!(home.read("two"), TWO[1].1);
    assert!(home.read("one").starts_with(TWO[0].1));
    assert_eq!(contexts.current().unwrap().as_deref(), Some("there"));

    assert_eq!(contexts.select("dojo-a").unwrap().as_deref(), Some("there"));
    assert_eq!(home.read("two"), TWO[1].1, "the first file is read before it");
    assert_eq!(contexts.current().unwrap().as_deref(), Some("dojo-a"));
    let restored = contexts.restore("dojo-a", None).unwrap();
    assert_eq!(restored, Restored::Previous("there".to_owned()));
    contexts.select("dojo-a").unwrap();
    contexts.remove("dojo-a", None).unwrap();
    assert_eq!(home.snapshot(), before);

    // Each file says one; none is none in all.
    contexts.select("here").unwrap();
    contexts.deselect().unwrap();
    assert_eq!(contexts.current().unwrap(), None);
}

#[test]
fn list_of_nothing_is_reported() {
    let contexts = KubeContexts::new(["", ""]);
    assert!(matches!(contexts.check("dojo-a", "id-1"), Err(Error::NoFile)));
    assert!(matches!(contexts.write(&context("dojo-a")), Err(Error::NoFile)));
    assert!(matches!(contexts.current(), Err(Error::NoFile)));
}

#[test]
fn last_of_a_list_is_made_if_there_is_none() {
    let home = Home::new();
    let contexts = home.contexts(&["one", "kube/two", ""]);
    contexts.write(&context("dojo-a")).unwrap();
    contexts.select("dojo-a").unwrap();
    assert!(!home.path("one").exists());
    assert!(home.read("kube/two").contains("current-context: dojo-a"));
    contexts.remove("dojo-a", None).unwrap();
    assert!(!home.path("kube/two").exists());
}

#[test]
fn entry_is_changed_in_the_file_where_it_is() {
    let home = Home::new();
    home.contexts(&["two"]).write(&context("dojo-a")).unwrap();
    home.put("one", TWO[0].1, 0o600);
    let contexts = home.contexts(&["one", "two"]);
    let moved = KubeContext { server: "https://127.0.0.1:40000".to_owned(), ..context("dojo-a") };
    contexts.write(&moved).unwrap();
    assert_eq!(home.read("one"), TWO[0].1);
    assert!(home.read("two").contains(":40000"));
    contexts.select("dojo-a").unwrap();
    contexts.remove("dojo-a", None).unwrap();
    assert_eq!(home.read("one"), TWO[0].1);
    assert!(!home.path("two").exists());
}

#[test]
fn what_is_no_file_is_not_replaced() {
    let contexts = KubeContexts::new(["/dev/null"]);
    assert_eq!(contexts.current().unwrap(), None);
    let error = contexts.check("dojo-a", "id-1").unwrap_err();
    assert!(matches!(&error, Error::Files(context::Error::NotWritable(_))), "{error}");
}

#[test]
fn choice_made_in_the_meantime_is_left_alone() {
    let (home, contexts) = Home::with(SHAPES[5].1);
    contexts.write(&context("dojo-a")).unwrap();
    contexts.select("dojo-a").unwrap();
    let text = home.read("config").replace("current-context: dojo-a", "current-context: \"mine\"");
    home.put("config", &text, 0o600);
    assert_eq!(contexts.restore("dojo-a", None).unwrap(), Restored::LeftAlone);
    assert_eq!(home.read("config"), text);
    contexts.remove("dojo-a", None).unwrap();
    let expected = SHAPES[5]
        .1
        .replace("current-context: kubernetes-admin@kubernetes", "current-context: \"mine\"");
    assert_eq!(home.read("config"), expected);
}

#[test]
fn restoring_prefers_what_is_asked_for_and_what_exists() {
    let (home, contexts) = Home::with(TWO[1].1);
    contexts.write(&context("dojo-a")).unwrap();
    let selected = home.read("config");
    contexts.select("dojo-a").unwrap();
    let restored = contexts.restore("dojo-a", Some("both")).unwrap();
    assert_eq!(restored, Restored::Previous("both".to_owned()));
    assert_eq!(home.read("config").lines().next(), Some("current-context: both # mine"));

    home.put("config", &selected, 0o600);
    contexts.select("dojo-a").unwrap();
    let restored = contexts.restore("dojo-a", Some("gone")).unwrap();
    assert_eq!(restored, Restored::Previous("there".to_owned()));
    assert_eq!(home.read("config").lines().next(), selected.lines().next());

    contexts.select("dojo-a").unwrap();
    let gone = home.read("config").replace("name: there", "name: elsewhere");
    home.put("config", gone, 0o600);
    assert_eq!(contexts.restore("dojo-a", None).unwrap(), Restored::Default);
    assert_eq!(contexts.current().unwrap(), None);
}

#[test]
fn going_to_and_fro_leaves_the_same_bytes() {
    for selected in ["current-context: 'there'  # q\n", "", "current-context: \"\"\n"] {
        let text = TWO[1].1.replace("current-context: there # mine\n", selected);
        let (home, contexts) = Home::with(&text);
        contexts.write(&context("dojo-a")).unwrap();
        let written = home.read("config");
        let before = contexts.select("dojo-a").unwrap();
        match before.as_deref() {
            Some(name) => assert_eq!(contexts.select(name).unwrap().as_deref(), Some("dojo-a")),
            None => contexts.deselect().unwrap(),
        }
        let line = |text: &str| {
            let lines = text.lines().filter(|line| line.starts_with("current-context"));
            lines.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(line(&home.read("config")), line(&written));
        contexts.remove("dojo-a", None).unwrap();
        assert_eq!(home.read("config"), text);
    }
}

#[test]
fn context_that_is_missing_cannot_be_selected() {
    let (home, contexts) = Home::with(SHAPES[5].1);
    let missing = contexts.select("dojo-a");
    assert!(matches!(missing, Err(Error::Missing(name)) if name == "dojo-a"));
    assert_eq!(home.read("config"), SHAPES[5].1);
}

#[test]
fn parallel_changes_do_not_lose_each_other() {
    let (home, _) = Home::with(SHAPES[10].1);
    let contexts = home.contexts(&["config"]).with_patience(Duration::from_secs(60));
    let names: Vec<_> = (0..6).map(|n| format!("dojo-c{n}")).collect();
    let each = |change: &(dyn Fn(&str) + Sync)| {
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(move || change(name));
            }
        });
    };
    each(&|name| {
        contexts.write(&context(name)).unwrap();
        contexts.select(name).unwrap();
    });
    let ours = contexts.list_ours().unwrap();
    assert_eq!(ours.iter().map(|c| &c.0).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    each(&|name| assert!(contexts.remove(name, None).unwrap()));
    assert_eq!(home.read("config"), SHAPES[10].1);
    assert_eq!(home.snapshot().into_keys().collect::<Vec<_>>(), [home.config()]);
}

#[test]
fn neither_debug_nor_errors_show_a_key() {
    let shown = format!("{:?}", context("dojo-a"));
    assert!(!shown.contains("MC4CAQAw") && !shown.contains(KEY_DATA), "{shown}");
    for broken in ["users: {u: SECRET\n", "users: SECRET\n", "users:\n- SECRET\n", "a: *SECRET\n"] {
        let (_home, contexts) = Home::with(broken);
        let error = contexts.check("dojo-a", "id-1").unwrap_err();
        let mut told = format!("{error:?} {error}");
        let mut source: &dyn std::error::Error = &error;
        while let Some(next) = source.source() {
            told.push_str(&next.to_string());
            source = next;
        }
        assert!(told.contains("line ") && !told.contains("SECRET"), "{told}");
    }
}

/// A block text that ends with the file has no line break at its end, and must not get one.
#[test]
fn text_that_ends_with_the_file_keeps_its_meaning() {
    let text = "apiVersion: v1\nusers:\n- name: a\n  user:\n    token: |\n      x";
    let (home, contexts) = Home::with(text);
    contexts.write(&context("dojo-a")).unwrap();
    contexts.select("dojo-a").unwrap();
    assert!(home.read("config").ends_with("    token: |\n      x"), "{}", home.read("config"));
    contexts.remove("dojo-a", None).unwrap();
    assert_eq!(home.read("config"), text);
}
