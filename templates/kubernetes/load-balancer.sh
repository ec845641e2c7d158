#!/bin/sh
# Installs the load balancer that stands before several API servers. A machine image may have it.
set -eu

if ! command -v haproxy >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
    apt="apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
    $apt update
    $apt install --no-install-recommends -y haproxy >/dev/null
fi
