//! A message, as it is sent.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::Instant;

/// The most characters of a message. Mattermost takes 16,383, and nobody reads as many.
const LONGEST: usize = 4000;
/// From when on a message is told to be late.
const LATE: Duration = Duration::from_secs(60);

/// A message that waits to be sent.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) made: Instant,
}

impl Message {
    /// What is posted of it, after some others that could not be sent.
    pub(super) fn body(&self, lost: usize) -> Bytes {
        let mut text: String = self.text.chars().take(LONGEST).collect();
        if text.len() < self.text.len() {
            text.push('…');
        }
        let age = self.made.elapsed();
        if age >= LATE {
            text.push_str(&format!("\n(that was {} min ago)", age.as_secs() / 60));
        }
        match lost {
            0 => {}
            1 => text.push_str("\n(a message before this one could not be sent)"),
            lost => {
                text.push_str(&format!("\n({lost} messages before this one could not be sent)"));
            }
        }
        json!({ "text": escaped(&text) }).to_string().into()
    }
}

/// These three mean something in Slack's messages: links, and whom to call ("Formatting text for app surfaces").
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_machines_say_calls_nobody_and_what_is_late_or_lost_is_told() {
        let message = |text: &str| Message { text: text.to_owned(), made: Instant::now() };
        let text = |message: &Message, lost| {
            let body: serde_json::Value = serde_json::from_slice(&message.body(lost)).unwrap();
            body["text"].as_str().unwrap().to_owned()
        };
        let rude = message("a & <!channel>\n\"b\"");
        assert_eq!(text(&rude, 0), "a &amp; &lt;!channel&gt;\n\"b\"");
        assert!(text(&rude, 1).ends_with("\n(a message before this one could not be sent)"));
        assert!(text(&rude, 3).ends_with("\n(3 messages before this one could not be sent)"));
        tokio::time::advance(Duration::from_secs(190)).await;
        assert!(text(&rude, 0).ends_with("\n(that was 3 min ago)"));
        let long = message(&"é".repeat(5000));
        assert_eq!(text(&long, 0), format!("{}…", "é".repeat(4000)));
    }
}
