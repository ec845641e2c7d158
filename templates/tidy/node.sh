#!/bin/sh
# Whether a machine is in a cluster of Kubernetes, for tidy.sh: the cluster itself notices late that one has left. `dojo up` brings it back.
set -eu

# shellcheck disable=SC2034 # they are for tidy.sh
WHOLE='' SLOWLY=0

things() {
    if [ -e /etc/kubernetes/kubelet.conf ]; then echo "membership"; fi
}

remove() { :; }
