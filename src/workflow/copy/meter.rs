//! How far a copy is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::event::Progress;

/// How often it is told.
const OFTEN: Duration = Duration::from_millis(500);

/// What bytes go through that are counted.
pub(in crate::workflow) struct Metered<T> {
    inner: T,
    progress: Progress,
    done: u64,
    /// Of how many, as far as that is known.
    of: u64,
    told: Instant,
}

impl<T> Metered<T> {
    pub(in crate::workflow) fn new(inner: T, of: u64, progress: &Progress) -> Self {
        Self { inner, progress: progress.clone(), done: 0, of, told: Instant::now() }
    }

    fn count(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.told.elapsed() >= OFTEN {
            self.told = Instant::now();
            self.progress.detail(amount(self.done, self.of));
        }
    }
}

/// "12.5 of 50.0 MB".
fn amount(done: u64, of: u64) -> String {
    let tenths = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10);
    format!("{} of {} MB", tenths(done.min(of)), tenths(of))
}

impl<T: AsyncRead + Unpin> AsyncRead for Metered<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let result = Pin::new(&mut this.inner).poll_read(context, buffer);
        this.count(buffer.filled().len() - before);
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Metered<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = result {
            this.count(written);
        }
        result
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn amounts_are_in_megabytes() {
        assert_eq!(super::amount(12_540_000, 50_000_000), "12.5 of 50.0 MB");
        assert_eq!(super::amount(60_000_000, 50_000_000), "50.0 of 50.0 MB");
    }
}
