//! What the rest of the program knows of the docker driver.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::options::DRIVER;
use super::{DockerDriver, DockerOptions, by_hand, subnet};
use crate::driver::by_hand::{Made, Wanted};
use crate::driver::flag::{Commands, Flag, parsed, text};
use crate::driver::section::{Shape, typed};
use crate::driver::{Driver, Error, Kind, Program, Section, Setting};
use crate::model::{DriverName, Place, Subnet};

/// Containers of a Docker engine.
#[derive(Debug)]
pub struct Docker;

const FLAGS: &[Flag] = &[
    Flag::one("image", "IMAGE", text).help("The machine image [default: built when it is first needed]"),
    Flag::one("docker-host", "ADDRESS", text)
        .help("The Docker engine under the machines: `unix:///PATH` or `tcp://HOST:PORT`")
        .help_of_up(
            " [default: that of the cluster, or else `$DOJO_DOCKER_HOST`, or the one that docker uses]",
        )
        .key("host")
        .of(Commands::Look)
        .variables(&["DOJO_DOCKER_HOST"]),
    Flag::one("subnet", "CIDR", parsed::<Subnet>).help("The machines' network [default: a free one]"),
];

#[async_trait]
impl Kind for Docker {
    fn name(&self) -> DriverName {
        DRIVER
    }

    fn shape(&self) -> Shape {
        Shape::of::<DockerOptions>()
    }

    fn flags(&self) -> &'static [Flag] {
        FLAGS
    }

    fn validate(&self, section: &Section, _machines: usize) -> Result<(), String> {
        options(section).subnet.map_or(Ok(()), subnet::refuse_unfit)
    }

    fn place(&self, section: &Section) -> Option<Place> {
        options(section).place()
    }

    fn asked(&self, section: &Section) -> String {
        let own = || std::env::var("DOJO_DOCKER_HOST").ok().filter(|host| !host.is_empty());
        match options(section).host.or_else(own) {
            Some(host) => format!("the Docker engine at `{host}`"),
            None => "the Docker engine".to_owned(),
        }
    }

    fn is_one_place(&self) -> bool {
        true
    }

    fn subnet(&self, section: &Section) -> Option<Subnet> {
        Some(options(section).subnet.unwrap_or(subnet::ALL))
    }

    fn changed(&self, before: &Section, now: &Section) -> Option<&'static str> {
        (options(before).subnet != options(now).subnet).then_some("the subnet")
    }

    fn keeps_snapshots(&self) -> bool {
        true
    }

    fn has_known_image(&self, section: &Section) -> bool {
        options(section).image.is_none()
    }

    fn can_bake(&self) -> bool {
        true
    }

    fn shares_proxies(&self) -> bool {
        true
    }

    fn programs(&self, section: &Section) -> Vec<Program> {
        let image = options(section).image;
        let what = |image| format!("machine image `{image}`, with nearly all rights of root");
        image.map(|image| Program { what: what(image), file: None }).into_iter().collect()
    }

    fn shown(&self, section: &Section) -> Value {
        let DockerOptions { image, subnet, .. } = options(section);
        json!({ "image": image, "subnet": subnet })
    }

    fn by_hand(&self, section: &Section, wanted: &Wanted<'_>) -> Result<Made, Error> {
        by_hand::by_hand(&options(section), wanted)
    }

    fn wants_context(&self, section: &Section) -> bool {
        !DockerDriver::is_told(&options(section))
    }

    async fn connect(&self, setting: Setting) -> Result<Arc<dyn Driver>, Error> {
        let driver = DockerDriver::connect_in(options(&setting.section), setting.context).await?;
        let driver = driver
            .with_variant(setting.variant)
            .with_docker_repository(setting.docker_repository)
            .with_proxies(setting.proxies);
        Ok(Arc::new(match setting.baked {
            Some(baked) => driver.with_baked(baked),
            None => driver,
        }))
    }
}

fn options(section: &Section) -> DockerOptions {
    typed(section)
}
