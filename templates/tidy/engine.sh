#!/bin/sh
# What an engine has for itself, for tidy.sh.
set -eu

# Containers of tasks that are just ending still hold networks and volumes.
# shellcheck disable=SC2034 # they are for tidy.sh
WHOLE='' SLOWLY=20

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
    # A machine that has come since has those that the cluster gave it.
    if [ "$MODE" = remove ] && ! printf '%s\n' "$BASELINE" | grep -q '^image '; then return; fi
    # By the name and what it stands for, since a name can be given to another image.
    docker image ls --no-trunc --filter dangling=false --format 'image {{.Repository}}:{{.Tag}} {{.ID}}' || return 1
    docker image ls --no-trunc --filter dangling=true --format 'image {{.ID}}' || return 1
    # A swarm notices late that a machine has left it. `dojo up` brings it back.
    state=$(docker info --format '{{.Swarm.LocalNodeState}}') || return 1
    case $state in inactive | '') ;; *) echo "membership" ;; esac
}

# Removes one of them.
remove() {
    case $1 in
    membership) ;;
    container) docker container rm --force --volumes "$2" ;;
    *) docker "$1" rm "$2" ;;
    esac
}
