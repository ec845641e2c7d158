#!/bin/sh
# Makes a container fit for systemd, then becomes systemd.
set -eu

# The engine mounts these read-only for containers without --privileged. `remount,bind` changes
# this mount alone; without `bind` the kernel would touch the host's file system and say "busy".
mount -o remount,rw,bind /sys
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    # cgroup v2: a single tree.
    mount -o remount,rw,bind /sys/fs/cgroup
    set --
else
    # cgroup v1: one mount for each controller. systemd 256 and newer start on it only when asked
    # twice; in a container systemd reads its own arguments as the kernel command line.
    for mountpoint in /sys/fs/cgroup /sys/fs/cgroup/*; do
        if [ -L "$mountpoint" ]; then continue; fi
        mount -o remount,rw,bind "$mountpoint"
    done
    set -- systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
fi

# Volumes mounted into containers on this machine must be able to propagate mounts.
mount --make-rshared /

exec /sbin/init "$@"
