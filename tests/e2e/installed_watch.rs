//! `dojo watch --install` on a real swarm: what a machine of it sends to a chat while no `dojo` runs here.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread::sleep;
use std::time::Duration;

use crate::hook::{Hook, SECRET};
use crate::service::build_image;
use crate::world::{World, engine, files, on, until};

/// How long a message may take after what it tells of.
const SOON: u64 = 20;
/// How long to wait for a message that must not come.
const QUIET: Duration = Duration::from_secs(5);

#[test]
fn a_machine_tells_of_a_killed_task_once_and_keeps_nothing_when_it_is_to_tell_no_more() {
    let mut world = World::new();
    let name = world.name("installed");
    let image = format!("dojo-e2e-{name}:1");
    build_image(world.path(), &image, "1");
    world.dojo(&["up", &name, "--workers", "1"]).ok();
    let loaded = world.dojo(&["image", "load", "--cluster", &name, &image]);
    engine(&["image", "rm", &image]).ok();
    loaded.ok();
    let create = ["service", "create", "--no-resolve-image", "--name", "web", "--replicas", "4"];
    world.docker(&[&create[..], &["--restart-delay", "0s", &image]].concat()).ok();

    // This computer, as machines reach it.
    let network = format!("dojo-{name}");
    let gateway = "{{(index .IPAM.Config 0).Gateway}}";
    let gateway = engine(&["network", "inspect", &network, "--format", gateway]).ok();
    let hook = Hook::at_address(gateway.trim());
    let url = world.path().join("url");
    fs::write(&url, &hook.url).unwrap();
    fs::set_permissions(&url, fs::Permissions::from_mode(0o600)).unwrap();
    let install = ["watch", &name, "--install", "--webhook-file", url.to_str().unwrap()];
    let said = world.dojo(&install).ok();
    assert!(said.starts_with(&format!("{name} is watched on manager-1; ")), "{said}");

    // Who has the URL writes to the chat, and who has the keys has the cluster.
    let root = "/var/lib/clusterdojo/watch";
    assert_eq!(on(&name, "manager-1", &format!("stat -c '%a %U' {root}")), "700 root\n");
    let open = format!("find {root} -type f ! -name dojo -perm /077");
    assert_eq!(on(&name, "manager-1", &open), "");
    let keys = format!("grep -rl -e OPENSSH -e ca-key {root}/home || true");
    assert_eq!(on(&name, "manager-1", &keys), "");
    let shown = on(
        &name,
        "manager-1",
        "unit=clusterdojo-watch; systemctl show $unit; systemctl cat $unit; journalctl --no-pager; ps -eo args; \
         tr '\\0' '\\n' </proc/$(systemctl show --property MainPID --value $unit)/environ",
    );
    assert!(shown.contains("ActiveState=active") && shown.contains("is watched"), "{shown}");
    assert!(!shown.contains(SECRET), "{shown}");
    for file in files(&world.home()).iter().filter(|file| file.is_file()) {
        let text = fs::read(file).unwrap();
        assert!(!String::from_utf8_lossy(&text).contains(SECRET), "{}", file.display());
    }

    let quiet = |what: &str| {
        sleep(QUIET);
        assert_eq!(hook.all(), [""; 0], "{what}");
    };
    let kill = || {
        on(&name, "worker-1", "docker kill $(docker ps --quiet | head -n 1)");
        let said = hook.next(SOON);
        assert!(said.text.starts_with(&format!("{name}: web.")), "{said:?}");
        let words = " was killed on worker-1 (exit code 137); replaced on ";
        assert!(said.text.contains(words), "{said:?}");
        quiet("one killed task is one message");
    };
    quiet("how it is at first is how it is to be");
    kill();

    // Again, and there is one watch still.
    world.dojo(&["-q", "watch", &name, "--install", "--webhook-file", url.to_str().unwrap()]).ok();
    kill();

    // What ends it begins it anew.
    on(&name, "manager-1", "systemctl kill --signal KILL clusterdojo-watch");
    until("it watches again", 60, || {
        let state = "systemctl is-active clusterdojo-watch || true";
        on(&name, "manager-1", state) == "active\n"
    });
    kill();

    let removed = world.dojo(&["watch", &name, "--uninstall"]).ok();
    assert_eq!(removed, "the watch is removed from manager-1\n");
    let left = "systemctl list-units --all --plain --no-legend 'clusterdojo-watch*'; \
                find /etc/systemd /var/lib/clusterdojo -name '*watch*' 2>/dev/null || true";
    assert_eq!(on(&name, "manager-1", left), "");
    on(&name, "worker-1", "docker kill $(docker ps --quiet | head -n 1)");
    quiet("nobody watches any more");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}
