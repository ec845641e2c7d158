//! The store of docker-machine: for each machine a directory `machines/NAME` with `config.json`
//! (`libmachine/persist/filestore.go`, `libmachine/host/host.go` of docker/machine) and often its SSH key.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::driver::ssh::SshHost;
use crate::durable;

use super::Error;

/// The machines of docker-machine, which are looked at and never changed.
#[derive(Debug, Clone)]
pub struct DockerMachines {
    store: PathBuf,
}

/// A machine that can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What docker-machine calls it.
    pub name: String,
    /// How it is reached. The key of its SSH server is not in it: docker-machine looks at none.
    pub host: SshHost,
    /// What it is in Amazon's cloud, if it is there.
    pub instance: Option<Instance>,
}

/// An instance of Amazon EC2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// The region that it is in.
    pub region: String,
    /// Its type, as in `t2.micro`; empty if that is not known.
    pub kind: String,
}

/// What is read of `config.json`. What else stands there, such as access keys, is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    driver: Driver,
    driver_name: String,
}

/// What the drivers `generic` and `amazonec2` keep (`libmachine/drivers/base.go`, `drivers/amazonec2/amazonec2.go`).
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Driver {
    #[serde(rename = "IPAddress")]
    address: String,
    #[serde(rename = "PrivateIPAddress")]
    private_address: String,
    #[serde(rename = "SSHUser")]
    user: String,
    #[serde(rename = "SSHPort")]
    port: u16,
    #[serde(rename = "SSHKeyPath")]
    key: String,
    instance_id: String,
    instance_type: String,
    region: String,
}

impl DockerMachines {
    /// Those in a directory.
    pub fn new(store: impl Into<PathBuf>) -> Self {
        Self { store: store.into() }
    }

    /// Those that the user's docker-machine knows: in `$MACHINE_STORAGE_PATH`, or else in `~/.docker/machine`.
    ///
    /// # Errors
    /// [`Error::NoHome`] if the environment names neither.
    pub fn from_env() -> Result<Self, Error> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        set("MACHINE_STORAGE_PATH")
            .map(PathBuf::from)
            .or_else(|| set("HOME").map(|home| Path::new(&home).join(".docker/machine")))
            .map(Self::new)
            .ok_or(Error::NoHome)
    }

    /// A machine by its name.
    ///
    /// # Errors
    /// [`Error::Unknown`] with those that there are; the others if it cannot be taken.
    pub fn find(&self, name: &str) -> Result<Found, Error> {
        // What cannot be a name might lead elsewhere.
        if !is_name(name) {
            return Err(self.unknown(name));
        }
        let path = self.store.join("machines").join(name).join("config.json");
        let text = match durable::read(&path, durable::TEXT) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.unknown(name));
            }
            Err(source) => return Err(Error::Unreadable { path, source }),
        };
        let config: Config =
            serde_json::from_slice(&text).map_err(|source| Error::Damaged { path, source })?;
        self.read(name, config)
    }

    fn read(&self, name: &str, Config { driver, driver_name }: Config) -> Result<Found, Error> {
        let is_cloud = match driver_name.as_str() {
            "generic" => false,
            "amazonec2" => true,
            _ => return Err(Error::OtherDriver { name: name.to_owned(), driver: driver_name }),
        };
        let address =
            [&driver.address, &driver.private_address].into_iter().find(|a| !a.is_empty());
        let address = address.ok_or_else(|| Error::NoAddress(name.to_owned()))?;
        let mut host = SshHost::new(address);
        // As docker-machine takes it where nothing was said.
        let user = if is_cloud { "ubuntu" } else { "root" };
        host.user =
            Some(Some(driver.user).filter(|u| !u.is_empty()).unwrap_or_else(|| user.to_owned()));
        host.port = Some(driver.port).filter(|port| *port > 0);
        host.identity = self.key(name, &driver.key, is_cloud)?;
        host.validate().map_err(|problem| Error::Odd { name: name.to_owned(), problem })?;
        let instance = is_cloud.then_some(Instance {
            id: driver.instance_id,
            region: driver.region,
            kind: driver.instance_type,
        });
        Ok(Found { name: name.to_owned(), host, instance })
    }

    /// The key that opens a machine; `None` if docker-machine leaves it to the user's own `ssh`.
    fn key(&self, name: &str, noted: &str, is_cloud: bool) -> Result<Option<PathBuf>, Error> {
        if noted.is_empty() && !is_cloud {
            return Ok(None);
        }
        let noted = if noted.is_empty() { "id_rsa" } else { noted };
        // The store may have been moved since, and an older one notes no path.
        let beside = Path::new(noted)
            .file_name()
            .map(|file| self.store.join("machines").join(name).join(file));
        let found = [Some(PathBuf::from(noted)).filter(|path| path.is_absolute()), beside.clone()];
        let found = found.into_iter().flatten().find(|path| path.is_file());
        let path = || beside.unwrap_or_else(|| noted.into());
        match found {
            Some(path) => Ok(Some(std::path::absolute(&path).unwrap_or(path))),
            None => Err(Error::NoKey { name: name.to_owned(), path: path() }),
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let machines = self.store.join("machines");
        let entries = fs::read_dir(&machines).into_iter().flatten().flatten();
        let mut known: Vec<String> = entries
            .filter(|entry| entry.path().join("config.json").is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        known.sort();
        Error::Unknown { name: name.to_owned(), store: machines, known }
    }
}

/// Whether docker-machine lets a machine be called so (`ValidateHostName`).
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn store(machine: &str, config: &Value) -> (tempfile::TempDir, DockerMachines) {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("machines").join(machine);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("config.json"), config.to_string()).unwrap();
        let machines = DockerMachines::new(root.path());
        (root, machines)
    }

    fn config(driver: &str, of_driver: &Value) -> Value {
        json!({ "ConfigVersion": 3, "Driver": of_driver, "DriverName": driver, "HostOptions": {}, "Name": "box" })
    }

    #[test]
    fn a_generic_machine_is_reached_as_docker_machine_reaches_it() {
        let of_driver = json!({
            "IPAddress": "192.0.2.7", "MachineName": "box", "SSHUser": "pi", "SSHPort": 2222,
            "SSHKeyPath": "/moved/machines/box/id_ed25519", "StorePath": "/moved", "EnginePort": 2376
        });
        let (root, machines) = store("box", &config("generic", &of_driver));
        let key = root.path().join("machines/box/id_ed25519");
        let missing = machines.find("box").unwrap_err();
        assert!(matches!(&missing, Error::NoKey { path, .. } if *path == key), "{missing}");
        fs::write(&key, "").unwrap();
        let found = machines.find("box").unwrap();
        assert_eq!(found.host.address, "192.0.2.7");
        assert_eq!((found.host.user.as_deref(), found.host.port), (Some("pi"), Some(2222)));
        assert_eq!(
            found.host.identity,
            Some(key),
            "beside it, where the path that was noted is gone"
        );
        assert_eq!(found.instance, None);
    }

    #[test]
    fn what_was_not_said_is_as_docker_machine_has_it() {
        let (_root, machines) =
            store("box", &config("generic", &json!({ "IPAddress": "box.test" })));
        let host = machines.find("box").unwrap().host;
        assert_eq!((host.user.as_deref(), host.port, host.identity), (Some("root"), None, None));
        let of_driver = json!({
            "IPAddress": "", "PrivateIPAddress": "10.0.0.4", "InstanceId": "i-0a", "Region": "eu-central-1",
            "InstanceType": "t2.micro", "SecretKey": "secret"
        });
        let (root, machines) = store("box", &config("amazonec2", &of_driver));
        fs::write(root.path().join("machines/box/id_rsa"), "").unwrap();
        let found = machines.find("box").unwrap();
        assert_eq!(
            (found.host.user.as_deref(), &*found.host.address),
            (Some("ubuntu"), "10.0.0.4")
        );
        let (id, region, kind) =
            ("i-0a".to_owned(), "eu-central-1".to_owned(), "t2.micro".to_owned());
        assert_eq!(found.instance, Some(Instance { id, region, kind }));
    }

    #[test]
    fn what_cannot_be_taken_is_told() {
        let told = |name: &str, config: &Value| {
            let (_root, machines) = store("box", config);
            machines.find(name).unwrap_err()
        };
        let generic = |of_driver: &Value| config("generic", of_driver);
        let ok = generic(&json!({ "IPAddress": "192.0.2.7" }));
        for name in ["other", "../machines/box", ".", "", "a/b"] {
            let error = told(name, &ok);
            let known = matches!(&error, Error::Unknown { known, .. } if *known == ["box"]);
            assert!(known, "{name}: {error}");
        }
        assert!(matches!(told("box", &generic(&json!({}))), Error::NoAddress(_)));
        assert!(matches!(told("box", &json!([])), Error::Damaged { .. }));
        assert!(matches!(told("box", &json!({ "DriverName": "generic" })), Error::Damaged { .. }));
        let odd = generic(&json!({ "IPAddress": "-oProxyCommand=x" }));
        assert!(matches!(told("box", &odd), Error::Odd { .. }));
        let other = told("box", &config("virtualbox", &json!({ "IPAddress": "192.0.2.7" })));
        assert!(other.to_string().contains("`virtualbox`"), "{other}");
    }
}
