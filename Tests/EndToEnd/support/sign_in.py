"""A gateway where people sign in, and a browser of a few lines."""
import contextlib
import functools
import html
import json
import re
import sqlite3
import subprocess
import urllib.parse

import pytest

from .ports import PATIENCE, wait_until
from .wire import get

ISSUER = "http://127.0.0.1:8080"
HOST = "127.0.0.1"
PASSWORD = "correct horse battery staple"
FORM = ("Content-Type", "application/x-www-form-urlencoded")
JSON = ("Content-Type", "application/json")
NAVIGATION = [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Site", "none")]
FETCH = [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Site", "same-origin")]


@functools.cache
def hashed(password, cost=4):
    """A hash as `htpasswd -B` writes it, by default a cheap one."""
    line = subprocess.run(["htpasswd", "-niB", "-C", str(cost), "x"], input=password, capture_output=True, text=True, check=True)
    return line.stdout.strip().partition(":")[2]


def person(id, name, password=PASSWORD, cost=4, **more):
    lines = [f"  - id: {id}", f"    username: {json.dumps(name)}", f"    password_hash: \"{hashed(password, cost)}\""]
    return "\n".join(lines + [f"    {key}: {json.dumps(value)}" for key, value in more.items()]) + "\n"


def users(*people, clients=""):
    return "users:\n" + "".join(people) + (f"clients:\n{clients}" if clients else "")


ALICE = person("u-1", "alice", roles=["admin", "support"], permissions=["orders.write"], scopes=["orders:read"],
               claims={"tenant": "acme"})
BOB = person("u-2", "bob")


class SignIn:
    """The gateway, its users file, and an application behind it."""

    def __init__(self, start, app, folder, people=None, issuer=ISSUER, settings="", top="", workers=1, state=None,
                 provider="", routes=""):
        self.app, self.folder, self.issuer = app, folder, issuer
        self.users_file = folder / "users.yaml"
        self.write_users(people or users(ALICE, BOB))
        self.settings = settings
        self.host = urllib.parse.urlsplit(issuer).netloc.partition(":")[0]
        self.prefix = "__Host-" if issuer.startswith("https") else ""
        self.config = f"""
listeners:
  - address: 127.0.0.1:0
workers: {workers}
{top}
providers:
  local:
    issuer: {issuer}
    audiences: [example]
    leeway: 0s
    signing: {{ state: {state or folder / "state"} }}
    sign_in: {{ users_file: {self.users_file}{settings} }}
    {provider}
upstreams:
  app: {{ servers: ["{app.server}"] }}
routes:
  - {{ path: /public/**, auth: none, upstream: app }}
  - {{ path: /optional, auth: local, anonymous: allow, upstream: app }}
  - {{ path: /forward, auth: local, token: forward, upstream: app }}
  - {{ path: /ws, auth: local, upstream: app, upgrade: [websocket] }}
  - {{ path: /admin, auth: local, require: {{ roles: [admin] }}, upstream: app }}
{routes}
  - {{ path: "/**", auth: local, upstream: app }}
"""
        self.start = start
        self.gateway = start(self.config)

    def write_users(self, text):
        new = self.folder / "users.new"
        new.write_text(text)
        new.chmod(0o600)
        new.rename(self.users_file)

    def drop_store(self):
        """Takes the tables out of the store of sign-ins: whatever reads or writes it fails from now on."""
        with contextlib.closing(sqlite3.connect(self.folder / "state" / "local.sign-ins.db")) as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if not name.startswith("sqlite_"):
                    database.execute(f"DROP TABLE {name}")

    # The JSON side.

    def get(self, target, fields=(), method="GET", body=None, host=None):
        return get(self.gateway, target, fields, host=host or self.host, method=method, body=body)

    def post(self, target, value=None, fields=()):
        body = b"" if value is None else json.dumps(value).encode()
        return self.get(target, ([JSON] if value is not None else []) + list(fields), method="POST", body=body)

    def login(self, username="alice", password=PASSWORD, fields=()):
        return self.post("/auth/login", {"username": username, "password": password}, fields)

    def tokens(self, username="alice", password=PASSWORD):
        answer = self.login(username, password)
        assert answer.status == 200, (answer, answer.body)
        return json.loads(answer.body)

    def refresh(self, token):
        return self.post("/auth/refresh", {"refresh_token": token})

    def bearer(self, token):
        return ("Authorization", f"Bearer {token}")

    def browser(self):
        return Browser(self)


class Browser:
    """Keeps cookies, and sends what browsers send of where a request comes from."""

    def __init__(self, scene):
        self.scene = scene
        self.cookies = {}

    @property
    def origin(self):
        return f"{self.scene.issuer.partition(':')[0]}://{self.scene.host}"

    def request(self, target, fields=(), method="GET", body=None, host=None):
        cookie = [("Cookie", "; ".join(f"{n}={v}" for n, v in self.cookies.items()))] if self.cookies else []
        answer = self.scene.get(target, cookie + list(fields), method=method, body=body, host=host)
        for line in answer.all("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    def go(self, target, **options):
        return self.request(target, NAVIGATION, **options)

    def fetch(self, target, fields=(), **options):
        return self.request(target, FETCH + list(fields), **options)

    def post_form(self, target, fields, more=(), origin=None):
        body = urllib.parse.urlencode(fields).encode()
        origin = self.origin if origin is None else origin
        return self.request(target, [FORM, ("Origin", origin), *more], method="POST", body=body)

    def form(self, target="/auth/login"):
        """The hidden fields of the login page."""
        page = self.go(target)
        assert page.status == 200, page
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.body.decode())
        return {name: html.unescape(value) for name, value in found}

    def sign_in(self, username="alice", password=PASSWORD, target="/auth/login"):
        return self.post_form(
            "/auth/login", {**self.form(target), "username": username, "password": password})

    @property
    def access(self):
        return self.cookies.get(self.scene.prefix + "portcullis_access")

    @property
    def refresh_token(self):
        return self.cookies.get(self.scene.prefix + "portcullis_refresh")


def goes_on(answer):
    """Where the page that follows the login page's form sends a browser."""
    assert answer.status == 200, (answer, answer.body)
    delay, _, place = answer.field("refresh").partition("; url=")
    assert delay == "0" and answer.field("location") is None, answer
    assert f'<a href="{html.escape(place)}">' in answer.body.decode(), answer.body
    return place


def until_status(request, status, seconds=PATIENCE):
    """Repeats a request until it is answered so."""
    return wait_until(lambda: next((a for a in [request()] if a.status == status), None), f"the status {status}", seconds)


@pytest.fixture(name="scene")
def scene_fixture(start, upstream, tmp_path):
    """Makes gateways for the tests of a file that imports it: `scene(settings=…)`."""
    def make(**options):
        return SignIn(start, upstream(), tmp_path, **options)
    return make
