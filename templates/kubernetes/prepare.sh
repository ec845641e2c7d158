#!/bin/sh
# Makes a machine fit for kubelet: kernel settings, and containerd with its CRI plugin.
#
# PAUSE     the image that holds a pod's namespaces
# ADDRESS   the machine's, among the other machines
# END_PODS  the script that ends pods when the machine goes off
# INSECURE  registries that are spoken to without TLS, a HOST[:PORT] a line
set -eu
: "${PAUSE:?}" "${ADDRESS:?}" "${END_PODS:?}" "${INSECURE?}"

# put FILE CONTENTS: writes a file unless it is so already; keeps what was there before us.
changed=
put() {
    if [ -e "$1" ]; then
        if [ "$(cat "$1")" = "$(printf '%s\n' "$2")" ]; then return; fi
        if ! grep -q '^# clusterdojo' "$1"; then mv "$1" "$1.before-clusterdojo"; fi
    fi
    [ -d "${1%/*}" ] || mkdir -p "${1%/*}"
    printf '%s\n' "$2" >"$1.new"
    mv "$1.new" "$1"
    changed=yes
}

# Those that are to run, and those of them that run already and have to begin anew.
units='containerd.service clusterdojo-pods.service' anew=

# Pods are routed and bridged by the kernel, and services are iptables rules. Where modules cannot be
# loaded, as in a container, they are built in or were loaded by the host.
for module in overlay br_netfilter; do
    modprobe "$module" 2>/dev/null || true
done
if [ ! -e /proc/sys/net/bridge ]; then
    # The kernel loads it by itself for a rule that asks for ports of bridges.
    for change in -A -D; do
        iptables -w -t raw "$change" PREROUTING -m physdev --physdev-is-in -j ACCEPT 2>/dev/null || true
    done
fi
put /etc/modules-load.d/clusterdojo.conf "# clusterdojo: Kubernetes
overlay
br_netfilter"
put /etc/sysctl.d/90-clusterdojo.conf "# clusterdojo: Kubernetes
net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1"
sysctl -q -w net.ipv4.ip_forward=1
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
    sysctl -q -w net.bridge.bridge-nf-call-iptables=1
fi

# Docker's resolver answers its machine at a loopback address, and a pod has a loopback of its own. So the
# machine passes on what pods ask it, CoreDNS among them.
if [ "$(awk '$1 == "nameserver" { print $2 }' /etc/resolv.conf)" = 127.0.0.11 ]; then
    resolver() {
        unit=clusterdojo-resolver-$1.service
        former=$changed changed=
        put "/etc/systemd/system/$unit" "# clusterdojo: Kubernetes
[Unit]
Description=Passes questions of pods on to the resolver of the machine ($1)
Before=kubelet.service
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/bin/socat -T 10 $2
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target"
        units="$units $unit"
        if [ -n "$changed" ]; then anew="$anew $unit"; fi
        changed=$former
    }
    resolver udp "UDP4-RECVFROM:53,bind=$ADDRESS,fork UDP4-SENDTO:127.0.0.11:53"
    resolver tcp "TCP4-LISTEN:53,bind=$ADDRESS,fork,reuseaddr TCP4:127.0.0.11:53"
    put /etc/clusterdojo/resolv.conf "# clusterdojo: Kubernetes
nameserver $ADDRESS
$(sed -n '/^search/p' /etc/resolv.conf)"
fi

# kubelet wants no swap, because it cannot keep pods' memory promises with it. A container shares the
# swap of its host, which is not ours to turn off.
if ! systemd-detect-virt --quiet --container; then
    swapoff -a
    sed -i '/^[^#].*[[:space:]]swap[[:space:]]/s/^/# clusterdojo: /' /etc/fstab 2>/dev/null || true
fi

# A bundle brings a containerd of its own where a distribution's may be too old.
containerd=$(command -v containerd)
if [ "$containerd" = /usr/local/bin/containerd ]; then
    put /etc/systemd/system/containerd.service.d/20-clusterdojo.conf "# clusterdojo: Kubernetes
[Service]
ExecStart=
ExecStart=$containerd"
fi
# One that was replaced while it ran is still the former one.
running=$(systemctl show --property=MainPID --value containerd.service)
if [ "$running" != 0 ] && [ "$(readlink "/proc/$running/exe")" != "$(readlink -f "$containerd")" ]; then
    changed=yes
fi

# containerd and kubelet must agree on who manages cgroups: systemd, unless it has no say.
systemd_cgroup=false
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    systemd_cgroup=true
fi
# Where this shell may not lower its score, containerd may not lower that of pods either.
restrict=false
if ! (echo -999 >/proc/self/oom_score_adj) 2>/dev/null; then
    restrict=true
fi
put /etc/containerd/config.toml "# clusterdojo
version = 2

[plugins.\"io.containerd.grpc.v1.cri\"]
  sandbox_image = \"$PAUSE\"
  restrict_oom_score_adj = $restrict
  [plugins.\"io.containerd.grpc.v1.cri\".cni]
    bin_dir = \"/opt/cni/bin\"
  [plugins.\"io.containerd.grpc.v1.cri\".registry]
    config_path = \"/etc/containerd/certs.d\"
  [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]
    runtime_type = \"io.containerd.runc.v2\"
    [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]
      SystemdCgroup = $systemd_cgroup"

# How to speak to a registry; containerd reads this for every pull.
for registry in $INSECURE; do
    put "/etc/containerd/certs.d/$registry/hosts.toml" "# clusterdojo
server = \"http://$registry\"
[host.\"http://$registry\"]
  capabilities = [\"pull\", \"resolve\"]"
done

# A machine image may have images unpacked already. They are linked to, not copied: only the files of
# databases change, and a layer may lie on any file system as long as something is put on top of it.
kept=/usr/lib/clusterdojo/containerd
root=/var/lib/containerd
if [ -d "$kept" ] && [ ! -e "$root/io.containerd.metadata.v1.bolt/meta.db" ]; then
    overlay=io.containerd.snapshotter.v1.overlayfs
    mkdir -p "$root/$overlay/snapshots"
    cp -as "$kept/io.containerd.content.v1.content" "$root/"
    ln -s "$kept/$overlay/snapshots"/* "$root/$overlay/snapshots/"
    cp -a "$kept/$overlay/metadata.db" "$root/$overlay/"
    # Last, because it tells that the rest is there.
    cp -a "$kept/io.containerd.metadata.v1.bolt" "$root/"
fi

# Pods get the time to end in good order when the machine goes off, and do not hold it up beyond that:
# containerd would leave them running, and systemd knows nothing of them.
put /etc/systemd/system/clusterdojo-pods.service "# clusterdojo: Kubernetes
[Unit]
Description=Ends the containers of pods when the machine goes off
After=containerd.service network.target
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh /etc/clusterdojo/end-pods.sh
TimeoutStopSec=20

[Install]
WantedBy=multi-user.target"
put /etc/clusterdojo/end-pods.sh "# clusterdojo: Kubernetes
$END_PODS"
# `enable` would have systemd read everything anew each time, which takes longer than all the rest.
# shellcheck disable=SC2086 # lists of words
begin() {
    systemctl --quiet --no-reload enable $units
    if systemctl show --property=NeedDaemonReload $units | grep -q yes; then systemctl daemon-reload; fi
    # systemd counts restarts, and would refuse one that comes soon after others.
    systemctl reset-failed $units 2>/dev/null || true
    { [ -z "$anew" ] || systemctl try-restart $anew; } && systemctl start $units
}
if [ -n "$changed" ]; then anew="$anew containerd.service"; fi
if ! begin; then
    for unit in $units; do
        systemctl --quiet is-active "$unit" || journalctl --no-pager --quiet --output=cat --unit="$unit" --lines=20 >&2
    done
    exit 1
fi
