#!/bin/sh
# Says in one line why a machine does not answer on SSH. Says nothing while it boots, nor if nothing is seen.
#
# ADDRESS  the address that the machine should have
# RESTART  yes: starts sshd again instead, and says nothing unless that fails
set -eu
: "${ADDRESS:?}" "${RESTART?}"

if [ "$RESTART" = yes ]; then
    # A process that was stopped by a signal hears no other.
    systemctl kill --kill-whom=main --signal=KILL ssh.service 2>/dev/null || true
    systemctl reset-failed ssh.service 2>/dev/null || true
    if ! systemctl restart ssh.service 2>&1; then
        journalctl --no-pager --quiet --output=cat --unit=ssh.service --lines=5
        exit 1
    fi
    exit 0
fi

case $(systemctl is-system-running 2>/dev/null || true) in
running | degraded) ;;
*) exit 0 ;;
esac
if [ -z "$(ip -4 -oneline address show up to "$ADDRESS")" ]; then
    echo "no interface of it has the address $ADDRESS"
    exit 0
fi
state=$(systemctl show --property=ActiveState --value ssh.service)
process=$(systemctl show --property=MainPID --value ssh.service)
if [ "$state" != active ] || [ "$process" = 0 ]; then
    echo "its sshd is not running ($state)"
elif grep -q '^State:[[:space:]]*[Tt]' "/proc/$process/status"; then
    echo "its sshd was stopped by a signal"
fi
