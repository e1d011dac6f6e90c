"""SECURITY D-1, behind the head: who sends a body, or takes an answer, a byte at a time holds nothing for long; whoever
else is slow is left alone."""
import socket
import threading
import time

import pytest

from support.certificates import Authority, client_context
from support.ports import wait_until
from support.upstream import OK, read_head, read_more, read_to_end
from support.wire import Client, get

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


def config(app, rate="1KiB", grace="1s", idle="75s", workers=1, keys="", routes=""):
    return f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    workers: {workers}
    limits: {{ minimum_rate: {rate} }}
    timeouts: {{ grace: {grace}, idle: {idle} }}
    upstreams:
      app: {{ servers: ["{app.server}"], timeouts: {{ response: 30s }}{keys} }}
    routes:
      {routes}
      - {{ path: /**, auth: none, upstream: app }}
    """


def reader(gateway, size=4096):
    """A connection whose system takes little at a time."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    sock.settimeout(20)
    sock.connect((gateway.host, gateway.port))
    return sock


class Drip:
    """Does something to each of `things` every so often, until it is left."""

    def __init__(self, things, action, every=0.1):
        self.things, self.action, self.every = list(things), action, every
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.over.wait(self.every):
            for thing in list(self.things):
                try:
                    self.action(thing)
                except OSError:
                    self.things.remove(thing)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(10)


def endless(connection):
    """Answers without an end, as fast as it is taken."""
    read_head(connection)
    connection.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sock.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


@pytest.mark.parametrize("framing, piece", [
    (b"Content-Length: 1000000", b"x"), (b"Transfer-Encoding: chunked", b"1\r\nx\r\n")], ids=["length", "chunked"])
def test_D_1_slow_bodies_and_others(start, upstream, framing, piece, workers):
    """120 bodies drip into an upstream that takes four requests at a time; others are served all the same."""
    app = upstream()
    gateway = start(config(app, workers=workers, keys=", max_connections: 4, queue: 1000"))
    slow = [socket.create_connection((gateway.host, gateway.port), timeout=30) for _ in range(120)]
    for sock in slow[:4]:
        sock.sendall(POST + framing + b"\r\n\r\n")
    wait_until(lambda: len(app.connections) == 4, "the first bodies upstream")
    with Drip(slow, lambda sock: sock.send(piece)):
        for sock in slow[4:]:
            sock.sendall(POST + framing + b"\r\n\r\n")
        # Whatever stands before them in the queue goes on, or has waited long enough.
        served = [get(gateway).status for _ in range(3)]
        assert 200 in served, served
        wait_until(lambda: len(gateway.access()) >= 120 + len(served), "the end of all", 60)
    lines = [line for line in gateway.access() if line["method"] == "POST"]
    assert {line["reason"] for line in lines} <= {"body_too_slow", "upstream_busy"}
    assert {line["reason"] for line in lines[:4]} == {"body_too_slow"}
    assert {line["blame"] for line in lines if line["status"] == 408} == {"client"}
    wait_until(lambda: all(c.ended for c in app.connections if b"POST" in c.received), "the upstream's connections")
    assert [request.method for request in app.requests] == ["GET"] * served.count(200)
    for _ in range(8):
        assert get(gateway).status == 200
    for sock in slow:
        sock.close()


@pytest.mark.parametrize("framing, piece", [
    (b"Content-Length: 1000000", b"x"), (b"Transfer-Encoding: chunked", b"1\r\nx\r\n")], ids=["length", "chunked"])
def test_D_1_a_slow_body_is_told(start, upstream, framing, piece):
    app = upstream()
    gateway = start(config(app, grace="500ms"))
    with Client(gateway) as client:
        client.send(POST + framing + b"\r\n\r\n")
        with Drip([client], lambda c: c.sock.send(piece)):
            answer = client.response()
        assert (answer.status, answer.field("connection")) == (408, "close")
    line = gateway.access_of(answer.request_id)
    assert (line["reason"], line["blame"], line["status"]) == ("body_too_slow", "client", 408)
    wait_until(lambda: app.connections[0].ended, "the upstream's connection to end")
    assert app.requests == []


def test_D_1_a_slow_body_to_the_gateway_itself(start, tmp_path):
    gateway = start(f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    limits: {{ minimum_rate: 1KiB }}
    timeouts: {{ grace: 500ms }}
    providers:
      local: {{ issuer: "http://127.0.0.1:8080", audiences: [a], signing: {{ state: "{tmp_path}/state" }} }}
    routes: [{{ path: /x, auth: local, redirect: /y }}]
    """)
    with Client(gateway) as client:
        client.send(b"POST /.well-known/jwks.json HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000\r\n\r\n")
        with Drip([client], lambda c: c.sock.send(b"x")):
            answer = client.response()
        assert answer.status == 408
    assert gateway.access_of(answer.request_id)["reason"] == "body_too_slow"


def test_D_1_a_body_that_is_slow_behind_the_answer(start, script):
    """The answer has begun: it cannot become a 408."""
    def function(connection):
        read_head(connection)
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        read_to_end(connection)

    gateway = start(config(script(function), grace="500ms"))
    with Client(gateway) as client:
        client.send(POST + b"Content-Length: 1000000\r\n\r\n")
        with Drip([client], lambda c: c.sock.send(b"x")):
            [line] = gateway.wait_access()
        assert (line["status"], line["reason"]) == (200, "body_too_slow")


@pytest.mark.parametrize("secured", [False, True], ids=["clear", "tls"])
def test_D_1_slow_readers_and_others(start, script, secured, tmp_path, workers):
    """Readers of a byte now and then; the upstream, which takes four at a time, is free again soon."""
    def function(connection):
        if b"/large" in read_head(connection):
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                connection.sock.sendall(b"x" * 65536)
        connection.sock.sendall(OK)
        read_to_end(connection)

    app = script(function)
    text = config(app, rate="64KiB", grace="500ms", idle="3s", workers=workers, keys=", max_connections: 4, queue: 100")
    if secured:
        _, chain, key = Authority(tmp_path).issue("server")
        address = 'address: "127.0.0.1:0"'
        text = text.replace(address, f"{address}, tls: {{ certificate: {chain}, key: {key} }}")
        # A listener that speaks in clear, for those who are honest.
        text = text.replace(f"[{{ {address}", f"[{{ address: unix:http.sock }}, {{ {address}")
    gateway = start(text)
    slow = []
    for _ in range(4):
        sock = reader(gateway)
        if secured:
            sock = client_context().wrap_socket(sock)
        sock.sendall(GET.replace(b"/", b"/large", 1).replace(b"Host: a", b"Host: example.test"))
        slow.append(sock)
    wait_until(lambda: len(app.connections) == 4, "the large answers")

    def served():
        with Client(gateway, address=str(gateway.folder / "http.sock") if secured else None) as client:
            return client.send(GET).response().status == 200

    with Drip(slow, lambda sock: sock.recv(16)):
        assert wait_until(served, "a free upstream", 20)
        lines = gateway.wait_access(4, path="/large")
    assert {(line["reason"], line["blame"], line["status"]) for line in lines} == {("client_too_slow", "client", 200)}
    for sock in slow:
        sock.close()


# Slow, and in the right.


@pytest.mark.parametrize("framing", [b"Content-Length: 6144", b"Transfer-Encoding: chunked"])
def test_a_body_that_keeps_the_rate(start, upstream, framing):
    """Faster than it has to be, for many times the grace."""
    app = upstream()
    gateway = start(config(app, rate="512", grace="600ms", idle="3s"))
    chunked = b"chunked" in framing
    with Client(gateway) as client:
        client.send(POST + framing + b"\r\n\r\n")
        for _ in range(24):
            client.send(b"100\r\n" + b"x" * 256 + b"\r\n" if chunked else b"x" * 256)
            time.sleep(0.125)
        if chunked:
            client.send(b"0\r\n\r\n")
        assert client.response().status == 200
    assert [len(request.body) for request in app.requests] == [6144]


def test_a_reader_that_keeps_the_rate(start, script):
    """The answer is far larger than all buffers, and is read faster than the rate; there is seldom room to write."""
    def function(connection):
        read_head(connection)
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + b"x" * 8_000_000)
        read_to_end(connection)

    gateway = start(config(script(function), rate="32KiB", grace="2s", idle="4s"))
    with Client(gateway) as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        client.send(GET)
        count, began = 0, time.monotonic()
        while time.monotonic() - began < 8:
            count += len(client.sock.recv(16384))
            time.sleep(max(0, began + count / 131_072 - time.monotonic()))
        assert gateway.access() == []
        while count < 8_000_000 and (piece := client.sock.recv(1 << 20)):
            count += len(piece)
    [line] = gateway.wait_access()
    assert line["status"] == 200 and "reason" not in line


@pytest.mark.parametrize("pipelined", [True, False], ids=["pipelined", "one_by_one"])
def test_a_reader_of_two_answers(start, upstream, pipelined):
    """When the second one begins, what room there is may hold the end of the first one, and that for long."""
    size = 8_000_000
    app = upstream(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    gateway = start(config(app, rate="2KiB", grace="1500ms", idle="60s"))
    with reader(gateway, 32768) as sock:
        sock.sendall(GET * 2 if pipelined else GET)
        count = 0
        while not gateway.access() if pipelined else count < size:
            count += len(sock.recv(65536))
            # Its line is written a moment after it has ended: the second answer must not have come whole by then.
            time.sleep(0.001)
        if not pipelined:
            gateway.wait_access()
            sock.sendall(GET)
        # Far faster than the rate, and slow.
        began = time.monotonic()
        while time.monotonic() < began + 4:
            count += len(sock.recv(4096))
            time.sleep(0.05)
        while count < 2 * size and (piece := sock.recv(1 << 20)):
            count += len(piece)
    lines = gateway.wait_access(2)
    assert [(line["status"], line.get("reason")) for line in lines] == [(200, None)] * 2


def test_a_reader_on_a_unix_socket(start, script):
    """Its system says only now and then that something was taken."""
    size = 2_000_000

    def function(connection):
        read_head(connection)
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        read_to_end(connection)

    text = config(script(function), grace="300ms", idle="60s")
    gateway = start(text.replace('"127.0.0.1:0"', "unix:http.sock"))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(str(gateway.folder / "http.sock"))
        sock.sendall(GET)
        count, began = 0, time.monotonic()
        while time.monotonic() < began + 5:
            count += len(sock.recv(1000))
            time.sleep(0.05)
        assert gateway.access() == []
        while count < size and (piece := sock.recv(1 << 20)):
            count += len(piece)
    [line] = gateway.wait_access()
    assert (line["status"], line.get("reason")) == (200, None)


def test_D_1_who_reads_nothing_on_a_unix_socket(start, script):
    app = script(endless)
    gateway = start(config(app, grace="300ms", idle="2s").replace('"127.0.0.1:0"', "unix:http.sock"))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(gateway.folder / "http.sock"))
        sock.sendall(GET)
        [line] = gateway.wait_access(seconds=30)
    assert line["blame"] == "client" and line["reason"] in ("client_too_slow", "client_timeout")
    wait_until(lambda: app.connections[0].ended, "the upstream's connection to end")


def test_a_quiet_answer_is_no_slow_client(start, script):
    """Server-sent events, and an answer that takes its time: there is nothing that the client could take."""
    def function(connection):
        read_head(connection)
        time.sleep(1.5)
        connection.sock.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n\r\n")
        for _ in range(3):
            connection.sock.sendall(b"9\r\ndata: 1\n\n\r\n")
            time.sleep(1)
        connection.sock.sendall(b"0\r\n\r\n")

    gateway = start(config(script(function), rate="1MiB", grace="200ms", idle="500ms"))
    for request in (GET, POST + b"Content-Length: 5\r\n\r\nhello"):
        with Client(gateway) as client:
            assert client.send(request).response().body == b"data: 1\n\n" * 3


def test_an_upstream_that_is_slow_is_no_slow_client(start, script):
    """The client would send faster than the rate; it is the upstream that takes the body slowly."""
    size = 16_000_000

    def function(connection):
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        count = len(read_head(connection).partition(b"\r\n\r\n")[2])
        for _ in range(4):
            time.sleep(0.6)
            count += len(connection.sock.recv(65536))
        while count < size and (piece := connection.sock.recv(1 << 18)):
            count += len(piece)
        connection.sock.sendall(OK)
        read_to_end(connection)

    gateway = start(config(script(function), rate="1MiB", grace="300ms", idle="30s"))
    with Client(gateway, seconds=60) as client:
        client.send(POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        assert client.response().status == 200


def test_a_route_may_let_its_clients_be_slow(start, upstream):
    app = upstream()
    gateway = start(config(
        app, grace="300ms", idle="5s",
        routes="- { path: /events/**, auth: none, upstream: app, limits: { minimum_rate: none } }"))
    with Client(gateway) as patient, Client(gateway) as other:
        patient.send(b"POST /events/x HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n")
        other.send(POST + b"Content-Length: 20\r\n\r\n")
        for _ in range(10):
            patient.send(b"xx")
            time.sleep(0.15)
        assert patient.response().status == 200
        assert other.response().status == 408
    assert [request.target for request in app.requests] == ["/events/x"]


def test_a_tunnel_may_be_slow(start, script):
    def function(connection):
        read_head(connection)
        connection.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
        while piece := read_more(connection):
            connection.sock.sendall(piece)

    app = script(function)
    gateway = start(config(
        app, rate="1MiB", grace="200ms", idle="300ms",
        routes="- { path: /t, auth: none, upstream: app, upgrade: [foo] }"))
    with Client(gateway) as client:
        client.send(b"GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
        assert client.response().status == 101
        for _ in range(3):
            time.sleep(0.5)
            client.send(b"x")
            assert client.sock.recv(1) == b"x"


def test_a_reload_takes_another_rate(start, upstream):
    app = upstream()
    text = config(app, rate="none", grace="300ms", idle="20s")
    gateway = start(text)

    def drips(seconds):
        with Client(gateway) as client:
            client.send(POST + b"Content-Length: 100000\r\n\r\n")
            with Drip([client], lambda c: c.sock.send(b"x")):
                client.sock.settimeout(seconds)
                try:
                    return client.response().status
                except TimeoutError:
                    return None

    assert drips(1.5) is None
    gateway.reload(text.replace("minimum_rate: none", "minimum_rate: 1KiB"))
    assert drips(20) == 408


def test_who_closes_leaves_its_place(start, upstream):
    """In the queue as elsewhere; of two directions one is enough, as the gateway sees no more of either."""
    release = threading.Event()

    def answer(request, connection):
        release.wait(20)
        return OK

    app = upstream(answer)
    gateway = start(config(app, keys=", max_connections: 1, queue: 1"))
    with Client(gateway) as first, Client(gateway) as second:
        first.send(GET)
        app.wait_requests(1)
        second.send(GET)
        # It stands in the queue: there is no room for a third.
        wait_until(lambda: get(gateway).status == 503, "the queue to be full")
        second.finish()
        [line] = gateway.wait_access(1, reason="client_closed")
        assert line["status"] == 499
        with Client(gateway) as third:
            third.send(GET)
            gateway.wait_taken(third)
            release.set()
            assert first.response().status == third.response().status == 200
    assert len(app.requests) == 2
