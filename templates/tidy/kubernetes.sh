#!/bin/sh
# What a cluster has, for tidy.sh; nodes are set as they were.
set -eu

# A namespace is there until the last of its pods has ended.
# shellcheck disable=SC2034 # they are for tidy.sh
WHOLE='^Namespace /kube-system ' SLOWLY=90
export KUBECONFIG=/etc/kubernetes/admin.conf

# What stands for itself; what belongs to something goes with it.
within=pods,services,deployments,daemonsets,statefulsets,replicasets,jobs,cronjobs,configmaps,secrets
within=$within,persistentvolumeclaims,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,ingresses
whole=persistentvolumes,storageclasses,priorityclasses,clusterroles,clusterrolebindings
of_namespace='{range .items[*]}Namespace /{.metadata.name} {.metadata.uid}{"\n"}{end}'
of_object='{range .items[*]}{.kind} {.metadata.namespace}{"/"}{.metadata.name} {.metadata.uid} {.metadata.ownerReferences[0].uid}{"\n"}{end}'
of_node='{range .items[*]}Node /{.metadata.name} - {.spec.unschedulable}{"\n"}{end}'

# An API server that was restarted a moment ago, as by the undo of a fault, answers soon.
tries=$((30 * ${PATIENCE:-1}))
until kubectl get --raw /readyz >/dev/null 2>&1 || [ "$tries" -le 0 ]; do
    tries=$((tries - 1))
    sleep 2
done

# Lines KIND NAMESPACE/NAME UID; a node that was joined anew is the same one. Of a namespace that is new only itself is told: all
# else goes with it. Fails where not all of it is known, since what is not told would be taken for new the next time.
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
