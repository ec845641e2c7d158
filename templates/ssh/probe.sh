#!/bin/sh
# Tells what a host is and what it carries, as lines of a word and a value. Changes nothing.
#
# LOGIN  who logs in
#
# places.sh goes ahead of it.
set -eu
: "${LOGIN:?}"
: "${claim:?}"

say() { printf '%s %s\n' "$1" "$2"; }

say architecture "$(uname -m)"
say machine-id "$(cat /etc/machine-id 2>/dev/null)"
if [ -d /run/systemd/system ]; then say systemd yes; fi
if command -v apt-get >/dev/null 2>&1; then say apt yes; fi
# shellcheck source=/dev/null
(. /etc/os-release 2>/dev/null && say system "${PRETTY_NAME:-unknown}")

for address in $(hostname -I 2>/dev/null); do say address "$address"; done
# The address that it has towards everything else. Nothing is sent there (RFC 5737).
say usual "$(ip -4 route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p' | head -n 1)"

# What sshd says of itself for this user.
sshd=$(command -v sshd || echo /usr/sbin/sshd)
settings_of_sshd=$("$sshd" -T -C "user=$LOGIN,host=localhost,addr=127.0.0.1" 2>/dev/null || true)
printf '%s\n' "$settings_of_sshd" | sed -n 's/^hostkey //p' | while read -r file; do
    # `|| true`: a key that cannot be read is one that is not told.
    if [ -r "$file.pub" ]; then
        say key "$(cut -d ' ' -f 1,2 <"$file.pub")"
    elif [ -r "$file" ]; then
        say key "$(ssh-keygen -y -P '' -f "$file" 2>/dev/null </dev/null | cut -d ' ' -f 1,2)"
    fi
done || true
home=$(getent passwd "$LOGIN" | cut -d : -f 6)
file=$(printf '%s\n' "$settings_of_sshd" | sed -n 's/^authorizedkeysfile //p' | cut -d ' ' -f 1)
file=$(printf '%s\n' "${file:-.ssh/authorized_keys}" |
    sed -e "s|%h|$home|g" -e "s|%u|$LOGIN|g" -e 's|%%|%|g')
case $file in
/*) say keys-file "$file" ;;
none) ;;
*) say keys-file "$home/$file" ;;
esac

if command -v dockerd >/dev/null 2>&1; then say docker yes; fi
containers=0
volumes=0
for root in "$(docker_root)" "$(docker_root)"/[0-9]*.[0-9]* /var/snap/docker/common/var-lib-docker; do
    for container in "$root"/containers/*/; do
        if [ -d "$container" ]; then containers=$((containers + 1)); fi
    done
    for volume in "$root"/volumes/*/; do
        if [ -d "$volume" ]; then volumes=$((volumes + 1)); fi
    done
    if [ -s "$root/swarm/docker-state.json" ]; then say swarm yes; fi
done
say containers "$containers"
say volumes "$volumes"
for file in /etc/kubernetes/kubelet.conf /etc/kubernetes/manifests/kube-apiserver.yaml \
    /var/lib/etcd/member /var/lib/rancher /var/snap/microk8s; do
    if [ -e "$file" ]; then
        say kubernetes "$file"
        break
    fi
done
if [ -e "$claim" ]; then say claim "$(tr -d '\n' <"$claim")"; fi
