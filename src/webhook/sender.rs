//! Sends messages one after the other, in the order in which they were made, and tries again where that may help.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::select;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::model::{Proxies, counted};
use crate::pace::{stretch, within};

use super::address::Address;
use super::client::{Answer, Client, NoClient};
use super::message::Message;

/// How many messages wait at most.
const QUEUE: usize = 100;
/// How long to wait before the next attempt, at first; each further pause is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause of ours, and the longest that a server may ask for.
const LONGEST: Duration = Duration::from_secs(60);
const LONGEST_ASKED: Duration = Duration::from_secs(300);
/// How old a message may be that is tried once more.
const OLD: Duration = Duration::from_secs(15 * 60);
/// How long what is left may take at the end, and the longest pause then.
const END: Duration = Duration::from_secs(5);
const HASTE: Duration = Duration::from_millis(500);

/// What there is to tell of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It has begun to fail; said once until it works again.
    Fails {
        /// Why, without its URL.
        why: String,
    },
    /// It works again.
    Works {
        /// How many messages were lost meanwhile.
        lost: usize,
    },
    /// Messages that could not be sent by the end.
    Unsent {
        /// How many.
        count: usize,
    },
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fails { why } => write!(f, "the webhook takes no message: {why}"),
            Self::Works { lost: 0 } => f.write_str("the webhook takes messages again"),
            Self::Works { lost } => {
                write!(f, "the webhook takes messages again; {} lost", were(*lost))
            }
            Self::Unsent { count } => write!(f, "{} not sent to the webhook", were(*count)),
        }
    }
}

/// `1 message was`, `3 messages were`.
fn were(count: usize) -> String {
    format!("{} {}", counted(count, "message"), if count == 1 { "was" } else { "were" })
}

/// Sends messages in the background.
pub struct Sender {
    queue: mpsc::Sender<Message>,
    work: JoinSet<()>,
    ended: watch::Sender<bool>,
    shared: Arc<Shared>,
}

/// What both sides know.
struct Shared {
    /// How many messages wait, the one that is being sent included.
    waiting: AtomicUsize,
    /// How many were lost, of which nobody in the chat was told.
    lost: AtomicUsize,
    tell: Box<dyn Fn(&Said) + Send + Sync>,
}

impl Sender {
    /// Begins. Must be called within the tokio runtime.
    ///
    /// # Errors
    /// [`NoClient`] if this computer knows nobody to trust.
    pub fn start(
        address: &Address,
        proxies: Option<&Proxies>,
        tell: impl Fn(&Said) + Send + Sync + 'static,
    ) -> Result<Self, NoClient> {
        let client = Client::new(address, proxies)?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (ended, end) = watch::channel(false);
        let counts = (AtomicUsize::new(0), AtomicUsize::new(0));
        let shared = Arc::new(Shared { waiting: counts.0, lost: counts.1, tell: Box::new(tell) });
        let worker =
            Worker { client, end, fails: false, pause: FIRST, shared: Arc::clone(&shared) };
        let mut work = JoinSet::new();
        work.spawn(worker.run(waiting));
        Ok(Self { queue, work, ended, shared })
    }

    /// Has a message sent, as soon as those before it are.
    pub fn send(&self, text: String) {
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(Message { text, made: Instant::now() }).is_err() {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what is left, for a few seconds at most.
    pub async fn end(mut self) {
        drop(self.queue);
        self.ended.send_replace(true);
        let _ = within(END, self.work.join_next()).await;
        self.work.shutdown().await;
        let Shared { waiting, lost, tell } = &*self.shared;
        let count = waiting.load(Ordering::Relaxed) + lost.load(Ordering::Relaxed);
        if count > 0 {
            tell(&Said::Unsent { count });
        }
    }
}

struct Worker {
    client: Client,
    end: watch::Receiver<bool>,
    /// Whether it was told that the webhook fails.
    fails: bool,
    pause: Duration,
    shared: Arc<Shared>,
}

impl Worker {
    async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        while let Some(message) = queue.recv().await {
            let taken = self.deliver(&message).await;
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            if !taken {
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Whether a message was taken, at last.
    async fn deliver(&mut self, message: &Message) -> bool {
        loop {
            let lost = self.shared.lost.load(Ordering::Relaxed);
            match self.client.post(message.body(lost)).await {
                Answer::Taken => {
                    self.shared.lost.fetch_sub(lost, Ordering::Relaxed);
                    self.pause = FIRST;
                    if std::mem::take(&mut self.fails) {
                        (self.shared.tell)(&Said::Works { lost });
                    }
                    return true;
                }
                Answer::Refused { why } => {
                    self.fail(why);
                    return false;
                }
                Answer::Later { why, after } => {
                    self.fail(why);
                    if message.made.elapsed() >= stretch(OLD) {
                        return false;
                    }
                    let pause = after.map_or(self.pause, |after| after.min(LONGEST_ASKED));
                    self.pause = (self.pause * 2).min(LONGEST);
                    self.rest(pause).await;
                }
            }
        }
    }

    fn fail(&mut self, why: String) {
        if !std::mem::replace(&mut self.fails, true) {
            (self.shared.tell)(&Said::Fails { why });
        }
    }

    /// Waits, but not for long once the end has come.
    async fn rest(&mut self, pause: Duration) {
        if *self.end.borrow() {
            return sleep(pause.min(HASTE)).await;
        }
        select! {
            () = sleep(pause) => {}
            _ = self.end.wait_for(|ended| *ended) => {}
        }
    }
}
