"""SECURITY D: what costs a client little must cost others nothing. Scaled to a machine of two cores."""
import contextlib
import hashlib
import http.client
import itertools
import os
import random
import resource
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from support.ports import PATIENCE, wait_until
from support.upstream import OK, read_head, read_more
from support.verdicts import assert_refused
from support.wire import Client, get

MIB = 1 << 20
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def config(app, limits="", timeouts="", workers=1, routes=""):
    return f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: {workers}
    limits: {{ {limits} }}
    timeouts: {{ {timeouts} }}
    upstreams:
      app: {{ servers: ["{app.server}"], timeouts: {{ response: 30s }} }}
    routes:
      - {{ path: /small/**, auth: none, limits: {{ body: 1KiB }}, upstream: app }}
      {routes}
      - {{ path: /**, auth: none, upstream: app }}
    """


@pytest.fixture(autouse=True)
def many_descriptors():
    """This process holds both ends of hundreds of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(gateway, small=False):
    sock = socket.socket()
    if small:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(10)
    sock.connect((gateway.host, gateway.port))
    return sock


def ends(sock, seconds=10):
    """All that still comes, until the end or a reset."""
    sock.settimeout(seconds)
    data = b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


# D-1


def test_D_1_slow_heads_and_others(start, upstream, workers):
    """200 clients drip their heads; others are served meanwhile, and the slow ones are told 408."""
    app = upstream()
    gateway = start(config(app, timeouts="head: 1500ms", workers=workers))
    slow = [connect(gateway) for _ in range(200)]
    began = time.monotonic()
    served = 0
    for n in range(12):
        for sock in slow:
            try:
                sock.send(GET[n:n + 1])
            except OSError:
                pass
        if time.monotonic() - began < 1.2:
            for _ in range(5):
                assert get(gateway).status == 200
                served += 1
    assert served >= 20
    answers = [ends(sock) for sock in slow]
    assert {answer[:13] for answer in answers} == {b"HTTP/1.1 408 "}
    lines = gateway.wait_access(200, reason="head_timeout")
    assert len(lines) == 200 and {line["status"] for line in lines} == {408}
    assert len(app.requests) == served
    for sock in slow:
        sock.close()


def test_D_1_a_byte_at_a_time_does_not_prolong_it(start, upstream):
    gateway = start(config(upstream(), timeouts="head: 500ms"))
    with Client(gateway) as client:
        began = time.monotonic()
        client.send(b"GET / HTTP/1.1\r\n")
        while not select.select([client.sock], [], [], 0.05)[0]:
            assert time.monotonic() - began < PATIENCE
            client.send(b"X: y\r\n")
        assert client.response().status == 408


@pytest.mark.parametrize("before", [b"", GET])
def test_D_1_idle_connections_close_without_a_line(start, upstream, before):
    gateway = start(config(upstream(), timeouts="idle: 300ms"))
    with Client(gateway) as client:
        if before:
            client.send(before)
            client.response()
        began = time.monotonic()
        assert client.is_closed() and time.monotonic() - began > 0.2
    assert get(gateway).status == 200
    assert len(gateway.wait_access(1 + bool(before))) == 1 + bool(before)


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_D_1_a_body_that_stops(start, upstream, framing):
    app = upstream()
    gateway = start(config(app, timeouts="idle: 300ms"))
    with Client(gateway) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n5\r\nhello\r\n")
        answer = client.response()
        assert answer.status == 408 and answer.field("connection") == "close" and client.is_closed()
    assert gateway.access_of(answer.request_id)["reason"] == "body_timeout"
    wait_until(lambda: app.connections[0].ended, "the upstream's connection to end")
    assert app.requests == []


def test_D_1_a_client_that_stops_reading(start, script):
    def function(connection):
        read_head(connection)
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sock.sendall(b"x" * 65536)

    app = script(function)
    gateway = start(config(app, timeouts="idle: 400ms"))
    sock = connect(gateway, small=True)
    sock.sendall(GET)
    line = gateway.wait_access(1)[0]
    assert (line["reason"], line["status"], line["blame"]) == ("client_timeout", 200, "client")
    wait_until(lambda: app.connections[0].ended, "the upstream's connection to end")
    sock.close()


@pytest.mark.parametrize("opening, sends", [
    (GET, b"G"), (GET, GET), (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
], ids=["bytes", "requests", "body"])
def test_D_1_sending_does_not_keep_a_client_that_reads_nothing(start, script, opening, sends):
    app = script(flood)
    gateway = start(config(app, timeouts="idle: 400ms"))
    sock = connect(gateway, small=True)
    sock.sendall(opening)
    sock.setblocking(False)

    def over():
        try:
            sock.send(sends)
        except OSError:
            pass
        time.sleep(0.04)
        return gateway.access()

    [line] = wait_until(over, "the end of the exchange")
    assert (line["status"], line["reason"], line["blame"]) == (200, "client_timeout", "client")
    wait_until(lambda: app.connections[0].ended, "the upstream's connection to end")
    assert len(app.connections) == 1 and app.received.count(b" / HTTP") == 1
    sock.close()
    assert len(gateway.access()) == 1


# D-2


def head(size, value=b"a"):
    """A whole head of `size` bytes."""
    start = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    return start + value * (size - len(start) - 4) + b"\r\n\r\n"


@pytest.mark.parametrize("piece", [None, 1000])
@pytest.mark.parametrize("data, status, reason", [
    (head(16 * 1024 + 1), 431, "head_too_large"), (head(MIB), 431, "head_too_large"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000, 431, "head_too_large"),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431, "too_many_fields"),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 3000, 431, "too_many_fields"),
    # Each of its names would be compared with every line.
    (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x" + b",b" * 7000 + b"\r\n" + b"a:\r\n" * 90 + b"\r\n", 431,
     "too_many_fields"),
    (b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "target_too_long"),
    (b"GET /?" + b"a" * 100_000, 414, "target_too_long"), (b"GET /" + b"a" * 40_000, 414, "target_too_long"),
], ids=["head", "1-MiB-head", "endless-field", "fields", "endless-fields", "names", "target", "endless-query",
        "endless-target"])
def test_D_2_large_heads(start, upstream, data, status, reason, piece):
    app = upstream()
    assert_refused(start(config(app)), app, data, status, reason, piece)


def test_D_2_an_endless_method(start, upstream):
    app = upstream()
    gateway = start(config(app))
    with Client(gateway) as client:
        client.send(b"G" * 100_000, 1000)
        answer = client.response()
        assert answer.status in (400, 431) and client.is_closed()
    assert app.received == b""


def test_D_2_what_just_fits(start, upstream):
    app = upstream()
    gateway = start(config(app))
    for data in [head(16 * 1024), b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 99 + b"\r\n",
                 b"GET /" + b"a" * 8191 + b" HTTP/1.1\r\nHost: a\r\n\r\n"]:
        with Client(gateway) as client:
            client.send(data)
            assert client.response().status == 200
    assert len(app.requests) == 3


def test_D_2_a_large_length_before_connecting(start, upstream):
    app = upstream()
    gateway = start(config(app))
    for length in (1025, 10 ** 12, 2 ** 63 - 1):
        data = b"POST /small/ HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length
        assert_refused(gateway, app, data, 413, "body_too_large")
    assert app.connections == []
    assert get(gateway, "/small/", method="POST", body=b"a" * 1024).status == 200


@pytest.mark.parametrize("chunk", [1, 100, 2000])
def test_D_2_large_while_chunked(start, upstream, chunk):
    app = upstream()
    gateway = start(config(app))
    body = (b"%x\r\n%b\r\n" % (chunk, b"a" * chunk)) * (1100 // chunk + 1)
    with Client(gateway) as client:
        client.send(b"POST /small/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        answer = client.response()
        assert answer.status == 413 and answer.field("connection") == "close" and client.is_closed()
    assert gateway.access_of(answer.request_id)["reason"] == "body_too_large"
    for connection in app.connections:
        wait_until(lambda: connection.ended, "the upstream's connection to end")
    assert app.requests == []


# D-3


def flood(connection):
    """Answers with as much as the other side takes."""
    read_head(connection)
    connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    block = b"x" * 65536
    while True:
        connection.sock.sendall(block)


@pytest.mark.memory
def test_D_3_slow_readers_hold_bounded_memory(start, script):
    """200 clients ask for much and read nothing: at most 128 KiB each."""
    gateway = start(config(script(flood)))
    for _ in range(3):
        with Client(gateway) as client:
            client.send(GET)
            client.sock.recv(100_000)
    before = gateway.resident_bytes()
    slow = [connect(gateway, small=True) for _ in range(200)]
    for sock in slow:
        sock.sendall(GET)
    for sock in slow:
        assert select.select([sock], [], [], 10)[0]
    grown = settled(gateway) - before
    assert grown < 200 * 128 * 1024 + 4 * MIB, f"{grown} bytes for 200 slow readers"
    for sock in slow:
        sock.close()
    wait_until(lambda: gateway.descriptors() < 40, "every connection to end")


def settled(gateway):
    """The peak of its memory once it does nothing more."""
    cpu = -1.0
    while gateway.cpu_seconds() != cpu:
        cpu = gateway.cpu_seconds()
        time.sleep(0.1)
    return gateway.peak_bytes()


@pytest.mark.memory
def test_D_3_upstreams_that_do_not_read(start, script):
    """100 clients send much to upstreams that read nothing."""
    release = threading.Event()

    def deaf(connection):
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        read_head(connection)
        release.wait(30)

    gateway = start(config(script(deaf)))
    before = gateway.resident_bytes()
    clients = [connect(gateway) for _ in range(100)]
    block = b"x" * 65536
    for sock in clients:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        sock.setblocking(False)
    deadline, sent = time.monotonic() + 1.5, 0
    while time.monotonic() < deadline:
        _, writable, _ = select.select([], clients, [], 0.1)
        if not writable:
            break
        for sock in writable:
            try:
                sent += sock.send(block)
            except BlockingIOError:
                pass
    grown = settled(gateway) - before
    release.set()
    assert sent > 100 * 65536 and grown < 100 * 128 * 1024 + 4 * MIB, f"{grown} bytes for 100 slow upstreams"
    for sock in clients:
        sock.close()


def test_D_3_a_large_body_each_way(start, script):
    """256 MiB up, then 256 MiB down: the peak of the memory hardly moves."""
    size, block = 256 * MIB, bytes(range(256)) * 1024
    found = {}

    def function(connection):
        received = connection.sock.recv(65536)
        while b"\r\n\r\n" not in received:
            received += connection.sock.recv(65536)
        if received.startswith(b"PUT"):
            digest, count = hashlib.sha1(), 0
            piece = received.partition(b"\r\n\r\n")[2]
            while True:
                digest.update(piece)
                count += len(piece)
                if count >= size:
                    break
                piece = connection.sock.recv(1 << 18)
            found["up"] = digest.hexdigest()
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(block)):
            connection.sock.sendall(block)

    gateway = start(config(script(function)))
    expected = hashlib.sha1()
    for _ in range(size // len(block)):
        expected.update(block)
    before = gateway.peak_bytes()
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=60)
    connection.request("PUT", "/", (block for _ in range(size // len(block))), {"Content-Length": str(size)})
    assert connection.getresponse().status == 200
    connection.close()
    connection.request("GET", "/")
    answer, digest = connection.getresponse(), hashlib.sha1()
    while piece := answer.read(1 << 18):
        digest.update(piece)
    assert found["up"] == digest.hexdigest() == expected.hexdigest()
    grown = gateway.peak_bytes() - before
    assert grown < 32 * MIB, f"{grown} bytes"


# D-4


def exhaust(gateway, count):
    clients = []
    for _ in range(count):
        sock = socket.socket()
        sock.settimeout(10)
        sock.connect((gateway.host, gateway.port))
        clients.append(sock)
    return clients


@pytest.mark.parametrize("limit", ["descriptors", "connections"])
def test_D_4_too_many_connections(start, upstream, limit):
    app = upstream()
    if limit == "descriptors":
        gateway = start(config(app))
        # Lowered behind its back: as where others have opened all that the machine has.
        hard = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (64, hard))
        said = "accepting pauses: no descriptors"
    else:
        gateway = start(config(app, limits="connections: 30"))
        said = "accepting pauses: limits.connections"
    clients = exhaust(gateway, 100)
    gateway.wait_message(said)
    cpu, at = gateway.cpu_seconds(), time.monotonic()
    # Long enough to see it spin, and to be told again where it were told again.
    time.sleep(0.7)
    assert gateway.cpu_seconds() - cpu < 0.3 * (time.monotonic() - at)
    assert gateway.process.poll() is None
    assert len(gateway.said(said)) == 1
    # Those that were accepted are still served, where no upstream connection is needed more than there are.
    if limit == "connections":
        clients[0].sendall(GET)
        assert clients[0].recv(100).startswith(b"HTTP/1.1 200 ")
    for sock in clients:
        sock.close()
    gateway.wait_message("accepting goes on")
    for _ in range(10):
        assert get(gateway).status == 200
    wait_until(lambda: gateway.descriptors() < 50, "descriptors to be closed")


@pytest.mark.parametrize("workers", [1, 4])
def test_D_4_pauses_that_come_and_go_are_said_once(start, upstream, workers):
    gateway = start(config(upstream(), limits="connections: 30", workers=workers))
    for _ in range(4):
        clients = exhaust(gateway, 60)
        # Some wait for others to end: a loop that is not full yet has paused too.
        wait_until(lambda: gateway.descriptors() >= 30 + 10, "as many connections as there may be")
        for sock in clients[:30]:
            sock.close()
        wait_until(lambda: served(clients[30:]), "those that waited")
        for sock in clients[30:]:
            sock.close()
        wait_until(lambda: get(gateway).status == 200, "service")
    said = [m["message"] for m in gateway.messages() if m["message"].startswith("accepting")]
    assert said == ["accepting pauses: limits.connections are open", "accepting goes on"]


def served(clients):
    """Whether all of them are answered."""
    for sock in clients:
        sock.sendall(GET)
    return all(sock.recv(100).startswith(b"HTTP/1.1 200 ") for sock in clients)


@pytest.mark.parametrize("workers", [1, 4])
def test_D_4_idle_clients_leave_descriptors_for_upstreams(start, upstream, workers):
    """Each of those that are let in can have its request forwarded, all of them at once."""
    later = Later()
    app = upstream(later)
    gateway = start(config(app, workers=workers), prefix=("prlimit", "--nofile=128:128"))
    room = int(gateway.wait_message("the limit of open files")["connections"])
    assert 5 < room < 64
    # Again and again: connections that one loop keeps to the upstream take nothing from the others' clients.
    for _ in range(6):
        later.come.clear()
        app.requests.clear()
        clients = exhaust(gateway, 200)
        gateway.wait_message("accepting pauses: the limit of open files has room for no more")
        for sock in clients:
            sock.sendall(GET)
        wait_until(lambda: len(app.requests) >= room, "requests of all that were let in")
        later.come.set()
        answered = wait_until(lambda: readable(clients, room), "their answers")
        assert all(sock.recv(100).startswith(b"HTTP/1.1 200 ") for sock in answered)
        for sock in clients:
            sock.close()
        gateway.wait_message("accepting goes on")
        assert get(gateway).status == 200


def readable(socks, count):
    """Those to which something came; none before it came to `count`."""
    ready = select.select(socks, [], [], 0)[0]
    return ready if len(ready) >= count else None


class Later:
    """An upstream's answer that waits."""

    def __init__(self):
        self.come = threading.Event()

    def __call__(self, request, connection):
        self.come.wait(20)
        return OK


@contextlib.contextmanager
def no_descriptor_left(gateway):
    soft, hard = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
    used = {int(name) for name in os.listdir(f"/proc/{gateway.pid}/fd")}
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (next(n for n in itertools.count() if n not in used), hard))
    yield
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (soft, hard))


def test_D_4_no_descriptor_for_an_upstream(start, upstream):
    """The gateway's own want is no fault of the upstream's; what is idle makes room."""
    app, other = upstream(), upstream()
    gateway = start(f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    upstreams: {{ app: {{ servers: ["{app.server}"] }}, other: {{ servers: ["{other.server}"] }} }}
    routes:
      - {{ path: /other, auth: none, upstream: other }}
      - {{ path: /**, auth: none, upstream: app }}
    """)
    with Client(gateway) as client:
        client.send(b"GET /echo HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n")
        assert client.response().status == 200
        with no_descriptor_left(gateway):
            # Its idle connection is closed for the other's.
            for path, connections in ((b"/other", [1, 1]), (b"/", [2, 1]), (b"/other", [2, 2])):
                client.send(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
                assert client.response().status == 200
                assert [len(app.connections), len(other.connections)] == connections
    with Client(gateway) as client:
        # A body where some servers expect none: the upstream's connection is closed, and none is idle.
        client.send(b"GET /other HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1")
        assert client.response().status == 200
        gateway.wait_taken(client)
        with no_descriptor_left(gateway):
            for _ in range(4):
                client.send(b"GET /other HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = client.response()
                assert (answer.status, answer.field("retry-after")) == (503, "5")
                line = gateway.access_of(answer.request_id)
                assert (line["reason"], line["blame"]) == ("resources_exhausted", "gateway")
        client.send(b"GET /other HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.response().status == 200
    # It is none of the server's failures.
    assert not gateway.said("upstream")


def test_no_local_address_for_an_upstream_is_a_failure_of_its_server(start, upstream, tmp_path):
    """As where IPv6 is off: it empties no other upstream's pool, and other servers are tried."""
    namespace = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-r", "-n"]
    # Its loopback is down: to [::1] connect says EADDRNOTAVAIL.
    if subprocess.run([*namespace, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine allows no network namespace")
    app = upstream(family=socket.AF_UNIX, address=str(tmp_path / "app"))
    path = tmp_path / "listening"
    gateway = start(f"""
    listeners: [{{ address: "unix:{path}" }}]
    upstreams:
      app: {{ servers: ["{app.server}"] }}
      gone: {{ servers: ["[::1]:9"] }}
      checked: {{ servers: ["[::1]:9"], health: {{ path: /, every: 100ms }} }}
      both: {{ servers: ["[::1]:9", "{app.server}"] }}
    routes:
      - {{ path: /gone, auth: none, upstream: gone }}
      - {{ path: /both, auth: none, upstream: both }}
      - {{ path: /checked, auth: none, upstream: checked }}
      - {{ path: /**, auth: none, upstream: app }}
    """, prefix=namespace)
    with Client(gateway, address=str(path)) as client:
        def get(target):
            client.send(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            return client.response()
        assert get(b"/").status == 200
        for _ in range(3):
            answer = get(b"/gone")
            line = gateway.access_of(answer.request_id)
            assert (answer.status, line["reason"], line["blame"]) == (502, "upstream_unreachable", "upstream")
        assert get(b"/").status == 200 and len(app.connections) == 1
        assert {get(b"/both").status for _ in range(4)} == {200}
    assert gateway.wait_message("the only server of an upstream fails")["upstream"] == "gone"
    assert gateway.wait_message("a server is down according to its health checks")["upstream"] == "checked"


def test_D_4_the_limit_is_of_all_workers_together(start, upstream):
    app = upstream()
    gateway = start(config(app, limits="connections: 20", workers=4))
    free = gateway.descriptors()
    clients = exhaust(gateway, 60)
    gateway.wait_message("limits.connections")
    wait_until(lambda: gateway.descriptors() - free >= 20, "20 connections")
    # Each loop looks before it accepts: they may overshoot by one each.
    assert gateway.descriptors() - free <= 24
    for sock in clients:
        sock.close()
    wait_until(lambda: gateway.descriptors() == free, "every connection to end")


# D-5


def test_D_5_a_storm_of_resets(start, upstream, workers):
    """Clients that reset at every moment of an exchange, while others are served."""
    app = upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20000)
    gateway = start(config(app, workers=workers))
    source = random.Random(3)
    requests = [GET, GET * 20, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 5000,
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"GET / HT", b"",
                b"\0" * 50, GET + b"garbage\r\n\r\n"]
    for n in range(400):
        sock = connect(gateway)
        sock.sendall(source.choice(requests))
        if source.random() < 0.5:
            sock.settimeout(0.002)
            try:
                sock.recv(source.choice([1, 100, 100_000]))
            except OSError:
                pass
        if source.random() < 0.7:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        if n % 50 == 0:
            assert get(gateway).status == 200
    assert get(gateway).status == 200
    wait_until(lambda: gateway.descriptors() < 60, "every connection to end")
    assert all(line["status"] in (200, 400, 499, 502) for line in gateway.access())


def test_D_5_upstreams_that_reset(start, script):
    source = random.Random(4)

    def function(connection):
        if source.random() < 0.8:
            read_head(connection)
        connection.sock.sendall(source.choice([b"", b"HTTP", OK, OK[:-1], OK + b"x", b"HTTP/1.1 200 OK\r\n\r\nabc"]))
        if source.random() < 0.5:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    app = script(function)
    gateway = start(config(app))
    count, post = 150, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50000
    for _ in range(count):
        with Client(gateway) as client:
            client.send(source.choice([GET, post])).finish()
            data = ends(client.sock)
            assert data.startswith(b"HTTP/1.1 ") or data == b"", data[:50]
    # One line each, whatever became of it.
    assert len(gateway.wait_access(count)) == count


def test_D_5_random_bytes(start, upstream):
    """Whole requests with bytes changed, dropped and doubled: an answer or an end, and never the end of the process."""
    app = upstream()
    gateway = start(config(app))
    source = random.Random(5)
    seeds = [GET, b"POST /a/b?c HTTP/1.1\r\nHost: example.test\r\nContent-Length: 5\r\nCookie: a=b; c=d\r\n\r\nhello",
             b"PUT /%7e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"]
    for _ in range(600):
        data = bytearray(source.choice(seeds))
        for _ in range(source.randint(1, 4)):
            at = source.randrange(len(data))
            choice = source.random()
            if choice < 0.5:
                data[at] = source.choice(b"\0\r\n\t :;,/%\x80\xff01aZ")
            elif choice < 0.75:
                del data[at]
            else:
                data[at:at] = data[at:at + source.randint(1, 10)]
        with Client(gateway) as client:
            try:
                client.send(bytes(data)).finish()
            except OSError:
                continue
            got = ends(client.sock)
            assert got == b"" or got.startswith(b"HTTP/1.1 "), (bytes(data), got)
    assert gateway.process.poll() is None and get(gateway).status == 200


# D-6


def test_D_6_hostile_paths_cost_no_more_than_plain_ones(start, upstream):
    """256 routes of eight wildcards or letters, and paths of 8 KiB that match none of them in the end."""
    app = upstream()
    paths = ["/" + "/".join("*" if n >> bit & 1 else "a" for bit in range(8)) + f"/x{n}" for n in range(256)]
    routes = "\n".join(f'      - {{ path: "{path}", auth: none, upstream: app }}' for path in paths)
    gateway = start(config(app, routes=routes.strip()).replace("path: /**", "path: /other/**"))
    plain, many, long = "/" + "b" * 7900, "/a" * 3950, "/a" * 8 + "/" + "a" * 7900

    def cost(target):
        cpu = gateway.cpu_seconds()
        data = f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        with Client(gateway) as client:
            for _ in range(500):
                client.send(data)
                assert client.response().status == 404
        return gateway.cpu_seconds() - cpu

    cost(plain)
    usual = cost(plain)
    assert cost(many) < 4 * usual + 0.2 and cost(long) < 4 * usual + 0.2


# Signals under load.


def test_D_7_a_drain_loses_nothing(start, script):
    """Exchanges that are under way end whole, also those whose body is still coming; the process ends after them."""
    hold = threading.Event()

    def function(connection):
        while True:
            read_head(connection)
            hold.wait(30)
            connection.sock.sendall(OK)
            connection.received = b""
            if not read_more(connection):
                return

    app = script(function)
    gateway = start(config(app, timeouts="drain: 10s"))
    clients = [Client(gateway) for _ in range(20)]
    for client in clients:
        client.send(GET)
    wait_until(lambda: len(app.connections) == 20, "20 requests upstream")
    gateway.signal(signal.SIGTERM)
    gateway.wait_message("draining")
    hold.set()
    for client in clients:
        answer = client.response()
        assert (answer.status, answer.body, answer.field("connection")) == (200, b"ok", "close")
        client.sock.close()
    assert gateway.wait() == 0
    assert len(gateway.access()) == 20


def test_D_4_one_connection_does_not_hold_a_loop(start, upstream, tmp_path):
    """Pipelined requests that the gateway answers itself, without an end and read as they come: others have their turn."""
    app = upstream()
    gateway = start(config(app, routes='- { path: /old, auth: none, redirect: "https://new.example{path}" }'))
    (tmp_path / "flood").write_bytes(b"GET /old HTTP/1.1\r\nHost: a\r\n\r\n" * 200_000)
    over = threading.Event()

    # The kernel sends and discards: faster than any gateway reads and writes.
    def send(sock):
        with contextlib.suppress(OSError), open(tmp_path / "flood", "rb") as file:
            while not over.is_set():
                sock.sendfile(file, 0)

    def read(sock):
        with contextlib.suppress(OSError):
            while sock.recv(MIB, socket.MSG_TRUNC):
                pass
    senders = [connect(gateway) for _ in range(2)]
    threads = [threading.Thread(target=body, args=(sock,)) for sock in senders for body in (send, read)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(gateway.access()) > 10_000, "a flood", 20)
        for _ in range(20):
            with Client(gateway) as other:
                other.send(GET)
                assert other.response().status == 200
    finally:
        over.set()
        for sock in senders:
            sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for sock in senders:
            sock.close()
    assert len(app.requests) == 20
