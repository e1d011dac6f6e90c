"""`portcullis doctor`: what it says of an issuer is what is wrong with it."""
import json

from support.gateway import run
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
    assert of(findings, "TLS") == [("warning", "a certificate ends in 0 days: then no key is fetched any more")]
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
