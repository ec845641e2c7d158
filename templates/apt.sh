#!/bin/sh
# What scripts that install packages have in common; goes ahead of them.
set -eu

# The way to the internet, where it leads through proxies.
if [ -r /etc/clusterdojo/proxy.env ]; then
    set -a
    # shellcheck source=/dev/null
    . /etc/clusterdojo/proxy.env
    set +a
fi

# Ours stays behind only if a run was cut short in the middle of a package, and then what it installed
# may be there but not be set up.
policy=/usr/sbin/policy-rc.d
ours="# clusterdojo: nothing starts while packages are being installed"
cut_short() {
    grep -qsxF "$ours" "$policy"
}

# apt ARGUMENTS: apt-get that waits for its turn. Unattended upgrades hold the package lock for minutes;
# waiting for it beats failing on it.
apt_log=/run/clusterdojo-apt.log
apt() {
    tries=60
    until apt-get -qq -o "DPkg::Lock::Timeout=$((300 * ${PATIENCE:-1}))" \
        -o Acquire::Retries=3 "$@" >"$apt_log" 2>&1; do
        tries=$((tries - 1))
        # apt waits for dpkg's lock, but not for the one on its own lists, which it names.
        if [ "$tries" -eq 0 ] || ! grep -q 'lists/lock' "$apt_log"; then
            tail -n 20 "$apt_log" >&2
            return 1
        fi
        sleep 5
    done
}

# read_list FILE: has apt read one list of sources, because the others were read a moment ago, or are not needed.
read_list() {
    apt update -o Dir::Etc::SourceList="$1" -o Dir::Etc::SourceParts=- \
        -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any
}

# begin_to_install WHAT: makes packages installable, and keeps them from starting what they install.
begin_to_install() {
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "this machine has neither $1 nor apt-get to install it with" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
    # A run that lost its connection goes on by itself; two at once would spoil each other's work.
    exec 8>/run/clusterdojo-apt.lock
    if ! flock --timeout "$((900 * ${PATIENCE:-1}))" 8; then
        echo "another installation is still at work" >&2
        exit 1
    fi
    # First boot may still be installing packages of its own. What it complains about in the end, or that
    # it hangs, need not concern us: what we need is looked at afterwards.
    if command -v cloud-init >/dev/null 2>&1; then
        timeout "$((600 * ${PATIENCE:-1}))" cloud-init status --wait >/dev/null 2>&1 || true
    fi
    # An earlier run may have been cut short in the middle of a package.
    dpkg --configure -a >/dev/null 2>&1 || true
    # Nothing must run before its configuration is in place, and starting it twice costs time.
    if [ ! -e "$policy" ] || cut_short; then
        printf '#!/bin/sh\n%s\nexit 101\n' "$ours" >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
}
