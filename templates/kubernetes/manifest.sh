#!/bin/sh
# Prints the manifest of a pod network as it is published; nothing if the cluster has it already. Before there
# is a cluster, that shows whether it can be had.
#
# ADDRESS  where it is published
# SHA256   what its SHA-256 sum must be; empty: what https brings is taken
#
# keyring.sh goes ahead of it.
set -eu
: "${ADDRESS:?}" "${SHA256?}"

# The way to the internet, where it leads through proxies.
if [ -r /etc/clusterdojo/proxy.env ]; then
    set -a
    # shellcheck source=/dev/null
    . /etc/clusterdojo/proxy.env
    set +a
fi

admin=/etc/kubernetes/admin.conf
if [ -e "$admin" ]; then
    # What is published may change at any time, and the network of a cluster should not.
    known=$(kubectl --kubeconfig "$admin" --namespace kube-system \
        get configmap clusterdojo-pod-network --ignore-not-found --output 'jsonpath={.data.manifest}')
    if [ "$known" = "$ADDRESS" ]; then exit 0; fi
fi
manifest=$(mktemp)
trap 'rm -f "$manifest"' EXIT
if ! said=$(fetch "$ADDRESS" "$manifest" 2>&1); then
    echo "cannot fetch the manifest of the pod network: $ADDRESS: $said" >&2
    exit 1
fi
if [ -n "$SHA256" ]; then
    found=$(sha256sum "$manifest" | cut -d ' ' -f 1)
    if [ "$found" != "$SHA256" ]; then
        echo "the manifest of the pod network is not the right one: $ADDRESS: its SHA-256 sum is $found, but $SHA256 is expected" >&2
        exit 1
    fi
fi
cat "$manifest"
