//! What may be chosen about instances.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::driver::section::Options;
use crate::model::{DriverName, Place, Subnet, Ttl};

/// Its name.
pub(super) const DRIVER: DriverName = DriverName::fixed("ec2");

/// What may be chosen about instances, under AWS's own terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Ec2Options {
    /// The profile of the shared configuration whose credentials are used; these themselves are never
    /// kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The region, `eu-central-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Where the API is, instead of at AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// The account, 12 digits; with the credentials of any other one nothing is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// `debian-13`, `ubuntu-24.04`, or the id of an image.
    pub image: String,
    /// The user that an image of one's own lets in; `admin` on Debian's and `ubuntu` on Ubuntu's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Instance types, of which the first that can be had is taken.
    pub instance_types: Vec<String>,
    /// The VPC; the default one unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// The subnet; the default ones of all zones unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The only availability zone to use, `eu-central-1a`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Who may connect; the address of this computer alone unless given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_cidr: Vec<Subnet>,
    /// TCP ports that they may connect to, beside SSH and the cluster's own API.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open_ports: Vec<u16>,
    /// Instances get no public address, because this computer reaches their private ones.
    pub private: bool,
    /// The size of the disk in GiB.
    pub volume_size: u16,
    /// The type of the disk.
    pub volume_type: String,
    /// Take spot instances, which are cheaper, and which AWS may take back at any time.
    pub spot: bool,
    /// The most that a spot instance may cost, in US dollars an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_price: Option<String>,
    /// The name of the instance profile, if programs on the machines may use the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<String>,
    /// A file with additional user data for cloud-init.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<PathBuf>,
    /// Measure every minute instead of every five; this costs money.
    pub monitoring: bool,
    /// How long machines live; after that they end themselves.
    pub ttl: Ttl,
    /// Further tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl Default for Ec2Options {
    fn default() -> Self {
        Self {
            profile: None,
            region: None,
            endpoint_url: None,
            account: None,
            image: "debian-13".to_owned(),
            user: None,
            instance_types: vec!["t3.medium".to_owned()],
            vpc: None,
            subnet: None,
            zone: None,
            allow_cidr: Vec::new(),
            open_ports: Vec::new(),
            private: false,
            volume_size: 16,
            volume_type: "gp3".to_owned(),
            spot: false,
            max_price: None,
            instance_profile: None,
            user_data: None,
            monitoring: false,
            ttl: Ttl::default(),
            tags: BTreeMap::new(),
        }
    }
}

impl Options for Ec2Options {
    const KEY: &'static str = "ec2";
}

impl Ec2Options {
    /// Whether the image is given by its id. The others are distributions, by name.
    pub fn has_image_by_id(&self) -> bool {
        self.image.starts_with("ami-")
    }

    /// Where instances are of which so much is known.
    pub(super) fn place_of(account: &str, region: &str, endpoint: Option<&str>) -> Place {
        let at = endpoint.map(|url| format!(" at {url}")).unwrap_or_default();
        let options =
            [("account", Some(account)), ("region", Some(region)), ("endpoint-url", endpoint)];
        let known =
            options.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
        Place {
            name: format!("AWS account {account} in region {region}{at}"),
            id: Some(format!("{account}/{region}{at}")),
            options: known.collect(),
        }
    }

    /// Where instances are, as far as the options themselves tell.
    pub fn place(&self) -> Option<Place> {
        let (account, region) = (self.account.as_deref()?, self.region.as_deref()?);
        Some(Self::place_of(account, region, self.endpoint_url.as_deref()))
    }
}
