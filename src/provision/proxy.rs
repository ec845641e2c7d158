//! The way of a machine to the internet.

use crate::model::{Proxies, Secret};
use crate::remote::Script;

/// Leads what a machine fetches through proxies, or through none.
pub(super) fn use_proxies(proxies: Option<&Proxies>) -> Script {
    let variables = proxies.map(Proxies::variables).unwrap_or_default().into_iter();
    let lines: Vec<String> =
        variables.map(|(name, value)| format!("{name}='{}'", value.expose())).collect();
    Script::new(
        "use the proxies",
        "This computer reaches the internet through proxies, and so must what a machine fetches: packages by \
         apt, images by its engine. What is within the cluster is reached without.",
        include_str!("../../templates/proxy.sh"),
    )
    .with_secret("VARIABLES", &Secret::new(lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_explained() {
        let proxies = Proxies::new(Some("http://me:hunter2@p:1"), None, None).unwrap().unwrap();
        let script = use_proxies(Some(&proxies));
        assert!(script.render().expose().contains("hunter2"));
        assert!(!script.explain().contains("hunter2"));
    }
}
