"""Rule A-3: a configuration with a fault is refused whole, and every fault is named with its place."""
import errno
import os
import re
import shutil
import socket
import subprocess

import pytest
from support.gateway import BINARY, ROOT, run
from support.sign_in import ALICE, users
from support.wire import get

GOOD = """\
listeners:
  - address: 127.0.0.1:0
providers:
  company:
    issuer: https://issuer.example
    audiences: [api]
    jwks_url: https://issuer.example/jwks
upstreams:
  app:
    servers: ["127.0.0.1:9"]
routes:
  - path: /api/**
    auth: company
    upstream: app
"""


def written(folder, text):
    path = folder / "gateway.conf"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def faults(path, env=None):
    """What `check` says is wrong: (line, column, message) each. `serve` says the same, and does not start."""
    checked = run("check", "--config", path, env=env)
    assert checked.returncode == 1 and checked.stdout == "", checked
    served = run("serve", "--config", path, env=env, seconds=10)
    assert served.returncode == 78 and served.stderr == checked.stderr, served
    found = []
    for line in checked.stderr.splitlines():
        match = re.fullmatch(re.escape(str(path)) + r":(\d+):(\d+): (.+)", line)
        assert match, line
        found.append((int(match[1]), int(match[2]), match[3]))
    assert found
    return found


def changed(old, new):
    assert old in GOOD, old
    return GOOD.replace(old, new, 1)


def test_A_3_the_good_configuration_is_good(tmp_path):
    result = run("check", "--config", written(tmp_path, GOOD))
    assert result.returncode == 0 and "1 route" in result.stdout and result.stderr == "", result


def test_the_example_passes(tmp_path):
    path = tmp_path / "gateway.conf.example"
    shutil.copy(ROOT / "gateway.conf.example", path)
    result = run("check", "--config", path)
    assert result.returncode == 0 and result.stderr == "", result
    assert [file.name for file in tmp_path.iterdir()] == ["gateway.conf.example"], "check has made something"


# Each row: what is changed, where the fault is, and what is said of it.
ROWS = {
    "unknown key": ("    issuer:", "    isuer:", (5, 5), 'did you mean "issuer"'),
    "unknown key at the top": ("routes:", "colour: red\nroutes:", (11, 1), "colour"),
    "duplicate key": ("    audiences: [api]", "    audiences: [api]\n    audiences: [other]", (7, 5), "audiences"),
    "duplicate provider": ("upstreams:", "  company: { issuer: x }\nupstreams:", (8, 3), "company"),
    "missing key": ("    auth: company\n", "", (12, 5), "auth"),
    "missing audiences": ("    audiences: [api]\n", "", (5, 5), "audiences"),
    "missing listeners": ("listeners:\n  - address: 127.0.0.1:0\n", "", (1, 1), "listeners"),
    "wrong type": ("    audiences: [api]", "    audiences: { api: 1 }", (6, 16), "audiences"),
    "audience as a text": ("    audiences: [api]", "    audiences: api", (6, 16), "[api]"),
    "empty list": ("    audiences: [api]", "    audiences: []", (6, 16), "empty"),
    "dangling provider": ("    auth: company", "    auth: compny", (13, 11), 'did you mean "company"'),
    "dangling upstream": ("    upstream: app", "    upstream: ap", (14, 15), 'did you mean "app"'),
    "auth none with roles": (
        "    auth: company", "    auth: none\n    require: { roles: [a] }", (14, 5), "require"),
    "no IP address": ("127.0.0.1:0", "example.com:80", (2, 14), "example.com:80"),
    "no port": ("127.0.0.1:0", "127.0.0.1", (2, 14), "127.0.0.1"),
    "port out of range": ("127.0.0.1:0", "127.0.0.1:65536", (2, 14), "65536"),
    "http issuer": ("https://issuer.example/jwks", "http://issuer.example/jwks", (7, 15), "https"),
    "no URL": ("    issuer: https://issuer.example\n", "    issuer: company\n", (5, 13), "https"),
    "two key sources": (
        "    jwks_url:", "    jwks_file: gateway.conf\n    jwks_url:", (7, 5), "one place"),
    "algorithm none": ("    audiences: [api]", "    algorithms: [none]\n    audiences: [api]", (6, 18), "none"),
    "HS256 without a secret": (
        "    audiences: [api]", "    algorithms: [HS256]\n    audiences: [api]", (6, 18), "secret_file"),
    "leeway too long": ("    audiences: [api]", "    leeway: 61s\n    audiences: [api]", (6, 13), "out of range"),
    "not a duration": ("    audiences: [api]", "    leeway: 30\n    audiences: [api]", (6, 13), "not a duration"),
    "path without a slash": ("/api/**", "api/**", (12, 11), "api/**"),
    "stars inside": ("/api/**", "/api/**/x", (12, 11), "**"),
    "dots in a path": ("/api/**", "/api/../x", (12, 11), ".."),
    "no server": ('["127.0.0.1:9"]', "[]", (10, 14), "empty"),
    "environment": ("https://issuer.example/jwks", "${PORTCULLIS_TEST_UNSET}", (7, 15), "PORTCULLIS_TEST_UNSET"),
    "half a variable": ("https://issuer.example/jwks", '"${HOME"', (7, 15), "}"),
    "missing file": ("jwks_url: https://issuer.example/jwks", "jwks_file: nowhere.json", (7, 16), "nowhere.json"),
    "missing secret": ("jwks_url: https://issuer.example/jwks", "secret_file: nowhere", (7, 18), "nowhere"),
    "folder as a file": ("jwks_url: https://issuer.example/jwks", "jwks_file: .", (7, 16), "folder"),
    "alias": ("    audiences: [api]", "    audiences: *names", (6, 16), "*"),
    "anchor": ("    audiences: [api]", "    audiences: &names [api]", (6, 16), "anchor"),
    "tag": ("    auth: company", "    auth: !!str company", (13, 11), "tag"),
    "merge key": ("    auth: company", "    auth: company\n    <<: { token: remove }", (14, 5), "<<"),
    "second document": ("    upstream: app\n", "    upstream: app\n---\nroutes: []\n", (15, 1), "document"),
    "tab": ("    auth: company", "\tauth: company", (13, 1), "tab"),
    "unclosed list": ("[api]", "[api", None, "]"),
    "implicit boolean": (
        "    upstream: app", "    identity: { defaults: yes }\n    upstream: app", (14, 27), "neither true nor false"),
    "empty requirement": (
        "    upstream: app", "    require: {}\n    upstream: app", (14, 14), "requires nothing"),
    "empty claims": (
        "    upstream: app", "    require: { claims: {} }\n    upstream: app", (14, 24), "requires nothing"),
    "null claim": (
        "    upstream: app", "    require: { claims: { a: null } }\n    upstream: app", (14, 29), "quotes"),
    "fraction": ("    upstream: app", "    require: { claims: { a: 1.5 } }\n    upstream: app", (14, 29), "quotes"),
    "steering header": (
        "    upstream: app", "    identity: { X-HTTP-Method-Override: m }\n    upstream: app", (14, 17), "Override"),
    "route within another": (
        "    upstream: app\n",
        "    upstream: app\n  - { name: inner, path: /api/x, auth: none, upstream: app }\n", (15, 26), "line 12"),
    "header of HTTP": (
        "    upstream: app", "    identity: { Host: sub }\n    upstream: app", (14, 17), "Host"),
    "no header": (
        "    upstream: app", "    identity: { 'X Tenant': t }\n    upstream: app", (14, 17), "X Tenant"),
    "same route twice": (
        "    upstream: app\n", "    upstream: app\n  - { path: /api/**, auth: none, upstream: app }\n", (15, 13),
        "never"),
    "own keys' path": (
        "    jwks_url: https://issuer.example/jwks\nupstreams:\n  app:\n    servers: [\"127.0.0.1:9\"]\nroutes:\n"
        "  - path: /api/**",
        "    signing: { state: state }\nupstreams:\n  app:\n    servers: [\"127.0.0.1:9\"]\nroutes:\n"
        "  - path: /.well-known/jwks.json", (12, 11), "itself answers"),
    "an admin listener for everybody": (
        "providers:", "admin: { address: \"0.0.0.0:1\" }\nproviders:", (3, 19), "public: true"),
    "a code flow with a path in its URL": (
        "    audiences", "    code_flow: { client_id: a, url: \"https://a.test/\", state: s }\n    audiences", (6, 37),
        "more than scheme"),
    "no use of DPoP": ("    audiences", "    dpop: require\n    audiences", (6, 11), "required"),
    "nothing tried": ("    upstream: app", "    try: { enforce: off }\n    upstream: app", (14, 10), "is missing"),
    "owner without a name": (
        "    upstream: app", "    require: { owner: { path: id, claim: sub } }\n    upstream: app", (14, 31),
        "not in the route's path"),
    "tls to servers in clear": (
        "    servers", "    tls: { server_name: a }\n    servers", (10, 5), "write https:// before its host"),
    "balance": ("    servers", "    balance: fastest\n    servers", (10, 14), "is not round_robin"),
    "queue alone": ("    servers", "    queue: 3\n    servers", (10, 5), "without \"max_connections\""),
}


@pytest.mark.parametrize("row", ROWS)
def test_A_3_a_fault_is_named_with_its_place(tmp_path, row):
    old, new, place, text = ROWS[row]
    found = faults(written(tmp_path, changed(old, new)))
    assert len(found) == 1, found
    line, column, message = found[0]
    assert text in message, message
    if place:
        assert (line, column) == place, (line, column, message)


def test_A_3_ten_faults_are_named_in_one_run(tmp_path):
    found = faults(written(tmp_path, """\
listeners:
  - address: example.com:80
worker: 2
limits: { head: 1MB }
providers:
  company:
    isuer: https://issuer.example
    issuer: http://issuer.example
    audiences: api
    algorithms: [RS257]
upstreams:
  app:
    servers: ["127.0.0.1:port"]
    retries: many
routes:
  - path: api
    auth: compnay
    upstream: ap
  - path: /x
    upstream: app
    methods: get
"""))
    lines = [line for line, _, _ in found]
    assert len(found) >= 12 and lines == sorted(lines), found
    assert set(lines) >= {2, 3, 4, 7, 8, 9, 10, 13, 14, 16, 17, 18, 19}, found


@pytest.mark.parametrize("text", [
    b"", b"\n", b"# nothing\n", b"[]", b"text", b"null", b"{}", b"\xff\xfe", b"\xef\xbb\xbf", b"listeners: \xff\n",
    b"\0", b"{" * 2000, b"[" * 100_000, b"- " * 5000 + b"x", b"a: b: c", b"\t", b"%YAML 9.9\n---\n", b"? x\n: y\n",
    b"listeners: \"\\ud800\"\n"], ids=lambda text: repr(text[:12]))
def test_A_3_what_is_no_configuration(tmp_path, text):
    assert faults(written(tmp_path, text))


def test_A_3_thousands_of_unknown_keys_are_each_named(tmp_path):
    path = written(tmp_path, "\n".join(f"key{number}: x" for number in range(2000)))
    result = run("check", "--config", path, seconds=30)
    assert result.returncode == 1 and result.stderr.count("unknown key") == 2000


def test_a_file_that_is_not_there(tmp_path):
    for command, status in (("check", 1), ("serve", 78)):
        result = run(command, "--config", tmp_path / "nowhere.conf")
        assert result.returncode == status and "nowhere.conf" in result.stderr, result
        assert run(command, "--config", tmp_path).returncode == status


def test_A_3_nothing_listens_with_a_broken_configuration(tmp_path):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    text = changed("127.0.0.1:0", f"127.0.0.1:{port}").replace("upstream: app", "upstream: ap")
    assert faults(written(tmp_path, text))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_environment_variables_are_text_and_never_yaml(tmp_path, start, upstream):
    app = upstream()
    config = """
    listeners:
      - address: 127.0.0.1:0
    upstreams:
      app: { servers: ["${SERVER}"] }
    routes:
      - { path: "${PREFIX}/**", name: "a$${b}", auth: none, upstream: app }
    """
    gateway = start(config.replace('name: "a$${b}", ', ""), env={"SERVER": app.server, "PREFIX": "/public"})
    assert get(gateway, "/public/x").status == 200
    # A value that would be YAML, or another variable, is a text that does not fit.
    for value in ("x, auth: none", "${HOME}", "/a\n  - x", "*x"):
        found = faults(written(tmp_path, config), env={"SERVER": app.server, "PREFIX": value})
        assert found


@pytest.mark.parametrize("mode, status", [(0o644, 1), (0o604, 1), (0o666, 1), (0o600, 0), (0o640, 0), (0o400, 0)])
def test_L_3_a_secret_that_others_can_read_is_refused(tmp_path, mode, status):
    secret = tmp_path / "secret"
    secret.write_text("s" * 32)
    secret.chmod(mode)
    path = written(tmp_path, changed("jwks_url: https://issuer.example/jwks", "secret_file: secret"))
    result = run("check", "--config", path)
    assert result.returncode == status, result
    if status:
        [(line, column, message)] = faults(path)
        assert (line, column) == (7, 18) and "read by others" in message


def test_auto_counts_the_processors_that_are_allowed(start):
    processor = min(os.sched_getaffinity(0))
    gateway = start("workers: auto\n" + GOOD, prefix=("taskset", "--cpu-list", str(processor)))
    assert gateway.wait_message("serving")["workers"] == "1"


def test_check_names_the_faults_of_all_keys(tmp_path):
    (tmp_path / "keys.json").write_text('{"keys": []}')
    (tmp_path / "ca.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "secret").write_text("short")
    (tmp_path / "secret").chmod(0o600)
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o777)
    path = written(tmp_path, """\
listeners: [{ address: "127.0.0.1:0" }]
providers:
  file: { issuer: a, audiences: [x], jwks_file: keys.json }
  secret: { issuer: b, audiences: [x], secret_file: secret }
  own: { issuer: "https://c.example", audiences: [x], signing: { state: state } }
  company: { issuer: "https://d.example", audiences: [x], ca: ca.pem }
  good: { issuer: "https://e.example", audiences: [x], signing: { state: other } }
upstreams: { app: { builtin: echo } }
routes: [{ path: /x, auth: [file, secret, own, company, good], upstream: app }]
""")
    result = run("check", "--config", path)
    assert result.returncode == 1 and result.stdout == "", result
    faults = {re.fullmatch(rf'{re.escape(str(path))}: provider "(\w+)": .+', line)[1]: line
              for line in result.stderr.splitlines()}
    assert list(faults) == ["file", "secret", "own", "company"], result
    assert "empty" in faults["file"] and "5 bytes" in faults["secret"] and "chmod go-w" in faults["own"]
    assert "no certificate" in faults["company"] and not (tmp_path / "other").exists()
    assert run("serve", "--config", path, seconds=10).returncode == 78


def test_A_1_the_environment_opens_nothing(tmp_path):
    path = written(tmp_path, changed("auth: company", 'auth: "${AUTH}"'))
    [(line, column, message)] = faults(path, env={"AUTH": "none"})
    assert (line, column) == (13, 11) and "write none" in message
    assert run("check", "--config", path, env={"AUTH": "company"}).returncode == 0


@pytest.mark.parametrize("content", [
    b"", b"s" * 31, b"s" * 31 + b"\n", b"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n",
    b'{"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}', b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ host"])
def test_T_2_a_secret_that_is_none_is_no_start(tmp_path, content):
    secret = tmp_path / "secret"
    secret.write_bytes(content)
    secret.chmod(0o600)
    path = written(tmp_path, changed("jwks_url: https://issuer.example/jwks", "secret_file: secret"))
    result = run("serve", "--config", path, seconds=10)
    assert result.returncode == 78 and "company" in result.stderr, result
    # No piece of it is said, wherever it was cut.
    said = result.stdout + result.stderr
    assert [piece for at in range(len(content) - 12) if (piece := content[at:at + 12].decode()) in said] == []


def test_a_port_that_is_taken_is_said(tmp_path):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        result = run("serve", "--config", written(tmp_path, changed("127.0.0.1:0", f"127.0.0.1:{port}")), seconds=10)
    assert result.returncode == 69 and f"127.0.0.1:{port}" in result.stderr, result


# A secret in a file that others can read.


SETS = GOOD.replace("    upstream: app\n", """    upstream: app
    headers: { set: { X-Env: prod, X-Api-Key: s3cret-of-theirs, X_UPSTREAM_TOKEN: "${UPSTREAM_TOKEN}" } }
""")


@pytest.mark.parametrize("mode, warned", [(0o644, True), (0o604, True), (0o640, False), (0o600, False)])
def test_a_secret_that_everybody_can_read_is_warned_of(tmp_path, monkeypatch, mode, warned):
    monkeypatch.setenv("UPSTREAM_TOKEN", "from-the-environment")
    path = written(tmp_path, SETS)
    path.chmod(mode)
    result = run("check", "--config", path)
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if "secret" in line]
    if not warned:
        assert lines == []
        return
    # The one by its name, and not its value; the others are none, or not in the file.
    assert len(lines) == 1 and f"{path}:15:36: \"X-Api-Key\" is set to what may be a secret" in lines[0], lines
    assert f"run chmod o= {path}" in lines[0] and "s3cret-of-theirs" not in result.stderr
    assert run("check", "--config", path, "--strict").returncode == 1


def test_start_and_reload_warn_of_it_too(start, monkeypatch):
    monkeypatch.setenv("UPSTREAM_TOKEN", "from-the-environment")
    text = SETS.replace("issuer.example", "127.0.0.1:1")
    gateway = start(text)
    gateway.config_path.chmod(0o644)

    def warned():
        return gateway.said("may be a secret")
    before = len(warned())
    gateway.reload()
    assert len(warned()) == before + 1 and warned()[-1]["level"] == "warning"
    assert "s3cret" not in gateway.program_text


OPEN_SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
static int fails(const char *path) {
  const char *name = getenv("UNREADABLE");
  if (!name || !path || !strstr(path, name)) return 0;
  errno = atoi(getenv("UNREADABLE_ERRNO"));
  return 1;
}
#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    static int (*next)(const char *, int, ...); \
    va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list); \
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, #name); \
    return fails(path) ? -1 : next(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
"""


@pytest.mark.parametrize("name", ["gateway.conf", "revoked.txt", "keys.json", "users.yaml", "client.pem"])
def test_a_file_that_cannot_be_read_now_is_no_fault_of_the_configuration(tmp_path, name):
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs a C compiler")
    (tmp_path / "open.c").write_text(OPEN_SHIM)
    library = tmp_path / "open.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "open.c", "-ldl"], check=True)
    (tmp_path / "revoked.txt").write_text("")
    (tmp_path / "keys.json").write_text('{"keys": []}')
    (tmp_path / "users.yaml").write_text(users(ALICE))
    (tmp_path / "users.yaml").chmod(0o600)
    (tmp_path / "client.pem").write_text("no certificate")
    path = tmp_path / "gateway.conf"
    path.write_text("""
listeners: [ { address: "127.0.0.1:0" } ]
revocations: { file: revoked.txt }
providers:
  files: { issuer: "https://a.example", audiences: [a], jwks_file: keys.json }
  local: { issuer: "http://127.0.0.1:8080", audiences: [a], signing: { state: state }, sign_in: { users_file: users.yaml } }
upstreams: { app: { servers: ["https://127.0.0.1:9"], tls: { ca: client.pem } } }
routes: [ { path: "/**", auth: [files, local], upstream: app } ]
""")
    for error, status in ((errno.EIO, 69), (errno.EMFILE, 69), (errno.EACCES, 78)):
        if name == "keys.json":
            # What comes before it has to be good.
            path.write_text(path.read_text().replace(", tls: { ca: client.pem }", "").replace("https://127", "127"))
        ended = subprocess.run(
            [BINARY, "serve", "--config", path], capture_output=True, text=True, timeout=60,
            env={**os.environ, "LD_PRELOAD": str(library), "UNREADABLE": name, "UNREADABLE_ERRNO": str(error)})
        assert ended.returncode == status and os.strerror(error) in ended.stderr, ended
