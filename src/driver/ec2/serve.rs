//! The driver as the program `dojo-driver-ec2`, which speaks the [protocol](crate::driver::external::protocol) of external drivers.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::Value;

use super::options::DRIVER;
use super::{Ec2Driver, Ec2Options};
use crate::driver::Error;
use crate::driver::external::protocol::{Capabilities, OptionSchema, OptionType, Options};
use crate::driver::external::serve as answer;

/// The operations that it has beside those that every driver has.
const OPERATIONS: [&str; 12] = [
    "host_key",
    "place",
    "architecture",
    "price",
    "admit",
    "leftovers",
    "located",
    "kill",
    "extend",
    "termination_reason",
    "known_host_key",
    "note_host_key",
];

/// How long an instance may take to start, stop or end, in seconds: those of some types take minutes.
const CHANGE: u64 = 900;

/// Its options: names, what values they have, and what they are for.
const OPTIONS: [(&str, OptionType, &str); 22] = [
    ("profile", OptionType::String, "the profile of the AWS configuration"),
    ("region", OptionType::String, "the region"),
    ("endpoint-url", OptionType::String, "where the API is, instead of at AWS"),
    ("account", OptionType::String, "the only account in which anything is done, 12 digits"),
    ("image", OptionType::String, "debian-13, ubuntu-24.04, or the id of an image"),
    ("user", OptionType::String, "the user that an image of one's own lets in"),
    ("instance-types", OptionType::Array, "instance types; the first that can be had is taken"),
    ("vpc", OptionType::String, "the VPC, instead of the default one"),
    ("subnet", OptionType::String, "the subnet, instead of the default ones of all zones"),
    ("zone", OptionType::String, "the only availability zone to use"),
    ("allow-cidr", OptionType::Array, "who may connect, instead of this computer alone"),
    ("open-ports", OptionType::Array, "TCP ports that they may connect to"),
    ("private", OptionType::Boolean, "no public addresses"),
    ("volume-size", OptionType::Integer, "the size of the disk in GiB"),
    ("volume-type", OptionType::String, "the type of the disk"),
    ("spot", OptionType::Boolean, "spot instances"),
    (
        "max-price",
        OptionType::String,
        "the most that a spot instance may cost, in US dollars an hour",
    ),
    ("instance-profile", OptionType::String, "the instance profile"),
    ("user-data", OptionType::String, "a file of user data"),
    ("monitoring", OptionType::Boolean, "measure every minute"),
    ("ttl", OptionType::String, "how long machines live: 3h, 90m, or none"),
    ("tags", OptionType::Object, "further tags"),
];

/// Answers the requests on standard input until there are no more.
pub fn serve() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let served =
        runtime.and_then(|runtime| runtime.block_on(answer(capabilities(), DRIVER, connect)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // Where nobody reads that, nobody is there to be told.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

async fn connect(options: Options) -> Result<Ec2Driver, Error> {
    let options = Value::Object(options.into_iter().collect());
    let options: Ec2Options = serde_json::from_value(options)
        .map_err(|error| Error::Unsupported(format!("these options are of no use: {error}")))?;
    Ec2Driver::connect(options).await
}

fn capabilities() -> Capabilities {
    let schema = |(name, kind, description): (&str, OptionType, &str)| OptionSchema {
        name: name.to_owned(),
        kind,
        description: description.to_owned(),
        default: None,
        choices: Vec::new(),
        required: false,
    };
    let change = |name: &str| (name.to_owned(), CHANGE);
    Capabilities {
        description: "instances of Amazon EC2".to_owned(),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        operations: OPERATIONS.map(str::to_owned).to_vec(),
        session: true,
        timeouts: BTreeMap::from(["start", "stop", "kill", "destroy", "cleanup"].map(change)),
        options: OPTIONS.into_iter().map(schema).collect(),
        ..Capabilities::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_told_of() {
        let options = Ec2Options {
            profile: Some("p".to_owned()),
            region: Some("r".to_owned()),
            endpoint_url: Some("u".to_owned()),
            account: Some("a".to_owned()),
            user: Some("u".to_owned()),
            vpc: Some("v".to_owned()),
            subnet: Some("s".to_owned()),
            zone: Some("z".to_owned()),
            allow_cidr: vec!["10.0.0.0/8".parse().unwrap()],
            open_ports: vec![80],
            max_price: Some("1".to_owned()),
            instance_profile: Some("i".to_owned()),
            user_data: Some("d".into()),
            tags: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
            ..Ec2Options::default()
        };
        let told = capabilities().options;
        let mut told: Vec<_> = told.iter().map(|option| option.name.as_str()).collect();
        let options = serde_json::to_value(options).unwrap();
        let mut known: Vec<_> = options.as_object().unwrap().keys().map(String::as_str).collect();
        told.sort_unstable();
        known.sort_unstable();
        assert_eq!(told, known);
    }
}
