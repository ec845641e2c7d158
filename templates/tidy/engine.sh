#!/bin/sh
# Lists what an engine has for itself, or removes what it had not before.
# Inputs: BASELINE, lines of what is to stay; MODE: list, or remove.
set -eu

# One line for each thing. Fails where not all of it is known, since what is not told would be taken for new the next time.
things() {
    # What a swarm has started is the swarm's business.
    tasks=$(docker container ls --all --quiet --no-trunc --filter label=com.docker.swarm.task.id) || return 1
    ids=$(docker container ls --all --quiet --no-trunc) || return 1
    for id in $ids; do
        case "$tasks" in
        *"$id"*) ;;
        *) echo "container $id" ;;
        esac
    done
    # The engine's own ones have other ids each time that it is started.
    ids=$(docker network ls --quiet --no-trunc --filter scope=local --filter type=custom) || return 1
    for id in $ids; do echo "network $id"; done
    ids=$(docker volume ls --quiet) || return 1
    for id in $ids; do echo "volume $id"; done
}

is_new() {
    ! printf '%s\n' "$BASELINE" | grep -qxF -- "$1"
}

# What is there and was not, one a line.
new() {
    now=$(things) || return 1
    printf '%s\n' "$now" | while read -r thing; do
        if is_new "$thing"; then printf '%s\n' "$thing"; fi
    done
}

# Removes one of them.
remove() {
    case $1 in
    container) docker container rm --force --volumes "$2" ;;
    *) docker "$1" rm "$2" ;;
    esac
}

if [ "$MODE" = remove ]; then
    # Containers of tasks that are just ending still hold networks and volumes.
    end=$(($(date +%s) + 20 * ${PATIENCE:-1}))
    while left=$(new) && [ -n "$left" ] && [ "$(date +%s)" -lt "$end" ]; do
        printf '%s\n' "$left" | while read -r kind id; do
            remove "$kind" "$id" >/dev/null 2>&1 || true
        done
        sleep 0.5
    done
fi
all=$(things)
printf '%s\n' "$all" | sort
