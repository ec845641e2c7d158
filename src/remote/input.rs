//! What a script reads: a stream of bytes whose length is known before it begins.

use std::fmt;
use std::io;
use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::io::ReaderStream;

use bytes::Bytes;

/// It is read in pieces of at most this many bytes, and no more than one of them is in memory here.
const PIECE: usize = 256 * 1024;

/// A stream of bytes for a script, see [`Remote::run_with_input`](super::Remote::run_with_input).
pub struct Input {
    name: String,
    length: u64,
    source: Pin<Box<dyn AsyncRead + Send>>,
}

impl Input {
    /// A stream of exactly `length` bytes. `name` says in errors what it is: the name of a file.
    pub fn new(
        name: impl Into<String>,
        length: u64,
        source: impl AsyncRead + Send + 'static,
    ) -> Self {
        Self { name: name.into(), length, source: Box::pin(source) }
    }

    /// What it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Its bytes, piece by piece. A source that ends early is an error; of one that is too long the
    /// rest is left unread.
    pub(crate) fn pieces(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let length = self.length;
        let pieces = ReaderStream::with_capacity(self.source.take(length), PIECE);
        let end = futures_util::stream::once(async { Ok(Bytes::new()) });
        pieces.chain(end).scan(0, move |seen, piece| {
            let piece = piece.and_then(|piece| {
                *seen += piece.len() as u64;
                if piece.is_empty() && *seen < length {
                    let text = format!("it ended after {seen} of {length} bytes");
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
                }
                Ok(piece)
            });
            std::future::ready(Some(piece))
        })
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("name", &self.name)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    async fn read(length: u64, source: &'static [u8]) -> io::Result<Vec<u8>> {
        Input::new("it", length, source)
            .pieces()
            .try_fold(Vec::new(), |mut all, piece| async move {
                all.extend_from_slice(&piece);
                Ok(all)
            })
            .await
    }

    #[tokio::test]
    async fn exactly_what_was_announced_is_read() {
        assert_eq!(read(4, b"whole").await.unwrap(), b"whol");
        assert_eq!(read(0, b"").await.unwrap(), b"");
        let error = read(6, b"whole").await.unwrap_err();
        assert_eq!(error.to_string(), "it ended after 5 of 6 bytes");
    }
}
