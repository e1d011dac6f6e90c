"""Where the machine or a library of it fails, the gateway lets nobody in for it, blames nobody else, and says so."""
import contextlib
import json
import sqlite3

import pytest
from support.code_flow import CodeFlow
from support.failing import Failing
from support.hostile_provider import provider_fixture
from support.sign_in import SignIn, until_status
from support.tokens import AUDIENCE, ISSUER, Key, bearer, mint
from support.upstream import read_head
from support.wire import Client, get
from test_dpop import HOST, Holder


@pytest.fixture
def failing(tmp_path):
    return Failing(tmp_path)


def test_a_connection_that_the_kernel_does_not_watch_is_a_failed_accept(start, upstream, failing):
    gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 1
    upstreams: {{ app: {{ servers: ["{upstream().server}"] }} }}
    routes: [{{ path: /, auth: none, upstream: app }}]
    """, env=failing.env)
    assert get(gateway, "/").status == 200
    failing.fail("epoll_ctl")
    with Client(gateway) as client:
        client.sock.settimeout(20)
        assert client.sock.recv(1) == b""
    message = gateway.wait_message("accepting pauses: ")
    assert message["level"] == "error" and message["error"] == "epoll_ctl: No space left on device", message
    failing.mend("epoll_ctl")
    assert get(gateway, "/").status == 200
    gateway.wait_message("accepting goes on")
    assert len(gateway.said("accepting pauses: ")) == 1


@pytest.fixture
def code_flow(start, upstream, provider, failing, tmp_path):
    return CodeFlow(lambda config: start(config, env=failing.env), upstream(), provider, tmp_path / "one")


def due(made, **columns):
    """Has the one session renewed with its next request; changes what else is kept of it."""
    with contextlib.closing(sqlite3.connect(made.state / "company.sessions.db", timeout=10)) as database, database:
        for name, value in {"renew_at": 1, **columns}.items():
            database.execute(f"UPDATE sessions SET {name} = ?", (value,))


def test_a_way_that_cannot_be_opened_is_the_gateways_fault(code_flow, failing):
    browser = code_flow.browser()
    back = browser.begin()
    failing.fail("EVP_CipherInit_ex")
    answer = browser.navigate(back)
    assert answer.status == 500 and code_flow.gateway.access_of(answer.request_id)["reason"] == "internal_error"
    assert code_flow.gateway.wait_message("sign-in failed")["why"] == "OpenSSL: EVP_CipherInit_ex failed"
    assert not code_flow.gateway.said("what a browser brought back")
    # Nothing of the way is used up.
    failing.mend("EVP_CipherInit_ex")
    assert browser.navigate(back).status == 303


def test_a_session_whose_tokens_cannot_be_unsealed_goes_on(code_flow, provider, failing):
    browser = code_flow.browser()
    browser.sign_in()
    due(code_flow)
    failing.fail("EVP_CipherInit_ex")
    until_status(lambda: browser.fetch("/a"), 503)
    assert code_flow.gateway.wait_message("sessions could not be renewed")["why"] == "OpenSSL: EVP_CipherInit_ex failed"
    failing.mend("EVP_CipherInit_ex")
    assert browser.fetch("/a").status == 200
    assert [each.form["grant_type"] for each in provider.of("token")] == ["authorization_code", "refresh_token"]
    assert not code_flow.gateway.said("a session has ended")


def test_a_session_whose_tokens_are_not_its_own_ends_and_says_so(code_flow, provider):
    browser = code_flow.browser()
    browser.sign_in()
    due(code_flow, tokens=bytes(200))
    until_status(lambda: browser.fetch("/a"), 401)
    message = code_flow.gateway.wait_message("a session has ended")
    assert message["why"] == "its tokens in the database are not the ones that were sealed for it"
    assert len(provider.of("token")) == 1


def test_a_renewal_that_cannot_be_sealed_is_said(code_flow, failing):
    browser = code_flow.browser()
    browser.sign_in()
    due(code_flow)
    # Tokens are opened without it, and not sealed.
    failing.fail("RAND_bytes")
    until_status(lambda: browser.fetch("/a"), 503)
    assert code_flow.gateway.wait_message("sessions could not be renewed")["why"] == "OpenSSL: RAND_bytes failed"


def fault(gateway, answer):
    """Why the gateway says that it failed, once it has said so of this request."""
    assert answer.status == 500, answer
    line = gateway.access_of(answer.request_id)
    assert (line["reason"], line["blame"]) == ("internal_error", "gateway"), line
    return gateway.wait_message("requests are answered 500")["why"]


@pytest.mark.parametrize("function, said", [
    ("EVP_PKEY_verify_init", "OpenSSL: EVP_PKEY_verify_init failed"),
    ("EVP_DigestInit_ex2", "OpenSSL: EVP_Digest failed")])
def test_a_signature_that_cannot_be_checked_is_no_bad_one(start, upstream, failing, tmp_path, keys, function, said):
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [keys["ES256"].jwk]}))
    app = upstream()
    gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 1
    providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {tmp_path}/keys.json }} }}
    upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
    routes: [{{ path: /, auth: company, anonymous: allow, upstream: app }}]
    """, env=failing.env)
    failing.fail(function)
    token = mint(keys["ES256"])
    assert fault(gateway, get(gateway, "/", [bearer(token)])) == said
    assert app.received == b""
    failing.mend(function)
    assert get(gateway, "/", [bearer(token)]).status == 200


def test_an_upgrade_that_cannot_be_checked_is_not_the_upstreams_fault(start, script, failing):
    def switch(connection):
        read_head(connection)
        connection.sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 1
    upstreams: {{ app: {{ servers: ["{script(switch).server}"] }} }}
    routes: [{{ path: /, auth: none, upgrade: [websocket], upstream: app }}]
    """, env=failing.env)
    failing.fail("EVP_Digest")
    with Client(gateway) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        assert fault(gateway, client.response()) == "OpenSSL: EVP_Digest failed"


def test_an_assertion_that_cannot_be_made_is_said(start, upstream, failing, tmp_path, keys):
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [keys["ES256"].jwk]}))
    app = upstream()
    gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 1
    providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {tmp_path}/keys.json }}
      local: {{ issuer: "https://gate.test", audiences: [app], signing: {{ state: {tmp_path}/state }} }}
    upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
    routes: [{{ name: app, path: /, auth: company, upstream: app, assertion: {{ audience: app, provider: local }} }}]
    """, env=failing.env)
    failing.fail("EVP_DigestSign")
    token = bearer(mint(keys["ES256"]))
    assert fault(gateway, get(gateway, "/", [token])) == (
        "no assertion could be made: OpenSSL: EVP_DigestSign failed")
    assert app.received == b""
    failing.mend("EVP_DigestSign")
    assert get(gateway, "/", [token]).status == 200


@pytest.mark.parametrize("function, said", [
    ("EVP_PKEY_verify_init", "OpenSSL: EVP_PKEY_verify_init failed"), ("EVP_Digest", "OpenSSL: EVP_Digest failed")])
def test_a_proof_that_cannot_be_checked_is_no_bad_one(start, upstream, failing, tmp_path, keys, function, said):
    holder = Holder(Key("ES256", None))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [keys["ES256"].jwk]}))
    gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 1
    providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {tmp_path}/keys.json, dpop: allowed }}
    upstreams: {{ app: {{ servers: ["{upstream().server}"] }} }}
    routes: [{{ host: {HOST}, path: /, auth: company, upstream: app }}]
    """, env=failing.env)
    token = holder.token(keys["ES256"])

    def ask():
        return get(gateway, "/", holder.fields(token, "/"), host=HOST)
    # From here on the token is remembered, and its proof alone is checked.
    assert ask().status == 200
    failing.fail(function)
    assert fault(gateway, ask()) == said
    failing.mend(function)
    assert ask().status == 200


@pytest.fixture
def sign_in(start, upstream, failing, tmp_path):
    return SignIn(lambda config: start(config, env=failing.env), upstream(), tmp_path)


def own_fault(made, answer):
    """Why a service of the gateway's own says that it failed, once it has said so of this request."""
    assert answer.status == 500, answer
    line = made.gateway.access_of(answer.request_id)
    assert (line["reason"], line["blame"]) == ("internal_error", "gateway"), line
    return made.gateway.wait_message("sign-in failed")["why"]


def test_a_refresh_token_that_cannot_be_looked_at_is_no_bad_one(sign_in, failing):
    token = sign_in.tokens()["refresh_token"]
    failing.fail("EVP_Digest")
    assert own_fault(sign_in, sign_in.refresh(token)) == "OpenSSL: EVP_Digest failed"
    # Nobody is told that they have logged out who have not.
    assert sign_in.post("/auth/logout", {"refresh_token": token}).status == 500
    failing.mend("EVP_Digest")
    assert sign_in.refresh(token).status == 200


def test_a_browser_whose_refresh_token_cannot_be_looked_at_stays_signed_in(sign_in, failing):
    browser = sign_in.browser()
    browser.sign_in()
    del browser.cookies["portcullis_access"]
    failing.fail("EVP_Digest")
    assert browser.go("/x").status == 503
    assert sign_in.gateway.wait_message("sign-in failed")["why"] == "OpenSSL: EVP_Digest failed"
    failing.mend("EVP_Digest")
    assert browser.go("/x").status == 200


@pytest.mark.parametrize("function, said", [
    ("RAND_bytes", "OpenSSL: RAND_bytes failed"),
    ("EVP_DigestSign", "a token could not be signed: OpenSSL: EVP_DigestSign failed")])
def test_a_sign_in_for_which_no_token_can_be_made_is_said(sign_in, failing, function, said):
    failing.fail(function)
    assert own_fault(sign_in, sign_in.login()) == said
    failing.mend(function)
    assert sign_in.login().status == 200


def test_a_login_page_that_cannot_be_made_is_said(sign_in, failing):
    failing.fail("RAND_bytes")
    assert own_fault(sign_in, sign_in.get("/auth/login")) == "OpenSSL: RAND_bytes failed"


def test_an_own_token_that_cannot_be_checked_is_no_bad_one(sign_in, failing):
    token = sign_in.tokens()["access_token"]
    failing.fail("EVP_PKEY_verify_init")
    answer = sign_in.get("/auth/me", [sign_in.bearer(token)])
    assert own_fault(sign_in, answer) == "OpenSSL: EVP_PKEY_verify_init failed"


def test_a_session_that_cannot_be_looked_for_goes_on(code_flow, failing):
    browser = code_flow.browser()
    browser.sign_in()
    failing.fail("EVP_Digest")
    assert browser.fetch("/a").status == 503
    assert own_fault(code_flow, browser.log_out()) == "OpenSSL: EVP_Digest failed"
    failing.mend("EVP_Digest")
    assert browser.fetch("/a").status == 200
