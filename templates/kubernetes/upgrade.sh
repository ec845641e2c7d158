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

# kubeadm before 1.32 asks crictl for images. They are here already, so it is enough that something
# answers; /run and /tmp may be places that nothing is executed from.
tools=/usr/lib/clusterdojo/upgrade
trap 'rm -rf "$tools"' EXIT
if ! command -v crictl >/dev/null 2>&1; then
    mkdir -p "$tools"
    cat >"$tools/crictl" <<'SCRIPT'
#!/bin/sh
# crictl … inspecti IMAGE; nothing else is understood.
while [ $# -gt 1 ]; do
    if [ "$1" = inspecti ]; then
        [ -n "$(ctr --namespace k8s.io images ls -q "name==$2")" ]
        exit
    fi
    shift
done
exit 1
SCRIPT
    chmod 755 "$tools/crictl"
    PATH=$tools:$PATH
fi

# A cluster that went without CoreDNS goes on without it.
if [ -e "$admin" ] &&
    [ -z "$(kubectl --kubeconfig "$admin" --namespace kube-system get configmap coredns \
        --ignore-not-found --output name)" ]; then
    IGNORE=$IGNORE,CoreDNSUnsupportedPlugins,CoreDNSMigration,ImagePull
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
failed=
upgrade >"$log" 2>&1 || failed=yes
if [ -n "$guard" ]; then kill "$guard" 2>/dev/null || true; fi
if [ -n "$failed" ]; then
    grep -v -e token "$log" | tail -n 12 >&2
    exit 1
fi
