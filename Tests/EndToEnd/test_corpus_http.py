"""Public HTTP/1.1 byte streams: each whole and in pieces, judged by its strict reading.

What a case's fields mean stands in the README beside the files. Every byte that reaches the upstream is read strictly
too: whatever the verdict, it must never be ambiguous, nor hold more requests than any reading allows.
"""
import base64
import json
import os
import pathlib
import re
import select
import time

import pytest

from support.gateway import ROOT
from support.ports import wait_until
from support.wire import Client, _chunked, split_requests

pytestmark = pytest.mark.corpora
CORPORA = pathlib.Path(os.environ.get("PORTCULLIS_CORPORA", ROOT / ".." / "shared" / "corpora"))
FILES = ["requests", "smuggling", "mutations", "rfc9112"]
# A gateway that says nothing for so long has no answer to give: the stream is incomplete.
SILENCE_SECONDS = 0.15
# Where the case itself demands an answer or a close, silence proves nothing on a busy machine.
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module")
def app(upstream_once):
    return upstream_once(lambda request, _: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + (b"" if request.method == "HEAD" else b"ok")))


@pytest.fixture(scope="module")
def gateway(start_once, app):
    return start_once(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 1
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - path: /**
        auth: none
        encoded_slashes: keep
        double_slashes: keep
        path_parameters: keep
        upstream: app
    """)


def statuses(data, methods):
    """The final answers in `data`, each the next method's, and whether the last is whole."""
    found = []
    while data:
        head, mark, rest = data.partition(b"\r\n\r\n")
        if not mark:
            return found, False
        status = int(re.match(rb"HTTP/1\.1 (\d{3}) ", head).group(1))
        if status < 200:
            data = rest
            continue
        method = methods[len(found)] if len(found) < len(methods) else b"GET"
        found.append(status)
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.I)
        count = int(length.group(1)) if length and method != b"HEAD" else 0
        if len(rest) < count:
            return found, False
        data = rest[count:]
    return found, True


def patience(case):
    """How long the gateway may be silent before the case is judged."""
    demands = case["expect"] == "accept" or (case["expect"] == "reject" and not case.get("open"))
    return PATIENCE_SECONDS if demands else SILENCE_SECONDS


def replay(gateway, app, raw, due, piece, silence):
    """(statuses, closed): until the gateway closed, answered all that was due, or was silent."""
    methods = [line.split(b" ")[0] for line in re.findall(rb"(?:\A|\n)([A-Z]+ [^\r\n]* HTTP/1\.[01])\r?\n", raw)]
    with Client(gateway) as client:
        data, closed, came = b"", False, 0
        try:
            client.send(raw, piece)
        except OSError:
            pass
        spoke = time.monotonic()
        while time.monotonic() - spoke < silence:
            if len(app.received) != came:
                came, spoke = len(app.received), time.monotonic()
            ready, _, _ = select.select([client.sock], [], [], 0.01)
            if not ready:
                continue
            try:
                more = client.sock.recv(65536)
            except OSError:
                more = b""
            if not more:
                closed = True
                break
            data, spoke = data + more, time.monotonic()
            found, whole = statuses(data, methods)
            # Where no more is due, only a close can follow.
            if whole and len(found) >= due and len(found) >= max(due, 1) and found[-1] < 400:
                break
        return statuses(data, methods)[0], closed


def settle(app):
    """Waits for the gateway to end what it left unfinished upstream, and forgets what came; free connections stay."""
    def is_settled(connection):
        if connection.ended:
            return True
        # What has come and was not read yet, an end too.
        poll = select.poll()
        try:
            poll.register(connection.sock, select.POLLIN | select.POLLRDHUP)
            return not poll.poll(0) and not split_requests(connection.received)[1]
        except (OSError, ValueError):
            return False
    app.wait_accepted()
    wait_until(lambda: all(map(is_settled, app.connections)),
               f"unfinished requests to be cut: {[c.received for c in app.connections if not is_settled(c)]}")
    for connection in [connection for connection in app.connections if connection.ended]:
        app.connections.remove(connection)
    app.forget()


def looks_ambiguous(rest):
    """What is wrong with the start of a request that an upstream was left with; None where nothing is."""
    head, mark, body = rest.partition(b"\r\n\r\n")
    if re.search(rb"[^\r]\n|\r[^\n]|\0", head):
        return "a bare CR or LF, or NUL"
    if not mark:
        return None
    lines = head.split(b"\r\n")
    if not re.fullmatch(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [!-\"$-~]+ HTTP/1\.[01]", lines[0]):
        return "request line"
    names = [line.partition(b":")[0].lower() for line in lines[1:]]
    if not all(re.fullmatch(rb"[!#$%&'*+\-.^_`|~0-9a-z]+", name) for name in names):
        return "field name"
    if names.count(b"host") != 1 or names.count(b"content-length") + names.count(b"transfer-encoding") > 1:
        return "Host or framing"
    if b"transfer-encoding" in names:
        assert _chunked(body, 0) is None
    return None


def verdict(case, answered, closed, whole, rests):
    """Why the case fails; None where it passes."""
    good, most = case.get("requests", 0), case.get("max_requests", 1)
    expect = case["expect"]
    if len(whole) > (good if expect == "reject" else max(most, good)):
        return f"the upstream saw {len(whole)} requests, {most} allowed"
    for rest in rests:
        if problem := looks_ambiguous(rest):
            return f"the upstream saw an ambiguous {problem}"
    if rests and expect == "reject" and case.get("phase") != "body":
        return f"a part of a bad request was forwarded: {rests}"
    if expect == "reject":
        if any(status < 400 for status in answered[good:]):
            return f"answered {answered}"
        if not closed and not (case.get("open") and len(answered) <= good):
            return f"neither refused nor closed: {answered}"
    if expect == "accept" and (answered[:good] != [200] * good or len(whole) < good):
        return f"{good} good requests, answered {answered}, the upstream saw {len(whole)}"
    return None


@pytest.mark.parametrize("piece", [None, 7], ids=["whole", "pieces"])
@pytest.mark.parametrize("name", FILES)
def test_corpus_of_requests(gateway, app, name, piece):
    path = CORPORA / "http1-requests" / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"no public test data: {path} is absent; PORTCULLIS_CORPORA names its folder")
    cases = [json.loads(line) for line in path.read_text().splitlines() if line]
    failures = []
    for case in cases:
        settle(app)
        raw = base64.b64decode(case["request_base64"])
        answered, closed = replay(gateway, app, raw, case.get("requests", 0), piece, patience(case))
        whole, rests = [], []
        for connection in list(app.connections):
            try:
                found, rest = split_requests(connection.received)
            except AssertionError as error:
                failures.append(f"{case['name']}: ambiguous upstream: {error}")
                continue
            whole += found
            rests += [rest] if rest else []
        if problem := verdict(case, answered, closed, whole, rests):
            failures.append(f"{case['name']} ({case['expect']}): {problem} [{case.get('reason')}]")
    print(f"{name}: {len(cases) - len(failures)} of {len(cases)} cases pass")
    assert not failures, "\n".join(failures[:40])
