#!/bin/sh
# Asks a server again and again, as a unit. Inputs: PROGRAM, TO, EVERY in milliseconds, OUT, NODES: the addresses of all machines.
set -eu

systemctl stop dojo-probe.service 2>/dev/null || true
systemctl reset-failed dojo-probe.service 2>/dev/null || true
mkdir -p /run/dojo
rm -f "$OUT"
# Whichever machine serves: `nodes` is the name of all of them, and who does not answer is passed over.
cp /etc/hosts /run/dojo/hosts
for node in $NODES; do
    echo "$node nodes" >>/run/dojo/hosts
done
systemd-run --quiet --collect --unit dojo-probe --property BindReadOnlyPaths=/run/dojo/hosts:/etc/hosts \
    "$PROGRAM" probe --to "$TO" --every "$EVERY" --out "$OUT"
