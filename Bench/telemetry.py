"""What logs and metrics cost, what happens when nobody takes them, and a thousand reloads under load."""
import concurrent.futures
import json
import os
import socket
import statistics
import threading
import time
import urllib.error
import urllib.request

import tokens
from connections import Load, cpu_per_request, print_table
from partners import BINARY, PROXY_CORE, free_port
from support.tokens import AUDIENCE, ISSUER

ROUTES = 1000
RELOADS = int(os.environ.get("RELOADS", "1000"))
SECONDS = int(os.environ.get("SECONDS_EACH", "4"))
PAIRS = int(os.environ.get("PAIRS", "7"))


def gateway(lab, upstream, name, log="off", admin=True, routes=0):
    """A gateway with everything that tells of requests, or with nothing."""
    port, admin_port = free_port(), free_port()
    config = lab.write(f"{name}.conf", f"""
listeners: [{{ address: "127.0.0.1:{port}" }}]
workers: 1
log: {{ access: "{log}", level: error }}
{f'admin: {{ address: "127.0.0.1:{admin_port}" }}' if admin else ''}
providers:
  issuer: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "http://127.0.0.1:{upstream.port}/jwks.json" }}
upstreams: {{ app: {{ servers: ["127.0.0.1:{upstream.port}"] }} }}
routes:
{"".join(f'  - {{ path: /r{number}, auth: none, upstream: app }}{chr(10)}' for number in range(routes))}
  - {{ path: /api/**, auth: issuer, upstream: app }}
  - {{ path: /**, auth: none, upstream: app }}
""")
    program = lab.start(name, PROXY_CORE, [BINARY, "serve", "--config", config], port)
    program.admin_port, program.config = admin_port, config
    return program


class Repeated:
    """Does something again and again in a thread, until the end of its block."""

    def __init__(self, work, seconds):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(work, seconds))

    def run(self, work, seconds):
        while not self.over.wait(seconds):
            work()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def scrape(program):
    with urllib.request.urlopen(f"http://127.0.0.1:{program.admin_port}/metrics", timeout=10) as answer:
        return answer.read()


def telemetry(lab, upstream):
    """Everything on beside everything off, nginx's access log beside none, and a scrape of many routes."""
    logs = [lab.folder / "access.log", lab.folder / "nginx.log"]
    silent = gateway(lab, upstream, "all off", admin=False)
    telling = gateway(lab, upstream, "log, metrics and admin listener", log=str(logs[0]))
    nginx = [logging_nginx(lab, upstream, "nginx-silent", "off"),
             logging_nginx(lab, upstream, "nginx-telling", f"{logs[1]} fields buffer=64k flush=1s")]
    plain = cpu_per_request("/x", 64)
    with Repeated(lambda: scrape(telling), 1):
        rows = {"plain": at_once(silent, telling, plain, logs),
                "a token seen before": at_once(silent, telling, with_token("/api/x"), logs),
                "nginx, its log alone": at_once(*nginx, plain, logs)}
    print_table("What telling of requests costs, µs of CPU per request", ["off", "on", "times"], rows,
                f"Medians of {PAIRS} times {SECONDS} s, both at once; nginx's log is JSON, written 64 KiB at a time.")
    many = gateway(lab, upstream, "routes", routes=ROUTES)
    for number in range(ROUTES):
        urllib.request.urlopen(f"http://127.0.0.1:{many.port}/r{number}").read()
    spent, times = [], 100
    for _ in range(3):
        before = many.cpu_seconds()
        for _ in range(times):
            size = len(scrape(many))
        spent.append((many.cpu_seconds() - before) / times * 1e3)
    print(f"\n  /metrics with {ROUTES:,} routes ({size / 2**20:.1f} MiB): {statistics.median(spent):.1f} ms of CPU")


def logging_nginx(lab, upstream, name, log):
    """nginx as a reverse proxy whose log says what the gateway's says, as far as nginx knows it."""
    fields = {"time": "time_iso8601", "request_id": "request_id", "client": "remote_addr", "method": "request_method",
              "host": "host", "path": "uri", "route": "server_name", "upstream": "upstream_addr", "status": "status",
              "connect": "upstream_connect_time", "first_byte": "upstream_header_time", "total": "request_time",
              "bytes_in": "request_length", "bytes_out": "body_bytes_sent"}
    line = json.dumps({key: f"${variable}" for key, variable in fields.items()}, separators=(",", ":"))
    return lab.nginx(name, PROXY_CORE, f"""listen 127.0.0.1:PORT backlog=4096; access_log {log};
  location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header X-Request-Id $request_id; proxy_max_temp_file_size 0; }}""",
        f"""log_format fields escape=json '{line}';
  upstream u {{ server 127.0.0.1:{upstream.port}; keepalive 256; keepalive_requests 100000000; }}""")


def at_once(one, other, measure, logs):
    """Medians of both, and of how many times the one's figure the other's is. They are under load at the same time and
    share the core: a machine's speed changes from second to second by more than what is compared."""
    figures = []
    for _ in range(PAIRS):
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            figures.append(tuple(threads.map(measure, (one, other))))
        for log in logs:
            if log.exists():
                os.truncate(log, 0)
    return [statistics.median(pair[0] for pair in figures), statistics.median(pair[1] for pair in figures),
            statistics.median(pair[1] / pair[0] for pair in figures)]


def with_token(path):
    field = "Authorization: Bearer " + tokens.good("ES256", [1])[0]

    def measure(program):
        before = program.cpu_seconds()
        load = Load(f"http://127.0.0.1:{program.port}{path}", 64, SECONDS, field)
        if load.errors:
            raise SystemExit(f"{program.name}: {load.errors} errors")
        return (program.cpu_seconds() - before) / load.answered * 1e6
    return measure


def stalls(lab, upstream):
    """The slowest in a hundred while nobody takes what is told, and while somebody does, in turns."""
    pipe = lab.folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    programs = {
        "a log that nobody reads": gateway(lab, upstream, "stalled log", log=str(pipe)),
        "a full disk": gateway(lab, upstream, "full disk", log="/dev/full"),
        "a scraper that does not read": gateway(lab, upstream, "slow scraper", log=str(lab.folder / "scraped.log"),
                                                routes=ROUTES)}
    for number in range(ROUTES):
        urllib.request.urlopen(
            f"http://127.0.0.1:{programs['a scraper that does not read'].port}/r{number}").read()
    usual = gateway(lab, upstream, "usual", log=str(lab.folder / "usual.log"))
    rows = {}
    for name, program in programs.items():
        held = hold_scrapes(program) if "scraper" in name else []
        pairs = []
        for _ in range(PAIRS):
            figures = [Load(f"http://127.0.0.1:{each.port}/x", 8, 2) for each in (usual, program)]
            if any(load.errors for load in figures):
                raise SystemExit(f"{name}: errors")
            pairs.append([load.p99 for load in figures])
        rows[name] = [statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs),
                      statistics.median(pair[1] / pair[0] for pair in pairs)]
        for sock in held:
            sock.close()
    os.close(reader)
    print_table("The slowest in a hundred, 8 connections", ["usual, µs", "beside it, µs", "times"], rows,
                f"Medians of {PAIRS} pairs of 2 s, in turns.")


def hold_scrapes(program, count=8):
    """Connections that ask for the metrics and take nothing of them."""
    held = []
    for _ in range(count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", program.admin_port))
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 4)
        held.append(sock)
    return held


def reloads(lab, upstream):
    """Reloads one after the other, under load, every third of them of a broken file. The others add a route and take it
    away again: a reload that changes nothing would not be one."""
    program = gateway(lab, upstream, "reloads", log=str(lab.folder / "reloads.log"))
    good = open(program.config).read()
    files = [good.replace("routes:\n", "routes:\n  - { path: /more, auth: none, upstream: app }\n"), good,
             good.replace("upstream: app", "upstream: nobody", 1)]
    address = f"http://127.0.0.1:{program.admin_port}/reload"
    url, failed, resident, descriptors = f"http://127.0.0.1:{program.port}/x", [], [], []
    results, over = [], threading.Event()

    def load():
        while not over.is_set():
            results.append(Load(url, 16, 2))

    thread = threading.Thread(target=load)
    thread.start()
    began = time.monotonic()
    for number in range(RELOADS):
        lab.write("reloads.conf", files[number % 3])
        request = urllib.request.Request(address, method="POST")
        try:
            status, said = 200, urllib.request.urlopen(request, timeout=30).read()
        except urllib.error.HTTPError as error:
            status, said = error.code, error.read()
        if (status, b"/more" in said) != ((422, False) if number % 3 == 2 else (200, True)):
            failed.append((number, status, said))
        if number in (RELOADS // 10, RELOADS - 1):
            resident.append(program.resident_bytes())
            descriptors.append(len(os.listdir(f"/proc/{program.process.pid}/fd")))
    seconds = time.monotonic() - began
    over.set()
    thread.join()
    print(f"\n  {RELOADS:,} reloads in {seconds:.0f} s under load, a third of them broken: "
          f"{len(failed)} answered otherwise, {sum(load.errors for load in results)} of "
          f"{sum(load.answered for load in results):,} requests failed; from the {RELOADS // 10}th to the last "
          f"{(resident[1] - resident[0]) / 1024:,.0f} KiB and {descriptors[1] - descriptors[0]} descriptors more")
    if failed:
        print(f"  {failed[:5]}")
