//! The page of `dojo view`: what it shows of clusters as they were, and to whom.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use clusterdojo::model::Language;
use clusterdojo::view::{Beside, Ghost, Lesson, Onlooker, Page, Scene, Sign, Tile, Tone};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::lesson::{recorded, recordings};

/// What is shown of it, one scene after the other.
fn scenes(name: &str) -> Vec<Scene> {
    let mut onlooker = Onlooker::default();
    recorded(name).iter().map(|(facts, at)| onlooker.look(facts, *at)).collect()
}

fn tiles(scene: &Scene) -> impl Iterator<Item = &Tile> {
    scene.columns.iter().flat_map(|column| &column.tiles).chain(&scene.waiting)
}

fn ghosts(scene: &Scene) -> Vec<(&Tile, &Ghost)> {
    tiles(scene).filter_map(|tile| Some((tile, tile.ghost.as_ref()?))).collect()
}

#[test]
fn a_task_that_was_ill_stays_as_a_ghost_with_its_cause_and_its_successor() {
    let all = scenes("swarm-healthcheck.too-slow.green");
    let (scene, gone, successor) = all
        .iter()
        .find_map(|scene| {
            let (gone, ghost) =
                ghosts(scene).into_iter().find(|(_, it)| it.cause == "unhealthy")?;
            let successor = ghost.successor.clone()?;
            Some((scene, gone, successor))
        })
        .expect("there is a ghost");
    let successor = tiles(scene).find(|tile| tile.id == successor).expect("it is shown, too");
    assert_eq!((&successor.name, &successor.group), (&gone.name, &gone.group));
    assert!(successor.ghost.is_none());
    // Before, the page has shown that it was ill.
    let ill = all.iter().flat_map(tiles).find(|tile| tile.id == gone.id && tile.tone == Tone::Bad);
    assert_eq!(ill.unwrap().health.as_deref(), Some("unhealthy"));
}

#[test]
fn a_machine_that_is_off_stays_as_a_column() {
    let all = scenes("swarm-drain-and-death.death.green");
    let dead = |scene: &Scene| scene.columns.iter().position(|it| it.on == Some(false));
    let scene = all.iter().rfind(|scene| dead(scene).is_some()).expect("it was off");
    assert_eq!(scene.columns.len(), all[0].columns.len());
    let column = &scene.columns[dead(scene).unwrap()];
    assert!(
        column.tiles.iter().all(|it| it.ghost.is_some() || it.tone == Tone::Unknown),
        "{column:?}"
    );
    assert!(all.iter().flat_map(ghosts).any(|(_, ghost)| ghost.cause == "node-down"));
    // However long they had run.
    let all = scenes("swarm-hung-or-apart.dead-or-hung.green");
    assert!(all.iter().flat_map(ghosts).any(|(_, ghost)| ghost.cause == "node-down"));
    // Those that lead come first.
    assert_eq!(scene.columns[0].name.to_string(), "manager-1");
    assert!(scene.columns[0].leads);
}

#[test]
fn pods_that_went_say_why_and_what_came_in_their_place() {
    let of = |name: &str, cause: &str| {
        let all = scenes(name);
        let is_it = |(tile, ghost): &(&Tile, &Ghost)| tile.group == "web" && ghost.cause == cause;
        let scene = all.iter().rfind(|scene| ghosts(scene).iter().any(is_it));
        let scene = scene.unwrap_or_else(|| panic!("{name}: nothing went because of {cause}"));
        let (gone, ghost) = ghosts(scene).into_iter().find(is_it).unwrap();
        let next = tiles(scene).find(|tile| Some(&tile.id) == ghost.successor.as_ref());
        let next = next.unwrap_or_else(|| panic!("{name}: nothing came in place of {gone:?}"));
        let made = |tile: &Tile| tile.name.rsplit_once('-').unwrap().0.to_owned();
        assert_eq!(next.group, "web");
        made(gone) == made(next)
    };
    assert!(of("ops-drain-and-budget.drain.green", "drained"));
    // Those that are new come before those that are old go, and stand for these and no others.
    assert!(!of("kubernetes-zero-downtime.careful.green", "update"));
    assert!(!of("kubernetes-zero-downtime.careless.green", "update"));
}

#[test]
fn nothing_is_shown_twice_or_kept_for_ever() {
    let mut count = 0;
    for name in recordings() {
        let mut onlooker = Onlooker::default();
        let moments = recorded(&name);
        for (facts, at) in &moments {
            let scene = onlooker.look(facts, *at);
            let mut ids: Vec<&str> = tiles(&scene).map(|tile| tile.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), tiles(&scene).count(), "{name}");
            assert_eq!(scene.columns.len(), facts.machines.iter().count(), "{name}");
            count += 1;
        }
        let (facts, at) = moments.last().unwrap();
        let later = at.saturating_add(jiff::SignedDuration::from_secs(120)).unwrap();
        assert_eq!(ghosts(&onlooker.look(facts, later)).len(), 0, "{name}");
    }
    assert!(count > 500, "{count}");
}

/// Asks the server, and reads until it says no more, or until there is `until` in what it says.
async fn ask(address: SocketAddr, request: &str, until: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).await.unwrap();
        said.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&said).into_owned();
        if length == 0 || !until.is_empty() && text.contains(until) {
            return text;
        }
    }
}

#[tokio::test]
async fn the_page_is_for_whoever_knows_its_token_and_means_this_computer() {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let page = Page::listen(any, "secret".to_owned()).await.unwrap();
    let url = page.url();
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let address: SocketAddr = address.parse().unwrap();
    let (scenes, shown) = watch::channel(None);
    let (beside, known) = watch::channel(Beside::default());
    tokio::spawn(page.serve(shown, known));

    let get = async |path: &str, host: &str, cookie: &str| {
        let request =
            format!("GET {path} HTTP/1.1\nHost: {host}\nCookie: {cookie}\nConnection: close\n\n");
        ask(address, &request, "").await
    };
    let host = address.to_string();
    let cookie = format!("other=1; dojo-view-{}=secret", address.port());
    for (path, host, cookie, status) in [
        ("/", &*host, "", "403"),
        ("/?token=guess", &*host, "", "403"),
        ("/scenes", &*host, "dojo-view=secret", "403"),
        ("/", "evil.example", &*cookie, "421"),
        ("/", &*format!("127.0.0.1.evil.example:{}", address.port()), &*cookie, "421"),
        ("/", "127.0.0.1:1", &*cookie, "421"),
        ("/", "127.0.0.1", &*cookie, "421"),
        ("/", &*format!("192.0.2.7:{}", address.port()), &*cookie, "200"),
        ("/", &*format!("[::1]:{}", address.port()), &*cookie, "200"),
        ("/?token=secret", "evil.example", "", "421"),
        ("/nothing", &*host, &*cookie, "404"),
        ("/", &*format!("localhost:{}", address.port()), &*cookie, "200"),
        ("/view.js", &*host, &*cookie, "200"),
        ("/view.css", &*host, &*cookie, "200"),
    ] {
        let said = get(path, host, cookie).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {host} {cookie}: {said}");
    }
    let post = format!("POST / HTTP/1.1\nHost: {host}\nContent-Length: 0\nConnection: close\n\n");
    assert!(ask(address, &post, "").await.starts_with("HTTP/1.1 405 "));

    // The token leaves the address at once, and nothing from elsewhere is allowed.
    let said = get("/?token=secret", &host, "").await.to_lowercase();
    assert!(said.starts_with("http/1.1 303 ") && said.contains("location: /\r\n"), "{said}");
    assert!(said.contains("httponly; samesite=strict"), "{said}");
    let said = get("/", &host, &cookie).await;
    assert!(said.contains("default-src 'none'") && !said.contains("http://"), "{said}");
    assert!(said.contains("<main id=\"machines\""), "{said}");

    // What was last, and what comes.
    scenes.send_replace(Some(Bytes::from_static(b"{\"at\":1}")));
    let request = format!("GET /scenes HTTP/1.1\nHost: {host}\nCookie: {cookie}\n\n");
    let listening = tokio::spawn(async move { ask(address, &request, "{\"at\":2}").await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    scenes.send_replace(Some(Bytes::from_static(b"{\"at\":2}")));
    let said = listening.await.unwrap();
    assert!(said.contains("text/event-stream"), "{said}");
    assert!(said.contains("data: {\"at\":1}\n\n") && said.contains("data: {\"at\":2}"), "{said}");

    // What is beside the cluster comes by a name of its own.
    let lesson = Lesson {
        title: "Replicas".to_owned(),
        step: "deploy".to_owned(),
        number: 1,
        of: 3,
        goal: String::new(),
        language: Language::En,
        verdict: Some(Sign::NotYet),
        conditions: Vec::new(),
    };
    beside.send_replace(Beside { lesson: Some(lesson), probe: None });
    let request = format!("GET /scenes HTTP/1.1\nHost: {host}\nCookie: {cookie}\n\n");
    let said = ask(address, &request, "\"probe\":null}").await;
    assert!(said.contains("event: beside\ndata: {\"lesson\":{\"title\":\"Replicas\","), "{said}");
    assert!(said.contains("\"verdict\":\"not-yet\""), "{said}");
}
