"""The admin listener: metrics, health, the page, and what may be asked for."""
import concurrent.futures
import json
import re
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest
from support.admin import JSON, Admin
from support.gateway import ROOT, run
from support.ports import wait_until
from support.servers import Process
from support.tokens import AUDIENCE, ISSUER, Key, KeyServer, bearer, held_until, mint
from support.wire import get

HTML = ("Accept", "text/html")


def config(app, jwks=None, admin="{ address: 127.0.0.1:0 }", top="", routes="", workers=1):
    provider = f"""
    providers:
      company: {{ issuer: {ISSUER}, audiences: [{AUDIENCE}], claims: {{ roles: roles }}, {jwks} }}
    """ if jwks else ""
    private = '- { name: private, path: /private/**, auth: company, require: { roles: [admin] }, upstream: app }' if jwks else ""
    return f"""
    listeners:
      - address: 127.0.0.1:0
    admin: {admin}
    workers: {workers}
    {top}
    {provider}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
      gone: {{ servers: ["127.0.0.1:1"] }}
    routes:
      - {{ name: open, path: /open/**, auth: none, upstream: app }}
      - {{ name: gone, path: /gone, auth: none, upstream: gone }}
      {private}
      {routes}
    """


@pytest.fixture(scope="module")
def key():
    return Key("ES256", "a")


def test_metrics_count_what_was_answered(start, upstream, tmp_path, key, workers):
    app = upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}))
    gateway = start(config(app, f"jwks_file: {tmp_path}/jwks.json", workers=workers))
    admin = Admin(gateway)
    good, poor = mint(key, roles=["admin"]), mint(key, roles=[])
    for token, count, status in ((good, 5, 200), (poor, 3, 403)):
        for _ in range(count):
            assert get(gateway, "/private/x", [bearer(token)]).status == status
    for number in range(7):
        assert get(gateway, f"/nowhere/{number}", host=f"host-{number}.test").status == 404
    assert get(gateway, "/gone").status == 502
    gateway.wait_access(16)
    samples = wait_until(
        lambda: (found := admin.metrics()).get('portcullis_http_requests_total{route="gone",code="5xx"}') and found,
        "the last count")
    assert samples['portcullis_http_requests_total{route="private",code="2xx"}'] == 5
    assert samples['portcullis_http_requests_total{route="private",code="4xx"}'] == 3
    assert samples['portcullis_http_requests_total{route="",code="4xx"}'] == 7
    assert samples['portcullis_http_request_duration_seconds_count{route="private"}'] == 8
    assert samples['portcullis_http_request_duration_seconds_bucket{route="private",le="+Inf"}'] == 8
    assert samples['portcullis_refusals_total{route="private",provider="company",reason="role_missing",blame="policy",upstream=""}'] == 3
    assert samples['portcullis_refusals_total{route="",provider="",reason="no_route",blame="client",upstream=""}'] == 7
    [gone] = [name for name in samples if name.startswith('portcullis_refusals_total{route="gone",')]
    assert 'blame="upstream",upstream="gone"}' in gone and samples[gone] == 1
    assert samples['portcullis_upstream_requests_total{upstream="app",code="2xx"}'] == 5
    assert samples['portcullis_upstream_first_byte_seconds_count{upstream="app"}'] == 5
    hits, misses = (samples[f'portcullis_token_cache_lookups_total{{result="{r}"}}'] for r in ("hit", "miss"))
    assert hits + misses == 8 and 2 <= misses <= 2 * workers
    assert samples['portcullis_key_set_keys{provider="company"}'] == 1
    assert samples["portcullis_connections_accepted_total"] == 16
    assert samples["portcullis_ready"] == 1 and samples["process_resident_memory_bytes"] > 1 << 20
    # Nothing that a client makes up is a label.
    assert not any("nowhere" in name or "host-" in name for name in samples)
    # A token is nowhere.
    for path in ("/metrics", "/status"):
        text = admin.get(path, JSON).body + admin.get(path, HTML).body
        assert good.encode() not in text and good.split(".")[2].encode() not in text


class UsedKeys:
    """A gateway that takes tokens of two keys, for two audiences and in two places; five good ones came, all of `key`."""

    def __init__(self, start, upstream, folder, key):
        self.key, self.other = key, Key("ES256", "b")
        (folder / "jwks.json").write_text(json.dumps({"keys": [key.jwk, self.other.jwk]}))
        self.text = config(
            upstream(), f'jwks_file: {folder}/jwks.json, token_from: [authorization, "cookie:t"]', workers=2,
        ).replace(f"audiences: [{AUDIENCE}]", f"audiences: [{AUDIENCE}, old]")
        self.gateway = start(self.text)
        self.admin = Admin(self.gateway)
        good, old = mint(key, roles=["admin"]), mint(key, aud="old", headers={"typ": None})
        # Whoever forges a token chooses its `kid`, and counts nothing.
        forged = [mint(Key("ES256", kid), roles=["admin"]) for kid in ("b", "made-up")]
        for fields, status in (
                [([bearer(good)], 200)] * 3 + [([("Cookie", f"t={good}")], 200), ([bearer(old)], 403)]
                + [([bearer(token)], 401) for token in forged]):
            assert get(self.gateway, "/private/x", fields).status == status

    @property
    def tokens(self):
        company, = self.admin.status()["providers"]
        return company["tokens"]

    def uses(self):
        return {(use["of"], use["value"]): (use["count"], (use["remark"] or "").split(" 2")[0])
                for use in self.tokens["uses"]}

    def unused_since(self, value):
        return next(use["remark"] for use in self.tokens["uses"] if use["value"] == value).removeprefix("unused since ")

    def reload(self, text):
        self.gateway.write_config(text)
        assert self.admin.get("/reload", method="POST").status == 200


@pytest.fixture
def used_keys(start, upstream, tmp_path, key):
    return UsedKeys(start, upstream, tmp_path, key)


def test_which_keys_are_used(used_keys):
    assert used_keys.tokens["count"] == 5
    assert used_keys.uses() == {
        ("key", "a"): (5, ""), ("key", "b"): (0, "unused since"), ("audience", AUDIENCE): (4, ""),
        ("audience", "old"): (1, ""), ("place", "bearer"): (4, ""), ("place", "cookie"): (1, ""),
        ("without", "typ"): (1, "")}
    assert sum(bound["count"] for bound in used_keys.tokens["ages"]) == 5
    samples = used_keys.admin.metrics()
    assert samples['portcullis_tokens_total{provider="company",key="a",algorithm="ES256"}'] == 5
    assert samples['portcullis_token_traits_total{provider="company",trait="place",value="cookie"}'] == 1
    ages = {name.split('seconds="')[1][:-2]: count for name, count in samples.items() if "token_ages_total" in name}
    assert ages == {"60": 5, **dict.fromkeys(["300", "900", "3600", "21600", "86400", "604800", "more"], 0)}
    assert not any("made-up" in name for name in samples)


def test_what_comes_with_a_reload_is_unused_since_then_and_not_since_counting_began(used_keys):
    began = used_keys.unused_since("b")
    wait_until(lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > began, "another second")
    used_keys.reload(used_keys.text.replace(", old]", ", old, new]"))
    assert used_keys.unused_since("new") > began and used_keys.unused_since("b") == began


def test_a_reload_goes_on_counting_uses_and_people_are_shown_them(used_keys):
    gateway, admin = used_keys.gateway, used_keys.admin
    used_keys.reload(used_keys.text)
    for key in (used_keys.key, used_keys.other):
        assert get(gateway, "/private/x", [bearer(mint(key, roles=["admin"]))]).status == 200
    uses = used_keys.uses()
    assert uses[("key", "a")] == (6, "") and uses[("key", "b")] == (1, "")
    page = admin.get("/status", HTML).body.decode()
    assert "<td>company</td><td>key</td><td>a</td><td>6</td><td>86 %</td>" in page and "made-up" not in page
    listed = run("keys", "list", "--config", gateway.config_path, "--admin", f"127.0.0.1:{admin.port}")
    assert listed.returncode == 0 and "used since 20" in listed.stderr, listed
    rows = [re.split(r"  +", line) for line in listed.stdout.splitlines()]
    assert [(row[1], row[7], row[8], row[11]) for row in rows] == [
        ("KID", "USED", "SHARE", "REMARK"), ("a", "6", "86 %", "-"), ("b", "1", "14 %", "-")], listed
    assert re.fullmatch(r"\d+s ago", rows[1][9]), listed
    assert run("keys", "list", "--config", gateway.config_path, "--admin", "127.0.0.1:1").returncode == 69


def test_L_1_whoever_answers_in_the_gateways_place_writes_no_terminal(tmp_path, key):
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}))
    path = tmp_path / "gateway.conf"
    path.write_text(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
providers: {{ company: {{ issuer: {ISSUER}, audiences: [{AUDIENCE}], jwks_file: {tmp_path}/jwks.json }} }}
upstreams: {{ echo: {{ builtin: echo }} }}
routes: [{{ path: /**, auth: company, upstream: echo }}]
""")
    use = {"of": "key", "value": "a", "count": 2**63 - 1, "last": "\x1b[2J\n", "remark": "can\ngo\x1b[31m\u009b1m"}
    body = json.dumps({"providers": [
        {"name": "company", "tokens": {"since": "\x1b]0;x\x07\n2026", "count": 1, "uses": [use]}}]}).encode()

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(body) + body)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        thread = threading.Thread(target=serve)
        thread.start()
        listed = run("keys", "list", "--config", path, "--admin", f"127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert listed.returncode == 0, listed
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", listed.stdout + listed.stderr)
    assert len(listed.stdout.splitlines()) == 2 and len(listed.stderr.splitlines()) == 1
    assert "  100 %  " in listed.stdout and listed.stdout.rstrip().endswith(r"can\u000ago\u001b[31m\u009b1m")


def test_counters_go_on_over_reloads_by_their_names(start, upstream):
    app = upstream()
    gateway = start(config(app))
    admin = Admin(gateway)
    open_total = 'portcullis_http_requests_total{route="open",code="2xx"}'
    get(gateway, "/open/x")
    wait_until(lambda: admin.metrics().get(open_total) == 1, "the count")
    text = config(app).replace("routes:\n", "routes:\n      - { name: first, path: /first, auth: none, upstream: gone }\n")
    gateway.write_config(text)
    assert admin.get("/reload", method="POST").status == 200
    get(gateway, "/first")
    get(gateway, "/open/x")
    samples = wait_until(lambda: (m := admin.metrics()).get(open_total) == 2 and m, "the count")
    assert samples['portcullis_http_requests_total{route="first",code="5xx"}'] == 1
    assert samples["portcullis_configuration_generation"] == 2
    assert samples['portcullis_configuration_reloads_total{result="done"}'] == 1


def test_a_reload_says_what_came_of_it(start, upstream):
    app = upstream()
    gateway = start(config(app))
    admin = Admin(gateway)
    gateway.write_config(config(app, top="limitz: {}"))
    answer = admin.get("/reload", method="POST")
    assert answer.status == 422
    fault, = json.loads(answer.body)["faults"]
    assert "limitz" in fault and re.match(r".*gateway\.conf:\d+:\d+: ", fault)
    assert admin.status()["configuration"]["faults"] == [fault]
    assert b"The last reload was refused" in admin.get("/status", HTML).body
    assert admin.metrics()["portcullis_configuration_last_reload_successful"] == 0
    assert get(gateway, "/open/x").status == 200
    gateway.write_config(config(app))
    assert json.loads(admin.get("/reload", method="POST").body) == {"result": "reloaded", "changes": "nothing"}
    gateway.write_config(config(app, top="limits: { fields: 50 }"))
    assert json.loads(admin.get("/reload", method="POST").body) == {"result": "reloaded", "changes": "limits"}
    assert admin.status()["configuration"]["changes"] == "limits"
    wait_until(lambda: gateway.messages()[-1].get("changes") == "limits", "the message")
    assert admin.status()["configuration"]["faults"] == [] and admin.status()["configuration"]["generation"] == 3
    # What no reload takes is named until it is taken.
    listener = "      - address: 127.0.0.1:0\n"
    text = config(app, top="limits: { fields: 50 }").replace(listener, listener + listener.replace("0.1", "0.2"))
    gateway.write_config(text.replace("workers: 1", "workers: 2"))
    answer = admin.get("/reload", method="POST")
    assert json.loads(answer.body) == {"result": "reloaded", "changes": "nothing", "pending": ["listeners", "workers"]}
    assert admin.status()["configuration"]["pending"] == ["listeners", "workers"]
    assert b"listeners, workers" in admin.get("/status", HTML).body
    shown = json.loads(admin.get("/config").body)
    assert shown["pending"] == ["listeners", "workers"] and shown["configuration"]["workers"] == "2"
    gateway.write_config(config(app, top="limits: { fields: 50 }"))
    assert "pending" not in json.loads(admin.get("/reload", method="POST").body)
    assert admin.status()["configuration"]["pending"] == [] == json.loads(admin.get("/config").body)["pending"]
    generation = admin.status()["configuration"]["generation"]
    # A page of somebody else's, which a browser of this machine shows.
    for fields in ([("Origin", "http://evil.test")], [("Sec-Fetch-Site", "cross-site")], [("Origin", "null")]):
        assert admin.get("/reload", *fields, method="POST").status == 403
    assert admin.get("/reload").status == 405
    assert admin.status()["configuration"]["generation"] == generation


def test_a_command_reloads(start, upstream, tmp_path):
    app, admin = upstream(), f"{{ address: unix:{tmp_path}/admin.sock }}"
    gateway = start(config(app, admin=admin))
    target = ("--config", gateway.config_path)

    def reload(status, *arguments):
        asked = run("reload", *arguments)
        assert asked.returncode == status, asked
        return asked
    gateway.write_config(config(app, admin=admin, top="limits: { fields: 50 }"))
    assert reload(0, *target).stdout == "reloaded: limits\n"
    nothing = reload(2, *target, "--canary", "1h")
    assert nothing.stdout == "reloaded: nothing\n" and "nothing is on trial" in nothing.stderr
    gateway.write_config(config(app, admin=admin, top="limits: { fields: 51 }"))
    assert reload(0, *target, "--canary", "1h").stdout.startswith("reloaded, on trial for ")
    gateway.write_config(config(app, admin=admin, top="limits: { fields: 50 }"))
    assert reload(0, *target).stdout == "reloaded: limits\n"
    gateway.wait_message("the trial was abandoned: the previous configuration is in force again")
    gateway.write_config(config(app, admin=admin, top="limits: { fields: 50 }", workers=2))
    waiting = reload(0, *target)
    assert waiting.stdout == "reloaded: nothing\n" and "workers take effect with SIGUSR2 or a restart" in waiting.stderr
    gateway.write_config(config(app, admin=admin, top="limitz: {}"))
    said = reload(1, "--admin", f"unix:{tmp_path}/admin.sock")
    assert re.search(r"gateway\.conf:\d+:\d+: .*limitz.*\n.* refused: the configuration in force stays\n$", said.stderr)
    # The file says where to ask, whatever else is wrong with it: the gateway learns of the fault, and says so.
    def refused():
        said = subprocess.run(["curl", "-s", "-H", "Accept: application/json", "--unix-socket", f"{tmp_path}/admin.sock",
                               "http://localhost/status"], capture_output=True, check=True).stdout
        return json.loads(said)["configuration"]["reloads_refused"]
    before = refused()
    for fault in ("limitz: {}", "limits: [", "limits: { fields: 50", "x: \"a"):
        gateway.write_config(config(app, admin=admin, top=fault))
        said = reload(1, *target)
        assert said.stderr.startswith(f"{target[1]} is faulty, as portcullis check --config {target[1]} shows; ")
        assert said.stderr.endswith(" refused: the configuration in force stays\n"), said
        assert "no refusal" in run("why", "0" * 32, *target).stderr
    assert refused() == before + 4
    # Where it does not say so, what is wrong is said all the same, and how to do without it.
    gateway.write_config("admin: { address: nowhere }\nlimitz: {}\n")
    for said in (reload(78, *target), run("why", "0" * 32, *target)):
        assert re.search(r"gateway\.conf:\d+:\d+: .*limitz", said.stderr) and said.returncode == 78
        assert said.stderr.endswith("to ask the gateway without this file: --admin host:port, or --admin unix:path\n")
    said = run("why", "0" * 32, "--config", tmp_path / "nofile.conf")
    assert said.returncode == 66 and "--admin unix:path" in said.stderr
    gateway.write_config(config(app, admin=admin))
    assert "10s to 1d" in reload(64, *target, "--canary", "9s").stderr
    assert "none.sock" in reload(69, "--admin", f"unix:{tmp_path}/none.sock").stderr
    assert sum(message["message"] == "reloaded" for message in gateway.messages()) == 5


def test_ready_means_that_there_are_keys_and_that_it_does_not_drain(start, upstream, key):
    app = upstream()
    issuer = KeyServer(key)
    try:
        release = threading.Event()
        issuer.instead = held_until(release, key)
        try:
            gateway = start(config(app, f"jwks_url: {issuer.url}", top="timeouts: { drain: 10s, drain_delay: 4s }"))
            admin = Admin(gateway)
            assert admin.get("/health/live").status == 200
            answer = admin.get("/health/ready")
            assert answer.status == 503 and answer.body == b"starting: no keys yet of company\n"
        finally:
            release.set()
        wait_until(lambda: admin.get("/health/ready").status == 200, "the keys", 15)
    finally:
        issuer.close()
    gateway.signal(signal.SIGTERM)
    answer = wait_until(lambda: (a := admin.get("/health/ready")).status == 503 and a, "the end to be said")
    assert answer.body == b"draining\n" and admin.get("/health/live").status == 200
    assert admin.metrics()["portcullis_ready"] == 0
    assert admin.get("/reload", method="POST").status == 422
    assert gateway.wait() == 0


def test_L_5_whatever_clients_make_up_adds_no_series(start, upstream, tmp_path, key):
    app = upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}))
    gateway = start(config(app, f"jwks_file: {tmp_path}/jwks.json"))
    admin = Admin(gateway)

    def ask(start, count):
        for number in range(start, start + count):
            token = mint(key, roles=[f"role-{number}"], sub=f"sub-{number}", headers={"kid": f"kid-{number}"})
            fields = [("X-Request-Id", f"made-up-{number}"), ("User-Agent", f"agent-{number}")]
            host = f"host-{number}.test"
            assert get(gateway, f"/nowhere-{number}", fields, host=host).status == 404
            assert get(gateway, f"/open/nowhere-{number}?q={number}", fields, host=host).status == 200
            assert get(gateway, f"/open/x-{number}", fields, method=f"METHOD{number}").status == 200
            assert get(gateway, "/private/x", [bearer(token), *fields], host=host).status == 401
        gateway.wait_access(4 * (start + count))

    def series():
        wanted = 'portcullis_http_requests_total{route="",code="4xx"}'
        return wait_until(lambda: (found := admin.metrics()).get(wanted, 0) == asked and set(found), "the last count")

    ask(0, 20)
    asked = 20
    before = series()
    ask(20, 300)
    asked = 320
    assert series() == before
    assert not any(re.search("made-up|agent|host-|nowhere|METHOD|role-|sub-|kid-", name) for name in before)


@pytest.mark.parametrize("host, status", [
    ("127.0.0.1:9901", 200), ("[::1]:9901", 200), ("localhost", 200), ("LOCALHOST:1", 200), ("ops.example", 200),
    ("evil.test", 421), ("127.0.0.1.evil.test", 421), ("localhost.evil.test", 421), ("ops.example.evil.test", 421),
])
def test_A_2_a_name_that_somebody_points_here_is_refused(start_once, upstream_once, host, status, cache={}):
    if not cache:
        cache["admin"] = Admin(start_once(config(upstream_once(), admin="{ address: 127.0.0.1:0, hosts: [ops.example] }")))
    assert cache["admin"].get("/status", host=host).status == status


def test_a_refusal_is_found_by_its_id(start, upstream, workers):
    app = upstream()
    gateway = start(config(app, workers=workers))
    admin = Admin(gateway)
    answer = get(gateway, "/nope")
    found = wait_until(lambda: (a := admin.get(f"/requests/{answer.request_id}")).status == 200 and a, "the line")
    line = gateway.access_of(answer.request_id)
    assert {name: value for name, value in json.loads(found.body).items() if name in line} == line
    good = get(gateway, "/open/x")
    assert admin.get(f"/requests/{good.request_id}").status == 404
    assert admin.status()["refusals"][0]["request_id"] == answer.request_id
    # A bounded number of them.
    for _ in range(1200):
        last = get(gateway, "/nope")
    wait_until(lambda: admin.get(f"/requests/{last.request_id}").status == 200, "the last one")
    assert admin.get(f"/requests/{answer.request_id}").status == 404


def test_an_applications_own_errors_are_told_from_the_gateways(start, upstream, tmp_path, key, workers):
    app = upstream(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno")
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}))
    gateway = start(config(app, f"jwks_file: {tmp_path}/jwks.json", workers=workers))
    admin = Admin(gateway)
    for _ in range(3):
        assert get(gateway, "/open/x").status == 503
    assert get(gateway, "/gone").status == 502
    for token in (mint(key, roles=[]), mint(key, iat=1, nbf=1, exp=2, roles=[])):
        assert get(gateway, "/private/x", [bearer(token)]).status in (401, 403)
    # Who scans it hides nothing.
    for number in range(40):
        assert get(gateway, f"/wp-admin/{number}").status == 404
    status = wait_until(lambda: (found := admin.status())["requests"]["total"] == 46 and found, "all to be counted")
    assert status["requests"]["forwarded"] == {"none": 0, "1xx": 0, "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 3}
    assert status["requests"]["by_blame"] == {"client": 41, "issuer": 0, "policy": 1, "upstream": 1, "gateway": 0}
    assert status["requests"]["answered"] == 0
    assert 0 <= status["recent"].pop("seconds") < 600 and status["recent"] == status["requests"]
    assert {each["name"]: each["errors"] for each in status["upstreams"]} == {
        "app": {"own": 3, "own_recent": 3, "in_its_place": 0, "in_its_place_recent": 0},
        "gone": {"own": 0, "own_recent": 0, "in_its_place": 1, "in_its_place_recent": 1}}
    assert {(each["reason"], each["provider"], each["recent"], each["count"]) for each in status["reasons"]} == {
        ("no_route", "", 40, 40), ("role_missing", "company", 1, 1), ("token_expired", "company", 1, 1),
        ("upstream_unreachable", "", 1, 1)}
    assert len(status["refusals"]) == 20
    assert {each["reason"] for each in status["refusals"]} == {each["reason"] for each in status["reasons"]}
    samples = admin.metrics()
    assert samples['portcullis_upstream_answers_total{upstream="app",code="5xx"}'] == 3
    assert 'portcullis_upstream_answers_total{upstream="gone",code="5xx"}' not in samples
    assert samples['portcullis_upstream_requests_total{upstream="gone",code="5xx"}'] == 1
    assert samples[
        'portcullis_refusals_total{route="private",provider="company",reason="token_expired",blame="client",upstream=""}'] == 1
    assert samples["portcullis_log_lines_lost_total"] == 0


def test_L_4_lines_that_are_lost_are_counted(start, upstream):
    gateway = start(config(upstream(), top="log: { access: /dev/full }"))
    admin = Admin(gateway)
    for _ in range(5):
        assert get(gateway, "/nope").status == 404
    wait_until(lambda: admin.metrics()["portcullis_log_lines_lost_total"] == 5, "the count")
    assert admin.status()["faults"] == [{"what": "access_log", "why": "5 lines lost since the process started"}]
    assert b"The access log is not complete" in admin.get("/status", HTML).body


def test_a_file_of_revocations_that_cannot_be_used_is_a_fault(start, upstream, tmp_path, key):
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}))
    file, gauge = tmp_path / "revoked", "portcullis_revocations_file_last_read_successful"

    def write(text):
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").rename(file)

    write("jti j1\n")
    gateway = start(config(
        upstream(), f"jwks_file: {tmp_path}/jwks.json", top=f"revocations: {{ file: {file} }}",
        routes="- { path: /x, auth: company, upstream: app }"))
    admin = Admin(gateway)
    assert admin.metrics()[gauge] == 1 and admin.status()["faults"] == []
    write("jti j1\njti j2\nnonsense\n")
    why = gateway.wait_message("revocations cannot be read")["why"]
    assert get(gateway, "/x", [bearer(mint(key, jti="j2"))]).status == 200
    wait_until(lambda: admin.metrics()[gauge] == 0, "the fault")
    assert admin.status()["faults"] == [{"what": "revocations_file", "why": why}] and ":3:1: " in why
    page = admin.get("/status", HTML).body.decode()
    assert "Revocations that were read before stay in force" in page and "revoked:3:1: " in page
    write("jti j1\njti j2\n")
    wait_until(lambda: admin.metrics()[gauge] == 1, "the file that is good again")
    assert admin.status()["faults"] == []
    assert get(gateway, "/x", [bearer(mint(key, jti="j2"))]).status == 401
    # A gateway without such a file says nothing of one.
    assert gauge not in Admin(start(config(upstream()))).metrics()


def test_the_page_fits_a_phone_and_goes_on_by_itself(start, upstream, chromium):
    gateway = start(config(upstream()))
    admin = Admin(gateway)
    get(gateway, "/a/rather/long/path/" + "x" * 300)
    context = chromium.new_context(viewport={"width": 360, "height": 640}, color_scheme="dark")
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"http://127.0.0.1:{admin.port}/status")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.get_by_role("row", name="refused: client 1 1").count() == 1
    assert page.get_by_role("row", name="upstream answered 2xx 0 0").count() == 1
    assert page.get_by_text("no_route").count() == 2 and page.get_by_text("ready", exact=True).is_visible()
    get(gateway, "/open/x")
    page.get_by_role("row", name="upstream answered 2xx 1 1").wait_for(timeout=20_000)
    page.get_by_role("row", name="all 2 2").wait_for()
    assert said == []
    context.close()


def test_the_counts_of_reasons_are_in_view_on_a_phone(start, upstream, chromium, tmp_path, key):
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}))
    route = f"- {{ name: {'a-route-with-a-long-name-' * 2}, path: /far/**, auth: company, upstream: app }}"
    gateway = start(config(upstream(), f"jwks_file: {tmp_path}/jwks.json", routes=route))
    admin = Admin(gateway)
    for _ in range(3):
        assert get(gateway, "/far/x").status == 401
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{admin.port}/status")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    row = page.locator("section", has=page.get_by_role("heading", name="Reasons")).get_by_role("row").filter(
        has_text="credential_missing")
    counts = row.get_by_role("cell", name="3", exact=True)
    assert counts.count() == 2
    for cell in [*counts.all(), row.get_by_role("cell", name="credential_missing")]:
        box = cell.bounding_box()
        assert 0 <= box["x"] and box["width"] > 0 and box["x"] + box["width"] <= 390, (cell, box)
    context.close()


def test_a_public_one_shows_and_changes_nothing(start, upstream):
    gateway = start(config(upstream(), admin="{ address: 0.0.0.0:0, public: true }"))
    admin = Admin(gateway)
    assert admin.get("/status", JSON).status == 200
    assert admin.get("/reload", method="POST").status == 403
    refused = run("reload", "--admin", f"127.0.0.1:{admin.port}")
    assert refused.returncode == 69 and "accepts no commands" in refused.stderr
    assert admin.status()["configuration"]["generation"] == 1
    # What is wrong may quote what nobody else is to read.
    gateway.write_config("listeners: hunter2")
    gateway.signal(signal.SIGHUP)
    gateway.wait_message("reload refused")
    assert b"hunter2" not in admin.get("/status", JSON).body + admin.get("/status", HTML).body
    assert admin.status()["configuration"]["faults"] == ["the log says what is wrong, in 2 places"]


def test_each_reload_that_is_asked_for_is_answered_with_what_came_of_it(start, upstream):
    gateway = start(config(upstream()))
    admin = Admin(gateway)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: admin.get("/reload", method="POST").status, range(12)))
    # Those that come while one goes on are answered by the next, together.
    assert answers == [200] * 12 and 2 < admin.status()["configuration"]["generation"] <= 13
    assert gateway.wait_message("requested at")["client"] == "127.0.0.1"


def test_one_address_does_not_keep_the_others_out(start, upstream):
    gateway = start(config(upstream(), admin="{ address: 0.0.0.0:0, public: true }"))
    admin = Admin(gateway)
    held = [socket.create_connection(("127.0.0.1", admin.port), source_address=("127.0.0.2", 0)) for _ in range(40)]
    wait_until(lambda: admin.get("/health/live").status == 200, "an answer")
    wait_until(lambda: all(is_closed(each) for each in held), "what nobody uses to be closed", 15)


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_a_unix_socket_and_a_handover(start, upstream, tmp_path):
    app = upstream()
    path = tmp_path / "admin.sock"
    gateway = start(config(app, admin=f"{{ address: 'unix:{path}' }}"))

    def ask(target):
        return subprocess.run(
            ["curl", "-s", "--max-time", "5", "--unix-socket", path, f"http://localhost{target}"], capture_output=True,
            text=True).stdout
    assert ask("/health/ready") == "ready\n"
    first = json.loads(ask("/status"))["uptime_seconds"]
    pid = gateway.pid
    gateway.signal(signal.SIGUSR2)
    assert gateway.wait() == 0
    assert ask("/health/ready") == "ready\n"
    assert json.loads(ask("/status"))["uptime_seconds"] <= max(first, 3) and pid == gateway.pid


@pytest.mark.parametrize("umask, mode", [("000", 0o660), ("027", 0o640), ("077", 0o600)])
def test_A_1_the_mode_of_its_unix_socket(start, upstream, tmp_path, umask, mode):
    app, first, second, listener = upstream(), tmp_path / "a.sock", tmp_path / "b.sock", tmp_path / "l.sock"

    def settings(path):
        return config(app, admin=f"{{ address: 'unix:{path}' }}").replace(
            "listeners:\n", f"listeners:\n      - address: 'unix:{listener}'\n", 1)
    gateway = start(settings(first), prefix=["sh", "-c", f'umask {umask}; exec "$@"', "sh"])
    assert stat.S_IMODE(first.stat().st_mode) == mode
    # That of clients is for whomever the umask lets in.
    assert stat.S_IMODE(listener.stat().st_mode) == 0o777 & ~int(umask, 8)
    # That of a new process is alike.
    gateway.write_config(settings(second))
    gateway.signal(signal.SIGUSR2)
    assert gateway.wait() == 0
    assert stat.S_IMODE(second.stat().st_mode) == mode


def test_its_path_goes_with_it(start, upstream, tmp_path):
    gateway = start(config(upstream(), admin=f"{{ address: 'unix:{tmp_path}/admin.sock' }}"))
    assert (tmp_path / "admin.sock").is_socket()
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0 and not (tmp_path / "admin.sock").exists()


def test_the_alerts_fire_when_they_should():
    tests = ROOT / "Tests/EndToEnd/support/portcullis.rules.test.yml"
    done = subprocess.run(["promtool", "test", "rules", tests], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_is_documented_and_what_alerts_ask_for_is_there(start, upstream, tmp_path, key):
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}))
    gateway = start(config(upstream(), f"jwks_file: {tmp_path}/jwks.json"))
    text = Admin(gateway).get("/metrics").body.decode()
    exposed = set(re.findall("^# TYPE ([a-z_]+)", text, re.M))
    documented = set(re.findall(r"((?:portcullis|process)_[a-z_]+)", (ROOT / "docs/admin.md").read_text()))
    assert documented == exposed
    asked = set(re.findall(r"((?:portcullis|process)_[a-z_]+)", (ROOT / "deploy/portcullis.rules.yml").read_text()))
    assert asked <= exposed


def test_A_1_without_one_nothing_listens_and_other_paths_have_nothing(start, upstream):
    app = upstream()
    gateway = start(config(app).replace("admin: { address: 127.0.0.1:0 }", ""))
    assert "admin" not in gateway.wait_message("serving")
    other = Admin(start(config(app)))
    for path, status in (("/x", 404), ("/metrics/", 404), ("/health", 404), ("//metrics", 404), ("/requests/x", 404)):
        assert other.get(path).status == status, path
    assert other.get("/metrics", method="POST").status == 405 and other.get("/metrics", method="HEAD").body == b""
    # Nothing of it is on the listeners of clients, with one or without.
    for each in (gateway, other.gateway):
        for path in ("/metrics", "/status", "/health/ready", "/health/live", "/config", "/requests/x"):
            answer = get(each, path)
            assert (answer.status, each.access_of(answer.request_id)["reason"]) == (404, "no_route")
        assert get(each, "/reload", method="POST").status == get(each, "/revoke", method="POST").status == 404
    assert app.received == b""


def test_what_is_wrong_with_it_is_said(tmp_path):
    for written, fault in (
        ("admin: { address: 0.0.0.0:9901 }", "other machines can reach this address"),
        ("admin: { address: '[::]:9901' }", "other machines can reach this address"),
        ("admin: { address: 127.0.0.1:8080 }", "a listener has the same address"),
        ("admin: {}", "\"address\" is missing"),
        ("admin: { address: 127.0.0.1:9901, hosts: ['*.example'] }", "is not a host"),
    ):
        file = tmp_path / "gateway.conf"
        file.write_text(f"listeners:\n  - address: 127.0.0.1:8080\n{written}\nupstreams: {{ echo: {{ builtin: echo }} }}\n"
                        "routes:\n  - { path: /**, auth: none, upstream: echo }\n".replace("/**,", '"/**",'))
        checked = run("check", "--config", file)
        assert checked.returncode == 1 and fault in checked.stderr + checked.stdout, (written, checked)
        assert re.search(r"gateway\.conf:3:\d+: ", checked.stderr + checked.stdout)


def test_the_only_server_of_an_upstream_that_fails_is_said_to(start):
    """Without health checks too; it is asked all the same, so that it is found at once when it is back."""
    server = Process("alone")
    try:
        gateway = start(config(server))
        admin = Admin(gateway)

        def state():
            [of_status] = [u["servers"][0]["state"] for u in admin.status()["upstreams"] if u["name"] == "app"]
            samples = admin.metrics()
            [of_metric] = [s for s in ("up", "down", "ejected")
                           if samples[f'portcullis_upstream_servers{{upstream="app",state="{s}"}}'] == 1]
            assert of_status == of_metric
            return of_status

        assert get(gateway, "/open/x").status == 200 and state() == "up"
        server.kill()
        assert [get(gateway, "/open/x").status for _ in range(8)] == [502] * 8 and state() == "ejected"
        message = gateway.wait_message("the only server of an upstream fails")
        assert (message["upstream"], message["server"]) == ("app", server.server)
        assert message["reason"] == "upstream_unreachable" and not gateway.said("passed over")
        server.start()
        assert get(gateway, "/open/x").status == 200 and state() == "up"
        gateway.wait_message("answers again")
        assert len(gateway.said("the only server")) == 1 and len(gateway.said("answers again")) == 1
    finally:
        server.kill()
