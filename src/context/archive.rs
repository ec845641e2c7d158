//! A docker context as an archive, as `docker context export` writes it and `docker context import` reads it: a tar with
//! `meta.json` and the certificates below `tls/docker`.

use std::io;

use crate::durable;

use super::meta::{self, Meta};
use super::{DockerContext, Error};

impl DockerContext {
    /// The bytes of an archive of this context. It carries no mark of ours: it is theirs who get it, and the same
    /// context makes the same bytes.
    ///
    /// # Errors
    /// [`Error::Io`] if its certificates cannot be read, [`Error::Name`].
    pub fn archive(&self) -> Result<Vec<u8>, Error> {
        meta::check_name(&self.name)?;
        let mut files = vec![("meta.json", 0o644, Meta::unmarked(self).render())];
        for (name, source) in [
            ("tls/docker/ca.pem", &self.tls.ca),
            ("tls/docker/cert.pem", &self.tls.cert),
            ("tls/docker/key.pem", &self.tls.key),
        ] {
            let bytes = durable::read(source, durable::KEY).map_err(Error::io("read", source))?;
            files.push((name, 0o600, bytes));
        }
        let archive = packed(&files);
        Ok(archive.expect("short names and a few bytes fit into an archive in memory"))
    }
}

fn packed(files: &[(&str, u32, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, mode, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_data(&mut header, name, &**bytes)?;
    }
    archive.into_inner()
}
