#!/bin/sh
# Makes a host key that has never left this machine, and prints its public half. It is not in use yet.
#
# KNOWN  the public host key whose private half others may have, type and data
set -eu
: "${KNOWN:?}"

key=/etc/ssh/ssh_host_ed25519_key
if [ "$(cut -d ' ' -f 1,2 "$key.pub")" != "$KNOWN" ]; then
    # An earlier run has come further, and was cut short before it could say so.
    cut -d ' ' -f 1,2 "$key.pub"
    exit
fi
if [ ! -s "$key.new.pub" ]; then
    rm -f "$key.new"
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$key.new"
fi
cut -d ' ' -f 1,2 "$key.new.pub"
