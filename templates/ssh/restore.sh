#!/bin/sh
# Gives a host back as it was: membership, certificates, settings, keys and the mark go, in this order, so
# that a run that was cut short is found again by its mark and completed.
#
# CLUSTER_ID     whose mark it must be; empty: anybody's
# REMOVE_DOCKER  yes: also packages that came with the cluster
#
# places.sh goes ahead of it.
set -eu
umask 022
: "${CLUSTER_ID?}" "${REMOVE_DOCKER?}"
: "${directory:?}" "${claim:?}" "${before:?}" "${overwritten:?}" "${made:?}" "${hollow:?}"

one_at_a_time 600
if [ ! -e "$claim" ]; then
    exit 0
fi
# What was being installed when a connection broke comes to its end by itself.
exec 8>/run/clusterdojo-apt.lock 7>/run/clusterdojo-kubeadm.lock
if ! flock --timeout 900 8 || ! flock --timeout 600 7; then
    echo "an installation is still at work on this host" >&2
    exit 1
fi
if [ -n "$CLUSTER_ID" ] && ! grep -qF "\"$CLUSTER_ID\"" "$claim"; then
    echo "another cluster has claimed this host since" >&2
    exit 1
fi

# Faults that somebody has made on purpose end first.
for undo in "$directory"/faults/*/undo.sh; do
    [ ! -e "$undo" ] || sh "$undo" || true
done

had() { grep -qsxF "$1" "$before/present"; }
was_empty() { grep -qsxF "$1" "$before/empty"; }
# remove PATH: removes what was not there before.
remove() {
    if was_empty "$1"; then
        find "$1" -xdev -mindepth 1 -delete 2>/dev/null || true
    elif ! had "$1"; then
        rm -rf "${1:?}" 2>/dev/null || true
    fi
}
# was UNIT STATE: whether a service was enabled, or active.
was() { grep -qs "^$1 .*\b$2\b" "$before/services"; }
has() { command -v "$1" >/dev/null 2>&1; }
active() { systemctl --quiet is-active "$1" 2>/dev/null; }

# --- Kubernetes -----------------------------------------------------------------------------------

if has kubeadm && ! had /etc/kubernetes; then
    active containerd.service || systemctl start containerd.service || true
    # A cluster that does not answer any more must not hold it up.
    rm -f /etc/kubernetes/admin.conf
    timeout 180 kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock \
        >/var/log/clusterdojo-kubeadm.log 2>&1 || true
fi
for unit in kubelet.service /etc/systemd/system/clusterdojo-*.service; do
    unit=${unit##*/}
    if [ -e "/etc/systemd/system/$unit" ] || active "$unit"; then
        was "$unit" active || systemctl --quiet disable --now "$unit" 2>/dev/null || true
    fi
done
if [ -e "$directory/end-pods.sh" ] && active containerd.service; then
    sh "$directory/end-pods.sh" >/dev/null 2>&1 || true
fi

# --- Docker ---------------------------------------------------------------------------------------

if has dockerd; then
    # Only an engine that runs can leave a swarm in good order and say what it has.
    active docker.service || timeout 90 systemctl start docker.service 2>/dev/null || true
    # gone LIST COMMAND…: what a command lists now and a list of then has not.
    gone() {
        list=$before/$1
        shift
        [ -e "$list" ] || return 0
        "$@" 2>/dev/null | sort -u | comm -13 "$list" -
    }
    node=$(swarm_node)
    if [ -n "$node" ] && [ "$node" != "$(cat "$before/swarm" 2>/dev/null)" ]; then
        timeout 60 docker swarm leave --force >/dev/null 2>&1 || true
    elif [ -n "$node" ] && [ -e "$before/nodes" ]; then
        # A swarm of its own goes on without those that have joined since. Several of them may be leaving
        # at this moment, and changes that cross each other fail.
        for _ in 1 2 3 4 5; do
            gone nodes docker node ls -q | xargs -r docker node rm --force >/dev/null 2>&1 || true
            docker node update --label-rm io.clusterdojo.machine "$node" >/dev/null 2>&1 || true
            case $(docker node inspect --format '{{json .Spec.Labels}}' self 2>/dev/null) in
            *io.clusterdojo.machine*) sleep 1 ;;
            *) break ;;
            esac
        done
    fi
    # A host that was adopted with data of its own keeps all of it: nobody can tell what is whose.
    if active docker.service && [ -e "$before/containers" ] &&
        [ ! -s "$before/containers" ] && [ ! -s "$before/volumes" ]; then
        gone containers docker container ls -aq --no-trunc | xargs -r docker container rm -fv >/dev/null 2>&1 || true
        gone volumes docker volume ls -q | xargs -r docker volume rm -f >/dev/null 2>&1 || true
        gone images docker image ls -aq --no-trunc | xargs -r docker image rm -f >/dev/null 2>&1 || true
    fi
    if active docker.service; then
        # A network that something of the host's owner uses by now stays.
        gone networks docker network ls -q --no-trunc | xargs -r -n 1 docker network rm >/dev/null 2>&1 || true
    fi
fi

# --- services and files ---------------------------------------------------------------------------

for unit in docker.service docker.socket containerd.service haproxy.service; do
    # Restarted below if it ran, with its own configuration.
    if active "$unit" || systemctl --quiet is-enabled "$unit" 2>/dev/null; then
        systemctl --quiet stop "$unit" 2>/dev/null || true
        was "$unit" enabled || systemctl --quiet disable "$unit" 2>/dev/null || true
    fi
done
# What the kernel still holds of containers that are gone.
awk '$2 ~ "^/var/lib/(docker|containerd|kubelet)/|^/run/(docker|containerd|netns)/" { print $2 }' /proc/mounts |
    sort -r | while read -r mounted; do umount -l "$mounted" 2>/dev/null || true; done

rm -rf /etc/docker/clusterdojo /usr/lib/clusterdojo /var/log/clusterdojo-* /run/clusterdojo-apt.* /run/clusterdojo-kubeadm* /run/clusterdojo-faults.lock \
    /etc/systemd/system/*.service.d/*-clusterdojo*.conf /etc/systemd/system/clusterdojo-*.service \
    /etc/modules-load.d/clusterdojo.conf /etc/sysctl.d/90-clusterdojo.conf /etc/tmpfiles.d/clusterdojo.conf \
    /etc/apt/sources.list.d/clusterdojo-*.list /etc/apt/keyrings/clusterdojo-*
# What a package brought that came later than our look.
if [ -e /etc/containerd/config.toml.before-clusterdojo ]; then
    mv /etc/containerd/config.toml.before-clusterdojo /etc/containerd/config.toml
fi
if grep -qs '^# clusterdojo: ' /usr/sbin/policy-rc.d; then
    rm -f /usr/sbin/policy-rc.d
fi
if grep -qs '^# clusterdojo: ' /etc/fstab; then
    sed -i 's/^# clusterdojo: //' /etc/fstab
fi
if [ -e "$before/swap" ]; then swapon -a || true; fi

if [ "$REMOVE_DOCKER" = yes ] && [ -e "$before/packages" ]; then
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
    # It may have been cut short in the middle of a package.
    dpkg --configure -a >/dev/null 2>&1 || true
    new=$(dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n' | sed -n 's/^.i. *//p' | sort |
        comm -13 "$before/packages" -)
    # is_new PACKAGE; names may have an architecture behind them.
    is_new() { printf '%s\n' "$new" | grep -qx "$1\(:.*\)\{0,1\}"; }
    ours=
    for package in docker.io docker-cli docker-ce docker-ce-cli docker-ce-rootless-extras \
        docker-buildx-plugin docker-compose-plugin containerd containerd.io iptables ca-certificates curl \
        conntrack ethtool socat haproxy kubelet kubeadm kubectl cri-tools kubernetes-cni; do
        if is_new "$package"; then ours="$ours $package"; fi
    done
    if [ -n "$ours" ]; then
        # Nothing that the owner has installed since and that needs one of these may go with them. So
        # they are only declared unwanted, and go if nobody needs them.
        # shellcheck disable=SC2086 # a list of words
        apt-mark unhold $ours >/dev/null 2>&1 || true
        # shellcheck disable=SC2086
        apt-mark auto $ours >/dev/null
        unneeded=
        for package in $(apt-get -s -o APT::AutoRemove::RecommendsImportant=false \
            -o APT::AutoRemove::SuggestsImportant=false autoremove | sed -n 's/^Remv \([^ ]*\).*/\1/p'); do
            if is_new "$package"; then unneeded="$unneeded $package"; fi
        done
        if [ -n "$unneeded" ]; then
            # shellcheck disable=SC2086
            apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 purge -y $unneeded \
                >/run/clusterdojo-apt.log 2>&1 || {
                tail -n 20 /run/clusterdojo-apt.log >&2
                exit 1
            }
            rm -f /run/clusterdojo-apt.log
        fi
    fi
    # Some shells remember where commands were.
    hash -r
    if ! has dockerd; then
        if [ ! -s "$before/docker-group" ]; then groupdel docker 2>/dev/null || true; fi
        had /etc/docker || rm -rf /etc/docker
        had /etc/containerd || rm -rf /etc/containerd
    fi
fi

for path in $overwritten; do
    if [ -e "$before/files$path" ]; then
        cmp -s "$before/files$path" "$path" || cp -p "$before/files$path" "$path"
    elif ! dpkg-query -S "$path" >/dev/null 2>&1; then
        had "$path" || rm -f "$path"
    fi
done
for path in $made; do
    # Data is never a package's: an engine that stays begins anew.
    case $path in
    /var/lib/*) remove "$path" ;;
    *) dpkg-query -S "$path" >/dev/null 2>&1 || remove "$path" ;;
    esac
done
for path in $hollow; do
    had "$path" || was_empty "$path" || rmdir "$path" 2>/dev/null || true
done

# --- network --------------------------------------------------------------------------------------

if ! was docker.service active; then
    for link in docker0 docker_gwbridge cni0 flannel.1; do
        ip link delete "$link" 2>/dev/null || true
    done
    ip route flush proto 179 2>/dev/null || true
    rm -rf /run/docker /run/docker.sock /run/docker.pid /run/containerd
    # Engines and kubelets leave their rules behind.
    if has iptables-save; then
        for command in iptables ip6tables; do
            ours='DOCKER|docker0|docker_gwbridge|KUBE-|CNI-|cni0|clusterdojo'
            if "$command-save" 2>/dev/null | grep -qE "$ours"; then
                "$command-save" | grep -vE "$ours" | "$command-restore" || true
            fi
        done
        policy=$(sed -n 's/^-P FORWARD //p' "$before/forward" 2>/dev/null)
        iptables -P FORWARD "${policy:-ACCEPT}" 2>/dev/null || true
    fi
    while IFS='=' read -r setting value; do
        sysctl -q -w "$setting=$value" 2>/dev/null || true
    done <"$before/kernel" || true
fi
systemctl daemon-reload
systemctl reset-failed docker.service containerd.service kubelet.service 2>/dev/null || true
while read -r unit enabled state; do
    if [ "$enabled" = enabled ]; then systemctl --quiet enable "$unit" 2>/dev/null || true; fi
    if [ "$state" = active ]; then systemctl start "$unit"; fi
done <"$before/services" || true

# --- keys and mark --------------------------------------------------------------------------------

file=$(cat "$before/keys-file" 2>/dev/null || true)
key=$(cat "$before/key" 2>/dev/null || true)
if [ -n "$key" ] && [ -n "$file" ] && grep -qsxF "$key" "$file"; then
    target=$(readlink -f "$file")
    cp -p "$target" "$target.clusterdojo"
    grep -vxF "$key" "$target" >"$target.clusterdojo" || true
    # Nothing but our line, and perhaps the end of the line before it, was added.
    if [ -e "$before/keys" ] && [ "$(cat "$before/keys")" = "$(cat "$target.clusterdojo")" ]; then
        cat "$before/keys" >"$target.clusterdojo"
    fi
    mv -T "$target.clusterdojo" "$target"
    if [ ! -e "$before/keys" ] && [ ! -s "$target" ]; then rm -f "$target"; fi
    if [ -e "$before/no-keys-directory" ]; then rmdir "${file%/*}" 2>/dev/null || true; fi
fi
rm -rf /var/lib/clusterdojo/volumes /var/lib/clusterdojo/watch /var/lib/clusterdojo/watch.* "$before"
rmdir /var/lib/clusterdojo 2>/dev/null || true
find "$directory" -mindepth 1 ! -path "$claim" -delete
rm -f "$claim"
rmdir "$directory" 2>/dev/null || true
