//! Proxies that the user's environment and docker's `config.json` name.

use std::env;

use serde_json::Value;

use super::DockerContexts;
use super::config_file::ConfigFile;
use crate::model::Proxies;

impl DockerContexts {
    /// The proxies that programs of the user are to take: those of the environment, and for what that leaves
    /// open those under `proxies` in docker's `config.json`.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn proxies(&self) -> Result<Option<Proxies>, String> {
        let file = ConfigFile::locate(self.dir()).and_then(|file| file.read());
        // A file that docker cannot read says nothing.
        let configured = file.ok().and_then(|file| file.key("proxies").cloned());
        choose(|name| env::var(name).ok(), configured.as_ref())
    }
}

fn choose(
    variable: impl Fn(&str) -> Option<String>,
    configured: Option<&Value>,
) -> Result<Option<Proxies>, String> {
    let value = |name: &str, key: &str| {
        let lower = variable(&name.to_lowercase());
        let said = lower.or_else(|| variable(name)).filter(|value| !value.is_empty());
        said.or_else(|| {
            let value = configured?.get("default")?.get(key)?.as_str()?;
            (!value.is_empty()).then(|| value.to_owned())
        })
    };
    let http = value("HTTP_PROXY", "httpProxy");
    let https = value("HTTPS_PROXY", "httpsProxy");
    let none = value("NO_PROXY", "noProxy");
    Proxies::new(http.as_deref(), https.as_deref(), none.as_deref())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chosen(variables: &[(&str, &str)], configured: Option<&Value>) -> Vec<String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let proxies = choose(variable, configured).unwrap().unwrap_or_default();
        let variables = proxies.variables().into_iter();
        variables
            .filter(|(name, _)| name.starts_with(char::is_lowercase))
            .map(|(name, value)| format!("{name}={}", value.expose()))
            .collect()
    }

    #[test]
    fn the_environment_wins_over_dockers_file() {
        let configured = json!({ "default": {
            "httpProxy": "http://file:1", "httpsProxy": "http://file:2", "noProxy": "intranet" } });
        let configured = Some(&configured);
        let all_of_file =
            ["http_proxy=http://file:1", "https_proxy=http://file:2", "no_proxy=intranet"];
        assert_eq!(chosen(&[], configured), all_of_file);
        assert_eq!(chosen(&[], None), Vec::<String>::new());
        let both =
            [("HTTPS_PROXY", "http://env:2"), ("http_proxy", "http://env:1"), ("HTTP_PROXY", "")];
        assert_eq!(
            chosen(&both, configured),
            ["http_proxy=http://env:1", "https_proxy=http://env:2", "no_proxy=intranet"]
        );
    }
}
