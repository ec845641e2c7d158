#!/bin/sh
# Takes the machine out of its cluster: a control plane leaves etcd, containers end, files go.
set -eu

rm -f /etc/kubernetes/clusterdojo-member
timeout "$((180 * ${PATIENCE:-1}))" kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock
systemctl --quiet disable --now kubelet.service
rm -rf /etc/cni/net.d/10-clusterdojo.conflist
