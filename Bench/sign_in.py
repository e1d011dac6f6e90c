"""What signing in costs: logins, refreshes, and what logins do to everybody else."""
import ctypes
import http.client
import json
import os
import statistics
import subprocess
import threading
import time

from connections import SECONDS, Load
from partners import BINARY, PROXY_CORE, free_port
from table import short

PASSWORD = "correct horse battery staple"
CROWD = [f"user{number}" for number in range(20)]


def sign_in(lab, upstream):
    gateway = people(lab, upstream)
    print("\nSigning in\n")
    logins(gateway)
    refreshes(gateway)
    crowd(gateway)


def people(lab, upstream):
    """A gateway with some users, whose passwords are hashed as `user add` does."""
    port = free_port()
    users = lab.folder / "users.yaml"
    for name in ("alice", "bob", *CROWD):
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

    def login(self, username="alice"):
        return self.post("/auth/login", {"username": username, "password": PASSWORD})


def hash_seconds(text, count=20):
    """CPU seconds of one hash of the password, computed here by the same library."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    times = []
    for _ in range(count):
        began = time.thread_time()
        assert library.crypt(PASSWORD.encode(), text.encode()) == text.encode()
        times.append(time.thread_time() - began)
    return statistics.median(times)


def logins(gateway, count=50):
    client = Client(gateway)
    client.login()
    before = gateway.cpu_seconds()
    for _ in range(count):
        status, _ = client.login()
        assert status == 200, status
    login = (gateway.cpu_seconds() - before) / count
    alone = hash_seconds(gateway.hash)
    print(f"  CPU of a login {login * 1e3:.2f} ms, of its hash alone {alone * 1e3:.2f} ms, "
          f"beside it {(login - alone) * 1e3:.2f} ms")


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


def crowd(gateway, clients=200, rounds=9):
    """The slowest in a hundred of requests with a token, beside 200 who sign in again and again, and without them.

    In turns, as the machine's own pauses come and go and are longer than what is looked for.
    """
    token = Client(gateway).login("bob")[1]["access_token"]
    url, field = f"http://127.0.0.1:{gateway.port}/x", f"Authorization: Bearer {token}"
    signing_in, over = threading.Event(), threading.Event()
    under_way = [0] * clients

    def run(index):
        # The load has the same processor: what these threads take of it is not the gateway's doing.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        client = Client(gateway)
        while True:
            signing_in.wait()
            if over.is_set():
                return
            under_way[index] = 1
            client.login(CROWD[index % len(CROWD)])
            under_way[index] = 0

    threads = [threading.Thread(target=run, args=(index,)) for index in range(clients)]
    for thread in threads:
        thread.start()
    alone, beside = [], []
    for _ in range(rounds):
        alone.append(Load(url, 8, seconds=2, field=field))
        signing_in.set()
        time.sleep(0.5)
        beside.append(Load(url, 8, seconds=2, field=field))
        signing_in.clear()
        while any(under_way):
            time.sleep(0.05)
    over.set()
    signing_in.set()
    for thread in threads:
        thread.join()
    usual, crowded = (statistics.median(load.p99 for load in loads) for loads in (alone, beside))
    ratio = statistics.median(after.p99 / before.p99 for before, after in zip(alone, beside))
    print(f"  p99 of requests with a token {short(usual)} µs, beside {clients} who sign in {short(crowded)} µs: "
          f"{ratio:.2f} times, pair by pair ({sum(load.errors for load in alone + beside)} failed)")


def run_all(body, arguments, over, seconds):
    threads = [threading.Thread(target=body, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    over.set()
    for thread in threads:
        thread.join()
