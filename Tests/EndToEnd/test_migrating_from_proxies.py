"""docs/migrating-from-proxies.md: what it says others are configured with is what they do."""
import re
import shutil
import subprocess
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.gateway import ROOT
from support.hostile_provider import CLIENT, SECRET, provider_fixture
from support.ports import free_port, wait_until
from support.sign_in import NAVIGATION
from support.tokens import Key, bearer, mint
from support.wire import get

PAGE = (ROOT / "docs/migrating-from-proxies.md").read_text()
ISSUER = "https://id.example.com/"


@pytest.fixture
def haproxy(tmp_path, upstream, keys):
    """HAProxy with the lines of the page, in front of an application: its port and the application."""
    if not shutil.which("haproxy", path="/usr/sbin:/usr/bin"):
        pytest.skip("haproxy is not installed")
    key = keys["RS256"].private.public_key()
    (tmp_path / "id.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    [lines] = re.findall(r"```haproxy\n(.*?)```", PAGE, re.S)
    assert '"/etc/haproxy/id.pem"' in lines
    app, port = upstream(), free_port()
    (tmp_path / "haproxy.cfg").write_text(f"""
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 10s
frontend entry
  bind 127.0.0.1:{port}
{lines.replace("/etc/haproxy/id.pem", str(tmp_path / "id.pem"))}
  default_backend app
backend app
  server one {app.server}
""")
    with open(tmp_path / "haproxy.out", "wb") as output:
        process = subprocess.Popen(
            ["haproxy", "-db", "-f", tmp_path / "haproxy.cfg"], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={"PATH": "/usr/sbin:/usr/bin"})

    def serves():
        assert process.poll() is None, (tmp_path / "haproxy.out").read_text()
        return subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}"], check=False).returncode == 0
    wait_until(serves, "HAProxy to serve")
    yield Proxy(port, app)
    process.terminate()
    process.wait(10)


class Proxy:
    def __init__(self, port, app):
        self.host, self.port, self.app = "127.0.0.1", port, app


def test_the_lines_for_HAProxy_verify_tokens(haproxy, keys):
    good = mint(keys["RS256"], iss=ISSUER)
    for field in (None, bearer("x"), bearer(good[:-4] + "AAAA"), bearer(mint(keys["RS256"])), bearer(mint(keys["ES256"], iss=ISSUER)),
                  bearer(mint(Key("RS256", "other"), iss=ISSUER)),
                  bearer(mint(keys["RS256"], algorithm="RS384", iss=ISSUER))):
        assert get(haproxy, "/x", [field] if field else [], host="app.test").status == 401, field
    assert not haproxy.app.received
    assert get(haproxy, "/x", [bearer(good), ("X-User", "root")], host="app.test").status == 200
    [request] = haproxy.app.wait_requests()
    assert request.all("x-user") == ["alice"]


def test_one_issuer_for_two_hosts_and_the_headers_of_oauth2_proxy(start, upstream, provider, tmp_path):
    """--cookie-domain, --set-xauthrequest: what the page says that is written here instead."""
    secret = tmp_path / "client.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    app = upstream()
    hosts = {"a": "127.0.0.1", "b": "localhost"}
    providers = "".join(f"""
  {name}:
    issuer: {provider.issuer}
    audiences: [orders]
    code_flow:
      {{ client_id: {CLIENT}, client_secret_file: {secret}, url: "http://{host}:8080", state: {tmp_path}/{name} }}"""
                        for name, host in hosts.items())
    routes = "".join(f"""
  - host: {host}
    path: /**
    auth: {name}
    identity: {{ X-Auth-Request-User: sub, X-Auth-Request-Email: email }}
    upstream: app""" for name, host in hosts.items())
    gateway = start(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
forward_auth: {{ path: /verify, peers: [127.0.0.1] }}
providers:{providers}
upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
routes:{routes}
""")
    for host in hosts.values():
        answer = get(gateway, "/x", NAVIGATION, host=f"{host}:8080")
        assert answer.status == 303 and answer.field("location") == "/oauth/login?return_to=/x"
        answer = get(gateway, "/oauth/login", NAVIGATION, host=f"{host}:8080")
        # Each with the callback of its own host.
        assert answer.status == 303 and quote(f"http://{host}:8080/oauth/callback", safe="") in answer.field("location")
    token = bearer(mint(provider.key, iss=provider.issuer, aud="orders", email="alice@example.com", email_verified=True))
    assert get(gateway, "/x", [token, ("X-Auth-Request-User", "forged")], host="127.0.0.1:8080").status == 200
    [asked] = app.requests
    assert asked.all("x-auth-request-user") == asked.all("x-forwarded-user") == ["alice"]
    assert asked.all("x-auth-request-email") == ["alice@example.com"]
    question = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", "127.0.0.1:8080"), ("X-Forwarded-Uri", "/x"), token]
    answer = get(gateway, "/verify", question)
    assert answer.status == 200
    assert answer.field("x-forwarded-user") == answer.field("x-auth-request-user") == "alice"
