// Package conformance names what is built: Kubernetes' own end-to-end tests.
package conformance

import _ "k8s.io/kubernetes/test/e2e"
