//! What is said of credentials for AWS that are not there, or no longer good.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::cli::World;

/// An API that answers every request with this error; returns its address.
fn refusing(code: &'static str, message: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 8192]);
            // "Common error types", AWS Security Token Service API Reference.
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
                 </Error><RequestId>1</RequestId></ErrorResponse>"
            );
            let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/xml\r\nConnection: close";
            let _ = write!(client, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

const ASK: [&str; 5] = ["doctor", "--driver", "ec2", "--region", "eu-central-1"];

#[track_caller]
fn said(world: &World, environment: &[(&str, &str)], words: &[&str]) {
    let alone = [("AWS_EC2_METADATA_DISABLED", "true")];
    let said = world.dojo_with(&[&alone, environment].concat(), &ASK).failure();
    assert!(said.starts_with("exit 3\n"), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in: {said}");
    }
    for never in ["hunter2", "dispatch failure"] {
        assert!(!said.contains(never), "{said}");
    }
}

#[test]
fn keys_that_are_good_no_longer_are_named_with_what_sets_them_anew() {
    let world = World::new();
    for (code, message) in [
        ("ExpiredToken", "The security token included in the request is expired"),
        ("InvalidClientTokenId", "The security token included in the request is invalid."),
        ("SignatureDoesNotMatch", "The request signature we calculated does not match"),
    ] {
        let endpoint = refusing(code, message);
        let environment = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("AWS_SESSION_TOKEN", "hunter2"),
        ];
        let anew = "AWS_SESSION_TOKEN anew";
        said(&world, &environment, &["those in the environment", message, code, anew]);
    }
}

#[test]
fn a_single_sign_on_that_is_over_is_told_with_the_command_that_renews_it() {
    let world = World::new();
    let cache = world.at(".aws/sso/cache");
    fs::create_dir_all(&cache).unwrap();
    let config = "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\n\
                  sso_role_name = student\nregion = eu-central-1\n\
                  [sso-session corp]\nsso_region = eu-central-1\n\
                  sso_start_url = https://corp.awsapps.com/start\n";
    fs::write(world.at(".aws/config"), config).unwrap();
    let work = [("AWS_PROFILE", "work")];
    let words = ["single sign-on of profile `work`", "`aws sso login --profile work`"];
    said(&world, &work, &words);
    // The name is the checksum of that of the session.
    let token = cache.join("ee0bfd2552fbd840c02cc48b6e823320543c450f.json");
    let expired = r#"{"accessToken":"hunter2","expiresAt":"2020-01-01T00:00:00Z"}"#;
    fs::write(token, expired).unwrap();
    said(&world, &work, &words);
}

#[test]
fn where_there_are_no_credentials_it_is_told_where_they_were_looked_for() {
    let world = World::new();
    said(&world, &[], &["neither the environment, nor profile `default`", "aws configure"]);
    fs::create_dir_all(world.at(".aws")).unwrap();
    fs::write(world.at(".aws/config"), "[profile home]\nregion = eu-central-1\n").unwrap();
    let wrong = [("AWS_PROFILE", "hoem")];
    said(&world, &wrong, &["profile `hoem`, which does not exist", "there is: home"]);
}
