#!/bin/sh
# Tells what is to be copied from here: `file` or `folder` and its size in bytes, or `special`, `unreadable` or `missing`.
#
# SOURCE  what, as a person says it: relative to the home
set -u
: "${SOURCE?}"

find_path "$SOURCE"
# shellcheck disable=SC2154 # path.sh sets it
SOURCE=$path

if [ -d "$SOURCE" ]; then
    if [ ! -r "$SOURCE" ] || [ ! -x "$SOURCE" ]; then
        echo unreadable 0
    else
        echo "folder $(du -sb -- "$SOURCE/" 2>/dev/null | cut -f 1)"
    fi
elif [ -f "$SOURCE" ]; then
    if [ -r "$SOURCE" ]; then
        echo "file $(stat -L -c %s -- "$SOURCE")"
    else
        echo unreadable 0
    fi
elif [ -e "$SOURCE" ]; then
    echo special 0
else
    echo missing 0
fi
