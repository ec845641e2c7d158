#!/bin/sh
# Puts the Docker engine behind mutual TLS on port 2376, starts it, and has it start at boot. Puts
# everything back as it was if the engine does not come up.
#
# CA, CERT, KEY  the cluster's authority, and this machine's certificate and key (PEM)
# DAEMON         contents of daemon.json; empty to leave it alone
# HOLD           not empty to leave an engine that runs as it is if anything here is new to it; then `held settings`,
#                `held certificates` or both are said
set -eu
umask 077
: "${CA:?}" "${CERT:?}" "${KEY:?}" "${DAEMON?}" "${HOLD?}"

tls=/etc/docker/clusterdojo
dropin=/etc/systemd/system/docker.service.d/20-clusterdojo.conf
daemon=/etc/docker/daemon.json
# There while files are newer than the running engine, so that a run after one that was cut short knows.
pending=$tls/pending

# holds FILE CONTENTS: whether a file is so.
holds() {
    [ "$(cat "$1" 2>/dev/null)" = "$2" ]
}

# put FILE MODE CONTENTS: writes a file unless it is so already, and keeps what was there before the
# first change that the engine has not taken up yet.
put() {
    if holds "$1" "$3"; then
        return
    fi
    mkdir -p "${1%/*}"
    : >"$pending"
    printf '%s\n' "$3" >"$1.new"
    chmod "$2" "$1.new"
    if [ ! -e "$1" ]; then
        : >"$1.absent"
    elif [ ! -e "$1.before" ] && [ ! -e "$1.absent" ]; then
        cp -p "$1" "$1.before"
    fi
    mv "$1.new" "$1"
}

# The unit's own command line stays and ours is added to it: distributions differ in the path of
# dockerd, and the socket unit needs `-H fd://` to remain. A TCP host in daemon.json would collide
# with that.
for unit in /usr/lib/systemd/system/docker.service /lib/systemd/system/docker.service; do
    [ -e "$unit" ] && break
done
command=$(sed -n 's/^ExecStart=//p' "$unit" 2>/dev/null | tail -n 1)
if [ -z "$command" ]; then
    echo "no systemd unit of the Docker engine was found" >&2
    exit 1
fi
# Another time when its way to the internet was written is another way, which it takes when it starts.
way=$(date --reference=/etc/clusterdojo/proxy.env +%s 2>/dev/null) || true
# The empty ExecStart= comes first, because a service has only one and this one replaces it.
service="[Service]${way:+
# Through proxies, as of $way}
ExecStart=
ExecStart=$command -H tcp://0.0.0.0:2376 --tlsverify --tlscacert=$tls/ca.pem --tlscert=$tls/server.pem --tlskey=$tls/server-key.pem"

# Whether anybody does so at port 2376, 0948 in hexadecimal; 0A is the state of sockets that listen.
listens() {
    grep -qi ':0948 [0-9A-F]*:0000 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

was_active=
if systemctl --quiet is-active docker.service; then
    was_active=yes
fi
# An engine that was started in another way meanwhile does not answer us: nothing of it is kept up for our sake.
as_told=
if [ -n "$was_active" ] && [ ! -e "$pending" ] && listens; then
    as_told=yes
fi
if [ -n "$HOLD" ] && [ -n "$as_told" ] && [ -e "$dropin" ]; then
    held=
    if ! holds "$dropin" "$service" || { [ -n "$DAEMON" ] && ! holds "$daemon" "$DAEMON"; }; then
        held=yes
        echo "held settings"
    fi
    if ! holds "$tls/ca.pem" "$CA" || ! holds "$tls/server.pem" "$CERT" || ! holds "$tls/server-key.pem" "$KEY"; then
        held=yes
        echo "held certificates"
    fi
    if [ -n "$held" ]; then
        exit 0
    fi
fi

mkdir -p "$tls"
put "$tls/ca.pem" 644 "$CA"
put "$tls/server.pem" 644 "$CERT"
put "$tls/server-key.pem" 600 "$KEY"
if [ -n "$DAEMON" ]; then
    put "$daemon" 644 "$DAEMON"
fi
put "$dropin" 644 "$service"
chmod 755 "${dropin%/*}"

if [ ! -e "$pending" ] && [ -n "$as_told" ]; then
    # Only at boot would it be missing.
    systemctl --quiet is-enabled docker.service || systemctl --quiet enable docker.service
    exit 0
fi

# Puts back the files that the engine would not start with, and the engine as it was.
put_back() {
    for file in "$tls/ca.pem" "$tls/server.pem" "$tls/server-key.pem" "$daemon" "$dropin"; do
        if [ -e "$file.before" ]; then
            mv "$file.before" "$file"
        elif [ -e "$file.absent" ]; then
            rm -f "$file" "$file.absent"
        fi
    done
    rm -f "$pending"
    systemctl daemon-reload
    systemctl reset-failed docker.service 2>/dev/null || true
    if [ -z "$was_active" ]; then
        systemctl --quiet disable --now docker.service
    elif ! systemctl restart docker.service; then
        echo "the engine does not start with its former configuration either" >&2
    fi
}

# Enabling reloads systemd, so that it sees the drop-in as well.
systemctl --quiet enable docker.service
if ! systemctl restart docker.service; then
    journalctl --no-pager --quiet --output=cat --unit=docker.service --lines=20 >&2
    put_back
    exit 1
fi
if ! listens; then
    echo "the engine does not listen at port 2376, as $dropin says; of these files the last one wins:" >&2
    systemctl show --property=DropInPaths --value docker.service >&2
    put_back
    exit 1
fi
for file in "$tls/ca.pem" "$tls/server.pem" "$tls/server-key.pem" "$daemon" "$dropin"; do
    rm -f "$file.before" "$file.absent"
done
rm -f "$pending"
