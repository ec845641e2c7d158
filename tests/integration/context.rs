//! Docker contexts, as the files say and as the real `docker` sees them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use clusterdojo::context::{DockerContext, DockerContexts, Error, Restored};
use clusterdojo::model::TlsFiles;
use tempfile::TempDir;

/// A docker configuration directory, and certificates to put into it.
struct Home {
    root: TempDir,
}

impl Home {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["ca", "cert", "key"] {
            fs::write(root.path().join(name), format!("{name} of the cluster\n")).unwrap();
        }
        fs::create_dir(root.path().join("docker")).unwrap();
        Self { root }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("docker")
    }

    fn contexts(&self) -> DockerContexts {
        DockerContexts::new(self.dir())
    }

    fn context(&self, name: &str) -> DockerContext {
        let file = |name| self.root.path().join(name);
        DockerContext {
            name: name.to_owned(),
            description: "swarm of 3 machines".to_owned(),
            endpoint: "127.0.0.1:32770".parse().unwrap(),
            tls: TlsFiles { ca: file("ca"), cert: file("cert"), key: file("key") },
            cluster: "practice".to_owned(),
            cluster_id: "id-1".to_owned(),
        }
    }

    fn config(&self) -> PathBuf {
        self.dir().join("config.json")
    }

    /// What the real `docker` prints; an error is what it says on stderr.
    fn docker(&self, args: &[&str]) -> Result<String, String> {
        let output = Command::new("docker")
            .args(args)
            .env("DOCKER_CONFIG", self.dir())
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT")
            .output()
            .unwrap();
        if output.status.success() {
            // docker says `unknown file in context` and the like on stderr, and succeeds.
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!said.contains("level=") && !said.contains("WARN"), "{said}");
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8(output.stderr).unwrap())
        }
    }

    fn names(&self) -> Vec<String> {
        let list = self.docker(&["context", "ls", "--format", "{{.Name}}"]);
        list.unwrap().lines().map(ToOwned::to_owned).collect()
    }

    /// Every file and directory below docker's directory, with its mode and content.
    fn snapshot(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut found = BTreeMap::new();
        let mut queue = vec![self.dir()];
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

    /// The directory of a context in one half of the store, as docker names it.
    fn entry(&self, half: &str, name: &str) -> PathBuf {
        let id = Command::new("sh")
            .args(["-c", "printf %s \"$1\" | sha256sum | cut -c1-64", "-", name])
            .output()
            .unwrap();
        let id = String::from_utf8(id.stdout).unwrap();
        self.dir().join("contexts").join(half).join(id.trim())
    }

    fn create_foreign(&self, name: &str) {
        let host = "host=tcp://10.0.0.1:2375";
        self.docker(&["context", "create", name, "--docker", host]).unwrap();
    }
}

/// Whether there is a `docker` to ask. Continuous integration must have one.
fn has_docker() -> bool {
    let found = Command::new("docker").arg("--version").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "docker is missing");
    found
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn docker_sees_the_context_with_its_certificates() {
    if !has_docker() {
        return;
    }
    let home = Home::new();
    let contexts = home.contexts();
    contexts.check("dojo-practice", "id-1").unwrap();
    contexts.write(&home.context("dojo-practice")).unwrap();

    assert_eq!(home.names(), ["default", "dojo-practice"]);
    let inspect = home.docker(&["context", "inspect", "dojo-practice"]);
    let inspect: serde_json::Value = serde_json::from_str(&inspect.unwrap()).unwrap();
    let seen = &inspect[0];
    assert_eq!(seen["Metadata"]["Description"], "swarm of 3 machines");
    assert_eq!(seen["Endpoints"]["docker"]["Host"], "tcp://127.0.0.1:32770");
    assert_eq!(seen["Endpoints"]["docker"]["SkipTLSVerify"], false);
    let files = serde_json::json!({"docker": ["ca.pem", "cert.pem", "key.pem"]});
    assert_eq!(seen["TLSMaterial"], files);

    // What docker exports holds the certificates and our mark.
    let export = home.root.path().join("export.tar");
    let path = export.to_str().unwrap();
    home.docker(&["context", "export", "dojo-practice", path]).unwrap();
    let bytes = fs::read(&export).unwrap();
    let tar = String::from_utf8_lossy(&bytes);
    assert!(tar.contains("key of the cluster") && tar.contains("\"cluster\":\"practice\""));

    // And docker can remove it by itself.
    home.docker(&["context", "rm", "dojo-practice"]).unwrap();
    assert!(!contexts.exists("dojo-practice"));
    assert!(!contexts.remove("dojo-practice", None).unwrap());
}

#[test]
fn private_key_can_be_read_by_the_user_alone() {
    let home = Home::new();
    home.contexts().write(&home.context("dojo-a")).unwrap();
    let tls = home.entry("tls", "dojo-a");
    assert_eq!(mode(&tls), 0o700);
    assert_eq!(mode(&tls.join("docker")), 0o700);
    assert_eq!(mode(&tls.join("docker/key.pem")), 0o600);
    assert_eq!(mode(&home.entry("meta", "dojo-a").join("meta.json")), 0o644);
}

#[test]
fn missing_directory_is_made_for_the_user_alone_and_only_when_needed() {
    let home = Home::new();
    fs::remove_dir(home.dir()).unwrap();
    let contexts = home.contexts();

    contexts.check("dojo-a", "id-1").unwrap();
    assert_eq!(contexts.current().unwrap(), None);
    assert_eq!(contexts.list_ours().unwrap(), []);
    assert!(!contexts.remove("dojo-a", None).unwrap());
    assert_eq!(contexts.restore("dojo-a", None).unwrap(), Restored::LeftAlone);
    assert!(!home.dir().exists(), "a question makes no directory");

    contexts.write(&home.context("dojo-a")).unwrap();
    assert_eq!(mode(&home.dir()), 0o700);
}

#[test]
fn up_and_down_leave_no_trace() {
    let home = Home::new();
    let before = home.snapshot();
    let contexts = home.contexts();
    contexts.write(&home.context("dojo-a")).unwrap();
    contexts.write(&home.context("dojo-a")).unwrap();
    let previous = contexts.select("dojo-a").unwrap();
    assert_eq!(contexts.current().unwrap().as_deref(), Some("dojo-a"));
    contexts.restore("dojo-a", previous.as_deref()).unwrap();
    assert!(contexts.remove("dojo-a", Some("id-1")).unwrap());
    assert_eq!(home.snapshot(), before);
}

#[test]
fn foreign_context_of_our_name_is_refused_and_untouched() {
    if !has_docker() {
        return;
    }
    let home = Home::new();
    home.create_foreign("dojo-a");
    let before = home.snapshot();
    let contexts = home.contexts();
    let context = home.context("dojo-a");

    let foreign = |result| matches!(result, Err(Error::Foreign(name)) if name == "dojo-a");
    assert!(foreign(contexts.check("dojo-a", "id-1")));
    assert!(foreign(contexts.write(&context)));
    assert!(!contexts.remove("dojo-a", None).unwrap());
    assert_eq!(home.snapshot(), before);
}

#[test]
fn context_of_another_cluster_of_the_same_name_is_refused_and_untouched() {
    let home = Home::new();
    let contexts = home.contexts();
    contexts.write(&home.context("dojo-a")).unwrap();
    let before = home.snapshot();
    assert!(matches!(contexts.check("dojo-a", "id-2"), Err(Error::Foreign(_))));
    assert!(!contexts.remove("dojo-a", Some("id-2")).unwrap());
    assert_eq!(home.snapshot(), before);
    assert!(contexts.remove("dojo-a", None).unwrap());
}

/// Leaves the store as a process does that is killed.
type Cut = fn(&Home);

/// Kills at each step of a write, one after another: docker must work in between, and a second
/// write and a removal must both come to a clean end.
#[test]
fn write_that_was_cut_short_never_breaks_docker() {
    if !has_docker() {
        return;
    }
    let cuts: &[(&str, Cut)] = &[
        ("before anything", |_| {}),
        ("temporary file half written", |home| {
            fs::create_dir_all(home.dir().join("contexts")).unwrap();
            fs::write(home.dir().join("contexts/.clusterdojo-x1"), "half").unwrap();
        }),
        ("empty directory for certificates", |home| {
            fs::create_dir_all(home.entry("tls", "dojo-a").join("docker")).unwrap();
        }),
        ("one certificate", |home| {
            let tls = home.entry("tls", "dojo-a").join("docker");
            fs::create_dir_all(&tls).unwrap();
            fs::write(tls.join("ca.pem"), "old").unwrap();
        }),
        ("certificates, empty directory for the metadata", |home| {
            home.contexts().write(&home.context("dojo-a")).unwrap();
            fs::remove_file(home.entry("meta", "dojo-a").join("meta.json")).unwrap();
        }),
        ("removal: metadata gone, certificates left", |home| {
            home.contexts().write(&home.context("dojo-a")).unwrap();
            fs::remove_dir_all(home.entry("meta", "dojo-a")).unwrap();
        }),
        ("second write: whole, temporary file left", |home| {
            home.contexts().write(&home.context("dojo-a")).unwrap();
            fs::write(home.dir().join("contexts/.clusterdojo-x1"), "half").unwrap();
        }),
        ("selection: temporary file half written", |home| {
            fs::write(home.dir().join(".clusterdojo-x2"), "{").unwrap();
        }),
    ];
    for (cut, make) in cuts {
        for complete in [true, false] {
            let home = Home::new();
            let contexts = home.contexts();
            make(&home);
            let whole = contexts.exists("dojo-a");
            assert_eq!(home.names().len(), 1 + usize::from(whole), "{cut}");
            contexts.check("dojo-a", "id-1").unwrap();
            if complete {
                contexts.write(&home.context("dojo-a")).unwrap();
                assert_eq!(home.names(), ["default", "dojo-a"], "{cut}");
                let key = home.entry("tls", "dojo-a").join("docker/key.pem");
                assert_eq!(fs::read_to_string(key).unwrap(), "key of the cluster\n");
                let temporary = home.dir().join("contexts/.clusterdojo-x1");
                assert!(!temporary.exists(), "{cut}");
            }
            contexts.remove("dojo-a", Some("id-1")).unwrap();
            assert!(home.snapshot().is_empty(), "{cut}: {:?}", home.snapshot());
        }
    }
}

#[test]
fn corrupt_foreign_context_does_not_stop_us() {
    let home = Home::new();
    let contexts = home.contexts();
    let corrupt = home.entry("meta", "theirs");
    fs::create_dir_all(&corrupt).unwrap();
    fs::write(corrupt.join("meta.json"), "").unwrap();

    contexts.check("dojo-a", "id-1").unwrap();
    contexts.write(&home.context("dojo-a")).unwrap();
    contexts.select("dojo-a").unwrap();
    let ours = [("dojo-a".to_owned(), "practice".to_owned())];
    assert_eq!(contexts.list_ours().unwrap(), ours);
    assert!(contexts.remove("dojo-a", Some("id-1")).unwrap());
    assert_eq!(contexts.list_ours().unwrap(), []);
    assert_eq!(fs::read(corrupt.join("meta.json")).unwrap(), b"");
}

#[test]
fn damaged_context_of_our_name_is_named_and_kept() {
    let home = Home::new();
    let contexts = home.contexts();
    let meta = home.entry("meta", "dojo-a").join("meta.json");
    fs::create_dir_all(meta.parent().unwrap()).unwrap();
    fs::write(&meta, "{").unwrap();
    for result in [
        contexts.check("dojo-a", "id-1"),
        contexts.write(&home.context("dojo-a")),
        contexts.remove("dojo-a", None).map(drop),
    ] {
        assert!(matches!(result, Err(Error::Damaged { path, .. }) if path == meta));
    }
    assert_eq!(fs::read(&meta).unwrap(), b"{");
}

#[test]
fn names_that_docker_refuses_are_refused() {
    let home = Home::new();
    for name in ["default", "../../etc", "a"] {
        let contexts = home.contexts();
        assert!(matches!(contexts.check(name, "id-1"), Err(Error::Name(_))));
        let context = home.context(name);
        assert!(matches!(contexts.write(&context), Err(Error::Name(_))));
        assert!(matches!(contexts.remove(name, None), Err(Error::Name(_))));
    }
    assert!(home.snapshot().is_empty());
}

const CONFIG: &str = "{\n\t\"auths\": {\n\t\t\"example.org\": {\n\t\t\t\"auth\": \"eDp5\"\n\t\t}\n\t},\n\t\"psFormat\": \"table\",\n\t\"currentContext\": \"theirs\",\n\t\"zeta\": 1,\n\t\"alpha\": []\n}";

#[test]
fn rest_of_the_config_stays_as_it_was() {
    let home = Home::new();
    let contexts = home.contexts();
    contexts.write(&home.context("dojo-a")).unwrap();
    contexts.write(&home.context("theirs")).unwrap();
    for (config, mode_before) in [
        (CONFIG.to_owned(), 0o640),
        (CONFIG.replace('\t', "  ") + "\n", 0o600),
        (CONFIG.replace('\t', "    "), 0o644),
    ] {
        fs::write(home.config(), &config).unwrap();
        fs::set_permissions(home.config(), fs::Permissions::from_mode(mode_before)).unwrap();
        let previous = contexts.select("dojo-a").unwrap();
        assert_eq!(previous.as_deref(), Some("theirs"));
        let selected = fs::read_to_string(home.config()).unwrap();
        assert_eq!(selected, config.replace("theirs", "dojo-a"));
        let restored = contexts.restore("dojo-a", previous.as_deref()).unwrap();
        assert_eq!(restored, Restored::Previous("theirs".to_owned()));
        assert_eq!(fs::read_to_string(home.config()).unwrap(), config);
        assert_eq!(mode(&home.config()), mode_before);
    }
}

#[test]
fn going_back_to_the_default_keeps_the_order_of_keys() {
    let home = Home::new();
    let contexts = home.contexts();
    contexts.write(&home.context("dojo-a")).unwrap();
    fs::write(home.config(), CONFIG.replace("theirs", "dojo-a")).unwrap();
    // The earlier one was removed in the meantime.
    let restored = contexts.restore("dojo-a", Some("theirs")).unwrap();
    assert_eq!(restored, Restored::Default);
    let expected = CONFIG.replace("\t\"currentContext\": \"theirs\",\n", "");
    assert_eq!(fs::read_to_string(home.config()).unwrap(), expected);
}

#[test]
fn users_own_context_comes_back_in_whatever_order_clusters_go() {
    for order in [["dojo-a", "dojo-b"], ["dojo-b", "dojo-a"]] {
        let home = Home::new();
        let contexts = home.contexts();
        contexts.write(&home.context("theirs")).unwrap();
        fs::write(home.config(), CONFIG).unwrap();
        let mut previous = BTreeMap::new();
        for name in ["dojo-a", "dojo-b"] {
            contexts.write(&home.context(name)).unwrap();
            previous.insert(name, contexts.select(name).unwrap());
            // A second `up` neither loses nor changes where to go back to.
            contexts.write(&home.context(name)).unwrap();
            assert_eq!(contexts.select(name).unwrap(), previous[name]);
        }
        for name in order {
            contexts.restore(name, previous[name].as_deref()).unwrap();
            contexts.remove(name, Some("id-1")).unwrap();
        }
        assert_eq!(fs::read_to_string(home.config()).unwrap(), CONFIG, "{order:?}");
    }
}

#[test]
fn choice_made_in_the_meantime_is_left_alone() {
    let home = Home::new();
    let contexts = home.contexts();
    contexts.write(&home.context("dojo-a")).unwrap();
    contexts.select("dojo-a").unwrap();
    fs::write(home.config(), CONFIG).unwrap();
    assert_eq!(contexts.restore("dojo-a", None).unwrap(), Restored::LeftAlone);
    contexts.remove("dojo-a", None).unwrap();
    assert_eq!(fs::read_to_string(home.config()).unwrap(), CONFIG);
}

#[test]
fn link_to_the_config_is_followed() {
    for target_exists in [true, false] {
        let home = Home::new();
        let contexts = home.contexts();
        contexts.write(&home.context("dojo-a")).unwrap();
        fs::create_dir(home.root.path().join("dotfiles")).unwrap();
        let target = home.root.path().join("dotfiles/docker.json");
        if target_exists {
            fs::write(&target, CONFIG).unwrap();
        }
        symlink("../dotfiles/docker.json", home.config()).unwrap();
        contexts.select("dojo-a").unwrap();
        assert!(fs::symlink_metadata(home.config()).unwrap().is_symlink());
        assert!(fs::read_to_string(&target).unwrap().contains("dojo-a"));
        contexts.restore("dojo-a", None).unwrap();
        assert!(fs::symlink_metadata(home.config()).unwrap().is_symlink());
        assert!(!fs::read_to_string(&target).unwrap().contains("dojo-a"));
    }
}

#[test]
fn broken_config_is_reported_and_untouched() {
    let home = Home::new();
    let contexts = home.contexts();
    contexts.write(&home.context("dojo-a")).unwrap();
    for broken in ["{\"auths\": ", "[]", "{\"currentContext\": 7}"] {
        fs::write(home.config(), broken).unwrap();
        for result in [
            contexts.check("dojo-a", "id-1"),
            contexts.current().map(drop),
            contexts.select("dojo-a").map(drop),
            contexts.restore("dojo-a", None).map(drop),
        ] {
            let error = result.unwrap_err();
            assert!(matches!(&error, Error::Damaged { path, .. } if *path == home.config()));
        }
        assert_eq!(fs::read_to_string(home.config()).unwrap(), broken);
    }
    // A context can still be removed: docker ignores such a file, so nothing depends on it.
    assert!(contexts.remove("dojo-a", None).unwrap());
    // To docker an empty file says nothing, and that is no fault.
    fs::write(home.config(), "").unwrap();
    assert_eq!(contexts.current().unwrap(), None);
}

#[test]
fn context_that_is_missing_cannot_be_selected() {
    let home = Home::new();
    let missing = home.contexts().select("dojo-a");
    assert!(matches!(missing, Err(Error::Missing(name)) if name == "dojo-a"));
    assert!(home.snapshot().is_empty());
}

#[test]
fn removing_the_selected_context_keeps_docker_working() {
    if !has_docker() {
        return;
    }
    let home = Home::new();
    let contexts = home.contexts();
    contexts.write(&home.context("dojo-a")).unwrap();
    contexts.select("dojo-a").unwrap();
    assert_eq!(home.docker(&["context", "show"]).unwrap(), "dojo-a\n");
    contexts.remove("dojo-a", None).unwrap();
    assert_eq!(home.docker(&["context", "show"]).unwrap(), "default\n");
    assert_eq!(home.names(), ["default"]);
}

#[test]
fn docker_and_we_agree_on_what_is_selected() {
    if !has_docker() {
        return;
    }
    let home = Home::new();
    let contexts = home.contexts();
    contexts.write(&home.context("dojo-a")).unwrap();
    home.create_foreign("theirs");
    home.docker(&["context", "use", "theirs"]).unwrap();
    let before = fs::read(home.config()).unwrap();
    assert_eq!(contexts.current().unwrap().as_deref(), Some("theirs"));
    let previous = contexts.select("dojo-a").unwrap();
    assert_eq!(home.docker(&["context", "show"]).unwrap(), "dojo-a\n");
    contexts.restore("dojo-a", previous.as_deref()).unwrap();
    assert_eq!(fs::read(home.config()).unwrap(), before);
    home.docker(&["context", "use", "default"]).unwrap();
    assert_eq!(contexts.current().unwrap(), None);
}

#[test]
fn parallel_changes_do_not_lose_each_other() {
    let home = Home::new();
    fs::write(home.config(), CONFIG).unwrap();
    let names: Vec<_> = (0..10).map(|n| format!("dojo-c{n}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| {
                let contexts = home.contexts();
                for _ in 0..5 {
                    contexts.write(&home.context(name)).unwrap();
                    let previous = contexts.select(name).unwrap();
                    contexts.restore(name, previous.as_deref()).unwrap();
                }
            });
        }
    });
    let contexts = home.contexts();
    let ours = contexts.list_ours().unwrap();
    assert_eq!(ours.iter().map(|c| &c.0).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    let config = fs::read_to_string(home.config()).unwrap();
    assert!(config.contains("example.org") && config.contains("\"zeta\": 1"));
    for name in &names {
        assert!(contexts.remove(name, None).unwrap());
    }
    assert!(!home.dir().join("contexts").exists());
    let left: Vec<_> = home.snapshot().into_keys().collect();
    assert_eq!(left, [home.config()]);
}
