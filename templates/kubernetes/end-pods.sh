#!/bin/sh
# Ends the containers of all pods: asks first, and then does not ask.
set -u

containers() {
    ctr --namespace k8s.io tasks ls | awk '$3 == "RUNNING" { print $1 }'
}
for signal in SIGTERM SIGKILL; do
    for container in $(containers); do
        ctr --namespace k8s.io tasks kill --signal "$signal" "$container" 2>/dev/null &
    done
    wait
    tries=0
    while [ -n "$(containers)" ] && [ "$tries" -lt 15 ]; do
        tries=$((tries + 1))
        sleep 0.2
    done
done
