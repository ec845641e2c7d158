//! Ports that lead through sshd: many at once, each side ending when it likes, and one that is broken
//! harming no other.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clusterdojo::event::{Event, Kind, Progress, Reporter};
use clusterdojo::model::Tunnel;
use clusterdojo::remote::SshDialer;
use clusterdojo::workflow::{ByMachine, Destination, Listening};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::World;
use super::sshd::free_port;

const SOON: Duration = Duration::from_secs(20);

/// Remembers every warning.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Reporter for Warnings {
    fn report(&self, event: &Event) {
        if let Kind::Warning { text } = &event.kind {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}

/// Forwards free ports of this computer to these ports of the machine; returns them, and what is told.
async fn forward(world: &World, to: &[u16]) -> (Vec<SocketAddr>, Arc<Warnings>) {
    let tunnels = to.iter().map(|port| format!("0:{port}").parse::<Tunnel>().unwrap()).collect();
    let way =
        ByMachine::reach(Arc::new(SshDialer::default()), world.machine(), world.files.clone())
            .await
            .unwrap();
    let listening = Listening::on(tunnels).await.unwrap();
    let addresses = listening.addresses().map(|(address, _)| address).collect();
    let warnings = Arc::new(Warnings::default());
    let progress = Progress::new(Arc::clone(&warnings) as Arc<dyn Reporter>);
    tokio::spawn(async move {
        listening.serve(Arc::new(Destination::Machine(way)), &progress).await;
    });
    (addresses, warnings)
}

/// A server that takes everything until the client is done, and only then sends it back.
async fn echo_at_the_end() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut all = Vec::new();
                stream.read_to_end(&mut all).await.unwrap();
                stream.write_all(&all).await.unwrap();
            });
        }
    });
    port
}

async fn said_back(address: SocketAddr, words: &[u8]) -> Vec<u8> {
    let work = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        all
    };
    timeout(SOON, work).await.expect("it hangs")
}

#[tokio::test]
async fn many_connections_at_once_each_end_when_they_are_done() {
    let world = World::new();
    let _sshd = world.start(super::KINDS);
    let (addresses, warnings) = forward(&world, &[echo_at_the_end().await]).await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    assert!(said_back(addresses[0], &large).await == large, "3 MB come back whole");
    let address = addresses[0];
    let all = (0..40_u8).map(|n| async move { said_back(address, &[n; 1000]).await });
    for (n, answer) in (0..40_u8).zip(join_all(all).await) {
        assert_eq!(answer, [n; 1000]);
    }
    assert_eq!(*warnings.0.lock().unwrap(), Vec::<String>::new());
    let (logins, _) = world.seen();
    for _ in 0..5 {
        said_back(addresses[0], b"again").await;
    }
    assert_eq!(world.seen().0, logins, "later connections use the logins that are there");
}

#[tokio::test]
async fn a_server_that_is_done_first_still_hears_the_client() {
    let world = World::new();
    let _sshd = world.start(super::KINDS);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (addresses, _) = forward(&world, &[listener.local_addr().unwrap().port()]).await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"greeting").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    };
    let client = async {
        let mut stream = TcpStream::connect(addresses[0]).await.unwrap();
        let mut greeting = String::new();
        stream.read_to_string(&mut greeting).await.unwrap();
        stream.write_all(b"answer").await.unwrap();
        stream.shutdown().await.unwrap();
        greeting
    };
    let both =
        timeout(SOON, async { futures_util::join!(server, client) }).await.expect("it hangs");
    assert_eq!(both, ("answer".to_owned(), "greeting".to_owned()));
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_told_once_and_ends_no_other() {
    let world = World::new();
    let _sshd = world.start(super::KINDS);
    let (good, bad) = (echo_at_the_end().await, free_port());
    let (addresses, warnings) = forward(&world, &[good, bad]).await;
    let mut open = TcpStream::connect(addresses[0]).await.unwrap();
    for _ in 0..3 {
        assert_eq!(said_back(addresses[1], b"").await, b"");
    }
    open.write_all(b"still here").await.unwrap();
    open.shutdown().await.unwrap();
    let mut answer = String::new();
    timeout(SOON, open.read_to_string(&mut answer)).await.expect("it hangs").unwrap();
    assert_eq!(answer, "still here");
    let told = warnings.0.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&format!("cannot reach 127.0.0.1:{bad}")), "{told:?}");
}

#[tokio::test]
async fn a_client_that_stops_reading_holds_up_no_other() {
    let world = World::new();
    let _sshd = world.start(super::KINDS);
    let endless = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ports = [endless.local_addr().unwrap().port(), echo_at_the_end().await];
    tokio::spawn(async move {
        let (mut stream, _) = endless.accept().await.unwrap();
        while stream.write_all(&[7; 16 * 1024]).await.is_ok() {}
    });
    let (addresses, _) = forward(&world, &ports).await;
    let mut lazy = TcpStream::connect(addresses[0]).await.unwrap();
    lazy.read_exact(&mut [0; 1000]).await.unwrap();
    // Everything on the way is full by then.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(said_back(addresses[1], b"me too").await, b"me too");
    drop(lazy);
}

#[tokio::test]
async fn a_machine_that_was_restarted_is_found_again() {
    let world = World::new();
    let sshd = world.start(super::KINDS);
    let (addresses, _) = forward(&world, &[echo_at_the_end().await]).await;
    assert_eq!(said_back(addresses[0], b"before").await, b"before");
    drop(sshd);
    let _sshd = world.start(super::KINDS);
    assert_eq!(said_back(addresses[0], b"after").await, b"after");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = StdListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let tunnels = vec![format!("{port}:80").parse().unwrap()];
    let error = Listening::on(tunnels).await.unwrap_err().to_string();
    assert!(error.contains(&format!("port {port}")), "{error}");
}
