"""What signing in costs: logins, refreshes, and what logins do to everybody else."""
import ctypes
import http.client
import itertools
import json
import os
import statistics
import subprocess
import threading
import time

from connections import SECONDS, Load
from partners import BINARY, LOAD_CORE, PROXY_CORE, free_port
from table import short

PASSWORD = "correct horse battery staple"
CROWD = [f"user{number}" for number in range(20)]
# Each connection asks, and waits for 2 ms.
PACED = "function delay() return 2 end"
# Whoever is told to wait does.
LOGINS = f"""
local number, waits = 0, {{}}
wrk.headers["Content-Type"] = "application/json"
function request()
  number = (number + 1) % {len(CROWD)}
  return wrk.format("POST", nil, nil, '{{"username":"user' .. number .. '","password":"{PASSWORD}"}}')
end
function response(status, headers)
  table.insert(waits, tonumber(headers["Retry-After"] or "0") * 1000)
end
function delay()
  return table.remove(waits, 1) or 0
end
"""


def sign_in(lab, upstream):
    gateway = people(lab, upstream)
    print("\nSigning in\n")
    logins(gateway)
    refreshes(gateway)
    crowd(lab, gateway)


def people(lab, upstream):
    """A gateway with some users, whose passwords are hashed as `user add` does."""
    port = free_port()
    users = lab.folder / "users.yaml"
    for name in ("bob", *CROWD):
        subprocess.run([BINARY, "user", "add", name, "--users-file", str(users), "--password-stdin"],
                       input=PASSWORD + "\n", text=True, check=True, capture_output=True)
    config = lab.write("sign-in.conf", f"""
listeners: [{{ address: "127.0.0.1:{port}" }}]
workers: 1
log: {{ access: "off", level: error }}
providers:
  local:
    issuer: http://127.0.0.1:{port}
    audiences: [example]
    signing: {{ state: state }}
    sign_in: {{ users_file: users.yaml }}
upstreams: {{ app: {{ servers: ["127.0.0.1:{upstream.port}"] }} }}
routes: [{{ path: /**, auth: local, upstream: app }}]
""")
    program = lab.start("gateway", PROXY_CORE, [BINARY, "serve", "--config", config], port)
    program.hash = next(line.split(":", 1)[1].strip().strip('"') for line in users.read_text().splitlines()
                        if "password" in line and "$" in line)
    return program


class Client:
    def __init__(self, gateway):
        self.connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)

    def post(self, path, value):
        self.connection.request("POST", path, json.dumps(value), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body else {}

    def login(self, username="bob"):
        return self.post("/auth/login", {"username": username, "password": PASSWORD})


def hash_seconds(text, count):
    """CPU seconds of one hash of the password, computed here by the same library, on the gateway's processor."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {PROXY_CORE})
    try:
        began = time.thread_time()
        for _ in range(count):
            assert library.crypt(PASSWORD.encode(), text.encode()) == text.encode()
        return (time.thread_time() - began) / count
    finally:
        os.sched_setaffinity(0, allowed)


def logins(gateway, rounds=9, count=10):
    """Logins and hashes in turns, as what a hash takes changes with what else the machine does."""
    client = Client(gateway)
    # Other people each time, as those who sign in are.
    names = itertools.cycle(CROWD)
    client.login(next(names))
    pairs = []
    for _ in range(rounds):
        before, before_hashing = gateway.cpu_seconds(), gateway.cpu_seconds("passwords")
        for _ in range(count):
            status, _ = client.login(next(names))
            assert status == 200, status
        hashing = (gateway.cpu_seconds("passwords") - before_hashing) / count
        beside = (gateway.cpu_seconds() - before) / count - hashing
        pairs.append((beside, hashing, hash_seconds(gateway.hash, count)))
    beside, hashing, alone = (statistics.median(column) for column in zip(*pairs))
    # A hash by itself again and again finds caches that it has to itself.
    more = statistics.median(beside + hashing - alone for beside, hashing, alone in pairs)
    print(f"  CPU of a login beside the thread that hashes {beside * 1e3:.2f} ms; of that thread {hashing * 1e3:.2f} ms, of a "
          f"hash by itself {alone * 1e3:.2f} ms; of a login more than that {more * 1e3:.2f} ms, pair by pair")


def refreshes(gateway, clients=64):
    tokens = []
    for _ in range(clients):
        status, answer = Client(gateway).login()
        assert status == 200, status
        tokens.append(answer["refresh_token"])
    counts = [0] * clients
    over = threading.Event()

    def run(index):
        client, token = Client(gateway), tokens[index]
        while not over.is_set():
            status, answer = client.post("/auth/refresh", {"refresh_token": token})
            assert status == 200, (status, answer)
            token = answer["refresh_token"]
            counts[index] += 1

    before = gateway.cpu_seconds()
    run_all(run, range(clients), over, SECONDS)
    print(f"  refreshes {sum(counts) / (gateway.cpu_seconds() - before):,.0f} per second of CPU, {clients} clients")


def crowd(lab, gateway, clients=200, rounds=9):
    """The slowest in a hundred of requests with a token, beside 200 who sign in again and again, and without them.

    In turns, as the machine's own pauses come and go and are longer than what is looked for.
    """
    token = Client(gateway).login()[1]["access_token"]
    url, field = f"http://127.0.0.1:{gateway.port}/x", f"Authorization: Bearer {token}"
    logins = lab.write("logins.lua", LOGINS)
    for name, script in (("that leave the processor time", lab.write("paced.lua", PACED)),
                         ("that take all of the processor", None)):
        alone, beside = [], []
        for _ in range(rounds):
            alone.append(Load(url, 8, 2, field, script))
            with Logins(gateway, clients, logins):
                beside.append(Load(url, 8, 2, field, script))
        usual, crowded = (statistics.median(load.p99 for load in loads) for loads in (alone, beside))
        ratio = statistics.median(after.p99 / before.p99 for before, after in zip(alone, beside))
        print(f"  p99 of requests with a token {name} {short(usual)} µs, beside {clients} who sign in "
              f"{short(crowded)} µs: {ratio:.2f} times, pair by pair "
              f"({sum(load.errors for load in alone + beside)} failed)")


class Logins:
    """Clients that sign in again and again while its block lasts, and after it until nothing is left of them."""

    def __init__(self, gateway, clients, script):
        self.gateway = gateway
        # The load has the same processor: what these take of it is not the gateway's doing.
        self.command = ["nice", "-n", "19", "taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{clients}", "-d600s",
                        "--timeout", "60s", "-s", script, f"http://127.0.0.1:{gateway.port}/auth/login"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        time.sleep(0.5)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        # What waits to be hashed for them ends first.
        spent = -1
        while spent != (spent := self.gateway.cpu_seconds()):
            time.sleep(0.2)


def run_all(body, arguments, over, seconds):
    threads = [threading.Thread(target=body, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    over.set()
    for thread in threads:
        thread.join()
