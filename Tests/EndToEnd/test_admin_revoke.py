"""POST /revoke and /config of the admin listener."""
import json
import time

import pytest
from support.code_flow import SESSION, CodeFlow
from support.gateway import run
from support.hostile_provider import provider_fixture
from support.sign_in import SignIn
from support.tokens import mint, payload
from support.wire import get


class Admin:
    def __init__(self, gateway):
        self.host, _, port = gateway.wait_message("serving")["admin"].rpartition(":")
        self.port = int(port)

    def revoke(self, *fields, **order):
        return self.ask("/revoke", *fields, method="POST", body=json.dumps(order).encode())

    def ask(self, path, *fields, **options):
        answer = get(self, path, fields, host="127.0.0.1", **options)
        return answer.status, json.loads(answer.body) if answer.body.startswith(b"{") else answer.body


@pytest.fixture(scope="module")
def made(start_once, upstream_once, tmp_path_factory):
    folder = tmp_path_factory.mktemp("revoke")
    made = SignIn(start_once, upstream_once(), folder, workers=4, top="admin: { address: 127.0.0.1:0 }", provider="",
                  routes="  - { path: /key, auth: none, headers: { set: { X-Api-Key: hunter2 } }, upstream: app }")
    made.admin = Admin(made.gateway)
    return made


def statuses(made, token):
    return {made.get("/x", [made.bearer(token)]).status for _ in range(16)}


def test_what_it_answers_every_loop_refuses(made):
    first, second, other = made.tokens()["access_token"], made.tokens()["access_token"], made.tokens("bob")["access_token"]
    assert statuses(made, first) | statuses(made, second) | statuses(made, other) == {200}
    # A page of somebody else's.
    assert made.admin.revoke(("Origin", "http://evil.test"), provider="local", sub="u-1")[0] == 403
    sid = payload(first)["sid"]
    assert made.admin.revoke(provider="local", sid=sid) == (200, {"result": "ended", "sign_ins": [sid]})
    assert statuses(made, first) == {401} and statuses(made, second) == {200}
    assert made.admin.revoke(provider="local", sid=sid)[0] == 404
    assert made.admin.revoke(provider="local", sub="u-1") == (
        200, {"result": "ended", "sign_ins": [payload(second)["sid"]]})
    assert statuses(made, second) == {401} and statuses(made, other) == {200}
    message = made.gateway.wait_message("sign-ins were ended at the admin listener")
    assert (message["provider"], message["sign_in"], message["client"]) == ("local", sid, "127.0.0.1")
    # It is on the disk.
    listed = run("sign-ins", "list", "--config", made.gateway.config_path, "--provider", "local").stdout
    assert sid not in listed and payload(other)["sid"] in listed


def test_one_token_is_refused_by_every_loop_and_stays_so(made):
    token, other = made.tokens("bob")["access_token"], made.tokens("bob")["access_token"]
    assert statuses(made, token) | statuses(made, other) == {200}
    said = {name: payload(token)[name] for name in ("jti", "exp")}
    assert made.admin.revoke(provider="local", **said) == (200, {"result": "revoked"})
    assert statuses(made, token) == {401} and statuses(made, other) == {200}
    assert made.admin.revoke(provider="local", **said)[0] == 200
    assert made.admin.revoke(provider="local", jti="abc", exp=1000)[0] == 404
    status, answer = made.admin.revoke(provider="local", jti="abc", exp=said["exp"] * 1000)
    assert status == 422 and "seconds since 1970" in answer["why"]
    message = made.gateway.wait_message("a token was revoked at the admin listener")
    assert message["provider"] == "local" and said["jti"] not in made.gateway.program_text
    made.gateway.stop()
    made.gateway = made.start(made.config)
    made.admin = Admin(made.gateway)
    assert statuses(made, token) == {401} and statuses(made, other) == {200}
    explained = run("explain", "--config", made.gateway.config_path, "--path", "/x", "--token", "-", stdin=token)
    assert explained.returncode == 1 and "token_revoked" in explained.stdout
    verified = verify(made, token)
    assert verified.returncode == 1 and 'refused: token_revoked: its "jti" was revoked at the gateway' in verified.stdout
    assert verify(made, other).returncode == 0


def verify(made, token):
    return run("token", "verify", "--config", made.gateway.config_path, "--provider", "local", "-", stdin=token)


def test_verify_says_that_a_sign_in_has_ended(made):
    first, second = made.tokens()["access_token"], made.tokens()["access_token"]
    good = verify(made, first)
    assert good.returncode == 0 and "passed   revocation  wanted no entry of it in " in good.stdout, good
    assert made.post("/auth/logout", None, [made.bearer(first)]).status == 204
    assert statuses(made, first) == {401}
    ended = verify(made, first)
    assert ended.returncode == 1, ended
    assert ended.stdout.startswith("refused: token_revoked: the sign-in or session that it came from has ended ("), ended
    assert "REFUSED  revocation  wanted no entry of it in " in ended.stdout and 'found its sid' in ended.stdout, ended
    assert verify(made, second).returncode == 0


def test_a_session_ends(start, upstream, provider, tmp_path):
    flow = CodeFlow(start, upstream(), provider, tmp_path / "flow", top="workers: 4\nadmin: { address: 127.0.0.1:0 }")
    admin, browser, other = Admin(flow.gateway), flow.browser(), flow.browser()
    browser.sign_in()
    other.sign_in()
    sid = run("sign-ins", "list", "--config", flow.gateway.config_path, "--provider", "company").stdout.split("\n")
    sid = next(line.split()[0] for line in sid[1:])

    def lives(browser):
        cookie = [("Cookie", f"{SESSION}={browser.cookies[SESSION]}")]
        return {flow.get("/a", cookie).status for _ in range(16)}
    assert lives(browser) | lives(other) == {200}
    assert admin.revoke(provider="company", sid=sid) == (200, {"result": "ended", "sign_ins": [sid]})
    assert sorted((lives(browser), lives(other)), key=str) == [{200}, {401}]
    status, answer = admin.revoke(provider="company", sub="alice")
    assert status == 200 and len(answer["sign_ins"]) == 1
    assert lives(browser) | lives(other) == {401}
    token = mint(provider.key, iss=provider.issuer, aud="orders", jti="j-1")
    arguments = ["token", "verify", "--config", flow.gateway.config_path, "--provider", "company", token]
    assert run(*arguments).returncode == 0
    assert admin.revoke(provider="company", jti="j-1", exp=payload(token)["exp"])[0] == 200
    ended = run(*arguments)
    assert ended.returncode == 1 and 'its "jti" was revoked at the gateway' in ended.stdout, ended


def test_what_nothing_would_keep_is_refused_with_what_to_do(made, start, upstream):
    verifying = start(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
providers: {{ far: {{ issuer: "https://far.test", audiences: [a], jwks_url: "http://127.0.0.1:9/" }} }}
upstreams: {{ app: {{ servers: ["{upstream().server}"] }} }}
routes: [{{ path: /**, auth: far, upstream: app }}]
""")
    status, answer = Admin(verifying).revoke(provider="far", jti="abc", exp=int(time.time()) + 60)
    assert status == 422 and 'write "jti VALUE" into a file that revocations.file names' in answer["why"]
    status, answer = made.admin.revoke(provider="nobody", sub="abc")
    assert status == 422 and 'there is no provider "nobody"; there are: local' == answer["why"]
    assert made.admin.ask("/revoke", method="POST", body=b"{")[0] == 400
    assert made.admin.ask("/revoke")[0] == 405
    # It is none of the clients' listeners.
    assert made.get("/revoke", method="POST", body=b"{}").status == 401


def test_the_configuration_is_shown_as_it_counts(made):
    status, answer = made.admin.ask("/config")
    assert status == 200 and answer["generation"] == 1 and answer["file"] == str(made.gateway.config_path)
    shown = answer["configuration"]
    assert shown["workers"] == "4" and shown["timeouts"]["idle"] == "75s"
    assert shown["providers"]["local"]["leeway"] == "0s" and shown["providers"]["local"]["sign_in"]["path"] == "/auth"
    assert {"X-Api-Key": "(hidden)"} in [route.get("headers", {}).get("set") for route in shown["routes"]]
    assert "hunter2" not in json.dumps(answer)
    said = run("check", "--effective", "--config", made.gateway.config_path)
    assert said.returncode == 0 and json.loads(said.stdout) == shown
