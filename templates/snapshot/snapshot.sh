#!/bin/sh
# Copies what a machine has of its cluster's state, and puts it back. What that is says the script of the kind of
# cluster, which goes ahead of it: runs, kept, units, halt, known, begin.
#
# STEP   what is to be done
# NAME   of the snapshot
# ABOUT  what is told of it, in one line
# HOLD   not empty to have nothing start by itself, at a boot for example, until it is told to
set -eu
umask 077
: "${STEP:?}" "${NAME?}" "${ABOUT?}" "${HOLD?}"

root=/var/lib/clusterdojo/snapshots
folder=$root/$NAME
new=$root/.$NAME.new
held=$root/.held
ran=$root/.ran
# There once all that was there before is beside its place.
beside=$root/.beside
dropin=15-clusterdojo-snapshot.conf

# is_whole FOLDER: whether each of its files is as it was written.
is_whole() { [ -s "$1/sums" ] && (cd "$1" && sha256sum --check --status sums) 2>/dev/null; }

# Prints a line `runs WHAT` if there is anything of the cluster here, and for each snapshot `NAME whole ABOUT` or `NAME damaged
# ABOUT`.
look() {
    now=$(runs)
    if [ -n "$now" ]; then echo "runs $now"; fi
    for found in "$root"/*; do
        [ -d "$found" ] || continue
        state=damaged
        if is_whole "$found"; then state=whole; fi
        echo "snapshot ${found##*/} $state $(cat "$found/about.json" 2>/dev/null)"
    done
}

# Everything comes to rest.
stop() {
    mkdir -p "$root"
    if [ -n "$HOLD" ]; then
        : >"$held"
        for unit in $(units); do
            mkdir -p "/etc/systemd/system/$unit.d"
            printf '[Unit]\nConditionPathExists=!%s\n' "$held" >"/etc/systemd/system/$unit.d/$dropin"
            chmod 755 "/etc/systemd/system/$unit.d"
            chmod 644 "/etc/systemd/system/$unit.d/$dropin"
        done
        systemctl daemon-reload
    fi
    halt "$ran"
}

# A copy that is not called a snapshot yet.
copy() {
    rm -rf "$new"
    mkdir -p "$new/state"
    kept | while read -r path; do
        if [ -e "$path" ]; then cp -a --parents "$path" "$new/state"; fi
    done
    known >"$new/known"
    printf '%s\n' "$ABOUT" >"$new/about.json"
    sums=$(cd "$new" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
    printf '%s\n' "$sums" >"$new/sums"
    sync -f "$new"
}

# The copy becomes the snapshot.
keep() {
    mv -T "$new" "$folder"
    sync -f "$root"
}

# Lays the state of the snapshot beside that which there is.
lay() {
    if ! is_whole "$folder"; then
        echo "what is kept here of snapshot $NAME is not whole" >&2
        exit 1
    fi
    kept | while read -r path; do
        rm -rf "$path.clusterdojo-new"
        if [ -e "$folder/state$path" ]; then cp -a "$folder/state$path" "$path.clusterdojo-new"; fi
    done
    sync
}

# The former state takes the place of the present one, which stays beside it. What a run that was cut short has put there
# already is no present one.
swap() {
    if [ -e "$beside" ]; then
        kept | while read -r path; do rm -rf "$path"; done
    else
        kept | while read -r path; do
            if [ -e "$path" ]; then mv -T "$path" "$path.clusterdojo-former"; fi
        done
        : >"$beside"
    fi
    kept | while read -r path; do
        if [ -e "$path.clusterdojo-new" ]; then mv -T "$path.clusterdojo-new" "$path"; fi
    done
    sync
}

# All is as it was before.
back() {
    kept | while read -r path; do
        rm -rf "$path.clusterdojo-new"
        if [ -e "$beside" ]; then rm -rf "$path"; fi
        if [ -e "$path.clusterdojo-former" ]; then mv -T "$path.clusterdojo-former" "$path"; fi
    done
    rm -f "$beside"
    sync
}

# With NAME, containers that the state of that snapshot does not know are removed.
start() {
    rm -f "$held"
    for unit in $(units); do
        rm -f "/etc/systemd/system/$unit.d/$dropin"
        if [ -d "/etc/systemd/system/$unit.d" ]; then
            rmdir --ignore-fail-on-non-empty "/etc/systemd/system/$unit.d"
        fi
    done
    systemctl daemon-reload
    if [ -n "$NAME" ]; then begin "$ran" "$folder/known"; else begin "$ran"; fi
}

# What was there before is not needed any more.
clear() {
    kept | while read -r path; do
        rm -rf "$path.clusterdojo-new" "$path.clusterdojo-former"
    done
    rm -f "$beside"
}

# What is a snapshot, or was to become one, goes.
remove() {
    rm -rf "$new" "$root/.$NAME.gone"
    # In one step, so that there is never a part of it.
    if [ -e "$folder" ]; then mv -T "$folder" "$root/.$NAME.gone"; fi
    rm -rf "$root/.$NAME.gone"
    for empty in "$root" "${root%/*}"; do
        if [ -d "$empty" ]; then rmdir --ignore-fail-on-non-empty "$empty"; fi
    done
}

# A run that lost its connection goes on by itself, and two at once would spoil each other's work.
exec 9>/run/clusterdojo-snapshots.lock
if ! flock --timeout "$((300 * ${PATIENCE:-1}))" 9; then
    echo "another command is still at work on the snapshots of this machine" >&2
    exit 1
fi
# What it starts must not hold the lock.
"$STEP" 9>&-
