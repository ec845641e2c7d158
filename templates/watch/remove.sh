#!/bin/sh
# Removes the watch that runs on this machine, if there is one, and says so then.
set -eu

root=/var/lib/clusterdojo unit=clusterdojo-watch.service
watch=$root/watch
file=/etc/systemd/system/$unit

found=
for path in "$file" "$watch" "$watch.new" "$watch.old"; do
    [ ! -e "$path" ] || found=yes
done
[ -n "$found" ] || exit 0
systemctl --quiet disable --now "$unit" 2>/dev/null || true
rm -rf "$watch" "$watch.new" "$watch.old" "$file"
systemctl daemon-reload
systemctl reset-failed "$unit" 2>/dev/null || true
# Other things of the cluster may be there.
rmdir "$root" 2>/dev/null || true
echo removed
