//! Manifests of any kind, applied by the server (server-side apply, Kubernetes documentation).

use std::collections::HashMap;
use std::time::Duration;

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::core::GroupVersion;
use kube::discovery::{ApiCapabilities, Scope, pinned_kind};
use kube::error::DiscoveryError;
use serde_json::Value;

use crate::driver::Source;
use crate::retry::{Attempt, Patience, retry};

use super::{ApiError, ApiServer, FIELD_MANAGER, code, is_refusal};

/// How long the server may take to learn a kind that was just defined, and a new namespace to get its
/// service account.
const SETTLING: Duration = Duration::from_secs(30);
/// Defines a kind.
const DEFINITION: &str = "CustomResourceDefinition";
/// What others need is applied first, in this order; then all else; then what stands in everybody's
/// way as soon as it is there.
const FIRST: &[&str] = &[
    "Namespace",
    DEFINITION,
    "PriorityClass",
    "StorageClass",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Secret",
    "ConfigMap",
];
const LAST: &[&str] =
    &["APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

type Known = (ApiResource, ApiCapabilities);

impl ApiServer {
    /// Applies all documents of a YAML manifest: objects that are absent are made, and of others only
    /// the named fields change, also where somebody else has set them before. Namespaces and
    /// definitions of kinds go first, whatever the order in the text.
    ///
    /// # Errors
    /// [`ApiError::Manifest`] before anything is applied, if a document is no object;
    /// [`ApiError::UnknownKind`] and [`ApiError::Request`] name the object, and those before it have
    /// been applied.
    pub async fn apply(&self, yaml: &str) -> Result<(), ApiError> {
        let objects = objects(yaml)?;
        let defines = objects.iter().any(|object| object.kind.kind == DEFINITION);
        let mut kinds: HashMap<GroupVersionKind, Known> = HashMap::new();
        for object in &objects {
            let known = match kinds.get(&object.kind) {
                Some(known) => known.clone(),
                None => self.known(object, defines).await?,
            };
            self.apply_object(object, &known, defines).await?;
            kinds.insert(object.kind.clone(), known);
        }
        Ok(())
    }

    /// What the server calls the objects of a kind.
    async fn known(&self, object: &Object, defines: bool) -> Result<Known, ApiError> {
        let attempt = || async {
            let operation = format!("look up the kind of {}", object.title());
            let found = async {
                match pinned_kind(&self.client, &object.kind).await {
                    Ok(known) => Ok(Some(known)),
                    Err(error) if is_unknown(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            };
            match self.ask(operation, found).await {
                Ok(Some(known)) => Attempt::Ready(known),
                Ok(None) if defines => Attempt::Later(object.unknown()),
                Ok(None) => Attempt::GiveUp(object.unknown()),
                Err(error) => Attempt::GiveUp(error),
            }
        };
        let patience = Patience::until(SETTLING);
        retry(patience, attempt).await.map_err(|last| last.unwrap_or_else(|| object.unknown()))
    }

    async fn apply_object(
        &self,
        object: &Object,
        known: &Known,
        defines: bool,
    ) -> Result<(), ApiError> {
        let (resource, capabilities) = known;
        let client = self.client.clone();
        let api: Api<DynamicObject> = match (&capabilities.scope, &object.namespace) {
            (Scope::Cluster, _) => Api::all_with(client, resource),
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(client, namespace, resource)
            }
            (Scope::Namespaced, None) => Api::default_namespaced_with(client, resource),
        };
        let how = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&object.value);
        let operation = format!("apply {}", object.title());
        let attempt = || async {
            // The inner result is the server's judgement of the object, which may be asked for again.
            let judged = async { Ok(api.patch(&object.name, &how, &patch).await) };
            match self.ask(operation.as_str(), judged).await {
                Ok(Ok(_)) => Attempt::Ready(()),
                Ok(Err(error)) => {
                    let passing = may_pass(&error, defines);
                    let error = self.failed(operation.as_str())(error);
                    if passing { Attempt::Later(error) } else { Attempt::GiveUp(error) }
                }
                Err(error) => Attempt::GiveUp(error),
            }
        };
        retry(Patience::until(SETTLING), attempt).await.map_err(|last| {
            last.unwrap_or_else(|| ApiError::Timeout {
                endpoint: self.endpoint,
                operation: operation.clone(),
                waited: SETTLING,
                source: None,
            })
        })
    }
}

fn is_unknown(error: &kube::Error) -> bool {
    let missing = matches!(error, kube::Error::Discovery(DiscoveryError::MissingKind(_)));
    missing || code(error) == Some(404)
}

/// Whether the same request may succeed a little later; `defines` is whether kinds have only just been
/// defined.
fn may_pass(error: &kube::Error, defines: bool) -> bool {
    match error {
        kube::Error::Api(status) => match status.code {
            // The server knows a new kind a moment before it takes objects of it.
            404 => defines,
            // A controller was at it, or the server is busy or just begins.
            409 | 429 | 501.. => true,
            // A webhook that just begins.
            500 => status.message.contains("webhook"),
            // A pod in a namespace whose default service account is still being made.
            403 => status.message.contains("serviceaccount"),
            _ => false,
        },
        other => !is_refusal(other),
    }
}

/// One object of a manifest.
#[derive(Debug, Clone, PartialEq)]
struct Object {
    kind: GroupVersionKind,
    name: String,
    namespace: Option<String>,
    /// All of it.
    value: Value,
}

impl Object {
    fn parse(value: Value) -> Result<Self, Source> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let kind = text("/kind").ok_or("a document has no `kind`")?;
        let name = text("/metadata/name").ok_or_else(|| format!("a `{kind}` has no name"))?;
        let missing = || format!("{kind} `{name}` has no `apiVersion`");
        let version: GroupVersion = text("/apiVersion").ok_or_else(missing)?.parse()?;
        Ok(Self {
            kind: version.with_kind(kind),
            name: name.to_owned(),
            namespace: text("/metadata/namespace").map(str::to_owned),
            value,
        })
    }

    /// As in "Deployment `default/web`".
    fn title(&self) -> String {
        let (kind, name) = (&self.kind.kind, &self.name);
        match &self.namespace {
            Some(namespace) => format!("{kind} `{namespace}/{name}`"),
            None => format!("{kind} `{name}`"),
        }
    }

    fn unknown(&self) -> ApiError {
        ApiError::UnknownKind { api_version: self.kind.api_version(), object: self.title() }
    }

    fn rank(&self) -> usize {
        let place = |list: &[&str]| list.iter().position(|kind| *kind == self.kind.kind);
        match (place(FIRST), place(LAST)) {
            (Some(place), _) => place,
            (None, None) => FIRST.len(),
            (None, Some(place)) => FIRST.len() + 1 + place,
        }
    }
}

/// The objects of a manifest, in the order in which they are to be applied.
fn objects(yaml: &str) -> Result<Vec<Object>, ApiError> {
    // Kubernetes reads YAML 1.1, where `0644` is octal. A multi-line excerpt of the text does not belong
    // in a one-line error.
    let options = serde_saphyr::options! { with_snippet: false, legacy_octal_numbers: true };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(yaml, options)
        .map_err(|error| ApiError::Manifest(error.without_snippet().to_string().into()))?;
    let mut values = Vec::new();
    for mut document in documents {
        let is_list = document["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
        match document.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) if is_list => values.extend(items),
            Some(other) => {
                document["items"] = other;
                values.push(document);
            }
            None => values.push(document),
        }
    }
    let objects: Result<Vec<_>, _> = values.into_iter().map(Object::parse).collect();
    let mut objects = objects.map_err(ApiError::Manifest)?;
    objects.sort_by_key(Object::rank);
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(yaml: &str) -> Vec<String> {
        objects(yaml).unwrap().iter().map(Object::title).collect()
    }

    #[test]
    fn what_others_need_goes_first_and_all_else_keeps_its_order() {
        let kinds = [
            ("v1", "Service"),
            ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
            ("example.org/v1", "Flower"),
            ("rbac.authorization.k8s.io/v1", "ClusterRole"),
            ("apps/v1", "Deployment"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("v1", "Namespace"),
        ];
        let yaml: Vec<_> = kinds
            .iter()
            .map(|(version, kind)| {
                format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}}}\n")
            })
            .collect();
        let expected = [
            "Namespace `a`",
            "CustomResourceDefinition `a`",
            "ClusterRole `a`",
            "Service `a`",
            "Flower `a`",
            "Deployment `a`",
            "ValidatingWebhookConfiguration `a`",
        ];
        assert_eq!(titles(&yaml.join("---\n")), expected);
    }

    #[test]
    fn lists_are_taken_apart_and_empty_documents_left_out() {
        let yaml = "---\n# a comment\n---\n{apiVersion: v1, kind: ConfigMapList, items: [\
            {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: b}}]}\n---\n";
        assert_eq!(titles(yaml), ["ConfigMap `b/a`"]);
        // It has items too, and is no list.
        let yaml = "{apiVersion: a.org/v1, kind: Menu, metadata: {name: a}, items: [1]}";
        let menu = objects(yaml).unwrap().remove(0);
        assert_eq!(menu.value["items"], serde_json::json!([1]));
    }

    #[test]
    fn modes_are_octal_and_versions_stay_text() {
        let yaml = "{apiVersion: v1, kind: A, metadata: {name: a}, mode: 0644, text: '0644'}";
        let value = objects(yaml).unwrap().remove(0).value;
        assert_eq!((&value["mode"], &value["text"]), (&420.into(), &"0644".into()));
    }

    #[test]
    fn what_is_no_object_is_refused_before_anything_happens() {
        for (yaml, why) in [
            ("a: [", "line 1, column 4"),
            ("just text", "a document has no `kind`"),
            ("{kind: Pod, apiVersion: v1, metadata: {generateName: a}}", "a `Pod` has no name"),
            ("{kind: Pod, metadata: {name: a}}", "Pod `a` has no `apiVersion`"),
        ] {
            let Err(ApiError::Manifest(source)) = objects(yaml) else { panic!("{yaml}") };
            assert!(source.to_string().contains(why), "{yaml}: {source}");
        }
    }
}
