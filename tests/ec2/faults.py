"""What goes wrong, because a test asked for it.

A rule is a JSON object:
    action    the action that it is about, as a regular expression; absent means every one
    zone      only launches in this zone
    type      only launches of this instance type
    value     only requests one of whose parameters has this value
    error     the error's code; absent means that the request succeeds
    message   the error's text
    status    the HTTP status; 400 unless given
    times     how often; absent means always
    every     only each n-th of the requests that the rule is about
    after     the request is done before the error is told
    lost      no answer comes, the connection breaks
"""

import re
from xml.sax.saxutils import escape


class Faults:
    def __init__(self):
        self.rules = []

    def clear(self):
        self.rules.clear()

    def add(self, rule):
        known = {"action", "zone", "type", "value", "error", "message", "status", "times", "every", "after", "lost"}
        if rule.keys() - known:
            raise ValueError(f"unknown in a fault: {rule.keys() - known}")
        self.rules.append({**rule, "seen": 0, "done": 0})

    def next(self, form, zone):
        """The rule that strikes a request, if any."""
        for rule in self.rules:
            if not re.fullmatch(rule.get("action", ".*"), form.get("Action", "")):
                continue
            kind = form.get("InstanceType")
            if rule.get("zone", zone) != zone or rule.get("type", kind) != kind:
                continue
            if "value" in rule and rule["value"] not in form.values():
                continue
            rule["seen"] += 1
            if rule["done"] >= rule.get("times", 1e9) or rule["seen"] % rule.get("every", 1):
                continue
            rule["done"] += 1
            return rule
        return None


def refusal(service, fault):
    """Status and body of an error, as the service writes them."""
    code, message = escape(fault.get("error", "")), escape(fault.get("message", ""))
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    if service == "ec2":
        body = f"<Response><Errors>{error}</Errors><RequestID>test</RequestID></Response>"
    else:
        body = f"<ErrorResponse>{error}<RequestId>test</RequestId></ErrorResponse>"
    return fault.get("status", 400), body.encode()
