"""POST /revoke and /config of the admin listener."""
import json
import time

import pytest
from support.code_flow import SESSION, CodeFlow
from support.gateway import run
from support.hostile_provider import provider_fixture
from support.ports import wait_until
from support.sign_in import SignIn, until_status
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
    refused = made.get("/x", [made.bearer(token)]).request_id
    assert made.gateway.access_of(refused)["revoked_by"] == "ended_token"
    story = made.admin.ask(f"/requests/{refused}")[1]
    assert story["meaning"] == "`POST /revoke` named the token's `jti`." and story["advice"].startswith("Get another token")
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


def revoke(made, *who, provider="local"):
    said = run("sign-ins", "revoke", "--config", made.gateway.config_path, "--provider", provider, *who)
    assert said.returncode == 0, said
    return said.stdout.split()


def test_the_log_says_whose_sign_ins_the_command_has_ended(start, upstream, tmp_path):
    made, text = SignIn(start, upstream(), tmp_path), "sign-ins were ended by the command sign-ins revoke"

    def said():
        fields = ("provider", "subject", "sign_in", "sign_ins")
        return [{name: each[name] for name in fields if name in each} for each in made.gateway.said(text)]
    tokens = [made.tokens(name) for name in ("alice", "alice", "bob", "bob", "bob")]
    sids = [payload(each["access_token"])["sid"] for each in tokens]
    assert sorted(revoke(made, "--user", "alice")) == sorted(sids[:2])
    assert revoke(made, "--id", sids[2]) == [sids[2]]
    assert sorted(revoke(made, "--all")) == sorted(sids[3:])
    expected = [{"provider": "local", "subject": "u-1", "sign_ins": "2"},
                {"provider": "local", "sign_in": sids[2], "sign_ins": "1"}, {"provider": "local", "sign_ins": "2"}]
    wait_until(lambda: len(said()) >= 3, "the messages")
    assert said() == expected
    # Nothing was ended, and nothing is said; nor is what was said, by another process.
    assert run("sign-ins", "revoke", "--config", made.gateway.config_path, "--provider", "local", "--all").returncode == 1
    made.gateway.stop()
    made.gateway = made.start(made.config)
    token = made.tokens()["access_token"]
    assert revoke(made, "--user", "alice") == [payload(token)["sid"]]
    wait_until(said, "the message")
    assert said() == [{"provider": "local", "subject": "u-1", "sign_ins": "1"}]
    secret = tokens[0]["refresh_token"]
    assert secret not in made.gateway.program_text


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
    other.sign_in()
    assert len(revoke(flow, "--user", "alice", provider="company")) == 1
    said = flow.gateway.wait_message("sign-ins were ended by the command sign-ins revoke")
    assert (said["provider"], said["subject"], said["sign_ins"]) == ("company", "alice", "1")


def shared_secret(folder):
    file = folder / "shared.secret"
    file.write_text("s" * 64)
    file.chmod(0o600)
    return f"{folder}/state, algorithm: HS256, secret_file: {file}"


def forsaken(gateway):
    return [m["message"] for m in gateway.messages() if "no provider has the database" in m["message"]]


@pytest.mark.parametrize("way", ["renamed", "without sign_in"])
def test_T_16_C_9_what_has_ended_stays_so_over_a_reload(start, upstream, tmp_path, way):
    made = SignIn(start, upstream(), tmp_path, workers=2, top="admin: { address: 127.0.0.1:0 }",
                  state=shared_secret(tmp_path))
    admin = Admin(made.gateway)
    out, revoked, live = (made.tokens(name)["access_token"] for name in ("alice", "bob", "bob"))
    assert statuses(made, out) | statuses(made, revoked) | statuses(made, live) == {200}
    assert made.post("/auth/logout", None, [made.bearer(out)]).status == 204
    said = {name: payload(revoked)[name] for name in ("jti", "exp")}
    assert admin.revoke(provider="local", **said)[0] == 200
    if way == "renamed":
        other = made.config.replace("  local:", "  main:").replace("auth: local", "auth: main")
    else:
        other = "\n".join(line for line in made.config.split("\n") if "sign_in:" not in line)
    assert other != made.config
    for config in (other, made.config, other):
        made.gateway.reload(config)
        reached = len(made.app.requests)
        assert statuses(made, out) | statuses(made, revoked) == {401}
        assert len(made.app.requests) == reached
        assert statuses(made, live) == {200}
    checked = run("check", "--config", made.gateway.config_path)
    assert checked.returncode == 0, checked
    if way == "renamed":
        said = forsaken(made.gateway)
        assert [f"{tmp_path}/state/{name}.sign-ins.db" in each for name, each in zip(["local", "main", "local"], said)] == [True] * 3
        assert f"{tmp_path}/state/local.sign-ins.db" in checked.stderr and checked.stderr.count("(a warning)") == 1
        # What ends under the new name is over under the old one too.
        assert admin.revoke(provider="main", **{name: payload(live)[name] for name in ("jti", "exp")})[0] == 200
        made.gateway.reload(made.config)
        assert statuses(made, live) == {401}
        return
    # Its folder is still configured: so is what it knows, and what others end in it.
    assert not forsaken(made.gateway) and checked.stderr == ""
    verified = run("token", "verify", "--config", made.gateway.config_path, "--provider", "local", "-", stdin=revoked)
    assert verified.returncode == 1 and 'its "jti" was revoked at the gateway' in verified.stdout, verified
    made.gateway.stop()
    made.gateway = start(other)
    assert statuses(made, out) | statuses(made, revoked) == {401} and statuses(made, live) == {200}
    ended = run("sign-ins", "revoke", "--config", made.gateway.config_path, "--provider", "local", "--user", "u-2")
    assert ended.returncode == 0, ended
    until_status(lambda: made.get("/x", [made.bearer(live)]), 401)


def test_T_16_a_revoked_token_stays_so_when_its_provider_loses_code_flow(start, upstream, provider, tmp_path):
    flow = CodeFlow(start, upstream(), provider, tmp_path / "flow", top="admin: { address: 127.0.0.1:0 }")
    admin = Admin(flow.gateway)
    tokens = {id: mint(provider.key, iss=provider.issuer, aud="orders", jti=id) for id in ("j-1", "j-2")}

    def status(id):
        return flow.get("/a", [("Authorization", f"Bearer {tokens[id]}")]).status
    until_status(lambda: flow.get("/a", [("Authorization", f"Bearer {tokens['j-1']}")]), 200)
    assert admin.revoke(provider="company", jti="j-1", exp=payload(tokens["j-1"])["exp"])[0] == 200
    assert (status("j-1"), status("j-2")) == (401, 200)
    without = "\n".join(line for line in flow.config.split("\n") if "code_flow:" not in line)
    flow.gateway.reload(without.replace("  company:", "  firm:").replace("auth: company", "auth: firm"))
    until_status(lambda: flow.get("/a", [("Authorization", f"Bearer {tokens['j-2']}")]), 200)
    reached = len(flow.app.requests)
    assert status("j-1") == 401 and len(flow.app.requests) == reached
    # Nothing would know it after a restart.
    assert len(forsaken(flow.gateway)) == 1 and f"{flow.state}/company.sessions.db" in forsaken(flow.gateway)[0]
    # Where nobody's tokens of that issuer are accepted, nothing is lost.
    flow.gateway.reload(flow.config)
    flow.gateway.reload(without.replace(f"issuer: {provider.issuer}", f'issuer: "https://other.example"\n    jwks_url: "{provider.issuer}/jwks"'))
    assert len(forsaken(flow.gateway)) == 1


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
