#!/bin/sh
# The certificate expires by which the API server proves to kubelets who it is: `kubectl logs` and `exec` fail, all
# else goes on. static-pods.sh goes ahead of it.
set -eu
here=$(dirname "$0")
pki=/etc/kubernetes/pki
cert=$pki/apiserver-kubelet-client.crt
key=$pki/apiserver-kubelet-client.key

# put_back: what was there, unless it was renewed meanwhile.
put_back() {
    put_back_manifests
    if [ -e "$here/before.crt" ] && cmp -s "$cert" "$here/ours.crt"; then
        cat "$here/before.crt" >"$cert"
    fi
}

# Whether an API server runs that has not read the certificate that is there: also of whoever has renewed it only.
is_stale() {
    changed=$(stat --format %Y "$cert")
    for process in $(pgrep -x kube-apiserver); do
        age=$(ps -o etimes= -p "$process") || continue
        if [ "$(($(date +%s) - age))" -le "$changed" ]; then return 0; fi
    done
    return 1
}

# Begins the API server anew, and waits until it knows what it has to know.
restart() {
    restart_static_pods kube-apiserver
    tries=$((60 * ${PATIENCE:-1}))
    until curl --silent --insecure --noproxy '*' --max-time 2 https://127.0.0.1:6443/readyz | grep -qx ok ||
        [ "$tries" -le 0 ]; do
        tries=$((tries - 1))
        sleep 0.5
    done
}

case ${1:?} in
check)
    if [ ! -e "$cert" ] || [ ! -e "$pki/ca.key" ]; then
        echo "kubeadm's certificates are not there"
    elif ! command -v openssl >/dev/null; then
        echo "there is no openssl"
    fi
    ;;
apply)
    cp -p "$cert" "$here/before.crt"
    echo extendedKeyUsage=clientAuth >"$here/extensions"
    # The same owner and key; good for no day at all.
    if ! openssl x509 -x509toreq -in "$cert" -signkey "$key" -out "$here/request" 2>"$here/said" ||
        ! openssl x509 -req -in "$here/request" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -days 0 \
            -set_serial "$(date +%s%N)" -extfile "$here/extensions" -out "$here/ours.crt" 2>>"$here/said"; then
        cat "$here/said" >&2
        exit 1
    fi
    cat "$here/ours.crt" >"$cert"
    # It must be over when the first connection is made.
    sleep 1
    restart
    ;;
undo)
    put_back
    if is_stale; then restart; fi
    ;;
boot) put_back ;;
esac
