//! What the cluster is for: a service with health checks, through the user's own docker.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::world::{World, engine, until};

/// Builds an image of `tests/e2e/web`: one static file, and what docker must know of it.
pub fn build_image(directory: &Path, reference: &str, version: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/web/main.rs");
    let root = directory.join("web-root");
    let tar = directory.join("web.tar");
    if !tar.exists() {
        fs::create_dir_all(&root).unwrap();
        let compiled = Command::new("rustc")
            .args([
                "--edition=2024",
                "-O",
                "-C",
                "target-feature=+crt-static",
                "-C",
                "strip=symbols",
                "-o",
            ])
            .arg(root.join("web"))
            .arg(source)
            .status()
            .unwrap();
        assert!(compiled.success());
        let mut pack = Command::new("tar");
        let packed = pack.arg("-C").arg(&root).arg("-cf").arg(&tar).arg("web").status();
        assert!(packed.unwrap().success());
    }
    let mut import = Command::new("docker");
    import.env("DOCKER_CONTEXT", "default").arg("import");
    for change in [
        r#"ENTRYPOINT ["/web"]"#,
        r#"HEALTHCHECK --interval=1s --timeout=1s --retries=2 CMD ["/web", "check"]"#,
        &format!("ENV VERSION={version}"),
    ] {
        import.args(["--change", change]);
    }
    let imported = import.arg(&tar).arg(reference).stdout(Stdio::null()).status().unwrap();
    assert!(imported.success());
}

/// One request, as a load balancer makes it: the next replica is asked if one does not answer.
pub fn request(ports: &[u16], path: &str) -> Option<String> {
    ports.iter().find_map(|port| {
        let address = ([127, 0, 0, 1], *port).into();
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.0 200").then_some(answer)
    })
}

pub fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> =
        (0..count).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|l| l.local_addr().unwrap().port()).collect()
}

/// Has all engines take up another setting: one after the other, each without work, and with what nobody
/// else starts again.
fn restart_engines(world: &World, cluster: &str, reference: &str) {
    let on = |machine: &str, command: &str| {
        world.dojo(&["ssh", &format!("{cluster}/{machine}"), "--", command]).ok()
    };
    on("worker-1", &format!("docker run -d --name lonely {reference}"));
    world.docker(&["node", "update", "--availability", "pause", "worker-2"]).ok();
    let up = ["up", cluster, "--engine-opt", "debug=true"];
    let plan = world.dojo(&[&up[..], &["--dry-run"]].concat()).ok();
    assert_eq!(plan, "restart manager-1\nrestart worker-1\nrestart worker-2\n");
    let said = world.dojo(&[&["--log-format", "plain"], &up[..]].concat());
    let story = said.stderr.clone();
    said.ok();
    let machines = ["manager-1", "worker-1", "worker-2"];
    let steps: Vec<&str> =
        story.lines().filter(|l| l.contains("come back into the cluster: ok")).collect();
    let order: Vec<&str> = steps.iter().filter_map(|l| l.split(':').next()).collect();
    assert_eq!(order, machines, "{story}");
    assert!(story.contains("one after the other: manager-1, worker-1, worker-2"), "{story}");
    assert!(story.contains("worker-1: warning: containers without a restart policy"), "{story}");
    for machine in machines {
        assert_eq!(on(machine, "docker info --format '{{.Debug}}'"), "true\n", "{machine}");
    }
    assert_eq!(on("worker-1", "docker inspect --format '{{.State.Running}}' lonely"), "true\n");
    // Whoever took work before does again, and nobody else.
    let nodes = world.docker(&["node", "ls", "--format", "{{.Hostname}} {{.Availability}}"]).ok();
    let mut nodes: Vec<&str> = nodes.lines().collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["manager-1 Active", "worker-1 Active", "worker-2 Pause"]);
    world.docker(&["node", "update", "--availability", "active", "worker-2"]).ok();
}

#[test]
#[expect(clippy::too_many_lines, reason = "one cluster's life, from which nothing can be left out")]
fn a_service_is_healed_and_updated_without_dropping_a_request() {
    let mut world = World::new();
    let name = world.name("service");
    let reference = format!("dojo-e2e-web:{}", std::process::id());
    build_image(world.path(), &reference, "0");
    let ports = free_ports(3);
    let publish: Vec<String> = ["manager-1", "worker-1", "worker-2"]
        .iter()
        .zip(&ports)
        .map(|(machine, port)| format!("{port}:8080@{machine}"))
        .collect();
    let flags: Vec<&str> = publish.iter().flat_map(|p| ["-p", p]).collect();
    world.dojo(&[&["up", &name], flags.as_slice()].concat()).ok();
    world.dojo(&["image", "load", "--cluster", &name, &reference]).ok();
    // With one of them off, the others get what has that name now, and that one when it is there again.
    build_image(world.path(), &reference, "1");
    let off = format!("{name}/worker-1");
    world.dojo(&["stop", &off]).ok();
    let said = world.dojo(&["image", "load", "--cluster", &name, &reference]);
    assert_eq!(said.stdout, format!("{reference} is on 2 machines\n"));
    said.fails(1, &["worker-1: the machine is stopped", &format!("`dojo start {off}`")]);
    world.dojo(&["start", &off]).ok();
    let inspect = format!("docker image inspect --format '{{{{.Config.Env}}}}' {reference}");
    let has = world.dojo(&["ssh", &off, "--", &inspect]).ok();
    assert!(has.contains("VERSION=1"), "{has}");
    // It belongs to the cluster, so a machine that is made later has it from here …
    let lose = |machine: &str| engine(&["rm", "-f", "-v", &format!("dojo-{name}-{machine}")]).ok();
    lose("worker-2");
    world.dojo(&["up", &name]).ok();
    engine(&["image", "rm", &reference]).ok();
    // … or, where it is no longer here, from another one.
    lose("worker-1");
    world.dojo(&["up", &name]).ok();

    // Host-mode publishing works on every kernel; the routing mesh needs ip_vs.
    world
        .docker(&[
            "service",
            "create",
            "--quiet",
            "--name",
            "web",
            "--mode",
            "global",
            "--publish",
            "mode=host,published=8080,target=8080",
            "--stop-grace-period",
            "1s",
            "--update-parallelism",
            "1",
            "--update-monitor",
            "2s",
            "--no-resolve-image",
            &reference,
        ])
        .ok();
    for port in &ports {
        until("the service answers on every machine", 30, || {
            request(&[*port], "/").is_some_and(|a| a.contains("version 1"))
        });
    }

    // An ill replica is noticed by its health check, killed and replaced.
    let replica = |state: &str| {
        let filter = format!("desired-state={state}");
        world
            .docker(&[
                "service",
                "ps",
                "--no-trunc",
                "web",
                "--filter",
                &filter,
                "--format",
                "{{.ID}} {{.Error}}",
            ])
            .ok()
    };
    let before = replica("running");
    request(&ports[1..2], "/break").unwrap();
    until("the ill replica is replaced", 60, || {
        let running = replica("running");
        running != before && replica("shutdown").contains("unhealthy")
    });
    until("the new replica is well", 30, || request(&ports[1..2], "/health").is_some());

    // Requests go on all through the update, and not one of them may fail.
    let stop = Arc::new(AtomicBool::new(false));
    let (dropped, served) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let load = std::thread::spawn({
        let (stop, dropped, served, ports) =
            (stop.clone(), dropped.clone(), served.clone(), ports.clone());
        move || {
            let mut first = 0;
            while !stop.load(Ordering::Relaxed) {
                first = (first + 1) % ports.len();
                let order = [&ports[first..], &ports[..first]].concat();
                let counter = if request(&order, "/").is_some() { &served } else { &dropped };
                counter.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    });
    world.docker(&["service", "update", "--quiet", "--env-add", "VERSION=2", "web"]).ok();
    restart_engines(&world, &name, &reference);
    stop.store(true, Ordering::Relaxed);
    load.join().unwrap();
    for port in &ports {
        until("it answers everywhere", 30, || {
            request(&[*port], "/").is_some_and(|a| a.contains("version 2"))
        });
    }
    let (dropped, served) = (dropped.load(Ordering::Relaxed), served.load(Ordering::Relaxed));
    assert!(served > 50, "only {served} requests were made");
    assert_eq!(dropped, 0, "of {served} requests");

    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}
