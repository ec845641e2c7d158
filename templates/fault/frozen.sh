#!/bin/sh
# A program is frozen by SIGSTOP: it is there, its sockets are open, and it does not answer.
#
# VARIANT  which program: dockerd, kubelet, etcd
set -eu
: "${VARIANT:?}"

programs() {
    case $VARIANT in
    dockerd) systemctl show --property MainPID --value docker.service ;;
    kubelet) systemctl show --property MainPID --value kubelet.service ;;
    # The one of the control plane; pods of users may have others.
    etcd) pgrep -f '^etcd .*--data-dir=/var/lib/etcd' || true ;;
    esac | grep -vx 0 || true
}

case ${1:?} in
check)
    [ -n "$(programs)" ] || echo "$VARIANT does not run there"
    ;;
apply)
    # shellcheck disable=SC2046 # one word for each process
    kill -STOP $(programs)
    ;;
undo)
    # Whatever was started anew meanwhile does not mind.
    programs | while read -r process; do kill -CONT "$process" 2>/dev/null || true; done
    ;;
# None survives.
boot) ;;
esac
