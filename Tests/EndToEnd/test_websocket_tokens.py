"""`token_from: websocket_protocol`: the token of a page that opens a WebSocket, `new WebSocket(url, ["bearer", token])`."""
import threading
import time

import pytest
import websockets.exceptions
import websockets.sync.client
import websockets.sync.server

from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, KeyServer, bearer, mint
from support.upstream import OK
from support.wire import Client, get

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
SWITCH = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          b"Sec-WebSocket-Accept: " + ACCEPT.encode() + b"\r\n")

CONFIG = """
listeners: [{{ address: 127.0.0.1:0 }}]
workers: 1
log: {{ level: debug }}
providers:
  company:
    issuer: "{issuer}"
    audiences: [{audience}]
    jwks_url: "{keys}"
    leeway: 0s
    token_from: [authorization, "cookie:session", websocket_protocol]
  plain: {{ issuer: "{issuer}", audiences: [{audience}], jwks_url: "{keys}" }}
upstreams:
  app: {{ servers: ["{app}"] }}
routes:
  - {{ path: /open/**, auth: none, upstream: app }}
  - {{ path: /optional/**, auth: company, anonymous: allow, upstream: app }}
  - {{ path: /forward/**, auth: company, token: forward, upstream: app }}
  - {{ path: /plain/**, auth: plain, upstream: app }}
  - {{ path: /none/**, auth: company, upgrade: none, upstream: app }}
  - {{ path: /**, auth: company, upstream: app }}
"""


@pytest.fixture(scope="module")
def issuer(keys):
    server = KeyServer(keys["ES256"])
    yield server
    server.close()


@pytest.fixture
def gateway(start, issuer):
    return lambda app: start(CONFIG.format(issuer=ISSUER, audience=AUDIENCE, keys=issuer.url, app=app))


@pytest.fixture(scope="module")
def gateway_once(start_once, script_once, issuer):
    app = Switching(script_once)
    return start_once(CONFIG.format(issuer=ISSUER, audience=AUDIENCE, keys=issuer.url, app=app.server)), app


@pytest.fixture(scope="module")
def token(keys):
    return mint(keys["ES256"], sub="alice")


class Switching:
    """An upstream that opens every WebSocket, says what it chooses, and then says hello."""

    def __init__(self, script, *chosen):
        self.lines = b"".join(b"Sec-WebSocket-Protocol: %b\r\n" % name.encode() for name in chosen)
        self.upstream = script(self)

    def __call__(self, connection):
        while piece := connection.sock.recv(65536):
            connection.received += piece
            if connection.received.endswith(b"\r\n\r\n"):
                websocket = b"\r\nUpgrade: websocket\r\n" in connection.received
                connection.sock.sendall(SWITCH + self.lines + b"\r\nhello" if websocket else OK)

    @property
    def server(self):
        return self.upstream.server

    @property
    def request(self):
        return wait_until(lambda: self.upstream.requests, "a request")[-1]

    @property
    def received(self):
        return self.upstream.received


def handshake(target="/a", protocols=(), fields=()):
    lines = [f"GET {target} HTTP/1.1", "Host: example.test", "Connection: Upgrade", "Upgrade: websocket",
             f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13"]
    lines += [f"Sec-WebSocket-Protocol: {value}" for value in protocols]
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join(lines) + "\r\n\r\n"


def ask(gateway, *arguments, **options):
    with Client(gateway) as client:
        answer = client.send(handshake(*arguments, **options)).response()
        if answer.status == 101:
            while b"hello" not in client.data:
                assert client._more()
        return answer


def assert_refused(gateway, app, answer, status, reason):
    assert answer.status == status and app.received == b""
    assert gateway.access_of(answer.request_id)["reason"] == reason


# A client and a server of others.


@pytest.mark.parametrize("offered, spoken, seen, chosen", [
    (["bearer", "TOKEN"], None, None, "bearer"), (["bearer", "TOKEN", "chat"], ["chat"], "chat", "chat"),
    (["v2", "bearer", "TOKEN", "chat"], ["chat"], "v2, chat", "chat"),
    (["chat", "bearer", "TOKEN"], None, "chat", "bearer")])
def test_clients_get_what_they_offered(gateway, token, offered, spoken, seen, chosen):
    heads = []

    def handler(connection):
        heads.append(connection.request.headers)
        for message in connection:
            connection.send(message)

    def choose(connection, names):
        return next((name for name in names if name in (spoken or [])), None)

    server = websockets.sync.server.serve(
        handler, "127.0.0.1", 0, subprotocols=spoken, select_subprotocol=choose if spoken else None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        running = gateway("%s:%d" % server.socket.getsockname())
        offered = [token if name == "TOKEN" else name for name in offered]
        with websockets.sync.client.connect(
                f"ws://127.0.0.1:{running.port}/a", subprotocols=offered, proxy=None) as connection:
            assert connection.subprotocol == chosen
            connection.send("hello")
            assert connection.recv(timeout=30) == "hello"
        assert heads[0].get("Sec-WebSocket-Protocol") == seen
        assert heads[0]["X-Forwarded-User"] == "alice" and token not in str(heads[0])
        with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
            websockets.sync.client.connect(
                f"ws://127.0.0.1:{running.port}/a", subprotocols=["bearer", token[:-6] + "AAAAAA"], proxy=None)
        assert refused.value.response.status_code == 401
    finally:
        server.shutdown()


# What the upstream sees, and chooses.


def test_I_6_the_token_does_not_go_upstream(gateway, script, token):
    app = Switching(script)
    running = gateway(app.server)
    answer = ask(running, protocols=[f"bearer, {token}"])
    assert (answer.status, answer.field("sec-websocket-protocol")) == (101, "bearer")
    assert answer.field("sec-websocket-accept") == ACCEPT
    assert app.request.field("x-forwarded-user") == "alice" and app.request.field("sec-websocket-protocol") is None
    assert token.encode() not in app.received and b"bearer" not in app.received.lower()
    line = running.wait_access(1, status=101)[0]
    assert line["subject"] == "alice" and "reason" not in line


@pytest.mark.parametrize("chosen, seen", [((), "bearer"), (("chat",), "chat"), (("v2",), "v2")])
def test_the_upstream_chooses_among_the_others(gateway, script, token, chosen, seen):
    app = Switching(script, *chosen)
    answer = ask(gateway(app.server), protocols=[f"chat,bearer,{token},v2"])
    assert (answer.status, answer.field("sec-websocket-protocol")) == (101, seen)
    assert app.request.field("sec-websocket-protocol") == "chat, v2"


@pytest.mark.parametrize("chosen", [("bearer",), ("TOKEN",), ("other",), ("chat", "chat"), ("chat, v2",), ("",)])
def test_U_5_what_was_not_offered_cannot_be_chosen(gateway, script, token, chosen):
    app = Switching(script, *[token if name == "TOKEN" else name for name in chosen])
    running = gateway(app.server)
    answer = ask(running, protocols=[f"chat, bearer, {token}, v2"])
    assert answer.status == 502 and running.access_of(answer.request_id)["reason"] == "upstream_answer_invalid"
    assert token.encode() not in app.received


def test_an_answer_that_switches_nothing(gateway, upstream, token):
    app = upstream(OK)
    answer = ask(gateway(app.server), protocols=[f"bearer, {token}"])
    assert (answer.status, answer.field("sec-websocket-protocol")) == (200, None)
    assert app.requests[0].field("sec-websocket-protocol") is None


def test_token_forward_keeps_all_of_it(gateway, script, token):
    app = Switching(script, "bearer")
    answer = ask(gateway(app.server), "/forward/a", [f"chat, bearer,{token}"])
    assert (answer.status, answer.field("sec-websocket-protocol")) == (101, "bearer")
    assert app.request.field("sec-websocket-protocol") == f"chat, bearer,{token}"


def test_who_does_not_read_it_changes_nothing(gateway, script, token):
    app = Switching(script, "chat")
    running = gateway(app.server)
    for target, fields in (("/open/a", []), ("/plain/a", [bearer(token)])):
        answer = ask(running, target, ["bearer, x", "chat"], fields)
        assert (answer.status, answer.field("sec-websocket-protocol")) == (101, "chat")
        assert app.request.all("sec-websocket-protocol") == ["bearer, x", "chat"]
    assert ask(running, "/plain/a", [f"bearer, {token}"]).status == 401


# Which credential counts.


def beside(kind, token):
    return {"alone": [], "authorization": [bearer(token)], "cookie": [("Cookie", f"session={token}")]}[kind]


@pytest.mark.parametrize("target", ["/a", "/optional/a"])
@pytest.mark.parametrize("kind", ["alone", "authorization", "cookie"])
@pytest.mark.parametrize("protocols, status, reason", [
    (["bearer"], 401, "token_malformed"), (["chat, bearer"], 401, "token_malformed"),
    (["bearer,"], 401, "token_malformed"), (["bearer,, TOKEN"], 401, "token_malformed"),
    (["bearer, TOKEN,"], 401, "token_malformed"), (["bearer TOKEN"], 401, "token_malformed"),
    (["bearer\xa0, TOKEN"], 401, "token_malformed"), (["bearer;, TOKEN"], 401, "token_malformed"),
    (["chat", '"bearer", TOKEN'], 401, "token_malformed"), (["chat,, TOKEN"], 401, "token_malformed"),
    (["Bearer, TOKEN"], 401, "token_malformed"),
    (["bearer, TOKEN, bearer, TOKEN"], 400, "credential_repeated"), (["bearer, bearer"], 400, "credential_repeated"),
    (["bearer", "TOKEN"], 400, "credential_repeated"), (["bearer, TOKEN", "chat"], 400, "credential_repeated"),
    (["chat", "bearer, TOKEN"], 400, "credential_repeated")])
def test_T_14_a_list_that_can_be_read_in_two_ways(gateway_once, token, target, protocols, status, reason, kind):
    running, app = gateway_once
    app.upstream.forget()
    answer = ask(running, target, [value.replace("TOKEN", token) for value in protocols], beside(kind, token))
    assert_refused(running, app, answer, status, reason)


@pytest.mark.parametrize("target", ["/a", "/optional/a"])
@pytest.mark.parametrize("kind", ["alone", "cookie"])
@pytest.mark.parametrize("protocol, reason", [
    ("bearer, a b", "token_malformed"), ("bearer, chat", "token_malformed"), ("bearer, TOKEN=", "token_malformed"),
    ('bearer, "TOKEN"', "token_malformed"), ("bearer, .TOKEN", "token_malformed"), ("bearer, TOKEN/x", "token_malformed")])
def test_T_14_a_bad_token_is_not_passed_over(gateway_once, token, target, protocol, reason, kind):
    running, app = gateway_once
    app.upstream.forget()
    answer = ask(running, target, [protocol.replace("TOKEN", token)], beside(kind, token))
    assert_refused(running, app, answer, 401, reason)


@pytest.mark.parametrize("authorization, protocol, cookie, status", [
    ("good", "bad", None, 101), ("bad", "good", None, 401), ("other", "good", None, 101), (None, "good", "bad", 101),
    (None, "bad", "good", 401), (None, None, "good", 101), (None, None, None, 401)])
def test_T_14_one_credential_counts(gateway, script, keys, authorization, protocol, cookie, status):
    """Authorization goes before the protocols, and those before cookies; a bad one is never passed over."""
    app = Switching(script)
    running = gateway(app.server)
    tokens = {"good": mint(keys["ES256"], sub="alice"), "bad": mint(keys["ES256"], exp=int(time.time()) - 60)}
    fields = []
    if authorization:
        fields += [("Authorization", "Basic YTpi") if authorization == "other" else bearer(tokens[authorization])]
    if cookie:
        fields += [("Cookie", f"session={tokens[cookie]}; app=1")]
    answer = ask(running, protocols=[f"bearer, {tokens[protocol]}"] if protocol else [], fields=fields)
    assert answer.status == status
    if status != 101:
        assert app.received == b""
        return
    assert app.request.field("x-forwarded-user") == "alice"
    assert answer.field("sec-websocket-protocol") == ("bearer" if protocol else None)
    assert all(value.encode() not in app.received for value in tokens.values())
    assert app.request.field("cookie") == ("app=1" if cookie else None)


def test_T_15_optional(gateway, script, token, keys):
    app = Switching(script)
    running = gateway(app.server)
    answer = ask(running, "/optional/a", [f"bearer, {mint(keys['EdDSA'])}"])
    assert answer.status == 401 and app.received == b""
    assert ask(running, "/optional/a", ["chat"]).status == 101
    assert app.request.field("x-forwarded-user") is None and app.request.field("sec-websocket-protocol") == "chat"
    assert ask(running, "/optional/a", [f"bearer, {token}"]).status == 101
    assert app.request.field("x-forwarded-user") == "alice"


def test_only_a_websocket_brings_one(gateway, script, token):
    """Elsewhere the field is not a credential; and as it may hold one, it does not go upstream."""
    app = Switching(script)
    running = gateway(app.server)
    field = ("Sec-WebSocket-Protocol", f"bearer, {token}")
    for target in ("/a", "/none/a"):
        assert get(running, target, [field]).status == 401
    assert ask(running, "/none/a", [field[1]]).status == 401
    assert app.received == b""
    for target, fields in (("/a", [bearer(token)]), ("/optional/a", []), ("/a", [("Cookie", f"session={token}")])):
        assert get(running, target, [field, *fields]).status == 200
        assert app.request.field("sec-websocket-protocol") is None
    assert ask(running, "/none/a", [field[1]], [bearer(token)]).status == 200
    assert token.encode() not in app.received
    # Where tokens are forwarded it is not the one that was accepted (I-6).
    assert get(running, "/forward/a", [field, bearer(token)]).status == 200
    assert app.request.field("sec-websocket-protocol") is None
    assert app.request.field("authorization") == f"Bearer {token}"


@pytest.mark.parametrize("name", ["Sec_WebSocket_Protocol", "sec.websocket-protocol", "SEC_WEBSOCKET_PROTOCOL"])
def test_I_2_other_spellings_do_not_go_upstream(gateway, script, token, name):
    app = Switching(script)
    running = gateway(app.server)
    field = (name, f"bearer, {token}")
    assert ask(running, fields=[field]).status == 401 and app.received == b""
    # A handshake with a token, with protocols alone, with none, and no handshake.
    for protocols in ([f"bearer, {token}"], ["chat"], []):
        assert ask(running, "/optional/a", protocols, [field]).status == 101
        assert app.request.field("sec-websocket-protocol") == ("chat" if protocols == ["chat"] else None)
    assert get(running, "/optional/a", [field]).status == 200
    assert token.encode() not in app.received and name.lower().encode() + b":" not in app.received.lower()
    # Where tokens are forwarded it is not the one that was accepted (I-6).
    assert ask(running, "/forward/a", [], [field, bearer(token)]).status == 101
    assert app.request.field(name) is None and app.request.field("authorization") == f"Bearer {token}"


def test_C_14_it_needs_no_origin(gateway, script, token):
    """No browser sends it unasked: a page that sends it was given it."""
    app = Switching(script)
    running = gateway(app.server)
    origin = ("Origin", "https://elsewhere.example")
    assert ask(running, protocols=[f"bearer, {token}"], fields=[origin]).status == 101
    assert ask(running, protocols=[f"bearer, {token}"], fields=[origin, ("Cookie", f"session={token}")]).status == 101
    assert ask(running, fields=[origin, ("Cookie", f"session={token}")]).status == 403


def test_the_tunnel_ends_with_the_token(gateway, script, keys):
    app = Switching(script)
    running = gateway(app.server)
    with Client(running, seconds=20) as client:
        token = mint(keys["ES256"], exp=int(time.time()) + 2)
        assert client.send(handshake(protocols=[f"bearer, {token}"])).response().status == 101
        while client._more():
            pass
    assert running.wait_access(1)[0]["reason"] == "token_expired"


def test_L_2_the_token_is_in_no_log(gateway, script, keys, token):
    app = Switching(script)
    running = gateway(app.server)
    bad = mint(keys["EdDSA"])
    for protocols in ([f"bearer, {token}"], [f"bearer, {bad}"], [f"bearer, {token}, bearer, {bad}"], [f"Bearer, {bad}"],
                      [f"bearer, {token}=", "canary"], [f"{bad}, bearer"]):
        ask(running, protocols=protocols)
    get(running, "/nowhere", [("Sec-WebSocket-Protocol", f"bearer, {token}")])
    running.wait_access(7)
    for text in (running.access_text, running.program_text):
        for secret in (token, bad, *token.split(".")[1:], *bad.split(".")[1:], "canary"):
            assert secret not in text
