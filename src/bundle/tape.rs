//! The tar format, as far as bundles use it: plain files with short names.

use std::io;

/// Everything in a tar lies on blocks of this many bytes.
pub(super) const BLOCK: u64 = 512;
/// Two blocks of zeros are the end of an archive.
pub(super) const END: u64 = 2 * BLOCK;

/// What a member takes up beside its bytes: its header before them and what fills the last block.
/// `None` if no file can be that large.
pub(super) fn room(size: u64) -> Option<u64> {
    size.checked_next_multiple_of(BLOCK)?.checked_add(BLOCK)
}

/// The zeros after a member.
pub(super) fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK) - size
}

/// The header of a member that belongs to root. The same member makes the same bytes.
pub(super) fn header(path: &str, size: u64) -> io::Result<[u8; 512]> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// A header that was read.
pub(super) enum Block {
    /// The header of a plain file.
    File {
        /// Its name.
        path: String,
        /// Its size, in bytes.
        size: u64,
    },
    /// The header of something else: a directory, a link, an extension.
    Other {
        /// Its name.
        path: String,
    },
    /// Only zeros: the end.
    Zeros,
    /// No header.
    Garbage,
}

/// Reads a header.
pub(super) fn parse(block: &[u8; 512]) -> Block {
    if block.iter().all(|byte| *byte == 0) {
        return Block::Zeros;
    }
    let header = tar::Header::from_byte_slice(block);
    // The sum counts its own eight bytes as spaces.
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let own: u32 = block[148..156].iter().map(|byte| u32::from(*byte)).sum();
    if header.cksum().ok() != Some(sum - own + 8 * u32::from(b' ')) {
        return Block::Garbage;
    }
    let path = String::from_utf8_lossy(&header.path_bytes()).escape_debug().to_string();
    match header.size() {
        Ok(size) if header.entry_type().is_file() => Block::File { path, size },
        Ok(_) => Block::Other { path },
        Err(_) => Block::Garbage,
    }
}
