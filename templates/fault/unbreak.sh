#!/bin/sh
# Undoes the faults of a machine, and prints each as it was called and until when it would have been there.
#
# NAME  only this one, as its files are called; empty: all of them
set -eu
: "${NAME?}"

status=0
for folder in /etc/clusterdojo/faults/${NAME:-*}; do
    [ -e "$folder/undo.sh" ] || continue
    about=$(cat "$folder/about" 2>/dev/null || true)
    if sh "$folder/undo.sh"; then
        [ -z "$about" ] || echo "$about"
    else
        status=1
    fi
done
exit "$status"
