#!/bin/sh
# Makes a fault whose undo is armed.
#
# NAME  the fault, as its files are called
set -eu
: "${NAME:?}"

folder=/etc/clusterdojo/faults/$NAME
# Whoever undoes it waits until it is there as a whole.
exec 9>/run/clusterdojo-faults.lock
flock 9
if [ ! -e "$folder/about" ]; then
    echo "its time was over before it began" >&2
    exit 1
fi
sh "$folder/fault.sh" apply
