"""docs/applications.md: the applications that it shows, behind the gateway as it configures it."""
import inspect
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys

import jwt
import pytest
import websockets.sync.client
import yaml
from support.certificates import Authority
from support.documents import commands, files, pieces, section
from support.gateway import ROOT, run
from support.ports import free_port, wait_until

PAGE = (ROOT / "docs/applications.md").read_text()
HOST = "app.example.com"
# What Express does of what the page uses, where Debian's node-express is not installed.
EXPRESS = """
const http = require("http");
module.exports = () => {
  const routes = new Map();
  const app = {
    set: () => app,
    get: (path, handler) => routes.set(path, handler),
    listen: (port, host) => http.createServer((req, res) => {
      req.get = (name) => req.headers[name.toLowerCase()];
      req.ip = req.get("X-Forwarded-For");
      req.protocol = req.get("X-Forwarded-Proto");
      res.send = (text) => res.end(text);
      res.json = (value) => res.end(JSON.stringify(value));
      res.redirect = (to) => { res.writeHead(302, { Location: to }); res.end(); };
      routes.get(req.url) ? routes.get(req.url)(req, res) : (res.writeHead(404), res.end());
    }).listen(port, host),
  };
  return app;
};
"""
# What the page's second piece for Express is for.
VERIFIED = """
const verified = require("./verified.js");
require("http").createServer((req, res) => verified(req, res, () => res.end(req.who.sub)))
  .listen(Number(process.argv[2]), "127.0.0.1");
"""


# By hand where it is refused: the client's two threads use one TLS connection, and lose the request now and then.
HANDSHAKE = [("Connection", "Upgrade, close"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
             ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]


class Application:
    """One of the page's applications behind a gateway of its own."""

    def __init__(self, folder, start, kind):
        self.folder, self.kind, self.processes = folder, kind, []
        self.port = free_port()
        authority = Authority(folder)
        _, certificate, key = authority.issue("server", [HOST, "127.0.0.1"])
        self.tls = ssl.create_default_context(cafile=authority.path)
        made = run("user", "add", "alice", "--users-file", folder / "users.yaml", "--id", "u-1", "--role", "admin",
                   "--role", "a,b", "--password-stdin", stdin="correct horse\n")
        assert made.returncode == 0, made
        config = files(PAGE, "yaml")["gateway.conf"]
        for written, here in (
            ("0.0.0.0:443", "127.0.0.1:0"), ("127.0.0.1:8000", f"127.0.0.1:{self.port}"), ("server.pem", certificate),
            ("server.key", key), ("state: state", f"state: {folder}/state"), ("users.yaml", folder / "users.yaml"),
        ):
            assert written in config
            config = config.replace(written, str(here))
        self.gateway = start(config)
        self.environment = {
            **os.environ, "SSL_CERT_FILE": str(authority.path), "NODE_EXTRA_CA_CERTS": str(authority.path),
            "NODE_PATH": ":".join(filter(None, [os.environ.get("NODE_PATH"), "/usr/share/nodejs", str(folder)]))}

    def begin(self):
        getattr(self, self.kind)()
        wait_until(self.listens, self.kind, 30)
        minted = run("token", "mint", "--config", self.gateway.config_path, "--provider", "local", "--subject", "u-1",
                     "--role", "admin", "--role", "a,b")
        assert minted.returncode == 0, minted
        self.token = ("Authorization", f"Bearer {minted.stdout.strip()}")

    def here(self, text):
        """What the page shows, with this machine's addresses."""
        keys = f"https://{HOST}/.well-known/jwks.json"
        here = keys.replace(HOST, f"127.0.0.1:{self.gateway.port}")
        text = text.replace(f'("{keys}"))', f'("{here}"), {{ headers: {{ Host: "{HOST}" }} }})')
        text = text.replace(f'("{keys}")', f'("{here}", headers={{"Host": "{HOST}"}})')
        return text.replace("8000", str(self.port))

    def write(self, kind):
        for name, text in files(PAGE, kind).items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            with open(path, "a") as file:
                file.write(self.here(text))

    def run(self, *command):
        with open(self.folder / "application.log", "ab") as log:
            self.processes.append(subprocess.Popen(
                list(map(str, command)), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment))

    def documented(self, title):
        """Runs the command of a section as it stands there."""
        [command] = commands(section("applications.md", title))
        self.run(sys.executable, "-m", *self.here(command.text).split())

    def fastapi(self):
        pytest.importorskip("fastapi")
        self.write("python")
        self.documented("FastAPI")

    def django(self):
        pytest.importorskip("django")
        subprocess.run([sys.executable, "-m", "django", "startproject", "shop", "."], cwd=self.folder, check=True)
        # The page's is all of that one.
        (self.folder / "shop/urls.py").unlink()
        self.write("python")
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=self.folder, check=True)
        self.documented("Django")

    def express(self):
        if not shutil.which("node"):
            pytest.skip("node is not installed")
        if not self.has("express"):
            (self.folder / "express.js").write_text(EXPRESS)
        self.write("js")
        self.run("node", "app.js")

    def has(self, module):
        return subprocess.run(["node", "-e", f"require({module!r})"], env=self.environment, cwd=self.folder,
                              capture_output=True).returncode == 0

    def nginx(self):
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if program is None:
            pytest.skip("nginx is not installed")
        (self.folder / "docs").mkdir()
        (self.folder / "docs/index.html").write_text("the docs")
        server = self.here(files(PAGE, "nginx")["app.conf"]).replace("/srv/app", str(self.folder))
        server = server.replace("/var/log/nginx/app.log", str(self.folder / "app.log"))
        user = "user root;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(
            f"{user} daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log;\n"
            f"events {{}}\nhttp {{\n{server}\n}}\n")
        self.run(program, "-p", self.folder, "-e", self.folder / "error.log", "-c", self.folder / "nginx.conf")

    def listens(self):
        log = self.folder / "application.log"
        assert all(process.poll() is None for process in self.processes), log.read_text()
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, path, *fields, method="GET", body=b"", direct=False):
        """Status, fields and body; from 127.0.0.2, so that addresses are told apart."""
        peer = ("127.0.0.1", self.port if direct else self.gateway.port)
        with socket.create_connection(peer, 20, source_address=("127.0.0.2", 0)) as connection:
            if not direct:
                connection = self.tls.wrap_socket(connection, server_hostname=HOST)
            version = "1.1" if HANDSHAKE[0] in fields else "1.0"
            head = [f"{method} {path} HTTP/{version}", f"Host: {HOST}", f"Content-Length: {len(body)}"]
            head += [f"{name}: {value}" for name, value in fields]
            connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
            with connection, connection.makefile("rb") as file:
                text = file.read()
        head, _, body = text.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        return int(lines[0].split()[1]), dict(line.lower().split(": ", 1) for line in lines[1:]), body

    def me(self, *fields):
        status, _, body = self.ask("/me", self.token, *fields)
        assert status == 200, (body, (self.folder / "application.log").read_text())
        return json.loads(body)

    def close(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)


@pytest.fixture
def application(request, start, tmp_path):
    """Of the kind that the test is called after."""
    made = Application(tmp_path, start, request.node.name.removeprefix("test_"))
    try:
        made.begin()
        yield made
    finally:
        made.close()


def who_it_is_arrives_and_forged_headers_do_not(application):
    assert application.ask("/health")[0] == 200
    assert application.ask("/me")[0] == 401
    said = application.me()
    assert (said["user"], said["client"], said["scheme"]) == ("u-1", "127.0.0.2", "https"), said
    if "roles" in said:
        assert said["roles"] == ["admin", "a,b"]
    forged = [("X-Forwarded-User", "root"), ("x_forwarded_user", "root"), ("X-Forwarded-For", "6.6.6.6"),
              ("X-Forwarded-Proto", "ftp"), ("X-Portcullis-Assertion", "e30.e30."), ("X-Forwarded-Groups", "root")]
    again = application.me(*forged)
    assert {**said, "csrf": 0} == {**again, "csrf": 0}


def redirects_lead_to_the_gateway(application):
    status, fields, _ = application.ask("/old", application.token)
    assert status in (302, 307)
    assert fields["location"] in ("/me", f"https://{HOST}/me")


def who_comes_around_the_gateway(application):
    # What the page says of each: on loopback the headers are believed, and so nobody else may reach it.
    fields = [("X-Forwarded-User", "root"), ("X-Forwarded-Groups", "admin"), ("X-Forwarded-For", "6.6.6.6")]
    status, _, body = application.ask("/me", *fields, direct=True)
    if application.kind == "fastapi":
        assert status == 401
    else:
        assert status == 200 and json.loads(body)["user"] == "root"
    # No other address of the machine than loopback, nor another one of loopback, leads to it.
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.3", application.port)) != 0


def first_message(application, address):
    """What the application says first on a WebSocket; asked again where the client has lost its own request."""
    for attempt in range(4):
        connection = socket.create_connection(("127.0.0.1", application.gateway.port))
        try:
            with websockets.sync.client.connect(
                    address, sock=connection, ssl=application.tls, additional_headers=[application.token],
                    open_timeout=10) as client:
                return client.recv(timeout=20)
        except TimeoutError:
            assert attempt < 3, "the client was not answered"


def test_fastapi(application):
    who_it_is_arrives_and_forged_headers_do_not(application)
    redirects_lead_to_the_gateway(application)
    who_comes_around_the_gateway(application)
    # A WebSocket.
    address = f"wss://{HOST}/live"
    assert first_message(application, address) == "u-1"
    forged = [("X-Portcullis-Assertion", "e30.e30.")]
    for fields in ([], forged):
        assert application.ask("/live", *HANDSHAKE, *fields)[0] == 401
        with pytest.raises(websockets.exceptions.InvalidStatus, match="40[13]"):
            websockets.sync.client.connect(f"ws://127.0.0.1:{application.port}/live", additional_headers=fields)


def test_django(application):
    who_it_is_arrives_and_forged_headers_do_not(application)
    redirects_lead_to_the_gateway(application)
    who_comes_around_the_gateway(application)
    # It knows whom it serves, and forms pass.
    said = application.me()
    assert said["staff"] is True
    # Whose role is taken away is no admin when Django's next session begins.
    granted = application.token
    minted = run("token", "mint", "--config", application.gateway.config_path, "--provider", "local", "--subject", "u-1")
    assert minted.returncode == 0, minted
    application.token = ("Authorization", f"Bearer {minted.stdout.strip()}")
    assert application.me()["staff"] is False
    application.token = granted
    cookie = ("Cookie", f"csrftoken={said['csrf']}")
    form = f"csrfmiddlewaretoken={said['csrf']}".encode()
    fields = [application.token, cookie, ("Content-Type", "application/x-www-form-urlencoded")]
    status, answer, body = application.ask("/me", *fields, ("Origin", f"https://{HOST}"), method="POST", body=form)
    assert status == 200, body
    assert application.ask("/me", *fields, ("Origin", "https://evil.example"), method="POST", body=form)[0] == 403


def test_nginx(application):
    who_it_is_arrives_and_forged_headers_do_not(application)
    redirects_lead_to_the_gateway(application)
    who_comes_around_the_gateway(application)
    # It finds folders, and logs who it was.
    status, fields, _ = application.ask("/docs", application.token)
    assert status == 301 and fields["location"] == "/docs/"
    assert application.ask("/docs/", application.token)[2] == b"the docs"
    log = pathlib.Path(application.folder / "app.log")
    wait_until(lambda: '127.0.0.2 u-1 "GET /docs/' in log.read_text(), "the line")


def test_express(application):
    who_it_is_arrives_and_forged_headers_do_not(application)
    redirects_lead_to_the_gateway(application)
    who_comes_around_the_gateway(application)
    if not application.has("jose"):
        pytest.skip("node-jose is not installed")
    # The assertion is verified: in the place of the other, as the gateway's upstream.
    application.processes[0].terminate()
    application.processes[0].wait(20)
    application.processes.clear()
    (application.folder / "server.js").write_text(VERIFIED)
    application.run("node", "server.js", application.port)
    wait_until(application.listens, "the application", 30)
    status, _, body = application.ask("/", application.token)
    assert (status, body) == (200, b"u-1"), (application.folder / "application.log").read_text()
    assert application.ask("/", ("X-Portcullis-Assertion", "e30.e30."), direct=True)[0] == 401
    assert application.ask("/", direct=True)[0] == 401


def test_the_page_shows_what_is_run():
    assert {*files(PAGE, "python")} == {"app.py", "shop/gateway.py", "shop/settings.py", "shop/urls.py"}
    assert {*files(PAGE, "js")} == {"app.js", "verified.js"} and {*files(PAGE, "nginx")} == {"app.conf"}
    assert len(pieces(PAGE, "python", "js", "nginx")) == 7
    # Whoever verifies the assertion gets one from each route that says who it is.
    config = yaml.safe_load(files(PAGE, "yaml")["gateway.conf"])
    routes = config["routes"]
    # P-11: Express takes /ADMIN for /admin.
    assert config["case_insensitive_paths"] == "all"
    assert all(("assertion" in route) == (route["auth"] != "none") for route in routes)


def test_how_long_keys_are_kept_by_those_who_verify_assertions():
    options = inspect.signature(jwt.PyJWKClient).parameters
    assert (options["lifespan"].default, options["cooldown_duration"].default) == (300, 30)
    assert "keeps the keys for 5 minutes (`lifespan`)" in PAGE and "30 s of the last fetch (`cooldown_duration`)" in PAGE
