//! Compiles the program of the lessons' image, which `lab_image.rs` takes into `dojo`.
//!
//! It is one static file, because there is nothing else in that image, and is compiled by `rustc` alone: as a program of
//! the package it would be installed beside `dojo`, and could not be there before the library is compiled.
#![allow(clippy::print_stdout, reason = "that is how cargo is told")]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use flate2::Compression;
use flate2::write::GzEncoder;

const SOURCES: &str = "src/lab";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed={SOURCES}");
    match compile() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            for line in why.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn compile() -> Result<(), String> {
    let target = variable("TARGET")?;
    let program = PathBuf::from(variable("OUT_DIR")?).join("lab");
    let mut compiler = Command::new(variable("RUSTC")?);
    compiler
        .args(["--edition", "2024", "--crate-name", "lab"])
        .args(["-C", "opt-level=s", "-C", "panic=abort", "-C", "strip=symbols"])
        // It is smaller for it, and sooner done.
        .args(["-C", "codegen-units=1"])
        .args(["-C", "target-feature=+crt-static", "--target"])
        .arg(target);
    // The linker of whoever compiles for another processor.
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        compiler.arg("-C").arg(option);
    }
    let compiler = compiler.arg(PathBuf::from(SOURCES).join("main.rs")).arg("-o").arg(&program);
    let output = compiler.output().map_err(|error| format!("cannot run rustc: {error}"))?;
    if output.status.success() {
        let packed = pack(&program);
        return packed.map_err(|error| format!("cannot pack {}: {error}", program.display()));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{SOURCES}, the program of the lessons' image, could not be linked statically; for that, the static C library is \
         needed (Debian has it in libc6-dev, Fedora in glibc-static):\n{}",
        said.trim_end()
    ))
}

/// Packs it into a file beside it: `dojo` is a megabyte smaller so.
fn pack(program: &Path) -> io::Result<()> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&fs::read(program)?)?;
    fs::write(program.with_extension("gz"), packed.finish()?)
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set {name}"))
}
