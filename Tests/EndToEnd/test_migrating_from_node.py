"""docs/migrating-from-node.md: its configuration in front of an application in Node whose authentication was deleted."""
import re
import secrets
import shutil
import subprocess
import time

import jwt
import pytest

from support.gateway import ROOT
from support.ports import free_port, wait_until
from support.wire import get

PAGE = (ROOT / "docs/migrating-from-node.md").read_text()
# What the page's application is after, without Express: the same routes and the same answers.
APPLICATION = """
const http = require("http");
const routes = [
  // As Express matches: in any case.
  ["GET", /^\\/health$/i, () => "ok"],
  ["GET", /^\\/catalogue$/i, (request) => request.headers["x-forwarded-user"] ?? "nobody"],
  ["GET", /^\\/orders$/i, (request) => request.headers["x-forwarded-user"]],
  ["DELETE", /^\\/orders\\/([^/]+)$/i, (request, id) => id],
  ["GET", /^\\/admin$/i, (request) => request.headers["x-forwarded-user"]],
  ["GET", /^\\/debug$/i, () => "a route that nobody meant to be public"],
];
http.createServer((request, response) => {
  for (const [method, path, handler] of routes) {
    const match = request.method === method && path.exec(request.url.split("?")[0]);
    if (match) return response.end(String(handler(request, match[1])));
  }
  response.writeHead(404);
  response.end("application");
}).listen(Number(process.argv[2]), "127.0.0.1");
"""


@pytest.fixture(scope="module")
def shop(start_once, tmp_path_factory):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    folder, port = tmp_path_factory.mktemp("node"), free_port()
    (folder / "app.js").write_text(APPLICATION)
    process = subprocess.Popen(["node", "app.js", str(port)], cwd=folder, stdin=subprocess.DEVNULL)
    secret = secrets.token_hex(32).encode()
    [config] = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    config = config.replace("127.0.0.1:8080", "127.0.0.1:0").replace("127.0.0.1:3000", f"127.0.0.1:{port}")
    (folder / "jwt.secret").write_bytes(secret)
    (folder / "jwt.secret").chmod(0o600)
    try:
        gateway = start_once(config.replace("jwt.secret", str(folder / "jwt.secret")))
        gateway.secret = secret
        wait_until(lambda: get(gateway, "/health").status == 200, "the application")
        yield gateway
    finally:
        process.terminate()
        process.wait()


def token(shop, secret=None, algorithm="HS256", **changes):
    now = int(time.time())
    claims = dict(iss="https://id.example.com", aud="orders", sub="alice", iat=now, exp=now + 600)
    claims.update(changes)
    return jwt.encode({name: value for name, value in claims.items() if value is not None},
                      secret or shop.secret, algorithm=algorithm)


def header(value):
    return [("Authorization", f"Bearer {value}")]


def test_the_page_shows_the_application_as_it_is_tested():
    after = PAGE.partition("// After.")[2].partition("```")[0]
    assert "jwt" not in after and "secret" not in after and "guard" not in after
    for path in re.findall(r'app\.\w+\("([^"]+)"', after):
        assert path.split("/")[1] in APPLICATION


@pytest.mark.parametrize("method, path, changes, status, body", [
    ("GET", "/health", None, 200, b"ok"),
    ("GET", "/catalogue", None, 200, b"nobody"),
    ("GET", "/catalogue", {}, 200, b"alice"),
    ("GET", "/catalogue", {"exp": 1}, 401, None),
    ("GET", "/orders", None, 401, None),
    ("GET", "/orders", {}, 200, b"alice"),
    ("GET", "/orders", {"aud": "other"}, 401, None),
    ("GET", "/orders", {"iss": "https://other.example.com"}, 401, None),
    ("GET", "/orders", {"exp": None}, 401, None),
    ("GET", "/orders", {"nbf": int(time.time()) + 6000}, 401, None),
    ("GET", "/orders", {"algorithm": "HS512"}, 401, None),
    ("GET", "/orders", {"secret": b"x" * 32}, 401, None),
    ("DELETE", "/orders/7", {}, 403, None),
    ("DELETE", "/orders/7", {"permissions": ["orders:write"]}, 200, b"7"),
    ("DELETE", "/orders/7", {"permissions": "orders:read orders:write"}, 200, b"7"),
    ("GET", "/admin", {}, 403, None),
    ("GET", "/admin", {"roles": ["admin"]}, 200, b"alice"),
    ("GET", "/admin/", {}, 403, None),
    ("GET", "/debug", {"roles": ["admin"]}, 404, None),
    ("GET", "/orders/../admin", {"sub": "eve"}, 400, None),
])
def test_what_the_packages_did(shop, method, path, changes, status, body):
    fields = [] if changes is None else header(token(shop, **changes))
    answer = get(shop, path, fields, method=method)
    assert (answer.status, answer.body if body else None) == (status, body), answer
    assert b"application" not in answer.body


@pytest.mark.parametrize("path", ["/ADMIN", "/Admin", "/aDMIN/", "/%41dmin"])
def test_P_11_a_path_in_another_case_has_the_rule_of_the_one_that_Express_takes_it_for(shop, path):
    assert get(shop, path).status == 401
    assert get(shop, path, header(token(shop))).status == 403
    if not path.endswith("/"):
        assert get(shop, path, header(token(shop, roles=["admin"]))).body == b"alice"
    for target in ("/ORDERS/7", "/Orders/7"):
        assert get(shop, target, header(token(shop)), method="DELETE").status == 403
    assert get(shop, "/DEBUG", header(token(shop, roles=["admin"]))).status == 404


def test_the_cookie_and_the_header_that_getToken_looked_at(shop):
    assert get(shop, "/orders", [("Cookie", f"a=b; token={token(shop)}")]).body == b"alice"
    assert get(shop, "/orders?token=" + token(shop)).status == 401
    fields = header("bad") + [("Cookie", f"token={token(shop)}")]
    assert get(shop, "/orders", fields).status == 401


def test_who_it_is_cannot_be_said_by_the_client(shop):
    for name in ("X-Forwarded-User", "x_forwarded_user", "X-FORWARDED-USER"):
        assert get(shop, "/catalogue", [(name, "root")]).body == b"nobody"
        assert get(shop, "/catalogue", [(name, "root"), *header(token(shop))]).body == b"alice"


def test_a_short_secret_is_refused(start, tmp_path):
    [config] = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    (tmp_path / "jwt.secret").write_bytes(b"shhhhh")
    (tmp_path / "jwt.secret").chmod(0o600)
    with pytest.raises(AssertionError, match="32"):
        start(config.replace("127.0.0.1:8080", "127.0.0.1:0").replace("jwt.secret", str(tmp_path / "jwt.secret")))


def test_preflights_that_express_jwt_lets_pass(start, upstream, tmp_path):
    """Answered where a route has `cors`; else they need a token, unless an open route takes OPTIONS."""
    secret, path = secrets.token_hex(32).encode(), tmp_path / "jwt.secret"
    path.write_bytes(secret)
    path.chmod(0o600)
    app = upstream(b"HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: https://by.the.package\r\n\r\n")
    gateway = start(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
providers: {{ shop: {{ issuer: https://id.example.com, audiences: [orders], secret_file: {path}, algorithms: [HS256] }} }}
upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
routes:
  - {{ path: /cors/**, auth: shop, cors: {{ origins: ["https://page.test"] }}, upstream: app }}
  - {{ path: /open/**, methods: [OPTIONS], auth: none, upstream: app }}
  - {{ path: /open/**, auth: shop, upstream: app }}
  - {{ path: /plain/**, auth: shop, upstream: app }}
  - {{ path: /get/**, methods: [GET], auth: shop, upstream: app }}
""")
    asks = [("Origin", "https://page.test"), ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Headers", "authorization")]
    for path, status, allowed, forwarded in [
            ("/cors/x", 204, "https://page.test", 0), ("/open/x", 204, "https://by.the.package", 1),
            ("/plain/x", 401, None, 0), ("/get/x", 404, None, 0)]:
        app.forget()
        answer = get(gateway, path, asks, method="OPTIONS")
        assert (answer.status, answer.field("access-control-allow-origin")) == (status, allowed), path
        assert len(app.requests) == forwarded, path
    # What the application says on a route with cors is replaced.
    fields = [("Origin", "https://page.test"), *header(token(None, secret))]
    answer = get(gateway, "/cors/x", fields)
    assert (answer.status, answer.field("access-control-allow-origin")) == (204, "https://page.test")
