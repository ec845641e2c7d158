//! The options of a driver, held against what its program says that it takes.

use serde_json::Value;

use crate::model::Place;

use super::protocol::{OptionSchema, OptionType, Options};

/// What users gave, with values of the right type, and what they did not give as it was `noted`, or else the
/// default. Texts that look like the type that is wanted are taken for it, because flags have nothing else. The
/// first one given that does not fit is told beside those that do; nobody asked for what was noted.
pub(super) fn admit(
    schema: &[OptionSchema],
    given: &Options,
    noted: &Options,
) -> (Options, Option<String>) {
    let defaults = schema.iter().filter_map(|o| Some((o.name.clone(), o.default.clone()?)));
    let mut options: Options = defaults.collect();
    options.extend(
        noted
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), fit(schema, name, value).ok()?))),
    );
    let mut problem = None;
    for (name, value) in given {
        match fit(schema, name, value) {
            Ok(value) => {
                options.insert(name.clone(), value);
            }
            Err(other) => problem = problem.or(Some(other)),
        }
    }
    (options, problem)
}

fn fit(schema: &[OptionSchema], name: &str, value: &Value) -> Result<Value, String> {
    let Some(option) = schema.iter().find(|option| option.name == name) else {
        return Err(format!("has no option `{name}`{}", known(schema)));
    };
    let refuse =
        |wanted: &str| Err(format!("takes {wanted} for option `{name}`, not `{}`", plain(value)));
    let Some(value) = option.kind.fit(value) else { return refuse(option.kind.noun()) };
    if option.choices.is_empty() || option.choices.contains(&value) {
        return Ok(value);
    }
    let choices: Vec<_> = option.choices.iter().map(plain).collect();
    refuse(&choices.join(" or "))
}

/// What is wrong if there are options without which no machine can be made.
pub(super) fn missing(schema: &[OptionSchema], options: &Options) -> Option<String> {
    let missing = schema.iter().find(|o| o.required && !options.contains_key(&o.name))?;
    Some(format!("needs option `{}`: {}", missing.name, missing.description))
}

/// Where the machines are that a driver makes with these options. Its defaults are among them, because those
/// of a newer program may be others.
pub(super) fn place(driver: &str, options: &Options) -> Place {
    let said: Vec<_> =
        options.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
    let with = if said.is_empty() { String::new() } else { format!(" with {}", said.join(" ")) };
    Place { name: format!("driver `{driver}`{with}"), id: None, options: options.clone() }
}

fn known(schema: &[OptionSchema]) -> String {
    if schema.is_empty() {
        return "; it has none".to_owned();
    }
    let names: Vec<_> = schema.iter().map(|option| format!("`{}`", option.name)).collect();
    format!("; it has {}", names.join(", "))
}

/// A value as users would write it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl OptionType {
    /// What it is called in a sentence.
    fn noun(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Array => "a list in JSON",
            Self::Object => "an object in JSON",
        }
    }

    /// The value as one of this type, if it is one or can be read as one.
    fn fit(self, value: &Value) -> Option<Value> {
        let fits = |value: &Value| match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        };
        if fits(value) {
            return Some(value.clone());
        }
        serde_json::from_str(value.as_str()?).ok().filter(fits)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Vec<OptionSchema> {
        serde_json::from_value(json!([
            { "name": "image", "default": "debian" },
            { "name": "disk", "type": "integer", "description": "size of the disk in GiB" },
            { "name": "zone", "choices": ["a", "b"], "required": true, "description": "where" },
            { "name": "spot", "type": "boolean" },
            { "name": "price", "type": "number" },
        ]))
        .unwrap()
    }

    fn options(value: Value) -> Options {
        serde_json::from_value(value).unwrap()
    }

    fn refused(given: Value) -> String {
        admit(&schema(), &options(given), &Options::new()).1.unwrap()
    }

    #[test]
    fn texts_of_flags_become_what_is_wanted() {
        let given = options(json!({ "disk": "20", "zone": "a", "spot": "true", "price": "0.5" }));
        let expected = options(
            json!({ "image": "debian", "disk": 20, "zone": "a", "spot": true, "price": 0.5 }),
        );
        assert_eq!(admit(&schema(), &given, &Options::new()), (expected.clone(), None));
        let typed = options(json!({ "disk": 20, "zone": "a", "spot": true, "price": 0.5 }));
        assert_eq!(admit(&schema(), &typed, &Options::new()), (expected, None));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        let text = refused(json!({ "disc": 20 }));
        assert_eq!(text, "has no option `disc`; it has `image`, `disk`, `zone`, `spot`, `price`");
        let text = refused(json!({ "disk": "big" }));
        assert_eq!(text, "takes a whole number for option `disk`, not `big`");
        let text = refused(json!({ "image": 1.3 }));
        assert_eq!(text, "takes a text for option `image`, not `1.3`");
        let text = refused(json!({ "zone": "c" }));
        assert_eq!(text, "takes a or b for option `zone`, not `c`");
        let none = admit(&[], &options(json!({ "a": 1 })), &Options::new()).1.unwrap();
        assert_eq!(none, "has no option `a`; it has none");
    }

    #[test]
    fn what_fits_is_kept_beside_what_does_not() {
        let given = options(json!({ "disc": 1, "disk": 2 }));
        let (kept, problem) = admit(&schema(), &given, &Options::new());
        assert_eq!(kept, options(json!({ "image": "debian", "disk": 2 })));
        assert!(problem.is_some());
    }

    #[test]
    fn a_machine_needs_what_is_required() {
        let (some, _) = admit(&schema(), &Options::new(), &Options::new());
        assert_eq!(missing(&schema(), &some).unwrap(), "needs option `zone`: where");
        let (all, _) = admit(&schema(), &options(json!({ "zone": "b" })), &Options::new());
        assert_eq!(missing(&schema(), &all), None);
    }

    #[test]
    fn what_was_noted_stands_unless_something_is_given_and_hinders_nobody() {
        let noted = options(json!({ "image": "old", "zone": "a", "gone": 1, "disk": "big" }));
        let (kept, problem) = admit(&schema(), &options(json!({ "zone": "b" })), &noted);
        assert_eq!(kept, options(json!({ "image": "old", "zone": "b" })));
        assert_eq!(problem, None);
    }
}
