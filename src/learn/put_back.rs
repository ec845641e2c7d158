//! Putting a cluster back as it was when a lesson began on it.

use crate::lesson::Lesson;
use crate::store::Record;
use crate::workflow::{self, Services, UpOptions};

use super::attempt::Attempt;
use super::error::Error;
use super::inventory::{self, Inventory};
use super::machine_scripts;
use super::shelf;

/// Removes what lessons have left on a cluster: it is as it was when the given one, the last on it, began. What could not be put
/// back.
///
/// # Errors
/// Those of the cluster.
pub async fn clear(
    services: &Services,
    record: &Record,
    last: &Attempt,
) -> Result<Vec<String>, Error> {
    // One of somebody's own may be gone; what it has left is known all the same.
    let lesson = shelf::begun(last).ok();
    put_back(services, record, last, lesson.as_ref()).await
}

/// Puts a cluster back as it was when a lesson began on it; what could not be put back.
pub(super) async fn put_back(
    services: &Services,
    record: &Record,
    attempt: &Attempt,
    lesson: Option<&Lesson>,
) -> Result<Vec<String>, Error> {
    let undo = async || match lesson {
        Some(lesson) => machine_scripts::undo(services, record, lesson).await,
        None => Ok(()),
    };
    // A machine that is off or cut off could not be put back.
    workflow::unbreak(services, &attempt.cluster, None).await?;
    undo().await?;
    let before = Inventory::kept(&attempt.evidence)?;
    let different = inventory::put_back(services, record, &before).await?;
    if different.is_empty() {
        return Ok(different);
    }
    // As `dojo up` does: a node that has left joins again.
    let cluster = services.lock(&record.spec.name, "lesson-reset").await?;
    workflow::up(cluster, record.goal().clone(), UpOptions::BY_THE_WAY).await?;
    // On machines that were off.
    undo().await?;
    inventory::put_back(services, record, &before).await
}
