"""WebSockets and other upgrades: SECURITY U-5, C-14, D-7, and what operators expect of a tunnel."""
import base64
import hashlib
import json
import os
import signal
import threading
import time

import pytest
import websockets.sync.client
import websockets.sync.server
import wsproto
import wsproto.events

from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, KeyServer, bearer, mint
from support.wire import Client, get

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

CONFIG = """
listeners: [{{ address: 127.0.0.1:0 }}]
workers: {workers}
timeouts: {{ tunnel: {tunnel}, drain: {drain} }}
providers:
  company:
    issuer: "{issuer}"
    audiences: [{audience}]
    jwks_url: "{keys}"
    leeway: 0s
    token_from: [authorization, "cookie:session"]
upstreams:
  app: {{ servers: ["{app}"] }}
routes:
  - {{ path: /open/**, auth: none, upgrade: [websocket, chat/2], upstream: app }}
  - {{ path: /never/**, auth: none, upgrade: none, upstream: app }}
  - {{ path: /kept/**, auth: company, on_expiry: keep, upstream: app }}
  - {{ path: /**, auth: company, upstream: app }}
"""


@pytest.fixture
def gateway(start, keys):
    server = KeyServer(keys["ES256"])

    def make(app, workers=1, tunnel="1h", drain="30s"):
        return start(CONFIG.format(
            issuer=ISSUER, audience=AUDIENCE, keys=server.url, app=app, workers=workers, tunnel=tunnel, drain=drain))

    yield make
    server.close()


@pytest.fixture
def echo():
    """A WebSocket server of the library's own that sends back what it gets."""
    def handler(connection):
        for message in connection:
            connection.send(message)
    server = websockets.sync.server.serve(handler, "127.0.0.1", 0, max_size=None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "%s:%d" % server.socket.getsockname()
    server.shutdown()


def handshake(target="/open/a", fields=(), key=KEY, version="13", name="websocket"):
    lines = [f"GET {target} HTTP/1.1", "Host: example.test", "Connection: Upgrade", f"Upgrade: {name}"]
    lines += [f"Sec-WebSocket-Key: {key}"] * (key is not None)
    lines += [f"Sec-WebSocket-Version: {version}"] * (version is not None)
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def switching(connection, request_end=b"\r\n\r\n", name="websocket", key=KEY, more=b""):
    """Reads a request head and switches; what came behind the head."""
    data = b""
    while request_end not in data:
        piece = connection.sock.recv(65536)
        assert piece
        data += piece
    connection.received = data
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    connection.sock.sendall(
        f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {name}\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode() + more)
    return data.partition(request_end)[2]


def echoing(connection):
    """Switches, and sends back what comes until the client ends."""
    connection.sock.sendall(switching(connection))
    while piece := connection.sock.recv(65536):
        connection.sock.sendall(piece)
    connection.sock.sendall(b"[end]")


def connect(gateway, path="/", token=None, **options):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return websockets.sync.client.connect(
        f"ws://{gateway.host}:{gateway.port}{path}", additional_headers=headers, max_size=None, **options)


def test_websockets_through_and_direct(gateway, echo, keys, workers):
    gateway = gateway(echo, workers)
    messages = ["hello", "", "é" * 1000, os.urandom(1), os.urandom(70_000), os.urandom(3_000_000), "last"]
    with connect(gateway, "/a", mint(keys["ES256"], sub="alice")) as through:
        for message in messages:
            through.send(message)
            assert through.recv(timeout=30) == message
        assert through.ping().wait(30)
        assert through.response.headers["Sec-WebSocket-Extensions"].startswith("permessage-deflate")
    line = gateway.wait_access()[0]
    assert (line["status"], line["subject"], line["route"]) == (101, "alice", "/**") and "reason" not in line
    assert line["bytes_out"] > 3_000_000 and line["bytes_in"] > 3_000_000


def test_many_websockets_at_once(gateway, echo, keys, workers):
    gateway = gateway(echo, workers)
    token = mint(keys["ES256"], sub="alice")
    opened = [connect(gateway, f"/{number}", token) for number in range(40)]
    for turn in range(5):
        for number, socket in enumerate(opened):
            socket.send(f"{number} {turn}")
        for number, socket in enumerate(opened):
            assert socket.recv(timeout=30) == f"{number} {turn}"
    for socket in opened:
        socket.close()
    assert len(gateway.wait_access(40, status=101)) == 40


def test_frames_by_hand(gateway, echo):
    """Frames in pieces of one byte, interleaved control frames, a close with its code."""
    gateway = gateway(echo)
    protocol = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    opening = protocol.send(wsproto.events.Request(host="example.test", target="/open/a"))
    with Client(gateway) as client:
        client.send(opening)
        events = []

        def until(kind):
            while not any(isinstance(event, kind) for event in events):
                data = client.sock.recv(65536)
                assert data
                protocol.receive_data(data)
                events.extend(protocol.events())
            return next(event for event in events if isinstance(event, kind))

        until(wsproto.events.AcceptConnection)
        frames = protocol.send(wsproto.events.TextMessage("in pi", message_finished=False))
        frames += protocol.send(wsproto.events.Ping(b"p"))
        frames += protocol.send(wsproto.events.TextMessage("eces"))
        client.send(frames, piece=1)
        assert until(wsproto.events.TextMessage).data == "in pieces"
        assert until(wsproto.events.Pong).payload == b"p"
        client.send(protocol.send(wsproto.events.CloseConnection(code=4000, reason="done")))
        assert until(wsproto.events.CloseConnection).code == 4000


def test_a_websocket_needs_a_token(gateway, script):
    app = script(echoing)
    gateway = gateway(app.server)
    with Client(gateway) as client:
        client.send(handshake("/a") + b"\x81\x85frame")
        answer = client.response()
        assert answer.status == 401
    assert app.received == b"" and gateway.access_of(answer.request_id)["reason"] == "credential_missing"


def test_what_the_upstream_sees(gateway, script, keys):
    app = script(echoing)
    gateway = gateway(app.server)
    token = mint(keys["ES256"], sub="alice")
    with Client(gateway) as client:
        client.send(handshake("/a", [bearer(token), ("Sec-WebSocket-Protocol", "chat")]))
        answer = client.response()
        assert answer.status == 101 and answer.field("connection") == "Upgrade"
        assert answer.field("upgrade") == "websocket" and answer.field("sec-websocket-accept") == ACCEPT
        request = wait_until(lambda: app.requests, "the request")[0]
    assert request.field("upgrade") == "websocket" and request.field("connection") == "Upgrade"
    assert request.field("sec-websocket-key") == KEY and request.field("sec-websocket-protocol") == "chat"
    assert request.field("x-forwarded-user") == "alice" and request.field("authorization") is None


def test_half_close(gateway, script):
    """The end of one direction is passed on, and the other goes on."""
    app = script(echoing)
    gateway = gateway(app.server)
    with Client(gateway) as client:
        client.send(handshake() + b"early")
        assert client.response().status == 101
        client.send(b" and late").finish()
        data = client.data
        while piece := client.sock.recv(65536):
            data += piece
    assert data == b"early and late[end]"
    line = gateway.wait_access()[0]
    assert line["status"] == 101 and "reason" not in line


def test_half_close_of_the_upstream(gateway, script):
    got = []

    def ends_first(connection):
        switching(connection, more=b"hello")
        connection.sock.shutdown(1)
        data = b""
        while piece := connection.sock.recv(65536):
            data += piece
        got.append(data)

    gateway = gateway(script(ends_first).server)
    with Client(gateway) as client:
        client.send(handshake())
        assert client.response().status == 101
        data = client.data
        while piece := client.sock.recv(65536):
            data += piece
        assert data == b"hello"
        client.send(b"x" * 300_000).finish()
        wait_until(lambda: got, "the end at the upstream")
    assert got[0] == b"x" * 300_000
    assert "reason" not in gateway.wait_access()[0]


def test_a_slow_reader_holds_up_the_sender(gateway, script):
    """Each direction holds a block, not what an upstream can send."""
    total = 64 << 20

    def flood(connection):
        switching(connection)
        sent = 0
        while sent < total:
            connection.sock.sendall(b"x" * 65536)
            sent += 65536

    gateway = gateway(script(flood).server)
    before = gateway.resident_bytes()
    with Client(gateway, seconds=60) as client:
        client.send(handshake())
        assert client.response().status == 101
        time.sleep(1)
        assert gateway.resident_bytes() - before < 16 << 20
        count = len(client.data)
        while piece := client.sock.recv(1 << 20):
            count += len(piece)
    assert count == total


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
    b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: " + ACCEPT.encode() + b"\r\n\r\n",
    b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + ACCEPT.encode() + b"\r\n\r\n"])
def test_U_5_a_101_that_is_none(gateway, upstream, answer):
    app = upstream(answer)
    gateway = gateway(app.server)
    with Client(gateway) as client:
        client.send(handshake() + b"GET /open/smuggled HTTP/1.1\r\nHost: example.test\r\n\r\n")
        first = client.response()
        assert first.status == 502
    assert gateway.access_of(first.request_id)["reason"] == "upstream_answer_invalid"
    assert b"smuggled" not in app.connections[0].received


def test_U_5_a_101_that_nobody_asked_for(gateway, upstream):
    app = upstream(b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert get(gateway(app.server), "/open/a").status == 502


def test_U_5_bytes_behind_the_request_wait_for_the_101(gateway, upstream):
    """Where the answer is another, they are the next request, and judged as one."""
    app = upstream(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    gateway = gateway(app.server)
    with Client(gateway) as client:
        client.send(handshake() + b"GET /a HTTP/1.1\r\nHost: example.test\r\n\r\n")
        assert client.response().status == 403
        second = client.response()
        assert second.status == 401
    assert len(app.requests) == 1 and b"GET /a " not in app.received
    with Client(gateway) as client:
        client.send(handshake() + b"\x81\x85garbage\r\n\r\n")
        assert client.response().status == 403 and client.response().status == 400


@pytest.mark.parametrize("fields", [
    dict(version="8"), dict(version=None), dict(key=None), dict(key="short"), dict(key=KEY[:-1] + "A")])
def test_U_5_a_handshake_that_is_none(gateway, upstream, fields):
    app = upstream()
    gateway = gateway(app.server)
    with Client(gateway) as client:
        client.send(handshake(**fields))
        answer = client.response()
    assert answer.status == 400 and app.received == b""
    assert gateway.access_of(answer.request_id)["reason"] == "upgrade_invalid"


@pytest.mark.parametrize("name", ["h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c", "spdy/3.1"])
@pytest.mark.parametrize("target", ["/open/a", "/never/a"])
def test_U_5_other_protocols_are_not_asked_for(gateway, upstream, name, target):
    app = upstream()
    with Client(gateway(app.server)) as client:
        client.send(handshake(target, [("HTTP2-Settings", "AAMAAABkAAQAAP__")], name=name))
        assert client.response().status == 200
    request = app.requests[0]
    assert request.field("upgrade") is None and request.field("connection") is None
    assert request.field("http2-settings") is None


def test_U_3_the_connection_of_an_upgrade_that_came_to_nothing_is_used_for_nothing_else(gateway, upstream):
    """A server may have handed it to what it would have upgraded to: the next request would be read as part of that."""
    app = upstream()
    app.answer = lambda request, connection: (
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n" if request.field("upgrade")
        else b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    gateway = gateway(app.server)
    with Client(gateway) as client:
        for _ in range(2):
            client.send(handshake("/open/a"))
            assert client.response().status == 401
            assert get(gateway, "/open/b").status == 200
    asked = [[bool(request.field("upgrade")) for request in connection.requests] for connection in app.connections]
    # It may be one that was there before.
    assert sum(map(len, asked)) == 4 and not any(True in each[:-1] for each in asked), asked


def test_a_route_may_take_no_upgrades(gateway, upstream):
    app = upstream()
    with Client(gateway(app.server)) as client:
        client.send(handshake("/never/a"))
        assert client.response().status == 200
    assert app.requests[0].field("upgrade") is None


def test_another_protocol(gateway, script):
    def chat(connection):
        switching(connection, name="chat/2")
        while piece := connection.sock.recv(65536):
            connection.sock.sendall(piece.upper())

    with Client(gateway(script(chat).server)) as client:
        client.send(handshake(name="Chat/2", key=None, version=None))
        assert client.response().field("upgrade") == "chat/2"
        client.send(b"hello")
        assert client.sock.recv(100) == b"HELLO"


def test_U_5_a_tunnel_ends_with_its_token(gateway, script, keys, workers):
    app = script(echoing)
    gateway = gateway(app.server, workers)
    token = mint(keys["ES256"], sub="alice", exp=int(time.time()) + 8)
    with Client(gateway, seconds=30) as closing, Client(gateway, seconds=30) as kept:
        closing.send(handshake("/a", [bearer(token)]))
        kept.send(handshake("/kept/a", [bearer(token)]))
        assert closing.response().status == 101 and kept.response().status == 101
        closing.send(b"hello")
        assert closing.sock.recv(100) == b"hello"
        assert closing.is_closed(30)
        kept.send(b"still").finish()
        while kept._more():
            pass
        assert kept.data == b"still[end]"
    line = gateway.wait_access(path="/a")[0]
    assert (line["status"], line["reason"], line["subject"]) == (101, "token_expired", "alice")
    assert gateway.wait_access(path="/kept/a")[0].get("reason") is None


def test_a_tunnel_that_nothing_moves_in(gateway, script):
    app = script(echoing)
    gateway = gateway(app.server, tunnel="3s")
    with Client(gateway) as client:
        client.send(handshake())
        assert client.response().status == 101
        for _ in range(4):
            time.sleep(0.8)
            client.send(b"x")
            assert client.sock.recv(10) == b"x"
        assert client.is_closed()
    assert gateway.wait_access()[0]["reason"] == "tunnel_timeout"


def test_D_7_draining_gives_tunnels_their_time(gateway, script):
    app = script(echoing)
    gateway = gateway(app.server, drain="1500ms")
    with Client(gateway) as client:
        client.send(handshake())
        assert client.response().status == 101
        gateway.signal(signal.SIGTERM)
        gateway.wait_message("draining")
        client.send(b"still")
        assert client.sock.recv(10) == b"still"
        assert client.is_closed()
    assert gateway.wait_access()[0]["reason"] == "drain_timeout"


def test_a_reload_leaves_tunnels_alone(gateway, script):
    app = script(echoing)
    gateway = gateway(app.server)
    with Client(gateway) as client:
        client.send(handshake())
        assert client.response().status == 101
        gateway.reload()
        client.send(b"still")
        assert client.sock.recv(10) == b"still"


def test_T_16_a_tunnel_ends_with_its_key(start, script, keys, workers, tmp_path):
    """Also with another provider, or another issuer; a reload that leaves them alone leaves the tunnels alone."""
    app = script(echoing)
    sets = {name: tmp_path / f"{name}.json" for name in ("company", "other")}
    for path in sets.values():
        path.write_text(json.dumps({"keys": [keys["ES256"].jwk, keys["RS256"].jwk]}))

    def text(names, issuer=ISSUER):
        providers = "".join(
            f'  {name}: {{ issuer: "{issuer if name == "company" else ISSUER}", audiences: [{AUDIENCE}], '
            f'jwks_file: {sets[name]} }}\n' for name in names)
        routes = "".join(f"  - {{ path: /{name}/**, auth: {name}, on_expiry: keep, upstream: app }}\n" for name in names)
        return (f"listeners: [{{ address: 127.0.0.1:0 }}]\nworkers: {workers}\nproviders:\n{providers}"
                f"upstreams: {{ app: {{ servers: [\"{app.server}\"] }} }}\nroutes:\n{routes}"
                "  - { path: /open/**, auth: none, upstream: app }\n")

    gateway = start(text(["company", "other"]))
    clients = {}
    for name, target, kid in [("open", "/open/a", None), ("rsa", "/company/rsa", "RS256"), ("ec", "/company/ec", "ES256"),
                              ("other", "/other/a", "ES256")]:
        clients[name] = Client(gateway, seconds=30)
        clients[name].send(handshake(target, [bearer(mint(keys[kid], sub="alice"))] if kid else []))
        assert clients[name].response().status == 101

    def goes_on(name):
        clients[name].send(b"still")
        return clients[name].sock.recv(10) == b"still"

    gateway.reload(text(["other", "company"]))
    assert all(goes_on(name) for name in clients)
    sets["company"].write_text(json.dumps({"keys": [keys["ES256"].jwk]}))
    gateway.reload(text(["other", "company"]))
    assert clients["rsa"].is_closed(30) and goes_on("ec") and goes_on("other")
    gateway.reload(text(["company"]))
    assert clients["other"].is_closed(30) and goes_on("ec")
    gateway.reload(text(["company"], "https://elsewhere.test"))
    assert clients["ec"].is_closed(30) and goes_on("open")
    reasons = {path: gateway.wait_access(path=path)[0]["reason"] for path in ("/company/rsa", "/other/a", "/company/ec")}
    assert reasons == {"/company/rsa": "key_unknown", "/other/a": "issuer_unknown", "/company/ec": "issuer_unknown"}
    for client in clients.values():
        client.sock.close()


def test_an_upstream_that_is_reset(gateway, script):
    def resets(connection):
        import socket
        import struct
        switching(connection)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sock.close()

    gateway = gateway(script(resets).server)
    with Client(gateway) as client:
        client.send(handshake())
        assert client.response().status == 101 and client.is_closed()
    assert gateway.wait_access()[0]["reason"] == "upstream_truncated"


@pytest.mark.parametrize("origin, status", [
    (None, 101), ("http://example.test", 101), ("https://example.test", 101), ("https://evil.test", 403),
    ("null", 403), ("https://example.test.evil", 403), ("http://example.test:8080", 403)])
def test_C_14_a_websocket_by_cookie_comes_from_its_own_site(gateway, script, keys, origin, status):
    app = script(echoing)
    gateway = gateway(app.server)
    fields = [("Cookie", f"session={mint(keys['ES256'], sub='alice')}")]
    fields += [("Origin", origin)] * (origin is not None)
    with Client(gateway) as client:
        client.send(handshake("/a", fields))
        answer = client.response()
        assert answer.status == status
    if status == 403:
        assert gateway.access_of(answer.request_id)["reason"] == "origin_refused" and app.received == b""


@pytest.mark.parametrize("method, status", [
    ("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("POST", 403), ("PUT", 403), ("DELETE", 403), ("PATCH", 403),
    ("PURGE", 403)])
def test_C_14_an_unsafe_method_by_cookie_comes_from_its_own_site(gateway, upstream, keys, method, status):
    app = upstream(lambda request, _: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    gateway = gateway(app.server)
    token = mint(keys["ES256"], sub="alice")
    fields = [("Cookie", f"session={token}"), ("Origin", "https://evil.test")]
    assert get(gateway, "/a", fields, method=method).status == status
    assert len(app.requests) == (status == 200)
    # A token that no browser adds by itself is no one else's doing.
    assert get(gateway, "/a", [bearer(token), fields[1]], method=method).status == 200


def test_server_sent_events_leave_at_once(gateway, script):
    """Each event arrives before the next is sent."""
    turn = threading.Semaphore(0)

    def events(connection):
        connection.sock.recv(65536)
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(5):
            connection.sock.sendall(b"data: %d\n\n" % number)
            assert turn.acquire(timeout=20)
        connection.sock.close()

    with Client(gateway(script(events).server), seconds=20) as client:
        client.send("GET /open/events HTTP/1.1\r\nHost: example.test\r\n\r\n")
        for number in range(5):
            while b"data: %d\n\n" % number not in client.data:
                assert client._more()
            turn.release()
        assert client.response().status == 200
