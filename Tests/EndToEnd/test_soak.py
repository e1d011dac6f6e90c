"""Twenty minutes of everything at once: good and bad tokens, bodies, tunnels, reloads every 5 s, servers that die and
come back, keys that rotate. No wrong answer; memory and descriptors as after the first minutes.

`make soak` runs it; PORTCULLIS_SOAK_SECONDS says how long.
"""
import base64
import collections
import hashlib
import http.client
import http.server
import os
import re
import signal
import socket
import threading
import time

import pytest

from support.servers import Process
from support.tokens import AUDIENCE, ISSUER, Key, KeyServer, mint
from support.wire import Client

SECONDS = int(os.environ.get("PORTCULLIS_SOAK_SECONDS", "1200"))
ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Application(http.server.ThreadingHTTPServer):
    """Answers with a digest of the body that came; with `upgrade`, echoes bytes. Keeps nothing."""

    daemon_threads = True
    request_queue_size = 128

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if self.headers.get("Upgrade"):
                self.echo()
            else:
                self.answer(b"GET " + self.path.encode())

        def do_POST(self):
            digest = hashlib.sha256()
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    digest.update(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
            else:
                digest.update(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(digest.hexdigest().encode() + b" " + self.headers.get("X-Forwarded-User", "-").encode())

        def answer(self, body):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def echo(self):
            key = self.headers["Sec-WebSocket-Key"].encode()
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            accept = base64.b64encode(hashlib.sha1(key + ACCEPT_SUFFIX).digest())
            self.send_header("Sec-WebSocket-Accept", accept.decode())
            self.end_headers()
            while piece := self.connection.recv(65536):
                self.connection.sendall(piece)
            self.close_connection = True

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_):
        pass


class Soak:
    def __init__(self, gateway, keys):
        self.gateway, self.keys = gateway, keys
        self.over = threading.Event()
        self.passed, self.wrong = collections.Counter(), []

    def token(self, **changes):
        """Of a key that has been published for a while."""
        return mint(self.keys[-2] if len(self.keys) > 1 else self.keys[0], **changes)

    def runs(self, name, action):
        """A thread that repeats `action(number)` until the end; what it raises is a wrong answer."""
        def run():
            number = 0
            while not self.over.is_set():
                number += 1
                try:
                    action(number)
                    self.passed[name] += 1
                except Exception as error:
                    self.wrong.append((name, number, repr(error)))
                    if len(self.wrong) > 50:
                        return
        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def client(self):
        return http.client.HTTPConnection(self.gateway.host, self.gateway.port, timeout=30)

    def ask(self, connection, method, path, body=None, token=None, chunked=False):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, body, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, answer.read()

    # What clients do.

    def plain(self):
        connection = self.client()

        def action(number):
            path = f"/plain/{number}?q={number}"
            status, body = self.ask(connection, "GET", path)
            assert (status, body) == (200, b"GET " + path.encode()), (status, body)
        return action

    def bodies(self):
        connection = self.client()

        def action(number):
            data = os.urandom(number * 7919 % 300_000 + 1)
            pieces = iter([data[:1000], data[1000:]]) if number % 2 and len(data) > 1000 else data
            status, body = self.ask(
                connection, "POST", "/api/body", pieces, self.token(sub=f"user-{number}"), chunked=pieces is not data)
            assert status == 200, (status, body)
            assert body == f"{hashlib.sha256(data).hexdigest()} user-{number}".encode(), body
        return action

    def strangers(self):
        connection = self.client()
        bad = Key("ES256", "key-0")

        def action(number):
            token = (None, "junk", mint(bad), self.token(aud="other"), self.token(exp=1000))[number % 5]
            status, body = self.ask(connection, "GET", f"/api/{number}", token=token)
            assert status == 401, (status, body)
            time.sleep(0.01)
        return action

    def tunnels(self):
        def action(number):
            with Client(self.gateway, 30) as client:
                client.send(
                    f"GET /api/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    f"Authorization: Bearer {self.token()}\r\n\r\n")
                assert client.response().status == 101
                for _ in range(20):
                    data, back = os.urandom(3000), client.data
                    client.sock.sendall(data)
                    while len(back) < len(data):
                        piece = client.sock.recv(65536)
                        assert piece, "the tunnel ended"
                        back += piece
                    assert back == data
                    client.data = b""
                    time.sleep(0.05)
        return action

    def mortals(self):
        """Requests to servers of which one dies now and then: what is under way there may be told 502."""
        def action(number):
            connection = self.client()
            status, body = self.ask(connection, "GET", f"/mortal/{number}")
            connection.close()
            assert (status, body) in ((200, b"one"), (200, b"two")) or status == 502, (status, body)
            self.passed["mortal 502"] += status == 502
            time.sleep(0.005)
        return action

    def cut_off(self):
        """Clients that leave in the middle."""
        def action(number):
            with socket.create_connection((self.gateway.host, self.gateway.port), 30) as sock:
                sock.sendall(b"POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"[:number % 70 + 1])
                time.sleep(0.02)
        return action


@pytest.mark.soak
@pytest.mark.skipif(os.environ.get("PORTCULLIS_SOAK") != "1", reason="takes 20 minutes: `make soak` runs it")
def test_everything_at_once(start):
    application, issuer = Application(), KeyServer()
    servers = [Process("one"), Process("two")]

    def config(generation):
        return f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 2
    timeouts: {{ idle: {60 + generation % 2}s }}
    providers:
      company:
        {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{issuer.url}", refresh: {{ every: 30s }} }}
    upstreams:
      app: {{ servers: ["127.0.0.1:{application.server_port}"] }}
      mortal: {{ servers: ["{servers[0].server}", "{servers[1].server}"], retries: {1 + generation % 2} }}
    routes:
      - {{ name: mortal, path: /mortal/**, auth: none, upstream: mortal }}
      - {{ name: api, path: /api/**, auth: company, upstream: app }}
      - {{ name: "plain-{generation % 2}", path: /**, auth: none, upstream: app }}
    """

    keys = [Key("ES256", "key-0")]
    issuer.keys = list(keys)
    gateway = start(config(0))
    gateway.wait_message("keys updated")
    soak = Soak(gateway, keys)
    threads = [soak.runs(name, action) for name, action in (
        ("plain", soak.plain()), ("plain", soak.plain()), ("bodies", soak.bodies()), ("strangers", soak.strangers()),
        ("tunnels", soak.tunnels()), ("mortals", soak.mortals()), ("cut off", soak.cut_off()))]
    began, generation, samples = time.monotonic(), 0, []
    try:
        while (now := time.monotonic() - began) < SECONDS and len(soak.wrong) <= 50:
            generation += 1
            gateway.write_config(config(generation))
            gateway.signal(signal.SIGHUP)
            time.sleep(2.5)
            if generation % 4 == 0:
                victim = servers[generation // 4 % 2]
                victim.kill()
                time.sleep(1)
                victim.start()
                time.sleep(1.5)
            else:
                time.sleep(2.5)
            # Published 40 s before it signs: tokens are of the key before the last.
            if generation % 9 == 0:
                soak.keys.append(Key("ES256", f"key-{len(soak.keys)}"))
                issuer.keys = soak.keys[-3:]
            samples.append((now, gateway.resident_bytes(), gateway.descriptors()))
    finally:
        soak.over.set()
        for thread in threads:
            thread.join()
        for server in servers:
            server.kill()
        application.shutdown()
        issuer.close()
    print(f"\n{dict(soak.passed)}, {generation} reloads, {len(soak.keys)} keys")
    print([(round(at), resident >> 10, held) for at, resident, held in samples[::max(1, len(samples) // 12)]])
    assert not soak.wrong, soak.wrong[:20]
    assert soak.passed["mortal 502"] <= generation, soak.passed
    reasons = collections.Counter(re.findall(r'"reason":"(\w+)"', gateway.access_text))
    assert set(reasons) <= {
        "credential_missing", "token_malformed", "signature_invalid", "key_unknown", "audience_mismatch", "token_expired",
        "client_closed", "upstream_closed", "upstream_unreachable"}, reasons
    assert gateway.access_text.count('"status":5') == soak.passed["mortal 502"]
    reloaded = [message for message in gateway.messages() if "reload" in message["message"]]
    assert len(reloaded) >= generation - 2, "reloads that came while one was under way are one"
    assert {message["message"] for message in reloaded} == {"reloaded"}, reloaded[-3:]

    # Flat: the last third beside the second one, by their middles.
    def middle(place, part):
        values = sorted(sample[place] for sample in samples[len(samples) * part // 3:len(samples) * (part + 1) // 3])
        return values[len(values) // 2]
    assert middle(1, 2) <= middle(1, 1) * 1.05 + (1 << 20), "memory grows"
    assert middle(2, 2) <= middle(2, 1) + 4, "descriptors grow"
