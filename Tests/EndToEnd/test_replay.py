"""Claims in the access log, and what another configuration would make of a log."""
import json
import re
import signal

import pytest

from support.gateway import ROOT, logfmt, run
from support.ports import wait_until
from support.sign_in import ISSUER as OWN_ISSUER, scene_fixture
from support.tokens import AUDIENCE, ISSUER, KeyServer, bearer, mint
from support.wire import Client, get

CONFIG = """
listeners: [{{ address: 127.0.0.1:0 }}]
workers: 1
log: {{ format: {format}, claims: {claims} }}
providers:
  company:
    issuer: "{issuer}"
    audiences: [{audience}]
    jwks_url: "{jwks}"
    claims: {{ roles: realm_access.roles }}
upstreams: {{ app: {{ servers: ["{server}"] }} }}
routes:
  - {{ name: admin, path: /admin/**, auth: company, require: {{ roles: [admin] }}, upstream: app }}
  - name: mine
    path: /users/{{id}}/**
    auth: company
    require: {{ owner: {{ path: id, claim: sub }}, claims: {{ tenant: acme }} }}
    upstream: app
  - {{ name: maybe, path: /maybe, auth: company, anonymous: allow, upstream: app }}
  - {{ name: open, path: /**, auth: none, upstream: app }}
"""


@pytest.fixture(scope="module")
def issuer(keys):
    server = KeyServer(keys["ES256"])
    yield server
    server.close()


def config(issuer, app, format="json", claims="rules"):
    return CONFIG.format(format=format, claims=claims, issuer=ISSUER, audience=AUDIENCE, jwks=issuer.url,
                         server=app.server)


def ask(gateway, path, token=None):
    """The status, and the access line."""
    answer = get(gateway, path, [bearer(token)] if token else [])
    line = gateway.wait_access(path=path)[-1] if "format: json" in gateway.config_path.read_text() else None
    return answer.status, line


def test_L_2_claims_that_rules_read_are_logged_once_verified(start, upstream, issuer, keys):
    app, key = upstream(), keys["ES256"]
    gateway = start(config(issuer, app))
    canary = "CANARY-5b1f"
    said = dict(realm_access={"roles": ["admin", "é\u2028"], "other": canary}, email=canary, jti=canary)
    assert ask(gateway, "/admin/a", mint(key, **said))[0] == 200
    line = gateway.access()[-1]
    assert line["claims"] == {"realm_access": {"roles": ["admin", "é\u2028"]}, "sub": "alice", "tenant": None}
    # Refused by a rule: known, and what it lacks can be seen.
    status, line = ask(gateway, "/users/bob/a", mint(key, tenant="other", email=canary))
    assert status == 403 and line["reason"] == "claim_mismatch"
    assert line["claims"] == {"realm_access": None, "sub": "alice", "tenant": "other"}
    # Not known.
    for path, token, expected in [
            ("/admin/b", mint(key, exp=1, tenant=canary), None), ("/admin/c", None, None),
            ("/open", mint(key, tenant=canary), None), ("/maybe", None, {})]:
        assert ask(gateway, path, token)[1].get("claims") == expected, path
    # Too large to be whole.
    status, line = ask(gateway, "/admin/d", mint(key, realm_access={"roles": ["admin", "x" * 2100]}))
    assert status == 200 and line["claims"] == "…"
    assert canary not in gateway.access_text

    # A reload takes the key.
    gateway.reload(config(issuer, app, claims="[department]"))
    assert not gateway.said("SIGUSR2")
    line = ask(gateway, "/admin/e", mint(key, department=["a", 1.5, True], realm_access={"roles": ["admin"]}))[1]
    assert line["claims"]["department"] == ["a", 1.5, True] and line["config"] == 2


def test_claims_in_logfmt(start, upstream, issuer, keys):
    gateway = start(config(issuer, upstream(), "logfmt"))
    ask(gateway, "/admin/a", mint(keys["ES256"], realm_access={"roles": ["a b", '"=']}))
    wait_until(lambda: gateway.access_text.endswith("\n"), "the line")
    claims = logfmt(gateway.access_text)["claims"]
    assert json.loads(claims) == {"realm_access": {"roles": ["a b", '"=']}, "sub": "alice", "tenant": None}


# Replay


def replay(log, candidate, *options):
    result = run("replay", "--log", log, "--config", candidate, "--json", *options)
    assert result.returncode in (0, 1), result
    report = json.loads(result.stdout)
    assert (report["otherwise"] > 0) == (result.returncode == 1)
    return report


@pytest.fixture(scope="module", params=["json", "logfmt"])
def logged(request, start_once, upstream_once, issuer, keys, tmp_path_factory):
    """A log of a gateway's own, and its configuration."""
    app, key = upstream_once(), keys["ES256"]
    gateway = start_once(config(issuer, app, request.param))
    admin = {"roles": ["admin"]}
    requests = [
        ("/admin/a", mint(key, realm_access=admin)), ("/admin/b", mint(key, realm_access={"roles": ["user"]})),
        ("/admin/c", mint(key, exp=1)), ("/admin/d", None), ("/users/alice/a", mint(key, tenant="acme")),
        ("/users/alice/b", mint(key, tenant="acme", sub="bob")), ("/maybe", None), ("/maybe", mint(key)),
        ("/open", None), ("/a/../b", None), ("/admin/e", "garbage")]
    for path, token in requests:
        get(gateway, path, [bearer(token)] if token else [])
    with Client(gateway) as client:
        client.send(b"GARBAGE\r\n\r\n")
        client.response()
    wait_until(lambda: gateway.access_text.count("\n") == 12, "twelve lines")
    gateway.signal(signal.SIGUSR1)
    path = tmp_path_factory.mktemp("log") / "access.log"
    path.write_text(gateway.access_text + gateway.program_text + "not ours\n")
    return path, gateway.config_path.read_text()


def test_the_same_configuration_decides_the_same(logged, tmp_path):
    log, text = logged
    (tmp_path / "same.conf").write_text(text)
    report = replay(log, tmp_path / "same.conf")
    assert (report["requests"], report["decided"], report["otherwise"]) == (12, 10, 0), report
    assert sorted((g["why"], g["reason"], g["requests"]) for g in report["undecided"]) == [
        ("refused_before", "path_dot_segment", 1), ("refused_before", "request_line_invalid", 1)]
    assert report["unreadable_lines"] == 1 and report["messages"] > 0
    result = run("replay", "--log", log, "--config", tmp_path / "same.conf")
    assert result.stdout.startswith("12 requests: 10 decided, 0 of them differently; 2 cannot be decided; 1 lines")


def test_what_another_configuration_decides_otherwise(logged, tmp_path):
    log, text = logged
    candidate = (text.replace("roles: [admin]", "roles: [user]").replace("tenant: acme", "tenant: [acme, x]")
                 .replace("{ name: maybe, path: /maybe, auth: company, anonymous: allow,",
                          "{ name: maybe, path: /maybe, auth: company, require: { scopes: [s] },")
                 .replace("{ name: open, path: /**, auth: none,", "{ name: closed, path: /**, auth: company,")
                 .replace("owner: { path: id, claim: sub }, ", ""))
    (tmp_path / "candidate.conf").write_text(candidate)
    report = replay(log, tmp_path / "candidate.conf")

    def side(of):
        return of["reason"] or of["verdict"]
    assert sorted((side(f["was"]), side(f["becomes"]), f["was"]["route"], f["subject"] or "", f["requests"])
                  for f in report["flips"]) == [
        ("allowed", "credential_missing", "maybe", "", 1), ("allowed", "role_missing", "admin", "alice", 1),
        ("owner_mismatch", "allowed", "mine", "bob", 1), ("role_missing", "allowed", "admin", "alice", 1)]
    undecided = {g["why"]: g["requests"] for g in report["undecided"] if g["why"] != "refused_before"}
    # /maybe with a token: the scopes that the candidate asks for were not logged. /open: nobody was asked.
    assert undecided == {"claim_not_logged": 1, "nobody_asked": 1}
    # The same by standard input, for people.
    result = run("replay", "--log", "-", "--config", tmp_path / "candidate.conf", stdin=log.read_text())
    assert result.returncode == 1 and "403 role_missing" in result.stdout and "nobody was asked" in result.stdout
    example = next(f["example"] for f in report["flips"] if f["subject"] == "bob")
    assert example in result.stdout


@pytest.mark.parametrize("length, undecided", [(2048, 0), (2049, 8), (3000, 8)])
def test_a_subject_that_the_log_has_cut_is_not_decided_by(start, upstream, issuer, keys, tmp_path, length, undecided):
    text = config(issuer, upstream()).replace(
        "require: { roles: [admin] }", "try: { require: { roles: [admin] }, enforce: 50%, budget: 100% }")
    # With a rule that reads it, the claims would be too large to be logged.
    gateway = start(text.replace("owner: { path: id, claim: sub }, ", ""))
    statuses = [ask(gateway, f"/admin/{n}", mint(keys["ES256"], sub=f"{n}".ljust(length, "q")))[0] for n in range(8)]
    assert set(statuses) == {200, 403} and ask(gateway, "/open")[0] == 200
    (tmp_path / "log").write_text(gateway.access_text)
    report = replay(tmp_path / "log", gateway.config_path)
    assert report["otherwise"] == 0
    assert [(each["why"], each["requests"]) for each in report["undecided"]] == (
        [("line_cut", undecided)] if undecided else [])


def test_an_address_that_is_null_decides_as_one_that_is_absent(start, upstream, issuer, keys, tmp_path):
    """They are the same in the log."""
    text = config(issuer, upstream()).replace("require: { roles: [admin] }", 'require: { not: { claims: { email: a@b.example } } }')
    gateway = start(text)
    for claims in ({}, {"email": None}, {"email": None, "email_verified": False}):
        assert ask(gateway, "/admin/a", mint(keys["ES256"], **claims))[0] == 200
    lines = gateway.wait_access(3, path="/admin/a")
    assert {line["claims"]["email"] for line in lines} == {None}
    (tmp_path / "log").write_text(gateway.access_text)
    assert replay(tmp_path / "log", gateway.config_path)["otherwise"] == 0


def test_other_routes_and_upstreams(logged, tmp_path):
    log, text = logged
    candidate = text.replace("upstreams: {", "upstreams: { echo: { builtin: echo },").replace(
        "{ name: open, path: /**, auth: none, upstream: app }",
        "{ name: open, path: /**, auth: none, upstream: echo }")
    (tmp_path / "candidate.conf").write_text(candidate)
    (flip,) = replay(log, tmp_path / "candidate.conf")["flips"]
    assert (flip["was"]["upstream"], flip["becomes"]["upstream"], flip["requests"]) == ("app", "echo", 1)


@pytest.mark.parametrize("arguments, status", [
    (["--log", "missing.log", "--config", "{good}"], 66), (["--log", "{good}", "--config", "missing.conf"], 66),
    (["--config", "{good}"], 64), (["--log", "{good}", "--config", "{good}", "--limit", "0"], 64)])
def test_exit_statuses(logged, tmp_path, arguments, status):
    good = tmp_path / "good.conf"
    good.write_text(logged[1])
    result = run("replay", *[a.format(good=good) for a in arguments], cwd=tmp_path)
    assert result.returncode == status, result


def test_paths_of_the_gateways_own_are_decided_by_no_route(scene, tmp_path):
    top = ("forward_auth: { path: /verify, peers: [127.0.0.1] }\n"
           'protected_resources: [{ resource: "http://127.0.0.1:8080/api", providers: [local] }]')
    signed_in = scene(top=top)
    gateway, token = signed_in.gateway, signed_in.tokens()["access_token"]
    statuses = {}
    for path, fields in [
            ("/auth/me", [bearer(token)]), ("/auth/me", []), ("/auth/me", [bearer("x")]),
            ("/auth/me", [bearer(token[:-4] + "AAAA")]), ("/auth/nothing", []), ("/auth/login", []),
            ("/.well-known/jwks.json", []), ("/.well-known/openid-configuration", []),
            ("/.well-known/oauth-protected-resource/api", []), ("/verify", []),
            # A proxy asks; also about a path that is the gateway's own.
            *(("/verify", [("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", "127.0.0.1"), ("X-Forwarded-Uri", uri),
                           *([bearer(token)] if known else [])])
              for uri in ("/a", "/auth/me", "/verify") for known in (True, False)),
            ("/a", [bearer(token)]), ("/a", [])]:
        statuses.setdefault(path, []).append(signed_in.get(path, fields).status)
    assert statuses["/auth/me"] == [200, 401, 401, 401] and statuses["/auth/nothing"] == [404]
    assert statuses["/verify"] == [400, 200, 401, 200, 401, 200, 401], statuses
    wait_until(lambda: gateway.access_text.count("\n") == 19, "nineteen lines")
    log, same, other = (tmp_path / name for name in ("access.log", "same.conf", "other.conf"))
    log.write_text(gateway.access_text)
    same.write_text(signed_in.config)
    report = replay(log, same)
    assert (report["requests"], report["otherwise"]) == (19, 0), report
    undecided = {g["why"]: g["requests"] for g in report["undecided"]}
    assert undecided["answered_by_gateway"] == 8 and "nobody_asked" not in undecided, report
    # Where nothing is the gateway's own, the route for all paths would take them; whom it would let in is not known.
    other.write_text(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
providers:
  local: {{ issuer: "{OWN_ISSUER}", audiences: [example], jwks_url: "{OWN_ISSUER}/jwks" }}
upstreams: {{ app: {{ servers: ["{signed_in.app.server}"] }} }}
routes: [{{ path: "/**", auth: local, upstream: app }}]
""")
    flips = replay(log, other)["flips"]
    assert {(f["was"]["reason"], f["was"]["route"]) for f in flips} <= {("no_route", None)}, flips


# What is not guessed


LINE = dict(time="2026-01-31T08:49:37.000123Z", request_id="a", client="192.0.2.1", method="GET", host="a", status=401,
            total_us=1, bytes_in=1, bytes_out=1, config=1)
ROUTES = """
listeners: [{ address: 127.0.0.1:0 }]
providers:
  company: { issuer: https://company.example, audiences: [a], jwks_url: https://company.example/jwks }
  other:
    { issuer: https://other.example, audiences: [a], jwks_url: https://other.example/jwks, token_from: ["cookie:o"] }
  third: { issuer: https://third.example, audiences: [a], jwks_url: https://third.example/jwks }
upstreams: { app: { builtin: echo } }
routes:
  - { name: cookie, path: /cookie, auth: [company, other], upstream: app }
  - { name: maybe, path: /maybe, auth: other, anonymous: allow, upstream: app }
  - { name: third, path: /third, auth: third, upstream: app }
  - { name: open, path: /**, auth: none, upstream: app }
"""


@pytest.fixture(scope="module")
def decide(tmp_path_factory):
    """What is made of one line: the gap, or the verdict; None where it is the same."""
    folder = tmp_path_factory.mktemp("lines")
    (folder / "c.conf").write_text(ROUTES)

    def decide(**fields):
        (folder / "log").write_text(json.dumps({**LINE, **fields}, separators=(",", ":")) + "\n")
        result = run("replay", "--log", folder / "log", "--config", folder / "c.conf", "--json")
        report = json.loads(result.stdout)
        if report["unreadable_lines"]:
            assert result.returncode == 2
            return "unreadable"
        if report["undecided"]:
            assert result.returncode == 2, result
            return report["undecided"][0]["why"]
        assert result.returncode == len(report["flips"])
        return next((f["becomes"]["reason"] or f["becomes"]["verdict"] for f in report["flips"]), None)
    return decide


def test_what_the_log_does_not_say(decide):
    # A token may have stood in a cookie that nobody had looked at.
    assert decide(path="/cookie", route="cookie", reason="credential_missing") == "credential_elsewhere"
    assert decide(path="/third", route="third", reason="credential_missing") is None
    known = dict(status=200, upstream="app", provider="company", subject="alice", claims={})
    # A token of another provider is refused where it is found, and not looked for where it is not.
    assert decide(path="/maybe", route="maybe", **known) == "provider_unknown"
    assert decide(path="/third", route="third", **known) == "issuer_unknown"
    # Two Authorization lines are refused on every route.
    assert decide(path="/a", route="open", reason="credential_repeated", status=400) == "refused_before"
    assert decide(path="/a", route="third", reason="token_expired") == "allowed"
    # Neither a time nor a log of ours.
    assert decide(path="/a", route="open", status=200, time="2026-01-31T08:49:37.000Z") == "unreadable"


REASONS = sorted(set(re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs/reasons.md").read_text(), re.M)))


def test_no_refusal_on_an_open_route_is_let_through_but_of_a_token(decide):
    assert len(REASONS) > 80
    let_through = {reason for reason in REASONS[::7] + ["rate_limited", "client_refused", "body_too_large"]
                   if decide(path="/a", route="open", reason=reason) == "allowed"}
    assert not let_through & {"rate_limited", "client_refused", "body_too_large", "credential_repeated"}
