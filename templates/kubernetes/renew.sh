#!/bin/sh
# Gives a control plane new certificates, and has its programs take them up. static-pods.sh goes ahead of it.
set -eu

put_back_manifests
kubeadm certs renew all
restart_static_pods kube-controller-manager kube-scheduler kube-apiserver etcd
