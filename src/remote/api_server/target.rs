//! What a port is forwarded to.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt as _;
use kube::api::ListParams;
use kube::core::Selector;

use super::typed::Typed;
use super::{ApiError, ApiServer};

/// A port of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPort {
    /// The pod's namespace.
    pub namespace: String,
    /// Its name.
    pub pod: String,
    /// The port that one of its containers listens on.
    pub port: u16,
}

/// A target in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target<'a> {
    kind: Kind,
    name: &'a str,
    /// A number, or a name that the service or the pod's container gives it.
    port: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pod,
    Service,
    Deployment,
}

impl<'a> Target<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_once('/').unwrap_or(("pod", text));
        let kind = match kind {
            "po" | "pod" | "pods" => Kind::Pod,
            "svc" | "service" | "services" => Kind::Service,
            "deploy" | "deployment" | "deployments" => Kind::Deployment,
            _ => return None,
        };
        let (name, port) = match rest.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (rest, None),
        };
        let whole = !name.is_empty() && !name.contains('/') && port != Some("");
        whole.then_some(Self { kind, name, port })
    }
}

impl ApiServer {
    /// The pod, and its port, behind `svc/NAME:PORT`, `deploy/NAME:PORT`, `pod/NAME:PORT` or
    /// `NAME:PORT`. A port may be a number or a name, and be left out where there is only one.
    ///
    /// # Errors
    /// [`ApiError::Target`] if there is nothing of that name, or no running pod behind it.
    pub async fn resolve(&self, namespace: &str, target: &str) -> Result<PodPort, ApiError> {
        let no = |why: String| ApiError::Target { target: target.to_owned(), why };
        let wanted = Target::parse(target).ok_or_else(|| {
            no("expected svc/NAME:PORT, deploy/NAME:PORT or pod/NAME:PORT".into())
        })?;
        let name = wanted.name;
        let absent = |kind| no(format!("namespace `{namespace}` has no {kind} `{name}`"));
        let (pod, port) = match wanted.kind {
            Kind::Pod => {
                let pod = self.named::<Pod>(namespace, name).await?;
                let pod = pod.ok_or_else(|| absent("pod"))?;
                let port = container_port(&pod, wanted.port).map_err(no)?;
                (pod, port)
            }
            Kind::Deployment => {
                let found = self.named::<Deployment>(namespace, name).await?;
                let spec = found.ok_or_else(|| absent("deployment"))?.spec.unwrap_or_default();
                let pod = self.running(namespace, spec.selector).await?;
                let pod = pod.ok_or_else(|| no("none of its pods runs".to_owned()))?;
                let port = container_port(&pod, wanted.port).map_err(no)?;
                (pod, port)
            }
            Kind::Service => {
                let found = self.named::<Service>(namespace, name).await?;
                let spec = found.ok_or_else(|| absent("service"))?.spec.unwrap_or_default();
                let ports = spec.ports.unwrap_or_default();
                let port = service_port(&ports, wanted.port).map_err(no)?;
                let labels = spec.selector.filter(|labels| !labels.is_empty());
                let labels = labels.ok_or_else(|| no("it selects no pods".to_owned()))?;
                let selector =
                    LabelSelector { match_labels: Some(labels), ..LabelSelector::default() };
                let pod = self.running(namespace, selector).await?;
                let pod = pod.ok_or_else(|| no("none of its pods runs".to_owned()))?;
                let port = target_port(&pod, port).map_err(no)?;
                (pod, port)
            }
        };
        if !runs(&pod) {
            return Err(no(format!("pod `{}` does not run", pod.name_any())));
        }
        Ok(PodPort { namespace: namespace.to_owned(), pod: pod.name_any(), port })
    }

    async fn named<K>(&self, namespace: &str, name: &str) -> Result<Option<K>, ApiError>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + serde::de::DeserializeOwned,
    {
        let operation = format!("look at {} `{namespace}/{name}`", K::kind(&()));
        self.ask(operation, Typed::<K>::namespaced(&self.client, namespace).find(name)).await
    }

    /// A running pod with these labels; one that is ready, if any is.
    async fn running(
        &self,
        namespace: &str,
        labels: LabelSelector,
    ) -> Result<Option<Pod>, ApiError> {
        let operation = format!("list the pods of namespace `{namespace}`");
        let selector = Selector::try_from(labels).map_err(|error| ApiError::Request {
            endpoint: self.endpoint,
            operation: operation.clone(),
            source: error.into(),
        })?;
        let api = Typed::<Pod>::namespaced(&self.client, namespace);
        let which = ListParams::default().labels_from(&selector);
        let list = self.ask(operation, api.list(&which)).await?;
        Ok(list.into_iter().filter(runs).max_by_key(is_ready))
    }
}

fn runs(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().filter_map(|s| s.conditions.as_ref()).flatten();
    conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// A port of a pod by its number or its name; without either, its only one.
fn container_port(pod: &Pod, wanted: Option<&str>) -> Result<u16, String> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports: Vec<_> = containers
        .flat_map(|c| c.ports.iter().flatten())
        .filter(|p| is_tcp(p.protocol.as_deref()))
        .collect();
    if let Some(wanted) = wanted {
        if let Ok(number) = wanted.parse() {
            return Ok(number);
        }
        ports.retain(|port| port.name.as_deref() == Some(wanted));
    }
    match (ports.as_slice(), wanted) {
        ([port], _) => number(port.container_port),
        (_, Some(wanted)) => Err(format!("pod `{}` has no port `{wanted}`", pod.name_any())),
        (_, None) => Err(format!("pod `{}` has {} ports; name one", pod.name_any(), ports.len())),
    }
}

/// A service's port by its number or its name; without either, its only one.
fn service_port<'a>(
    ports: &'a [ServicePort],
    wanted: Option<&str>,
) -> Result<&'a ServicePort, String> {
    let mut ports: Vec<_> = ports.iter().filter(|p| is_tcp(p.protocol.as_deref())).collect();
    if let Some(wanted) = wanted {
        ports.retain(|p| p.name.as_deref() == Some(wanted) || p.port.to_string() == wanted);
    }
    match (ports.as_slice(), wanted) {
        ([port], _) => Ok(port),
        (_, Some(wanted)) => Err(format!("the service has no port `{wanted}`")),
        (_, None) => Err(format!("the service has {} ports; name one", ports.len())),
    }
}

/// Where the pod listens for a service's port.
fn target_port(pod: &Pod, port: &ServicePort) -> Result<u16, String> {
    match &port.target_port {
        Some(IntOrString::Int(target)) => number(*target),
        Some(IntOrString::String(name)) => container_port(pod, Some(name)),
        None => number(port.port),
    }
}

fn number(port: i32) -> Result<u16, String> {
    u16::try_from(port).map_err(|_| format!("{port} is no port"))
}

fn is_tcp(protocol: Option<&str>) -> bool {
    protocol.is_none_or(|protocol| protocol == "TCP")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_kubectl_reads_them() {
        let parsed = |kind, name, port| Some(Target { kind, name, port });
        for (text, expected) in [
            ("web", parsed(Kind::Pod, "web", None)),
            ("web:80", parsed(Kind::Pod, "web", Some("80"))),
            ("po/web:http", parsed(Kind::Pod, "web", Some("http"))),
            ("svc/shop:80", parsed(Kind::Service, "shop", Some("80"))),
            ("deployment/web:80", parsed(Kind::Deployment, "web", Some("80"))),
            ("job/web:80", None),
            ("svc/:80", None),
            ("svc/a/b:80", None),
            ("svc/web:", None),
            ("", None),
        ] {
            assert_eq!(Target::parse(text), expected, "{text}");
        }
    }
}
