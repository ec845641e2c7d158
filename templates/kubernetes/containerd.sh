#!/bin/sh
# containerd 2; goes ahead of the scripts that install it, and after apt.sh, keyring.sh and docker-repository.sh.
#
# CONTAINERD_2  yes: nothing older will do
set -eu
: "${CONTAINERD_2?}"

# containerd_release: prints the major number of the containerd that is there; nothing, if there is none.
containerd_release() {
    if command -v containerd >/dev/null 2>&1; then
        containerd --version | awk '{ sub(/^v/, "", $3); sub(/[^0-9].*/, "", $3); print $3 }'
    fi
}

# is_ours: whether containerd may be replaced. One that runs has containers, and one that was on a host before it
# was lent to a cluster is its owner's.
is_ours() {
    if systemctl --quiet is-active containerd.service 2>/dev/null; then return 1; fi
    ! grep -qsx containerd /var/lib/clusterdojo/before/packages
}

# install_containerd, after begin_to_install: the distribution's where that is 2, else Docker's, if that can be
# reached or must be.
install_containerd() {
    there=$(containerd_release)
    if [ -n "$there" ] && { [ "$there" -ge 2 ] || ! is_ours; }; then return; fi
    candidate=$(apt-cache policy containerd |
        sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9]*\)\..*/\2/p')
    if [ "${candidate:-0}" -lt 2 ] && is_wanted_from_docker; then
        add_docker_repository
        apt install --no-install-recommends -y containerd.io
    elif [ -z "$there" ] || [ "${candidate:-0}" -ge 2 ]; then
        apt install --no-install-recommends -y containerd
    fi
}

# is_wanted_from_docker: whether to install containerd.io, which takes the place of the distribution's containerd.
is_wanted_from_docker() {
    # docker.io would go with it.
    if dpkg-query --show --showformat '${db:Status-Abbrev}' docker.io 2>/dev/null | grep -q '^.i'; then return 1; fi
    # Whoever named a repository wants what is in it. The published one is not everywhere in reach.
    if [ "$CONTAINERD_2" = yes ] || [ "$DOCKER_REPOSITORY" != https://download.docker.com ]; then return 0; fi
    distribution=$(docker_distribution)
    RETRIES=0 fetch "${distribution% *}/gpg" /dev/null 2>/dev/null
}
