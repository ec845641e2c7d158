#!/bin/sh
# The engine finds no space for images that it pulls or loads: where it keeps them until they are whole there is a
# small disk in memory, and that is full. The disk of this computer is not touched, and what runs goes on.
set -eu

places="/var/lib/docker/tmp /var/lib/containerd/io.containerd.content.v1.content/ingest"

full() { awk -v place="$1" '$1 == "clusterdojo-full" && $2 == place { found = 1 } END { exit !found }' /proc/mounts; }

case ${1:?} in
check)
    for place in $places; do
        [ ! -d "$place" ] || exit 0
    done
    echo "there is no engine's disk"
    ;;
apply)
    for place in $places; do
        if [ -d "$place" ] && ! full "$place"; then
            # Neither bytes nor files.
            mount -t tmpfs -o size=64k,nr_inodes=2,mode=0700 clusterdojo-full "$place"
            dd if=/dev/zero of="$place/full" bs=4k 2>/dev/null || true
        fi
    done
    ;;
undo)
    for place in $places; do
        while full "$place"; do umount "$place" 2>/dev/null || umount -l "$place"; done
    done
    ;;
# The kernel forgets it.
boot) ;;
esac
