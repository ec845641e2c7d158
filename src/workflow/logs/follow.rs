//! Journals as they are written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::AsyncWrite;

use super::super::lines::Lines;
use super::super::{Error, Services};
use super::asked::{Cluster, LogQuery, Said, script};
use super::redaction::Redaction;
use crate::event::chain;
use crate::model::{ClusterName, MachineName};

/// How long somebody may look on: longer than any machine runs.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Passes on what machines write into their journals, as they write it, each line to `line`; who ends, or cannot be
/// asked, is told to `ended` with the reason. Returns when none is left.
pub async fn follow_journals(
    services: &Services,
    name: &ClusterName,
    query: &LogQuery,
    line: impl Fn(MachineName, &str) + Sync,
    ended: impl Fn(&Said),
) -> Result<(), Error> {
    let cluster = Cluster::find(services, name, query).await?;
    let script = script("follow", query).within(FOR_EVER);
    let mut followed: FuturesUnordered<_> = cluster
        .machines
        .iter()
        .map(async |(machine, exists)| {
            let name = machine.id.name;
            let mut heard = Heard {
                redaction: &cluster.redaction,
                lines: Lines::default(),
                line: |text: &str| line(name, text),
            };
            let text = match cluster.enter(services, machine, *exists).await {
                Ok(remote) => {
                    remote.run_with_output(&script, &mut heard).await.map_err(|e| chain(&e))
                }
                Err(why) => Err(why),
            };
            let text = text.and_then(|()| Err("its journal has ended".to_owned()));
            Said { machine: name, text }
        })
        .collect();
    while let Some(said) = followed.next().await {
        ended(&said);
    }
    Ok(())
}

/// Takes what one machine prints.
struct Heard<'a, F> {
    redaction: &'a Redaction,
    lines: Lines,
    line: F,
}

impl<F: Fn(&str) + Unpin> AsyncWrite for Heard<'_, F> {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.lines.push(piece, |line| {
            (this.line)(&this.redaction.apply(&String::from_utf8_lossy(line)));
        });
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
