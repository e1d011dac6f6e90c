"""Rule T-16: what `revocations.file` names is refused on its next request, verified before or not."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest
from support.gateway import BINARY, run
from support.handover import Process, adopt_orphans
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, bearer, claims, hand_made, mint, payload, signing
from support.wire import Client, get

OTHER = "https://other.example"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file away")


class Scene:
    """A gateway with two providers, and its file of revoked tokens."""

    def __init__(self, start, app, folder, keys, workers=1, text="", level="info", prepare=None, **options):
        self.app, self.folder, self.workers, self.level = app, folder, workers, level
        self.key, self.foreign = keys["ES256"], keys["EdDSA"]
        self.file = folder / "revoked.txt"
        for name, key in (("company", self.key), ("other", self.foreign)):
            (folder / f"{name}.json").write_text(json.dumps({"keys": [key.jwk]}))
        (prepare or self.file.write_text)(text)
        self.start = start
        self.gateway = start(self.config(), **options)

    def config(self, revocations=None):
        revocations = f"revocations: {{ file: {self.file} }}" if revocations is None else revocations
        return f"""
    listeners:
      - address: 127.0.0.1:0
    workers: {self.workers}
    log: {{ level: {self.level} }}
    {revocations}
    providers:
      company:
        {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {self.folder}/company.json,
          token_from: [authorization, "cookie:session"] }}
      other: {{ issuer: "{OTHER}", audiences: [{AUDIENCE}], jwks_file: {self.folder}/other.json }}
    upstreams:
      app: {{ servers: ["{self.app.server}"] }}
    routes:
      - {{ path: /public, auth: none, upstream: app }}
      - {{ path: /optional, auth: company, anonymous: allow, upstream: app }}
      - {{ path: /admin, auth: company, require: {{ roles: [admin] }}, upstream: app }}
      - {{ path: "/**", auth: [company, other], upstream: app }}
    """

    def mint(self, **changes):
        return mint(self.key, **changes)

    def mint_other(self, **changes):
        return mint(self.foreign, iss=OTHER, **changes)

    def status(self, token, target="/x"):
        """That of the answer. The upstream has seen a request that passed, and nothing of any other."""
        mark = os.urandom(8).hex()
        status = get(self.gateway, target, [bearer(token), ("X-Mark", mark)]).status
        assert (mark.encode() in self.app.received) == (status == 200), status
        return status

    def warm(self, *tokens):
        """Has the loops verify the tokens, and find them again."""
        for token in tokens:
            for _ in range(4 * self.workers):
                assert self.status(token) == 200
        self.gateway.wait_access(1, cache="hit", status=200)

    def replace(self, text):
        """As an editor or a script does: a new file takes the name."""
        new = self.folder / "revoked.new"
        new.write_text(text)
        os.replace(new, self.file)

    def wait(self, token, status, seconds=10):
        """Until every loop has been told; then it stays so."""
        def all_same():
            return all(self.status(token) == status for _ in range(4 * self.workers))
        wait_until(all_same, f"{status}", seconds)

    def changes(self):
        return [(m["entries"], m["added"], m["removed"])
                for m in self.gateway.messages() if m["message"] == "revocations changed"]

    def refuses(self, token, target="/x", fields=None, **expected):
        """Answered as every bad token is, with the reason in the access line alone; nothing goes upstream."""
        seen = len(self.app.requests)
        answer = get(self.gateway, target, fields or [bearer(token)])
        assert answer.status == 401, answer
        assert answer.field("www-authenticate") == 'Bearer error="invalid_token"'
        assert b"revo" not in answer.body
        assert len(self.app.requests) == seen
        line = self.gateway.access_of(answer.request_id)
        expected = {"reason": "token_revoked", "blame": "client", "status": 401, "provider": "company",
                    "key_id": self.key.kid, **expected}
        assert {name: line.get(name) for name in expected} == expected, line
        # Whose it is: its signature held.
        subject = payload(token or fields[0][1].partition("=")[2])["sub"]
        assert "upstream" not in line and "claims" not in line and line["subject"] == subject, line


@pytest.fixture
def scene(start, upstream, tmp_path, keys):
    return lambda **options: Scene(start, upstream(), tmp_path, keys, **options)


@pytest.mark.parametrize("entry", ["jti j1", "sub carol", "kid es256-1", "[company]\njti j1", "[company]\nsub carol",
                                   "# why\r\n\r\njti j1  \r\n", "jti x\nsub y\nkid z\n[other]\n[company]\nsub carol"])
def test_T_16_a_token_that_was_verified_is_refused_on_its_next_request(scene, workers, entry):
    s = scene(workers=workers)
    token, other = s.mint(jti="j1", sub="carol"), s.mint_other(jti="j2", sub="dave")
    s.warm(token, other)
    s.replace(entry)
    s.wait(token, 401)
    by = next(f"file_{kind}" for kind in ("jti j1", "sub carol", "kid es256-1") if kind in entry).split()[0]
    s.refuses(token, provider="company", revoked_by=by)
    s.refuses(None, fields=[("Cookie", f"session={token}")], revoked_by=by)
    s.refuses(token, target="/optional", revoked_by=by)
    # Before the rights are looked at.
    s.refuses(token, target="/admin", revoked_by=by)
    # One that was never verified.
    s.refuses(s.mint(jti="j1", sub="carol", n=2), revoked_by=by)
    assert s.status(other) == 200 and get(s.gateway, "/public").status == 200
    # A reload takes what is gone at once.
    s.replace("# nothing")
    s.gateway.reload(s.config())
    s.wait(token, 200)
    assert s.changes()[-1][0] == "0"


def test_T_16_another_token_is_not_revoked(scene):
    s = scene(text="jti j1\nsub carol\nkid k\nsub caf\u00e9\n[other]\nsub alice\njti j3\n")
    for changes in (dict(jti="j2"), dict(jti="J1"), dict(jti="j1 "), dict(jti="j"), dict(sub="j1"), dict(jti="carol"),
                    dict(sub="Carol"), dict(sub="cafe\u0301"), dict(sub="alice"), dict(jti="j3"), dict(jti=None)):
        assert s.status(s.mint(**changes)) == 200, changes
    assert s.status(s.mint_other(sub="alice")) == 401
    assert s.status(s.mint(sub="caf\u00e9")) == 401


def test_T_16_an_id_that_could_not_be_listed(scene):
    s = scene(text="jti 17\n")
    for jti, status in ((17, 401), (18, 401), (["18"], 401), (True, 401), ({}, 401), ("17", 401), ("18", 200)):
        token = hand_made({"alg": "ES256", "kid": s.key.kid}, claims(jti=jti), signing(s.key))
        assert s.status(token) == status, jti


def test_T_16_a_revoked_key_does_not_sign_without_its_name(scene):
    """Whoever has the key leaves its name out."""
    s = scene(text="kid es256-1\n")
    for header in ({"alg": "ES256", "kid": s.key.kid}, {"alg": "ES256"}):
        token = hand_made(header, claims(), signing(s.key))
        s.refuses(token)
        s.refuses(token)


def test_T_16_I_9_a_subject_of_one_provider_is_not_another_s(scene, workers):
    s = scene(workers=workers)
    own, other = s.mint(sub="carol"), s.mint_other(sub="carol")
    s.warm(own, other)
    s.replace("[other]\nsub carol\n")
    s.wait(other, 401)
    assert s.status(own) == 200
    s.refuses(other, provider="other", key_id=s.foreign.kid)
    s.replace("[company]\nsub carol\n")
    s.wait(own, 401)
    s.gateway.reload(s.config())
    s.wait(other, 200)
    s.replace("sub carol\n")
    s.wait(other, 401)
    assert s.status(own) == 401


def test_T_16_H_19_the_next_request_of_a_connection_is_refused(scene):
    s = scene()
    token = s.mint(jti="j1")
    request = f"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
    with Client(s.gateway) as client, Client(s.gateway) as slow:
        for _ in range(3):
            assert client.send(request).response().status == 200
        # Decided before the revocation: it may end.
        slow.send(request.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 4\r\n\r\nab"))
        wait_until(lambda: b"POST /x" in s.app.received, "the head upstream")
        s.replace("jti j1\n")
        wait_until(lambda: client.send(request).response().status == 401, "the refusal")
        assert client.send(request).response().status == 401
        assert slow.send("cd").response().status == 200
        assert slow.send(request).response().status == 401


def in_place(s, text):
    with open(s.file, "r+") as file:
        file.truncate()
        file.write(text)


def append(s, text):
    with open(s.file, "a") as file:
        file.write(text)


def recreate(s, text):
    s.file.unlink()
    s.file.write_text(text)


@pytest.mark.parametrize("change", [Scene.replace, in_place, append, recreate], ids=lambda change: change.__name__)
def test_T_16_however_the_file_is_changed(scene, change):
    s = scene(text="sub nobody\n")
    tokens = [s.mint(jti=f"j{number}") for number in range(5)]
    s.warm(*tokens)
    for number, token in enumerate(tokens):
        assert s.status(token) == 200
        change(s, f"jti j{number}\n")
        s.wait(token, 401)
    if change is append:
        assert [s.status(token) for token in tokens] == [401] * 5
    else:
        s.gateway.reload(s.config())
        s.wait(tokens[0], 200)
        assert s.status(tokens[4]) == 401


def test_T_16_a_link_that_is_switched(scene, tmp_path):
    """As Kubernetes does: the file is a link into a folder, which is a link that is replaced."""
    versions = [tmp_path / f"..{number}" for number in range(2)]
    data = tmp_path / "..data"

    def prepare(text):
        for number, version in enumerate(versions):
            version.mkdir()
            # Of the same size, and of the same time.
            (version / "revoked.txt").write_text(f"jti j{number}\n")
            os.utime(version / "revoked.txt", (1_700_000_000, 1_700_000_000))
        data.symlink_to(versions[0].name)
        (tmp_path / "revoked.txt").symlink_to("..data/revoked.txt")

    s = scene(prepare=prepare)
    first, second = s.mint(jti="j0"), s.mint(jti="j1")
    assert (s.status(first), s.status(second)) == (401, 200)
    (tmp_path / "..next").symlink_to(versions[1].name)
    os.replace(tmp_path / "..next", data)
    s.wait(second, 401)
    s.gateway.reload(s.config())
    s.wait(first, 200)


def test_T_16_a_slow_writer_lets_nobody_in_and_what_is_gone_takes_10_s(scene):
    s = scene(text="jti j1\n")
    token = s.mint(jti="j1")
    s.refuses(token)
    writer = subprocess.Popen(["sh", "-c", f"{{ sleep 3; echo 'jti j1'; }} > {s.file}"])
    while writer.poll() is None:
        assert s.status(token) == 401
    assert s.status(token) == 401
    changes = s.changes()
    began = time.monotonic()
    s.replace("jti j2\n")
    s.wait(s.mint(jti="j2"), 401)
    assert s.status(token) == 401
    s.wait(token, 200, seconds=60)
    assert time.monotonic() - began >= 10
    wait_until(lambda: s.changes()[len(changes):] == [("2", "1", "0"), ("1", "0", "1")], "both messages")


@pytest.mark.parametrize("damage, said", [
    (lambda s: s.replace("jti j1\njit j2\n"), ':2:1: neither jti, sub, kid nor sid; did you mean "jti"?'),
    (lambda s: s.replace("[compny]\njti j1\n"), ':1:2: no provider is called "compny"; did you mean "company"?'),
    (lambda s: s.file.write_bytes(b"jti \xff\n"), ":1:5: bytes that are not UTF-8"),
    (lambda s: s.file.write_bytes(b"# x\njti a\0b\n"), ":2:6: a control character"),
    (lambda s: s.file.unlink(), "No such file or directory"),
    (lambda s: s.file.chmod(0o646), "run chmod o-w"),
    pytest.param(lambda s: os.chown(s.file, 65534, -1), "belongs to uid 65534", marks=AS_ROOT),
    (lambda s: (s.file.unlink(), s.file.mkdir()), "is not a regular file"),
    (lambda s: (s.file.unlink(), os.mkfifo(s.file)), "is not a regular file"),
    (lambda s: os.truncate(s.file, (16 << 20) + 1), "larger than 16 MiB"),
], ids=["kind", "provider", "UTF-8", "NUL", "missing", "writable", "foreign", "folder", "pipe", "size"])
def test_T_16_what_was_read_stays_in_force_while_the_file_cannot_be_used(scene, damage, said):
    s = scene(text="jti j1\n")
    revoked, good = s.mint(jti="j1"), s.mint(jti="j2")
    s.warm(good)
    s.refuses(revoked)
    damage(s)
    message = s.gateway.wait_message("revocations cannot be read")
    assert message["level"] == "error" and said in message["why"] and str(s.file) in message["why"], message
    s.refuses(revoked)
    assert s.status(good) == 200
    # A reload needs the file; the configuration in force stays.
    s.gateway.signal(signal.SIGHUP)
    s.gateway.wait_message("reload refused")
    assert s.gateway.said(said)
    s.refuses(revoked)
    if s.file.is_dir():
        s.file.rmdir()
    s.replace("jti j1\njti j2\n")
    s.gateway.wait_message("revocations can be read again")
    s.wait(good, 401)
    s.refuses(revoked)
    # Each was said once; that nothing is there, too, where that was seen between a folder and the file after it.
    assert [said in m["why"] for m in s.gateway.said("revocations cannot be read")].count(True) == 1
    assert len(s.gateway.said("revocations can be read again")) == 1


@pytest.mark.parametrize("prepare, said", [
    (lambda file: None, "3:22: stat "), (lambda file: file.mkdir(), "is not a regular file"),
    (lambda file: (file.write_text("jti a\n"), file.chmod(0o666)), "run chmod o-w"),
    pytest.param(lambda file: (file.write_text("jti a\n"), os.chown(file, 65534, -1)), "setpriv --reuid=65534 ", marks=AS_ROOT),
    (lambda file: file.write_text("jti a\n[nobody]\n"), "revoked.txt:2:2: no provider is called"),
    (lambda file: file.write_text("jti\n\n\nsub  a\n"), "revoked.txt:1:4: no value"),
    (lambda file: file.write_text("jti a\rjti b\r"), "revoked.txt:1:6: a control character"),
    (lambda file: os.mkfifo(file), "is not a regular file"),
], ids=["missing", "folder", "writable", "foreign", "provider", "value", "line ends", "pipe"])
def test_A_3_a_file_that_cannot_be_used_is_no_start(tmp_path, prepare, said):
    prepare(tmp_path / "revoked.txt")
    config = tmp_path / "gateway.conf"
    config.write_text(
        "listeners: [{ address: 127.0.0.1:0 }]\nworkers: 1\nrevocations: { file: revoked.txt }\n"
        "upstreams: { echo: { builtin: echo } }\nroutes: [{ path: /, auth: none, upstream: echo }]\n")
    served, checked = run("serve", "--config", config), run("check", "--config", config)
    assert (served.returncode, checked.returncode) == (78, 1), (served, checked)
    assert said in served.stderr and served.stderr == checked.stderr and "serving" not in served.stderr
    assert checked.stdout == ""
    assert len(served.stderr.splitlines()) == (2 if "no value" in said else 1), served.stderr


def test_a_file_that_cannot_be_read_is_no_start():
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root, to become somebody else")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # Others may enter, and read all but one.
        folder.chmod(0o755)
        shutil.copy(BINARY, folder / "portcullis")
        (folder / "portcullis").chmod(0o755)
        (folder / "revoked.txt").write_text("jti a\n")
        (folder / "revoked.txt").chmod(0o600)
        config = folder / "gateway.conf"
        config.write_text("listeners: [{ address: 127.0.0.1:0 }]\nrevocations: { file: revoked.txt }\n"
                          "upstreams: { echo: { builtin: echo } }\nroutes: [{ path: /, auth: none, upstream: echo }]\n")
        config.chmod(0o644)
        for command, status in (("check", 1), ("serve", 78)):
            ended = subprocess.run(
                ["setpriv", "--reuid=65534", "--clear-groups", str(folder / "portcullis"), command, "--config",
                 str(config)], capture_output=True, text=True, timeout=30)
            assert ended.returncode == status and "2:22: open " in ended.stderr, ended
            assert "Permission denied" in ended.stderr, ended


def test_T_16_a_reload_takes_another_file_none_and_one_again(scene, workers, tmp_path):
    s = scene(workers=workers, text="jti j1\n")
    first, second = s.mint(jti="j1"), s.mint(jti="j2")
    s.warm(second)
    s.refuses(first)
    other = tmp_path / "other.txt"
    other.write_text("[company]\njti j2\n")
    s.gateway.reload(s.config(f"revocations: {{ file: {other} }}"))
    s.wait(second, 401)
    s.wait(first, 200)
    # The old file is watched no more, the new one is.
    s.replace("jti j1\njti j2\nsub alice\n")
    other.write_text("[company]\njti j1\n")
    s.wait(first, 401)
    s.gateway.reload(s.config(f"revocations: {{ file: {other} }}"))
    s.wait(second, 200)
    s.gateway.reload(s.config(""))
    s.wait(first, 200)
    assert s.status(second) == 200
    s.gateway.reload(s.config())
    s.wait(first, 401)
    s.wait(second, 401)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser has a name server of its own")
def test_T_16_a_reload_that_waits_for_names_lets_in_nobody_who_was_revoked_meanwhile(scene, tmp_path):
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.67\noptions timeout:30 attempts:2\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: files dns\n")
    mounted = ["unshare", "--mount", "sh", "-c",
               'mount --bind "$0/resolv.conf" /etc/resolv.conf && mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf '
               '&& exec "$@"', str(tmp_path)]
    if subprocess.run([*mounted, "true"]).returncode != 0:
        pytest.skip("nothing can be mounted here")
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.settimeout(10)
        silent.bind(("127.0.0.67", 53))
        s = scene(prefix=mounted)
        first = s.mint(jti="j1")
        s.warm(first)
        s.gateway.write_config(s.config().replace("upstreams:\n", 'upstreams:\n      slow: { servers: ["slow.test:80"] }\n').replace(
            "routes:\n", "routes:\n      - { path: /slow, auth: none, upstream: slow }\n"))
        s.gateway.signal(signal.SIGHUP)
        assert silent.recv(1024)
        assert not s.gateway.said("reloaded")
        s.replace("jti j1\n")
        s.wait(first, 401)
        while not s.gateway.said("reloaded"):
            assert s.status(first) == 401
        for _ in range(50):
            assert s.status(first) == 401


def test_T_16_a_reload_reads_sections_with_the_new_providers(scene):
    s = scene(text="[other]\nsub carol\n")
    token = s.mint_other(sub="carol")
    s.refuses(token, provider="other", key_id=s.foreign.kid)
    # Under another name the provider is another one: the file would name none.
    renamed = s.config().replace("other: {", "third: {").replace("[company, other]", "[company, third]")
    s.gateway.write_config(renamed)
    s.gateway.signal(signal.SIGHUP)
    s.gateway.wait_message("reload refused")
    s.refuses(token, provider="other", key_id=s.foreign.kid)
    s.replace("[third]\nsub carol\n")
    s.gateway.wait_message("revocations cannot be read")
    s.refuses(token, provider="other", key_id=s.foreign.kid)
    s.gateway.reload(renamed)
    wait_until(lambda: get(s.gateway, "/x", [bearer(token)]).status == 401
               and s.gateway.access()[-1].get("provider") == "third", "the new name")
    s.refuses(token, provider="third", key_id=s.foreign.kid)


def write_slowly(s, first):
    """Writes the file anew for more than a second, with `first` before what was there."""
    with open(s.file, "w") as file:
        file.write(first)
        for number in range(1000):
            file.write(f"jti j{number}\n")
            if number % 5 == 0:
                file.flush()
                time.sleep(0.01)


def test_T_16_a_file_that_is_seen_half_written_lets_nobody_in(scene):
    s = scene(text="".join(f"jti j{number}\n" for number in range(1000)))
    token = s.mint(jti="j999")
    s.refuses(token)
    stopped, statuses, before = threading.Event(), set(), len(s.changes())
    late = s.mint(jti="late")

    def ask():
        with Client(s.gateway) as client:
            while not stopped.is_set():
                client.send(f"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")
                statuses.add(client.response().status)

    thread = threading.Thread(target=ask)
    thread.start()
    write_slowly(s, "jti late\n")
    s.wait(late, 401)
    stopped.set()
    thread.join(10)
    assert statuses == {401}
    # What is new was taken, and nothing else ever changed.
    assert s.changes()[before:] == [("1001", "1", "0")]


def test_T_16_a_process_that_takes_over_waits_for_a_file_that_is_half_written(scene):
    adopt_orphans()
    s = scene(text="jti early\njti late\n")
    tokens = [s.mint(jti=id) for id in ("early", "late", "good")]
    statuses = set()

    def ask():
        statuses.add(tuple(s.status(token) for token in tokens))
    ask()
    with open(s.file, "w") as file:
        file.write("jti early\n")
        file.flush()
        time.sleep(1.5)
        s.gateway.signal(signal.SIGUSR2)
        s.gateway.wait_message("taking over once the file of revocations has rested")
        ask()
        time.sleep(2)
        ask()
        assert not any(m["message"].startswith("draining") for m in s.gateway.messages())
        file.write("jti late\n")
    accepts = wait_until(lambda: next((m for m in s.gateway.messages() if "the new process accepts" in m["message"]), None), "it", 60)
    s.gateway.process, old = Process(int(accepts["pid"])), s.gateway.process
    ask()
    assert statuses == {(401, 401, 200)}
    assert old.wait(30) == 0


def test_T_16_a_start_waits_for_a_file_that_is_being_written(scene):
    s = scene(text="jti early\njti late\n")
    late = s.mint(jti="late")
    s.gateway.stop()
    with open(s.file, "w") as file:
        file.write("jti early\n")
        file.flush()
        timer = threading.Timer(0.5, lambda: (file.write("jti late\n"), file.flush()))
        timer.start()
        s.gateway = s.start(s.config())
        assert s.status(late) == 401
        timer.join()
    # Before it could have been seen by a look at the file.
    assert s.changes() == [("2", "2", "0")]


@pytest.mark.parametrize("way", ["watched", "taken back"])
def test_T_16_a_reload_that_nobody_asked_for_takes_no_half_written_file(scene, way):
    s = scene(text="jti early\njti late\n", workers=2)
    revoked, good = s.mint(jti="late"), s.mint(jti="good")
    last = s.config() + "admin: { address: 127.0.0.1:0 }\n    reload: " + (
        "{ watch: true }" if way == "watched" else "{ canary: 60s }")
    s.gateway.stop()
    s.gateway = s.start(last)
    stopped = threading.Event()

    def write():
        """A writer that is not done."""
        with open(s.file, "w") as file:
            file.write("jti early\n")
            while not stopped.wait(0.2):
                file.write("# \n")
                file.flush()

    def ask(status):
        for _ in range(60):
            assert s.status(good) == status

    ask(200)
    s.refuses(revoked)
    if way == "taken back":
        s.gateway.reload(last.replace("auth: [company, other]", "auth: [company, other], require: { roles: [none] }"))
    writer = threading.Thread(target=write)
    writer.start()
    if way == "watched":
        s.gateway.write_config(last.replace("/optional", "/other"))
    else:
        ask(403)
        s.gateway.wait_message("the configuration is rolled back", 60)
        s.wait(good, 200)
    wait_until(lambda: s.gateway.messages()[-1].get("changes"), "the reload", 60)
    for _ in range(8):
        s.refuses(revoked)
    # An operator who asks for it answers for the file.
    s.gateway.reload()
    s.wait(revoked, 200)
    stopped.set()
    writer.join()


def test_T_16_nothing_is_lost_while_the_file_is_rewritten(scene, workers):
    s = scene(workers=workers)
    good, revoked = s.mint(jti="good"), s.mint(jti="bad")
    s.replace("jti bad\n")
    s.wait(revoked, 401)
    s.warm(good)
    stopped, faults, counts = threading.Event(), [], {}

    def ask(name, token, status):
        try:
            with Client(s.gateway) as client:
                while not stopped.is_set():
                    counts[name] = counts.get(name, 0) + 1
                    client.send(f"GET /{name}/{counts[name]} HTTP/1.1\r\nHost: a\r\n"
                                f"Authorization: Bearer {token}\r\n\r\n")
                    answer = client.response()
                    assert answer.status == status and answer.field("connection") is None, answer
        except BaseException as error:
            faults.append((name, error))

    threads = [threading.Thread(target=ask, args=arguments) for arguments in
               [(f"good{n}", good, 200) for n in range(3)] + [(f"bad{n}", revoked, 401) for n in range(3)]]
    for thread in threads:
        thread.start()
    for turn in range(50):
        before = sum(counts.values())
        wait_until(lambda: faults or sum(counts.values()) > before + 20, "requests between the changes", 30)
        text = f"jti bad\n# {turn}\njti {turn}\n"
        (s.replace if turn % 2 else lambda text: in_place(s, text))(text)
    stopped.set()
    for thread in threads:
        thread.join(15)
    assert not faults, faults
    # Each good request went upstream once, no bad one ever.
    targets = sorted(r.target for r in s.app.requests if not r.target == "/x")
    assert targets == sorted(f"/{name}/{n}" for name in counts if name.startswith("good")
                             for n in range(1, counts[name] + 1))
    s.gateway.wait_access(sum(counts.values()))


def test_a_broken_file_that_never_rests_is_said(scene):
    s = scene(text="jti j1\n")
    stopped = threading.Event()

    def write():
        number = 0
        while not stopped.wait(0.02):
            number += 1
            s.replace(f"broken {number}\n")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        s.gateway.wait_message("revocations cannot be read", 60)
    finally:
        stopped.set()
        thread.join(10)
    s.refuses(s.mint(jti="j1"))


def test_L_2_what_stands_in_the_file_is_not_logged(scene):
    s = scene(level="debug", text="jti canary-1\nsub canary-2 x\nkid canary-3\n")
    token = s.mint(jti="canary-1")
    s.refuses(token)
    for text in ("canary-4\n", "jti canary-5\0\n", "canary-6 canary-7\n", "jti  canary-8\n", "[canary 9]\n",
                 f"{token}\n", f"[{token}]\n"):
        count = len(s.gateway.said("cannot be read"))
        s.replace(text)
        wait_until(lambda: len(s.gateway.said("cannot be read")) > count, text)
    s.replace("jti canary-10\nsub canary-11\n")
    s.gateway.wait_message("revocations can be read again")
    s.gateway.reload(s.config())
    s.wait(token, 200)
    for text in (s.gateway.program_text, s.gateway.access_text):
        assert "canary" not in text and token not in text and token[-40:] not in text
    assert s.changes()[0] == ("3", "3", "0") and s.changes()[-1][0] == "2"


@pytest.mark.memory
def test_a_large_file_is_bounded_and_holds_nobody_up(scene):
    s = scene()
    token = s.mint(jti="j500000")
    s.warm(token)
    before = s.gateway.resident_bytes()
    text = "".join(f"jti j{number}\n" for number in range(1_000_000))
    s.replace(text)
    s.wait(token, 401, seconds=60)
    wait_until(lambda: s.changes()[-1][0] == "1000000", "all of it", 30)
    # The set itself is below three times the text; the text, the table while it grows and the set before come and go.
    assert s.gateway.peak_bytes() - before < 12 * len(text)
    s.replace(text + "jti one-more\n")
    message = s.gateway.wait_message("revocations cannot be read", 60)
    assert ":1000001:1: more than 1000000 entries" in message["why"]
    assert s.status(token) == 401


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
int stat(const char *path, struct stat *status) {
  static int (*next)(const char *, struct stat *);
  if (!next) *(void **)&next = dlsym(RTLD_NEXT, "stat");
  const char *held = getenv("HELD_WHILE");
  if (held && strstr(path, "revoked.txt")) while (access(held, F_OK) == 0) usleep(20000);
  return next(path, status);
}
"""


def test_a_file_system_that_hangs_holds_nobody_up_and_is_said(scene, tmp_path):
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs a C compiler")
    (tmp_path / "hang.c").write_text(SHIM)
    library, held = tmp_path / "hang.so", tmp_path / "held"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "hang.c", "-ldl"], check=True)
    s = scene(text="jti j1\n", env={"LD_PRELOAD": str(library), "HELD_WHILE": str(held)})
    revoked, good = s.mint(jti="j1"), s.mint(jti="j2")
    s.warm(good)
    held.touch()
    s.replace("jti j1\njti j2\n")
    message = s.gateway.wait_message("revocations could not be checked for 10 s", 60)
    assert message["level"] == "error"
    s.refuses(revoked)
    assert s.status(good) == 200
    # A reload needs the file, and says so. The control loop answers signals meanwhile.
    s.gateway.signal(signal.SIGHUP)
    for answers in range(1, 4):
        s.gateway.signal(signal.SIGUSR1)
        wait_until(
            lambda: len(s.gateway.said("access log reopened")) == answers, "an answer", 30)
    s.gateway.wait_message("reload refused", 30)
    said = [m["message"] for m in s.gateway.messages()]
    assert any("could not be read in 5 s" in message for message in said)
    last = max(n for n, m in enumerate(said) if "access log reopened" in m)
    assert "reload refused" not in "".join(said[:last]), said
    # One that waits is enough: a reload that was asked for meanwhile follows it, on no thread of its own.
    s.gateway.signal(signal.SIGHUP)
    wait_until(lambda: len(s.gateway.said("reload refused")) == 2, "the second", 30)
    held.unlink()
    s.wait(good, 401)
    s.gateway.wait_message("revocations can be checked again")
    assert len(s.gateway.said("could not be checked")) == 1
    # Nor is it the configuration that is broken: a service manager is to start it again.
    held.touch()
    ended = subprocess.run(
        [BINARY, "serve", "--config", s.gateway.config_path], capture_output=True, text=True, timeout=60,
        env={**os.environ, "LD_PRELOAD": str(library), "HELD_WHILE": str(held)})
    assert ended.returncode == 69 and "could not be read in 5 s" in ended.stderr, ended


def test_token_verify_says_it_too(tmp_path, keys):
    key = keys["ES256"]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key.jwk]}))
    config, file = tmp_path / "gateway.conf", tmp_path / "revoked.txt"
    config.write_text(
        f"listeners: [{{ address: 127.0.0.1:0 }}]\nrevocations: {{ file: revoked.txt }}\n"
        f"providers: {{ company: {{ issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], jwks_file: keys.json }} }}\n"
        "upstreams: { echo: { builtin: echo } }\nroutes: [{ path: /, auth: company, upstream: echo }]\n")

    def verify(*more):
        return run("token", "verify", "--config", config, "--provider", "company", *more, mint(key, jti="j1"))

    for text, status, said in (("jti j2\n", 0, "good"), ("jti j1\n", 1, 'token_revoked: '), ("sub alice\n", 1, '"sub"'),
                               ("x\n", 78, "")):
        file.write_text(text)
        verified = verify()
        assert verified.returncode == status and said in verified.stdout, verified
    assert "revoked.txt:1:1" in verified.stderr
    assert verify("--signature-only").returncode == 0
