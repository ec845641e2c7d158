#!/bin/sh
# The machine and the others of its cluster do not reach each other any more; neither do containers and pods on
# either side. SSH goes on everywhere, and so does all that comes from elsewhere.
#
# PEERS  the addresses of the other machines
set -eu
: "${PEERS:?}"
chain=CLUSTERDOJO-FAULT

# What is behind the others: the networks that are routed by way of them.
behind() {
    ip route show | while read -r network via peer _; do
        if [ "$via" = via ] && [ "$network" != default ]; then
            case " $PEERS " in *" $peer "*) echo "$network" ;; esac
        fi
    done
}

# The ports of sshd; a machine may be the way to another.
doors() {
    { sshd -T 2>/dev/null || /usr/sbin/sshd -T 2>/dev/null || true; } | sed -n 's/^port //p'
    echo 22
}

gone() {
    for from in INPUT OUTPUT FORWARD; do
        while iptables -w -D "$from" -j "$chain" 2>/dev/null; do :; done
    done
    iptables -w -F "$chain" 2>/dev/null || true
    iptables -w -X "$chain" 2>/dev/null || true
}

case ${1:?} in
check)
    case $PEERS in *:*) echo "it is for addresses of IPv4 only" && exit ;; esac
    if ! command -v iptables >/dev/null; then
        echo "there is no iptables"
    elif ! iptables -w -S INPUT >/dev/null 2>&1; then
        echo "iptables does not work there"
    fi
    ;;
apply)
    gone
    iptables -w -N "$chain"
    for port in $(doors | sort -u); do
        iptables -w -A "$chain" -p tcp --dport "$port" -j RETURN
        iptables -w -A "$chain" -p tcp --sport "$port" -j RETURN
    done
    for network in $PEERS $(behind); do
        iptables -w -A "$chain" -s "$network" -j DROP
        iptables -w -A "$chain" -d "$network" -j DROP
    done
    for from in INPUT OUTPUT FORWARD; do
        iptables -w -I "$from" -j "$chain"
    done
    ;;
undo) gone ;;
# The kernel forgets them.
boot) ;;
esac
