#!/bin/sh
# Lends a host to a cluster: writes down what it is like, marks whose it is, and lets the cluster's key in.
# Doing it again changes nothing.
#
# LOGIN       who logs in
# KEYS_FILE   where sshd looks for the keys of that user
# KEY         the public key, one line
# UNFINISHED  the mark until that is done, a line of JSON
# CLAIM       the mark afterwards
#
# places.sh goes ahead of it.
set -eu
umask 022
: "${LOGIN:?}" "${KEYS_FILE:?}" "${KEY:?}" "${UNFINISHED:?}" "${CLAIM:?}"
: "${directory:?}" "${claim:?}" "${before:?}" "${units:?}" "${settings:?}" "${overwritten:?}" "${made:?}" "${hollow:?}"

# mark TEXT: the whole mark or none.
mark() {
    mkdir -p "$directory"
    printf '%s\n' "$1" >"$claim.new"
    chmod 644 "$claim.new"
    sync "$claim.new"
    mv -T "$claim.new" "$claim"
}

one_at_a_time 60

if [ ! -e "$claim" ]; then
    # Whoever asked has seen it free; another one may have been faster since, and then there is a mark.
    rm -rf "$before" "$before.new"
    if [ ! -e /var/lib/clusterdojo ]; then mkdir -m 755 /var/lib/clusterdojo; fi
    mkdir -m 700 "$before.new"
    cd "$before.new"
    dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n' | sed -n 's/^.i. *//p' | sort >packages
    apt-mark showhold >holds
    for unit in $units; do
        enabled=$(systemctl is-enabled "$unit" 2>/dev/null) || true
        active=$(systemctl is-active "$unit" 2>/dev/null) || true
        echo "$unit ${enabled:-absent} $active"
    done >services
    for setting in $settings; do
        value=$(sysctl -n "$setting" 2>/dev/null) && echo "$setting=$value"
    done >kernel || true
    if [ "$(wc -l </proc/swaps)" -gt 1 ]; then : >swap; fi
    iptables -S FORWARD 2>/dev/null | head -n 1 >forward || true
    getent group docker >docker-group || true
    mkdir files
    for path in $overwritten; do
        if [ -e "$path" ]; then
            mkdir -p "files${path%/*}"
            cp -p "$path" "files$path"
        fi
    done
    for path in $overwritten $made $hollow; do
        if [ -d "$path" ] && [ -z "$(ls -A "$path")" ]; then
            echo "$path" >>empty
        elif [ -e "$path" ]; then
            echo "$path" >>present
        fi
    done
    swarm_node >swarm
    if systemctl --quiet is-active docker.service && command -v docker >/dev/null 2>&1; then
        docker image ls -aq --no-trunc | sort -u >images
        docker network ls -q --no-trunc | sort -u >networks
        docker volume ls -q | sort -u >volumes
        docker container ls -aq --no-trunc | sort -u >containers
        # Fails where there is no swarm, and then there is no list.
        if nodes=$(docker node ls -q 2>/dev/null); then printf '%s\n' "$nodes" | sort -u >nodes; fi
    elif command -v dockerd >/dev/null 2>&1; then
        # Of an engine that is off only this can be seen.
        for kind in containers volumes; do
            find "$(docker_root)/$kind" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null |
                sort -u >"$kind"
        done
    fi
    if [ -e "$KEYS_FILE" ]; then
        cp -p "$KEYS_FILE" keys
    elif [ ! -e "${KEYS_FILE%/*}" ]; then
        : >no-keys-directory
    fi
    printf '%s\n' "$KEYS_FILE" >keys-file
    printf '%s\n' "$KEY" >key
    cd /
    mv -T "$before.new" "$before"
    mark "$UNFINISHED"
elif [ "$(cat "$claim")" != "$UNFINISHED" ] && [ "$(cat "$claim")" != "$CLAIM" ]; then
    # Somebody else's; whoever asked looks again and says whose.
    echo "it was claimed a moment ago" >&2
    exit 1
fi

if ! grep -qsxF "$KEY" "$KEYS_FILE"; then
    keys=${KEYS_FILE%/*}
    group=$(id -g "$LOGIN")
    if [ ! -e "$keys" ]; then
        mkdir -m 700 "$keys"
        chown "$LOGIN:$group" "$keys"
    fi
    # Written anew beside it, so that nobody is locked out by half a file.
    if [ -e "$KEYS_FILE" ]; then
        cp -p "$KEYS_FILE" "$KEYS_FILE.clusterdojo"
        if [ -n "$(tail -c 1 "$KEYS_FILE")" ]; then echo >>"$KEYS_FILE.clusterdojo"; fi
    else
        : >"$KEYS_FILE.clusterdojo"
        chmod 600 "$KEYS_FILE.clusterdojo"
        chown "$LOGIN:$group" "$KEYS_FILE.clusterdojo"
    fi
    printf '%s\n' "$KEY" >>"$KEYS_FILE.clusterdojo"
    mv -T "$KEYS_FILE.clusterdojo" "$(readlink -f "$KEYS_FILE")"
fi
mark "$CLAIM"
