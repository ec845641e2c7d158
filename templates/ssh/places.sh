#!/bin/sh
# Where things are on a host that is lent to a cluster; goes ahead of the scripts that lend and give back.
# shellcheck disable=SC2034 # they are for those scripts
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C

directory=/etc/clusterdojo
claim=$directory/machine.json
# What the host was like before.
before=/var/lib/clusterdojo/before

# Services that a cluster starts or changes.
units="docker.service docker.socket containerd.service kubelet.service haproxy.service"
# Settings of the kernel that it changes; some are kubelet's and kube-proxy's doing. Not every host has all.
settings="net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables
    vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys
    kernel.keys.root_maxbytes net.ipv4.conf.all.route_localnet
    net.netfilter.nf_conntrack_tcp_timeout_established net.netfilter.nf_conntrack_tcp_timeout_close_wait"
# Files of the host that it may overwrite; they are kept as they were.
overwritten="/etc/docker/daemon.json /etc/containerd/config.toml /etc/apt/keyrings/docker.asc
    /etc/haproxy/haproxy.cfg /etc/crictl.yaml /etc/systemd/system/kubelet.service
    /etc/systemd/system/kubelet.service.d/10-kubeadm.conf
    /etc/systemd/system/containerd.service.d/20-clusterdojo.conf
    /usr/local/bin/containerd /usr/local/bin/containerd-shim-runc-v2 /usr/local/bin/ctr"
# What it may make where there was nothing.
made="/usr/bin/kubeadm /usr/bin/kubelet /usr/bin/kubectl /usr/bin/crictl /opt/cni /etc/cni
    /etc/kubernetes /etc/containerd/certs.d /var/lib/kubelet /var/lib/etcd /var/lib/cni
    /var/lib/docker /var/lib/containerd"
# Directories that go if they are empty in the end and were not there before; inner ones first.
hollow="/etc/systemd/system/docker.service.d /etc/systemd/system/kubelet.service.d
    /etc/systemd/system/containerd.service.d /etc/docker
    /etc/containerd /etc/apt/keyrings /opt/containerd/bin /opt/containerd/lib /opt/containerd /opt /etc/haproxy"

# Where the engine keeps its data.
docker_root() {
    root=$(sed -n 's/.*"data-root"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' /etc/docker/daemon.json \
        2>/dev/null | head -n 1)
    printf '%s\n' "${root:-/var/lib/docker}"
}

# swarm_node: the id of this host in the swarm that it belongs to; empty if in none or if nobody can say.
swarm_node() {
    if command -v docker >/dev/null 2>&1 && systemctl --quiet is-active docker.service 2>/dev/null; then
        timeout 20 docker info --format '{{.Swarm.NodeID}}' 2>/dev/null || true
    fi
}

# one_at_a_time SECONDS: waits until no other command works on this host. What is locked is something that
# every such host has and that stays, so that nothing has to be made or removed for it.
one_at_a_time() {
    exec 9</etc/ssh
    if ! flock --timeout "$1" 9; then
        echo "another command is still at work on this host" >&2
        exit 1
    fi
}
