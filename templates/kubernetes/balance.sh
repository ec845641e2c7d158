#!/bin/sh
# Has the load balancer spread connections to the API over the control planes that are fit for them.
#
# PORT            on which it listens, and they do
# CONTROL_PLANES  lines of "name", "address"
set -eu
: "${PORT:?}" "${CONTROL_PLANES:?}"

file=/etc/haproxy/haproxy.cfg
servers=$(printf '%s\n' "$CONTROL_PLANES" | while read -r name address; do
    echo "    server $name $address:$PORT"
done)
wanted="# clusterdojo: spreads connections to the Kubernetes API over the control planes
global
    chroot /var/lib/haproxy
    user haproxy
    group haproxy

defaults
    # TLS is between the client and the API server; nothing is decrypted here.
    mode tcp
    # A machine that is off says nothing. Then the next one is tried.
    timeout connect 1s
    retries 3
    option redispatch 1
    timeout client 1m
    timeout server 1m
    # Watches and shells in pods last long and may be silent; kubelet ends those after 4 h.
    timeout tunnel 4h
    option clitcpka
    option srvtcpka

frontend api
    bind :$PORT
    default_backend control-planes

backend control-planes
    balance leastconn
    # An API server that runs but cannot reach etcd is of no use.
    option httpchk GET /readyz
    http-check expect status 200
    timeout check 5s
    default-server check check-ssl verify none inter 1s fastinter 500ms downinter 500ms fall 3 rise 1 on-marked-down shutdown-sessions
$servers"

if [ "$(cat "$file" 2>/dev/null)" != "$wanted" ]; then
    printf '%s\n' "$wanted" >"$file.new"
    haproxy -c -q -f "$file.new"
    mv "$file.new" "$file"
    if systemctl --quiet is-active haproxy.service; then
        systemctl reload haproxy.service
    fi
fi
if ! systemctl --quiet is-enabled haproxy.service 2>/dev/null; then
    systemctl --quiet enable haproxy.service
fi
if ! systemctl --quiet is-active haproxy.service; then
    if ! systemctl restart haproxy.service; then
        journalctl --no-pager --quiet --output=cat --unit=haproxy.service --lines=20 >&2
        exit 1
    fi
fi
