#!/bin/sh
# Runs kubeadm, and tells in kubelet's own words why it failed.
#
# VERB    init or join
# CONFIG  kubeadm's configuration; it holds the token
# SKIP    phases to leave out, separated by commas; may be empty
# IGNORE  preflight errors to ignore, separated by commas
set -eu
umask 077
: "${VERB:?}" "${CONFIG:?}" "${SKIP?}" "${IGNORE:?}"

directory=/etc/kubernetes
member=$directory/clusterdojo-member
log=/var/log/clusterdojo-kubeadm.log
config=/run/clusterdojo-kubeadm.yaml

# A run that lost its connection goes on by itself; two at once would spoil each other's work.
exec 9>/run/clusterdojo-kubeadm.lock
if ! flock --timeout 600 9; then
    echo "another kubeadm is still at work" >&2
    exit 1
fi
trap 'rm -f "$config"' EXIT

# What an earlier run left half done, or another cluster: kubeadm begins with a clean machine.
if [ -e "$directory/kubelet.conf" ] || [ -e "$directory/manifests/kube-apiserver.yaml" ] ||
    [ -e "$directory/bootstrap-kubelet.conf" ] || [ -e "$directory/pki/ca.crt" ] ||
    [ -d /var/lib/etcd/member ]; then
    rm -f "$member"
    # An unreachable former cluster must not hold it up, so kubeadm gets no credentials for it. What a
    # control plane leaves behind there is struck off by those that stay.
    rm -f "$directory/admin.conf"
    timeout 120 kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock \
        >"$log" 2>&1 || true
    systemctl --quiet stop kubelet.service
    # kubeadm leaves containers running where there is no crictl; etcd among them would keep its port.
    {
        ctr --namespace k8s.io tasks ls -q | while read -r task; do
            ctr --namespace k8s.io tasks kill --signal SIGKILL "$task" || true
        done
    } >>"$log" 2>&1
    rm -rf "$directory/manifests" "$directory/pki" "$directory"/*.conf /var/lib/etcd
fi

printf '%s\n' "$CONFIG" >"$config"
set -- --config "$config" --ignore-preflight-errors "$IGNORE"
if [ -n "$SKIP" ]; then
    set -- "$@" --skip-phases "$SKIP"
fi
systemctl --quiet enable kubelet.service
# run: all that kubeadm does here. kubelet takes a while until it looks for pods to start, so it begins
# first, and what others need is made meanwhile.
run() {
    if [ "$VERB" = init ]; then
        for phase in "certs ca" "kubeconfig kubelet" kubelet-start; do
            # shellcheck disable=SC2086 # a phase may be two words
            kubeadm init phase $phase --config "$config" || return
        done
    fi
    kubeadm "$VERB" "$@"
}
if ! run "$@" >"$log" 2>&1; then
    grep -v -e '^\[preflight\] Pulling' -e 'token' "$log" | tail -n 12 >&2
    if systemctl --quiet is-active kubelet.service; then
        echo "kubelet says:" >&2
        journalctl --no-pager --quiet --output=cat --unit=kubelet.service --lines=200 |
            grep -E '^[EF][0-9]{4} |level=(error|fatal)|[Ff]ailed' | tail -n 6 >&2 || true
    fi
    exit 1
fi
: >"$member"
