#!/bin/sh
# Connects this node's pods with those of its peers: one bridge on each node, and a route to the pods of
# each peer by way of that peer. Good for machines on one layer-2 network.
#
# NODE_PODS  the addresses of this node's pods
# ALL_PODS   the addresses of all pods
# PEERS      lines of "the peer's pods", "the peer's address"
# API        "the address of its service", "where it is itself"; empty, if that is not known
# ROUTES     the script that makes the routes
set -eu
: "${NODE_PODS:?}" "${ALL_PODS:?}" "${PEERS?}" "${API?}" "${ROUTES:?}"

put() {
    if [ ! -e "$1" ] || [ "$(cat "$1")" != "$2" ]; then
        [ -d "${1%/*}" ] || mkdir -p "${1%/*}"
        printf '%s\n' "$2" >"$1.new"
        mv "$1.new" "$1"
    fi
}

put /etc/cni/net.d/10-clusterdojo.conflist '{
  "cniVersion": "0.4.0",
  "name": "clusterdojo",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "'"$NODE_PODS"'" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}'
put /etc/clusterdojo/pods "$ALL_PODS"
put /etc/clusterdojo/peers "$PEERS"
put /etc/clusterdojo/api "$API"
put /etc/clusterdojo/routes.sh "$ROUTES"
# Routes and rules are gone after a boot, so a unit brings them back.
put /etc/systemd/system/clusterdojo-routes.service '[Unit]
Description=Routes to the pods of the other nodes, and the way to the API
After=network.target
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /etc/clusterdojo/routes.sh

[Install]
WantedBy=multi-user.target'
[ -e /etc/systemd/system/multi-user.target.wants/clusterdojo-routes.service ] ||
    systemctl --quiet --no-reload enable clusterdojo-routes.service
sh /etc/clusterdojo/routes.sh
