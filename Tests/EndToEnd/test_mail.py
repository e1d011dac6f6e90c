"""SECURITY I-9: whoever can have an issuer write an address that is not theirs is nobody by it."""
import json

import pytest
from support.gateway import run
from support.judged import Judge
from support.tokens import AUDIENCE, ISSUER, bearer, mint
from support.wire import get

CEO = "ceo@corp.example"
ASSUMING = "https://verifies.example"
FORBIDDEN = 'Bearer error="insufficient_scope"'


@pytest.fixture(scope="module")
def judge(start_once, upstream_once, keys, tmp_path_factory):
    folder, app = tmp_path_factory.mktemp("mail"), upstream_once()
    (folder / "keys.json").write_text(json.dumps({"keys": [keys["ES256"].jwk]}))
    both = "auth: [company, assuming], upstream: app"
    return Judge(start_once(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 1
    providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {folder}/keys.json }}
      assuming:
        {{ issuer: "{ASSUMING}", audiences: [{AUDIENCE}], jwks_file: {folder}/keys.json, email_verified: assumed }}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /mail/**, {both}, require: {{ claims: {{ email: ["{CEO}", "a@evil@corp", "corp.example"] }} }} }}
      - {{ path: "/own/{{id}}", {both}, require: {{ any: [
          {{ owner: {{ path: id, claim: email, provider: company }} }},
          {{ owner: {{ path: id, claim: email, provider: assuming }} }}] }} }}
      - {{ path: /others/**, {both}, require: {{ not: {{ claims: {{ email: [mallory@evil.example] }} }} }} }}
      - {{ path: /**, {both}, identity: {{ X-Mail: email }} }}
    """), app)


VERIFIED = [{"email_verified": True}, {"email_verified": "true"}, {"email_verified": True, "iss": ASSUMING}, {"iss": ASSUMING}]
UNSTATED = [{}]
DENIED = [{"email_verified": value, "iss": issuer} for value in (False, "True", "false", 1, [True], {})
          for issuer in (ISSUER, ASSUMING)]


@pytest.mark.parametrize("claims", VERIFIED)
def test_I_9_a_verified_address_is_somebodys(judge, keys, claims):
    token = [bearer(mint(keys["ES256"], email=CEO, **claims))]
    for target in ("/mail/x", f"/own/{CEO}", "/others/x"):
        assert judge.allowed(token, target).field("x-forwarded-email") == CEO
    assert judge.allowed(token).field("x-mail") == CEO


@pytest.mark.parametrize("claims", UNSTATED + DENIED)
def test_I_9_no_rule_goes_by_another(judge, keys, claims):
    token = [bearer(mint(keys["ES256"], email=CEO, **claims))]
    judge.refused(403, "claim_mismatch", "policy", "/mail/x", token, FORBIDDEN)
    judge.refused(403, "requirement_unmet", "policy", f"/own/{CEO}", token, FORBIDDEN)
    judge.refused(403, "requirement_excluded", "policy", "/others/x", token, FORBIDDEN)
    request = judge.allowed(token)
    told = None if claims in DENIED else CEO
    assert (request.field("x-forwarded-email"), request.field("x-mail")) == (told, told)
    assert request.field("x-forwarded-user") == "alice"


@pytest.mark.parametrize("address", ["a@evil@corp", "corp.example", "", ["a@evil@corp"]])
@pytest.mark.parametrize("issuer", [ISSUER, ASSUMING])
def test_I_9_an_address_has_one_at_sign(judge, keys, address, issuer):
    token = [bearer(mint(keys["ES256"], email=address, email_verified=True, iss=issuer))]
    judge.refused(403, "claim_mismatch", "policy", "/mail/x", token, FORBIDDEN)


@pytest.mark.parametrize("address", ["a@evil@corp", "corp.example", ["a@evil@corp"], 7])
@pytest.mark.parametrize("issuer", [ISSUER, ASSUMING])
@pytest.mark.parametrize("verified", [True, None])
def test_I_9_what_is_not_one_address_is_told_to_nobody(judge, keys, address, issuer, verified):
    request = judge.allowed([bearer(mint(keys["ES256"], email=address, email_verified=verified, iss=issuer))])
    assert (request.field("x-forwarded-email"), request.field("x-mail")) == (None, None)
    assert request.field("x-forwarded-user") == "alice"


@pytest.mark.parametrize("claims", [
    {}, {"email": None}, {"email": None, "email_verified": None}, {"email": None, "email_verified": False},
    {"email": None, "email_verified": 7}])
@pytest.mark.parametrize("issuer", [ISSUER, ASSUMING])
def test_I_9_without_an_address_nobody_is_excluded(judge, keys, claims, issuer):
    token = [bearer(mint(keys["ES256"], iss=issuer, **claims))]
    assert judge.allowed(token, "/others/x").field("x-forwarded-email") is None
    # Nor let in.
    judge.refused(403, "claim_mismatch", "policy", "/mail/x", token, FORBIDDEN)


@pytest.mark.parametrize("claims, reason", [
    ({"email_verified": False}, "claim_missing"), ({}, "claim_missing"),
    ({"email": "a@evil@corp", "email_verified": True}, "claim_missing"),
    ({"email_verified": True}, None)])
def test_I_9_T_16_nobody_is_called_by_another_address(start, upstream, tmp_path, keys, claims, reason):
    """Whoever is revoked by their address does not come in by saying that it is not verified."""
    app = upstream()
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [keys["ES256"].jwk]}))
    (tmp_path / "revoked").write_text("")
    gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 1
    revocations: {{ file: {tmp_path}/revoked }}
    providers:
      company:
        issuer: "{ISSUER}"
        audiences: [{AUDIENCE}]
        jwks_file: {tmp_path}/keys.json
        claims: {{ subject: email, roles: email }}
    upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
    routes: [{{ path: /**, auth: company, require: {{ roles: ["{CEO}", "a@evil@corp"] }}, upstream: app }}]
    """)
    token = mint(keys["ES256"], **{"email": CEO, **claims})
    answer = get(gateway, "/x", [bearer(token)])
    assert answer.status == (401 if reason else 200)
    if reason:
        assert gateway.access_of(answer.request_id)["reason"] == reason and app.requests == []
    else:
        assert [request.field("x-forwarded-user") for request in app.requests] == [CEO]


@pytest.mark.parametrize("verified, status, found", [
    (True, 0, CEO), (False, 1, f"{CEO}, with email_verified false"), (None, 1, f"{CEO}, with email_verified absent")])
def test_I_9_explain_says_so(judge, keys, verified, status, found):
    token = mint(keys["ES256"], email=CEO, email_verified=verified)
    said = run("explain", "--config", judge.gateway.config_path, "--path", "/mail/x", "--token", "-", stdin=token)
    assert said.returncode == status and f"found {found}" in said.stdout, said
