#!/bin/sh
# Installs Kubernetes from the files of a bundle, which lie unpacked in a directory of their own.
#
# ID        of the bundle and of what is installed of it; written last, so that all of that is there
# BINARIES  lines of "file", "where it goes"
#
# apt.sh and tools.sh go ahead of it.
set -eu
: "${ID:?}" "${BINARIES:?}"
cd /usr/lib/clusterdojo/kubernetes
rm -f id

# A bundle brings no runc, which the distribution's containerd comes with.
missing=$(missing_tools containerd:containerd)
if [ -n "$missing" ]; then
    begin_to_install "what Kubernetes needs"
    apt update
    # shellcheck disable=SC2086 # a list of words
    apt install --no-install-recommends -y $missing
fi

printf '%s\n' "$BINARIES" | {
    running=
    while read -r file target; do
        mkdir -p "${target%/*}"
        {
            gzip -dc "$file" >"$target.new"
            chmod 755 "$target.new"
            mv "$target.new" "$target"
            rm -f "$file"
        } &
        running="$running $!"
    done
    for id in $running; do
        wait "$id"
    done
}

# As the packages of the Kubernetes project have it.
mkdir -p /etc/systemd/system/kubelet.service.d
cat >/etc/systemd/system/kubelet.service <<'UNIT'
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target
# Without what kubeadm writes it could only crash.
ConditionPathExists=/var/lib/kubelet/config.yaml
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
UNIT
cat >/etc/systemd/system/kubelet.service.d/10-kubeadm.conf <<'UNIT'
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# Written by kubeadm init and kubeadm join.
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# For arguments of your own.
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
UNIT
# In a container that is not a running system this only fails.
systemctl daemon-reload 2>/dev/null || true
printf '%s\n' "$ID" >id
