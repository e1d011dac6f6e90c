"""Why a request was refused: the admin listener's memory of it, and `portcullis why`."""
import json
import re

import pytest
from support.gateway import run
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, Key, bearer, mint
from support.wire import get

CONFIG = """
    listeners: [{{ address: 127.0.0.1:0 }}]
    admin: {{ address: {admin} }}
    workers: 2
    log: {{ format: {format} }}
    providers:
      company: {{ issuer: {issuer}, audiences: [{audience}], claims: {{ roles: roles }}, jwks_file: {jwks} }}
      partner: {{ issuer: "https://partner.example", audiences: [{audience}], jwks_file: {jwks} }}
    upstreams:
      app: {{ servers: ["{app}"] }}
      gone: {{ servers: ["127.0.0.1:1"] }}
    routes:
      - {{ name: open, path: /open/**, auth: none, upstream: app }}
      - {{ name: inner, path: /inner/**, auth: none, clients: {{ allow: [10.0.0.0/8] }}, upstream: app }}
      - {{ name: both, path: /both/**, auth: [company, partner], upstream: app }}
      - {{ name: gone, path: /gone, auth: company, upstream: gone }}
      - name: private
        path: /private/**
        auth: company
        require: {{ roles: [admin], claims: {{ tenant: [acme] }} }}
        upstream: app
"""


@pytest.fixture(scope="module")
def gateway(start_once, upstream_once, tmp_path_factory):
    folder = tmp_path_factory.mktemp("why")
    key = Key("ES256", "a")
    (folder / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}))
    gateway = start_once(CONFIG.format(
        admin=f"'unix:{folder}/admin.sock'", format="json", issuer=ISSUER, audience=AUDIENCE, jwks=folder / "jwks.json",
        app=upstream_once().server))
    gateway.key = key
    gateway.admin = f"unix:{folder}/admin.sock"
    return gateway


def why(gateway, request_id, *arguments, status=0, **options):
    arguments = arguments or ("--admin", gateway.admin)
    said = run("why", request_id, *arguments, **options)
    assert said.returncode == status, said
    return said


def ask(gateway, request_id, status=0):
    """An exchange is over a moment after its answer."""
    return wait_until(lambda: (s := run("why", request_id, "--admin", gateway.admin)).returncode == status and s, "it")


def line(text, name):
    return next(line for line in text.splitlines() if line.startswith(name))[12:]


def test_each_check_says_what_was_expected_and_found(gateway):
    token = mint(gateway.key, sub="bob", roles=["clerk"], tenant="acme", secret_thing="hidden-value")
    answer = get(gateway, "/private/x?q=1", [bearer(token)], host="api.test")
    assert answer.status == 403
    text = ask(gateway, answer.request_id).stdout
    assert line(text, "asked") == "GET api.test/private/x" and line(text, "answer") == "403"
    assert line(text, "reason") == "role_missing" and line(text, "whose") == "policy"
    assert line(text, "who ") == "bob of company, from 127.0.0.1" and line(text, "route") == "private"
    assert "  holds  a token of company; found one of company\n" in text
    assert "  LACKS  any of the roles admin; found clerk\n" in text
    assert "  holds  the claim tenant is acme; found acme\n" in text
    assert line(text, "keys").startswith("the token names key a; company has 1 key, fetched ")
    assert line(text, "config") == "generation 1"
    assert line(text, "what to do").startswith("Give the person a role at the issuer")
    # Claims that no rule names, and the token, are nowhere.
    told = why(gateway, answer.request_id, "--admin", gateway.admin, "--json").stdout
    assert "hidden-value" not in text + told and token.split(".")[1] not in text + told
    story = json.loads(told)
    assert [check["holds"] for check in story["checks"]] == [True, False, True]
    assert story["key_set"]["keys"] == 1 and story["config_in_force"] == story["config"] == 1


@pytest.mark.parametrize("scheme", ["", "Basic ", "Token "])
def test_an_authorization_that_is_no_bearer_token_is_said_to_be_there(gateway, scheme):
    token = mint(gateway.key)
    value = scheme + ("dXNlcjpjYW5hcnk=" if scheme == "Basic " else token)
    refused = get(gateway, "/private/x", [("Authorization", value)])
    assert refused.status == 401
    text = ask(gateway, refused.request_id).stdout
    assert line(text, "reason") == "credential_missing"
    assert ("  LACKS  a token of company; found none: there is an Authorization field, but it does not begin with "
            "Bearer\n") in text
    told = text + why(gateway, refused.request_id, "--admin", gateway.admin, "--json").stdout
    assert value.split()[-1] not in told and token not in told and token.split(".")[1] not in told


def test_of_a_bad_token_and_of_none_and_of_an_upstream_it_says_how_far_they_came(gateway):
    expired = get(gateway, "/private/x", [bearer(mint(gateway.key, exp=1, sub="bob"))])
    text = ask(gateway, expired.request_id).stdout
    assert line(text, "reason") == "token_expired" and line(text, "who ") == "bob of company, from 127.0.0.1"
    assert gateway.access_of(expired.request_id)["subject"] == "bob"
    assert re.search(r"^  LACKS  a token of company with exp after \d{10}, which is now with 30 s of leeway; "
                     r"found one with exp 1, \d{10} s ago$", text, re.M), text
    nobody = get(gateway, "/private/x")
    assert "  LACKS  a token of company; found none\n" in ask(gateway, nobody.request_id).stdout
    gone = get(gateway, "/gone", [bearer(mint(gateway.key))])
    text = ask(gateway, gone.request_id).stdout
    assert line(text, "reason") == "upstream_unreachable" and line(text, "upstream").startswith("gone, ")
    assert "checks\n  holds  a token of company; found one of company\n" in text


@pytest.mark.parametrize("claims, expected, found", [
    (dict(aud=["zz", "x" * 500]), f'aud "{AUDIENCE}"', f'aud "zz" and "{"x" * 100}…"'),
    (dict(aud=[f"zz{n}" for n in range(40)]), f'aud "{AUDIENCE}"',
     'aud "zz0" and "zz1" and "zz2" and "zz3" and "zz4" and 35 more'),
    (dict(aud=None), 'the claim "aud"', "no such claim"),
    (dict(iss="https://zz.example"), f'iss "{ISSUER}"', 'iss "https://zz.example"'),
], ids=["aud", "many", "missing", "iss"])
def test_of_a_genuine_token_it_says_the_claim_and_the_client_is_not_told(gateway, claims, expected, found):
    token = mint(gateway.key, **claims, sub="bob", secret_thing="hidden-value")
    answer = get(gateway, "/private/x", [bearer(token)])
    assert answer.status == 401
    text = ask(gateway, answer.request_id).stdout
    # Another issuer's bob may be somebody else.
    assert line(text, "who ") == ("somebody" if "iss" in claims else "bob") + " of company, from 127.0.0.1"
    assert f"  LACKS  a token of company with {expected}; found one with {found}\n" in text, text
    assert "hidden-value" not in text and token.split(".")[1] not in text
    assert "zz" not in repr(answer.fields) + repr(answer.body)
    # The same claims, forged: they are anybody's words.
    forged = get(gateway, "/private/x", [bearer(mint(Key("ES256", "a"), **claims, sub="bob"))])
    text = ask(gateway, forged.request_id).stdout
    assert line(text, "reason") == "signature_invalid" and line(text, "who ") == "somebody of company, from 127.0.0.1"
    assert "subject" not in gateway.access_of(forged.request_id)
    assert "  LACKS  a token of company; found one that is refused\n" in text and "zz" not in text


def test_of_claims_that_were_read_before_the_signature_it_says_nothing(gateway):
    for claims in (dict(iss=None), dict(iss="https://zz.example")):
        forged = get(gateway, "/both/x", [bearer(mint(Key("ES256", "a"), **claims))])
        text = ask(gateway, forged.request_id).stdout
        assert line(text, "reason") == "issuer_unknown" and line(text, "whose") == "client" and "zz" not in text
        assert "  LACKS  a token of company or partner; found one that is refused\n" in text


def test_scanners_make_nothing_forgotten_but_their_own(gateway):
    poor = get(gateway, "/private/x", [bearer(mint(gateway.key, roles=[]))])
    first = get(gateway, "/nope")
    forged = bearer(mint(Key("ES256", "a")))
    for number in range(420):
        path, fields = [("/nope", []), ("/inner/x", []), ("/private/x", [forged])][number % 3]
        last = get(gateway, path, fields)
    ask(gateway, last.request_id)
    ask(gateway, poor.request_id)
    said = ask(gateway, first.request_id, status=1).stderr
    remembered = dict(re.findall(r"^  ([a-z_]+): (\d+), all since ", said, re.M))
    assert int(remembered["unknown_client"]) >= 200 and int(remembered["policy"]) + int(remembered["client"]) < 10
    assert "portcullis why " in said and " --log " in said


def test_a_log_says_all_but_the_checks(gateway, tmp_path):
    answer = get(gateway, "/private/x", [bearer(mint(gateway.key, sub="b\u001b[31mob", roles=[]))])
    log = tmp_path / "access.log"
    entry = gateway.access_of(answer.request_id)
    log.write_text("no line\n" + json.dumps(entry) + "\n")
    text = why(gateway, answer.request_id, "--log", log).stdout
    assert line(text, "reason") == "role_missing" and "checks" not in text and "\x1b" not in text
    assert r"\u001b[31m" in line(text, "who ") and line(text, "what to do").startswith("Give the person")
    story = json.loads(why(gateway, answer.request_id, "--json", "--log", "-", stdin=log.read_text()).stdout)
    assert {name: story[name] for name in entry} == entry and story["advice"]
    # As logfmt has it.
    words = " ".join(f"{name}={json.dumps(value) if name == 'subject' else value}" for name, value in entry.items())
    assert json.loads(why(gateway, answer.request_id, "--json", "--log", "-", stdin=words + "\n").stdout) == story
    # A later one that was let through has taken its id.
    later = {name: value for name, value in entry.items() if name not in ("reason", "blame")} | {"status": 200}
    log.write_text(log.read_text() + json.dumps(later) + "\n")
    again = why(gateway, answer.request_id, "--log", log).stdout
    assert line(again, "reason") == "role_missing" and line(again, "request").endswith(", one of 2 with this id")
    missing = why(gateway, "0" * 32, "--log", log, status=1)
    assert f"{log}: no request {'0' * 32}; its 2 requests are from {entry['time']} to {entry['time']}" in missing.stderr


def test_of_what_has_one_id_a_log_says_first_what_is_of_somebody_known(gateway, tmp_path):
    log = tmp_path / "access.log"
    stranger = dict(time="2026-01-31T08:49:37.000000Z", request_id="a", status=401, reason="signature_invalid",
                    blame="client", client="192.0.2.66")
    upstream = {**stranger, "status": 502, "reason": "upstream_closed", "blame": "upstream", "client": "192.0.2.7"}
    passed = dict(time=stranger["time"], request_id="a", status=200, subject="alice")
    known = {**stranger, "status": 403, "reason": "role_missing", "blame": "policy", "subject": "bob"}
    later = {**known, "reason": "scope_missing"}
    for lines, reason in [
            ([stranger, known, later], "role_missing"), ([known, stranger], "role_missing"),
            ([stranger, upstream, stranger], "upstream_closed"), ([passed, stranger], "signature_invalid"),
            ([stranger, passed, {**stranger, "reason": "no_route"}], "signature_invalid")]:
        log.write_text("".join(json.dumps(each) + "\n" for each in lines))
        text = why(gateway, "a", "--log", log).stdout
        assert line(text, "reason") == reason and f"one of {len(lines)} with this id" in text


def test_a_log_says_claims_as_the_gateway_does(gateway):
    entry = dict(time="2026-01-31T08:49:37.000000Z", request_id="a", status=403, reason="role_missing", blame="policy",
                 subject="bob", claims={"roles": ["clerk"], "tenant": None})
    words = " ".join(f"{name}={json.dumps(json.dumps(value)) if name == 'claims' else value}" for name, value in entry.items())
    for text in (json.dumps(entry), words):
        story = json.loads(why(gateway, "a", "--json", "--log", "-", stdin=text + "\n").stdout)
        assert story["claims"] == entry["claims"], text


def test_of_what_is_tried_a_log_says_what_it_would_have_refused(gateway):
    entry = dict(time="2026-01-31T08:49:37.000000Z", request_id="a", status=200, subject="bob", shadow="scope_missing")
    text = why(gateway, "a", "--log", "-", stdin=json.dumps(entry) + "\n").stdout
    assert line(text, "reason") == "none: it was not refused"
    assert line(text, "shadow") == "scope_missing: what is tried would have refused it, and is not enforced"


def test_a_log_that_cannot_be_read_is_said_to_be(gateway):
    combined = '192.0.2.1 - alice [29/Nov/2026:06:07:43 +0000] "GET /a HTTP/1.1" 200 512 "-" "-"\n'
    said = why(gateway, "a", "--log", "-", stdin=combined, status=1).stderr
    assert "no request a; it has no request lines" in said
    assert "1 line is neither JSON nor logfmt of the gateway's; unsupported: the Combined Log Format, gzip" in said


def test_where_nobody_can_be_asked_it_says_so(gateway, tmp_path):
    said = why(gateway, "abc", "--admin", f"unix:{tmp_path}/none.sock", status=69).stderr
    assert "none.sock: " in said and "--log FILE" in said
    config = tmp_path / "gateway.conf"
    config.write_text("listeners: [{ address: 127.0.0.1:0 }]\nupstreams: { echo: { builtin: echo } }\n"
                      "routes: [{ path: /, auth: none, upstream: echo }]\n")
    assert "no admin.address" in why(gateway, "abc", "--config", config, status=69).stderr
    why(gateway, "abc", "--log", tmp_path / "none.log", status=66)
    for wrong in (("a/b", "--admin", "127.0.0.1:1"), ("abc", "--admin", "nowhere:1"), ("abc", "--admin", "127.0.0.1:1", "--log", "x")):
        why(gateway, *wrong, status=64)
