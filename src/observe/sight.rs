//! Machines that a record tells of and that their driver does not list. That may mean that they are gone, or
//! that another place was asked, or that the record is not of these machines; only the first one is an end.

use std::fmt;

use crate::driver::{self, Driver, Leftover};
use crate::model::{ClusterName, DriverName, Machine, MachineName, Place, Places};
use crate::store::{Phase, Record};

/// A cluster's machines, as its driver lists them and as its record has them.
#[derive(Debug, Clone)]
pub struct Sight {
    /// Those that carry the cluster's id.
    pub found: Vec<Machine>,
    /// Those that carry its name and another id.
    pub others: Vec<Machine>,
    /// Those of the record that were not found.
    pub missing: Vec<Machine>,
}

/// Machines that were not found.
#[derive(Debug)]
pub struct Lost {
    /// Whose they are.
    pub cluster: ClusterName,
    /// Which ones.
    pub machines: Vec<MachineName>,
    /// Where they were looked for, in words.
    pub(crate) looked: String,
    /// What speaks against their being gone.
    pub(crate) why: Option<String>,
    /// Whether a record tells of them, and not their host keys alone.
    pub of_record: bool,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.machines.as_slice() {
            [] => write!(f, "no machine of cluster `{}` was found", self.cluster)?,
            lost => write!(
                f,
                "cluster `{}` has machines that were not found: {}",
                self.cluster,
                lost.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            )?,
        }
        write!(f, "; {}", self.where_and_why())
    }
}

impl Lost {
    /// Where they were looked for, and what speaks against their being gone.
    pub fn where_and_why(&self) -> String {
        let why = self.why.as_ref().map(|why| format!(", {why}")).unwrap_or_default();
        format!("looked at {}{why}", self.looked)
    }
}

impl Sight {
    /// Machines that a driver lists, parted by whose they are.
    pub fn of(listed: Vec<Machine>, record: &Record) -> Self {
        let is_ours = |machine: &Machine| machine.cluster_id == record.cluster_id;
        let (found, others): (Vec<_>, Vec<_>) = listed.into_iter().partition(is_ours);
        let is_missing = |machine: &&Machine| found.iter().all(|there| there.id != machine.id);
        let missing = record.machines.iter().filter(is_missing).cloned().collect();
        Self { found, others, missing }
    }

    /// Those of the missing that may be somewhere, and why; `None` if all of them are gone for sure.
    pub(crate) async fn unsure(
        &self,
        driver: &dyn Driver,
        record: &Record,
    ) -> Result<Option<Lost>, driver::Error> {
        let only_others = self.found.is_empty() && !self.others.is_empty();
        if self.missing.is_empty() && !only_others {
            return self.unsure_of_none(driver, record).await;
        }
        let places = driver.places().await?;
        let leftovers = driver.leftovers().await?;
        let unsure: Vec<Machine> = self
            .missing
            .iter()
            .filter(|machine| !self.is_gone(machine, record, &places, &leftovers))
            .cloned()
            .collect();
        // Whose these are, nobody knows, if it is not even known to be the place.
        let elsewhere = places.iter().any(|(driver, place)| !is_same(record, driver, place));
        if unsure.is_empty() && !(self.missing.is_empty() && elsewhere) {
            return Ok(None);
        }
        self.lost(driver, record, &unsure).await.map(Some)
    }

    /// A record that was cut short may not name its machines yet. That none was found says nothing of them if
    /// another place was asked than theirs.
    async fn unsure_of_none(
        &self,
        driver: &dyn Driver,
        record: &Record,
    ) -> Result<Option<Lost>, driver::Error> {
        let is_over = record.phase() == Phase::Destroying && record.machines.is_empty();
        if !self.found.is_empty() || is_over {
            return Ok(None);
        }
        let now = driver.places().await?;
        let is_other = |(driver, then): (&DriverName, &Place)| {
            now.get(driver).is_none_or(|now| then.is(now) == Some(false))
        };
        if record.places.iter().any(is_other) {
            return self.lost(driver, record, &[]).await.map(Some);
        }
        Ok(None)
    }

    /// Whether a machine that is not listed is gone for sure, because it is certain that the place was asked
    /// where it was made.
    fn is_gone(
        &self,
        machine: &Machine,
        record: &Record,
        places: &Places,
        leftovers: &[Leftover],
    ) -> bool {
        let driver = &machine.driver;
        if self.others.iter().any(|o| o.driver == *driver && o.handle == machine.handle) {
            // It is there, and is not called ours.
            return false;
        }
        let is_there = places.get(driver).is_some_and(|place| is_same(record, driver, place));
        let of_it = |leftover: &Leftover| {
            leftover.driver == *driver && leftover.cluster_id == record.cluster_id
        };
        is_there
            || self.found.iter().any(|found| found.driver == *driver)
            || leftovers.iter().any(of_it)
    }

    pub(crate) async fn lost(
        &self,
        driver: &dyn Driver,
        record: &Record,
        machines: &[Machine],
    ) -> Result<Lost, driver::Error> {
        let places = driver.places().await?;
        let drivers: Vec<_> = match machines {
            [] => places.keys().collect(),
            machines => machines.iter().map(|machine| &machine.driver).collect(),
        };
        Ok(Lost {
            cluster: record.spec.name.clone(),
            machines: machines.iter().map(|machine| machine.id.name).collect(),
            looked: looked(&places, drivers.iter().copied()),
            why: self.why(record, &places, &drivers),
            of_record: true,
        })
    }

    /// What speaks against it that they are gone.
    fn why(&self, record: &Record, places: &Places, drivers: &[&DriverName]) -> Option<String> {
        if !self.others.is_empty() {
            let others = self.others.iter().map(|o| format!("{} ({})", o.id.name, o.cluster_id));
            let others: Vec<_> = others.collect();
            return Some(format!(
                "where machines of that name carry another cluster id than {}: {}",
                record.cluster_id,
                others.join(", ")
            ));
        }
        drivers.iter().find_map(|driver| {
            let (now, then) = (places.get(driver)?, record.places.get(driver)?);
            if now.is(then) != Some(false) {
                return None;
            }
            Some(if now.name == then.name {
                "which is not the one any more that they were made with".to_owned()
            } else {
                format!("and they were made with {}", then.name)
            })
        })
    }
}

fn is_same(record: &Record, driver: &DriverName, place: &Place) -> bool {
    record.places.get(driver).and_then(|then| then.is(place)) == Some(true)
}

/// Where machines of these drivers were looked for.
pub fn looked<'a>(places: &Places, drivers: impl IntoIterator<Item = &'a DriverName>) -> String {
    let mut looked: Vec<&str> = Vec::new();
    for driver in drivers {
        let name = places.get(driver).map_or("a place that does not answer", |p| p.name.as_str());
        if !looked.contains(&name) {
            looked.push(name);
        }
    }
    looked.join(" and ")
}
