//! A receiver of messages, as a chat has it, on this computer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// A part of the URL that nobody may say.
pub const SECRET: &str = "hunter2";

/// What came to a receiver.
#[derive(Debug)]
pub struct Posted {
    /// Its first line and its headers.
    pub head: String,
    pub text: String,
}

/// A receiver on this computer. It answers each request with the next of its answers, and at last with 200.
pub struct Hook {
    pub url: String,
    posted: Receiver<Posted>,
}

/// An answer: a status with headers, or none at all.
pub type Answer = Option<&'static str>;

pub const OK: Answer = Some("200 OK");

impl Hook {
    pub fn answering(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hooks/{SECRET}?key={SECRET}", listener.local_addr().unwrap());
        let (given, posted) = channel();
        thread::spawn(move || {
            let mut answers = answers.iter();
            for stream in listener.incoming() {
                let answer = answers.next().copied().unwrap_or(OK);
                let given = given.clone();
                thread::spawn(move || receive(stream.unwrap(), answer, &given));
            }
        });
        Self { url, posted }
    }

    /// The next one, which comes within some seconds.
    #[track_caller]
    pub fn next(&self, seconds: u64) -> Posted {
        self.posted.recv_timeout(Duration::from_secs(seconds)).expect("a message comes")
    }

    /// Those that came, and were not taken out yet.
    pub fn all(&self) -> Vec<String> {
        self.posted.try_iter().map(|posted| posted.text).collect()
    }
}

fn receive(mut stream: TcpStream, answer: Answer, given: &Sender<Posted>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap() == 0 {
            return;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let text = body["text"].as_str().unwrap().to_owned();
    assert_eq!(body.as_object().unwrap().len(), 1);
    let _ = given.send(Posted { head, text });
    let Some(answer) = answer else {
        // It keeps silent.
        thread::sleep(Duration::from_secs(60));
        return;
    };
    // As some servers do, it repeats what it was asked for.
    let said = format!("cannot POST /hooks/{SECRET}");
    let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: {}\r\n\r\n{said}", said.len());
    let _ = stream.write_all(answer.as_bytes());
}
