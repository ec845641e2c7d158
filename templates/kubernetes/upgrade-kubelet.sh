#!/bin/sh
# Starts the kubelet that was installed in place of the one that runs.
set -eu

systemctl daemon-reload
systemctl restart kubelet.service
