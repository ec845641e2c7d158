#!/bin/sh
# For what follows: restarts programs of a control plane, which read their certificates when they start.
#
# One that was killed and had ended not long before would wait for minutes (CrashLoopBackOff). One whose manifest goes and comes
# back is begun anew.

# As rename(2) wants it, in the same file system; a folder that kubelet does not watch.
aside=/etc/kubernetes/clusterdojo-aside

# Puts back manifests, also those that a run which was cut short has left.
put_back_manifests() {
    for manifest in "$aside"/*.yaml; do
        [ -e "$manifest" ] || continue
        # Never over a newer one.
        mv -n "$manifest" /etc/kubernetes/manifests/
        rm -f "$manifest"
    done
    [ ! -d "$aside" ] || rmdir "$aside"
}

# Whether PROGRAM runs. Names of processes have 15 letters.
runs() { pgrep -x "$(printf %.15s "$1")" >/dev/null; }

kubelet_runs() { systemctl --quiet is-active kubelet.service; }

# restart_static_pods PROGRAM… They end in this order: an API server whose etcd is gone takes half a minute to end.
restart_static_pods() {
    trap put_back_manifests EXIT
    trap 'exit 1' HUP INT TERM
    mkdir -p "$aside"
    left=
    for program in "$@"; do
        # One that somebody has taken away is begun anew when it comes back.
        [ -e "/etc/kubernetes/manifests/$program.yaml" ] || continue
        mv "/etc/kubernetes/manifests/$program.yaml" "$aside/"
        tries=$((120 * ${PATIENCE:-1}))
        # A kubelet that does not run ends nothing.
        while runs "$program" && kubelet_runs && [ "$tries" -gt 0 ]; do
            tries=$((tries - 1))
            sleep 0.25
        done
        if runs "$program"; then left="$left $program"; fi
    done
    put_back_manifests
    trap - EXIT HUP INT TERM
    # The kubelet that comes begins these anew.
    for program in $left; do pkill -x "$(printf %.15s "$program")" || true; done
}
