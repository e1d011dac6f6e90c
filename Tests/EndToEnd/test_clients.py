"""Who the client is: PROXY headers, what trusted proxies say (SECURITY I-7), and limits by address (D-4)."""
import socket
import struct
import subprocess
import time

import pytest

from support.ports import wait_until
from support.wire import Client, get

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

CONFIG = """
listeners:
  - {{ address: 127.0.0.1:0, proxy_protocol: {proxied} }}
workers: {workers}
trusted_proxies: {trusted}
limits: {{ connections_per_address: {most} }}
timeouts: {{ head: {head} }}
upstreams:
  app: {{ servers: ["{app}"] }}
routes:
  - {{ path: /inside, auth: none, clients: {{ allow: [198.51.100.0/24] }}, upstream: app }}
  - {{ path: /**, auth: none, upstream: app }}
"""


def config(app, proxied="false", trusted="[10.0.0.0/8]", most="none", workers=1, head="10s"):
    return CONFIG.format(app=app.server, proxied=proxied, trusted=trusted, most=most, workers=workers, head=head)


def binary(client, port=443, command=0x21, values=b""):
    payload = socket.inet_aton(client) + socket.inet_aton("10.0.0.9") + struct.pack(">HH", 40000, port) + values
    return SIGNATURE + bytes([command, 0x11]) + struct.pack(">H", len(payload)) + payload


def text(client, port=443):
    return f"PROXY TCP4 {client} 10.0.0.9 40000 {port}\r\n".encode()


REQUEST = b"GET /a HTTP/1.1\r\nHost: example.test\r\n\r\n"


def told(request):
    names = ["for", "proto", "host", "port"]
    return [request.field(f"x-forwarded-{name}") for name in names]


def test_I_7_strangers_are_not_believed(start, upstream):
    app = upstream()
    gateway = start(config(app))
    answer = get(gateway, "/a", [
        ("X-Forwarded-For", "203.0.113.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.test"),
        ("X-Forwarded-Port", "443"), ("Forwarded", "for=203.0.113.1;proto=https"), ("X-Request-Id", "evil")])
    assert answer.status == 200
    request = app.requests[0]
    assert told(request) == ["127.0.0.1", "http", "example.test", str(gateway.port)]
    assert request.field("forwarded") == 'for=127.0.0.1;proto=http;host="example.test"'
    assert b"203.0.113" not in app.received and b"evil" not in app.received
    assert gateway.wait_access()[0]["client"] == "127.0.0.1"


def test_I_7_listed_proxies_are(start, upstream, workers):
    app = upstream()
    gateway = start(config(app, trusted="[127.0.0.0/8, 10.0.0.0/8]", workers=workers))
    fields = [
        ("X-Forwarded-For", "203.0.113.1, 198.51.100.7, 10.0.0.1"), ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop.test"), ("X-Request-Id", "edge-1.x")]
    assert get(gateway, "/inside", fields).status == 200
    request = app.requests[0]
    assert told(request) == ["198.51.100.7, 10.0.0.1, 127.0.0.1", "https", "shop.test", None]
    assert request.field("x-request-id") == "edge-1.x"
    line = gateway.wait_access(request_id="edge-1.x")[0]
    assert line["client"] == "198.51.100.7"


@pytest.mark.parametrize("fields", [
    [("X-Forwarded-For", "198.51.100.7"), ("Forwarded", "for=203.0.113.1")],
    [("X-Forwarded-For", "unknown")], [("Forwarded", 'for="198.51.100.7')], [("X-Forwarded-Proto", "gopher")]])
def test_I_7_a_proxy_that_contradicts_itself_is_refused(start, upstream, fields):
    app = upstream()
    gateway = start(config(app, trusted="[127.0.0.1]"))
    answer = get(gateway, "/a", fields)
    assert answer.status == 400 and app.received == b""
    assert gateway.access_of(answer.request_id)["reason"] == "forwarded_invalid"


def test_a_request_that_a_proxy_has_named_is_answered_by_that_name(start, upstream):
    gateway = start(config(upstream(), trusted="[127.0.0.1]"))
    answer = get(gateway, "/inside", [("X-Request-Id", "edge-1.x")])
    assert (answer.status, answer.request_id) == (403, "edge-1.x") and b"edge-1.x" in answer.body
    assert gateway.access_of("edge-1.x")["reason"] == "client_refused"
    assert len(get(gateway, "/inside", [("X-Request-Id", "edge 1")]).request_id) == 32


def test_clients_that_a_route_does_not_take(start, upstream):
    app = upstream()
    gateway = start(config(app, trusted="[127.0.0.1]"))
    for field in [("X-Other", "x"), ("X-Forwarded-For", "198.51.101.1"), ("X-Forwarded-For", "198.51.100.7, 1.1.1.1")]:
        assert get(gateway, "/inside", [field]).status == 403
    assert app.received == b""
    assert all(line["reason"] == "client_refused" for line in gateway.wait_access(3))
    assert get(gateway, "/inside", [("X-Forwarded-For", "1.1.1.1, 198.51.100.7")]).status == 200


@pytest.mark.parametrize("header", [
    text("198.51.100.7", 8443), binary("198.51.100.7", 8443), binary("198.51.100.7", 8443, values=b"\x04\0\x01x")],
    ids=["v1", "v2", "v2-values"])
@pytest.mark.parametrize("pieces", ["whole", "bytes"])
def test_a_proxy_header_names_the_client(start, upstream, header, pieces):
    app = upstream()
    gateway = start(config(app, "true"))
    with Client(gateway) as client:
        if pieces == "whole":
            client.send(header + REQUEST)
        else:
            for byte in header + REQUEST:
                client.send(bytes([byte]))
                time.sleep(0.0005)
        assert client.response().status == 200
        # It holds for the connection.
        client.send(REQUEST.replace(b"/a", b"/inside"))
        assert client.response().status == 200
    assert [told(request) for request in app.requests] == [["198.51.100.7", "http", "example.test", "8443"]] * 2
    assert [line["client"] for line in gateway.wait_access(2)] == ["198.51.100.7"] * 2


def test_a_proxy_that_speaks_for_itself(start, upstream):
    app = upstream()
    gateway = start(config(app, "true"))
    for header in [b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\0\0\0"]:
        with Client(gateway) as client:
            client.send(header + REQUEST)
            assert client.response().status == 200
    assert [told(request)[0] for request in app.requests] == ["127.0.0.1"] * 2


def test_a_proxy_header_that_names_a_trusted_proxy(start, upstream):
    app = upstream()
    gateway = start(config(app, "true"))
    with Client(gateway) as client:
        client.send(text("10.0.0.1") + REQUEST.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n"))
        assert client.response().status == 200
    assert told(app.requests[0])[0] == "198.51.100.7, 10.0.0.1"


@pytest.mark.parametrize("beginning", [
    REQUEST, b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n" + REQUEST, b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n" + REQUEST,
    SIGNATURE + b"\x21\x11\0\x01x" + REQUEST, b"\x16\x03\x01\x02\x00\x01", b"PROXY UNKNOWN " + b"a" * 200])
def test_no_proxy_header_no_answer(start, upstream, beginning):
    app = upstream()
    gateway = start(config(app, "true"))
    with Client(gateway) as client:
        client.send(beginning)
        assert client.is_closed()
    line = gateway.wait_access()[0]
    assert line["reason"] == "proxy_header_invalid" and "path" not in line
    assert app.received == b""


def test_a_proxy_header_that_does_not_come(start, upstream):
    app = upstream()
    gateway = start(config(app, "true", head="300ms"))
    with Client(gateway) as silent, Client(gateway) as slow:
        slow.send(b"PROXY TCP4 1.2")
        assert silent.is_closed() and slow.is_closed()
    assert {line["reason"] for line in gateway.wait_access(2)} == {"proxy_header_invalid"}
    # A balancer that looks whether the port is open leaves no line.
    with Client(gateway):
        pass
    with Client(gateway) as client:
        client.send(text("198.51.100.7") + REQUEST)
        assert client.response().status == 200
    assert len(gateway.wait_access(3)) == 3


def test_a_second_proxy_header_is_no_request(start, upstream):
    app = upstream()
    gateway = start(config(app, "true"))
    with Client(gateway) as client:
        client.send(text("198.51.100.7") + text("203.0.113.1") + REQUEST)
        assert client.response().status == 400
    assert app.received == b"" and gateway.wait_access()[0]["client"] == "198.51.100.7"


def test_without_the_key_a_proxy_header_is_no_request(start, upstream):
    app = upstream()
    gateway = start(config(app))
    with Client(gateway) as client:
        client.send(text("198.51.100.7") + REQUEST)
        assert client.response().status == 400
    assert app.received == b"" and gateway.wait_access()[0]["client"] == "127.0.0.1"


def test_nginx_and_curl_speak_the_proxy_protocol(start, upstream):
    app = upstream()
    gateway = start(config(app, "true"))
    done = subprocess.run(
        ["curl", "-s", "--haproxy-protocol", "-o", "/dev/null", "-w", "%{http_code}", gateway.url + "/a"],
        capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "200"
    assert told(app.requests[0])[0] == "127.0.0.1"


def test_D_4_connections_of_one_address(start, upstream, workers):
    app = upstream()
    gateway = start(config(app, "true", most=3, workers=workers))

    def opened(address):
        client = Client(gateway)
        client.send(text(address) + REQUEST)
        return client

    held = [opened("198.51.100.7") for _ in range(3)]
    assert all(client.response().status == 200 for client in held)
    one_more = opened("198.51.100.7")
    assert one_more.is_closed()
    other = opened("198.51.100.8")
    assert other.response().status == 200
    # Trusted proxies carry many clients: they are not counted.
    proxies = [opened("10.0.0.1") for _ in range(5)]
    assert all(client.response().status == 200 for client in proxies)
    held.pop().sock.close()

    def fits():
        client = opened("198.51.100.7")
        if client.is_closed():
            return False
        held.append(client)
        return True

    wait_until(fits, "room for another connection")
    said = gateway.wait_message("connections were closed: their address has limits.connections_per_address open")
    assert said["last_of"] == "198.51.100.7" and said["connections"] == "3"
    for client in held + proxies + [other]:
        client.sock.close()


def test_traces_go_on_or_begin(start, upstream):
    app = upstream()
    gateway = start(config(app))
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    get(gateway, "/a", [("traceparent", parent), ("tracestate", "vendor=1")])
    get(gateway, "/a", [("tracestate", "vendor=1")])
    kept, begun = app.requests
    assert kept.field("traceparent") == parent and kept.field("tracestate") == "vendor=1"
    assert begun.field("traceparent").split("-")[1] == begun.request_id and begun.field("tracestate") is None
