#!/bin/sh
# Asks etcd on this control plane something, over its JSON gateway and with the certificates that kubeadm
# has made.
#
# CALL      what to ask for, as in `member/list`
# QUESTION  the question, as JSON
set -eu
: "${CALL:?}" "${QUESTION:?}"
cd /etc/kubernetes/pki/etcd

curl --silent --show-error --fail --max-time 10 --noproxy '*' \
    --cacert ca.crt --cert healthcheck-client.crt --key healthcheck-client.key \
    --data "$QUESTION" "https://127.0.0.1:2379/v3/cluster/$CALL"
