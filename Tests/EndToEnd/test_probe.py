"""`portcullis probe`: forged fields through the configuration's own way to an upstream."""
import json
import socket

import pytest
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
