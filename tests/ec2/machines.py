"""The machines behind the instances: systemd containers on a network of the VPC's own range."""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import random
import subprocess
import tarfile
import threading
import time

# Whatever is made carries this label, with the name of the emulator that made it.
LABEL = "io.clusterdojo.test-ec2"
# Names the instance that a container plays.
LABEL_INSTANCE = "io.clusterdojo.test-ec2.instance"
# Folders that an overlay file system cannot hold, as in src/driver/docker/container.rs.
VOLUMES = ("/var/lib/docker", "/var/lib/containerd", "/var/lib/kubelet")
# What systemd in a container ends with, as signal(7) numbers on top of 128, when the machine restarts.
RESTART = 129


class Failed(Exception):
    """What docker said."""


def docker(*arguments, data=None):
    """Runs docker on this host's own engine; returns what it prints."""
    environment = {**os.environ, "DOCKER_CONTEXT": "default"}
    environment.pop("DOCKER_HOST", None)
    run = subprocess.run(["docker", *arguments], input=data, capture_output=True, env=environment)
    if run.returncode != 0:
        raise Failed(f"docker {arguments[0]}: {run.stderr.decode().strip()}")
    return run.stdout.decode().strip()


class Machines:
    """All machines of one emulator."""

    def __init__(self, base):
        self.name = f"{os.getpid()}-{started(os.getpid())}"
        self.label = f"{LABEL}={self.name}"
        self.image = image(base)
        # The capability that virtual machines for development are most often without, once an engine
        # was seen to lack it.
        self.dropped = []
        self.events = None
        sweep()
        self.network, self.number = self.make_network()

    def make_network(self):
        """A network with a range that nobody else has. The lower half of it is the VPC's."""
        numbers = list(range(208, 224))
        random.shuffle(numbers)
        for number in numbers:
            name = f"test-ec2-{self.name}"
            subnet = ["--subnet", f"10.{number}.0.0/16", "--gateway", f"10.{number}.0.1"]
            try:
                docker("network", "create", "--label", self.label, *subnet, name)
                return name, number
            except Failed as failed:
                refusal = failed
        raise refusal

    @property
    def vpc(self):
        return f"10.{self.number}.0.0/17"

    @property
    def gateway(self):
        """This host, as machines see it."""
        return f"10.{self.number}.0.1"

    def public_address(self):
        """One out of the half that is not the VPC's."""
        return f"10.{self.number}.{random.randrange(128, 256)}.{random.randrange(1, 255)}"

    def create(self, instance, private, public, boot):
        """Makes a machine and starts it; returns once it boots."""
        arguments = self.arguments(instance, private)
        drops = [f"--cap-drop={name}" for name in self.dropped]
        docker("create", *drops, *arguments)
        docker("cp", "-", f"{instance}:/var/lib/cloud", data=scripts(boot, public))
        try:
            docker("start", instance)
        except Failed as failed:
            if "apply caps" not in str(failed) or self.dropped and drops:
                raise
            self.dropped = ["SYS_RESOURCE"]
            docker("rm", "-f", "-v", instance)
            self.create(instance, private, public, boot)

    def arguments(self, instance, private):
        """The rights of the docker driver's machines, which is where they are explained."""
        hostname = "ip-" + private.replace(".", "-")
        arguments = ["--name", instance, "--hostname", hostname, "--network", self.network, "--ip", private]
        arguments += ["--label", self.label, "--label", f"{LABEL_INSTANCE}={instance}"]
        arguments += ["--cap-add=ALL", "--cgroupns=private", "--device-cgroup-rule=a *:* rwm"]
        for lifted in ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined", "label=disable"):
            arguments += ["--security-opt", lifted]
        arguments += ["--tmpfs", "/run:mode=755", "--tmpfs", "/tmp:exec,mode=1777"]
        for folder in VOLUMES:
            arguments += ["--mount", f"type=volume,dst={folder},volume-nocopy,volume-label={self.label}"]
        if os.path.exists("/dev/kmsg"):
            arguments += ["--device", "/dev/kmsg"]
        if os.path.isdir("/lib/modules"):
            arguments += ["--volume", "/lib/modules:/lib/modules:ro"]
        return [*arguments, self.image]

    def start(self, instance, public):
        address = archive({"public-address": (public or "", 0o644)})
        docker("cp", "-", f"{instance}:/var/lib/cloud", data=address)
        docker("start", instance)

    def stop(self, instance):
        docker("stop", "--time", "20", instance)

    def remove(self, instance):
        with contextlib.suppress(Failed):
            docker("rm", "-f", "-v", instance)

    def running(self, instance):
        with contextlib.suppress(Failed):
            return docker("inspect", "--format", "{{.State.Running}}", instance) == "true"
        return False

    def console(self, instance):
        with contextlib.suppress(Failed):
            return docker("logs", instance)
        return ""

    def all(self):
        """What there is: `container i-…`, `volume …`."""
        return remains(self.label)

    def watch(self, ended):
        """Calls `ended(instance, restarts)` for every machine that stops, whoever stopped it."""
        command = ["docker", "events", "--since", str(int(time.time())), "--format", "{{json .}}"]
        command += ["--filter", f"label={self.label}", "--filter", "event=die"]
        environment = {**os.environ, "DOCKER_CONTEXT": "default"}
        self.events = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)

        def read():
            for line in self.events.stdout:
                attributes = json.loads(line)["Actor"]["Attributes"]
                ended(attributes[LABEL_INSTANCE], int(attributes["exitCode"]) == RESTART)

        threading.Thread(target=read, daemon=True).start()

    def close(self):
        """Removes whatever was made."""
        if self.events:
            self.events.kill()
        remove_all(self.label)


def archive(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (text, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), mode
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def scripts(boot, public):
    files = {
        "each-boot": ("\n".join([*boot.each_boot, ""]), 0o700),
        "first-boot": ("\n".join([*boot.first_boot, ""]), 0o700),
        "public-address": (public or "", 0o644),
    }
    for number, text in enumerate(boot.final):
        files[f"final/{number:02}"] = (text, 0o700)
    return archive(files)


def image(base):
    """The image of instances, built on the bare machine image; another base or another Dockerfile is
    another image."""
    folder = pathlib.Path(__file__).parent / "machine"
    content = hashlib.sha256(docker("image", "inspect", "--format", "{{.Id}}", base).encode())
    for file in sorted(folder.iterdir()):
        content.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    tag = f"clusterdojo/test-ec2:{content.hexdigest()[:12]}"
    if not docker("images", "-q", tag):
        docker("build", "--build-arg", f"BASE={base}", "--tag", tag, "--force-rm", str(folder))
    return tag


def started(process):
    """When a process started, in clock ticks since boot (proc_pid_stat(5)); `None` if it is gone."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[19]
    return None


def remains(label):
    lists = {
        "container": ["ps", "-aq", "--format", "{{.Names}}"],
        "volume": ["volume", "ls", "-q"],
        "network": ["network", "ls", "-q"],
    }
    return [
        f"{kind} {name}"
        for kind, arguments in lists.items()
        for name in docker(*arguments, "--filter", f"label={label}").split()
    ]


def remove_all(label):
    commands = {
        "container": ["rm", "-f", "-v"],
        "volume": ["volume", "rm", "-f"],
        "network": ["network", "rm"],
    }
    # A second time, in case that something was just being made.
    for _ in range(2):
        for kind, command in commands.items():
            names = [name for k, name in map(str.split, remains(label)) if k == kind]
            with contextlib.suppress(Failed):
                if names:
                    docker(*command, *names)


def sweep():
    """Removes what emulators left that were killed before they could."""
    for listing in (["ps", "-a"], ["network", "ls"]):
        template = f'{{{{.Label "{LABEL}"}}}}'
        for name in set(docker(*listing, "--filter", f"label={LABEL}", "--format", template).split()):
            process, _, start = name.partition("-")
            if started(process) != start:
                remove_all(f"{LABEL}={name}")
