#!/bin/sh
# Installs the Docker engine from packages, unless there is one already.
#
# CHANNEL     distro: the distribution's docker.io; docker-ce: Docker's own packages
# REPOSITORY  base address of Docker's package repository, for docker-ce
set -eu
: "${CHANNEL:?}" "${REPOSITORY?}"

# Ours stays behind only if a run was cut short in the middle of a package, and then the engine may be
# there but not be set up.
policy=/usr/sbin/policy-rc.d
ours="# clusterdojo: nothing starts while Docker is being installed"
cut_short() {
    grep -qsxF "$ours" "$policy"
}

if command -v dockerd >/dev/null 2>&1 && ! cut_short; then
    exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
    echo "this machine has neither a Docker engine nor apt-get to install one with" >&2
    exit 1
fi

# First boot may still be installing packages of its own. What it complains about in the end, or that
# it hangs, need not concern us: what we need is looked at below.
if command -v cloud-init >/dev/null 2>&1; then
    timeout 600 cloud-init status --wait >/dev/null 2>&1 || true
fi

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
# Unattended upgrades hold the package lock for minutes; waiting for it beats failing on it.
log=/run/clusterdojo-apt.log
apt() {
    tries=60
    until apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >"$log" 2>&1; do
        tries=$((tries - 1))
        # apt waits for dpkg's lock, but not for the one on its own lists, which it names.
        if [ "$tries" -eq 0 ] || ! grep -q 'lists/lock' "$log"; then
            tail -n 20 "$log" >&2
            return 1
        fi
        sleep 5
    done
}

# An earlier run may have been cut short in the middle of a package.
dpkg --configure -a >/dev/null 2>&1 || true

# Package scripts start what they install. The engine must not listen before its TLS is in place, and
# starting it twice costs time.
if [ ! -e "$policy" ] || cut_short; then
    printf '#!/bin/sh\n%s\nexit 101\n' "$ours" >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi

# A repository that was given wrongly the last time must not make every further run fail.
list=/etc/apt/sources.list.d/clusterdojo-docker.list
rm -f "$list"
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
    curl -fsSL --retry 3 --connect-timeout 20 --max-time 120 "$REPOSITORY/linux/$ID/gpg" -o /etc/apt/keyrings/docker.asc
    chmod 644 /etc/apt/keyrings/docker.asc
    echo "deb [signed-by=/etc/apt/keyrings/docker.asc] $REPOSITORY/linux/$ID $VERSION_CODENAME stable" \
        >"$list"
    apt update
    apt install --no-install-recommends -y docker-ce docker-ce-cli containerd.io
    ;;
*)
    echo "unknown channel $CHANNEL" >&2
    exit 1
    ;;
esac
