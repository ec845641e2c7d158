#!/bin/sh
# Sets the time at which this machine ends itself anew.
#
# END  when, as systemd.time(7) writes it
set -eu
: "${END:?}"

timer=/etc/systemd/system/clusterdojo-ttl.timer
if [ ! -e "$timer" ]; then
    echo "this machine has no timer to end it" >&2
    exit 1
fi
sed "s/^OnCalendar=.*/OnCalendar=$END/" "$timer" >"$timer.new"
mv "$timer.new" "$timer"
systemctl daemon-reload
systemctl restart clusterdojo-ttl.timer
