//! Whose credentials were tried, and what would make them good.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::driver::{Error, Source};
use crate::durable;

/// Where credentials, or a region, were looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// `AWS_ACCESS_KEY_ID` and its likes.
    Environment,
    /// A profile with single sign-on.
    SingleSignOn(String),
    /// A profile with something else.
    Profile(String),
    /// A profile that does not exist, and those that do.
    NoSuchProfile(String, Vec<String>),
    /// Nothing was set up, so the instance that this computer may be was asked.
    Nothing,
}

impl Login {
    /// The error that AWS does not take them.
    pub(super) fn refused(&self, source: impl Into<Source>) -> Error {
        Error::NoCredentials {
            place: "AWS".to_owned(),
            tried: self.to_string(),
            help: self.help(),
            source: source.into(),
        }
    }

    /// The error that nothing says in which region.
    pub(super) fn lacks_region(&self) -> Error {
        let asked = match self {
            Self::SingleSignOn(profile)
            | Self::Profile(profile)
            | Self::NoSuchProfile(profile, _) => format!("profile `{profile}`"),
            Self::Environment | Self::Nothing => "profile `default`".to_owned(),
        };
        Error::NotConfigured {
            message: format!(
                "no region of AWS is chosen: neither --region nor AWS_REGION names one, nor does {asked}"
            ),
            help: "`--region eu-central-1` chooses one, or `export AWS_REGION=eu-central-1`"
                .to_owned(),
        }
    }

    fn help(&self) -> String {
        match self {
            Self::SingleSignOn(profile) => {
                format!("`aws sso login --profile {profile}` logs in anew")
            }
            Self::Environment => {
                "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary ones, \
                 AWS_SESSION_TOKEN anew, or unset all of them and use --profile"
                    .to_owned()
            }
            Self::Profile(profile) => format!(
                "`aws sts get-caller-identity --profile {profile}` must work; `aws configure --profile {profile}` \
                 sets it up"
            ),
            Self::NoSuchProfile(_, found) if found.is_empty() => {
                "there are no profiles; `aws configure sso` or `aws configure` makes one".to_owned()
            }
            Self::NoSuchProfile(_, found) => format!("there is: {}", found.join(", ")),
            Self::Nothing => {
                "`aws configure sso` or `aws configure` sets them up; --profile names a profile \
                              that you have"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("those in the environment (AWS_ACCESS_KEY_ID)"),
            Self::SingleSignOn(profile) => {
                write!(f, "the single sign-on of profile `{profile}`")
            }
            Self::Profile(profile) => write!(f, "profile `{profile}`"),
            Self::NoSuchProfile(profile, _) => write!(f, "profile `{profile}`, which does not exist"),
            Self::Nothing => f.write_str(
                "neither the environment, nor profile `default`, nor an instance profile, which have none",
            ),
        }
    }
}

/// The environment and the files that AWS's programs share ("Shared config and credentials files", AWS SDKs and
/// Tools Reference Guide).
pub(super) struct Surroundings {
    /// Environment variables.
    variable: fn(&str) -> Option<String>,
    /// The settings of each profile.
    profiles: BTreeMap<String, Vec<String>>,
}

impl Surroundings {
    /// As they are now. Refuses what AWS's library would read without end, as it would a pipe that nobody writes
    /// to.
    pub(super) fn now() -> Result<Self, Error> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let file = |name, below| {
            let named = variable(name).map(PathBuf::from);
            let path = named.or_else(|| Some(Path::new(&variable("HOME")?).join(below)));
            let Some(path) = path else { return Ok(String::new()) };
            match durable::read_to_string(&path, durable::TEXT) {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge
                    ) =>
                {
                    Err(Error::Failed {
                        operation: "use",
                        subject: format!("the configuration of AWS, `{}`", path.display()),
                        source: error.into(),
                    })
                }
                // What cannot be read says nothing.
                text => Ok(text.unwrap_or_default()),
            }
        };
        let config = file("AWS_CONFIG_FILE", ".aws/config")?;
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")?;
        Ok(Self { variable, profiles: profiles(&config, &credentials) })
    }

    /// Where AWS's library looks first of all that is there; a profile that was chosen comes before all else.
    pub(super) fn login(&self, chosen: Option<&str>) -> Login {
        if chosen.is_none() && (self.variable)("AWS_ACCESS_KEY_ID").is_some() {
            return Login::Environment;
        }
        let named = chosen.map(str::to_owned).or_else(|| (self.variable)("AWS_PROFILE"));
        let profile = named.clone().unwrap_or_else(|| "default".to_owned());
        match self.profiles.get(&profile) {
            Some(keys) if keys.iter().any(|key| key.starts_with("sso_")) => {
                Login::SingleSignOn(profile)
            }
            Some(_) => Login::Profile(profile),
            None if named.is_some() => {
                Login::NoSuchProfile(profile, self.profiles.keys().cloned().collect())
            }
            None => Login::Nothing,
        }
    }
}

/// The names of the settings of each profile in the two files.
fn profiles(config: &str, credentials: &str) -> BTreeMap<String, Vec<String>> {
    let mut profiles: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (text, is_config) in [(config, true), (credentials, false)] {
        let mut current = None;
        for line in text.lines() {
            let section = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
            if let Some((name, _)) = section {
                let profile = name.trim().strip_prefix("profile ").map(str::trim);
                let bare = (!is_config || name.trim() == "default").then_some(name.trim());
                current = profile.or(bare).map(str::to_owned);
                if let Some(name) = &current {
                    profiles.entry(name.clone()).or_default();
                }
            } else if let (Some(name), Some((key, _))) = (&current, line.split_once('=')) {
                // Settings within settings stand farther right.
                if !line.starts_with([' ', '\t', '#', ';']) {
                    profiles.entry(name.clone()).or_default().push(key.trim().to_owned());
                }
            }
        }
    }
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]\nregion = eu-central-1\n\n[profile work]\nsso_session = corp\n\
                          sso_account_id=123456789012\n[sso-session corp]\nsso_region = eu-west-1\n\
                          [profile other]\nrole_arn = x\n  nested = 1\n";

    fn surroundings(variable: fn(&str) -> Option<String>) -> Surroundings {
        let profiles = profiles(CONFIG, "[old]\naws_access_key_id = A\n");
        Surroundings { variable, profiles }
    }

    #[test]
    fn it_is_known_where_credentials_are_looked_for() {
        let bare = surroundings(|_| None);
        let names: Vec<_> = bare.profiles.keys().map(String::as_str).collect();
        assert_eq!(names, ["default", "old", "other", "work"]);
        assert_eq!(bare.login(None), Login::Profile("default".to_owned()));
        assert_eq!(bare.login(Some("work")), Login::SingleSignOn("work".to_owned()));
        let wrong = bare.login(Some("wrok"));
        assert!(
            matches!(&wrong, Login::NoSuchProfile(name, found) if name == "wrok" && found.len() == 4)
        );
        let keys = surroundings(|name| (name == "AWS_ACCESS_KEY_ID").then(|| "A".to_owned()));
        assert_eq!(keys.login(None), Login::Environment);
        assert_eq!(keys.login(Some("old")), Login::Profile("old".to_owned()));
        let chosen = surroundings(|name| (name == "AWS_PROFILE").then(|| "work".to_owned()));
        assert_eq!(chosen.login(None), Login::SingleSignOn("work".to_owned()));
        let nothing = Surroundings { variable: |_| None, profiles: profiles("", "") };
        assert_eq!(nothing.login(None), Login::Nothing);
    }
}
