//! Examples at the end of help texts. A test reads each of them as the command line would.

pub(super) const ALL: &str = "\
Examples:
  dojo up                   Create a Docker swarm of three machines
  docker node ls            Use it: docker points at it now
  dojo up k8s --kubernetes  Create a Kubernetes cluster
  kubectl get nodes
  dojo ssh worker-1         Open a shell on a machine
  dojo down --all           Delete all clusters";

pub(super) const UP: &str = "\
Examples:
  dojo up                                A Docker swarm of three machines
  dojo up practice --managers 3          With three managers and two workers
  dojo up k8s --kubernetes               A Kubernetes cluster
  dojo up k8s --control-planes 3         With three control planes behind a load balancer
  dojo up hosts --engines --machines 2   Two plain Docker hosts
  dojo up -p 8080:80@worker-1            Port 80 of worker-1 on localhost:8080
  dojo up --driver ec2 --region eu-central-1
  dojo up --driver ssh --host pi@192.0.2.7 --host pi@192.0.2.8
  dojo up -f lesson.yaml                 What a spec file says
  dojo up --dry-run                      Print what would be done";

pub(super) const DOWN: &str = "\
Examples:
  dojo down           The default cluster
  dojo down practice  This cluster
  dojo down --all     All clusters";

pub(super) const LS: &str = "\
Examples:
  dojo ls
  dojo ls --filter status=running --filter 'name=prac*'
  dojo ls --format '{{.Name}} {{.Status}}'
  dojo ls -q                           Only the names";

pub(super) const STATUS: &str = "\
Examples:
  dojo status practice
  dojo status worker-1           One machine of the current cluster
  dojo status practice worker-1";

pub(super) const ADDRESSES: &str = "\
Examples:
  dojo ip worker-1
  dojo ip worker-1 practice/worker-2
  dojo ip --all practice";

pub(super) const VIEW: &str = "\
Examples:
  dojo view                        Of the current cluster; open the URL that it prints
  dojo view practice --port 7878
  dojo view --listen 192.0.2.7     Also for others on the network, who need the URL";

pub(super) const WATCH: &str = "\
Examples:
  dojo watch                                      The current cluster
  dojo watch practice --webhook-file ~/.webhook   Also to a chat of Slack or Mattermost
  dojo watch practice -o json
  dojo watch practice --install --webhook-file ~/.webhook   On a machine, without this computer
  dojo watch practice --uninstall";

pub(super) const LOGS: &str = "\
Examples:
  dojo logs practice -m worker-1 -u kubelet --since -10min
  dojo logs practice --follow
  dojo logs practice --bundle";

pub(super) const USE: &str = "\
Examples:
  dojo use practice
  dojo use hosts/machine-2  One of several plain Docker hosts
  dojo use --previous
  dojo use --none";

pub(super) const KUBECONFIG: &str = "\
Examples:
  dojo kubeconfig k8s -o k8s.kubeconfig             For this computer
  dojo kubeconfig k8s --external -o k8s.kubeconfig  For others";

pub(super) const CONTEXT_EXPORT: &str = "\
Examples:
  dojo context export practice practice.dockercontext
  dojo context export --external hosts/machine-2 machine-2.dockercontext
  docker context import practice practice.dockercontext  On the other computer";

pub(super) const ENV: &str = "\
Examples:
  eval \"$(dojo env worker-1)\"
  eval \"$(dojo env --unset)\"";

pub(super) const SSH: &str = "\
Examples:
  dojo ssh worker-1
  dojo ssh practice/worker-1 -- systemctl status docker
  dojo ssh --all -- uptime                  On all machines of the current cluster
  dojo ssh --role worker practice -- df -h  On all workers of this cluster";

pub(super) const CP: &str = "\
Examples:
  dojo cp notes.txt worker-1:/root/
  dojo cp worker-1:/var/log ./logs                 A folder
  dojo cp web practice/manager-1:/srv              To a machine of another cluster
  dojo cp worker-1:/etc/hosts worker-2:hosts.copy  From one machine to another";

pub(super) const MOUNT: &str = "\
Examples:
  dojo mount worker-1:/srv ./srv
  dojo mount -u ./srv";

pub(super) const KUBECTL: &str = "\
Examples:
  dojo kubectl get nodes
  dojo kubectl --cluster k8s -- apply -f web.yaml";

pub(super) const FORWARD: &str = "\
Examples:
  dojo forward worker-1 8080:80  Port 80 of worker-1 on localhost:8080
  dojo forward svc/web 8080:80   Port 80 of a Service of Kubernetes";

pub(super) const TARGETS: &str = "\
Examples:
  dojo stop practice
  dojo start practice/worker-1";

pub(super) const KILL: &str = "\
Examples:
  dojo kill worker-1
  dojo kill practice/manager-1
  dojo kill --all practice     All machines of this cluster";

pub(super) const BREAK: &str = "\
Examples:
  dojo break                                     List the faults that there are
  dojo break unit-stopped:docker worker-1        Stop the engine of a machine
  dojo break unreachable practice/worker-2 --for 10m
  dojo break ls                                  List what is broken at present";

pub(super) const UNBREAK: &str = "\
Examples:
  dojo unbreak                    The current cluster
  dojo unbreak practice/worker-1  One machine";

pub(super) const SNAPSHOT_SAVE: &str = "\
Examples:
  dojo snapshot save before-lunch           The current cluster
  dojo snapshot save practice/before-lunch  This cluster
  dojo snapshot ls practice";

pub(super) const SNAPSHOT: &str = "\
Examples:
  dojo snapshot restore before-lunch
  dojo snapshot restore practice/before-lunch
  dojo snapshot rm practice/before-lunch";

pub(super) const SCALE: &str = "\
Examples:
  dojo scale practice --workers 5
  dojo scale practice --managers 3 --workers 0";

pub(super) const UPGRADE: &str = "\
Examples:
  dojo upgrade k8s --kubernetes-version 1.37
  dojo upgrade k8s --bundle kubernetes-v1.37.2-amd64.tar";

pub(super) const IMPORT: &str = "\
Examples:
  dojo import docker-machine box --dry-run
  dojo import docker-machine box-1 box-2 --name boxes";

pub(super) const IMAGE_LOAD: &str = "\
Examples:
  docker build -t web:1 .
  dojo image load web:1";

pub(super) const BUNDLE_CREATE: &str = "\
Examples:
  dojo bundle create
  dojo bundle create --kubernetes-version 1.36 -o kubernetes.tar";

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use super::super::args::Cli;

    /// The examples of a command and those below it.
    fn examples(command: &Command) -> Vec<String> {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.strip_prefix("  "));
        let own =
            lines.map(|line| line.split_once("  ").map_or(line, |(example, _)| example).to_owned());
        own.chain(command.get_subcommands().flat_map(examples)).collect()
    }

    /// Words as a shell reads them, up to a redirection.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = false;
        for c in line.chars() {
            match c {
                '\'' => quote = !quote,
                ' ' if !quote => words.push(String::new()),
                '<' | '>' if !quote => break,
                c => words.last_mut().unwrap().push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    /// The commands of `dojo` in a document: in code, at the begin of a line or of a span, or within `$(…)`.
    fn commands(text: &str) -> Vec<String> {
        let mut spans: Vec<String> = Vec::new();
        let mut is_block = false;
        // A line that ends with a backslash goes on.
        for line in text.replace("\\\n", " ").lines() {
            if line.trim_start().starts_with("```") {
                is_block = !is_block;
            } else if is_block {
                spans.push(line.trim_start_matches("$ ").to_owned());
            } else {
                spans.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
            }
        }
        let inner = |span: &String| {
            let (_, rest) = span.split_once("$(")?;
            Some(rest.split(')').next().unwrap_or(rest).to_owned())
        };
        let inners: Vec<String> = spans.iter().filter_map(inner).collect();
        let all = spans.into_iter().chain(inners);
        let own = all.filter(|span| span.starts_with("dojo "));
        // Up to a comment or a pipe, which stands with a backslash in tables.
        let ends = [" \\|", " |", " #"];
        let end = |span: &String| ends.iter().filter_map(|end| span.find(end)).min();
        own.map(|span| span[..end(&span).unwrap_or(span.len())].to_owned()).collect()
    }

    #[test]
    fn every_command_of_these_documents_is_understood() {
        for (name, text, least) in [
            ("from-docker-machine", include_str!("../../docs/from-docker-machine.md"), 60),
            ("ci", include_str!("../../docs/ci.md"), 12),
            ("teaching", include_str!("../../docs/teaching.md"), 15),
        ] {
            let commands = commands(text);
            assert!(commands.len() >= least, "{name}: {commands:?}");
            for command in &commands {
                // Help and the version come as errors as well.
                let refused = Cli::command().try_get_matches_from(words(command)).err();
                let refused = refused.filter(|error| error.exit_code() != 0);
                assert!(refused.is_none(), "{name}: {command}: {refused:?}");
            }
        }
    }

    #[test]
    fn every_example_is_understood() {
        let examples = examples(&Cli::command());
        assert!(examples.len() > 30, "{examples:?}");
        for example in &examples {
            let line = example.trim_start_matches("eval \"$(").trim_end_matches(")\"");
            if let "docker" | "kubectl" = line.split(' ').next().unwrap() {
                continue;
            }
            let read = Cli::command().try_get_matches_from(words(line));
            assert!(read.is_ok(), "{example}: {}", read.unwrap_err());
        }
    }
}
