#!/bin/sh
# Since when kubelet has been running, in seconds since 1970.
set -eu

date -d "$(systemctl show --property=ActiveEnterTimestamp --value kubelet.service)" +%s
