"""Rules that are tried: decided, said and counted beside what is required, which is enforced whatever is tried."""
import json
import re
import time

import pytest

from support.gateway import run
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, Key, KeyServer, bearer, mint
from support.wire import get

CONFIG = """
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
workers: 2
log: {{ format: json, claims: rules }}
providers:
  company: {{ issuer: "{issuer}", audiences: [{audience}], jwks_url: "{jwks}" }}
  other: {{ issuer: "https://other.example", audiences: [{audience}], jwks_url: "{jwks}" }}
upstreams: {{ app: {{ servers: ["{server}"] }} }}
routes:
  - {{ name: off, path: /off/**, auth: company, try: {{ require: {{ roles: [admin] }} }}, upstream: app }}
  - name: maybe
    path: /maybe/**
    auth: company
    anonymous: allow
    try: {{ require: {{ roles: [admin] }} }}
    upstream: app
  - name: share
    path: /share/**
    auth: company
    try: {{ require: {{ roles: [admin] }}, enforce: 50%, budget: 100% }}
    upstream: app
  - name: beside
    path: /beside/**
    auth: company
    require: {{ roles: [user] }}
    try: {{ require: {{ scopes: [read] }}, enforce: 50%, budget: 100% }}
    upstream: app
  - name: ramp
    path: /ramp/**
    auth: company
    require: {{ roles: [user], max_age: 1h }}
    try: {{ require: {{ roles: [admin] }}, enforce: 99% }}
    upstream: app
  - name: guests
    path: /guests/**
    auth: company
    anonymous: allow
    try: {{ require: {{ roles: [admin] }}, enforce: 99% }}
    upstream: app
tests:
  - {{ request: GET /off/a, as: {{ roles: [user] }}, expect: allowed, shadow: role_missing }}
"""


@pytest.fixture(scope="module")
def scene(start_once, upstream_once, keys):
    issuer = KeyServer(keys["ES256"])
    app = upstream_once()
    gateway = start_once(CONFIG.format(
        issuer=ISSUER, audience=AUDIENCE, jwks=issuer.url, server=app.server))

    def ask(path, token=None, *fields):
        """The status, the access line, and the heads that the upstream got."""
        answer = get(gateway, path, [*([bearer(token)] if token else []), *fields])
        line = gateway.wait_access(path=path)[-1]
        return answer.status, line, [request for request in app.requests if f" {path} " in request.start_line]
    yield gateway, ask
    issuer.close()


def asked(gateway, path, *fields):
    host, _, port = gateway.wait_message("serving")["admin"].rpartition(":")
    return get(type("Admin", (), dict(host=host, port=int(port))), path, fields, host="127.0.0.1").body.decode()


def metrics(gateway):
    text = asked(gateway, "/metrics")
    return dict(re.fullmatch(r"(\S+) (\S+)", line).groups() for line in text.splitlines() if not line.startswith("#"))


def test_off_is_decided_logged_and_counted(scene, keys):
    gateway, ask = scene
    status, line, seen = ask("/off/a", mint(keys["ES256"], roles=["user"]), ("X-Forwarded-User", "root"))
    assert status == 200 and "reason" not in line
    # The claims that any rule of the provider reads, tried ones too.
    assert (line["shadow"], line["subject"], line["claims"]) == (
        "role_missing", "alice", {"roles": ["user"], "scope": None, "auth_time": None})
    # I-1: told who it is, and nothing else.
    assert len(seen) == 1 and seen[0].field("x-forwarded-user") == "alice"
    status, line, _ = ask("/off/b", mint(keys["ES256"], roles=["admin"]))
    assert status == 200 and "shadow" not in line
    status, line, seen = ask("/maybe/a")
    assert (status, line["shadow"]) == (200, "credential_missing") and seen[0].field("x-forwarded-user") is None
    found = metrics(gateway)
    assert found['portcullis_shadow_refusals_total{route="off",reason="role_missing"}'] == "1"
    assert found['portcullis_shadow_refusals_total{route="maybe",reason="credential_missing"}'] == "1"
    assert not any(name.startswith('portcullis_refusals_total{route="off",') and "role_missing" in name for name in found)


@pytest.mark.parametrize("path", ["/off", "/maybe", "/share", "/ramp", "/beside"])
def test_T_15_a_bad_token_is_refused_whatever_is_enforced(scene, keys, path):
    _, ask = scene
    key = keys["ES256"]
    cases = [("expired", mint(key, exp=1)), ("audience", mint(key, aud="x")), ("garbage", "a.b.c"),
             ("signature", mint(Key("ES256", key.kid))), ("issuer", mint(key, iss="https://other.example"))]
    if path != "/maybe":
        cases.append(("none", None))
    for name, token in cases:
        status, line, seen = ask(f"{path}/{name}", token)
        assert (status, seen) == (401, []) and "shadow" not in line, name


def test_P_2_a_bad_path_is_refused_whatever_is_enforced(scene, keys):
    gateway, _ = scene
    assert get(gateway, "/off/../off/x", [bearer(mint(keys["ES256"]))]).status == 400


def test_a_share_is_of_senders(scene, keys):
    _, ask = scene
    first, second = ({name: ask(f"/share/{turn}-{name}", mint(keys["ES256"], sub=name))[0]
                      for name in (f"user-{number}" for number in range(30))} for turn in range(2))
    assert first == second and set(first.values()) == {200, 403}


def test_what_is_required_is_enforced_whatever_is_tried(scene, keys):
    gateway, ask = scene
    for number in range(12):
        status, line, seen = ask(f"/beside/no-{number}", mint(keys["ES256"], sub=f"user-{number}", scope="read"))
        assert (status, line["reason"], seen) == (403, "role_missing", []) and not {"shadow", "tried"} & set(line)
    found = {}
    for number in range(24):
        status, line, _ = ask(f"/beside/{number}", mint(keys["ES256"], sub=f"user-{number}", roles=["user"]))
        found.setdefault(status, []).append(line)
    # Which rule it was is said.
    assert {(line["shadow"], line.get("tried")) for line in found[200]} == {("scope_missing", None)}
    assert {(line["reason"], line["tried"]) for line in found[403]} == {("scope_missing", "scope_missing")}
    refused = '{route="beside",provider="",reason="scope_missing"}'
    assert metrics(gateway)["portcullis_tried_refusals_total" + refused] == str(len(found[403]))
    admin = gateway.wait_message("serving")["admin"]
    why = run("why", found[403][0]["request_id"], "--admin", admin).stdout
    assert "`try`" in why and "holds  any of the roles user; found user\n" in why
    assert "LACKS  the scope read; found none (tried)\n" in why
    assert ask("/beside/both", mint(keys["ES256"], roles=["user"], scope="read"))[0] == 200


def test_nobody_alone_stops_a_share(scene, keys):
    gateway, _ = scene
    token = bearer(mint(keys["ES256"], sub="persistent"))
    for fields in ([], [token]):
        assert {get(gateway, "/guests/a", fields).status for _ in range(15)} in ({401}, {403})
    assert metrics(gateway)['portcullis_enforcement_stopped{route="guests"}'] == "0"


def test_a_budget_stops_a_share_until_its_rule_is_another(scene, keys):
    gateway, ask = scene
    key = keys["ES256"]

    def status(number, *roles):
        return get(gateway, f"/ramp/{number}", [bearer(mint(
            key, sub=f"user-{number}", roles=roles, auth_time=int(time.time())))]).status

    # What is required spends nothing.
    assert {status(f"none-{number}") for number in range(12)} == {403}
    assert 'portcullis_enforcement_stopped{route="ramp"}' in metrics(gateway)
    found = [status(number, "user") for number in range(30)]
    assert found.count(403) == 10 and set(found[-5:]) == {200}, found
    message = gateway.wait_message("no longer enforced")
    assert (message["route"], message["refused"], message["level"]) == ("ramp", "10", "error")
    assert metrics(gateway)['portcullis_enforcement_stopped{route="ramp"}'] == "1"
    assert gateway.wait_access(path="/ramp/29")[-1]["shadow"] == "role_missing"
    tried = {route["route"]: route for route in json.loads(asked(gateway, "/status"))["tried"]}
    assert tried["ramp"] == {"route": "ramp", "enforced_percent": 99, "stopped": True, "refusals": 10,
                             "shadow_refusals": found.count(200)}
    assert (tried["off"]["enforced_percent"], tried["off"]["stopped"]) == (0, False)
    page = asked(gateway, "/status", ("Accept", "text/html"))
    assert "<td>ramp</td><td>nobody: it refused more than its budget</td>" in page
    assert {status(number) for number in range(30, 33)} == {403}

    # A reload of the same rule changes nothing of it, one of another rule begins anew.
    text = gateway.config_path.read_text()
    gateway.reload(text.replace("name: share\n", "name: other\n"))
    assert {status(number, "user") for number in range(9)} == {200}
    assert metrics(gateway)['portcullis_enforcement_stopped{route="ramp"}'] == "1"
    gateway.reload(text.replace("enforce: 99%", "enforce: 98%"))
    assert metrics(gateway)['portcullis_enforcement_stopped{route="ramp"}'] == "0"
    assert 403 in [status(number, "user") for number in range(9)]
    gateway.write_config(text)


def test_commands_know(scene, keys):
    gateway, ask = scene
    assert ask("/off/z", mint(keys["ES256"], roles=["user"]))[1]["shadow"] == "role_missing"
    path = gateway.config_path
    checked = run("check", "--config", path)
    assert checked.returncode == 0
    assert checked.stderr.count("requires nothing: what it tries is enforced for nobody") == 2
    assert checked.stderr.count("requires nothing") == 4
    found = run("explain", "--config", path, "--path", "/off/a", "--as", "role=user", "--as", "subject=alice")
    assert found.returncode == 0 and "shadow     403 role_missing, which is not enforced" in found.stdout
    assert "tries\n  LACKS  any of the roles admin; found user\n" in found.stdout
    found = run("explain", "--config", path, "--path", "/off/a", "--as", "role=user", "--format", "json")
    assert json.loads(found.stdout)["not_enforced"] == "role_missing"

    # The log says what the rules would do: nothing otherwise, and all of it with --enforced.
    wait_until(lambda: gateway.access_text.endswith("\n"), "whole lines")
    log = gateway.folder / "access.log"
    report = json.loads(run("replay", "--log", log, "--config", path, "--json").stdout)
    assert report["not_enforced"] > 0
    assert {f["was"]["route"] for f in report["flips"]} <= {"ramp"}, report["flips"]
    enforced = json.loads(run("replay", "--log", log, "--config", path, "--json", "--enforced").stdout)
    assert enforced["not_enforced"] == 0
    assert ("off", "role_missing") in {(f["was"]["route"], f["becomes"]["reason"]) for f in enforced["flips"]}
