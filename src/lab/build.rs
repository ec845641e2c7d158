//! Compiles the program of the lessons' image, which `lab_image.rs` takes into `dojo`, and says how `dojo` is linked.
//!
//! That program is one static file, because there is nothing else in that image, and is compiled by `rustc` alone: as a
//! program of the package it would be installed beside `dojo`, and could not be there before the library is compiled.
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
    match compile().and_then(|()| link_small()) {
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
    let program = PathBuf::from(variable("OUT_DIR")?).join("lab");
    let mut compiler = compiler("lab")?;
    compiler
        .args(["-C", "opt-level=s", "-C", "strip=symbols"])
        // It is smaller for it, and sooner done.
        .args(["-C", "codegen-units=1"])
        .args(["-C", "target-feature=+crt-static"]);
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

/// A compiler of programs that a panic ends.
fn compiler(program: &str) -> Result<Command, String> {
    let mut compiler = Command::new(variable("RUSTC")?);
    compiler.args(["--edition", "2024", "--crate-name", program, "-C", "panic=abort", "--target"]);
    compiler.arg(variable("TARGET")?);
    // The linker of whoever compiles for another processor.
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        compiler.arg("-C").arg(option);
    }
    Ok(compiler)
}

/// Leaves out tables for unwinding: where a panic ends the program, nothing but a backtrace reads them, and a program without
/// symbols has no names to put into one.
const WITHOUT_TABLES: &str =
    "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.gcc_except_table*) } } INSERT AFTER .text;\n";

/// Has programs of the release profiles linked smaller, by what the linker at hand knows of this.
fn link_small() -> Result<(), String> {
    // The tests of other profiles catch panics.
    if variable("PROFILE")? != "release" {
        return Ok(());
    }
    let out = PathBuf::from(variable("OUT_DIR")?);
    let script = out.join("without-tables.ld");
    fs::write(&script, WITHOUT_TABLES)
        .map_err(|error| format!("cannot write {}: {error}", script.display()))?;
    let mut options = vec![
        format!("-Wl,--no-eh-frame-hdr,-T,{}", script.display()),
        // Functions that turn out the same are there once.
        "-Wl,--icf=all".to_owned(),
    ];
    if stays_here(&out)? {
        // The C library has to know of it: glibc does since 2.36.
        options.push("-Wl,-z,pack-relative-relocs".to_owned());
    }
    for option in options {
        if works_with(&option, &out)? {
            println!("cargo::rustc-link-arg-bins={option}");
        }
    }
    Ok(())
}

/// Whether programs are for this computer, and not for others (the profile `dist`), where the C library may be older.
fn stays_here(out: &Path) -> Result<bool, String> {
    let profile = out.ancestors().nth(3).and_then(Path::file_name);
    Ok(profile.is_some_and(|name| name == "release") && variable("TARGET")? == variable("HOST")?)
}

/// Whether a program that is linked so can be made, and runs.
fn works_with(option: &str, out: &Path) -> Result<bool, String> {
    let (source, program) = (out.join("small.rs"), out.join("small"));
    fs::write(&source, "fn main() {}\n")
        .map_err(|error| format!("cannot write {}: {error}", source.display()))?;
    let mut compiler = compiler("small")?;
    // Another linker may be among these.
    let chosen = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    compiler.args(chosen.split('\u{1f}').filter(|flag| !flag.is_empty()));
    compiler.arg("-C").arg(format!("link-arg={option}")).arg(source).arg("-o").arg(&program);
    let output = compiler.output().map_err(|error| format!("cannot run rustc: {error}"))?;
    if !output.status.success() || variable("TARGET")? != variable("HOST")? {
        return Ok(output.status.success());
    }
    Ok(Command::new(program).status().is_ok_and(|status| status.success()))
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set {name}"))
}
