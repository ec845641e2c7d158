//! Objects of a kind that is known.
//!
//! The library moves all of them as values, and what they are is read out of these. If it moved each type itself, all of its
//! code for lists and watches would be compiled once for each, which makes the program a megabyte larger.

use std::marker::PhantomData;

use k8s_openapi::NamespaceResourceScope;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The objects of one kind: all of the cluster, or those of a namespace.
pub(super) struct Typed<K> {
    /// The same as values.
    pub(super) values: Api<DynamicObject>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Resource<DynamicType = ()>> Typed<K> {
    pub(super) fn all(client: &Client) -> Self {
        let values = Api::all_with(client.clone(), &ApiResource::erase::<K>(&()));
        Self { values, kind: PhantomData }
    }

    pub(super) fn namespaced(client: &Client, namespace: &str) -> Self
    where
        K: Resource<Scope = NamespaceResourceScope>,
    {
        let resource = ApiResource::erase::<K>(&());
        let values = Api::namespaced_with(client.clone(), namespace, &resource);
        Self { values, kind: PhantomData }
    }
}

impl<K: DeserializeOwned> Typed<K> {
    pub(super) async fn list(&self, which: &ListParams) -> kube::Result<Vec<K>> {
        self.values.list(which).await?.items.into_iter().map(typed).collect()
    }

    /// One of them, if it is there.
    pub(super) async fn find(&self, name: &str) -> kube::Result<Option<K>> {
        self.values.get_opt(name).await?.map(typed).transpose()
    }

    pub(super) async fn get(&self, name: &str) -> kube::Result<K> {
        typed(self.values.get(name).await?)
    }

    /// Changes what `change` names of one of them.
    pub(super) async fn merge(&self, name: &str, change: Value) -> kube::Result<()> {
        let (how, change) = (PatchParams::default(), Patch::Merge(change));
        self.values.patch(name, &how, &change).await.map(drop)
    }
}

/// What a value is.
pub(super) fn typed<K: DeserializeOwned>(object: DynamicObject) -> kube::Result<K> {
    let value = serde_json::to_value(object).map_err(kube::Error::SerdeError)?;
    serde_json::from_value(value).map_err(kube::Error::SerdeError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{Node, Secret};
    use serde_json::json;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_object_is_read_as_servers_tell_of_it() {
        // As in watches.
        let node: Node = typed(object(json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "worker-1", "uid": "u1", "creationTimestamp": "2026-11-28T15:47:25Z"},
            "status": {"nodeInfo": {"kubeletVersion": "v1.37.0"}, "unheardOf": {"deep": [1]}}})))
        .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(node.metadata.uid.as_deref(), Some("u1"));
        assert!(node.metadata.creation_timestamp.is_some());
        assert!(node.status.is_some_and(|status| status.node_info.is_some()));
        // As in lists, where each item is without its kind.
        let secret: Secret = typed(object(json!({"metadata": {"name": "s"},
            "data": {"password": "aHVudGVyMg=="}, "type": "Opaque"})))
        .unwrap();
        assert_eq!(secret.data.unwrap()["password"].0, b"hunter2");
    }

    #[test]
    fn what_is_not_of_its_kind_is_refused() {
        let wrong = object(json!({"metadata": {"name": "n"}, "spec": {"unschedulable": "no"}}));
        assert!(matches!(typed::<Node>(wrong), Err(kube::Error::SerdeError(_))));
        let other = object(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n"}}));
        assert!(typed::<Node>(other).is_err());
    }
}
