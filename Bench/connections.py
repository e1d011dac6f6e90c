"""Sections about connections rather than tokens: latency, many connections, TLS, tunnels, many routes, reloads."""
import asyncio
import os
import re
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time

from partners import BINARY, LOAD_CORE, PROXY_CORE, ROOT, free_port

SECONDS = int(os.environ.get("SECONDS_EACH", "4"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
IDLE = 9_700  # And 200 before them: HAProxy wants two descriptors for each, of the 20,000 that many machines give.
UPGRADE = (b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


class Load:
    """What one run of wrk says: requests answered, errors, and the latency of the slowest in a hundred."""

    def __init__(self, url, connections, seconds=SECONDS, field="Accept: */*", script=None):
        text = subprocess.run(
            ["taskset", "-c", str(LOAD_CORE), "wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s",
             "-H", field, *(["-s", script] if script else []), url],
            capture_output=True, text=True, check=True).stdout
        self.answered = int(re.search(r"(\d+) requests in", text).group(1))
        number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
        self.p99 = float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        self.errors = (int(bad.group(1)) if bad else 0) + (sum(map(int, errors.groups())) if errors else 0)


def in_turn(programs, measure):
    """The median of each program's figures over all rounds, which take turns; `measure` makes one of a program."""
    figures = {program.name: [] for program in programs}
    for _ in range(ROUNDS):
        for program in programs:
            figures[program.name].append(measure(program))
    return {name: statistics.median(values) for name, values in figures.items()}


def print_table(title, columns, rows, note=""):
    print(f"\n{title}\n")
    print(f"  {'':26}" + "".join(f"{column:>16}" for column in columns))
    for name, figures in rows.items():
        print(f"  {name:26}" + "".join(f"{figure:16,.2f}" for figure in figures))
    if note:
        print(f"\n  {note}")


def compare(title, unit, programs, columns):
    """Prints a table with one column for each of `columns`: (heading, function of a program that measures it)."""
    results = [in_turn(programs, measure) for _, measure in columns]
    rows = {program.name: [result[program.name] for result in results] for program in programs}
    print_table(f"{title}, {unit}", [heading for heading, _ in columns], rows,
                f"Medians of {ROUNDS} rounds of {SECONDS} s, in turns.")


def cpu_per_request(path, connections, scheme="http", seconds=None):
    def measure(program):
        before = program.cpu_seconds()
        load = Load(f"{scheme}://127.0.0.1:{program.port}{path}", connections, seconds or SECONDS)
        if load.errors:
            raise SystemExit(f"{program.name}: {load.errors} errors at {connections} connections")
        return (program.cpu_seconds() - before) / load.answered * 1e6
    return measure


def latency(lab, upstream):
    programs = [lab.nginx_proxy(upstream), lab.haproxy(upstream, "", {}), lab.gateway(upstream, "https://i", "a")]
    columns = [(f"c={count}", lambda program, count=count: Load(f"http://127.0.0.1:{program.port}/x", count).p99)
               for count in (1, 8, 64)]
    compare("Latency of the slowest in a hundred, plain", "µs", programs, columns)
    columns = [(f"c={count}", cpu_per_request("/x", count)) for count in (64, 1000)]
    compare("CPU per request, plain", "µs", programs, columns)


def routes(lab, upstream):
    many = "\n".join(f"  - {{ path: '/service-{number}/items/{{id}}/**', auth: none, upstream: app }}"
                     for number in range(999))
    programs = []
    for name, routes in (("gateway, one route", ""), ("gateway, 1,000 routes", many)):
        port = free_port()
        config = lab.write(f"{name}.conf", f"""
listeners: [{{ address: "127.0.0.1:{port}" }}]
workers: 1
log: {{ access: "off", level: error }}
upstreams: {{ app: {{ servers: ["127.0.0.1:{upstream.port}"] }} }}
routes:
{many if routes else ""}
  - {{ path: /**, auth: none, upstream: app }}
""")
        programs.append(lab.start(name, PROXY_CORE, [BINARY, "serve", "--config", config], port))
    compare("CPU per request by the number of routes, the last one taken", "µs", programs,
            [("c=64", cpu_per_request("/service-500/other/7/x", 64))])


def tls(lab, upstream):
    (lab.folder / "megabyte").write_bytes(os.urandom(1 << 20))
    programs = lab.secured(upstream)

    def handshakes(*options):
        def measure(program):
            before = program.cpu_seconds()
            text = subprocess.run(
                ["taskset", "-c", str(LOAD_CORE), "openssl", "s_time", "-connect", f"127.0.0.1:{program.port}",
                 "-time", str(SECONDS), *options], capture_output=True, text=True).stdout
            count = int(re.search(r"(\d+) connections in \d+ real seconds", text).group(1))
            return count / (program.cpu_seconds() - before)
        return measure

    compare("TLS handshakes", "per second of the proxy's CPU", programs, [
        ("1.3", handshakes("-new")), ("1.3, resumed", handshakes("-reuse", "-www", "/x")),
        ("1.2", handshakes("-new", "-tls1_2")), ("1.2, resumed", handshakes("-reuse", "-tls1_2"))])
    compare("TLS, requests and bodies", "µs of CPU", programs, [
        ("a request", cpu_per_request("/x", 64, "https")),
        ("a MiB", cpu_per_request("/file/megabyte", 16, "https"))])


def idle_tls(lab, upstream):
    programs = lab.secured(upstream)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    rows = {}
    for program in programs:
        connections = []

        def connect(count):
            for _ in range(count):
                sock = context.wrap_socket(socket.create_connection(("127.0.0.1", program.port), 10))
                sock.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")  # Whom the certificate is for.
                data = b""
                while not data.endswith(b" \n"):
                    data += sock.recv(65536)
                connections.append(sock)

        connect(200)
        before = program.resident_bytes()
        connect(IDLE)
        time.sleep(1)
        rows[program.name] = [(program.resident_bytes() - before) / IDLE / 1024]
        for sock in connections:
            sock.close()
    print_table(f"Memory of {IDLE} idle TLS connections, each after one request, KiB", ["each"], rows)


def tunnels(lab, upstream):
    """Messages of 64 bytes that are echoed through a WebSocket, on 32 connections."""
    port = free_port()
    lab.start("echo", LOAD_CORE, [sys.executable, str(ROOT / "Bench/echo.py"), str(port)], port)
    upstream.port = port
    programs = [lab.haproxy(upstream, "", {}), lab.gateway(upstream, "https://i", "a")]

    def measure(program):
        before = program.cpu_seconds()
        return asyncio.run(messages(program.port)) / (program.cpu_seconds() - before)

    os.sched_setaffinity(0, {LOAD_CORE})
    compare("WebSocket messages there and back", "per second of the proxy's CPU", programs, [("c=32", measure)])
    os.sched_setaffinity(0, range(os.cpu_count()))


async def messages(port):
    frame = bytes([0x81, 0x80 | 58, 0, 0, 0, 0]) + b"x" * 58
    end = time.monotonic() + SECONDS
    count = 0

    async def client():
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UPGRADE)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        while time.monotonic() < end:
            writer.write(frame)
            await reader.readexactly(len(frame))
            count += 1
        writer.close()

    await asyncio.gather(*(client() for _ in range(32)))
    return count


def reload(lab, upstream):
    """A new configuration twice a second, under load."""
    program = lab.gateway(upstream, "https://i", "a")
    url = f"http://127.0.0.1:{program.port}/x"
    rows = {"undisturbed": [], "a reload every 500 ms": []}
    for _ in range(ROUNDS):
        rows["undisturbed"].append(Load(url, 64))
        over = threading.Event()

        def disturb():
            while not over.wait(0.5):
                os.kill(program.process.pid, signal.SIGHUP)

        thread = threading.Thread(target=disturb)
        thread.start()
        rows["a reload every 500 ms"].append(Load(url, 64))
        over.set()
        thread.join()
    print_table("Reloads under load, 64 connections", ["p99, µs", "failed"], {
        name: [statistics.median(load.p99 for load in loads), sum(load.errors for load in loads)]
        for name, loads in rows.items()})
