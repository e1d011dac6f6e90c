"""`limits.requests_per_connection`: how many requests a client's connection carries."""
import threading
import time

import pytest

from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, bearer, held_until, mint
from support.wire import Client


def config(app, most, workers=1):
    return f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    workers: {workers}
    limits: {{ requests_per_connection: {most} }}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
      echo: {{ builtin: echo }}
    routes:
      - {{ path: /away, auth: none, redirect: /there }}
      - {{ path: /echo, auth: none, upstream: echo }}
      - {{ path: /app/**, auth: none, upstream: app }}
    """


def request(target, method="GET", body=None, version="1.1", fields=""):
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    return f"{method} {target} HTTP/{version}\r\nHost: a\r\n{fields}{length}\r\n{body or ''}"


def test_the_last_answer_says_close(start, upstream, workers):
    app = upstream()
    gateway = start(config(app, 3, workers))
    for _ in range(3):
        with Client(gateway) as client:
            answers = [client.send(request(f"/app/{n}")).response() for n in range(3)]
            assert [answer.status for answer in answers] == [200] * 3
            assert [answer.field("connection") for answer in answers] == [None, None, "close"]
            assert client.is_closed()
    assert len(app.requests) == 9
    # The upstream's connections are another matter.
    assert len(app.connections) < 9


@pytest.mark.parametrize("last, status, method", [
    (request("/nowhere"), 404, "GET"), (request("/away"), 308, "GET"), (request("/echo"), 200, "GET"),
    (request("/app/x", "HEAD"), 200, "HEAD"), (request("/app/x", "POST", "hello"), 200, "POST"),
    (request("/app/x", fields="Transfer-Encoding: chunked\r\n").replace("GET", "POST") + "1\r\nx\r\n0\r\n\r\n", 200, "POST"),
    (request("/app/x", version="1.0", fields="Connection: keep-alive\r\n"), 200, "GET"),
    (request("/app/x", "POST", "hello", fields="Expect: 100-continue\r\n"), 200, "POST"),
], ids=["refusal", "redirect", "echo", "head", "body", "chunked", "1.0", "expect"])
def test_whatever_the_last_one_is(start, upstream, last, status, method):
    gateway = start(config(upstream(), 2))
    with Client(gateway) as client:
        assert client.send(request("/nowhere")).response().field("connection") is None
        answer = client.send(last).response(method)
        assert (answer.status, answer.field("connection")) == (status, "close")
        assert client.is_closed()


@pytest.mark.parametrize("most, sent", [(1, 3), (2, 10), (5, 6)])
def test_what_is_pipelined_behind_the_last_is_not_answered(start, upstream, most, sent):
    """As behind a framing error (SECURITY H-15): nobody is told anything of it, so the client may send it again."""
    app = upstream()
    gateway = start(config(app, most))
    with Client(gateway) as client:
        client.send("".join(request(f"/app/{n}", "POST", "hello") for n in range(sent)))
        answers = [client.response() for _ in range(most)]
        assert [answer.field("connection") for answer in answers] == [None] * (most - 1) + ["close"]
        assert client.is_closed()
    assert [r.target for r in app.requests] == [f"/app/{n}" for n in range(most)]
    assert len(gateway.wait_access(most)) == most


def test_a_request_that_waits_for_keys_is_one(start, upstream, key_server, keys):
    """It is decided twice."""
    server, release = key_server(), threading.Event()
    server.instead = held_until(release, keys["ES256"])
    gateway = start(config(upstream(), 2).replace("upstreams:", f"""providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{server.url}" }}
    upstreams:""").replace("- { path: /echo", "- { path: /mine, auth: company, upstream: app }\n      - { path: /echo"))
    name, value = bearer(mint(keys["ES256"]))
    with Client(gateway) as client:
        client.send(request("/mine", fields=f"{name}: {value}\r\n"))
        wait_until(lambda: server.fetches == 1, "the fetch")
        time.sleep(0.2)
        release.set()
        assert (first := client.response()).status == 200 and first.field("connection") is None
        last = client.send(request("/mine", fields=f"{name}: {value}\r\n")).response()
        assert (last.status, last.field("connection")) == (200, "close")


def test_a_reload_takes_another_number(start, upstream):
    app = upstream()
    text = config(app, "none")
    gateway = start(text)
    with Client(gateway) as client:
        for n in range(5):
            assert client.send(request(f"/app/{n}")).response().field("connection") is None
        gateway.reload(text.replace("none }\n    upstreams", "4 }\n    upstreams"))
        # It has carried more already: the next is its last.
        assert client.send(request("/app/x")).response().field("connection") == "close"
        assert client.is_closed()
    with Client(gateway) as client:
        assert [client.send(request("/app/x")).response().field("connection") for _ in range(4)] == [None] * 3 + ["close"]
    wait_until(lambda: len(app.requests) == 10, "all requests")
