"""Ways that lead back to the gateway: a request takes them once, and not until no descriptor is left (RFC 8586)."""
import contextlib
import re
import socket
import threading

import pytest
from support.gateway import run
from support.wire import get


class Relay:
    """Passes bytes on to a port that is set later, as a balancer or a name may lead back."""

    def __init__(self):
        self.port = None
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                self.connections += 1
                far = socket.create_connection(("127.0.0.1", self.port))
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass(one, other):
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)

    def close(self):
        self.listener.close()


@pytest.fixture
def relay():
    relay = Relay()
    yield relay
    relay.close()


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b"hello")])
def test_D_4_a_request_that_comes_back_to_its_route_is_refused(start, relay, workers, method, body):
    gateway = start(f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    workers: {workers}
    upstreams: {{ app: {{ servers: ["{relay.server}"] }} }}
    routes: [{{ path: /**, auth: none, upstream: app }}]
    """)
    relay.port = gateway.port
    answer = get(gateway, "/a", method=method, body=body)
    assert answer.status == 508 and relay.connections == 1
    inner, outer = sorted(gateway.wait_access(2), key=lambda line: "reason" not in line)
    assert (inner["status"], inner["reason"], inner["blame"]) == (508, "forwarding_loop", "gateway")
    assert (outer["status"], outer.get("reason")) == (508, None)
    assert "upstream" not in inner


def test_D_4_two_gateways_that_lead_to_each_other(start, relay):
    first = start(f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    upstreams: {{ app: {{ servers: ["{relay.server}"] }} }}
    routes: [{{ path: /**, auth: none, upstream: app }}]
    """)
    second = start(f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    upstreams: {{ app: {{ servers: ["127.0.0.1:{first.port}"] }} }}
    routes: [{{ path: /**, auth: none, upstream: app }}]
    """)
    relay.port = second.port
    assert get(first, "/a").status == 508
    # Each loop writes its lines on its own, so either may come first.
    assert {line.get("reason") for line in first.wait_access(2)} == {"forwarding_loop", None}
    assert [line.get("reason") for line in second.wait_access(1)] == [None]


def test_a_request_may_come_by_twice_on_its_way_to_another_route(start, upstream, relay):
    app = upstream()
    gateway = start(f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    upstreams:
      cache: {{ servers: ["{relay.server}"] }}
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /cached/**, auth: none, strip_prefix: /cached, upstream: cache }}
      - {{ path: /**, auth: none, upstream: app }}
    """)
    relay.port = gateway.port
    assert get(gateway, "/cached/a", [("CDN-Loop", "edge.example; v=1, other")]).status == 200
    assert get(gateway, "/a").status == 200
    through, direct = app.wait_requests(2)
    passed = [value for name, value in through.fields if name.lower() == "cdn-loop"]
    assert passed[0] == "edge.example; v=1, other"
    assert [re.sub("[0-9a-f]{16}", "X", value) for value in passed[1:]] == ["portcullis-X-0", "portcullis-X-1"]
    # The name is of the process: another one has another.
    assert direct.field("cdn-loop") == passed[2]
    # Whoever sends it has no other request refused than their own, and the name of another route is none.
    assert get(gateway, "/a", [("CDN-Loop", passed[1])]).status == 200
    for value in (passed[2], f"x, {passed[2]} ,y"):
        answer = get(gateway, "/a", [("CDN-Loop", value)])
        assert answer.status == 508 and gateway.access_of(answer.request_id)["reason"] == "forwarding_loop"
    assert get(gateway, "/a", [("CDN-Loop", "x"), ("CDN-Loop", passed[2])]).status == 508
    assert get(gateway, "/a", [("CDN-Loop", passed[2] + "0"), ("CDN-Loop", "")]).status == 200
    assert len(app.requests) == 4


@pytest.mark.parametrize("listener, server", [
    ("127.0.0.1:18080", "127.0.0.1:18080"), ("127.0.0.1:18080", "localhost:18080"),
    ("0.0.0.0:18080", "127.0.0.1:18080"), ("'[::]:18080'", "[::1]:18080"), ("unix:/tmp/a.sock", "unix:/tmp/a.sock")])
def test_D_4_a_server_that_is_a_listener_of_the_gateway_is_refused(tmp_path, listener, server):
    path = tmp_path / "gateway.conf"
    path.write_text(f"""
listeners: [{{ address: {listener} }}]
upstreams: {{ app: {{ servers: ["{server}"] }} }}
routes: [{{ path: /**, auth: none, upstream: app }}]
""")
    result = run("check", "--config", path)
    assert result.returncode == 1 and "leads back to the gateway's own listener" in result.stderr, result
    assert run("serve", "--config", path).returncode == 78
