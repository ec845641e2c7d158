#!/bin/sh
# Says whether the machine is a member of a cluster: `member` once kubeadm has finished here. static-pods.sh goes ahead of it.
set -eu

# Of a renewal that was cut short.
put_back_manifests

# A run of kubeadm that lost its connection goes on by itself, and may be about to finish.
flock --timeout "$((600 * ${PATIENCE:-1}))" /run/clusterdojo-kubeadm.lock true
# `kubeadm reset` by hand takes the credentials of kubelet, and leaves our file.
if [ -e /etc/kubernetes/clusterdojo-member ] && [ -e /etc/kubernetes/kubelet.conf ]; then
    echo member
    # A member that was off, or whose kubelet was stopped, comes back by itself.
    systemctl --quiet is-active kubelet.service || systemctl start kubelet.service
fi
