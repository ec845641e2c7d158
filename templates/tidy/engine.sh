#!/bin/sh
# Inputs: BASELINE, lines of what is to stay; MODE: list, or remove what is not there.
set -eu

things() {
    # What a swarm has started is the swarm's business.
    tasks=$(docker container ls --all --quiet --no-trunc --filter label=com.docker.swarm.task.id)
    for id in $(docker container ls --all --quiet --no-trunc); do
        case "$tasks" in
        *"$id"*) ;;
        *) echo "container $id" ;;
        esac
    done
    for id in $(docker network ls --quiet --no-trunc --filter scope=local); do
        echo "network $id"
    done
    for id in $(docker volume ls --quiet); do
        echo "volume $id"
    done
}

is_new() {
    ! printf '%s\n' "$BASELINE" | grep -qxF -- "$1"
}

remove() {
    things | while read -r kind id; do
        is_new "$kind $id" || continue
        case $kind in
        container) docker container rm --force --volumes "$id" >/dev/null ;;
        network) docker network rm "$id" >/dev/null ;;
        volume) docker volume rm "$id" >/dev/null ;;
        esac
    done
}

if [ "$MODE" = remove ]; then
    # Containers of tasks that are just ending still hold networks and volumes.
    end=$(($(date +%s) + 20 * ${PATIENCE:-1}))
    until remove 2>/dev/null && [ -z "$(things | while read -r thing; do is_new "$thing" && echo "$thing"; done)" ]; do
        [ "$(date +%s)" -lt "$end" ] || break
        sleep 0.5
    done
fi
things | sort
