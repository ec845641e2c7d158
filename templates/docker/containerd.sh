#!/bin/sh
# Puts containerd into the machine image.
#
# apt.sh, keyring.sh, docker-repository.sh and containerd.sh go ahead of it.
set -eu

begin_to_install containerd
apt update
install_containerd
# Machines that look for packages need not ask for it each time; they do not live long.
forget_docker_repository
rm -f /etc/apt/keyrings/docker.*
