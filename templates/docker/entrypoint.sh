#!/bin/sh
# Makes a container fit for systemd, then becomes systemd.
#
# CLUSTERDOJO_GATEWAY  the address of the engine's host in the cluster's network; whoever is behind it gets no
#                      answer. Not set where clients are on other computers.
set -eu

# Engines older than 28 pass on what comes from a neighbour with a route to the machines. Replies that would
# leave by way of the gateway, but not to the gateway itself, are replies to such a neighbour. Peers, and pods
# on peers, are reached in other ways.
if [ -n "${CLUSTERDOJO_GATEWAY-}" ]; then
    nft -f - <<RULES &
table inet clusterdojo {
    chain neighbours {
        type filter hook postrouting priority mangle
        ct direction reply rt ip nexthop $CLUSTERDOJO_GATEWAY ip daddr != $CLUSTERDOJO_GATEWAY drop
    }
}
RULES
fi

# Not every kernel has all of it.
install -d -m 700 /run/clusterdojo /run/clusterdojo/settings
(cd /proc/sys && cp kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes \
    vm/overcommit_memory vm/panic_on_oom /run/clusterdojo/settings/) || true
mount --all --fstab /usr/local/lib/clusterdojo/mounts.fstab || true

# The engine mounts these read-only for containers without --privileged. `remount,bind` changes
# this mount alone; without `bind` the kernel would touch the host's file system and say "busy".
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
    # Here privileged containers inside start only if their machine may use all devices. Exceptions are
    # allowed, and hold for them, too: what is the host's.
    keep_off() {
        echo "$1" >/sys/fs/cgroup/devices/devices.deny || true
    }
    # Disks and what commands them, and writing to the kernel log.
    for devices in 'b *:* rw' 'c 21:* rw' 'c 10:236 rw' 'c 10:237 rw' 'c 1:11 w'; do keep_off "$devices"; done
    # Consoles, serial ports, keyboards and mice, and the watchdog.
    for devices in 'c 4:* rw' 'c 7:* rw' 'c 204:* rw' 'c 229:* rw' 'c 13:* rw' 'c 10:223 rw' 'c 10:130 rw'; do
        keep_off "$devices"
    done
    # Those whose numbers the kernel gives out.
    while read -r major name; do
        case $name in
        nvme* | bsg | watchdog | hidraw | mei | ipmidev) keep_off "c $major:* rw" ;;
        devices:) if [ "$major" = Block ]; then break; fi ;;
        esac
    done </proc/devices
    set -- systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
fi

# Volumes mounted into containers on this machine must be able to propagate mounts.
mount --make-rshared /

exec /sbin/init "$@"
