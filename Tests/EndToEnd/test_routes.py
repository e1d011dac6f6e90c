"""What a route does beside authorizing: paths, redirects and headers of the request."""
import json

import pytest
from support.judged import Judge
from support.ports import wait_until
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
          - { path: /plain/**, auth: none, upstream: app }
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
        gateway.reload(text.replace("X-Env: prod", "X-Env: stage"))
        get(gateway, "/set/x")
        assert [request.field("x-env") for request in app.wait_requests(2)] == ["prod", "stage"]


class TestOtherOrigins:
    APP = "https://app.example.com"
    ROUTES = """
          - path: /api/**
            methods: [GET, PUT]
            auth: ours
            require: { roles: [admin] }
            cors: { origins: ["https://app.example.com", "http://localhost:3000"], headers: [Authorization],
                    credentials: true, max_age: 1h }
            rate_limit: { by: subject, rate: 3/h }
            upstream: app
          - { path: /any/**, auth: none, cors: { origins: ["*"] }, upstream: app }
          - { path: /down, auth: none, cors: { origins: ["https://app.example.com"] }, upstream: app }
          - { path: /none/**, auth: none, upstream: app }
"""

    @pytest.fixture
    def judge(self, start, upstream, key):
        app = upstream(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: *\r\nVary: Accept\r\n"
            b"access-control-allow-credentials: false\r\nAccess-Control-Expose-Headers: X-Total\r\n\r\nok")
        made = Judge(start(configuration(key, app, self.ROUTES)), app)
        yield made
        made.settled()

    def preflight(self, judge, target, origin, method="PUT", headers="authorization", host="example.test"):
        fields = [("Origin", origin), ("Access-Control-Request-Method", method),
                  ("Access-Control-Request-Headers", headers)]
        return get(judge.gateway, target, fields, method="OPTIONS", host=host)

    def test_a_preflight_is_answered_without_a_token_and_nothing_goes_upstream(self, judge):
        answer = self.preflight(judge, "/api/x", self.APP)
        assert answer.status == 204 and answer.field("content-length") is None
        assert answer.field("access-control-allow-origin") == self.APP
        assert answer.field("access-control-allow-credentials") == "true"
        assert answer.field("access-control-allow-methods") == "GET, PUT"
        assert answer.field("access-control-allow-headers") == "Authorization"
        assert answer.field("access-control-max-age") == "3600"
        assert answer.field("vary") == "Origin"
        line = judge.gateway.access_of(answer.request_id)
        assert line["route"] == "GET,PUT /api/**" and "reason" not in line and "upstream" not in line
        judge.settled()

    @pytest.mark.parametrize("target, origin, method, status, reason", [
        ("/api/x", "https://evil.example", "PUT", 403, "origin_refused"), ("/api/x", "null", "PUT", 403, "origin_refused"),
        ("/api/x", "https://app.example.com.evil", "PUT", 403, "origin_refused"),
        ("/api/x", "https://app.example.com", "DELETE", 404, "no_route"),
        ("/elsewhere", "https://app.example.com", "PUT", 404, "no_route"),
        ("/api/../R", "https://app.example.com", "PUT", 400, "path_dot_segment"),
    ])
    def test_other_preflights_say_nothing_of_origins(self, judge, target, origin, method, status, reason):
        answer = self.preflight(judge, target, origin, method)
        assert answer.status == status and judge.gateway.access_of(answer.request_id)["reason"] == reason
        assert not [name for name in answer.names() if name.startswith("access-control")]
        judge.settled()

    def test_a_preflight_for_a_route_without_cors_goes_its_way(self, judge):
        answer = self.preflight(judge, "/none/x", self.APP)
        assert answer.status == 200 and answer.all("access-control-allow-origin") == ["*"]
        judge.forwarded += 1

    def test_answers_and_refusals_can_be_read_by_the_listed_origin(self, judge, key):
        origin = ("Origin", "http://localhost:3000")
        admin, nobody = bearer(mint(key, roles=["admin"])), bearer(mint(key, sub="bob"))
        statuses = []
        for fields in ([], [nobody], [admin], [admin], [admin], [admin]):
            answer = get(judge.gateway, "/api/x", [origin, *fields])
            statuses.append(answer.status)
            assert answer.field("access-control-allow-origin") == "http://localhost:3000"
            assert answer.field("access-control-allow-credentials") == "true"
            assert "Origin" in answer.all("vary")
            # Of a refusal a page reads which token it takes, and when to try again.
            exposed = "X-Total" if answer.status == 200 else "WWW-Authenticate, Retry-After, X-Request-Id"
            assert answer.all("access-control-expose-headers") == [exposed]
        for field in ([], [("Origin", "https://evil.example")]):
            answer = get(judge.gateway, "/api/x", field)
            assert (answer.status, answer.field("access-control-expose-headers")) == (401, None)
        assert statuses == [401, 403, 200, 200, 200, 429]
        judge.forwarded += 3

    def test_the_upstreams_own_words_are_replaced(self, judge, key):
        admin = bearer(mint(key, roles=["admin"]))
        for origin in ([("Origin", "https://evil.example")], []):
            answer = get(judge.gateway, "/api/x", [admin, *origin])
            assert answer.status == 200
            assert not {"access-control-allow-origin", "access-control-allow-credentials"} & set(answer.names())
            assert answer.field("access-control-expose-headers") == "X-Total"
            assert answer.all("vary") == ["Accept", "Origin"]
        answer = get(judge.gateway, "/any/x", [("Origin", "https://evil.example")])
        assert answer.field("access-control-allow-origin") == "*" and answer.all("vary") == ["Accept"]
        judge.forwarded += 3

    def test_a_refusal_in_the_upstreams_place_can_be_read_too(self, judge):
        judge.app.answer = b"no answer at all\r\n\r\n"
        answer = get(judge.gateway, "/down", [("Origin", self.APP)])
        assert (answer.status, answer.field("access-control-allow-origin")) == (502, self.APP)
        judge.forwarded += 1


class TestRateLimits:
    ROUTES = """
          - name: by-client
            path: /client/**
            auth: ours
            rate_limit: { by: client, rate: 1/h, burst: 4 }
            upstream: app
          - { name: by-subject, path: /subject/**, auth: ours, anonymous: allow,
              rate_limit: { by: subject, rate: 3/h }, upstream: app }
          - { name: fast, path: /fast, auth: none, rate_limit: { by: client, rate: 20/s, burst: 1 }, upstream: app }
          - { path: /free/**, auth: none, upstream: app }
"""

    def statuses(self, gateway, count, target, fields=()):
        # A connection each: the loops take them in any order.
        return [get(gateway, target, fields).status for _ in range(count)]

    def test_guessing_tokens_is_bounded_by_client_over_all_loops(self, start, upstream, key, workers):
        app = upstream()
        gateway = start(configuration(key, app, self.ROUTES, workers))
        statuses = [get(gateway, "/client/x", [bearer(f"guess{n}")]).status for n in range(8)]
        assert statuses == [401] * 4 + [429] * 4
        answer = get(gateway, "/client/x", [bearer(mint(key))])
        assert answer.status == 429 and answer.field("www-authenticate") is None
        assert 1 <= int(answer.field("retry-after")) <= 3600
        assert answer.field("ratelimit-policy") == '"default";q=4;w=14400'
        assert answer.field("ratelimit") == f'"default";r=0;t={answer.field("retry-after")}'
        line = gateway.access_of(answer.request_id)
        assert (line["reason"], line["blame"], line["route"]) == ("rate_limited", "client", "by-client")
        assert "subject" not in line and "upstream" not in line
        assert get(gateway, "/free/x").status == 200
        assert len(app.requests) == 1

    def test_each_subject_is_counted_alone_whatever_its_tokens(self, start, upstream, key, workers):
        app = upstream()
        gateway = start(configuration(key, app, self.ROUTES, workers))
        for subject in ("alice", "bob"):
            statuses = [
                get(gateway, "/subject/x", [bearer(mint(key, sub=subject, jti=str(n)))]).status for n in range(5)]
            assert statuses == [200] * 3 + [429] * 2
        assert self.statuses(gateway, 5, "/subject/x") == [200] * 3 + [429] * 2
        line = gateway.wait_access(reason="rate_limited", subject="alice")[0]
        assert line["status"] == 429
        assert len(app.requests) == 9

    def test_I_7_clients_are_told_apart_as_trusted_proxies_name_them(self, start, upstream, key):
        app = upstream()
        routes = """
          - { path: /client, auth: none, rate_limit: { by: client, rate: 1/h }, upstream: app }
"""
        text = configuration(key, app, routes)
        trusting = start(text.replace("        routes:", "        trusted_proxies: [127.0.0.0/8]\n        routes:"))
        for address, status in [
            ("192.0.2.1", 200), ("192.0.2.1", 429), ("192.0.2.2", 200), ("2001:db8::1", 200), ("2001:db8::2:3", 429),
            ("2001:db8:0:1::1", 200), ("192.0.2.2", 429),
        ]:
            answer = get(trusting, "/client", [("X-Forwarded-For", address)])
            assert answer.status == status, address
        strict = start(text)
        statuses = [get(strict, "/client", [("X-Forwarded-For", f"192.0.2.{n}")]).status for n in range(3)]
        assert statuses == [200, 429, 429]

    def test_a_limit_lets_the_next_one_pass_in_time(self, start, upstream, key):
        app = upstream()
        gateway = start(configuration(key, app, self.ROUTES))
        assert get(gateway, "/fast").status == 200
        wait_until(lambda: get(gateway, "/fast").status == 200, "the next one to pass")

    def test_a_reload_keeps_what_was_counted_where_the_limit_is_the_same(self, start, upstream, key):
        app = upstream()
        text = configuration(key, app, self.ROUTES)
        gateway = start(text)
        assert self.statuses(gateway, 5, "/client/x") == [401] * 4 + [429]
        for count, changed in ((1, text.replace("path: /free/**", "path: /other/**")),
                               (2, text.replace("1/h, burst: 4", "1/h, burst: 5"))):
            gateway.reload(changed)
            expected = [429] * 6 if count == 1 else [401] * 5 + [429]
            assert self.statuses(gateway, 6, "/client/x") == expected

    def test_a_refused_body_is_not_read_as_a_request(self, start, upstream, key):
        app = upstream()
        gateway = start(configuration(key, app, self.ROUTES))
        self.statuses(gateway, 4, "/client/x")
        with Client(gateway) as client:
            client.send(b"POST /client/x HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\nGET /free/x HTTP/1.1\r\nHost: a\r\n")
            answer = client.response("POST")
            assert (answer.status, answer.field("connection")) == (429, "close")
            assert client.is_closed()
        assert not app.requests


class TestFixedAnswers:
    """`builtin: static`."""

    @pytest.fixture(scope="class")
    def gateway(self, start_once, tmp_path_factory, key):
        folder = tmp_path_factory.mktemp("pages")
        (folder / "page.html").write_bytes(b"<p>\r\n" + b"x" * 300_000)
        return start_once(f"""
        listeners:
          - address: 127.0.0.1:0
        providers:
          ours: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {key.path} }}
        upstreams:
          robots: {{ builtin: static, static: {{ body: "User-agent: *" }} }}
          closed: {{ builtin: static, static: {{ status: 503, content_type: text/html, body_file: {folder}/page.html }} }}
          nothing: {{ builtin: static, static: {{ status: 204 }} }}
        routes:
          - {{ path: /robots.txt, auth: none, upstream: robots }}
          - {{ path: /closed/**, auth: ours, cors: {{ origins: ["*"] }}, upstream: closed }}
          - {{ path: /nothing, auth: none, upstream: nothing }}
        """)

    def test_the_same_for_every_request(self, gateway):
        with Client(gateway) as client:
            for method in ("GET", "HEAD", "GET", "POST", "OPTIONS"):
                client.send(f"{method} /robots.txt HTTP/1.1\r\nHost: a\r\n"
                            + ("Content-Length: 3\r\n\r\nabc" if method == "POST" else "\r\n"))
                answer = client.response(method)
                assert answer.status == 200 and answer.field("content-type") == "text/plain; charset=utf-8"
                assert answer.field("content-length") == "13" and answer.field("connection") is None
                assert answer.body == (b"" if method == "HEAD" else b"User-agent: *")
        line = gateway.wait_access(path="/robots.txt")[0]
        assert (line["upstream"], line["status"]) == ("robots", 200) and "reason" not in line

    def test_a_file_behind_a_token(self, gateway, key):
        assert get(gateway, "/closed/x").status == 401
        answer = get(gateway, "/closed/x", [bearer(mint(key))])
        assert (answer.status, answer.field("content-type")) == (503, "text/html")
        assert answer.body == b"<p>\r\n" + b"x" * 300_000
        assert answer.field("access-control-allow-origin") == "*" and answer.field("retry-after") is None

    def test_no_body(self, gateway):
        answer = get(gateway, "/nothing")
        assert (answer.status, answer.field("content-length"), answer.field("content-type")) == (204, None, None)
