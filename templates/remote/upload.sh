#!/bin/sh
# Puts a file in place that belongs to root: all of it, or nothing.
#
# TARGET  where, an absolute path; directories above it are made
# MODE    permission bits, octal
# The file's bytes come on descriptor 3.
set -eu
umask 022
: "${TARGET:?}" "${MODE:?}"

# A name that is known before the file is there, so that it can be removed whenever a signal comes.
temporary=$TARGET.$$.part
trap 'rm -f -- "$temporary"' EXIT
# Not every shell runs the line above when a signal ends it. SIGPIPE comes with a broken connection, as
# soon as the shell wants to say that `cat` was terminated.
trap 'exit 143' TERM PIPE

mkdir -p -- "${TARGET%/*}/"
rm -f -- "$temporary"
umask 077
cat <&3 >"$temporary"
chown root:root -- "$temporary"
chmod -- "$MODE" "$temporary"
mv -T -- "$temporary" "$TARGET"
