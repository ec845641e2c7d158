#!/bin/sh
# What a machine of a swarm has of its state, for snapshot.sh.
set -eu

containers=/var/lib/docker/containers

# What all of it belongs to.
runs() {
    said=$(dockerd --version)
    said=${said#Docker version }
    echo "Docker ${said%%,*}"
}

# Raft's log and what it was compacted to, the node's certificate, and the tasks that it was given.
kept() { echo /var/lib/docker/swarm; }

units() { echo docker.socket docker.service; }

# A task ends with its engine. So do containers that somebody runs without the swarm, and not all of them come back by
# themselves: FILE gets their ids, unless a run that was cut short has written them down.
halt() {
    if systemctl --quiet is-active docker.service && [ ! -e "$1" ]; then
        # An engine that hangs does not tell.
        timeout 30 docker ps --quiet --no-trunc >"$1.all" || true
        known >"$1.tasks"
        grep -vxF -f "$1.tasks" "$1.all" >"$1.new" || true
        rm -f "$1.all" "$1.tasks"
        mv "$1.new" "$1"
    fi
    # shellcheck disable=SC2046 # a list of words
    systemctl stop $(units)
}

# The containers of tasks. Asked of the files, since the engine stands still.
known() {
    for folder in "$containers"/*; do
        if grep -qsF '"com.docker.swarm.task.id"' "$folder/config.v2.json"; then echo "${folder##*/}"; fi
    done
}

# begin FILE [KNOWN]: starts it, and what FILE names. With KNOWN, containers of tasks that the state does not know go. None
# of them has run since: an engine starts only those of tasks that its swarm gives it.
begin() {
    unknown=
    if [ -n "${2-}" ]; then unknown=$(known | grep -vxF -f "$2") || true; fi
    # Whoever starts a service several times in a minute is refused otherwise.
    # shellcheck disable=SC2046 # a list of words
    systemctl reset-failed $(units) 2>/dev/null || true
    # shellcheck disable=SC2046 # a list of words
    systemctl start $(units)
    for id in $unknown; do
        if docker inspect "$id" >/dev/null 2>&1; then docker rm --force --volumes "$id" >/dev/null; fi
    done
    # Those that were run with --rm are gone.
    if [ -s "$1" ]; then xargs docker start <"$1" >/dev/null 2>&1 || true; fi
    rm -f "$1"
}
