#!/bin/sh
# The certificate expires by which the API server proves to kubelets who it is: `kubectl logs` and `exec` fail, all
# else goes on.
set -eu
here=$(dirname "$0")
pki=/etc/kubernetes/pki
cert=$pki/apiserver-kubelet-client.crt
key=$pki/apiserver-kubelet-client.key

# It reads its certificates when it starts, and kubelet starts again whatever ends.
restart() {
    for container in $(ctr --namespace k8s.io containers ls -q \
        'labels."io.kubernetes.container.name"==kube-apiserver' 2>/dev/null); do
        ctr --namespace k8s.io tasks kill --signal SIGTERM "$container" 2>/dev/null || true
    done
}

# put_back: what was there, unless it was renewed meanwhile.
put_back() {
    if [ -e "$here/before.crt" ] && cmp -s "$cert" "$here/ours.crt"; then
        cp -p "$here/before.crt" "$cert"
    else
        return 1
    fi
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
    if put_back; then
        restart
    fi
    ;;
boot) put_back || true ;;
esac
