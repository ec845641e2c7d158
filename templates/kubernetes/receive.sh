#!/bin/sh
# Unpacks the files of a bundle that this machine's role needs, as they arrive.
set -eu

directory=/usr/lib/clusterdojo/kubernetes
rm -rf "$directory"
mkdir -p "$directory"
tar -x --no-same-owner -C "$directory" <&3
