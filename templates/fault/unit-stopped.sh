#!/bin/sh
# A service is stopped, as `systemctl stop` does it. What it has started may run on.
#
# VARIANT  which service: docker, containerd, kubelet
set -eu
: "${VARIANT:?}"
ran=$(dirname "$0")/ran

case ${1:?} in
check)
    systemctl --quiet is-active "$VARIANT.service" || echo "$VARIANT does not run there"
    ;;
apply)
    # Some stop with others. And a socket would start its service again at the first connection.
    if [ ! -e "$ran" ]; then
        for unit in containerd.service docker.socket docker.service kubelet.service; do
            ! systemctl --quiet is-active "$unit" || echo "$unit"
        done >"$ran.new"
        mv "$ran.new" "$ran"
    fi
    if [ "$VARIANT" = docker ] && systemctl --quiet is-active docker.socket; then
        systemctl --quiet stop docker.socket
    fi
    systemctl --quiet stop "$VARIANT.service"
    ;;
undo)
    # A host of somebody's that was stopped meanwhile stays so; `dojo start` starts these there.
    if [ -e "$ran" ] && [ ! -e /etc/clusterdojo/stopped ]; then
        # Whoever starts a service several times in a minute is refused otherwise.
        # shellcheck disable=SC2046 # one word for each unit
        systemctl reset-failed $(cat "$ran") 2>/dev/null || true
        # shellcheck disable=SC2046 # one word for each unit
        systemctl start $(cat "$ran")
    fi
    ;;
# It starts by itself.
boot) ;;
esac
