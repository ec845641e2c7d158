"""An EC2 for tests: moto's API with real machines behind it (`cloud.py`), and with what goes wrong when a
test wants it to.

    ec2 --image IMAGE     IMAGE: what `dojo image build --bare` makes

Prints one line of JSON once it answers: its address, and its name in labels. It ends,
and takes everything with it that it made, as soon as standard input does: also when a test is killed.

Below `/control/` tests find
    PUT settings      changes SETTINGS of cloud.py
    POST faults       adds to the rules of `Faults`
    DELETE faults     forgets them
    GET log           every request so far, with what was answered
    GET inventory     what there is, in the API and on the engine
    POST end          {"instance", "code", "message"}: ends an instance from outside
    GET console/ID    what a machine said while it booted
`GET /address` answers with the caller's address, as a public service for that would.
"""

import argparse
import json
import os
import re
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

# moto then refuses what EC2 would.
os.environ["MOTO_ENABLE_AMI_VALIDATION"] = "true"
os.environ["MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION"] = "true"

from moto.ec2.models import ec2_backends  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.test import Client  # noqa: E402

import prices  # noqa: E402
from cloud import Cloud  # noqa: E402
from faults import Faults, refusal  # noqa: E402
from machines import Machines  # noqa: E402

# An access key of this form belongs to the account that it names; every other to moto's own account.
ACCOUNT_KEY = re.compile(r"AKIA(\d{12})TEST")


class Emulator:
    def __init__(self, image):
        self.machines = Machines(image)
        self.cloud = Cloud(self.machines)
        self.faults = Faults()
        self.log = []
        self.moto = Client(DomainDispatcherApplication(create_backend_app))

    def answer(self, request):
        """Answers one request of the API; `None` means that the connection breaks instead."""
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        service, region, account = request.scope()
        entry = {"action": form.get("Action"), "service": service, "region": region, "form": form}
        with self.cloud.lock:
            self.log.append(entry)
            backend = ec2_backends[account][region]
            zone = self.cloud.zone(backend, form) if form.get("Action") == "RunInstances" else None
            fault = self.faults.next(form, zone)
            if fault and not fault.get("after"):
                status, body = refusal(service, fault)
            else:
                self.cloud.form = form
                try:
                    with self.cloud.as_seen(backend, form.get("Action")):
                        status, body = self.ask_moto(request, account)
                except Exception as reason:
                    # Nothing that a client can do anything about; the text says what to mend here.
                    traceback.print_exc()
                    missing = {"error": "EmulatorError", "message": repr(reason), "status": 501}
                    status, body = refusal(service, missing)
            if fault and fault.get("after") and "error" in fault:
                status, body = refusal(service, fault)
        code = re.search(rb"<Code>([^<]+)</Code>", body) if status >= 400 else None
        lost = bool(fault and fault.get("lost"))
        entry.update(status=status, error=code and code[1].decode(), lost=lost, fault=bool(fault))
        return None if lost else (status, body)

    def ask_moto(self, request, account):
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in ("host", "content-length")]
        headers.append(("x-moto-account-id", account))
        response = self.moto.post(request.path, data=request.body, headers=headers)
        return response.status_code, response.get_data()

    def control(self, method, path, body):
        """Answers a test."""
        given = json.loads(body or "null")
        match (method, *path.split("/")):
            case ("PUT", "settings"):
                unknown = given.keys() - self.cloud.settings.keys()
                if unknown:
                    raise ValueError(f"no such setting: {unknown}")
                self.cloud.settings.update(given)
                return self.cloud.settings
            case ("POST", "faults"):
                self.faults.add(given)
            case ("DELETE", "faults"):
                self.faults.clear()
            case ("GET", "log"):
                with self.cloud.lock:
                    return list(self.log)
            case ("GET", "inventory"):
                return {"api": self.cloud.inventory(), "engine": self.machines.all()}
            case ("POST", "end"):
                self.cloud.end(given["instance"], given["code"], given["message"])
            case ("GET", "console", identity):
                return self.cloud.consoles.get(identity) or self.machines.console(identity)
            case _:
                raise ValueError(f"no such thing: {method} {path}")
        return None


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    emulator = None

    def scope(self):
        """Service, region and account of a signed request (Signature Version 4, credential scope)."""
        match = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/", self.headers.get("Authorization", ""))
        key, region, service = match.groups() if match else ("", "us-east-1", "ec2")
        account = ACCOUNT_KEY.fullmatch(key)
        return service, region, account[1] if account else "123456789012"

    def handle_request(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/address":
            # Callers are on this host, which instances see as their network's gateway.
            self.reply(200, f"{self.emulator.machines.gateway}\n".encode(), "text/plain")
        elif self.path.startswith("/control/"):
            try:
                said = self.emulator.control(self.command, self.path.removeprefix("/control/"), self.body)
                self.reply(200, json.dumps(said).encode(), "application/json")
            except Exception as reason:
                self.reply(400, repr(reason).encode(), "text/plain")
        elif self.headers.get("X-Amz-Target") == prices.TARGET:
            self.reply(200, prices.products(self.body), "application/x-amz-json-1.1")
        elif (answer := self.emulator.answer(self)) is None:
            self.close_connection = True
        else:
            self.reply(*answer, "text/xml")

    do_GET = do_PUT = do_POST = do_DELETE = handle_request

    def reply(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--image", required=True)
    emulator = Emulator(parser.parse_args().image)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        Request.emulator = emulator
        server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        said = {"endpoint": address, "name": emulator.machines.name}
        print(json.dumps(said), flush=True)
        sys.stdin.read()
    finally:
        emulator.machines.close()


main()
