//! The driver contract: what every driver promises, whatever machines are made of. Beneath it, what
//! the docker driver promises on top.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say where")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clusterdojo::driver::docker::{DockerDriver, DockerOptions, ImageBuild};
use clusterdojo::driver::{Driver, Error};
use clusterdojo::event::{Progress, Silent};
use clusterdojo::model::{
    ClusterName, DriverName, HostKey, Machine, MachineId, MachineName, MachineRequest,
    MachineState, Orchestrator, Role, Secret, Service, Size,
};

pub(crate) fn progress() -> Progress {
    Progress::new(Arc::new(Silent))
}

/// The clusters of one test; when its thread ends, also by a panic, whatever is left of them goes.
#[derive(Default)]
struct Made(Vec<ClusterName>);

impl Drop for Made {
    fn drop(&mut self) {
        self.0.iter().for_each(|name| crate::world::remove_all(name.as_str()));
    }
}

thread_local! {
    static MADE: RefCell<Made> = RefCell::default();
}

/// A name that no other test run uses at the same time.
pub(crate) fn cluster(what: &str) -> ClusterName {
    let number: u32 = rand::random();
    let name: ClusterName = format!("test-{what}-{number:08x}").parse().unwrap();
    MADE.with_borrow_mut(|made| made.0.push(name.clone()));
    name
}

pub(crate) fn request(cluster: &ClusterName, role: Role, number: u16) -> MachineRequest {
    let folder = tempfile::tempdir().unwrap();
    let key = |name: &str| {
        let path = folder.path().join(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
            .arg(&path)
            .status();
        assert!(made.unwrap().success());
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        let private = std::fs::read_to_string(path).unwrap();
        (public.trim().to_owned(), private)
    };
    let (public, private) = key("host");
    MachineRequest {
        id: MachineId { cluster: cluster.clone(), name: MachineName::new(role, number) },
        driver: DriverName::fixed("docker"),
        cluster_id: format!("id-of-{cluster}"),
        home: "home".to_owned(),
        orchestrator: Orchestrator::Engines,
        size: Size::default(),
        ports: Vec::new(),
        authorized_key: key("user").0,
        host_key: HostKey { public, private: Secret::new(private) },
    }
}

/// Waits for sshd's first words.
fn assert_answers(machine: &Machine) {
    let address: SocketAddr = machine.endpoint(Service::Ssh).unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    let mut banner = [0; 4];
    while Instant::now() < end {
        let read = TcpStream::connect(address).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.read_exact(&mut banner)
        });
        if read.is_ok() && &banner == b"SSH-" {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no sshd at {address} for `{}`", machine.id);
}

/// What does not change when a machine is off and on again. On EC2 a public address is only lease to an
/// instance that runs.
fn lasting(machine: &Machine) -> Machine {
    match machine.driver.as_str() {
        "ec2" => Machine { endpoints: BTreeMap::new(), ..machine.clone() },
        _ => machine.clone(),
    }
}

/// Runs every promise of [`Driver`] against a real driver. Leaves nothing behind unless it fails.
pub(crate) async fn driver_contract(driver: &dyn Driver) {
    let (first, second) = (cluster("a"), cluster("b"));
    let requests = [request(&first, Role::Manager, 1), request(&first, Role::Worker, 1)];
    let neighbour = request(&second, Role::Manager, 1);

    // Preparing and creating twice is once.
    for _ in 0..2 {
        driver.prepare(&first, &requests, &progress()).await.unwrap();
    }
    let neighbours = std::slice::from_ref(&neighbour);
    driver.prepare(&second, neighbours, &progress()).await.unwrap();
    let (manager, worker, other) = futures_util::try_join!(
        driver.create(&requests[0]),
        driver.create(&requests[1]),
        driver.create(&neighbour),
    )
    .unwrap();
    assert_eq!(driver.create(&requests[0]).await.unwrap(), manager);
    assert_eq!(manager.state, MachineState::Running);
    assert_ne!(manager.private_ip, worker.private_ip);

    // A listing sees its own cluster, all of it, as it was created.
    let listed = driver.list(Some(&first)).await.unwrap();
    assert_eq!(listed, [manager.clone(), worker.clone()]);
    let listed = driver.list(Some(&second)).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&other));
    let everything = driver.list(None).await.unwrap();
    for machine in [&manager, &worker, &other] {
        assert!(everything.contains(machine));
    }

    // The machine has the host key that was known before it was made.
    for machine in [&manager, &worker, &other] {
        assert_answers(machine);
    }
    if let Some(key) = driver.host_key(&manager).await.unwrap() {
        let own = driver.own_host_key(&requests[0]);
        assert_eq!(key, own.unwrap_or_else(|| requests[0].host_key.public.clone()));
    }

    // Off and on again changes no address; doing either twice is fine.
    for _ in 0..2 {
        driver.stop(&manager).await.unwrap();
    }
    let stopped = Machine { state: MachineState::Stopped, ..lasting(&manager) };
    assert_eq!(lasting(&driver.list(Some(&first)).await.unwrap()[0]), stopped);
    let found = driver.create(&requests[0]).await.unwrap();
    assert_eq!(lasting(&found), stopped, "creating what is off must not replace it");
    for _ in 0..2 {
        driver.start(&found).await.unwrap();
    }
    let started = driver.list(Some(&first)).await.unwrap().swap_remove(0);
    assert_eq!(lasting(&started), lasting(&manager));
    let manager = started;
    assert_answers(&manager);

    // Destroying twice is fine, also at the same time, and touches nobody else.
    let (a, b) = futures_util::join!(driver.destroy(&worker), driver.destroy(&worker));
    a.unwrap();
    b.unwrap();
    driver.destroy(&worker).await.unwrap();
    let listed = driver.list(Some(&first)).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&manager));

    // Cleaning up removes machines too, and only this cluster's.
    for _ in 0..2 {
        driver.cleanup(&first, None).await.unwrap();
    }
    assert!(driver.list(Some(&first)).await.unwrap().is_empty());
    assert_eq!(driver.list(Some(&second)).await.unwrap(), [other]);
    driver.cleanup(&second, None).await.unwrap();
    assert!(driver.list(Some(&second)).await.unwrap().is_empty());
}

/// Runs the docker command, which sees what the driver cannot hide.
fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Whatever carries a cluster's label.
fn remains(cluster: &ClusterName) -> Vec<String> {
    let filter = format!("label=io.clusterdojo.cluster={cluster}");
    let lists: [&[&str]; 3] = [
        &["ps", "-aq", "--filter", &filter],
        &["volume", "ls", "-q", "--filter", &filter],
        &["network", "ls", "-q", "--filter", &filter],
    ];
    let lists = lists.into_iter().map(docker);
    lists.flat_map(|l| l.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

async fn connect(options: DockerOptions) -> DockerDriver {
    // Tests run side by side; the image is built by the first of them.
    static IMAGE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let driver = DockerDriver::connect(options).await.unwrap();
    let _one_at_a_time = IMAGE.lock().await;
    if !driver.image_present().await.unwrap() {
        driver.build_image(ImageBuild::default(), &progress()).await.unwrap();
    }
    driver
}

#[tokio::test]
async fn docker_keeps_the_contract() {
    driver_contract(&connect(DockerOptions::default()).await).await;
}

#[tokio::test]
async fn nothing_of_a_machine_is_left() {
    let driver = connect(DockerOptions::default()).await;
    let name = cluster("gone");
    let wanted = request(&name, Role::Engine, 1);
    driver.prepare(&name, std::slice::from_ref(&wanted), &progress()).await.unwrap();
    let machine = driver.create(&wanted).await.unwrap();
    let template = "{{range .Mounts}}{{if eq .Type \"volume\"}}{{.Name}} {{end}}{{end}}";
    let volumes = docker(&["inspect", "--format", template, &machine.handle]);
    let volumes: Vec<_> = volumes.split_whitespace().collect();
    assert_eq!(volumes.len(), 3);
    let labelled = remains(&name);
    for volume in &volumes {
        assert!(
            labelled.iter().any(|id| id == volume),
            "found by label, should removal be cut short"
        );
    }
    // Whatever the engine's own configuration says.
    let template = "{{.HostConfig.Init}} {{.HostConfig.UsernsMode}} {{.HostConfig.LogConfig.Type}}";
    assert_eq!(docker(&["inspect", "--format", template, &machine.handle]), "false host json-file");
    let options = docker(&["inspect", "--format", "{{.HostConfig.SecurityOpt}}", &machine.handle]);
    assert!(options.contains("no-new-privileges=false"), "{options}");
    driver.destroy(&machine).await.unwrap();
    let all = docker(&["volume", "ls", "-q"]);
    for volume in volumes {
        assert!(!all.contains(volume), "{volume} outlived its machine");
    }
    driver.cleanup(&name, None).await.unwrap();
    assert_eq!(remains(&name), Vec::<String>::new());
}

#[tokio::test]
async fn a_machine_is_a_whole_system_with_an_engine_that_works() {
    let driver = connect(DockerOptions::default()).await;
    let name = cluster("whole");
    let requests = [request(&name, Role::Manager, 1), request(&name, Role::Worker, 1)];
    driver.prepare(&name, &requests, &progress()).await.unwrap();
    let (manager, worker) =
        futures_util::try_join!(driver.create(&requests[0]), driver.create(&requests[1])).unwrap();
    assert_answers(&manager);
    let run = |script: &str| docker(&["exec", &manager.handle, "sh", "-ec", script]);
    assert_eq!(run("systemctl is-system-running --wait"), "running");
    assert_eq!(run("hostname"), "manager-1");
    let address = run("getent ahostsv4 worker-1 | awk 'NR == 1 { print $1 }'");
    assert_eq!(address, worker.private_ip.to_string());
    for unit in ["docker.service", "docker.socket", "containerd.service"] {
        let state = run(&format!("systemctl is-enabled {unit} || true"));
        assert_eq!(state, "disabled", "{unit}");
    }
    assert_ne!(
        run("cat /etc/machine-id"),
        docker(&["exec", &worker.handle, "cat", "/etc/machine-id"])
    );
    run("systemctl start docker");
    let tiny =
        "cd /usr/bin; tar -ch $(ldd true date head mknod dash | grep -o '/[^ ]*' | sort -u) \
                /usr/bin/true /usr/bin/date /usr/bin/head /usr/bin/mknod /usr/bin/dash 2>/dev/null |
        docker import - tiny >/dev/null";
    run(tiny);
    run("docker run --rm --network none tiny /usr/bin/true");
    run("docker run --rm --privileged tiny /usr/bin/true");
    the_host_is_out_of_reach(&manager);
    driver.cleanup(&name, None).await.unwrap();
    assert_eq!(remains(&name), Vec::<String>::new());
}

/// The device number of the disk that the root of this computer lies on, as mknod has it.
fn root_disk() -> String {
    use std::os::unix::fs::MetadataExt as _;
    let device = std::fs::metadata("/").unwrap().dev();
    format!("{} {}", rustix::fs::major(device), rustix::fs::minor(device))
}

/// Ordinary commands on a machine, and in privileged containers on it, change nothing of the host.
fn the_host_is_out_of_reach(machine: &Machine) {
    let refused = |script: &str| {
        let mut command = Command::new("docker");
        command.args(["exec", &machine.handle, "sh", "-c", script]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "`{script}` is to fail");
        let reasons = ["not permitted", "Read-only", "denied", "No such file", "nonexistent"];
        assert!(reasons.iter().any(|reason| said.contains(reason)), "`{script}`: {said}");
    };
    let run = |script: &str| docker(&["exec", &machine.handle, "sh", "-ec", script]);
    let clock = std::time::SystemTime::now();
    refused("date -s 2001-01-01");
    assert!(clock.elapsed().unwrap() < Duration::from_secs(60), "the host's clock was set");
    refused("echo h >/proc/sysrq-trigger");
    for setting in ["sysrq", "core_pattern", "printk", "randomize_va_space", "threads-max"] {
        let file = format!("/proc/sys/kernel/{setting}");
        refused(&format!("value=$(cat {file}) && echo \"$value\" >{file}"));
    }
    refused("value=$(cat /proc/sys/vm/swappiness) && echo $value >/proc/sys/vm/swappiness");
    refused("echo x >/proc/irq/default_smp_affinity");
    refused("echo x >/sys/power/state");
    // They are the host's, with all that it holds; the last one would freeze it, so it comes last.
    for action in ["fstrim", "fsfreeze --unfreeze", "fsfreeze --freeze"] {
        refused(&format!("{action} /var/lib/docker"));
        refused(&format!("{action} /var/lib/kubelet"));
    }
    refused("cd /var/lib/docker && fallocate -l 1M swap && mkswap -q swap && swapon swap");
    refused("dmesg --console-level 1");
    refused("dmesg --clear");
    refused("echo it was us >/dev/kmsg");
    refused("head -c 1 /dev/mem || mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem");
    let disk = format!("mknod /tmp/disk b {} && head -c 1 /tmp/disk", root_disk());
    refused(&disk);
    // Also what a container inside was given by mistake is not theirs to give.
    let inside = |script: &str| {
        refused(&format!("docker run --rm --privileged tiny /usr/bin/dash -c '{script}'"));
    };
    inside("date -s 2001-01-01");
    inside(&disk.replace("/tmp/disk", "/disk"));
    for (number, what) in
        [("10 236", "device mapper"), ("10 237", "loop devices"), ("21 0", "SCSI")]
    {
        refused(&format!("mknod /tmp/host c {number} && exec 3<>/tmp/host # {what}"));
        run("rm -f /tmp/host");
    }
    let bounding = run("sed -n 's/^CapBnd:[[:space:]]*//p' /proc/1/status");
    let bounding = u64::from_str_radix(&bounding, 16).unwrap();
    // CAP_SYS_MODULE and CAP_SYS_TIME.
    assert_eq!(bounding & (1 << 16 | 1 << 25), 0, "{bounding:x}");
    // What is a machine's own, or set by kubelet, and then not the host's.
    run("sysctl -w net.ipv4.ip_forward=1");
    for setting in [
        "kernel/panic",
        "kernel/panic_on_oops",
        "kernel/keys/root_maxkeys",
        "kernel/keys/root_maxbytes",
        "vm/overcommit_memory",
        "vm/panic_on_oom",
    ] {
        let file = format!("/proc/sys/{setting}");
        let before = std::fs::read_to_string(&file).unwrap();
        assert_eq!(run(&format!("cat {file}")), before.trim());
        assert_eq!(run(&format!("echo 7 >{file} && cat {file}")), "7");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before, "the host's {setting}");
    }
    run("unshare --user --map-root-user --pid --fork --mount-proc true");
    run("dmesg >/dev/null; head -c 0 /dev/kmsg");
}

#[tokio::test]
async fn a_machine_that_never_booted_is_replaced() {
    let driver = connect(DockerOptions::default()).await;
    let name = cluster("half");
    let wanted = request(&name, Role::Worker, 1);
    driver.prepare(&name, std::slice::from_ref(&wanted), &progress()).await.unwrap();
    let machine = driver.create(&wanted).await.unwrap();
    // The same container as a killed `up` leaves it: all labels, never started.
    let template = "{{range $k, $v := .Config.Labels}}--label={{$k}}={{$v}}\n{{end}}";
    let labels = docker(&["inspect", "--format", template, &machine.handle]);
    let image = docker(&["inspect", "--format", "{{.Config.Image}}", &machine.handle]);
    driver.destroy(&machine).await.unwrap();
    let alias = wanted.id.alias();
    let mut arguments = vec!["create", "--name", &alias];
    arguments.extend(labels.lines().filter(|line| !line.is_empty()));
    arguments.push(&image);
    let unfinished = docker(&arguments);

    let listed = driver.list(Some(&name)).await.unwrap();
    assert_eq!(listed[0].state, MachineState::Unfinished);
    assert_eq!(listed[0].handle, unfinished);
    let machine = driver.create(&wanted).await.unwrap();
    assert_eq!(machine.state, MachineState::Running);
    assert_ne!(machine.handle, unfinished);
    assert_answers(&machine);
    driver.cleanup(&name, None).await.unwrap();
    assert_eq!(remains(&name), Vec::<String>::new());
}

#[tokio::test]
async fn foreign_things_of_our_name_are_left_alone() {
    let driver = connect(DockerOptions::default()).await;
    let name = cluster("foreign");
    let wanted = request(&name, Role::Worker, 1);
    let requests = std::slice::from_ref(&wanted);
    driver.prepare(&name, requests, &progress()).await.unwrap();
    let image = docker(&["images", "-q", "--filter", "label=io.clusterdojo.image"]);
    let image = image.lines().next().unwrap();
    let alias = wanted.id.alias();
    let container = docker(&["create", "--name", &alias, image]);
    for result in [
        driver.prepare(&name, requests, &progress()).await.err(),
        driver.create(&wanted).await.err(),
    ] {
        let error = result.unwrap();
        assert!(
            matches!(&error, Error::Foreign { subject } if subject.contains(&alias)),
            "{error}"
        );
    }
    driver.cleanup(&name, None).await.unwrap();
    assert_eq!(docker(&["inspect", "--format", "{{.Id}}", &alias]), container);
    docker(&["rm", &container]);

    let network = docker(&["network", "create", "--subnet", "10.199.254.0/24", &name.context()]);
    let error = driver.prepare(&name, requests, &progress()).await.unwrap_err();
    assert!(matches!(&error, Error::Foreign { subject } if subject.contains("network")), "{error}");
    driver.cleanup(&name, None).await.unwrap();
    docker(&["network", "rm", &network]);
}

#[tokio::test]
async fn another_cluster_of_the_same_name_is_left_alone() {
    let driver = connect(DockerOptions::default()).await;
    let name = cluster("twin");
    let mine = request(&name, Role::Worker, 1);
    driver.prepare(&name, std::slice::from_ref(&mine), &progress()).await.unwrap();
    let machine = driver.create(&mine).await.unwrap();
    let theirs = MachineRequest {
        cluster_id: "of-somebody-else".to_owned(),
        ..request(&name, Role::Worker, 1)
    };
    for result in [
        driver.prepare(&name, std::slice::from_ref(&theirs), &progress()).await.err(),
        driver.create(&theirs).await.err(),
    ] {
        let error = result.unwrap();
        let names_it = |owner: &str| owner.contains(&mine.cluster_id);
        assert!(matches!(&error, Error::Taken { owner, .. } if names_it(owner)), "{error}");
    }
    assert_eq!(driver.list(Some(&name)).await.unwrap(), [machine]);
    driver.cleanup(&name, None).await.unwrap();
}

#[tokio::test]
async fn what_is_taken_is_refused_before_anything_is_made() {
    let driver = connect(DockerOptions::default()).await;
    let (name, other) = (cluster("taken"), cluster("owner"));
    let refused =
        async |driver: &DockerDriver, wanted: &[MachineRequest], resource: &str, by: &str| {
            let error = driver.prepare(&name, wanted, &progress()).await.unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, Error::Taken { .. }), "{text}");
            assert!(text.contains(resource) && text.contains(by), "{text}");
            assert_eq!(remains(&name), Vec::<String>::new());
        };

    // By a process.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut wanted = request(&name, Role::Worker, 1);
    wanted.ports = vec![format!("{port}:80").parse().unwrap()];
    let resource = format!("port {port}");
    refused(&driver, std::slice::from_ref(&wanted), &resource, "process").await;

    // By a machine of another cluster, running or not.
    drop(listener);
    let mut owner = request(&other, Role::Worker, 1);
    owner.ports.clone_from(&wanted.ports);
    driver.prepare(&other, std::slice::from_ref(&owner), &progress()).await.unwrap();
    let machine = driver.create(&owner).await.unwrap();
    let alias = owner.id.alias();
    refused(&driver, std::slice::from_ref(&wanted), &resource, &alias).await;
    driver.stop(&machine).await.unwrap();
    refused(&driver, std::slice::from_ref(&wanted), &resource, &alias).await;
    driver.cleanup(&other, None).await.unwrap();

    // By another machine of the same request.
    let mut twin = request(&name, Role::Worker, 2);
    twin.ports.clone_from(&wanted.ports);
    refused(&driver, &[wanted, twin], &resource, "worker-1").await;

    // A subnet, by a network.
    let bridge =
        docker(&["network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", "bridge"]);
    let inside_bridge =
        DockerOptions { subnet: Some(bridge.parse().unwrap()), ..Default::default() };
    let driver = connect(inside_bridge).await;
    let wanted = request(&name, Role::Worker, 1);
    refused(&driver, &[wanted], &bridge, "network `bridge`").await;
}

#[tokio::test]
async fn many_clusters_at_once_get_networks_of_their_own() {
    let names: Vec<_> = (0..10).map(|n| cluster(&format!("many{n}"))).collect();
    let work = names.iter().map(|name| async move {
        // Each cluster is prepared by two processes, one after the other as its lock has them.
        for _ in 0..2 {
            let driver = connect(DockerOptions::default()).await;
            let wanted = [request(name, Role::Worker, 1)];
            driver.prepare(name, &wanted, &progress()).await.unwrap();
        }
    });
    futures_util::future::join_all(work).await;
    let mut subnets = BTreeSet::new();
    for name in &names {
        let networks = remains(name);
        assert_eq!(networks.len(), 1, "{name}");
        let template = "{{(index .IPAM.Config 0).Subnet}}";
        subnets.insert(docker(&["network", "inspect", "--format", template, &networks[0]]));
    }
    assert_eq!(subnets.len(), names.len());
    let driver = connect(DockerOptions::default()).await;
    for name in &names {
        driver.cleanup(name, None).await.unwrap();
        assert_eq!(remains(name), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_build_that_fails_says_where() {
    let driver = connect(DockerOptions::default()).await;
    let impossible = ImageBuild {
        base: Some("scratch".to_owned()),
        tag: Some("clusterdojo/test:never".to_owned()),
        ..ImageBuild::default()
    };
    let result = driver.build_image(impossible, &progress()).await;
    let error = clusterdojo::event::chain(&result.unwrap_err());
    assert!(error.contains("clusterdojo/test:never"), "{error}");
    assert!(error.contains("RUN rm -f /usr/sbin/policy-rc.d"), "{error}");
}
