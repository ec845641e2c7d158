#!/bin/sh
# What a lesson wants to know of this machine. Each answer is in lines that begin with `look NUMBER`; texts are in base64, so that
# nothing in them is taken for something else. Nothing is changed here.

# How much of a text is told, in bytes, and how many lines of a journal.
most=65536
lines=100

tell() {
    echo "look $1 $2 $(head -c "$most" | base64 -w 0)"
}

# A file: how many lines it has, and the end of it.
look_file() {
    if [ ! -e "$2" ]; then
        echo "look $1 missing"
    elif [ ! -f "$2" ] || [ ! -r "$2" ]; then
        echo "look $1 failed"
        echo "it is no file that can be read" | tell "$1" error
    else
        echo "look $1 lines $(wc -l <"$2")"
        tail -c "$most" "$2" | tell "$1" text
    fi
}

# A unit of systemd.
look_unit() {
    systemctl show --property LoadState,ActiveState,SubState -- "$2" 2>&1 | tell "$1" unit
}

# The lines of a unit's journal since a moment, in seconds of the epoch, that fit an extended regular expression.
look_journal() {
    journalctl --unit "$2" --since "@$3" --output short-unix --no-pager --quiet 2>/dev/null |
        grep -E -e "$4" | tail -n "$lines" | tell "$1" journal
}

# A script: its status, and the first line that it prints. What programs in it complain of is told only where it prints nothing.
look_script() {
    complaints=$(mktemp -p /dev/shm)
    said=$(timeout 15 bash -c "$2" 2>"$complaints")
    echo "look $1 exit $?"
    [ -n "$said" ] || said=$(cat "$complaints")
    rm -f "$complaints"
    echo "$said" | head -n 1 | head -c 500 | tell "$1" said
}
