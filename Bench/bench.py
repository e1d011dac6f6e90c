"""CPU per request, memory, allocations: the gateway beside nginx and HAProxy, in one run. See `run`.

CPU per request is user and system time of the proxy's processes, from /proc, divided by the requests answered: on a
machine that others use too, it holds where a throughput does not. Ratios to nginx are the result.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from partners import BINARY, LOAD_CORE, PROXY_CORE, ROOT, Lab, curl, free_port, wrk
from support.tokens import AUDIENCE, ISSUER, Key, mint

SECONDS = int(os.environ.get("SECONDS_EACH", "4"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
WARM_TOKENS, COLD_TOKENS, IDLE = 5000, int(os.environ.get("COLD_TOKENS", "16000")), 8000
KEYS = {"RS256": Key("RS256", "r1"), "ES256": Key("ES256", "e1")}


def mint_many(algorithm, count, offset):
    now = int(time.time())
    return [
        mint(KEYS[algorithm], sub=f"user-{offset + i:06d}", email=f"user{i}@example.com", name="Some Person",
             roles=["reader", "editor"], scope="read write", jti=f"{offset + i:08x}-aaaa", exp=now + 86400)
        for i in range(count)]


def write_tokens(lab, algorithm, count, offset=0):
    path = lab.folder / f"{algorithm}-{offset}.txt"
    path.write_text("\n".join(mint_many(algorithm, count, offset)) + "\n")
    return path


def measured(program, port, lab, path, tokens, seconds, rounds="many"):
    before = program.cpu_seconds()
    answered, bad = wrk(lab, port, path, tokens, seconds, rounds=rounds)
    if bad:
        raise SystemExit(f"{program.name}: {bad} of {answered} answers were not 2xx")
    return (program.cpu_seconds() - before) / answered * 1e6


def openssl_verify_microseconds(algorithm):
    """What one bare verification costs here, by `openssl speed`."""
    name = {"RS256": "rsa2048", "ES256": "ecdsap256"}[algorithm]
    text = subprocess.run(
        ["taskset", "-c", str(PROXY_CORE), "openssl", "speed", "-seconds", "1", name], capture_output=True, text=True,
        check=True).stdout
    line = next(line for line in reversed(text.splitlines()) if re.search(r"\d+\.\d+\s*$", line))
    return 1e6 / float(line.split()[-1])


def requests(lab, upstream):
    nginx = lab.nginx_proxy(upstream)
    pems = {}
    for algorithm, key in KEYS.items():
        from cryptography.hazmat.primitives import serialization as S
        pems[algorithm] = lab.folder / f"{algorithm}.pem"
        pems[algorithm].write_bytes(
            key.private.public_key().public_bytes(S.Encoding.PEM, S.PublicFormat.SubjectPublicKeyInfo))
    haproxy = lab.haproxy(upstream, ISSUER, pems)
    gateway = lab.gateway(upstream, ISSUER, AUDIENCE)
    warm = {algorithm: write_tokens(lab, algorithm, WARM_TOKENS) for algorithm in KEYS}
    rows = [("nginx, plain", nginx, nginx.port, "/x", warm["RS256"]),
            ("HAProxy, plain", haproxy, haproxy.port, "/x", warm["RS256"]),
            ("gateway, plain", gateway, gateway.port, "/x", warm["RS256"])]
    for algorithm in KEYS:
        rows.append((f"HAProxy, {algorithm}", haproxy, haproxy.token_port, "/api/items?id=42", warm[algorithm]))
        rows.append((f"gateway, {algorithm} warm", gateway, gateway.port, "/api/items?id=42", warm[algorithm]))
    for _, program, port, path, tokens in rows:
        wrk(lab, port, path, tokens, 2)
    figures = {}
    for _ in range(ROUNDS):
        for name, program, port, path, tokens in rows:
            figures.setdefault(name, []).append(measured(program, port, lab, path, tokens, SECONDS))
    base = statistics.median(figures["nginx, plain"])
    print(f"\nCPU per request, 64 connections, one worker ({ROUNDS} rounds of {SECONDS} s)\n")
    print(f"  {'':24}{'µs':>8}{'/ nginx':>10}")
    for name, values in figures.items():
        print(f"  {name:24}{statistics.median(values):8.1f}{statistics.median(values) / base:10.2f}")
    for algorithm in KEYS:
        # A token file is one run's: no token of it has been seen, and the run ends with it.
        cold = measured(
            gateway, gateway.port, lab, "/api/items?id=42", write_tokens(lab, algorithm, COLD_TOKENS, 10**6), 20, "one")
        bare = openssl_verify_microseconds(algorithm)
        print(f"  gateway, {algorithm + ' first':15}{cold:8.1f}{cold / base:10.2f}   "
              f"without {bare:.1f} µs for one bare verification: {(cold - bare) / base:.2f} / nginx")


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


SECTIONS = {"requests": requests, "idle": idle, "bodies": bodies, "counts": counts, "start": start}


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
    finally:
        lab.stop()
        shutil.rmtree(folder, ignore_errors=True)


main()
