//! Which command helps after which error. Only here are flags and commands named, so that nothing below needs to know of them.

use crate::driver::registry;
use crate::event::chain;
use crate::model::{ClusterName, KubernetesVersion, Machine, MachineId, MachineName, MachineState};
use crate::{
    bootstrap, bundle, context, driver, fault, import, learn, provision, remote, snapshot, store,
    workflow,
};

use super::error::{Error, listed, remote_cause};

/// What helps, in the order in which it is to be tried; about a cluster, if it is known which.
#[expect(clippy::too_many_lines, reason = "a list, with an entry for each error")]
pub(super) fn hints(error: &Error, cluster: Option<&ClusterName>) -> Vec<String> {
    let error = match error {
        Error::About { cluster, source } => return hints(source, Some(cluster)),
        Error::Untold(source) => return hints(source, cluster),
        Error::CutOff { hint, .. } => return vec![(*hint).to_owned()],
        Error::Workflow(error) => error,
        Error::Lesson(error) => return lesson_hints(error),
        Error::TooDear { .. } => {
            return vec!["--max-hourly agrees to more, and --yes to anything".to_owned()];
        }
        Error::Untrusted { path, .. } => {
            return vec![format!(
                "read it first; `dojo up -f {path} --trust` then agrees to these contents"
            )];
        }
        Error::StrayFlag { right, .. } => return vec![format!("perhaps `{right}` is meant")],
        Error::NoEngine { machine, api } => {
            let mut hints = vec![format!("`dojo ssh {machine}` opens a shell on it")];
            hints.extend(api.map(|api| {
                let cluster = &machine.cluster;
                format!(
                    "the API of `{cluster}` is at https://{api}; `dojo use {cluster}` points kubectl at it"
                )
            }));
            return hints;
        }
        Error::OtherFiles { cluster, files, variable } => {
            let files = listed(files);
            return vec![format!(
                "`export {variable}='{files}'` has it read; then `dojo use {cluster}` selects it"
            )];
        }
        Error::NoSshfs => {
            return vec![
                "`apt-get install sshfs` installs it on Debian and Ubuntu".to_owned(),
                "`dojo cp` copies without it".to_owned(),
            ];
        }
        Error::NoHttps(_) => {
            return vec![
                "`apt-get install ca-certificates` installs them on Debian and Ubuntu".to_owned(),
            ];
        }
        Error::NoneActive => {
            return vec!["`dojo use NAME` selects one, and `dojo ls` lists them".to_owned()];
        }
        Error::Exists(_) => {
            return vec!["--force overwrites it, or name another file".to_owned()];
        }
        Error::Untaken => return vec!["--yes takes them without asking".to_owned()],
        Error::Import(error) => return import_hints(error),
        Error::Unasked => return vec!["--yes removes it without asking".to_owned()],
        _ => return Vec::new(),
    };
    match error {
        workflow::Error::Driver(error) => driver_hints(error, cluster),
        workflow::Error::Remote(remote::Error::Timeout { machine, .. }) => {
            vec![format!("`dojo start {machine}` starts it if it is off, and mends it if it can")]
        }
        workflow::Error::Remote(error)
        | workflow::Error::Provision(provision::Error::Remote(error)) => {
            remote_hints(error, cluster)
        }
        workflow::Error::Store(error) => store_hints(error),
        workflow::Error::Fault(error) => fault_hints(error),
        workflow::Error::Snapshot(error) => snapshot_hints(error),
        workflow::Error::Bundle(error)
        | workflow::Error::Provision(provision::Error::Bundle(error)) => bundle_hints(error),
        workflow::Error::Context(context::Error::Foreign { .. }) => {
            vec!["`docker context rm` removes it, or choose another cluster name".to_owned()]
        }
        workflow::Error::Context(context::Error::Unclear { path, .. }) => vec![format!(
            "mend `{}` so that it says everything once, then run the same command again",
            path.display()
        )],
        workflow::Error::Context(context::Error::Missing(_)) => missing("DOCKER_CONFIG", cluster),
        workflow::Error::Kubeconfig(context::kubeconfig::Error::Missing(_)) => {
            missing("KUBECONFIG", cluster)
        }
        workflow::Error::NotReady(_) => {
            vec!["`dojo doctor` shows everything it looked at".to_owned()]
        }
        workflow::Error::UnknownCluster(name) => {
            vec![format!("`dojo ls` lists the clusters, `dojo up {name}` makes one of that name")]
        }
        workflow::Error::StateLost { cluster, left, survivor, .. } => {
            state_hints(cluster, left, survivor.as_deref())
        }
        workflow::Error::Images(refused) => refused.iter().map(image_hint).collect(),
        workflow::Error::Changed(_) => vec!["the same command again takes it as it is now".to_owned()],
        workflow::Error::UnknownMachine { cluster, .. } => {
            vec![format!("`dojo status {cluster}` lists its machines")]
        }
        workflow::Error::NotOn { machine, .. } => {
            vec![format!("`dojo start {machine}` starts it")]
        }
        workflow::Error::NoWatch { machine: MachineId { cluster, .. }, .. } => vec![
            format!("`systemd-run --user --unit dojo-watch dojo watch {cluster}` has this computer watch instead"),
        ],
        workflow::Error::WatchKept { machine, .. } => vec![format!(
            "`dojo start {machine}` mends it if it can; then the same command again removes the watch"
        )],
        workflow::Error::NotWhole(cluster) => {
            vec![format!("`dojo up {cluster}` does what is left to do")]
        }
        workflow::Error::NoAddress { address, .. } => vec![
            format!(
                "on the other computer, `ssh -N -L {port}:{address} USER@THIS-COMPUTER` leads there while it runs; what \
                 this command writes without --external works there then",
                port = address.port()
            ),
            "clusters of --driver ssh and --driver ec2 have addresses that other computers reach".to_owned(),
        ],
        workflow::Error::NotNamed { machine: MachineId { cluster, .. }, .. } => {
            vec![format!("`dojo up {cluster}` renews certificates that have expired or do not fit")]
        }
        workflow::Error::NoRecord { cluster, .. } => vec![
            format!("`dojo down {cluster} --yes` removes them, if they are yours to remove"),
            format!("`dojo repair {cluster}` takes them over again, if their keys are still here"),
        ],
        workflow::Error::Surplus { cluster, .. } => vec![
            format!("`up` takes no machine away; `dojo scale {cluster}` does, after emptying it"),
            format!("`dojo down {cluster}` removes the whole cluster"),
        ],
        workflow::Error::OtherKind { cluster, .. } => {
            vec![format!("`dojo down {cluster}` removes it, or choose another name")]
        }
        workflow::Error::OtherHome { cluster, .. } => vec![
            "a home is what DOJO_HOME names: another user's, or another one of yours; choose another name, for a lesson \
             with --cluster NAME"
                .to_owned(),
            format!("`dojo down {cluster} --yes --other-homes` removes it all the same"),
        ],
        workflow::Error::SeveralClusters { cluster, .. } => {
            vec![format!("`dojo down {cluster} --yes` removes all of them")]
        }
        workflow::Error::Lost(lost) if lost.of_record => lost_hints(&lost.cluster),
        workflow::Error::Lost(lost) => {
            let cluster = &lost.cluster;
            vec![
                "--driver, --docker-host and --region of `dojo repair` and `dojo down` name another place"
                    .to_owned(),
                format!(
                    "`dojo repair {cluster} --forget` does without those that were not found, and `dojo down \
                     {cluster} --yes --forget` removes what is found and forgets the rest"
                ),
            ]
        }
        workflow::Error::NothingFound { cluster, .. } => lost_hints(cluster),
        workflow::Error::OtherPlace { cluster, .. } => vec![
            format!("`dojo inspect {cluster}` shows where it is"),
            format!("`dojo down {cluster}` removes it there, or choose another name"),
        ],
        workflow::Error::Unchangeable { cluster, .. } => vec![
            format!("`dojo inspect {cluster}` shows what it is"),
            format!("`dojo down {cluster}` removes it, so that it can be made anew"),
        ],
        workflow::Error::Left { cluster, noted, .. } => {
            let forget = if *noted { "" } else { " --forget" };
            vec![format!(
                "once these files can be written, `dojo down {cluster}{forget}` removes what is left"
            )]
        }
        workflow::Error::HalfRemoved(cluster) => {
            vec![format!(
                "`dojo down {cluster}` removes the rest, `dojo up {cluster}` makes it anew"
            )]
        }
        workflow::Error::NoKeys(cluster) => {
            vec![format!("`dojo down {cluster} --yes` removes its machines")]
        }
        workflow::Error::Interrupted
        | workflow::Error::Bootstrap(bootstrap::Error::Interrupted) => {
            let mut hint = "the same command again goes on from here".to_owned();
            if let Some(cluster) = cluster {
                hint.push_str(&format!("; `dojo status {cluster}` shows what is there"));
            }
            vec![hint]
        }
        workflow::Error::Listen { .. } => {
            vec![
                "a free port is found if none is given, as in `dojo forward worker-1 80`"
                    .to_owned(),
            ]
        }
        workflow::Error::NoLeader(cluster) => {
            vec![format!("`dojo status {cluster}` tells how its machines are")]
        }
        workflow::Error::OldRelease { cluster, .. } => vec![format!(
            "`dojo down {cluster}` removes what is there of it; `dojo up {cluster} --kubernetes` then makes it of \
             Kubernetes {}",
            KubernetesVersion::NEWEST
        )],
        workflow::Error::LacksContainerd { .. } => vec![
            "`dojo bundle create` with this --kubernetes-version makes one that brings it".to_owned(),
            format!("releases up to {} do without", KubernetesVersion::LAST_FOR_CONTAINERD_1),
        ],
        workflow::Error::Unhealthy { cluster, .. } => vec![
            format!("`dojo status {cluster}` tells how its machines are"),
            format!("`dojo up {cluster}` mends what it can; a node that was cordoned by hand is yours"),
        ],
        workflow::Error::OtherRelease { cluster, .. } => vec![format!(
            "`dojo upgrade {cluster}`, with the same --bundle or --kubernetes-version, brings it there"
        )],
        workflow::Error::UnderWay { cluster, .. } => {
            vec![format!("`dojo upgrade {cluster}` ends the one that is under way")]
        }
        workflow::Error::Leap { version, .. } => {
            vec![format!("upgrade to 1.{} first", version.minor + 1)]
        }
        workflow::Error::Machines(failure) => machines_hints(failure),
        workflow::Error::Bootstrap(bootstrap::Error::NoQuorum { cluster, noun, .. }) => vec![
            format!("`dojo start {cluster}` starts machines that are off"),
            format!(
                "`dojo up {cluster} --recreate` removes what is left, and makes a new, empty {noun}"
            ),
        ],
        workflow::Error::Bootstrap(_) => {
            vec!["the same command again goes on from here".to_owned()]
        }
        _ => Vec::new(),
    }
}

fn lesson_hints(error: &learn::Error) -> Vec<String> {
    match error {
        learn::Error::NotBegun => {
            vec!["`dojo lesson start` begins the first one, `dojo lesson ls` lists all".to_owned()]
        }
        learn::Error::Unknown { near, .. } if !near.is_empty() => {
            vec![format!("perhaps {} is meant", near.join(" or "))]
        }
        learn::Error::Unknown { .. } => vec!["`dojo lesson ls` lists them".to_owned()],
        learn::Error::Gone { from: Some(from), .. } => {
            vec![format!(
                "`dojo lesson start --from {}` begins it anew; what you have passed stays passed",
                remote::quote(&from.display().to_string())
            )]
        }
        learn::Error::Gone { lesson, .. } | learn::Error::NoStep { lesson, .. } => {
            vec![format!(
                "`dojo lesson start {lesson}` begins it anew; what you have passed stays passed"
            )]
        }
        learn::Error::Elsewhere { .. } => {
            vec!["`dojo lesson watch` looks at that one".to_owned()]
        }
        learn::Error::NotPassed { .. } => {
            vec!["`dojo lesson check` tells what it lacks, `dojo lesson hint` helps".to_owned()]
        }
        learn::Error::Unfit { cluster, lesson, is_ours: true, .. } => vec![format!(
            "`dojo down {cluster}` removes it; `dojo lesson start {lesson}` makes one that suits then"
        )],
        learn::Error::Unfit { lesson, .. } => {
            vec![format!("`dojo lesson start {lesson}` without --cluster makes one that suits")]
        }
        learn::Error::Damaged { path, .. } if path.ends_with("inventory.json") => {
            vec!["`dojo lesson reset --hard` makes the cluster anew".to_owned()]
        }
        learn::Error::Damaged { path, .. } if !path.ends_with("lesson.json") => {
            vec!["`dojo lesson reset` begins the lesson again".to_owned()]
        }
        learn::Error::Damaged { path, .. } => vec![format!(
            "move `{}` away, then `dojo lesson start` begins again; what you have passed stays passed",
            path.display()
        )],
        learn::Error::Solution { .. } => vec![
            "`dojo lesson check` tells how it stands, `dojo lesson reset` puts the cluster back"
                .to_owned(),
        ],
        _ => Vec::new(),
    }
}

fn import_hints(error: &import::Error) -> Vec<String> {
    match error {
        import::Error::Unknown { .. } => {
            vec!["MACHINE_STORAGE_PATH names another place where docker-machine keeps them".to_owned()]
        }
        import::Error::OtherDriver { .. } => vec![
            "`dojo up --engines` makes machines that are containers of this computer".to_owned(),
            "a host that `ssh` reaches is taken by `dojo up --engines --driver ssh --host USER@HOST`".to_owned(),
        ],
        import::Error::NoAddress(name) => {
            vec![format!("`docker-machine start {name}` starts it and notes its address")]
        }
        import::Error::Damaged { .. }
        | import::Error::Odd { .. }
        | import::Error::NoKey { .. } => vec![
            "where you can reach the host yourself: `dojo up --engines --driver ssh --host USER@HOST --identity KEY`"
                .to_owned(),
        ],
        import::Error::NoHome | import::Error::Unreadable { .. } => Vec::new(),
    }
}

fn lost_hints(cluster: &ClusterName) -> Vec<String> {
    vec![
        "--docker-host, --region and --driver-opt of `dojo down` and `dojo up` name another place"
            .to_owned(),
        format!(
            "`dojo down {cluster} --forget` forgets it, with its keys, if its machines are gone"
        ),
    ]
}

fn state_hints(
    cluster: &ClusterName,
    left: &[MachineName],
    survivor: Option<&Machine>,
) -> Vec<String> {
    let mut hints = Vec::new();
    if let Some(machine) = survivor {
        let (name, address) = (machine.id.name, machine.private_ip);
        let sudo = if machine.user == "root" { "" } else { "sudo " };
        if machine.state != MachineState::Running {
            hints.push(format!("`dojo start {cluster}/{name}` starts one that still has it"));
        }
        hints.push(format!(
            "`dojo ssh {cluster}/{name} -- {sudo}docker swarm init --force-new-cluster --advertise-addr \
             {address}` goes on with what {name} has, and `dojo up {cluster}` makes the others"
        ));
    }
    hints.push(format!(
        "`dojo up {cluster} --recreate` makes it anew, empty{}",
        match left {
            [] => "",
            _ => ", and removes what is still there",
        }
    ));
    hints
}

fn image_hint(refused: &workflow::Unloadable) -> String {
    // A context that is selected may be that of the very cluster.
    match refused {
        workflow::Unloadable::Absent(name) => format!(
            "`docker --context default pull {name}` or `build --tag {name}` puts it there; `docker \
             --context default image ls` lists what there is"
        ),
        workflow::Unloadable::Nameless(text) => {
            format!("`docker --context default tag {text} NAME:TAG` names it, then load `NAME:TAG`")
        }
    }
}

fn bundle_hints(error: &bundle::Error) -> Vec<String> {
    match error {
        bundle::Error::Truncated { .. } | bundle::Error::Checksum { .. } => {
            vec!["copy or download it once more".to_owned()]
        }
        bundle::Error::Newer { .. } => vec!["use the newer clusterdojo".to_owned()],
        bundle::Error::OtherArchitecture { .. } | bundle::Error::OtherVersion { .. } => {
            vec!["`dojo bundle inspect FILE` tells what a bundle is for".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// What helps where a context is not in the files that are read.
fn missing(variable: &str, cluster: Option<&ClusterName>) -> Vec<String> {
    if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) {
        return vec![format!("{variable} is set and names other files; `unset {variable}` first")];
    }
    vec![format!("`dojo up {}` writes it again", placeholder(cluster))]
}

/// The cluster's name, as it is written in a command.
fn placeholder(cluster: Option<&ClusterName>) -> &str {
    cluster.map_or("NAME", ClusterName::as_str)
}

fn driver_hints(error: &driver::Error, cluster: Option<&ClusterName>) -> Vec<String> {
    let abandon = || format!("`dojo down {} --abandon` gives up", placeholder(cluster));
    match error {
        driver::Error::Unreachable { place, source } if place.contains("Docker engine") => {
            engine_hints(&chain(&**source))
        }
        driver::Error::NoCredentials { help, .. } | driver::Error::NotConfigured { help, .. } => {
            vec![help.clone()]
        }
        driver::Error::Absent { help: Some(help), .. } => vec![(*help).to_owned()],
        driver::Error::Absent { .. } => {
            let inside = registry::inside().filter(|kind| !kind.is_program() && !kind.is_for_tests());
            let names: Vec<_> = inside.map(|kind| kind.name().to_string()).collect();
            vec![format!(
                "the drivers inside are {}; any other is a program that must be executable and lie \
                 beside `dojo` or in a directory of the PATH",
                names.join(" and ")
            )]
        }
        driver::Error::Option { driver, .. } => {
            vec![format!("`dojo up --driver {driver} --help` tells which options it has")]
        }
        driver::Error::Held { holders, .. } => {
            holders.iter().map(|holder| format!("`{}` frees it", holder.command)).collect()
        }
        driver::Error::Taken { .. } => {
            vec!["choose another one, or free it; nothing was changed".to_owned()]
        }
        driver::Error::Foreign { .. } => {
            vec!["remove or rename it, or choose another cluster name".to_owned()]
        }
        driver::Error::NoLogin { host, .. } => {
            vec![
                format!("`ssh {host}` must work without a question; --identity names a key"),
                format!("{} hosts that are gone for good", abandon()),
            ]
        }
        driver::Error::NoHostKey { host } => vec![
            format!(
                "compare what `ssh {host}` shows with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` \
                 on its console, and say yes if they are the same"
            ),
            "or give the key itself: --host-key 'ssh-ed25519 AAAA…', or `host-key` in a spec file"
                .to_owned(),
        ],
        driver::Error::OtherHostKey { .. } => vec![
            "if the host was not installed anew, something is answering in its place".to_owned(),
            format!("{} hosts that are not what they were", abandon()),
        ],
        driver::Error::OtherHost { .. } => vec![
            "if it was not installed anew, its name or its entry in ssh's configuration leads elsewhere now"
                .to_owned(),
            format!("{} hosts that are not there any more", abandon()),
        ],
        driver::Error::Occupied { .. } => vec![
            "--adopt takes it all the same: what is there stays, but its engine is restarted and joins \
             the cluster"
                .to_owned(),
        ],
        _ => Vec::new(),
    }
}

/// What helps where no engine answers, by what was said.
fn engine_hints(said: &str) -> Vec<String> {
    let first = if said.to_lowercase().contains("permission denied") {
        "`sudo usermod -aG docker $USER`, and a new login, let you use the engine"
    } else if said.contains("no answer") {
        "it may hang, or be busy: `docker version` waits for it, too; on Debian and Ubuntu `sudo systemctl restart \
         docker` starts it anew"
    } else {
        "is Docker installed and running? On Debian and Ubuntu: apt-get install docker.io"
    };
    let other = "DOJO_DOCKER_HOST names another engine, as in unix:///run/docker.sock; where that of a cluster is \
                 now, --docker-host of `dojo up` and `dojo down` says";
    vec![first.to_owned(), other.to_owned()]
}

fn remote_hints(error: &remote::Error, cluster: Option<&ClusterName>) -> Vec<String> {
    match error {
        remote::Error::NoWay(error) => driver_hints(error, cluster),
        remote::Error::HostKeyMismatch { machine: MachineId { cluster, .. }, .. } => vec![format!(
            "if you did not change that machine yourself, something is answering in its place; \
             `dojo down {cluster}` and `dojo up {cluster}` make the cluster anew"
        )],
        remote::Error::Certificate { machine: MachineId { cluster, .. }, .. } => {
            vec![format!("`dojo up {cluster}` renews certificates that have expired or do not fit")]
        }
        remote::Error::Denied { machine: MachineId { cluster, .. }, .. } => {
            vec![format!("the machine was made with other keys; `dojo down {cluster}` removes it")]
        }
        remote::Error::NotBegun { machine, .. } => vec![format!(
            "a start-up file of the login shell on `{machine}` (`.bashrc`, `/etc/profile.d`, …) may print what \
             it likes, but must not end or replace the shell where nobody types"
        )],
        remote::Error::Silent { machine, .. } => {
            vec![format!("`dojo start {machine}` mends that")]
        }
        remote::Error::Script { machine, stderr, .. } if stderr.to_lowercase().contains(FULL) => {
            vec![
                format!(
                    "`dojo ssh {machine} -- df -h` shows which disk is full; machines that are containers have that of \
                 their engine"
                ),
                "once there is room, the same command goes on from here".to_owned(),
            ]
        }
        remote::Error::Script { machine, stderr, .. } if is_cut_off(stderr) => {
            let mut hints = vec![format!(
                "`{machine}` cannot reach what it is to fetch; where the way leads through a proxy, HTTPS_PROXY names \
                 it, and `dojo doctor` tells what is used"
            )];
            if stderr.to_lowercase().contains("k8s") {
                hints.push(
                    "with --bundle FILE Kubernetes needs no internet; `dojo bundle create` makes such a file"
                        .to_owned(),
                );
            }
            hints
        }
        _ => Vec::new(),
    }
}

/// Whether a script could not fetch something, by the words of curl, apt and containerd.
fn is_cut_off(stderr: &str) -> bool {
    let stderr = stderr.to_lowercase();
    let words = [
        "could not resolve",
        "temporary failure resolving",
        "no such host",
        "failed to connect",
        "could not connect",
        "failed to fetch",
        "network is unreachable",
        "connection timed out",
        "i/o timeout",
    ];
    words.iter().any(|words| stderr.contains(words))
}

fn fault_hints(error: &fault::Error) -> Vec<String> {
    match error {
        fault::Error::Unknown { near, .. } => {
            let meant = (!near.is_empty()).then(|| format!("perhaps {} is meant", either(near)));
            meant.into_iter().chain(["`dojo break` lists them".to_owned()]).collect()
        }
        fault::Error::Which { variants, .. } => vec![format!("say {}", either(variants))],
        fault::Error::Unfit { fitting, .. } => {
            vec![format!("{} would make sense there", either(fitting))]
        }
        fault::Error::Already { machine, .. } => {
            vec![format!("`dojo unbreak {machine}` undoes it")]
        }
        fault::Error::Off { machine, .. } => vec![format!("`dojo start {machine}` starts it")],
        fault::Error::Refused { .. } | fault::Error::Odd { .. } => Vec::new(),
    }
}

fn snapshot_hints(error: &snapshot::Error) -> Vec<String> {
    match error {
        snapshot::Error::Unfinished { cluster, .. } => {
            vec![format!("`dojo up {cluster}` does what is left to do")]
        }
        snapshot::Error::Off { cluster, .. } => vec![format!("`dojo start {cluster}` starts them")],
        snapshot::Error::Exists { cluster, name } => {
            vec![format!("choose another name, or `dojo snapshot rm {cluster}/{name}` removes it")]
        }
        snapshot::Error::Unknown { cluster, .. } => {
            vec![format!("`dojo snapshot ls {cluster}` lists them")]
        }
        snapshot::Error::NotWhole { cluster, name, .. }
        | snapshot::Error::OtherCluster { cluster, name } => vec![format!(
            "nothing was changed; it cannot be put back any more, and `dojo snapshot rm {cluster}/{name}` removes \
             what is left of it"
        )],
        snapshot::Error::OtherMachines { cluster, .. } => vec![format!(
            "nothing was changed; where only their number differs, `dojo scale {cluster}` takes away those that have \
             come"
        )],
        snapshot::Error::OtherRelease { .. } => {
            vec!["nothing was changed; a state is put back to the release that wrote it".to_owned()]
        }
        snapshot::Error::Driver { .. }
        | snapshot::Error::NoState { .. }
        | snapshot::Error::Odd { .. } => Vec::new(),
    }
}

/// Words of which one is to be chosen.
fn either(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [some @ .., last] if !some.is_empty() => format!("{} or {last}", some.join(", ")),
        words => words.concat(),
    }
}

/// What the C library calls it (ENOSPC, errno(3)).
const FULL: &str = "no space left on device";

fn store_hints(error: &store::Error) -> Vec<String> {
    match error {
        store::Error::Damaged { cluster, .. } => vec![
            format!("`dojo repair {cluster}` rebuilds it from the machines' labels"),
            format!("`dojo down {cluster} --yes` removes the cluster"),
        ],
        store::Error::Newer { .. } => vec!["use the newer clusterdojo".to_owned()],
        store::Error::ForeignHome { .. } => vec!["DOJO_HOME names another place".to_owned()],
        _ => Vec::new(),
    }
}

fn machines_hints(failure: &workflow::Failure) -> Vec<String> {
    let cluster = &failure.cluster;
    let mut hints: Vec<String> = Vec::new();
    for (machine, cause) in &failure.causes {
        for hint in machine_hints(failure, *machine, cause) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    // What a command of the user's ends with, nobody else knows how to mend.
    let is_theirs = |(_, cause): &(_, _)| matches!(cause, workflow::MachineError::Status(_));
    if hints.is_empty() && !failure.causes.iter().all(is_theirs) {
        match failure.work {
            workflow::Work::Make if failure.left.is_empty() => {
                hints.push("the same command again tries once more".to_owned());
            }
            workflow::Work::Make => {
                hints.push("the same command again keeps what is there and goes on".to_owned());
                hints.push(format!("`dojo down {cluster}` removes it all"));
            }
            workflow::Work::Remove => {
                hints.push(format!("`dojo down {cluster}` again removes what is left"));
            }
            workflow::Work::Tend | workflow::Work::Load => {
                hints.push(format!("`dojo status {cluster}` tells how its machines are"));
                hints.push("the same command again does what is left to do".to_owned());
            }
        }
    }
    hints
}

fn machine_hints(
    failure: &workflow::Failure,
    machine: MachineName,
    cause: &workflow::MachineError,
) -> Vec<String> {
    let cluster = &failure.cluster;
    match (remote_cause(cause), cause) {
        (Some(remote::Error::Timeout { .. }), _)
            if matches!(failure.work, workflow::Work::Tend | workflow::Work::Load) =>
        {
            vec![format!("`dojo restart {cluster}/{machine}` starts it again, if it hangs")]
        }
        (Some(error), _) => remote_hints(error, Some(cluster)),
        (_, workflow::MachineError::Driver(error)) => driver_hints(error, Some(cluster)),
        (_, workflow::MachineError::Provision(provision::Error::Bundle(error))) => {
            bundle_hints(error)
        }
        (_, workflow::MachineError::Image { source, .. }) => {
            machine_hints(failure, machine, source)
        }
        (_, workflow::MachineError::NotRunning(_)) => vec![format!(
            "`dojo start {cluster}/{machine}` starts it{}",
            if failure.work == workflow::Work::Load {
                ", and gives it what it has not got"
            } else {
                ""
            }
        )],
        (_, workflow::MachineError::NotFound(_)) => vec![format!(
            "`dojo up {cluster}` makes anew what is gone, if the cluster can do without what was on it"
        )],
        (_, workflow::MachineError::NotEmpty(_)) => {
            vec!["once nothing holds them, the same command again goes on from there".to_owned()]
        }
        (_, workflow::MachineError::Provision(provision::Error::Release { .. })) => {
            vec![format!("`dojo upgrade {cluster}` brings it to another release")]
        }
        (_, workflow::MachineError::Provision(provision::Error::OldContainerd { .. })) => vec![
            "containerd 2 is installed where no other containerd runs or was there before, and no docker.io needs \
             it: give it another machine"
                .to_owned(),
            format!("releases up to {} do without", KubernetesVersion::LAST_FOR_CONTAINERD_1),
        ],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::error::About as _;

    #[test]
    fn whoever_has_no_internet_is_told_of_bundles() {
        let hints = |stderr: &str| {
            let error = remote::Error::Script {
                machine: MachineId {
                    cluster: "practice".parse().unwrap(),
                    name: "worker-1".parse().unwrap(),
                },
                title: "look which Kubernetes is the newest".to_owned(),
                status: 1,
                stderr: stderr.to_owned(),
            };
            hints(&workflow::Error::from(error).into(), None).join("\n")
        };
        let index = "cannot fetch the index of the package repository: https://pkgs.k8s.io/core:/stable:/v1.37/deb/Packages";
        let offline = hints(&format!("{index}: curl: (6) Could not resolve host: pkgs.k8s.io"));
        assert!(offline.contains("--bundle FILE") && offline.contains("HTTPS_PROXY"), "{offline}");
        let docker = hints("Err: Temporary failure resolving 'download.docker.com'");
        assert!(docker.contains("practice/worker-1") && !docker.contains("--bundle"), "{docker}");
        assert_eq!(hints("there is no Kubernetes 1.99 in that repository"), "");
    }

    #[test]
    fn hints_name_the_cluster_that_the_error_is_about() {
        let other: ClusterName = "other".parse().unwrap();
        let no_login = || driver::Error::NoLogin { host: "a".to_owned(), source: "no".into() };
        let errors = [
            workflow::Error::Interrupted,
            bootstrap::Error::Interrupted.into(),
            no_login().into(),
            remote::Error::NoWay(no_login()).into(),
            context::Error::Missing("dojo-other".to_owned()).into(),
        ];
        for error in errors {
            let text = error.to_string();
            let about = Err::<(), _>(error).about(&other).unwrap_err();
            let hints = hints(&about, None).join("\n");
            assert!(
                ["down", "up", "status"].iter().any(|v| hints.contains(&format!("dojo {v} other"))),
                "{text}: {hints}"
            );
            for word in hints.split('`').filter(|word| word.starts_with("dojo ")) {
                assert!(word.contains("other"), "{text}: {word}");
            }
        }
    }
}
