//! The EC2 that tests talk to (`tests/ec2`): moto's API with a systemd machine behind every instance.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{World, engine, until};

/// The region that tests work in.
pub const REGION: &str = "eu-central-1";

/// A running emulator. When it goes, every instance goes with it.
pub struct Emulator {
    process: Child,
    said: Value,
    log: PathBuf,
    api: Api,
}

/// What tests ask an emulator.
pub struct Api {
    endpoint: String,
}

impl Deref for Emulator {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Emulator {
    /// Starts one, and has every later `dojo` of this world use it instead of Amazon's.
    pub fn start(world: &mut World) -> Self {
        let image = world.dojo(&["image", "build", "--bare"]).ok();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ec2-emulator");
        let log = world.path().join("ec2.log");
        let mut process = Command::new(script)
            .args(["--image", image.trim()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no EC2: {}", std::fs::read_to_string(&log).unwrap()));
        let api = Api::new(said["endpoint"].as_str().unwrap());
        let emulator = Self { process, said, log, api };
        for (name, value) in emulator.environment() {
            world.set(name, value);
        }
        emulator
    }

    /// What leads any client of AWS here.
    pub fn environment(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "AKIA123456789012TEST"),
            ("AWS_SECRET_ACCESS_KEY", "of-nothing"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// The name in the label of everything that it makes.
    pub fn name(&self) -> &str {
        self.said["name"].as_str().unwrap()
    }
}

impl Api {
    pub fn new(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned() }
    }

    /// Its base address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Changes how the cloud behaves (`SETTINGS` in `cloud.py`).
    pub fn set(&self, settings: &Value) {
        self.control("PUT", "settings", settings);
    }

    /// Has something go wrong (`faults.py` has the rules).
    pub fn fault(&self, rule: &Value) {
        self.control("POST", "faults", rule);
    }

    /// Has nothing go wrong any more.
    pub fn no_faults(&self) {
        self.control("DELETE", "faults", &Value::Null);
    }

    /// Ends an instance from outside, as Amazon may, or somebody at the console.
    pub fn end(&self, instance: &str, code: &str, message: &str) {
        let end = json!({ "instance": instance, "code": code, "message": message });
        self.control("POST", "end", &end);
    }

    /// Every request of an action so far, with what was answered.
    pub fn requests(&self, action: &str) -> Vec<Value> {
        let log = self.control("GET", "log", &Value::Null);
        let log = log.as_array().unwrap().iter();
        log.filter(|request| request["action"] == action).cloned().collect()
    }

    /// What there is of a kind (instance, volume, interface, group, …), whatever the API tells.
    pub fn things(&self, kind: &str) -> Vec<Value> {
        let inventory = self.control("GET", "inventory", &Value::Null);
        let things = inventory["api"].as_array().unwrap().iter();
        things.filter(|thing| thing["kind"] == kind).cloned().collect()
    }

    /// Fails the test if anything is left, in the API or on the engine.
    #[track_caller]
    pub fn assert_empty(&self) {
        let inventory = self.control("GET", "inventory", &Value::Null);
        assert_eq!(inventory["api"], json!([]));
        let engine = inventory["engine"].as_array().unwrap().iter();
        let left: Vec<_> =
            engine.filter(|thing| !thing.as_str().unwrap().starts_with("network ")).collect();
        assert!(left.is_empty(), "left on the engine: {left:?}");
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, said) =
            self.http(method, &format!("/control/{path}"), &[], &body.to_string()).unwrap();
        assert_eq!(status, 200, "{path}: {said}");
        serde_json::from_str(&said).unwrap()
    }

    /// Calls the API as anybody may; `None` if no answer comes.
    pub fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Option<(u16, String)> {
        let mut form = format!("Action={action}&Version=2016-11-15");
        for (name, value) in parameters {
            let value: String = value.bytes().map(|b| format!("%{b:02X}")).collect();
            form += &format!("&{name}={value}");
        }
        let signed = format!(
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIA123456789012TEST/20260101/{REGION}/ec2/\
             aws4_request, SignedHeaders=host, Signature=0"
        );
        let headers = [&signed, "Content-Type: application/x-www-form-urlencoded"];
        self.http("POST", "/", &headers, &form)
    }

    fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &str,
    ) -> Option<(u16, String)> {
        let address = self.endpoint().trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }
}

impl Drop for Emulator {
    #[allow(clippy::print_stdout, reason = "shown with a test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = std::fs::read_to_string(&self.log).unwrap_or_default();
            println!("the emulated EC2 said:\n{said}");
        }
        // It removes everything and ends once its input does.
        drop(self.process.stdin.take());
        let end = Instant::now() + Duration::from_secs(60);
        while self.process.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Everything on the engine that an emulator of this name made.
pub fn remains(name: &str) -> Vec<String> {
    let label = format!("label=io.clusterdojo.test-ec2={name}");
    let lists: [&[&str]; 3] = [&["ps", "-aq"], &["volume", "ls", "-q"], &["network", "ls", "-q"]];
    let found = lists.map(|list| engine(&[list, &["--filter", &label]].concat()).ok());
    found.iter().flat_map(|list| list.lines().map(str::to_owned)).collect()
}

/// What stands between two tags of an answer, the first time.
pub fn tagged<'a>(xml: &'a str, tag: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{tag}>")).unwrap_or_else(|| panic!("{tag}: {xml}"));
    rest.split_once('<').unwrap().0
}

/// An instance's state.
pub fn state(emulator: &Api, instance: &str) -> String {
    let (_, said) = emulator.call("DescribeInstances", &[("InstanceId.1", instance)]).unwrap();
    let (_, state) = said.split_once("<instanceState>").unwrap();
    tagged(state, "name").to_owned()
}

/// Waits for an instance's state.
#[track_caller]
pub fn becomes(emulator: &Api, instance: &str, wanted: &str) {
    until(wanted, 60, || state(emulator, instance) == wanted);
}
