#!/bin/sh
# Installs the Docker engine from packages, unless there is one already.
#
# CHANNEL     distro: the distribution's docker.io; docker-ce: Docker's own packages
# REPOSITORY  base address of Docker's package repository, for docker-ce
set -eu
: "${CHANNEL:?}" "${REPOSITORY?}"

if command -v dockerd >/dev/null 2>&1; then
    exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
    echo "this machine has neither a Docker engine nor apt-get to install one with" >&2
    exit 1
fi

# First boot may still be installing packages of its own. 2 means done, with something to complain
# about that need not concern us.
if command -v cloud-init >/dev/null 2>&1; then
    cloud-init status --wait >/dev/null || [ $? -eq 2 ]
fi

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
# Unattended upgrades hold the package lock for minutes; waiting for it beats failing on it.
apt() {
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >/tmp/clusterdojo-apt.log 2>&1 || {
        tail -n 20 /tmp/clusterdojo-apt.log >&2
        return 1
    }
}

# An earlier run may have been cut short in the middle of a package.
dpkg --configure -a >/dev/null 2>&1 || true

# Package scripts start what they install. The engine must not listen before its TLS is in place, and
# starting it twice costs time.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi

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
    # shellcheck source=/dev/null
    . /etc/os-release
    install -d -m 755 /etc/apt/keyrings
    curl -fsSL "$REPOSITORY/linux/$ID/gpg" -o /etc/apt/keyrings/docker.asc
    chmod 644 /etc/apt/keyrings/docker.asc
    echo "deb [signed-by=/etc/apt/keyrings/docker.asc] $REPOSITORY/linux/$ID $VERSION_CODENAME stable" \
        >/etc/apt/sources.list.d/docker.list
    apt update
    apt install --no-install-recommends -y docker-ce docker-ce-cli containerd.io
    ;;
*)
    echo "unknown channel $CHANNEL" >&2
    exit 1
    ;;
esac
