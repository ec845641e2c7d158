//! `fill`: writes a file of a size, or as much of it as the disk takes.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use crate::args;
use crate::system::Ending;
use crate::{Wrong, say};

pub(crate) const HELP: &str = "\
fill FILE BYTES
Write a file of that size, or until the disk is full.

BYTES is a number, with k, M or G for 1024 of what is before. The status is 0 when all is written, and 1 when the disk
was full before; what is written stays.
";

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Wrong> {
    let said = args::read(arguments, &[])?;
    let [file, size] = &said.rest[..] else {
        return Err(Wrong::Usage("a file and a size are needed".to_owned()));
    };
    let size = bytes(size).ok_or_else(|| Wrong::Usage(format!("`{size}` is not a size")))?;
    let failed = |error| Wrong::Failed(format!("cannot write {file}: {error}"));
    let mut ending = Ending::new().map_err(failed)?;
    let mut out = File::create(file).map_err(failed)?;
    // Not zeros: there are disks that make nothing of them.
    let block: Vec<u8> = (0..64 * 1024).map(|n: u32| (n % 251) as u8 + 1).collect();
    let mut written = 0;
    while written < size && !ending.has_come() {
        let count =
            usize::try_from(size - written).map_or(block.len(), |left| left.min(block.len()));
        match out.write(&block[..count]) {
            Ok(0) => break,
            Ok(count) => written += count as u64,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if full(error.kind()) => return Ok(told_full(written, &error)),
            Err(error) => return Err(failed(error)),
        }
    }
    // Some disks tell only then.
    match out.sync_all() {
        Err(error) if full(error.kind()) => return Ok(told_full(written, &error)),
        // What is no file on a disk has nothing to tell.
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::InvalidInput => {}
        Err(error) => return Err(failed(error)),
    }
    if written < size {
        say(&format!("asked to end after {written} bytes\n"));
        return Ok(ExitCode::from(143));
    }
    say(&format!("wrote {written} bytes\n"));
    Ok(ExitCode::SUCCESS)
}

fn full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

fn told_full(written: u64, error: &std::io::Error) -> ExitCode {
    say(&format!("full after {written} bytes: {error}\n"));
    ExitCode::FAILURE
}

fn bytes(text: &str) -> Option<u64> {
    let (digits, unit) = match text.strip_suffix(['k', 'K', 'M', 'G']) {
        Some(digits) => (digits, &text[digits.len()..]),
        None => (text, ""),
    };
    let times = match unit {
        "" => 1,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => 1 << 10,
    };
    let plain = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    plain.then(|| digits.parse::<u64>().ok()?.checked_mul(times)).flatten()
}
