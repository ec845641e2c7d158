#!/bin/sh
# Ends the containers of all pods: asks first, and then does not ask.
set -u

running() {
    ctr --namespace k8s.io tasks ls | awk '$3 == "RUNNING" { print $1 }'
}
# called NAME: the containers that pods call so.
called() {
    ctr --namespace k8s.io containers ls --quiet "labels.\"io.kubernetes.container.name\"==$1"
}
# end SIGNAL CONTAINER…
end() {
    signal=$1
    shift
    for container in "$@"; do
        ctr --namespace k8s.io tasks kill --signal "$signal" "$container" 2>/dev/null &
    done
    wait
}
# wait_but_for CONTAINERS: until the others have ended, or for 3 s.
wait_but_for() {
    tries=0
    while running | grep -qvxF "${1:-none}" && [ "$tries" -lt 15 ]; do
        tries=$((tries + 1))
        sleep 0.2
    done
}

# They wait for those who use them, the API server for up to a minute and the cluster's DNS for 5 s, and have nothing to
# lose: all that the API server knows is in etcd. And etcd waits for the API server.
idle=$(called kube-apiserver && called coredns)
# shellcheck disable=SC2046 # a list of words
end SIGTERM $(running)
wait_but_for "$(printf '%s\n' "$idle" && called etcd)"
# shellcheck disable=SC2086 # a list of words
end SIGKILL $idle
wait_but_for ''
# shellcheck disable=SC2046 # a list of words
end SIGKILL $(running)
wait_but_for ''
