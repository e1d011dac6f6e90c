"""Rule D-7: SIGUSR2 has a new process take the listeners over, and loses nothing; where that fails, the old one goes
on."""
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from support.gateway import BINARY, run
from support.handover import Process, adopt_orphans, children, hand_over, parent
from support.hosts import Hosts
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, KeyServer, bearer, held_until, mint
from support.wire import Client, get

from test_tunnels import ACCEPT, echoing, handshake

REQUEST = "GET {} HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module", autouse=True)
def subreaper():
    adopt_orphans()


def config(server, workers=1, drain="10s", listeners=()):
    addresses = ", ".join(f'{{ address: "{address}" }}' for address in ["127.0.0.1:0", *listeners])
    return f"""
    listeners: [{addresses}]
    workers: {workers}
    timeouts: {{ drain: {drain} }}
    upstreams:
      app: {{ servers: ["{server}"] }}
    routes:
      - {{ path: /**, auth: none, upgrade: [websocket], upstream: app }}
    """


class Slow:
    """Answers when it is told to."""

    def __init__(self):
        self.release = threading.Event()

    def __call__(self, request, connection):
        if request.target.startswith("/slow"):
            self.release.wait(30)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"


class Load:
    """Clients that send until they are told to stop, over connections that are new or kept, to a port and to a path."""

    def __init__(self, gateway, path):
        self.gateway = gateway
        self.path = path
        self.stopping = threading.Event()
        self.answered, self.faults, self.retried = [], [], 0
        self.threads = [
            threading.Thread(target=self.run, args=(index, kind, address))
            for index, (kind, address) in enumerate(
                [(self.new, None)] * 4 + [(self.kept, None)] * 4 + [(self.new, path)] * 2 + [(self.kept, path)] * 2)]
        for thread in self.threads:
            thread.start()

    def run(self, index, kind, address):
        try:
            kind(index, address)
        except BaseException as error:
            self.faults.append((kind.__name__, address, repr(error)))

    def new(self, index, address):
        """Each request over a connection of its own: none may be refused or reset."""
        number = 0
        while not self.stopping.is_set():
            target = f"/{index}/{number}"
            with Client(self.gateway, 30, address) as client:
                assert client.send(REQUEST.format(target)).response().status == 200
            self.answered.append(target)
            number += 1

    def kept(self, index, address):
        """Requests over one connection. One that is closed before a byte of an answer has not taken the request."""
        number, client = 0, Client(self.gateway, 30, address)
        try:
            while not self.stopping.is_set():
                target = f"/{index}/{number}"
                try:
                    answer = client.send(REQUEST.format(target)).response()
                except (AssertionError, BrokenPipeError, ConnectionResetError):
                    assert number and not client.data, "closed within an answer, or before the first"
                    client.sock.close()
                    client = Client(self.gateway, 30, address)
                    self.retried += 1
                    answer = client.send(REQUEST.format(target)).response()
                assert answer.status == 200
                self.answered.append(target)
                number += 1
                if answer.field("connection") == "close":
                    client.sock.close()
                    client = Client(self.gateway, 30, address)
        finally:
            client.sock.close()

    def wait_more(self, count):
        before = len(self.answered)
        wait_until(lambda: self.faults or len(self.answered) >= before + count, "some load", 30)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(40)
        assert not self.faults, self.faults


def test_D_7_ten_handovers_in_a_row_lose_nothing_under_load(start, upstream, tmp_path, workers):
    app, path = upstream(), tmp_path / "listening"
    gateway = start(config(app.server, workers, listeners=[f"unix:{path}"]))
    addresses, pids = set(gateway.addresses), [gateway.pid]
    load = Load(gateway, str(path))
    load.wait_more(40)
    for _ in range(10):
        old = hand_over(gateway)
        load.wait_more(40)
        assert old.wait() == 0
        pids.append(gateway.pid)
    load.stop()
    assert len(set(pids)) == 11
    # Each that was answered was forwarded, and none twice.
    seen = [request.target for request in app.requests]
    assert len(seen) == len(set(seen)) and set(seen) == set(load.answered), set(seen) ^ set(load.answered)
    served = [m for m in gateway.messages() if m["message"] == "serving"]
    assert len(served) == 11 and all(set(m["listeners"].split()) == addresses for m in served)
    assert [m["why"] for m in gateway.messages() if m["message"] == "stopped"] == ["handed over"] * 10
    gateway.stop()
    # The path goes with the last one, and not before.
    assert not path.exists()


def test_D_7_what_is_under_way_ends_with_the_old_process(start, upstream, workers):
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app.server, workers))
    with Client(gateway) as idle, Client(gateway) as busy:
        assert idle.send(REQUEST.format("/")).response().status == 200
        busy.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
        wait_until(lambda: b"abc" in app.received, "half of the body upstream")
        old = hand_over(gateway)
        assert idle.is_closed()
        for number in range(8):
            assert get(gateway, f"/new/{number}").status == 200
        assert old.poll() is None
        busy.send("def")
        slow.release.set()
        answer = busy.response()
        assert (answer.status, answer.body, answer.field("connection")) == (200, b"done", "close")
        assert busy.is_closed()
    assert old.wait() == 0
    assert get(gateway, "/after").status == 200
    wait_until(lambda: len(gateway.access()) == 11, "the lines of both processes")


def test_D_7_tunnels_get_timeouts_drain_from_the_old_process(start, script):
    app = script(echoing)
    gateway = start(config(app.server, drain="3s"))
    with Client(gateway) as client:
        client.send(handshake("/socket"))
        answer = client.response()
        assert (answer.status, answer.field("sec-websocket-accept")) == (101, ACCEPT)
        old = hand_over(gateway)
        began = time.monotonic()
        client.send(b"still")
        assert client.sock.recv(10) == b"still"
        assert old.poll() is None
        assert client.is_closed(10)
        assert time.monotonic() - began > 2
    assert old.wait() == 0
    assert gateway.wait_access(reason="drain_timeout")


def sockets(pid):
    """What the process listens on: `{local address: how many}`, by the inodes of its descriptors."""
    inodes = {os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    found = [line[1] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in inodes]
    return {address: found.count(address) for address in found}


@pytest.mark.parametrize("before, after", [(4, 1), (1, 4), (3, 2)])
def test_D_7_another_number_of_workers_is_taken_with_what_waits_at_every_socket(start, upstream, before, after):
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app.server, before) + "limits: { connections: 1 }\n")
    assert list(sockets(gateway.pid).values()) == [before]
    with Client(gateway) as busy:
        busy.send(REQUEST.format("/slow"))
        app.wait_requests(1)
        # No more are accepted: these wait, some at each socket.
        clients = [Client(gateway, 20).send(REQUEST.format(f"/{number}")) for number in range(24)]
        gateway.write_config(config(app.server, after))
        old = hand_over(gateway)
        assert list(sockets(gateway.pid).values()) == [max(before, after)]
        for client in clients:
            assert client.response().status == 200
            client.sock.close()
        slow.release.set()
        assert busy.response().status == 200
    assert old.wait() == 0
    for number in range(40):
        assert get(gateway, f"/more/{number}").status == 200
    # Nor is one lost on the way back.
    gateway.write_config(config(app.server, before))
    assert hand_over(gateway).wait() == 0
    assert list(sockets(gateway.pid).values()) == [max(before, after)]
    for number in range(40):
        assert get(gateway, f"/more/{number}").status == 200


def open_descriptors(pid):
    """What each descriptor is, without what differs between two processes."""
    return sorted(re.sub(r"\[\d+\]", "", os.readlink(f"/proc/{pid}/fd/{name}")) for name in os.listdir(f"/proc/{pid}/fd"))


def test_no_descriptor_and_no_variable_is_left_over(start, upstream, tmp_path):
    slow = Slow()
    app, path = upstream(slow), tmp_path / "listening"
    gateway = start(config(app.server, 2, listeners=[f"unix:{path}"]))
    first = open_descriptors(gateway.pid)
    with Client(gateway) as busy:
        # A connection of a client and one to an upstream are open meanwhile.
        busy.send(REQUEST.format("/slow"))
        app.wait_requests(1)
        old = hand_over(gateway)
        wait_until(lambda: open_descriptors(gateway.pid) == first, f"{first}, not {open_descriptors(gateway.pid)}")
        slow.release.set()
        assert busy.response().status == 200
    assert old.wait() == 0
    assert open_descriptors(gateway.pid) == first
    again = hand_over(gateway)
    assert again.wait() == 0
    status = pathlib.Path(f"/proc/{gateway.pid}/status").read_text()
    assert int(re.search(r"SigBlk:\s+(\w+)", status).group(1), 16) == 0
    assert get(gateway, "/x").status == 200


# What goes wrong.


@pytest.fixture
def replaceable(tmp_path):
    """The program by a path of its own, which a test may put something else at."""
    link = tmp_path / "bin" / "portcullis"
    link.parent.mkdir()
    link.symlink_to(BINARY)
    return link


def replace(link, script):
    fresh = link.with_suffix(".new")
    fresh.write_text(script)
    fresh.chmod(0o755)
    os.replace(fresh, link)


def assert_goes_on(gateway, app, why):
    message = gateway.wait_message("not handed over", 45)
    assert why in message["why"], message
    wait_until(lambda: children(gateway.pid) == [], "no child, dead or alive")
    for number in range(8):
        assert get(gateway, f"/on/{number}").status == 200
    assert gateway.process.poll() is None


def test_a_broken_configuration_leaves_the_old_process_as_it_is(start, upstream, tmp_path, workers):
    app, path = upstream(), tmp_path / "listening"
    good = config(app.server, workers, listeners=[f"unix:{path}"])
    gateway = start(good)
    with Client(gateway) as kept:
        assert kept.send(REQUEST.format("/")).response().status == 200
        gateway.write_config(good + "nonsense: 1\n")
        gateway.signal(signal.SIGUSR2)
        assert_goes_on(gateway, app, "ended before it was ready")
        assert "nonsense" in gateway.program_text
        assert kept.send(REQUEST.format("/kept")).response().status == 200
        # A path that the new process had taken is still there.
        with Client(gateway, address=str(path)) as client:
            assert client.send(REQUEST.format("/unix")).response().status == 200
        # Once mended, it goes as it should.
        gateway.write_config(good)
        assert hand_over(gateway).wait() == 0
    with Client(gateway, address=str(path)) as client:
        assert client.send(REQUEST.format("/unix")).response().status == 200


def test_an_address_that_is_taken_leaves_the_old_process_as_it_is(start, upstream, tmp_path):
    app, path = upstream(), tmp_path / "listening"
    gateway = start(config(app.server, listeners=[f"unix:{path}"]))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = "%s:%d" % taken.getsockname()
        gateway.write_config(config(app.server, listeners=[f"unix:{path}", other]))
        gateway.signal(signal.SIGUSR2)
        assert_goes_on(gateway, app, "ended before it was ready")
    with Client(gateway, address=str(path)) as client:
        assert client.send(REQUEST.format("/unix")).response().status == 200


def test_a_program_that_hangs_is_ended_after_half_a_minute(start, upstream, replaceable):
    app = upstream()
    gateway = start(config(app.server), binary=replaceable)
    replace(replaceable, "#!/bin/sh\nexec sleep 300\n")
    gateway.signal(signal.SIGUSR2)
    started = gateway.wait_message("a new process was started")
    assert parent(started["pid"]) == os.getpid()
    # One at a time; and the old one works meanwhile, reloads too.
    gateway.signal(signal.SIGUSR2)
    gateway.wait_message("a new process is being started already")
    gateway.reload()
    assert get(gateway, "/meanwhile").status == 200
    wait_until(lambda: gateway.said("this process goes on"), "the end of it", 45)
    assert Process(int(started["pid"])).wait() == -signal.SIGKILL
    assert get(gateway, "/on").status == 200
    os.unlink(replaceable)
    replaceable.symlink_to(BINARY)
    assert hand_over(gateway).wait() == 0


def test_a_program_that_cannot_say_that_it_is_ready_is_ended(start, upstream, replaceable):
    app = upstream()
    gateway = start(config(app.server), binary=replaceable)
    replace(replaceable, "#!/bin/sh\nexec 3>&-\nexec sleep 300\n")
    gateway.signal(signal.SIGUSR2)
    assert_goes_on(gateway, app, "was ended")
    assert Process(int(gateway.wait_message("not handed over")["pid"])).wait() == -signal.SIGKILL


def test_the_end_of_the_old_process_ends_one_that_is_not_ready(start, upstream, replaceable):
    gateway = start(config(upstream().server), binary=replaceable)
    replace(replaceable, "#!/bin/sh\nexec sleep 300\n")
    gateway.signal(signal.SIGUSR2)
    pid = int(gateway.wait_message("a new process was started")["pid"])
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    assert Process(pid).wait() == -signal.SIGKILL


def test_a_program_that_is_gone_leaves_the_old_process_as_it_is(start, upstream, replaceable):
    app = upstream()
    gateway = start(config(app.server), binary=replaceable)
    os.unlink(replaceable)
    gateway.signal(signal.SIGUSR2)
    assert_goes_on(gateway, app, "No such file")


def test_the_program_that_stands_at_the_path_by_now_is_started(start, upstream, replaceable):
    shutil.copy(BINARY, replaceable.with_suffix(".copy"))
    app = upstream()
    gateway = start(config(app.server), binary=replaceable)
    os.replace(replaceable.with_suffix(".copy"), replaceable)
    assert hand_over(gateway).wait() == 0
    assert os.readlink(f"/proc/{gateway.pid}/exe") == str(replaceable)
    # The file that it runs is deleted: the next one is what took its place.
    replaceable.unlink()
    replaceable.symlink_to(BINARY)
    assert hand_over(gateway).wait() == 0
    assert os.readlink(f"/proc/{gateway.pid}/exe") == os.path.realpath(BINARY)
    assert get(gateway, "/x").status == 200


def test_the_first_process_of_a_container_hands_nothing_over(start, upstream):
    unshare = ["unshare", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("no namespaces here")
    gateway = start(config(upstream().server), prefix=unshare)
    [first] = children(gateway.pid)
    os.kill(first, signal.SIGUSR2)
    gateway.wait_message("this is the container's first process")
    assert get(gateway, "/x").status == 200
    os.kill(first, signal.SIGTERM)
    assert gateway.wait() == 0


def test_SIGUSR2_while_draining_is_ignored(start, upstream):
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app.server))
    with Client(gateway) as client:
        client.send(REQUEST.format("/slow"))
        app.wait_requests(1)
        gateway.signal(signal.SIGTERM)
        gateway.wait_message("draining")
        gateway.signal(signal.SIGUSR2)
        gateway.wait_message("not handed over: the gateway is draining")
        slow.release.set()
        assert client.response().status == 200
    assert gateway.wait() == 0


def test_after_the_handover_the_old_process_only_ends(start, upstream):
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app.server, drain="60s"))
    with Client(gateway) as client:
        client.send(REQUEST.format("/slow"))
        app.wait_requests(1)
        old = hand_over(gateway)
        old.send_signal(signal.SIGHUP)
        gateway.wait_message("not reloaded")
        old.send_signal(signal.SIGUSR2)
        gateway.wait_message("not handed over: the gateway is draining")
        old.send_signal(signal.SIGTERM)
        assert get(gateway, "/x").status == 200
        # Whoever will not wait ends it.
        old.send_signal(signal.SIGINT)
        assert client.response().status == 503
    assert old.wait() == 0
    assert get(gateway, "/x").status == 200


def test_whoever_adopts_orphans_is_the_parent_of_each_new_process(start, upstream):
    # systemd sees the end only of what it has started or adopted.
    slow = Slow()
    app = upstream(slow)
    gateway = start(config(app.server, drain="60s"))
    with Client(gateway) as client:
        client.send(REQUEST.format("/slow"))
        app.wait_requests(1)
        first = hand_over(gateway)
        assert first.poll() is None, "the old process drains"
        assert (parent(gateway.pid), children(first.pid)) == (os.getpid(), [])
        second = hand_over(gateway)
        assert parent(gateway.pid) == os.getpid()
        assert os.waitpid(second.pid, 0) == (second.pid, 0)
        gateway.signal(signal.SIGTERM)
        assert os.waitpid(gateway.pid, 0) == (gateway.pid, 0)
        slow.release.set()
        assert client.response().status == 200
    assert first.wait() == 0


def test_a_new_process_that_dies_at_once_leaves_the_old_one_as_it_is(start, upstream, replaceable):
    app = upstream()
    gateway = start(config(app.server), binary=replaceable)
    # It has ended, and was reaped, before the old one asks for it.
    replace(replaceable, "#!/bin/sh\nkill -KILL $$\n")
    gateway.signal(signal.SIGUSR2)
    assert_goes_on(gateway, app, "ended before it was ready")
    assert Process(int(gateway.wait_message("not handed over")["pid"])).wait() == -signal.SIGKILL
    os.unlink(replaceable)
    replaceable.symlink_to(BINARY)
    assert hand_over(gateway).wait() == 0


# What the environment says.


@pytest.mark.parametrize("value, descriptor, why", [
    ("{pipe}:g:", "file", "not a pipe"), ("{pipe}:g:", None, "not a pipe"), ("0:g:", None, "not a pipe"),
    ("1:g:", "pipe", "not from the process"), ("0:g:", "pipe", "not from the process"),
    ("{parent}:g:", "pipe", "not from the process"), ("0{pipe}:g:", "pipe", "not from the process"),
    ("g", "pipe", "malformed"), ("", "pipe", "malformed"), ("{pipe}:?:", "pipe", "malformed")])
def test_a_handover_from_nobody_is_refused(tmp_path, value, descriptor, why):
    config_path, file = tmp_path / "gateway.conf", tmp_path / "file"
    config_path.write_text(textwrap.dedent(config("127.0.0.1:1")))
    file.touch()
    launcher = ("import os, sys; number = int(sys.argv[1]); number >= 0 and os.dup2(number, 3); "
                "os.execv(sys.argv[2], sys.argv[2:])")
    reading, writing = os.pipe()
    with open(file, "r+b") as opened:
        number = {"file": opened.fileno(), "pipe": writing, None: -1}[descriptor]
        done = subprocess.run(
            [sys.executable, "-c", launcher, str(number), BINARY, "serve", "--config", str(config_path)],
            env={**os.environ, "PORTCULLIS_HANDOVER": value.format(parent=os.getpid(), pipe=os.fstat(reading).st_ino)},
            capture_output=True, text=True, timeout=20, pass_fds=[number] if number >= 0 else [])
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read() == b""
    assert done.returncode == 69 and why in done.stderr
    assert file.read_bytes() == b""


def test_a_child_is_waited_for_whatever_the_parent_of_the_gateway_did(start, upstream):
    app = upstream()
    ignoring = ("import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
                "os.execv(sys.argv[1], sys.argv[1:])")
    good = config(app.server)
    gateway = start(good, prefix=[sys.executable, "-c", ignoring])
    gateway.write_config(good + "nonsense: 1\n")
    gateway.signal(signal.SIGUSR2)
    assert_goes_on(gateway, app, "ended before it was ready")


# What changes with the configuration.


def test_a_path_that_was_deleted_is_made_again(start, upstream, tmp_path):
    """That of a listener and that of operators; who has connected before is answered by the old process."""
    app, path, admin = upstream(), tmp_path / "listener.sock", tmp_path / "admin.sock"
    gateway = start(config(app.server, listeners=[f"unix:{path}"]) + f"admin: {{ address: 'unix:{admin}' }}\n")
    with Client(gateway, address=str(path)) as client:
        path.unlink()
        admin.unlink()
        old = hand_over(gateway)
        assert client.send(REQUEST.format("/before")).response().status == 200
    with Client(gateway, address=str(path)) as client:
        assert client.send(REQUEST.format("/after")).response().status == 200
    assert run("reload", "--admin", f"unix:{admin}").returncode == 0
    assert admin.stat().st_mode & 0o117 == 0
    # The old process has taken neither of them along.
    old.wait(30)
    assert path.is_socket() and admin.is_socket()


def test_the_new_process_reads_the_configuration(start, upstream, tmp_path):
    first, second = upstream(), upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew")
    before, after = tmp_path / "before", tmp_path / "after"
    gateway = start(config(first.server, listeners=[f"unix:{before}"]))
    gateway.write_config(config(second.server, listeners=[f"unix:{after}"]))
    assert hand_over(gateway).wait() == 0
    assert get(gateway, "/x").body == b"new"
    with Client(gateway, address=str(after)) as client:
        assert client.send(REQUEST.format("/")).response().body == b"new"
    # A listener that is no more is closed, and its path removed.
    assert str(before) in gateway.wait_message("no longer listening")["listeners"]
    wait_until(lambda: not before.exists(), "the path to be removed")


def provider(url, **options):
    fields = "".join(f", {name}: {value}" for name, value in options.items())
    return f'providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{url}"{fields} }} }}\n    '


@pytest.mark.parametrize("way", ["signal", "command"])
def test_what_is_asked_for_during_a_handover_holds_after_it(start, upstream, keys, key_server, tmp_path, way):
    app, server, release = upstream(), key_server(keys["ES256"]), threading.Event()
    log = tmp_path / "access.log"
    text = (config(app.server) + provider(server.url)
            + f"log: {{ access: {log} }}\n    admin: {{ address: 'unix:{tmp_path}/admin.sock' }}\n")
    gateway = start(text)
    wait_until(lambda: server.fetches, "the keys")
    wait_until(lambda: gateway.said("keys updated"), "the keys in force")
    # The new process has read the configuration and opened the log, and waits for keys.
    server.instead = held_until(release, keys["ES256"])
    gateway.signal(signal.SIGUSR2)
    pid = int(gateway.wait_message("a new process was started")["pid"])
    wait_until(lambda: server.fetches >= 2, "the new process to fetch keys")
    protected = text.replace("auth: none", "auth: company")
    if way == "signal":
        gateway.reload(protected)
    else:
        gateway.write_config(protected)
        assert run("reload", "--config", gateway.config_path).returncode == 0
    assert get(gateway, "/old").status == 401
    log.rename(tmp_path / "access.log.1")
    gateway.signal(signal.SIGUSR1)
    wait_until(log.exists, "the new file of the log")
    release.set()
    gateway.wait_message("the new process accepts")
    old, gateway.process = gateway.process, Process(pid)
    assert old.wait() == 0
    wait_until(lambda: len(gateway.said("reloaded")) == 2, "the new process to reload")
    assert get(gateway, "/new").status == 401
    wait_until(lambda: '"/new"' in log.read_text(), "the line in the new file")
    assert app.requests == []


def test_keys_are_there_before_the_new_process_takes_over(start, upstream, keys):
    server = KeyServer(keys["ES256"])
    app = upstream()
    gateway = start(textwrap.dedent(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 2
    providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{server.url}" }}
    upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
    routes: [{{ path: /**, auth: company, upstream: app }}]
    """))
    token = mint(keys["ES256"], sub="alice")
    assert get(gateway, "/x", [bearer(token)]).status == 200
    assert hand_over(gateway).wait() == 0
    assert len(gateway.said("keys updated")) == 2
    order = [m["message"] for m in gateway.messages()]
    assert order.index("serving", order.index("serving") + 1) > len(order) - 1 - order[::-1].index("keys updated")
    assert get(gateway, "/x", [bearer(token)]).status == 200


@pytest.fixture
def hosts(tmp_path):
    return Hosts(tmp_path)


def test_a_process_that_lacks_what_the_old_one_has_does_not_take_over(start, upstream, keys, key_server, hosts):
    app, server = upstream(), key_server(keys["ES256"])
    hosts.set(app="127.0.0.1")
    text = config(f"app.test:{app.address[1]}") + provider(server.url)
    gateway = start(text.replace("auth: none", "auth: company"), prefix=hosts.prefix)
    field = [bearer(mint(keys["ES256"], sub="alice"))]
    assert get(gateway, "/x", field).status == 200
    # Neither the name nor the issuer is there for the new one.
    hosts.set(app=None)
    server.instead = (500, {}, b"")
    gateway.signal(signal.SIGUSR2)
    missing = gateway.wait_message("not taking over", 45)["message"]
    assert "addresses of upstream app, keys of provider company" in missing
    assert "before it was ready" in gateway.wait_message("this process goes on")["why"]
    for number in range(8):
        assert get(gateway, f"/on/{number}", field).status == 200
    # Both come back while the next one waits.
    gateway.signal(signal.SIGUSR2)
    wait_until(lambda: len(gateway.said("a new process was started")) == 2, "another")
    fetches = server.fetches
    wait_until(lambda: server.fetches > fetches, "the new process to ask for keys")
    hosts.set(app="127.0.0.1")
    server.instead = None
    accepts = gateway.wait_message("the new process accepts", 30)
    old, gateway.process = gateway.process, Process(int(accepts["pid"]))
    assert old.wait() == 0
    assert get(gateway, "/x", field).status == 200


def test_what_the_old_process_lacks_too_is_not_waited_for(start, upstream, keys, key_server, hosts):
    app, server = upstream(), key_server(keys["ES256"])
    server.instead = (500, {}, b"")
    text = config(app.server).replace("app: {", 'gone: { servers: ["gone.test:1"] }\n      app: {')
    gateway = start(text + provider(server.url), prefix=hosts.prefix)
    assert hand_over(gateway).wait() == 0
    assert get(gateway, "/x").status == 200


# The service manager.


@pytest.fixture
def manager(tmp_path):
    """A socket of systemd's protocol for messages, which knows who sent one."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        bound.bind(str(path))
        bound.settimeout(10)
        yield bound


def message(manager):
    """(pid of the sender, text)"""
    text, extra, _, _ = manager.recvmsg(200, socket.CMSG_SPACE(12))
    [(_, _, credentials)] = extra
    return struct.unpack("iII", credentials)[0], text.decode()


def test_what_systemd_could_not_be_told_is_said(start, upstream, tmp_path):
    gateway = start(config(upstream().server), env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    message = gateway.wait_message("systemd could not be told")
    assert message["level"] == "error" and message["what"] == "READY=1"
    old = hand_over(gateway)
    assert any(m.get("what") == f"MAINPID={gateway.pid} READY=1" for m in gateway.messages())
    assert old.wait() == 0


def test_systemd_is_told_by_the_process_that_it_listens_to(start, upstream, manager):
    gateway = start(config(upstream().server), env={"NOTIFY_SOCKET": manager.getsockname()})
    first = gateway.pid
    assert message(manager) == (first, "READY=1")
    old = hand_over(gateway)
    # NotifyAccess=main: what the new one says is heard once it is the main one.
    assert message(manager) == (first, f"MAINPID={gateway.pid}\nREADY=1")
    assert old.wait() == 0
    gateway.reload()
    assert [message(manager) for _ in range(2)] == [(gateway.pid, "RELOADING=1"), (gateway.pid, "READY=1")]
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    assert message(manager) == (gateway.pid, "STOPPING=1")
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(100)
