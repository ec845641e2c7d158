//! Where machines are: what a record keeps of that, so that they are found again.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DriverName;

/// Where the machines of one driver are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What it is called in a sentence: "the Docker engine at `unix:///var/run/docker.sock`".
    pub name: String,
    /// What tells it from every other place that may answer in its stead one day; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What leads there: options of the driver, as in a spec file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, Value>,
}

/// The places of all drivers of a cluster.
pub type Places = BTreeMap<DriverName, Place>;

impl Place {
    /// Options of the driver, with what they leave open as it is at this place.
    #[must_use]
    pub fn fill<T: Clone + Serialize + DeserializeOwned>(&self, options: &T) -> T {
        let filled = serde_json::to_value(options).map(|mut value| {
            if let Some(said) = value.as_object_mut() {
                for (key, value) in &self.options {
                    said.entry(key).or_insert_with(|| value.clone());
                }
            }
            value
        });
        // What these options do not know is of no use to them.
        filled.and_then(serde_json::from_value).unwrap_or_else(|_| options.clone())
    }

    /// Whether both are known to be one place, or known to be two; `None` if nobody knows.
    pub fn is(&self, other: &Self) -> Option<bool> {
        Some(self.id.as_ref()? == other.id.as_ref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        #[serde(skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        bare: bool,
    }

    fn place(id: Option<&str>, options: Value) -> Place {
        let options = serde_json::from_value(options).unwrap();
        Place { name: "there".to_owned(), id: id.map(str::to_owned), options }
    }

    #[test]
    fn what_was_said_wins_over_where_it_was() {
        let there = place(None, serde_json::json!({ "host": "a", "bare": true }));
        let open = Options { host: None, bare: false };
        assert_eq!(there.fill(&open), Options { host: Some("a".to_owned()), bare: false });
        let said = Options { host: Some("b".to_owned()), bare: false };
        assert_eq!(there.fill(&said), said);
        assert_eq!(place(None, serde_json::json!({ "other": 1 })).fill(&open), open);
    }

    #[test]
    fn only_ids_tell_places_apart() {
        let [a, b, none] = [Some("a"), Some("b"), None].map(|id| place(id, serde_json::json!({})));
        assert_eq!((a.is(&a), a.is(&b)), (Some(true), Some(false)));
        assert_eq!((a.is(&none), none.is(&none)), (None, None));
    }
}
