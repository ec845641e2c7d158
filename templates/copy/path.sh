#!/bin/sh
# For the other scripts here, which come after it: where a path leads that a person has said.

# find_path PATH: sets `path`, absolute, or relative to the home if that is where this begins.
find_path() {
    # shellcheck disable=SC2034 # it is for those that come after
    case $1 in
    '~') path=$HOME ;;
    [~]/*) path=$HOME/${1#??} ;;
    /*) path=$1 ;;
    *) path=$PWD/$1 ;;
    esac
}
