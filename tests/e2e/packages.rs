//! Kubernetes from a package repository and an image registry, and a bundle made of that. Both are served
//! from a container of ours, made of the test bundle's own binaries and images.

mod forward_proxy;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use self::forward_proxy::ForwardProxy;
use crate::api_server::{bundle, image_in, previous_bundle, release};
use crate::kubernetes_upgrade::dns;
use crate::service::build_image;
use crate::world::{World, engine, leftovers, until};

/// The repositories and the registry; gone when it goes.
struct Mirror {
    container: String,
    /// The base address, also of Docker's packages.
    repository: String,
    registry: String,
    /// Of the key that signs the packages of Kubernetes.
    fingerprint: String,
    /// Of the key that signs Docker's.
    fingerprint_of_docker: String,
    /// Where all of it is served by TLS, as if it were where it is published.
    published: String,
}

fn script(args: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kube-mirror");
    let output = Command::new(script).args(args).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kube-mirror {args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

impl Mirror {
    /// Of the releases of bundles.
    fn new(word: &str, bundles: &[PathBuf]) -> Self {
        let container = format!("t{}-mirror-{word}", std::process::id());
        let mut mirror = Self {
            container,
            repository: String::new(),
            registry: String::new(),
            fingerprint: String::new(),
            fingerprint_of_docker: String::new(),
            published: String::new(),
        };
        let bundles = bundles.iter().map(|bundle| bundle.to_str().unwrap());
        let args: Vec<_> = ["up", &mirror.container].into_iter().chain(bundles).collect();
        let said = script(&args);
        let mut lines = said.lines().map(str::to_owned);
        mirror.repository = lines.next().unwrap();
        mirror.registry = lines.next().unwrap();
        mirror.fingerprint = lines.next().unwrap();
        mirror.fingerprint_of_docker = lines.next().unwrap();
        mirror.published = lines.next().unwrap();
        mirror
    }

    /// Has the registry serve the image of `tests/e2e/web`.
    fn serve_web(&self, world: &World) {
        let (image, file) = (format!("{}/web:1", self.container), world.path().join("image.tar"));
        build_image(world.path(), &image, "1");
        let file = file.to_str().unwrap();
        engine(&["save", "-o", file, &image]).ok();
        engine(&["rmi", &image]).ok();
        engine(&["cp", file, &format!("{}:/web.tar", self.container)]).ok();
        self.run(&format!(
            "skopeo copy --quiet --insecure-policy --dest-tls-verify=false \
             docker-archive:/web.tar docker://{}/web:1",
            self.registry
        ));
    }

    fn run(&self, command: &str) {
        engine(&["exec", &self.container, "sh", "-ec", command]).ok();
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ = engine(&["rm", "-f", "-v", &self.container]);
    }
}

/// A machine image that is of no use to anybody else; removed when this goes.
pub struct Unwanted(pub String);

impl Drop for Unwanted {
    fn drop(&mut self) {
        assert!(self.0.contains("-kubernetes-"), "{}", self.0);
        let _ = engine(&["rmi", &self.0]);
    }
}

fn ready(world: &World) -> usize {
    let nodes = world.kubectl(&["get", "nodes", "--no-headers"]).ok();
    nodes.lines().filter(|l| l.split_whitespace().nth(1) == Some("Ready")).count()
}

/// The container runtime of each node.
fn runtimes(world: &World) -> Vec<String> {
    let path = "jsonpath={.items[*].status.nodeInfo.containerRuntimeVersion}";
    let said = world.kubectl(&["get", "nodes", "-o", path]).ok();
    said.split_whitespace().map(str::to_owned).collect()
}

/// Where the packages of the former release are within the repository.
const FOLDER: &str = "/srv/web/core:/stable:/v1.36/deb";

#[test]
fn a_cluster_comes_from_packages_and_a_registry() {
    let mut world = World::new();
    let name = world.name("packages");
    let mirror = Mirror::new("up", &[bundle(), previous_bundle()]);
    // All that machines fetch comes through a proxy, and nothing that they have to do with each other. It is where
    // machines reach this computer also while there is no network of theirs, as images are built then.
    let host = mirror.registry.split(':').next().unwrap();
    let proxy = ForwardProxy::start();
    for variable in ["http_proxy", "https_proxy"] {
        world.set(variable, format!("http://{host}:{}", proxy.port()));
    }
    let registry = format!("http://{}", mirror.registry);
    let mut up =
        vec!["up", &name, "--kubernetes", "--workers", "1", "--kubernetes-version", "1.36"];
    up.extend(["--kubernetes-repository", &mirror.repository, "--kubernetes-registry", &registry]);
    // The pod network is somebody else's, too.
    let network = format!("{}/network.yaml", mirror.repository);
    let manifest =
        include_str!("packages/network.yaml").replace("REGISTRY", &mirror.registry) + "\n";
    let sum = Sha256::digest(&manifest).iter().map(|b| format!("{b:02x}")).collect::<String>();
    up.extend(["--cni", &network, "--cni-sha256", &sum, "--subnet", "10.0.178.0/24"]);

    // Without TLS, only a fingerprint that was given tells whose packages these are.
    world.dojo(&up).fails(2, &["without TLS", "--kubernetes-repository-key"]);
    up.extend(["--kubernetes-repository-key", &mirror.fingerprint]);
    up.extend(["--engine-repository", &mirror.repository]);
    world.dojo(&up).fails(2, &["without TLS", "--engine-repository-key"]);
    // Each publisher has a key of its own.
    let of_docker = up.len() + 1;
    up.extend(["--engine-repository-key", &mirror.fingerprint]);
    let said =
        world.dojo(&up).fails(1, &["the key of the package repository is not the right one"]);
    assert!(said.contains("/linux/debian/gpg"), "{said}");
    up[of_docker] = &mirror.fingerprint_of_docker;
    mirror.run(&format!("cp /srv/other.asc '{FOLDER}/Release.key'"));
    let said =
        world.dojo(&up).fails(1, &["the key of the package repository is not the right one"]);
    assert!(said.contains(&mirror.fingerprint), "{said}");
    // The right key, but what it is to have signed was changed since.
    mirror.run(&format!(
        "cd '{FOLDER}'; cp /srv/kubernetes.asc Release.key; cp InRelease /srv/; sed -i 's/^Date:.*/&x/' InRelease"
    ));
    let said = world.dojo(&up).fails(1, &["apt does not accept the package repository"]);
    assert!(said.contains("not signed") || said.contains("BADSIG"), "{said}");
    mirror.run(&format!("mv /srv/InRelease '{FOLDER}/'"));

    // A disk that is full in the middle of a pull.
    let (worker, disk) = (format!("dojo-{name}-worker-1"), "/var/lib/containerd");
    let small = format!("mount -t tmpfs -o size=1g disk {disk} && fallocate -l 1000M {disk}/fill");
    engine(&["exec", &worker, "sh", "-c", &small]).ok();
    let said = world.dojo(&up).fails(1, &["cannot pull", "no space left on device"]);
    assert!(said.contains(&format!("dojo ssh {name}/worker-1 -- df -h")), "{said}");
    engine(&["exec", &worker, "rm", &format!("{disk}/fill")]).ok();

    // Without a pod network nothing is begun.
    let said =
        world.dojo(&up).fails(1, &["cannot fetch the manifest of the pod network", &network]);
    assert!(said.contains("404") && !said.contains("begin the cluster: ok"), "{said}");
    mirror.run("echo '# another one' >/srv/web/network.yaml");
    world.dojo(&up).fails(1, &["the manifest of the pod network is not the right one", &sum]);
    mirror.run(&format!("cat >/srv/web/network.yaml <<'END'\n{manifest}END"));
    mirror.serve_web(&world);

    // The machines that are there already go on from there.
    world.dojo(&up).ok();
    assert_eq!(ready(&world), 2);
    let containerd = runtimes(&world);
    assert!(containerd.iter().all(|it| it.starts_with("containerd://2.")), "{containerd:?}");
    let pods = world.kubectl(&["get", "pods", "-A", "-o", "jsonpath={..image}"]).ok();
    let images: Vec<_> = pods.split_whitespace().collect();
    assert!(images.len() >= 6, "{images:?}");
    assert!(images.iter().all(|image| image.starts_with(&mirror.registry)), "{images:?}");

    // kubelet pulls from that registry by itself, too.
    let image = images.iter().find(|image| image.contains("/etcd:")).unwrap();
    let mut run = vec!["run", "pulled", "--restart=Never", "--image"];
    run.extend([image, "--", "etcd", "--version"]);
    world.kubectl(&run).ok();
    let phase = ["get", "pod", "pulled", "-o", "jsonpath={.status.phase}"];
    until("the pod has run", 90, || world.kubectl(&phase).stdout == "Succeeded");
    let said = world.kubectl(&["logs", "pulled"]).ok();
    assert!(said.contains("etcd Version: "), "{said}");
    let asked = proxy.asked();
    let (registry, _) = mirror.registry.split_once('/').unwrap();
    let images = format!("GET http://{registry}/v2/");
    let packages = format!("GET {}/core:/stable:/v1.36/deb/", mirror.repository);
    let docker = format!("GET {}/linux/debian/pool/containerd.io", mirror.repository);
    for what in [&images, &packages, &docker, &format!("GET {network}")] {
        assert!(asked.iter().any(|line| line.starts_with(what)), "{what}: {asked:?}");
    }
    let own = ["10.0.178.", "10.96.", "10.244.", "127.0.0.1", "localhost", "control-plane", ".svc"];
    let strayed = asked.iter().find(|line| own.iter().any(|place| line.contains(place)));
    assert_eq!(strayed, None, "it was asked for what is the cluster's own");

    // What is there is neither fetched nor upgraded.
    mirror.run(&format!("mv '{FOLDER}' /srv/web/network.yaml /srv/"));
    world.dojo(&up).ok();
    let held = world.dojo(&["ssh", &format!("{name}/worker-1"), "--", "apt-mark", "showhold"]).ok();
    assert_eq!(held.split_whitespace().collect::<Vec<_>>(), ["kubeadm", "kubectl", "kubelet"]);
    up[6] = "1.35";
    let other = format!("has Kubernetes {}, and 1.35 was asked for", release(&previous_bundle()));
    world.dojo(&up).fails(1, &[&other]);

    // From the same places comes the next release.
    let upgraded = world.dojo(&["upgrade", &name, "--kubernetes-version", "1.37"]).ok();
    let now = format!("has Kubernetes {} now: 2 nodes", release(&bundle()));
    assert!(upgraded.contains(&now), "{upgraded}");
    assert_eq!(ready(&world), 2);
    let path = "jsonpath={.items[*].status.nodeInfo.kubeletVersion}";
    let kubelets = world.kubectl(&["get", "nodes", "-o", path]).ok();
    let tag = format!("v{}", release(&bundle()));
    assert_eq!(kubelets.split_whitespace().collect::<Vec<_>>(), [&tag, &tag]);
    let image = image_in(&bundle(), "coredns");
    let (_, tag) = image.rsplit_once(':').unwrap();
    assert_eq!(dns(&world), [format!("{}/coredns:{tag}", mirror.registry)]);

    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn a_bundle_is_made_of_packages_and_makes_a_cluster() {
    let mut world = World::new();
    let name = world.name("made");
    let mirror = Mirror::new("bundle", &[bundle()]);
    let file = world.path().join("made.tar");
    let file = file.to_str().unwrap();
    let registry = format!("http://{}", mirror.registry);
    let machines = || engine(&["ps", "-aq", "--filter", "name=dojo-bundle-"]).ok();
    let before = machines();
    let mut create = vec!["bundle", "create", "-o", file, "--kubernetes-version", "1.37"];
    create.extend(["--kubernetes-repository", &mirror.repository]);
    create.extend(["--kubernetes-registry", &registry]);
    world.dojo(&create).fails(2, &["without TLS", "--kubernetes-repository-key"]);
    create.extend(["--kubernetes-repository-key", &mirror.fingerprint]);
    create.extend(["--engine-repository", &mirror.repository]);
    create.extend(["--engine-repository-key", &mirror.fingerprint_of_docker]);
    let said = world.dojo(&create).ok();
    assert!(said.contains(&format!("Kubernetes {} for", release(&bundle()))), "{said}");
    assert_eq!(machines(), before, "its machine is left");
    assert!(!world.home().join("clusters").read_dir().unwrap().any(|entry| entry.is_ok()));
    // From here on there is only the file.
    drop(mirror);

    world.dojo(&["bundle", "verify", file]).ok();
    let ours = world.dojo(&["bundle", "inspect", bundle().to_str().unwrap(), "-o", "json"]).ok();
    let made = world.dojo(&["bundle", "inspect", file, "-o", "json"]).ok();
    let what = |text: &str| {
        let inspected: serde_json::Value = serde_json::from_str(text).unwrap();
        let files = inspected["files"].as_array().unwrap().iter();
        let mut what: Vec<_> = files
            .map(|file| {
                let goal = file.get("target").or(file.get("image")).unwrap();
                (goal.as_str().unwrap().to_owned(), file["roles"].to_string())
            })
            .collect();
        what.sort();
        what
    };
    assert_eq!(what(&made), what(&ours));

    let up = ["up", &name, "--kubernetes", "--workers", "1", "--bundle", file];
    world.dojo(&up).ok();
    assert_eq!(ready(&world), 2);
    let worker = format!("dojo-{name}-worker-1");
    let image = engine(&["inspect", &worker, "--format", "{{.Config.Image}}"]).ok();
    let _image = Unwanted(image.trim().to_owned());
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

/// Where Kubernetes and what it needs is published.
const PUBLISHED: [&str; 4] =
    ["pkgs.k8s.io", "download.docker.com", "registry.k8s.io", "registry-1.docker.io"];

#[test]
fn nothing_needs_to_be_said_of_where_kubernetes_is_published() {
    let mut world = World::new();
    let name = world.name("published");
    let mirror = Mirror::new("published", &[bundle()]);
    let proxy = ForwardProxy::leading(&PUBLISHED, &mirror.published);
    let host = mirror.registry.split(':').next().unwrap();
    for variable in ["http_proxy", "https_proxy"] {
        world.set(variable, format!("http://{host}:{}", proxy.port()));
    }
    // A machine that has nothing yet, but trusts whom the published addresses lead to here.
    let bare = world.dojo(&["image", "build", "--bare"]).ok();
    let image = Trusting::new(&world, &mirror, bare.trim());

    let plan = ["up", &name, "--kubernetes", "--dry-run"];
    let said = world.dojo(&plan).ok();
    assert!(said.contains("create  control-plane-1"), "{said}");
    world.dojo(&["up", &name, "--kubernetes", "--workers", "0", "--image", &image.0]).ok();
    assert_eq!(ready(&world), 1);
    let containerd = runtimes(&world);
    assert!(containerd[0].starts_with("containerd://2."), "{containerd:?}");
    // The last of them is asked once something needs what makes volumes.
    for host in PUBLISHED {
        let connect = format!("CONNECT {host}:443");
        until(&connect, 60, || proxy.asked().contains(&connect));
    }
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    refuses(&mut World::new(), &mirror);
}

/// A repository that cannot serve says why.
fn refuses(world: &mut World, mirror: &Mirror) {
    let name = world.name("norepo");
    let up = |version: &str, repository: &str| {
        let mut up = vec!["up", &name, "--kubernetes", "--workers", "0", "--rollback"];
        up.extend(["--kubernetes-version", version, "--kubernetes-repository", repository]);
        up.extend(["--kubernetes-repository-key", &mirror.fingerprint]);
        world.dojo(&up)
    };
    let lacks = format!("has no Kubernetes 1.37.99; it has: {}", release(&bundle()));
    up("1.37.99", &mirror.repository).fails(1, &[&lacks]);
    up("1.35", &mirror.repository)
        .fails(1, &["there is no Kubernetes 1.35 in that repository", "Release.key"]);
    // Nobody listens there.
    up("1.37", "http://127.0.0.1:1/k8s").fails(
        1,
        &[
            "cannot fetch the key of the package repository",
            "http://127.0.0.1:1/k8s/core:/stable:/v1.37/deb/Release.key",
        ],
    );
    up("1.37", "k8s.example").fails(2, &["not the base address of a package repository"]);
    assert_eq!(leftovers(&name), Vec::<String>::new());
}

/// A machine image that trusts the mirror's certificate; gone when this goes.
struct Trusting(String);

impl Trusting {
    fn new(world: &World, mirror: &Mirror, machine: &str) -> Self {
        let folder = world.path().join("trusting");
        std::fs::create_dir(&folder).unwrap();
        let file = |name: &str| folder.join(name).display().to_string();
        engine(&["cp", &format!("{}:/srv/ca.crt", mirror.container), &file("ca.crt")]).ok();
        let dockerfile = format!(
            "FROM {machine}\nCOPY ca.crt /usr/local/share/ca-certificates/mirror.crt\n\
             RUN update-ca-certificates\n"
        );
        std::fs::write(file("Dockerfile"), dockerfile).unwrap();
        let image = Self(format!("{}/machine:1", mirror.container));
        engine(&["build", "-q", "-t", &image.0, &folder.display().to_string()]).ok();
        image
    }
}

impl Drop for Trusting {
    fn drop(&mut self) {
        let _ = engine(&["rmi", &self.0]);
    }
}
