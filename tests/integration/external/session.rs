//! Programs that answer many requests in one run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use clusterdojo::driver::external::{ExternalDriver, Options};
use clusterdojo::driver::{Driver as _, Error, Leftover};
use clusterdojo::event::{Progress, Silent, chain};
use clusterdojo::model::Machine;
use tempfile::TempDir;

/// Notes its runs in a file beside it, says what it can, and then does what a test has in mind with each line.
const HEAD: &str = r#"#!/bin/sh
echo run >>"$0.runs"
say() { printf '{"protocol":1,"id":%s,%s}\n' "$id" "$1"; }
machines() { say '"result":{"machines":[]}'; }
found() { say '"result":{"findings":[{"level":"ok","subject":"run","detail":"'$$'"}]}'; }
while read -r request; do
    operation=${request#*\"operation\":\"}
    operation=${operation%%\"*}
    id=${request#*\"id\":}
    id=${id%%,*}
    if [ "$operation" = capabilities ]; then
        echo '{"protocol":1,"result":{"session":true,"operations":["leftovers"],"timeouts":{"stop":1}}}'
        continue
    fi
"#;

struct World {
    directory: TempDir,
    driver: ExternalDriver,
}

impl World {
    async fn new(body: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("dojo-driver-talker");
        fs::write(&program, format!("{HEAD}{body}\ndone\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let none = Options::new();
        let progress = Progress::new(Arc::new(Silent));
        let driver = ExternalDriver::connect_to("talker", program, &none, &none, progress).await;
        Self { directory, driver: driver.unwrap() }
    }

    /// How often the program was started to do something; once more it told its capabilities.
    fn runs(&self) -> usize {
        let runs = self.directory.path().join("dojo-driver-talker.runs");
        fs::read_to_string(runs).unwrap().lines().count() - 1
    }

    /// Asks for both at once, and for leftovers a moment later.
    async fn list_and_then_leftovers(
        &self,
    ) -> (Result<Vec<Machine>, Error>, Result<Vec<Leftover>, Error>) {
        let leftovers = async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            self.driver.leftovers().await
        };
        tokio::join!(self.driver.list(None), leftovers)
    }

    /// The process that answers.
    async fn process(&self) -> String {
        self.driver.check().await.unwrap().pop().unwrap().detail
    }
}

fn machine() -> Machine {
    serde_json::from_value(serde_json::json!({
        "id": { "cluster": "practice", "name": "worker-1" }, "driver": "talker", "cluster_id": "0123456789abcdef",
        "orchestrator": "swarm", "handle": "h", "state": "running", "user": "root", "private_ip": "10.0.0.2",
        "endpoints": {}
    }))
    .unwrap()
}

fn told<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    chain(&result.unwrap_err())
}

#[tokio::test]
async fn one_run_answers_all_in_any_order() {
    // The list waits for the question after it.
    let world = World::new(
        r#"    case $operation in
        list) first=$id ;;
        leftovers)
            say '"progress":"looking"'
            say '"result":{"leftovers":[{"cluster":"practice","cluster_id":"1","what":"a shell"}]}'
            id=$first
            machines
            ;;
        *) found ;;
    esac"#,
    )
    .await;
    let (machines, leftovers) = world.list_and_then_leftovers().await;
    assert_eq!(machines.unwrap(), []);
    assert_eq!(leftovers.unwrap()[0].what, "a shell");
    world.driver.check().await.unwrap();
    assert_eq!(world.runs(), 1);
}

#[tokio::test]
async fn what_ends_in_the_middle_is_told_to_all_who_wait_and_begins_anew() {
    let world = World::new(
        r#"    case $operation in
        list) echo "the sky is falling" >&2 ;;
        leftovers) exit 3 ;;
        *) found ;;
    esac"#,
    )
    .await;
    let (machines, leftovers) = world.list_and_then_leftovers().await;
    let end = "driver `talker` ended with exit status 3 without a result; it said last: the sky is falling";
    assert_eq!(told(machines), format!("cannot list machines: {end}"));
    assert_eq!(told(leftovers), format!("cannot list machines: {end}"));
    world.driver.check().await.unwrap();
    assert_eq!(world.runs(), 2);
}

#[tokio::test]
async fn one_answer_that_does_not_come_in_time_leaves_the_others_alone() {
    let world = World::new(
        r"    case $operation in
        stop) ;;
        *) found ;;
    esac",
    )
    .await;
    let before = world.process().await;
    let said = told(world.driver.stop(&machine()).await);
    assert!(said.ends_with("driver `talker` did not answer within 1 s"), "{said}");
    assert_eq!(world.process().await, before);
}

#[tokio::test]
async fn a_line_that_answers_nobody_ends_the_run() {
    for (line, what) in [
        (
            r#"echo '{"protocol":1,"result":{}}'"#,
            "a line without `id`: `{\"protocol\":1,\"result\":{}}`",
        ),
        ("echo hello", "`hello`"),
    ] {
        let world = World::new(&format!("    {line}\n    sleep 600")).await;
        let said = told(world.driver.check().await);
        assert!(said.contains(what), "{said}");
    }
}

#[tokio::test]
async fn it_ends_when_nobody_needs_it_any_more() {
    let world = World::new("    found").await;
    let process = world.process().await;
    assert!(Path::new("/proc").join(&process).exists());
    drop(world.driver);
    for _ in 0..100 {
        if !Path::new("/proc").join(&process).exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("process {process} goes on");
}
