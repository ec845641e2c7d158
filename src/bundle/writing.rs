//! Making a bundle of files.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::durable;
use crate::model::{KubernetesVersion, Role};

use super::hex::hex;
use super::tape::{self, END};
use super::verifying::{checksum, on_all};
use super::{Architecture, Bundle, Error, File, Kind, Manifest, SCHEMA};

/// Collects files for a bundle. The same files make the same bundle, byte for byte.
#[derive(Debug)]
pub struct BundleWriter {
    kubernetes: KubernetesVersion,
    architecture: Architecture,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    source: PathBuf,
    path: String,
    kind: Kind,
    roles: BTreeSet<Role>,
}

impl BundleWriter {
    /// An empty bundle.
    pub fn new(kubernetes: KubernetesVersion, architecture: Architecture) -> Self {
        Self { kubernetes, architecture, parts: Vec::new() }
    }

    /// The release that it is of.
    pub fn version(&self) -> KubernetesVersion {
        self.kubernetes
    }

    /// The machines that it is for.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// Adds a file: `source` is where it lies on this computer, `path` its name in the bundle. A binary
    /// must be packed by gzip already.
    #[must_use]
    pub fn with(
        mut self,
        source: impl Into<PathBuf>,
        path: impl Into<String>,
        kind: Kind,
        roles: impl IntoIterator<Item = Role>,
    ) -> Self {
        let (source, path, roles) = (source.into(), path.into(), roles.into_iter().collect());
        self.parts.push(Part { source, path, kind, roles });
        self
    }

    /// Writes the bundle to where it shall be, in whole or not at all, and opens it. Reads every file
    /// twice, because the manifest with the checksums comes first; the first time on every processor.
    /// Call it where blocking is allowed.
    pub fn write(&self, path: &Path) -> Result<Bundle, Error> {
        let files = on_all(&self.parts, part);
        let manifest = Manifest {
            schema: SCHEMA,
            kubernetes: self.kubernetes,
            architecture: self.architecture,
            files: files.into_iter().collect::<Result<_, _>>()?,
        };
        manifest.check().map_err(Error::Unwritable)?;
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        let mut changed = None;
        let write = |out: &mut fs::File| {
            let mut out = io::BufWriter::with_capacity(1 << 20, out);
            member(&mut out, "manifest.json", text.len() as u64, &text[..])?;
            for (part, file) in self.parts.iter().zip(&manifest.files) {
                let mut source = Summing::new(fs::File::open(&part.source)?);
                member(&mut out, &file.path, file.size, &mut source)?;
                if source.sum() != file.sha256 {
                    changed = Some(part.source.clone());
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
            io::copy(&mut io::repeat(0).take(END), &mut out)?;
            out.flush()
        };
        let result = durable::replace_with(path, 0o644, write);
        if let Some(source) = changed {
            let text = format!("`{}` was changed while it was read", source.display());
            return Err(Error::Unwritable(text));
        }
        result.map_err(Error::file("write", path))?;
        Bundle::open(path)
    }
}

fn part(part: &Part) -> Result<File, Error> {
    let source = fs::File::open(&part.source).map_err(Error::file("open", &part.source))?;
    let (sha256, size) = checksum(source).map_err(Error::file("read", &part.source))?;
    let (path, kind, roles) = (part.path.clone(), part.kind.clone(), part.roles.clone());
    Ok(File { path, size, sha256, kind, roles })
}

/// Writes a member: its header, as many bytes as that says, and what fills its last block.
fn member(out: &mut impl Write, path: &str, size: u64, source: impl Read) -> io::Result<()> {
    out.write_all(&tape::header(path, size)?)?;
    let copied = io::copy(&mut source.take(size), out)?;
    // Fewer bytes than before are noticed by their checksum.
    io::copy(&mut io::repeat(0).take(size - copied + tape::padding(size)), out)?;
    Ok(())
}

/// Sums up what is read through it.
struct Summing<R> {
    source: R,
    sum: Sha256,
}

impl<R: Read> Summing<R> {
    fn new(source: R) -> Self {
        Self { source, sum: Sha256::new() }
    }

    fn sum(self) -> String {
        hex(&self.sum.finalize())
    }
}

impl<R: Read> Read for Summing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.sum.update(&buffer[..length]);
        Ok(length)
    }
}
