#!/bin/sh
# Makes a namespace, unless it is there. Input: NAMESPACE.
set -eu
export KUBECONFIG=/etc/kubernetes/admin.conf

phase() {
    kubectl get namespace "$NAMESPACE" --ignore-not-found --output 'jsonpath={.status.phase}'
}

# One that is going has to be gone first.
if [ "$(phase)" = Terminating ]; then
    kubectl wait --for=delete "namespace/$NAMESPACE" --timeout=120s >/dev/null
fi
if [ -z "$(phase)" ]; then
    kubectl create namespace "$NAMESPACE" >/dev/null
fi
# Pods need it, and it comes a moment later.
until kubectl get serviceaccount default --namespace "$NAMESPACE" >/dev/null 2>&1; do
    sleep 0.2
done
