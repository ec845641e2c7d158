#!/bin/sh
# Gives containerd the images that this machine's role needs, from the files that came with the bundle.
#
# IMAGES  lines of "file", "reference"
set -eu
: "${IMAGES?}"

directory=/usr/lib/clusterdojo/kubernetes/images
present=$(ctr --namespace k8s.io images ls -q)
printf '%s\n' "$IMAGES" | {
    set --
    while read -r file reference; do
        [ -n "$file" ] || continue
        printf '%s\n' "$present" | grep -qxF "$reference" || set -- "$@" "$directory/$file"
    done
    # All at once: each is unpacked by a core of its own.
    running=
    for file in "$@"; do
        ctr --namespace k8s.io images import --all-platforms "$file" >/dev/null &
        running="$running $!"
    done
    for id in $running; do
        wait "$id"
    done
}
