#!/bin/sh
# Stops what the cluster runs on a host, or starts it again. The host itself stays on, because nobody could
# switch it on again from afar.
#
# WANTED  stopped or running
# CLAIM   the mark that says so, a line of JSON
#
# places.sh goes ahead of it.
set -eu
: "${WANTED:?}" "${CLAIM:?}"
: "${directory:?}" "${claim:?}"
one_at_a_time 60

if [ ! -e "$claim" ]; then
    echo "this host belongs to no cluster" >&2
    exit 1
fi
list=$directory/stopped
case $WANTED in
stopped)
    # In reverse: kubelet would start again what containerd ends. Disabled, so that they stay off when
    # the host boots.
    for unit in clusterdojo-watch.service kubelet.service clusterdojo-pods.service haproxy.service \
        docker.socket docker.service containerd.service; do
        if systemctl --quiet is-enabled "$unit" 2>/dev/null ||
            systemctl --quiet is-active "$unit" 2>/dev/null; then
            grep -qsxF "$unit" "$list" || echo "$unit" >>"$list"
            systemctl --quiet disable --now "$unit"
        fi
    done
    ;;
running)
    for unit in containerd.service docker.socket docker.service haproxy.service \
        clusterdojo-pods.service kubelet.service; do
        if grep -qsxF "$unit" "$list"; then systemctl --quiet enable --now "$unit"; fi
    done
    # It waits by itself until the others answer.
    unit=clusterdojo-watch.service
    if grep -qsxF "$unit" "$list"; then
        systemctl --quiet enable "$unit" || true
        systemctl start --no-block "$unit" || true
    fi
    rm -f "$list"
    ;;
esac
printf '%s\n' "$CLAIM" >"$claim.new"
chmod 644 "$claim.new"
mv -T "$claim.new" "$claim"
