"""`explain`, and `tests` of a configuration: what they say is what the wire does."""
import json
import random
import re
import signal

import pytest
from support.gateway import run
from support.tokens import AUDIENCE, ISSUER, Key, bearer, mint
from support.wire import get
from test_requirements import World, random_rule, route

OTHER = "https://other.example"


def config(folder, app="127.0.0.1:9", more=""):
    return f"""
listeners:
  - address: 127.0.0.1:0
workers: 1
case_insensitive_paths: [files.example.com]
providers:
  company:
    {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {folder}/keys.json,
       claims: {{ roles: realm.roles }} }}
  other: {{ issuer: "{OTHER}", audiences: [{AUDIENCE}], jwks_file: {folder}/keys.json }}
upstreams:
  app: {{ servers: ["{app}"] }}
  spare: {{ servers: ["{app}"] }}
routes:
  - {{ name: open, path: /public/**, auth: none, upstream: app }}
  - {{ name: write, path: "/orders/{{id}}/**", methods: [POST], auth: company, require: {{ roles: [clerk] }}, upstream: app }}
  - name: own
    path: /orders/{{id}}/**
    auth: [company, other]
    require:
      any:
        - owner: {{ path: id, claim: account, provider: company }}
        - {{ roles: [support], not: {{ claims: {{ region: us }} }} }}
    identity: {{ X-Account: account }}
    strip_prefix: /orders
    upstream: spare
  - {{ name: api, host: api.example.com, path: /v1/**, auth: company, anonymous: allow, upstream: app }}
  - {{ name: strong, path: /strong, auth: company, require: {{ max_age: 15m }}, upstream: app }}
  - {{ name: files, host: files.example.com, path: /Admin/**, auth: company, upstream: app }}
  - {{ name: moved, path: /old/**, auth: none, redirect: "https://new.example.com{{path}}" }}
{more}"""


@pytest.fixture
def folder(tmp_path):
    key = Key("ES256", "one")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key.jwk]}))
    (tmp_path / "gateway.conf").write_text(config(tmp_path))
    tmp_path_key[tmp_path] = key
    return tmp_path


tmp_path_key = {}


def explain(folder, path, *options, status=0, stdin=None):
    result = run("explain", "--config", folder / "gateway.conf", "--path", path, *options, stdin=stdin)
    assert result.returncode == status or status is None, (result.returncode, result.stdout, result.stderr)
    return result.stdout


def explained(folder, path, *options, status=0, stdin=None):
    return json.loads(explain(folder, path, *options, "--format", "json", status=status, stdin=stdin))


def as_(*words):
    return [part for word in words for part in ("--as", word)]


def test_what_is_forwarded(folder):
    text = explain(folder, "/orders/7/items?x=1", *as_("claim=account=7", "subject=alice", "role=a"))
    lines = [line.strip() for line in text.splitlines()]
    assert "route      own" in text and "verdict    allowed" in text and "upstream   spare" in text
    assert "forwards   GET /7/items?x=1" in text
    assert "X-Forwarded-User: alice" in lines and "X-Account: 7" in lines and "X-Forwarded-Groups: a" in lines
    assert any(line.endswith("open: another path") for line in lines)
    assert any(line.endswith("write: another method") for line in lines)
    found = explained(folder, "/orders/7/items?x=1", *as_("claim=account=7", "subject=alice"))
    assert found["forwarded"] == {
        "upstream": "spare", "method": "GET", "target": "/7/items?x=1",
        "identity": {"X-Forwarded-User": "alice", "X-Account": "7"}}
    assert found["passed_over"] == [
        {"route": "open", "difference": "path"}, {"route": "write", "difference": "method"}]


def test_what_is_about_the_server_is_forwarded_as_such(folder):
    (folder / "gateway.conf").write_text(config(folder, more="""
  - { name: root, path: /, methods: [OPTIONS], auth: none, rewrite: /app, upstream: app }
  - { name: away, host: away.example, path: /, auth: none, redirect: "https://new.example.com{path}" }
"""))
    assert "forwards   OPTIONS *\n" in explain(folder, "*", "--method", "OPTIONS") + "\n"
    for target in ("*", "http://localhost"):
        assert explained(folder, target, "--method", "OPTIONS")["forwarded"]["target"] == "*"
    assert explained(folder, "/", "--method", "OPTIONS")["forwarded"]["target"] == "/app"


def test_a_refusal_by_the_address_says_for_how_many_it_is(folder):
    """Which is not known here: on the wire some are refused."""
    (folder / "gateway.conf").write_text(config(folder, more="""
  - name: guests
    path: /guests
    auth: company
    anonymous: allow
    try: { require: { roles: [member] }, enforce: 30%, budget: 100% }
    upstream: app
"""))
    found = explained(folder, "/guests", status=1)
    assert (found["verdict"], found["reason"], found["percentage_of_addresses"]) == ("refused", "credential_missing", 30)
    assert "for        30% of the clients, by their addresses" in explain(folder, "/guests", status=1)
    # By their subject it is known.
    verdicts = [explained(folder, "/guests", *as_(f"subject=u{n}"), status=None) for n in range(8)]
    assert {each["verdict"] for each in verdicts} == {"allowed", "refused"}
    assert not any("percentage_of_addresses" in each for each in verdicts)


def test_what_a_route_changes_in_what_is_forwarded(folder):
    changed = config(folder).replace(
        "    strip_prefix: /orders\n",
        "    token: forward\n    headers: { set: { X-Env: prod, X-Api-Key: canary-key }, remove: [X-Debug] }\n")
    (folder / "gateway.conf").write_text(changed)
    who = as_("claim=account=7")
    text = explain(folder, "/orders/7", *who)
    assert "\nsets       X-Env, X-Api-Key\nremoves    X-Debug\ntoken      is forwarded too" in text
    assert "canary-key" not in text and "canary-key" not in explain(folder, "/orders/7", *who, "--format", "json")
    forwarded = explained(folder, "/orders/7", *who)["forwarded"]
    assert (forwarded["sets"], forwarded["removes"]) == (["X-Env", "X-Api-Key"], ["X-Debug"])
    assert forwarded["token"] == "forwarded"
    assert "token" not in explained(folder, "/public/x", *who)["forwarded"]


def test_each_requirement_says_expected_and_found(folder):
    found = explained(folder, "/orders/7", *as_("role=support", "claim=region=us", "claim=account=8"), status=1)
    assert (found["verdict"], found["status"], found["reason"]) == ("refused", 403, "requirement_unmet")
    first, any_of = found["requirements"]
    assert first["holds"] and first["expected"] == "a token of company or other"
    assert not any_of["holds"] and len(any_of["inner"]) == 2
    owner, support = any_of["inner"]
    assert owner["reason"] == "owner_mismatch" and owner["found"] == "8"
    assert owner["expected"] == "the claim account of company is the path's {id}, 7"
    assert [each["holds"] for each in support["inner"]] == [True, False]
    assert support["reason"] == "requirement_excluded"
    # I-9: the same claim of another provider is somebody else's.
    [_, any_of] = explained(folder, "/orders/7", *as_("claim=account=7", "provider=other"), status=1)["requirements"]
    assert any_of["inner"][0]["found"] == "7, of other" and any_of["inner"][0]["reason"] == "owner_mismatch"
    text = explain(folder, "/orders/7", *as_("role=support", "claim=region=us"), status=1)
    assert "LACKS  any of 2" in text and "holds  any of the roles support; found support" in text


@pytest.mark.parametrize("path, options, status, reason", [
    ("/public/x", [], 0, None), ("/nowhere", [], 1, "no_route"), ("/orders/7", [], 1, "credential_missing"),
    ("/v1/x", ["--host", "API.example.com:8443"], 0, None), ("/v1/x", [], 1, "no_route"),
    ("/orders/7", ["--method", "POST", *as_("role=clerk")], 0, None),
    ("/orders/7", ["--method", "POST", *as_("role=other")], 1, "role_missing"),
    ("/orders/7", ["--method", "POST", *as_("role=clerk", "provider=other")], 1, "issuer_unknown"),
    ("/v1/x", ["--host", "api.example.com", *as_("provider=other")], 1, "issuer_unknown"),
    ("/strong", as_("authenticated=5m"), 0, None), ("/strong", as_("authenticated=20m"), 1, "authentication_too_old"),
    ("/strong", as_("subject=a"), 1, "authentication_too_old"),
    ("/aDMIN/x", ["--host", "files.example.com"], 1, "credential_missing"),
    ("/old/x?y", [], 0, None), ("/v1/x", ["--host", "a b"], 1, "host_invalid"),
    ("/public/x", ["--method", "CONNECT"], 1, "method_refused"), ("/public/x y", [], 1, "request_line_invalid"),
    ("/strong", as_("authenticated=1m", "claim=preferred_username=\"a\\u0000b\""), 1, "identity_invalid"),
], ids=str)
def test_verdicts(folder, path, options, status, reason):
    found = explained(folder, path, *options, status=status)
    assert found.get("reason") == reason and found["verdict"] == ("refused" if status else "allowed")


@pytest.mark.parametrize("path, reason", [
    ("/public/../orders/7", "path_dot_segment"), ("/public/%2e%2e/x", "path_dot_segment"),
    ("/public/a%2fb", "path_encoded_slash"), ("/public//x", "path_double_slash"), ("/public/;x", "path_parameter"),
    ("/public/\\x", "path_backslash"), ("/public/%zz", "path_escape_invalid"),
    ("/public/%252e", "path_double_encoding"), ("/public/x#y", "target_invalid")])
def test_P_2_to_P_8_a_bad_path_has_its_reason(folder, path, reason):
    assert explained(folder, path, status=1)["reason"] == reason


def test_what_the_gateway_answers_itself(folder):
    text = config(folder).replace(
        f"jwks_file: {folder}/keys.json }}", f"signing: {{ state: {folder}/state }} }}")
    (folder / "gateway.conf").write_text(
        text.replace("routes:\n", "forward_auth: { path: /ask, peers: [127.0.0.1] }\nroutes:\n"))
    for path, host in [("/.well-known/jwks.json", "other.example"), ("/ask", "any.example")]:
        assert explained(folder, path, "--host", host)["verdict"] == "answered_by_gateway"
    assert explained(folder, "/.well-known/jwks.json", status=1)["reason"] == "no_route"


def test_a_token_is_verified(folder):
    key = tmp_path_key[folder]
    good = mint(key, realm={"roles": ["clerk"]}, account="7")
    assert explained(folder, "/orders/7", "--token", "-", stdin=good)["forwarded"]["identity"]["X-Account"] == "7"
    assert explained(folder, "/orders/7", "--token", "-", stdin=good + "\n")["verdict"] == "allowed"
    file = folder / "token.txt"
    file.write_text(f"Bearer {good}\n")
    assert explained(folder, "/orders/7", "--token", file)["verdict"] == "allowed"
    assert explained(folder, "/orders/8", "--token", "-", stdin=good, status=1)["reason"] == "requirement_unmet"
    assert explained(folder, "/public/x", "--token", "-", stdin="rubbish")["verdict"] == "allowed"
    # I-9: whose account 7 is nobody's at the first provider.
    of_other = mint(key, iss=OTHER, account=7)
    assert explained(folder, "/orders/7", "--token", "-", stdin=of_other, status=1)["reason"] == "requirement_unmet"
    of_other = mint(key, iss=OTHER, roles=["support"])
    assert explained(folder, "/orders/7", "--token", "-", stdin=of_other)["verdict"] == "allowed"
    for token, reason in [
            (good[:-8] + "AAAAAAAA", "signature_invalid"), ("a.b", "token_malformed"),
            (mint(key, exp=1), "token_expired"), (mint(key, iss="https://nobody.example"), "issuer_unknown"),
            (mint(key, aud="x"), "audience_mismatch")]:
        assert explained(folder, "/orders/7", "--token", "-", stdin=token, status=1)["reason"] == reason
    answer = explain(folder, "/orders/8", "--token", "-", stdin=good, status=1)
    assert good not in answer and good.split(".")[2] not in answer


@pytest.mark.parametrize("change, found", [
    ({"exp": 1}, r" with exp after \d+, which is now with 30 s of leeway; found one with exp 1, \d+ s ago"),
    ({"aud": "x"}, r' with aud "[^"]+"; found one with aud "x"'),
    (None, "; found one that is refused")], ids=str)
def test_of_a_refused_token_it_says_what_it_lacks_as_why_does(folder, change, found):
    good = mint(tmp_path_key[folder], iss=ISSUER)
    token = good[:-8] + "AAAAAAAA" if change is None else mint(tmp_path_key[folder], **change)
    text = explain(folder, "/strong", "--token", "-", stdin=token, status=1)
    assert re.search(f"^requires\n  LACKS  a token of company{found}\nverdict    refused: 401 ", text, re.M), text
    requirements = explained(folder, "/strong", "--token", "-", stdin=token, status=1)["requirements"]
    assert [each["holds"] for each in requirements] == [False]


def test_a_token_is_no_argument_which_others_see(folder):
    token = mint(tmp_path_key[folder])
    for command in (["explain", "--path", "/x"], ["doctor", "--provider", "company"]):
        result = run(*command, "--config", folder / "gateway.conf", "--token", token)
        assert result.returncode == 64 and "takes a file that holds the token, or - for" in result.stderr, result
        assert token not in result.stderr + result.stdout
        result = run(*command, "--config", folder / "gateway.conf", "--token", folder / "nowhere")
        assert result.returncode == 66 and "nowhere: No such file" in result.stderr, result


@pytest.mark.parametrize("options", [
    [], ["--path", "/x", "--as", "role"], ["--path", "/x", "--as", "colour=red"], ["--path", "/x", "--as", "claim=x"],
    ["--path", "/x", "--as", "provider=nobody"], ["--path", "/x", "--token", "a", "--as", "role=a"],
    ["--path", "/x", "--format", "xml"], ["--path", "/strong", "--as", "claim=a=1", "--as", "claim=a.b=1"]], ids=str)
def test_wrong_usage(folder, options):
    result = run("explain", "--config", folder / "gateway.conf", *options)
    assert result.returncode == 64 and "portcullis explain" in result.stderr and "<subcommand>" not in result.stderr


def test_the_host_that_is_assumed_is_said(folder):
    assert "\nhost       localhost, unless --host says another\n" in explain(folder, "/v1/x", status=1)
    assert "\nhost" not in explain(folder, "/v1/x", "--host", "api.example.com")
    assert "\nhost" not in explain(folder, "/v1/x", "--host", "localhost", status=1)


def test_P_13_a_method_with_lower_case_letters_is_another_method(folder):
    text = explain(folder, "/orders/7/items", "--method", "get", status=1)
    assert "own: another method\n" in text and "verdict    refused: 404 no_route" in text, text


def test_claims_do_not_write_to_a_terminal(folder):
    text = explain(folder, "/orders/7", *as_('claim=account="\\u001b[2J\\u202e"'), status=1)
    assert "\x1b" not in text and "\u202e" not in text and "\\u{1b}[2J" in text


def test_explain_says_what_the_wire_does(start, upstream, tmp_path):
    dice = random.Random(8)
    key = Key("EdDSA", "one")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key.jwk]}))
    app = upstream()
    rules = [random_rule(dice, 4) for _ in range(12)]
    lines = "\n".join(f"  - {json.dumps(route(f'/r{n}/{{id}}', rule))}" for n, rule in enumerate(rules))
    gateway = start(
        f'listeners:\n  - address: 127.0.0.1:0\nworkers: 1\nproviders:\n  company:\n'
        f'    {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {tmp_path}/keys.json }}\n'
        f'upstreams:\n  app: {{ servers: ["{app.server}"] }}\nroutes:\n{lines}\n')
    for number in range(24):
        world = World(dice)
        token, target = world.token(key), f"/r{number % 12}/{world.segment}"
        answer = get(gateway, target, [bearer(token)])
        found = explained(gateway.folder, target, "--token", "-", stdin=token, status=0 if answer.status == 200 else 1)
        line = gateway.access_of(answer.request_id or app.requests[-1].field("x-request-id"))
        assert found.get("reason") == line.get("reason") and found["route"] == line["route"]


# tests.

GOOD_TESTS = """tests:
  - { request: GET /public/x, expect: allowed, route: open, upstream: app }
  - { request: GET /orders/7, expect: credential_missing }
  - { request: GET /orders/7, expect: 401 }
  - { request: "GET /orders/7", as: { claims: { account: 7 } }, expect: allowed, upstream: spare }
  - { request: "GET /orders/8", as: { claims: { account: 7 } }, expect: requirement_unmet, route: own }
  - { request: "POST /orders/8", as: { subject: bob, roles: [clerk] }, expect: allowed, route: write }
  - { request: GET api.example.com/v1/x, expect: allowed }
  - { request: GET /v1/x, expect: no_route }
  - { request: GET /strong, as: { authenticated: 1m }, expect: allowed }
  - { request: GET /strong, as: { authenticated: 1h }, expect: authentication_too_old }
  - { request: GET /public/../x, expect: path_dot_segment }
  - { request: GET /old/x, expect: allowed }
"""


def check(folder, *options):
    return run("check", "--config", folder / "gateway.conf", *options)


def test_tests_that_hold(folder):
    (folder / "gateway.conf").write_text(config(folder, more=GOOD_TESTS))
    result = check(folder)
    assert result.returncode == 0, result
    assert "12 tests" in result.stdout


@pytest.mark.parametrize("test, said", [
    ("{ request: GET /orders/7, expect: allowed }", 'test "GET /orders/7": expected allowed, found 401 credential_missing'),
    ("{ name: mine, request: GET /public/x, expect: 403 }", 'test "mine": expected 403, found allowed on route "open"'),
    ("{ request: GET /x, expect: allowed }", "found 404 no_route on no route"),
    ("{ request: GET /public/x, expect: allowed, route: api }", 'expected route "api", found route "open"'),
    ("{ request: GET /public/x, expect: allowed, upstream: spare }", 'expected upstream "spare", found upstream "app"'),
    ("{ request: GET /old/x, expect: allowed, upstream: app }", 'expected upstream "app", found a redirect'),
    ("{ request: POST /orders/7, as: { roles: [x] }, expect: allowed }",
     "LACKS  any of the roles clerk; found x"),
], ids=str)
def test_A_3_a_test_that_fails_is_a_fault_with_its_place(folder, test, said):
    text = config(folder, more=f"tests:\n  - {test}\n")
    (folder / "gateway.conf").write_text(text)
    line = len(text.rstrip("\n").split("\n"))
    result = check(folder)
    assert result.returncode == 1 and said in result.stderr, result
    assert result.stderr.startswith(f"{folder}/gateway.conf:{line}:5: "), result.stderr
    served = run("serve", "--config", folder / "gateway.conf")
    assert served.returncode == 78 and said in served.stderr
    # Whoever wants to know why can ask all the same.
    assert run("explain", "--config", folder / "gateway.conf", "--path", "/public/x").returncode == 0


@pytest.mark.parametrize("test, said", [
    ("{ request: GET, expect: allowed }", "is not a request; write a method and a path: GET /orders/7"),
    ("{ request: GET https://a.example/x, expect: allowed }", "without a scheme"),
    ("{ request: GET /x, expect: role_mising }", 'did you mean "role_missing"?'),
    ("{ request: GET /x, expect: 200 }", "nor a status from 400 to 599"),
    ("{ request: GET /x }", '"expect" is missing'), ("{ expect: allowed }", '"request" is missing'),
    ("{ request: GET /x, expect: allowed, route: opne }", 'no route is called "opne"; did you mean "open"?'),
    ("{ request: GET /x, expect: allowed, upstream: nope }", 'no upstream is called "nope"'),
    ("{ request: GET /orders/7, expect: 401, upstream: app }", "what is refused goes to no upstream"),
    ("{ request: GET /orders/7, expect: role_missing, upstream: app }", "what is refused goes to no upstream"),
    ("{ request: GET /x, expect: allowed, as: { provider: compani } }", 'did you mean "company"?'),
    ("{ request: GET /x, expect: allowed, as: { role: [a] } }", 'did you mean "roles"?'),
], ids=str)
def test_a_test_that_is_none(folder, test, said):
    (folder / "gateway.conf").write_text(config(folder, more=f"tests:\n  - {test}\n"))
    result = check(folder)
    assert result.returncode == 1 and said in result.stderr, result


def test_a_supposed_token_has_what_every_token_of_its_provider_has(folder):
    """Rules may ask for `iss` and `aud`: the wire sees them."""
    routes = f"""
  - {{ path: /first, auth: [company, other], require: {{ not: {{ claims: {{ iss: "{OTHER}" }} }} }}, upstream: app }}
  - {{ path: /second, auth: company, require: {{ claims: {{ iss: "{ISSUER}", aud: {AUDIENCE} }} }}, upstream: app }}
tests:
  - {{ request: GET /first, as: {{ provider: other, subject: a }}, expect: requirement_excluded }}
  - {{ request: GET /first, as: {{ provider: company, subject: a }}, expect: allowed }}
  - {{ request: GET /second, as: {{ provider: company, subject: a }}, expect: allowed, upstream: app }}
"""
    (folder / "gateway.conf").write_text(config(folder, more=routes))
    result = run("check", "--config", folder / "gateway.conf")
    assert result.returncode == 0, result.stderr


def test_A_4_a_reload_that_fails_its_tests_is_refused(start, upstream, folder):
    app = upstream()
    gateway = start(config(folder, app.server, GOOD_TESTS))
    assert get(gateway, "/public/x").status == 200
    opened = config(folder, app.server, GOOD_TESTS).replace("expect: credential_missing", "expect: allowed")
    gateway.write_config(opened)
    gateway.signal(signal.SIGHUP)
    gateway.wait_message("reload refused")
    assert "expected allowed, found 401 credential_missing" in gateway.program_text
    assert get(gateway, "/orders/7").status == 401
    gateway.reload(config(folder, app.server, GOOD_TESTS))


@pytest.mark.parametrize("options, browser", [
    ([], "303 to /idp/login, where it asks for a page"), (["--method", "POST"], None),
    (["--host", "other.example"], None), (as_("subject=bob"), "with a session of idp: 303 to /idp/login, "
                                          "to authenticate as the rule asks"),
    (as_("subject=bob", "claim=acr=strong"), None), (["--token", "-"], None)], ids=str)
def test_explain_says_where_a_browser_is_sent(tmp_path, options, browser):
    (tmp_path / "gateway.conf").write_text(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
providers:
  idp:
    {{ issuer: "{OTHER}", audiences: [{AUDIENCE}],
       code_flow: {{ client_id: app, url: "https://app.example", path: /idp, state: state }} }}
upstreams: {{ app: {{ servers: ["127.0.0.1:9"] }} }}
routes: [{{ path: /**, auth: idp, require: {{ acr: strong }}, upstream: app }}]
""")
    host = [] if "--host" in options else ["--host", "app.example"]
    status = 0 if "claim=acr=strong" in options else 1
    found = explained(tmp_path, "/x", *host, *options, status=status, stdin="x")
    assert found.get("browser") == browser
    assert ("browser" in explain(tmp_path, "/x", *host, *options, status=status, stdin="x")) == (browser is not None)
