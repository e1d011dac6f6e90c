"""The commands, their exit statuses, and the example: minted, verified, and used with the clients people have."""
import base64
import json
import os
import re
import shutil
import subprocess
import time

import httpx
import jwt
import pytest
import requests
from support.gateway import BINARY, ROOT, run
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, claims, hand_made, mint
from support.wire import get

EXAMPLE = (ROOT / "gateway.conf.example").read_text()


@pytest.fixture
def example(start):
    """The example as it is, but on a port of the system's choice."""
    assert EXAMPLE.count("address: 127.0.0.1:8080") == 1
    return start(EXAMPLE.replace("address: 127.0.0.1:8080", "address: 127.0.0.1:0"))


@pytest.fixture
def folder(tmp_path):
    """A folder with the example, not running."""
    shutil.copy(ROOT / "gateway.conf.example", tmp_path / "gateway.conf")
    return tmp_path


def minted(config, *options):
    result = run("token", "mint", "--config", config, "--provider", "local", "--subject", "alice", *options)
    assert result.returncode == 0 and result.stderr == "", result
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", result.stdout), result.stdout
    return result.stdout.strip()


# What ships with the program.


def test_the_reference_of_commands_is_what_help_says():
    done = subprocess.run([ROOT / "deploy/man", BINARY, "--markdown"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (ROOT / "docs/commands.md").read_text() == done.stdout, "write it anew: deploy/man PROGRAM --markdown"


def test_every_exit_status_is_documented():
    """In the reference and the manual pages those of the source; of `serve` those that its page has."""
    source = (ROOT / "Sources/Gateway/Commands/ExitStatus.swift").read_text()
    known = {"0", "64", *re.findall(r"ExitCode\((\d+)\)", source)}
    reference = (ROOT / "docs/commands.md").read_text()
    assert set(re.findall(r"^\| `(\d+)` \|", reference.rpartition("\n## ")[2], re.M)) == known
    said = re.search(r"^Exit status: 0 ended by a signal.*$", (ROOT / "docs/operations.md").read_text(), re.M)[0]
    served = reference.partition("## portcullis serve\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\d+)` \|", served, re.M) == re.findall(r"(?:: |, )(\d+) ", said)


# The example, with the clients that people have.


def test_the_walk_of_the_example(example):
    token, admin = minted(example.config_path), minted(example.config_path, "--role", "admin")
    assert get(example, "/public/hello").status == 200
    assert get(example, "/api/hello").status == 401
    seen = json.loads(get(example, "/api/hello?x=1", [("Authorization", f"Bearer {token}")]).body)
    assert "alice" in json.dumps(seen) and token not in json.dumps(seen)
    assert get(example, "/admin/", [("Authorization", f"Bearer {token}")]).status == 403
    assert get(example, "/admin/", [("Authorization", f"Bearer {admin}")]).status == 200
    assert get(example, "/else").status == 404
    assert (example.folder / "state").stat().st_mode & 0o077 == 0


def with_curl(url, token):
    fields = ["-H", f"Authorization: Bearer {token}"] if token else []
    result = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_code}", *fields, url],
        capture_output=True, text=True, timeout=20)
    assert result.returncode == 0, result
    body, _, status = result.stdout.rpartition("\n")
    return int(status), body


def with_requests(url, token):
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout=10)
    return answer.status_code, answer.text


def with_httpx(url, token):
    with httpx.Client(trust_env=False) as client:
        answer = client.get(url, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout=10)
    return answer.status_code, answer.text


NODE = """
const http = require('http');
const [url, token] = process.argv.slice(1);
const request = http.get(url, { headers: token ? { Authorization: 'Bearer ' + token } : {} }, answer => {
  let body = '';
  answer.on('data', piece => body += piece);
  answer.on('end', () => console.log(JSON.stringify([answer.statusCode, body])));
});
request.setTimeout(10000, () => request.destroy(new Error('timeout')));
"""


def with_node(url, token):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    result = subprocess.run(["node", "-e", NODE, url, token or ""], capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result
    return json.loads(result.stdout)


@pytest.mark.parametrize("client", [with_curl, with_requests, with_httpx, with_node], ids=lambda f: f.__name__[5:])
def test_a_client_gets_in_with_a_token(example, client):
    token = minted(example.config_path)
    status, body = client(example.url + "/api/hello", token)
    assert status == 200 and "alice" in body
    status, body = client(example.url + "/api/hello", None)
    assert status == 401 and "request" in body
    status, _ = client(example.url + "/api/hello", token[:-4])
    assert status == 401
    # Each loop writes its own lines: between two of them only the time tells the order.
    lines = sorted(example.wait_access(3), key=lambda line: line["time"])
    reasons = [line.get("reason") for line in lines]
    assert reasons[:2] == [None, "credential_missing"] and reasons[2] in ("signature_invalid", "token_malformed")


def test_a_keep_alive_session_of_requests(example):
    token = minted(example.config_path)
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for number in range(20):
            body = b"x" * number * 1000
            assert session.post(example.url + f"/api/{number}", data=body, timeout=10).status_code == 200
            assert session.post(example.url + f"/api/{number}", data=iter([body, b"y"]), timeout=10).status_code == 200
    assert len(example.wait_access(40, status=200)) == 40


# token mint.


def test_mint_states_what_it_is_told(folder):
    token = minted(
        folder / "gateway.conf", "--role", "admin", "--role", "support", "--scope", "orders:read", "--scope", "x",
        "--permission", "p", "--claim", "tenant=acme", "--claim", "level=3", "--claim", 'deep.er={"a": [1, true]}',
        "--claim", "text=a=b", "--expires-in", "90s")
    stated = jwt.decode(token, options={"verify_signature": False})
    assert stated["sub"] == "alice" and stated["iss"] == "http://127.0.0.1:8080" and stated["aud"] == "example"
    assert stated["roles"] == ["admin", "support"] and stated["scope"] == "orders:read x"
    assert stated["permissions"] == ["p"] and stated["tenant"] == "acme" and stated["level"] == 3
    assert stated["deep"] == {"er": {"a": [1, True]}} and stated["text"] == "a=b"
    assert stated["exp"] - stated["iat"] == 90 and abs(stated["iat"] - time.time()) < 10
    other = jwt.decode(minted(folder / "gateway.conf"), options={"verify_signature": False})
    assert other["exp"] - other["iat"] == 600 and other["jti"] != stated["jti"]


@pytest.mark.parametrize("options, status", [
    (["--provider", "local"], 64), (["--subject", "a"], 64), (["--provider", "nobody", "--subject", "a"], 64),
    (["--provider", "local", "--subject", "a", "--expires-in", "soon"], 64),
    (["--provider", "local", "--subject", "a", "--expires-in", "0s"], 64),
    (["--provider", "local", "--subject", "a", "--claim", "x"], 64),
    (["--provider", "local", "--subject", "a", "--unknown"], 64),
])
def test_mint_with_wrong_arguments(folder, options, status):
    result = run("token", "mint", "--config", folder / "gateway.conf", *options)
    assert result.returncode == status and result.stdout == "" and result.stderr, result


@pytest.mark.parametrize("lifetime", ["0s", "0", "900ms", "1500ms"])
def test_mint_takes_whole_seconds(folder, lifetime):
    result = run("token", "mint", "--config", folder / "gateway.conf", "--provider", "local", "--subject", "a",
                 "--expires-in", lifetime)
    assert result.returncode == 64 and result.stdout == "", result
    assert f"--expires-in {lifetime} is not a number of whole seconds, one at least" in result.stderr


def test_mint_needs_a_key_of_its_own(tmp_path):
    (tmp_path / "keys.json").write_text('{"keys": []}')
    config = tmp_path / "gateway.conf"
    config.write_text(EXAMPLE.replace("    signing:\n      state: state ", "    jwks_file: keys.json\n#").replace(
        "      algorithm: ES256\n", ""))
    result = run("token", "mint", "--config", config, "--provider", "local", "--subject", "a")
    assert result.returncode == 64 and "signing" in result.stderr, result


# token verify.


def test_what_is_minted_verifies(folder):
    config = folder / "gateway.conf"
    token = minted(config, "--role", "admin")
    for arguments, stdin in (([token], None), (["-"], token + "\n"), ([], token)):
        result = run("token", "verify", "--config", config, "--provider", "local", *arguments, stdin=stdin)
        assert result.returncode == 0 and result.stdout.startswith('good: subject "alice"'), result
        assert '"admin"' in result.stdout
    result = run("token", "verify", "--config", config, "--provider", "local", token[:-8] + "AAAAAAAA")
    assert result.returncode == 1 and result.stdout.startswith("refused: signature_invalid"), result


@pytest.mark.parametrize("scheme, status", [("Bearer", 0), ("bearer ", 0), ("DPoP", 0), ("Basic", 1)])
def test_a_token_may_stand_behind_its_scheme(folder, scheme, status):
    config = folder / "gateway.conf"
    token = f"{scheme} {minted(config)}"
    verify = ["token", "verify", "--config", config, "--provider", "local"]
    for ended in (run(*verify, token), run(*verify, stdin=token + "\n"), run("token", "inspect", token)):
        assert ended.returncode == status, ended
    if status:
        assert "found 3 parts, not all of them base64url" in run(*verify, token).stdout


@pytest.fixture
def jwks(tmp_path, keys):
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [key.jwk for key in keys.values()]}))
    return path


@pytest.mark.parametrize("options, change, status, said", [
    ([], {}, 0, "good"), (["--issuer", ISSUER, "--audience", AUDIENCE], {}, 0, "good"),
    (["--issuer", "https://other.example"], {}, 1, "issuer_unknown"),
    (["--audience", "other"], {}, 1, "audience_mismatch"), (["--algorithms", "ES256"], {}, 0, "good"),
    (["--algorithms", "RS256,PS256"], {}, 1, "algorithm_refused"), ([], {"exp": 1000}, 1, "token_expired"),
    (["--at", "999"], {"exp": 1000, "iat": 900}, 0, "expires in 1 s"),
    (["--at", "1029"], {"exp": 1000, "iat": 900}, 0, "good"),
    (["--at", "1030"], {"exp": 1000, "iat": 900}, 1, "token_expired"),
    (["--at", "1000"], {"nbf": 1031, "iat": 900}, 1, "token_not_yet_valid"),
    (["--at", "1000"], {"nbf": 1030, "iat": 900}, 0, "good"),
    (["--signature-only"], {"exp": 1000, "aud": 7, "iss": None}, 0, "the signature holds"),
    (["--issuer", ISSUER], {"iss": "a\n\x1b[31m\x9b31m\u202e"}, 1, 'the issuer is "a\\n\\u001b[31m\\u009b31m\\u202e"'),
    (["--audience", "other"], {"aud": ["a\x1b]0;b\x07", "c"]}, 1, 'the audience is "a\\u001b]0;b\\u0007", "c"'),
    ([], {"exp": None}, 1, "claim_missing"), ([], {"sub": "a\nb\x1b[31m"}, 0, "a\\nb"),
])
def test_verify_with_a_key_set(jwks, keys, options, change, status, said):
    payload = {name: value for name, value in {**claims(), **change}.items() if value is not None}
    token = hand_made({"alg": "ES256", "kid": "es256-1"}, payload,
                      lambda data: jwt.get_algorithm_by_name("ES256").sign(data, keys["ES256"].private))
    result = run("token", "verify", "--jwks", jwks, *options, token)
    verdict, *checks = result.stdout.splitlines()
    assert result.returncode == status and said in verdict, result
    assert all(re.match(r"  (passed |REFUSED|-      )  [a-z]", line) for line in checks), checks
    assert not set(result.stdout) & set("\x1b\x07\x9b\u202e")
    assert token.rpartition(".")[2] not in result.stdout, "the signature is shown"


@pytest.mark.parametrize("header, change, refused, wanted, found", [
    ({}, {"aud": "other"}, "aud", '"api"', '"other"'), ({}, {"exp": 1000}, "exp", "a time after", "1970-01-01T00:16:40Z"),
    ({"typ": "logout+jwt"}, {}, "typ", "JWT, at+jwt or nothing", '"logout+jwt"'),
    ({"crit": ["b64"]}, {}, "extensions", "none of crit", '"crit"'),
    ({"alg": "none"}, {}, "alg", "ES256", '"none"'), ({"kid": "gone"}, {}, "kid", "a key", '"gone", which no key has'),
    ({"kid": "rs256-1"}, {}, "kid", "for the algorithm", '"rs256-1", RSA of 2048 bits for RS256'),
    ({"kid": "es256-2"}, {}, "kid", "a key", "no key has"), ({}, {"iss": 7}, "iss", "issuer.example", "7"),
    ({}, {"nbf": "x"}, "nbf", "no time after", '"x"'), ({}, {"iat": 9e300}, "iat", "no time after", "9e+300"),
    ({}, {"sub": ["root"]}, "sub", "a string", '["root"]'), ({}, {"exp": None}, "exp", "a time after", "nothing"),
])
def test_verify_says_which_check_refused(jwks, keys, header, change, refused, wanted, found):
    payload = {name: value for name, value in {**claims(), **change}.items() if value is not None}
    token = hand_made({"alg": "ES256", "kid": "es256-1", **header}, payload,
                      lambda data: jwt.get_algorithm_by_name("ES256").sign(data, keys["ES256"].private))
    result = run("token", "verify", "--jwks", jwks, "--issuer", ISSUER, "--audience", AUDIENCE, "--algorithms",
                 "ES256", token)
    assert result.returncode == 1, result
    lines = [re.match(r"  (passed |REFUSED|-      )  (\S+(?: \S+)?) +wanted (.*?)(?:; found (.*))?$", line).groups()
             for line in result.stdout.splitlines()[1:]]
    place = [line[0] for line in lines].index("REFUSED")
    assert all(line[0] == "passed " for line in lines[:place]), lines
    assert all(line[0] == "-      " and line[3] is None for line in lines[place + 1:]), lines
    assert lines[place][1] == refused and wanted in lines[place][2] and found in lines[place][3], lines[place]


def test_verify_looks_at_what_a_provider_requires(tmp_path, jwks, keys):
    config = tmp_path / "gateway.conf"
    config.write_text(f"""
listeners: [{{ address: "127.0.0.1:0" }}]
providers:
  company:
    {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: keys.json, max_age: 10m,
      require: {{ typ: at+jwt, claims: [email, realm.name] }} }}
upstreams: {{ echo: {{ builtin: echo }} }}
routes: [{{ path: /x, auth: company, upstream: echo }}]
""")
    good = dict(iat=1000, exp=5000, email="a@b", realm={"name": "r"})
    for change, at, typ, said in (
            ({}, 1000, "at+jwt", "good"), ({}, 1000, "JWT", "refused: token_type_refused"),
            ({}, "1970-01-01T00:27:09Z", "at+jwt", "good"), ({}, 1630, "at+jwt", "refused: token_too_old"),
            ({"iat": None}, 1000, "at+jwt", "refused: claim_missing"),
            ({"email": None}, 1000, "at+jwt", "refused: claim_missing"),
            ({"realm": {}}, 1000, "at+jwt", "refused: claim_missing")):
        token = mint(keys["ES256"], headers={"typ": typ}, **{**good, **change})
        result = run("token", "verify", "--config", config, "--provider", "company", "--at", at, token)
        assert result.stdout.startswith(said), (change, at, typ, result)
        for name in ("age", "claim email", "claim realm.name"):
            assert f"  {name} " in result.stdout, result.stdout
    assert "REFUSED  claim realm.name  wanted any value but null; found nothing" in result.stdout


@pytest.mark.parametrize("dpop, cnf, said", [
    ("off", None, "good"), ("allowed", None, "good"), ("required", None, "refused: proof_missing"),
    ("off", {"jkt": "A" * 43}, "refused: confirmation_unsupported"),
    ("allowed", {"jkt": "A" * 43}, "good"), ("required", {"jkt": "A" * 43}, "good"),
    ("allowed", {"x5t#S256": "A" * 43}, "refused: certificate_mismatch"),
    ("required", {"foo": 1}, "refused: confirmation_unsupported"),
    ("allowed", {"jkt": "short"}, "refused: confirmation_unsupported"),
])
def test_verify_says_what_a_token_is_bound_to(tmp_path, jwks, keys, dpop, cnf, said):
    config = tmp_path / "gateway.conf"
    config.write_text(f"""
listeners: [{{ address: "127.0.0.1:0" }}]
providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: keys.json, dpop: "{dpop}" }} }}
upstreams: {{ echo: {{ builtin: echo }} }}
routes: [{{ host: a.example, path: /x, auth: company, upstream: echo }}]
""")
    result = run("token", "verify", "--config", config, "--provider", "company", mint(keys["ES256"], cnf=cnf))
    assert result.stdout.startswith(said) and result.returncode == (0 if said == "good" else 1), result
    last = result.stdout.splitlines()[-1]
    assert last.startswith("  passed   cnf" if said == "good" else "  REFUSED  cnf"), result
    assert (cnf == {"jkt": "A" * 43} and said == "good") == ("passes with a DPoP proof" in result.stdout), result


@pytest.mark.parametrize("moment", ["-9223372036854775808", "1970-02-30T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01", "1970-01-01T00:00:00",
                                    "1e3", "99999999999999", "", "0999-01-01T00:00:00Z"])
def test_verify_takes_no_other_moments(jwks, keys, moment):
    result = run("token", "verify", "--jwks", jwks, f"--at={moment}", mint(keys["ES256"]))
    assert result.returncode == 64 and not result.stdout, result


@pytest.mark.parametrize("arguments, status", [
    ([], 64), (["--jwks", "{jwks}", "--provider", "local"], 64), (["--jwks", "{jwks}", "--at", "soon"], 64),
    (["--jwks", "{jwks}", "--algorithms", "RS257"], 64), (["--jwks", "nowhere.json"], 66),
    (["--provider", "local", "--audience", "x"], 64), (["--jwks", "{jwks}", "a", "b"], 64), (["--unknown"], 64),
    (["--provider", "local", "--config", "nowhere.conf"], 66),
    (["--jwks", "{jwks}", "--config", "gateway.conf"], 64),
])
def test_verify_with_wrong_arguments(jwks, keys, arguments, status):
    result = run("token", "verify", *[a.format(jwks=jwks) for a in arguments], stdin=mint(keys["ES256"]))
    assert result.returncode == status and result.stderr, result


def test_verify_with_a_key_set_that_is_none(tmp_path, keys):
    path = tmp_path / "keys.json"
    path.write_text("<html>")
    result = run("token", "verify", "--jwks", path, mint(keys["ES256"]))
    assert result.returncode == 69 and "keys_unavailable" in result.stderr, result
    path.write_text('{"keys": []}')
    assert run("token", "verify", "--jwks", path, mint(keys["ES256"])).returncode == 69


@pytest.mark.parametrize("text", ["", "\n", "x", "a.b.c", "." * 100_000, "A" * 200_000, "\x00.\x01.\x02", "é.ü.ß"],
                         ids=["nothing", "line end", "x", "a.b.c", "dots", "long", "control", "letters"])
def test_verify_takes_anything_for_a_token(jwks, text):
    result = run("token", "verify", "--jwks", jwks, stdin=text)
    assert result.returncode == (64 if text == "" else 1), result


def test_verify_fetches_as_the_gateway_does(tmp_path, key_server, keys):
    server = key_server(keys["RS256"])
    config = tmp_path / "gateway.conf"
    config.write_text(f"""
listeners: [{{ address: "127.0.0.1:0" }}]
providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{server.url}" }} }}
upstreams: {{ echo: {{ builtin: echo }} }}
routes: [{{ path: /x, auth: company, upstream: echo }}]
""")
    command = ["token", "verify", "--config", config, "--provider", "company", mint(keys["RS256"])]
    assert run(*command).returncode == 0 and server.fetches == 1
    server.instead = (500, {}, b"")
    result = run(*command)
    assert result.returncode == 69 and "status 500" in result.stderr, result


# token inspect.


def test_inspect_shows_and_verifies_nothing(keys):
    token = mint(keys["ES256"], sub="\u202e\x07a", exp=1)
    for arguments, stdin in (([token], None), (["-"], token + "\n")):
        result = run("token", "inspect", *arguments, stdin=stdin)
        assert result.returncode == 0, result
        shown = json.loads(result.stdout)
        assert shown["header"]["kid"] == "es256-1" and shown["claims"]["sub"] == "\u202e\x07a"
        assert "\x07" not in result.stdout
        assert result.stderr.startswith("NOT VERIFIED"), result
    forged = token.rpartition(".")[0] + ".AAAA"
    assert run("token", "inspect", forged).returncode == 0
    for bad in ("x", "a.b.c.d.e", base64.b64encode(b"{}").decode() + ".e30.e30"):
        result = run("token", "inspect", bad)
        assert result.returncode == 1 and re.match(r"token_\w+: ", result.stderr), result


# keys.


def test_keys_are_listed_and_made(example):
    config = example.config_path

    def listed():
        return listed_keys("--config", config)

    [first] = listed()
    assert (first["PROVIDER"], first["TYPE"], first["BITS"], first["ALG"]) == ("local", "EC P-256", "256", "ES256")
    assert first["KID"] == first["THUMBPRINT"] and os.path.exists(first["FROM"]), first
    old = minted(config)
    assert jwt.get_unverified_header(old)["kid"] == first["KID"]
    # Names of keys have seconds, and one that has a key leaves the next to the other.
    made = run("keys", "generate", "--config", config, "--provider", "local")
    assert made.returncode == 0, made
    assert len(listed()) == 2 and listed()[0]["KID"] == made.stdout.split(" ")[0]
    assert os.stat(listed()[0]["FROM"]).st_mode & 0o777 == 0o600
    new = minted(config)
    assert jwt.get_unverified_header(new)["kid"] == listed()[0]["KID"] != first["KID"]
    # The running gateway knows the new one after SIGHUP, and the old one still.
    assert get(example, "/api/x", [("Authorization", f"Bearer {new}")]).status == 401
    example.reload()
    wait_until(lambda: get(example, "/api/x", [("Authorization", f"Bearer {new}")]).status == 200, "the new key")
    assert get(example, "/api/x", [("Authorization", f"Bearer {old}")]).status == 200
    published = json.loads(get(example, "/.well-known/jwks.json", host="127.0.0.1:8080").body)
    assert {key["kid"] for key in published["keys"]} == {line["KID"] for line in listed()}


def listed_keys(*arguments, status=0, stdin=None):
    """What `keys list` says, a dict for each key."""
    result = run("keys", "list", *map(str, arguments), stdin=stdin)
    assert result.returncode == status, result
    head, *rows = [re.split(r"  +", line) for line in result.stdout.splitlines()]
    assert head == ["PROVIDER", "KID", "TYPE", "BITS", "ALG", "THUMBPRINT", "AGE", "USED", "SHARE", "LAST", "FROM",
                    "REMARK"], result
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_keys_of_every_provider_are_listed_with_their_use(tmp_path, start, upstream, key_server, keys):
    server = key_server(keys["RS256"], keys["EdDSA"])
    weak = dict(keys["ES256"].jwk, kid="weak\x1b]0;x", kty="oct", k="AAAA")
    server.keys.append(weak)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [dict(keys["ES256"].jwk, kid="a key")]}))
    gateway = start(f"""
        listeners: [{{ address: "127.0.0.1:0" }}]
        log: {{ access: used.log }}
        providers:
          company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{server.url}" }}
          other: {{ issuer: "https://other.example", audiences: [{AUDIENCE}], jwks_file: "{tmp_path}/keys.json" }}
        upstreams: {{ app: {{ servers: ["{upstream().server}"] }} }}
        routes: [{{ path: /api/**, auth: [company, other], upstream: app }}]
        """)
    good = [mint(keys["RS256"])] * 3 + [mint(keys["EdDSA"])]
    forged = mint(keys["RS256"], sub="mallory").rpartition(".")[0] + "." + good[0].rpartition(".")[2]
    refused = [mint(keys["RS256"], exp=1000), forged, mint(keys["EdDSA"], aud="else"), "x.y.z"]
    for token, status in [(token, 200) for token in good] + [(token, 401) for token in refused]:
        assert get(gateway, "/api/x", [("Authorization", f"Bearer {token}")]).status == status
    log = gateway.folder / "used.log"
    wait_until(lambda: log.exists() and log.read_text().count("\n") == 8, "the access lines")
    rows = listed_keys("--config", gateway.config_path)
    assert [(row["PROVIDER"], row["KID"], row["TYPE"], row["BITS"], row["ALG"], row["USED"], row["SHARE"])
            for row in rows] == [
        ("company", "rs256-1", "RSA", "2048", "RS256", "3", "75 %"),
        ("company", "eddsa-1", "OKP Ed25519", "256", "EdDSA", "1", "25 %"),
        ("other", '"a key"', "EC P-256", "256", "ES256", "0", "-")], rows
    assert re.fullmatch(r"\d+s ago", rows[0]["LAST"]) and rows[2]["LAST"] == rows[0]["REMARK"] == "-", rows
    assert rows[0]["FROM"] == server.url and rows[2]["FROM"] == f"{tmp_path}/keys.json"
    assert [row["AGE"] for row in rows] == ["-"] * 3 and len(rows[0]["THUMBPRINT"]) == 43, rows
    # The key that is not used is said, without what it would do to a terminal.
    said = run("keys", "list", "--config", gateway.config_path).stderr
    assert 'provider "company": not used: key "weak\\u001b]0;x": a shared secret' in said and "\x1b" not in said, said
    # A secret has no name: all that it verified is its own, whatever name the tokens gave.
    (tmp_path / "secret").write_text("s" * 40)
    (tmp_path / "secret").chmod(0o600)
    other = tmp_path / "secret.conf"
    other.write_text(gateway.config_path.read_text().replace(f"jwks_file: \"{tmp_path}/keys.json\"", "secret_file: secret"))
    beginning = "time=2026-01-31T08:49:37.000000Z request_id=a"
    lines = "".join(f"{beginning} provider=other key_id={kid} cache=hit status=200\n" for kid in ("x", "y"))
    rows = listed_keys("--config", other, "--provider", "other", "--log", "-", stdin=lines)
    assert [(row["TYPE"], row["KID"], row["USED"]) for row in rows] == [("oct", "-", "2")], rows
    # A log of somebody's choice, in the other format too; lines that are none are passed over.
    line = beginning + ' provider=company key_id=rs256-1 cache=hit status=200 path="/a b=c \\"d"\n'
    noise = line + "\n{}\nnonsense\n" + "x" * 200_000 + "\n" + line.rstrip("\n")
    assert [row["USED"] for row in listed_keys(
        "--config", gateway.config_path, "--log", "-", "--provider", "company", stdin=noise)] == ["2", "0"]
    assert run("keys", "list", "--config", gateway.config_path, "--log", "nowhere.log").returncode == 66
    server.instead = (500, {}, b"")
    assert [row["PROVIDER"] for row in listed_keys("--config", gateway.config_path, status=69)] == ["other"]


def test_verify_makes_no_key(folder):
    result = run("token", "verify", "--config", folder / "gateway.conf", "--provider", "local", "a.b.c")
    assert result.returncode == 69 and "portcullis keys generate" in result.stderr, result
    assert not (folder / "state").exists()


def test_keys_of_one_second(folder):
    made = [run("keys", "generate", "--config", folder / "gateway.conf", "--provider", "local") for _ in range(3)]
    assert [result.returncode for result in made] == [0] * 3, made
    assert len(list((folder / "state").iterdir())) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser makes files for others")
def test_keys_that_root_makes_are_the_owners_of_the_folder(folder):
    state = folder / "state"
    state.mkdir(mode=0o700)
    os.chown(state, 4711, 4712)
    assert run("keys", "generate", "--config", folder / "gateway.conf", "--provider", "local").returncode == 0
    [file] = state.iterdir()
    assert (file.stat().st_uid, file.stat().st_gid, file.stat().st_mode & 0o777) == (4711, 4712, 0o600)


def test_keys_of_a_folder_that_is_not_there(folder):
    result = run("keys", "list", "--config", folder / "gateway.conf")
    assert result.returncode == 69 and "portcullis keys generate" in result.stderr, result
    assert not (folder / "state").exists()
    assert run("keys", "list", "--config", folder / "gateway.conf", "--provider", "nobody").returncode == 64
    assert run("keys", "generate", "--config", folder / "gateway.conf").returncode == 64


def test_a_folder_that_cannot_be_made(folder):
    (folder / "state").write_text("a file")
    result = run("keys", "generate", "--config", folder / "gateway.conf", "--provider", "local")
    assert result.returncode == 78 and "state" in result.stderr, result


# The rest.


def test_version():
    result = run("version")
    assert result.returncode == 0 and re.fullmatch(r"portcullis \d+\.\d+\.\d+\n", result.stdout), result


@pytest.mark.parametrize("arguments, status", [
    (["--help"], 0), (["help", "serve"], 0), (["serve", "--help"], 0), (["unknown"], 64), (["serve", "extra"], 64),
    (["check", "--unknown"], 64), (["token"], 0), (["keys"], 0), (["token", "unknown"], 64)])
def test_usage(arguments, status):
    result = run(*arguments)
    assert result.returncode == status, result


def test_commands_look_for_gateway_conf(folder):
    assert run("check", cwd=folder).returncode == 0
    for command in (["check"], ["serve"], ["doctor"], ["explain", "--path", "/"], ["keys", "list"]):
        result = run(*command, "gateway.conf", cwd=folder)
        assert result.returncode == 64 and "'gateway.conf'; write --config gateway.conf\n" in result.stderr, result
    assert run("check", cwd=folder / "..").returncode == 1
