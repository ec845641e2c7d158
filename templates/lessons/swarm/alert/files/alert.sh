#!/bin/sh
# Tells the channel when a task of lab_{{app}} does not run any more. Ctrl-C ends it.
channel="http://$(dojo ip "{{cluster}}/manager-1"):{{channel}}/"

running() {
    docker service ps --filter desired-state=running --format '{{.ID}} {{.Name}}' "lab_{{app}}"
}

before=$(running)
while sleep 1; do
    now=$(running) || continue
    echo "$before" | while read -r id name; do
        case "$now" in *"$id"*) continue ;; esac
        curl -s -d "{\"text\": \"$name has ended\"}" "$channel"
    done
    before=$now
done
