#!/bin/sh
# Has a watch of the cluster run on this machine, as a service of systemd. All of it comes as an archive on descriptor 3. A watch that
# is there already goes on until the new program was tried, and again if the new watch does not begin.
#
# PROCESSOR  what the program is made for, in the words of `uname -m`
set -eu
umask 022
: "${PROCESSOR?}"

root=/var/lib/clusterdojo unit=clusterdojo-watch.service
watch=$root/watch
file=/etc/systemd/system/$unit

# What keeps the watch from running here, for a person.
refuse() {
    echo "$1" >&2
    exit 9
}

[ -d /run/systemd/system ] || refuse "no systemd is at work on it"
processor=$(uname -m)
[ "$processor" = "$PROCESSOR" ] || refuse "its processor is $processor, and this program is made for $PROCESSOR"

if [ ! -e "$root" ]; then mkdir -m 755 "$root"; fi
# Keys are in it, so that nobody but root may ever look into it.
rm -rf "$watch.new"
mkdir -m 700 "$watch.new"
trap 'rm -rf "$watch.new"; rmdir "$root" 2>/dev/null || true' EXIT
trap 'exit 1' HUP INT TERM
tar -x --no-same-owner -C "$watch.new" -f - <&3 || refuse "there is no room for it"
said=$("$watch.new/dojo" --version 2>&1) || refuse "this program does not run on it: $said"

take_away() {
    systemctl --quiet disable --now "$unit" 2>/dev/null || true
    rm -rf "$watch" "$file"
}
put() {
    cp "$watch/$unit" "$file"
    systemctl daemon-reload
    systemctl reset-failed "$unit" 2>/dev/null || true
    systemctl --quiet enable "$unit"
    # Whoever waited for it would wait through all its attempts.
    systemctl start --no-block "$unit"
}
rm -rf "$watch.old"
systemctl --quiet disable --now "$unit" 2>/dev/null || true
if [ -e "$watch" ]; then mv "$watch" "$watch.old"; fi
mv "$watch.new" "$watch"
since=$(date +%s)
put

# It says so when it has looked at the cluster for the first time.
tries=$((450 * ${PATIENCE:-1}))
while [ "$tries" -gt 0 ] && ! systemctl --quiet is-active "$unit"; do
    [ "$(systemctl show --property NRestarts --value "$unit")" = 0 ] || break
    ! systemctl --quiet is-failed "$unit" || break
    tries=$((tries - 1))
    sleep 0.2
done
if systemctl --quiet is-active "$unit"; then
    rm -rf "$watch.old"
    exit 0
fi
journalctl --sync 2>/dev/null || true
said=$(journalctl --unit "$unit" --identifier dojo --since "@$since" --output cat --no-pager --lines 6 2>/dev/null || true)
take_away
if [ -e "$watch.old" ]; then
    mv "$watch.old" "$watch"
    put
fi
systemctl daemon-reload
refuse "it did not begin to watch${said:+: $said}"
