"""What a client says in a header moves no request to another path, method or user: with the servers and frameworks that
believe such headers, in the way that they come out of the box."""
import contextlib
import shutil
import socket
import subprocess
import sys

import pytest

from support.ports import free_port, wait_until
from support.tokens import AUDIENCE, ISSUER, bearer, mint
from support.wire import get

FLASK = """
from flask import Flask, request

app = Flask(__name__)


@app.route("/<path:path>", methods=["GET", "POST", "DELETE"])
def anything(path):
    return " ".join(["path=/" + path, "root=" + request.script_root, "method=" + request.method,
                     "user=" + request.headers.get("X-Forwarded-User", "-"),
                     "remote=" + request.headers.get("Remote-User", "-")])
"""
DJANGO = """
from django.conf import settings

settings.configure(SECRET_KEY="x" * 50, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[])

import django
from django.http import HttpResponse
from django.urls import re_path


def anything(request):
    return HttpResponse(" ".join([
        "path=" + request.path_info, "root=" + request.META.get("SCRIPT_NAME", ""), "method=" + request.method,
        "user=" + request.headers.get("X-Forwarded-User", "-"), "remote=" + request.headers.get("Remote-User", "-")]))


django.setup()
urlpatterns = [re_path("", anything)]
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

asgi, wsgi = get_asgi_application(), get_wsgi_application()
"""
SERVERS = {
    "gunicorn, Flask": [FLASK, "gunicorn", "application:app", "-b"],
    "gunicorn, Django": [DJANGO, "gunicorn", "application:wsgi", "-b"],
    "gunicorn on a Unix socket, Flask": [FLASK, "gunicorn", "application:app", "-b"],
    "daphne, Django": [DJANGO, "daphne", "application:asgi", "-p"],
    "uvicorn, Django": [DJANGO, "uvicorn", "application:asgi", "--port"],
    "hypercorn, Django": [DJANGO, "hypercorn", "application:asgi", "-b"],
}


@pytest.fixture(scope="module", params=SERVERS)
def application(request, tmp_path_factory):
    """Where it listens, as an upstream's server."""
    text, module, name, option = SERVERS[request.param]
    pytest.importorskip(module)
    folder, port = tmp_path_factory.mktemp("application"), free_port()
    (folder / "application.py").write_text(text)
    path = folder / "socket"
    where = {"-p": str(port), "--port": str(port)}.get(option, f"127.0.0.1:{port}")
    server = f"127.0.0.1:{port}"
    if "Unix" in request.param:
        where, server = f"unix:{path}", f"unix:{path}"
    process = subprocess.Popen([sys.executable, "-m", module, name, option, where], cwd=folder, stderr=subprocess.DEVNULL)

    def is_there():
        assert process.poll() is None, "it has ended"
        with contextlib.suppress(OSError):
            if server.startswith("unix:"):
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(str(path))
            else:
                socket.create_connection(("127.0.0.1", port), 1).close()
            return True

    try:
        wait_until(is_there, request.param, 30)
        yield server
    finally:
        process.terminate()
        process.wait(20)


CONFIG = """
listeners: [{{ address: 127.0.0.1:0 }}]
providers:
  company: {{ issuer: "{issuer}", audiences: [{audience}], jwks_url: "{keys}" }}
upstreams: {{ app: {{ servers: ["{app}"] }} }}
routes:
  - {{ path: /public/**, auth: none, upstream: app }}
  - {{ path: "/users/{{id}}/**", auth: company, require: {{ owner: {{ path: id, claim: sub }} }}, upstream: app }}
  - {{ path: /**, auth: company, require: {{ roles: [admin] }}, upstream: app }}
"""


@pytest.fixture
def gateway(start, application, key_server, keys):
    gateway = start(CONFIG.format(
        issuer=ISSUER, audience=AUDIENCE, keys=key_server(keys["ES256"]).url, app=application))
    gateway.wait_message("keys updated")
    return gateway


def spellings(name):
    return {name, name.lower(), name.replace("-", "_"), name.replace("-", "_").upper(), name.replace("-", ".")}


def seen(answer):
    return dict(part.split("=", 1) for part in answer.body.decode().split(" "))


PATHS = ["Script-Name", "Path-Info", "X-Script-Name", "Daphne-Root-Path", "X-Forwarded-Prefix", "X-Original-URL",
         "X-Rewrite-URL"]


@pytest.mark.parametrize("name", PATHS)
def test_P_16_no_field_moves_the_path(gateway, keys, name):
    token = bearer(mint(keys["ES256"], sub="u-1"))
    for spelling in spellings(name):
        answer = get(gateway, "/public/admin/secret", [(spelling, "/public")])
        assert answer.status == 200, (spelling, answer)
        assert (seen(answer)["path"], seen(answer)["root"]) == ("/public/admin/secret", ""), spelling
        answer = get(gateway, "/users/u-1/users/u-2/data", [token, (spelling, "/users/u-1")])
        assert answer.status == 200, (spelling, answer)
        assert (seen(answer)["path"], seen(answer)["user"]) == ("/users/u-1/users/u-2/data", "u-1"), spelling
        assert get(gateway, "/admin/secret", [(spelling, "/public")]).status == 401


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_P_16_no_field_changes_the_method(gateway, name):
    for spelling in spellings(name):
        answer = get(gateway, "/public/x", [(spelling, "DELETE"), ("Content-Length", "0")], method="POST")
        assert answer.status == 200 and seen(answer)["method"] == "POST", spelling


@pytest.mark.parametrize("name", ["Remote-User", "X-Remote-User", "X-Forwarded-User", "X-WebAuth-User"])
def test_I_1_no_field_names_the_user(gateway, name):
    for spelling in spellings(name):
        answer = get(gateway, "/public/x", [(spelling, "root")])
        assert answer.status == 200 and (seen(answer)["user"], seen(answer)["remote"]) == ("-", "-"), spelling


@pytest.fixture
def dav(tmp_path):
    """nginx that keeps files, with all of RFC 4918 that it knows: its port, and the folder."""
    if not shutil.which("nginx", path="/usr/sbin:/usr/bin"):
        pytest.skip("nginx is not installed")
    port, files = free_port(), tmp_path / "files"
    (tmp_path / "temp").mkdir()
    for user in ("u-1", "u-2"):
        (files / "users" / user).mkdir(parents=True)
        (files / "users" / user / "own").write_text(user)
    (tmp_path / "nginx.conf").write_text(f"""
user root; daemon off; worker_processes 1; pid {tmp_path}/pid; error_log {tmp_path}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {tmp_path}/temp; proxy_temp_path {tmp_path}/temp/p; fastcgi_temp_path {tmp_path}/temp/f;
  uwsgi_temp_path {tmp_path}/temp/u; scgi_temp_path {tmp_path}/temp/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{ root {files}; dav_methods PUT DELETE MKCOL COPY MOVE; dav_access user:rw; }}
  }}
}}""")
    process = subprocess.Popen(
        ["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin:/bin"})

    def is_there():
        assert process.poll() is None, (tmp_path / "error.log").read_text()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True

    try:
        wait_until(is_there, "nginx")
        yield port, files
    finally:
        process.terminate()
        process.wait(10)


def test_P_1_no_second_path_reaches_a_server(start, dav, key_server, keys):
    port, files = dav
    config = CONFIG.format(
        issuer=ISSUER, audience=AUDIENCE, keys=key_server(keys["ES256"]).url, app=f"127.0.0.1:{port}")
    gateway = start(config.replace("  - { path: /public", """  - path: /shared/**
    methods: [COPY, MOVE]
    auth: company
    require: { roles: [editor] }
    upstream: app
  - { path: /public"""))
    gateway.wait_message("keys updated")
    token = bearer(mint(keys["ES256"], sub="u-1"))
    editor = bearer(mint(keys["ES256"], sub="u-3", roles=["editor"]))
    for method in ("COPY", "MOVE"):
        for name in ("Destination", "destination", "DESTINATION"):
            for target in ("/users/u-2/own", "http://example.test/users/u-2/own", "/users/u-1/new"):
                answer = get(gateway, "/users/u-1/own", [token, (name, target)], method=method)
                # Without one nginx knows no target.
                assert answer.status == 400, (method, name, target, answer)
    assert (files / "users/u-2/own").read_text() == "u-2" and (files / "users/u-1/own").read_text() == "u-1"
    assert not (files / "users/u-1/new").exists()
    # Who names them on a route means it.
    (files / "shared").mkdir()
    (files / "shared/a").write_text("a")
    assert get(gateway, "/shared/a", [token, ("Destination", "/shared/b")], method="COPY").status == 403
    assert get(gateway, "/shared/a", [editor, ("Destination", "/shared/b")], method="COPY").status in (201, 204)
    assert get(gateway, "/shared/a", [editor, ("Destination", "/shared/c")], method="MOVE").status in (201, 204)
    assert sorted(path.name for path in (files / "shared").iterdir()) == ["b", "c"]
    # Asked by itself, it copies over what is somebody else's.
    direct = type("Direct", (), {"host": "127.0.0.1", "port": port})
    assert get(direct, "/users/u-1/own", [("Destination", "/users/u-2/own")], method="COPY").status in (201, 204)
    assert (files / "users/u-2/own").read_text() == "u-1"


def test_P_16_the_servers_believe_what_the_gateway_takes_away(application, request):
    """Else the tests above would say nothing: asked directly, gunicorn and Daphne cut off what the client names."""
    kind = request.node.callspec.params["application"]
    name = {"gunicorn": "SCRIPT_NAME", "daphne": "Daphne-Root-Path"}.get(kind.split(",")[0].split(" ")[0])
    if name is None:
        pytest.skip("it believes none by itself")
    socket_option = ["--unix-socket", application.removeprefix("unix:")] if application.startswith("unix:") else []
    host = "application" if socket_option else application
    answer = subprocess.run(
        ["curl", "-s", *socket_option, "-H", f"{name}: /public", f"http://{host}/public/admin/secret"],
        capture_output=True, text=True, timeout=20).stdout
    assert answer.startswith("path=/admin/secret "), answer
