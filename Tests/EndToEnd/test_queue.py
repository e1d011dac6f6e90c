"""`max_connections` and `queue`: how many requests an upstream has at a time, and who waits."""
import contextlib
import select
import signal
import socket
import threading

import pytest
import websockets.exceptions
import websockets.sync.client
import websockets.sync.server

from support.ports import wait_until
from support.servers import refusing
from support.upstream import OK, read_head
from support.wire import Client, get

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def config(*servers, most, queue=0, workers=1, keys=""):
    listed = ", ".join(f'"{server}"' for server in servers)
    return f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    workers: {workers}
    upstreams:
      app: {{ servers: [{listed}], max_connections: {most}, queue: {queue}{keys} }}
    routes: [{{ path: /**, auth: none, upstream: app }}]
    """


class Gate:
    """An answer that is given when the test says so; counts how many wait for it at a time."""

    def __init__(self):
        self.lock = threading.Condition()
        self.inside = self.most = self.total = self.allowed = 0

    def __call__(self, request, connection):
        with self.lock:
            self.inside += 1
            self.total += 1
            self.most = max(self.most, self.inside)
            self.lock.wait_for(lambda: self.allowed > 0, 30)
            self.allowed -= 1
            self.inside -= 1
        return OK

    def let(self, count=1):
        with self.lock:
            self.allowed += count
            self.lock.notify_all()

    def wait(self, inside):
        wait_until(lambda: self.inside == inside, f"{inside} requests; there are {self.inside}")


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.let(10_000)


@pytest.fixture
def clients():
    """Connects clients: `clients(gateway, count)`."""
    with contextlib.ExitStack() as stack:
        yield lambda gateway, count: [stack.enter_context(Client(gateway, seconds=20)) for _ in range(count)]


def answered(clients):
    """Those whose answer is there."""
    return select.select([client.sock for client in clients], [], [], 0)[0]


def split(clients, count):
    """(`count` clients that were answered, the others), once there are so many."""
    wait_until(lambda: len(answered(clients)) == count, f"{count} answers")
    ready = answered(clients)
    return [c for c in clients if c.sock in ready], [c for c in clients if c.sock not in ready]


def test_more_wait_and_yet_more_are_refused(start, upstream, gate, clients, workers):
    app = upstream(gate)
    gateway = start(config(app.server, most=2, queue=3, workers=workers))
    first = clients(gateway, 2)
    for count, client in enumerate(first, 1):
        client.send(GET)
        gate.wait(count)
    more = clients(gateway, 7)
    for client in more:
        client.send(GET)
    refused, waiting = split(more, 4)
    for client in refused:
        answer = client.response()
        assert (answer.status, answer.field("retry-after")) == (503, "1")
        line = gateway.access_of(answer.request_id)
        assert (line["reason"], line["blame"], line["upstream"]) == ("upstream_busy", "upstream", "app")
        assert "first_byte_us" not in line
    assert gate.total == 2
    gate.let(5)
    assert [client.response().status for client in first + waiting] == [200] * 5
    assert (gate.total, gate.most) == (5, 2)
    # There is room again.
    gate.let(1)
    assert get(gateway).status == 200


def test_without_a_queue_nobody_waits(start, upstream, gate, clients, workers):
    app = upstream(gate)
    gateway = start(config(app.server, most=1, workers=workers))
    [first] = clients(gateway, 1)
    first.send(GET)
    gate.wait(1)
    for method, body in [("GET", None), ("POST", b"hello")] * 3:
        assert get(gateway, method=method, body=body).status == 503
    gate.let(1)
    assert first.response().status == 200
    gate.let(1)
    assert get(gateway).status == 200 and gate.most == 1


@pytest.mark.parametrize("most", [1, 3])
def test_all_loops_together_keep_the_limit_and_forget_nobody(start, upstream, clients, most, workers):
    """Connections on all loops, each request ends at once: every one is answered, and never are more under way."""
    gate = Gate()
    gate.let(1_000_000)
    app = upstream(gate)
    gateway = start(config(app.server, most=most, queue=100, workers=workers))
    # So few that even a busy machine has each answered within the five seconds that one may wait.
    everyone = clients(gateway, 16)
    for _ in range(10):
        for client in everyone:
            client.send(GET)
        assert [client.response().status for client in everyone] == [200] * 16
    assert gate.total == 160 and gate.most <= most
    assert {line["status"] for line in gateway.wait_access(160)} == {200}


def test_bodies_wait_too(start, upstream, gate, clients):
    app = upstream(gate)
    gateway = start(config(app.server, most=1, queue=10))
    [first, *more] = clients(gateway, 4)
    first.send(GET)
    gate.wait(1)
    for client, framing, body in zip(
            more, [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Content-Length: 5"],
            [b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"hel"]):
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + body)
    gateway.wait_taken(*more)
    more[2].send(b"lo")
    gate.let(4)
    assert [client.response().status for client in [first, *more]] == [200] * 4
    assert [r.body for r in app.requests].count(b"hello") == 3 and gate.most == 1


def test_a_wait_ends_after_five_seconds(start, upstream, gate, clients):
    app = upstream(gate)
    gateway = start(config(app.server, most=1, queue=10))
    first, second, third = clients(gateway, 3)
    first.send(GET)
    gate.wait(1)
    second.send(GET)
    answer = second.response()
    assert (answer.status, answer.field("retry-after")) == (503, "1")
    line = gateway.access_of(answer.request_id)
    assert line["reason"] == "upstream_busy" and 4_500_000 < line["total_us"] < 15_000_000
    # It stands in nobody's way, and its connection goes on.
    gate.let(1)
    assert first.response().status == 200
    for client in (second, third):
        gate.let(1)
        assert client.send(GET).response().status == 200
    assert gate.total == 3


def test_who_goes_gives_its_place_away(start, upstream, gate, clients, workers):
    app = upstream(gate)
    gateway = start(config(app.server, most=1, queue=2, workers=workers))
    first, *others = clients(gateway, 3)
    first.send(GET)
    gate.wait(1)
    for client in others:
        client.send(GET)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    gateway.wait_taken(*others)
    for client in others:
        client.sock.close()
    gateway.wait_access(2, reason="client_closed")
    later = clients(gateway, 2)
    for client in later:
        client.send(GET)
    gateway.wait_taken(*later)
    assert not answered(later)
    gate.let(3)
    assert [client.response().status for client in [first, *later]] == [200] * 3
    assert (gate.total, gate.most) == (3, 1)


def test_who_goes_while_it_is_served_makes_room(start, upstream, gate, clients, workers):
    app = upstream(gate)
    gateway = start(config(app.server, most=1, queue=2, workers=workers))
    first, second = clients(gateway, 2)
    first.send(GET)
    gate.wait(1)
    second.send(GET)
    gateway.wait_taken(second)
    first.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    first.sock.close()
    wait_until(lambda: gate.total == 2, "the request that waited")
    gate.let(2)
    assert second.response().status == 200


def test_requests_that_fail_make_room(start, script, upstream):
    def function(connection):
        read_head(connection)

    app = script(function)
    with refusing() as dead:
        gateway = start(config(app.server, dead, most=1, keys=", retries: 0"))
        assert {get(gateway).status for _ in range(8)} == {502}
        assert {get(gateway, method="POST", body=b"hello").status for _ in range(8)} == {502}


def test_a_reload_counts_on_where_the_definition_is_equal(start, upstream, gate, clients):
    app = upstream(gate)
    text = config(app.server, most=1, queue=1)
    gateway = start(text)
    first, second = clients(gateway, 2)
    first.send(GET)
    gate.wait(1)
    second.send(GET)
    gateway.wait_taken(second)

    gateway.reload(text.replace("routes: [", "routes: [{ path: /x, auth: none, upstream: app }, "))
    assert get(gateway).status == 503
    # Another definition is another upstream; who waited has its turn at the one that it waited for.
    gateway.reload(text.replace("queue: 1", "queue: 2"))
    gate.let(3)
    assert get(gateway).status == 200
    assert first.response().status == 200 and second.response().status == 200


def test_drain_ends_a_wait(start, upstream, gate, clients):
    """Who waits is served in time, or told so."""
    app = upstream(gate)
    gateway = start(config(app.server, most=1, queue=1))
    first, second = clients(gateway, 2)
    first.send(GET)
    gate.wait(1)
    second.send(GET)
    gateway.wait_taken(second)
    gateway.signal(signal.SIGTERM)
    gateway.wait_message("draining")
    gate.let(2)
    assert [first.response().status, second.response().status] == [200, 200]
    assert gateway.wait() == 0


def test_a_tunnel_counts_until_it_ends(start, clients, workers):
    """A WebSocket is a request in flight for as long as it is open."""
    server = websockets.sync.server.serve(lambda connection: [connection.send(m) for m in connection], "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        gateway = start(config("%s:%d" % server.socket.getsockname(), most=1, workers=workers))
        url = f"ws://127.0.0.1:{gateway.port}/"
        for _ in range(3):
            with wait_until(lambda: opened(url), "a WebSocket") as connection:
                connection.send("hello")
                assert connection.recv() == "hello"
                assert get(gateway).status == 503
    finally:
        server.shutdown()


def opened(url):
    """A WebSocket; None where it is refused, as the one before has not ended yet."""
    try:
        return websockets.sync.client.connect(url, proxy=None)
    except websockets.exceptions.InvalidStatus as error:
        assert error.response.status_code == 503
        return None


def test_what_is_in_flight_counts_after_a_reload(start, upstream, gate, clients, workers):
    app, other = upstream(gate), upstream()
    gateway = start(config(app.server, most=1, workers=workers))
    [first] = clients(gateway, 1)
    first.send(GET)
    gate.wait(1)
    # Another server: still one request at a time.
    gateway.reload(config(other.server, most=1, workers=workers))
    for _ in range(8):
        assert get(gateway).status == 503
    assert not other.connections
    gate.let()
    assert first.response().status == 200
    assert get(gateway).status == 200 and len(other.requests) == 1


def test_who_waits_has_room_after_a_reload_that_makes_some(start, upstream, gate, clients):
    app = upstream(gate)

    def text(most):
        return (config(app.server, most=most, queue=8)
                .replace("upstreams:\n", "upstreams:\n      probe: { builtin: echo }\n")
                .replace("routes: [", "routes: [{ path: /probe, auth: none, upstream: probe }, "))

    gateway = start(text(1))
    waiting = clients(gateway, 5)
    for client in waiting:
        client.send(GET)
    # The one loop has read the others before it answers a later connection.
    gate.wait(1)
    assert get(gateway, "/probe").status == 200
    gateway.reload(text(3))
    gate.wait(3)
    gate.let(5)
    assert [client.response().status for client in waiting] == [200] * 5
    assert gate.most == 3
