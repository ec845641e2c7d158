//! The options of a driver, held against what its program says that it takes.

use serde_json::Value;

use super::protocol::{OptionSchema, OptionType, Options};
use crate::driver::Error;
use crate::model::DriverName;

/// What users gave, with values of the right type, and the defaults of what they did not give. Texts that
/// look like the type that is wanted are taken for it, because flags have nothing else.
pub(super) fn admit(
    driver: &str,
    schema: &[OptionSchema],
    given: &Options,
) -> Result<Options, Error> {
    let refuse = |problem| Err(refusal(driver, problem));
    let mut options: Options = schema
        .iter()
        .filter_map(|option| Some((option.name.clone(), option.default.clone()?)))
        .collect();
    for (name, value) in given {
        let Some(option) = schema.iter().find(|option| option.name == *name) else {
            return refuse(format!("has no option `{name}`{}", known(schema)));
        };
        let Some(value) = option.kind.fit(value) else {
            let wanted = option.kind.noun();
            return refuse(format!("takes {wanted} for option `{name}`, not `{}`", plain(value)));
        };
        if !option.choices.is_empty() && !option.choices.contains(&value) {
            let choices: Vec<_> = option.choices.iter().map(plain).collect();
            let choices = choices.join(", ");
            return refuse(format!("takes {choices} for option `{name}`, not `{}`", plain(&value)));
        }
        options.insert(name.clone(), value);
    }
    Ok(options)
}

/// Refuses options without which no machine can be made.
pub(super) fn complete(
    driver: &str,
    schema: &[OptionSchema],
    options: &Options,
) -> Result<(), Error> {
    let missing = schema.iter().find(|o| o.required && !options.contains_key(&o.name));
    missing.map_or(Ok(()), |option| {
        let name = &option.name;
        Err(refusal(driver, format!("needs option `{name}`: {}", option.description)))
    })
}

fn refusal(driver: &str, problem: String) -> Error {
    Error::Option { driver: DriverName::External(driver.to_owned()), problem }
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
        }
    }

    /// The value as one of this type, if it is one or can be read as one.
    fn fit(self, value: &Value) -> Option<Value> {
        let fits = |value: &Value| match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
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
        admit("podbox", &schema(), &options(given)).unwrap_err().to_string()
    }

    #[test]
    fn texts_of_flags_become_what_is_wanted() {
        let given = options(json!({ "disk": "20", "zone": "a", "spot": "true", "price": "0.5" }));
        let expected = options(
            json!({ "image": "debian", "disk": 20, "zone": "a", "spot": true, "price": 0.5 }),
        );
        assert_eq!(admit("podbox", &schema(), &given).unwrap(), expected);
        let typed = options(json!({ "disk": 20, "zone": "a", "spot": true, "price": 0.5 }));
        assert_eq!(admit("podbox", &schema(), &typed).unwrap(), expected);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        let text = refused(json!({ "disc": 20 }));
        let expected = "driver `podbox` has no option `disc`; it has `image`, `disk`, `zone`, `spot`, \
                        `price`";
        assert_eq!(text, expected);
        let text = refused(json!({ "disk": "big" }));
        assert_eq!(text, "driver `podbox` takes a whole number for option `disk`, not `big`");
        let text = refused(json!({ "image": 1.3 }));
        assert_eq!(text, "driver `podbox` takes a text for option `image`, not `1.3`");
        let text = refused(json!({ "zone": "c" }));
        assert_eq!(text, "driver `podbox` takes a, b for option `zone`, not `c`");
        let none = admit("podbox", &[], &options(json!({ "a": 1 }))).unwrap_err().to_string();
        assert_eq!(none, "driver `podbox` has no option `a`; it has none");
    }

    #[test]
    fn a_machine_needs_what_is_required() {
        let some = admit("podbox", &schema(), &Options::new()).unwrap();
        let text = complete("podbox", &schema(), &some).unwrap_err().to_string();
        assert_eq!(text, "driver `podbox` needs option `zone`: where");
        let all = admit("podbox", &schema(), &options(json!({ "zone": "b" }))).unwrap();
        complete("podbox", &schema(), &all).unwrap();
    }
}
