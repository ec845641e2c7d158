#!/bin/sh
# The package repository of Kubernetes; goes ahead of the scripts that install from it, and after apt.sh and
# keyring.sh.
#
# REPOSITORY  base address; the repositories of the minor releases are below it
# KEY         fingerprint of the key that signs it; empty: the key that lies there, which https vouches for
# VERSION     1.32 for its newest patch, or 1.32.4
# REGISTRY    where images are pulled from; empty: the registry that kubeadm knows
set -eu
: "${REPOSITORY:?}" "${KEY?}" "${VERSION:?}" "${REGISTRY?}"

# Each minor release has a repository of its own ("Installing kubeadm", kubernetes.io).
minor=$(printf '%s' "$VERSION" | cut -d . -f 1,2)
repository=$REPOSITORY/core:/stable:/v$minor/deb
list=/etc/apt/sources.list.d/clusterdojo-kubernetes.list

# tell: prints the release of the kubeadm that is there, and the images that it needs, one a line.
tell() {
    release=$(kubeadm version --output short)
    printf '%s\n' "$release"
    set -- --kubernetes-version "$release"
    if [ -n "$REGISTRY" ]; then
        set -- "$@" --image-repository "$REGISTRY"
    fi
    kubeadm config images list "$@"
}

# add_repository: makes apt know it.
add_repository() {
    if ! keyring=$(fetch_keyring "$repository/Release.key" "$KEY" clusterdojo-kubernetes 2>&1); then
        printf '%s\n' "$keyring" >&2
        case $keyring in
        *'error: 404'*) echo "there is no Kubernetes $minor in that repository" >&2 ;;
        esac
        exit 1
    fi
    echo "deb [signed-by=$keyring] $repository/ /" >"$list"
    if ! read_list "$list"; then
        rm -f "$list"
        echo "apt does not accept the package repository $repository" >&2
        exit 1
    fi
}

# forget_repository: makes apt forget it.
forget_repository() {
    rm -f "$list"
}

# newest_of: prints the newest of the versions on standard input, one a line, that is what was asked for.
newest_of() {
    available=$(cat)
    found=$(printf '%s\n' "$available" | while read -r candidate; do
        # Without the revision of the package.
        case ${candidate%-*} in
        "$VERSION" | "$VERSION".*) printf '%s\n' "$candidate" ;;
        esac
    done | sort -V | tail -n 1)
    if [ -z "$found" ]; then
        there=$(printf '%s\n' "$available" | sed 's/-[^-]*$//' | sort -uV | tr '\n' ' ')
        echo "the package repository $repository has no Kubernetes $VERSION; it has: ${there% }" >&2
        exit 1
    fi
    printf '%s\n' "$found"
}

# newest_package: prints the version of the packages that apt can install.
newest_package() {
    apt-cache madison kubelet | cut -d '|' -f 2 | tr -d ' ' | newest_of
}
