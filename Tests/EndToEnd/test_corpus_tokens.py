"""Public collections of tokens, sent through the running gateway: attacks on verifiers, and rules for claims.

What a case's fields mean stands in the README beside each file. The collections say what to refuse, in classes and
notes; the reason code that each class has to end with stands here.
"""
import collections
import json
import os
import pathlib
import re
import time

import pytest

from support.gateway import ROOT, run
from support.tokens import Key, bearer, hand_made, signing
from support.wire import Client, get

CORPORA = pathlib.Path(os.environ.get("PORTCULLIS_CORPORA", ROOT.parent / "shared" / "corpora"))
ATTACKS, LIBRARIES = CORPORA / "jwt-attacks", CORPORA / "jwt-libraries"
ISSUER, AUDIENCE = "https://idp.example", "api"

pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif(not (ATTACKS.is_dir() and LIBRARIES.is_dir()),
                       reason=f"no public tokens in {CORPORA}; PORTCULLIS_CORPORA names another folder"),
]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def serving(start, upstream):
    """Starts a gateway for a key set: `serving(file, algorithms)`; gives it and its upstream."""
    def make(jwks_file, algorithms):
        app = upstream()
        return start(f"""
        listeners: [{{ address: 127.0.0.1:0 }}]
        workers: 1
        limits: {{ head: 32KiB, token: 32KiB }}
        providers:
          company:
            {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {jwks_file}, algorithms: {algorithms} }}
        upstreams:
          app: {{ servers: ["{app.server}"] }}
        routes:
          - {{ path: /**, auth: company, upstream: app }}
        """), app
    return make


def is_field_value(token):
    """Whether the token can stand in a field line as it is (RFC 9110 §5.5)."""
    return token == token.strip(" \t") and all(" " <= c <= "~" or c == "\t" for c in token)


# Attacks.

# Which reasons may end a class: the fault that makes it an attack, or one that is found before that.
ATTACK_REASONS = {
    "alg none": {"algorithm_refused"},
    "alg names are case-sensitive": {"algorithm_refused"},
    "alg of another type": {"token_header_invalid"},
    "algorithm the key is not for": {"algorithm_refused", "key_mismatch"},
    "blank or guessable HMAC secret": {"algorithm_refused"},
    "public key as HMAC secret": {"algorithm_refused"},
    "kid and alg of different keys": {"key_mismatch"},
    "kid as an address": {"algorithm_refused", "key_unknown"},
    "key address in the token": {"key_unknown", "signature_invalid"},
    "key in the token": {"key_unknown", "signature_invalid"},
    "null signature": {"signature_invalid"},
    "changed bytes": {"signature_invalid"},
    "ECDSA forms": {"signature_invalid"},
    "EdDSA forms": {"signature_invalid"},
    "shape of the token": {"token_malformed", "token_encrypted", "signature_invalid"},
    "header that is not what it seems": {"token_header_invalid", "token_extension_refused", "algorithm_refused"},
}


def test_attacks_on_verifiers_are_refused(serving):
    gateway, app = serving(ATTACKS / "jwks.json", "[RS256, ES256, EdDSA]")
    wrong, passed, reasons, raw = [], 0, collections.Counter(), 0
    for case in lines(ATTACKS / "controls.jsonl"):
        answer = get(gateway, "/x", [bearer(case["token"])])
        if answer.status != 200:
            wrong.append((case["name"], answer.status))
        passed += 1
    cases = lines(ATTACKS / "cases.jsonl")
    for case in cases:
        if not is_field_value(case["token"]):
            raw += 1
            wrong += refused_as_bytes(gateway, case) + refused_as_argument(case)
            continue
        answer = get(gateway, "/x", [bearer(case["token"])])
        if answer.status == 200:
            passed += 1
            wrong += [(case["name"], case["note"])] if case["expect"] == "reject" else []
            continue
        line = gateway.access_of(answer.request_id)
        reasons[line["reason"]] += 1
        if (answer.status, line["blame"]) != (401, "client") or case["expect"] == "accept" \
                or line["reason"] not in ATTACK_REASONS.get(case["class"], {line["reason"]}):
            wrong.append((case["name"], case["class"], line))
    assert not wrong, wrong
    # The upstream saw what passed and nothing else; no token stands in a log.
    assert len(app.wait_requests(passed)) == passed
    assert all(connection.requests or not connection.received for connection in app.connections)
    logs = gateway.access_text + gateway.program_text
    assert not [case["name"] for case in cases if len(case["token"]) > 40 and case["token"] in logs]
    print(f"\njwt-attacks: {len(cases)} attacks, {raw} of them as bytes that no field value may hold; {passed} passed, "
          f"honest ones and those that are left open; refused: {dict(reasons)}")
    assert len(cases) > 80 and set(ATTACK_REASONS) >= {case["class"] for case in cases}


def refused_as_bytes(gateway, case):
    """What is wrong where bytes that no field value may hold are sent all the same: the head is refused (H-4, H-6)."""
    with Client(gateway) as client:
        client.send(b"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + case["token"].encode() + b"\r\n\r\n")
        answer = client.response()
        is_refused = answer.status == 400 and client.is_closed()
    return [] if is_refused and gateway.access_of(answer.request_id)["blame"] == "client" else [(case["name"], answer)]


def refused_as_argument(case):
    """The same verifier reads it as an argument: here the token itself is refused."""
    result = run("token", "verify", "--jwks", ATTACKS / "jwks.json", "--issuer", ISSUER, "--audience", AUDIENCE,
                 "--algorithms", "RS256,ES256,EdDSA", "--", stdin=case["token"])
    is_refused = result.returncode == 1 and "refused: token_malformed" in result.stdout
    return [] if is_refused else [(case["name"], result)]


# Rules for claims.

# How each case ends; those that are left open too, where a rule of the gateway decides them.
CLAIM_VERDICTS = {
    "passes": "exp-exponent exp-huge nbf-past iat-past aud-list scope-string payload-escaped-names typ-jwt typ-at-jwt "
              "sub-empty sub-unicode roles-object",
    "claim_missing": "exp-missing-required iss-missing aud-missing",
    "claim_malformed": "exp-null exp-object exp-array exp-true nbf-string iat-string aud-list-with-number aud-object "
                       "aud-nested-list sub-number",
    "claims_invalid": "exp-overflow exp-nan exp-twice deep-claim payload-array payload-string payload-not-json "
                      "payload-bom",
    "token_not_yet_valid": "nbf-future",
    "issuer_unknown": "iss-other iss-prefix iss-shorter iss-slash iss-case iss-space iss-empty",
    "audience_mismatch": "aud-list-without aud-other aud-empty-list aud-empty-string aud-list-empty-string "
                         "aud-substring aud-shorter aud-case",
    "identity_invalid": "sub-crlf",
    # Beyond `limits.head`, whatever its token says.
    "head_too_large": "sub-long",
    "token_type_refused": "typ-other",
    "token_extension_refused": "crit-unknown crit-empty crit-string crit-missing-field crit-registered crit-b64 "
                               "b64-false-without-crit cty-jwt zip",
    "token_header_invalid": "kid-number kid-null kid-long",
    "key_unknown": "kid-empty",
}


def test_rules_for_claims(serving, tmp_path):
    key = Key("ES256", "key-1")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key.jwk]}))
    gateway, app = serving(tmp_path / "keys.json", "[ES256]")
    expected = {f"claims/{name}": verdict for verdict, names in CLAIM_VERDICTS.items() for name in names.split()}
    cases = lines(LIBRARIES / "claims.jsonl")
    applicable = [case for case in cases if applies(case["options"])]
    wrong, passed, verdicts = [], [], collections.Counter()
    for case in applicable:
        now = int(time.time())
        payload = case["raw_payload"] if "raw_payload" in case else json.dumps(at(now, case["claims"]))
        token = hand_made({"alg": "ES256", **case.get("header", {})}, payload.encode(), signing(key))
        answer = get(gateway, "/x", [bearer(token)])
        if answer.status == 200:
            verdict = "passes"
            passed.append(case)
        else:
            line = gateway.access_of(answer.request_id)
            verdict = line["reason"]
            if answer.status != line["status"] or line["blame"] not in ("client", "issuer", "policy"):
                wrong.append((case["name"], line))
        verdicts[verdict] += 1
        if (verdict == "passes") != (case["expect"] == "accept") and case["expect"] != "either" \
                or verdict != expected.get(case["name"], verdict):
            wrong.append((case["name"], case["note"], verdict))
    assert not wrong, wrong
    # Who passed is told to the upstream in visible characters, and as one line.
    requests = app.wait_requests(len(passed))
    assert len(requests) == len(passed)
    assert all(re.fullmatch(r"[!-~]*", request.field("x-forwarded-user") or "") for request in requests)
    assert sum(request.field("x-forwarded-user") == "alice" for request in requests) > 6
    print(f"\njwt-libraries, claims: {len(applicable)} of {len(cases)} cases; {len(cases) - len(applicable)} skipped, "
          f"whose options no gateway has; {dict(verdicts)}")
    assert len(applicable) > 60


def applies(options):
    """Whether a gateway can be configured so: this issuer and audience, `exp` always required."""
    return (options.get("issuer"), options.get("audience")) == (ISSUER, AUDIENCE) and not options.get("leeway") \
        and set(options) <= {"issuer", "audience", "required", "leeway"} and set(options.get("required", [])) <= {"exp"}


def at(now, value):
    """`{"now": n}` is the time, and n."""
    if isinstance(value, dict):
        if list(value) == ["now"]:
            return now + value["now"]
        return {name: at(now, inner) for name, inner in value.items()}
    return value
