#!/bin/sh
# Says which is the newest patch of a release in the package repository, and changes nothing. What is
# installed later is signed; here it is only looked what there is.
#
# repository.sh goes ahead of it.
set -eu

# The way to the internet, where it leads through proxies.
if [ -r /etc/clusterdojo/proxy.env ]; then
    set -a
    # shellcheck source=/dev/null
    . /etc/clusterdojo/proxy.env
    set +a
fi

# shellcheck disable=SC2154 # by repository.sh
index=$repository/Packages
if ! said=$(curl -fsSL --retry 3 --connect-timeout 20 --max-time 120 "$index" 2>&1); then
    echo "cannot fetch the index of the package repository: $index: $said" >&2
    case $said in
    *'error: 404'*) echo "there is no Kubernetes $VERSION in that repository" >&2 ;;
    esac
    exit 1
fi
newest=$(printf '%s\n' "$said" |
    awk '/^Package:/ { name = $2 } /^Version:/ && name == "kubelet" { print $2 }' | newest_of)
printf '%s\n' "${newest%-*}"
