//! Tar archives, the form in which the engine takes and gives files.

use std::io::{self, Read};

use bytes::Bytes;

/// A file for an archive.
pub(super) struct File<'a> {
    /// Its path, relative to where the archive is unpacked.
    pub path: &'a str,
    /// Permission bits.
    pub mode: u32,
    /// What is in it.
    pub content: &'a [u8],
}

/// An archive of files that belong to root. The same files make the same bytes.
pub(super) fn pack(files: &[File<'_>]) -> io::Result<Bytes> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_data(&mut header, file.path, file.content)?;
    }
    archive.into_inner().map(Bytes::from)
}

/// The text of the first file in an archive.
pub(super) fn first_text(archive: &[u8]) -> io::Result<String> {
    let mut archive = tar::Archive::new(archive);
    let first = archive.entries()?.next();
    let mut file = first.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))??;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_the_way_there_and_back() {
        let file = File {
            path: "etc/ssh/ssh_host_ed25519_key.pub",
            mode: 0o600,
            content: b"ssh-ed25519 AAAA\n",
        };
        let archive = pack(&[file]).unwrap();
        assert_eq!(first_text(&archive).unwrap(), "ssh-ed25519 AAAA\n");
        assert!(first_text(&[]).is_err());
    }
}
