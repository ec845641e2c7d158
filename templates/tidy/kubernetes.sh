#!/bin/sh
# Lists what a cluster has, or removes what it had not before, and sets nodes as they were.
# Inputs: BASELINE, lines of what is to stay; MODE: list, or remove.
set -eu
export KUBECONFIG=/etc/kubernetes/admin.conf

# What stands for itself; what belongs to something goes with it.
within=pods,services,deployments,daemonsets,statefulsets,replicasets,jobs,cronjobs,configmaps,secrets
within=$within,persistentvolumeclaims,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,ingresses
whole=persistentvolumes,storageclasses,priorityclasses,clusterroles,clusterrolebindings
of_namespace='{range .items[*]}Namespace /{.metadata.name} {.metadata.uid}{"\n"}{end}'
of_object='{range .items[*]}{.kind} {.metadata.namespace}{"/"}{.metadata.name} {.metadata.uid} {.metadata.ownerReferences[0].uid}{"\n"}{end}'
of_node='{range .items[*]}Node /{.metadata.name} {.metadata.uid} {.spec.unschedulable}{"\n"}{end}'

# Lines KIND NAMESPACE/NAME UID. Of a namespace that is new only itself is told: all else goes with it. Fails where not all of it
# is known, since what is not told would be taken for new the next time.
things() {
    namespaces=$(kubectl get namespaces --output "jsonpath=$of_namespace") || return 1
    own=$(kubectl get "$within" --namespace default --output "jsonpath=$of_object") || return 1
    shared=$(kubectl get "$whole" --output "jsonpath=$of_object") || return 1
    nodes=$(kubectl get nodes --output "jsonpath=$of_node") || return 1
    printf '%s\n' "$namespaces"
    # Without the blank that stands before the owner that it has not.
    printf '%s\n%s\n' "$own" "$shared" | awk 'NF == 3 { print $1, $2, $3 }'
    printf '%s\n' "$nodes" | awk 'NF { print $1, $2, $3, ($4 == "true" ? "true" : "false") }'
}

is_new() {
    ! printf '%s\n' "$BASELINE" | grep -qxF -- "$1"
}

# What is there and was not, one a line.
new() {
    now=$(things) || return 1
    printf '%s\n' "$now" | while read -r thing; do
        if is_new "$thing"; then printf '%s\n' "$thing"; fi
    done
}

# Removes one of them.
remove() {
    kind=$1 place=$2 uid=$3
    namespace=${place%%/*} name=${place#*/}
    case $kind in
    Node)
        before=$(printf '%s\n' "$BASELINE" | grep "^Node $place $uid ") || return 0
        case $before in
        *" true") kubectl cordon "$name" ;;
        *) kubectl uncordon "$name" ;;
        esac
        ;;
    Namespace) kubectl delete namespace "$name" --wait=false --ignore-not-found ;;
    *) kubectl delete "$kind" "$name" ${namespace:+--namespace "$namespace"} --wait=false --ignore-not-found ;;
    esac
}

if [ "$MODE" = remove ]; then
    # Whoever has lost the list must not remove everything.
    printf '%s\n' "$BASELINE" | grep -q '^Namespace /kube-system ' || {
        echo "the list of what was there before is not whole" >&2
        exit 1
    }
    # A namespace is there until the last of its pods has ended.
    end=$(($(date +%s) + 90 * ${PATIENCE:-1}))
    while left=$(new) && [ -n "$left" ] && [ "$(date +%s)" -lt "$end" ]; do
        printf '%s\n' "$left" | while read -r kind place uid _; do
            remove "$kind" "$place" "$uid" >/dev/null 2>&1 || true
        done
        sleep 0.5
    done
fi
all=$(things)
printf '%s\n' "$all" | sort
