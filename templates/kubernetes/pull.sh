#!/bin/sh
# Has containerd pull the images that this machine's role needs.
#
# IMAGES  references, one a line
set -eu
: "${IMAGES?}"

# The way to the internet, where it leads through proxies.
if [ -r /etc/clusterdojo/proxy.env ]; then
    set -a
    # shellcheck source=/dev/null
    . /etc/clusterdojo/proxy.env
    set +a
fi

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

# pull REFERENCE LOG
pull() {
    tries=3
    until ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d "$1" >"$2" 2>&1; do
        tries=$((tries - 1))
        if grep -q 'not found$' "$2"; then tries=0; fi
        if [ "$tries" -eq 0 ]; then
            echo "cannot pull $1: $(grep -v '^$' "$2" | tail -n 1 | cut -c 1-400)" >&2
            return 1
        fi
        sleep 2
    done
}

present=$(ctr --namespace k8s.io images ls -q)
printf '%s\n' "$IMAGES" | {
    running=
    number=0
    while read -r reference; do
        [ -n "$reference" ] || continue
        if printf '%s\n' "$present" | grep -qxF "$reference"; then continue; fi
        number=$((number + 1))
        pull "$reference" "$log/$number" &
        running="$running $!"
    done
    failed=
    for id in $running; do
        wait "$id" || failed=yes
    done
    [ -z "$failed" ]
}
