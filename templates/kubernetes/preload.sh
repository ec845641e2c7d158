#!/bin/sh
# Runs once in a container that becomes a machine image: has containerd unpack the images of a bundle, and
# keeps what it made outside of its volume, so that machines made of the image need only link to it.
set -eu
cd /usr/lib/clusterdojo/kubernetes

containerd >/run/containerd.log 2>&1 &
containerd=$!
tries=0
until ctr version >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$containerd" 2>/dev/null; then
        tail -n 20 /run/containerd.log >&2
        exit 1
    fi
    sleep 0.1
done
for image in images/*.tar; do
    ctr --namespace k8s.io images import --all-platforms "$image" >/dev/null
    rm "$image"
done
kill "$containerd"
wait "$containerd" || true
rm -rf /run/containerd
kept=/usr/lib/clusterdojo/containerd
mkdir -p "$kept"
for part in content.v1.content metadata.v1.bolt snapshotter.v1.overlayfs; do
    cp -a "/var/lib/containerd/io.containerd.$part" "$kept/"
done
