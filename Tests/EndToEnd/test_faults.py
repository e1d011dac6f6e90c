"""Faults under load: what one upstream does wrong costs the requests of no other, and each is told by its own reason."""
import collections
import concurrent.futures
import contextlib
import http.client
import re
import resource
import socket
import struct
import threading
import time

import pytest

from support.ports import wait_until
from support.servers import Process, refusing
from support.upstream import read_head
from support.wire import Client

LENGTH_100 = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


def reset(connection):
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.sock.close()


def says(*pieces, then=None, pause=0.0):
    """An upstream that says this to each request, and then does that: by default it closes."""
    def serve(connection):
        read_head(connection)
        for piece in pieces:
            connection.sock.sendall(piece)
            if pause:
                time.sleep(pause)
        if then:
            then(connection)
    return serve


def stall(connection):
    while connection.sock.recv(65536):
        pass


class Fault:
    """What an upstream does; what the client gets: a status, or `cut` where its answer has begun and does not end; and
    what the log says."""

    def __init__(self, name, serve, status, reason, cut=False):
        self.name, self.serve, self.status, self.reason, self.cut = name, serve, status, reason, cut


FAULTS = [
    Fault("refuses", None, 502, "upstream_unreachable"),
    Fault("resets-unanswered", says(then=reset), 502, "upstream_closed"),
    Fault("closes-unanswered", says(), 502, "upstream_closed"),
    Fault("resets-mid-head", says(b"HTTP/1.1 200 OK\r\nContent-Le", then=reset), 502, "upstream_closed"),
    Fault("closes-mid-head", says(b"HTTP/1.1 200 OK\r\nContent-Le"), 502, "upstream_closed"),
    Fault("resets-mid-body", says(LENGTH_100 + b"0123456789", then=reset), 200, "upstream_truncated", cut=True),
    Fault("closes-mid-body", says(LENGTH_100 + b"0123456789"), 200, "upstream_truncated", cut=True),
    Fault("stalls-unanswered", says(then=stall), 504, "upstream_timeout"),
    Fault("stalls-mid-head", says(b"HTTP/1.1 200 O", then=stall), 504, "upstream_timeout"),
    Fault("stalls-mid-body", says(LENGTH_100 + b"0123456789", then=stall), 200, "upstream_truncated", cut=True),
    Fault("speaks-ssh", says(b"SSH-2.0-OpenSSH_9.2\r\n"), 502, "upstream_answer_invalid"),
    Fault("two-lengths", says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 502,
          "upstream_answer_invalid"),
    Fault("endless-head", says(b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"y" * 1000 + b"\r\n"] * 200), 502,
          "upstream_answer_invalid"),
    Fault("bad-chunk", says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"), 200,
          "upstream_answer_invalid", cut=True),
    # Slow is not wrong: each piece comes within the time that it has.
    Fault("dribbles", says(*[bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"], pause=0.05),
          200, None),
]
EACH = 12


@contextlib.contextmanager
def descriptors(count):
    """Lets this process hold so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        pytest.skip(f"this process may hold {hard} descriptors, {count} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Load:
    """Requests for a path, on a few connections, until `stop`: how many were answered as they should, and the rest."""

    def __init__(self, gateway, path, threads=3):
        self.gateway, self.path = gateway, path
        self.answers = collections.Counter()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._run) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        connection = http.client.HTTPConnection(self.gateway.host, self.gateway.port, timeout=20)
        number = 0
        while not self.over.is_set():
            number += 1
            try:
                body = b"x" * 2000 if number % 3 == 0 else None
                connection.request("POST" if body else "GET", self.path, body)
                answer = connection.getresponse()
                self.answers[answer.status, answer.read()] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[repr(error)] += 1
                connection.close()
        connection.close()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        return self.answers


def one(gateway, fault, number):
    """What one request for the fault's route gets, to the connection's end: status, head and all that is behind it."""
    with Client(gateway) as client:
        client.send(f"GET /{fault.name}/{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        client.sock.settimeout(20)
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.sock.recv(65536):
                data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]) if head else None, head, rest


def whole(head, body):
    """Whether the body is as long as its head says, neither shorter nor longer."""
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    if length:
        return len(body) == int(length.group(1))
    return body.endswith(b"0\r\n\r\n") and body.count(b"0\r\n\r\n") == 1


def test_faults_under_load(start, upstream, script, workers):
    """Every fault at the same time, many times: the healthy upstream's requests are all answered."""
    good = upstream()
    toxic = {fault.name: script(fault.serve) for fault in FAULTS if fault.serve}
    with refusing() as nowhere:
        def server(fault):
            return toxic[fault.name].server if fault.serve else nowhere
        upstreams = "\n".join(
            f'      {fault.name}: {{ servers: ["{server(fault)}"], timeouts: {{ response: 1s }} }}' for fault in FAULTS)
        routes = "\n".join(f"      - {{ name: {fault.name}, path: /{fault.name}/**, auth: none, upstream: {fault.name} }}"
                           for fault in FAULTS)
        gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: {workers}
    upstreams:
      good: {{ servers: ["{good.server}"] }}
{upstreams}
    routes:
{routes}
      - {{ path: /good, auth: none, upstream: good }}
    """)
        load = Load(gateway, "/good")
        held = gateway.descriptors()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            futures = {(fault, number): pool.submit(one, gateway, fault, number)
                       for number in range(EACH) for fault in FAULTS}
            answers = {key: future.result() for key, future in futures.items()}
        healthy = load.stop()
    assert set(healthy) == {(200, b"ok")} and healthy[200, b"ok"] > 50, healthy
    for (fault, number), (status, head, rest) in answers.items():
        # An answer that is cut before it left is no answer.
        assert status == fault.status or (fault.cut and not head), (fault.name, head, rest)
        assert not head or whole(head, rest) != fault.cut, (fault.name, head, rest)
        # One answer, and nothing behind it.
        assert rest.count(b"HTTP/1.") == 0, (fault.name, rest)
    for fault in FAULTS:
        lines = gateway.wait_access(count=EACH, route=fault.name)
        assert len(lines) == EACH, fault.name
        assert {(line["status"], line.get("reason")) for line in lines} == {(fault.status, fault.reason)}, fault.name
        if fault.serve:
            # None was sent twice.
            targets = collections.Counter(
                re.search(rb"GET (\S+)", connection.received).group(1).decode()
                for connection in toxic[fault.name].connections if connection.received)
            assert targets == {f"/{fault.name}/{number}": 1 for number in range(EACH)}, fault.name
    wait_until(lambda: gateway.descriptors() <= held + 8, "the connections of the faults to be closed")


def test_a_server_that_dies_and_comes_back(start, upstream, workers):
    """SIGKILL and back, six times, under load: what was under way there may fail, and says so; nothing else does."""
    good, mortal, twin = upstream(), Process("mortal"), Process("twin")
    try:
        gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: {workers}
    upstreams:
      good: {{ servers: ["{good.server}"] }}
      mortal: {{ servers: ["{mortal.server}", "{twin.server}"], retries: 1 }}
    routes:
      - {{ name: good, path: /good, auth: none, upstream: good }}
      - {{ name: mortal, path: /**, auth: none, upstream: mortal }}
    """)
        loads = [Load(gateway, "/good"), Load(gateway, "/other")]
        for _ in range(6):
            time.sleep(0.3)
            mortal.kill()
            time.sleep(0.3)
            mortal.start()
        time.sleep(0.3)
        healthy, others = [load.stop() for load in loads]
    finally:
        mortal.kill()
        twin.kill()
    assert set(healthy) == {(200, b"ok")}, healthy
    good_ones = others.pop((200, b"mortal"), 0) + others.pop((200, b"twin"), 0)
    assert good_ones > 50 and all(key[0] == 502 for key in others), others
    # Each of six deaths hits at most what three connections had under way, and once more where that was tried again.
    assert sum(others.values()) <= 6 * 3 * 2, others
    count = sum(others.values())
    failed = gateway.wait_access(count, route="mortal", status=502) if count else []
    assert len(failed) == count
    assert {line["reason"] for line in failed} <= {"upstream_closed", "upstream_unreachable"}, failed
    assert all(line["blame"] == "upstream" for line in failed)


@pytest.mark.memory
def test_D_1_nine_thousand_slow_clients(start, upstream):
    """9,000 heads that never end: the others are served, memory stays bounded, and each slow one is told."""
    count = 9_000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with descriptors(count + 500):
        app = upstream()
        gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 2
    limits: {{ connections: {min(hard - 500, 15_000)} }}
    timeouts: {{ head: 12s }}
    upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
    routes: [{{ path: /**, auth: none, upstream: app }}]
    """)
        before = gateway.resident_bytes()
        load = Load(gateway, "/", threads=2)
        slow = []
        for _ in range(count):
            sock = socket.create_connection((gateway.host, gateway.port), 20)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
            slow.append(sock)
        # A byte each, as slow clients do.
        for sock in slow:
            with contextlib.suppress(OSError):
                sock.sendall(b"y")
        grown = gateway.resident_bytes() - before
        told = 0
        for sock in slow:
            sock.settimeout(40)
            with contextlib.suppress(ConnectionResetError):
                told += sock.recv(4096).startswith(b"HTTP/1.1 408 ")
            sock.close()
        healthy = load.stop()
    assert set(healthy) == {(200, b"ok")} and healthy[200, b"ok"] > 50, healthy
    assert told == count
    # A head that has begun holds one block of 16 KiB, and what the connection itself takes.
    assert grown < count * 20 * 1024, f"{grown / count:.0f} bytes each"
