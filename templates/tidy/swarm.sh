#!/bin/sh
# Inputs: BASELINE, lines of what is to stay; MODE: list, or remove what is not there and set nodes as they were.
set -eu

things() {
    for kind in service secret config; do
        for id in $(docker "$kind" ls --quiet); do
            echo "$kind $id"
        done
    done
    for id in $(docker network ls --quiet --no-trunc --filter scope=swarm); do
        echo "network $id"
    done
    # One line for each node: how it is, and its labels.
    for id in $(docker node ls --quiet); do
        docker node inspect --format 'node {{.ID}} {{.Spec.Availability}}{{range $k, $v := .Spec.Labels}} {{$k}}={{$v}}{{end}}' "$id"
    done
}

is_new() {
    ! printf '%s\n' "$BASELINE" | grep -qxF -- "$1"
}

# A node as it was: a line of BASELINE.
set_node() {
    node=$2 availability=$3
    shift 3
    options="--availability $availability"
    for label in $(docker node inspect --format '{{range $k, $v := .Spec.Labels}}{{$k}} {{end}}' "$node"); do
        options="$options --label-rm $label"
    done
    for label in "$@"; do
        options="$options --label-add $label"
    done
    # shellcheck disable=SC2086 # Labels of ours have no blanks.
    docker node update $options "$node" >/dev/null
}

remove() {
    things | while read -r kind id rest; do
        is_new "$kind $id${rest:+ $rest}" || continue
        case $kind in
        service) docker service rm "$id" >/dev/null ;;
        secret) docker secret rm "$id" >/dev/null ;;
        config) docker config rm "$id" >/dev/null ;;
        network) docker network rm "$id" >/dev/null ;;
        node)
            before=$(printf '%s\n' "$BASELINE" | grep "^node $id ") || continue
            # shellcheck disable=SC2086 # A word each.
            set_node $before
            ;;
        esac
    done
}

if [ "$MODE" = remove ]; then
    # A network is in use until the last task in it has ended.
    end=$(($(date +%s) + 30 * ${PATIENCE:-1}))
    until remove 2>/dev/null && [ -z "$(things | while read -r thing; do is_new "$thing" && echo "$thing"; done)" ]; do
        [ "$(date +%s)" -lt "$end" ] || break
        sleep 0.5
    done
fi
things | sort
