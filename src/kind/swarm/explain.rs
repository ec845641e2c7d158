//! A swarm, told to a reader.

/// What the swarm is made of, as commands that a reader can type on the machines.
pub(super) fn explain() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        (
            "begin the swarm",
            "The first manager makes the swarm, its certificate authority and its join tokens. The \
             address that others reach it at is named, because it must never change. Overlay networks get \
             addresses of a range in which no machine is, or nobody in them could reach the machines.",
            "docker swarm init --advertise-addr ADDRESS_OF_MANAGER_1 \\\n  \
               --default-addr-pool 10.0.0.0/12 --default-addr-pool-mask-length 24",
        ),
        (
            "join the swarm",
            "A join token holds the fingerprint of the swarm's authority and a secret, so that each \
             side knows the other. Managers join one at a time, workers all at once.",
            "docker swarm join-token -q worker          # on manager-1\n\
             docker swarm join --token TOKEN --advertise-addr OWN_ADDRESS ADDRESS_OF_MANAGER_1:2377",
        ),
        (
            "wait until all nodes are ready",
            "A node that has joined still has to report to the managers before it is given work.",
            "docker node ls",
        ),
    ]
}
