#!/bin/sh
# Runs kubeadm, and tells in kubelet's own words why it failed.
#
# VERB    init or join
# CONFIG  kubeadm's configuration; it holds the token
set -eu
umask 077
: "${VERB:?}" "${CONFIG:?}"

# The way to the internet, where it leads through proxies; kubeadm passes it on to the control plane.
if [ -r /etc/clusterdojo/proxy.env ]; then
    set -a
    # shellcheck source=/dev/null
    . /etc/clusterdojo/proxy.env
    set +a
fi

directory=/etc/kubernetes
member=$directory/clusterdojo-member
log=/var/log/clusterdojo-kubeadm.log
config=/run/clusterdojo-kubeadm.yaml

# A run that lost its connection goes on by itself; two at once would spoil each other's work.
exec 9>/run/clusterdojo-kubeadm.lock
if ! flock --timeout "$((600 * ${PATIENCE:-1}))" 9; then
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
    timeout "$((120 * ${PATIENCE:-1}))" kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock \
        >"$log" 2>&1 || true
    systemctl --quiet stop kubelet.service
    # What kubeadm could not end; etcd among it would keep its port.
    sh /etc/clusterdojo/end-pods.sh >>"$log" 2>&1 || true
    rm -rf "$directory/manifests" "$directory/pki" "$directory"/*.conf /var/lib/etcd
fi

printf '%s\n' "$CONFIG" >"$config"
set -- "$VERB" --config "$config"
if [ "$VERB" = init ]; then
    # What it prints is kept. And kubelet-finalize begins kubelet anew, just when that has the first pods to start; the
    # cluster's DNS is begun later.
    set -- "$@" --skip-token-print --skip-phases kubelet-finalize,addon/coredns
fi
[ -e /etc/systemd/system/multi-user.target.wants/kubelet.service ] ||
    systemctl --quiet --no-reload enable kubelet.service
# kubelet watches only a directory that exists when it begins, and looks for one that comes later every 20 s. On a worker
# kubeadm does not make it.
mkdir -p "$directory/manifests"
# All that kubeadm does here.
run() {
    kubeadm "$@" || return
    if [ "$VERB" = init ]; then
        # The rest of what kubelet-finalize does: kubelet renews its certificate by itself, and finds it there.
        current=/var/lib/kubelet/pki/kubelet-client-current.pem
        [ -e "$current" ] || return
        sed -i "s|\(client-certificate\|client-key\)-data: .*|\1: $current|" "$directory/kubelet.conf"
    fi
}
# kubeadm waits minutes for a kubelet that ends over and over again, and has no end for some waits. Whoever waits for
# the lock does not wait for this.
watch_over() {
    rounds=0
    while sleep 2; do
        rounds=$((rounds + 1))
        restarts=$(systemctl show --property=NRestarts --value kubelet.service)
        if [ "$restarts" -ge 6 ] || [ "$rounds" -gt "$((450 * ${PATIENCE:-1}))" ]; then
            pkill -P "$1" -x kubeadm
        fi
    done
}
# is_served: whether the API server of this control plane is ready.
is_served() {
    curl --silent --insecure --noproxy '*' --max-time "$((2 * ${PATIENCE:-1}))" https://127.0.0.1:6443/readyz |
        grep -qx ok
}
# On a control plane kubelet asks the API server that it has to start itself, in vain at first, and then more and more
# rarely. Begun anew once there is an answer, it asks at once.
nudge() {
    until is_served; do sleep 0.2; done
    systemctl restart kubelet.service
}
# What an API server has not done a minute after its start it never does: it ends ("PostStartHook" in its log). Where all
# takes long, those that ask it meanwhile would keep it from that over and over again, so they wait.
hold_back() {
    until is_served; do
        signal_clients STOP
        sleep 1
    done
    signal_clients CONT
}
# Names of processes have 15 letters.
signal_clients() { pkill "-$1" -x 'kube-controller|kube-scheduler' || true; }
run "$@" >"$log" 2>&1 &
work=$!
watch_over "$work" >/dev/null 2>&1 9>&- &
guards=$!
joins='' leads=''
if [ "$VERB" = init ]; then
    leads=yes
elif grep -q '^controlPlane:' "$config"; then
    joins=yes leads=yes
fi
if [ -n "$joins" ]; then
    nudge >/dev/null 2>&1 9>&- &
    guards="$guards $!"
fi
held=
if [ -n "$leads" ] && [ "${PATIENCE:-1}" -gt 1 ]; then
    held=yes
    hold_back >/dev/null 2>&1 9>&- &
    guards="$guards $!"
fi
failed=
wait "$work" || failed=yes
# shellcheck disable=SC2086 # a list of words
kill $guards 2>/dev/null || true
if [ -n "$held" ]; then signal_clients CONT; fi
if [ -n "$failed" ]; then
    grep -v -e '^\[preflight\] Pulling' -e 'token' "$log" | tail -n 12 >&2
    # It does not say who has a port that it wants.
    sed -n 's/.*\[ERROR Port-\([0-9]*\)\].*/\1/p' "$log" | while read -r port; do
        echo "port $port is in use on this machine: $(ss -Hltnp "sport = :$port")" >&2
    done
    said=$(journalctl --no-pager --quiet --output=cat --unit=kubelet.service --lines=200 |
        grep -E '^[EF][0-9]{4} |level=(error|fatal)|[Ff]ailed|unknown flag' | tail -n 6) || true
    if [ -n "$said" ]; then
        printf 'kubelet says:\n%s\n' "$said" >&2
    fi
    exit 1
fi
: >"$member"
