#!/bin/sh
# Tells what of this machine belongs in a bundle: a line with its architecture, then lines of "binary FILE"
# and "image REFERENCE". Images get the names by which kubeadm asks for them where nobody tells it of
# another registry, and lose what is for other architectures.
#
# REGISTRY  where they were pulled from; empty: the registry that kubeadm knows
# BESIDE    images that kubeadm does not ask for, lines of "as it was pulled", "its usual name"
set -eu
: "${REGISTRY?}" "${BESIDE?}"

architecture=$(dpkg --print-architecture)
printf '%s\n' "$architecture"

for file in /usr/bin/kubeadm /usr/bin/kubelet /usr/bin/kubectl /opt/cni/bin/*; do
    # The plugins come with a licence and the like.
    if [ -f "$file" ] && [ -x "$file" ]; then printf 'binary %s\n' "$file"; fi
done

# list ARGUMENTS: the images of the release that is installed, always in the same order.
release=$(kubeadm version --output short)
list() {
    kubeadm config images list --kubernetes-version "$release" "$@" 2>/dev/null
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
list >"$folder/usual"
if [ -n "$REGISTRY" ]; then
    list --image-repository "$REGISTRY" >"$folder/pulled"
else
    cp "$folder/usual" "$folder/pulled"
fi
{
    paste -d ' ' "$folder/pulled" "$folder/usual"
    printf '%s\n' "$BESIDE"
} >"$folder/both"
while read -r pulled usual; do
    ctr --namespace k8s.io images convert --platform "linux/$architecture" "$pulled" "$usual" >/dev/null
    printf 'image %s\n' "$usual"
done <"$folder/both"
