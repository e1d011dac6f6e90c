"""Checks that a provider tries on tokens that it takes: decided, said and counted, and enforced for nobody or a share."""
import json
import time

import pytest

from support.code_flow import SESSION, CodeFlow
from support.gateway import run
from support.hostile_provider import provider_fixture
from support.sign_in import NAVIGATION, SignIn, person, until_status, users
from support.tokens import AUDIENCE, ISSUER, Key, KeyServer, bearer, mint
from support.wire import get
from test_enforcement import asked, metrics

CONFIG = """
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
workers: 1
log: {{ format: json }}
providers:
  company:
    issuer: "{issuer}"
    audiences: [{audience}, old]
    jwks_url: "{jwks}"
    try: {{ audiences: [{audience}], max_age: 1h, require: {{ typ: at+jwt, claims: [jti] }} }}
upstreams: {{ app: {{ servers: ["{server}"] }} }}
routes:
  - {{ name: plain, path: /plain/**, auth: company, upstream: app }}
  - name: both
    path: /both/**
    auth: company
    require: {{ scopes: [read] }}
    try: {{ require: {{ roles: [admin] }} }}
    upstream: app
  - name: share
    path: /share/**
    auth: company
    try: {{ require: {{ roles: [admin] }}, enforce: 99%, budget: 100% }}
    upstream: app
  - {{ name: open, path: /open/**, auth: none, upstream: app }}
tests:
  - {{ request: GET /plain/a, as: {{ claims: {{ aud: old }} }}, expect: allowed, shadow: audience_mismatch }}
"""


@pytest.fixture
def scene(start, upstream, keys):
    issuer, app = KeyServer(keys["ES256"]), upstream()
    gateway = start(CONFIG.format(issuer=ISSUER, audience=AUDIENCE, jwks=issuer.url, server=app.server))

    def ask(path, token=None):
        """The status, the access line, and the heads that the upstream got."""
        answer = get(gateway, path, [bearer(token)] if token else [])
        line = gateway.wait_access(path=path)[-1]
        return answer.status, line, [r for r in app.requests if f" {path} " in r.start_line]
    yield gateway, ask
    issuer.close()


def good(key, headers=None, **changes):
    """A token that has all that is tried, changed."""
    return mint(key, {"typ": "at+jwt", **(headers or {})}, **{"jti": "1", **changes})


def test_what_is_tried_is_said_and_counted_and_refuses_nobody(scene, keys):
    gateway, ask = scene
    key = keys["ES256"]
    cases = {
        "audience": (good(key, aud="old"), "audience_mismatch"),
        "age": (good(key, iat=int(time.time()) - 7200), "token_too_old"),
        "typ": (good(key, {"typ": "JWT"}), "token_type_refused"),
        "claim": (good(key, jti=None), "claim_missing"),
    }
    for name, (token, reason) in cases.items():
        # The second one comes from the cache.
        for turn in range(2):
            status, line, seen = ask(f"/plain/{name}-{turn}", token)
            assert (status, line["shadow"], len(seen)) == (200, reason, 1), name
            assert "reason" not in line and "tried" not in line
            assert seen[0].field("x-forwarded-user") == "alice"
    status, line, seen = ask("/plain/good", good(key))
    assert (status, len(seen)) == (200, 1) and "shadow" not in line
    assert "shadow" not in ask("/open/a", good(key, aud="old"))[1]
    found = metrics(gateway)
    for _, reason in cases.values():
        assert found[f'portcullis_shadow_refusals_total{{route="plain",reason="{reason}"}}'] == "2"
    assert not [name for name in found if name.startswith("portcullis_refusals_total")]
    tried = {route["route"]: route for route in json.loads(asked(gateway, "/status"))["tried"]}
    assert tried["plain"] == {
        "route": "plain", "enforced_percent": 0, "stopped": False, "refusals": 0, "shadow_refusals": 8}
    assert set(tried) == {"plain", "both", "share"}
    assert "<td>plain</td><td>0%</td><td>0</td><td>8</td>" in asked(gateway, "/status", ("Accept", "text/html"))


def test_it_comes_before_what_the_route_tries_and_hides_no_refusal(scene, keys):
    _, ask = scene
    key = keys["ES256"]
    assert ask("/both/a", good(key, aud="old", scope="read"))[1]["shadow"] == "audience_mismatch"
    assert ask("/both/b", good(key, scope="read"))[1]["shadow"] == "role_missing"
    status, line, seen = ask("/both/c", good(key, aud="old"))
    assert (status, line["reason"], seen) == (403, "scope_missing", []) and "shadow" not in line
    # A share that is enforced refuses as it did.
    answers = [ask(f"/share/{number}", good(key, aud="old", sub=f"user-{number}")) for number in range(20)]
    assert any((status, line.get("tried"), seen) == (403, "role_missing", []) for status, line, seen in answers)
    for status, line, _ in answers:
        assert status == 403 or line["shadow"] == "audience_mismatch"


def test_T_15_a_bad_token_is_refused_whatever_the_provider_tries(scene, keys):
    _, ask = scene
    key = keys["ES256"]
    for name, token in {"expired": good(key, exp=1), "audience": good(key, aud="x"), "garbage": "a.b.c",
                        "signature": good(Key("ES256", key.kid)), "none": None}.items():
        status, line, seen = ask(f"/plain/{name}", token)
        assert (status, seen) == (401, []) and "shadow" not in line, name


def test_a_reload_tries_something_else_on_tokens_that_are_known(scene, keys):
    gateway, ask = scene
    token = good(keys["ES256"], aud="old")
    assert ask("/plain/a", token)[1]["shadow"] == "audience_mismatch"
    text = gateway.config_path.read_text()
    gateway.reload(text.replace(f"audiences: [{AUDIENCE}], max_age: 1h, ", "")
                   .replace("audience_mismatch", "claim_missing"))
    status, line, _ = ask("/plain/b", token)
    assert status == 200 and "shadow" not in line
    # Once it is written into the provider, it is enforced.
    gateway.reload(text.replace("try: { audiences", "max_age: 2h\n    try: { audiences")
                   .replace(f"audiences: [{AUDIENCE}, old]", f"audiences: [{AUDIENCE}]"))
    status, line, seen = ask("/plain/c", token)
    assert (status, line["reason"], seen) == (401, "audience_mismatch", [])


def test_commands_know_what_a_provider_tries(scene, keys):
    gateway, _ = scene
    path = gateway.config_path
    assert run("check", "--config", path).returncode == 0
    for more in (["--as", "claim=aud=old"], ["--token", "-"]):
        token = good(keys["ES256"], aud="old")
        found = run("explain", "--config", path, "--path", "/plain/a", *more, stdin=token)
        assert found.returncode == 0, found.stderr
        assert "shadow     401 audience_mismatch, which is not enforced" in found.stdout
        assert "tries\n  LACKS  a token as company tries to ask for; found audience_mismatch\n" in found.stdout
    found = run("explain", "--config", path, "--path", "/plain/a", "--token", "-", stdin=good(keys["ES256"]))
    assert "holds  a token as company tries to ask for" in found.stdout and "shadow" not in found.stdout


# For a share of the senders.


SHARE = """
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
workers: 2
log: {{ format: json }}
providers:
  company:
    issuer: "{issuer}"
    audiences: [{audience}, old]
    jwks_url: "{jwks}"
    try: {{ audiences: [{audience}], {share} }}
  other: {{ issuer: "https://other.example", audiences: [{audience}, old], jwks_url: "{jwks}" }}
upstreams: {{ app: {{ servers: ["{server}"] }} }}
routes:
  - {{ name: plain, path: /plain/**, auth: [company, other], upstream: app }}
  - {{ name: both, path: /both/**, auth: company, require: {{ scopes: [read] }}, upstream: app }}
tests:
  - {{ request: GET /plain/a, as: {{ claims: {{ aud: old }} }}, expect: allowed, shadow: audience_mismatch }}
"""


@pytest.fixture
def share(start, upstream, keys):
    issuer, app = KeyServer(keys["ES256"]), upstream()

    def make(keys_of_try):
        gateway = start(SHARE.format(
            issuer=ISSUER, audience=AUDIENCE, jwks=issuer.url, server=app.server, share=keys_of_try))

        def ask(path, **claims):
            answer = get(gateway, path, [bearer(mint(keys["ES256"], **claims))])
            return answer, gateway.wait_access(path=path)[-1], [r for r in app.requests if f" {path} " in r.start_line]
        return gateway, ask
    yield make
    issuer.close()


def test_T_18_a_share_of_the_senders_is_refused_as_any_bad_token(share):
    gateway, ask = share("enforce: 50%, budget: 100%")
    statuses = []
    for turn in range(2):
        statuses.append({})
        for name in (f"user-{number}" for number in range(24)):
            answer, line, seen = ask(f"/plain/{turn}-{name}", sub=name, aud="old")
            statuses[-1][name] = answer.status
            if answer.status == 200:
                assert (line["shadow"], len(seen)) == ("audience_mismatch", 1) and "tried" not in line
            else:
                assert (answer.status, line["reason"], line["tried"], seen) == (
                    401, "audience_mismatch", "audience_mismatch", [])
                refused = answer
    # The same ones each time.
    assert statuses[0] == statuses[1] and set(statuses[0].values()) == {200, 401}
    bad, _, _ = ask("/plain/expired", exp=1)
    assert bad.status == 401
    for field in ("www-authenticate", "content-type", "cache-control"):
        assert bad.field(field) == refused.field(field)
    assert bad.body.replace(bad.request_id.encode(), b"") == refused.body.replace(refused.request_id.encode(), b"")
    # A good token is of no share, nor is another provider's; what is required comes first.
    for number in range(12):
        assert ask(f"/plain/good-{number}", sub=f"user-{number}")[0].status == 200
        assert ask(f"/plain/other-{number}", sub=f"user-{number}", aud="old", iss="https://other.example")[0].status == 200
        answer, line, seen = ask(f"/both/{number}", sub=f"user-{number}", aud="old")
        assert (answer.status, line["reason"], seen) == (403, "scope_missing", []) and "tried" not in line
    count = str(2 * list(statuses[0].values()).count(401))
    found = metrics(gateway)
    counted = 'portcullis_tried_refusals_total{route="plain",provider="company",reason="audience_mismatch"}'
    assert [found[name] for name in found if name.startswith("portcullis_tried_refusals_total")] == [found[counted]]
    assert found[counted] == count
    # Who enforces it has refused them, not the route, which tries nothing.
    status = json.loads(asked(gateway, "/status"))
    assert status["tried_providers"] == [
        {"provider": "company", "enforced_percent": 50, "stopped": False, "refusals": int(count)}]
    assert {(route["route"], route["enforced_percent"], route["refusals"]) for route in status["tried"]} == {
        ("plain", 0, 0), ("both", 0, 0)}
    assert f"<td>company</td><td>50%</td><td>{count}</td>" in asked(gateway, "/status", ("Accept", "text/html"))
    why = run("why", refused.request_id, "--admin", gateway.wait_message("serving")["admin"]).stdout
    assert "`try`" in why and "LACKS  a token as company tries to ask for; found audience_mismatch (tried)\n" in why


def test_a_budget_stops_the_share_of_a_provider_until_it_tries_something_else(share):
    gateway, ask = share("enforce: 99%")
    stopped = 'portcullis_enforcement_stopped{provider="company"}'

    def statuses(begin, count, **claims):
        return [ask(f"/plain/{number}", sub=f"user-{number}", aud="old", **claims)[0].status
                for number in range(begin, begin + count)]

    assert metrics(gateway)[stopped] == "0"
    # Bad tokens spend nothing.
    assert {ask(f"/plain/bad-{number}", sub=f"bad-{number}", aud="x")[0].status for number in range(12)} == {401}
    found = statuses(0, 30)
    assert found.count(401) == 10 and set(found[-5:]) == {200}, found
    message = gateway.wait_message("what a provider tries is no longer enforced")
    assert (message["provider"], message["refused"], message["level"]) == ("company", "10", "error")
    assert metrics(gateway)[stopped] == "1"
    assert json.loads(asked(gateway, "/status"))["tried_providers"] == [
        {"provider": "company", "enforced_percent": 99, "stopped": True, "refusals": 10}]
    page = asked(gateway, "/status", ("Accept", "text/html"))
    assert "<td>company</td><td>nobody: it refused more than its budget</td>" in page
    # A reload that leaves it as it is keeps it so.
    text = gateway.config_path.read_text()
    gateway.reload(text.replace("name: plain", "name: other"))
    assert set(statuses(0, 12)) == {200} and metrics(gateway)[stopped] == "1"
    gateway.reload(text.replace("enforce: 99%", "enforce: 98%"))
    assert metrics(gateway)[stopped] == "0" and 401 in statuses(0, 12)


# Browsers.


@pytest.mark.parametrize("share", [1, 99])
def test_C_13_a_session_that_lacks_what_is_tried_is_not_sent_round(start, upstream, provider, tmp_path, share):
    made = CodeFlow(
        start, upstream(), provider, tmp_path / "one",
        provider_keys=f"try: {{ require: {{ claims: [department] }}, enforce: {share}%, budget: 100% }}")
    statuses = set()
    for number in range(8):
        provider.user["sub"] = f"user-{number}"
        browser = made.browser()
        browser.sign_in()
        began = len(provider.of("authorize"))
        for path, send in ((f"/page-{number}", browser.go), (f"/call-{number}", browser.fetch)):
            answer, line = send(path), made.gateway.wait_access(path=path)[-1]
            seen = [request for request in made.app.requests if request.target == path]
            assert answer.field("location") is None and SESSION in browser.cookies
            if answer.status == 200:
                assert (line["shadow"], len(seen)) == ("claim_missing", 1) and "tried" not in line
            else:
                assert (answer.status, line["reason"], line["tried"], seen) == (
                    401, "claim_missing", "claim_missing", [])
                assert answer.field("www-authenticate") == 'Bearer error="invalid_token"'
            statuses.add(answer.status)
        assert len(provider.of("authorize")) == began
    assert (401 if share == 99 else 200) in statuses
    # Who has no session is sent to sign in as ever; who has what is tried stays.
    assert made.get("/a", NAVIGATION).field("location") == "/oauth/login?return_to=/a"
    provider.user["department"] = "sales"
    browser = made.browser()
    browser.sign_in()
    assert browser.go("/a").status == 200


def signed_in(start, upstream, tmp_path, tried):
    return SignIn(
        start, upstream(), tmp_path, provider=f"try: {{ {tried}, enforce: 99%, budget: 100% }}",
        routes="  - { path: /limited, auth: local, rate_limit: { by: subject, rate: 1/h }, upstream: app }")


def test_a_token_that_is_too_old_for_the_share_is_renewed_as_one_that_is_too_old(start, upstream, tmp_path):
    made = signed_in(start, upstream, tmp_path, "max_age: 1s")
    browser = made.browser()
    browser.sign_in()
    for path, send in (("/page", browser.go), ("/call", browser.fetch), ("/limited", browser.go)):
        old = browser.access
        until_status(lambda: made.get("/x", [made.bearer(old)]), 401)
        made.app.forget()
        answer = send(path)
        assert (answer.status, answer.field("cache-control")) == (200, "no-store"), (path, answer)
        assert browser.access not in (None, old)
        assert [(r.target, r.field("x-forwarded-user")) for r in made.app.wait_requests()] == [(path, "u-1")]
        line = made.gateway.wait_access(path=path)[-1]
        assert not {"reason", "shadow", "tried"} & set(line)
    # With nothing to renew it with, it is as any bad token.
    old = browser.access
    until_status(lambda: made.get("/x", [made.bearer(old)]), 401)
    del browser.cookies["portcullis_refresh"]
    made.app.forget()
    assert browser.fetch("/call").status == 401
    assert browser.go("/page").field("location") == "/auth/login?return_to=/page"
    assert made.app.received == b""


def test_C_13_who_signs_in_here_and_lacks_what_is_tried_is_not_asked_again_and_again(start, upstream, tmp_path):
    made = signed_in(start, upstream, tmp_path, "require: { claims: [department] }")
    browser = made.browser()
    browser.sign_in()
    for _ in range(2):
        answer = browser.go("/page")
        assert (answer.status, answer.field("location"), len(answer.all("set-cookie"))) == (401, None, 2)
        line = made.gateway.access_of(answer.request_id)
        assert (line["reason"], line["tried"]) == ("claim_missing", "claim_missing")
    # Nor where nothing can be renewed: the password would bring the same token.
    kept = browser.cookies.pop("portcullis_refresh")
    answer = browser.go("/page")
    assert (answer.status, answer.field("location")) == (401, None)
    browser.cookies["portcullis_refresh"] = kept
    assert made.app.received == b""
    # Once their tokens have it, they need not sign in anew.
    made.write_users(users(person("u-1", "alice", claims={"department": "sales"})))
    until_status(lambda: browser.go("/page"), 200)
    assert made.app.wait_requests()[-1].field("x-forwarded-user") == "u-1"
