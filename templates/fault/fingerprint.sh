#!/bin/sh
# Prints what faults change of a machine, one thing a line and in order, so that before and after can be compared.
set -u

has() { command -v "$1" >/dev/null 2>&1; }

for unit in containerd.service docker.socket docker.service kubelet.service haproxy.service ssh.service; do
    state=$(systemctl show --property LoadState,UnitFileState,ActiveState,SubState --value "$unit" | xargs)
    echo "unit $unit $state"
done
systemctl list-units --all --plain --no-legend 'clusterdojo-*' | awk '{ print "unit", $1, $2, $3, $4 }' | sort
systemctl list-units --failed --plain --no-legend | awk '{ print "failed", $1 }' | sort
# Frozen programs.
ps -eo stat=,comm= | awk '$1 ~ /^T/ { print "frozen", $2 }' | sort
# In whatever order: who starts later puts its rules ahead.
if has iptables-save; then
    # The engine of a machine that is a container answers for names there, each time at other ports.
    iptables-save 2>/dev/null | grep -v 127.0.0.11 | awk '/^\*/ { table = $1 } /^:/ { print "chain", table, $1, $2 } /^-/ { print "rule", table, $0 }' | sort
fi
if has tc; then tc qdisc show | grep -v ' dev veth' | sed 's/^/qdisc /' | sort; fi
# Those of containers and pods come and go.
awk '$2 !~ "^(/var/lib/docker/(overlay2|containers|rootfs|volumes)|/var/lib/kubelet/pods|/run/(docker|containerd|netns|credentials|user))" \
    { print "mount", $2, $3 }' /proc/mounts | sort
sysctl -a 2>/dev/null | grep -E '^(kernel\.(panic|sysrq|printk)|net\.bridge|net\.ipv4\.(ip_forward|conf\.(all|default)\.)|net\.ipv6\.conf\.all\.(forwarding|disable)|vm\.(overcommit|panic|swappiness))' |
    sed 's/^/sysctl /' | sort
# Unit files, settings and certificates.
for place in /etc/systemd/system /etc/clusterdojo /etc/docker /etc/kubernetes /var/lib/kubelet/config.yaml; do
    if [ -e "$place" ]; then
        find "$place" -type l -printf 'link %p %l\n' -o -type d -printf 'directory %p %m\n' -o \
            -type f -printf 'file %p %m %u ' -exec sh -c 'sha256sum <"$1"' sh {} \;
    fi
done | sort
