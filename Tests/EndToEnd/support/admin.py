"""What an admin listener says."""
import json
import subprocess
from types import SimpleNamespace

from support.wire import get

JSON = ("Accept", "application/json")


class Admin:
    def __init__(self, gateway):
        self.gateway = gateway
        self.host, _, port = gateway.wait_message("serving")["admin"].rpartition(":")
        self.host = self.host.replace("0.0.0.0", "127.0.0.1")
        self.port = int(port)

    def get(self, path, *fields, host="127.0.0.1", **options):
        return get(self, path, fields, host=host, **options)

    def status(self):
        answer = self.get("/status", JSON)
        assert answer.status == 200
        return json.loads(answer.body)

    def metrics(self):
        """Every sample, by its name with its labels."""
        answer = self.get("/metrics")
        assert answer.status == 200 and answer.field("content-type") == "text/plain; version=0.0.4; charset=utf-8"
        checked = subprocess.run(["promtool", "check", "metrics"], input=answer.body, capture_output=True)
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
        lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
        samples = dict(line.rpartition(" ")[::2] for line in lines)
        assert len(samples) == len(lines)
        return {name: float(value) for name, value in samples.items()}


def said_by_admin(gateway, request_ids):
    """Every page of a gateway's admin listener by its path, and what it remembers of some refused requests."""
    host, _, port = gateway.wait_message("serving")["admin"].rpartition(":")
    place, said = SimpleNamespace(host=host, port=int(port)), {}
    for path in ("/metrics", "/status", "/config", *(f"/requests/{id}" for id in request_ids)):
        for kind in ("application/json", "text/html"):
            answer = get(place, path, [("Accept", kind)], host="127.0.0.1")
            assert answer.status == 200, (path, answer)
            said[f"{path} as {kind}"] = answer.body.decode()
    return said
