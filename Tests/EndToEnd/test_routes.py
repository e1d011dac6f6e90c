"""What a route does beside authorizing: paths, redirects and headers of the request."""
import json

import pytest
from support.judged import Judge
from support.tokens import AUDIENCE, ISSUER, Key, bearer, mint
from support.wire import Client, get


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    made = Key("ES256", "ours")
    made.path = tmp_path_factory.mktemp("keys") / "ours.json"
    made.path.write_text(json.dumps({"keys": [made.jwk]}))
    return made


def configuration(key, app, routes, workers=1):
    return f"""
        listeners:
          - address: 127.0.0.1:0
        workers: {workers}
        providers:
          ours: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {key.path} }}
        upstreams:
          app: {{ servers: ["{app.server}"] }}
        routes:{routes}
        """


class TestPaths:
    ROUTES = """
          - { path: /orders/**, auth: none, strip_prefix: /orders, upstream: app }
          - { path: /deep/er/**, auth: ours, strip_prefix: /deep/er, upstream: app }
          - { path: /exact, auth: none, strip_prefix: /exact, upstream: app }
          - { path: "/kept/**", auth: none, strip_prefix: /kept, encoded_slashes: keep, double_slashes: keep,
              path_parameters: keep, upstream: app }
          - { path: "/shop/{id}/items/**", auth: none, rewrite: "/v2/{id}/**", upstream: app }
          - { path: "/one/{id}/{part}", auth: none, rewrite: "/items/{part}/of/{id}", upstream: app }
          - { path: /fixed/**, auth: none, rewrite: /only/this/, upstream: app }
          - { path: /all/**, auth: none, rewrite: /**, upstream: app }
"""

    @pytest.fixture(scope="class")
    def judge(self, start_once, upstream_once, key):
        app = upstream_once()
        made = Judge(start_once(configuration(key, app, self.ROUTES)), app)
        yield made
        made.settled()

    @pytest.mark.parametrize("sent, seen", [
        ("/orders", "/"), ("/orders/", "/"), ("/orders?a=b", "/?a=b"), ("/orders/7", "/7"), ("/orders/7/", "/7/"),
        ("/orders/orders/7?x=%2e%2e/", "/orders/7?x=%2e%2e/"), ("/%6frders/%41", "/A"), ("/exact", "/"),
        ("/exact/", "/"), ("/orders/%C3%A9", "/%C3%A9"), ("/kept/a//b;c%2fd", "/a//b;c%2Fd"),
        ("/shop/7/items/a/b/", "/v2/7/a/b/"), ("/shop/7/items", "/v2/7"), ("/one/a%20b/c", "/items/c/of/a%20b"),
        ("/fixed/x/y?q", "/only/this/?q"), ("/all", "/"), ("/all/x", "/x"),
    ])
    def test_P_1_the_path_is_forwarded_without_its_prefix_or_rewritten(self, judge, sent, seen):
        request = judge.allowed(target=sent)
        assert request.target == seen
        line = judge.gateway.access_of(request.field("x-request-id"))
        # The line has the path that was decided.
        assert line["path"] == sent.partition("?")[0].replace("%6f", "o").replace("%41", "A").replace("%2f", "%2F")

    @pytest.mark.parametrize("target, reason", [
        ("/orders/../R", "path_dot_segment"), ("/orders/%2e%2e/R", "path_dot_segment"),
        ("/orders/.", "path_dot_segment"), ("/orders//R", "path_double_slash"),
        ("/kept//evil.example/", "path_double_slash"), ("/kept/%2e%2e%2fR", "path_dot_segment"),
        ("/shop/../items/R", "path_dot_segment"), ("/shop/7/items/%2e", "path_dot_segment"),
        ("/orders/%252e%252e/R", "path_double_encoding"),
    ])
    def test_P_2_no_dot_segment_and_no_double_slash_comes_of_it(self, judge, target, reason):
        judge.refused(400, reason, target=target)

    def test_the_prefix_ends_at_a_segment(self, judge):
        judge.refused(404, "no_route", target="/ordersx/7")

    def test_a_stripped_route_asks_for_its_token(self, judge, key):
        judge.refused(401, "credential_missing", target="/deep/er/x", challenge="Bearer")
        assert judge.allowed([bearer(mint(key))], "/deep/er/x").target == "/x"

    def test_the_upstreams_own_redirect_passes_unchanged(self, start, upstream, key):
        app = upstream(b"HTTP/1.1 302 Found\r\nLocation: /orders/login?x\r\nContent-Length: 0\r\n\r\n")
        gateway = start(configuration(key, app, self.ROUTES))
        answer = get(gateway, "/orders/7")
        assert (answer.status, answer.field("location")) == (302, "/orders/login?x")
        assert len(app.requests) == 1


class TestRedirects:
    ROUTES = """
          - { path: /old/**, auth: none, redirect: "https://new.example.com/v2{path}" }
          - { path: /plain, auth: none, redirect: "https://new.example.com/start?from=old" }
          - { path: /moved/**, auth: none, strip_prefix: /moved, encoded_slashes: keep, double_slashes: keep,
              redirect: { to: "https://new.example.com{path}", status: 302 } }
          - { path: /there, auth: none, redirect: { to: "/here", status: 301 } }
          - { path: /secret/**, auth: ours, require: { roles: [admin] },
              redirect: { to: "/R{path}", status: 307 } }
"""

    @pytest.fixture(scope="class")
    def judge(self, start_once, upstream_once, key):
        app = upstream_once()
        made = Judge(start_once(configuration(key, app, self.ROUTES)), app)
        yield made
        made.settled()

    @pytest.mark.parametrize("target, status, location", [
        ("/old/a/b?c=%64", 308, "https://new.example.com/v2/old/a/b?c=%64"),
        ("/%6fld/a%C3%A9", 308, "https://new.example.com/v2/old/a%C3%A9"),
        ("/plain?x=y", 308, "https://new.example.com/start?from=old"),
        ("/moved/a", 302, "https://new.example.com/a"), ("/moved", 302, "https://new.example.com/"),
        ("/moved/a%2f..b//c", 302, "https://new.example.com/a%2F..b//c"),
        ("/there", 301, "/here"),
        ("/old/a|b^[c]?\"<>{|}`\\", 308, "https://new.example.com/v2/old/a%7Cb%5E[c]?%22%3C%3E%7B%7C%7D%60%5C"),
    ])
    def test_C_6_the_client_is_sent_where_the_configuration_says(self, judge, target, status, location):
        fields = [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "gopher"), ("Forwarded", "host=evil")]
        answer = get(judge.gateway, target, fields, host="evil.example")
        assert (answer.status, answer.field("location"), answer.body) == (status, location, b"")
        assert answer.field("content-length") == "0"
        line = judge.gateway.access_of(answer.request_id)
        assert line["status"] == status and "reason" not in line and "upstream" not in line
        judge.settled()

    @pytest.mark.parametrize("target, reason", [
        ("/old/%0d%0aX: y", "request_line_invalid"), ("/old/%0d%0aX:y", "path_escape_invalid"),
        ("/old/%0D%0A", "path_escape_invalid"), ("/moved//evil.example", "path_double_slash"),
    ])
    def test_C_6_nothing_splits_the_answer(self, judge, target, reason):
        judge.refused(400, reason, target=target)

    def test_rights_come_first(self, judge, key):
        judge.refused(401, "credential_missing", target="/secret/x", challenge="Bearer")
        judge.refused(
            403, "role_missing", "policy", "/secret/x", [bearer(mint(key))], 'Bearer error="insufficient_scope"')
        answer = get(judge.gateway, "/secret/x?y", [bearer(mint(key, roles=["admin"]))])
        assert (answer.status, answer.field("location")) == (307, "/R/secret/x?y")
        assert judge.gateway.access_of(answer.request_id)["subject"] == "alice"

    def test_the_connection_goes_on_unless_a_body_follows(self, judge):
        with Client(judge.gateway) as client:
            for method in ("GET", "HEAD", "POST"):
                client.send(f"{method} /there HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = client.response(method)
                assert answer.status == 301 and answer.field("connection") is None
            client.send(
                b"POST /there HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nExpect: 100-continue\r\n\r\n"
                b"GET /there HTTP/1.1\r\nHost: a\r\n")
            answer = client.response("POST")
            assert answer.status == 301 and answer.field("connection") == "close"
            assert client.is_closed()
        judge.settled()


class TestRequestHeaders:
    ROUTES = """
          - path: /set/**
            auth: none
            headers: { set: { X-Env: prod, Accept-Language: "de, en;q=0.5" }, remove: [X-Debug, Referer, Accept] }
            upstream: app
          - { path: /plain/**, auth: none, identity: { X-Tenant: tenant, defaults: false }, upstream: app }
"""

    @pytest.fixture(scope="class")
    def judge(self, start_once, upstream_once, key):
        app = upstream_once()
        made = Judge(start_once(configuration(key, app, self.ROUTES)), app)
        yield made
        made.settled()

    @pytest.mark.parametrize("name", ["X-Env", "x-env", "X_Env", "X.ENV", "x~env"])
    def test_I_2_what_is_set_replaces_every_spelling_of_the_clients(self, judge, name):
        request = judge.allowed([(name, "evil"), ("Accept-Language", "fr"), ("X-Environment", "kept"), (name, "evil2")],
                                "/set/x")
        assert request.field("x-env") == "prod" and request.field("accept-language") == "de, en;q=0.5"
        assert request.field("x-environment") == "kept"
        assert "evil" not in request.head.decode()

    def test_what_is_removed_ends_here(self, judge):
        request = judge.allowed(
            [("X-Debug", "1"), ("X_debug", "2"), ("referer", "http://x"), ("Accept", "*/*"), ("X-Debugger", "kept")],
            "/set/x")
        assert not {"x-debug", "x_debug", "referer", "accept"} & set(request.names())
        assert request.field("x-debugger") == "kept"

    def test_I_3_connection_takes_nothing_that_is_set(self, judge):
        request = judge.allowed([("Connection", "X-Env, Accept-Language")], "/set/x")
        assert request.field("x-env") == "prod" and request.field("accept-language") == "de, en;q=0.5"

    def test_other_routes_keep_the_clients(self, judge):
        request = judge.allowed([("X-Env", "mine"), ("X-Debug", "1")], "/plain/x")
        assert (request.field("x-env"), request.field("x-debug")) == ("mine", "1")

    def test_a_reload_takes_new_values(self, start, upstream, key):
        app = upstream()
        text = configuration(key, app, self.ROUTES)
        gateway = start(text)
        get(gateway, "/set/x")
        gateway.write_config(text.replace("X-Env: prod", "X-Env: stage"))
        gateway.signal(1)
        gateway.wait_message("reloaded")
        get(gateway, "/set/x")
        assert [request.field("x-env") for request in app.wait_requests(2)] == ["prod", "stage"]
