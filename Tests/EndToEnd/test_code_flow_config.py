"""`code_flow` in a configuration: each fault is named with its place, and what is asked of a good one is explained."""
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support.gateway import run
from test_config import faults, written
from test_introspection import serialized

GOOD = """\
listeners:
  - address: 127.0.0.1:0
providers:
  company:
    issuer: https://id.example
    audiences: [orders]
    code_flow:
      client_id: orders
      client_secret_file: secret
      url: https://app.example
      state: state
  other:
    issuer: https://other.example
    audiences: [orders]
    code_flow: { client_id: orders, url: "https://other.app.example", state: state }
upstreams:
  app:
    servers: ["127.0.0.1:9"]
routes:
  - { path: /strong, auth: company, require: { max_age: 15m, acr: gold }, upstream: app }
  - { path: /other/**, host: other.app.example, auth: other, upstream: app }
  - { path: /**, auth: company, upstream: app }
"""

# What is replaced, by what, where « is the place of the fault, and what is said.
ROWS = {
    "no client_id": ("    code_flow:\n      client_id: orders", "    code_flow:\n      «path: /oauth", "client_id"),
    "no url": ("      url: https://app.example\n", "", "url"),
    "no state": ("      state: state\n", "", "state"),
    "unknown key": ("      state: state", "      «sate: x\n      state: state", 'did you mean "state"'),
    "url with a path": ("https://app.example\n", "«https://app.example/app\n", "more than scheme, host and port"),
    "url in clear": ("https://app.example\n", "«http://app.example\n", "loopback"),
    "own path without a slash": ("      state: state", "      path: «oauth\n      state: state", "such as /"),
    "own path of everything": ("      state: state", "      path: «/\n      state: state", "such as /"),
    "own path in capitals": ("      state: state", "      path: «/OAuth\n      state: state", "such as /"),
    "scope with a space": ("      state: state", "      scopes: [«\"a b\"]\n      state: state", "is not a scope"),
    "userinfo": ("      state: state", "      userinfo: «yes\n      state: state", "neither true nor false"),
    "short idle": ("      state: state", "      idle: «59s\n      state: state", "1m"),
    "idle after the end": ("      state: state", "      idle: «2h\n      lifetime: 1h\n      state: state", "longer than"),
    "logout elsewhere": ("      state: state", "      after_logout: «//evil.example\n      state: state", "not a path on this"),
    "logout at a URL": ("      state: state", "      after_logout: «https://a.example\n      state: state", "not a path on this"),
    "secret that is not there": ("file: secret", "file: «nowhere", "nowhere"),
    "secret of everybody": ("file: secret", "file: «open", "chmod 600"),
    "key of everybody": ("client_secret_file: secret", "private_key_file: «open", "chmod 600"),
    "two ways to authenticate": (
        "client_secret_file: secret", "«client_secret_file: secret\n      private_key_file: secret", "in one way"),
    "key_id of no key": ("      state: state", "      «key_id: a\n      state: state", 'without "private_key_file"'),
    "audience of no key": ("      state: state", "      «audience: a\n      state: state", 'without "private_key_file"'),
    "beside signing": ("    code_flow:\n", "    signing: { state: state }\n    «code_flow:\n", "issuer elsewhere"),
    "beside a shared secret": ("    code_flow:\n", "    secret_file: secret\n    «code_flow:\n", "issuer elsewhere"),
    "without keys": (
        "    code_flow:\n",
        "    introspection: { url: \"https://id.example/i\", client_id: a, client_secret_file: secret, tokens: all }\n"
        "    «code_flow:\n", "with the issuer's keys"),
    "dpop": ("    code_flow: {", "    dpop: «required\n    code_flow: {", "not bound to a key"),
    "two on a route": ("auth: other,", "auth: [other, «company],", "a route can name one of them"),
    "two at one place": ("https://other.app.example", "https://app.example", "already"),
    "route at its path": (
        "routes:\n", "routes:\n  - { path: «/oauth/x, host: app.example, auth: none, upstream: app }\n", "itself answers"),
}


@pytest.fixture
def folder(tmp_path):
    for name, mode in (("secret", 0o600), ("open", 0o644)):
        (tmp_path / name).write_text("s" * 40)
        (tmp_path / name).chmod(mode)
    return tmp_path


@pytest.mark.parametrize("row", ROWS)
def test_A_3_a_fault_is_named_with_its_place(folder, row):
    old, new, text = ROWS[row]
    assert GOOD.count(old) >= 1, old
    marked = GOOD.replace(old, new, 1)
    found = faults(written(folder, marked.replace("«", "")))
    assert len(found) == 1, found
    line, column, message = found[0]
    assert text in message, message
    if "«" in marked:
        before = marked.partition("«")[0]
        assert (line, column) == (before.count("\n") + 1, len(before) - before.rfind("\n")), found


def test_A_3_all_of_them_are_named_in_one_run(folder):
    text = GOOD
    for row in ("url in clear", "own path without a slash", "secret that is not there", "dpop", "two on a route"):
        old, new, _ = ROWS[row]
        text = text.replace(old, new.replace("«", ""), 1)
    found = faults(written(folder, text))
    lines = [line for line, _, _ in found]
    assert len(found) == 5 and lines == sorted(lines), found


def test_a_good_one_is_checked_and_explained(folder):
    path = written(folder, GOOD)
    checked = run("check", "--config", path)
    assert checked.returncode == 0 and checked.stderr.count("error") == 0, checked
    # Nothing is made, and nobody is asked.
    assert not (folder / "state").exists()

    def explained(target, *options, host="app.example"):
        result = run("explain", "--config", path, "--path", target, "--host", host, "--format", "json", *options)
        assert result.stderr == "", result
        return json.loads(result.stdout)
    for target in ("/oauth/login", "/oauth/callback?code=x"):
        assert explained(target)["verdict"] == "answered_by_gateway"
    assert explained("/oauth/nothing")["reason"] == "no_route"
    # On other hosts it is any path.
    found = explained("/oauth/login", host="elsewhere.example")
    assert (found["status"], found["reason"]) == (401, "credential_missing")
    assert explained("/a")["reason"] == "credential_missing"
    found = explained("/a", "--as", "subject=alice", "--as", "provider=company")
    assert found["verdict"] == "allowed" and found["forwarded"]["identity"] == {"X-Forwarded-User": "alice"}
    assert explained("/a", "--as", "subject=alice", "--as", "provider=other")["reason"] == "issuer_unknown"
    # What a session would have to be stepped up for.
    found = explained("/strong", "--as", "subject=alice", "--as", "claim=acr=gold", "--as", "authenticated=1h")
    assert (found["status"], found["reason"]) == (401, "authentication_too_old")
    assert [each["holds"] for each in found["requirements"]] == [True, True, False]
    found = explained("/strong", "--as", "claim=acr=gold", "--as", "authenticated=5m")
    assert found["verdict"] == "allowed"


def short_key():
    return serialized(rsa.generate_private_key(65537, 1024))


# What the file holds that is named at «, and what is said of it.
UNUSABLE = {
    "empty secret": ("file: «secret", "secret", lambda: b"\n", "is empty"),
    "huge secret": ("file: «secret", "secret", lambda: b"s" * 70_000, "secret"),
    "no key": ("private_key_file: «secret", "secret", lambda: b"no key", "contains no unencrypted RSA, EC or Ed25519"),
    "short key": ("private_key_file: «secret", "secret", short_key, "holds an RSA key of 1024 bits"),
    "half a sealing secret": (
        "state: «state", "state/company.code-flow.secret", lambda: b"s" * 31, "does not hold 32 bytes"),
}


@pytest.mark.parametrize("row", UNUSABLE)
def test_L_3_what_is_in_its_files_is_read_too(folder, row):
    new, name, content, text = UNUSABLE[row]
    old = "state: state" if new.startswith("state") else "client_secret_file: secret"
    new = new if new.startswith(("state", "private")) else "client_secret_" + new
    before = GOOD.replace(old, new, 1).partition("«")[0]
    path = written(folder, GOOD.replace(old, new.replace("«", ""), 1))
    (folder / name).parent.mkdir(exist_ok=True, mode=0o700)
    (folder / name).write_bytes(content())
    (folder / name).chmod(0o600)
    checked = run("check", "--config", path)
    place = f"{path}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "
    assert checked.returncode == 1 and checked.stderr.startswith(place + 'provider "company": code_flow: '), checked
    assert text in checked.stderr and checked.stderr.count("\n") == 1 and checked.stdout == "", checked
    # It says what keeps a gateway from starting.
    served = run("serve", "--config", path)
    assert served.returncode == 73 and text in served.stderr, served


def test_K_8_a_sealing_secret_that_others_can_read(folder):
    path = written(folder, GOOD)
    secret = folder / "state" / "company.code-flow.secret"
    secret.parent.mkdir(mode=0o700)
    secret.write_bytes(b"s" * 32)
    for mode, good in ((0o600, True), (0o640, False)):
        secret.chmod(mode)
        checked = run("check", "--config", path)
        assert (checked.returncode == 0) == good and ("chmod go= " in checked.stderr) != good, checked
    assert sorted(each.name for each in secret.parent.iterdir()) == [secret.name]
