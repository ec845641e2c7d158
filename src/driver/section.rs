//! A driver's section of a spec: its options, of which only the driver knows what they mean.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::yaml;

/// What was chosen about machines of one driver. What is as it would be anyway is not in it.
pub type Section = BTreeMap<String, Value>;

/// The options of a driver inside, as its section of a spec is read.
pub trait Options: Serialize + DeserializeOwned + Default {
    /// The key of the section: the driver's name.
    const KEY: &'static str;
}

/// How the section of a driver is read and written.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Takes a section only if it can be read, and leaves out what is as it would be anyway.
    pub admit: fn(Value) -> Result<Section, String>,
    /// The same of the text of a whole spec file, so that what is wrong is told with its place there.
    pub in_file: fn(&str) -> Result<Section, yaml::Refused>,
    /// The section with all that was left out.
    pub whole: fn(&Section) -> Value,
}

impl Shape {
    /// That of a type.
    pub fn of<T: Options>() -> Self {
        Self {
            admit: |value| {
                let options: T = serde_json::from_value(value).map_err(|e| e.to_string())?;
                Ok(chosen(&options))
            },
            in_file: |text| {
                let only: Only<T> = yaml::read(text)?;
                Ok(only.0.map(|options| chosen(&options)).unwrap_or_default())
            },
            whole: |section| serde_json::to_value(typed::<T>(section)).unwrap_or_default(),
        }
    }
}

/// A section as the options that it was read as.
///
/// # Panics
///
/// With a section that no [`Shape`] has admitted.
pub fn typed<T: Options>(section: &Section) -> T {
    let value = Value::Object(section.clone().into_iter().collect());
    serde_json::from_value(value).expect("a section is read before it is kept")
}

/// What of options is not as it would be anyway.
pub fn chosen<T: Options>(options: &T) -> Section {
    let keys = |options: &T| match serde_json::to_value(options) {
        Ok(Value::Object(keys)) => keys,
        _ => serde_json::Map::new(),
    };
    let usual = keys(&T::default());
    keys(options).into_iter().filter(|(key, value)| usual.get(key) != Some(value)).collect()
}

/// One section of a spec file; the others are passed over.
struct Only<T>(Option<T>);

impl<'de, T: Options> Deserialize<'de> for Only<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sections<T>(PhantomData<T>);

        impl<'de, T: Options> Visitor<'de> for Sections<T> {
            type Value = Only<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a spec")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Only<T>, A::Error> {
                let mut only = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key == T::KEY {
                        only = map.next_value::<Option<T>>()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Only(only))
            }
        }

        deserializer.deserialize_map(Sections(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Example {
        host: Option<String>,
        bare: bool,
    }

    impl Options for Example {
        const KEY: &'static str = "some";
    }

    #[test]
    fn only_what_was_chosen_is_kept_and_the_rest_comes_back() {
        let shape = Shape::of::<Example>();
        let section = (shape.admit)(json!({ "host": "a", "bare": false })).unwrap();
        assert_eq!(section, Section::from([("host".to_owned(), "a".into())]));
        assert_eq!((shape.whole)(&section), json!({ "host": "a", "bare": false }));
        assert_eq!(typed::<Example>(&section), Example { host: Some("a".to_owned()), bare: false });
        assert!((shape.admit)(json!({ "hots": "a" })).unwrap_err().contains("hots"));
    }

    #[test]
    fn one_section_of_a_file_is_read_where_it_stands() {
        let shape = Shape::of::<Example>();
        let section =
            (shape.in_file)("other: [1, { a: b }]\nsome:\n  bare: true\nmore: x\n").unwrap();
        assert_eq!(section, Section::from([("bare".to_owned(), true.into())]));
        assert_eq!((shape.in_file)("other: 1\nsome:\n").unwrap(), Section::new());
        let refused = (shape.in_file)("other: 1\nsome:\n  bare: maybe\n").unwrap_err();
        assert!(refused.to_string().starts_with("3:9: "), "{refused}");
    }
}
