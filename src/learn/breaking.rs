//! What a step breaks when it begins, so that the learner finds it.

use std::sync::Arc;

use crate::fault::{self, Limit};
use crate::lesson::Break;
use crate::model::ClusterName;
use crate::report::Quiet;
use crate::workflow::{self, Services};

use super::error::Error;

/// How long it lasts if nobody mends it: nobody who learns is hurried.
const LIMIT: &str = "4h";

/// Breaks it, without a word: what is broken, and where, is for the learner to find.
///
/// # Errors
/// Those of breaking; what is broken already stays so.
pub(super) async fn begin(
    services: &Services,
    cluster: &ClusterName,
    breaks: &[Break],
) -> Result<(), Error> {
    let limit: Limit = LIMIT.parse().expect("it is a time for a fault");
    let quiet =
        Services { reporter: Arc::new(Quiet(Arc::clone(&services.reporter))), ..services.clone() };
    for Break { fault, on } in breaks {
        match workflow::break_machine(&quiet, cluster, *on, *fault, limit).await {
            Err(workflow::Error::Fault(
                fault::Error::Already { .. } | fault::Error::Off { .. },
            )) => {}
            broken => drop(broken?),
        }
    }
    Ok(())
}
