"""Listening sockets that the gateway is started with (sd_listen_fds(3)), as systemd has them."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import textwrap

import pytest
from support.gateway import BINARY
from support.handover import adopt_orphans, hand_over
from support.ports import wait_until
from support.wire import Client, get

REQUEST = "GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

# Gives the program after `--` the descriptors before it, as systemd does.
LAUNCHER = """
import os, sys
end = sys.argv.index("--")
numbers = [int(each) for each in sys.argv[1:end]]
high = [os.dup2(number, 100 + index) for index, number in enumerate(numbers)]
for number in numbers:
    os.close(number)
for index, number in enumerate(high):
    os.dup2(number, 3 + index, inheritable=True)
os.environ["LISTEN_FDS"] = str(len(numbers))
os.environ["LISTEN_FDNAMES"] = ":".join(["portcullis.socket"] * len(numbers))
os.environ["LISTEN_PID"] = str(os.getpid() + int(os.environ.get("PID_OFFSET", "0")))
for index, number in enumerate(high):
    os.close(number)
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
"""


def config(server, *addresses, workers=1):
    listeners = ", ".join(f'{{ address: "{address}" }}' for address in addresses)
    return f"""
    listeners: [{listeners}]
    workers: {workers}
    upstreams:
      app: {{ servers: ["{server}"] }}
    routes:
      - {{ path: /**, auth: none, upstream: app }}
    """


@pytest.fixture
def activate(start):
    """Starts gateways as systemd would: `activate(config, sockets)`."""
    def activated(text, sockets, **options):
        numbers = [each.fileno() for each in sockets]
        return start(
            text, prefix=[sys.executable, "-c", LAUNCHER, *map(str, numbers), "--"], descriptors=numbers, **options)
    return activated


@pytest.fixture
def listening():
    """Makes sockets that listen, and block, as systemd's do: `listening(family, address)`."""
    with contextlib.ExitStack() as stack:
        def make(family=socket.AF_INET, address=("127.0.0.1", 0), kind=socket.SOCK_STREAM):
            made = stack.enter_context(socket.socket(family, kind))
            made.bind(address)
            if kind == socket.SOCK_STREAM:
                made.listen(64)
            return made
        yield make


def text_of(bound):
    name = bound.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if bound.family == socket.AF_INET6 else f"{name[0]}:{name[1]}"


def test_sockets_are_taken_by_their_addresses(activate, listening, upstream, tmp_path, workers):
    app, path = upstream(), tmp_path / "listening"
    given = [listening(), listening(socket.AF_UNIX, str(path)), listening(socket.AF_INET6, ("::1", 0))]
    port = given[2].getsockname()[1]
    # One more is not given, and bound; another spelling of an address is the same.
    addresses = [text_of(given[1]), "127.0.0.1:0", f"[0:0:0::1]:{port}", text_of(given[0])]
    gateway = activate(config(app.server, *addresses, workers=workers), given)
    names = [each.getsockname() for each in given]
    for each in given:
        each.close()
    with Client(gateway, address=str(path)) as client:
        assert client.send(REQUEST.format("/unix")).response().status == 200
    with socket.create_connection(names[2][:2]) as client:
        client.sendall(REQUEST.format("/six").encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    with socket.create_connection(names[0]) as client:
        client.sendall(REQUEST.format("/four").encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert gateway.port not in (names[0][1], port)
    assert get(gateway, "/bound").status == 200
    assert len(app.requests) == 4


def test_connections_that_waited_for_the_start_are_answered(activate, listening, upstream, workers):
    app, given = upstream(), listening()
    clients = [Client(None, address=given.getsockname()).send(REQUEST.format(f"/{n}")) for n in range(40)]
    gateway = activate(config(app.server, text_of(given), workers=workers), [given])
    for client in clients:
        assert client.response().status == 200
        client.sock.close()
    # It is shared by all loops, and none blocks in it.
    for number in range(40):
        assert get(gateway, f"/more/{number}").status == 200
    assert len(app.requests) == 80


def test_a_socket_of_the_manager_is_never_removed(activate, listening, upstream, tmp_path):
    path = tmp_path / "listening"
    given = listening(socket.AF_UNIX, str(path))
    gateway = activate(config(upstream().server, text_of(given)), [given])
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    assert path.exists()
    # It was drained: what comes now waits for the next start.
    with Client(gateway, address=str(path)) as client:
        client.send(REQUEST.format("/next"))
        again = activate(config(upstream().server, text_of(given)), [given])
        assert client.response().status == 200
    assert again.process.poll() is None


def test_D_7_sockets_of_the_manager_are_handed_over(activate, listening, upstream, tmp_path, workers):
    adopt_orphans()
    app, path = upstream(), tmp_path / "listening"
    given = [listening(), listening(socket.AF_UNIX, str(path))]
    gateway = activate(config(app.server, *map(text_of, given), workers=workers), given)
    for _ in range(3):
        assert hand_over(gateway).wait() == 0
        assert get(gateway, "/four").status == 200
        with Client(gateway, address=str(path)) as client:
            assert client.send(REQUEST.format("/unix")).response().status == 200
        environment = pathlib.Path(f"/proc/{gateway.pid}/environ").read_bytes()
        assert b"LISTEN_" not in environment
    gateway.stop()
    assert path.exists()


def test_a_socket_that_is_of_no_listener_is_an_error(listening, upstream, tmp_path):
    given = [listening(), listening(socket.AF_UNIX, str(tmp_path / "listening")), listening()]
    (tmp_path / "gateway.conf").write_text(
        textwrap.dedent(config(upstream().server, text_of(given[0]), "127.0.0.1:1")))
    ended = launch(given, tmp_path)
    assert ended.returncode == 78
    assert text_of(given[1]) in ended.stderr and text_of(given[2]) in ended.stderr
    assert text_of(given[0]) not in ended.stderr and "which no listener has" in ended.stderr


def launch(given, folder, **environment):
    return subprocess.run(
        [sys.executable, "-c", LAUNCHER, *[str(each.fileno()) for each in given], "--", BINARY, "serve", "--config",
         str(folder / "gateway.conf")], pass_fds=[each.fileno() for each in given], capture_output=True, text=True,
        timeout=20, env={**os.environ, **environment})


@pytest.mark.parametrize("kind", ["datagrams", "not listening", "a file"])
def test_what_is_no_listening_socket_is_an_error(listening, tmp_path, kind):
    (tmp_path / "gateway.conf").write_text(
        "listeners: [{ address: 127.0.0.1:0 }]\nupstreams: { app: { builtin: echo } }\n"
        "routes: [{ path: /**, auth: none, upstream: app }]\n")
    with contextlib.ExitStack() as stack:
        given = {
            "datagrams": lambda: listening(kind=socket.SOCK_DGRAM),
            "not listening": lambda: stack.enter_context(socket.socket()),
            "a file": lambda: stack.enter_context(open(tmp_path / "file", "w")),
        }[kind]()
        ended = launch([listening(), given], tmp_path)
    assert ended.returncode == 69
    assert "descriptor 4 (portcullis.socket) is not a listening stream socket" in ended.stderr


def test_what_is_meant_for_another_process_is_left_alone(activate, listening, upstream):
    given = listening()
    gateway = activate(config(upstream().server, "127.0.0.1:0"), [given], env={"PID_OFFSET": "1"})
    assert gateway.port != given.getsockname()[1]
    assert get(gateway, "/x").status == 200


def test_systemd_socket_activate(upstream, tmp_path):
    program = shutil.which("systemd-socket-activate")
    if program is None:
        pytest.skip("systemd-socket-activate is not installed")
    path = tmp_path / "listening"
    (tmp_path / "gateway.conf").write_text(
        textwrap.dedent(config(upstream().server, f"unix:{path}")))
    # It passes on what it is told to, and sanitizers have options there.
    passed = [f"--setenv={name}" for name in ("ASAN_OPTIONS", "TSAN_OPTIONS") if name in os.environ]
    process = subprocess.Popen(
        [program, *passed, "--listen", str(path), BINARY, "serve", "--config", str(tmp_path / "gateway.conf")],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(path.exists, "the socket")

        def answered():
            try:
                with Client(None, address=str(path)) as client:
                    return client.send(REQUEST.format("/x")).response().status == 200
            except (ConnectionRefusedError, FileNotFoundError):
                return False
        wait_until(answered, "an answer")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0, process.stderr.read()
        process.stderr.close()
