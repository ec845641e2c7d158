#!/bin/sh
# Says which images kubelet's containerd has not got, a line each.
#
# IMAGES  full names, a line each
set -eu
: "${IMAGES:?}"

there=$(ctr --namespace k8s.io images ls --quiet)
printf '%s\n' "$IMAGES" | while IFS= read -r image; do
    printf '%s\n' "$there" | grep -Fxq -- "$image" || printf '%s\n' "$image"
done
