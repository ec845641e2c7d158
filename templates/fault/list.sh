#!/bin/sh
# Prints the faults of a machine, each with since when it is there and when it undoes itself, in seconds since 1970.
set -eu

for about in /etc/clusterdojo/faults/*/about; do
    [ ! -e "$about" ] || cat "$about"
done
