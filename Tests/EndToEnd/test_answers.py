"""SECURITY H and U, on the answers' side: what a hostile or broken upstream says, byte for byte. It never reaches a
client as something that it is not, never ends cleanly where it was cut, and never becomes somebody else's answer."""
import base64
import collections
import itertools
import json
import random
import re
import socket
import struct
import time

import pytest
from support.ports import wait_until
from support.upstream import read_head, read_more, read_to_end
from support.wire import Client, get

OKS = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n\r\nok"
CHUNKED = OKS + b"Transfer-Encoding: chunked\r\n\r\n"
PLANTED = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nplanted"
KIB = 1024


def config(app):
    return f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    workers: 1
    upstreams:
      app: {{ servers: ["{app.server}"], timeouts: {{ response: 30s }} }}
    routes: [{{ path: /**, auth: none, upstream: app }}]
    """


class Scene:
    """A gateway before an upstream that says to each target what was agreed on, and to others the target."""

    def __init__(self, start, script):
        self.agreed, self.numbers = {}, itertools.count()
        self.lines, self.read = collections.defaultdict(list), 0
        self.app = script(self._serve)
        self.gateway = start(config(self.app))

    def agree(self, answer, piece=None, then=None):
        """A new target that is answered so, in pieces of `piece` bytes. `then` is done with the connection after that,
        and ends it; without it, the connection takes the next request."""
        target = f"/{next(self.numbers)}"
        self.agreed[target] = answer, piece, then
        return target

    def _serve(self, connection):
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        at = 0
        while True:
            while (end := connection.received.find(b"\r\n\r\n", at)) < 0:
                if not read_more(connection):
                    return
            target = connection.received[at:].split(b" ")[1].decode()
            at = end + 4
            plain = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(target), target.encode())
            answer, piece, then = self.agreed.get(target, (plain, None, None))
            for begin in range(0, len(answer), piece or max(1, len(answer))):
                connection.sock.sendall(answer[begin:begin + (piece or len(answer))])
                if piece == 1:
                    time.sleep(0.0002)
            if then:
                then(connection)
                return

    def carried(self, target):
        """The one connection that carried the request for `target`, once."""
        line = f" {target} HTTP/1.1\r\n".encode()
        [connection] = [c for c in list(self.app.connections) if line in c.received]
        assert connection.received.count(line) == 1
        return connection

    def line_of(self, target):
        """The one access line of a target. Each is read once: there are thousands."""
        def found():
            with open(self.gateway.folder / "access.log", "rb") as file:
                file.seek(self.read)
                new = file.read().rpartition(b"\n")[0]
            self.read += len(new) + bool(new)
            for line in map(json.loads, new.splitlines()):
                self.lines[line["path"]].append(line)
            return self.lines.get(target)

        [line] = wait_until(found, f"the line of {target}")
        return line

    def line(self, target, status, reason=None):
        line = self.line_of(target)
        blame = "upstream" if reason else None
        assert (line["status"], line.get("reason"), line.get("blame")) == (status, reason, blame), line
        return line

    def goes_on(self, client):
        """The next requests, of this client and of another, get what is theirs."""
        for each in ("mine", "other's"):
            target = f"/next-{next(self.numbers)}"
            answer = client.send(request(target)).response() if each == "mine" else get(self.gateway, target)
            assert (answer.status, answer.body) == (200, target.encode())

    def refused(self, answer, piece=None, method="GET", fields=b"", version="1.1", interim=()):
        """Answered 502 in the upstream's place; its connection is of no use any more, the client's is."""
        target = self.agree(answer, piece, then=read_to_end)
        with Client(self.gateway) as client:
            client.send(request(target, method, fields, version))
            for status in interim:
                assert client.response().status == status
            got = client.response(method)
            assert got.status == 502, (answer, got)
            assert "server" not in got.names() and b"127.0.0.1" not in got.head + got.body
            assert self.line(target, 502, "upstream_answer_invalid")["request_id"] == got.request_id
            if version == "1.1":
                assert got.field("connection") is None
                self.goes_on(client)
            assert client.data == b""
        wait_until(lambda: self.carried(target).ended, "the upstream's connection to end")

    def relayed(self, answer, piece=None, method="GET", fields=b"", reused=True, then=None):
        """What the client gets of an answer, whose connection then carries the next request too, or not."""
        target = self.agree(answer, piece, then)
        with Client(self.gateway) as client:
            got = client.send(request(target, method, fields)).response(method)
            while got.status < 200:
                got = client.response(method)
            self.line(target, got.status)
            if not reused:
                wait_until(lambda: self.carried(target).ended, "the upstream's connection to end")
            self.goes_on(client)
            assert client.data == b""
        last = self.carried(target).received.split(b"\r\n\r\n")[-2]
        assert (f" {target} ".encode() not in last) == reused
        return got

    def cut(self, answer, body, piece=None, reason="upstream_answer_invalid"):
        """Begun, and not ended as it should be: `body` is what may come of it, or the beginning of that."""
        for version in ("1.1", "1.0"):
            target = self.agree(answer, piece, then=read_to_end)
            with Client(self.gateway) as client:
                client.send(request(target, version=version))
                data, ending = to_end(client)
            head, _, rest = data.partition(b"\r\n\r\n")
            # What came together with the fault is kept back with it.
            assert head.startswith(b"HTTP/1.1 200 ") or not data, data
            assert not data.endswith(b"0\r\n\r\n"), data
            assert body.startswith(rest if version == "1.0" else unchunked(rest)), data
            if version == "1.0":
                # The end of the connection is the end of the body: that must not look clean.
                assert ending == "reset", data
            self.line(target, 200, reason)
            wait_until(lambda: self.carried(target).ended, "the upstream's connection to end")
            assert get(self.gateway, "/next").body == b"/next"


@pytest.fixture(scope="module")
def scene(start_once, script_once):
    made = Scene(start_once, script_once)
    yield made
    assert {target: lines for target, lines in made.lines.items() if len(lines) != 1 and target != "/next"} == {}


def request(target, method="GET", fields=b"", version="1.1"):
    return f"{method} {target} HTTP/{version}\r\nHost: a\r\n".encode() + fields + b"\r\n"


def to_end(client):
    """(what came, "closed" or "reset"): to the end of the connection."""
    data = client.data
    try:
        while piece := client.sock.recv(65536):
            data += piece
    except ConnectionResetError:
        return data, "reset"
    return data, "closed"


def unchunked(data):
    """The data of chunks, maybe cut."""
    result = b""
    while size := re.match(rb"([0-9a-f]+)\r\n", data):
        end = size.end() + int(size.group(1), 16)
        result += data[size.end():end]
        data = data[end + 2:]
    return result


def reset(connection):
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(_):
    """Ends the connection at once."""


# Heads that are none.


@pytest.mark.parametrize("byte", [*range(0x09), 0x0b, 0x0c, *range(0x0e, 0x20), 0x7f, 0x0a, 0x0d])
def test_H_6_no_control_character_in_an_answer(scene, byte):
    for answer in (OKS + b"X: a%cSet-Cookie: b\r\n" + TWO, OKS + b"X: %c\r\n" + TWO, OKS + b"X%c: a\r\n" + TWO,
                   b"HTTP/1.1 200 O%cK\r\n" + TWO, b"HTTP/1.1%c200 OK\r\n" + TWO):
        scene.refused(answer % byte)


def test_H_6_tabs_and_obs_text_pass(scene):
    answer = scene.relayed(b"HTTP/1.1 200 F\xfcr\tdich\r\nX-A: a\tb\r\nX-B: \xe9\xff\x80\r\nX-C:\r\n" + TWO)
    assert answer.start_line == "HTTP/1.1 200 F\xfcr\tdich" and answer.body == b"ok"
    assert [answer.field(name) for name in ("x-a", "x-b", "x-c")] == ["a\tb", "\xe9\xff\x80", ""]


SPLITS = {
    "CR CR LF": b"X: a\r\r\nSet-Cookie: b\r\n", "LF": b"X: a\nSet-Cookie: b\r\n", "LF CR LF": b"X: a\n\r\n",
    "LF LF": b"X: a\n\nHTTP/1.1 200 OK\r\n", "CR": b"X: a\rSet-Cookie: b\r\n", "CR LF CR": b"X: a\r\n\rX: b\r\n",
    "fold": b"X: a\r\n b\r\n", "fold by a tab": b"X: a\r\n\tb\r\n", "an empty fold": b"X: a\r\n \r\n",
    "a folded first line": b" X: a\r\n", "a folded length": b"Content-Length:\r\n 5\r\n", "no colon": b"X\r\n",
    "colon alone": b":\r\n", "a space in a name": b"X Y: a\r\n", "a tab behind a name": b"X\t: a\r\n",
    "a space behind a framing name": b"Transfer-Encoding : chunked\r\n", "obs-text in a name": b"X\xe9: a\r\n",
    "a bracket in a name": b"X(: a\r\n", "quotes": b'"X": a\r\n', "a status line": b"HTTP/1.1 200 OK\r\n",
    "obs-text in Connection": b"Connection: \xe9\r\n"}


@pytest.mark.parametrize("piece", [None, 1], ids=["whole", "bytewise"])
@pytest.mark.parametrize("lines", SPLITS.values(), ids=SPLITS)
def test_H_4_H_5_lines_that_are_none(scene, lines, piece):
    scene.refused(OKS + lines + TWO, piece)


STATUS_LINES = [
    b"HTTP/1.1 000 A", b"HTTP/1.1 099 A", b"HTTP/1.1 600 A", b"HTTP/1.1 999 A", b"HTTP/1.1 1000 A", b"HTTP/1.1 abc A",
    b"HTTP/1.1 -20 A", b"HTTP/1.1 +20 A", b"HTTP/1.1  200 A", b"HTTP/1.1 2 0 0", b"HTTP/1.1 200OK", b"HTTP/1.1 20",
    b"HTTP/1.1 200\tOK", b"HTTP/1.1\t200 OK", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 OK 200", b"HTTP/1.1200 OK",
    b"HTTP/1.2 200 OK", b"HTTP/1.10 200 OK", b"HTTP/1 200 OK", b"HTTP/1.1.1 200 OK", b"HTTP/11 200 OK",
    b"HTTP/0.9 200 OK", b"HTTP/2 200 OK", b"HTTP/3 200 OK", b"HTTP /1.1 200 OK", b"HTTP/ 1.1 200 OK", b"200 OK",
    b"http/1.1 200 OK", b"SIP/2.0 200 OK", b"RTSP/1.0 200 OK", b" HTTP/1.1 200 OK", b"\nHTTP/1.1 200 OK",
    b"\xef\xbb\xbfHTTP/1.1 200 OK", b"HTTP/1.1 \xb2\xb00 OK", b"GET / HTTP/1.1", b"SSH-2.0-OpenSSH_9.2",
    b"220 mail.example ESMTP", b"-ERR unknown command 'GET'", b"<!doctype html><title>0.9</title>",
    b"\x15\x03\x01\x00\x02\x02\x0a", b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x08"]


@pytest.mark.parametrize("line", STATUS_LINES)
def test_U_2_status_lines_that_are_none(scene, line):
    scene.refused(line + b"\r\n" + TWO)


@pytest.mark.parametrize("line, seen", [
    (b"HTTP/1.1 200", "HTTP/1.1 200 "), (b"HTTP/1.1 200 ", "HTTP/1.1 200 "), (b"HTTP/1.1 299 A", "HTTP/1.1 299 A"),
    (b"HTTP/1.1 599 A  b ", "HTTP/1.1 599 A  b "), (b"HTTP/1.1 200 HTTP/1.1 500", "HTTP/1.1 200 HTTP/1.1 500")])
def test_U_2_odd_status_lines_that_are_good(scene, line, seen):
    answer = scene.relayed(line + b"\r\n" + TWO)
    assert (answer.start_line, answer.body) == (seen, b"ok")


# Framing.

LENGTHS = [b"", b"+2", b"-2", b"0x2", b"02", b"00", b"2,2", b"2, 2", b"2,3", b"2 2", b"2;", b"2.0", b"1e1", b"2\t,2",
           b"9223372036854775808", b"18446744073709551616", b"18446744073709551618", b"9" * 40, b"\xb2",
           b"two", b"\"2\""]
CODINGS = [b"", b"gzip", b"identity", b"xchunked", b"chunkedx", b"chunked x", b"chunked, chunked", b"chunked, identity",
           b"identity, chunked", b"gzip, chunked", b"chunked, gzip", b"chunked;q=1", b"\"chunked\"", b"chunked,",
           b", chunked", b"chunked\xa0", b"chu\xadnked"]
NOT_ONE = ([b"Content-Length: %b\r\n" % value for value in LENGTHS]
           + [b"Transfer-Encoding: %b\r\n" % value for value in CODINGS]
           + [b"Content-Length: 2\r\nContent-Length: 2\r\n", b"Content-Length: 2\r\ncontent-length: 3\r\n",
              b"Content-Length: 0\r\nX: a\r\nContent-Length: 7\r\n",
              b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
              b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
              b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
              b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
              b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"])


@pytest.mark.parametrize("lines", NOT_ONE)
def test_H_1_H_2_H_3_framing_that_has_two_readings(scene, lines):
    scene.refused(OKS + lines + b"\r\n" + PLANTED)


@pytest.mark.parametrize("method, line", [
    ("HEAD", b"HTTP/1.1 200 OK"), ("GET", b"HTTP/1.1 204 No Content"), ("GET", b"HTTP/1.1 304 Not Modified"),
    ("GET", b"HTTP/1.1 103 Early Hints")], ids=["HEAD", "204", "304", "103"])
def test_H_3_framing_must_make_sense_where_no_body_belongs(scene, method, line):
    for lines in NOT_ONE:
        scene.refused(line + b"\r\n" + lines + b"\r\n", method=method)


@pytest.mark.parametrize("value", [b"chunked", b"CHUNKED", b"cHuNkEd", b"  chunked\t "])
def test_H_2_chunked_in_any_case(scene, value):
    assert scene.relayed(OKS + b"Transfer-Encoding:%b\r\n\r\n2\r\nok\r\n0\r\n\r\n" % value).body == b"ok"


# Sizes.


def head_of(count, lines=b""):
    """An answer with a head of `count` bytes."""
    beginning = OKS + lines + b"Content-Length: 2\r\nX-Long: "
    return beginning + b"a" * (count - len(beginning) - 4) + b"\r\n\r\nok"


def test_U_2_heads_that_just_fit(scene):
    assert len(scene.relayed(head_of(24 * KIB)).field("x-long")) > 24_000
    assert len(scene.relayed(OKS + b"X: a\r\n" * 255 + TWO).all("x")) == 255
    # Each of its lines grows by a space.
    answer = scene.relayed(head_of(24 * KIB, b"X:a\r\n" * 254))
    assert answer.all("x") == ["a"] * 254 and answer.body == b"ok"


@pytest.mark.parametrize("answer", [
    head_of(24 * KIB + 1), OKS + b"X: a\r\n" * 256 + TWO, OKS + b"X: a\r\n" * 100_000, OKS + b"X" * 100_000,
    OKS + b"X: " + b"a" * 100_000, OKS + b"X:" + b" " * 100_000, b"HTTP/1.1 200 " + b"O" * 100_000,
    b"HTTP/1.1 103 A\r\nLink: " + b"a" * 30_000 + b"\r\n\r\n",
    OKS + b"Connection: x" + b",b" * 64 + b"\r\n" + TWO],
    ids=["a byte more", "a field more", "fields", "name", "value", "spaces", "phrase", "interim", "names"])
def test_U_2_giant_heads(scene, answer):
    scene.refused(answer)


@pytest.mark.parametrize("interim", [
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: %b\r\n\r\n" % (b"a" * 20_000)], ids=["100", "102", "103"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_U_2_interim_answers_without_end(scene, interim, version):
    status = int(interim.split(b" ")[1])
    told = [status] * 10 if version == "1.1" and status != 100 else []
    scene.refused(interim * 200, version=version, interim=told)


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello" + OKS + TWO,
    b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + OKS + TWO,
    b"HTTP/1.1 103 Early Hints\r\n\r\nLink: </a>\r\n\r\n"])
def test_U_2_an_interim_answer_has_no_body(scene, answer):
    scene.refused(answer, interim=[103])


ASKING = (b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n"
          % base64.b64encode(b"k" * 16))


@pytest.mark.parametrize("fields", [b"", ASKING], ids=["nothing", "websocket"])
@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"HTTP/1.1 101 A\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    b"HTTP/1.1 101 A\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
    b"HTTP/1.1 101 A\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 103 A\r\n\r\nHTTP/1.1 101 A\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"])
def test_U_5_a_101_that_was_not_earned(scene, answer, fields):
    """What the client sends next is judged as HTTP."""
    scene.refused(answer + PLANTED, fields=fields, interim=[103] if b" 103 " in answer else [])


# Bodies.

BAD_CHUNKS = {
    "no size": b"\r\n", "sign": b"+2\r\nok\r\n", "minus": b"-2\r\nok\r\n", "0x": b"0x2\r\nok\r\n",
    "space before": b" 2\r\nok\r\n", "space": b"2 \r\nok\r\n", "tab": b"2\t\r\nok\r\n", "letter": b"2g\r\nok\r\n",
    "underscore": b"2_0\r\nok\r\n", "17 digits": b"00000000000000002\r\nok\r\n", "2^63": b"8000000000000000\r\nok",
    "2^64-1": b"ffffffffffffffff\r\nok", "2^64+2": b"10000000000000002\r\nok\r\n", "endless digits": b"0" * 60_000,
    "LF": b"2\nok\n0\n\n", "CR": b"2\rok\r\n",
    "CR CR LF": b"2\r\r\nok\r\n", "NUL": b"2\0\r\nok\r\n", "longer than it says": b"2\r\nokay\r\n",
    "an end of LF": b"2\r\nok\n0\r\n\r\n", "an end of CR": b"2\r\nok\r0\r\n\r\n", "no end": b"2\r\nok0\r\n\r\n",
    "extension without a name": b"2;\r\nok\r\n", "LF in an extension": b"2;a\nb\r\nok\r\n",
    "CR in an extension": b"2;a\rb\r\nok\r\n", "NUL in an extension": b"2;a=\"\0\"\r\nok\r\n",
    "an open quote": b"2;a=\"\r\nok\r\n0\r\n\r\n", "a long extension": b"2;" + b"a" * 300 + b"\r\nok\r\n",
    "an endless extension": b"2;" + b"a" * 60_000, "an endless quote": b"2;a=\"" + b"\\\"" * 30_000,
    "extensions on many chunks": b"1;abc=def\r\nx\r\n" * 200 + b"0\r\n\r\n", "an answer": PLANTED}


@pytest.mark.parametrize("piece", [None, 1], ids=["whole", "bytewise"])
@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_H_11_H_12_bad_chunks(scene, name, piece):
    if piece and len(BAD_CHUNKS[name]) > 1000:
        piece = 100
    rest = b"x" * 200 if "many" in name else b"ok"
    scene.cut(CHUNKED + b"5\r\nhello\r\n" + BAD_CHUNKS[name], b"hello" + rest, piece)


BAD_TRAILERS = {
    "space": b"X : a\r\n\r\n", "fold": b"X: a\r\n b\r\n\r\n", "LF": b"X: a\n\r\n", "CR": b"X: a\rb\r\n\r\n",
    "NUL": b"X: \0\r\n\r\n", "no colon": b"X\r\n\r\n", "a length": b"Content-Length: 2\r\n\r\n",
    "a coding": b"Transfer-Encoding: chunked\r\n\r\n",
    "17 KiB": b"X: " + b"a" * 17 * KIB + b"\r\n\r\n", "17 KiB of lines": b"X: a\r\n" * 3000 + b"\r\n",
    "endless": b"X: a\r\n" * 20_000, "an answer": PLANTED}


@pytest.mark.parametrize("trailers", BAD_TRAILERS.values(), ids=BAD_TRAILERS)
def test_H_13_bad_trailers(scene, trailers):
    scene.cut(CHUNKED + b"5\r\nhello\r\n0\r\n" + trailers, b"hello")


def test_H_13_trailers_of_an_answer_are_dropped_and_not_merged(scene):
    trailers = [b"Set-Cookie: planted=1", b"X-Forwarded-User: root", b"Content-Type: text/planted", b"Status: 500",
                b"Connection: close", b"Location: /planted", b"X-Checksum: planted"]
    answer = scene.relayed(
        OKS + b"Trailer: X-Checksum\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n2\r\nok\r\n0\r\n"
        + b"\r\n".join(trailers) + b"\r\n\r\n")
    assert (answer.status, answer.body, answer.field("content-type")) == (200, b"ok", "text/plain")
    assert sorted(answer.names()) == ["content-type", "date", "transfer-encoding"]


@pytest.mark.parametrize("chunks", [
    b"5\r\nhello\r\n", b"0000000000000005\r\nhello\r\n", b"5;a\r\nhello\r\n", b"5;a=b;c=\"d;\\\"\t\"\r\nhello\r\n",
    b"5;" + b"a" * 255 + b"\r\nhello\r\n", b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello")])
def test_H_12_H_14_chunks_are_framed_anew(scene, chunks):
    answer = CHUNKED + chunks + b"000\r\n\r\n"
    assert scene.relayed(answer).body == b"hello"
    with Client(scene.gateway) as client:
        client.send(request(scene.agree(answer), fields=b"Connection: close\r\n"))
        framed = to_end(client)[0].partition(b"\r\n\r\n")[2]
    assert re.fullmatch(rb"([1-5]\r\n[helo]+\r\n)+0\r\n\r\n", framed), framed


GOOD = {
    "length": OKS + b"Content-Length: 5\r\n\r\nhello",
    "chunked": CHUNKED + b"2\r\nhe\r\n003;a=b\r\nllo\r\n0\r\nX: y\r\n\r\n",
    "interim": b"HTTP/1.1 100 A\r\n\r\nHTTP/1.1 103 A\r\nLink: </a>\r\n\r\n" + OKS + b"Content-Length: 5\r\n\r\nhello",
    "1.0": b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"}


@pytest.mark.parametrize("answer", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("piece", [1, 7])
def test_answers_that_dribble(scene, answer, piece):
    answer = scene.relayed(answer, piece)
    assert (answer.status, answer.body, answer.start_line) == (200, b"hello", "HTTP/1.1 200 OK")


@pytest.mark.parametrize("head", [OKS, OKS + b"Connection: keep-alive\r\n", b"HTTP/1.0 200 OK\r\n",
                                  b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"])
def test_an_answer_that_dribbles_and_ends_with_its_connection(scene, head):
    answer = scene.relayed(head + b"\r\nhello", 1, then=close, reused=False)
    assert (answer.start_line, answer.body) == ("HTTP/1.1 200 OK", b"hello")
    assert answer.field("transfer-encoding") == "chunked"


# Where the next answer begins.


@pytest.mark.parametrize("pause", [0, 0.05], ids=["with it", "later"])
@pytest.mark.parametrize("method, head", [
    ("HEAD", OKS), ("HEAD", OKS + b"Content-Length: 45\r\n"), ("HEAD", OKS + b"Transfer-Encoding: chunked\r\n"),
    ("GET", b"HTTP/1.1 204 A\r\n"), ("GET", b"HTTP/1.1 204 A\r\nContent-Length: 45\r\n"),
    ("GET", b"HTTP/1.1 204 A\r\nTransfer-Encoding: chunked\r\n"), ("GET", b"HTTP/1.1 304 A\r\nContent-Length: 45\r\n"),
    ("GET", b"HTTP/1.1 304 A\r\nTransfer-Encoding: chunked\r\n"), ("GET", OKS + b"Content-Length: 0\r\n"),
    ("HEAD", b"HTTP/1.1 204 A\r\nContent-Length: 45\r\n")])
def test_U_3_a_body_where_none_belongs(scene, method, head, pause):
    def plant(connection):
        time.sleep(pause)
        connection.sock.sendall(PLANTED)
        read_to_end(connection)

    answer = scene.relayed(head + b"\r\n", method=method, then=plant, reused=False)
    assert answer.status == int(head.split(b" ")[1]) and answer.body == b"" and b"planted" not in answer.head
    assert answer.field("transfer-encoding") is None
    if answer.status == 204:
        # RFC 9110 §8.6.
        assert answer.field("content-length") is None


@pytest.mark.parametrize("pause", [0, 0.05], ids=["with it", "later"])
@pytest.mark.parametrize("answer", [OKS + TWO, CHUNKED + b"2\r\nok\r\n0\r\n\r\n", b"HTTP/1.0 200 OK\r\n"
                                    b"Connection: keep-alive\r\n" + TWO], ids=["length", "chunked", "1.0"])
@pytest.mark.parametrize("extra", [b"\r\n", b"x", b"\0", PLANTED, b"HTTP/1.1 100 Continue\r\n\r\n", None],
                         ids=["CRLF", "x", "NUL", "answer", "100", "end"])
def test_U_3_what_stands_behind_an_answer_is_nobodys(scene, answer, extra, pause):
    def plant(connection):
        time.sleep(pause)
        if extra:
            connection.sock.sendall(extra)
            read_to_end(connection)

    assert scene.relayed(answer, then=plant, reused=False).body == b"ok"


@pytest.mark.parametrize("answer", [
    OKS + b"Connection: close\r\n" + TWO, OKS + b"Connection: CLOSE\r\n" + TWO,
    OKS + b"Connection: x, Close\r\n" + TWO, OKS + b"Connection: x\r\nConnection: close\r\n" + TWO,
    OKS + b"Connection: keep-alive, close\r\n" + TWO, b"HTTP/1.0 200 OK\r\n" + TWO,
    b"HTTP/1.0 200 OK\r\nConnection: close, keep-alive\r\n" + TWO])
def test_U_3_who_says_close_is_taken_at_his_word(scene, answer):
    answer = scene.relayed(answer, then=read_to_end, reused=False)
    assert answer.body == b"ok" and answer.field("connection") is None


@pytest.mark.parametrize("line", [b"Content-Length: 45", b"Transfer-Encoding: chunked"])
def test_U_3_a_204_that_says_it_has_a_body_is_not_believed(scene, line):
    """Its bytes may come later, when the connection has been asked for the next answer."""
    answer = scene.relayed(b"HTTP/1.1 204 A\r\n" + line + b"\r\n\r\n", then=read_to_end, reused=False)
    assert answer.names() == ["date"]
    assert scene.relayed(b"HTTP/1.1 204 A\r\nContent-Length: 0\r\n\r\n").names() == ["date"]


@pytest.mark.parametrize("line", [b"Connection: Keep-Alive", b"connection: x, keep-alive"])
def test_U_3_a_1_0_server_that_keeps_its_connection(scene, line):
    answer = scene.relayed(b"HTTP/1.0 200 OK\r\n" + line + b"\r\n" + TWO)
    assert answer.start_line == "HTTP/1.1 200 OK" and answer.body == b"ok" and answer.field("connection") is None


# Fields.


def test_I_3_hop_by_hop_fields_of_an_answer(scene):
    lines = [b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"TE: trailers", b"Trailer: X", b"Upgrade: h2c",
             b"Proxy-Authenticate: Basic realm=a", b"Proxy-Authorization: a", b"HTTP2-Settings: AAAA",
             b"Connection: keep-alive, Upgrade, x-one , X-TWO", b"X-One: a", b"x-two: b", b"Connection: X-Three,,",
             b"X-THREE: c", b"X-Twofold: stays", b"X-On: stays"]
    answer = scene.relayed(OKS + b"\r\n".join(lines) + b"\r\n" + TWO)
    assert sorted(answer.names()) == ["content-length", "date", "x-on", "x-twofold"] and answer.body == b"ok"


@pytest.mark.parametrize("name", [b"Set-Cookie", b"Date", b"Content-Type", b"Content-Length", b"WWW-Authenticate"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_I_3_what_connection_names_is_removed_whatever_it_is(scene, name, method):
    """RFC 9110 §7.6.1; framing and date are ours."""
    answer = scene.relayed(
        OKS + b"Connection: %b\r\n" % name + (b"%b: planted\r\n" % name if name != b"Content-Length" else b"")
        + (TWO if method == "GET" else TWO[:-2]), method=method, reused=method == "GET")
    assert b"planted" not in answer.head and answer.field("connection") is None
    assert answer.body == (b"ok" if method == "GET" else b"") and len(answer.all("date")) == 1
    if name == b"Content-Length":
        assert answer.all("content-length") == (["2"] if method == "GET" else [])


def test_fields_keep_their_order_and_their_lines(scene):
    lines = [("Set-Cookie", "a=1; Path=/; HttpOnly"), ("X-A", "1"), ("Set-Cookie", "b=2,3"), ("Vary", "a"), ("X-A", ""),
             ("vary", "b"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("Server", "app"), ("WWW-Authenticate", "Basic"),
             ("Location", "http://elsewhere.example/\xe9"), ("X-Request-Id", "theirs")]
    answer = scene.relayed(OKS + "".join(f"{n}:{v}\r\n" for n, v in lines).encode("latin-1") + TWO)
    assert answer.fields == [*lines, ("Content-Length", "2")]


@pytest.mark.parametrize("method, head, length", [
    ("HEAD", OKS, "45"), ("GET", b"HTTP/1.1 304 A\r\n", "45"), ("HEAD", b"HTTP/1.1 304 A\r\n", "45"),
    ("GET", b"HTTP/1.1 204 A\r\n", None), ("HEAD", b"HTTP/1.1 204 A\r\n", None)])
def test_a_length_that_no_body_has(scene, method, head, length):
    """U-3: it says what GET would have had, but with 204 it says nothing (RFC 9110 §8.6). It may be sent all the same."""
    answer = scene.relayed(head + b"Content-Length: 45\r\n\r\n", method=method, reused=False)
    assert answer.field("content-length") == length


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_interim_answer_says_no_length(scene, method):
    target = scene.agree(b"HTTP/1.1 103 A\r\nContent-Length: 45\r\nConnection: close, X\r\nX: a\r\nLink: </a>\r\n\r\n"
                         b"HTTP/1.1 204 A\r\n\r\n")
    with Client(scene.gateway) as client:
        assert client.send(request(target, method)).response(method).fields == [("Link", "</a>")]
        assert client.response(method).status == 204
        scene.goes_on(client)


# Early ends.

WHOLE = {
    "length": OKS + b"Content-Length: 5\r\n\r\nhello",
    "chunked": CHUNKED + b"2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: y\r\n\r\n",
    "interim": b"HTTP/1.1 103 A\r\nLink: </a>\r\n\r\n" + OKS + b"Content-Length: 5\r\n\r\nhello"}


@pytest.mark.parametrize("ending", [close, reset], ids=["end", "reset"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_U_6_an_answer_cut_at_every_byte(scene, whole, version, ending):
    """502 as long as there is no head; after that, no end that looks like one."""
    head = whole.index(b"\r\n\r\n", whole.index(OKS)) + 4
    for at in range(len(whole)):
        target = scene.agree(whole[:at], then=ending)
        with Client(scene.gateway) as client:
            client.send(request(target, version=version))
            if at < head:
                answer = client.response()
                if answer.status == 103:
                    assert version == "1.1"
                    answer = client.response()
                assert answer.status == 502, (at, answer)
                scene.line(target, 502, "upstream_closed")
                continue
            data, how = to_end(client)
        assert b" 200 OK\r\n" in data and not data.endswith(b"0\r\n\r\n"), (at, data)
        if b"Content-Length: 5\r\n" in data:
            assert not data.endswith(b"hello"), (at, data)
        elif version == "1.0":
            assert how == "reset", (at, data)
        scene.line(target, 200, "upstream_truncated")
    assert get(scene.gateway, "/next").body == b"/next"


# More than the system's buffers take.
BODY = b"x" * (32 << 20)


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("reads", [0, 1 << 20], ids=["nothing", "some"])
@pytest.mark.parametrize("answer, status, reason", [
    (b"HTTP/1.1 413 A\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 413, None),
    (b"HTTP/1.1 413 A\r\nContent-Length: 2\r\n\r\nok", 413, None), (b"", 502, "upstream_closed"),
    (b"HTTP/1.1 413 A\r\nConte", 502, "upstream_closed"), (b"ICY 200 OK\r\n\r\n", 502, "upstream_answer_invalid")],
    ids=["close", "kept", "nothing", "half", "garbage"])
def test_U_6_an_upstream_that_ends_while_it_is_sent_a_body(scene, framing, reads, answer, status, reason):
    """Its answer is told where there is one, though it has left most of the body unread, and the system resets it."""
    def function(connection):
        read_head(connection)
        while len(connection.received) < reads:
            read_more(connection)
        connection.sock.sendall(answer)

    target = scene.agree(b"", then=function)
    line = b"Content-Length: %d\r\n" % len(BODY) if framing == "length" else b"Transfer-Encoding: chunked\r\n"
    body = BODY if framing == "length" else b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    with Client(scene.gateway, 20) as client:
        client.send(request(target, "POST", line))
        client.send(body + request("/smuggled"), 1 << 16)
        got = client.response()
        assert got.status == status and (reason or got.body == b"ok")
        assert got.field("connection") == "close"
        assert to_end(client)[0] == b""
    scene.line(target, status, reason)
    wait_until(lambda: scene.carried(target).ended, "the upstream's connection to end")
    assert b"/smuggled" not in scene.app.received and get(scene.gateway, "/next").body == b"/next"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_H_18_an_answer_that_begins_before_the_body_has_ended(scene, framing):
    """And ends behind it. An upstream that takes the request for one without a body takes the body for the next one,
    and answers that too (0.CL): nobody may get that answer."""
    smuggled = request("/smuggled")

    def function(connection):
        connection.sock.sendall(OKS + b"Content-Length: 10\r\n\r\nhello")
        while b"/smuggled" not in connection.received:
            read_more(connection)
        connection.sock.sendall(b"hello")
        read_to_end(connection)

    target = scene.agree(b"", then=function)
    line = b"Content-Length: %d\r\n" % len(smuggled) if framing == "length" else b"Transfer-Encoding: chunked\r\n"
    with Client(scene.gateway) as client:
        client.send(request(target, "POST", line))
        while b"\r\n\r\nhello" not in client.data:
            client.data += client.sock.recv(65536)
        body = smuggled if framing == "length" else b"%x\r\n%b\r\n0\r\n\r\n" % (len(smuggled), smuggled)
        client.send(body + request("/next"))
        answer = client.response()
        assert (answer.body, answer.field("connection")) == (b"hellohello", "close") and client.is_closed()
    scene.line(target, 200)
    wait_until(lambda: scene.carried(target).ended, "the upstream's connection to end")
    assert "/smuggled" not in scene.lines and get(scene.gateway, "/next").body == b"/next"


# Any bytes.


def test_H_any_bytes_of_an_upstream_are_a_strict_answer_or_none(scene):
    """Good answers with bytes changed, dropped, doubled and added: the client reads strictly, and its next request is
    answered as it should be."""
    chance = random.Random(20261128)
    pieces = [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"5", b"\x80", b"\xff",
              b"HTTP/1.1 ", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n",
              b"0\r\n\r\n", PLANTED]
    seen = set()
    for _ in range(600):
        answer = bytearray(chance.choice([*GOOD.values(), *WHOLE.values()]))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(answer))
            match chance.randrange(4):
                case 0: answer[at] = chance.randrange(256)
                case 1: del answer[at:at + chance.randint(1, 4)]
                case 2: answer[at:at] = answer[at:at + chance.randint(1, 12)]
                case 3: answer[at:at] = chance.choice(pieces)
        answer, method = bytes(answer), chance.choice(["GET", "GET", "HEAD"])
        target = scene.agree(answer, chance.choice([None, None, 1]), then=close)
        with Client(scene.gateway) as client:
            client.send(request(target, method))
            try:
                got = client.response(method)
                while got.status < 200:
                    got = client.response(method)
            except AssertionError as error:
                assert "cut" in str(error) or "closed without a response" in str(error), (answer, error)
                line = scene.line_of(target)
                assert line["reason"] in ("upstream_truncated", "upstream_answer_invalid"), (answer, line)
                seen.add("cut")
                continue
            assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", got.head.replace(b"\r\n", b"")), (answer, got)
            # What an upstream sends on a connection that was asked for the next answer is that answer.
            wait_until(lambda: scene.carried(target).ended, "the upstream's connection to end")
            following = client.send(request(target + "/next")).response()
            assert (following.status, following.body) == (200, f"{target}/next".encode()), (answer, following)
            seen.add(got.status)
        assert scene.line_of(target)["status"] == got.status
    assert {200, 502, "cut"} <= seen
