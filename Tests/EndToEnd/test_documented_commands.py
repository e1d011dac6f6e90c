"""Every command in the documents is run as it stands there, and says what the document shows; or is in a list with why
it cannot be."""
import functools
import json
import re
import sys
import time
from pathlib import Path

import pytest
import yaml
from support.certificates import Authority
from support.documents import PAGES, commands, files, fits, pieces, section
from support.gateway import BINARY, ROOT, run
from support.shell import Shell
from support.tokens import Key, mint

# Commands that are not run here, by their page: why. A name that ends in … is of all that begin so.
ELSEWHERE = {
    "README.md": {"make run …": "builds, and serves what is served here", "make test …": "runs this",
                  "alias portcullis=…": "the test's binary has the name"},
    "tour.md": {"alias portcullis=…": "the test's binary has the name"},
    "getting-started.md": {"make build": "builds", "alias portcullis=…": "the test's binary has the name",
                           "python3 -m venv …": "its program is among the tests' requirements",
                           "provider/bin/pip install …": "is among the tests' requirements"},
    "applications.md": {"uvicorn …": "test_applications.py runs it", "gunicorn …": "test_applications.py runs it"},
    "incidents.md": {"timedatectl …": "asks systemd"},
    "install.md": {
        "docker …": "needs docker: test_containers.py compares the files", "kubectl …": "needs a cluster",
        "sed --in-place …": "test_containers.py runs it"},
    "operations.md": {
        "install -m 755 …": "replaces the machine's program: test_package.py and test_handover.py upgrade",
        "setpriv …": "test_package.py runs it",
        "cp deploy/portcullis…": "test_systemd.py does so",
        "systemctl …": "needs systemd: test_systemd.py and test_package.py do so on a machine of their own"},
}
# Sections whose commands test_package.py runs.
PACKAGE = [command.text for title in ("Debian package", "From source")
           for command in commands(section("install.md", title))]
# What is run in the place of a command, and why.
INSTEAD = {
    "provider/bin/oidc-provider-mock ": lambda text: text.removeprefix("provider/bin/"),
    # Passwords are typed at a terminal.
    "portcullis user ": lambda text: f"{text} --password-stdin <<<'correct horse'",
    # It would go on for ever.
    "portcullis logs --follow ": lambda text: f"timeout 0.3 {text}; [ $? = 124 ]",
}
# What is run, but says something else each time than the page, and why.
UNLIKE = {("keys.md", "portcullis keys list"): "days have to pass until a key can go"}
PROVIDER = "issuer: https://id.example.com, audiences: [orders]"


def is_elsewhere(command):
    if command.page == "install.md" and command.text in PACKAGE:
        return True
    return any(command.text == name or (name.endswith("…") and command.text.startswith(name[:-1]))
               for name in ELSEWHERE.get(command.page, {}))


ALL = [command for page in PAGES for command in commands(page.read_text(), page.name)]
RUN = {page: [command for command in ALL if command.page == page and not is_elsewhere(command)]
       for page in dict.fromkeys(command.page for command in ALL)}


class Scene:
    """What a page takes for granted."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "bin").mkdir()
        (folder / "bin/portcullis").symlink_to(Path(BINARY).resolve())
        self.shell = Shell(folder, f"{folder}/bin:{Path(sys.executable).parent}")
        self.ids = {}
        self.instead = dict(INSTEAD)
        # What happens right before a command.
        self.before = {}

    def write(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)

    def do(self, text, **options):
        said, status = self.shell.run(text, **options)
        assert status == 0, f"{text}: {said}"
        return said

    def serve(self, text="portcullis serve --config gateway.conf"):
        self.shell.end("serve")
        self.shell.serve(text, """grep -qs '"message":"serving"' $said journal""")

    def follow(self, command):
        """Runs a command of a page, and compares what it says."""
        text = command.text
        for shown, here in self.ids.items():
            text = text.replace(shown, here)
        for begin, happens in self.before.items():
            if text.startswith(begin):
                happens()
        for begin, other in self.instead.items():
            if text.startswith(begin):
                text = other(text)
        if text.endswith("&"):
            return self.shell.serve(text[:-1])
        if text.startswith("portcullis serve "):
            return self.serve(text)
        # What is looked for in a log is there a moment after its answer.
        deadline = time.monotonic() + 10
        while True:
            said, status = self.shell.run(text)
            if command.says is None or any(
                    (command.page, text[:len(begin)]) == (page, begin) for page, begin in UNLIKE):
                assert status == 0, f"{command.page}: {text}\nsays {said}"
                return None
            if fits(command.says, said):
                break
            assert time.monotonic() < deadline and re.match(r"portcullis (logs|why|keys|sign-ins list)", text), (
                f"{command.page}: {text}\nshows\n{command.says}\nand says\n{said[:3000]}")
            time.sleep(0.1)
        # What has a name of its own each time has it in what follows too.
        names = r"(?<![\w-])(?:[0-9a-f]{32}|[\w-]{22}|\d{9,})(?![\w-])"
        shown, here = re.findall(names, command.says), re.findall(names, said)
        if len(shown) == len(here):
            self.ids.update(zip(shown, here))


def example(scene):
    scene.write("gateway.conf.example", (ROOT / "gateway.conf.example").read_text())
    scene.serve("portcullis serve --config gateway.conf.example")


def getting_started(scene):
    for name, text in files((ROOT / "docs/getting-started.md").read_text(), "yaml", "python").items():
        scene.write(name, text)


def access(scene):
    text = (ROOT / "docs/access.md").read_text()
    [route] = [piece for piece in pieces(text, "yaml") if "/orders/{customer}/**" in piece]
    scene.write("gateway.conf", "listeners: [{ address: 127.0.0.1:8080 }]\nproviders:\n"
                f"  company: {{ {PROVIDER}, jwks_file: jwks.json, claims: {{ roles: roles }} }}\n"
                "upstreams: { orders: { builtin: echo } }\nroutes:\n"
                "  - { path: /public/**, auth: none, upstream: orders }\n"
                + route.replace("- path", "- name: orders\n    path"))
    scene.write("jwks.json", json.dumps({"keys": [Key("ES256", "2026-01").jwk]}))
    scene.write("candidate.conf", (scene.folder / "gateway.conf").read_text().partition("routes:")[0] + """routes:
  - { name: orders, path: /orders/**, auth: company, require: { roles: [admin] }, upstream: orders }
""")

    def line(number, roles, name, **more):
        fields = dict(time="2026-01-31T08:49:37.000000Z", request_id=f"{number:032x}", client="192.0.2.1", method="GET",
                      host="a", path="/orders/7", route="orders", status=200, provider="company", subject=name,
                      claims={"roles": roles}, cache="hit", upstream="orders", total_us=1,
                      bytes_in=1, bytes_out=1, config=1)
        return json.dumps({name: value for name, value in (fields | more).items() if value is not None})

    refused = dict(status=403, reason="role_missing", blame="policy", upstream=None)
    malformed = dict(status=401, reason="token_malformed", blame="client", upstream=None, provider=None, subject=None,
                     claims=None)
    lines = [line(n, ["clerk"], "bob") for n in range(41)]
    lines += [line(100 + n, ["admin"], "carol", **refused) for n in range(3)]
    lines += [line(200 + n, None, None, **malformed) for n in range(229)]
    lines += [line(1000 + n, ["admin"], "dora") for n in range(2058)]
    scene.write("access.log", "\n".join(lines) + "\n")


# What a gateway has said before, of what pages look for.
SAID = [
    ("keys could not be fetched; those fetched before stay in use", {"provider": "company", "failures": "1"}),
    ("a server is down according to its health checks", {"server": "10.0.0.1:8080", "upstream": "orders"}),
    ("accepting pauses: limits.connections are open", {}),
    ("the access log cannot be written", {"error": "No space left on device"}),
    ("sign-in failed", {"failures": "7", "last_of": "alice", "provider": "local"}),
]


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())


def operators(scene, listeners=(), routes=()):
    """A gateway whose admin listener, users and log are those that pages name, and one more on a Unix socket."""
    keys = [Key("ES256", "2026-01"), Key("ES256", "2026-02")]
    scene.write("jwks.json", json.dumps({"keys": [key.jwk for key in keys]}))
    scene.write("revoked.txt", "# none\n")
    scene.write("gateway.conf", yaml.safe_dump({
        "listeners": [{"address": "127.0.0.1:8080"}, *listeners],
        "admin": {"address": "127.0.0.1:9901"},
        "trusted_proxies": ["127.0.0.1"],
        "log": {"access": "/var/log/portcullis/access.log", "claims": "rules"},
        "revocations": {"file": "revoked.txt"},
        "providers": {
            "company": {"issuer": "https://id.example.com", "audiences": ["orders"], "jwks_file": "jwks.json",
                        "claims": {"roles": "roles"}},
            "local": {"issuer": "http://127.0.0.1:8080", "audiences": ["orders"], "signing": {"state": "state"},
                      "sign_in": {"users_file": "users.yaml"}}},
        "upstreams": {"orders": {"builtin": "echo"}},
        "routes": [
            *routes, {"path": "/admin/**", "auth": "company", "require": {"roles": ["admin"]}, "upstream": "orders"},
            {"path": "/api/**", "auth": "company", "upstream": "orders"},
            {"path": "/**", "auth": "local", "upstream": "orders"}],
    }, sort_keys=False))
    scene.write("socket.conf", "listeners: [{ address: 127.0.0.1:8081 }]\n"
                "admin: { address: 'unix:/run/portcullis/admin.sock' }\n"
                "upstreams: { orders: { builtin: echo } }\nroutes: [{ path: /**, auth: none, upstream: orders }]\n")
    scene.do("mkdir /run/portcullis /var/lib/portcullis /var/log/portcullis")
    scene.do("portcullis user add alice --id u-1 --users-file users.yaml --password-stdin <<<'correct horse'")
    scene.secret = scene.do("portcullis client add batch --users-file users.yaml").strip()
    # The journal, and the service's user, whom there is not here.
    scene.write("bin/journalctl", "#!/bin/sh\nexec cat journal\n", 0o755)
    user = "--reuid=portcullis --regid=portcullis --clear-groups"
    scene.write("bin/setpriv", f"#!/bin/sh\n[ \"$1 $2 $3\" = '{user}' ] && shift 3 && exec \"$@\"\n", 0o755)
    scene.write("journal", "".join(json.dumps({"time": now(), "level": "warning", "message": message, **more}) + "\n"
                                   for message, more in SAID))
    scene.serve("exec portcullis serve 2>>journal")
    scene.do("curl -d '{\"username\": \"alice\", \"password\": \"correct horse\"}' -H 'Content-Type: application/json' "
             "http://127.0.0.1:8080/auth/login")
    return keys


def ask(scene, token, request_id, path="/admin/users"):
    scene.do(f"curl -H 'X-Forwarded-For: 192.0.2.1' -H 'X-Request-Id: {request_id}' -H 'Host: api.example.com' "
             f"-H 'Authorization: Bearer {token}' http://127.0.0.1:8080{path}")


def company_token(key, **claims):
    return mint(key, **{"iss": "https://id.example.com", "aud": "orders", "sub": "alice", "roles": ["clerk"], **claims})


def admin(scene):
    keys = operators(scene)
    scene.shell.serve("portcullis serve --config socket.conf")
    # The page reloads it too.
    for _ in range(2 - sum("reload" in command.text for command in RUN["admin.md"])):
        scene.do("curl -X POST http://127.0.0.1:9901/reload")
    scene.before["portcullis why"] = lambda: ask(scene, company_token(keys[0]), "4bf92f3577b34da6a3ce929d0e0e4736")


def incidents(scene):
    Authority(scene.folder).issue("server", ["app.example.com"])
    tls = {"certificate": "server.pem", "key": "server.key"}
    keys = operators(scene, [{"address": "127.0.0.1:443", "tls": tls}])
    # The page goes back to what another one keeps.
    for kept in commands(section("operations.md", "Changing the configuration")):
        if kept.text.startswith("cp "):
            scene.do(kept.text)
    scene.write("token.txt", company_token(keys[0]))
    scene.do(f"curl --fail -u batch:{scene.secret} -d grant_type=client_credentials http://127.0.0.1:8080/auth/token")
    ask(scene, company_token(keys[0], aud="other"), "80b3bf05ae9ad8acdbd7b0d4c01661b1", "/api/orders")


ISSUER = """
import http.server, json, ssl
key = json.load(open("key.json"))
ANSWERS = {"/.well-known/openid-configuration": {"issuer": "https://login.example.com",
                                                 "jwks_uri": "https://login.example.com/jwks"},
           "/jwks": {"keys": [key]}}


class Issuer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=300")
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Issuer)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("issuer.pem", "issuer.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def operations(scene):
    routes = [{"path": path, "auth": "none", "upstream": "orders"} for path in ("/a", "/b", "/new/**")]
    operators(scene, routes=routes[:2])

    def change():
        config = yaml.safe_load((scene.folder / "gateway.conf").read_text())
        config["routes"] = [*(route | {"upgrade": "none"} for route in config["routes"][:2]), routes[2],
                            *config["routes"][2:]]
        scene.write("gateway.conf", yaml.safe_dump(config | {"limits": {"fields": 50}}, sort_keys=False))

    scene.before["portcullis reload"] = change


def doctor(scene):
    authority = Authority(scene.folder)
    authority.issue("issuer", ["login.example.com"], days=72)
    scene.write("gateway.conf", f"""
listeners: [{{ address: 127.0.0.1:8080 }}]
providers:
  company: {{ issuer: "https://login.example.com", audiences: [api], ca: {authority.path} }}
upstreams: {{ orders: {{ servers: ["127.0.0.1:3000"] }} }}
routes:
  - {{ path: /health, auth: none, upstream: orders }}
  - {{ path: /**, auth: company, upstream: orders }}
""")
    key = Key("RS256", "2026-a")
    scene.write("key.json", json.dumps({name: value for name, value in key.jwk.items() if name != "alg"}))
    scene.write("token.txt", mint(key, iss="https://login.example.com", aud="app"))
    scene.write("hosts", "127.0.0.1 login.example.com\n", 0o644)
    scene.do("mount --bind hosts /etc/hosts")
    scene.write("issuer.py", ISSUER)
    scene.shell.serve("python3 issuer.py")


def logs(scene):
    line = {"time": "2026-01-31T08:49:37.000000Z", "status": 200, "request_id": "a"}
    scene.write("access.log", json.dumps(line) + "\n")
    scene.write("bin/journalctl", "#!/bin/sh\nexec cat access.log\n", 0o755)


def users(scene):
    operators(scene)
    # She has signed in before she is added.
    scene.do("mv users.yaml others.yaml")
    scene.instead["portcullis user "] = lambda text: f"{text} --id u-1 --password-stdin <<<'correct horse'"


def revocation(scene):
    scene.write("revoked.txt", "")


def sign_in(scene):
    operators(scene)
    # The gateway's own name, which is nobody's here; and its password, which the page does not tell.
    scene.instead["curl -s https://app.example.com/"] = lambda text: text.replace(
        "https://app.example.com", "http://127.0.0.1:8080").replace("…", "correct horse")


SCENES = {"README.md": example, "tour.md": example, "getting-started.md": getting_started, "access.md": access,
          "admin.md": admin, "doctor.md": doctor, "incidents.md": incidents, "logs.md": logs, "revocation.md": revocation,
          "sign-in.md": sign_in, "users.md": users, "operations.md": operations, "keys.md": operators}


@pytest.mark.parametrize("page", [page for page, found in RUN.items() if found])
def test_the_commands_of_a_page(page, tmp_path):
    assert page in SCENES, f"{page} has commands, and nothing says where they run: {RUN[page]}"
    scene = Scene(tmp_path)
    try:
        SCENES[page](scene)
        for command in RUN[page]:
            scene.follow(command)
    finally:
        scene.shell.close()


def test_the_list_is_of_commands_that_there_are():
    for page, names in ELSEWHERE.items():
        for name in names:
            assert any(is_elsewhere(command) and command.text.startswith(name.rstrip("…"))
                       for command in ALL if command.page == page), f"{page} has no {name}"


@functools.cache
def help_of(*words):
    """The options of a command, and its subcommands."""
    text = run(*words, "--help").stdout
    return ({*re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text)},
            {*re.findall(r"^  ([a-z][a-z-]*)  ", text.partition("SUBCOMMANDS:")[2], re.M)})


def test_each_command_that_is_named_is_one():
    named = 0
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "gateway.conf.example", ROOT / ".ci/try",
                 *(each for each in (ROOT / "deploy").iterdir() if each.is_file())]:
        for quote, rest in re.findall(r"(`?)\bportcullis ((?:[^`|\n;)&<>]|<(?=[a-z]))+)", page.read_text()):
            words, path = rest.split(), []
            while words and words[0].strip(".,:") in help_of(*path)[1]:
                path.append(words.pop(0).strip(".,:"))
            assert path or not quote or words[0].startswith("-"), f"{page.name}: portcullis {rest}"
            if path:
                named += 1
                options = {*re.findall(r"(?<!\S)--?[a-z][a-z-]*", " ".join(words).partition("'")[0])}
                assert options <= help_of(*path)[0], f"{page.name}: portcullis {rest}"
    assert named > 100
