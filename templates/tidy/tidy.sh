#!/bin/sh
# What follows `things` and `remove`, which say what there is, and take away one of it. Lists all of it, or removes what was not there
# before. Inputs: BASELINE, lines of what is to stay, one of which fits WHOLE; MODE: list, or remove; SLOWLY, the seconds that may take.

is_new() {
    ! printf '%s\n' "$BASELINE" | grep -qxF -- "$1"
}

# What is there and was not, one a line.
new() {
    now=$(things) || return 1
    printf '%s\n' "$now" | while read -r thing; do
        if is_new "$thing"; then printf '%s\n' "$thing"; fi
    done
}

if [ "$MODE" = remove ]; then
    # Whoever has lost the list must not remove everything.
    printf '%s\n' "$BASELINE" | grep -q -- "$WHOLE" || {
        echo "the list of what was there before is not whole" >&2
        exit 1
    }
    end=$(($(date +%s) + SLOWLY * ${PATIENCE:-1}))
    while [ "$(date +%s)" -lt "$end" ]; do
        if left=$(new); then
            [ -n "$left" ] || break
            printf '%s\n' "$left" | while read -r thing; do
                # shellcheck disable=SC2086 # A word each.
                remove $thing >/dev/null 2>&1 || true
            done
        fi
        sleep 0.5
    done
fi
# A cluster may be without a leader for a moment.
tries=5
until all=$(things); do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 2
done
printf '%s\n' "$all" | sort
