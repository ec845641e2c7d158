#!/bin/sh
# Undoes the fault in whose folder it lies, and leaves no trace of it. It is run by hand, by a timer, and with the
# argument `boot` when the machine starts.
set -eu

undo() {
    folder=$1
    name=${folder##*/}
    units=/etc/systemd/system
    unit=clusterdojo-fault-$name
    exec 9>/run/clusterdojo-faults.lock
    flock 9
    # Another one was faster.
    [ -e "$folder/fault.sh" ] || return 0
    sh "$folder/fault.sh" "$2"
    systemctl stop "$unit.timer" 2>/dev/null || true
    rm -f "$units/multi-user.target.wants/$unit-boot.service" \
        "$units/timers.target.wants/$unit.timer" "/var/lib/systemd/timers/stamp-$unit.timer" \
        "$units/$unit.timer" "$units/$unit.service" "$units/$unit-boot.service"
    # The file that says that there is a fault goes first, should this be cut short.
    rm -f "$folder/about"
    rm -rf "$folder"
    rmdir --ignore-fail-on-non-empty "${folder%/*}" /etc/clusterdojo 2>/dev/null || true
    systemctl daemon-reload
    systemctl reset-failed "$unit.service" 2>/dev/null || true
}

# In a function, because its own file goes.
undo "$(cd "$(dirname "$0")" && pwd)" "${1:-undo}"
exit
