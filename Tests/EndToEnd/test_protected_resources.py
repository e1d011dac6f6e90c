"""Metadata of what is protected (RFC 9728), and the challenges that name it."""
import json

import pytest
from support.gateway import run
from support.tokens import AUDIENCE, ISSUER, Key, bearer, mint
from support.wire import get

HEAD = """listeners:
  - address: 127.0.0.1:0
workers: 1
providers:
  company: {{ issuer: "{issuer}", audiences: [{audience}], jwks_file: {folder}/keys.json, dpop: {dpop} }}
  other: {{ issuer: "https://other.example", audiences: [x], jwks_file: {folder}/keys.json }}
upstreams:
  app: {{ servers: ["{app}"] }}
protected_resources:
{resources}
routes:
{routes}
"""
RESOURCES = """
  - { resource: "https://api.example.com", providers: [company, other] }
  - resource: https://api.example.com:8443/orders
    providers: company
    scopes: [r, w]
    name: "Orders \\" & more"
"""
ROUTES = """
  - { path: /orders/**, host: api.example.com, auth: company, require: { scopes: [r] }, upstream: app }
  - { path: /orders-of-others, host: api.example.com, auth: company, upstream: app }
  - { path: /strong/**, host: api.example.com, auth: company, require: { acr: gold }, upstream: app }
  - { path: /elsewhere, host: www.example.com, auth: company, upstream: app }
  - { path: /any/**, auth: other, upstream: app }
"""


def config(folder, app="127.0.0.1:9", resources=RESOURCES, routes=ROUTES, dpop="off"):
    return HEAD.format(
        issuer=ISSUER, audience=AUDIENCE, folder=folder, app=app, resources=resources.strip("\n"),
        routes=routes.strip("\n"), dpop=dpop)


@pytest.fixture
def key(tmp_path):
    made = Key("ES256", "one")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [made.jwk]}))
    return made


HOST = "api.example.com"
WHOLE = 'resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"'
ORDERS = 'resource_metadata="https://api.example.com:8443/.well-known/oauth-protected-resource/orders"'


def metadata(gateway, path, host=HOST):
    answer = get(gateway, "/.well-known/oauth-protected-resource" + path, host=host)
    assert answer.status == 200 and answer.field("content-type") == "application/json"
    assert answer.field("cache-control") == "public, max-age=300"
    return json.loads(answer.body)


def test_metadata_and_the_challenges_that_name_it(start, upstream, tmp_path, key):
    app = upstream()
    gateway = start(config(tmp_path, app.server))
    assert metadata(gateway, "") == {
        "resource": "https://api.example.com", "authorization_servers": [ISSUER, "https://other.example"],
        "bearer_methods_supported": ["header"]}
    assert metadata(gateway, "/orders", "API.example.com:8443") == {
        "resource": "https://api.example.com:8443/orders", "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"], "scopes_supported": ["r", "w"], "resource_name": 'Orders " & more'}
    path = "/.well-known/oauth-protected-resource"
    assert get(gateway, path, host=HOST, method="HEAD").status == 200
    post = get(gateway, path, host=HOST, method="POST")
    assert post.status == 405 and post.field("allow") == "GET, HEAD"
    assert gateway.access_of(post.request_id)["reason"] == "method_refused"
    assert get(gateway, path, host="www.example.com").status == 404
    assert get(gateway, path + "/strong", host=HOST).status == 404

    def challenge(target, host=HOST, **claims):
        fields = [bearer(mint(key, **claims))] if claims else []
        return get(gateway, target, fields, host=host).field("www-authenticate")

    assert challenge("/orders/7") == f"Bearer {ORDERS}"
    assert challenge("/orders/7", scope="w") == f'Bearer error="insufficient_scope", scope="r", {ORDERS}'
    assert challenge("/orders/7", exp=1) == f'Bearer error="invalid_token", {ORDERS}'
    assert challenge("/orders-of-others") == f"Bearer {WHOLE}"
    assert challenge("/strong/x", acr="x") == (
        f'Bearer error="insufficient_user_authentication", acr_values="gold", {WHOLE}')
    assert challenge("/elsewhere", "www.example.com") == "Bearer"
    assert challenge("/any/x") == f"Bearer {WHOLE}"
    assert app.requests == []


def test_a_reload_changes_it(start, upstream, tmp_path, key):
    gateway = start(config(tmp_path, upstream().server))
    gateway.reload(config(
        tmp_path, resources='  - { resource: "https://api.example.com/orders/", providers: company }', dpop="required",
        routes="  - { path: /orders/**, host: api.example.com, auth: company, upstream: app }"))
    found = metadata(gateway, "/orders/")
    assert found["dpop_bound_access_tokens_required"] is True
    assert found["dpop_signing_alg_values_supported"] and "none" not in found["dpop_signing_alg_values_supported"]
    assert get(gateway, "/.well-known/oauth-protected-resource", host=HOST).status == 404
    challenge = get(gateway, "/orders/7", host=HOST).field("www-authenticate")
    assert 'resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/orders/"' in challenge


@pytest.mark.parametrize("resources, said", [
    ('  - { resource: "http://api.example.com", providers: company }', "has to be https"),
    ('  - { resource: "https://api.example.com/a?b", providers: company }', "or a query"),
    ('  - { resource: "https://api.example.com/a/../b", providers: company }', "no request can have"),
    ('  - { resource: "https://api.example.com/%61", providers: company }', "no request can have"),
    ('  - { resource: "https://api.example.com/*", providers: company }', "no request can have"),
    ('  - { resource: "https://api.example.com/#a", providers: company }', "is not an https URL"),
    ('  - { resource: "https://api.example.com", providers: compny }', 'did you mean "company"?'),
    ('  - { resource: "https://api.example.com" }', '"providers" is missing'),
    ('  - { resource: "https://api.example.com", providers: company }\n'
     '  - { resource: "https://API.example.com/", providers: company }', "is already described"),
    ('  - { resource: "https://api.example.com/mine", providers: company }', "the gateway itself answers this path"),
], ids=str)
def test_A_3_what_cannot_be_described(tmp_path, key, resources, said):
    own = "  - { path: /.well-known/oauth-protected-resource/mine, auth: none, upstream: app }"
    (tmp_path / "gateway.conf").write_text(config(tmp_path, resources=resources, routes=ROUTES + own))
    result = run("check", "--config", tmp_path / "gateway.conf")
    assert result.returncode == 1 and said in result.stderr, result


def test_explain_knows_that_it_is_answered_here(tmp_path, key):
    (tmp_path / "gateway.conf").write_text(config(tmp_path))
    result = run("explain", "--config", tmp_path / "gateway.conf", "--host", HOST, "--path",
                 "/.well-known/oauth-protected-resource/orders")
    assert result.returncode == 0 and "answered by the gateway itself" in result.stdout
