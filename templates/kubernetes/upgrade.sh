#!/bin/sh
# Has kubeadm bring this node to the release that kubeadm itself is of; kubelet stays as it is.
#
# VERB     apply on the control plane that begins, node on all others
# RELEASE  the release, as in v1.33.2
# IGNORE   preflight errors to ignore, separated by commas
set -eu
: "${VERB:?}" "${RELEASE:?}" "${IGNORE:?}"

admin=/etc/kubernetes/admin.conf
log=/var/log/clusterdojo-kubeadm.log

# A run that lost its connection goes on by itself; two at once would spoil each other's work.
exec 9>/run/clusterdojo-kubeadm.lock
if ! flock --timeout "$((600 * ${PATIENCE:-1}))" 9; then
    echo "another kubeadm is still at work" >&2
    exit 1
fi

# On a control plane kubeadm waits for a kubelet that has other work than to hurry; begun anew, it does at once what it
# would do later.
hurry() {
    manifests=/etc/kubernetes/manifests answered=yes
    seen=$(ls -i "$manifests")
    while sleep 0.5; do
        # Pods from other files are begun 10 s or more after those before them have ended.
        if [ "$(ls -i "$manifests")" != "$seen" ] && away=$(programs_away) && [ -n "$away" ]; then
            seen=$(ls -i "$manifests")
            # Without any etcd the API server has kubelet wait half a minute for each answer, before it begins etcd.
            case $away in
            *etcd*) if is_alone; then pkill -KILL -x kube-apiserver || true; fi ;;
            esac
            systemctl restart kubelet.service
        fi
        # What it could not tell the API is told again after a minute.
        if ! curl --silent --insecure --noproxy '*' --max-time 2 https://127.0.0.1:6443/readyz | grep -qx ok; then
            answered=
        elif [ -z "$answered" ]; then
            answered=yes
            systemctl restart kubelet.service
        fi
    done
}

# programs_away: prints which programs of a control plane do not run. The kernel knows 15 letters of their names.
programs_away() {
    for program in etcd kube-apiserver kube-controller kube-scheduler; do
        pgrep -x "$program" >/dev/null || echo "$program"
    done
}

# is_alone: whether the API is here and nowhere else.
is_alone() {
    server=$(sed -n 's|^ *server: https://\(.*\):[0-9]*$|\1|p' /etc/kubernetes/kubelet.conf)
    ip -oneline address show to "$server" | grep -q .
}

upgrade() {
    if [ "$VERB" = apply ]; then
        kubeadm upgrade plan "$RELEASE" --ignore-preflight-errors "$IGNORE" &&
            kubeadm upgrade apply "$RELEASE" --yes --ignore-preflight-errors "$IGNORE"
    else
        kubeadm upgrade node --ignore-preflight-errors "$IGNORE"
    fi
}
guard=
if [ -e "$admin" ]; then
    hurry >/dev/null 2>&1 9>&- &
    guard=$!
fi
# kubelet of another minor release starts all that runs on its node anew when it begins itself, the API server among
# it. That may be under way.
wait_for_api() {
    kubeconfig=$admin
    if [ ! -e "$kubeconfig" ]; then kubeconfig=/etc/kubernetes/kubelet.conf; fi
    waits=$((120 * ${PATIENCE:-1}))
    until kubectl --kubeconfig "$kubeconfig" --request-timeout 5s get --raw /readyz >/dev/null 2>&1; do
        waits=$((waits - 1))
        if [ "$waits" -eq 0 ]; then return; fi
        sleep 1
    done
}
failed=
tries=5
while :; do
    wait_for_api
    if upgrade >"$log" 2>&1; then break; fi
    tries=$((tries - 1))
    # Doing it again does what is left to do. An API server that has just begun knows nobody's rights yet, and nodes
    # are not ready until they have told it.
    if [ "$tries" -eq 0 ] || ! grep -q -e 'connection refused' -e 'connection reset' -e ': EOF' \
        -e 'is forbidden: User' -e 'NotReady' -e 'did not complete' -e 'deadline exceeded' \
        -e 'timed out' -e 'Timeout' "$log"; then
        failed=yes
        break
    fi
    sleep 2
done
if [ -n "$guard" ]; then kill "$guard" 2>/dev/null || true; fi
if [ -n "$failed" ]; then
    # Without the stack that it prints of some errors.
    grep -v -E -e 'token|^[[:space:]]|^[^ ]+\(.*\)$' "$log" | tail -n 12 >&2
    exit 1
fi
