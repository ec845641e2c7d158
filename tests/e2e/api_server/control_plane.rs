//! A real etcd and a real API server out of the Kubernetes bundle, on loopback, without any kubelet:
//! nodes are what `kubectl` says they are. Both end with the test, also by a panic.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;

use clusterdojo::bundle::{Bundle, Kind};
use clusterdojo::model::KubeCredentials;
use clusterdojo::pki::{Authority, Identity, Validity};
use clusterdojo::remote::ApiServer;
use tempfile::TempDir;
use tokio::sync::Mutex;

const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const SOON: Duration = Duration::from_secs(40);

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub struct ControlPlane {
    pub authority: Authority,
    pub endpoint: SocketAddr,
    etcd: String,
    api: Option<Process>,
    _etcd: Process,
    // The last one, so that nothing writes there any more.
    directory: TempDir,
}

/// Tests that are under way at the same time share one, and the last of them ends it.
static SHARED: Mutex<Weak<ControlPlane>> = Mutex::const_new(Weak::new());

impl ControlPlane {
    /// One for many tests, each of which must have its own nodes and its own namespace.
    pub async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(plane) = shared.upgrade() {
            return plane;
        }
        let plane = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&plane);
        plane
    }

    /// Starts both, and waits until the API server is ready.
    pub async fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("dojo-e2e-").tempdir().unwrap();
        // Its name is the organization of all its clients, and this group may do everything.
        let authority = Authority::create("system:masters", Validity::authority()).unwrap();
        let names = [KubeCredentials::SERVER_NAME.to_owned()];
        let server = authority.server("api", &names, &[LOCALHOST.into()]).unwrap();
        let file = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        file("ca.pem", authority.cert_pem());
        file("cert.pem", &server.cert);
        file("key.pem", server.key.expose());
        let [client, peer, port] = free_ports();
        let etcd = format!("http://{LOCALHOST}:{client}");
        let peer = format!("http://{LOCALHOST}:{peer}");
        let process = spawn(
            directory.path(),
            "etcd",
            &[
                "--data-dir=etcd",
                &format!("--listen-client-urls={etcd}"),
                &format!("--advertise-client-urls={etcd}"),
                &format!("--listen-peer-urls={peer}"),
                &format!("--initial-advertise-peer-urls={peer}"),
                &format!("--initial-cluster=default={peer}"),
            ],
        );
        let endpoint = SocketAddr::from((LOCALHOST, port));
        let mut plane = Self { authority, endpoint, etcd, api: None, _etcd: process, directory };
        let credentials = plane.credentials(&plane.admin());
        plane.write_kubeconfig(&credentials);
        plane.start_api();
        if let Err(error) = plane.connect().ready(SOON).await {
            let log = plane.directory.path().join("kube-apiserver.log");
            panic!(
                "{error:?}
{}",
                fs::read_to_string(log).unwrap()
            );
        }
        plane
    }

    /// Starts the API server, and does not wait for it.
    pub fn start_api(&mut self) {
        let process = spawn(
            self.directory.path(),
            "kube-apiserver",
            &[
                &format!("--etcd-servers={}", self.etcd),
                &format!("--bind-address={LOCALHOST}"),
                &format!("--advertise-address={LOCALHOST}"),
                // Nobody may be told of an API at a loopback address.
                "--endpoint-reconciler-type=none",
                &format!("--secure-port={}", self.endpoint.port()),
                "--client-ca-file=ca.pem",
                "--tls-cert-file=cert.pem",
                "--tls-private-key-file=key.pem",
                "--service-account-issuer=https://practice",
                "--service-account-key-file=cert.pem",
                "--service-account-signing-key-file=key.pem",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--authorization-mode=RBAC",
                // No controller manager runs here that would make service accounts.
                "--disable-admission-plugins=ServiceAccount",
            ],
        );
        self.api = Some(process);
    }

    /// As a loss of power does.
    pub fn kill_api(&mut self) {
        self.api = None;
    }

    pub fn admin(&self) -> Identity {
        self.authority.client("admin").unwrap()
    }

    /// The server's authority, and this client.
    pub fn credentials(&self, client: &Identity) -> KubeCredentials {
        let ca = self.authority.cert_pem().to_owned();
        KubeCredentials { ca, cert: client.cert.clone(), key: client.key.clone() }
    }

    pub fn connect(&self) -> ApiServer {
        ApiServer::connect(self.endpoint, &self.credentials(&self.admin())).unwrap()
    }

    fn write_kubeconfig(&self, credentials: &KubeCredentials) {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        fs::write(path("client.pem"), &credentials.cert).unwrap();
        fs::write(path("client.key"), credentials.key.expose()).unwrap();
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "c" } }],
            "clusters": [{ "name": "c", "cluster": {
                "server": format!("https://{}", self.endpoint),
                "certificate-authority": path("ca.pem"),
            }}],
            "users": [{ "name": "c", "user": {
                "client-certificate": path("client.pem"),
                "client-key": path("client.key"),
            }}],
        });
        fs::write(path("kubeconfig"), config.to_string()).unwrap();
    }

    /// What kubectl says; the test fails if it fails.
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        let mut child = Command::new(tool("kubectl"))
            .env_clear()
            .env("HOME", self.directory.path())
            .env("KUBECONFIG", self.directory.path().join("kubeconfig"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes or changes objects.
    #[track_caller]
    pub fn put(&self, object: &serde_json::Value) {
        self.kubectl(&["apply", "--validate=false", "-f", "-"], &object.to_string());
    }

    /// Changes the status of an object, as its controller or its kubelet does.
    #[track_caller]
    pub fn put_status(&self, path: &str, status: &serde_json::Value) {
        let object = self.kubectl(&["get", "--raw", path], "");
        let mut object: serde_json::Value = serde_json::from_str(&object).unwrap();
        object["status"] = status.clone();
        self.kubectl(
            &["replace", "--raw", &format!("{path}/status"), "-f", "-"],
            &object.to_string(),
        );
    }
}

/// Three ports that nothing listens on.
fn free_ports() -> [u16; 3] {
    // All of them are held until all are known, so that they differ.
    let listeners = [(); 3].map(|()| TcpListener::bind((LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn spawn(directory: &Path, name: &str, arguments: &[&str]) -> Process {
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join(format!("{name}.log")))
        .unwrap();
    let mut command = Command::new(tool(name));
    let command = command.args(arguments).current_dir(directory).env_clear();
    let output = log.try_clone().unwrap();
    Process(command.stdin(Stdio::null()).stdout(output).stderr(log).spawn().unwrap())
}

/// A program of the bundle, unpacked.
pub fn tool(name: &str) -> PathBuf {
    unpacked().join(name).join(name)
}

/// The bundle that tests make clusters of.
pub fn bundle() -> PathBuf {
    named_by("DOJO_TEST_BUNDLE")
}

/// The bundle of the minor release before that one.
pub fn previous_bundle() -> PathBuf {
    named_by("DOJO_TEST_PREVIOUS_BUNDLE")
}

/// The release in a bundle, as in `1.37.2`.
pub fn release(bundle: &Path) -> String {
    Bundle::open(bundle).unwrap().version().to_string()
}

/// The image of that name in a bundle.
pub fn image_in(bundle: &Path, name: &str) -> String {
    let bundle = Bundle::open(bundle).unwrap();
    let mut images = bundle.manifest().files.iter().filter_map(|file| match &file.kind {
        Kind::Image { image } => Some(image),
        Kind::Binary { .. } | Kind::Package => None,
    });
    images.find(|image| image.contains(&format!("/{name}:"))).expect("it is in it").clone()
}

fn named_by(variable: &str) -> PathBuf {
    let bundle = std::env::var_os(variable).unwrap_or_else(|| {
        panic!("{variable} names no Kubernetes bundle; scripts/test makes one and sets it")
    });
    bundle.into()
}

/// Where the bundle's programs are. Unpacking takes a second, so it is done once for each bundle.
fn unpacked() -> PathBuf {
    let bundle = bundle();
    let about = fs::metadata(&bundle).unwrap();
    let made = about.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "bundle-{}-{}",
        about.len(),
        made.as_nanos()
    ));
    if target.exists() {
        return target;
    }
    let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let script = r#"
        set -eu
        tar -xf "$1" bin/kubectl.gz images/etcd.tar images/kube-apiserver.tar
        mkdir kubectl && gunzip <bin/kubectl.gz >kubectl/kubectl && chmod +x kubectl/kubectl
        for name in etcd kube-apiserver; do
            mkdir "$name" layers
            tar -xf "images/$name.tar" -C layers
            find layers -name '*.tar*' -exec tar -xf {} -C "$name" \;
            found=$(find "$name" -type f -name "$name")
            [ "$found" = "$name/$name" ] || ln "$found" "$name/$name"
            rm -r layers
        done
        rm -r bin images
    "#;
    let status = Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg("unpack")
        .arg(&bundle)
        .current_dir(work.path())
        .status()
        .unwrap();
    assert!(status.success(), "{} could not be unpacked", bundle.display());
    // Another test may have been faster.
    if let Err(error) = fs::rename(work.path(), &target) {
        assert!(target.exists(), "{error}");
    } else {
        let _ = work.keep();
    }
    target
}
