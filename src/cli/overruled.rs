//! What the environment says of places and does not count, because the record of a cluster says where it is.

use std::env;
use std::sync::Arc;

use crate::driver::registry;
use crate::event::Progress;
use crate::model::Places;
use crate::spec::ClusterSpec;
use crate::store::Record;

use super::services::Context;

impl Context {
    /// Tells users who have set such a variable that another place is asked than it names.
    pub(super) fn tell_what_does_not_count(&self, spec: &ClusterSpec, record: &Record) {
        // Whoever names a place now is not surprised.
        let said = spec.places();
        let mut places = record.places.clone();
        places.retain(|driver, _| record.spec.places().get(driver) == said.get(driver));
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        if let Some((variable, place)) = overruled(&places, set) {
            let progress = Progress::new(Arc::clone(&self.reporter));
            progress.warn(format!(
                "cluster `{}` is at {place}, which is asked whatever {variable} says",
                spec.name
            ));
        }
    }
}

/// The first variable that names another place than the one that counts.
fn overruled(
    places: &Places,
    set: impl Fn(&str) -> Option<String>,
) -> Option<(&'static str, String)> {
    let flags =
        registry::inside().flat_map(|kind| kind.flags().iter().map(move |flag| (kind, flag)));
    flags.into_iter().find_map(|(kind, flag)| {
        let place = places.get(&kind.name())?;
        let counts = place.options.get(flag.key)?.as_str()?;
        let other = |variable: &&&str| set(variable).is_some_and(|named| named != counts);
        flag.variables.iter().find(other).map(|variable| (*variable, place.name.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DriverName, Place};

    #[test]
    fn only_a_variable_that_names_another_place_is_told_of() {
        let engine = Place {
            name: "the Docker engine at `unix:///a`".to_owned(),
            id: None,
            options: [("host".to_owned(), "unix:///a".into())].into(),
        };
        let places = Places::from([(DriverName::fixed("docker"), engine)]);
        let with = |variable: &'static str, value: &'static str| {
            overruled(&places, move |name| (name == variable).then(|| value.to_owned()))
        };
        assert_eq!(with("DOJO_DOCKER_HOST", "unix:///b").unwrap().0, "DOJO_DOCKER_HOST");
        assert_eq!(with("DOJO_DOCKER_HOST", "unix:///a"), None);
        assert_eq!(with("AWS_REGION", "eu-west-1"), None);
    }
}
