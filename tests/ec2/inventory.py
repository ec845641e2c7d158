"""What there is in the API, whoever it is told to."""


def groups_of(interface):
    return {group.id for group in interface.group_set}


def in_backend(backend):
    instances = [instance for r in backend.reservations.values() for instance in r.instances]
    things = [("instance", i, i.state) for i in instances if i.state != "terminated"]
    things += [("volume", v, v.status) for v in backend.volumes.values()]
    things += [("interface", e, e.status) for e in backend.enis.values()]
    groups = [group for groups in backend.groups.values() for group in groups.values()]
    things += [("group", g, g.name) for g in groups if not g.is_default]
    things += [("address", a, a.public_ip) for a in backend.addresses]
    things += [("template", t, t.name) for t in backend.launch_templates.values()]
    return [
        {
            "kind": kind,
            "id": thing.id,
            "what": what,
            "zone": getattr(thing, "availability_zone", None),
            "tags": dict(backend.tags.get(thing.id, {})),
        }
        for kind, thing, what in things
    ]
