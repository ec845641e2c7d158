#!/bin/sh
# Says what the machine is, and which bundle is installed on it already.
set -eu

uname -m
cat /usr/lib/clusterdojo/kubernetes/id 2>/dev/null || true
