//! A browser without a window, by its `DevTools` protocol: what a user of a page sees, as a test can ask for it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

use crate::world::World;

/// The names that Chromium and Chrome have on the PATH.
const PROGRAMS: [&str; 4] =
    ["chromium", "google-chrome-stable", "google-chrome", "chromium-browser"];
/// How long it may take to start, or to answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// Where pictures are kept for whoever wants to look at them after a test.
const PICTURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/screenshots");

/// A browser with one page.
pub struct Browser {
    program: Child,
    folder: TempDir,
    socket: WebSocket<TcpStream>,
    session: String,
    asked: u64,
    /// What the page has told meanwhile.
    told: Vec<Value>,
}

impl Browser {
    /// Starts it. Its window has the size of a projector, and things do not move in it.
    #[track_caller]
    pub fn start(flags: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("dojo-browser-").tempdir().unwrap();
        let said = folder.path().join("said");
        let program = program().unwrap_or_else(|| {
            panic!(
                "this test needs a browser: none of {} is on the PATH. \
                 `scripts/setup --tests` installs Chromium where there is a package of it; else install Google Chrome",
                PROGRAMS.join(", "),
            )
        });
        let program = Command::new(program)
            // The page is our own; as root there would be no sandbox in any case. Containers have little shared memory.
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args(["--force-prefers-reduced-motion"])
            .args([
                "--remote-debugging-port=0",
                &format!("--user-data-dir={}", folder.path().display()),
            ])
            .args(flags)
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let mut started = Started { program: Some(program) };
        let (port, path) = door(&mut started, folder.path(), &said);
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let url = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _) = tungstenite::client(url, stream).unwrap();
        let program = started.program.take().unwrap();
        let session = String::new();
        let mut browser = Self { program, folder, socket, session, asked: 0, told: Vec::new() };
        let all = browser.call("Target.getTargets", &json!({}));
        let mut all = all["targetInfos"].as_array().unwrap().iter();
        let page = all.find(|it| it["type"] == "page").unwrap()["targetId"].clone();
        let attach = json!({ "targetId": page, "flatten": true });
        let session = browser.call("Target.attachToTarget", &attach)["sessionId"].clone();
        session.as_str().unwrap().clone_into(&mut browser.session);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        let size = json!({ "width": 1280, "height": 720, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", &size);
        browser
    }

    /// Has it do something, and waits until it has.
    #[track_caller]
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let mut ask = json!({ "id": self.asked, "method": method, "params": params });
        if !self.session.is_empty() {
            ask["sessionId"] = self.session.clone().into();
        }
        self.socket.send(Message::text(ask.to_string())).unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else { continue };
            let mut answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] != self.asked {
                self.told.push(answer);
                continue;
            }
            assert!(answer["error"].is_null(), "{method}: {answer}");
            return answer["result"].take();
        }
    }

    /// Opens an address, and waits for what is there.
    #[track_caller]
    pub fn open(&mut self, url: &str) {
        let opened = self.call("Page.navigate", &json!({ "url": url }));
        assert!(opened["errorText"].is_null(), "{url}: {opened}");
        self.until("it is loaded", 30, "document.readyState === 'complete'");
    }

    /// What an expression of the page is.
    #[track_caller]
    pub fn see(&mut self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", &ask);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression of the page is true; fails the test after `seconds`, with what is there instead.
    #[track_caller]
    pub fn until(&mut self, what: &str, seconds: u64, expression: &str) {
        let end = Instant::now() + Duration::from_secs(seconds);
        while self.see(&format!("Boolean({expression})")) != true {
            if Instant::now() > end {
                let text = self.see("document.body.innerText");
                panic!(
                    "{what}: not within {seconds} s, but: {}",
                    text.as_str().unwrap_or_default()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Shows the page as on a system that is dark, or light.
    pub fn shade(&mut self, shade: &str) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": shade },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", &json!({ "type": kind, "key": key }));
        }
    }

    /// Keeps a picture of what is seen, and tells where.
    pub fn picture(&mut self, name: &str) -> PathBuf {
        let picture = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        fs::create_dir_all(PICTURES).unwrap();
        let path = Path::new(PICTURES).join(format!("{name}.png"));
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Forgets what the page has told so far.
    pub fn forget(&mut self) {
        self.see("1");
        self.told.clear();
    }

    /// What the page has asked for, and of whom.
    pub fn requests(&mut self) -> Vec<String> {
        self.see("1");
        let asked = self.told.iter().filter(|it| it["method"] == "Network.requestWillBeSent");
        asked.map(|it| it["params"]["request"]["url"].as_str().unwrap().to_owned()).collect()
    }

    /// What its console says that is wrong.
    pub fn complaints(&mut self) -> Vec<String> {
        self.see("1");
        let is_wrong = |it: &&Value| match it["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                ["error", "assert", "warning"].iter().any(|kind| it["params"]["type"] == *kind)
            }
            Some("Log.entryAdded") => it["params"]["entry"]["level"] == "error",
            _ => false,
        };
        self.told.iter().filter(is_wrong).map(Value::to_string).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Whoever is asked to end takes its own children along.
        let end = json!({ "id": self.asked + 1, "method": "Browser.close" });
        let _ = self.socket.send(Message::text(end.to_string()));
        for _ in 0..50 {
            if self.program.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        eprintln!("the browser in {} did not end by itself", self.folder.path().display());
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A browser that nobody talks to yet; it ends if nobody comes to.
struct Started {
    program: Option<Child>,
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all =
        PROGRAMS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.find(|program| program.is_file())
}

/// Waits until a browser says where it listens.
#[track_caller]
fn door(started: &mut Started, folder: &Path, said: &Path) -> (u16, String) {
    let end = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(folder.join("DevToolsActivePort")).unwrap_or_default();
        if let Some((port, path)) = text.split_once('\n')
            && let Ok(port) = port.parse()
        {
            return (port, path.trim().to_owned());
        }
        let ended = started.program.as_mut().unwrap().try_wait().unwrap();
        if ended.is_some() || Instant::now() > end {
            let said = fs::read_to_string(said).unwrap_or_default();
            // Ubuntu's package is a hint to a snap, which is not installed.
            panic!(
                "the browser does not start ({ended:?}); install Chromium or Google Chrome:\n{said}"
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A `dojo view` that runs until it is dropped.
pub struct Shown {
    program: Child,
    /// What it has printed: where the page is.
    pub url: String,
}

impl Shown {
    /// Shows a cluster.
    #[track_caller]
    pub fn start(world: &World, cluster: &str) -> Self {
        let mut view = world.command(&["view", cluster]);
        let mut program = view.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let Some(url) = url.map(str::to_owned) else {
            let _ = program.kill();
            let mut said = String::new();
            program.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            let _ = program.wait();
            panic!("no address in `{line}`: {said}");
        };
        Self { program, url }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
