#!/bin/sh
# Replaces programs by those of another release, from the package repository. Prints the release of kubeadm
# that is there then, and the images that it needs, one a line.
#
# PACKAGES  which ones, a line each
#
# apt.sh and repository.sh go ahead of it.
set -eu
: "${PACKAGES:?}"

begin_to_install Kubernetes
forget_repository
add_repository
version=$(newest_package)
# What came from a bundle apt does not know; kubeadm would bring the newest of the others along.
if ! dpkg-query --show kubelet >/dev/null 2>&1; then
    PACKAGES=$(printf 'kubeadm\nkubelet\nkubectl')
fi
set --
for package in $PACKAGES; do set -- "$@" "$package=$version"; done
# shellcheck disable=SC2086 # a list of words
apt-mark unhold $PACKAGES >/dev/null
apt install --no-install-recommends -y "$@"
# shellcheck disable=SC2086 # a list of words
apt-mark hold $PACKAGES >/dev/null
systemctl daemon-reload
tell
