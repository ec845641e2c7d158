#!/bin/sh
# Waits until the cluster's DNS answers where pods ask it: at the address of its service.
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
# wanted: whether there is to be one. A learner may have taken it away, or have put something else there.
wanted() {
    replicas=$(kubectl --kubeconfig /etc/kubernetes/admin.conf --namespace kube-system get deployment coredns \
        --ignore-not-found --output 'jsonpath={.spec.replicas}')
    [ "${replicas:-0}" -gt 0 ]
}

tries=0
until answers; do
    tries=$((tries + 1))
    if [ "$((tries % 50))" -eq 0 ] && ! wanted; then exit 0; fi
    if [ "$tries" -ge "$((600 * ${PATIENCE:-1}))" ]; then
        echo "nobody answers at $ADDRESS, port 53: names of services are not known to pods. CoreDNS:" >&2
        kubectl --kubeconfig /etc/kubernetes/admin.conf --namespace kube-system get pods \
            --selector k8s-app=kube-dns >&2
        exit 1
    fi
    sleep 0.1
done
