//! Where packages come from: where they are published, or a mirror that this computer knows.

use std::fs;
use std::path::Path;

use crate::durable;
use crate::model::EngineOptions;

/// Where apt keeps its configuration.
const APT: &str = "/etc/apt";

/// Whose packages.
#[derive(Debug)]
pub struct Publisher {
    /// Names the base address of a mirror.
    variable: &'static str,
    /// Where they are published.
    published: &'static str,
    /// What follows the base address in apt's sources.
    below: &'static [&'static str],
    /// What else stands in the base address of any mirror.
    mark: &'static str,
}

/// The Kubernetes project ("Installing kubeadm", kubernetes.io).
pub const KUBERNETES: Publisher = Publisher {
    variable: "DOJO_KUBERNETES_REPOSITORY",
    published: "https://pkgs.k8s.io",
    below: &["/core:/stable:/v1."],
    mark: "",
};
/// Docker ("Install Docker Engine on Debian", docs.docker.com).
pub const DOCKER: Publisher = Publisher {
    variable: "DOJO_ENGINE_REPOSITORY",
    published: EngineOptions::PUBLISHED,
    below: &["/linux/debian", "/linux/ubuntu"],
    mark: "docker",
};

impl Publisher {
    /// The base address of the package repository: what the variable says, else what this computer's own apt is
    /// configured for, else where the packages are published.
    pub fn repository(&self) -> String {
        let named = std::env::var(self.variable).ok().filter(|value| !value.is_empty());
        let known = named.or_else(|| self.configured(Path::new(APT)));
        known.unwrap_or_else(|| self.published.to_owned())
    }

    /// The base address that is in use in the sources of an apt configuration (sources.list(5)). One without TLS
    /// counts for nothing: nobody has chosen here to trust what comes from there.
    fn configured(&self, apt: &Path) -> Option<String> {
        let parts = fs::read_dir(apt.join("sources.list.d")).into_iter().flatten().flatten();
        let mut files: Vec<_> = parts.map(|entry| entry.path()).collect();
        files.sort();
        files.push(apt.join("sources.list"));
        // What cannot be read says nothing.
        files
            .into_iter()
            .filter_map(|file| durable::read_to_string(&file, durable::TEXT).ok())
            .find_map(|text| {
                let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
                let mut words = lines.flat_map(str::split_whitespace);
                words.find_map(|word| self.base(word).map(str::to_owned))
            })
    }

    /// The base address in an address of these packages.
    fn base<'a>(&self, word: &'a str) -> Option<&'a str> {
        let (base, _) = self.below.iter().find_map(|below| word.split_once(below))?;
        (base.starts_with("https://") && base.contains(self.mark)).then_some(base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_found_in_either_format_of_apt() {
        let apt = tempfile::tempdir().unwrap();
        let parts = apt.path().join("sources.list.d");
        let found = || KUBERNETES.configured(apt.path());
        assert_eq!(found(), None);
        fs::create_dir(&parts).unwrap();
        fs::write(apt.path().join("sources.list"), "deb http://debian.example/debian x main\n")
            .unwrap();
        assert_eq!(found(), None);
        fs::write(
            parts.join("k.list"),
            "# deb https://old.example/core:/stable:/v1.30/deb/ /\n\
             deb [signed-by=/k.asc] https://one.example/k8s/core:/stable:/v1.33/deb/ /\n",
        )
        .unwrap();
        assert_eq!(found().unwrap(), "https://one.example/k8s");
        fs::write(
            parts.join("a.sources"),
            "Types: deb\nURIs: https://two.example/core:/stable:/v1.33/deb/\nSuites: /\n",
        )
        .unwrap();
        assert_eq!(found().unwrap(), "https://two.example");
        fs::remove_file(parts.join("k.list")).unwrap();
        fs::write(parts.join("a.sources"), "URIs: http://two.example/core:/stable:/v1.33/deb/\n")
            .unwrap();
        assert_eq!(found(), None, "anybody on the way could have another key there");
    }

    #[test]
    fn a_repository_of_docker_is_not_taken_for_anybody_elses() {
        for (line, base) in [
            ("https://download.docker.com/linux/debian", Some("https://download.docker.com")),
            ("https://a.example/docker-ce/linux/ubuntu", Some("https://a.example/docker-ce")),
            ("https://a.example/linux/debian", None),
            ("http://download.docker.com/linux/debian", None),
        ] {
            assert_eq!(DOCKER.base(line), base, "{line}");
        }
    }
}
