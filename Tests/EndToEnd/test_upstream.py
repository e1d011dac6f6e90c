"""SECURITY U: hostile and broken upstreams, and what a good one needs: reuse, streams in both directions, every address
family."""
import hashlib
import http.client
import socket
import threading
import time

import pytest

from support.nginx import nginx, pieces_of, put_and_get
from support.ports import PATIENCE, wait_until
from support.upstream import OK, read_head, read_more, read_to_end
from support.gateway import run
from support.wire import Client, get

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
MIB = 1 << 20


def config(*servers, listener="127.0.0.1:0", timeouts="{ response: 30s }", retries=1, extra="", workers=1):
    listed = ", ".join(f'"{server}"' for server in servers)
    return f"""
    listeners: [{{ address: "{listener}" }}{extra}]
    workers: {workers}
    upstreams:
      app: {{ servers: [{listed}], timeouts: {timeouts}, retries: {retries} }}
    routes: [{{ path: /**, auth: none, upstream: app }}]
    """


def saying(*answers, then=read_to_end):
    """An upstream's script: each connection reads a head, sends `answers`, and does `then`."""
    def function(connection):
        read_head(connection)
        for answer in answers:
            connection.sock.sendall(answer)
        then(connection)
    return function


def end(_):
    """Closes at once."""


# U-1


def test_U_1_no_request_chooses_its_upstream(start, upstream):
    app, other = upstream(), upstream()
    gateway = start(config(app.server))
    host = other.server
    for target, fields in [("/", []), (f"http://{host}/", []), ("/", [("X-Forwarded-Host", host)]),
                           (f"/{host}/", [("X-Forwarded-Server", host)]),
                           (f"/?url=http://{host}/", [("Forwarded", host)])]:
        assert get(gateway, target, fields, host=host).status == 200
    assert len(app.requests) == 5 and other.connections == []


# U-2

OKS = b"HTTP/1.1 200 OK\r\n"
BAD_ANSWERS = {
    "length-and-coding": OKS + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
    "coding-and-length": OKS + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "two-lengths": OKS + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "two-equal-lengths": OKS + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "length-list": OKS + b"Content-Length: 2, 2\r\n\r\nok", "length-sign": OKS + b"Content-Length: +2\r\n\r\nok",
    "length-zero-first": OKS + b"Content-Length: 02\r\n\r\nok", "length-empty": OKS + b"Content-Length:\r\n\r\n",
    "coding-gzip": OKS + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding-identity": OKS + b"Transfer-Encoding: identity\r\n\r\nok",
    "two-codings": OKS + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding-in-1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "LF-field": OKS + b"X: a\nContent-Length: 2\r\n\r\nok",
    "splitting-CR": OKS + b"X: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok",
    "NUL": OKS + b"X: a\0b\r\nContent-Length: 2\r\n\r\nok", "fold": OKS + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
    "name-space": OKS + b"Content-Length : 2\r\n\r\nok", "no-name": OKS + b": a\r\nContent-Length: 2\r\n\r\nok",
    "no-colon": OKS + b"X\r\nContent-Length: 2\r\n\r\nok", "phrase-LF": b"HTTP/1.1 200 O\nK\r\n\r\n",
    "phrase-NUL": b"HTTP/1.1 200 O\0K\r\n\r\n", "status-letters": b"HTTP/1.1 2xx OK\r\n\r\n",
    "status-short": b"HTTP/1.1 20 OK\r\n\r\n", "status-long": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status-99": b"HTTP/1.1 099 OK\r\n\r\n", "status-600": b"HTTP/1.1 600 OK\r\n\r\n",
    "version-2": b"HTTP/2.0 200 OK\r\n\r\n", "version-0.9": b"ok", "protocol": b"ICY 200 OK\r\n\r\n",
    "lower-case": b"http/1.1 200 OK\r\n\r\n", "empty-line-first": b"\r\n" + OK, "garbage": b"\0" * 100,
    "unasked-101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "11-interim": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 11 + OK,
    "long-head": OKS + b"X: " + b"a" * 30000 + b"\r\n\r\n", "many-fields": OKS + b"X: a\r\n" * 300 + b"\r\n",
    "endless-line": b"HTTP/1.1 200 " + b"O" * 40000,
}


@pytest.mark.parametrize("answer, piece", [
    pytest.param(answer, piece, id=f"{name}-{piece}") for name, answer in BAD_ANSWERS.items()
    for piece in ("whole", "bytewise") if piece == "whole" or len(answer) < 4000])
def test_U_2_bad_answers(start, script, answer, piece):
    # "ok" could become a status line, until the connection ends.
    then = end if answer == b"ok" else read_to_end
    pieces = [answer] if piece == "whole" else [answer[at:at + 1] for at in range(len(answer))]
    app = script(saying(*pieces, then=then))
    gateway = start(config(app.server))
    with Client(gateway) as client:
        client.send(GET)
        refused = client.response()
        while refused.status < 200:
            assert refused.status == 103
            refused = client.response()
        assert refused.status == 502 and app.server not in str(refused) and b"127.0.0.1" not in refused.body
        line = gateway.access_of(refused.request_id)
        assert (line["reason"], line["blame"], line["status"]) == ("upstream_answer_invalid", "upstream", 502)
        wait_until(lambda: app.connections[0].ended, "the upstream's connection to end")
    assert len(app.connections) == 1


BAD_BODIES = {
    "size": b"2\r\nok\r\nxyz\r\n", "end": b"2\r\nokXX", "LF": b"2\nok\r\n0\r\n\r\n", "space": b"2 \r\nok\r\n0\r\n\r\n",
    "extension": b"2;" + b"a" * 300 + b"\r\nok\r\n0\r\n\r\n", "trailer": b"2\r\nok\r\n0\r\nX : y\r\n\r\n",
    "huge": b"2\r\nok\r\n8000000000000000\r\n"}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_U_2_a_bad_chunk_is_never_ended_cleanly(start, script, body, version):
    app = script(saying(OKS + b"Transfer-Encoding: chunked\r\n\r\n", body))
    gateway = start(config(app.server))
    with Client(gateway) as client:
        client.send(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n")
        data, ending = drain(client)
    assert not data.endswith(b"0\r\n\r\n")
    if version == "1.0":
        # Its end of the body is the end of the connection: that must not look clean.
        assert ending == "reset"
    assert gateway.wait_access(1)[0]["reason"] == "upstream_answer_invalid"
    wait_until(lambda: app.connections[0].ended, "the upstream's connection to end")


def drain(client):
    """(what came, "closed" or "reset"): to the end of the connection."""
    data = client.data
    try:
        while piece := client.sock.recv(65536):
            data += piece
    except ConnectionResetError:
        return data, "reset"
    return data, "closed"


@pytest.mark.parametrize("method, head, framing", [
    ("GET", b"HTTP/1.1 204 No Content\r\n", b""), ("GET", b"HTTP/1.1 204 No Content\r\n", b"Content-Length: 42\r\n"),
    ("GET", b"HTTP/1.1 304 Not Modified\r\n", b"Content-Length: 42\r\n"), ("HEAD", OKS, b"Content-Length: 42\r\n"),
    ("HEAD", OKS, b"Transfer-Encoding: chunked\r\n"),
    ("GET", b"HTTP/1.1 204 No Content\r\n", b"Transfer-Encoding: chunked\r\n"),
    ("GET", OKS, b"Content-Length: 0\r\n")])
def test_U_3_a_body_where_none_belongs_is_nobodys_answer(start, script, method, head, framing):
    """Its bytes would be the answer to the next request of that connection."""
    planted = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nplanted"
    app = script(saying(head + framing + b"\r\n" + planted))
    gateway = start(config(app.server))
    for _ in range(3):
        with Client(gateway) as client:
            client.send(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = client.response(method)
            assert answer.status == int(head.split(b" ")[1]) and answer.body == b""
            client.send(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.response(method)
            assert b"planted" not in client.data
    wait_until(lambda: all(c.ended for c in app.connections), "every connection to end")
    assert len(app.connections) == 6


@pytest.mark.parametrize("version, seen", [("1.1", [103] * 10 + [200]), ("1.0", [200])])
def test_U_2_ten_interim_answers_pass(start, script, version, seen):
    """To a client that knows them (RFC 9110 §15.2)."""
    app = script(saying(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 10 + OK))
    gateway = start(config(app.server))
    with Client(gateway) as client:
        client.send(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n")
        assert [client.response().status for _ in seen] == seen


def test_U_2_a_continue_of_the_upstream_is_dropped(start, script):
    app = script(saying(b"HTTP/1.1 100 Continue\r\n\r\n" + OK))
    gateway = start(config(app.server))
    assert get(gateway, "/", method="POST", body=b"hello").status == 200


# U-3


def test_U_3_connections_are_reused(start, upstream):
    app = upstream()
    gateway = start(config(app.server))
    with Client(gateway) as client:
        for _ in range(20):
            client.send(GET)
            assert client.response().status == 200
    assert get(gateway).status == 200
    assert len(app.connections) == 1 and len(app.requests) == 21


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", OK + b"x", OK + OK])
def test_U_3_not_reused(start, script, answer):
    app = script(saying(answer))
    gateway = start(config(app.server))
    for count in range(1, 4):
        answer = get(gateway)
        assert (answer.status, answer.body) == (200, b"ok")
        wait_until(lambda: app.connections[count - 1].ended, "the connection to end")
    assert len(app.connections) == 3


def test_U_3_bytes_on_an_idle_connection_end_it(start, upstream):
    app = upstream()
    gateway = start(config(app.server))
    assert get(gateway).status == 200
    first = app.connections[0]
    first.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nplanted")
    wait_until(lambda: first.ended, "the idle connection to end")
    answer = get(gateway)
    assert answer.body == b"ok" and len(app.connections) == 2


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b""), ("POST", b"hello")])
@pytest.mark.parametrize("comes", [b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nplanted", None], ids=["bytes", "end"])
def test_U_3_what_comes_on_an_idle_connection_is_not_for_the_request_seen_with_it(
        start, upstream, comes, method, body):
    """Be it bytes or its end: the request is sent on another one, and was on none before."""
    app = upstream()
    gateway = start(config(app.server))
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    with Client(gateway) as client:
        client.send(GET)
        assert client.response().body == b"ok"
        first = app.connections[0]
        with gateway.paused():
            client.send(f"{method} /next HTTP/1.1\r\nHost: a\r\n{length}\r\n".encode() + (body or b""))
            if comes:
                first.sock.sendall(comes)
            else:
                first.sock.shutdown(socket.SHUT_RDWR)
        answer = client.response()
        assert (answer.status, answer.body) == (200, b"ok")
        client.send(GET.replace(b"/ ", b"/last "))
        assert client.response().body == b"ok" and client.data == b""
    wait_until(lambda: first.ended, "the idle connection to end")
    assert [[r.target for r in c.requests] for c in app.connections] == [["/"], ["/next", "/last"]]
    lines = gateway.wait_access(3)
    assert [(line["path"], line["status"], line.get("reason"), line["retries"]) for line in lines] == [
        ("/", 200, None, 0), ("/next", 200, None, 0), ("/last", 200, None, 0)]


@pytest.mark.parametrize("credentials", [
    "Negotiate YTpi", "NTLM YTpi", "negotiate YTpi", "NTLM\tYTpi", "Negotiate\tYTpi", "NTLM", "NTLM,YTpi", "Nego2 YTpi",
    "Kerberos YTpi"])
def test_U_3_a_connection_that_carries_a_login_is_not_shared(start, upstream, credentials):
    app = upstream()
    gateway = start(config(app.server))
    assert get(gateway, "/", [("Authorization", credentials)]).status == 200
    assert get(gateway).status == 200
    assert len(app.connections) == 2 and app.requests[0].field("authorization") == credentials


@pytest.mark.parametrize("challenge, shared", [
    ("NTLM", False), ("Negotiate YTpi", False), ('Basic realm="a", Negotiate', False), ('Basic realm="a"', True)])
def test_U_3_a_connection_of_which_a_login_is_asked_is_not_shared(start, script, challenge, shared):
    answer = f"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n".encode()

    def asking(connection):
        while read_more(connection):
            connection.sock.sendall(answer)

    app = script(asking)
    gateway = start(config(app.server))
    for _ in range(2):
        # Of several challenges none is lost.
        assert get(gateway).field("www-authenticate") == challenge
    assert len(app.connections) == (1 if shared else 2)


# U-4


def stale(connection):
    """Answers once, then takes the next request and closes without a word."""
    read_head(connection)
    connection.sock.sendall(OK)
    before = len(connection.received)
    while len(connection.received) == before and read_more(connection):
        pass


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_U_4_a_stale_connection_is_retried_once(start, script, method):
    app = script(stale)
    gateway = start(config(app.server))
    assert get(gateway).status == 200
    assert get(gateway, "/again", method=method).status == 200
    assert [c.received.count(b" /again ") for c in app.connections] == [1, 1]
    assert gateway.wait_access(1, path="/again")[0]["retries"] == 1


@pytest.mark.parametrize("method, body", [
    ("POST", None), ("POST", b"hello"), ("PUT", None), ("DELETE", None), ("FOO", None), ("GET", b"hello")])
def test_U_4_others_are_seen_once(start, script, method, body):
    app = script(stale)
    gateway = start(config(app.server, retries=3))
    assert get(gateway).status == 200
    answer = get(gateway, "/again", method=method, body=body)
    assert answer.status == 502 and app.received.count(b" /again ") == 1
    line = gateway.access_of(answer.request_id)
    assert (line["reason"], line["retries"], line["blame"]) == ("upstream_closed", 0, "upstream")


def test_U_4_a_fresh_connection_is_not_retried(start, script):
    app = script(saying(then=end))
    gateway = start(config(app.server, retries=3))
    answer = get(gateway)
    assert answer.status == 502 and len(app.connections) == 1
    assert gateway.access_of(answer.request_id)["reason"] == "upstream_closed"


def test_U_4_nothing_after_an_answer_byte(start, script):
    def function(connection):
        read_head(connection)
        connection.sock.sendall(OK)
        before = len(connection.received)
        while len(connection.received) == before and read_more(connection):
            pass
        connection.sock.sendall(b"HTTP/1.1 2")

    app = script(function)
    gateway = start(config(app.server, retries=3))
    assert get(gateway).status == 200
    assert get(gateway, "/again").status == 502 and app.received.count(b" /again ") == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_U_4_a_server_that_refuses_is_passed_over(start, upstream, method):
    app = upstream()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        gateway = start(config(f"127.0.0.1:{closed.getsockname()[1]}", app.server))
        for _ in range(4):
            assert get(gateway, method=method, body=b"hello" if method == "POST" else None).status == 200
    assert len(app.requests) == 4 and {r.body for r in app.requests} == {b"hello" if method == "POST" else b""}


# U-6

CHUNKED = OKS + b"Transfer-Encoding: chunked\r\n\r\n"
CUTS = {"length": OKS + b"Content-Length: 100\r\n\r\nhello", "chunked": CHUNKED + b"5\r\nhello\r\n",
        "in-a-chunk": CHUNKED + b"50\r\nhello", "in-the-trailers": CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\n"}


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("answer", CUTS.values(), ids=CUTS)
def test_U_6_a_truncated_answer(start, script, answer, version):
    app = script(saying(answer, then=end))
    gateway = start(config(app.server))
    with Client(gateway) as client:
        client.send(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n")
        data, ending = drain(client)
    assert not data.endswith(b"0\r\n\r\n") and b"planted" not in data
    if b"Content-Length" not in data and version == "1.0":
        assert ending == "reset"
    line = gateway.wait_access(1)[0]
    assert (line["reason"], line["status"]) == ("upstream_truncated", 200) and len(gateway.access()) == 1


def test_U_6_a_reset_is_no_end(start, script):
    def function(connection):
        read_head(connection)
        connection.sock.sendall(OKS + b"\r\nhello")
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    app = script(function)
    gateway = start(config(app.server))
    with Client(gateway) as client:
        client.send(GET)
        data, _ = drain(client)
    assert not data.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("version, end_mark", [("1.1", b"5\r\nhello\r\n0\r\n\r\n"), ("1.0", b"\r\n\r\nhello")])
def test_U_6_the_end_of_the_connection_may_be_the_end_of_the_body(start, script, version, end_mark):
    """The head, the body and the end are there at once: none of them is missed."""
    hold = threading.Event()

    def function(connection):
        read_head(connection)
        hold.wait(30)
        connection.sock.sendall(OKS + b"\r\nhello")

    app = script(function)
    gateway = start(config(app.server))
    with Client(gateway) as client:
        client.send(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n")
        wait_until(lambda: app.received.endswith(b"\r\n\r\n"), "the request")
        with gateway.paused():
            hold.set()
            wait_until(lambda: app.connections[0].ended, "the upstream to close")
        data, ending = drain(client) if version == "1.0" else (client.response(), None)
    if version == "1.0":
        assert data.endswith(end_mark) and ending == "closed"
    else:
        assert data.body == b"hello"
    assert "reason" not in gateway.wait_access(1)[0]


# U-8


def full_listener():
    """A listener whose backlog is full: it neither accepts nor refuses."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        waiting.append(sock)
    return listener, waiting


def test_U_8_connecting_takes_too_long(start):
    listener, waiting = full_listener()
    server = "127.0.0.1:%d" % listener.getsockname()[1]
    gateway = start(config(server, timeouts="{ connect: 200ms }", retries=0))
    answer = get(gateway)
    assert answer.status == 504 and server not in str(answer)
    assert gateway.access_of(answer.request_id)["reason"] == "upstream_connect_timeout"
    for sock in [listener, *waiting]:
        sock.close()


@pytest.mark.parametrize("sends", [b"", b"HTTP/1.1 200 O", OKS + b"X: y\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_U_8_a_silent_upstream(start, script, sends, accept):
    app = script(saying(sends))
    gateway = start(config(app.server, timeouts="{ response: 300ms }"))
    with Client(gateway) as client:
        client.send(f"GET / HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n")
        answer = client.response()
        if answer.status == 103:
            answer = client.response()
    assert answer.status == 504
    assert app.server not in str(answer) and "127.0.0.1" not in str(answer.fields)
    assert gateway.access_of(answer.request_id)["reason"] == "upstream_timeout"
    wait_until(lambda: app.connections[0].ended, "the upstream's connection to end")


def test_U_8_a_silent_body(start, script):
    app = script(saying(OKS + b"Content-Length: 10\r\n\r\nhello"))
    gateway = start(config(app.server, timeouts="{ response: 300ms }"))
    with Client(gateway) as client:
        client.send(GET)
        data, _ = drain(client)
    assert data.endswith(b"hello") and gateway.wait_access(1)[0]["reason"] == "upstream_truncated"


@pytest.mark.parametrize("framing, body", [
    (b"", b""), (b"Content-Length: 5\r\n", b"hello"),
    (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"), (b"Content-Length: 5\r\n", b"hel")],
    ids=["none", "length", "chunked", "half"])
def test_U_8_connecting_takes_too_long_whatever_the_body(start, framing, body):
    listener, waiting = full_listener()
    server = "127.0.0.1:%d" % listener.getsockname()[1]
    gateway = start(config(server, timeouts="{ connect: 300ms, response: 20s }", retries=0))
    with Client(gateway) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n" + body)
        answer = client.response()
    assert answer.status == 504 and server not in str(answer)
    line = gateway.access_of(answer.request_id)
    assert (line["status"], line["reason"], line["blame"], line["retries"]) == (
        504, "upstream_connect_timeout", "upstream", 0)
    assert 250_000 < line["total_us"] < 15_000_000 and "first_byte_us" not in line
    for sock in [listener, *waiting]:
        sock.close()


@pytest.mark.parametrize("framing", ["length", "chunked", "end"])
def test_U_8_an_answer_that_flows_is_not_cut(start, script, framing):
    """It takes longer than `timeouts.response` in total, and no pause of it does."""
    pieces = 12
    head = {"length": b"Content-Length: %d\r\n" % (5 * pieces), "chunked": b"Transfer-Encoding: chunked\r\n",
            "end": b""}[framing]
    last = b"0\r\n\r\n" if framing == "chunked" else b""

    def function(connection):
        read_head(connection)
        connection.sock.sendall(OKS + head + b"\r\n")
        for _ in range(pieces):
            time.sleep(0.2)
            connection.sock.sendall(b"5\r\nhello\r\n" if framing == "chunked" else b"hello")
        connection.sock.sendall(last)
        if framing != "end":
            read_to_end(connection)

    app = script(function)
    gateway = start(config(app.server, timeouts="{ response: 2s }"))
    answer = get(gateway)
    assert (answer.status, answer.body) == (200, b"hello" * pieces)
    [line] = gateway.wait_access(1)
    assert (line["status"], line.get("reason"), line["retries"]) == (200, None, 0)
    assert line["total_us"] > 2_400_000 and app.received.count(b"GET / ") == 1


def test_U_8_nobody_listens(start):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server = "127.0.0.1:%d" % closed.getsockname()[1]
        gateway = start(config(server))
        answer = get(gateway)
    assert answer.status == 502 and server not in str(answer)
    assert gateway.access_of(answer.request_id)["reason"] == "upstream_unreachable"


# What a client may do.


def test_fifty_pipelined_requests_are_answered_in_order(start, upstream):
    app = upstream(lambda request, _: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (
        len(request.target) - 1, request.target[1:].encode()))
    gateway = start(config(app.server))
    with Client(gateway) as client:
        client.send(b"".join(b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" % n for n in range(50)))
        assert [client.response().body for _ in range(50)] == [b"%d" % n for n in range(50)]
    assert [r.target for r in app.requests] == [f"/{n}" for n in range(50)]
    assert {r.body for r in app.requests} == {b"hello"} and len(gateway.wait_access(50)) == 50


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"])
def test_the_upstream_learns_that_its_client_has_left(start, script, sent):
    """Before a response and in the midst of one: nothing is written to the client that would show it."""
    asked, ended = threading.Event(), threading.Event()

    def function(connection):
        read_head(connection)
        connection.sock.sendall(sent)
        asked.set()
        if connection.sock.recv(1) == b"":
            ended.set()

    gateway = start(config(script(function).server))
    with Client(gateway) as client:
        client.send(GET)
        assert asked.wait(PATIENCE)
        while sent and b"data: 1" not in client.data:
            assert client._more()
    assert ended.wait(PATIENCE)
    [line] = gateway.wait_access(1, reason="client_closed")
    assert line["status"] == (200 if sent else 499)


def test_a_half_closed_client_gets_its_answer(start, upstream):
    """Request and end are there at once."""
    app = upstream()
    gateway = start(config(app.server))
    with Client(gateway) as client:
        with gateway.paused():
            client.send(GET).finish()
        assert client.response().status == 200
        assert client.is_closed()
    assert len(app.requests) == 1


@pytest.mark.parametrize("data, whole", [
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello", 0),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0),
    (b"GET / HTTP/1.1\r\nHost: a\r\n", 0), (GET + b"GET / HT", 1)])
def test_a_client_that_ends_early_is_noticed_at_once(start, upstream, data, whole):
    app = upstream()
    gateway = start(config(app.server))
    with Client(gateway) as client:
        with gateway.paused():
            client.send(data).finish()
        got, _ = drain(client)
        assert got.count(b"HTTP/1.1 ") == whole
    lines = gateway.wait_access(1, reason="client_closed")
    assert len(lines) == 1 and lines[0]["status"] == 499
    wait_until(lambda: not app.received or app.connections[0].ended or whole, "the upstream's connection to end")
    assert len(app.requests) == whole


def test_http_1_0_clients(start, upstream, script):
    app = upstream(lambda request, _: OKS + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
                   if request.target == "/chunked" else OK)
    gateway = start(config(app.server))
    with Client(gateway) as client:
        client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        answer = client.response()
        assert answer.body == b"ok" and answer.field("connection") == "close" and client.is_closed()
    with Client(gateway) as client:
        for _ in range(2):
            client.send(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            answer = client.response()
            assert answer.body == b"ok" and answer.field("connection") == "keep-alive"
    with Client(gateway) as client:
        # It knows no chunks.
        client.send(b"GET /chunked HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
        answer = client.response()
        assert answer.field("transfer-encoding") is None and answer.body == b"ok"
        assert answer.field("connection") == "close"
    assert {r.start_line.split(" ")[2] for r in app.requests} == {"HTTP/1.1"}


def test_head_and_not_modified_keep_their_length(start, upstream):
    app = upstream(lambda request, _: (
        b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 42\r\n\r\n" if request.target == "/304"
        else OKS + b"Content-Length: 42\r\n\r\n"))
    gateway = start(config(app.server))
    with Client(gateway) as client:
        for _ in range(2):
            client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.response("HEAD").field("content-length") == "42"
            client.send(b"GET /304 HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = client.response()
            assert answer.field("content-length") == "42" and answer.field("etag") == '"a"'
    # The body that they announce might come all the same (U-3).
    assert len(app.connections) == 4


def test_head_of_a_refusal_has_no_body(start, upstream):
    app = upstream()
    gateway = start(config(app.server).replace("path: /**", "path: /a"))
    with Client(gateway) as client:
        for _ in range(2):
            client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.response("HEAD").status == 404
            assert client.data == b""


# Every family of addresses.


def test_unix_sockets_on_both_sides(start, upstream, tmp_path):
    path = str(tmp_path / "app.sock")
    app = upstream(family=socket.AF_UNIX, address=path)
    listening = str(tmp_path / "gateway.sock")
    gateway = start(config(app.server, extra=f', {{ address: "unix:{listening}" }}', workers=4))
    for _ in range(8):
        with Client(gateway, address=listening) as client:
            client.send(GET)
            assert client.response().status == 200
    assert len(app.requests) == 8
    # There is no address to tell, and no client's word is taken for one.
    assert {r.field("x-forwarded-for") for r in app.requests} == {None}


def test_a_file_where_a_unix_socket_is_to_be_stays(upstream, tmp_path):
    path = tmp_path / "important.db"
    path.write_text("rows")
    (tmp_path / "gateway.conf").write_text(config(upstream().server).replace("127.0.0.1:0", f"unix:{path}"))
    result = run("serve", "--config", tmp_path / "gateway.conf")
    assert result.returncode != 0 and str(path) in result.stderr, result
    assert path.is_file() and path.read_text() == "rows"


def test_ipv6_on_both_sides(start, upstream):
    try:
        app = upstream(family=socket.AF_INET6, address=("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    server = f"[::1]:{app.address[1]}"
    gateway = start(config(server, extra=', { address: "[::1]:0" }', workers=4))
    port = int(next(a for a in gateway.addresses if a.startswith("[::1]")).rpartition(":")[2])
    with Client(gateway, address=("::1", port)) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n")
        assert client.response().status == 200
    assert app.requests[0].field("x-forwarded-for") == "::1" and app.requests[0].field("host") == "[::1]:80"
    assert gateway.wait_access(1)[0]["client"] == "::1"


# A real server, and large bodies.


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_nginx_64_MiB_both_ways(start, tmp_path, framing):
    with nginx(tmp_path) as (port, files):
        put_and_get(start(config(f"127.0.0.1:{port}")), files, 64 * MIB + 12345, framing)


def test_nginx_ranges_conditions_and_keep_alive(start, tmp_path):
    with nginx(tmp_path) as (port, files):
        gateway = start(config(f"127.0.0.1:{port}"))
        (files / "a.txt").write_text("hello")
        connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
        for _ in range(50):
            connection.request("GET", "/a.txt")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"hello")
        etag = answer.headers["ETag"]
        for method, fields, status, body in [
                ("GET", {"Range": "bytes=1-2"}, 206, b"el"), ("GET", {"If-None-Match": etag}, 304, b""),
                ("HEAD", {}, 200, b""), ("POST", {}, 405, None), ("GET", {"Range": "bytes=9-"}, 416, None)]:
            connection.request(method, "/a.txt", headers=fields)
            answer = connection.getresponse()
            data = answer.read()
            assert answer.status == status and (body is None or data == body)
        connection.request("DELETE", "/a.txt")
        assert connection.getresponse().status == 204
        wait_until(lambda: len((files.parent / "access.log").read_text().splitlines()) == 56, "nginx to have seen 56")


@pytest.mark.parametrize("piece", [1000, 65536], ids=["small-chunks", "large-chunks"])
def test_64_MiB_chunked_to_the_client(start, script, piece):
    size = 64 * MIB if piece > 1000 else 8 * MIB
    expected = hashlib.sha256()
    for data in pieces_of(size, piece // 256 * 256):
        expected.update(data)

    def function(connection):
        read_head(connection)
        connection.sock.sendall(OKS + b"Transfer-Encoding: chunked\r\n\r\n")
        for data in pieces_of(size, piece // 256 * 256):
            connection.sock.sendall(b"%x\r\n%b\r\n" % (len(data), data))
        connection.sock.sendall(b"0\r\nX-Trailer: dropped\r\n\r\n")
        read_to_end(connection)

    app = script(function)
    gateway = start(config(app.server))
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=60)
    connection.request("GET", "/")
    answer = connection.getresponse()
    found = hashlib.sha256()
    while data := answer.read(1 << 18):
        found.update(data)
    assert found.hexdigest() == expected.hexdigest()
    connection.close()
    assert gateway.wait_access(1)[0]["bytes_out"] > size
