#!/bin/sh
# Says of which release the kubelet of a member is; nothing if the machine is no member.
set -eu

if [ -e /etc/kubernetes/kubelet.conf ]; then
    release=$(kubelet --version)
    printf '%s\n' "${release##* }"
fi
