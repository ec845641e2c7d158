#!/bin/sh
# What a swarm has, for tidy.sh; nodes are set as they were.
set -eu

# A network is in use until the last task in it has ended.
# shellcheck disable=SC2034 # they are for tidy.sh
WHOLE='^node ' SLOWLY=30

has_left() {
    [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" = inactive ]
}

# Managers that hear each other again, as after the undo of a fault, soon have a leader.
tries=$((30 * ${PATIENCE:-1}))
until timeout 5 docker node ls >/dev/null 2>&1 || has_left || [ "$tries" -le 0 ]; do
    tries=$((tries - 1))
    sleep 2
done

# A manager that has left knows of nothing. `dojo up` brings it back.
if [ "$MODE" = remove ] && has_left; then exit 0; fi

# Lines HOSTNAME ID of the nodes: of one that has left and joined again, which is there twice for a while, the one that is up.
nodes() {
    all=$(docker node ls --format '{{.Hostname}} {{.ID}} {{.Status}}') || return 1
    printf '%s\n' "$all" |
        awk '$3 == "Ready" || !($1 in id) { id[$1] = $2 } END { for (name in id) print name, id[name] }'
}

# One line for each thing; a node's tells how it is, and its labels. Fails where not all of it is known, since what is not told
# would be taken for new the next time.
things() {
    for kind in service secret config; do
        ids=$(docker "$kind" ls --quiet) || return 1
        for id in $ids; do echo "$kind $id"; done
    done
    ids=$(docker network ls --quiet --no-trunc --filter scope=swarm) || return 1
    for id in $ids; do echo "network $id"; done
    ids=$(nodes) || return 1
    for id in $(printf '%s\n' "$ids" | cut -d ' ' -f 2); do
        docker node inspect --format \
            'node {{.Description.Hostname}} {{.Spec.Availability}}{{range $k, $v := .Spec.Labels}} {{$k}}={{$v}}{{end}}' "$id" || return 1
    done
}

# Sets a node as it was: a line of BASELINE, in words.
set_node() {
    node=$(nodes | awk -v name="$2" '$1 == name { print $2 }') options="--availability $3"
    shift 3
    for label in $(docker node inspect --format '{{range $k, $v := .Spec.Labels}}{{$k}} {{end}}' "$node"); do
        options="$options --label-rm $label"
    done
    for label in "$@"; do
        options="$options --label-add $label"
    done
    # shellcheck disable=SC2086 # Labels have no blanks.
    docker node update $options "$node"
}

# Removes a service, and waits for the end of its tasks: they hold its ports until then, and what comes next may want the same.
remove_service() {
    tasks=$(docker service ps --quiet --no-trunc "$1")
    docker service rm "$1"
    tries=$((40 * ${PATIENCE:-1}))
    for task in $tasks; do
        while [ "$tries" -gt 0 ] && docker inspect --type task "$task" >/dev/null 2>&1; do
            tries=$((tries - 1))
            sleep 0.25
        done
    done
}

# Removes one of them.
remove() {
    case $1 in
    node)
        before=$(printf '%s\n' "$BASELINE" | grep "^node $2 ") || return 0
        # shellcheck disable=SC2086 # A word each.
        set_node $before
        ;;
    service) remove_service "$2" ;;
    *) docker "$1" rm "$2" ;;
    esac
}
