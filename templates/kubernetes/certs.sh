#!/bin/sh
# Prints the certificates that kubeadm has made for a control plane, each behind a line with its file. No
# private key is printed.
set -eu

for file in /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt; do
    if [ -f "$file" ]; then
        printf '# %s\n' "$file"
        cat "$file"
    fi
done
for file in /etc/kubernetes/*.conf; do
    data=$(sed -n 's/^ *client-certificate-data: *//p' "$file" | head -n 1)
    # kubelet's certificate is in a file of its own, which it renews itself.
    if [ -n "$data" ]; then
        printf '# %s\n' "$file"
        printf '%s' "$data" | base64 -d
    fi
done
