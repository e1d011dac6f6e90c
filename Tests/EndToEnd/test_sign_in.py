"""People sign in at the gateway: the rules of SECURITY's section C, and what the application sees of it."""
import base64
import json
import re
import time

import pytest
from support.sign_in import ALICE, BOB, FETCH, ISSUER, JSON, NAVIGATION, PASSWORD, Browser, SignIn, person, until_status, users
from support.wire import exchange, get


@pytest.fixture
def scene(start, upstream, tmp_path):
    def make(**options):
        return SignIn(start, upstream(), tmp_path, **options)
    return make


def payload(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def header(token):
    part = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


# What the mission demands.

def test_login_generates_a_token_with_exact_claims_that_others_verify(scene):
    import jwt
    from joserfc import jwk, jwt as joserfc_jwt
    signed_in = scene()
    before = int(time.time())
    answer = signed_in.login()
    assert answer.status == 200, answer.body
    assert answer.field("cache-control") == "no-store" and answer.all("set-cookie") == []
    body = json.loads(answer.body)
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert body["token_type"] == "Bearer" and body["expires_in"] == 600
    token = body["access_token"]
    keys = json.loads(signed_in.get("/auth/jwks.json").body)
    assert keys == json.loads(signed_in.get("/.well-known/jwks.json").body)
    claims = jwt.decode(
        token, jwt.PyJWKSet.from_dict(keys)[header(token)["kid"]].key, algorithms=["ES256"], audience="example",
        issuer=ISSUER)
    assert joserfc_jwt.decode(token, jwk.KeySet.import_key_set(keys), algorithms=["ES256"]).claims == claims
    assert header(token) == {"alg": "ES256", "typ": "at+jwt", "kid": keys["keys"][0]["kid"]}
    now = claims["iat"]
    assert before <= now <= time.time()
    assert len(claims.pop("jti")) == 22 and len(claims.pop("sid")) == 22
    assert claims == {
        "iss": ISSUER, "sub": "u-1", "preferred_username": "alice", "roles": ["admin", "support"],
        "permissions": ["orders.write"], "scope": "orders:read", "aud": "example", "iat": now, "nbf": now,
        "exp": now + 600, "auth_time": now, "amr": ["pwd"], "tenant": "acme"}


def test_a_user_without_roles_gets_an_empty_list(scene):
    signed_in = scene()
    claims = payload(signed_in.tokens("bob")["access_token"])
    assert claims["roles"] == [] and claims["permissions"] == [] and claims["scope"] == ""


def test_the_token_opens_protected_routes_by_header_and_by_cookie(scene, workers):
    signed_in = scene(workers=workers)
    token = signed_in.tokens()["access_token"]
    assert signed_in.get("/x").status == 401
    assert signed_in.get("/admin", [signed_in.bearer(token)]).status == 200
    assert signed_in.get("/admin", [("Cookie", f"a=1; portcullis_access={token}; b=2")]).status == 200
    by_header, by_cookie = signed_in.app.wait_requests(2)
    for request in (by_header, by_cookie):
        assert request.field("x-forwarded-user") == "u-1" and request.field("x-forwarded-groups") == "admin,support"
        assert request.field("authorization") is None
    assert by_cookie.field("cookie") == "a=1; b=2"
    bob = signed_in.tokens("bob")["access_token"]
    assert signed_in.get("/admin", [signed_in.bearer(bob)]).status == 403


def test_a_wrong_password_and_an_unknown_user_get_the_same_401(scene):
    signed_in = scene()
    answers = [signed_in.login(password="wrong"), signed_in.login("nobody", "wrong"), signed_in.login("", "")]
    for answer in answers:
        assert answer.status == 401 and json.loads(answer.body)["error"] == "invalid_grant"
        assert signed_in.gateway.access_of(answer.request_id)["reason"] == "login_failed"
    strip = [[f for f in a.fields if f[0].lower() not in ("x-request-id", "date")] for a in answers]
    assert strip[0] == strip[1] == strip[2] and answers[0].body == answers[1].body == answers[2].body


def test_C_11_the_hundredth_try_is_throttled_for_known_and_unknown_users(scene):
    signed_in = scene()
    for name in ("alice", "nobody"):
        statuses = [signed_in.login(name, "wrong").status for _ in range(10)]
        assert statuses == [401] * 10
        last = [signed_in.login(name, "wrong") for _ in range(15)]
        assert {answer.status for answer in last} == {429}
        assert 0 < int(last[-1].field("retry-after")) <= 900
    # The right password too, and nobody else.
    assert signed_in.login().status == 429
    assert signed_in.login("bob").status == 200
    for _ in range(30):
        signed_in.login("carol%d" % _, "wrong")
    # Fifty from one address: bob cannot either.
    assert signed_in.login("bob").status == 429
