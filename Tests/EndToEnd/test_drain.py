"""Rule D-7: SIGTERM ends the gateway without losing a request; what takes too long is cut, and said."""
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from support.collector import Collector
from support.ports import wait_until
from support.wire import Client, get


def config(app, drain="10s", delay="0s", workers=1):
    return f"""
    listeners:
      - address: 127.0.0.1:0
    workers: {workers}
    timeouts: {{ drain: {drain}, drain_delay: {delay} }}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /**, auth: none, upstream: app }}
    """


class Slow:
    """Answers when it is told to."""

    def __init__(self):
        self.release = threading.Event()

    def __call__(self, request, connection):
        if request.target.startswith("/slow"):
            self.release.wait(20)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"


REQUEST = "GET {} HTTP/1.1\r\nHost: a\r\n\r\n"


def test_D_7_no_request_is_lost_under_load(start, upstream, workers):
    app = upstream()
    gateway = start(config(app, workers=workers))
    answered, unanswered, faults = set(), [], []

    def client(index):
        """Sends until the gateway closes. A request of which a byte was taken has to be answered."""
        number = 0
        connection = Client(gateway)
        try:
            while True:
                target = f"/{index}/{number}"
                try:
                    connection.send(REQUEST.format(target))
                except (BrokenPipeError, ConnectionResetError):
                    unanswered.append(target)
                    return
                try:
                    answer = connection.response()
                except AssertionError as error:
                    # Closed: as it had nothing read of it, which its upstream shows.
                    assert not connection.data, error
                    unanswered.append(target)
                    return
                assert answer.status == 200 and answer.body == b"ok", answer
                answered.add(target)
                number += 1
                if answer.field("connection") == "close":
                    assert connection.is_closed(), "it said that it would close"
                    return
        except BaseException as error:
            faults.append((target, error))
        finally:
            connection.sock.close()

    threads = [threading.Thread(target=client, args=(index,)) for index in range(12)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) > 60, "some load", 20)
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    for thread in threads:
        thread.join(10)
    assert not faults, faults
    seen = [request.target for request in app.requests]
    # Each was forwarded once and answered, or neither.
    assert len(seen) == len(set(seen)) and set(seen) == answered, set(seen) ^ answered
    assert not set(unanswered) & set(seen)
    lines = [line["path"] for line in gateway.access() if line["status"] == 200]
    assert sorted(lines) == sorted(answered)
    assert gateway.messages()[-1]["message"] == "stopped"


def test_D_7_a_slow_request_ends_well(start, upstream, workers):
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app, workers=workers))
    idle, busy = Client(gateway), Client(gateway)
    assert idle.send(REQUEST.format("/")).response().status == 200
    busy.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
    wait_until(lambda: b"abc" in app.received, "half of the body upstream")
    gateway.signal(signal.SIGTERM)
    gateway.wait_message("draining")
    # Who has nothing under way is sent home; nobody new is let in.
    assert idle.is_closed()
    wait_until(lambda: is_refused(gateway), "connections to be refused")
    assert gateway.process.poll() is None
    busy.send("def")
    app.wait_requests(2)
    slow.release.set()
    answer = busy.response()
    assert (answer.status, answer.body, answer.field("connection")) == (200, b"done", "close")
    assert busy.is_closed()
    assert gateway.wait() == 0
    assert gateway.access()[-1]["status"] == 200
    for client in (idle, busy):
        client.sock.close()


def is_refused(gateway):
    try:
        socket.create_connection((gateway.host, gateway.port), timeout=1).close()
        return False
    except ConnectionResetError:
        # The socket was closed at this moment.
        return False
    except ConnectionRefusedError:
        return True


def test_D_7_what_waits_to_be_accepted_is_answered(start, upstream, workers):
    app = upstream()
    gateway = start(config(app, workers=workers))
    with gateway.paused():
        clients = [Client(gateway).send(REQUEST.format(f"/{number}")) for number in range(32)]
        gateway.signal(signal.SIGTERM)
    for client in clients:
        assert client.response().status == 200
        client.sock.close()
    assert gateway.wait() == 0
    assert len(app.requests) == len(gateway.access()) == 32


def test_D_7_a_new_connection_has_time_for_its_first_request(start, upstream, workers):
    gateway = start(config(upstream(), workers=workers))
    with Client(gateway) as client, Client(gateway) as silent:
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: is_refused(gateway), "connections to be refused")
        answer = client.send(REQUEST.format("/first")).response()
        assert (answer.status, answer.field("connection")) == (200, "close")
        # Who says nothing holds it up no longer than that.
        assert silent.is_closed()
    assert gateway.wait() == 0
    assert gateway.messages()[-1]["why"] == "drained"


def test_D_7_pipelined_requests_before_the_signal_are_one_answer_each_or_none(start, upstream):
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app))
    with Client(gateway) as client:
        client.send(REQUEST.format("/slow/1") + REQUEST.format("/2"))
        app.wait_requests(1)
        gateway.signal(signal.SIGTERM)
        # The message comes first; a loop that refuses connections has begun to drain.
        wait_until(lambda: is_refused(gateway), "connections to be refused")
        slow.release.set()
        answer = client.response()
        assert (answer.status, answer.field("connection")) == (200, "close")
        assert client.is_closed()
    assert gateway.wait() == 0
    assert [request.target for request in app.requests] == ["/slow/1"]


def test_D_7_what_takes_too_long_is_cut_and_said(start, upstream, workers):
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app, drain="1s", workers=workers))
    with Client(gateway) as waiting, Client(gateway) as half:
        waiting.send(REQUEST.format("/slow"))
        half.send("POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
        wait_until(lambda: len(app.requests) == 1 and b"abc" in app.received, "both upstream")
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        for client in (waiting, half):
            answer = client.response()
            assert (answer.status, answer.field("connection")) == (503, "close")
            assert int(answer.field("retry-after")) > 0
            line = gateway.access_of(answer.request_id)
            assert (line["reason"], line["blame"]) == ("drain_timeout", "gateway")
        assert gateway.wait() == 0
        assert time.monotonic() - began > 0.9
    assert gateway.said("draining took too long")
    slow.release.set()


def test_U_6_an_answer_that_is_cut_does_not_look_whole(start, upstream):
    def half(request, connection):
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")

    app = upstream(half)
    gateway = start(config(app, drain="500ms"))
    with Client(gateway) as client:
        client.send(REQUEST.format("/"))
        wait_until(lambda: client._more() and b"abc" in client.data, "the beginning of the answer")
        gateway.signal(signal.SIGTERM)
        while client._more():
            pass
        assert not client.data.endswith(b"0\r\n\r\n")
    assert gateway.wait() == 0
    [line] = gateway.wait_access()
    assert line["reason"] == "drain_timeout"


@pytest.mark.parametrize("first, second", [
    (signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGINT)], ids=["TERM, INT", "INT, INT"])
def test_a_second_interrupt_stops_at_once(start, upstream, first, second):
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app, drain="60s"))
    with Client(gateway) as client:
        client.send(REQUEST.format("/slow"))
        app.wait_requests(1)
        gateway.signal(first)
        gateway.wait_message("draining")
        with pytest.raises(subprocess.TimeoutExpired):
            gateway.wait(0.3)
        gateway.signal(second)
        assert gateway.wait() == 0
    assert gateway.messages()[-1] == {**gateway.messages()[-1], "message": "stopped", "why": "interrupted"}
    slow.release.set()


def test_an_interrupt_during_the_delay_closes_the_listeners_first(start, upstream, workers):
    """A collector that hangs holds the process up after the cut: a listener that was still open would let clients in."""
    slow = Slow()
    app = upstream(slow)
    collector = Collector()
    collector.going.clear()
    gateway = start(config(app, drain="60s", delay="60s", workers=workers)
                    + f"otlp: {{ url: {collector.url}, traces: 100% }}\n")
    busy, kept, half, silent = (Client(gateway) for _ in range(4))
    busy.send(REQUEST.format("/slow/busy"))
    assert kept.send(REQUEST.format("/first")).response().status == 200
    half.send("GET /half HTTP/1.1\r\nHo")
    app.wait_requests(2)
    gateway.wait_taken(busy, kept, half, silent)
    gateway.signal(signal.SIGTERM)
    gateway.wait_message("draining: connections are accepted until timeouts.drain_delay is over")
    assert get(gateway, "/during").status == 200
    with gateway.paused():
        # Some loops may see these before the signal.
        kept.send(REQUEST.format("/slow/kept"))
        new = [Client(gateway).send(REQUEST.format(f"/slow/{number}")) for number in range(16)]
        gateway.signal(signal.SIGINT)
    for client in (busy, kept, *new):
        answer = client.response()
        assert (answer.status, answer.field("connection")) == (503, "close")
        assert client.is_closed()
        line = gateway.access_of(answer.request_id)
        assert (line["reason"], line["blame"]) == ("drain_timeout", "gateway")
    assert half.is_closed() and silent.is_closed()
    assert status_of_a_new_client(gateway) in (None, 503)
    assert gateway.wait() == 0
    assert gateway.messages()[-1] == {**gateway.messages()[-1], "message": "stopped", "why": "interrupted"}
    assert "/late" not in [request.target for request in app.requests]
    lines = [(line.get("path"), line["status"], line.get("reason")) for line in gateway.access()]
    cut = ["/half", "/slow/busy", "/slow/kept", *(f"/slow/{number}" for number in range(16))]
    assert sorted(line for line in lines if line[0] != "/late") == sorted(
        [("/first", 200, None), ("/during", 200, None), *((path, 503, "drain_timeout") for path in cut)])
    slow.release.set()
    collector.close()
    for client in (busy, kept, half, silent, *new):
        client.sock.close()


def status_of_a_new_client(gateway):
    """None: it is not let in."""
    try:
        with Client(gateway) as client:
            return client.send(REQUEST.format("/late")).response().status
    except (ConnectionError, AssertionError):
        return None


def test_impatient_interrupts_lose_no_access_line(start, upstream):
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app, drain="60s", workers=4))
    clients = [Client(gateway).send(REQUEST.format(f"/slow/{number}")) for number in range(400)]
    app.wait_requests(400)
    gateway.signal(signal.SIGTERM)
    gateway.wait_message("draining")
    # Each finds loops that have not yet cut their exchanges.
    while gateway.process.poll() is None:
        gateway.signal(signal.SIGINT)
        time.sleep(0.0005)
    assert gateway.wait() == 0
    assert gateway.messages()[-1]["why"] == "interrupted"
    lines = gateway.access()
    assert {line["path"] for line in lines} == {f"/slow/{number}" for number in range(400)}
    assert {line["reason"] for line in lines} == {"drain_timeout"}
    slow.release.set()
    for client in clients:
        client.sock.close()


def test_a_second_SIGTERM_changes_nothing(start, upstream):
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app))
    with Client(gateway) as client:
        client.send(REQUEST.format("/slow"))
        app.wait_requests(1)
        for _ in range(3):
            gateway.signal(signal.SIGTERM)
        gateway.signal(signal.SIGHUP)
        gateway.wait_message("draining")
        slow.release.set()
        assert client.response().status == 200
    assert gateway.wait() == 0


def test_drain_delay_keeps_accepting(start, upstream):
    gateway = start(config(upstream(), delay="1s"))
    began = time.monotonic()
    gateway.signal(signal.SIGTERM)
    gateway.wait_message("draining")
    assert get(gateway, "/x").status == 200
    wait_until(lambda: is_refused(gateway) or gateway.process.poll() is not None, "the delay to end")
    assert time.monotonic() - began > 0.9
    assert gateway.wait() == 0


def test_a_reload_while_draining_is_none(start, upstream, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        gateway = start(config(upstream(), delay="1s"), env={"NOTIFY_SOCKET": str(path)})
        gateway.signal(signal.SIGTERM)
        gateway.wait_message("draining")
        gateway.signal(signal.SIGHUP)
        gateway.wait_message("not reloaded")
        assert gateway.wait() == 0
        manager.setblocking(False)
        assert [manager.recv(100) for _ in range(2)] == [b"READY=1", b"STOPPING=1"]
        with pytest.raises(BlockingIOError):
            manager.recv(100)
    assert [m["message"] for m in gateway.said("reloaded")] == ["not reloaded: the gateway is draining"]


def test_an_idle_gateway_ends_at_once(start, upstream, workers):
    gateway = start(config(upstream(), drain="60s", workers=workers))
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    assert gateway.messages()[-1]["why"] == "drained"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_no_signal_is_lost_right_after_the_start(start, upstream, number):
    app = upstream()
    for _ in range(10):
        gateway = start(config(app))
        gateway.signal(number)
        assert gateway.wait() == 0


@pytest.mark.parametrize("how", ["pthread_sigmask(signal.SIG_BLOCK, {number})", "signal(number, signal.SIG_IGN)"])
def test_signals_that_were_kept_from_whoever_started_it_are_handled(start, upstream, how):
    """As service managers and scripts do it: an exec passes on what is blocked, and what is ignored."""
    program = f"""
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGTERM): signal.{how}
os.execv(sys.argv[1], sys.argv[1:])"""
    gateway = start(config(upstream()), prefix=[sys.executable, "-c", program])
    gateway.signal(signal.SIGHUP)
    gateway.wait_message("reloaded")
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0


def test_what_is_asked_for_while_it_starts_waits_until_it_serves(start, upstream, tmp_path):
    """The signals come while the configuration is read: it is a pipe then, which waits for a writer."""
    program = """
import os, signal, sys
path = sys.argv[-1]
with open(path) as file: text = file.read()
os.unlink(path)
os.mkfifo(path)
gateway = os.getpid()
if os.fork() == 0:
    with open(path, "w") as pipe:
        os.unlink(path)
        with open(path, "w") as file: file.write(text)
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2): os.kill(gateway, number)
        pipe.write(text)
    os._exit(0)
os.execv(sys.argv[1], sys.argv[1:])"""
    app = upstream()
    text = config(app).replace("upstreams:", f"log: {{ access: {tmp_path / 'requests.log'} }}\n    upstreams:", 1)
    gateway = start(text, prefix=[sys.executable, "-c", program])
    assert get(gateway, "/x").status == 200 and app.requests[0].target == "/x"
    for said in ("reloaded", "access log reopened"):
        gateway.wait_message(said)
    messages = [message["message"] for message in gateway.messages()]
    refused = "not handed over: the gateway does not serve yet"
    assert messages.count(refused) == 1 and messages.index(refused) < messages.index("serving")
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0


@pytest.mark.parametrize("idle", ["75s", "60s"])
def test_D_7_connections_of_an_earlier_idle_timeout_are_sent_home(start, upstream, workers, idle):
    app = upstream()
    before = config(app, drain="8s", workers=workers).replace("timeouts: {", "timeouts: { idle: 75s,")
    gateway = start(before)
    clients = [Client(gateway) for _ in range(8)]
    for client in clients:
        assert client.send(REQUEST.format("/")).response().status == 200
    gateway.reload(before.replace("idle: 75s", f"idle: {idle}"))
    gateway.signal(signal.SIGTERM)
    for client in clients:
        assert client.is_closed()
        client.sock.close()
    assert gateway.wait() == 0
    assert gateway.messages()[-1] == {**gateway.messages()[-1], "message": "stopped", "why": "drained"}
    assert len(app.requests) == len(gateway.access()) == 8


@pytest.mark.parametrize("after", ["a start", "a reload"])
def test_D_7_a_head_that_is_cut_has_its_line(start, upstream, after):
    app = upstream()
    before = config(app, drain="500ms").replace("timeouts: {", "timeouts: { head: 20s,")
    gateway = start(before)
    with Client(gateway) as half, Client(gateway) as idle:
        half.send("GET /half HTTP/1.1\r\nHo")
        # The one loop has read the half before it answers a later connection.
        assert idle.send(REQUEST.format("/")).response().status == 200
        if after == "a reload":
            gateway.reload(before.replace("head: 20s", "head: 25s"))
        gateway.signal(signal.SIGTERM)
        assert idle.is_closed() and half.is_closed()
    assert gateway.wait() == 0
    assert gateway.messages()[-1]["why"] == "timeouts.drain is over"
    assert [request.target for request in app.requests] == ["/"]
    lines = gateway.access()
    assert [(line["status"], line.get("reason"), line.get("blame")) for line in lines] == [
        (200, None, None), (503, "drain_timeout", "gateway")], lines
    assert lines[1]["bytes_out"] == 0 and lines[1]["total_us"] >= 400_000
