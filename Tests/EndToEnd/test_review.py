"""What `check` says of routes that are allowed, and probably not meant."""
import pytest
from support.gateway import run
from support.sign_in import ALICE, scene_fixture, users

HEAD = """listeners:
  - address: 127.0.0.1:0
providers:
  company: { issuer: "https://issuer.example", audiences: [api], jwks_url: "https://issuer.example/jwks" }
upstreams:
  app: { servers: ["127.0.0.1:9"] }
routes:
"""
FIRST = HEAD.count("\n") + 1


def check(tmp_path, routes, *options, more=""):
    lines = "".join(f"  - {{ {route}, upstream: app }}\n" for route in routes)
    (tmp_path / "gateway.conf").write_text(HEAD + lines + more)
    return run("check", "--config", tmp_path / "gateway.conf", *options)


def warned(tmp_path, routes, *options, more="", status=0):
    """The warnings, each as (the route's number, what is said)."""
    result = check(tmp_path, routes, *options, more=more)
    assert result.returncode == status, result
    found = []
    for line in result.stderr.splitlines():
        place, _, said = line.removeprefix(f"{tmp_path}/gateway.conf:").partition(": ")
        assert said.endswith(" (a warning)")
        found.append((int(place.split(":")[0]) - FIRST, said.removesuffix(" (a warning)")))
    return found


def test_parameters_as_other_programs_write_them(tmp_path):
    routes = ['path: "/users/:id", auth: company', 'path: "/posts/[id]", auth: company', "path: /files/$export, auth: company",
              'path: "/public/things:purge", auth: company', "path: /literal/%3Aid, auth: company"]
    assert [(route, said.partition(";")[0]) for route, said in warned(tmp_path, routes)] == [
        (number, f'"{segment}" matches nothing but itself') for number, segment in enumerate([":id", "[id]"])]
    assert warned(tmp_path, routes, "--strict", status=1)
    result = check(tmp_path, ['path: "/users/<id>", auth: company'])
    assert result.returncode == 1 and "`{name}`, not `<name>`" in result.stderr


def test_what_is_warned_of_a_sign_in_is_so(scene):
    """Its own tokens, refused by the provider that issued them."""
    def warning(signed_in, written):
        result = run("check", "--config", signed_in.gateway.config_path)
        assert result.returncode == 0
        number = next(index for index, text in enumerate(signed_in.config.splitlines(), 1) if written in text)
        place = f"{signed_in.gateway.config_path}:{number}:"
        [line] = [line for line in result.stderr.splitlines() if line.startswith(place)]
        return line
    signed_in = scene(provider="token_from: [authorization, cookie:session]")
    assert '"token_from" without "cookie"' in warning(signed_in, "token_from")
    token = signed_in.tokens()["access_token"]
    answer = signed_in.get("/x", [("Cookie", f"portcullis_access={token}")])
    assert (answer.status, signed_in.gateway.access_of(answer.request_id)["reason"]) == (401, "credential_missing")
    assert signed_in.get("/x", [signed_in.bearer(token)]).status == 200
    signed_in.gateway.stop()
    signed_in = scene(provider="require: { typ: JWT }")
    assert '"JWT" is not the type' in warning(signed_in, "typ: JWT")
    assert signed_in.login().status == 401


def test_good_routes_are_good(tmp_path):
    routes = [
        "path: /health, auth: none", "path: /orders/admin/**, auth: company, require: { roles: [admin] }",
        "path: /orders/**, methods: [GET], auth: company, require: { scopes: [r] }",
        "path: /orders/**, auth: company, require: { scopes: [w] }", "path: /**, auth: company"]
    assert warned(tmp_path, routes) == []
    assert warned(tmp_path, routes, "--strict") == []


@pytest.mark.parametrize("strict, rest, said", [
    ("path: /admin/**, methods: [GET], auth: company, require: { roles: [admin] }", "path: /**, auth: none",
     "POST /admin is open to everyone by the route on line {line}: this route is for GET alone"),
    ("path: /admin/**, methods: [GET, POST], auth: company", "path: /**, auth: company, anonymous: allow",
     "PUT /admin is open to everyone by the route on line {line}: this route is for GET, POST alone"),
    ("path: /admin/**, methods: [GET], auth: company, require: { roles: [admin] }", "path: /**, auth: company",
     "POST /admin is asked for less by the route on line {line}: this route is for GET alone"),
    ("path: /orders/*, methods: [DELETE], auth: company", "path: /orders/**, auth: none",
     "POST /orders/x is open to everyone by the route on line {line}: this route is for DELETE alone"),
])
def test_P_13_the_other_methods_of_a_path_that_is_protected(tmp_path, strict, rest, said):
    assert (0, said.format(line=FIRST + 1)) in warned(tmp_path, [strict, rest])


@pytest.mark.parametrize("routes", [
    # Reading is open, all else is not.
    ["path: /orders/**, methods: [GET], auth: none", "path: /orders/**, auth: company, require: { roles: [admin] }"],
    ["path: /docs/**, methods: [GET], auth: none", "path: /**, auth: company"],
    # Writing is for few.
    ["path: /orders/**, methods: [POST, PUT, PATCH, DELETE], auth: company", "path: /**, auth: none"],
    ["path: /orders/**, methods: [DELETE], auth: company, require: { roles: [admin] }", "path: /**, auth: company"],
    # Nobody takes the others, or who does was written for the same path.
    ["path: /orders/**, methods: [GET], auth: company, require: { roles: [a] }", "path: /x/**, auth: none"],
    ["path: /orders/**, methods: [GET], auth: company", "path: /orders/**, auth: none"],
], ids=str)
def test_methods_that_are_ordered_as_people_mean_it(tmp_path, routes):
    assert not [said for _, said in warned(tmp_path, routes) if "alone" in said]


SIGN_IN = """
  local:
    issuer: http://127.0.0.1
    audiences: [a]
    signing: { state: state }
    sign_in: { users_file: users.yaml }
"""


@pytest.mark.parametrize("trusted, peers, pages, is_warned", [
    ("", "[127.0.0.1]", True, True), ("trusted_proxies: [127.0.0.1]", "[127.0.0.1]", True, False),
    ("trusted_proxies: [10.0.0.0/8, unix]", "[10.1.2.3, 10.4.0.0/16, unix]", True, False),
    ("trusted_proxies: [10.0.0.0/8]", "[10.1.2.3, unix]", True, True),
    ("trusted_proxies: [10.4.0.0/16]", "[10.0.0.0/8]", True, True), ("", "[127.0.0.1]", False, False)])
def test_I_7_pages_behind_a_proxy_that_is_not_trusted(tmp_path, trusted, peers, pages, is_warned):
    (tmp_path / "users.yaml").write_text(users(ALICE))
    (tmp_path / "users.yaml").chmod(0o600)
    text = HEAD.replace("upstreams:", f"{SIGN_IN.lstrip(chr(10)) if pages else ''}{trusted}\nforward_auth: "
                        f"{{ path: /.portcullis/verify, peers: {peers} }}\nupstreams:")
    (tmp_path / "gateway.conf").write_text(text + "  - { path: /**, auth: company, upstream: app }\n")
    result = run("check", "--config", tmp_path / "gateway.conf")
    assert result.returncode == 0, result.stderr
    line = text.partition("forward_auth")[0].count("\n") + 1
    assert (f'gateway.conf:{line}:51: not all of these proxies are in "trusted_proxies"' in result.stderr) == is_warned


@pytest.mark.parametrize("earlier, dead", [
    (["path: /a, auth: none", 'path: "/a/*/**", auth: none'], "path: /a/**, auth: none"),
    (["path: /a/**, methods: [GET], auth: none", "path: /a/**, methods: [POST], auth: none"],
     "path: /a/b, methods: [POST, HEAD], auth: none"),
    (["path: /**, host: a.example, auth: none", 'path: "/**", host: "*.b.a.example", auth: none',
      "path: /x, auth: none", 'path: "/*/y", auth: none', "path: /x/**, auth: none"],
     "path: /x/y, host: a.example, auth: none"),
], ids=str)
def test_a_route_that_others_leave_nothing(tmp_path, earlier, dead):
    result = check(tmp_path, [*earlier, dead])
    if result.returncode == 1:
        # One of them alone takes all: that is an error.
        assert "never matches" in result.stderr
        return
    found = warned(tmp_path, [*earlier, dead])
    assert (len(earlier), "this route never matches: earlier routes together match all of its requests") in found
    assert check(tmp_path, [*earlier, dead], "--strict").returncode == 1


def test_routes_whose_order_alone_decides(tmp_path):
    routes = ['path: "/users/{id}/private", auth: company, require: { roles: [a] }', "path: /users/me/**, auth: none"]
    assert warned(tmp_path, routes) == [
        (1, f"GET /users/me/private is decided by the route on line {FIRST}, whose rule differs, not by this route")]
    assert warned(tmp_path, routes, "--strict", status=1)
    # Of one rule: nothing depends on the order.
    assert warned(tmp_path, ['path: "/users/{id}/private", auth: none', "path: /users/me/**, auth: none"]) == []
    # A part before the whole is how rules are written.
    assert warned(tmp_path, ["path: /users/me, auth: company", "path: /users/**, auth: none"]) == []
    [(route, said)] = warned(tmp_path, [
        'path: /x/**, host: "*.example.com", auth: company', "path: /x/y, auth: none"])
    assert route == 1 and "GET xx.example.com/x/y is decided by" in said
    # The later one never gets its GET.
    [(route, said)] = warned(tmp_path, [
        "path: /x/**, methods: [GET], auth: company", "path: /x/y, methods: [GET, POST], auth: none"])
    assert route == 1 and "GET /x/y is decided by" in said
    assert warned(tmp_path, ["path: /x/**, methods: [GET], auth: company", "path: /x/y, methods: [POST], auth: none"]
                  ) == []


@pytest.mark.parametrize("first, earlier, later, said", [
    # The plainest request of both is another route's, and what is below it is not.
    ("path: /users/me/private, auth: company", "path: /users/me/**, auth: none",
     'path: "/users/{id}/private/**", auth: company, require: { roles: [admin] }', "GET /users/me/private/x"),
    # Nor are other methods.
    ("path: /a/b, methods: [GET], auth: company", 'path: "/{x}/b", auth: none', 'path: "/a/{x}", auth: company', "POST /a/b"),
    ("path: /a/b, methods: [GET, POST], auth: company", 'path: "/{x}/b", auth: none',
     'path: "/a/{x}", methods: [POST, DELETE], auth: company', "DELETE /a/b"),
])
def test_P_13_routes_of_which_only_some_requests_depend_on_the_order(tmp_path, first, earlier, later, said):
    overlap = f"{said} is decided by the route on line {FIRST + 1}, whose rule differs, not by this route"
    assert (2, overlap) in warned(tmp_path, [first, earlier, later])


@pytest.mark.parametrize("routes, said", [
    (["path: /Users/me/**, auth: none", 'path: "/users/{id}/private", auth: company'],
     (1, "GET {host}/users/me/private is decided by the route on line {line}, whose rule differs, not by this route")),
    (["path: /Admin/pub/**, auth: none", "path: /admin/**, auth: company"],
     (0, "open to everyone inside the route on line {next}, which is not: GET {host}/{admin}/pub")),
])
@pytest.mark.parametrize("hosts, host", [("all", ""), ("[a.example]", "a.example")])
def test_P_11_routes_are_reviewed_as_their_paths_are_matched(tmp_path, routes, said, hosts, host):
    assert warned(tmp_path, routes) == []
    route, text = said
    expected = text.format(host=host, line=FIRST, next=FIRST + 1, admin="admin" if host else "Admin")
    assert (route, expected) in warned(tmp_path, routes, more=f"case_insensitive_paths: {hosts}\n")
    # Elsewhere it makes a difference.
    elsewhere = [f"{route}, host: b.example" for route in routes]
    assert bool(warned(tmp_path, elsewhere, more=f"case_insensitive_paths: {hosts}\n")) == (hosts == "all")


def test_P_11_the_other_methods_of_one_path_in_another_case_are_no_other_paths(tmp_path):
    routes = ["path: /Docs/**, methods: [GET], auth: company", "path: /docs/**, auth: none"]
    assert any("alone" in said for _, said in warned(tmp_path, ["path: /Docs/**, methods: [GET], auth: company", "path: /**, auth: none"]))
    assert not any("alone" in said for _, said in warned(tmp_path, routes, more="case_insensitive_paths: all\n"))


def test_the_host_of_an_example_is_named_if_one_of_its_routes_is_for_it(tmp_path):
    routes = ["path: /*, methods: [GET], auth: company, require: { roles: [a] }",
              "path: /x, host: api.example, auth: company, require: { roles: [b] }"]
    assert warned(tmp_path, routes) == [
        (1, f"GET api.example/x is decided by the route on line {FIRST}, whose rule differs, not by this route")]
    routes = ["path: /x/y, host: api.example, methods: [GET], auth: company", "path: /**, auth: none"]
    assert (0, f"POST api.example/x/y is open to everyone by the route on line {FIRST + 1}: this route is for GET alone"
            ) in warned(tmp_path, routes)


def test_what_is_open_inside_of_what_is_not(tmp_path):
    routes = ["path: /api/docs/**, auth: none", "path: /api/**, auth: company", "path: /x, auth: none"]
    assert warned(tmp_path, routes) == [
        (0, f"open to everyone inside the route on line {FIRST + 1}, which is not: GET /api/docs")]
    assert warned(tmp_path, ["path: /health, auth: none", "path: /**, auth: company"]) == []


@pytest.mark.parametrize("routes, is_open", [
    (["path: /a/open, auth: none", "path: /a/**, methods: [GET, POST], auth: company",
      "path: /a/**, auth: company"], True),
    (["path: /a/open, auth: company, anonymous: allow", "path: /a/**, auth: company"], True),
    (["path: /a/open, auth: none", "path: /a/**, auth: company, anonymous: allow"], False),
    (["path: /a/open, auth: company, anonymous: allow, require: { roles: [x] }", "path: /a/**, auth: company"], False),
])
def test_what_is_open_is_what_a_request_without_a_token_may_take(tmp_path, routes, is_open):
    found = [said for number, said in warned(tmp_path, routes) if number == 0 and said.startswith("open to everyone")]
    assert bool(found) == is_open, found


@pytest.mark.parametrize("key, spelling", [
    ("double_slashes", "//admin"), ("encoded_slashes", "/%2Fadmin"), ("path_parameters", "/admin;x")])
def test_P_3_spellings_that_a_route_keeps_and_servers_read_as_those_of_another(tmp_path, key, spelling):
    admin, all_paths = "path: /admin/**, auth: company, require: { roles: [admin] }", "path: /**, auth: company"
    assert warned(tmp_path, [admin, f"{all_paths}, {key}: keep"]) == [(
        1, f'"{key}: keep" makes this route match GET {spelling}, which is /admin to servers that do not keep it: that is '
           "the route on line 8, whose rule differs")]
    # At the end of a path, too.
    inner = "path: /files/secret/**, auth: company, require: { roles: [admin] }"
    said = warned(tmp_path, [inner, f"path: /files/**, auth: company, {key}: keep"])
    assert [(number, "which is /files/secret to servers" in words) for number, words in said] == [(1, True)], said
    # Where the other route keeps nothing, has the same rule, or is inside, nothing is to be said.
    assert warned(tmp_path, [f"{admin}, {key}: keep", all_paths]) == []
    assert warned(tmp_path, ["path: /admin/**, auth: company", f"{all_paths}, {key}: keep"]) == []
    assert warned(tmp_path, [admin, f"path: /files/**, auth: company, {key}: keep"]) == []


ADMIN = "path: /admin/**, auth: company, require: { roles: [admin] }"


@pytest.mark.parametrize("route, said", [
    ("path: /api/**, auth: none, strip_prefix: /api", "GET /api/admin is forwarded as /admin"),
    ("path: /api/**, auth: company, strip_prefix: /api", "GET /api/admin is forwarded as /admin"),
    ("path: /api/v1/**, host: a.example, auth: none, strip_prefix: /api", None),
    ("path: /api/v1/**, host: a.example, auth: none, strip_prefix: /api/v1",
     "GET a.example/api/v1/admin is forwarded as /admin"),
    ("path: /open/**, auth: none, rewrite: /admin/**", "GET /open is forwarded as /admin"),
    ("path: /open/**, methods: [POST], auth: none, rewrite: /**", "POST /open/admin is forwarded as /admin"),
    ("path: /api/**, auth: company, require: { roles: [admin] }, strip_prefix: /api", None),
    ("path: /api/**, auth: none", None),
    ("path: /api, auth: none, rewrite: /admin/x", "GET /api is forwarded as /admin/x"),
    ("path: /api/**, auth: none, rewrite: /x", None),
])
def test_P_1_a_path_that_is_forwarded_as_one_that_is_protected(tmp_path, route, said):
    expected = [(0, f"{said}, for which the route on line {FIRST + 1} asks for more")] if said else []
    assert [each for each in warned(tmp_path, [route, ADMIN]) if "forwarded as" in each[1]] == expected


def test_P_1_a_path_that_is_forwarded_at_a_host_where_it_is_protected(tmp_path):
    routes = ["path: /api, auth: none", "path: /api/**, auth: none, strip_prefix: /api",
              f"host: a.example, {ADMIN}"]
    said = f"GET a.example/api/admin is forwarded as /admin, for which the route on line {FIRST + 2} asks for more"
    assert [each for each in warned(tmp_path, routes) if "forwarded as" in each[1]] == [(1, said)]


def test_P_1_a_path_for_all_others_or_that_is_rewritten_itself_is_not_protected(tmp_path):
    for other in ("path: /**, auth: company", f"{ADMIN}, strip_prefix: /admin"):
        assert warned(tmp_path, ["path: /api/**, auth: none, strip_prefix: /api", other]) == []


def test_routes_that_no_test_takes(tmp_path):
    routes = ["path: /a, auth: none", 'path: "/b/{id}", methods: [POST], auth: company', "path: /c, auth: none"]
    tests = "tests:\n  - { request: GET /a, expect: allowed }\n  - { request: GET /c, expect: allowed }\n"
    assert warned(tmp_path, routes, more=tests) == [(1, "no test covers this route: POST /b/x would")]
    assert warned(tmp_path, routes) == []


def test_thousands_of_routes_are_reviewed(tmp_path):
    routes = [f'path: "/r{number}/*", auth: company' for number in range(1000)]
    assert warned(tmp_path, routes) == []


def test_no_more_than_500_overlaps_are_told(tmp_path):
    routes = [route for number in range(30) for route in (
        f'path: "/a{number}/*", auth: company', f'path: "/*/b{number}", auth: company, require: {{ roles: [a] }}')]
    found = warned(tmp_path, routes)
    assert len(found) == 501 and found[-1][1] == "there are more: only the first 500 warnings are shown"
    assert all("is decided by the route on line" in said for _, said in found[:-1])


def test_no_more_than_500_warnings_are_told(tmp_path):
    tests = "tests:\n  - { request: GET /tested, expect: allowed }\n"

    def routes(untested):
        return ["path: /tested, auth: none", *(f"path: /r{number}, auth: none" for number in range(untested))]

    everything = [(number + 1, f"no test covers this route: GET /r{number} would") for number in range(500)]
    assert warned(tmp_path, routes(500), more=tests) == everything
    more = (501, "there are more: only the first 500 warnings are shown")
    assert warned(tmp_path, routes(510), more=tests) == [*everything, more]
