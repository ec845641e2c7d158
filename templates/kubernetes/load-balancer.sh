#!/bin/sh
# Installs the load balancer that stands before several API servers. A machine image may have it.
#
# apt.sh goes ahead of it.
set -eu

if ! command -v haproxy >/dev/null 2>&1 || cut_short; then
    begin_to_install "a load balancer"
    apt update
    apt install --no-install-recommends -y haproxy
fi
