//! One test's own corner of the host: its own HOME, state and docker configuration, and cluster names
//! that no one else has. When it goes, also by a panic, everything that it made goes with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::api_server::tool;

/// What a command said and how it ended.
#[derive(Debug)]
#[must_use]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// No command of a test takes that long; one that does waits for something that never comes.
const LIMIT: Duration = Duration::from_secs(10 * 60);

impl Said {
    /// Runs a command to its end.
    fn of(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let id = child.id().to_string();
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || ended.send(child.wait_with_output()));
        let output = end.recv_timeout(LIMIT).unwrap_or_else(|_| {
            let _ = Command::new("kill").arg(id).status();
            let said = end.recv_timeout(Duration::from_secs(60));
            panic!("not within {} s: {command:?}\n{said:?}", LIMIT.as_secs());
        });
        let output = output.unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the command ended with 0; returns its standard output.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// Fails the test unless the command ended with this code and said these words; returns what it
    /// said on standard error.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> String {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is missing in: {}", self.stderr);
        }
        self.stderr
    }
}

/// One test's own corner of the host.
pub struct World {
    directory: TempDir,
    clusters: Vec<String>,
    environment: Vec<(String, String)>,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl World {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("dojo-e2e-").tempdir().unwrap();
        Self { directory, clusters: Vec::new(), environment: Vec::new() }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn home(&self) -> PathBuf {
        self.path().join("state")
    }

    pub fn docker_config(&self) -> PathBuf {
        self.path().join("docker")
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.path().join(".kube/config")
    }

    /// A cluster name that no one else has; what bears it is removed at the end.
    pub fn name(&mut self, word: &str) -> String {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}-{number}-{word}", std::process::id());
        self.clusters.push(name.clone());
        name
    }

    /// Sets a variable for every later `dojo`.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.retain(|(n, _)| n != name);
        self.environment.push((name.to_owned(), value.into()));
    }

    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(n, _)| n != name);
    }

    fn within(&self, command: &mut Command) {
        for variable in [
            "DOCKER_HOST",
            "DOCKER_CONTEXT",
            "DOJO_DOCKER_HOST",
            "DOJO_MACHINE",
            "KUBECONFIG",
            "XDG_CACHE_HOME",
        ] {
            command.env_remove(variable);
        }
        command
            .env("HOME", self.path())
            .env("DOJO_HOME", self.home())
            .env("DOCKER_CONFIG", self.docker_config())
            .env("NO_COLOR", "1")
            .envs(self.environment.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::null());
    }

    /// `dojo` with arguments, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dojo"));
        command.args(args);
        self.within(&mut command);
        command
    }

    /// Runs `dojo`.
    pub fn dojo(&self, args: &[&str]) -> Said {
        Said::of(&mut self.command(args))
    }

    /// Runs `dojo` in the world's directory, for what it leaves in the one where it runs.
    pub fn dojo_here(&self, args: &[&str]) -> Said {
        Said::of(self.command(args).current_dir(self.path()))
    }

    /// Runs the user's own `docker`, which follows the selected context.
    pub fn docker(&self, args: &[&str]) -> Said {
        let mut command = Command::new("docker");
        command.args(args);
        self.within(&mut command);
        Said::of(&mut command)
    }
}

impl World {
    /// Has a shell run a file in the world's directory, up to the first command that fails; `kubectl` is on its PATH.
    pub fn sh(&self, file: &Path) -> Said {
        let kubectl = tool("kubectl");
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("sh");
        command.arg("-eu").arg(file).current_dir(self.path());
        command.env("PATH", format!("{}:{path}", kubectl.parent().unwrap().display()));
        self.within(&mut command);
        Said::of(&mut command)
    }

    /// Runs the user's own `kubectl`, which follows the selected context.
    pub fn kubectl(&self, args: &[&str]) -> Said {
        let mut command = Command::new(tool("kubectl"));
        command.args(args);
        self.within(&mut command);
        Said::of(&mut command)
    }

    /// The names of the nodes that are ready, in order.
    pub fn ready_nodes(&self) -> Vec<String> {
        let path = "jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type==\"Ready\")]\
                    .status}{\"\\n\"}{end}";
        let nodes = self.kubectl(&["get", "nodes", "--request-timeout=10s", "-o", path]).stdout;
        nodes.lines().filter_map(|line| line.strip_suffix("=True")).map(str::to_owned).collect()
    }
}

/// Every file and directory below a directory.
pub fn files(below: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![below.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path.clone());
            }
            found.insert(path);
        }
    }
    found
}

/// Runs `docker` on the engine that machines are made with.
pub fn engine(args: &[&str]) -> Said {
    let mut command = Command::new("docker");
    command.args(args).env_remove("DOCKER_HOST").env("DOCKER_CONTEXT", "default");
    Said::of(command.stdin(Stdio::null()))
}

/// Runs a script on a machine, past `dojo`.
#[track_caller]
pub fn on(cluster: &str, machine: &str, script: &str) -> String {
    engine(&["exec", &format!("dojo-{cluster}-{machine}"), "sh", "-c", script]).ok()
}

/// Every container, volume and network of the engine whose name or labels speak of a cluster.
pub fn leftovers(cluster: &str) -> Vec<String> {
    let label = format!("label=io.clusterdojo.cluster={cluster}");
    let name = format!("name=dojo-{cluster}");
    let mut found = BTreeSet::new();
    for filter in [label, name] {
        for (kind, args) in [
            ("container", ["ps", "-aq", "--no-trunc"].as_slice()),
            ("volume", &["volume", "ls", "-q"]),
            ("network", &["network", "ls", "-q", "--no-trunc"]),
        ] {
            let list = engine(&[args, &["--filter", &filter]].concat()).ok();
            found.extend(list.lines().map(|line| format!("{kind} {line}")));
        }
    }
    found.into_iter().collect()
}

impl World {
    /// Fails the test if anything of a cluster is left, on the engine or in files.
    #[track_caller]
    pub fn assert_gone(&self, cluster: &str) {
        assert_eq!(leftovers(cluster), Vec::<String>::new());
        assert!(!self.home().join("clusters").join(cluster).exists(), "state is left");
        let contexts = self.docker_config().join("contexts");
        for file in files(&contexts).iter().filter(|p| p.ends_with("meta.json")) {
            let text = std::fs::read_to_string(file).unwrap();
            assert!(!text.contains(&format!("dojo-{cluster}")), "left: {}", file.display());
        }
        let count = |kind| std::fs::read_dir(contexts.join(kind)).into_iter().flatten().count();
        assert!(count("tls") <= count("meta"), "keys of a context are left");
        let kubeconfig = std::fs::read_to_string(self.kubeconfig()).unwrap_or_default();
        assert!(!kubeconfig.contains(&format!("dojo-{cluster}")), "left: {kubeconfig}");
        let temporary: Vec<_> = files(self.path())
            .into_iter()
            .filter(|p| p.extension().is_some_and(|e| e == "tmp" || e == "lock"))
            .collect();
        assert!(temporary.is_empty(), "left: {temporary:?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.clusters.iter().for_each(|cluster| remove_all(cluster));
    }
}

/// Removes whatever there is of a test's cluster: by label and not by `dojo down`, because this must work
/// however broken things are.
pub fn remove_all(cluster: &str) {
    let label = format!("label=io.clusterdojo.cluster={cluster}");
    for (list, remove) in [
        (["ps", "-aq"].as_slice(), ["rm", "-f", "-v"].as_slice()),
        (&["volume", "ls", "-q"], &["volume", "rm", "-f"]),
        (&["network", "ls", "-q"], &["network", "rm"]),
    ] {
        let found = engine(&[list, &["--filter", &label]].concat()).stdout;
        let found: Vec<&str> = found.lines().collect();
        if !found.is_empty() {
            let _ = engine(&[remove, &found].concat());
        }
    }
}

/// Asks again and again until the answer is yes; fails the test after `seconds`.
#[track_caller]
pub fn until(what: &str, seconds: u64, mut yes: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !yes() {
        assert!(Instant::now() < end, "{what}: not within {seconds} s");
        std::thread::sleep(Duration::from_millis(100));
    }
}
