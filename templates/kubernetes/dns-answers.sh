#!/bin/sh
# Waits until the cluster's DNS answers where the pods of this machine ask it: at the address of its service. Prints
# "none" where it finds that there is to be no DNS, which only a control plane can find.
#
# ADDRESS  of the service
set -eu
: "${ADDRESS:?}"

# How long an answer may take, in seconds.
moment=0.2
if [ "${PATIENCE:-1}" -gt 1 ]; then moment=$PATIENCE; fi
# answers: asks for the address of kubernetes.default.svc.cluster.local (RFC 1035, 4.1). The eighth byte of what
# comes back is the number of answers in it.
answers() {
    count=$(printf '\001\002\001\000\000\001\000\000\000\000\000\000%b' \
        '\012kubernetes\007default\003svc\007cluster\005local\0000\0000\0001\0000\0001' |
        socat -t "$moment" - "UDP4:$ADDRESS:53" 2>/dev/null | od -An -tu1 -j7 -N1)
    [ "${count:-0}" -gt 0 ]
}
# ask ARGUMENT…: asks the API, as the administrator, whose credentials workers do not have.
admin=/etc/kubernetes/admin.conf
ask() { kubectl --kubeconfig "$admin" --namespace kube-system get "$@"; }
# wanted: whether there is to be one. A learner may have taken it away, or have put something else there.
wanted() {
    [ -e "$admin" ] || return 0
    replicas=$(ask deployment coredns --ignore-not-found --output 'jsonpath={.spec.replicas}')
    [ "${replicas:-0}" -gt 0 ]
}

tries=0
until answers; do
    tries=$((tries + 1))
    if [ "$((tries % 50))" -eq 0 ] && ! wanted; then
        echo none
        exit 0
    fi
    if [ "$tries" -ge "$((600 * ${PATIENCE:-1}))" ]; then
        echo "nobody answers at $ADDRESS, port 53: names of services are not known to pods of this machine" >&2
        if [ -e "$admin" ]; then ask pods --selector 'k8s-app in (kube-dns, kube-proxy)' --output wide >&2; fi
        exit 1
    fi
    sleep 0.1
done
