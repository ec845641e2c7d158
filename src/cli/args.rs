//! What can be said on the command line. The comments here are the help texts.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{StringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::bundle::Architecture;
use crate::driver::registry;
use crate::fault;
use crate::model::{
    Bytes, ClusterName, Cpus, Dollars, DriverName, EngineChannel, Fingerprint, KubernetesVersion,
    MachineName, PodNetwork, Role, Secret, Sha256Sum, Subnet, Ttl, Tunnel,
};
use crate::report::Format;

pub(super) use super::data_format::DataFormat;
use super::driver_flags::{self, DriverFlags, Finding, Looking, Making};
use super::examples;
use super::filter::Filter;
use super::lesson::LessonCommand;
use super::snapshot::SnapshotCommand;
use super::template::Template;

/// Real multi-machine clusters for learning Docker Swarm and Kubernetes, up in seconds and gone without a trace
#[derive(Debug, Parser)]
#[command(name = "dojo", version, max_term_width = 100, after_help = examples::ALL)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Global {
    /// Only print warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Print more; twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Format of the progress on standard error
    #[arg(long, global = true, value_enum, default_value_t = Format::Auto, value_name = "FORMAT")]
    pub(super) log_format: Format,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
pub(super) enum Command {
    /// Create a cluster, or resume, repair or grow an existing one
    Up(Up),
    /// Delete clusters
    #[command(alias = "rm")]
    Down(Down),
    /// Remove orphaned resources (of clusters without a record on this computer)
    Sweep(Sweep),
    /// List clusters
    #[command(alias = "list")]
    Ls(Ls),
    /// Show the status of a cluster or of one machine (exits 1 if unhealthy)
    Status(Status),
    /// Show a cluster as it changes, on a page for your browser
    View(View),
    /// Tell what happens to a cluster that nobody has asked for, here and to a chat
    Watch(Watch),
    /// Print the logs of machines, or collect them into a file
    Logs(Logs),
    /// Print the details of a cluster as JSON
    Inspect(Inspect),
    /// Select the cluster or machine that docker or kubectl uses
    Use(Use),
    /// Print a kubeconfig of a cluster, for others or for CI
    Kubeconfig(Kubeconfig),
    /// Docker contexts of clusters and machines, for others or for CI
    Context {
        #[command(subcommand)]
        command: ContextCommand,
    },
    /// Print shell commands that configure docker for one machine
    Env(Env),
    /// Open a shell on a machine, or run a command there or on all machines
    #[command(visible_alias = "exec")]
    Ssh(Ssh),
    /// Copy a file or folder between this computer and a machine, or between machines
    Cp(Copy),
    /// Mount a folder of a machine on this computer, by sshfs
    Mount(Mount),
    /// Run the cluster's own kubectl on this computer
    Kubectl(Kubectl),
    /// Forward local ports to a machine, Service or Pod
    Forward(Forward),
    /// Print the machine or cluster that docker and kubectl use in this shell (exits 1 if none)
    Active,
    /// Print the flags that make docker use one machine: docker $(dojo config worker-1) ps
    Config(OneMachine),
    /// Print the IP addresses of machines
    Ip(SomeMachines),
    /// Print the URLs of machines' Docker engines
    Url(SomeMachines),
    /// Start a stopped cluster or machine
    Start(Targets),
    /// Add machines, or drain and remove those with the highest numbers
    Scale(Scale),
    /// Extend the lifetime of auto-terminating machines
    Extend(Extend),
    /// Upgrade a Kubernetes cluster, one node at a time
    Upgrade(Upgrade),
    /// Stop a cluster or machine; disks are kept
    Stop(Targets),
    /// Restart a cluster or machine
    Restart(Targets),
    /// Switch machines off at once, as if their plug was pulled; `start` brings them back
    Kill(Kill),
    /// Configure Docker on a cluster's machines or on one again, and start what is off; makes no machines
    Provision(Targets),
    /// Freeze a cluster or machine, with all that is in its memory
    Pause(Targets),
    /// Let a paused cluster or machine go on
    Unpause(Targets),
    /// Break a machine on purpose, to see what becomes of it; without a fault, list those that there are
    Break(Break),
    /// Undo what `break` has done
    Unbreak(Unbreak),
    /// Keep the state of a whole cluster, and put it back later
    Snapshot {
        #[command(subcommand)]
        command: SnapshotCommand,
    },
    /// Rebuild a lost or damaged record from the machines' labels
    Repair(Repair),
    /// Check whether this computer meets the requirements
    Doctor(Doctor),
    /// Learn on real machines, step by step
    Lesson {
        #[command(subcommand)]
        command: LessonCommand,
    },
    /// Show and renew certificates
    Certs {
        #[command(subcommand)]
        command: CertsCommand,
    },
    /// Make machines of hosts that other programs manage
    Import {
        #[command(subcommand)]
        command: ImportCommand,
    },
    /// Build machine images, and load images onto machines
    Image {
        #[command(subcommand)]
        command: ImageCommand,
    },
    /// Create and check bundles: files for installing Kubernetes offline
    Bundle {
        #[command(subcommand)]
        command: BundleCommand,
    },
    /// Print a completion script
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SpecFormat {
    /// A spec file
    Yaml,
    /// The same as JSON
    Json,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(after_help = examples::UP)]
pub(super) struct Up {
    /// The cluster's name [default: dojo]
    pub(super) name: Option<ClusterName>,

    /// A Docker swarm; the default
    #[arg(long, group = "kind", help_heading = "What")]
    pub(super) swarm: bool,
    /// A Kubernetes cluster, made by kubeadm
    #[arg(long, group = "kind", help_heading = "What")]
    pub(super) kubernetes: bool,
    /// Plain Docker hosts, no cluster
    #[arg(long, group = "kind", help_heading = "What")]
    pub(super) engines: bool,
    /// How many swarm managers: 1, 3 or 5 [default: 1]
    #[arg(
        long, value_name = "N", conflicts_with_all = ["engines", "kubernetes"], help_heading = "What"
    )]
    pub(super) managers: Option<u16>,
    /// How many Kubernetes control planes: 1 or 3 [default: 1]
    #[arg(
        long, value_name = "N", conflicts_with_all = ["engines", "swarm", "managers"],
        help_heading = "What"
    )]
    pub(super) control_planes: Option<u16>,
    /// How many workers [default: 2]
    #[arg(long, value_name = "N", conflicts_with = "engines", help_heading = "What")]
    pub(super) workers: Option<u16>,
    /// How many plain Docker hosts [default: 3]
    #[arg(long, value_name = "N", requires = "engines", help_heading = "What")]
    pub(super) machines: Option<u16>,
    /// Read what is wanted from a spec file
    #[arg(
        short, long, value_name = "FILE", help_heading = "What",
        conflicts_with_all = not_with_a_file()
    )]
    pub(super) file: Option<PathBuf>,

    #[arg(
        long, value_name = "DRIVER", help = where_from(), value_parser = registry::read_name,
        help_heading = "Machines"
    )]
    pub(super) driver: Option<DriverName>,
    /// Set an option of an external driver; `--driver NAME --help` tells which it has
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Machines")]
    pub(super) driver_opt: Vec<String>,
    /// Publish a machine's port on localhost (default: the first machine's): 8080:80@worker-1
    #[arg(short, long, value_name = "PORT:PORT[@MACHINE]", help_heading = "Machines")]
    pub(super) publish: Vec<String>,
    /// Memory limit per machine: 512Mi, 2GiB, 2GB
    #[arg(long, value_name = "SIZE", help_heading = "Machines")]
    pub(super) memory: Option<Bytes>,
    /// CPU limit per machine: 2, 0.5
    #[arg(long, value_name = "N", help_heading = "Machines")]
    pub(super) cpus: Option<Cpus>,
    #[command(flatten)]
    pub(super) flags: DriverFlags<Making>,

    /// Where Docker's packages come from, if the machines have no Docker yet: distro, docker-ce
    #[arg(long, value_name = "CHANNEL", help_heading = "Docker on the machines")]
    pub(super) engine_channel: Option<EngineChannel>,
    /// The base address of Docker's package repository, or of a mirror of it: for docker-ce, and for containerd 2
    /// [default: that of this computer's apt, else `https://download.docker.com`]
    #[arg(long, value_name = "URL", help_heading = "Docker on the machines")]
    pub(super) engine_repository: Option<String>,
    /// The fingerprint of the key that signs that repository; without it, its address must begin with https:
    #[arg(long, value_name = "FINGERPRINT", help_heading = "Docker on the machines")]
    pub(super) engine_repository_key: Option<Fingerprint>,
    /// Ask this registry mirror first
    #[arg(long, value_name = "URL", help_heading = "Docker on the machines")]
    pub(super) registry_mirror: Vec<String>,
    /// Connect to this registry without TLS
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Docker on the machines")]
    pub(super) insecure_registry: Vec<String>,
    /// Give the engines a label
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Docker on the machines")]
    pub(super) engine_label: Vec<String>,
    /// Set a key of daemon.json; the value is JSON, or else a string
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Docker on the machines")]
    pub(super) engine_opt: Vec<String>,

    /// Which release, 1.36 for its newest patch [default: that of the bundle, else 1.37]
    #[arg(long, value_name = "VERSION", help_heading = "Kubernetes")]
    pub(super) kubernetes_version: Option<KubernetesVersion>,
    /// A file with all of Kubernetes inside, so that nothing is fetched from the internet
    #[arg(long, value_name = "FILE", help_heading = "Kubernetes")]
    pub(super) bundle: Option<PathBuf>,
    /// The base address of the package repository, or of a mirror of it
    /// [default: that of this computer's apt, else `https://pkgs.k8s.io`]
    #[arg(long, value_name = "URL", help_heading = "Kubernetes")]
    pub(super) kubernetes_repository: Option<String>,
    /// The fingerprint of the key that signs that repository; without it, its address must begin with https:
    #[arg(long, value_name = "FINGERPRINT", help_heading = "Kubernetes")]
    pub(super) kubernetes_repository_key: Option<Fingerprint>,
    /// Where images are pulled from, instead of the registry that kubeadm knows; without TLS if it begins with http:
    #[arg(long, value_name = "HOST[/PATH]", help_heading = "Kubernetes")]
    pub(super) kubernetes_registry: Option<String>,
    /// What connects pods: bridge, flannel, calico, none, or the address or path of a manifest [default: bridge]
    #[arg(long, value_name = "NETWORK", help_heading = "Kubernetes")]
    pub(super) cni: Option<PodNetwork>,
    /// The SHA-256 sum of that manifest; without it, an address must begin with https:
    #[arg(long, value_name = "SUM", help_heading = "Kubernetes")]
    pub(super) cni_sha256: Option<Sha256Sum>,
    /// The address range of pods [default: 10.244.0.0/16]
    #[arg(long, value_name = "CIDR", help_heading = "Kubernetes")]
    pub(super) pod_subnet: Option<Subnet>,
    /// The address range of services [default: 10.96.0.0/16]
    #[arg(long, value_name = "CIDR", help_heading = "Kubernetes")]
    pub(super) service_subnet: Option<Subnet>,

    #[command(flatten)]
    pub(super) agreed: Agreed,
    /// Print what would be done, and do nothing
    #[arg(long, help_heading = "How")]
    pub(super) dry_run: bool,
    /// With --dry-run: print the spec instead of the plan
    #[arg(short, long, value_enum, requires = "dry_run", help_heading = "How")]
    pub(super) output: Option<SpecFormat>,
    /// Print every step with its reason and its script, and do nothing
    #[arg(long, help_heading = "How")]
    pub(super) explain: bool,
    /// If a new cluster cannot be made, remove what there is of it, instead of keeping it for the next try
    #[arg(long, help_heading = "How")]
    pub(super) rollback: bool,
    /// If all that the cluster knew is lost, remove what is left of it and make a new, empty one
    #[arg(long, help_heading = "How")]
    pub(super) recreate: bool,
    /// Leave the selected docker context as it is
    #[arg(long, help_heading = "How")]
    pub(super) no_use: bool,
    /// Use a spec file from another directory also if it names programs, and do not ask again
    #[arg(long, requires = "file", help_heading = "How")]
    pub(super) trust: bool,
}

/// The flags that say something of what a spec file says.
fn not_with_a_file() -> Vec<&'static str> {
    let all = [
        "name",
        "kind",
        "managers",
        "control_planes",
        "workers",
        "machines",
        "driver",
        "driver_opt",
        "publish",
        "memory",
        "cpus",
        "engine_channel",
        "engine_repository",
        "engine_repository_key",
        "registry_mirror",
        "insecure_registry",
        "engine_label",
        "engine_opt",
        "kubernetes_version",
        "bundle",
        "kubernetes_repository",
        "kubernetes_repository_key",
        "kubernetes_registry",
        "cni",
        "cni_sha256",
        "pod_subnet",
        "service_subnet",
    ];
    all.into_iter().chain(driver_flags::names_of_up()).collect()
}

/// What machines may cost.
#[derive(Debug, Default, Args)]
pub(super) struct Agreed {
    /// The most that new machines may cost together in an hour, in US dollars, or none [default: 1.00]
    #[arg(long, value_name = "USD", help_heading = "How")]
    pub(super) max_hourly: Option<Limit>,
    /// Make them whatever they cost
    #[arg(long, help_heading = "How")]
    pub(super) yes: bool,
}

/// A limit on costs, or `none`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit(Option<Dollars>);

impl Limit {
    pub(super) fn dollars(self) -> Option<Dollars> {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(Dollars::try_from(1.0).ok())
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|limit| Self(Some(limit))) }
    }
}

/// The help of `--driver`.
fn where_from() -> String {
    let names =
        registry::inside().filter(|kind| !kind.is_for_tests()).map(|kind| kind.name().to_string());
    format!(
        "Where machines come from: {}, or NAME for a program `dojo-driver-NAME`; together with --help, shows the \
         flags of that driver [default: {}]",
        names.collect::<Vec<_>>().join(", "),
        registry::default()
    )
}

/// Where machines come from.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Where machines come from
    #[arg(
        long, value_name = "DRIVER", default_value_t = registry::default(),
        value_parser = registry::read_name
    )]
    pub(super) driver: DriverName,
    /// Set an option of an external driver
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) driver_opt: Vec<String>,
    #[command(flatten)]
    pub(super) flags: DriverFlags<Finding>,
}

fn where_else() -> String {
    format!(
        "Where to look for machines of which this computer has no record [default: {}]",
        registry::default()
    )
}

/// Where to look for machines that no record tells of.
#[derive(Debug, Args)]
pub(super) struct Elsewhere {
    #[arg(long, value_name = "DRIVER", help = where_else(), value_parser = registry::read_name)]
    pub(super) driver: Option<DriverName>,
    /// Set an option of an external driver
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) driver_opt: Vec<String>,
    #[command(flatten)]
    pub(super) flags: DriverFlags<Looking>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(after_help = examples::DOWN)]
pub(super) struct Down {
    /// Which clusters [default: dojo]
    pub(super) names: Vec<ClusterName>,
    /// All clusters that this computer has a record of; with --yes and --driver, also those of that driver that
    /// it has none of
    #[arg(long, conflicts_with = "names")]
    pub(super) all: bool,
    /// Also remove machines of which this computer has no record, without asking
    #[arg(short, long)]
    pub(super) yes: bool,
    /// With --yes: also machines that another home has made: another user's, or those of another `DOJO_HOME`
    #[arg(long, requires = "yes")]
    pub(super) other_homes: bool,
    /// Give up hosts of yours that cannot be reached any more: they keep what is on them
    #[arg(long)]
    pub(super) abandon: bool,
    /// Forget clusters whose machines cannot be found: keys and records go, whatever becomes of the machines
    #[arg(long)]
    pub(super) forget: bool,
    #[command(flatten)]
    pub(super) elsewhere: Elsewhere,
}

#[derive(Debug, Args)]
pub(super) struct Sweep {
    #[command(flatten)]
    pub(super) elsewhere: Elsewhere,
    /// List it, and remove nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Also what another home has made: another user's clusters, or those of another `DOJO_HOME`
    #[arg(long)]
    pub(super) other_homes: bool,
    /// Remove it without asking
    #[arg(short, long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
#[command(after_help = examples::LS)]
pub(super) struct Ls {
    /// List only clusters with this name, kind, driver or status; several values of one key are alternatives, and
    /// each key must fit
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub(super) filter: Vec<Filter>,
    /// Print each in a form of your own, '{{.Name}} {{.Status}}', or json for one line of JSON each
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "output")]
    pub(super) format: Option<Template>,
    #[command(flatten)]
    pub(super) elsewhere: Elsewhere,
    /// How to print them [default: table, with --quiet only the names]
    #[arg(short, long, value_enum)]
    pub(super) output: Option<DataFormat>,
}

#[derive(Debug, Args)]
#[command(after_help = examples::STATUS)]
pub(super) struct Status {
    /// Which cluster [default: the current one], or which machine: worker-1, practice/worker-1
    pub(super) name: Option<String>,
    /// Which machine of that cluster
    pub(super) machine: Option<MachineName>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
}

#[derive(Debug, Args)]
#[command(after_help = examples::VIEW)]
pub(super) struct View {
    /// Which cluster [default: the current one]
    pub(super) name: Option<ClusterName>,
    /// The address to listen at; whoever reaches it and knows the whole URL sees the cluster
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(super) listen: IpAddr,
    /// The port to listen at; 0 is any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) port: u16,
}

#[derive(Debug, Args)]
#[command(after_help = examples::WATCH)]
pub(super) struct Watch {
    /// Which cluster [default: the current one]
    pub(super) name: Option<ClusterName>,
    /// Also send it to a chat, by this incoming webhook of Slack or Mattermost. The list of processes shows the URL to other
    /// users of this computer; --webhook-file does not
    // Any text is taken, so that no refusal repeats it. What it says is looked at later.
    #[arg(long, value_name = "URL", value_parser = StringValueParser::new().map(Secret::new))]
    #[arg(conflicts_with = "webhook_file")]
    pub(super) webhook: Option<Secret>,
    /// The same, with the URL in a file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) webhook_file: Option<PathBuf>,
    /// Have a machine of the cluster watch, as a service of systemd, so that it goes on without this terminal and this
    /// computer. Replaces the watch that was installed before
    #[arg(long, conflicts_with_all = ["output", "from_within"])]
    pub(super) install: bool,
    /// Which machine watches [default: the first manager, control plane or machine that runs]
    #[arg(long, value_name = "MACHINE", requires = "install")]
    pub(super) on: Option<MachineName>,
    /// Remove the watch that was installed
    #[arg(long)]
    #[arg(conflicts_with_all = ["install", "webhook", "webhook_file", "output", "from_within"])]
    pub(super) uninstall: bool,
    /// The cluster is seen from one of its machines; for the service that --install makes there
    #[arg(long, hide = true)]
    pub(super) from_within: bool,
    /// How to print it: for people, or as one line of JSON each
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
}

#[derive(Debug, Args)]
#[command(after_help = examples::LOGS)]
pub(super) struct Logs {
    /// Which cluster [default: the current one]
    pub(super) name: Option<ClusterName>,
    /// Of this machine only: worker-1
    #[arg(short, long, value_name = "MACHINE")]
    pub(super) machine: Vec<MachineName>,
    /// Of this systemd unit only [default: docker, containerd, kubelet, ssh]
    #[arg(short, long, value_name = "UNIT")]
    pub(super) unit: Vec<String>,
    /// From when on, as journalctl has it: -10min, today, "2026-01-31 09:00"
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(super) since: Option<String>,
    /// Go on with what machines write from now on, until Ctrl-C
    #[arg(short, long, conflicts_with = "bundle")]
    pub(super) follow: bool,
    /// The most lines of each machine [default: 100, with --follow 10, in a bundle 20000]
    #[arg(short = 'n', long, value_name = "N")]
    pub(super) lines: Option<u32>,
    /// Collect what helps to find a fault into a gzipped tar file that can be passed on [default:
    /// NAME-logs-TIME.tar.gz]
    ///
    /// In it are the journals of the machines, what their services, containers, network, kernel and system
    /// say of themselves, the logs of `dojo`, and the cluster's record without options whose meaning only
    /// others know. Taken out are private keys (also in Base64), join tokens, access keys, values of keys that
    /// are called password, token, secret, auth, `…-data` and the like, logins in addresses of proxies and
    /// registries, and numbers of 64 hexadecimal digits but for the first 12. Names, addresses and what
    /// programs print otherwise stay: look through it before you publish it.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "absent, without a value, or with one")]
    pub(super) bundle: Option<Option<PathBuf>>,
}

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// Which cluster [default: the current one]
    pub(super) name: Option<ClusterName>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
#[command(after_help = examples::USE)]
pub(super) struct Use {
    /// Which cluster; or which machine, of plain Docker hosts: hosts/machine-2
    pub(super) name: Option<String>,
    /// Select what was selected before
    #[arg(long)]
    pub(super) previous: bool,
    /// Deselect the current cluster
    #[arg(long)]
    pub(super) none: bool,
}

/// Whoever has it is administrator of the cluster.
#[derive(Debug, Args)]
#[command(after_help = examples::KUBECONFIG)]
pub(super) struct Kubeconfig {
    /// Which cluster [default: the current one]
    pub(super) name: Option<ClusterName>,
    /// With an address that other computers reach
    #[arg(long)]
    pub(super) external: bool,
    /// Write it to a file that only you can read
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Overwrite the file if there is one
    #[arg(long, requires = "output")]
    pub(super) force: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ContextCommand {
    /// Write a docker context to a file that `docker context import` reads
    Export(ContextExport),
}

/// Whoever has it is root on the machine, and on all others of the cluster.
#[derive(Debug, Args)]
#[command(after_help = examples::CONTEXT_EXPORT, allow_missing_positional = true)]
pub(super) struct ContextExport {
    /// Which cluster, or which machine: practice, practice/worker-1, worker-1 [default: the current cluster]
    #[arg(value_name = "NAME|MACHINE")]
    pub(super) target: Option<String>,
    /// The file, which only you can read; - is standard output
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// With an address that other computers reach
    #[arg(long)]
    pub(super) external: bool,
    /// Overwrite the file if there is one
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Cmd,
    Tcsh,
}

#[derive(Debug, Args)]
#[command(after_help = examples::ENV)]
pub(super) struct Env {
    /// Which machine: worker-1, or practice/worker-1
    #[arg(required_unless_present = "unset", conflicts_with = "unset")]
    pub(super) machine: Option<String>,
    /// For which shell [default: the one in $SHELL]
    #[arg(long, value_enum)]
    pub(super) shell: Option<Shell>,
    /// Unset the variables
    #[arg(short, long)]
    pub(super) unset: bool,
    /// Add the machine to `NO_PROXY`
    #[arg(long)]
    pub(super) no_proxy: bool,
}

#[derive(Debug, Args)]
#[command(after_help = examples::SSH)]
pub(super) struct Ssh {
    /// Which machine: worker-1, or practice/worker-1; with --all or --role which cluster [default: the current one]
    #[arg(value_name = "MACHINE", required_unless_present_any = ["all", "role"])]
    pub(super) target: Option<String>,
    /// On all machines at once, each line behind the name of its machine; the exit code is 0 only if all were 0
    #[arg(long, requires = "command")]
    pub(super) all: bool,
    /// The same, on the machines of a role only: manager, worker, control-plane
    #[arg(long, value_name = "ROLE", requires = "command", value_parser = role)]
    pub(super) role: Option<Role>,
    /// The command, with its arguments
    #[arg(last = true)]
    pub(super) command: Vec<String>,
}

/// It goes over SSH, as the login user, to whose home paths of machines are relative. A folder is copied with all that is
/// in it. Where the target is a folder, the copy is in there, under the name of the source; a source that ends with `/.`
/// has what is in it copied. Modes and times are kept. Nothing is left half copied under its name.
#[derive(Debug, Args)]
#[command(after_help = examples::CP)]
pub(super) struct Copy {
    /// What: PATH, worker-1:PATH or practice/worker-1:PATH
    pub(super) source: OsString,
    /// Where to, in the same way
    pub(super) target: OsString,
    /// Changes nothing: folders are always copied with all that is in them
    #[arg(short, long)]
    pub(super) recursive: bool,
}

#[derive(Debug, Args)]
#[command(after_help = examples::MOUNT)]
pub(super) struct Mount {
    /// What: worker-1:PATH or practice/worker-1:PATH; with --unmount where it is mounted
    #[arg(value_name = "MACHINE:PATH")]
    pub(super) source: OsString,
    /// Where: a folder that is there
    #[arg(required_unless_present = "unmount", conflicts_with = "unmount")]
    pub(super) folder: Option<PathBuf>,
    /// Take away what was mounted
    #[arg(short, long)]
    pub(super) unmount: bool,
}

/// A role, as it stands in the names of machines.
fn role(text: &str) -> Result<Role, String> {
    let name = format!("{text}-1").parse::<MachineName>();
    name.map(|name| name.role)
        .map_err(|_| format!("`{text}` is no role: manager, worker, control-plane"))
}

/// For computers that have no kubectl, or one that is more than one minor release away from the cluster.
#[derive(Debug, Args)]
#[command(after_help = examples::KUBECTL)]
pub(super) struct Kubectl {
    /// Which cluster
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<ClusterName>,
    /// What kubectl is to do, as in `get nodes`; after -- if it begins with a dash
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) arguments: Vec<OsString>,
}

/// What `forward` leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ForwardTo {
    /// A machine, as a person calls it.
    Machine(String),
    /// Pods, by what kubectl calls them, `svc/web`, and the cluster if one is named.
    Pods { cluster: Option<String>, target: String },
}

impl From<String> for ForwardTo {
    fn from(text: String) -> Self {
        let is_pods = |target: &str| {
            target.split_once('/').is_some_and(|(kind, name)| {
                // A cluster may be called like that as well.
                ["svc", "service", "deploy", "deployment", "po", "pod"].contains(&kind)
                    && name.parse::<MachineName>().is_err()
            })
        };
        match text.split_once('/') {
            Some(_) if is_pods(&text) => Self::Pods { cluster: None, target: text },
            Some((cluster, target)) if is_pods(target) => {
                Self::Pods { cluster: Some(cluster.to_owned()), target: target.to_owned() }
            }
            _ => Self::Machine(text),
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = examples::FORWARD)]
pub(super) struct Forward {
    /// What to reach: worker-1, practice/worker-1; or in Kubernetes svc/web, deploy/web, pod/web,
    /// practice/svc/web
    #[arg(value_name = "MACHINE|svc/NAME")]
    pub(super) to: ForwardTo,
    /// Ports to forward (LOCAL defaults to a free port)
    #[arg(value_name = "[LOCAL:[HOST:]]REMOTE", required = true)]
    pub(super) tunnels: Vec<Tunnel>,
    /// The namespace of the service or pod
    #[arg(short, long, default_value = "default")]
    pub(super) namespace: String,
}

#[derive(Debug, Args)]
#[command(after_help = examples::ADDRESSES)]
pub(super) struct SomeMachines {
    /// Which machines: worker-1, or practice/worker-1; with --all, which clusters [default: the current one]
    #[arg(value_name = "MACHINE", required_unless_present = "all")]
    pub(super) machines: Vec<String>,
    /// All machines, each with its name
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Debug, Args)]
pub(super) struct OneMachine {
    /// Which machine: worker-1, or practice/worker-1
    pub(super) machine: String,
}

#[derive(Debug, Args)]
#[command(after_help = examples::TARGETS)]
pub(super) struct Targets {
    /// Clusters or machines: practice, practice/worker-1 [default: the current cluster]
    pub(super) targets: Vec<String>,
}

/// Nothing on the machines is asked to come to an end, and what was not yet written to their disks is lost.
#[derive(Debug, Args)]
#[command(after_help = examples::KILL)]
pub(super) struct Kill {
    /// Machines: worker-1, practice/worker-1; with --all clusters [default: the current cluster]
    #[arg(required_unless_present = "all")]
    pub(super) targets: Vec<String>,
    /// All machines of the clusters
    #[arg(long)]
    pub(super) all: bool,
}

/// The machine itself undoes it when the time is over, or at its next start, whatever becomes of this computer. SSH
/// is never cut.
#[derive(Debug, Args)]
#[command(after_help = examples::BREAK, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(super) struct Break {
    /// What is to be broken: unit-stopped:docker, unreachable
    #[arg(requires = "machine")]
    pub(super) fault: Option<String>,
    /// On which machine: worker-1, or practice/worker-1
    pub(super) machine: Option<String>,
    /// After which time the machine undoes it by itself: 90s, 10m, 2h [default: 30m]
    #[arg(long = "for", value_name = "TIME", requires = "fault")]
    pub(super) limit: Option<fault::Limit>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
    #[command(subcommand)]
    pub(super) command: Option<BreakCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum BreakCommand {
    /// List what is broken at present (exits 1 if a machine could not be asked)
    Ls(BreakLs),
}

#[derive(Debug, Args)]
pub(super) struct BreakLs {
    /// Of which cluster or machine [default: the current cluster]
    pub(super) target: Option<String>,
    /// How to print them
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
}

#[derive(Debug, Args)]
#[command(after_help = examples::UNBREAK)]
pub(super) struct Unbreak {
    /// A cluster or machine: practice, practice/worker-1 [default: the current cluster]
    pub(super) target: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = examples::SCALE)]
pub(super) struct Scale {
    /// Which cluster [default: the current one]
    pub(super) name: Option<ClusterName>,
    /// How many workers
    #[arg(
        long, value_name = "N",
        required_unless_present_any = ["managers", "control_planes", "machines"]
    )]
    pub(super) workers: Option<u16>,
    /// How many swarm managers: 1, 3 or 5
    #[arg(long, value_name = "N")]
    pub(super) managers: Option<u16>,
    /// How many Kubernetes control planes: 1 or 3
    #[arg(long, value_name = "N")]
    pub(super) control_planes: Option<u16>,
    /// How many plain Docker hosts
    #[arg(long, value_name = "N")]
    pub(super) machines: Option<u16>,
    #[command(flatten)]
    pub(super) agreed: Agreed,
}

#[derive(Debug, Args)]
pub(super) struct Extend {
    /// Which cluster
    pub(super) name: ClusterName,
    /// How much longer: 1h, 90m
    pub(super) time: Ttl,
}

#[derive(Debug, Args)]
#[command(after_help = examples::UPGRADE)]
pub(super) struct Upgrade {
    /// Which cluster [default: the current one]
    pub(super) name: Option<ClusterName>,
    /// A file with the new release inside
    #[arg(long, value_name = "FILE", conflicts_with = "kubernetes_repository")]
    pub(super) bundle: Option<PathBuf>,
    /// Which release, 1.37 for its newest patch; from the package repository, if no bundle is given
    #[arg(long, value_name = "VERSION")]
    pub(super) kubernetes_version: Option<KubernetesVersion>,
    /// The base address of the package repository, or of a mirror of it [default: that of the cluster, else
    /// of this computer's apt, else `https://pkgs.k8s.io`]
    #[arg(long, value_name = "URL", requires = "kubernetes_version")]
    pub(super) kubernetes_repository: Option<String>,
    /// The fingerprint of the key that signs that repository; without it, its address must begin with https:
    #[arg(long, value_name = "FINGERPRINT", requires = "kubernetes_version")]
    pub(super) kubernetes_repository_key: Option<Fingerprint>,
}

#[derive(Debug, Args)]
pub(super) struct Repair {
    /// Which cluster
    pub(super) name: ClusterName,
    /// Do without machines that cannot be found, whatever becomes of them
    #[arg(long)]
    pub(super) forget: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    pub(super) place: Place,
    /// How to print the findings
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
}

#[derive(Debug, Subcommand)]
pub(super) enum CertsCommand {
    /// Show certificates and when they expire
    Show(CertsShow),
    /// Renew all certificates; engines restart one after the other
    Renew(CertsRenew),
}

#[derive(Debug, Args)]
pub(super) struct CertsShow {
    /// Which cluster [default: the current one]
    pub(super) name: Option<ClusterName>,
    /// How to print them
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
}

#[derive(Debug, Args)]
pub(super) struct CertsRenew {
    /// Which cluster [default: the current one]
    pub(super) name: Option<ClusterName>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Take machines of docker-machine (drivers generic and amazonec2) as plain Docker hosts
    DockerMachine(ImportDockerMachine),
}

/// They become a cluster of driver ssh: their engines get certificates of this cluster, and `dojo down` gives them back
/// as they were. What docker-machine keeps of them is read, and never changed.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(after_help = examples::IMPORT)]
pub(super) struct ImportDockerMachine {
    /// Which machines, as `docker-machine ls` names them
    #[arg(value_name = "MACHINE", required = true)]
    pub(super) machines: Vec<String>,
    /// The cluster's name [default: that of the machine, docker-machine if they are several]
    #[arg(long, value_name = "CLUSTER")]
    pub(super) name: Option<ClusterName>,
    /// The public host key of a machine, in the order of the machines [default: the one that your ssh knows]
    #[arg(long, value_name = "KEY")]
    pub(super) host_key: Vec<String>,
    /// A configuration file for ssh [default: your own]
    #[arg(long, value_name = "FILE")]
    pub(super) ssh_config: Option<PathBuf>,
    /// Take machines that have containers, volumes or a swarm; these stay
    #[arg(long)]
    pub(super) adopt: bool,
    /// Print the `dojo up` that does it, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Take them without asking
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Leave the selected docker context as it is
    #[arg(long)]
    pub(super) no_use: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ImageCommand {
    /// Build the image that the docker driver makes machines of
    Build(ImageBuild),
    /// Load images of your own engine onto every machine of a cluster
    Load(ImageLoad),
}

#[derive(Debug, Args)]
pub(super) struct ImageBuild {
    /// Without Docker inside; `up` installs it then
    #[arg(long)]
    pub(super) bare: bool,
    /// With all of Kubernetes inside, from a bundle
    #[arg(long, value_name = "BUNDLE", conflicts_with_all = ["bare", "base", "tag", "no_cache"])]
    pub(super) kubernetes: Option<PathBuf>,
    /// The Debian image to begin with
    #[arg(long)]
    pub(super) base: Option<String>,
    /// What to call it
    #[arg(long)]
    pub(super) tag: Option<String>,
    /// Do every step anew, also those that have not changed
    #[arg(long)]
    pub(super) no_cache: bool,
}

#[derive(Debug, Args)]
#[command(after_help = examples::IMAGE_LOAD)]
pub(super) struct ImageLoad {
    /// Which images of your own engine
    #[arg(required = true)]
    pub(super) images: Vec<String>,
    /// Which cluster [default: the current one]
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<ClusterName>,
}

#[derive(Debug, Subcommand)]
pub(super) enum BundleCommand {
    /// Make a bundle where the internet can be reached, for where it cannot
    Create(BundleCreate),
    /// Show what is in a bundle, for which machines, and what is missing
    Inspect(BundleInspect),
    /// Check every checksum of a bundle
    Verify(BundleVerify),
}

#[derive(Debug, Args)]
#[command(after_help = examples::BUNDLE_CREATE)]
pub(super) struct BundleCreate {
    /// Which release, 1.36 for its newest patch [default: 1.37]
    #[arg(long, value_name = "VERSION")]
    pub(super) kubernetes_version: Option<KubernetesVersion>,
    /// The base address of the package repository, or of a mirror of it
    /// [default: that of this computer's apt, else `https://pkgs.k8s.io`]
    #[arg(long, value_name = "URL")]
    pub(super) kubernetes_repository: Option<String>,
    /// The fingerprint of the key that signs that repository; without it, its address must begin with https:
    #[arg(long, value_name = "FINGERPRINT")]
    pub(super) kubernetes_repository_key: Option<Fingerprint>,
    /// Where images are pulled from, instead of the registry that kubeadm knows; without TLS if it begins with http:
    #[arg(long, value_name = "HOST[/PATH]")]
    pub(super) kubernetes_registry: Option<String>,
    /// The base address of Docker's package repository, or of a mirror of it: for containerd 2
    /// [default: that of this computer's apt, else `https://download.docker.com`]
    #[arg(long, value_name = "URL")]
    pub(super) engine_repository: Option<String>,
    /// The fingerprint of the key that signs that repository; without it, its address must begin with https:
    #[arg(long, value_name = "FINGERPRINT")]
    pub(super) engine_repository_key: Option<Fingerprint>,
    /// For which machines: amd64 or arm64 [default: those of this computer's kind, and there are no others]
    #[arg(long)]
    pub(super) architecture: Option<Architecture>,
    /// Where to put it [default: kubernetes-VERSION-ARCHITECTURE.tar]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct BundleInspect {
    /// Which bundle
    pub(super) file: PathBuf,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
}

#[derive(Debug, Args)]
pub(super) struct BundleVerify {
    /// Which bundle
    pub(super) file: PathBuf,
}
