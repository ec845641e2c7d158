//! The IAM policy in `docs/ec2.md` against the calls that the ec2 driver makes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// What calls of EC2's client begin with, in this driver and any that it may grow.
const VERBS: &[&str] = &[
    "associate",
    "attach",
    "authorize",
    "cancel",
    "create",
    "delete",
    "describe",
    "detach",
    "get",
    "import",
    "modify",
    "reboot",
    "release",
    "replace",
    "request",
    "revoke",
    "run",
    "start",
    "stop",
    "terminate",
];
/// A call needs no such right: it is one of STS, allowed to everybody.
const FREE: &str = "GetCallerIdentity";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `.run_instances()` is `RunInstances`.
fn calls() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(root().join("src/driver/ec2")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for (at, _) in text.match_indices("()") {
            let word = text[..at].rsplit(|c: char| !c.is_ascii_lowercase() && c != '_');
            let word = word.into_iter().next().unwrap();
            let is_method = text[..at - word.len()].ends_with('.');
            let verb = word.split_once('_').map(|(verb, _)| verb);
            if is_method && verb.is_some_and(|verb| VERBS.contains(&verb)) {
                found.insert(word.split('_').map(capital).collect());
            }
        }
    }
    found
}

fn capital(word: &str) -> String {
    word[..1].to_ascii_uppercase() + &word[1..]
}

fn statements() -> Vec<Value> {
    let text = fs::read_to_string(root().join("docs/ec2.md")).unwrap();
    let json = text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let policy: Value = serde_json::from_str(json).unwrap();
    policy["Statement"].as_array().unwrap().clone()
}

fn actions(statement: &Value) -> Vec<String> {
    let action = &statement["Action"];
    let all = action.as_array().cloned().unwrap_or_else(|| vec![action.clone()]);
    all.iter().map(|a| a.as_str().unwrap().split_once(':').unwrap().1.to_owned()).collect()
}

#[test]
fn the_policy_allows_what_the_driver_does_and_no_more() {
    let mut made = calls();
    assert!(made.remove(FREE), "{made:?}");
    assert!(made.len() > 10, "the search misses calls: {made:?}");
    let allowed: BTreeSet<String> = statements().iter().flat_map(actions).collect();
    assert_eq!(made, allowed);
}

#[test]
fn only_what_carries_the_tag_may_be_changed_or_ended() {
    let tagged = "aws:ResourceTag/io.clusterdojo.cluster";
    for statement in statements() {
        for action in actions(&statement) {
            let harmless = ["Describe", "Get", "Run", "CreateSecurityGroup"]
                .iter()
                .any(|v| action.starts_with(v));
            let condition = &statement["Condition"];
            // Tags may also come with what is being made.
            let comes_along = condition["StringEquals"]["ec2:CreateAction"].is_array();
            let bound = condition["Null"][tagged] == "false" || comes_along;
            assert!(harmless || bound, "{action} may hit what is not ours");
        }
    }
}
