"""Several servers of an upstream: their names, how one is chosen, and what becomes of those that fail."""
import collections
import contextlib
import socket
import threading

import pytest

from support.hosts import Hosts
from support.ports import wait_until
from support.servers import Process, refusing, stalling
from support.upstream import OK, Upstream, read_head, read_to_end
from support.wire import Client, get

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def config(*servers, keys="", workers=1, routes="", more=""):
    listed = ", ".join(server if server.startswith("{") else f'"{server}"' for server in servers)
    return f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    workers: {workers}
    upstreams:
      app: {{ servers: [{listed}]{", " + keys if keys else ""} }}
      {more}
    routes:
      {routes}
      - {{ path: /**, auth: none, upstream: app }}
    """


def named(name):
    """An answer whose body is `name`."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name.encode())


# Names


@pytest.fixture
def hosts(tmp_path):
    (tmp_path / "etc").mkdir()
    return Hosts(tmp_path / "etc")


@pytest.fixture
def loopbacks(upstream):
    """Servers at 127.0.0.2, 127.0.0.3 and 127.0.0.4 that have one port; each answers with its address."""
    first = upstream(named("127.0.0.2"), address=("127.0.0.2", 0))
    port = first.address[1]
    return [first] + [upstream(named(a), address=(a, port)) for a in ("127.0.0.3", "127.0.0.4")]


def test_all_addresses_of_a_name_are_servers(start, loopbacks, hosts, workers):
    hosts.set(app="127.0.0.2 127.0.0.3 127.0.0.4")
    port = loopbacks[0].address[1]
    gateway = start(config(f"app.test:{port}", workers=workers), prefix=hosts.prefix)
    for _ in range(6 * workers):
        # The first request finds them: what listens before is resolved already.
        assert get(gateway).status == 200
    assert all(app.requests for app in loopbacks)
    assert {r.field("host") for app in loopbacks for r in app.requests} == {"example.test"}


def test_both_families_are_servers(start, upstream, hosts, workers):
    app = upstream(named("4"), address=("127.0.0.2", 0))
    try:
        six = upstream(named("6"), family=socket.AF_INET6, address=("::1", app.address[1]))
    except OSError:
        pytest.skip("this machine has no IPv6")
    hosts.set(app="127.0.0.2 ::1")
    gateway = start(config(f"app.test:{app.address[1]}", workers=workers), prefix=hosts.prefix)
    bodies = {get(gateway).body for _ in range(4 * workers)}
    if bodies == {b"4"}:
        pytest.skip("this machine has no IPv6 address but its loopback's, and resolves none")
    assert bodies == {b"4", b"6"} and six.requests


def test_a_name_without_addresses_is_no_reason_not_to_start(start, loopbacks, hosts, workers):
    port = loopbacks[0].address[1]
    gateway = start(config(f"app.test:{port}", workers=workers), prefix=hosts.prefix)
    for _ in range(3):
        answer = get(gateway)
        assert (answer.status, answer.field("retry-after")) == (503, "5") and "app.test" not in str(answer)
        line = gateway.access_of(answer.request_id)
        assert (line["reason"], line["blame"], line["upstream"]) == ("upstream_unresolved", "upstream", "app")
    [message] = gateway.said("cannot be resolved")
    assert (message["upstream"], message["name"]) == ("app", f"app.test:{port}") and message["why"]
    hosts.set(app="127.0.0.2")
    wait_until(lambda: get(gateway).status == 200, "the name")
    gateway.wait_message("can be resolved again")
    assert gateway.wait_message("resolved to other addresses")["servers"] == f"127.0.0.2:{port}"


def test_a_server_that_left_a_name_gets_nothing_more(start, script, upstream, hosts, workers):
    """Its free connections close, the one that carries a request ends with it."""
    hold = threading.Event()

    def serve(connection):
        while read_head(connection):
            if b" /slow " in connection.received:
                hold.wait(20)
            connection.sock.sendall(named("old"))
            connection.received = b""

    old = script(serve, address=("127.0.0.2", 0))
    port = old.address[1]
    new = upstream(named("new"), address=("127.0.0.3", port))
    hosts.set(app="127.0.0.2")
    gateway = start(config(f"app.test:{port}", keys="resolve_every: 1s", workers=workers), prefix=hosts.prefix)
    with Client(gateway) as client:
        client.send(GET.replace(b" / ", b" /slow "))
        wait_until(lambda: b" /slow " in old.received, "the slow request")
        slow = next(c for c in old.connections if b" /slow " in c.received)
        for _ in range(4 * workers):
            assert get(gateway).body == b"old"
        hosts.set(app="127.0.0.3")
        gateway.wait_message("resolved to other addresses")
        wait_until(lambda: all(c.ended for c in old.connections if c is not slow), "the free connections to close")
        wait_until(lambda: [get(gateway).body for _ in range(2 * workers)] == [b"new"] * 2 * workers, "the new server")
        assert not slow.ended
        hold.set()
        assert client.response().body == b"old"
    wait_until(lambda: slow.ended, "the last connection to close")
    assert len(new.requests) >= 2 * workers


def test_a_failure_to_connect_has_the_name_looked_up_at_once(start, loopbacks, hosts):
    port = loopbacks[0].address[1]
    hosts.set(app="127.0.0.2")
    gateway = start(config(f"app.test:{port}", keys="resolve_every: 1d, retries: 0"), prefix=hosts.prefix)
    assert get(gateway).body == b"127.0.0.2"
    loopbacks[0].close()
    hosts.set(app="127.0.0.3")
    wait_until(lambda: get(gateway).body == b"127.0.0.3", "the other address")


def test_a_name_that_is_lost_keeps_its_addresses(start, loopbacks, hosts):
    port = loopbacks[0].address[1]
    hosts.set(app="127.0.0.2")
    gateway = start(config(f"app.test:{port}", keys="resolve_every: 1s"), prefix=hosts.prefix)
    hosts.set(app=None)
    assert "stay in use" in gateway.wait_message("cannot be resolved")["message"]
    for _ in range(3):
        assert get(gateway).body == b"127.0.0.2"
    hosts.set(app="127.0.0.2")
    gateway.wait_message("can be resolved again")
    assert len(gateway.said("cannot be resolved")) == 1 and len(gateway.said("other addresses")) == 1


def test_a_reload_resolves_before_it_counts(start, loopbacks, hosts, workers):
    """Nobody is told 503 because of it, be the name new or known."""
    port = loopbacks[0].address[1]
    hosts.set(app="127.0.0.2", other="127.0.0.3")
    gateway = start(config(f"app.test:{port}", workers=workers), prefix=hosts.prefix)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(gateway)) for _ in range(4 * workers)]

        def bodies():
            return {client.send(GET).response().body for client in clients}

        assert bodies() == {b"127.0.0.2"}
        gateway.reload(config(f"app.test:{port}", keys="retries: 2", workers=workers))
        assert bodies() == {b"127.0.0.2"}
        gateway.reload(config(f"other.test:{port}", workers=workers))
        wait_until(lambda: bodies() == {b"127.0.0.3"}, "the other name")
    assert {line["status"] for line in gateway.wait_access(12 * workers)} == {200}


def test_U_1_a_request_has_no_name_resolved(start, loopbacks, hosts):
    port = loopbacks[0].address[1]
    hosts.set(app="127.0.0.2", other="127.0.0.3")
    gateway = start(config(f"app.test:{port}"), prefix=hosts.prefix)
    for target in ("/", f"http://other.test:{port}/"):
        assert get(gateway, target, host=f"other.test:{port}").body == b"127.0.0.2"
    assert loopbacks[1].connections == []


# Balance


def test_weights(start, upstream, workers):
    one, three = upstream(), upstream()
    gateway = start(config(one.server, f'{{ address: "{three.server}", weight: 3 }}', workers=workers))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(gateway)) for _ in range(8)]
        for _ in range(20):
            for client in clients:
                assert client.send(GET).response().status == 200
    # Each loop has turns of its own, whose last may not be whole.
    assert abs(len(one.requests) - 40) <= 2 * workers and len(three.requests) + len(one.requests) == 160


class Holding(Upstream):
    """Answers no request before `release`."""

    def __init__(self, **options):
        self.released = threading.Event()
        super().__init__(lambda request, connection: self.released.wait(30) and OK, **options)

    def close(self):
        self.released.set()
        super().close()


@pytest.fixture
def holding():
    made = []

    def make(**options):
        made.append(Holding(**options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("balance, most", [("least_requests", 4), ("random_two", 8)])
def test_requests_in_flight_count_over_all_workers(start, holding, balance, most, workers):
    """Twelve requests that are not answered; each begins when the one before has reached its server."""
    servers = [holding() for _ in range(3)]
    gateway = start(config(*(s.server for s in servers), keys=f"balance: {balance}", workers=workers))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(gateway)) for _ in range(12)]
        for count, client in enumerate(clients, 1):
            client.send(GET)
            wait_until(lambda: sum(len(s.requests) for s in servers) == count, f"{count} requests")
            if balance == "random_two":
                # Whoever is drawn beside the busiest is better.
                counts = sorted(len(s.requests) for s in servers)
                assert counts[2] - counts[1] <= 1
        assert max(len(s.requests) for s in servers) <= most
        for server in servers:
            server.released.set()
        assert [client.response().status for client in clients] == [200] * 12
        # What has ended counts no more.
        for client in clients:
            assert client.send(GET).response().status == 200


# What becomes of those that fail


@pytest.mark.parametrize("balance", ["round_robin", "least_requests", "random_two"])
def test_a_server_that_refuses_is_passed_over(start, upstream, workers, balance):
    app = upstream()
    with refusing() as dead:
        gateway = start(config(dead, app.server, keys=f"balance: {balance}", workers=workers))
        # A draw of two may find the one that answers first, and keep to it.
        for _ in range(60):
            assert get(gateway, method="POST", body=b"hello").status == 200
        message = gateway.wait_message("is passed over")
    assert (message["upstream"], message["server"], message["reason"]) == ("app", dead, "upstream_unreachable")
    lines = gateway.wait_access(60)
    # Three failures in a row, then one trial after each pause.
    assert 3 <= sum(line["retries"] for line in lines) < 15
    assert len(gateway.said("is passed over")) == 1 and {r.body for r in app.requests} == {b"hello"}


def test_a_server_that_is_killed_and_comes_back(start, workers):
    """No request is lost that could be repeated, and it gets its share again."""
    servers = [Process("one"), Process("two")]
    try:
        gateway = start(config(*(s.server for s in servers), workers=workers))

        def names(count):
            return collections.Counter(get(gateway).body.decode() for _ in range(count))

        assert names(8 * workers).keys() == {"one", "two"}
        servers[0].kill()
        assert names(40) == {"two": 40}
        assert gateway.wait_message("is passed over")["server"] == servers[0].server
        servers[0].start()
        wait_until(lambda: names(4)["one"], "the server to be tried again", 30)
        gateway.wait_message("answers again")
        found = names(20 * workers)
        assert found["one"] >= 5 * workers
        assert {line["status"] for line in gateway.access()} == {200}
        assert len(gateway.said("is passed over")) == 1 and len(gateway.said("answers again")) == 1
    finally:
        for server in servers:
            server.kill()


def test_a_server_that_comes_and_goes_is_said_once(start):
    servers, asked = [Process("one"), Process("two")], 0

    def ask():
        nonlocal asked
        asked += 1
        answer = get(gateway)
        assert answer.status == 200
        return answer.body, gateway.wait_access(asked)[-1]["retries"]
    try:
        gateway = start(config(*(s.server for s in servers)))
        for _ in range(3):
            servers[0].kill()
            # One of them would be for the one that is gone, were it not passed over.
            wait_until(lambda: not any(ask()[1] for _ in range(4)), "the server to be passed over", 30)
            servers[0].start()
            wait_until(lambda: ask()[0] == b"one", "the server to be tried again", 30)
        assert len(gateway.said("is passed over")) == 1 and len(gateway.said("answers again")) == 1
    finally:
        for server in servers:
            server.kill()


def test_a_server_that_hangs_up_without_an_answer_is_passed_over(start, script, upstream):
    """Its requests are not repeated (SECURITY U-4), so that a few fail."""
    def function(connection):
        read_head(connection)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    broken, app = script(function), upstream()
    gateway = start(config(broken.server, app.server))
    statuses = [get(gateway).status for _ in range(6)]
    assert sorted(statuses) == [200] * 3 + [502] * 3
    assert gateway.wait_message("is passed over")["reason"] == "upstream_closed"
    failed = 3
    for _ in range(20):
        failed += get(gateway).status == 502
    # One more for each trial.
    assert failed < 10 and len(broken.connections) == failed
    assert {line["reason"] for line in gateway.wait_access(26) if line["status"] == 502} == {"upstream_closed"}


def test_a_server_that_never_answers_is_passed_over(start, script, upstream):
    """It accepts, as a process does that was stopped."""
    silent, good = script(lambda connection: read_to_end(connection)), upstream(named("good"))
    gateway = start(config(silent.server, good.server, keys="retries: 0, timeouts: { response: 200ms }"))
    statuses = [get(gateway).status for _ in range(20)]
    assert statuses.count(504) >= 3 and statuses[-1] == 200
    gone = wait_until(lambda: gateway.said("passed over") or gateway.said("ejected"), "what is said of it")[0]
    assert silent.server in str(gone), gone
    assert statuses[-8:].count(504) <= 2


def test_a_route_that_waits_for_less_says_nothing_of_a_server(start, script, upstream):
    silent, good = script(lambda connection: read_to_end(connection)), upstream(named("good"))
    routes = "- { path: /quick, auth: none, timeouts: { response: 100ms }, upstream: app }"
    gateway = start(config(silent.server, good.server, keys="retries: 0", routes=routes))
    statuses = [get(gateway, "/quick").status for _ in range(12)]
    assert statuses.count(504) == 6
    assert not gateway.said("passed over")


def test_half_an_answer_head_is_no_answer_that_counts_against_a_server(start, script):
    """A server that begins to answer is there."""
    def function(connection):
        read_head(connection)
        connection.sock.sendall(b"HTTP/1.1 200 O")
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    servers = [script(function), script(function)]
    gateway = start(config(*(s.server for s in servers)))
    assert {get(gateway).status for _ in range(12)} == {502}
    assert not gateway.said("is passed over")
    assert [len(s.connections) for s in servers] == [6, 6]


def test_where_all_fail_all_are_asked(start, workers):
    """And the first that comes back is used at once."""
    servers = [Process("one"), Process("two")]
    try:
        gateway = start(config(*(s.server for s in servers), workers=workers))
        for server in servers:
            server.kill()
        for _ in range(12):
            answer = get(gateway)
            assert answer.status == 502
            line = gateway.access_of(answer.request_id)
            assert (line["reason"], line["retries"]) == ("upstream_unreachable", 1)
        wait_until(lambda: len(gateway.said("is passed over")) == 2, "both messages")
        servers[1].start()
        assert [get(gateway).body for _ in range(8)] == [b"two"] * 8
    finally:
        for server in servers:
            server.kill()


def test_the_only_server_is_never_passed_over(start):
    server = Process("one")
    try:
        gateway = start(config(server.server))
        server.kill()
        assert {get(gateway).status for _ in range(10)} == {502}
        server.start()
        assert get(gateway).status == 200 and not gateway.said("is passed over")
    finally:
        server.kill()


@pytest.mark.parametrize("retries, status", [(0, {200, 502}), (2, {200})])
def test_each_retry_is_given_to_another_server(start, upstream, retries, status):
    app = upstream()
    with refusing() as one, refusing() as two:
        gateway = start(config(one, two, app.server, keys=f"retries: {retries}"))
        assert {get(gateway).status for _ in range(6)} == status
        assert max(line["retries"] for line in gateway.wait_access(6)) == retries


@pytest.mark.parametrize("framing, body", [
    (b"", b""), (b"Content-Length: 5\r\n", b"hello"),
    (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n")], ids=["none", "length", "chunked"])
def test_U_4_a_server_that_stalls_is_passed_over(start, upstream, framing, body):
    """The next one gets the request, and its body whole."""
    app = upstream()
    with stalling() as stalled:
        gateway = start(config(stalled, app.server, keys="timeouts: { connect: 200ms }"))
        for _ in range(8):
            with Client(gateway) as client:
                client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n" + body)
                assert client.response().status == 200
        assert gateway.wait_message("is passed over")["reason"] == "upstream_connect_timeout"
    assert len(app.requests) == 8 and {r.body for r in app.requests} == {b"hello" if body else b""}
    assert sum(line["retries"] for line in gateway.wait_access(8)) >= 3


def test_U_8_connect_timeouts_of_all_servers_are_504(start):
    with stalling() as one, stalling() as two:
        gateway = start(config(one, two, keys="timeouts: { connect: 200ms }, retries: 1"))
        for _ in range(4):
            answer = get(gateway)
            line = gateway.access_of(answer.request_id)
            assert (answer.status, line["reason"], line["retries"]) == (504, "upstream_connect_timeout", 1)
            assert one not in str(answer) and two not in str(answer)


def test_a_reload_keeps_what_is_known_of_servers(start, upstream):
    app = upstream()
    with refusing() as dead:
        text = config(dead, app.server)
        gateway = start(text)
        for _ in range(8):
            assert get(gateway).status == 200
        gateway.wait_message("is passed over")
        gateway.reload(config(dead, app.server, routes="- { path: /x, auth: none, upstream: app }"))
        for _ in range(8):
            assert get(gateway).status == 200
        assert len(gateway.said("is passed over")) == 1
        gateway.reload(text.replace("app: { servers", "app: { retries: 2, servers"))
        for _ in range(8):
            assert get(gateway).status == 200
        wait_until(lambda: len(gateway.said("is passed over")) == 2, "the message of the new upstream")
