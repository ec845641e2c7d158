#!/bin/sh
# All that the machine sends is a fifth of a second late, and one packet of a hundred is lost.
#
# PEERS  the addresses of the other machines, which tell by what device they are reached
set -eu
: "${PEERS:?}"

device=$(ip route get "${PEERS%% *}" | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
slow="netem delay 200ms 20ms loss 1%"

case ${1:?} in
check)
    if ! command -v tc >/dev/null; then
        echo "there is no tc"
    # Tried where nobody is slowed by it.
    elif ! unshare --net tc qdisc add dev lo root netem delay 1ms 2>/dev/null; then
        echo "its kernel has no sch_netem"
    elif ! tc qdisc show dev "$device" root | grep -q ' 0: '; then
        echo "$device has another queueing discipline of its own"
    fi
    ;;
apply)
    # shellcheck disable=SC2086 # words
    tc qdisc replace dev "$device" root $slow
    ;;
undo)
    if tc qdisc show dev "$device" root | grep -q netem; then
        tc qdisc del dev "$device" root
    fi
    ;;
# The kernel forgets it.
boot) ;;
esac
