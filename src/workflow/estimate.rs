//! What the machines cost that `up` would make.

use std::collections::BTreeMap;

use crate::driver::Price;
use crate::model::DriverName;
use crate::spec::ClusterSpec;

use super::{Error, Services, UpOptions, plan};

/// Machines of one kind that are still to be made, and what each of them costs.
#[derive(Debug)]
pub struct Estimate {
    /// Where they come from.
    pub driver: DriverName,
    /// How many.
    pub machines: u64,
    /// What one costs.
    pub price: Price,
}

/// What the machines of a spec cost that do not exist yet, as far as they cost anything.
///
/// # Errors
/// Those of [`plan`].
pub async fn estimate(
    services: &Services,
    spec: &ClusterSpec,
    options: UpOptions,
) -> Result<Vec<Estimate>, Error> {
    let mut prices: BTreeMap<DriverName, Price> = BTreeMap::new();
    for driver in spec.drivers() {
        if let Some(price) = services.driver.price(&driver).await {
            prices.insert(driver, price);
        }
    }
    if prices.is_empty() {
        return Ok(Vec::new());
    }
    let create = plan(services, spec, options).await?.0.create;
    let machines = spec.machines();
    let count = |driver: &DriverName| {
        let new = machines.iter().filter(|m| m.driver == *driver && create.contains(&m.name));
        new.count() as u64
    };
    let estimates = prices.into_iter().map(|(driver, price)| Estimate {
        machines: count(&driver),
        driver,
        price,
    });
    Ok(estimates.filter(|estimate| estimate.machines > 0).collect())
}
