#!/bin/sh
# Tells what of this machine belongs in a bundle: a line with its architecture, then lines of
# "binary FILE TARGET", which is where it goes to on other machines, and "image REFERENCE". Images get the
# names by which kubeadm asks for them where nobody tells it of another registry, and lose what is for other
# architectures.
#
# REGISTRY  where they were pulled from; empty: the registry that kubeadm knows
# BESIDE    images that kubeadm does not ask for, lines of "as it was pulled", "its usual name"
set -eu
: "${REGISTRY?}" "${BESIDE?}"

architecture=$(dpkg --print-architecture)
printf '%s\n' "$architecture"

for file in /usr/bin/kubeadm /usr/bin/kubelet /usr/bin/kubectl /opt/cni/bin/*; do
    # The plugins come with a licence and the like.
    if [ -f "$file" ] && [ -x "$file" ]; then printf 'binary %s %s\n' "$file" "$file"; fi
done
# What the distributions have may be older; beside theirs ours comes first.
case $(containerd --version | awk '{ print $3 }') in
0.* | 1.* | v1.*) ;;
*)
    for program in containerd containerd-shim-runc-v2 ctr; do
        printf 'binary %s %s\n' "$(command -v "$program")" "/usr/local/bin/$program"
    done
    ;;
esac

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
