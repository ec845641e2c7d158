#!/bin/sh
# The package repository of Docker; goes ahead of the scripts that install from it, and after apt.sh and
# keyring.sh.
#
# DOCKER_REPOSITORY  its base address
# DOCKER_KEY         fingerprint of the key that signs it; empty: the key that lies there, which https vouches for
set -eu
: "${DOCKER_REPOSITORY:?}" "${DOCKER_KEY?}"

docker_list=/etc/apt/sources.list.d/clusterdojo-docker.list

# docker_distribution: prints the part of it for this distribution, and the name of the release.
docker_distribution() {
    # It sets more than that.
    # shellcheck source=/dev/null
    (. /etc/os-release && printf '%s/linux/%s %s\n' "$DOCKER_REPOSITORY" "$ID" "${VERSION_CODENAME-}")
}

# add_docker_repository: makes apt know it.
add_docker_repository() {
    distribution=$(docker_distribution)
    keyring=$(fetch_keyring "${distribution% *}/gpg" "$DOCKER_KEY" docker)
    echo "deb [signed-by=$keyring] $distribution stable" >"$docker_list"
    if ! read_list "$docker_list"; then
        rm -f "$docker_list"
        echo "apt does not accept the package repository ${distribution% *}" >&2
        exit 1
    fi
}

# forget_docker_repository: makes apt forget it.
forget_docker_repository() {
    rm -f "$docker_list"
}
