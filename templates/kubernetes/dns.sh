#!/bin/sh
# Begins the cluster's DNS, unless there is one: as kubeadm does it, but for how often kubelet looks whether it is ready.
# At its first look the way to services may not be open yet, and 10 s later is late.
set -eu

# ask ARGUMENT…
ask() { kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
# What is printed last below.
if [ -n "$(ask --namespace kube-system get serviceaccount coredns --ignore-not-found --output name)" ]; then exit 0; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
config=$work/config.yaml manifest=$work/coredns.yaml
# kubeadm takes the cluster for one without DNS, which it was told to begin without, and would not upgrade it.
ask --namespace kube-system get configmap kubeadm-config --output 'jsonpath={.data.ClusterConfiguration}' |
    sed '/^dns:$/,/^  disabled: true$/d' >"$config"
kubeadm init phase upload-config kubeadm --config "$config"
kubeadm init phase addon coredns --config "$config" --print-manifest >"$manifest"
sed -i 's/^\( *\)readinessProbe:$/&\n\1  periodSeconds: 1/' "$manifest"
ask apply --server-side --validate=false --filename "$manifest"
