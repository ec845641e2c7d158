//! The driver by itself: the contract, and what goes wrong at AWS (rows of the list of faults: what was
//! accepted and not heard of, throttling, no capacity, an instance that never runs, groups in use, other
//! people's credentials).

use std::process::Command;
use std::time::{Duration, Instant};

use clusterdojo::driver::ec2::Ec2Options;
use clusterdojo::driver::external::ExternalDriver;
use clusterdojo::driver::{Driver, Error};
use clusterdojo::event::chain;
use clusterdojo::model::{ClusterName, Machine, MachineRequest, Role};
use serde_json::{Value, json};

use super::emulator::{Api, Emulator, REGION, state};
use super::program;
use crate::contract::{cluster, driver_contract, progress, request};
use crate::world::{World, until};

/// Tells a test that it is inside, and where the emulator is.
const INSIDE: &str = "CLUSTERDOJO_TEST_EC2";

/// Runs a test with an emulator. Credentials come from the environment, which is one for all tests of a
/// process, so the test of this name is started once more in a process of its own.
fn with_credentials(test: &str, settings: &Value, inside: impl AsyncFnOnce(&Api)) {
    if let Ok(endpoint) = std::env::var(INSIDE) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(inside(&Api::new(&endpoint)));
    }
    let mut world = World::new();
    let emulator = Emulator::start(&mut world);
    emulator.set(settings);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("ec2::driver::{test}"), "--nocapture"])
        .envs(emulator.environment())
        .env(INSIDE, emulator.endpoint())
        .env("RUST_BACKTRACE", "0")
        .env("HOME", world.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{errors}");
    emulator.assert_empty();
}

async fn connect(api: &Api, options: Ec2Options) -> Result<ExternalDriver, Error> {
    let endpoint_url = Some(api.endpoint().to_owned());
    program(&Ec2Options { endpoint_url, ..options }).await
}

/// One machine of a cluster of its own, prepared for and not made.
async fn one(driver: &ExternalDriver) -> (ClusterName, MachineRequest) {
    let name = cluster("ec2");
    let request = request(&name, Role::Worker, 1);
    driver.prepare(&name, std::slice::from_ref(&request), &progress()).await.unwrap();
    (name, request)
}

async fn clean(driver: &ExternalDriver, cluster: &ClusterName) {
    driver.cleanup(cluster, None).await.unwrap();
    assert!(driver.list(Some(cluster)).await.unwrap().is_empty());
}

/// Without machines nobody has to wait for them to boot.
fn bare() -> Value {
    json!({ "machines": false })
}

#[test]
fn ec2_keeps_the_contract() {
    // What was just made is not seen at once, instances take their time, and so do their interfaces.
    let settings = json!({ "lag": 1, "pending": 1, "shutting_down": 2 });
    with_credentials("ec2_keeps_the_contract", &settings, async |api| {
        driver_contract(&connect(api, Ec2Options::default()).await.unwrap()).await;
    });
}

#[test]
fn no_fault_of_the_moment_makes_a_second_instance() {
    let test = "no_fault_of_the_moment_makes_a_second_instance";
    with_credentials(test, &json!({ "machines": false, "lag": 3 }), async |api| {
        let driver = connect(api, Ec2Options::default()).await.unwrap();
        api.fault(&json!({ "action": "RunInstances", "lost": true, "after": true, "times": 1 }));
        api.fault(&json!({
            "action": "RunInstances", "error": "InternalError", "status": 500, "after": true, "times": 1
        }));
        api.fault(&json!({
            "action": "CreateSecurityGroup", "lost": true, "after": true, "times": 1
        }));
        api.fault(&json!({
            "error": "RequestLimitExceeded", "message": "Request limit exceeded.", "status": 503, "every": 3
        }));
        let (name, request) = one(&driver).await;
        let machine = driver.create(&request).await.unwrap();
        let asked: Vec<_> =
            api.requests("RunInstances").iter().map(|r| r["error"].clone()).collect();
        assert!(asked.len() >= 3, "{asked:?}");
        let instances = api.things("instance");
        assert_eq!(instances.len(), 1, "{instances:?}");
        assert_eq!(instances[0]["id"], machine.handle);
        assert_eq!(api.things("group").len(), 1);
        clean(&driver, &name).await;
    });
}

#[test]
fn where_there_is_no_room_another_zone_is_tried() {
    let test = "where_there_is_no_room_another_zone_is_tried";
    with_credentials(test, &bare(), async |api| {
        let driver = connect(api, Ec2Options::default()).await.unwrap();
        let full = |zone: &str| {
            api.fault(&json!({
                "action": "RunInstances", "zone": format!("{REGION}{zone}"), "type": "t3.medium",
                "error": "InsufficientInstanceCapacity", "status": 500,
                "message": "We currently do not have sufficient t3.medium capacity."
            }));
        };
        full("a");
        let (name, request) = one(&driver).await;
        driver.create(&request).await.unwrap();
        let instances = api.things("instance");
        assert_eq!(instances.len(), 1, "{instances:?}");
        assert_eq!(instances[0]["zone"], format!("{REGION}b"));
        clean(&driver, &name).await;

        // Nowhere: it says so, and leaves nothing.
        full("b");
        full("c");
        let (name, request) = one(&driver).await;
        let error = chain(&driver.create(&request).await.unwrap_err());
        assert!(error.contains("sufficient t3.medium capacity"), "{error}");
        assert!(["a", "b", "c"].iter().all(|z| error.contains(&format!("{REGION}{z}"))), "{error}");
        assert!(api.things("instance").is_empty());
        clean(&driver, &name).await;

        // Of another type there is one.
        let types = vec!["t3.medium".to_owned(), "t3.large".to_owned()];
        let options = Ec2Options { instance_types: types, ..Ec2Options::default() };
        let driver = connect(api, options).await.unwrap();
        let (name, request) = one(&driver).await;
        driver.create(&request).await.unwrap();
        assert_eq!(api.things("instance").len(), 1);
        clean(&driver, &name).await;
    });
}

#[test]
fn an_instance_type_for_arm_gets_an_image_for_arm() {
    let test = "an_instance_type_for_arm_gets_an_image_for_arm";
    with_credentials(test, &bare(), async |api| {
        let types = vec!["t4g.medium".to_owned()];
        let options = Ec2Options { instance_types: types, ..Ec2Options::default() };
        let driver = connect(api, options).await.unwrap();
        assert_eq!(driver.architecture().await.unwrap().as_deref(), Some("arm64"));
        let (name, request) = one(&driver).await;
        driver.create(&request).await.unwrap();
        let launched = &api.requests("RunInstances")[0]["form"]["ImageId"];
        let (_, said) =
            api.call("DescribeImages", &[("ImageId.1", launched.as_str().unwrap())]).unwrap();
        assert!(said.contains("<architecture>arm64") && said.contains("debian-13-arm64"), "{said}");
        clean(&driver, &name).await;

        let types = ["t4g.medium", "t3.medium"].map(str::to_owned).to_vec();
        let options = Ec2Options { instance_types: types, ..Ec2Options::default() };
        let driver = connect(api, options).await.unwrap();
        let refused = driver.architecture().await.unwrap_err().to_string();
        assert!(refused.contains("t4g.medium, t3.medium are of different"), "{refused}");
    });
}

#[test]
fn an_instance_that_never_runs_is_told_with_its_reason() {
    let test = "an_instance_that_never_runs_is_told_with_its_reason";
    with_credentials(test, &bare(), async |api| {
        let driver = connect(api, Ec2Options::default()).await.unwrap();
        let failure = json!({
            "code": "Client.VolumeLimitExceeded",
            "message": "Client.VolumeLimitExceeded: Volume limit exceeded"
        });
        let (name, request) = one(&driver).await;
        api.set(&json!({ "fail_at_launch": vec![failure.clone(); 20] }));
        let began = Instant::now();
        let error = chain(&driver.create(&request).await.unwrap_err());
        assert!(error.contains("Volume limit exceeded"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
        assert!(api.things("instance").is_empty());
        clean(&driver, &name).await;

        // Once is bad luck.
        api.set(&json!({ "fail_at_launch": [failure] }));
        let (name, request) = one(&driver).await;
        driver.create(&request).await.unwrap();
        assert_eq!(api.things("instance").len(), 1);
        clean(&driver, &name).await;
    });
}

#[test]
fn a_machine_that_went_away_can_come_back_as_often_as_one_likes() {
    let test = "a_machine_that_went_away_can_come_back_as_often_as_one_likes";
    with_credentials(test, &bare(), async |api| {
        let driver = connect(api, Ec2Options::default()).await.unwrap();
        let (name, request) = one(&driver).await;
        let mut seen: Vec<Machine> = Vec::new();
        for time in 0..7 {
            let machine = driver.create(&request).await.unwrap();
            assert!(seen.iter().all(|before| before.handle != machine.handle), "time {time}");
            if time % 2 == 0 {
                driver.destroy(&machine).await.unwrap();
            } else {
                // Somebody at the console, or AWS, which wants its spot instance back.
                let code = "Server.SpotInstanceTermination";
                api.end(&machine.handle, code, "Spot instance termination");
            }
            seen.push(machine);
        }
        assert!(driver.list(Some(&name)).await.unwrap().is_empty());
        driver.destroy(&seen[0]).await.unwrap();
        clean(&driver, &name).await;
    });
}

#[test]
fn what_nobody_remembers_is_found_by_its_tags() {
    let test = "what_nobody_remembers_is_found_by_its_tags";
    with_credentials(test, &bare(), async |api| {
        let driver = connect(api, Ec2Options::default()).await.unwrap();
        let (name, request) = one(&driver).await;
        let machine = driver.create(&request).await.unwrap();
        drop(driver);
        let driver = connect(api, Ec2Options::default()).await.unwrap();
        assert_eq!(driver.list(Some(&name)).await.unwrap(), [machine]);
        driver.cleanup(&name, Some("of-another-cluster")).await.unwrap();
        assert_eq!(api.things("instance").len(), 1);
        clean(&driver, &name).await;
    });
}

#[test]
fn a_group_in_use_is_waited_for() {
    let test = "a_group_in_use_is_waited_for";
    let settings = json!({ "machines": false, "shutting_down": 6 });
    with_credentials(test, &settings, async |api| {
        let driver = connect(api, Ec2Options::default()).await.unwrap();
        let (name, request) = one(&driver).await;
        driver.create(&request).await.unwrap();
        api.fault(&json!({
            "action": "DeleteSecurityGroup", "error": "DependencyViolation", "times": 2,
            "message": "resource sg-1 has a dependent object"
        }));
        clean(&driver, &name).await;
        assert_eq!(api.requests("DeleteSecurityGroup").len(), 3);
    });
}

#[test]
fn nothing_is_done_with_the_credentials_of_another_account() {
    let test = "nothing_is_done_with_the_credentials_of_another_account";
    with_credentials(test, &bare(), async |api| {
        let driver = connect(api, Ec2Options::default()).await.unwrap();
        let settled = driver.place().await.unwrap().fill(&Ec2Options::default());
        assert_eq!(settled.account.as_deref(), Some("123456789012"));
        let other = Ec2Options { account: Some("999999999999".to_owned()), ..settled };
        let refused = connect(api, other).await.err().unwrap();
        let said = refused.to_string();
        assert!(said.contains("123456789012") && said.contains("999999999999"), "{said}");

        // Credentials that expire in the middle stop it, and what was made can be found later.
        let (name, request) = one(&driver).await;
        api.fault(&json!({
            "error": "RequestExpired", "message": "Request has expired.", "times": 1
        }));
        let error = chain(&driver.create(&request).await.unwrap_err());
        assert!(error.contains("expired"), "{error}");
        assert_eq!(api.things("group").len(), 1);
        clean(&driver, &name).await;
    });
}

#[test]
fn a_machine_whose_time_is_up_ends_and_costs_nothing_more() {
    let test = "a_machine_whose_time_is_up_ends_and_costs_nothing_more";
    with_credentials(test, &json!({}), async |api| {
        let folder = tempfile::tempdir().unwrap();
        let user_data = folder.path().join("mine");
        // What the user adds does not keep it from ending.
        std::fs::write(&user_data, "#cloud-config\nruncmd:\n- touch /mine\n").unwrap();
        let options = Ec2Options {
            ttl: "1m".parse().unwrap(),
            user_data: Some(user_data),
            ..Ec2Options::default()
        };
        let driver = connect(api, options).await.unwrap();
        let (name, request) = one(&driver).await;
        let machine = driver.create(&request).await.unwrap();
        until("it has ended", 120, || state(api, &machine.handle) == "terminated");
        let (_, said) = api.call("DescribeInstances", &[]).unwrap();
        assert!(said.contains("Client.InstanceInitiatedShutdown"), "{said}");
        assert!(api.things("instance").is_empty() && api.things("volume").is_empty());
        clean(&driver, &name).await;
    });
}
