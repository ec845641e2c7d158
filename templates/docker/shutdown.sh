#!/bin/sh
# Stands in the place of systemd-shutdown, the last that runs on a machine. A container cannot ask the kernel for
# a reboot, so it says with its exit status what it wants: the engine starts it again unless that is 0.
case $1 in
reboot | kexec)
    shift
    # Of two exit codes the last one counts, and systemd gives one as well.
    set -- exit "$@" --exit-code=75
    ;;
esac
exec /usr/lib/systemd/systemd-shutdown.real "$@"
