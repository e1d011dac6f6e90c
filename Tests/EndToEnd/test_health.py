"""Health checks: what a server is asked, and what follows from its answers."""
import socket

import pytest

from support.ports import wait_until
from support.servers import refusing, stalling
from support.upstream import OK, read_head, read_to_end
from support.wire import get

BAD = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def config(*servers, health="path: /healthz, every: 100ms", workers=1, more=""):
    listed = ", ".join(f'"{server}"' for server in servers)
    return f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    workers: {workers}
    upstreams:
      app: {{ servers: [{listed}], health: {{ {health} }}{more} }}
    routes: [{{ path: /**, auth: none, upstream: app }}]
    """


class Checked:
    """A server whose health is in the hands of a test."""

    def __init__(self, upstream, name, **options):
        self.check = OK
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name.encode())
        self.upstream = upstream(lambda request, _: self.check if request.target == "/healthz" else answer, **options)
        self.server = self.upstream.server

    @property
    def checks(self):
        return [r for r in self.upstream.requests if r.target == "/healthz"]

    @property
    def requests(self):
        return [r for r in self.upstream.requests if r.target != "/healthz"]


def test_what_a_server_is_asked(start, upstream):
    app = Checked(upstream, "app")
    gateway = start(config(app.server, health='path: "/healthz?deep=1", every: 100ms, status: 200'))
    wait_until(lambda: len(app.upstream.requests) >= 3, "three checks")
    assert len(app.upstream.connections) >= 3
    request = app.upstream.requests[0]
    assert request.start_line == "GET /healthz?deep=1 HTTP/1.1" and request.body == b""
    assert sorted(request.fields) == [("Accept", "*/*"), ("Connection", "close"), ("Host", app.server),
                                      ("User-Agent", "portcullis-health")]
    assert get(gateway).status == 200 and len(gateway.wait_access(1)) == 1


def test_a_server_that_is_down_gets_no_requests(start, upstream, workers):
    one, two = Checked(upstream, "one"), Checked(upstream, "two")
    gateway = start(config(one.server, two.server, health="path: /healthz, every: 100ms, rise: 3", workers=workers))
    assert {get(gateway).body for _ in range(8 * workers)} == {b"one", b"two"}
    one.check = BAD
    message = gateway.wait_message("is down")
    assert (message["upstream"], message["server"], message["why"]) == ("app", one.server, "status 503")
    assert {get(gateway).body for _ in range(4 * workers)} == {b"two"}
    two.check = BAD
    wait_until(lambda: len(gateway.said("is down")) == 2, "both to be down")
    before = len(one.requests) + len(two.requests)
    for _ in range(4):
        answer = get(gateway)
        assert (answer.status, answer.field("retry-after")) == (503, "5") and "127.0.0.1" not in answer.body.decode()
        line = gateway.access_of(answer.request_id)
        assert (line["reason"], line["blame"]) == ("upstream_unavailable", "upstream")
    assert len(one.requests) + len(two.requests) == before
    bad = len(one.checks)
    one.check = OK
    assert gateway.wait_message("is up again")["server"] == one.server
    assert len(one.checks) - bad >= 3
    assert {get(gateway).body for _ in range(4 * workers)} == {b"one"}
    assert len(gateway.said("is down")) == 2 and len(gateway.said("is up again")) == 1


def test_a_server_that_is_down_at_the_start_is_found_out_by_its_first_check(start, upstream):
    app = Checked(upstream, "app")
    with refusing() as dead:
        gateway = start(config(dead, app.server, health="path: /healthz, every: 1h, fall: 50"))
        assert "refused" in gateway.wait_message("is down")["why"]
        for _ in range(6):
            assert get(gateway).status == 200
        assert sum(line["retries"] for line in gateway.wait_access(6)) == 0


def test_one_bad_answer_takes_nobody_down(start, upstream):
    app = Checked(upstream, "app")
    gateway = start(config(app.server, health="path: /healthz, every: 100ms, fall: 3"))
    for _ in range(3):
        wait_until(lambda: app.checks, "a good check")
        app.check = BAD
        seen = len(app.checks)
        wait_until(lambda: len(app.checks) > seen, "a bad check")
        app.check = OK
        seen = len(app.checks)
        wait_until(lambda: len(app.checks) > seen + 1, "good checks")
    assert not gateway.said("is down") and get(gateway).status == 200


@pytest.mark.parametrize("status, health, is_up", [
    (200, "", True), (399, "", True), (400, "", False), (204, "status: 204", True), (200, "status: 204", False),
    (404, "status: 200-404", True)])
def test_statuses(start, upstream, status, health, is_up):
    app = Checked(upstream, "app")
    app.check = b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status
    gateway = start(config(app.server, health="path: /healthz, every: 100ms" + (", " + health if health else "")))
    wait_until(lambda: len(app.checks) >= 2, "two checks")
    if is_up:
        assert get(gateway).status == 200 and not gateway.said("is down")
    else:
        gateway.wait_message("is down")
        wait_until(lambda: get(gateway).status == 503, "the refusal")


def interim(connection):
    read_head(connection)
    connection.sock.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" + BAD)


def bytewise(connection):
    read_head(connection)
    for at in range(len(OK)):
        connection.sock.sendall(OK[at:at + 1])
    read_to_end(connection)


def silent(connection):
    read_to_end(connection)


def endless(connection):
    read_head(connection)
    connection.sock.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sock.sendall(b"X: " + b"a" * 1000 + b"\r\n")


def garbage(connection):
    read_head(connection)
    connection.sock.sendall(b"\0" * 100)
    read_to_end(connection)


def hang_up(connection):
    read_head(connection)


@pytest.mark.parametrize("function, why", [
    (interim, "status 503"), (silent, "no response in time"), (endless, "the response is not HTTP/1.1"),
    (garbage, "the response is not HTTP/1.1"), (hang_up, "the connection ended before a response"), (bytewise, None)])
def test_what_is_no_good_answer(start, script, function, why):
    app = script(function)
    # A busy machine may take its time for what is meant to come.
    timeout = "300ms" if function is silent else "20s"
    gateway = start(config(app.server, health=f"path: /, every: 100ms, timeout: {timeout}"))
    wait_until(lambda: sum(c.ended for c in app.connections) >= 3, "three checks")
    if why is None:
        assert not gateway.said("is down")
    else:
        assert gateway.wait_message("is down")["why"] == why
        wait_until(lambda: get(gateway).status == 503, "the refusal")


def test_a_server_that_stalls_is_down_and_holds_up_nobody(start, upstream):
    app = Checked(upstream, "app")
    with stalling() as stalled:
        gateway = start(config(stalled, app.server, health="path: /healthz, every: 100ms, timeout: 2s"))
        assert gateway.wait_message("is down")["why"] == "no response in time"
        assert [get(gateway).body for _ in range(4)] == [b"app"] * 4
        seen = len(app.checks)
        wait_until(lambda: len(app.checks) > seen + 5, "further checks of the other")


def test_unix_servers_are_asked_too(start, upstream, tmp_path):
    app = Checked(upstream, "app", family=socket.AF_UNIX, address=str(tmp_path / "app.sock"))
    gateway = start(config(app.server))
    wait_until(lambda: app.checks, "a check")
    assert app.checks[0].field("host") == "localhost"
    app.upstream.close()
    assert gateway.wait_message("is down")["server"] == app.server


def test_a_server_that_is_now_well_and_now_ill_is_said_once(start, upstream):
    app = Checked(upstream, "app")
    gateway = start(config(app.server, health="path: /healthz, every: 100ms, rise: 1, fall: 1"))
    for _ in range(3):
        app.check = BAD
        wait_until(lambda: get(gateway).status == 503, "the server to be down")
        app.check = OK
        wait_until(lambda: get(gateway).status == 200, "the server to be up")
    assert len(gateway.said("is down")) == 1 and len(gateway.said("is up again")) == 1


def test_a_reload_keeps_health_where_the_definition_is_equal(start, upstream):
    app = Checked(upstream, "app")
    app.check = BAD
    text = config(app.server)
    gateway = start(text)
    gateway.wait_message("is down")

    gateway.reload(text.replace("routes: [", "routes: [{ path: /x, auth: none, upstream: app }, "))
    assert get(gateway).status == 503 and len(gateway.said("is down")) == 1
    # Another definition: it is up until its own first check.
    gateway.reload(text.replace("every: 100ms", "every: 200ms"))
    wait_until(lambda: len(gateway.said("is down")) == 2, "its own first check")
    # Without checks nothing is known of it, and nobody asks.
    gateway.reload(text.replace(", health: { path: /healthz, every: 100ms }", ""))
    wait_until(lambda: get(gateway).status == 200, "the upstream without checks")
    app.upstream.wait_accepted()
    seen = len(app.checks)
    for _ in range(20):
        assert get(gateway).status == 200
    assert len(app.checks) <= seen + 1
