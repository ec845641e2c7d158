//! Which image, and for which architecture.

use aws_sdk_ec2::types::{ArchitectureType, InstanceType};

use crate::driver::Error;

use super::client::failed;
use super::common::Image;
use super::driver::Ec2Driver;
use super::tags::filter;

/// Whose images they are, and what they are called ("Amazon EC2 AMI Locator", debian.org and ubuntu.com).
struct Distribution {
    name: &'static str,
    owner: &'static str,
    /// `ARCH` stands for the architecture.
    images: &'static str,
    user: &'static str,
}

const DISTRIBUTIONS: [Distribution; 2] = [
    Distribution {
        name: "debian-13",
        owner: "136693071363",
        images: "debian-13-ARCH-*",
        user: "admin",
    },
    Distribution {
        name: "ubuntu-24.04",
        owner: "099720109477",
        images: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-ARCH-server-*",
        user: "ubuntu",
    },
];

impl Ec2Driver {
    /// The architecture of the machines in Debian's words. All instance types are of the same one, because
    /// all machines have the same image.
    pub(super) async fn architecture_of_types(&self) -> Result<&'static str, Error> {
        let types = &self.options.instance_types;
        let all = types.iter().map(|name| InstanceType::from(name.as_str())).collect();
        let list = self.ec2().describe_instance_types().set_instance_types(Some(all)).send().await;
        let subject = format!("instance types {}", types.join(", "));
        let list = list.map_err(failed("look at", &subject))?;
        let arm = |one: &aws_sdk_ec2::types::InstanceTypeInfo| {
            let processor = one.processor_info();
            processor
                .is_some_and(|p| p.supported_architectures().contains(&ArchitectureType::Arm64))
        };
        let arms = list.instance_types().iter().filter(|one| arm(one)).count();
        match arms {
            0 => Ok("amd64"),
            _ if arms == list.instance_types().len() => Ok("arm64"),
            _ => Err(Error::Unsupported(format!("{subject} are of different architectures"))),
        }
    }

    /// The image that was asked for; of a distribution its newest one.
    pub(super) async fn image(&self, architecture: &str) -> Result<Image, Error> {
        let wanted = self.options.image.as_str();
        let list = self.ec2().describe_images();
        let (list, user) = match DISTRIBUTIONS.iter().find(|d| d.name == wanted) {
            Some(distribution) => {
                let names = distribution.images.replace("ARCH", architecture);
                let list = list.owners(distribution.owner).filters(filter("name", [names]));
                (list.filters(filter("state", ["available"])), Some(distribution.user))
            }
            None if self.options.has_image_by_id() => (list.image_ids(wanted), None),
            None => {
                let names: Vec<_> = DISTRIBUTIONS.iter().map(|d| d.name).collect();
                return Err(Error::Unsupported(format!(
                    "`{wanted}` is no image: expected {}, or the id of one, ami-…",
                    names.join(", ")
                )));
            }
        };
        let list = list.send().await.map_err(failed("look for", format!("image `{wanted}`")))?;
        let newest = list.images().iter().max_by_key(|image| image.creation_date());
        let image = newest.ok_or_else(|| {
            Error::Unsupported(format!(
                "region `{}` has no image `{wanted}` for {architecture}",
                self.account.region
            ))
        })?;
        let user = self.options.user.as_deref().or(user).ok_or_else(|| {
            Error::Unsupported(format!(
                "image `{wanted}` needs the user that it lets in: --ssh-user"
            ))
        })?;
        Ok(Image {
            id: image.image_id().unwrap_or_default().to_owned(),
            user: user.to_owned(),
            root: image.root_device_name().unwrap_or("/dev/xvda").to_owned(),
        })
    }
}
