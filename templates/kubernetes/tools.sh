#!/bin/sh
# Packages of the distribution for Kubernetes; goes ahead of the scripts that install it.
set -eu

# missing_tools [PROGRAM:PACKAGE]…: prints the packages that are not there of those that are named, and of those
# with what kubeadm, kubelet and kube-proxy call; and curl, to talk to etcd and to fetch a key.
missing_tools() {
    for tool in "$@" iptables:iptables conntrack:conntrack ethtool:ethtool socat:socat curl:curl; do
        command -v "${tool%%:*}" >/dev/null 2>&1 || printf '%s ' "${tool##*:}"
    done
}
