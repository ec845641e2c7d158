#!/bin/sh
# Installs the Docker engine from packages, unless there is one already.
#
# CHANNEL  distro: the distribution's docker.io; docker-ce: Docker's own packages
#
# apt.sh, keyring.sh and docker-repository.sh go ahead of it.
set -eu
: "${CHANNEL:?}"

if command -v dockerd >/dev/null 2>&1 && ! cut_short; then
    exit 0
fi

begin_to_install "a Docker engine"

# A repository that was given wrongly the last time must not make every further run fail.
forget_docker_repository
apt update
case $CHANNEL in
distro)
    packages=docker.io
    # Debian 13 splits the client off.
    if apt-cache show docker-cli >/dev/null 2>&1; then
        packages="$packages docker-cli"
    fi
    # shellcheck disable=SC2086 # a list of words
    apt install --no-install-recommends -y iptables $packages
    ;;
docker-ce)
    apt install --no-install-recommends -y ca-certificates curl
    add_docker_repository
    apt install --no-install-recommends -y docker-ce docker-ce-cli containerd.io
    ;;
*)
    echo "unknown channel $CHANNEL" >&2
    exit 1
    ;;
esac
