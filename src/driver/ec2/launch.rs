//! From a request to an instance, exactly one of it.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_ec2::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_ec2::operation::run_instances::RunInstancesError;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, BlockDeviceMapping, EbsBlockDevice, HttpTokensState,
    IamInstanceProfileSpecification, Instance, InstanceAttributeName, InstanceInterruptionBehavior,
    InstanceMarketOptionsRequest, InstanceMetadataOptionsRequest,
    InstanceNetworkInterfaceSpecification, InstanceStateName, InstanceType, MarketType,
    ResourceType, RunInstancesMonitoringEnabled, ShutdownBehavior, SpotInstanceType,
    SpotMarketOptions, VolumeType,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use crate::driver::{Error, LABEL_CLUSTER_ID, LABEL_MACHINE};
use crate::failpoint;
use crate::model::MachineState::Running;
use crate::model::{Machine, MachineRequest};
use crate::pace::stretch;

use super::client::{failed, is};
use super::common::{Launch, Place};
use super::consistency::{CONSISTENCY, POLL, retry_absent};
use super::driver::Ec2Driver;
use super::tags::{self, filter};
use super::user_data::{host_key, user_data};

/// How long an instance may be pending.
const BOOT: Duration = Duration::from_secs(300);
/// How many instances are begun at most for one machine, if each is gone before it runs.
const MOST: usize = 5;
/// How many tokens are tried at most. EC2 remembers those of the last day or so, and each of them was an
/// instance of this machine.
const TOKENS: usize = 200;
/// What another zone or another type may cure ("Error codes", Amazon EC2 API Reference).
const NO_CAPACITY: [&str; 8] = [
    "InsufficientFreeAddressesInSubnet",
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientReservedInstanceCapacity",
    "MaxSpotInstanceCountExceeded",
    "SpotMaxPriceTooLow",
    "UnfulfillableCapacity",
    "Unsupported",
];

/// What came of an attempt.
enum Attempt {
    Begun(Box<Instance>),
    /// There is none of this type in this zone now.
    NoCapacity(Error),
    /// The token has been used by a run that knew of other keys.
    Used,
    /// The same, and its instance is known to be gone.
    Ended,
}

impl Ec2Driver {
    /// The instance of a machine that is there, whatever its state.
    async fn existing(&self, request: &MachineRequest) -> Result<Option<Instance>, Error> {
        let list = self
            .ec2()
            .describe_instances()
            .filters(filter(format!("tag:{LABEL_CLUSTER_ID}"), [&request.cluster_id]))
            .filters(filter(format!("tag:{LABEL_MACHINE}"), [request.id.name.to_string()]))
            .filters(tags::alive())
            .send()
            .await
            .map_err(failed("look for", format!("machine `{}`", request.id)))?;
        let mut found =
            list.reservations.unwrap_or_default().into_iter().filter_map(|r| r.instances);
        Ok(found.find_map(|instances| instances.into_iter().next()))
    }

    /// Makes the machine, or returns the one that there is.
    pub(super) async fn launch(
        &self,
        launch: &Launch,
        request: &MachineRequest,
    ) -> Result<Machine, Error> {
        if let Some(instance) = self.existing(request).await? {
            let id = instance.instance_id().unwrap_or_default();
            // An earlier run may have been cut short before anybody knew of it; nobody has its key.
            if self.host_key_of(id).await?.as_deref() == Some(request.host_key.public.as_str()) {
                if let Some(machine) = tags::machine(&instance).filter(|m| m.state != Running) {
                    return Ok(machine);
                }
                let machine = self.until_it_runs(id, request).await?;
                self.route_pods(request, id).await?;
                return Ok(machine);
            }
            self.terminate(id).await?;
        }
        // Instances of this name that were ended before have used up the first tokens.
        let unseen = Instant::now() + stretch(CONSISTENCY);
        let (mut begun, mut last) = (0, None);
        for attempt in 0..TOKENS {
            if begun == MOST {
                break;
            }
            let Some(instance) = self.begin(launch, request, attempt, unseen).await? else {
                continue;
            };
            begun += 1;
            let id = instance.instance_id().unwrap_or_default();
            self.look_anew().await;
            match self.until_it_runs(id, request).await {
                Ok(machine) => {
                    self.route_pods(request, id).await?;
                    return Ok(machine);
                }
                Err(error @ Error::Unsupported(_)) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::Failed {
            operation: "launch",
            subject: format!("machine `{}`", request.id),
            source: "every instance of it was gone before it ran".into(),
        }))
    }

    /// Begins an instance where there is room; `None` if this attempt was made by an earlier run, whose
    /// instance may be unseen until then.
    async fn begin(
        &self,
        launch: &Launch,
        request: &MachineRequest,
        attempt: usize,
        unseen: Instant,
    ) -> Result<Option<Instance>, Error> {
        let mut refused = Vec::new();
        for kind in &self.options.instance_types {
            // Where one went away before it ran, the next one is better begun elsewhere.
            let (before, after) = launch.places.split_at(attempt % launch.places.len().max(1));
            for place in after.iter().chain(before) {
                let token = token(request, kind, place, attempt);
                match self.run(launch, request, kind, place, &token).await? {
                    Attempt::Begun(instance) => return Ok(Some(*instance)),
                    Attempt::Ended => return Ok(None),
                    Attempt::Used => {
                        self.give_up(&token, unseen).await?;
                        return Ok(None);
                    }
                    Attempt::NoCapacity(error) => {
                        refused.push(format!(
                            "{kind} in {}: {}",
                            place.zone,
                            crate::event::chain(&error)
                        ));
                    }
                }
            }
        }
        Err(Error::Failed {
            operation: "launch",
            subject: format!("machine `{}`", request.id),
            source: format!("there is no room: {}", refused.join("; ")).into(),
        })
    }

    async fn run(
        &self,
        launch: &Launch,
        request: &MachineRequest,
        kind: &str,
        place: &Place,
        token: &str,
    ) -> Result<Attempt, Error> {
        let options = &self.options;
        let now = Timestamp::now();
        let expires = options.ttl.duration().map(|ttl| now + ttl);
        let mut labels = tags::of_machine(request);
        labels.extend(options.tags.clone());
        labels.insert(tags::USER.to_owned(), launch.image.user.clone());
        labels.insert(tags::CREATED.to_owned(), format!("{now:.0}"));
        if let Ok(hourly) = self.hourly(kind).await {
            labels.insert(tags::HOURLY.to_owned(), f64::from(hourly).to_string());
        }
        if let Some(expires) = expires {
            labels.insert(tags::EXPIRES.to_owned(), format!("{expires:.0}"));
        }
        let kinds = [ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface];
        let data = user_data(request, expires, launch.further.as_deref());
        let interface = InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .subnet_id(&place.subnet)
            .groups(&launch.group)
            .associate_public_ip_address(!options.private)
            .delete_on_termination(true)
            .build();
        let disk = EbsBlockDevice::builder()
            .volume_size(options.volume_size.into())
            .volume_type(VolumeType::from(options.volume_type.as_str()))
            .encrypted(true)
            .delete_on_termination(true)
            .build();
        let metadata = InstanceMetadataOptionsRequest::builder()
            .http_tokens(HttpTokensState::Required)
            // Containers of the machine have no business there.
            .http_put_response_hop_limit(1)
            .build();
        let profile = options
            .instance_profile
            .as_ref()
            .map(|name| IamInstanceProfileSpecification::builder().name(name).build());
        let run = self
            .ec2()
            .run_instances()
            .min_count(1)
            .max_count(1)
            .client_token(token)
            .image_id(&launch.image.id)
            .instance_type(InstanceType::from(kind))
            .user_data(BASE64.encode(data.expose()))
            .network_interfaces(interface)
            .block_device_mappings(
                BlockDeviceMapping::builder().device_name(&launch.image.root).ebs(disk).build(),
            )
            .metadata_options(metadata)
            .set_iam_instance_profile(profile)
            .set_instance_market_options(self.market())
            .monitoring(
                RunInstancesMonitoringEnabled::builder().enabled(options.monitoring).build(),
            )
            .instance_initiated_shutdown_behavior(ShutdownBehavior::Terminate)
            .set_tag_specifications(Some(
                kinds.into_iter().map(|kind| tags::specification(kind, &labels)).collect(),
            ));
        let call = || {
            // A lack of capacity comes as an error of the server, which the library would try again.
            let few = RetryConfig::standard().with_max_attempts(3);
            let config = aws_sdk_ec2::config::Builder::new().retry_config(few);
            run.clone().customize().config_override(config).send()
        };
        failpoint::reached("ec2.run.before");
        let passes = |error: &SdkError<RunInstancesError>| {
            let lag = ["InvalidGroup.NotFound", "RequestLimitExceeded"];
            // "IAM is eventually consistent": a profile that was made a moment ago.
            let profile = error.message().is_some_and(|m| m.contains("IAM Instance Profile"));
            is(error, &lag) || options.instance_profile.is_some() && profile
        };
        let begun = retry_absent(call, passes).await;
        failpoint::reached("ec2.run.after");
        match begun {
            Ok(begun) => {
                let instance = begun.instances.unwrap_or_default().into_iter().next();
                let instance = instance.ok_or_else(|| Error::Failed {
                    operation: "launch",
                    subject: format!("machine `{}`", request.id),
                    source: "the answer names no instance".into(),
                })?;
                Ok(Attempt::Begun(Box::new(instance)))
            }
            Err(error) if is(&error, &["IdempotentParameterMismatch"]) => Ok(Attempt::Used),
            Err(error) if is(&error, &["IdempotentInstanceTerminated"]) => Ok(Attempt::Ended),
            Err(error) if is(&error, &NO_CAPACITY) => Ok(Attempt::NoCapacity(failed(
                "launch",
                format!("machine `{}`", request.id),
            )(error))),
            Err(error) => Err(failed("launch", format!("machine `{}`", request.id))(error)),
        }
    }

    fn market(&self) -> Option<InstanceMarketOptionsRequest> {
        let spot = SpotMarketOptions::builder()
            .set_max_price(self.options.max_price.clone())
            .spot_instance_type(SpotInstanceType::OneTime)
            .instance_interruption_behavior(InstanceInterruptionBehavior::Terminate)
            .build();
        let market = InstanceMarketOptionsRequest::builder().market_type(MarketType::Spot);
        self.options.spot.then(|| market.spot_options(spot).build())
    }

    /// Ends what was begun with a token, once it can be seen; what cannot by then was ended long ago.
    async fn give_up(&self, token: &str, unseen: Instant) -> Result<(), Error> {
        loop {
            let list = self.ec2().describe_instances().filters(filter("client-token", [token]));
            let list = list.send().await.map_err(failed("look for", "an earlier instance"))?;
            let found: Vec<Instance> = list
                .reservations
                .unwrap_or_default()
                .into_iter()
                .flat_map(|r| r.instances.unwrap_or_default())
                .collect();
            for instance in &found {
                self.terminate(instance.instance_id().unwrap_or_default()).await?;
            }
            if !found.is_empty() || Instant::now() > unseen {
                return Ok(());
            }
            sleep(POLL).await;
        }
    }

    /// The public host key that an instance was told to have.
    pub(super) async fn host_key_of(&self, id: &str) -> Result<Option<String>, Error> {
        let ask = self.ec2().describe_instance_attribute().instance_id(id);
        let ask = ask.attribute(InstanceAttributeName::UserData);
        let answer = retry_absent(
            || ask.clone().send(),
            |error| error.code() == Some("InvalidInstanceID.NotFound"),
        )
        .await
        .map_err(failed("look at", format!("instance `{id}`")))?;
        let data = answer.user_data().and_then(|data| data.value()).unwrap_or_default();
        let text = BASE64.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.as_deref().and_then(host_key))
    }

    /// Waits until an instance runs and has its addresses. That it is gone instead is told as
    /// [`Error::Unsupported`], with AWS's reason.
    async fn until_it_runs(&self, id: &str, request: &MachineRequest) -> Result<Machine, Error> {
        let end = Instant::now() + stretch(BOOT);
        let mut unseen = Instant::now() + stretch(CONSISTENCY);
        loop {
            let instance = self.seen(&request.id.cluster, id).await?;
            if let Some(instance) = &instance {
                unseen = end;
                let state = tags::state(instance);
                if matches!(state, InstanceStateName::ShuttingDown | InstanceStateName::Terminated)
                {
                    let reason = instance.state_reason().and_then(|reason| reason.message());
                    return Err(Error::Unsupported(format!(
                        "machine `{}` was gone before it ran: {}",
                        request.id,
                        reason.unwrap_or("AWS gives no reason")
                    )));
                }
                let is_there = self.options.private || instance.public_ip_address().is_some();
                if state == InstanceStateName::Running
                    && is_there
                    && let Some(machine) = tags::machine(instance)
                {
                    return Ok(machine);
                }
            }
            if Instant::now() > end.min(unseen) {
                let state = instance
                    .as_ref()
                    .map_or("not to be seen".to_owned(), |i| tags::state(i).to_string());
                return Err(Error::Failed {
                    operation: "launch",
                    subject: format!("machine `{}`", request.id),
                    source: format!("instance `{id}` is {state}").into(),
                });
            }
            sleep(POLL).await;
        }
    }

    /// Lets an instance carry what pods say, whose addresses are not its own.
    async fn route_pods(&self, request: &MachineRequest, id: &str) -> Result<(), Error> {
        if !request.orchestrator.routes() {
            return Ok(());
        }
        let no = AttributeBooleanValue::builder().value(false).build();
        let change = self.ec2().modify_instance_attribute().instance_id(id).source_dest_check(no);
        let changed = change.send().await;
        changed.map(drop).map_err(failed("let pods speak by way of", format!("instance `{id}`")))
    }
}

/// The same for the same intent, so that no repetition makes a second instance ("Ensuring idempotency",
/// Amazon EC2 API Reference; at most 64 characters).
fn token(request: &MachineRequest, kind: &str, place: &Place, attempt: usize) -> String {
    let intent = format!("{} {} {kind} {} {attempt}", request.cluster_id, request.id, place.subnet);
    Sha256::digest(intent).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::driver::tests::request;
    use super::*;

    #[test]
    fn a_token_is_of_one_intent() {
        let place = |zone: &str| Place { subnet: format!("subnet-{zone}"), zone: zone.to_owned() };
        let first = token(&request("worker-1"), "t3.medium", &place("a"), 0);
        assert_eq!(first.len(), 64);
        // Keys are made anew in each run and are no part of it.
        assert_eq!(first, token(&request("worker-1"), "t3.medium", &place("a"), 0));
        for other in [
            token(&request("worker-2"), "t3.medium", &place("a"), 0),
            token(&request("worker-1"), "t3.large", &place("a"), 0),
            token(&request("worker-1"), "t3.medium", &place("b"), 0),
            token(&request("worker-1"), "t3.medium", &place("a"), 1),
        ] {
            assert_ne!(first, other);
        }
    }
}
