#!/bin/sh
# Gives out this machine's kubectl.
#
# ARCHITECTURE  of the computer that it is to run on, as uname calls it
set -eu
: "${ARCHITECTURE:?}"

own=$(uname -m)
if [ "$own" != "$ARCHITECTURE" ]; then
    echo "this machine is of another architecture ($own) than your computer ($ARCHITECTURE)" >&2
    exit 1
fi
cat "$(command -v kubectl)"
