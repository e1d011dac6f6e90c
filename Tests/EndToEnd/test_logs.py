"""SECURITY L: one line for each exchange, that any reader can parse, and no secret in it."""
import array
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest

from support.admin import said_by_admin
from support.gateway import BINARY, logfmt, run
from support.ports import wait_until
from support.servers import refusing
from support.tokens import AUDIENCE, ISSUER, KeyServer, bearer, hand_made, mint
from support.upstream import read_head, read_to_end
from support.wire import Client, get

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def config(app, log="", issuer=None, extra=""):
    provider = f"""
    providers:
      company:
        issuer: "{ISSUER}"
        audiences: [{AUDIENCE}]
        jwks_url: "{issuer.url}"
        token_from: [authorization, "cookie:session"]""" if issuer else ""
    protected = "- { name: api, path: /api/**, auth: company, upstream: app }" if issuer else ""
    return f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 1
    log: {{ {log} }}{provider}
    upstreams:
      app: {{ servers: ["{app.server}"], timeouts: {{ response: 5s }} }}
    routes:
      {protected}
      - {{ name: all, path: /**, auth: none, upstream: app }}
    """


@pytest.fixture
def issuer(keys):
    server = KeyServer(keys["ES256"])
    yield server
    server.close()


# L-1


@pytest.mark.parametrize("path, logged", [
    ("/a%c2%a0b", "/a%C2%A0b"), ("/%e2%80%a8", "/%E2%80%A8"), ("/%22%5b%7d", "/%22%5B%7D"), ("/a'b", "/a'b")])
def test_L_1_paths(start, upstream, path, logged):
    app = upstream()
    gateway = start(config(app))
    assert get(gateway, path + "?query").status == 200
    assert gateway.wait_access(1)[0]["path"] == logged


@pytest.mark.parametrize("subject", [
    'a"b\\c', "a\u2028b\u2029c", "é€\U0001F600", "\u0085\u009b", "a\nb\r\nc\td", "\0\x1b[31m\x7f",
    '"},{"status":200', " ", "x" * 5000, "{}", "\ufeff\u202e"])
@pytest.mark.parametrize("form", ["json", "logfmt"])
def test_L_1_any_subject_is_one_parseable_line(start, upstream, issuer, keys, subject, form):
    app = upstream()
    gateway = start(config(app, f"format: {form}", issuer))
    status = get(gateway, "/api/a", [bearer(mint(keys["ES256"], sub=subject))]).status
    # I-4: what no header can say without a control character is told to no upstream.
    assert status == (403 if re.search("[\x00-\x1f\x7f-\x9f]", subject) else 200)
    assert len(app.requests) == (status == 200)
    raw = wait_until(lambda: (gateway.folder / "access.log").read_bytes(), "the line")
    text = raw.decode()
    assert raw.endswith(b"\n") and raw.count(b"\n") == 1 and len(text.splitlines()) == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", text)
    line = json.loads(text) if form == "json" else logfmt(text)
    assert int(line["status"]) == status
    if status == 200:
        assert line["subject"] == (subject if len(subject) < 2000 else subject[:2048] + "…")


def test_L_1_any_bytes_are_one_parseable_line(start, upstream):
    """Whatever a client sends: as many lines as exchanges, each whole."""
    app = upstream()
    gateway = start(config(app))
    heads = [
        b"\xff\xfe / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /\xff\r\n HTTP/1.1\r\n\r\n",
        b'GET /" HTTP/1.1\r\nHost: a\r\n\r\n',
        b'GET / HTTP/1.1\r\nHost: a"\\\r\n\r\n', b"\0\0\0\r\n\r\n", b"GE'T /\\ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\x1b[31m HTTP/1.1\r\nHost: a\r\n\r\n", b"!#$%&'*+-.^_`|~ /a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \xe2\x80\xa8\r\n\r\n", b"A" * 3000 + b" / HTTP/1.1\r\nHost: a\r\n\r\n"]
    for data in heads:
        with Client(gateway) as client:
            client.send(data)
            client.response()
    lines = gateway.wait_access(len(heads))
    assert len(lines) == len(heads) == len({line["request_id"] for line in lines})
    assert lines[7]["method"] == "!#$%&'*+-.^_`|~" and lines[7]["status"] == 200


REQUIRED = {"time", "request_id", "client", "status", "total_us", "bytes_in", "bytes_out", "config"}


def test_L_1_what_a_line_says(start, upstream, issuer, keys):
    app = upstream()
    gateway = start(config(app, "", issuer))
    began = time.time()
    fields = [bearer(mint(keys["ES256"], iat=1, sub="alice"))]
    for _ in range(2):
        assert get(gateway, "/api/a?b", fields, host="Example.test:80").status == 200
    first, second = gateway.wait_access(2)
    assert REQUIRED <= set(first) and "reason" not in first and "blame" not in first
    said = dict(method="GET", host="Example.test:80", path="/api/a", route="api", subject="alice", provider="company",
                key_id="es256-1", upstream="app", cache="miss", retries=0, client="127.0.0.1")
    assert {name: first[name] for name in said} == said
    assert second["cache"] == "hit" and first["bytes_in"] > 100 and first["bytes_out"] > 40
    assert first["first_byte_us"] <= first["total_us"]
    assert re.fullmatch(r"[0-9a-f]{32}", first["request_id"]) and first["request_id"] != second["request_id"]
    assert time.strftime("%Y-%m-%dT%H:", time.gmtime(began)) in first["time"]
    assert {r.field("x-request-id") for r in app.requests} == {first["request_id"], second["request_id"]}


def test_L_1_the_combined_log_format(start, upstream, issuer, keys):
    app = upstream()
    gateway = start(config(app, "format: combined", issuer))
    get(gateway, "/api/a?code=1", [bearer(mint(keys["ES256"], sub='a" 200 "b')), ("User-Agent", "me"),
                                   ("Referer", "http://a/?code=1")])
    line = wait_until(lambda: gateway.access_text, "the line")
    assert re.fullmatch(
        r'127\.0\.0\.1 - a\\x22\\x20200\\x20\\x22b \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000\] '
        r'"GET /api/a HTTP/1\.1" 200 \d+ "-" "-"\n', line)
    assert gateway.program_text.startswith("time=")


# Exactly one line for each exchange.


def test_one_line_for_each_exchange(start, upstream, script):
    """Also for what is malformed, cut by either side or refused; none for a connection that carried nothing."""
    def function(connection):
        data = read_head(connection)
        target = data.split(b" ")[1]
        if target == b"/hold":
            read_to_end(connection)
        connection.sock.sendall({
            b"/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", b"/bad": b"nonsense\r\n\r\n",
            b"/ok": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"}.get(target, b""))

    app = script(function)
    gateway = start(config(app))

    def answered(client):
        client.response()

    def cut(client):
        while client.sock.recv(65536):
            pass

    def leaves(_):
        pass

    def resets(client):
        # An end alone may be half of one: the client might still read.
        wait_until(lambda: b" /hold " in app.received, "the request upstream")
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    request = "GET {} HTTP/1.1\r\nHost: a\r\n\r\n".format
    good, gone = (200, None), (499, "client_closed")
    expected = []
    for data, then, lines in [
            (request("/ok"), answered, [good]),
            (request("/ok") * 2, lambda client: (answered(client), answered(client)), [good, good]),
            (request("/cut"), cut, [(200, "upstream_truncated")]),
            (request("/bad"), answered, [(502, "upstream_answer_invalid")]),
            (request("/closes"), answered, [(502, "upstream_closed")]),
            (request("/a/../b"), answered, [(400, "path_dot_segment")]),
            ("nonsense\r\n\r\n", answered, [(400, "request_line_invalid")]),
            (request("/ok") + "GET", answered, [good, gone]),
            (request("/hold"), resets, [gone]),
            ("GET / HTTP/1.1\r\nHo", leaves, [gone]),
            ("", leaves, []),
            # A last one: nothing follows late.
            (request("/ok"), answered, [good])]:
        with Client(gateway) as client:
            client.send(data)
            then(client)
        expected += lines
        found = gateway.wait_access(len(expected))
        assert [(line["status"], line.get("reason")) for line in found] == expected, data
    assert len({line["request_id"] for line in found}) == len(expected)


@pytest.mark.parametrize("head, status, reason, expected", [
    ("TRACE /a?secret HTTP/1.1\r\nHost: a.example\r\n", 405, "method_refused", ("TRACE", "a.example", "/a")),
    ("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n", 405, "method_refused", ("CONNECT", "b:443", None)),
    ("GET /a HTTP/1.1\r\nHost: a.example\r\nExpect: x\r\n", 417, "expectation_unsupported",
     ("GET", "a.example", "/a")),
    ("POST /%61?secret HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: gzip, chunked\r\n", 501,
     "transfer_coding_unsupported", ("POST", "a.example", "/a")),
    ("GET /a HTTP/2.0\r\nHost: a.example\r\n", 505, "version_unsupported", ("GET", "a.example", "/a")),
    ("GET /a HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n", 400, "host_invalid", ("GET", None, "/a")),
    ("GET /a/../b HTTP/1.1\r\nHost: a.example\r\nExpect: x\r\n", 417, "expectation_unsupported",
     ("GET", "a.example", None)),
    ("GET /\x1b HTTP/1.1\r\nHost: a.example\r\n", 400, "target_invalid", (None, None, None)),
    ("nonsense\r\nHost: a.example\r\n", 400, "request_line_invalid", (None, None, None)),
])
def test_a_head_that_is_refused_is_logged_with_what_it_asks_for(start, upstream, head, status, reason, expected):
    gateway = start(config(upstream()).replace("workers: 1", "admin: { address: 127.0.0.1:0 }"))
    with Client(gateway) as client:
        client.send(f"{head}\r\n".encode())
        answer = client.response()
    assert answer.status == status
    line = gateway.access_of(answer.request_id)
    assert line["reason"] == reason and "secret" not in gateway.access_text
    assert (line.get("method"), line.get("host"), line.get("path")) == expected
    said = run("why", answer.request_id, "--admin", gateway.wait_message("serving")["admin"]).stdout
    method, host, path = expected
    asked = f"{method} {host or ''}{path or ''}" if method else "no request line could be read"
    assert re.search(rf"^asked +{re.escape(asked)}$", said, re.MULTILINE), said


def test_a_head_that_never_came_whole_is_logged_with_what_it_asks_for(start, upstream):
    gateway = start(config(upstream()).replace("workers: 1", "timeouts: { head: 1s }"))
    with Client(gateway) as slow, Client(gateway) as gone:
        slow.send(b"GET /slow HTTP/1.1\r\nHost: a.example\r\nX: ")
        gone.send(b"GET /gone HTTP/1.1\r\nHost: a.example\r\nX: ")
        gone.sock.shutdown(socket.SHUT_WR)
        assert slow.response().status == 408
    for path, reason in (("/slow", "head_timeout"), ("/gone", "client_closed")):
        [line] = gateway.wait_access(path=path)
        assert (line["method"], line["host"], line["reason"]) == ("GET", "a.example", reason)


def test_what_a_full_disk_has_cut_short_is_a_line_of_its_own(start, upstream):
    gateway = start(config(upstream()), prefix=["prlimit", "--fsize=4000:unlimited"])
    while len(gateway.access_text) < 4000:
        assert get(gateway).status == 200
    subprocess.run(["prlimit", "--pid", str(gateway.process.pid), "--fsize=unlimited"], check=True)
    assert get(gateway, "/last").status == 200
    lines = wait_until(
        lambda: lines if "/last" in (lines := gateway.access_text.split("\n"))[-2] else None, "the last line")
    whole = [line for line in lines if line.endswith("}") and json.loads(line)["status"] == 200]
    assert len(whole) == len(lines) - 2 and lines[-1] == ""


def test_L_2_no_socket_takes_the_place_of_a_closed_stream(start, upstream):
    """What is logged would be sent to its peer."""
    app = upstream()
    gateway = start(config(app), prefix=["sh", "-c", 'exec "$@" <&- >&-', "sh"])
    for number in (0, 1):
        assert os.readlink(f"/proc/{gateway.process.pid}/fd/{number}") == "/dev/null"
    with Client(gateway) as client:
        assert client.send(GET).response().status == 200
        time.sleep(0.2)
        client.finish()
        assert client.is_closed()
    assert app.received.count(b"GET ") == 1


@pytest.mark.parametrize("access, closed, times", [("stdout", True, 1), ("off", True, 0), ("stdout", False, 0)])
def test_an_access_log_on_a_closed_stream_is_said(start, upstream, access, closed, times):
    prefix = ["sh", "-c", 'exec "$@" >&-', "sh"] if closed else ()
    gateway = start(config(upstream(), f"access: {access}"), prefix=prefix)
    assert len(gateway.said("standard output is closed: access lines are written nowhere")) == times


# L-2


def test_L_2_secrets_are_never_said(start, upstream, issuer, keys):
    """Canaries in every place where a secret may stand, on every kind of answer, at the most talkative level."""
    app = upstream()
    gateway = start(config(app, "level: debug", issuer).replace("workers: 1", "admin: { address: 127.0.0.1:0 }"))
    key, canary = keys["ES256"], "CANARY"

    def canary_parts(token):
        return [part for part in token.split(".") if len(part) > 20]

    good = mint(key, jti=canary + "jti")
    other = mint(key, iss="https://CANARY.example")
    tokens = [good, other, mint(key, exp=1), mint(key, aud=canary), good[:-6] + "AAAAAA", good + ".x",
              mint(key, headers={"kid": "unknown"}), canary + "." + canary + "." + canary,
              hand_made({"alg": "none"}, {"sub": canary}, lambda _: b""), "x" * 9000]
    secrets = {canary} | {part for token in tokens for part in canary_parts(token)} | {"x" * 100}
    answers = b""
    for token in tokens:
        for fields in ([bearer(token)], [("Cookie", f"session={token}; app={canary}")], [bearer(token), bearer(token)],
                       [("Authorization", f"Basic {canary}")], [("X-Api-Key", canary), bearer(token)],
                       [bearer(token), ("Bad Name", canary)], [bearer(token), ("Expect", canary)],
                       [bearer(token), ("Transfer-Encoding", canary)]):
            for target in (f"/api/a?token={canary}&code={canary}", f"/a?{canary}", f"/api/../a?{canary}"):
                answer = get(gateway, target, fields)
                if answer.status != 200:
                    answers += answer.head + answer.body
    with Client(gateway) as client:
        client.send(f"GET /?{canary}".encode())
    gateway.reload()
    gateway.signal(signal.SIGUSR1)
    gateway.wait_message("reopened")
    lines = wait_until(lambda: (found := gateway.access()) and len(found) >= 10 * 8 * 3 + 1 and found, "every line")
    assert {line["status"] for line in lines} >= {200, 400, 401, 417, 499}
    refused = {line["reason"]: line["request_id"] for line in lines if line["status"] in (400, 401, 417)}
    said = dict(access=gateway.access_text, program=gateway.program_text, answers=answers.decode(),
                **said_by_admin(gateway, refused.values()))
    for name, text in said.items():
        # Whom a genuine token is of and for is what operators ask, and no secret.
        if name.startswith("/requests/"):
            text = re.sub(r'(iss|aud) \\"[^"\\]*\\"', "", text)
        for secret in secrets:
            assert secret not in text, f"{secret[:40]} stands in {name}: {text[max(text.find(secret) - 300, 0):][:400]}"


@pytest.fixture
def nobody():
    """Where nobody listens, as long as the test lasts."""
    with refusing() as place:
        yield place


URL_CANARY = "CANARY"


class Fetching:
    """A configuration all of whose URLs hold canaries, in their queries and as user information: where nobody answers,
    and where keys are served."""

    def __init__(self, start, upstream, key_server, key, nobody, folder):
        self.key, self.folder = key, folder
        self.served, self.finder, self.down = key_server(key), key_server(), f"http://{nobody}"
        self.finder.instead = self._discovered
        self.app = upstream()
        (folder / "client.secret").touch(0o600)
        (folder / "client.secret").write_text("client")
        self.gateway = start(self.text(f"{self.served.url}?key={URL_CANARY}"))

    def _discovered(self, handler):
        """Two issuers, told apart by their paths."""
        path = handler.path.removesuffix("/.well-known/openid-configuration")
        keys_at = (f"{self.down}/keys?key={URL_CANARY}" if path == "/asks"
                   else f"http://{URL_CANARY}:{URL_CANARY}@127.0.0.1:1/keys")
        body = json.dumps({"issuer": self.finder.origin + path, "jwks_uri": keys_at}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def text(self, jwks_url, more=""):
        down, finder, folder, canary = self.down, self.finder.origin, self.folder, URL_CANARY
        client = f"client_id: gateway, client_secret_file: {folder}/client.secret"
        introspection = f"introspection: {{ url: '{down}/introspect?key={canary}', tokens: all, {client} }}"
        return f"""
        listeners: [{{ address: 127.0.0.1:0 }}]
        admin: {{ address: 127.0.0.1:0 }}
        log: {{ level: debug }}
        providers:
          down: {{ issuer: "https://down.example", audiences: [a], jwks_url: "{down}/jwks?key={canary}" }}
          served: {{ issuer: "{ISSUER}", audiences: [a], jwks_url: "{jwks_url}",
                    refresh: {{ cache_file: {folder}/copy }} }}
          asks: {{ issuer: "{finder}/asks", audiences: [a] }}
          user: {{ issuer: "{finder}/user", audiences: [a] }}
          introspected: {{ issuer: "https://introspected.example", audiences: [a], {introspection} }}
        upstreams:
          app: {{ servers: ["{self.app.server}"] }}
          ill: {{ servers: ["{down.removeprefix('http://')}"], health: {{ path: "/healthz?key={canary}", every: 100ms }} }}
        routes:
          - {{ path: /down, auth: [down], upstream: app }}
          - {{ path: /asks, auth: [asks, user, served], upstream: app }}
          - {{ path: /introspected, auth: introspected, upstream: app }}
          - {{ path: /ill, auth: none, upstream: ill }}
        {more}"""

    def take(self, text):
        self.gateway.write_config(text)
        self.gateway.signal(signal.SIGHUP)

    def run(self, *command):
        """Its exit status, and what it says."""
        done = run(*command, "--config", self.gateway.config_path)
        unsaid({" ".join(command): done.stdout + done.stderr})
        return done.returncode, done.stdout + done.stderr

    def gateway_says_nothing_of_them(self):
        unsaid({"access": self.gateway.access_text, "program": self.gateway.program_text, **said_by_admin(self.gateway, [])})


def unsaid(said):
    for name, spoken in said.items():
        assert URL_CANARY not in spoken, f"in {name}: {spoken[max(spoken.find(URL_CANARY) - 300, 0):][:400]}"


@pytest.fixture
def fetching(start, upstream, key_server, keys, nobody, tmp_path):
    return Fetching(start, upstream, key_server, keys["ES256"], nobody, tmp_path)


def test_L_2_what_configured_urls_hold_is_not_said_of_fetches_and_requests(fetching):
    gateway = fetching.gateway
    for provider in ("down", "asks", "user"):
        wait_until(lambda: [m for m in gateway.messages() if m.get("provider") == provider and "url" in m],
                   f"what is said of {provider}")
    for path in ("/down", "/asks", "/introspected", "/ill"):
        answer = get(gateway, path, [bearer("opaque" if path == "/introspected" else mint(fetching.key))])
        unsaid({path: (answer.head + answer.body).decode()})
    gateway.wait_message("could not be introspected")
    gateway.wait_message("keys updated")
    fetching.gateway_says_nothing_of_them()


def test_L_2_what_configured_urls_hold_is_not_said_of_a_copy_of_other_keys(fetching):
    wait_until((fetching.folder / "copy").exists, "the copy")
    fetching.take(fetching.text(f"{fetching.served.url}?other={URL_CANARY}"))
    fetching.gateway.wait_message("the copy of keys on disk is not used")
    fetching.gateway_says_nothing_of_them()


def test_L_2_commands_do_not_say_what_configured_urls_hold(fetching):
    status, said = fetching.run("keys", "list")
    assert status == 69 and f"{fetching.served.url}?(hidden)" in said
    for command, status in [(("check",), 0), (("explain", "--path", "/ill"), 0)]:
        assert fetching.run(*command)[0] == status
    for command in [("doctor",), ("doctor", "--json")]:
        fetching.run(*command)


def test_L_2_what_urls_hold_that_are_refused_is_not_said(fetching):
    fetching.take(fetching.text(f"https://{URL_CANARY}:{URL_CANARY}@127.0.0.1/jwks") + f"""
          - {{ path: "/a?{URL_CANARY}", auth: none, upstream: "http://{URL_CANARY}@a" }}
        otlp: {{ url: "https://collector.example?key={URL_CANARY}", traces: 10% }}
        """)
    fetching.gateway.wait_message("reload refused")
    status, said = fetching.run("check")
    assert status == 1 and "\"https://(hidden)@127.0.0.1/jwks\"" in said
    assert fetching.run("serve")[0] == 78
    fetching.gateway_says_nothing_of_them()


def test_L_2_a_shared_secret_is_not_said(upstream, tmp_path):
    secret = "CANARY-" + "s" * 20
    app = upstream()
    path = tmp_path / "gateway.conf"
    path.write_text(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
providers: {{ a: {{ issuer: i, audiences: [a], algorithms: [HS256], secret_file: secret }} }}
upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
routes: [{{ path: /**, auth: a, upstream: app }}]
""")
    # Too short for a key: the complaint names the file, not what it holds.
    (tmp_path / "secret").write_text(secret)
    (tmp_path / "secret").chmod(0o600)
    for command, status in (("check", (0, 1)), ("serve", (78,))):
        result = run(command, "--config", path)
        assert result.returncode in status, result
        assert secret not in result.stdout + result.stderr


# L-4


def test_L_4_a_full_disk_costs_lines_and_no_requests(start, upstream):
    app = upstream()
    gateway = start(config(app, "access: /dev/full"))
    with Client(gateway) as client:
        for _ in range(200):
            client.send(GET)
            assert client.response().status == 200
    gateway.wait_message("the access log cannot be written")
    assert len(gateway.said("cannot be written")) == 1
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    lost = gateway.said("access lines were lost")
    assert sum(int(m["lines"]) for m in lost) == 200


def test_L_4_a_reader_that_stalls_costs_no_requests(start, upstream, tmp_path):
    """A pipe that nobody empties: lines are lost and counted, requests are not."""
    app = upstream()
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    gateway = start(config(app, f"access: {path}"))
    host = "h" * 250
    with Client(gateway) as client:
        for _ in range(30):
            client.send(f"GET /{'a' * 1900} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() * 20)
            for _ in range(20):
                assert client.response().status == 200
            app.forget()
    assert get(gateway).status == 200
    # Emptied again, what was kept comes, line by line.
    text = b""
    os.set_blocking(reader, False)

    def empty():
        nonlocal text
        try:
            text += os.read(reader, 1 << 20)
        except BlockingIOError:
            pass
        return text.count(b"\n") >= 400
    try:
        wait_until(empty, "the lines that were kept")
    finally:
        os.close(reader)
    assert all(json.loads(line)["status"] == 200 for line in text.splitlines()[:-1])


def test_L_4_a_pipe_that_nobody_reads_holds_up_no_start(upstream, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    (tmp_path / "gateway.conf").write_text(config(upstream(), f"access: {path}"))
    ended = run("serve", "--config", tmp_path / "gateway.conf")
    assert ended.returncode == 73
    assert f"access log: open {path}, a pipe that nobody reads: " in ended.stderr


def test_L_4_a_log_that_stalls_holds_up_no_signal(start, upstream, tmp_path):
    """SIGUSR1 waits for the reader; requests, a reload and the end of the gateway do not."""
    app = upstream()
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    gateway = start(config(app, f"access: {path}"))

    def held():
        count = array.array("i", [0])
        fcntl.ioctl(reader, termios.FIONREAD, count)
        return count[0]

    with Client(gateway) as client:
        def stalled():
            """Nothing more comes into the pipe with 20 more lines; it holds two of them at most."""
            before = held()
            for _ in range(20):
                client.send(f"GET /{'a' * 1900} HTTP/1.1\r\nHost: a\r\n\r\n")
                assert client.response().status == 200
                time.sleep(0.005)
            return before > 0 and held() == before

        wait_until(stalled, "a full pipe")
        gateway.signal(signal.SIGUSR1)
        for _ in range(2):
            gateway.reload()
            assert client.send(GET).response().status == 200
        assert not gateway.said("reopened")
        text = os.read(reader, 1 << 20)
        os.set_blocking(reader, False)

        def reopened():
            nonlocal text
            try:
                text += os.read(reader, 1 << 20)
            except BlockingIOError:
                pass
            return any(m["message"] == "access log reopened" for m in gateway.messages()) and (
                text.count(b"\n") >= len(app.requests))

        wait_until(reopened, "the reopened log and every line")
        lines = [json.loads(line) for line in text.splitlines()]
        assert len(lines) == len(app.requests) == len({line["request_id"] for line in lines})
        assert {line["status"] for line in lines} == {200}
        # Stalled again: the end does not wait for it either.
        wait_until(stalled, "a full pipe")
        gateway.signal(signal.SIGUSR1)
        gateway.signal(signal.SIGTERM)
        assert client.is_closed()
    assert gateway.wait() == 0
    os.close(reader)


def test_L_4_a_stalled_standard_error_costs_no_requests(upstream, tmp_path):
    """What reloads of broken files say fills the pipe: messages are lost and counted, and all else goes on."""
    path = tmp_path / "gateway.conf"
    path.write_text(config(upstream(), f"access: {tmp_path}/access.log").replace("\n    ", "\n"))
    good = path.read_text()
    process = subprocess.Popen([BINARY, "serve", "--config", str(path)], stderr=subprocess.PIPE)
    try:
        lines = []
        while not lines or json.loads(lines[-1])["message"] != "serving":
            lines.append(process.stderr.readline())
        host, _, port = json.loads(lines[-1])["listeners"].rpartition(":")
        # More than the pipe and the queue hold together.
        broken = good + "".join(
            f"  - {{ path: path{number}{'k' * 900}, auth: none, upstream: app }}\n" for number in range(900))
        path.write_text(broken)
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
            time.sleep(2)
        with socket.create_connection((host, int(port)), timeout=5) as client:
            client.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        # The control loop goes on too: the configuration is good again, and is taken.
        path.write_text(good)
        while json.loads(lines[-1])["message"] != "program messages were lost: standard error could not be written in time":
            lines.append(process.stderr.readline())
        assert int(json.loads(lines[-1])["lines"]) > 0
        faults = [line for line in lines if b"not a path pattern" in line]
        assert len(faults) > 400 and b"path0k" in faults[0] and b"path399k" in faults[399]
        process.send_signal(signal.SIGHUP)
        while json.loads(lines[-1])["message"] != "reloaded":
            lines.append(process.stderr.readline())
        # Nobody reads the end, and it comes all the same.
        path.write_text(broken)
        process.send_signal(signal.SIGHUP)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


# SIGUSR1


def test_a_rotated_log_loses_no_line(start, upstream, tmp_path):
    """Renamed and reopened again and again under load: every exchange stands in one of the files, once."""
    app = upstream(lambda request, _: b"HTTP/1.1 204 No Content\r\n\r\n")
    path = tmp_path / "access.log"
    gateway = start(config(app, f"access: {path}"))
    done, count = threading.Event(), [0]

    def load():
        with Client(gateway) as client:
            while not done.is_set():
                client.send(f"GET /{count[0]} HTTP/1.1\r\nHost: a\r\n\r\n")
                assert client.response().status == 204
                count[0] += 1
                if count[0] % 50 == 0:
                    app.forget()

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for n in range(5):
            before = count[0]
            wait_until(lambda: count[0] > before + 20, "some requests")
            wait_until(lambda: path.stat().st_size > 0, "lines in the file")
            path.rename(tmp_path / f"access.log.{n}")
            gateway.signal(signal.SIGUSR1)
            wait_until(path.exists, "the new file")
        wait_until(lambda: path.stat().st_size > 0, "lines in the last file")
    finally:
        done.set()
        thread.join()
    files = [tmp_path / f"access.log.{n}" for n in range(5)] + [path]

    def paths():
        return [json.loads(line)["path"] for file in files for line in file.read_text().splitlines()]
    wait_until(lambda: len(paths()) >= count[0], "every line")
    assert paths() == [f"/{n}" for n in range(count[0])]
    assert all(file.stat().st_size > 0 for file in files)
    assert path.stat().st_mode & 0o007 == 0


def test_a_log_that_cannot_be_reopened_stays(start, upstream, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "access.log"
    app = upstream()
    gateway = start(config(app, f"access: {path}"))
    assert get(gateway).status == 200
    folder.rename(tmp_path / "moved")
    gateway.signal(signal.SIGUSR1)
    gateway.wait_message("could not be reopened")
    assert get(gateway).status == 200
    wait_until(lambda: len((tmp_path / "moved" / "access.log").read_text().splitlines()) == 2, "both lines")
