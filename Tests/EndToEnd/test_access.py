"""Who may take which route: rights, routes, several issuers; rule T-17."""
import itertools
import json

import pytest
from support.judged import Judge
from support.tokens import AUDIENCE, ISSUER, Key, bearer, hand_made, claims, mint, signing
from support.wire import get

OTHER_ISSUER = "https://other.example"
FORBIDDEN = 'Bearer error="insufficient_scope"'


class Scene:
    def __init__(self, start, upstream, folder):
        self.ours, self.theirs = Key("ES256", "ours"), Key("ES256", "theirs")
        (folder / "ours.json").write_text(json.dumps({"keys": [self.ours.jwk]}))
        (folder / "theirs.json").write_text(json.dumps({"keys": [self.theirs.jwk]}))
        self.app = upstream()
        self.gateway = start(f"""
        listeners:
          - address: 127.0.0.1:0
        workers: 1
        providers:
          ours:
            {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {folder}/ours.json,
               token_from: [authorization, "cookie:session"] }}
          theirs:
            issuer: "{OTHER_ISSUER}"
            audiences: [{AUDIENCE}]
            jwks_file: {folder}/theirs.json
            email_verified: assumed
            claims: {{ subject: email, roles: realm_access.roles, scopes: scp, permissions: "app\\\\.example.rights" }}
        upstreams:
          app: {{ servers: ["{self.app.server}"] }}
        routes:
          - {{ path: /roles/**, auth: ours, require: {{ roles: [admin, support] }}, upstream: app }}
          - {{ path: /scopes/**, auth: ours, require: {{ scopes: ["orders:read", "orders:write"] }}, upstream: app }}
          - {{ path: /permissions/**, auth: ours, require: {{ permissions: [a.b, c] }}, upstream: app }}
          - path: /claims/**
            auth: ours
            require:
              claims: {{ tenant: acme, plan: [pro, max], level: 3, verified: true, org.id: "7" }}
            upstream: app
          - path: /all/**
            auth: ours
            require: {{ roles: [admin], scopes: [s], permissions: [p], claims: {{ tenant: acme }} }}
            upstream: app
          - {{ path: /optional/role/**, auth: ours, anonymous: allow, require: {{ roles: [admin] }}, upstream: app }}
          - {{ path: /optional/**, auth: [ours, theirs], anonymous: allow, upstream: app }}
          - {{ path: /both/**, auth: [ours, theirs], require: {{ roles: [admin] }}, upstream: app }}
          - {{ path: /both-rights/**, auth: [ours, theirs],
               require: {{ scopes: [s], permissions: [p] }}, upstream: app }}
          - {{ path: /ours-only/**, auth: ours, upstream: app }}
          - {{ path: /first/open/**, auth: none, upstream: app }}
          - {{ path: /first/**, methods: [GET], auth: ours, upstream: app }}
          - {{ path: /first/never/**, auth: none, upstream: app }}
          - {{ path: "/user/{{id}}/public", auth: none, upstream: app }}
          - {{ path: "/user/*/private", auth: ours, upstream: app }}
          - {{ path: /methods/x, methods: [POST, PUT], auth: ours, upstream: app }}
          - {{ path: /methods/x, methods: [GET], auth: none, upstream: app }}
          - {{ path: /hosts/**, host: api.example.com, auth: none, upstream: app }}
          - {{ path: /hosts/**, host: "*.example.com", auth: ours, upstream: app }}
          - {{ path: /hosts/**, host: other.example, auth: theirs, upstream: app }}
        """)
        self.judge = Judge(self.gateway, self.app)

    def forbidden(self, target, reason, challenge=FORBIDDEN, fields=None, **changes):
        fields = fields or [bearer(mint(self.ours, **changes))]
        answer = self.judge.refused(403, reason, "policy", target, fields, challenge)
        line = self.gateway.access_of(answer.request_id)
        assert line["subject"] and line["provider"]


@pytest.fixture(scope="module")
def scene(start_once, upstream_once, tmp_path_factory):
    made = Scene(start_once, upstream_once, tmp_path_factory.mktemp("keys"))
    yield made
    made.judge.settled()


# Rights.


@pytest.mark.parametrize("roles", [
    ["admin"], ["support"], ["x", "support", "y"], "admin", "x admin y", ["admin", "admin"]], ids=str)
def test_T_17_any_role_is_enough(scene, roles):
    request = scene.judge.allowed([bearer(mint(scene.ours, roles=roles))], "/roles/x")
    expected = ",".join(roles if isinstance(roles, list) else roles.split())
    assert request.field("x-forwarded-groups") == expected


@pytest.mark.parametrize("roles", [
    None, [], "", "xadmin", "admin:x", "adminx", "Admin", "ADMIN", ["xadmin"], ["admin "], [" admin"], ["x admin"],
    "admin,support", {"admin": 1}, {"admin": True}, ["admin", 7], ["admin", None], [["admin"]], 7, True,
    "support\tadmin", "admin\n", ["adm\u0131n"], "a d m i n",
], ids=str)
def test_T_17_roles_are_whole_words(scene, roles):
    changes = {} if roles is None else {"roles": roles}
    scene.forbidden("/roles/x", "role_missing", **changes)


@pytest.mark.parametrize("scope", [
    "orders:read orders:write", "x orders:write y orders:read", ["orders:read", "orders:write"]], ids=str)
def test_T_17_all_scopes_are_needed(scene, scope):
    scene.judge.allowed([bearer(mint(scene.ours, scope=scope))], "/scopes/x")


@pytest.mark.parametrize("scope", [
    None, "", "orders:read", "orders:write", "orders:read,orders:write", "orders", "orders:*",
    "orders:readorders:write", ["orders:read orders:write"], {"orders:read": 1, "orders:write": 1},
    "orders:read Orders:Write", ["orders:read", "orders:write", 1]], ids=str)
def test_T_17_a_scope_is_missing(scene, scope):
    challenge = FORBIDDEN + ', scope="orders:read orders:write"'
    scene.forbidden("/scopes/x", "scope_missing", challenge, scope=scope)


@pytest.mark.parametrize("permissions", [["a.b", "c"], "c a.b", ["x", "c", "a.b"]], ids=str)
def test_all_permissions_are_needed(scene, permissions):
    scene.judge.allowed([bearer(mint(scene.ours, permissions=permissions))], "/permissions/x")


@pytest.mark.parametrize("permissions", [None, ["a.b"], ["c"], ["axb", "c"], ["a", "b", "c"], {"a": {"b": 1}, "c": 1}],
                         ids=str)
def test_a_permission_is_missing(scene, permissions):
    scene.forbidden("/permissions/x", "permission_missing", permissions=permissions)


GOOD_CLAIMS = {"tenant": "acme", "plan": "pro", "level": 3, "verified": True, "org": {"id": "7"}}


@pytest.mark.parametrize("change", [
    {}, {"plan": "max"}, {"plan": ["free", "pro"]}, {"tenant": ["acme"]}, {"extra": None}], ids=str)
def test_claims_have_their_values(scene, change):
    scene.judge.allowed([bearer(mint(scene.ours, **{**GOOD_CLAIMS, **change}))], "/claims/x")


@pytest.mark.parametrize("change", [
    {"tenant": None}, {"tenant": "Acme"}, {"tenant": "acme "}, {"tenant": "acme,x"}, {"tenant": {"acme": 1}},
    {"tenant": []}, {"plan": "free"}, {"plan": ["free"]}, {"plan": "pro max"}, {"level": "3"}, {"level": 4},
    {"level": True}, {"verified": "true"}, {"verified": 1}, {"verified": False}, {"org": {"id": 7}}, {"org": "7"},
    {"org": None}, {"org": {"id": {"id": "7"}}}, {"org": [{"id": "7"}]}], ids=str)
def test_claims_have_other_values(scene, change):
    scene.forbidden("/claims/x", "claim_mismatch", **{**GOOD_CLAIMS, **change})


def test_a_claim_with_a_dot_in_its_name_is_no_path(scene):
    payload = {**claims(), **{name: value for name, value in GOOD_CLAIMS.items() if name != "org"}, "org.id": "7"}
    token = hand_made({"alg": "ES256", "kid": "ours"}, payload, signing(scene.ours))
    scene.forbidden("/claims/x", "claim_mismatch", fields=[bearer(token)])


@pytest.mark.parametrize("lacking", [None, "roles", "scope", "permissions", "tenant"])
def test_every_key_of_a_requirement_holds(scene, lacking):
    rights = dict(roles=["admin"], scope="s", permissions=["p"], tenant="acme")
    reasons = dict(
        roles="role_missing", scope="scope_missing", permissions="permission_missing", tenant="claim_mismatch")
    if lacking is None:
        scene.judge.allowed([bearer(mint(scene.ours, **rights))], "/all/x")
        return
    rights.pop(lacking)
    challenge = FORBIDDEN + (', scope="s"' if lacking == "scope" else "")
    scene.forbidden("/all/x", reasons[lacking], challenge, **rights)


def test_a_decision_is_made_for_each_route_with_a_cached_token_too(scene):
    token = mint(scene.ours, roles=["admin"])
    for _ in range(3):
        scene.judge.allowed([bearer(token)], "/roles/x")
        scene.forbidden("/permissions/x", "permission_missing", fields=[bearer(token)])


# Who may come without a token.


def test_T_15_anonymous_where_it_is_allowed(scene):
    assert scene.judge.allowed([], "/optional/x").field("x-forwarded-user") is None
    scene.judge.refused(401, "credential_missing", target="/optional/role/x", challenge="Bearer")
    scene.forbidden("/optional/role/x", "role_missing")
    scene.judge.allowed([bearer(mint(scene.ours, roles=["admin"]))], "/optional/role/x")
    for token in (mint(scene.ours, iss="https://evil.example"), mint(scene.theirs, headers={"kid": "ours"})):
        answer = get(scene.gateway, "/optional/x", [bearer(token)])
        assert answer.status == 401
    scene.judge.settled()


# Several issuers on a route.


def test_T_11_each_issuer_has_its_own_claims(scene):
    request = scene.judge.allowed([bearer(mint(scene.ours, roles=["admin"]))], "/both/x")
    assert (request.field("x-forwarded-user"), request.field("x-forwarded-groups")) == ("alice", "admin")
    theirs = dict(iss=OTHER_ISSUER, email="bob@other.example")
    good = mint(scene.theirs, realm_access={"roles": ["admin"]}, **theirs)
    request = scene.judge.allowed([bearer(good)], "/both/x")
    assert (request.field("x-forwarded-user"), request.field("x-forwarded-groups")) == ("bob@other.example", "admin")
    # One issuer's names mean nothing in the other's tokens.
    scene.forbidden("/both/x", "role_missing", fields=[bearer(mint(scene.theirs, roles=["admin"], **theirs))])
    scene.forbidden("/both/x", "role_missing", fields=[bearer(mint(scene.ours, realm_access={"roles": ["admin"]}))])
    good = mint(scene.theirs, scp=["s"], **{"app.example": {"rights": ["p"]}}, **theirs)
    scene.judge.allowed([bearer(good)], "/both-rights/x")
    scene.judge.bad_token(mint(scene.theirs, roles=["admin"], **theirs), "key_unknown", "/ours-only/x")
    scene.judge.bad_token(mint(scene.ours, iss="https://third.example"), "issuer_unknown", "/both/x")


def test_T_14_only_one_issuer_takes_the_cookie(scene):
    ours, theirs = mint(scene.ours), mint(scene.theirs, iss=OTHER_ISSUER, email="bob@other.example")
    scene.judge.allowed([("Cookie", f"session={ours}")], "/optional/x")
    answer = get(scene.gateway, "/optional/x", [("Cookie", f"session={theirs}")])
    assert answer.status == 401
    scene.judge.settled()
    # Both credentials at once: the Authorization line is the one that counts.
    request = scene.judge.allowed([bearer(theirs), ("Cookie", f"session={ours}; a=b")], "/optional/x")
    assert request.field("x-forwarded-user") == "bob@other.example"
    assert request.field("authorization") is None


# Routes.


@pytest.mark.parametrize("target, status", [
    ("/first/open/x", 200), ("/first/open", 200), ("/first/x", 401), ("/first", 401), ("/first/never/x", 401),
    ("/first/openx", 401), ("/firstx", 404), ("/user/7/public", 200), ("/user/7/private", 401), ("/user//public", 400),
    ("/user/public", 404), ("/user/7/8/public", 404), ("/user/7/public/x", 404), ("/user/7", 404), ("/", 404),
    ("/First/open", 404), ("/first/%6fpen/x", 200), ("/first/%6Eever/x", 401)])
def test_the_first_route_that_matches_wins(scene, target, status):
    if status == 200:
        scene.judge.allowed([], target)
        return
    answer = get(scene.gateway, target)
    assert answer.status == status
    scene.judge.settled()


@pytest.mark.parametrize("method, status", [
    ("GET", 200), ("HEAD", 200), ("POST", 401), ("PUT", 401), ("DELETE", 404), ("PATCH", 404), ("OPTIONS", 404),
    ("get", 404), ("Get", 404), ("FOO", 404), ("POSTX", 404)])
def test_P_13_methods_are_exact_and_HEAD_follows_GET(scene, method, status):
    if status == 200:
        request = scene.judge.allowed([], "/methods/x", method=method)
        assert request.method == method
        return
    answer = get(scene.gateway, "/methods/x", method=method)
    assert answer.status == status
    scene.judge.settled()
    for name, value in itertools.product(("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"), ("GET",)):
        assert get(scene.gateway, "/methods/x", [(name, value)], method=method).status == status
    scene.judge.settled()


@pytest.mark.parametrize("host, status", [
    ("api.example.com", 200), ("API.Example.COM", 200), ("api.example.com.", 200), ("api.example.com:8443", 200),
    ("www.example.com", 401), ("a.b.example.com", 401), ("example.com", 404), ("xexample.com", 404),
    ("api.example.com.evil.example", 404), ("other.example", 401), ("evil.example", 404)])
def test_P_14_hosts(scene, host, status):
    if status == 200:
        scene.judge.allowed([], "/hosts/x", host=host)
        return
    answer = get(scene.gateway, "/hosts/x", host=host)
    assert answer.status == status
    assert scene.gateway.access_of(answer.request_id)["reason"] == (
        "credential_missing" if status == 401 else "no_route")
    scene.judge.settled()


def test_P_14_a_route_of_another_host_does_not_apply(scene):
    ours, theirs = mint(scene.ours), mint(scene.theirs, iss=OTHER_ISSUER, email="bob@other.example")
    scene.judge.allowed([bearer(ours)], "/hosts/x", host="www.example.com")
    scene.judge.allowed([bearer(theirs)], "/hosts/x", host="other.example")
    scene.judge.bad_token(ours, "key_unknown", "/hosts/x", host="other.example")
    for name in ("X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-Host"):
        value = "host=api.example.com" if name == "Forwarded" else "api.example.com"
        answer = get(scene.gateway, "/hosts/x", [(name, value)], host="www.example.com")
        assert answer.status == 401
    scene.judge.settled()
