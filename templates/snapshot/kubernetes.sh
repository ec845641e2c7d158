#!/bin/sh
# What a node of Kubernetes has of its cluster's state, for snapshot.sh. A load balancer has nothing.
set -eu

end_pods=/etc/clusterdojo/end-pods.sh

is_node() { [ -e "$end_pods" ]; }

# What all of it belongs to: "Kubernetes v1.37.2".
runs() { ! is_node || kubelet --version; }

# The certificates and manifests of control planes and the credentials of all, what etcd has, and by what kubelet is the
# same node as before.
kept() {
    printf '%s\n' /etc/kubernetes /var/lib/etcd /var/lib/kubelet/pki /var/lib/kubelet/config.yaml \
        /var/lib/kubelet/kubeadm-flags.env /var/lib/kubelet/instance-config.yaml
}

units() { ! is_node || echo kubelet.service; }

running() { ctr --namespace k8s.io tasks ls | grep -w RUNNING; }

# Pods do not end with kubelet: etcd and the API server among them go on.
halt() {
    is_node || return 0
    systemctl stop kubelet.service
    # Nobody ends what runs without it.
    systemctl start containerd.service
    sh "$end_pods"
    if running >&2; then
        echo "these containers did not end" >&2
        return 1
    fi
}

# Of pods only kubelet knows.
known() { :; }

# All containers of pods have ended, also those of pods that the state does not know. A kubelet that begins anew starts none
# of these, and removes what is left of them with their addresses: it knows how, and does so within a minute.
begin() {
    is_node || return 0
    systemctl reset-failed kubelet.service 2>/dev/null || true
    systemctl start kubelet.service
}
