//! `scale`: more machines, or fewer. What is to go goes before anything is added, and both are noted first; so a
//! `scale` that was cut short is completed by any later `up`.

use std::time::Instant;

use crate::failpoint;
use crate::model::Role;
use crate::plan::Plan;
use crate::store::{Intent, Phase, Record};

use super::admit::refuse_resizing;
use super::error::Error;
use super::intents;
use super::lost::look;
use super::make::{Summary, UpOptions};
use super::place::refuse_other_place;
use super::services::Cluster;
use super::state::{Look, refuse_lost};

/// Makes a cluster have so many machines of these roles, and leaves the selected context alone. The
/// machines with the highest numbers go.
pub async fn scale(cluster: Cluster<'_>, counts: &[(Role, u16)]) -> Result<Summary, Error> {
    let begin = Instant::now();
    let Cluster { services, entry, .. } = &cluster;
    let record = cluster.record()?;
    if record.phase() == Phase::Destroying {
        return Err(Error::HalfRemoved(cluster.name().clone()));
    }
    let wanted = record.goal().with_counts(counts);
    wanted.validate()?;
    refuse_resizing(&wanted, record.goal())?;
    intents::finish(&cluster, &wanted).await?;

    let record = cluster.record()?;
    let wanted = record.goal().with_counts(counts);
    let fewer = wanted.at_most(&record.spec);
    let sight = look(services, &record).await?;
    let existing = &sight.found;
    let goes = record.machines.iter().any(|m| !fewer.has(m.id.name))
        || !Plan::new(&fewer, existing).surplus.is_empty();
    let mut asked = vec![Intent::Grow { spec: wanted.clone() }];
    if goes {
        // What is refused must not be done by the next command, as what was agreed on is.
        sight.refuse_unsure(services, &record).await?;
        refuse_lost(services, &record, existing, Look::Quick).await?;
        refuse_other_place(&record, existing, &services.driver.places().await?)?;
        if fewer == wanted {
            asked.clear();
        }
        asked.insert(0, Intent::Shrink { spec: fewer.clone() });
        failpoint::reached("scale.record.before");
        entry.save(&Record { spec: fewer, pending: asked.clone(), ..record })?;
        failpoint::reached("scale.record.after");
    }
    let summary = intents::make(&cluster, &asked, UpOptions::BY_THE_WAY).await?;
    Ok(Summary { elapsed: begin.elapsed(), ..summary })
}
