//! Errors name the node and what was tried on it.

use std::borrow::Cow;

use crate::bootstrap::Error;
use crate::driver::Source;
use crate::provision::Node;

/// The error for what was tried on a node.
pub(super) fn failed<E: Into<Source>>(
    node: &Node,
    operation: impl Into<Cow<'static, str>>,
) -> impl FnOnce(E) -> Error {
    let (machine, operation) = (node.machine().id.clone(), operation.into());
    move |source| Error::Node { machine, operation, source: source.into() }
}
