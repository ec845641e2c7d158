#!/bin/sh
# Installs Kubernetes from its package repository, unless it is there already. Prints the release that is
# there then, and the images that kubeadm needs for it, one a line.
#
# REPOSITORY  base address; the repositories of the minor releases are below it
# VERSION     1.32 for its newest patch, or 1.32.4
# REGISTRY    where images are pulled from; empty: the registry that kubeadm knows
#
# apt.sh and tools.sh go ahead of it.
set -eu
: "${REPOSITORY:?}" "${VERSION:?}" "${REGISTRY?}"

tell() {
    release=$(kubeadm version --output short)
    printf '%s\n' "$release"
    set -- --kubernetes-version "$release"
    if [ -n "$REGISTRY" ]; then
        set -- "$@" --image-repository "$REGISTRY"
    fi
    kubeadm config images list "$@"
}

if command -v kubelet >/dev/null 2>&1 && command -v kubeadm >/dev/null 2>&1 &&
    command -v kubectl >/dev/null 2>&1 && ! cut_short; then
    tell
    exit 0
fi

begin_to_install Kubernetes
# A repository that was given wrongly the last time must not make every further run fail.
list=/etc/apt/sources.list.d/clusterdojo-kubernetes.list
rm -f "$list"
missing=$(missing_tools)
apt update
# shellcheck disable=SC2086 # a list of words
apt install --no-install-recommends -y ca-certificates $missing

# Each minor release has a repository of its own ("Installing kubeadm", kubernetes.io).
minor=$(printf '%s' "$VERSION" | cut -d . -f 1,2)
repository=$REPOSITORY/core:/stable:/v$minor/deb
keyring=/etc/apt/keyrings/clusterdojo-kubernetes.asc
install -d -m 755 /etc/apt/keyrings
if ! said=$(curl -fsSL --retry 3 --connect-timeout 20 --max-time 120 "$repository/Release.key" \
    -o "$keyring" 2>&1); then
    echo "cannot fetch the key of the package repository: $repository/Release.key: $said" >&2
    case $said in
    *'error: 404'*) echo "there is no Kubernetes $minor in that repository" >&2 ;;
    esac
    exit 1
fi
chmod 644 "$keyring"
echo "deb [signed-by=$keyring] $repository/ /" >"$list"
# Only this list, because the others were read a moment ago.
if ! apt update -o Dir::Etc::SourceList="$list" -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=0 \
    -o APT::Update::Error-Mode=any; then
    rm -f "$list"
    echo "apt does not accept the package repository $repository" >&2
    exit 1
fi

available=$(apt-cache madison kubelet | cut -d '|' -f 2 | tr -d ' ')
newest=$(printf '%s\n' "$available" | while read -r candidate; do
    # Without the revision of the package.
    case ${candidate%-*} in
    "$VERSION" | "$VERSION".*) printf '%s\n' "$candidate" ;;
    esac
done | sort -V | tail -n 1)
if [ -z "$newest" ]; then
    there=$(printf '%s\n' "$available" | sed 's/-[^-]*$//' | sort -uV | tr '\n' ' ')
    echo "the package repository $repository has no Kubernetes $VERSION; it has: ${there% }" >&2
    exit 1
fi

# As the package has it, kubelet is started again and again from its installation on; without what
# kubeadm writes it could only crash.
drop_in=/etc/systemd/system/kubelet.service.d/20-clusterdojo.conf
mkdir -p "${drop_in%/*}"
cat >"$drop_in" <<'UNIT'
[Unit]
ConditionPathExists=/var/lib/kubelet/config.yaml
StartLimitIntervalSec=0

[Service]
RestartSec=2
UNIT
apt install --no-install-recommends -y "kubelet=$newest" "kubeadm=$newest" "kubectl=$newest"
# The nodes of a cluster are upgraded one after another, and not when one of them happens to upgrade its
# packages.
apt-mark hold kubelet kubeadm kubectl >/dev/null
systemctl daemon-reload
tell
