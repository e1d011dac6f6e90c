"""The access log says what rules read of a token, and no more."""
import json
import signal

import pytest

from support.gateway import logfmt
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, KeyServer, bearer, mint
from support.wire import get

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
    gateway.write_config(config(issuer, app, claims="[department]"))
    gateway.signal(signal.SIGHUP)
    gateway.wait_message("reloaded")
    assert not [m for m in gateway.messages() if "SIGUSR2" in m["message"]]
    line = ask(gateway, "/admin/e", mint(key, department=["a", 1.5, True], realm_access={"roles": ["admin"]}))[1]
    assert line["claims"]["department"] == ["a", 1.5, True] and line["config"] == 2


def test_claims_in_logfmt(start, upstream, issuer, keys):
    gateway = start(config(issuer, upstream(), "logfmt"))
    ask(gateway, "/admin/a", mint(keys["ES256"], realm_access={"roles": ["a b", '"=']}))
    wait_until(lambda: gateway.access_text.endswith("\n"), "the line")
    claims = logfmt(gateway.access_text)["claims"]
    assert json.loads(claims) == {"realm_access": {"roles": ["a b", '"=']}, "sub": "alice", "tenant": None}
