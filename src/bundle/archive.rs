//! An archive of some files of a bundle, made while it is read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::spawn_blocking;
use tokio_util::io::StreamReader;

use super::tape::{self, END};
use super::{Bundle, Error};

/// The bundle is read in pieces of at most this many bytes, and so many of them at a time.
const PIECE: u64 = 256 * 1024;
const AHEAD: usize = 2;

type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A tar of some files of a bundle. It is nowhere as a whole: what is read of it is put together then.
pub struct Archive {
    length: u64,
    reader: StreamReader<Pieces, Bytes>,
}

impl Archive {
    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl AsyncRead for Archive {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(context, buffer)
    }
}

/// A stretch of an archive.
enum Stretch {
    /// A header, or zeros.
    Made(Bytes),
    /// So many bytes of the bundle, from an offset on.
    Kept(u64, u64),
}

impl Bundle {
    /// An archive of some of the bundle's files, for a machine to unpack: their paths in it are those
    /// of the manifest, they belong to root and have mode 0644.
    ///
    /// # Panics
    ///
    /// If a file is not of this bundle.
    pub fn archive(&self, files: &[&super::File]) -> Result<Archive, Error> {
        let mut stretches = Vec::new();
        for file in files {
            let header = tape::header(&file.path, file.size);
            let header = header.map_err(Error::file("read", &self.path))?;
            let offset = self.offset(file).expect("the file is one of this bundle's");
            let padding = usize::try_from(tape::padding(file.size)).unwrap_or_default();
            stretches.push(Stretch::Made(Bytes::copy_from_slice(&header)));
            stretches.push(Stretch::Kept(offset, file.size));
            stretches.push(Stretch::Made(vec![0; padding].into()));
        }
        stretches.push(Stretch::Made(vec![0; usize::try_from(END).unwrap_or_default()].into()));
        let length = stretches.iter().map(|stretch| match stretch {
            Stretch::Made(bytes) => bytes.len() as u64,
            Stretch::Kept(_, length) => *length,
        });
        let length = length.sum();
        let file = Arc::clone(&self.file);
        let pieces = stream::iter(stretches.into_iter().flat_map(cut))
            .map(move |stretch| fetch(Arc::clone(&file), stretch))
            .buffered(AHEAD);
        let pieces: Pieces = Box::pin(pieces);
        Ok(Archive { length, reader: StreamReader::new(pieces) })
    }
}

/// Cuts a stretch of the bundle to pieces.
fn cut(stretch: Stretch) -> Vec<Stretch> {
    match stretch {
        Stretch::Made(_) => vec![stretch],
        Stretch::Kept(offset, length) => (0..length.div_ceil(PIECE))
            .map(|n| n * PIECE)
            .map(|start| Stretch::Kept(offset + start, PIECE.min(length - start)))
            .collect(),
    }
}

async fn fetch(file: Arc<File>, stretch: Stretch) -> io::Result<Bytes> {
    match stretch {
        Stretch::Made(bytes) => Ok(bytes),
        Stretch::Kept(offset, length) => {
            let read = spawn_blocking(move || {
                let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
                file.read_exact_at(&mut bytes, offset)?;
                Ok(Bytes::from(bytes))
            });
            read.await.map_err(io::Error::other)?
        }
    }
}
