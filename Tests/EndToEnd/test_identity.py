"""SECURITY I: what an upstream is told about a client, and that nobody but the gateway can say it."""
import pytest

from support.tokens import AUDIENCE, ISSUER, KeyServer, bearer, mint
from support.verdicts import assert_refused
from support.wire import Client, get

CONFIG = """
listeners: [{{ address: 127.0.0.1:0 }}]
workers: 1
providers:
  company:
    issuer: "{issuer}"
    audiences: [{audience}]
    jwks_url: "{keys}"
    token_from: [authorization, "cookie:session"]
upstreams:
  app: {{ servers: ["{app}"] }}
routes:
  - {{ path: /public/**, auth: none, upstream: app }}
  - {{ path: /optional/**, auth: company, anonymous: allow, upstream: app }}
  - {{ path: /forward/**, auth: company, token: forward, upstream: app }}
  - path: /own/**
    auth: company
    identity: {{ defaults: false, X-Auth-User: sub, X-Tenant: tenant, X-Plan: org.plan, X-Auth-Level: level }}
    upstream: app
  - {{ path: /**, auth: company, upstream: app }}
"""


@pytest.fixture(scope="module")
def app(upstream_once):
    return upstream_once()


@pytest.fixture(scope="module")
def gateway(start_once, app, keys):
    server = KeyServer(keys["ES256"])
    yield start_once(CONFIG.format(issuer=ISSUER, audience=AUDIENCE, keys=server.url, app=app.server))
    server.close()


@pytest.fixture(scope="module")
def token(keys):
    return mint(keys["ES256"], sub="alice")


def seen(gateway, app, target, fields=(), method="GET", body=None):
    """The one request that reached the upstream, which was answered 200."""
    app.forget()
    answer = get(gateway, target, fields, method=method, body=body)
    assert answer.status == 200, answer
    assert len(app.requests) == 1
    return app.requests[0]


def refused(gateway, app, target, fields, status, reason):
    """That answer; the connection may go on, and the upstream has seen nothing."""
    app.forget()
    answer = get(gateway, target, fields)
    line = gateway.access_of(answer.request_id)
    assert (answer.status, line["status"], line["reason"]) == (status, status, reason), line
    assert app.received == b""
    return answer


DEFAULTS = ["X-Forwarded-User", "X-Forwarded-Preferred-Username", "X-Forwarded-Email", "X-Forwarded-Groups"]
MAPPED = ["X-Auth-User", "X-Tenant", "X-Plan", "X-Auth-Level"]
GATEWAYS_OWN = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id"]
OTHERS = ["Forwarded", "X-Real-IP", "X-Forwarded-Port", "X-Forwarded-Access-Token", "X-Forwarded-Anything"]


@pytest.mark.parametrize("name", DEFAULTS + MAPPED + GATEWAYS_OWN + OTHERS)
@pytest.mark.parametrize("route", ["/public/a", "/optional/a", "/a", "/own/a"])
def test_I_1_a_clients_identity_fields_are_removed(gateway, app, token, name, route):
    """On every route, each header of any route: public, anonymous, and with a token whose claim is absent."""
    fields = [(name, "root"), (name.lower(), "root"), (name.upper(), "root")]
    if route in ("/a", "/own/a"):
        fields.append(bearer(token))
    request = seen(gateway, app, route, fields)
    assert b"root" not in app.received
    # What is there is ours, once.
    assert len(request.all(name)) <= 1
    if route == "/a":
        assert request.field("x-forwarded-user") == "alice"
    if route == "/own/a":
        assert request.field("x-auth-user") == "alice" and request.field("x-forwarded-user") is None


def test_I_1_in_a_request_with_a_body_and_an_upgrade(gateway, app):
    fields = [("X-Forwarded-User", "root"), ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("X-Tenant", "root")]
    request = seen(gateway, app, "/public/a", fields, "POST", b"hello")
    assert b"root" not in app.received and request.field("upgrade") is None and request.field("connection") is None


@pytest.mark.parametrize("name", [
    "X_Auth_User", "X.Auth.User", "x-auth_user", "X~Auth~User", "X!Auth|User", "X_FORWARDED_USER", "X.Forwarded.Email",
    "X_Forwarded_For", "X_Forwarded_Anything", "X+Forwarded+User", "X_Tenant", "X_Real_IP", "X_Request_Id",
    "Content_Length", "Transfer_Encoding", "Transfer.Encoding", "Proxy_Authorization",
    "X_Original_URL"])
def test_I_2_other_spellings(gateway, app, name):
    assert name.lower() not in seen(gateway, app, "/public/a", [(name, "root")]).names()
    assert b"root" not in app.received


@pytest.mark.parametrize("name", [
    "X-Auth-Users", "X-Auth", "XAuthUser", "X-Authuser", "X-Forwarder", "My-X-Forwarded-User"])
def test_I_2_other_names_pass(gateway, app, name):
    assert seen(gateway, app, "/public/a", [(name, "root")]).field(name) == "root"


def test_I_3_what_connection_names_cannot_remove_ours(gateway, app, token):
    named = ["X-Forwarded-User", "X-Forwarded-For", "X-Request-Id", "Cookie", "Host", "Content-Length", "X-Mine"]
    request = seen(gateway, app, "/a", [
        ("Connection", ", ".join(named)), ("Cookie", "a=b"), ("X-Mine", "gone"), ("X-Other", "stays"), bearer(token)],
        "POST", b"hello")
    assert request.field("x-forwarded-user") == "alice" and request.field("x-forwarded-for") == "127.0.0.1"
    assert request.field("cookie") == "a=b" and request.field("host") == "example.test" and request.body == b"hello"
    assert len(request.field("x-request-id")) == 32
    assert request.field("x-mine") is None and request.field("x-other") == "stays"


@pytest.mark.parametrize("value", [
    "X-Forwarded-User", "x-forwarded-USER , close", "keep-alive,X-Auth-User", "X_Auth_User"])
def test_I_3_named_or_not_it_is_removed_first(gateway, app, token, value):
    request = seen(gateway, app, "/own/a", [("Connection", value), ("X-Auth-User", "root"), bearer(token)])
    assert request.field("x-auth-user") == "alice" and b"root" not in app.received


@pytest.mark.parametrize("value", ["close", "Close, keep-alive", "X-Other,CLOSE"])
def test_I_3_close_names_a_field_too(gateway, app, value):
    fields = [("Connection", value), ("Close", "hop"), ("X-Closed", "stays")]
    request = seen(gateway, app, "/public/a", fields)
    assert request.field("close") is None and request.field("x-closed") == "stays" and b"hop" not in app.received
    assert seen(gateway, app, "/public/a", [("Close", "end to end")]).field("close") == "end to end"


def test_I_3_authorization_of_an_open_route_is_end_to_end(gateway, app):
    fields = [("Connection", "Authorization"), ("Authorization", "Basic YTpi")]
    assert seen(gateway, app, "/public/a", fields).field("authorization") == "Basic YTpi"


@pytest.mark.parametrize("name", ["Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "Proxy-Authorization",
                                  "Proxy-Authenticate", "HTTP2-Settings"])
def test_I_3_hop_by_hop_fields(gateway, app, name):
    assert seen(gateway, app, "/public/a", [(name, "trailers"), ("Connection", "TE")]).field(name) is None
    assert b"trailers" not in app.received


TEXTS = {
    "alice": "alice", "a b": "a b", "a%b": "a%25b", " a ": "%20a%20", "a,b": "a,b", "é": "%C3%A9",
    "a\u20ac": "a%E2%82%AC",
    "\u2028": "%E2%80%A8", "\U0001F600": "%F0%9F%98%80", '"\\<>': '"\\<>', "\u00a0": "%C2%A0", "x" * 500: "x" * 500,
    "a: b": "a: b", "%0d%0a": "%250d%250a", " ": "%20", "\ufeffroot": "%EF%BB%BFroot"}


@pytest.mark.parametrize("text", TEXTS)
def test_I_4_values(gateway, app, keys, text):
    fields = [bearer(mint(keys["ES256"], sub=text))]
    assert seen(gateway, app, "/a", fields).field("x-forwarded-user") == TEXTS[text]
    assert f"\r\nX-Forwarded-User: {TEXTS[text]}\r\n".encode() in app.received


@pytest.mark.parametrize("text", [
    "a\r\nX: y", "a\nb", "a\rb", "a\0b", "\t", "a\x1fb", "\x7f", "\u0080", "a\u0085b", "\u009f"])
@pytest.mark.parametrize("claim", ["sub", "tenant", "list", "nested"])
def test_I_4_control_characters(gateway, app, keys, text, claim):
    target, changes = {
        "sub": ("/a", dict(sub=text)), "tenant": ("/own/a", dict(tenant=text)), "list": ("/a", dict(roles=["a", text])),
        "nested": ("/own/a", dict(org=dict(plan=text)))}[claim]
    answer = refused(gateway, app, target, [bearer(mint(keys["ES256"], **changes))], 403, "identity_invalid")
    assert "insufficient_scope" in answer.field("www-authenticate")


@pytest.mark.parametrize("value, header", [
    (7, "7"), (True, "true"), (False, "false"), (1.5, "1.5"), (-3, "-3"), (2 ** 53, str(2 ** 53)), (None, None),
    ("", None), ([], None)])
def test_I_4_other_types(gateway, app, keys, value, header):
    assert seen(gateway, app, "/own/a", [bearer(mint(keys["ES256"], level=value))]).field("x-auth-level") == header


def test_I_4_a_claim_that_is_null_has_no_header(gateway, app, keys):
    import jwt
    from support.tokens import claims
    payload = {**claims(), "level": None, "tenant": None}
    text = jwt.encode(payload, keys["ES256"].private, algorithm="ES256", headers={"kid": keys["ES256"].kid})
    request = seen(gateway, app, "/own/a", [bearer(text)])
    assert request.field("x-auth-level") is None and request.field("x-tenant") is None


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], [["a"]]])
def test_I_4_what_cannot_be_told(gateway, app, keys, value):
    refused(gateway, app, "/own/a", [bearer(mint(keys["ES256"], level=value))], 403, "identity_invalid")


@pytest.mark.parametrize("roles, header", [
    (["a", "b"], "a,b"), (["a,admin"], "a%2Cadmin"), (["a b"], "a b"), ([" a", "b "], "%20a,b%20"), (["é"], "%C3%A9"),
    (["a%2Cb"], "a%252Cb"), ("reader editor", "reader,editor"), ([], None)])
def test_I_5_lists(gateway, app, keys, roles, header):
    request = seen(gateway, app, "/a", [bearer(mint(keys["ES256"], roles=roles))])
    assert request.all("x-forwarded-groups") == ([header] if header else [])


def test_I_5_lists_of_mapped_claims(gateway, app, keys):
    request = seen(gateway, app, "/own/a", [bearer(mint(keys["ES256"], tenant=["a,admin", 7, True]))])
    assert request.all("x-tenant") == ["a%2Cadmin,7,true"]


def test_I_6_the_authorization_line_that_was_used(gateway, app, token):
    assert seen(gateway, app, "/a", [bearer(token)]).field("authorization") is None
    assert token.encode() not in app.received


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
def test_I_6_in_any_case_of_the_scheme(gateway, app, token, scheme):
    request = seen(gateway, app, "/a", [("Authorization", f"{scheme} {token}")])
    assert request.field("authorization") is None and token.encode() not in app.received


@pytest.mark.parametrize("line, rest", [
    ("session={}", None), ("a=b; session={}; c=d", "a=b; c=d"), ("session={}; a=b", "a=b"), ("a=b;session={}", "a=b"),
    ("  a=b ;  session={}  ", "a=b"), ("xsession=1; session={}; sessionx=2", "xsession=1; sessionx=2"),
    ('a="q;session={};r"', 'a="q; r"')])
def test_I_6_the_cookie_that_was_used(gateway, app, token, line, rest):
    request = seen(gateway, app, "/a", [("Cookie", line.format(token))])
    assert request.field("cookie") == rest and request.field("x-forwarded-user") == "alice"
    assert token.encode() not in app.received


def test_I_6_forwarded_where_the_route_says_so(gateway, app, token):
    assert seen(gateway, app, "/forward/a", [bearer(token)]).field("authorization") == f"Bearer {token}"
    line = f"a=b; session={token}"
    assert seen(gateway, app, "/forward/a", [("Cookie", line)]).field("cookie") == line


def test_I_6_a_cookie_that_was_not_accepted_is_not_forwarded(gateway, app, token, keys):
    """`token: forward` is for what was verified: an upstream that reads the cookie first would believe anybody."""
    forged = mint(keys["ES256"], sub="root")[:-8] + "AAAAAAAA"
    for line, rest in ((f"session={forged}; a=b", "a=b"), (f"session ={forged}", None), (f"a=b; session={token}", "a=b")):
        request = seen(gateway, app, "/forward/a", [bearer(token), ("Cookie", line)])
        assert request.field("cookie") == rest and request.field("authorization") == f"Bearer {token}"
    # Beside the one that was accepted, one that only other servers take for it.
    request = seen(gateway, app, "/forward/a", [("Cookie", f"session ={forged}; session={token}; session\t={forged}")])
    assert request.field("cookie") == f"session={token}" and forged.encode() not in app.received
    # Nobody has looked at it where a certificate or nothing is enough.
    refused(gateway, app, "/forward/a", [("Cookie", f"session={forged}")], 401, "signature_invalid")


def test_I_6_what_is_the_applications_own_passes(gateway, app, token):
    fields = [("Authorization", f"Bearer {token}"), ("Cookie", f"session={token}; a=b")]
    request = seen(gateway, app, "/public/a", fields)
    assert request.field("authorization") == fields[0][1] and request.field("cookie") == fields[1][1]
    # Another scheme is not a token: the cookie is.
    request = seen(gateway, app, "/a", [("Authorization", "Basic YTpi"), ("Cookie", f"session={token}; a=b")])
    assert request.field("authorization") == "Basic YTpi" and request.field("cookie") == "a=b"


def test_C_2_two_cookie_lines(gateway, app, token):
    data = f"GET /a HTTP/1.1\r\nHost: a\r\nCookie: session={token}\r\nCookie: a=b\r\n\r\n".encode()
    assert_refused(gateway, app, data, 400, "field_line_invalid")


def test_C_2_the_cookie_twice(gateway, app, token):
    refused(gateway, app, "/a", [("Cookie", f"session={token}; session={token}")], 401, "cookie_repeated")


@pytest.mark.parametrize("line", [
    'session="{}"', "session ={}", "Session={}", "$session={}", "\u2000session={}", "session%20={}"])
def test_C_3_other_spellings_are_no_credential(gateway, app, token, line):
    text = line.format(token).encode().decode("latin-1")
    app.forget()
    answer = get(gateway, "/a", [("Cookie", text)])
    assert answer.status == 401 and app.received == b""


# The port that the gateway listens on.
PORT = object()


@pytest.mark.parametrize("name, value, ours", [
    ("X-Forwarded-For", "10.0.0.1, 10.0.0.2", "127.0.0.1"), ("X-Forwarded-Host", "evil.example", "example.test"),
    ("X-Forwarded-Proto", "https", "http"), ("Forwarded", "for=10.0.0.1", 'for=127.0.0.1;proto=http;host="example.test"'), ("X-Real-IP", "10.0.0.1", None),
    ("X-Forwarded-Port", "443", PORT), ("X-Forwarded-Server", "evil.example", None)])
@pytest.mark.parametrize("route", ["/public/a", "/a"])
def test_I_7_forwarded_data_is_ours(gateway, app, token, name, value, ours, route):
    request = seen(gateway, app, route, [(name, value), (name, value), bearer(token)])
    ours = str(gateway.port) if ours is PORT else ours
    # The ids are random, and may hold a value as short as a port; the port may be one that does.
    received = app.received
    for own in (request.field("traceparent"), request.request_id, f"X-Forwarded-Port: {gateway.port}"):
        received = received.replace(own.encode(), b"")
    assert request.all(name) == ([ours] if ours else []) and value.encode() not in received


def test_I_7_the_log_names_the_peer(gateway, app):
    request = seen(gateway, app, "/public/a", [("X-Forwarded-For", "10.0.0.1")])
    assert gateway.access_of(request.request_id)["client"] == "127.0.0.1"


def test_I_1_pipelined_requests_do_not_share_an_identity(gateway, app, token, keys):
    """Each request is told who sent it, also on one connection and from the cache of verified tokens."""
    app.forget()
    other = mint(keys["ES256"], sub="bob")
    lines = [f"GET /optional/{n} HTTP/1.1\r\nHost: a\r\n" + (f"Authorization: Bearer {t}\r\n" if t else "") + "\r\n"
             for n, t in enumerate([token, None, other, token, None, other])]
    with Client(gateway) as client:
        client.send("".join(lines))
        assert [client.response().status for _ in lines] == [200] * 6
    assert [r.field("x-forwarded-user") for r in app.requests] == ["alice", None, "bob"] * 2
