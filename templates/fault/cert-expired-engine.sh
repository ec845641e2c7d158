#!/bin/sh
# The engine proves who it is by a certificate that has expired. Machines of a swarm have others among themselves.
#
# CERT, KEY  a certificate that has expired, and its key
set -eu
: "${CERT:?}" "${KEY:?}"
here=$(dirname "$0")
tls=/etc/docker/clusterdojo

# An engine reads its certificate when it starts. Whoever starts one several times in a minute is refused otherwise.
restart() {
    systemctl reset-failed docker.service 2>/dev/null || true
    systemctl restart docker.service
}

# put_back: what was there, unless the engine was given another one meanwhile.
put_back() {
    if [ -e "$here/server-key.pem" ] && [ "$(cat "$tls/server.pem")" = "$CERT" ]; then
        cp -p "$here/server-key.pem" "$tls/server-key.pem"
        cp -p "$here/server.pem" "$tls/server.pem"
    else
        return 1
    fi
}

case ${1:?} in
check)
    if [ ! -e "$tls/server.pem" ]; then
        echo "its engine has no certificate of the cluster's"
    elif ! systemctl --quiet is-active docker.service; then
        echo "docker does not run there"
    fi
    ;;
apply)
    cp -p "$tls/server.pem" "$tls/server-key.pem" "$here/"
    # In this order, so that what is cut short in between is put back as well.
    printf '%s\n' "$CERT" >"$tls/server.pem"
    printf '%s\n' "$KEY" >"$tls/server-key.pem"
    restart
    ;;
undo)
    if put_back; then
        # One that somebody has stopped stays so.
        if systemctl --quiet is-active docker.service || systemctl --quiet is-failed docker.service; then
            restart
        fi
    fi
    ;;
boot) put_back || true ;;
esac
