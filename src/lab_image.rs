//! The image that lessons run: one program that is a server, a client and more (`src/lab/`), and perhaps busybox.
//!
//! `dojo` has the program in itself, and makes the image of it where it is needed, so that lessons need no registry and no
//! network. There are three tags of it with the same layer, which differ in what the server says its version is.

use std::io::{self, Read as _, Write};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The repository of the image.
pub const REPOSITORY: &str = "dojo/lab";
/// Its tags, each of which is also what the server says its version is.
pub const VERSIONS: [&str; 3] = ["1", "2", "3"];

/// The packed program, as `src/lab/build.rs` left it.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lab.gz"));

/// The names by which the program is found, beside its own.
const APPLETS: &[&str] = &["ci", "curl", "fill", "get", "hook", "probe", "serve", "visit"];

/// The names of busybox: what learners type, and none of ours.
const BUSYBOX: &str = "\
    ash awk base64 basename cat chmod clear cp cut date dd df dirname du echo env expr false \
    find free grep gunzip gzip head hostname id ip kill less ln ls md5sum mkdir mktemp more \
    mount mv nc netstat nslookup ping printf ps pwd readlink rm rmdir sed seq sh sha256sum \
    sleep sort stat sync tail tar tee test time timeout top touch tr true umount uname uniq \
    uptime vi watch wc wget which whoami xargs yes";

const FILES: &[(&str, &str)] = &[
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("etc/nsswitch.conf", "hosts: files dns\n"),
    (
        "etc/passwd",
        "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    ),
];

/// The moment at which all of it was made: always the same, so that the same image always has the same digests.
const MADE: &str = "1970-01-01T00:00:00Z";

/// The program, a static one for Linux.
pub fn program() -> io::Result<Vec<u8>> {
    let mut program = Vec::new();
    GzDecoder::new(PACKED).read_to_end(&mut program)?;
    Ok(program)
}

/// Images in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What it is called: `dojo/lab:1`.
    pub reference: String,
    /// Its id, as docker tells it.
    pub id: String,
}

/// Writes images of these versions as `docker save` does, for `docker load` and `ctr images import`, and tells which. The
/// same busybox makes the same bytes. It has to be a static one for the processor that `dojo` is for.
pub fn archive(
    versions: &[&str],
    busybox: Option<&[u8]>,
    into: &mut impl Write,
) -> io::Result<Vec<Written>> {
    let program = program()?;
    if let Some(busybox) = busybox {
        check_busybox(busybox, &program)?;
    }
    let layer = layer(&program, busybox)?;
    let digest = hex_digest(&layer);
    let layer_path = format!("{digest}/layer.tar");
    let mut tar = tar::Builder::new(into);
    add_folder(&mut tar, &digest, 0o755)?;
    add_file(&mut tar, &layer_path, 0o644, &layer)?;
    let mut manifest = Vec::new();
    let mut written = Vec::new();
    for version in versions {
        let config = serde_json::to_vec(&config(version, &digest))?;
        let digest = hex_digest(&config);
        let path = format!("{digest}.json");
        add_file(&mut tar, &path, 0o644, &config)?;
        let reference = format!("{REPOSITORY}:{version}");
        manifest.push(json!({ "Config": path, "RepoTags": [reference], "Layers": [layer_path] }));
        written.push(Written { reference, id: format!("sha256:{digest}") });
    }
    add_file(&mut tar, "manifest.json", 0o644, &serde_json::to_vec(&manifest)?)?;
    tar.into_inner()?.flush()?;
    Ok(written)
}

fn config(version: &str, layer: &str) -> Value {
    json!({
        "architecture": match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        },
        "os": "linux",
        "created": MADE,
        "config": {
            "Env": ["PATH=/bin", format!("VERSION={version}")],
            "Entrypoint": ["/bin/lab"],
            "Cmd": ["serve"],
            "ExposedPorts": { "3000/tcp": {} },
            "WorkingDir": "/",
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer}")] },
        "history": [{ "created": MADE, "created_by": "dojo" }],
    })
}

/// The files of the image.
fn layer(program: &[u8], busybox: Option<&[u8]>) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    add_folder(&mut tar, "bin", 0o755)?;
    add_file(&mut tar, "bin/lab", 0o755, program)?;
    for name in APPLETS {
        add_link(&mut tar, &format!("bin/{name}"), "lab")?;
    }
    if let Some(busybox) = busybox {
        add_file(&mut tar, "bin/busybox", 0o755, busybox)?;
        for name in BUSYBOX.split(' ') {
            add_link(&mut tar, &format!("bin/{name}"), "busybox")?;
        }
    }
    add_folder(&mut tar, "etc", 0o755)?;
    for (path, text) in FILES {
        add_file(&mut tar, path, 0o644, text.as_bytes())?;
    }
    add_folder(&mut tar, "etc/lab", 0o755)?;
    // What lessons call it where there is no PATH.
    add_link(&mut tar, "lab", "bin/lab")?;
    add_folder(&mut tar, "tmp", 0o1777)?;
    tar.into_inner()
}

fn header(kind: tar::EntryType, mode: u32, size: usize) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn add_folder(tar: &mut tar::Builder<impl Write>, path: &str, mode: u32) -> io::Result<()> {
    let path = format!("{path}/");
    tar.append_data(&mut header(tar::EntryType::Directory, mode, 0), path, io::empty())
}

fn add_file(
    tar: &mut tar::Builder<impl Write>,
    path: &str,
    mode: u32,
    content: &[u8],
) -> io::Result<()> {
    tar.append_data(&mut header(tar::EntryType::Regular, mode, content.len()), path, content)
}

fn add_link(tar: &mut tar::Builder<impl Write>, path: &str, target: &str) -> io::Result<()> {
    tar.append_link(&mut header(tar::EntryType::Symlink, 0o777, 0), path, target)
}

fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses what would not start in the image, where it would only be said that there is no such file.
fn check_busybox(busybox: &[u8], program: &[u8]) -> io::Result<()> {
    let wrong = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if !busybox.starts_with(b"\x7fELF") {
        return wrong("busybox is not a program for Linux");
    }
    // How wide its words are and in which order its bytes, and the processor.
    if busybox.get(4..6) != program.get(4..6) || busybox.get(18..20) != program.get(18..20) {
        return wrong("busybox is for another processor");
    }
    match needs_interpreter(busybox) {
        Some(false) => Ok(()),
        Some(true) => wrong("busybox is not a static program"),
        None => wrong("busybox is not whole"),
    }
}

/// Whether a program for a processor of 64 bits is started by another one, the dynamic linker. `None` if it cannot be read.
fn needs_interpreter(program: &[u8]) -> Option<bool> {
    const INTERPRETER: usize = 3;
    let number = |at: usize, size: usize| -> Option<usize> {
        let bytes = program.get(at..at.checked_add(size)?)?;
        let value = bytes.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        usize::try_from(value).ok()
    };
    let (start, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for index in 0..count {
        let kind = number(start.checked_add(index * size)?, 4)?;
        if kind == INTERPRETER {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_there_twice() {
        let mut names: Vec<_> = APPLETS.iter().copied().chain(BUSYBOX.split(' ')).collect();
        names.extend(["lab", "busybox"]);
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_busybox_that_would_not_start_is_refused() {
        let program = program().unwrap();
        let refused = |bytes: &[u8]| check_busybox(bytes, &program).unwrap_err().to_string();
        assert!(check_busybox(&program, &program).is_ok());
        assert_eq!(refused(b"#!/bin/sh\n"), "busybox is not a program for Linux");
        assert_eq!(refused(&program[..100]), "busybox is not whole");
        let mut other = program.clone();
        other[18] ^= 1;
        assert_eq!(refused(&other), "busybox is for another processor");
        // These tests are linked as most programs are.
        let dynamic = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(refused(&dynamic), "busybox is not a static program");
    }
}
