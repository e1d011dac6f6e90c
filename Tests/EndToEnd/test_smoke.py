"""A request's whole way, once with each kind of outcome."""
from support.tokens import AUDIENCE, ISSUER, bearer, mint
from support.wire import get


def config(upstream, keys, workers=1):
    return f"""
    listeners:
      - address: 127.0.0.1:0
    workers: {workers}
    providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{keys.url}" }}
    upstreams:
      app: {{ servers: ["{upstream.server}"] }}
    routes:
      - {{ path: /public/**, auth: none, upstream: app }}
      - {{ path: /api/**, auth: company, upstream: app }}
      - {{ path: /admin/**, auth: company, require: {{ roles: [admin] }}, upstream: app }}
    """


def test_a_request_goes_its_whole_way(start, upstream, key_server, keys, workers):
    app, issuer = upstream(), key_server(keys["RS256"])
    gateway = start(config(app, issuer, workers))
    token = mint(keys["RS256"], roles=["reader", "editor"], email="alice@example.com")

    assert get(gateway, "/public/a").status == 200
    answer = get(gateway, "/api/orders?x=1", [bearer(token)])
    assert answer.status == 200 and answer.body == b"ok"
    request = app.wait_requests(2)[-1]
    assert request.target == "/api/orders?x=1"
    assert request.field("x-forwarded-user") == "alice"
    assert request.field("x-forwarded-groups") == "reader,editor"
    assert request.field("x-forwarded-email") == "alice@example.com"
    assert request.field("authorization") is None

    refused = get(gateway, "/api/orders")
    assert refused.status == 401 and refused.field("www-authenticate") == "Bearer"
    forbidden = get(gateway, "/admin/", [bearer(token)])
    assert forbidden.status == 403
    assert get(gateway, "/elsewhere").status == 404
    assert len(app.requests) == 2

    line = gateway.access_of(refused.request_id)
    assert (line["status"], line["reason"], line["blame"]) == (401, "credential_missing", "client")
    line = gateway.access_of(forbidden.request_id)
    assert (line["reason"], line["subject"], line["provider"], line["blame"]) == (
        "role_missing", "alice", "company", "policy")
