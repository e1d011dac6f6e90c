"""SECURITY P: one path, decided and forwarded. `/R` is a protected path; nothing may reach it by another spelling."""
import json
import random
import urllib.parse

import pytest

from support.gateway import run
from support.ports import wait_until
from support.sign_in import SignIn
from support.tokens import AUDIENCE, ISSUER, KeyServer, bearer, mint
from support.verdicts import assert_refused
from support.wire import Client, get

CONFIG = """
listeners: [{{ address: 127.0.0.1:0 }}]
workers: 1
providers:
  company: {{ issuer: "{issuer}", audiences: [{audience}], jwks_url: "{keys}" }}
upstreams:
  app: {{ servers: ["{app}"] }}
routes:
  - {{ name: protected, path: /R/**, auth: company, upstream: app }}
  - {{ name: one, path: "/one/{{id}}", auth: none, upstream: app }}
  - {{ name: reading, path: /read/**, methods: [GET], auth: none, upstream: app }}
  - {{ name: kept, path: /kept/**, encoded_slashes: keep, double_slashes: keep, path_parameters: keep, auth: none,
      upstream: app }}
  - {{ name: strict, path: /strict/**, methods: [POST, DELETE], auth: company, upstream: app }}
  - {{ name: loose, path: /strict/**, auth: none, upstream: app }}
  - {{ name: public, path: /pub/**, auth: none, upstream: app }}
  - {{ name: root, path: /, auth: none, upstream: app }}
  - {{ name: any, path: /any/**, auth: none, upstream: app }}
"""


@pytest.fixture(scope="module")
def app(upstream_once):
    return upstream_once()


@pytest.fixture(scope="module")
def issuer(keys):
    server = KeyServer(keys["ES256"])
    yield server
    server.close()


@pytest.fixture(scope="module")
def gateway(start_once, app, issuer):
    return start_once(CONFIG.format(issuer=ISSUER, audience=AUDIENCE, keys=issuer.url, app=app.server))


def target_request(target, method="GET"):
    target = target if isinstance(target, bytes) else target.encode("latin-1")
    return method.encode() + b" " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n"


def ask(gateway, app, target, method="GET", fields=()):
    """The answer, and the one request that the upstream saw; None where it saw nothing at all."""
    app.forget()
    answer = get(gateway, target, fields, method=method)
    seen = app.requests
    assert len(seen) == (answer.status == 200), (answer, seen)
    assert seen or app.received == b""
    return answer, seen[0] if seen else None


def line_of(gateway, answer, seen=None):
    """The access line of an exchange: a relayed answer carries no id, but what the upstream saw does."""
    return gateway.access_of(seen.request_id if seen else answer.request_id)


def refuse(gateway, app, target, reason, status=400):
    return assert_refused(gateway, app, target_request(target), status, reason)


def paths(*targets):
    """Each as it is, as an absolute-form target, and with a query."""
    return lambda test: pytest.mark.parametrize("form", ["{}", "http://a{}", "{}?x=/pub"])(
        pytest.mark.parametrize("target", targets)(test))


@paths("/a/../R", "/../R", "/%2E./R", "/.%2e/R", "/%2e%2E/R", "/a/.", "/a/..", "/./R", "/.", "/..", "/pub/%2e/R",
       "/pub/../R", "/pub/../../R", "/pub/%2e%2e/R", "/kept/../R", "/kept/x/..", "/kept/%2e%2e")
def test_P_2_dot_segments(gateway, app, target, form):
    refuse(gateway, app, form.format(target), "path_dot_segment")


@pytest.mark.parametrize("target", ["/kept/..%2fR", "/kept/..%5cR", "/kept/%2e%2e%2fR", "/kept/a%2f..%2f..%2fR",
                                    "/kept/..;/R", "/kept/..;a=b/R", "/kept/.%3b/R", "/kept/%2e%2e%3bx/R"])
def test_P_2_dot_segments_behind_what_a_route_keeps(gateway, app, target):
    refuse(gateway, app, target, "path_dot_segment")


@pytest.mark.parametrize("target", ["/pub/...", "/pub/.a", "/pub/..a", "/pub/a..", "/pub/a.b", "/pub/.well-known"])
def test_P_2_other_dots_pass(gateway, app, target):
    assert ask(gateway, app, target)[1].target == target


@paths("/a%2fR", "/a%2FR", "/a%5cR", "/a%5CR", "/%2fR", "/pub%2f..%2fR", "/R%2f", "/pub/a%2fb")
def test_P_3_encoded_slashes(gateway, app, target, form):
    refuse(gateway, app, form.format(target), None)


@pytest.mark.parametrize("target, seen", [("/kept/a%2fR", "/kept/a%2FR"), ("/kept/a%5CR", "/kept/a%5CR"),
                                          ("/kept%2fR", None), ("/kept/%2fR", "/kept/%2FR")])
def test_P_3_kept_they_are_opaque(gateway, app, target, seen):
    answer, request = ask(gateway, app, target)
    if seen is None:
        assert answer.status == 400
    else:
        assert request.target == seen and line_of(gateway, answer, request)["route"] == "kept"


@paths("/a\\R", "/\\R", "/pub/..\\R", "/kept/a\\R")
def test_P_4_backslashes(gateway, app, target, form):
    refuse(gateway, app, form.format(target), "path_backslash")


@paths("//R", "/a//R", "/R//", "///", "//", "/pub//x")
def test_P_4_double_slashes(gateway, app, target, form):
    refuse(gateway, app, form.format(target), "path_double_slash")


def test_P_4_kept_they_pass(gateway, app):
    assert ask(gateway, app, "/kept//a//")[1].target == "/kept//a//"


@paths("/R;x=1", "/R%3b", "/R%3Bx", "/;/R", "/pub;/R", "/pub/a;b")
def test_P_5_parameters(gateway, app, target, form):
    refuse(gateway, app, form.format(target), "path_parameter")


@paths("/a/..;/R", "/a/..;x=1/R", "/pub/.;/R", "/pub/..%3b/R")
def test_P_5_parameters_behind_dots(gateway, app, target, form):
    refuse(gateway, app, form.format(target), "path_dot_segment")


def test_P_5_kept_they_pass(gateway, app):
    assert ask(gateway, app, "/kept/a;b=c")[1].target == "/kept/a;b=c"


@pytest.mark.parametrize("target", ["/pub#/../R", "/pub/#", "/pub?x#y", "http://a/pub#"])
def test_P_6_fragments(gateway, app, target):
    assert_refused(gateway, app, target_request(target) + target_request("/pub"), 400, "target_invalid")


@pytest.mark.parametrize("byte", [*range(0x01, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0x80, 0xA0, 0xC3, 0xFF])
@pytest.mark.parametrize("place", ["path", "query"])
def test_P_6_raw_bytes(gateway, app, byte, place):
    target = b"/pub/a" + bytes([byte]) + b"b" if place == "path" else b"/pub?a" + bytes([byte])
    assert_refused(gateway, app, target_request(target), 400, "target_invalid")


@paths(*(f"/pub/a{c}b" for c in '"<>{}`'))
def test_P_6_characters(gateway, app, target, form):
    refuse(gateway, app, form.format(target), "path_character_invalid")


def test_P_6_what_browsers_send_passes(gateway, app):
    assert ask(gateway, app, "/pub/a|b^c[d]")[1].target == "/pub/a|b^c[d]"
    assert ask(gateway, app, "/pub/-._~!$&'()*+,:=@")[1].target == "/pub/-._~!$&'()*+,:=@"


@paths("/%zz", "/%", "/%2", "/pub/%4", "/pub/%-1", "/R%00", "/pub/%0d%0a", "/pub/%0A", "/pub/%7f",
       "/pub/%1b", "/%c0%af", "/pub/%c0%ae", "/pub/%e0%80%af", "/pub/%f0%80%80%af", "/pub/%ed%a0%80", "/pub/%ff",
       "/pub/%80", "/pub/%c3", "/pub/%c3/x", "/pub/%f5%80%80%80", "/pub/%c2%80", "/pub/%c2%9f", "/pub/%u0041")
def test_P_7_escapes(gateway, app, target, form):
    refuse(gateway, app, form.format(target), "path_escape_invalid")


@pytest.mark.parametrize("target, seen", [
    ("/pub/%c3%a9", "/pub/%C3%A9"), ("/pub/%e2%82%ac", "/pub/%E2%82%AC"), ("/pub/%f0%9f%98%80", "/pub/%F0%9F%98%80"),
    ("/pub/%20", "/pub/%20"), ("/pub/%22%3c%3e", "/pub/%22%3C%3E"), ("/pub/%c2%a0", "/pub/%C2%A0")])
def test_P_7_good_escapes(gateway, app, target, seen):
    assert ask(gateway, app, target)[1].target == seen


@paths("/%252e%252e/R", "/%25%32%65/R", "/pub/%252f", "/pub/%25252e", "/pub/%2541", "/kept/%252f")
def test_P_8_double_encoding(gateway, app, target, form):
    refuse(gateway, app, form.format(target), "path_double_encoding")


@pytest.mark.parametrize("target", ["/pub/100%25", "/pub/100%25/x", "/pub/%25", "/pub/%25zz", "/pub/5%25of10"])
def test_P_8_an_encoded_percent_sign_passes(gateway, app, target):
    assert ask(gateway, app, target)[1].target == target


@pytest.mark.parametrize("target", ["/%52", "/%52/x", "/R/%78"])
def test_P_9_unreserved_bytes_are_decoded_to_match(gateway, app, target):
    answer, _ = ask(gateway, app, target)
    line = gateway.access_of(answer.request_id)
    assert (line["route"], line["status"], line["reason"]) == ("protected", 401, "credential_missing")
    assert line["path"] == target.replace("%52", "R").replace("%78", "x")


@pytest.mark.parametrize("target, seen", [
    ("/%70ub/%61%7e%2D%5F%2e1", "/pub/a~-_.1"), ("/pub/%3f", "/pub/%3F"), ("/pub/%23", "/pub/%23"),
    ("/pub/%3F?x=%61", "/pub/%3F?x=%61"), ("/pub/%5b%7c", "/pub/%5B%7C"), ("/pub/%40%3a", "/pub/%40%3A")])
def test_P_9_the_canonical_form_is_forwarded(gateway, app, target, seen):
    answer, request = ask(gateway, app, target)
    assert request.target == seen
    assert line_of(gateway, answer, request)["path"] == seen.partition("?")[0]


# What may stand in a path as it is, and as an escape (RFC 3986 §2.2): many servers make no difference.
BOTH_WAYS = "!$&'()*+,=:@|^[]"

TWO_SPELLINGS = """
listeners: [{{ address: 127.0.0.1:0 }}]
workers: 1
providers:
  company: {{ issuer: "{issuer}", audiences: [{audience}], jwks_url: "{keys}" }}
upstreams:
  app: {{ servers: ["{app}"] }}
routes:
  - {{ name: raw, path: "/v1/things:purge", auth: company, require: {{ roles: [admin] }}, upstream: app }}
  - {{ name: escaped, path: "/v1/things%40all/**", auth: company, require: {{ roles: [admin] }}, upstream: app }}
{every}
  - {{ name: moved, path: "/moved%2C/{{id}}", auth: none, rewrite: "/new%2C/{{id}}", upstream: app }}
  - {{ name: own, path: "/own/{{id}}", auth: company, require: {{ owner: {{ path: id, claim: sub }} }}, upstream: app }}
  - {{ name: semicolon, path: "/x;y/**", path_parameters: keep, auth: company, require: {{ roles: [admin] }},
      upstream: app }}
  - {{ name: loose, path: /loose/**, path_parameters: keep, auth: none, upstream: app }}
  - {{ name: below, path: /x/**, path_parameters: keep, auth: none, upstream: app }}
  - {{ name: one, path: "/{{id}}", path_parameters: keep, auth: none, upstream: app }}
  - {{ name: weaker, path: /**, auth: none, upstream: app }}
"""


@pytest.fixture(scope="module")
def spellings(start_once, app, issuer):
    every = "\n".join(f"""  - {{ name: byte{ord(byte)}, path: "/{'both' if n % 2 else 'kept'}/a{
        byte if n % 2 and byte not in '*[]' else '%%%02X' % ord(byte)}b", auth: company, upstream: app }}"""
                      for n, byte in enumerate(BOTH_WAYS))
    return start_once(TWO_SPELLINGS.format(
        issuer=ISSUER, audience=AUDIENCE, keys=issuer.url, app=app.server, every=every))


@pytest.mark.parametrize("target", ["/v1/things:purge", "/v1/things%3Apurge", "/v1/things%3apurge/",
                                    "/v1/%74hings%3Apurge?x", "/v1/things@all", "/v1/things%40all/x", "/v1/things@all/"])
def test_P_9_an_escape_that_need_not_be_passes_no_stricter_rule(spellings, app, keys, target):
    route = "raw" if "purge" in target else "escaped"
    for fields, status in ([], 401), ([bearer(mint(keys["ES256"]))], 403):
        answer, _ = ask(spellings, app, target, fields=fields)
        assert answer.status == status and line_of(spellings, answer)["route"] == route
    answer, request = ask(spellings, app, target, fields=[bearer(mint(keys["ES256"], roles=["admin"]))])
    # What is forwarded stays as it came.
    assert request.target == target.replace("%3a", "%3A").replace("%74", "t")
    assert line_of(spellings, answer, request)["path"] == request.target.partition("?")[0]


@pytest.mark.parametrize("target", ["/x;y", "/x%3By", "/x%3by", "/%78%3By/", "/x%3By/z%3B1"])
def test_P_1_both_spellings_of_a_semicolon_have_one_rule(spellings, app, keys, target):
    for fields, status in ([], 401), ([bearer(mint(keys["ES256"]))], 403):
        answer, request = ask(spellings, app, target, fields=fields)
        assert answer.status == status and request is None and line_of(spellings, answer)["route"] == "semicolon"
    answer, request = ask(spellings, app, target, fields=[bearer(mint(keys["ES256"], roles=["admin"]))])
    assert answer.status == 200 and request.target == target.replace("%3b", "%3B").replace("%78", "x")
    said = run("explain", "--config", spellings.config_path, "--path", target, "--format", "json")
    assert said.returncode == 1 and json.loads(said.stdout)["route"] == "semicolon"


@pytest.mark.parametrize("target, route", [("/loose/a%3Bb", "loose"), ("/loose/a;b", "loose"), ("/x%3Bz", "one"),
                                           ("/x/y%3B1", "below")])
def test_P_1_a_semicolon_that_no_rule_names_is_forwarded_as_it_came(spellings, app, target, route):
    answer, request = ask(spellings, app, target)
    assert answer.status == 200 and request.target == target and line_of(spellings, answer, request)["route"] == route


@pytest.mark.parametrize("byte", BOTH_WAYS)
def test_P_9_both_spellings_of_every_byte_have_one_rule(spellings, app, keys, byte):
    folder = "both" if BOTH_WAYS.index(byte) % 2 else "kept"
    for spelling in (byte, "%%%02X" % ord(byte), "%%%02x" % ord(byte)):
        answer, _ = ask(spellings, app, f"/{folder}/a{spelling}b")
        assert answer.status == 401 and line_of(spellings, answer)["route"] == f"byte{ord(byte)}"
        _, request = ask(spellings, app, f"/{folder}/a{spelling}b", fields=[bearer(mint(keys["ES256"]))])
        assert request.target == f"/{folder}/a{spelling}b".replace("%%%02x" % ord(byte), "%%%02X" % ord(byte))


@pytest.mark.parametrize("target, status", [
    ("/v1/things%2Fpurge", 400), ("/v1/things%5Cpurge", 400), ("/v1/things;purge", 400), ("/v1/things%3Bpurge", 400),
    ("/v1/things%253Apurge", 400), ("/v1/things%00:purge", 400), ("/v1/%2e%2e/things%3Apurge", 400),
    ("/v1/things%3Fpurge", 200), ("/v1/things%23purge", 200), ("/v1/things%25:purge", 200)])
def test_P_9_nothing_else_is_decoded(spellings, app, target, status):
    answer, request = ask(spellings, app, target)
    assert answer.status == status
    if request:
        assert request.target == target and line_of(spellings, answer, request)["route"] == "weaker"


@pytest.mark.parametrize("target, seen", [("/moved,/a%3Ab", "/new%2C/a%3Ab"), ("/moved%2c/a:b", "/new%2C/a:b")])
def test_P_9_what_a_route_makes_of_a_path_keeps_its_spelling(spellings, app, target, seen):
    assert ask(spellings, app, target)[1].target == seen


@pytest.mark.parametrize("target, status", [("/own/a:b", 200), ("/own/a%3Ab", 200), ("/own/a%3ab%3A", 403)])
def test_P_9_what_is_somebody_s_own_has_both_spellings(spellings, app, keys, target, status):
    assert ask(spellings, app, target, fields=[bearer(mint(keys["ES256"], sub="a:b"))])[0].status == status


def test_P_1_explain_and_check_see_one_rule_for_both_spellings(spellings, app, tmp_path):
    for target in ("/v1/things:purge", "/v1/things%3Apurge", "/both/a%24b", "/v1/things@all/x"):
        answer, _ = ask(spellings, app, target)
        said = run("explain", "--config", spellings.config_path, "--path", target, "--format", "json")
        assert said.returncode == 1 and json.loads(said.stdout)["route"] == line_of(spellings, answer)["route"]
    text = spellings.config_path.read_text().replace(
        "  - { name: weaker", '  - { name: again, path: "/v1/things%3Apurge", auth: none, upstream: app }\n'
        "  - { name: weaker")
    (tmp_path / "tested.conf").write_text(spellings.config_path.read_text() + """
tests:
  - { request: GET /v1/things:purge, expect: credential_missing }
  - { request: GET /v1/things%3Apurge, expect: credential_missing }
  - { request: "GET /kept/a!b", expect: credential_missing }
  - { request: GET /v1/things%3Fpurge, expect: allowed }
""")
    said = run("check", "--config", tmp_path / "tested.conf")
    assert said.returncode == 0, said
    (tmp_path / "twice.conf").write_text(text)
    said = run("check", "--config", tmp_path / "twice.conf")
    assert said.returncode == 1 and "this route never matches" in said.stderr, said


def test_P_1_generated_paths_of_both_spellings(spellings, app, keys):
    """Of two paths that differ in escapes alone, both pass or none does, by the same rule."""
    source = random.Random(11)
    pieces = ["/", "/v1/things", "purge", "all", "a", "b", "/both/a", "/kept/a", "x", "%C3%A9", *BOTH_WAYS, *BOTH_WAYS]

    def spelled(parts):
        return "".join("%%%02X" % ord(part) if part in BOTH_WAYS and source.random() < 0.5 else part for part in parts)

    rules = set()
    for _ in range(300):
        parts = source.choices(pieces, k=source.randint(1, 5))
        if source.random() < 0.3:
            parts = source.choice([["/v1/things", ":", "purge"], ["/v1/things", "@", "all", "/x"],
                                   ["/kept/a", "!", "b"], ["/both/a", "$", "b"]])
        found = []
        for target in (spelled(["/", *parts] if not parts[0].startswith("/") else parts) for _ in range(2)):
            answer, request = ask(spellings, app, target)
            line = line_of(spellings, answer, request)
            found.append((answer.status, line.get("route"), line.get("reason")))
            assert request is None or request.target == target
        assert found[0] == found[1], (parts, found)
        rules.add(found[0][1])
    assert {"raw", "escaped", "weaker"} <= rules


@pytest.mark.parametrize("target", ["/public", "/pubs/x", "/pu", "/elsewhere", "/Pub/x", "/PUB", "/r", "/one", "/one/",
                                    "/one/a/b", "/onea", "/pub%20", "/%20R"])
def test_P_10_nothing_matches(gateway, app, target):
    answer, _ = ask(gateway, app, target)
    line = gateway.access_of(answer.request_id)
    assert (answer.status, line["status"], line["reason"]) == (404, 404, "no_route") and "route" not in line


@pytest.mark.parametrize("target, route, status", [
    ("/R", "protected", 401), ("/R/", "protected", 401), ("/R/x", "protected", 401), ("/R?x", "protected", 401),
    ("/R/?", "protected", 401), ("/pub", "public", 200), ("/pub/", "public", 200), ("/pub/R", "public", 200),
    ("/", "root", 200), ("/?x", "root", 200), ("/one/R", "one", 200), ("/one/R/", "one", 200)])
def test_P_10_borders(gateway, app, target, route, status):
    answer, request = ask(gateway, app, target)
    assert answer.status == status and line_of(gateway, answer, request)["route"] == route
    if request:
        assert request.target == target


FOLDED = """
listeners: [{{ address: 127.0.0.1:0 }}]
workers: 1
case_insensitive_paths: {hosts}
providers:
  company: {{ issuer: "{issuer}", audiences: [{audience}], jwks_url: "{keys}" }}
  local: {{ issuer: "https://files.example", audiences: [a], signing: {{ state: state }} }}
upstreams:
  app: {{ servers: ["{app}"] }}
routes:
  - {{ name: protected, path: /R/**, auth: company, upstream: app }}
  - {{ name: accented, path: /caf%C3%A9, auth: company, upstream: app }}
  - {{ name: moved, path: "/Old/{{Id}}/**", auth: none, rewrite: "/New/{{Id}}/**", upstream: app }}
  - {{ name: stripped, path: /Strip/**, auth: none, strip_prefix: /Strip, upstream: app }}
  - {{ name: kept, path: /Kept/**, encoded_slashes: keep, auth: none, upstream: app }}
  - {{ name: public, path: /**, auth: none, upstream: app }}
"""


@pytest.fixture(scope="module")
def folding(start_once, app, issuer):
    return start_once(FOLDED.format(
        hosts='[files.example, "*.files.example"]', issuer=ISSUER, audience=AUDIENCE, keys=issuer.url, app=app.server))


def ask_host(gateway, app, host, target, fields=()):
    app.forget()
    answer = get(gateway, target, fields, host=host)
    assert bool(app.received) == bool(app.requests)
    request = app.requests[0] if app.requests else None
    return line_of(gateway, answer, request)["route"], answer, request


@pytest.mark.parametrize("host", ["files.example", "FILES.example.:80", "a.files.example"])
@pytest.mark.parametrize("target", ["/R", "/r", "/%72", "/%52", "/r/", "/R/x", "/r/X", "/%72/x?/pub"])
def test_P_11_a_folded_host_has_one_rule_for_all_cases(folding, app, keys, host, target):
    assert ask_host(folding, app, host, target)[::2] == ("protected", None)
    # With a token it goes on as the client wrote it, in canonical form.
    route, answer, request = ask_host(folding, app, host, target, [bearer(mint(keys["ES256"]))])
    assert (route, answer.status, request.target) == (
        "protected", 200, target.replace("%72", "r").replace("%52", "R"))
    assert line_of(folding, answer, request)["path"] == request.target.partition("?")[0]


@pytest.mark.parametrize("target, route", [("/R", "protected"), ("/%52", "protected"), ("/r", "public"), ("/%72", "public"),
                                           ("/old/a", "public"), ("/Old/a", "moved")])
def test_P_11_other_hosts_are_case_sensitive(folding, app, target, route):
    for host in ("example", "xfiles.example", "files.example.net"):
        assert ask_host(folding, app, host, target)[0] == route


@pytest.mark.parametrize("target, route, seen", [
    ("/OLD/aBc/D/e", "moved", "/New/aBc/D/e"), ("/old/%C3%A9X", "moved", "/New/%C3%A9X"),
    ("/STRIP/aB/C", "stripped", "/aB/C"), ("/strip", "stripped", "/"), ("/KEPT/a%2fB", "kept", "/KEPT/a%2FB"),
    ("/Any/Thing", "public", "/Any/Thing"), ("/caf%c3%89", "public", "/caf%C3%89")])
def test_P_11_what_is_forwarded_keeps_its_case(folding, app, target, route, seen):
    found, answer, request = ask_host(folding, app, "files.example", target)
    assert (found, answer.status, request.target) == (route, 200, seen)


def test_P_11_escapes_of_a_rule_fold_too(folding, app):
    for target in ("/caf%C3%A9", "/CAF%c3%a9", "/c%41f%C3%a9"):
        assert ask_host(folding, app, "files.example", target)[::2] == ("accented", None)


def test_P_17_own_paths_fold_too(folding, app):
    for target in ("/.well-known/jwks.json", "/.Well-Known/JWKS.json"):
        app.forget()
        answer = get(folding, target, host="files.example")
        assert answer.status == 200 and b'"keys"' in answer.body and app.received == b""


def test_P_17_own_paths_with_capitals_are_no_upstream_s_in_any_case(start, app, tmp_path):
    scene = SignIn(start, app, tmp_path, issuer="http://127.0.0.1:8080/Tenant", top='''
case_insensitive_paths: all
protected_resources: [{ resource: "http://127.0.0.1:8080/Api", providers: local }]''')
    app.forget()
    for target, member, value in [
        ("/Tenant/.well-known/openid-configuration", "issuer", scene.issuer),
        ("/.well-known/oauth-authorization-server/Tenant", "issuer", scene.issuer),
        ("/.well-known/oauth-protected-resource/Api", "resource", "http://127.0.0.1:8080/Api"),
    ]:
        for spelling in (target, target.lower(), target.upper(), target.replace("e", "%45")):
            answer = get(scene.gateway, spelling, host="127.0.0.1")
            assert answer.status == 200 and json.loads(answer.body)[member] == value, (spelling, answer)
            said = run("explain", "--config", scene.gateway.config_path, "--host", "127.0.0.1", "--path", spelling)
            assert "the gateway itself" in said.stdout, said
    assert app.received == b""


def test_P_11_for_all_hosts(start, app, issuer, keys):
    text = FOLDED.format(hosts="all", issuer=ISSUER, audience=AUDIENCE, keys=issuer.url, app=app.server)
    gateway = start(text)
    for host in ("files.example", "a", "[::1]"):
        assert ask_host(gateway, app, host, "/r")[0] == "protected"
    gateway.reload(text.replace("case_insensitive_paths: all", "case_insensitive_paths: [b]"))
    assert ask_host(gateway, app, "a", "/r")[0] == "public"
    assert ask_host(gateway, app, "b", "/r")[0] == "protected"


@pytest.mark.parametrize("query", ["?/pub", "?../pub", "?a=/pub/", "?", "??", "?x=%2e%2e%2f", "?x=%zz%", "?//;\\a",
                                   '?"<>{}`|^[]', "?x=http://a/pub", "?%00"])
def test_P_12_the_query_is_not_matched_and_passes(gateway, app, query):
    assert ask(gateway, app, "/R" + query)[0].status == 401
    assert ask(gateway, app, "/pub/x" + query)[1].target == "/pub/x" + query


@pytest.mark.parametrize("method, status", [
    ("GET", 200), ("HEAD", 200), ("get", 404), ("Get", 404), ("POST", 404), ("FOO", 404), ("GETX", 404), ("GE", 404),
    ("OPTIONS", 404), ("DELETE", 404)])
def test_P_13_methods_are_exact(gateway, app, method, status):
    answer, request = ask(gateway, app, "/read/x", method)
    assert answer.status == status
    if request:
        assert request.method == method


@pytest.mark.parametrize("method, status", [
    ("FOO", 401), ("POST", 401), ("M-SEARCH", 401), ("get", 404), ("head", 404), ("Post", 404), ("connect", 404),
    ("trace", 404), ("fOO", 404)])
def test_P_13_no_method_gets_a_looser_rule(gateway, app, method, status):
    answer, _ = ask(gateway, app, "/R", method)
    line = gateway.access_of(answer.request_id)
    assert (answer.status, line.get("route")) == (status, "protected" if status == 401 else None), line


@pytest.mark.parametrize("method", ["delete", "DELETe", "Delete", "post", "trace", "connect", "foo"])
def test_P_13_another_case_of_a_method_finds_no_route_for_all_methods(gateway, app, method):
    """Applications take `delete` for DELETE, whose route is stricter than the one for the other methods."""
    assert ask(gateway, app, "/strict/x", "GET")[0].status == ask(gateway, app, "/strict/x", "FOO")[0].status == 200
    assert ask(gateway, app, "/strict/x", "DELETE")[0].status == 401
    answer, request = ask(gateway, app, "/strict/x", method)
    assert (answer.status, request) == (404, None)
    assert gateway.access_of(answer.request_id)["reason"] == "no_route"


@pytest.fixture(scope="module", params=[1, 200], ids=["1-host", "200-hosts"])
def hosts(request, start_once, app, issuer):
    more = "\n".join(
        f"  - {{ name: h{n}, host: h{n}.example.com, path: /**, auth: none, upstream: app }}"
        for n in range(request.param))
    return start_once(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
workers: 1
providers:
  company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{issuer.url}" }}
upstreams:
  app: {{ servers: ["{app.server}"] }}
routes:
{more}
  - {{ name: exact, host: example.com, path: /**, auth: company, upstream: app }}
  - {{ name: below, host: "*.below.example", path: /**, auth: none, upstream: app }}
  - {{ name: six, host: "[::1]", path: /**, auth: none, upstream: app }}
""")


@pytest.mark.parametrize("host, route", [
    ("example.com", "exact"), ("EXAMPLE.com", "exact"), ("example.com.", "exact"), ("EXAMPLE.com.:443", "exact"),
    ("example.com:1", "exact"), ("H0.example.com", "h0"), ("h0.Example.Com.:80", "h0"), ("a.below.example", "below"),
    ("A.b.BELOW.example.", "below"), ("a" * 241 + ".below.example", "below"), ("[::1]", "six"), ("[::1]:8080", "six"), ("below.example", None),
    ("[0:0::0001]", "six"), ("[0:0:0:0:0:0:0:1]:80", "six"), ("[::0.0.0.1]", "six"), ("[::2]", None),
    ("xbelow.example", None), ("example.co", None), ("aexample.com", None),
    ("a.example.com", None)])
def test_P_14_hosts(hosts, app, host, route):
    app.forget()
    answer = get(hosts, "/x", host=host)
    assert answer.status == {"exact": 401, None: 404}.get(route, 200)
    assert len(app.requests) == (answer.status == 200)
    line = line_of(hosts, answer, next(iter(app.requests), None))
    assert line.get("route") == route, line


# What servers, frameworks and proxies believe of a path, a method, a sender or a client, some without being asked to.
STEERING = [
    "X-Original-URL", "X-Original-URI", "X-Original-Path", "X-Rewrite-URL", "X-Replaced-Path", "X-Envoy-Original-Path",
    "X-Forwarded-Uri", "X-Forwarded-Prefix", "X-Forwarded-Path", "X-Forwarded-Script-Name", "X-Forwarded-PathBase",
    "Script-Name", "Path-Info", "X-Script-Name", "Daphne-Root-Path", "X-Vhm-Root", "X-Traversal-Path", "X-Ingress-Path",
    "X-Accel-Mapping", "X-Sendfile-Type",
    "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method", "X-Forwarded-Method",
    "Remote-User", "Remote-Groups", "X-Remote-User", "X-Remote-Group", "X-WebAuth-User", "X-Auth-Request-User",
    "X-Auth-Request-Groups", "X-Forwarded-User",
    "X-Client-IP", "Client-IP", "True-Client-IP", "X-Cluster-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP",
    "X-Remote-Addr", "Remote-Addr", "X-Host", "X-Original-Host", "X-Forwarded-Server", "X-Scheme", "Front-End-Https",
    "Client-Cert", "Client-Cert-Chain", "SSL-Client-Cert", "SSL-Client-Verify", "X-SSL-Client-S-DN",
    "X-Envoy-External-Address", "Proxy"]


@pytest.mark.parametrize("spelling", [
    str, str.lower, str.upper, lambda name: name.replace("-", "_"), lambda name: name.replace("-", "_").upper(),
    lambda name: name.replace("-", ".")], ids=["as", "lower", "upper", "_", "_upper", "dot"])
@pytest.mark.parametrize("name", STEERING)
def test_P_16_steering_fields(gateway, app, name, spelling):
    answer, request = ask(gateway, app, "/pub", fields=[(spelling(name), "/R")])
    assert answer.status == 200 and request.start_line == "GET /pub HTTP/1.1"
    assert "/R" not in [value for _, value in request.fields]
    assert ask(gateway, app, "/R", fields=[(spelling(name), "/pub")])[0].status == 401


def test_P_16_the_route_itself_says_where_an_application_stands(start, app):
    """An application below a path of its own is told so, by the configuration alone."""
    gateway = start(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
routes:
  - path: /shop/**
    auth: none
    headers: {{ set: {{ SCRIPT_NAME: /shop }} }}
    upstream: app
""")
    for name in ("SCRIPT_NAME", "script-name"):
        answer, request = ask(gateway, app, "/shop/x", fields=[(name, "/shop/x")])
        assert answer.status == 200 and request.target == "/shop/x"
        assert [value for field, value in request.fields if field.lower().replace("-", "_") == "script_name"] == ["/shop"]


def test_P_1_whatever_is_decided_is_what_the_upstream_gets(gateway, app, keys):
    """Random targets of the pieces that servers read differently: what passes has one reading, its own rule's."""
    source = random.Random(7)
    pieces = ["/", "/", "/", "R", "pub", "kept", "any", ".", "..", "%2e", "%2E", "%2f", "%5c", "%25", "%52", "%3b", ";",
              "a", "%61", "%c3%a9", "?", "//", "%70", "\\", "one", "%", "~", "%7e", "x"]
    token = bearer(mint(keys["ES256"]))
    answered = {}
    targets = ["/" + "".join(source.choices(pieces, k=source.randint(1, 7))) for _ in range(600)]
    for target in targets:
        app.forget()
        fields = [] if source.random() < 0.5 else [token]
        answer = get(gateway, target, fields)
        answered.setdefault(answer.status, []).append((target, app.requests, bool(fields)))
        assert (answer.status == 200) == bool(app.received), target
    wanted = {seen[0].request_id for _, seen, _ in answered[200]}

    def all_lines():
        found = {line["request_id"]: line for line in gateway.access()}
        return found if wanted <= found.keys() else None

    lines = wait_until(all_lines, "the access lines of all that passed")
    assert set(answered) == {200, 400, 401, 404}, {status: len(found) for status, found in answered.items()}
    for target, seen, has_token in answered[200]:
        line = lines[seen[0].request_id]
        path, mark, query = seen[0].target.partition("?")
        assert path == line["path"], target
        assert mark + query == "".join(target.partition("?")[1:]), target
        # However often a server decodes it, and whatever it takes for a border: it stays below its route.
        decoded = urllib.parse.unquote(urllib.parse.unquote(path)).replace("\\", "/")
        segments = [segment.partition(";")[0] for segment in decoded.split("/")]
        assert not {".", ".."} & set(segments), target
        first = next((segment for segment in segments if segment), "")
        expected = {"R": "protected", "pub": "public", "kept": "kept", "any": "any", "one": "one", "": "root"}[first]
        assert line["route"] == expected, (target, line)
        assert has_token or expected != "protected", target


def test_P_1_the_path_of_the_log_is_the_canonical_one(gateway):
    with Client(gateway) as client:
        client.send(target_request("/%72ead/%7Ea?%70=q", "POST"))
        answer = client.response()
    assert (answer.status, gateway.access_of(answer.request_id)["path"]) == (404, "/read/~a")
