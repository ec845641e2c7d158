#!/bin/sh
# Puts a file or a folder in place, which comes as an archive on descriptor 3: a file is called `it` there. It is unpacked
# beside its place and then moved there, so that nobody ever sees half of a file. Ends with status 9 if it may not be
# there, and says why.
#
# TARGET  where, as a person says it: relative to the home. In there, if it is a folder
# NAME    what it is called in there; empty if what is in a folder is to be in there itself
# KIND    file or folder
set -eu
: "${TARGET?}" "${NAME?}" "${KIND:?}"

refuse() {
    printf '%s\n' "$*" >&2
    exit 9
}

find_path "$TARGET"
# shellcheck disable=SC2154 # path.sh sets it
TARGET=$path

if [ -d "$TARGET" ]; then
    final=${TARGET%/}${NAME:+/$NAME}
    [ -n "$final" ] || final=/
else
    final=$TARGET
    while [ "$final" != "${final%/}" ]; do final=${final%/}; done
    [ "$KIND" = folder ] || [ "$final" = "$TARGET" ] || refuse "there is no folder \`$TARGET\`"
fi
parent=${final%/*}/
[ -d "$parent" ] || refuse "there is no folder \`$parent\`"
case $KIND in
file)
    [ ! -d "$final" ] || refuse "\`$final\` is a folder, and no file can be put in its place"
    # As \`cp\` does: what a link leads to is what is meant.
    if [ -L "$final" ] && [ -e "$final" ]; then
        final=$(readlink -f -- "$final")
        parent=${final%/*}/
    fi
    ;;
folder)
    if [ -d "$final" ]; then
        parent=$final/
    elif [ -e "$final" ] || [ -L "$final" ]; then
        refuse "\`$final\` is no folder, and no folder can be put in its place"
    fi
    ;;
esac
[ -w "$parent" ] || refuse "\`$parent\` is not writable for $(id -un)"

# A name that is known before anything is there, so that it can be removed whenever a signal comes.
temporary=$parent.dojo-copy.$$
# clean_up is called by the trap.
# shellcheck disable=SC2317,SC2329
clean_up() {
    chmod -R u+rwX -- "$temporary" 2>/dev/null || true
    rm -rf -- "$temporary"
}
trap clean_up EXIT
# Not every shell runs the line above when a signal ends it.
trap 'exit 143' HUP INT TERM PIPE
mkdir -m 700 -- "$temporary"

# unpack FOLDER: what comes is in there then.
unpack() {
    status=0
    tar -xf - --no-same-owner -p -C "$1" <&3 || status=$?
    [ "$status" -eq 0 ] && return
    # tar does not always say that.
    [ "$(stat -f -c %a -- "$1")" -ne 0 ] || refuse "no space is left for \`$final\`"
    exit "$status"
}

if [ "$KIND" = file ]; then
    unpack "$temporary"
    mv -fT -- "$temporary/it" "$final"
    exit
fi
mkdir -- "$temporary/it"
unpack "$temporary/it"
if [ ! -d "$final" ]; then
    mv -T -- "$temporary/it" "$final"
    exit
fi

# What is there already stays, but for what has the name of something that comes.
cd -- "$temporary/it"
clashes=$(find . -mindepth 1 -exec sh -c '
    final=$1
    shift
    for it do
        there=$final/${it#./}
        if [ -d "$it" ] && [ ! -L "$it" ]; then
            if [ -L "$there" ] || { [ -e "$there" ] && [ ! -d "$there" ]; }; then
                echo "\`$there\` is no folder, and no folder can be put in its place"
            fi
        elif [ -d "$there" ] && [ ! -L "$there" ]; then
            echo "\`$there\` is a folder, and no file can be put in its place"
        fi
    done' sh "$final" {} +)
[ -z "$clashes" ] || refuse "$clashes"
# That what it has found is elsewhere then is nothing that `find` likes.
find . -mindepth 1 -exec sh -c '
    there=$2/${3#./}
    # A folder that is there as well is gone through.
    if [ -d "$there" ] && [ ! -L "$there" ]; then exit 1; fi
    mv -fT -- "$3" "$there" 2>>"$1/failed" || :' sh "$temporary" "$final" {} \; -prune 2>/dev/null || :
if [ -s "$temporary/failed" ]; then
    cat -- "$temporary/failed" >&2
    exit 1
fi
