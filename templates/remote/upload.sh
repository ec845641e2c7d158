#!/bin/sh
# Puts a file in place that belongs to root: all of it, or nothing.
#
# TARGET  where, an absolute path; directories above it are made
# MODE    permission bits, octal
# The file's bytes come on descriptor 3.
set -eu
umask 022
: "${TARGET:?}" "${MODE:?}"

mkdir -p -- "${TARGET%/*}/"
temporary=$(mktemp -- "$TARGET.XXXXXX")
trap 'rm -f -- "$temporary"' EXIT
# Not every shell runs the line above when a signal ends it.
trap 'exit 143' TERM
cat <&3 >"$temporary"
chown root:root -- "$temporary"
chmod -- "$MODE" "$temporary"
mv -T -- "$temporary" "$TARGET"
