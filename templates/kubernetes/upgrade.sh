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

# Which release the API server here is of.
serves() {
    curl --silent --insecure --noproxy '*' --max-time 2 https://127.0.0.1:6443/version |
        grep -q "\"$RELEASE\""
}
# kubelet could not tell an API server that was being replaced of its new pod, and tries again only after
# a minute; begun anew, it tells at once.
nudge() {
    until serves; do sleep 1; done
    systemctl restart kubelet.service
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
if [ -e "$admin" ] && ! serves; then
    nudge >/dev/null 2>&1 9>&- &
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
    # Doing it again does what is left to do.
    if [ "$tries" -eq 0 ] || ! grep -q -e 'connection refused' -e 'connection reset' -e ': EOF' "$log"; then
        failed=yes
        break
    fi
done
if [ -n "$guard" ]; then kill "$guard" 2>/dev/null || true; fi
if [ -n "$failed" ]; then
    grep -v -e token "$log" | tail -n 12 >&2
    exit 1
fi
