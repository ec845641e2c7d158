#!/bin/sh
# kubelet is told to keep so much of the disk free that there is never enough: the node has DiskPressure, gets its
# taint, and its pods are evicted. The disk itself is not touched.
set -eu
here=$(dirname "$0")
config=/var/lib/kubelet/config.yaml

# Whoever starts a service several times in a short time may be refused otherwise.
restart() {
    systemctl reset-failed kubelet.service 2>/dev/null || true
    systemctl restart kubelet.service
}

# put_back: the file as it was, unless somebody else has written it meanwhile.
put_back() {
    if [ -e "$here/before.yaml" ] && cmp -s "$config" "$here/ours.yaml"; then
        cp -p "$here/before.yaml" "$config"
    else
        return 1
    fi
}

case ${1:?} in
check)
    if [ ! -e "$config" ]; then
        echo "kubelet has no $config there"
    elif grep -qs -e --eviction-hard /var/lib/kubelet/kubeadm-flags.env; then
        echo "kubelet of that release has its limits on its command line"
    fi
    ;;
apply)
    cp -p "$config" "$here/before.yaml"
    # 100% would switch it off.
    awk '/^evictionHard:/ { skip = 1; next } /^[^ ]/ { skip = 0 } !skip' "$config" >"$here/new.yaml"
    printf 'evictionHard:\n  memory.available: 100Mi\n  nodefs.available: 99.9%%\n' >>"$here/new.yaml"
    cp -p "$here/new.yaml" "$here/ours.yaml"
    cat "$here/new.yaml" >"$config"
    restart
    ;;
undo)
    if put_back; then
        restart
    fi
    ;;
boot) put_back || true ;;
esac
