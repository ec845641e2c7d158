//! What the rest of the program knows of Amazon EC2: all but how it is spoken to, which `dojo-driver-ec2` knows.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::options::DRIVER;
use super::{Ec2Options, by_hand};
use crate::driver::by_hand::{Made, Wanted};
use crate::driver::external::ExternalDriver;
use crate::driver::flag::{Commands, Flag, number, parsed, text};
use crate::driver::section::{Shape, chosen, typed};
use crate::driver::{AsTheyAre, Driver, Error, Kind, Program, Section, Setting};
use crate::model::{DriverName, Place, Subnet, Ttl};

/// Instances of Amazon EC2.
#[derive(Debug)]
pub struct Ec2;

const FLAGS: &[Flag] = &[
    Flag::one("profile", "NAME", text)
        .help(
            "Whose credentials: a profile of your AWS configuration [default: `$AWS_PROFILE`, or what your aws would use]",
        )
        .of(Commands::Look),
    Flag::one("region", "REGION", text)
        .help("The region [default: `$AWS_REGION`, or that of the profile]")
        .of(Commands::Look)
        .variables(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
    Flag::one("endpoint-url", "URL", text)
        .help("Another address of the API than AWS's own")
        .of(Commands::Look)
        .variables(&["AWS_ENDPOINT_URL"]),
    Flag::one("ttl", "TIME", parsed::<Ttl>)
        .help("How long machines live before they end themselves: 3h, 90m, none [default: 8h]"),
    Flag::many("instance-type", "TYPE", text)
        .help(
            "The instance type; the next one given is taken where there is no room for one [default: t3.medium]",
        )
        .key("instance-types"),
    Flag::one("ami", "IMAGE", text)
        .help("The image: debian-13, ubuntu-24.04, or ami-… [default: debian-13]")
        .key("image"),
    Flag::one("ssh-user", "USER", text).help("The user that an image of your own lets in").key("user"),
    Flag::many("allow-cidr", "CIDR", parsed::<Subnet>)
        .help("Who may connect [default: this computer alone]"),
    Flag::many("open-port", "PORT", number)
        .help("A TCP port that they may connect to as well")
        .key("open-ports"),
    Flag::one("vpc", "VPC", text).help("The VPC [default: the default one]"),
    Flag::one("subnet-id", "SUBNET", text)
        .help("The subnet [default: the default one of each zone]")
        .key("subnet"),
    Flag::one("zone", "ZONE", text).help("The only availability zone to use"),
    Flag::switch("private-addresses")
        .help("No public addresses, because this computer reaches the private ones")
        .key("private"),
    Flag::one("volume-size", "GIB", number).help("The size of the disk in GiB [default: 16]"),
    Flag::one("volume-type", "TYPE", text).help("The type of the disk [default: gp3]"),
    Flag::switch("spot").help("Spot instances: cheaper, and AWS may take them back at any time"),
    Flag::one("max-price", "USD", text)
        .help("The most that a spot instance may cost, in US dollars an hour")
        .requires("spot"),
    Flag::one("instance-profile", "NAME", text)
        .help("The instance profile, if programs on the machines may use the account"),
    Flag::file("user-data").help("Additional cloud-init user data file"),
    Flag::switch("monitoring").help("Measure every minute; this costs money"),
    Flag::pairs("tag", "a tag").help("A tag on everything that is made").key("tags"),
];

#[async_trait]
impl Kind for Ec2 {
    fn name(&self) -> DriverName {
        DRIVER
    }

    fn shape(&self) -> Shape {
        Shape::of::<Ec2Options>()
    }

    fn flags(&self) -> &'static [Flag] {
        FLAGS
    }

    fn heading(&self) -> Option<&'static str> {
        Some("Instances of Amazon EC2 (--driver ec2)")
    }

    fn is_program(&self) -> bool {
        true
    }

    fn as_they_are(&self) -> Option<AsTheyAre> {
        Some(AsTheyAre {
            size: "an instance type says how large they are",
            ports: "`open-ports`, or `dojo forward`",
        })
    }

    fn make_absolute(&self, section: &mut Section) {
        let mut options = options(section);
        if let Some(path) = &mut options.user_data
            && let Ok(absolute) = std::path::absolute(&*path)
        {
            *path = absolute;
        }
        *section = chosen(&options);
    }

    fn place(&self, section: &Section) -> Option<Place> {
        options(section).place()
    }

    fn asked(&self, section: &Section) -> String {
        match options(section).region {
            Some(region) => format!("Amazon EC2 in `{region}`"),
            None => "Amazon EC2".to_owned(),
        }
    }

    fn is_one_place(&self) -> bool {
        true
    }

    fn time_to_live(&self, section: &Section) -> Option<Ttl> {
        Some(options(section).ttl)
    }

    fn has_known_image(&self, section: &Section) -> bool {
        !options(section).has_image_by_id()
    }

    fn programs(&self, section: &Section) -> Vec<Program> {
        let options = options(section);
        let image = options.has_image_by_id().then(|| Program {
            what: format!("image `{}` of instances", options.image),
            file: None,
        });
        let user_data = options.user_data.map(|file| Program {
            what: format!("user data of instances (`{}`)", file.display()),
            file: Some(file),
        });
        user_data.into_iter().chain(image).collect()
    }

    fn shown(&self, section: &Section) -> Value {
        let options = options(section);
        json!({
            "region": options.region,
            "zone": options.zone,
            "image": options.image,
            "instance-types": options.instance_types,
            "spot": options.spot,
            "private": options.private,
            "ttl": options.ttl,
        })
    }

    fn by_hand(&self, section: &Section, wanted: &Wanted<'_>) -> Result<Made, Error> {
        Ok(by_hand::by_hand(&typed(section), wanted))
    }

    async fn connect(&self, setting: Setting) -> Result<Arc<dyn Driver>, Error> {
        let Value::Object(given) = (self.shape().whole)(&setting.section) else {
            unreachable!("options are an object")
        };
        let given = given.into_iter().collect();
        let none = Section::new();
        let driver =
            ExternalDriver::connect(DRIVER.as_str(), &given, &none, setting.progress).await;
        let driver = driver.map_err(|error| match error {
            Error::Absent { name, found, .. } => Error::Absent {
                name,
                found,
                help: Some(
                    "`scripts/run --driver ec2` builds it beside `dojo`; its library takes minutes, so it is not built \
                     before",
                ),
            },
            other => other,
        })?;
        driver.refuse_unfit()?;
        // Without credentials and a region there is nothing to ask.
        driver.place().await?;
        Ok(Arc::new(driver))
    }
}

fn options(section: &Section) -> Ec2Options {
    typed(section)
}
