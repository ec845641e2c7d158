"""Images that instances are made of: what Debian and Ubuntu publish, with those beside them that must not be
chosen."""

import datetime

from moto.ec2.models.amis import Ami

DEBIAN, UBUNTU = "136693071363", "099720109477"
# Of the images that users start from: their owners publish them under these names. An older one and one
# that is not for servers are there so that choosing has to be right.
IMAGES = [
    (DEBIAN, "debian-13-{debian}-20260501-2101", "2026-05-01"),
    (DEBIAN, "debian-13-{debian}-20260914-2241", "2026-09-14"),
    (DEBIAN, "debian-13-backports-{debian}-20260914-2241", "2026-09-15"),
    (DEBIAN, "debian-12-{debian}-20260914-2241", "2026-09-14"),
    (UBUNTU, "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{debian}-server-20260912", "2026-09-12"),
    (UBUNTU, "ubuntu/images/hvm-ssd-gp3/ubuntu-jammy-22.04-{debian}-server-20260912", "2026-09-12"),
    # Anyone may give an image any name.
    ("666666666666", "debian-13-{debian}-20261001-9999", "2026-10-01"),
]
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}


def images(backend):
    for number, (owner, name, day) in enumerate(IMAGES):
        for architecture, debian in ARCHITECTURES.items():
            yield Ami(
                backend,
                f"ami-{number:08x}{'a' if debian == 'amd64' else 'b'}",
                name=name.format(debian=debian),
                owner_id=owner,
                public=True,
                architecture=architecture,
                creation_date=datetime.datetime.fromisoformat(day),
                root_device_type="ebs",
                root_device_name="/dev/xvda" if owner == DEBIAN else "/dev/sda1",
                virtualization_type="hvm",
                hypervisor="xen",
                region_name=f"{backend.region_name}a",
            )
