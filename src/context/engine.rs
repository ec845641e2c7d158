//! Which engine plain `docker` would use if none of our clusters were selected.

use std::env;

use super::meta::{self, Meta};
use super::{DockerContexts, Error};
use crate::model::EngineContext;

impl DockerContexts {
    /// The engine of the context that docker uses: `$DOCKER_CONTEXT`, else the selected one. Where that is one
    /// of ours, it is the context that was selected before; `None` means docker's default.
    ///
    /// # Errors
    /// [`Error::Missing`] if the variable names a context that is not there, [`Error::NoEngine`] and
    /// [`Error::Damaged`] if it cannot be told where a context leads.
    pub fn engine(&self) -> Result<Option<EngineContext>, Error> {
        let wanted = env::var("DOCKER_CONTEXT").ok().filter(|name| !name.is_empty());
        match wanted {
            Some(name) if name != "default" && !self.exists(&name) => Err(Error::Missing(name)),
            Some(name) => self.engine_of(&name),
            // A file that docker cannot read selects nothing.
            None => match self.current() {
                Ok(Some(name)) if self.exists(&name) => self.engine_of(&name),
                _ => Ok(None),
            },
        }
    }

    /// The engine of a context, or of the one before it that is not ours.
    fn engine_of(&self, name: &str) -> Result<Option<EngineContext>, Error> {
        let mut name = name.to_owned();
        let mut ours = Vec::new();
        loop {
            if meta::check_name(&name).is_err() {
                return Ok(None);
            }
            let Some(meta) = Meta::read(&self.meta_file(&name))? else { return Ok(None) };
            let Some(mark) = meta.mark() else { return self.described(name, &meta).map(Some) };
            ours.push(name);
            match mark.previous {
                Some(previous) if !ours.contains(&previous) => name = previous,
                _ => return Ok(None),
            }
        }
    }

    fn described(&self, name: String, meta: &Meta) -> Result<EngineContext, Error> {
        let Some((host, skip_tls_verify)) = meta.endpoint() else {
            return Err(Error::NoEngine(name));
        };
        let tls = self.tls_dir(&name).join("docker");
        let cert_path = tls.is_dir().then(|| std::path::absolute(&tls).unwrap_or(tls));
        Ok(EngineContext { host: host.to_owned(), cert_path, skip_tls_verify, name })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::json;

    use super::*;

    /// A context as docker writes it, or with our mark where `previous` is given.
    #[expect(
        clippy::option_option,
        reason = "no mark, and a mark that says that nothing was selected"
    )]
    fn context(dir: &Path, name: &str, host: &str, previous: Option<Option<&str>>) {
        let directory = dir.join("contexts/meta").join(meta::directory(name));
        fs::create_dir_all(&directory).unwrap();
        let mut metadata = json!({});
        if let Some(previous) = previous {
            metadata["clusterdojo"] =
                json!({ "cluster": "t", "cluster_id": "1", "previous": previous });
        }
        let endpoint = json!({ "Host": host, "SkipTLSVerify": false });
        let meta =
            json!({ "Name": name, "Metadata": metadata, "Endpoints": { "docker": endpoint } });
        fs::write(directory.join("meta.json"), meta.to_string()).unwrap();
    }

    #[test]
    fn ours_lead_to_the_engine_that_was_selected_before() {
        let dir = tempfile::tempdir().unwrap();
        let contexts = DockerContexts::new(dir.path());
        context(dir.path(), "remote", "tcp://192.0.2.1:2376", None);
        context(dir.path(), "dojo-a", "tcp://127.0.0.1:20000", Some(Some("remote")));
        context(dir.path(), "dojo-b", "tcp://127.0.0.1:20001", Some(Some("dojo-a")));
        context(dir.path(), "dojo-c", "tcp://127.0.0.1:20002", Some(None));
        for name in ["remote", "dojo-a", "dojo-b"] {
            let engine = contexts.engine_of(name).unwrap().unwrap();
            assert_eq!(engine.name, "remote");
            assert_eq!(engine.host, "tcp://192.0.2.1:2376");
            assert_eq!(engine.cert_path, None);
        }
        assert_eq!(contexts.engine_of("dojo-c").unwrap(), None, "docker's default");
        assert_eq!(contexts.engine_of("default").unwrap(), None);
    }

    #[test]
    fn a_context_before_that_is_gone_or_leads_back_is_dockers_default() {
        let dir = tempfile::tempdir().unwrap();
        let contexts = DockerContexts::new(dir.path());
        context(dir.path(), "dojo-a", "tcp://127.0.0.1:20000", Some(Some("gone")));
        context(dir.path(), "dojo-b", "tcp://127.0.0.1:20000", Some(Some("dojo-c")));
        context(dir.path(), "dojo-c", "tcp://127.0.0.1:20000", Some(Some("dojo-b")));
        assert_eq!(contexts.engine_of("dojo-a").unwrap(), None);
        assert_eq!(contexts.engine_of("dojo-b").unwrap(), None);
    }

    #[test]
    fn certificates_of_a_context_come_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let contexts = DockerContexts::new(dir.path());
        context(dir.path(), "remote", "tcp://192.0.2.1:2376", None);
        let tls = dir.path().join("contexts/tls").join(meta::directory("remote")).join("docker");
        fs::create_dir_all(&tls).unwrap();
        assert_eq!(contexts.engine_of("remote").unwrap().unwrap().cert_path, Some(tls));
    }

    #[test]
    fn a_context_that_leads_nowhere_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let contexts = DockerContexts::new(dir.path());
        context(dir.path(), "kube", "", None);
        assert!(matches!(contexts.engine_of("kube"), Err(Error::NoEngine(name)) if name == "kube"));
    }
}
