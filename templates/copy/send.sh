#!/bin/sh
# Prints a file or what is in a folder as an archive. A file is called `it` there, and what is in a folder by its path
# within.
#
# SOURCE  what, as a person says it: relative to the home
set -u
: "${SOURCE?}"

find_path "$SOURCE"
# shellcheck disable=SC2154 # path.sh sets it
SOURCE=$path

if [ -d "$SOURCE" ]; then
    tar -C "$SOURCE/" -cf - .
else
    tar -C "${SOURCE%/*}/" --dereference --transform='flags=r;s,.*,it,' -cf - -- "./${SOURCE##*/}"
fi
status=$?
# Something that is written to meanwhile, a log for instance, is copied as far as it was.
[ "$status" -ne 1 ] || status=0
exit "$status"
