//! Documents that are made of what the program says.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn how_to_do_it_by_hand_is_what_the_program_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join("scripts/by-hand"))
        .env("DOJO", env!("CARGO_BIN_EXE_dojo"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made = String::from_utf8(made.stdout).unwrap();
    let (_, join) = made.split_once("join the cluster").expect("nodes join");
    assert!(join.contains("on \"worker-2\" sh -s <<EOF\nVERB='join'"), "{made}");
    let kept = fs::read_to_string(root.join("docs/by-hand-kubernetes.md")).unwrap();
    assert!(
        made == kept,
        "docs/by-hand-kubernetes.md is out of date: scripts/by-hand >docs/by-hand-kubernetes.md"
    );
}
