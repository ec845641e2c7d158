//! A host that docker-machine made an engine of becomes a plain Docker host, and is docker-machine's again afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::NOTHING;
use super::host::{Host, Lab, difference};
use crate::world::{World, files};

/// The files of docker-machine, with one machine of its driver `generic`.
fn store(world: &World, lab: &Lab, host: &Host) -> PathBuf {
    let store = world.path().join("machine-store");
    let directory = store.join("machines/box");
    fs::create_dir_all(&directory).unwrap();
    let key = directory.join("id_rsa");
    fs::copy(lab.identity(), &key).unwrap();
    let config = json!({
        "ConfigVersion": 3,
        "Driver": {
            "IPAddress": host.address, "MachineName": "box", "SSHUser": "root", "SSHPort": 22, "SSHKeyPath": key,
            "StorePath": store, "SwarmMaster": false, "SwarmHost": "", "SwarmDiscovery": "", "EnginePort": 2376,
            "SSHKey": lab.identity()
        },
        "DriverName": "generic",
        "HostOptions": { "Driver": "", "Memory": 0, "Disk": 0 },
        "Name": "box"
    });
    fs::write(directory.join("config.json"), serde_json::to_vec_pretty(&config).unwrap()).unwrap();
    store
}

fn contents(store: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    files(store).into_iter().map(|path| (path.clone(), fs::read(path).ok())).collect()
}

#[test]
fn a_machine_of_docker_machine_is_taken_and_given_back() {
    let mut world = World::new();
    let name = world.name("box");
    let lab = Lab::new(&world);
    let host = lab.strange_host(&world);
    // As docker-machine's provisioner for systemd leaves it.
    host.run(
        "mkdir -p /etc/systemd/system/docker.service.d
        cat >/etc/systemd/system/docker.service.d/10-machine.conf <<'END'
[Service]
ExecStart=
ExecStart=/usr/sbin/dockerd -H tcp://0.0.0.0:2376 -H unix:///var/run/docker.sock --label provider=generic
Environment=
END",
    )
    .ok();
    let store = store(&world, &lab, &host);
    world.set("MACHINE_STORAGE_PATH", store.display().to_string());
    let (before, kept) = (host.state(), contents(&store));
    let config = lab.config().display().to_string();
    let import = |more: &[&str]| {
        let own = ["import", "docker-machine", "box", "--name", &name, "--ssh-config", &config];
        world.dojo(&[&own, more].concat())
    };
    // Nobody has seen its key yet.
    import(&["--yes"]).fails(3, &["--host-key", "ssh_host_ed25519_key.pub"]);
    assert!(!world.home().join("clusters").join(&name).exists());
    assert_eq!(difference(&before, &host.state()), NOTHING);

    let command = import(&["--dry-run", "--host-key", &host.key]).ok();
    assert!(command.contains(&format!("--host root@{}:22", host.address)), "{command}");
    import(&["--yes", "--host-key", &host.key]).ok();
    let hostname = host.run("hostname").ok();
    for context in [format!("dojo-{name}"), format!("dojo-{name}.machine-1")] {
        let info = world.docker(&["--context", &context, "info", "--format", "{{.Name}}"]).ok();
        assert_eq!(info, hostname);
    }
    let exported = world.path().join("exported").display().to_string();
    world.dojo(&["context", "export", "--external", &name, &exported]).ok();
    world.docker(&["context", "import", "theirs", &exported]).ok();
    world.docker(&["--context", "theirs", "ps"]).ok();
    world.docker(&["context", "rm", "theirs"]).ok();

    world.dojo(&["up", &name, "--remove-docker"]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    assert_eq!(difference(&before, &host.state()), NOTHING);
    assert_eq!(contents(&store), kept, "docker-machine's files are as they were");
}
