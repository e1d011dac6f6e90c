"""Rules A-4 and D-7: SIGHUP takes a good configuration whole, a bad one not at all, and loses no request."""
import json
import os
import signal
import socket
import subprocess
import textwrap
import threading

import pytest
from support.gateway import BINARY, run
from support.ports import wait_until
from support.sign_in import ALICE, users
from support.tokens import AUDIENCE, ISSUER, Key, bearer, held_until, mint
from support.wire import Client, get


def config(app, routes, more="", workers=1):
    return f"""
    listeners:
      - address: 127.0.0.1:0
    workers: {workers}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    {more}
    routes:
      {routes}
    """


OPEN = "- { path: /a/**, auth: none, upstream: app }"
CLOSED = "- { path: /b/**, auth: none, upstream: app }"


def refuse(gateway):
    """Has the gateway refuse to reload; what it says of it."""
    count = len(gateway.messages())
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: any("reload refused" in m["message"] for m in gateway.messages()[count:]), "the refusal")
    return [m["message"] for m in gateway.messages()[count:]]


def test_the_next_request_of_a_connection_uses_the_new_routes(start, upstream, workers):
    app, other = upstream(), upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
    gateway = start(config(app, OPEN, workers=workers))
    clients = [Client(gateway) for _ in range(8)]

    def statuses(path):
        return [client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").response().status for client in clients]

    assert statuses("/a/1") == [200] * 8 and statuses("/b/1") == [404] * 8
    gateway.reload(config(app, CLOSED, workers=workers))
    # Every loop is told after the message; none of them later than its next turn.
    wait_until(lambda: statuses("/a/2") == [404] * 8, "the new routes")
    assert statuses("/b/2") == [200] * 8
    gateway.reload(config(other, CLOSED, workers=workers))
    seen = len(app.requests)
    wait_until(lambda: statuses("/b/3") and len(other.requests) >= 16,
               "the new upstream")
    # Only requests that a loop had not yet been told of may have gone to the old one.
    assert len(app.requests) <= seen + 8
    final = len(app.requests)
    assert statuses("/b/4") == [200] * 8 and len(app.requests) == final
    for client in clients:
        client.sock.close()
    wait_until(lambda: {line["config"] for line in gateway.access()} == {1, 2, 3}, "lines of each configuration")


@pytest.mark.parametrize("change, said", [
    (lambda text: text[:len(text) // 2], None), (lambda text: "", None),
    (lambda text: text + "\n    colour: red", "colour"),
    (lambda text: text.replace("upstream: app", "upstream: ap"), "no upstream is called"),
    (lambda text: text.replace("auth: none", "auth: [none"), None), (lambda text: "\0", None),
], ids=["truncated", "empty", "unknown key", "dangling name", "syntax", "NUL"])
def test_A_4_a_broken_file_changes_nothing(start, upstream, change, said):
    app = upstream()
    good = config(app, OPEN)
    gateway = start(good)
    gateway.write_config(change(good.replace("/a/**", "/b/**")))
    messages = refuse(gateway)
    assert any(str(gateway.config_path) + ":" in message for message in messages), messages
    assert said is None or any(said in message for message in messages), messages
    assert get(gateway, "/a/x").status == 200 and get(gateway, "/b/x").status == 404
    # It goes on to take a good one.
    gateway.reload(config(app, CLOSED))
    wait_until(lambda: get(gateway, "/b/x").status == 200, "the new routes")
    assert get(gateway, "/a/x").status == 404


def test_A_4_a_missing_file_changes_nothing(start, upstream):
    gateway = start(config(upstream(), OPEN))
    gateway.config_path.unlink()
    assert any("gateway.conf" in message for message in refuse(gateway))
    assert get(gateway, "/a/x").status == 200


KEYS = "- { path: /a/**, auth: company, upstream: app }"


def test_A_4_own_keys_that_have_gone_are_not_replaced(start, upstream, tmp_path):
    app, state = upstream(), tmp_path / "state"
    provider = ('providers: { company: { issuer: "http://127.0.0.1:8080", audiences: [a], '
                f"signing: {{ state: {state} }} }} }}")
    gateway = start(config(app, KEYS, provider))
    minted = run("token", "mint", "--config", gateway.config_path, "--provider", "company", "--subject", "a")
    token = bearer(minted.stdout.strip())
    assert get(gateway, "/a/x", [token]).status == 200
    state.rename(tmp_path / "away")
    assert any("company" in message and "no longer holds the keys" in message for message in refuse(gateway))
    assert not state.exists() and get(gateway, "/a/y", [token]).status == 200
    (tmp_path / "away").rename(state)
    gateway.reload(config(app, KEYS, provider))
    assert get(gateway, "/a/z", [token]).status == 200


@pytest.mark.parametrize("fault", ["removed", "broken", "empty"])
def test_A_4_key_files_are_part_of_the_configuration(start, upstream, tmp_path, keys, fault):
    app, file = upstream(), tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [keys["ES256"].jwk]}))
    provider = f'providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {file} }} }}'
    gateway = start(config(app, KEYS, provider))
    token = mint(keys["ES256"])
    assert get(gateway, "/a/x", [bearer(token)]).status == 200
    if fault == "removed":
        file.unlink()
    else:
        file.write_text("{" if fault == "broken" else '{"keys": []}')
    # Neither the new routes nor the missing keys are taken.
    gateway.write_config(config(app, KEYS.replace("/a/", "/b/"), provider))
    messages = refuse(gateway)
    assert any("keys.json" in message or "company" in message for message in messages), messages
    assert get(gateway, "/a/x", [bearer(token)]).status == 200
    assert get(gateway, "/a/x", [bearer(mint(keys["ES256"], jti="new"))]).status == 200
    assert get(gateway, "/b/x", [bearer(token)]).status == 404
    # The keys are back, others than before.
    other = Key("ES256", "other-1")
    file.write_text(json.dumps({"keys": [other.jwk]}))
    gateway.reload(config(app, KEYS, provider))
    wait_until(lambda: get(gateway, "/a/x", [bearer(token)]).status == 401, "the old key to go")
    assert get(gateway, "/a/x", [bearer(mint(other))]).status == 200


def test_K_5_fetched_keys_outlive_a_reload(start, upstream, key_server, keys, workers):
    app, issuer = upstream(), key_server(keys["ES256"])

    def provider(more=""):
        return (f'providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], '
                f'jwks_url: "{issuer.url}"{more} }} }}')

    gateway = start(config(app, KEYS, provider(), workers))
    gateway.wait_message("keys updated")
    issuer.instead = (500, {}, b"")
    # Neither the same provider nor one that is asked more often is without keys while the issuer is down.
    for more, fetches in (("", 1), (", leeway: 1s", 1), (", refresh: { every: 5m }", 2)):
        gateway.reload(config(app, KEYS, provider(more), workers))
        for number in range(8):
            assert get(gateway, "/a/x", [bearer(mint(keys["ES256"], jti=f"{more}{number}"))]).status == 200
        wait_until(lambda: issuer.fetches >= fetches, "the fetch")
    gateway.wait_message("the keys fetched before stay in use")
    assert get(gateway, "/a/x", [bearer(mint(keys["ES256"]))]).status == 200
    # Another place is another matter: its keys alone count.
    other = key_server(Key("ES256", "other-1"))
    gateway.reload(config(app, KEYS, provider().replace(issuer.url, other.url), workers))
    wait_until(lambda: get(gateway, "/a/x", [bearer(mint(keys["ES256"]))]).status == 401, "the old keys to go")
    assert get(gateway, "/a/x", [bearer(mint(other.keys[0]))]).status == 200


def test_K_4_a_reload_leaves_no_provider_without_keys(start, upstream, key_server, keys, tmp_path):
    app, old, new = upstream(), key_server(keys["ES256"]), key_server(Key("ES256", "new-1"))
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [keys["ES256"].jwk]}))

    def written(where, issuer=ISSUER):
        return config(app, KEYS, "admin: { address: 127.0.0.1:0 }\n    " + (
            f'providers: {{ company: {{ issuer: "{issuer}", audiences: [{AUDIENCE}], {where} }} }}'))

    def status(key, **more):
        return get(gateway, "/a/x", [bearer(mint(key, jti=os.urandom(4).hex(), **more))]).status
    gateway = start(written(f'jwks_url: "{old.url}"'))
    gateway.wait_message("keys updated")
    admin = gateway.wait_message("serving")["admin"]
    new.instead = (500, {}, b"")
    for where in (f'jwks_url: "{old.url}"', f"jwks_file: {file}"):
        gateway.reload(written(where))
        gateway.write_config(written(f'jwks_url: "{new.url}"'))
        reloaded = run("reload", "--admin", admin)
        assert reloaded.returncode == 1, reloaded
        assert 'provider "company" would have no keys: they cannot be fetched from there: ' in reloaded.stderr, reloaded
        assert "the response has status 500" in reloaded.stderr and status(keys["ES256"]) == 200
    # Nobody asks there any longer.
    asked = new.fetches
    # What the new place has counts at once, and alone.
    new.instead = None
    app.forget()
    reloaded = run("reload", "--admin", admin)
    assert reloaded.returncode == 0, reloaded
    assert new.fetches == asked + 1
    assert status(keys["ES256"]) == 401 and app.received == b"" and status(new.keys[0]) == 200
    # Another issuer's keys are no reason to wait: nobody's tokens are good without them.
    old.instead = (500, {}, b"")
    gateway.reload(written(f'jwks_url: "{old.url}"', "https://other.example"))
    assert status(keys["ES256"], iss="https://other.example") == 503


def keys_from(app, url):
    """A configuration whose provider has its keys there."""
    return config(app, KEYS, "admin: { address: 127.0.0.1:0 }\n    " + (
        f'providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{url}" }} }}'))


def test_a_place_of_keys_that_hangs_holds_up_no_reload_that_was_wanted_before(start, upstream, key_server, keys):
    """Two are asked for at once: the second waits while the first reads the file, and no longer."""
    app, old, new = upstream(), key_server(keys["ES256"]), key_server(Key("ES256", "new-1"))
    gateway = start(keys_from(app, old.url))
    gateway.wait_message("keys updated")
    host, port = gateway.wait_message("serving")["admin"].rsplit(":", 1)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        hanging.settimeout(30)
        gateway.write_config(keys_from(app, f"http://127.0.0.1:{hanging.getsockname()[1]}/"))
        asking = [socket.create_connection((host, int(port)), 30) for _ in range(2)]
        for sock in asking:
            sock.sendall(b"POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        held = [hanging.accept()[0] for _ in range(2)]
        gateway.reload(keys_from(app, new.url))
        for sock in asking:
            assert sock.makefile("rb").readline().startswith(b"HTTP/1.1 200 ")
            sock.close()
        for sock in held:
            sock.close()
    assert get(gateway, "/a/x", [bearer(mint(new.keys[0]))]).status == 200
    assert not gateway.said("reload refused")


def test_a_place_of_keys_that_hangs_holds_up_no_other_reload(start, upstream, key_server, keys):
    app, old, new = upstream(), key_server(keys["ES256"]), key_server(Key("ES256", "new-1"))
    gateway = start(keys_from(app, old.url))
    gateway.wait_message("keys updated")
    admin = gateway.wait_message("serving")["admin"]
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        hanging.settimeout(30)
        gateway.write_config(keys_from(app, f"http://127.0.0.1:{hanging.getsockname()[1]}/"))
        with subprocess.Popen([BINARY, "reload", "--admin", admin], stdout=subprocess.PIPE, text=True) as first:
            asking, _ = hanging.accept()
            gateway.reload(keys_from(app, new.url))
            # The later one answers for it.
            said = first.communicate(timeout=30)[0]
        assert first.returncode == 0 and said.startswith("reloaded: providers: 1 changed"), said
        asking.close()
    assert get(gateway, "/a/x", [bearer(mint(new.keys[0]))]).status == 200
    assert not gateway.said("reload refused")


def test_A_4_a_configuration_that_is_no_file_is_refused_by_a_reload(start, upstream, tmp_path):
    """Nobody writes into the pipe, which is seen as a change; reading it would not end."""
    app = upstream()
    gateway = start(config(app, OPEN, "reload: { watch: true }"))
    text = gateway.config_path.read_text()
    gateway.config_path.unlink()
    os.mkfifo(gateway.config_path)
    said = refuse(gateway)
    assert any("cannot be read: it is not a regular file" in message for message in said), said
    gateway.config_path.unlink()
    gateway.config_path.write_text(text.replace("/a/**", "/c/**"))
    gateway.wait_message("reloaded", 30)
    assert get(gateway, "/c/1").status == 200


@pytest.mark.parametrize("place", ["stdin", "fifo"])
def test_a_start_reads_its_configuration_from_a_pipe(upstream, tmp_path, place):
    text = textwrap.dedent(config(upstream(), OPEN)).encode()
    path = tmp_path / "gateway.conf" if place == "fifo" else "/dev/stdin"
    if place == "fifo":
        os.mkfifo(path)
    with subprocess.Popen([BINARY, "serve", "--config", str(path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as process:
        # Where it says nothing the reading ends with it.
        patience = threading.Timer(60, process.kill)
        patience.start()
        if place == "fifo":
            path.write_bytes(text)
        process.stdin.write(text if place == "stdin" else b"")
        process.stdin.close()
        while b'"message":"serving"' not in (line := process.stderr.readline()):
            assert line
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
            said = process.stderr.readline()
            assert b"cannot be read: it is not a regular file" in said, said
            assert b"reload refused" in process.stderr.readline()
        process.terminate()
        process.stderr.read()
        patience.cancel()
    assert process.returncode == 0


def test_A_4_a_reload_that_is_refused_late_leaves_no_database(start, upstream, tmp_path):
    app = upstream()
    users_file = tmp_path / "users.yaml"
    users_file.write_text(users(ALICE))
    users_file.chmod(0o600)
    (tmp_path / "jwks.json").write_text("{}")
    secret = tmp_path / "client.secret"
    secret.write_text("s" * 32)
    secret.chmod(0o600)

    def written(jwks):
        return config(app, OPEN, f"""providers:
      local:
        issuer: http://127.0.0.1:8080
        audiences: [api]
        signing: {{ state: {tmp_path}/state }}
        sign_in: {{ users_file: {users_file} }}
      web:
        issuer: http://127.0.0.1:1
        audiences: [web]
        code_flow: {{ client_id: web, url: "http://localhost:8080", client_secret_file: {secret}, state: {tmp_path}/state }}
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {tmp_path}/{jwks} }}""")
    gateway = start(config(app, OPEN))
    gateway.write_config(written("jwks.json"))
    for _ in range(2):
        said = refuse(gateway)
        assert any('provider "company": no key set' in message for message in said), said
        assert not [each.name for each in (tmp_path / "state").iterdir() if ".db" in each.name]
    (tmp_path / "good.json").write_text(json.dumps({"keys": [Key("ES256", "a").jwk]}))
    gateway.reload(written("good.json"))
    made = {each.name for each in (tmp_path / "state").iterdir() if each.suffix == ".db"}
    assert made == {"local.sign-ins.db", "web.sessions.db"}
    # What was there before stays.
    gateway.write_config(written("jwks.json"))
    refuse(gateway)
    assert made <= {each.name for each in (tmp_path / "state").iterdir()}


def test_more_connections_than_there_is_room_for_are_said_by_a_reload_too(start, upstream):
    app = upstream()
    gateway = start(config(app, OPEN, "limits: { connections: 10 }"), prefix=("prlimit", "--nofile=256:256"))
    said = lambda: gateway.said("the limit of open files has room for fewer than limits.connections")
    assert not said()
    for connections, times in ((1000, 1), (1000, 1), (900, 1), (1100, 2)):
        gateway.reload(config(app, OPEN, f"limits: {{ connections: {connections} }}"))
        assert len(said()) == times, connections
    assert said()[1]["limit"] == "256" and int(said()[1]["connections"]) < 1000 < int(said()[1]["needed"])


def test_A_4_a_signing_key_that_others_can_read_is_refused(start, upstream, tmp_path):
    provider = f"""providers:
      company: {{ issuer: "http://127.0.0.1:8080", audiences: [api], signing: {{ state: {tmp_path}/state }} }}"""
    gateway = start(config(upstream(), KEYS, provider))
    [file] = (tmp_path / "state").iterdir()
    file.chmod(0o644)
    assert any(file.name in message for message in refuse(gateway))
    file.chmod(0o600)
    gateway.reload(config(upstream(), KEYS, provider))


def test_a_listener_is_changed_by_a_restart_alone_and_that_is_said(start, upstream):
    app = upstream()
    gateway = start(config(app, OPEN))
    gateway.reload(config(app, CLOSED, workers=2).replace("127.0.0.1:0", "127.0.0.2:0"))
    assert gateway.said("with SIGUSR2 or a restart")
    wait_until(lambda: get(gateway, "/b/x").status == 200, "the new routes")


def test_D_7_a_reload_under_load_loses_no_request(start, upstream, workers):
    app = upstream()
    good = config(app, OPEN, workers=workers)
    gateway = start(good)
    stopped, counts, faults = threading.Event(), [0] * 6, []

    def client(index):
        try:
            with Client(gateway) as connection:
                while not stopped.is_set():
                    target = f"/a/{index}/{counts[index]}"
                    connection.send(f"POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                    answer = connection.response()
                    assert answer.status == 200 and answer.body == b"ok", answer
                    assert answer.field("connection") is None, answer
                    counts[index] += 1
        except BaseException as error:
            faults.append((index, counts[index], error))

    threads = [threading.Thread(target=client, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for turn in range(6):
        before = sum(counts)
        wait_until(lambda: faults or sum(counts) > before + 30, "requests between reloads", 20)
        if turn % 3 == 2:
            gateway.write_config(good[:150])
            refuse(gateway)
        else:
            gateway.reload(config(app, OPEN + f"\n      - {{ path: /more{turn}/**, auth: none, upstream: app }}",
                                   workers=workers))
    stopped.set()
    for thread in threads:
        thread.join(15)
    assert not faults, faults
    targets = sorted(request.target for request in app.requests)
    assert targets == sorted(f"/a/{index}/{number}" for index in range(6) for number in range(counts[index]))


@pytest.mark.parametrize("change, target, status", [
    ("nothing", "/a/x", 200), ("more routes", "/a/x", 200), ("no provider", "/a/x", 200), ("no route", None, 404)])
def test_D_7_who_waits_for_keys_is_decided_anew_by_a_reload(start, upstream, key_server, keys, change, target, status):
    """With the same provider it waits on; where the new configuration needs no keys, that counts at once."""
    app, issuer, release = upstream(), key_server(), threading.Event()
    issuer.instead = held_until(release, keys["ES256"])
    provider = (f'providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], '
                f'jwks_url: "{issuer.url}" }} }}')
    public = "- { path: /public, auth: none, upstream: app }"
    before = config(app, f"{KEYS}\n      {public}", provider)
    gateway = start(before)
    with Client(gateway) as client:
        client.send(f"GET /a/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {mint(keys['ES256'])}\r\n\r\n")
        # The one loop has looked at the request before it answers one of a later connection.
        assert get(gateway, "/public").status == 200
        app.forget()
        gateway.reload({
            "nothing": before, "more routes": config(app, f"{public}\n      {CLOSED}\n      {KEYS}", provider),
            "no provider": config(app, OPEN + "\n      " + public), "no route": config(app, public)}[change])
        if target and change != "no provider":
            for _ in range(3):
                assert get(gateway, "/public").status == 200
            assert {line["path"] for line in gateway.wait_access(4)} == {"/public"}
            assert {request.target for request in app.requests} == {"/public"}
            release.set()
        answer = client.response()
        assert answer.status == status, (answer, gateway.access_text)
        line = gateway.access_of(answer.request_id or app.requests[-1].field("x-request-id"))
        assert (line["status"], line["config"], line.get("reason")) == (
            status, 2, None if status == 200 else "no_route"), line
        assert [r.target for r in app.requests if r.target != "/public"] == [target] * (target is not None)
        # The connection goes on.
        assert client.send("GET /public HTTP/1.1\r\nHost: a\r\n\r\n").response().status == 200
    release.set()


@pytest.mark.parametrize("change", ["nothing", "no provider"])
def test_A_4_a_response_that_the_client_has_yet_to_take_survives_a_reload(start, upstream, key_server, keys, tmp_path, change):
    """Who has waited for keys in vain is answered, and waits no more, though the client has not taken the answer."""
    app, issuer, release = upstream(), key_server(), threading.Event()
    issuer.instead = held_until(release, keys["ES256"])
    provider = (f'providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], '
                f'jwks_url: "{issuer.url}" }} }}')
    public, path = "- { path: /public, auth: none, upstream: app }", f"{tmp_path}/clients.sock"
    before = config(app, f"{KEYS}\n      {public}", provider).replace(
        "    workers", f'      - address: "unix:{path}"\n    workers', 1)
    after = before if change == "nothing" else before.replace(provider, "").replace(KEYS, OPEN)
    gateway = start(before)
    first, second = (f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n" for target in ("/first/", "/second"))
    asking = f"GET /a/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {mint(keys['ES256'])}\r\n\r\n"

    def answered(target):
        """How many requests have been, all of the response in the socket: connections take turns."""
        public = get(gateway, "/public").request_id or app.requests[-1].field("x-request-id")
        gateway.access_of(public)
        return sum(line.get("path") == target for line in gateway.access())

    with Client(gateway, address=path) as greedy:
        # As many responses as a socket holds whose client reads nothing.
        greedy.send(first * 1500)
        count = 0
        while (more := answered("/first/")) > count:
            count = more
        assert 0 < count < 1500
    with Client(gateway, address=path) as client, Client(gateway, address=path, seconds=15) as other:
        client.send(second * count + asking + "GET /public HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: answered("/second") == count, "the responses before it")
        # Its wait begins later, so it ends later.
        assert other.send(asking).response().status == 503
        assert len(gateway.wait_access(path="/a/x")) == 1, "the client has been sent it"
        public_before = len(gateway.wait_access(path="/public"))
        gateway.reload(after)
        assert [client.response().status for _ in range(count)] == [404] * count
        assert client.response().status == 503
        assert client.response().status == 200
        assert gateway.wait_access(2, path="/a/x")[1]["reason"] == "keys_unavailable"
        assert len(gateway.wait_access(public_before + 1, path="/public")) == public_before + 1
    release.set()


WATCHED = "admin: { address: 127.0.0.1:0 }\n    reload: { watch: true, canary: 10s }"


def test_a_change_is_taken_without_a_signal(start, upstream, tmp_path):
    """As it is written and as a link is turned, once each; what is wrong is not read again until it is another."""
    app = upstream()
    gateway = start(config(app, OPEN, "reload: { watch: true }"))
    times = lambda text: len(gateway.said(text))
    gateway.write_config(config(app, CLOSED, "reload: { watch: true }"))
    gateway.wait_message("reloaded", 30)
    assert get(gateway, "/b/1").status == 200 and get(gateway, "/a/1").status == 404
    gateway.write_config(config(app, OPEN, "limitz: {}"))
    gateway.wait_message("reload refused", 30)
    assert get(gateway, "/b/1").status == 200
    # The way a ConfigMap changes: another file under the same path.
    other = gateway.config_path.with_name("other.conf")
    other.write_text(gateway.config_path.read_text().replace("limitz: {}", "reload: { watch: true }"))
    other.rename(gateway.config_path)
    wait_until(lambda: times("reloaded") == 2, "the second reload", 30)
    assert get(gateway, "/a/1").status == 200
    assert (times("a file of the configuration has changed"), times("reload refused")) == (3, 1)


def test_what_a_configuration_names_is_watched_though_it_could_not_be_read(start, upstream, tmp_path):
    """The file is not touched again: neither where it names what is not there yet, nor where that changes."""
    app = upstream()

    def written(file):
        text = config(app, f"- {{ path: /note, auth: none, upstream: note }}\n      {OPEN}", "reload: { watch: true }")
        return text.replace("      app:", f"      note: {{ builtin: static, static: {{ body_file: {file} }} }}\n      app:")

    note, later = tmp_path / "note", tmp_path / "later"
    note.write_text("one")
    gateway = start(written(note))
    assert get(gateway, "/note").body == b"one"
    note.write_text("three")
    wait_until(lambda: get(gateway, "/note").body == b"three", "the other text", 30)
    gateway.write_config(written(later))
    gateway.wait_message("reload refused", 30)
    later.write_text("four")
    wait_until(lambda: get(gateway, "/note").body == b"four", "the file that is there now", 30)


def test_a_configuration_that_refuses_more_is_taken_back(start, upstream, keys, tmp_path):
    app = upstream()
    keyset = tmp_path / "jwks.json"
    keyset.write_text(json.dumps({"keys": [keys["ES256"].jwk]}))
    provider = (f'providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {keyset} }} }}\n'
                "    admin: { address: 127.0.0.1:0 }\n    reload: { canary: 10s }")
    gateway = start(config(app, OPEN, provider, workers=2))
    assert all(get(gateway, "/a/1").status == 200 for _ in range(60))
    gateway.reload(config(app, "- { path: /a/**, auth: company, upstream: app }", provider, workers=2))
    wait_until(lambda: get(gateway, "/a/1").status == 401, "the new rule")
    assert all(get(gateway, "/a/1").status == 401 for _ in range(60))
    back = gateway.wait_message("the configuration is rolled back", 30)
    assert back["reason"] == "credential_missing" and back["share_before"] == "0.0 %" and back["level"] == "error"
    wait_until(lambda: get(gateway, "/a/1").status == 200, "the old rule")
    wait_until(lambda: gateway.messages()[-1].get("changes") == "routes: 1 changed (/a/**)", "the message")
    # Tried again at once it is compared with the same time as before. This time it is who asks that wants a trial.
    gateway.write_config(gateway.config_path.read_text().replace("reload: { canary: 10s }", ""))
    asked = run("reload", "--admin", gateway.wait_message("serving")["admin"], "--canary", "10s")
    assert (asked.returncode, asked.stdout) == (0, "reloaded, on trial for 10s: routes: 1 changed (/a/**); reload\n"), asked
    wait_until(lambda: get(gateway, "/a/1").status == 401, "the new rule")
    assert all(get(gateway, "/a/1").status == 401 for _ in range(60))
    wait_until(lambda: gateway.program_text.count("the configuration is rolled back") == 2, "the second time", 30)
    wait_until(lambda: get(gateway, "/a/1").status == 200, "the old rule")
    # Whoever reloads next, for whatever else, puts it on trial again.
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: get(gateway, "/a/1").status == 401, "the new rule")
    wait_until(lambda: gateway.messages()[-1].get("trial") == "10s", "the message")


def test_a_trial_that_is_asked_for_is_compared_where_no_configuration_ever_asked_for_one(start, upstream, keys, tmp_path):
    app = upstream()
    keyset = tmp_path / "jwks.json"
    keyset.write_text(json.dumps({"keys": [keys["ES256"].jwk]}))
    provider = (f'providers: {{ company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {keyset} }} }}\n'
                "    admin: { address: 127.0.0.1:0 }")
    gateway = start(config(app, OPEN, provider, workers=2))
    assert all(get(gateway, "/a/1").status == 200 for _ in range(60))
    gateway.write_config(config(app, "- { path: /a/**, auth: company, upstream: app }", provider, workers=2))
    asked = run("reload", "--admin", gateway.wait_message("serving")["admin"], "--canary", "10s")
    assert (asked.returncode, asked.stdout) == (0, "reloaded, on trial for 10s: routes: 1 changed (/a/**)\n"), asked
    wait_until(lambda: get(gateway, "/a/1").status == 401, "the new rule")
    assert all(get(gateway, "/a/1").status == 401 for _ in range(60))
    back = gateway.wait_message("the configuration is rolled back", 30)
    assert (back["reason"], back["share_before"]) == ("credential_missing", "0.0 %")
    wait_until(lambda: get(gateway, "/a/1").status == 200, "the old rule")


def test_a_canary_needs_counters(tmp_path):
    path = tmp_path / "gateway.conf"
    path.write_text("listeners: [{ address: 127.0.0.1:0 }]\nreload: { canary: 10m }\n"
                    "upstreams: { e: { builtin: echo } }\nroutes: [{ path: /**, auth: none, upstream: e }]\n")
    result = run("check", "--config", str(path))
    assert result.returncode == 1 and ":2:19: nothing is counted without `admin`" in result.stderr + result.stdout
