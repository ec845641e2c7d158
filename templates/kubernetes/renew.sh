#!/bin/sh
# Gives a control plane new certificates, and has its programs take them up.
set -eu

kubeadm certs renew all
# They read their certificates when they start, and kubelet starts again whatever ends.
for program in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    for container in $(ctr --namespace k8s.io containers ls -q \
        "labels.\"io.kubernetes.container.name\"==$program"); do
        # Those that have ended before are listed as well.
        ctr --namespace k8s.io tasks kill --signal SIGTERM "$container" 2>/dev/null || true
    done
done
