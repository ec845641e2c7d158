"""User data as cloud-init reads it, turned into shell scripts: what runs at each boot, what runs at the
first boot before sshd starts, and what runs once the system is up.

Only what is listed here is understood. Anything else is refused, because a test that goes on without it
would show nothing.
"""

import base64
import email
import gzip
import re
import shlex

import yaml

# The default users of images for the cloud may do everything.
DEFAULT_USER = {"shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL"}


class Refused(Exception):
    """User data that this stand-in does not understand."""


class Boot:
    """The scripts of one instance."""

    def __init__(self, data, default_user):
        self.default_user = default_user
        self.each_boot = []
        self.first_boot = []
        self.final = []
        config = {}
        for kind, text, how in parts(data):
            if kind == "cloud-config":
                config = merged(config, {**({"merge_how": how} if how else {}), **parsed(text)})
            else:
                self.final.append(text)
        self.understand(config)

    def understand(self, config):
        """Every module in the order in which cloud-init runs them."""
        take = config.pop
        for key in ("merge_how", "merge_type", "preserve_hostname", "disable_root"):
            take(key, None)
        for key in ("ssh_pwauth", "package_update", "package_upgrade"):
            if take(key, False):
                raise Refused(f"`{key}` can only be false")
        self.each_boot += [command(words) for words in take("bootcmd", [])]
        files = take("write_files", [])
        for file in files:
            if not file.get("defer"):
                self.first_boot += written(file)
        hostname = take("fqdn", None) or take("hostname", None)
        take("hostname", None)
        if hostname:
            # The engine gives a container its own at each start.
            self.each_boot += [f"echo {shlex.quote(hostname)} >/etc/hostname", "hostname -F /etc/hostname"]
            if take("manage_etc_hosts", False):
                self.each_boot.append(f"echo 127.0.1.1 {shlex.quote(hostname)} >>/etc/hosts")
        users = take("users", ["default"])
        for user in users:
            if user == "default":
                user = {**DEFAULT_USER, "name": self.default_user}
            self.first_boot += added(user)
        keys = take("ssh_authorized_keys", [])
        if "default" in users:
            self.first_boot += authorized(self.default_user, keys)
        self.first_boot += host_keys(take("ssh_keys", {}), take("ssh_deletekeys", True))
        take("ssh_genkeytypes", None)
        for file in files:
            if file.get("defer"):
                self.first_boot += written(file)
        commands = take("runcmd", [])
        if commands:
            # Like cloud-init's own, it goes on after a command that fails.
            self.final.insert(0, "\n".join(["#!/bin/sh", *map(command, commands), ""]))
        if config:
            raise Refused(f"unknown in `#cloud-config`: {', '.join(map(str, config))}")


def parts(data):
    """The parts of user data: kind, text, and how to merge it."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    text = data.decode()
    if not text.strip():
        return []
    if text.startswith("#cloud-config"):
        return [("cloud-config", text, None)]
    if text.startswith("#!"):
        return [("script", text, None)]
    message = email.message_from_string(text)
    if not message.is_multipart():
        raise Refused("neither `#cloud-config` nor a script nor MIME parts")
    kinds = {"text/cloud-config": "cloud-config", "text/x-shellscript": "script"}
    found = []
    for part in message.walk():
        if part.is_multipart():
            continue
        if part.get_content_type() not in kinds:
            raise Refused(f"a part of the type {part.get_content_type()}")
        how = part.get("Merge-Type") or part.get("X-Merge-Type")
        found.append((kinds[part.get_content_type()], part.get_payload(decode=True).decode(), how))
    return found


def parsed(text):
    config = yaml.safe_load(text) or {}
    if not isinstance(config, dict):
        raise Refused("`#cloud-config` is not a mapping")
    return config


def merged(earlier, later):
    """The later part wins with all that it has, unless it says how to merge (cloud-init, "Merging user
    data sections"): then the earlier one does, but for lists that grow."""
    how = str(later.get("merge_how") or later.get("merge_type") or "dict(replace)")
    options = {name: words.split(",") for name, words in re.findall(r"(\w+)\(([^)]*)\)", how)}
    if "replace" in options.get("dict", []):
        return {**earlier, **later}
    result = {**later, **earlier}
    if {"recurse_array", "recurse_list"} & set(options.get("dict", [])) and "append" in options.get("list", []):
        for key in earlier.keys() & later.keys():
            if isinstance(earlier[key], list):
                result[key] = earlier[key] + later[key]
    return result


def command(words):
    return words if isinstance(words, str) else " ".join(shlex.quote(str(word)) for word in words)


def written(file):
    unknown = set(file) - {"path", "content", "encoding", "owner", "permissions", "append", "defer"}
    if unknown:
        raise Refused(f"unknown in `write_files`: {', '.join(unknown)}")
    content = file.get("content", "")
    encoding = file.get("encoding", "text/plain")
    if encoding in ("b64", "base64"):
        content = base64.b64decode(content)
    elif encoding in ("gz+b64", "gzip+base64"):
        content = gzip.decompress(base64.b64decode(content))
    elif encoding == "text/plain":
        content = content.encode()
    else:
        raise Refused(f"the encoding {encoding}")
    path = shlex.quote(file["path"])
    mode = str(file.get("permissions", "0644"))
    lines = [
        f"mkdir -p {shlex.quote(file['path'].rpartition('/')[0] or '/')}",
        f"touch {path}",
        f"chmod {shlex.quote(mode)} {path}",
        put(content, path, append=file.get("append")),
    ]
    if "owner" in file:
        lines.append(f"chown {shlex.quote(file['owner'])} {path}")
    return lines


def put(content, path, append=False):
    into = ">>" if append else ">"
    return f"echo {base64.b64encode(content).decode()} | base64 -d {into}{path}"


def added(user):
    known = {"name", "gecos", "sudo", "shell", "groups", "lock_passwd", "ssh_authorized_keys"}
    unknown = set(user) - known
    if unknown:
        raise Refused(f"unknown in `users`: {', '.join(unknown)}")
    name = user["name"]
    lines = [
        f"id {shlex.quote(name)} >/dev/null 2>&1 ||"
        f" useradd --create-home --shell {shlex.quote(user.get('shell', '/bin/sh'))} {shlex.quote(name)}"
    ]
    groups = user.get("groups", [])
    if groups:
        groups = groups if isinstance(groups, str) else ",".join(groups)
        lines.append(f"usermod --append --groups {shlex.quote(groups)} {shlex.quote(name)}")
    rules = user.get("sudo") or []
    for rule in [rules] if isinstance(rules, str) else rules:
        lines.append(f"echo {shlex.quote(f'{name} {rule}')} >>/etc/sudoers.d/90-cloud-init-users")
    return lines + authorized(name, user.get("ssh_authorized_keys", []))


def authorized(user, keys):
    if not keys:
        return []
    keys = "".join(f"{key.strip()}\n" for key in keys).encode()
    home = f"/home/{user}" if user != "root" else "/root"
    return [
        f"install -d -m 700 -o {user} -g {user} {home}/.ssh",
        put(keys, f"{home}/.ssh/authorized_keys", append=True),
        f"chmod 600 {home}/.ssh/authorized_keys",
        f"chown {user}:{user} {home}/.ssh/authorized_keys",
    ]


def host_keys(given, delete):
    lines = ["rm -f /etc/ssh/ssh_host_*"] if delete else []
    if not given:
        return [*lines, "ssh-keygen -q -A"]
    for name, key in given.items():
        match = re.fullmatch(r"(ed25519|ecdsa|rsa)_(private|public)", name)
        if not match:
            raise Refused(f"unknown in `ssh_keys`: {name}")
        kind, half = match.groups()
        path = f"/etc/ssh/ssh_host_{kind}_key" + (".pub" if half == "public" else "")
        mode = 600 if half == "private" else 644
        lines.append(f"(umask 077; {put((key.strip() + chr(10)).encode(), path)}); chmod {mode} {path}")
    return lines
