#!/bin/sh
# Gives out an image of kubelet's containerd as an archive.
#
# IMAGE  its full name
set -eu
: "${IMAGE:?}"

ctr --namespace k8s.io images export - "$IMAGE"
