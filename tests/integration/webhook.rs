//! Messages by webhook: to receivers that take them, refuse them, are slow, or are not there.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use clusterdojo::model::{Proxies, Secret};
use clusterdojo::pace::stretch;
use clusterdojo::webhook::{Address, Said, Sender};

use crate::hook::{Hook, OK, SECRET};

fn address(hook: &Hook) -> Address {
    Address::read(&Secret::new(&*hook.url)).unwrap()
}

/// Sends to an address; what is told meanwhile comes out at the other side.
fn sender(address: &Address, proxies: Option<&Proxies>) -> (Sender, Receiver<Said>) {
    let (told, said) = channel();
    let told = Mutex::new(told);
    let tell = move |what: &Said| told.lock().unwrap().send(what.clone()).unwrap();
    (Sender::start(address, proxies, tell).unwrap(), said)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

fn said(said: &Receiver<Said>) -> Vec<String> {
    let all: Vec<_> = said.try_iter().map(|said| said.to_string()).collect();
    assert!(all.iter().all(|said| !said.contains(SECRET)), "{all:?}");
    all
}

#[test]
fn messages_come_in_order_as_slack_takes_them() {
    let hook = Hook::answering(&[]);
    runtime().block_on(async {
        let (sender, told) = sender(&address(&hook), None);
        sender.send("practice: web.1 was killed".to_owned());
        sender.send("a <b> & c".to_owned());
        sender.end().await;
        assert_eq!(said(&told), [""; 0]);
    });
    let first = hook.next(0);
    assert_eq!(first.text, "practice: web.1 was killed");
    let head = first.head.to_lowercase();
    assert!(first.head.starts_with("POST /hooks/hunter2?key=hunter2 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    let host = hook.url.split('/').nth(2).unwrap();
    assert!(head.contains(&format!("host: {host}\r\n")), "{head}");
    assert_eq!(hook.all(), ["a &lt;b&gt; &amp; c"]);
}

#[test]
fn what_fails_for_a_while_is_told_once_and_nothing_is_lost() {
    let hook = Hook::answering(&[
        Some("500 Internal Server Error"),
        Some("503 Service Unavailable\r\nRetry-After: 1"),
        OK,
    ]);
    runtime().block_on(async {
        let (sender, told) = sender(&address(&hook), None);
        sender.send("a".to_owned());
        sender.send("b".to_owned());
        let texts: Vec<_> = (0..4).map(|_| hook.next(20).text).collect();
        assert_eq!(texts, ["a", "a", "a", "b"]);
        sender.end().await;
        assert_eq!(
            said(&told),
            [
                "the webhook takes no message: it answers 500 Internal Server Error",
                "the webhook takes messages again",
            ]
        );
    });
}

#[test]
fn who_is_asked_to_wait_waits_as_long() {
    let hook = Hook::answering(&[Some("429 Too Many Requests\r\nRetry-After: 3")]);
    runtime().block_on(async {
        let (sender, _told) = sender(&address(&hook), None);
        sender.send("a".to_owned());
        hook.next(20);
        let begin = Instant::now();
        assert_eq!(hook.next(20).text, "a");
        assert!(begin.elapsed() >= Duration::from_millis(2900), "{:?}", begin.elapsed());
        sender.end().await;
    });
}

#[test]
fn what_is_refused_is_not_tried_again_and_the_next_one_says_so() {
    let hook = Hook::answering(&[Some("404 Not Found"), Some("400 Bad Request"), OK]);
    runtime().block_on(async {
        let (sender, told) = sender(&address(&hook), None);
        for text in ["a", "b", "c"] {
            sender.send(text.to_owned());
        }
        sender.end().await;
        assert_eq!(
            said(&told),
            [
                "the webhook takes no message: it answers 404 Not Found",
                "the webhook takes messages again; 2 messages were lost",
            ]
        );
    });
    let lost = |count: &str| format!("({count} before this one could not be sent)");
    assert_eq!(
        hook.all(),
        ["a".to_owned(), format!("b\n{}", lost("a message")), format!("c\n{}", lost("2 messages"))]
    );
}

#[test]
fn the_end_waits_for_nobody_for_long() {
    // One that keeps silent, and one that nobody listens at.
    let silent = Hook::answering(&[None]);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Address::read(&Secret::new(format!("http://{nobody}/{SECRET}"))).unwrap();
    for (address, first) in [(address(&silent), None), (nobody, Some("refused"))] {
        runtime().block_on(async {
            let (sender, told) = sender(&address, None);
            sender.send("a".to_owned());
            sender.send("b".to_owned());
            let begin = Instant::now();
            sender.end().await;
            let took = begin.elapsed();
            let limit = stretch(Duration::from_secs(5));
            assert!(took >= limit && took < limit + Duration::from_secs(5), "{took:?}");
            let mut all = said(&told);
            assert_eq!(all.pop().unwrap(), "2 messages were not sent to the webhook");
            assert_eq!(all.len(), usize::from(first.is_some()), "{all:?}");
            assert!(first.is_none_or(|word| all[0].contains(word)), "{all:?}");
        });
    }
}

#[test]
fn what_waits_at_the_end_is_sent_when_it_works_again() {
    let hook = Hook::answering(&[Some("503 Service Unavailable\r\nRetry-After: 200"), OK]);
    runtime().block_on(async {
        let (sender, told) = sender(&address(&hook), None);
        sender.send("a".to_owned());
        hook.next(20);
        sender.end().await;
        assert_eq!(said(&told).len(), 2);
    });
    assert_eq!(hook.all(), ["a"]);
}

#[test]
fn a_proxy_is_asked_with_the_whole_url_or_for_a_way_through() {
    let proxy = Hook::answering(&[]);
    let at = proxy.url.split('/').nth(2).unwrap();
    let own = format!("http://me:word@{at}");
    let proxies = Proxies::new(Some(&own), Some(&own), None).unwrap().unwrap();
    runtime().block_on(async {
        let url = format!("http://chat.example/hooks/{SECRET}");
        let address = Address::read(&Secret::new(url)).unwrap();
        let (sender, _told) = sender(&address, Some(&proxies));
        sender.send("a".to_owned());
        sender.end().await;
    });
    let head = proxy.next(0).head;
    assert!(head.starts_with("POST http://chat.example/hooks/hunter2 HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains("host: chat.example\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: basic bwu6d29yza==\r\n"), "{head}");

    // By HTTPS a proxy learns the host alone.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let proxies = Proxies::new(None, Some(&own), None).unwrap().unwrap();
    let asked = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line
    });
    runtime().block_on(async {
        let url = format!("https://chat.example/hooks/{SECRET}");
        let address = Address::read(&Secret::new(url)).unwrap();
        let (sender, told) = sender(&address, Some(&proxies));
        sender.send("a".to_owned());
        sender.end().await;
        assert_eq!(said(&told).len(), 2);
    });
    assert_eq!(asked.join().unwrap(), "CONNECT chat.example:443 HTTP/1.1\r\n");
}
