#!/bin/sh
# Writes down on a machine how a fault is undone, and has the machine do so by itself: when its time is over, and
# when it starts the next time. Nothing is broken yet. Prints one line:
#
#   armed SINCE UNTIL    in seconds since 1970
#   broken SINCE UNTIL   the fault is there already, and nothing was changed
#   no REASON            it cannot be made here, and nothing was changed
#
# FAULT  as users write it: unit-stopped:docker
# NAME   the same for files and units
# AFTER  after how many seconds it is undone
# WHAT   the script that makes the fault and undoes it, its inputs ahead of it
# UNDO   the script that undoes it and leaves no trace
set -eu
umask 077
: "${FAULT:?}" "${NAME:?}" "${AFTER:?}" "${WHAT:?}" "${UNDO:?}"

folder=/etc/clusterdojo/faults/$NAME
units=/etc/systemd/system
unit=clusterdojo-fault-$NAME

exec 9>/run/clusterdojo-faults.lock
flock 9
if [ -e "$folder/about" ]; then
    read -r _ since until <"$folder/about"
    echo "broken $since $until"
    exit 0
fi
# What a run that was cut short has left.
rm -rf "$folder"
[ -d /etc/clusterdojo ] || mkdir -m 755 /etc/clusterdojo
mkdir -p "$folder"
printf '%s' "$WHAT" >"$folder/fault.sh"
printf '%s' "$UNDO" >"$folder/undo.sh"
refusal=$(sh "$folder/fault.sh" check)
if [ -n "$refusal" ]; then
    rm -rf "$folder"
    rmdir --ignore-fail-on-non-empty "${folder%/*}" /etc/clusterdojo
    echo "no $refusal"
    exit 0
fi

since=$(date +%s)
until=$((since + AFTER))
cat >"$units/$unit.service" <<END
[Unit]
Description=Undo the fault $FAULT

[Service]
Type=oneshot
ExecStart=/bin/sh $folder/undo.sh
# What fails at first may work a little later.
Restart=on-failure
RestartSec=5
END
# By the clock, so that a computer that sleeps meanwhile is not late.
cat >"$units/$unit.timer" <<END
[Unit]
Description=Undo the fault $FAULT when its time is over

[Timer]
OnCalendar=$(date -u -d "@$until" '+%Y-%m-%d %H:%M:%S') UTC
AccuracySec=1s
# Where the other unit did not run at a start.
Persistent=true

[Install]
WantedBy=timers.target
END
# Nothing starts before its files are as they were. That which is started by hand must not be ordered so: it starts
# services itself, and would wait for them while they wait for it.
cat >"$units/$unit-boot.service" <<END
[Unit]
Description=Undo the fault $FAULT at the start of the machine
# Sockets come before what every unit waits for by default: with that it would be a circle, which systemd breaks by
# leaving one of its units out.
DefaultDependencies=no
After=local-fs.target
Before=containerd.service docker.socket docker.service kubelet.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/bin/sh $folder/undo.sh boot

[Install]
WantedBy=multi-user.target
END
systemctl --quiet enable "$unit-boot.service" "$unit.timer"
systemctl start "$unit.timer"
# Last, because it says that all the rest is there.
echo "$FAULT $since $until" >"$folder/about"
sync -f "$folder" 2>/dev/null || true
echo "armed $since $until"
