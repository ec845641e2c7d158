//! `dojo view` as somebody sees it who looks at the page in a browser.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use clusterdojo::view::{Beside, Page};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::browser::{Browser, Shown};
use crate::world::{World, engine};

const STACK: &str = r#"
services:
  web:
    image: dojo/lab:1
    healthcheck:
      test: ["CMD", "curl", "-fsS", "http://localhost:3000/health"]
      interval: 1s
      timeout: 3s
      retries: 1
    deploy:
      replicas: 2
      placement: { constraints: ["node.role == worker"] }
      restart_policy: { delay: 1s }
"#;

/// Notes in the page when a machine was first seen hatched.
const NOTE_DEATH: &str = r##"
    new MutationObserver(() => {
        if (document.querySelector("#machine-worker-1.dead")) window.hatched ??= Date.now();
    }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["class"] })
"##;

#[test]
#[expect(clippy::too_many_lines, reason = "one cluster, and all that is seen of it")]
fn what_happens_to_a_swarm_is_seen_on_its_page() {
    // Where none can be started, that is said at once.
    let mut browser = Browser::start(&["--host-resolver-rules=MAP evil.example 127.0.0.1"]);
    let mut world = World::new();
    let name = world.name("view");
    world.dojo(&["up", &name]).ok();
    world.dojo(&["image", "load", "--cluster", &name, "dojo/lab:1"]).ok();
    let shown = Shown::start(&world, &name);

    // Neither by another name that leads here, nor without the token.
    let (origin, token) = shown.url.split_once("/?token=").unwrap();
    let port = origin.rsplit_once(':').unwrap().1;
    browser.open(&format!("http://evil.example:{port}/?token={token}"));
    let text = "document.body.innerText";
    assert!(browser.see(text).as_str().unwrap().contains("the page of another address"));
    browser.open(&format!("{origin}/?token={}", "0".repeat(token.len())));
    assert!(browser.see(text).as_str().unwrap().contains("the token is missing"));

    browser.forget();
    browser.open(&shown.url);
    let states =
        r#"[...document.querySelectorAll(".machine")].map((it) => it.textContent).join("; ")"#;
    browser.until("three machines", 30, r#"document.querySelectorAll(".machine").length === 3"#);
    browser.until("all are ready", 30, &format!(r"{states}.match(/ready/g)?.length === 3"));
    let said = browser.see(states);
    assert!(said.as_str().unwrap().starts_with("manager-1★ leads"), "{said}");
    assert_eq!(browser.see("location.href"), format!("{origin}/"), "the token is not to be seen");

    // An ill task stays as a ghost, with why it went and a line to what came in its place.
    let stack = world.path().join("stack.yaml");
    fs::write(&stack, STACK).unwrap();
    world.docker(&["stack", "deploy", "--detach=true", "-c", stack.to_str().unwrap(), "lab"]).ok();
    let well = r#"[...document.querySelectorAll(".tile.good")].filter((it) => it.innerText.includes("running, healthy")).length === 2"#;
    browser.until("two replicas are well", 60, well);
    assert_eq!(browser.see(r#"document.querySelectorAll(".ghost").length"#), 0);
    let sick = "docker exec $(docker ps -q --filter name=lab_web) \
                curl -s 'localhost:3000/health?health=sick&status=503'";
    world.dojo(&["ssh", &format!("{name}/worker-1"), "--", sick]).ok();
    browser.until("a line from a ghost", 60, r##"document.querySelector("#lines path")"##);
    let told = browser.see(
        r##"(() => {
            const line = document.querySelector("#lines path");
            const tile = (id) => document.querySelector(`.tile[data-id="${id}"]`);
            const [ghost, next] = [tile(line.dataset.from), tile(line.dataset.to)];
            const end = line.getPointAtLength(line.getTotalLength()).matrixTransform(line.getScreenCTM());
            const place = next.getBoundingClientRect();
            return {
                ghost: ghost.innerText, isGhost: ghost.matches(".ghost"), name: ghost.ariaLabel,
                names: [ghost, next].map((it) => it.querySelector("b").textContent), isNext: !next.matches(".ghost"),
                leads: end.x > place.left && end.x < place.right && end.y > place.top && end.y < place.bottom,
            };
        })()"##,
    );
    assert!(told["ghost"].as_str().unwrap().contains("✝ unhealthy"), "{told:#}");
    assert_eq!(told["names"][0], told["names"][1], "{told:#}");
    assert!(told["names"][0].as_str().unwrap().starts_with("lab_web."), "{told:#}");
    assert!(told["isGhost"] == true && told["isNext"] == true && told["leads"] == true, "{told:#}");
    assert!(told["name"].as_str().unwrap().contains("gone: unhealthy, replaced"), "{told:#}");
    browser.until(
        "it is told",
        10,
        r##"document.querySelector("#news").innerText.includes("is gone: unhealthy")"##,
    );
    browser.until("it is well again", 60, well);
    browser.picture("view-ghost");

    // All that is known of a tile, by the keyboard.
    browser.press("ArrowDown");
    assert_eq!(browser.see("document.activeElement.className.startsWith('tile')"), true);
    browser.see("document.activeElement.click()");
    let details = browser.see(r#"document.querySelector("dialog[open]")?.innerText"#);
    assert!(
        details.as_str().is_some_and(|it| it.contains("belongs to") && it.contains("lab_web")),
        "{details}"
    );
    browser.see(r#"document.querySelector("dialog[open]").close()"#);

    // A dead machine stays, hatched.
    browser.see(&format!("{{ {NOTE_DEATH} }}; 1"));
    world.dojo(&["kill", &format!("{name}/worker-1")]).ok();
    browser.until("the machine is hatched", 15, "window.hatched");
    let died = ["inspect", "-f", "{{.State.FinishedAt}}", &format!("dojo-{name}-worker-1")];
    let died: Timestamp = engine(&died).ok().trim().parse().unwrap();
    let hatched = browser.see("window.hatched").as_i64().unwrap();
    let late = hatched - died.as_millisecond();
    assert!((0..2000).contains(&late), "{late} ms after its death");
    eprintln!("a dead machine was hatched after {late} ms");
    let dead = browser.see(
        r##"(() => {
        const dead = document.querySelector("#machine-worker-1");
        return [dead.innerText, getComputedStyle(dead).backgroundImage];
    })()"##,
    );
    assert!(dead[0].as_str().unwrap().contains("off"), "{dead}");
    assert!(dead[1].as_str().unwrap().contains("repeating-linear-gradient"), "{dead}");
    browser.until(
        "what was there went with its node",
        60,
        r##"document.querySelector("#machine-worker-1").innerText.includes("✝ node-down")"##,
    );
    browser.shade("dark");
    browser.picture("view-dead-dark");

    // It asks nobody else, and nothing is wrong with it.
    let requests = browser.requests();
    assert!(requests.iter().any(|url| *url == format!("{origin}/scenes")), "{requests:?}");
    let elsewhere =
        |url: &&String| !url.starts_with(&format!("{origin}/")) && !url.starts_with("data:");
    assert_eq!(requests.iter().find(elsewhere), None);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    world.dojo(&["down", &name]).ok();
    browser.until(
        "the end is told",
        15,
        r##"document.querySelector("#live").innerText.includes("has ended")"##,
    );
    world.assert_gone(&name);
}

/// The longest frame, once what has changed is drawn.
const LONGEST: &str = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(longest))))";

/// A cluster with so many machines and tiles; of one service, every `ill`th replica is ill.
fn crowd(machines: u16, tiles: u32, ill: u32) -> Value {
    let tile = |machine: u16, number: u32| {
        let slot = u32::from(machine) * tiles + number;
        let is_ill = slot.is_multiple_of(ill);
        json!({
            "id": format!("{slot:025}"), "name": format!("web{}.{slot}", number % 12), "group": format!("web{}", number % 12),
            "tone": if is_ill { "bad" } else { "good" }, "state": "running", "engine": null,
            "health": if is_ill { "unhealthy" } else { "healthy" }, "version": "1.27", "since": "2026-01-01T00:00:00Z",
            "restarts": 0, "message": null, "ghost": null,
        })
    };
    let column = |machine: u16| {
        let tiles: Vec<_> = (0..tiles).map(|number| tile(machine, number)).collect();
        json!({
            "name": format!("worker-{}", machine + 1), "role": "worker", "on": true, "reachable": true, "leads": false,
            "ready": true, "availability": "active", "why": null, "tiles": tiles,
        })
    };
    json!({
        "name": "crowd", "kind": "swarm", "at": "2026-01-01T01:00:00Z", "aheadMs": 0, "majority": null,
        "columns": (0..machines).map(column).collect::<Vec<_>>(), "waiting": [], "findings": [],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_machines_with_two_hundred_tiles_each_can_be_used() {
    let mut browser = Browser::start(&[]);
    let page = Page::listen(([127, 0, 0, 1], 0).into(), "secret".to_owned()).await.unwrap();
    let url = page.url();
    let (scenes, shown) = watch::channel(None);
    let (_beside, aside) = watch::channel(Beside::default());
    let serving = tokio::spawn(page.serve(shown, aside));
    let show = |scene: &Value| scenes.send_replace(Some(Bytes::from(scene.to_string())));
    show(&crowd(20, 200, 501));
    browser.open(&url);
    browser.until("all tiles", 60, r#"document.querySelectorAll(".tile").length === 4000"#);
    // All of it is on the screen at once, and what is ill can be told from the rest.
    let seen = r#"[...document.querySelectorAll(".tile")].filter((it) => it.getBoundingClientRect().bottom <= innerHeight).length"#;
    assert_eq!(browser.see(seen), 4000);
    assert_eq!(browser.see(r#"document.querySelectorAll(".tile.bad").length"#), 8);
    browser.picture("view-crowd");

    // How long the page does nothing else while it takes up what has changed.
    browser.see(
        r"(() => {
            window.longest = 0;
            let last = performance.now();
            const frame = (now) => { longest = Math.max(longest, now - last); last = now; requestAnimationFrame(frame); };
            requestAnimationFrame(frame);
        })()",
    );
    let mut took = Vec::new();
    for round in 0..7 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        browser.see("longest = 0");
        let ill = 400 - 10 * round;
        show(&crowd(20, 200, ill));
        let count = 4000_u32.div_ceil(ill);
        browser.until(
            "the change",
            30,
            &format!(r#"document.querySelectorAll(".tile.bad").length === {count}"#),
        );
        // Also the frame in which it is drawn.
        took.push(browser.see(LONGEST).as_f64().unwrap());
    }
    took.sort_by(f64::total_cmp);
    eprintln!("a change of twenty machines with two hundred tiles each took {took:.0?} ms");
    // What else a computer does makes most of them longer, and none shorter.
    assert!(took[1] < 150.0, "{took:?}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    serving.abort();
}
