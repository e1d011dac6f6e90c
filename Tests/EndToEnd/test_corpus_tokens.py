"""A public collection of attacks on token verifiers, sent through the running gateway."""
import json
import os
import pathlib

import pytest
from support.gateway import ROOT, run
from support.wire import get

CORPORA = pathlib.Path(os.environ.get("PORTCULLIS_CORPORA", ROOT.parent / "shared" / "corpora"))
FOLDER = CORPORA / "jwt-attacks"

pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is not there; PORTCULLIS_CORPORA names the folder above"),
]


def lines(name):
    return [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]


def is_field_value(token):
    """Whether the token can stand in a field line as it is (RFC 9110 §5.5)."""
    return token == token.strip(" \t") and all(0x20 <= ord(c) < 0x7F or c == "\t" for c in token)


def test_attacks_on_verifiers_are_refused(start, upstream):
    app = upstream()
    gateway = start(f"""
    listeners:
      - address: 127.0.0.1:0
    workers: 1
    limits: {{ head: 32KiB, token: 32KiB }}
    providers:
      company:
        issuer: https://idp.example
        audiences: [api]
        jwks_file: {FOLDER}/jwks.json
        algorithms: [RS256, ES256, EdDSA]
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /**, auth: company, upstream: app }}
    """)
    wrong, sent, given, passed = [], 0, 0, 0
    for case in lines("controls.jsonl"):
        answer = get(gateway, "/x", [("Authorization", f"Bearer {case['token']}")])
        if answer.status != 200:
            wrong.append((case["name"], answer.status))
        passed += 1
    assert len(app.wait_requests(passed)) == passed
    for case in lines("cases.jsonl"):
        token = case["token"]
        if is_field_value(token):
            sent += 1
            answer = get(gateway, "/x", [("Authorization", f"Bearer {token}")])
            is_refused = answer.status == 401
            if is_refused:
                line = gateway.access_of(answer.request_id)
                assert line["reason"] and line["blame"] == "client", line
        else:
            # No field line can hold it: the same verifier reads it as an argument or from a file.
            given += 1
            result = run("token", "verify", "--jwks", FOLDER / "jwks.json", "--issuer", "https://idp.example",
                         "--audience", "api", "--algorithms", "RS256,ES256,EdDSA", "--", stdin=token)
            is_refused = result.returncode != 0
        if case["expect"] != "either" and is_refused != (case["expect"] == "reject"):
            wrong.append((case["name"], case["note"]))
    assert not wrong, wrong
    # Of what was refused the upstream saw nothing.
    either = sum(case["expect"] == "either" for case in lines("cases.jsonl"))
    assert passed <= len(app.requests) <= passed + either
    logs = gateway.access_text + gateway.program_text
    assert not [case["name"] for case in lines("cases.jsonl") if len(case["token"]) > 40 and case["token"] in logs]
    print(f"\njwt-attacks: {passed} honest tokens passed; {sent} attacks sent, {given} given to `token verify`; "
          f"{len(wrong)} wrong")
    assert sent + given == len(lines("cases.jsonl")) and sent > 80
