#!/bin/sh
# Makes the namespace of a lesson, or removes it if it is one. Inputs: NAMESPACE; MODE: make, or remove.
set -eu
export KUBECONFIG=/etc/kubernetes/admin.conf

# What tells it from those of others.
label=clusterdojo/lesson

found=$(kubectl get namespace "$NAMESPACE" --ignore-not-found --output 'jsonpath={.metadata.name}={.metadata.labels.clusterdojo/lesson}')
case $found in
'' | =) ;;
*=yes)
    kubectl delete namespace "$NAMESPACE" --ignore-not-found --wait=false >/dev/null
    end=$(($(date +%s) + 120 * ${PATIENCE:-1}))
    while [ -n "$(kubectl get namespace "$NAMESPACE" --ignore-not-found --output name)" ]; do
        if [ "$(date +%s)" -ge "$end" ]; then
            echo "namespace $NAMESPACE does not go" >&2
            exit 1
        fi
        sleep 0.5
    done
    ;;
*)
    echo "namespace $NAMESPACE is there already, and is no lesson's" >&2
    exit 1
    ;;
esac
if [ "$MODE" = remove ]; then
    exit
fi
kubectl create namespace "$NAMESPACE" >/dev/null
kubectl label namespace "$NAMESPACE" "$label=yes" >/dev/null
# Pods need it, and it comes a moment later.
until kubectl get serviceaccount default --namespace "$NAMESPACE" >/dev/null 2>&1; do
    sleep 0.2
done
