"""moto's EC2 with what it lacks: time that passes, requests that are done once however often they come,
things that cannot be removed while they are in use, and machines behind the instances."""

import base64
import contextlib
import copy
import functools
import threading
import time

import moto.ec2.models.elastic_network_interfaces as interfaces
import moto.ec2.utils
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.instances import Instance, StateReason

from images import UBUNTU, images
from inventory import groups_of, in_backend
from userdata import Boot, Refused

# Numbers of instance states (InstanceState in Amazon's API reference).
STATES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}

# What tests may change.
SETTINGS = {
    # Seconds for which what was made is not found (eventual consistency).
    "lag": 0,
    # Seconds that an instance is at least `pending`.
    "pending": 0,
    # Seconds that an instance is at least `shutting-down`; its group is in use for as long.
    "shutting_down": 0,
    # Whether instances get machines. Without, all the rest goes on as if they had.
    "machines": True,
    # What becomes of the next instances instead of running: [{"code", "message"}, …].
    "fail_at_launch": [],
}


def error(code, message):
    return EC2ClientError(code, message)


class Cloud:
    """All accounts and regions."""

    def __init__(self, machines):
        self.machines = machines
        self.settings = dict(SETTINGS)
        # Everything that reads or changes moto's state holds it.
        self.lock = threading.RLock()
        # The form of the request that is being answered.
        self.form = {}
        # Launches by account, region, zone and client token: the form and what came of it.
        self.launches = {}
        # When things were made, by id.
        self.born = {}
        self.instances = {}
        # What machines said that are gone.
        self.consoles = {}
        # Only one thing at a time is done to a machine.
        self.busy = {}
        self.extend_moto()
        machines.watch(self.machine_ended)

    def extend_moto(self):
        moto.ec2.utils.filter_dict_attribute_mapping["client-token"] = "client_token"
        interfaces.random_public_ip = self.machines.public_address
        for name in (
            "create_default_vpc",
            "_load_amis",
            "run_instances",
            "start_instances",
            "stop_instances",
            "reboot_instances",
            "terminate_instances",
            "create_security_group",
            "delete_security_group",
        ):
            self.replace(name)

    def replace(self, name):
        """Has a method of moto's go through the one here of the same name."""
        original, ours = getattr(EC2Backend, name), getattr(self, name)

        @functools.wraps(original)
        def method(backend, *arguments, **named):
            return ours(backend, functools.partial(original, backend), *arguments, **named)

        setattr(EC2Backend, name, method)

    # --- what is there from the beginning --------------------------------------------------------

    def create_default_vpc(self, backend, original):
        vpc = backend.create_vpc(cidr_block=self.machines.vpc, is_default=True)
        for zone in backend.describe_availability_zones():
            backend.create_default_subnet(zone.name)
        return vpc

    def _load_amis(self, backend, original):
        backend.amis.update((image.id, image) for image in images(backend))

    # --- eventual consistency --------------------------------------------------------------------

    def note(self, *things):
        self.born.update((thing.id, time.monotonic()) for thing in things)

    def young(self, identity):
        return time.monotonic() - self.born.get(identity, -1e9) < self.settings["lag"]

    @contextlib.contextmanager
    def as_seen(self, backend, action):
        """Hides from moto what is too young to be found, while it answers a request."""
        collections = list(backend.groups.values())
        if action != "RunInstances":
            collections += [backend.reservations, backend.volumes, backend.enis]
        # A name is taken at once.
        if action == "CreateSecurityGroup":
            collections = []
        hidden = [
            (collection, key, collection.pop(key))
            for collection in collections
            for key in list(collection)
            if self.young(key)
        ]
        try:
            yield
        finally:
            for collection, key, value in hidden:
                collection[key] = value

    # --- instances -------------------------------------------------------------------------------

    def zone(self, backend, form):
        """The zone that a launch asks for, if it asks for one."""
        subnet = form.get("SubnetId") or form.get("NetworkInterface.1.SubnetId")
        if subnet:
            return backend.get_subnet(subnet).availability_zone
        return form.get("Placement.AvailabilityZone")

    def run_instances(self, backend, original, image, count, user_data, groups, **options):
        zone, token = self.zone(backend, self.form), self.form.get("ClientToken")
        # A token counts within the zone, if one is given ("Ensuring idempotency" in Amazon's API
        # reference): the same token in the next zone is another launch.
        key = (backend.account_id, backend.region_name, zone, token)
        if token and key in self.launches:
            return self.launched_before(*self.launches[key], self.form)
        (described,) = backend.describe_images(ami_ids=[image])
        self.refuse_other_architecture(backend, described, options["instance_type"])
        user = "ubuntu" if described.owner_id == UBUNTU else "admin"
        try:
            boot = Boot(base64.b64decode(str(user_data or "")), user)
        except Refused as refused:
            raise error("InvalidUserData.Malformed", f"the stand-in for cloud-init: {refused}")
        if not options["subnet_id"] and not any("SubnetId" in nic for nic in options["nics"]):
            options["subnet_id"] = backend.get_default_subnets()[zone or f"{backend.region_name}a"].id
        for nic in options["nics"]:
            # moto would make them.
            for group in nic.get("Groups") or []:
                if backend.get_security_group_from_id(group) is None:
                    raise error("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
            # What the launch makes goes with the instance, unless it says otherwise.
            if "NetworkInterfaceId" not in nic:
                nic.setdefault("DeleteOnTermination", True)
        tags = options["tags"].get("network-interface", {})
        reservation = original(image, count, user_data, groups, **options)
        self.launches[key] = (self.form, reservation)
        self.note(reservation)
        for instance in reservation.instances:
            for interface in instance.nics.values():
                interface.add_tags(tags)
                interface.delete_on_termination = interface.delete_on_termination or not options["nics"]
            volumes = [block for _, block in instance.get_block_device_mapping]
            self.born.update((volume.volume_id, time.monotonic()) for volume in volumes)
            self.note(instance, *instance.nics.values())
            self.instances[instance.id] = instance
            self.state(instance, "pending")
            failures = self.settings["fail_at_launch"]
            failure = failures.pop(0) if failures else None
            self.later(instance, self.boot, boot, failure)
        return reservation

    def launched_before(self, form, reservation, again):
        if form != again:
            message = "Arguments on this idempotent request are inconsistent with those of previous request(s)."
            raise error("IdempotentParameterMismatch", message)
        if all(instance.state == "terminated" for instance in reservation.instances):
            message = "The instance that was launched with this client token has been terminated."
            raise error("IdempotentInstanceTerminated", message)
        return reservation

    def refuse_other_architecture(self, backend, image, kind):
        architecture = image.architecture
        (described,) = backend.describe_instance_types([kind])
        supported = described["ProcessorInfo"]["SupportedArchitectures"]
        if architecture not in supported:
            message = (
                f"The architecture '{supported[0]}' of the specified instance type does not match"
                f" the architecture '{architecture}' of the specified AMI."
            )
            raise error("InvalidParameterValue", message)

    def later(self, instance, act, *arguments):
        """Does something to an instance's machine, after what is being done to it already."""
        turn = self.busy.setdefault(instance.id, threading.Lock())

        def run():
            with turn:
                act(instance, *arguments)

        threading.Thread(target=run, daemon=True).start()

    def state(self, instance, name):
        instance._state.name, instance._state.code = name, STATES[name]

    def boot(self, instance, boot, failure):
        time.sleep(self.settings["pending"])
        if not failure and self.settings["machines"]:
            try:
                self.machines.create(instance.id, instance.private_ip, instance.public_ip, boot)
            except Exception as reason:
                failure = {"code": "Server.InternalError", "message": f"Server.InternalError: {reason}"}
        with self.lock:
            if failure:
                self.gone(instance, failure["code"], failure["message"])
            else:
                self.runs(instance)

    def runs(self, instance):
        """The machine was started; whoever asked for something else in the meantime gets that."""
        if instance.state != "pending":
            return
        self.state(instance, "running")
        if self.settings["machines"] and not self.machines.running(instance.id):
            # It was quicker, and its end has been heard of before.
            self.ended(instance)

    def gone(self, instance, code, message):
        self.consoles.setdefault(instance.id, self.machines.console(instance.id))
        self.machines.remove(instance.id)
        Instance.terminate(instance)
        instance.state_reason = StateReason(message, code)

    def terminate_instances(self, backend, original, identities):
        instances = backend.get_multi_instances_by_id(identities)
        for instance in instances:
            if instance.disable_api_termination:
                original([instance.id])
        return [(instance, self.terminate(instance)) for instance in instances]

    def terminate(self, instance, code="Client.UserInitiatedShutdown", message="User initiated shutdown"):
        before = copy.copy(instance._state)
        if before.name not in ("shutting-down", "terminated"):
            self.state(instance, "shutting-down")

            def remove(instance):
                self.consoles[instance.id] = self.machines.console(instance.id)
                self.machines.remove(instance.id)
                time.sleep(self.settings["shutting_down"])
                with self.lock:
                    self.gone(instance, code, f"{code}: {message}")

            self.later(instance, remove)
        return before

    def stop_instances(self, backend, original, identities):
        instances = backend.get_multi_instances_by_id(identities)
        self.refuse(instances, ("running", "stopping", "stopped"), "stopped")
        return [(instance, self.stop(instance)) for instance in instances]

    def stop(self, instance):
        before = copy.copy(instance._state)
        if before.name == "running":
            self.state(instance, "stopping")

            def stop(instance):
                if self.settings["machines"]:
                    self.machines.stop(instance.id)
                with self.lock:
                    if instance.state == "stopping":
                        Instance.stop(instance)

            self.later(instance, stop)
        return before

    def start_instances(self, backend, original, identities):
        instances = backend.get_multi_instances_by_id(identities)
        self.refuse(instances, ("pending", "running", "stopped"), "started")
        return [(instance, self.start(instance)) for instance in instances]

    def start(self, instance):
        before = copy.copy(instance._state)
        if before.name == "stopped":
            # Gives it another public address, as there is one for as long as it runs.
            Instance.start(instance)
            self.state(instance, "pending")

            def start(instance):
                time.sleep(self.settings["pending"])
                if self.settings["machines"]:
                    self.machines.start(instance.id, instance.public_ip)
                with self.lock:
                    self.runs(instance)

            self.later(instance, start)
        return before

    def reboot_instances(self, backend, original, identities):
        instances = backend.get_multi_instances_by_id(identities)
        self.refuse(instances, ("running",), "rebooted")
        for instance in instances:
            self.state(instance, "pending")

            def reboot(instance):
                self.machines.stop(instance.id)
                self.machines.start(instance.id, instance.public_ip)
                with self.lock:
                    self.runs(instance)

            self.later(instance, reboot)
        return instances

    def refuse(self, instances, states, what):
        for instance in instances:
            if instance.state not in states:
                message = f"The instance '{instance.id}' is not in a state from which it can be {what}."
                raise error("IncorrectInstanceState", message)

    def machine_ended(self, identity, restarts):
        """A machine has stopped. If nobody asked for that through the API, it did so itself."""
        with self.lock:
            instance = self.instances.get(identity)
            if instance is None or instance.state != "running":
                return
            if restarts:
                self.later(instance, lambda instance: self.machines.start(identity, instance.public_ip))
            else:
                self.ended(instance)

    def ended(self, instance):
        if instance.instance_initiated_shutdown_behavior == "terminate":
            self.terminate(instance, "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
        else:
            Instance.stop(instance)
            code = "Client.InstanceInitiatedShutdown"
            instance.state_reason = StateReason(f"{code}: Instance initiated shutdown", code)

    # --- security groups -------------------------------------------------------------------------

    def create_security_group(self, backend, original, *arguments, **named):
        group = original(*arguments, **named)
        self.note(group)
        return group

    def delete_security_group(self, backend, original, name=None, group_id=None):
        if group_id:
            in_use = any(group_id in groups_of(interface) for interface in backend.enis.values())
            rules = [
                rule
                for groups in backend.groups.values()
                for group in groups.values()
                if group.id != group_id
                for rule in [*group.ingress_rules, *group.egress_rules]
            ]
            named = any(rule.source_group.get("GroupId") == group_id for rule in rules)
            if in_use or named:
                raise error("DependencyViolation", f"resource {group_id} has a dependent object")
        return original(name, group_id)

    # --- for tests -------------------------------------------------------------------------------

    def end(self, identity, code, message):
        """Ends an instance as Amazon itself may, or somebody at the console."""
        with self.lock:
            self.terminate(self.instances[identity], code, message)

    def inventory(self):
        """What costs money or is in the way, however little of it the API may tell yet."""
        with self.lock:
            found = []
            for regions in list(ec2_backends.values()):
                for backend in list(regions.values()):
                    found += in_backend(backend)
        return found
