#!/bin/sh
# Plays an external driver for every way to go wrong. Its own name, behind `dojo-driver-`, says which; the
# place of its links is where it leaves notes.
set -u
name=${0##*/dojo-driver-}
notes=${0%/*}
request=$(cat)
operation=${request#*\"operation\":\"}
operation=${operation%%\"*}

say() { printf '{"protocol":1,%s}\n' "$1"; }
fail() {
    say "\"error\":{$1}"
    exit 1
}
# A process of its own, which nobody ends but whoever gives up on this.
idle() {
    sleep 600 &
    echo "$$ $!" >"$notes/pids"
    wait
}

if [ "$operation" = capabilities ]; then
    case $name in
        stranger) printf '{"protocol":2,"result":{}}\n' ;;
        mute) idle ;;
        numberless) printf '{"result":{}}\n' ;;
        hang | stubborn | patient) say '"result":{"timeouts":{"check":1,"create":600}}' ;;
        picky)
            say '"result":{"description":"Machines of sand","options":[
                {"name":"size","type":"integer","description":"grains","default":7},
                {"name":"beach","description":"where the sand is","required":true},
                {"name":"colour","choices":["red","white"]}]}' | tr -d '\n'
            echo
            ;;
        tidal) say '"result":{"options":[{"name":"beach","required":true},{"name":"depth","default":"low"}]}' ;;
        *) say '"result":{"description":"goes wrong"}' ;;
    esac
    exit
fi

case $name-$operation in
    crash-check)
        echo "Traceback: the sky" >&2
        echo "is falling" >&2
        exit 3
        ;;
    killed-check) kill -9 $$ ;;
    hang-check)
        say '"progress":"looking around"'
        idle
        ;;
    stubborn-check)
        trap '' TERM
        while :; do idle; done
        ;;
    babble-check) echo "Hello, I am a driver." ;;
    endless-check)
        head -c 2000000 /dev/zero | tr '\0' x
        echo
        ;;
    silent-check) say '"progress":"looking around"' ;;
    empty-check) say '"nothing":1' ;;
    misfit-check) say '"result":{"discoveries":[]}' ;;
    chatty-check)
        say '"result":{"findings":[]}'
        say '"progress":"and another thing"'
        ;;
    late-check)
        say '"result":{"findings":[]}'
        exit 7
        ;;
    lingering-check)
        say '"result":{"findings":[]}'
        idle
        ;;
    parent-check)
        say '"result":{"findings":[{"level":"ok","subject":"child","detail":"left running"}]}'
        sleep 600 &
        echo "$!" >"$notes/pids"
        ;;
    unwell-check) fail '"kind":"failed","message":"the moon is full"' ;;
    far-check) fail '"kind":"unreachable","place":"the moon","message":"no route"' ;;
    odd-check) fail '"kind":"melancholy"' ;;
    sick-check)
        say '"warning":"the tide is coming"'
        say '"result":{"findings":[{"level":"problem","subject":"sand","detail":"wet","fix":"wait"}]}'
        ;;
    picky-check)
        echo "$request" >"$notes/asked"
        say '"result":{"findings":[]}'
        ;;
    *-check) say '"result":{"findings":[]}' ;;

    picky-list)
        echo "$request" >"$notes/asked"
        say '"result":{"machines":[]}'
        ;;
    tidal-list)
        # Its machine is at one beach only, until the tide takes it.
        echo "$request" >"$notes/asked"
        machines=
        case $request in
            *'"beach":"north"'*)
                if [ ! -e "$notes/tide" ]; then
                    machines='{"labels":{"io.clusterdojo.cluster":"sand","io.clusterdojo.cluster-id":"1",
                        "io.clusterdojo.machine":"machine-1","io.clusterdojo.orchestrator":"none"},
                        "handle":"a","state":"running","private_ip":"192.0.2.1"}'
                fi
                ;;
        esac
        say "\"result\":{\"machines\":[$machines]}" | tr -d '\n'
        echo
        ;;
    tidal-destroy)
        : >"$notes/tide"
        say '"result":{}'
        ;;
    stray-list)
        say '"result":{"machines":[{"labels":{"io.clusterdojo.cluster":"other",
            "io.clusterdojo.cluster-id":"1","io.clusterdojo.machine":"worker-1",
            "io.clusterdojo.orchestrator":"none"},"handle":"a","state":"running",
            "private_ip":"192.0.2.1"}]}' | tr -d '\n'
        echo
        ;;
    bare-list) say '"result":{"machines":[{"labels":{},"handle":"a","state":"running","private_ip":"::1"}]}' ;;
    *-list) say '"result":{"machines":[]}' ;;

    full-prepare) fail '"kind":"unsupported","message":"the beach is full"' ;;
    taken-prepare) fail '"kind":"taken","resource":"bucket 1","owner":"a child"' ;;
    foreign-prepare) fail '"kind":"foreign","subject":"a castle"' ;;
    picky-prepare)
        echo "$request" >"$notes/request"
        fail '"kind":"unsupported","message":"seen"'
        ;;
    *-prepare | *-cleanup) say '"result":{}' ;;

    faint-create) exit 3 ;;
    patient-create) idle ;;
    leaking-create)
        # As a language's runtime does that prints what it choked on.
        echo "$request" >&2
        printf '%b\n' "$request" >&2
        echo "$request"
        ;;
    wrong-create)
        say '"result":{"machine":{"labels":{"io.clusterdojo.cluster":"other",
            "io.clusterdojo.cluster-id":"1","io.clusterdojo.machine":"worker-1",
            "io.clusterdojo.orchestrator":"none"},"handle":"a","state":"running",
            "private_ip":"192.0.2.1"}}' | tr -d '\n'
        echo
        ;;
    *)
        echo "$name does not play $operation" >&2
        exit 9
        ;;
esac
