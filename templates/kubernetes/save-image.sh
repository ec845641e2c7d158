#!/bin/sh
# Gives out an image of kubelet's containerd as an archive.
#
# IMAGE  its full name
set -eu
: "${IMAGE:?}"

# That of containerd 2 may end before all is written, unless it does the work itself.
itself=
if ctr images export --help | grep -q -e --local; then itself=--local; fi
# shellcheck disable=SC2086 # nothing, or a word
ctr --namespace k8s.io images export $itself - "$IMAGE"
