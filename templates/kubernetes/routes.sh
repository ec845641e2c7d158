#!/bin/sh
# Written by clusterdojo. Leads to the pods of the other nodes and to the API; runs at boot and whenever peers change.
set -eu
cd /etc/clusterdojo

# Our routes are told from others by this number (rtnetlink(7): protocols above 4 are free to use).
ours=179
while read -r pods address; do
    [ -n "$pods" ] || continue
    ip route replace "$pods" via "$address" proto "$ours"
done <peers
ip -o route show proto "$ours" | while read -r pods _; do
    grep -q "^$pods " peers || ip route del "$pods" proto "$ours"
done

# once TABLE RULE…: adds a rule as the first of its chain, unless it is there.
once() {
    table=$1 chain=$2
    shift 2
    iptables -w -t "$table" -C "$chain" "$@" 2>/dev/null || iptables -w -t "$table" -I "$chain" "$@"
}
all=$(cat pods)
# Pods have no place in the outside world, so there they speak with the address of their node.
once nat POSTROUTING -s "$all" ! -d "$all" -m comment --comment clusterdojo -j MASQUERADE
# Docker closes the way through machines that it runs on.
once filter FORWARD -s "$all" -m comment --comment clusterdojo -j ACCEPT
once filter FORWARD -d "$all" -m comment --comment clusterdojo -j ACCEPT

# Pods ask the API at the address of its service, which leads nowhere until kube-proxy, itself a pod, has written its
# rules. CoreDNS begins beside it, and would ask again only seconds later: for a connection that is still being made
# nothing changes. Last in their chains, these rules count only until there are others.
read -r service server <api
if [ -n "$server" ]; then
    set -- -d "$service" -p tcp --dport 443 -m comment --comment clusterdojo -j DNAT --to-destination "$server"
    for chain in PREROUTING OUTPUT; do
        iptables -w -t nat -C "$chain" "$@" 2>/dev/null || iptables -w -t nat -A "$chain" "$@"
    done
fi
