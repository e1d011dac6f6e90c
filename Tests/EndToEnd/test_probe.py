"""`portcullis probe`: forged fields through the configuration's own way to an upstream."""
import json
import socket

import pytest
from support.certificates import Authority
from support.gateway import run
from support.tokens import AUDIENCE, ISSUER


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """The report on a configuration of many kinds of routes, and how many connections its own upstream got."""
    folder = tmp_path_factory.mktemp("probe")
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        port = upstream.getsockname()[1]
        (folder / "gateway.conf").write_text(f"""
listeners:
  - address: 127.0.0.1:0
    proxy_protocol: true
trusted_proxies: [127.0.0.0/8]
limits: {{ head: 1KiB }}
providers:
  company:
    issuer: "{ISSUER}"
    audiences: [{AUDIENCE}]
    jwks_url: "http://127.0.0.1:{port}/keys"
    token_from: [authorization, "cookie:session"]
    algorithms: [RS256]
    max_age: 5m
    require: {{ claims: [tenant] }}
upstreams:
  app: {{ servers: ["127.0.0.1:{port}"] }}
routes:
  - {{ name: open, path: /public/**, auth: none, upstream: app }}
  - {{ name: moved, path: /old/**, auth: none, redirect: "https://new.example.com{{path}}" }}
  - name: own
    host: api.example.com
    path: /orders/{{id}}
    methods: [POST]
    auth: company
    require: {{ roles: [clerk] }}
    clients: {{ allow: [10.0.0.0/8] }}
    identity: {{ X-Account: account, X-User-Id: sub }}
    headers: {{ set: {{ X-Stage: live }} }}
    upstream: app
  - {{ name: twin, path: /other/**, auth: none, upstream: app }}
""")
        result = run("probe", "--config", folder / "gateway.conf", "--json", seconds=120)
        assert result.returncode == 0, (result.stdout[-2000:], result.stderr)
        upstream.setblocking(False)
        with pytest.raises(BlockingIOError):
            upstream.accept()
    return json.loads(result.stdout)


def test_I_1_no_forged_field_arrives(probed):
    assert probed["proved"] and probed["arrived"] == 0 and probed["requests"] == len(probed["results"]) > 2500
    assert {each["verdict"] for each in probed["results"]} == {"refused", "stripped"}
    assert [each["name"] for each in probed["routes"]] == ["open", "own"]
    assert probed["routes"][0]["alike"] == ["twin"] and "fault" not in probed["routes"][1]
    fields = {each["subject"] for each in probed["results"] if each["route"] == "own"}
    assert fields >= {
        "X-Account", "X-User-Id", "X-Stage", "X-Forwarded-For", "X-Forwarded-Groups", "Forwarded", "X-Real-IP",
        "Cookie session", "token"}
    # The application's own, where no token is asked for.
    assert not {"Cookie session", "token"} & {
        each["subject"] for each in probed["results"] if each["route"] == "open"}


def test_I_2_each_trick_has_its_verdict(probed):
    found = {(each["subject"], each["trick"], each["route"]): each for each in probed["results"]}
    assert found["X-User-Id", "_ for -", "own"]["verdict"] == "stripped"
    assert found["X-User-Id", "as it is", "open"]["verdict"] == "stripped"
    folded = found["X-User-Id", "value on the next line", "own"]
    assert (folded["verdict"], folded["status"], folded["reason"]) == ("refused", 400, "field_line_invalid")
    smuggled = found["X-Account", "request behind Content-Length and chunked", "own"]
    assert (smuggled["status"], smuggled["reason"]) == (400, "framing_conflict")
    assert found["token", "cookie session", "own"]["verdict"] == "stripped"


def test_I_8_no_forged_field_is_in_what_a_proxy_is_told(tmp_path):
    (tmp_path / "gateway.conf").write_text(f"""
listeners: [{{ address: "127.0.0.1:0" }}]
forward_auth: {{ path: /.portcullis/verify, peers: [10.0.0.0/8] }}
providers:
  company:
    issuer: "{ISSUER}"
    audiences: [{AUDIENCE}]
    jwks_url: "http://127.0.0.1:9/keys"
    token_from: [authorization, "cookie:session", websocket_protocol]
upstreams:
  app: {{ servers: ["127.0.0.1:9"] }}
routes:
  - {{ name: open, path: /public/**, auth: none, upstream: app }}
  - name: own
    host: api.example.com
    path: /orders/{{id}}
    methods: [POST]
    auth: company
    identity: {{ X-Account: account }}
    headers: {{ set: {{ X-Stage: live }} }}
    upstream: app
""")
    result = run("probe", "--config", tmp_path / "gateway.conf", "--json", seconds=120)
    assert result.returncode == 0, (result.stdout[-2000:], result.stderr)
    probed = json.loads(result.stdout)
    assert probed["proved"] and probed["arrived"] == 0
    assert [each["name"] for each in probed["routes"]] == ["open", "open (forward_auth)", "own", "own (forward_auth)"]
    assert not [each for each in probed["routes"] if "fault" in each]
    found = {(each["subject"], each["trick"], each["route"]): each for each in probed["results"]}

    def verdict(subject, trick, route="own"):
        each = found[subject, trick, f"{route} (forward_auth)"]
        return each["verdict"], each.get("status"), each.get("reason")
    # The proxy replaces it by the response's, which has it empty where there is nothing to say.
    assert verdict("X-Account", "as it is") == verdict("X-Account", "in upper case") == ("stripped", None, None)
    # No response replaces these.
    for subject, trick, route in [
            ("X-Account", "as it is", "open"), ("X-Account", "_ for -", "own"), ("Remote-User", "as it is", "own"),
            ("Script-Name", "as it is", "own")]:
        assert verdict(subject, trick, route) == ("refused", 403, "field_refused")
    assert verdict("X-Account", "line break in the path") == ("refused", 403, "path_escape_invalid")
    assert verdict("X-Account", "absolute form") == ("refused", 400, "forwarded_invalid")
    assert verdict("token", "Bearer") == verdict("token", "cookie session") == ("stripped", None, None)
    assert verdict("Cookie session", "among others") == ("stripped", None, None)
    # What a route removes or sets, nobody does for a proxy that forwards the request itself.
    for trick in ("as it is", "_ for -"):
        assert verdict("X-Stage", trick) == verdict("Destination", trick) == ("refused", 403, "field_refused")
    assert found["X-Stage", "as it is", "own"]["verdict"] == "stripped"


def test_it_says_what_it_is_no_proof_of(tmp_path):
    (tmp_path / "gateway.conf").write_text("""
listeners: [{ address: "127.0.0.1:0" }]
routes:
  - { path: /**, auth: none, redirect: "https://new.example.com{path}" }
""")
    result = run("probe", "--config", tmp_path / "gateway.conf")
    assert result.returncode == 1 and result.stdout.splitlines()[-1] == "nothing to probe: no route forwards"
    assert "replaced: listeners by one on loopback" in result.stdout
    assert run("probe", "--config", tmp_path / "missing.conf").returncode == 66


CERTIFICATES = """
listeners:
  - address: 127.0.0.1:0
    tls: {{ certificate: {chain}, key: {key}, client_ca: {clients}, client_auth: optional }}
{trusted}
providers:
  company: {{ issuer: "{issuer}", audiences: [{audience}], jwks_url: "http://127.0.0.1:9/keys" }}
  machines:
    client_certificate:
      subject: {subject}
      clients: [{{ name: "spiffe://example.test/orders", roles: [writer] }}]
upstreams:
  app: {{ servers: ["127.0.0.1:9"] }}
routes:
  - {{ name: machines, host: api.example.com, path: /machines/**, methods: [POST], auth: machines, require: {{ roles: [writer] }},
      identity: {{ X-Service: sub, X-Names: dns, X-Issuer: iss }}, upstream: app }}
{others}
"""

EITHER = '''
  - { name: either, host: "*.example.com", path: /either/**, auth: [company, machines], anonymous: allow, upstream: app }
'''


@pytest.mark.parametrize("subject, others, names", [
    ("uri", EITHER, ["either, as nobody", "either, as company", "either, as machines"]), ("common_name", "", [])])
def test_I_1_no_forged_field_arrives_beside_a_certificate(tmp_path, subject, others, names):
    authority, clients = Authority(tmp_path), Authority(tmp_path, "clients")
    _, chain, key = authority.issue("server")
    (tmp_path / "gateway.conf").write_text(CERTIFICATES.format(
        chain=chain, key=key, clients=clients.path, trusted="", issuer=ISSUER, audience=AUDIENCE, subject=subject,
        others=others))
    result = run("probe", "--config", tmp_path / "gateway.conf", "--json", seconds=120)
    assert result.returncode == 0, (result.stdout[-2000:], result.stderr)
    probed = json.loads(result.stdout)
    assert probed["proved"] and probed["arrived"] == 0
    assert [each["name"] for each in probed["routes"]] == ["machines", *names]
    assert not [each for each in probed["routes"] if "fault" in each]
    # Let in by it and by nothing else: without one a route of machines alone answers 403 to whatever is sent.
    mine = [each for each in probed["results"] if each["route"] == "machines"]
    assert {each["subject"] for each in mine} >= {"X-Service", "X-Names", "X-Issuer", "X-Forwarded-User", "Forwarded"}
    assert {each["verdict"] for each in mine} == {"refused", "stripped"}
    # H-9: with the scheme of the listener, or nothing would be tried by it.
    plain, absolute = ({each["subject"]: each["verdict"] for each in mine if each["trick"] == trick}
                       for trick in ("as it is", "absolute form"))
    assert absolute == {name: plain[name] for name in absolute} and "stripped" in absolute.values()
    stripped = [each for each in mine if each["verdict"] == "stripped"]
    assert len(stripped) > len(mine) / 3
    assert not [each for each in mine if each.get("reason", "").startswith(("certificate", "credential"))]


def test_what_a_trusted_peer_says_keeps_its_certificate_from_counting(tmp_path):
    """Where everybody is trusted, nobody is known by a certificate: that is said, and proved of nothing."""
    authority, clients = Authority(tmp_path), Authority(tmp_path, "clients")
    _, chain, key = authority.issue("server")
    (tmp_path / "gateway.conf").write_text(CERTIFICATES.format(
        chain=chain, key=key, clients=clients.path, trusted='trusted_proxies: ["0.0.0.0/0"]', issuer=ISSUER,
        audience=AUDIENCE, subject="uri", others=""))
    result = run("probe", "--config", tmp_path / "gateway.conf", "--json", seconds=120)
    assert result.returncode == 1
    [route] = [each for each in json.loads(result.stdout)["routes"] if each["name"] == "machines"]
    assert "did not arrive: refused (401 credential_missing)" in route["fault"]
