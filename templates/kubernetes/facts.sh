#!/bin/sh
# What kubeadm's configuration depends on, a word a line.
set -eu

if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo cgroup-v2; fi
if systemd-detect-virt --quiet --container; then echo container; fi
if [ -e /etc/clusterdojo/resolv.conf ]; then echo resolver; fi
