#!/bin/sh
# Inputs: BASELINE, lines of what is to stay; MODE: list, or remove what is not there and set nodes as they were.
set -eu
export KUBECONFIG=/etc/kubernetes/admin.conf

# What stands for itself; what belongs to something goes with it.
within=pods,services,deployments,daemonsets,statefulsets,replicasets,jobs,cronjobs,configmaps,secrets
within=$within,persistentvolumeclaims,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,ingresses
whole=persistentvolumes,storageclasses,priorityclasses,clusterroles,clusterrolebindings
kinds='{range .items[*]}{.kind} {.metadata.namespace}{"/"}{.metadata.name} {.metadata.uid} {.metadata.ownerReferences[0].uid}{"\n"}{end}'

# Lines KIND NAMESPACE/NAME UID. Of namespaces that are new only they themselves are told: all else goes with them.
things() {
    kubectl get namespaces --output 'jsonpath={range .items[*]}Namespace /{.metadata.name} {.metadata.uid}{"\n"}{end}'
    kubectl get "$within" --namespace default --output "jsonpath=$kinds" | awk 'NF == 3'
    kubectl get "$whole" --output "jsonpath=$kinds" | awk 'NF == 3'
    kubectl get nodes --output 'jsonpath={range .items[*]}Node /{.metadata.name} {.metadata.uid} {.spec.unschedulable}{"\n"}{end}' | sed 's/ $/ false/'
}

is_new() {
    ! printf '%s\n' "$BASELINE" | grep -qxF -- "$1"
}

remove() {
    things | while read -r kind place uid rest; do
        is_new "$kind $place $uid${rest:+ $rest}" || continue
        namespace=${place%%/*} name=${place#*/}
        if [ "$kind" = Node ]; then
            before=$(printf '%s\n' "$BASELINE" | grep "^Node $place $uid ") || continue
            case $before in
            *" true") kubectl cordon "$name" >/dev/null ;;
            *) kubectl uncordon "$name" >/dev/null ;;
            esac
        elif [ "$kind" = Namespace ]; then
            kubectl delete namespace "$name" --wait=false --ignore-not-found >/dev/null
        elif [ -n "$namespace" ]; then
            kubectl delete "$kind" "$name" --namespace "$namespace" --wait=false --ignore-not-found >/dev/null
        else
            kubectl delete "$kind" "$name" --wait=false --ignore-not-found >/dev/null
        fi
    done
}

if [ "$MODE" = remove ]; then
    # A namespace is there until the last of its pods has ended.
    end=$(($(date +%s) + 90 * ${PATIENCE:-1}))
    until remove 2>/dev/null && [ -z "$(things | while read -r thing; do is_new "$thing" && echo "$thing"; done)" ]; do
        [ "$(date +%s)" -lt "$end" ] || break
        sleep 0.5
    done
fi
things | sort
