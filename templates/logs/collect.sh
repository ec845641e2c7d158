#!/bin/sh
# Prints one part of what a machine knows of its own state, and changes nothing.
#
# PART   journal, follow (the same as it is written, until nobody reads it any more), units, containers, network, kernel or system
# UNITS  whose journal: names of systemd units
# SINCE  from when on, as journalctl has it; empty for all
# LINES  the most lines of a journal; the newest ones
set -uf
: "${PART:?}" "${UNITS?}" "${SINCE?}" "${LINES:?}"

# show COMMAND…: runs it under its own name. That it fails is an answer too.
show() {
    printf '$ %s\n' "$*"
    timeout "$((15 * ${PATIENCE:-1}))" "$@" 2>&1 || printf '(it ended with status %s)\n' "$?"
    echo
}

# if_there COMMAND…: the same, where there is such a command.
if_there() {
    if command -v "$1" >/dev/null 2>&1; then
        show "$@"
    fi
}

case $PART in
journal | follow)
    set --
    for unit in $UNITS; do
        set -- "$@" --unit="$unit"
    done
    read_journal() {
        journalctl --no-pager --quiet --utc --output=short-iso-precise "$@"
    }
    if [ "$PART" = follow ]; then
        # What was written before and what comes are read one after the other: where there is nothing yet,
        # `journalctl --follow --lines` passes over what comes first.
        now=@$(date +%s.%6N)
        read_journal --lines="$LINES" ${SINCE:+--since="$SINCE"} --until="$now" "$@" || exit
        read_journal --no-tail --follow --since="$now" "$@"
    else
        read_journal --lines="$LINES" ${SINCE:+--since="$SINCE"} "$@"
    fi
    ;;
units)
    show systemctl --no-pager --failed
    show systemctl --no-pager list-jobs
    ;;
containers)
    if_there docker info
    if_there docker ps --all
    if [ "$(docker info --format '{{.Swarm.ControlAvailable}}' 2>/dev/null)" = true ]; then
        show docker node ls
        show docker service ls
    fi
    if [ -d /etc/kubernetes ]; then
        if_there ctr --namespace k8s.io tasks list
        if_there ctr --namespace k8s.io images list --quiet
    fi
    if [ -e /etc/kubernetes/admin.conf ]; then
        if_there kubectl --kubeconfig=/etc/kubernetes/admin.conf get nodes,pods,services \
            --all-namespaces --output=wide
        if_there kubectl --kubeconfig=/etc/kubernetes/admin.conf get events --all-namespaces
    fi
    ;;
network)
    show ip address
    show ip route
    if_there ss -ltnu
    ;;
kernel)
    printf '$ dmesg\n'
    dmesg --time-format iso 2>&1 | tail -n 500
    ;;
system)
    show cat /etc/os-release
    show uname -a
    show uptime
    show df -h
    if_there free -m
    ;;
*)
    echo "there is no part $PART" >&2
    exit 2
    ;;
esac
