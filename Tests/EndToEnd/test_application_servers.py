"""Applications as people run them behind a gateway: gunicorn (WSGI), uvicorn (ASGI), Node. Each answers through the
gateway what it answers directly."""
import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import sys

import pytest

from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, mint

# Each: the method, path, digest of the body that came, and its fields of interest; then what the path says.
WSGI = """
import hashlib


def app(environ, start_response):
    path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
    user, spoofed = environ.get("HTTP_X_FORWARDED_USER", "-"), environ.get("HTTP_X_FORWARDED_EMAIL", "-")
    text = " ".join([environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], hashlib.sha256(body).hexdigest(),
                     user, spoofed]).encode()
    if path == "/none":
        start_response("204 No Content", [])
        return []
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"x" * 1000 for _ in range(300))
    start_response("404 Not Found" if path == "/missing" else "200 OK", [("Content-Length", str(len(text)))])
    return [text]
"""
ASGI = """
import hashlib


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    fields = {name.decode(): value.decode() for name, value in scope["headers"]}
    path = scope["path"]
    text = " ".join([scope["method"], path, scope["query_string"].decode(), hashlib.sha256(body).hexdigest(),
                     fields.get("x-forwarded-user", "-"), fields.get("x-forwarded-email", "-")]).encode()
    if path == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(300):
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    status = {"/none": 204, "/missing": 404}.get(path, 200)
    headers = [] if status == 204 else [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if status == 204 else text})
"""
NODE = """
const http = require("http"), crypto = require("crypto");
http.createServer((request, response) => {
  const hash = crypto.createHash("sha256");
  request.on("data", (piece) => hash.update(piece));
  request.on("end", () => {
    const [path, query = ""] = request.url.split("?");
    const text = [request.method, path, query, hash.digest("hex"), request.headers["x-forwarded-user"] || "-",
      request.headers["x-forwarded-email"] || "-"].join(" ");
    if (path === "/none") { response.writeHead(204); response.end(); return; }
    if (path === "/stream") {
      for (let n = 0; n < 300; n++) response.write("x".repeat(1000));
      response.end();
      return;
    }
    response.writeHead(path === "/missing" ? 404 : 200, { "Content-Length": Buffer.byteLength(text) });
    response.end(text);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
"""


def command(kind, folder, port):
    if kind == "node":
        if not shutil.which("node"):
            pytest.skip("node is not installed")
        (folder / "app.js").write_text(NODE)
        return ["node", "app.js", str(port)]
    (folder / "app.py").write_text(WSGI if kind.startswith("gunicorn") else ASGI)
    if kind == "uvicorn":
        return [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "warning"]
    workers = {"gunicorn": ["-w", "2"], "gunicorn, threads": ["--threads", "4"]}[kind]
    return [sys.executable, "-m", "gunicorn", "app:app", "-b", f"127.0.0.1:{port}", *workers]


@pytest.fixture(params=["gunicorn", "gunicorn, threads", "uvicorn", "node"])
def application(request, tmp_path):
    """Its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(command(request.param, tmp_path, port), cwd=tmp_path, stderr=subprocess.DEVNULL)

    def is_there():
        assert process.poll() is None, "it has ended"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True

    try:
        wait_until(is_there, request.param, 30)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def pieces(data):
    for at in range(0, len(data), 7000):
        yield data[at:at + 7000]


REQUESTS = [
    ("GET", "/a?x=1&y=%2F", None), ("HEAD", "/a", None), ("GET", "/missing", None), ("GET", "/none", None),
    ("GET", "/stream", None), ("POST", "/a", b""), ("POST", "/a", b"hello"), ("PUT", "/b/c", os.urandom(300_000)),
    ("PATCH", "/b", "chunked"), ("POST", "/b", "chunked"), ("DELETE", "/b", None), ("OPTIONS", "/a", None),
]


def answers(host, port, token=None):
    """What the requests are answered, one after the other: the connection is kept where the server keeps it."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    chunked = bytes(range(256)) * 400
    result = []
    for method, path, body in REQUESTS:
        headers = {"X-Forwarded-Email": "spoofed@example.com"} if token else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = pieces(chunked) if body == "chunked" else body
        connection.request(method, path, data, headers, encode_chunked=body == "chunked")
        answer = connection.getresponse()
        result.append((method, path, answer.status, answer.read()))
    connection.close()
    return result


def test_what_applications_answer(start, application, key_server, keys):
    key = keys["ES256"]
    gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{key_server(key).url}" }}
    upstreams: {{ app: {{ servers: ["127.0.0.1:{application}"] }} }}
    routes: [{{ path: /**, auth: company, upstream: app }}]
    """)
    gateway.wait_message("keys updated")
    direct = answers("127.0.0.1", application)
    statuses = [200, 200, 404, 204, *[200] * (len(REQUESTS) - 4)]
    assert [status for _, _, status, _ in direct] == statuses, direct
    for _ in range(3):
        through = answers(gateway.host, gateway.port, mint(key, sub="alice"))
        for (method, path, status, body), expected in zip(through, direct):
            # The same but for who it is: nobody, asked directly.
            assert (method, path, status, body.replace(b" alice -", b" - -")) == expected
            if status == 200 and body and path != "/stream":
                assert body.endswith(b" alice -"), body
    refused = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    refused.request("GET", "/a")
    assert refused.getresponse().status == 401
    lines = gateway.wait_access(3 * len(REQUESTS) + 1)
    assert {line.get("reason") for line in lines} == {None, "credential_missing"}
