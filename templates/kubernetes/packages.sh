#!/bin/sh
# Installs Kubernetes from its package repository, unless it is there already. Prints the release that is
# there then, and the images that kubeadm needs for it, one a line.
#
# apt.sh, tools.sh, keyring.sh, repository.sh, docker-repository.sh and containerd.sh go ahead of it.
set -eu

if command -v kubelet >/dev/null 2>&1 && command -v kubeadm >/dev/null 2>&1 &&
    command -v kubectl >/dev/null 2>&1 && ! cut_short; then
    tell
    exit 0
fi

begin_to_install Kubernetes
# A repository that was given wrongly the last time must not make every further run fail.
forget_repository
forget_docker_repository
missing=$(missing_tools)
apt update
# shellcheck disable=SC2086 # a list of words
apt install --no-install-recommends -y ca-certificates $missing
install_containerd

add_repository
version=$(newest_package)

# As the package has it, kubelet is started again and again from its installation on; without what
# kubeadm writes it could only crash.
drop_in=/etc/systemd/system/kubelet.service.d/20-clusterdojo.conf
mkdir -p "${drop_in%/*}"
cat >"$drop_in" <<'UNIT'
[Unit]
ConditionPathExists=/var/lib/kubelet/config.yaml
StartLimitIntervalSec=0

[Service]
RestartSec=2
UNIT
apt install --no-install-recommends -y "kubelet=$version" "kubeadm=$version" "kubectl=$version"
# The nodes of a cluster are upgraded one after another, and not when one of them happens to upgrade its
# packages.
apt-mark hold kubelet kubeadm kubectl >/dev/null
systemctl daemon-reload
tell
