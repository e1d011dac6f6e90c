"""`portcullis doctor`: what it says of an issuer is what is wrong with it."""
import json

import pytest
from cryptography.hazmat.primitives import serialization

from support.gateway import run
from support.hostile_provider import CLIENT as CODE_CLIENT, SECRET, provider_fixture
from support.introspection import CLIENT, SECRET as CLIENT_SECRET, IntrospectionServer, active
from support.tokens import AUDIENCE, ISSUER, Key, mint
from test_keys import certificate, server_context


def doctor(tmp_path, provider, *options, stdin=None):
    """Its findings, and how it ended."""
    (tmp_path / "gateway.conf").write_text(f"""
listeners: [{{ address: "127.0.0.1:0" }}]
providers:
  company: {{ audiences: [{AUDIENCE}], {provider} }}
routes: [{{ path: /**, auth: company, redirect: "https://new.example.com{{path}}" }}]
""")
    result = run("doctor", "--config", tmp_path / "gateway.conf", "--json", *options, stdin=stdin)
    assert not result.stderr, result.stderr
    [diagnosis] = json.loads(result.stdout)
    assert diagnosis["provider"] == "company"
    return diagnosis["findings"], result.returncode


def of(findings, subject):
    return [(each["severity"], each["verdict"]) for each in findings if each["subject"] == subject]


def test_a_good_issuer(tmp_path, key_server, keys):
    authority = certificate(tmp_path, "authority")
    certificate(tmp_path, "good", issuer=authority)
    (tmp_path / "ca.pem").write_bytes((tmp_path / "authority.pem").read_bytes())
    issuer = key_server(keys["ES256"], tls=server_context(tmp_path / "good.pem"))
    token = mint(keys["ES256"])
    (tmp_path / "token").write_text(token + "\n")
    findings, status = doctor(
        tmp_path, f'issuer: "{ISSUER}", jwks_url: "{issuer.url}", ca: {tmp_path}/ca.pem', "--token", tmp_path / "token")
    assert status == 0, findings
    # Certificates of the tests are good for an hour.
    assert of(findings, "TLS") == [("warning", "a certificate expires in 0 days: then no key is fetched any more")]
    assert findings[0]["subject"] == "TLS" and "renew" in findings[0]["remedy"]
    assert of(findings, "clock")[0][0] == "good" and of(findings, "cache")[0][0] == "good"
    [(severity, verdict)] = of(findings, "keys")
    assert severity == "good" and verdict.startswith("1 usable:")
    [(severity, verdict)] = of(findings, "token")
    assert severity == "good" and token not in json.dumps(findings)


def test_a_bad_issuer_the_worst_first(tmp_path, key_server, keys):
    private = {**keys["ES256"].jwk, "kid": "private", "d": "AAAA"}
    unnamed = {name: value for name, value in keys["EdDSA"].jwk.items() if name not in ("kid", "alg")}
    issuer = key_server(private, unnamed, keys["RS256"])
    issuer.instead = (
        200, {"Cache-Control": "max-age=5", "Date": "Sun, 01 Jan 2090 00:00:00 GMT"},
        json.dumps({"keys": [private, unnamed, keys["RS256"].jwk]}).encode())
    other = mint(Key("ES256", "unknown"))
    findings, status = doctor(
        tmp_path, f'issuer: "{ISSUER}", jwks_url: "{issuer.url}"', "--token", "-", stdin=other + "\n")
    assert status == 1
    severities = [each["severity"] for each in findings]
    assert severities == sorted(severities, key=["fault", "warning", "good"].index)
    assert all("remedy" in each for each in findings if each["severity"] != "good")
    faults = {each["subject"]: each["verdict"] for each in findings if each["severity"] == "fault"}
    assert "whoever reads the set can sign" in faults["keys"] and "AAAA" not in json.dumps(findings)
    assert "refused: key_unknown" in faults["token"] and other not in json.dumps(findings)
    warnings = json.dumps([each for each in findings if each["severity"] == "warning"])
    assert "no alg" in warnings and "no kid" in warnings and "without TLS" in warnings and "max-age" in warnings


def test_discovery_of_another_issuer(tmp_path, key_server):
    issuer = key_server()
    issuer.instead = (200, {}, json.dumps({"issuer": ISSUER, "jwks_uri": issuer.url}).encode())
    findings, status = doctor(tmp_path, f'issuer: "{issuer.origin}"')
    assert status == 1 and [each["subject"] for each in findings] == ["discovery"]
    assert ISSUER in findings[0]["verdict"] and "byte for byte" in findings[0]["remedy"]
    result = run("doctor", "--config", tmp_path / "gateway.conf")
    assert result.returncode == 1 and "FAULT    discovery" in result.stdout and "to do: write issuer:" in result.stdout


# Introspection.


ENDPOINT = 'introspection: {{ url: "{url}", client_id: "{client}", client_secret_file: {secret}, tokens: {tokens} }}'


@pytest.fixture
def endpoint(tmp_path):
    """An introspection endpoint, and a function that has it looked at."""
    server = IntrospectionServer()
    secret = tmp_path / "client.secret"

    def look(*options, issuer=ISSUER, tokens="all", more="", kept=CLIENT_SECRET, stdin=None):
        secret.write_text(kept)
        secret.chmod(0o600)
        written = ENDPOINT.format(url=server.url, client=CLIENT, secret=secret, tokens=tokens)
        return doctor(tmp_path, f'issuer: "{issuer}", {written}{more}', *options, stdin=stdin)
    yield server, look
    server.close()


def test_a_good_introspection_endpoint(endpoint):
    server, look = endpoint
    server.said = {"opaque": active()}
    findings, status = look("--token", "-", stdin="opaque\n")
    assert status == 0, findings
    [(severity, verdict)] = of(findings, "introspection")
    assert severity == "good" and "made-up token as inactive" in verdict
    assert of(findings, "introspection TLS") == [("warning", f"{server.url} is asked without TLS")]
    [(severity, verdict)] = of(findings, "token")
    assert severity == "good" and "active, for another" in verdict and "opaque" not in json.dumps(findings)
    # Made up anew each time, and as nobody would guess.
    assert len(look()[0]) == 3
    made_up = [token for token in server.asked if token != "opaque"]
    assert len(set(made_up)) == 2 and all(len(token) == 43 for token in made_up)


@pytest.mark.parametrize("said, verdict, remedy", [
    ({"active": False}, "token_inactive", "new token"),
    (active(aud="other"), "audience_mismatch", "docs/reasons.md"),
    (active(exp=1), "token_expired", "docs/reasons.md"),
    ((500, {}, b"{}"), "not introspected: the response has status 500", "redirects"),
    (active(cnf={"jkt": "x" * 43}, token_type="DPoP"), "is not shown here", "docs/reasons.md"),
])
def test_a_token_that_an_endpoint_does_not_vouch_for(endpoint, said, verdict, remedy):
    server, look = endpoint
    server.said = {"opaque": said}
    findings, status = look("--token", "-", stdin="opaque\n")
    assert status == 1 and of(findings, "introspection")[0][0] == "good"
    assert findings[0]["subject"] == "token" and findings[0]["severity"] == "fault"
    assert verdict in findings[0]["verdict"] and remedy in findings[0]["remedy"], findings[0]


@pytest.mark.parametrize("instead, verdict, remedy", [
    (None, "the issuer does not accept this client's credentials", "compare client_id"),
    (active(), "a made-up token as active", "what answers"),
    # Whatever else it says.
    (active(aud="other"), "a made-up token as active", "what answers"),
    ((404, {}, b"{}"), "status 404", "introspection_endpoint"),
    ((200, {"Content-Type": "text/html"}, b"<html>"), "not application/json", "RFC 7662"),
    ((200, {}, b'{"active": "false"}'), "not a strict JSON object", "RFC 7662"),
])
def test_what_is_wrong_with_an_endpoint(endpoint, instead, verdict, remedy):
    server, look = endpoint
    if instead is not None:
        server.answer = lambda handler, token: (
            handler.answer(*instead) if isinstance(instead, tuple) else handler.answer(200, {}, json.dumps(instead).encode()))
    findings, status = look(kept="wrong" if instead is None else CLIENT_SECRET)
    assert status == 1
    assert (findings[0]["subject"], findings[0]["severity"]) == ("introspection", "fault")
    assert verdict in findings[0]["verdict"] and remedy in findings[0]["remedy"], findings[0]


def test_an_endpoint_that_is_not_there_or_whose_certificate_nobody_knows(endpoint, tmp_path):
    server, look = endpoint
    server.close()
    findings, status = look("--token", "-", stdin="opaque\n")
    assert status == 1 and of(findings, "introspection")[0][0] == "fault" and not of(findings, "introspection TLS")
    assert any("reach it" in each.get("remedy", "") for each in findings)
    [(severity, verdict)] = of(findings, "token")
    assert severity == "fault" and "cannot be asked" in verdict
    certificate(tmp_path, "self")
    secured = IntrospectionServer(tls=server_context(tmp_path / "self.pem"))
    try:
        server.url = secured.url
        findings, status = look()
        assert status == 1 and "the certificate does not verify" in of(findings, "introspection")[0][1]
        assert secured.asked == secured.refused == []
    finally:
        secured.close()


def test_which_tokens_are_introspected(endpoint, key_server, keys):
    """With `tokens: opaque` a JWT is verified with the keys, and shown to nobody."""
    server, look = endpoint
    issuer = key_server(keys["ES256"])
    token = mint(keys["ES256"])
    for tokens, asked, more in (("opaque", False, f', jwks_url: "{issuer.url}"'), ("all", True, "")):
        findings, _ = look("--token", "-", stdin=token + "\n", tokens=tokens, more=more)
        assert (token in server.asked) == asked
        assert of(findings, "token")[0][0] == ("fault" if asked else "good")


# The code flow.


@pytest.fixture
def look(tmp_path, provider):
    """A function that has an issuer looked at, where browsers sign in."""
    secret = tmp_path / "client.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)

    def look(more="", **metadata):
        provider.straighten()
        provider.metadata = metadata
        return doctor(
            tmp_path, f'issuer: "{provider.issuer}"{more}, code_flow: {{ client_id: {CODE_CLIENT}, '
            f'client_secret_file: {secret}, url: "http://127.0.0.1:8080", state: {tmp_path}/state }}')
    return look


GOOD = dict(code_challenge_methods_supported=["S256"], backchannel_logout_supported=True)


def test_an_issuer_at_which_browsers_sign_in(look, provider, tmp_path):
    findings, status = look(**GOOD)
    assert status == 0, findings
    subjects = {each["subject"] for each in findings if each["severity"] == "good"}
    assert subjects >= {"discovery", "keys", "code flow", "PKCE", "iss", "client", "sign-out", "logout"}
    assert of(findings, "code flow") == [
        ("good", f"people sign in at {provider.issuer}/authorize; codes go to {provider.issuer}/token")]
    # Asked of it: nothing that is not asked at its start, and nobody's sign-in is begun.
    assert {each.endpoint for each in provider.asked} == {".well-known/openid-configuration", "jwks"}
    assert not (tmp_path / "state").exists()
    # Keys that are named elsewhere: the endpoints are the discovery document's all the same.
    findings, status = look(f', jwks_url: "{provider.issuer}/jwks"', **GOOD)
    assert status == 0 and of(findings, "code flow")[0][0] == of(findings, "keys")[0][0] == "good"


@pytest.mark.parametrize("metadata, subject, severity, verdict, remedy", [
    (dict(token_endpoint=None), "code flow", "fault", "token_endpoint is missing", "discovery document"),
    (dict(code_challenge_methods_supported=["plain"]), "PKCE", "fault", 'not "S256"', "S256"),
    (dict(token_endpoint_auth_methods_supported=["private_key_jwt"]), "client", "fault", "no code is exchanged",
     "private_key_file"),
    (dict(code_challenge_methods_supported=None), "PKCE", "warning", "does not say", "S256"),
    (dict(end_session_endpoint=None), "sign-out", "warning", "stays signed in there", "after_logout"),
    (dict(backchannel_logout_supported=None), "logout", "warning", "stays signed in here", "idle"),
    (dict(scopes_supported=["email"]), "scopes", "warning", '"openid"', "scopes"),
])
def test_what_the_code_flow_lacks(look, metadata, subject, severity, verdict, remedy):
    findings, status = look(**{**GOOD, **metadata})
    assert status == (severity == "fault"), findings
    [found] = [each for each in findings if each["severity"] != "good" and each["subject"] != "TLS"]
    assert (found["subject"], found["severity"]) == (subject, severity)
    assert verdict in found["verdict"] and remedy in found["remedy"], found


@pytest.mark.parametrize("algorithm, metadata, severity, verdict, remedy", [
    ("ES256", dict(token_endpoint_auth_signing_alg_values_supported=["RS256", "ES256"]), "good", "with ES256", None),
    ("ES256", dict(token_endpoint_auth_signing_alg_values_supported=["RS256"]), "fault", 'has "RS256"', "take ES256"),
    ("ES256", {}, "warning", "has no token_endpoint_auth_signing_alg_values_supported", "ES256"),
    ("RS256", {}, "good", "it should take RS256", None),
])
def test_what_the_clients_key_signs_with(tmp_path, provider, algorithm, metadata, severity, verdict, remedy):
    key = tmp_path / "client.pem"
    key.write_bytes(Key(algorithm, "client").private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    key.chmod(0o600)
    provider.straighten()
    provider.metadata = {**GOOD, "token_endpoint_auth_methods_supported": ["private_key_jwt"], **metadata}
    findings, status = doctor(
        tmp_path, f'issuer: "{provider.issuer}", code_flow: {{ client_id: {CODE_CLIENT}, private_key_file: {key}, '
        f'url: "http://127.0.0.1:8080", state: {tmp_path}/state }}')
    assert status == (severity == "fault"), findings
    [found] = [each for each in findings if each["subject"] == "client key"]
    assert found["severity"] == severity and verdict in found["verdict"], found
    assert (remedy or "") in found.get("remedy", "") and ("remedy" in found) == (remedy is not None), found
    assert of(findings, "client") == [("good", "the token endpoint takes private_key_jwt")]


def test_a_code_flow_without_discovery_or_a_secret(look, tmp_path, provider):
    (tmp_path / "client.secret").write_text("")
    # Keys alone are enough for tokens, and not for this.
    findings, status = look(f', jwks_url: "{provider.issuer}/jwks"', issuer="https://other.test")
    assert status == 1 and of(findings, "keys")[0][0] == "good"
    faults = {each["subject"]: each["verdict"] for each in findings if each["severity"] == "fault"}
    assert set(faults) == {"discovery", "code flow", "client"}
    assert "no discovery document" in faults["code flow"] and "is empty" in faults["client"]
