#!/bin/sh
# Says which release of Kubernetes is installed, and has its container runtime run.
set -eu

if ! kubeadm version --output short; then
    echo "Kubernetes is not installed here, and the bundle that it came from is gone" >&2
    exit 1
fi
systemctl start containerd.service
