//! What a machine is given so that a watch runs there: this program, what it has to know of the cluster, and what opens it. Neither
//! the SSH key nor the key of the cluster's authority is among it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Cursor};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;

use crate::durable;
use crate::event::Progress;
use crate::kind::{self, kubernetes};
use crate::model::{Machine, MachineState, Places, Proxies, Secret, Service};
use crate::pki;
use crate::remote::Input;
use crate::spec::{ClusterSpec, MachineGroup};
use crate::store::{Home, Record};

use crate::workflow::copy::Metered;
use crate::workflow::copy_error::file;
use crate::workflow::error::Error;

/// Where it lies on the machine.
const DIRECTORY: &str = "/var/lib/clusterdojo/watch";
/// Nobody but root reads these.
const PRIVATE: u32 = 0o600;
/// What a tar archive is made of.
const BLOCK: usize = 512;

/// What it is to do with what it sees, beside its journal.
#[derive(Debug, Default)]
pub struct Webhook {
    /// The URL of the webhook.
    pub url: Secret,
    /// Certificates of those whom it trusts, in PEM; absent where it needs nobody.
    pub authorities: Option<String>,
    /// What it reaches the webhook through.
    pub proxies: Option<Proxies>,
}

/// Files by their paths within the archive.
type Files = BTreeMap<String, Vec<u8>>;

/// An archive with this program at its end, which is not in memory.
pub(super) struct Package {
    head: Vec<u8>,
    program: File,
    size: u64,
    tail: Vec<u8>,
}

impl Package {
    pub(super) fn of(
        home: &Home,
        record: &Record,
        webhook: Option<&Webhook>,
    ) -> Result<Self, Error> {
        let mut files = knowledge(home, record)?;
        files.insert("clusterdojo-watch.service".to_owned(), unit(record, webhook.is_some()));
        files.extend(webhook.into_iter().flat_map(Webhook::files));
        let path = Path::new("/proc/self/exe");
        let program = File::open(path).map_err(file("read", path))?;
        let size = program.metadata().map_err(file("read", path))?.len();
        let head = head(&files, size).map_err(file("read", path))?;
        let rest = usize::try_from(size % BLOCK as u64).expect("it is less than a block");
        // Two empty blocks are the end of an archive.
        let tail = vec![0; (BLOCK - rest) % BLOCK + 2 * BLOCK];
        Ok(Self { head, program, size, tail })
    }

    /// The archive, to be sent.
    pub(super) fn input(self, progress: &Progress) -> Input {
        let length = self.head.len() as u64 + self.size + self.tail.len() as u64;
        let program = tokio::fs::File::from_std(self.program).take(self.size);
        let all = Cursor::new(self.head).chain(program).chain(Cursor::new(self.tail));
        Input::new("this program", length, Metered::new(all, length, progress))
    }
}

impl Webhook {
    fn files(&self) -> Files {
        let mut environment = String::new();
        let mut files = Files::new();
        files.insert("webhook".to_owned(), self.url.expose().into());
        if let Some(authorities) = &self.authorities {
            files.insert("authorities.pem".to_owned(), authorities.clone().into_bytes());
            environment.push_str(&format!("SSL_CERT_FILE={DIRECTORY}/authorities.pem\n"));
        }
        // They hold nothing that would end a quotation.
        let variables = self.proxies.iter().flat_map(Proxies::variables);
        environment.extend(variables.map(|(name, value)| format!("{name}='{}'\n", value.expose())));
        files.insert("environment".to_owned(), environment.into_bytes());
        files
    }
}

/// What tells whether a watch knows the cluster as it is.
pub(super) fn knows(home: &Home, record: &Record) -> Result<String, Error> {
    let mut sum = Sha256::new();
    for (path, bytes) in knowledge(home, record)? {
        sum.update(path.len().to_be_bytes());
        sum.update(path);
        sum.update(bytes.len().to_be_bytes());
        sum.update(bytes);
    }
    Ok(sum.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// The cluster's record and what opens it, as in the home of a user.
fn knowledge(home: &Home, record: &Record) -> Result<Files, Error> {
    let name = &record.spec.name;
    let (directory, inside) = (home.directory(name), format!("home/clusters/{name}"));
    let mut files = Files::new();
    let text = serde_json::to_vec(&from_within(record))
        .expect("a record holds only strings, numbers, lists and maps with string keys");
    files.insert(format!("{inside}/cluster.json"), text);
    if kind::of(record.spec.orchestrator).service() == Service::Api {
        let path = directory.join("kubeconfig");
        // Whether it is of any use is seen here, and not there.
        kubernetes::credentials(&path)?;
        let text = durable::read(&path, durable::KEY)
            .map_err(|source| Error::Credentials { path, source: source.into() })?;
        files.insert(format!("{inside}/kubeconfig"), text);
        return Ok(files);
    }
    for part in ["ca.pem", "cert.pem", "key.pem"] {
        let path = directory.join("pki/client").join(part);
        let bytes = durable::read(&path, durable::KEY).map_err(|source| pki::Error::File {
            operation: "read",
            path,
            source,
        })?;
        files.insert(format!("{inside}/pki/client/{part}"), bytes);
    }
    Ok(files)
}

/// A cluster as its own machines know it: by the addresses that they have among each other, and without what leads from here to
/// where it was made.
fn from_within(record: &Record) -> Record {
    let spec = &record.spec;
    let driver = spec.driver();
    let groups = spec.machines.iter();
    let groups = groups.map(|group| MachineGroup::new(group.role, group.count, driver.clone()));
    let machines = record.machines.iter().map(|machine| Machine {
        driver: driver.clone(),
        state: MachineState::Running,
        endpoints: BTreeMap::new(),
        expires: None,
        cost: None,
        ..machine.clone()
    });
    Record {
        spec: ClusterSpec::new(spec.name.clone(), spec.orchestrator, groups.collect()),
        pending: Vec::new(),
        places: Places::new(),
        contexts: None,
        machines: machines.collect(),
        release: None,
        images: Vec::new(),
        watch: None,
        ..record.clone()
    }
}

fn unit(record: &Record, has_webhook: bool) -> Vec<u8> {
    let webhook = format!(" --webhook-file {DIRECTORY}/webhook");
    include_str!("../../../templates/watch/clusterdojo-watch.service")
        .replace("@NAME@", record.spec.name.as_str())
        .replace("@WEBHOOK@", if has_webhook { &webhook } else { "" })
        .into_bytes()
}

/// All of the archive that stands before the bytes of the program.
fn head(files: &Files, program: u64) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = header(bytes.len() as u64, PRIVATE);
        archive.append_data(&mut header, path, bytes.as_slice())?;
    }
    let mut head = archive.get_ref().clone();
    let mut header = header(program, 0o755);
    header.set_path("dojo")?;
    header.set_cksum();
    head.extend_from_slice(header.as_bytes());
    Ok(head)
}

fn header(size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;

    use serde_json::{Value, json};

    use super::*;
    use crate::driver::registry;
    use crate::model::{Orchestrator, Place, Role};

    /// A home with a cluster of two, in which every file says what it is.
    fn home(root: &Path) -> (Home, Record) {
        let home = Home::new(root);
        let groups = [(Role::Manager, 1), (Role::Worker, 1)];
        let groups =
            groups.map(|(role, count)| MachineGroup::new(role, count, registry::default()));
        let name = "practice".parse().unwrap();
        let spec = ClusterSpec::new(name, Orchestrator::Swarm, groups.to_vec());
        let mut record = Record::new(spec);
        let machine = |name: &str, address: &str| {
            serde_json::from_value(json!({
                "id": { "cluster": "practice", "name": name }, "cluster_id": record.cluster_id,
                "orchestrator": "swarm", "handle": format!("id of {name}"), "state": "stopped",
                "user": "root", "private_ip": address,
                "endpoints": { "engine": "127.0.0.1:20001" }
            }))
            .unwrap()
        };
        record.machines = vec![machine("manager-1", "10.0.0.2"), machine("worker-1", "10.0.0.3")];
        let place = Place { name: "my own host".to_owned(), id: None, options: BTreeMap::new() };
        record.places.insert(registry::default(), place);
        let directory = home.directory(&record.spec.name);
        for file in [
            "pki/ca-key.pem",
            "pki/manager-1/key.pem",
            "pki/client/ca.pem",
            "pki/client/cert.pem",
            "pki/client/key.pem",
            "ssh/id_ed25519",
            "ssh/known_hosts",
        ] {
            let path = directory.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("this is {file}")).unwrap();
        }
        (home, record)
    }

    #[test]
    fn a_machine_is_given_what_it_takes_to_watch_and_no_key_beside() {
        let root = tempfile::tempdir().unwrap();
        let (home, record) = home(root.path());
        let webhook = Webhook {
            url: Secret::new("https://chat.example/hunter2"),
            authorities: Some("trusted".to_owned()),
            proxies: Proxies::new(None, Some("http://me:word@proxy.example:1"), None).unwrap(),
        };
        let package = Package::of(&home, &record, Some(&webhook)).unwrap();
        assert_eq!((package.head.len() as u64 + package.size + package.tail.len() as u64) % 512, 0);
        let mut archive = tar::Archive::new(package.head.as_slice());
        let mut found = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mode = entry.header().mode().unwrap();
            if path == "dojo" {
                assert_eq!((mode, entry.size()), (0o755, package.size));
                break;
            }
            assert_eq!(mode, 0o600, "{path}");
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            found.insert(path, text);
        }
        let inside = "home/clusters/practice";
        let record: Value =
            serde_json::from_str(&found[&format!("{inside}/cluster.json")]).unwrap();
        assert_eq!(record["machines"][1]["private_ip"], "10.0.0.3");
        assert_eq!(record["machines"][1]["endpoints"], json!({}));
        assert_eq!(found["webhook"], "https://chat.example/hunter2");
        assert!(found["environment"].contains("HTTPS_PROXY='http://me:word@proxy.example:1'\n"));
        let unit = &found["clusterdojo-watch.service"];
        assert!(unit.contains("dojo watch practice --from-within --webhook-file /var/"), "{unit}");
        assert!(!unit.contains('@') && !unit.contains("hunter2"), "{unit}");
        let paths: Vec<_> = found.keys().map(|path| path.trim_start_matches(inside)).collect();
        assert_eq!(
            paths,
            [
                "authorities.pem",
                "clusterdojo-watch.service",
                "environment",
                "/cluster.json",
                "/pki/client/ca.pem",
                "/pki/client/cert.pem",
                "/pki/client/key.pem",
                "webhook",
            ]
        );
        let all: String = found.into_values().collect();
        for other in ["this is ssh/", "this is pki/ca-key", "this is pki/manager-1", "my own host"]
        {
            assert!(!all.contains(other), "{other}");
        }
    }

    #[test]
    fn without_a_webhook_there_is_none() {
        let root = tempfile::tempdir().unwrap();
        let (home, record) = home(root.path());
        let head = Package::of(&home, &record, None).unwrap().head;
        let head = String::from_utf8_lossy(&head);
        assert!(head.contains("dojo watch practice --from-within\n"));
        assert!(!head.contains("webhook"));
    }

    #[test]
    fn other_machines_and_other_certificates_are_news_and_whether_they_are_on_is_none() {
        let root = tempfile::tempdir().unwrap();
        let (home, mut record) = home(root.path());
        let first = knows(&home, &record).unwrap();
        record.machines[0].state = MachineState::Running;
        record.machines[0].endpoints.clear();
        assert_eq!(knows(&home, &record).unwrap(), first);
        record.machines[1].private_ip = [10, 0, 0, 4].into();
        let second = knows(&home, &record).unwrap();
        assert_ne!(second, first);
        let certificate = home.directory(&record.spec.name).join("pki/client/cert.pem");
        fs::write(certificate, "another one").unwrap();
        assert_ne!(knows(&home, &record).unwrap(), second);
    }
}
