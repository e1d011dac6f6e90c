"""The life of a key set: the copy on disk, what is fetched when, and what the log says of it."""
import hashlib
import json
import os
import re
import stat
import textwrap
import threading
import time
import types

import pytest
from support.gateway import run
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, Key, b64, bearer, held_until, mint
from support.wire import Client, get
from test_keys import config, discovery, failed, fetched, no_keys, with_one_and_four


def cached(server, file, more=""):
    return fetched(server, f', refresh: {{ cache_file: "{file}"{more} }}')


def status(gateway, token, target="/api/x"):
    return get(gateway, target, [bearer(token)]).status


def served(gateway, token):
    """Waits until the keys that were fetched are in use."""
    wait_until(lambda: status(gateway, token) == 200, "the keys to be in use", 30)


# The copy, written here by the rules of docs/keys.md and not by the code under test.


def dumped(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def copy_of(server, *keys, **changes):
    content = dict(issuer=ISSUER, location=server.url, address=server.url, fetched_at=int(time.time()) - 100,
                   first_seen={}, key_set=json.dumps({"keys": [key.jwk for key in keys]}))
    content.update(changes)
    return dumped({"version": 1, "sha256": hashlib.sha256(dumped(content).encode()).hexdigest(), "content": content})


def write_private(path, text):
    path.write_text(text)
    path.chmod(0o600)


def read_copy(path):
    """The content of a copy that is whole."""
    copy = json.loads(path.read_text())
    assert hashlib.sha256(dumped(copy["content"]).encode()).hexdigest() == copy["sha256"], copy
    return copy["content"]


DOWN = (503, {}, b"")


def test_a_start_while_the_issuer_is_down_uses_the_copy(start, upstream, key_server, keys, tmp_path, workers):
    app, issuer, file = upstream(), key_server(keys["ES256"]), tmp_path / "state" / "company.jwks.json"
    text = config(app, cached(issuer, file), workers)
    gateway = start(text)
    gateway.wait_message("keys updated")
    wait_until(file.exists, "the copy")
    gateway.stop()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and list(file.parent.iterdir()) == [file]
    content = read_copy(file)
    assert (content["issuer"], content["location"], content["address"]) == (ISSUER, issuer.url, issuer.url)
    assert json.loads(content["key_set"]) == {"keys": [keys["ES256"].jwk]} and len(content["first_seen"]) == 1

    issuer.instead = DOWN
    again = start(text)
    assert status(again, mint(keys["ES256"])) == 200
    assert again.wait_access(status=200)[0]["key_id"] == "es256-1"
    assert [request.target for request in app.requests] == ["/api/x"]
    used = again.wait_message("the keys of the copy on disk are used")
    assert used["level"] == "notice" and used["file"] == str(file) and used["keys"] == "1"
    fault = again.wait_message("keys could not be fetched; the keys fetched before stay in use")
    assert fault["failures"] == "1" and fault["keys_age"] and fault["used_until"].endswith("Z")
    # It opens nothing that the keys do not open.
    assert status(again, mint(Key("ES256", "es256-1"))) == 401
    issuer.instead = None
    again.wait_message("keys fetched again after", 30)
    # The same keys: nothing changed.
    assert not again.said("keys updated") and status(again, mint(keys["ES256"])) == 200


def test_a_copy_of_this_form_is_used(start, upstream, key_server, keys, tmp_path):
    app, issuer, file = upstream(), key_server(), tmp_path / "keys.json"
    issuer.instead = DOWN
    write_private(file, copy_of(issuer, keys["ES256"], keys["EdDSA"]))
    gateway = start(config(app, cached(issuer, file)))
    assert status(gateway, mint(keys["ES256"])) == status(gateway, mint(keys["EdDSA"])) == 200


def test_a_gateway_tells_when_it_first_saw_a_key(start, upstream, key_server, keys, tmp_path):
    """On `/status`, and to `keys list`, which fetches afresh and remembers nothing."""
    issuer, file = key_server(keys["ES256"], keys["EdDSA"]), tmp_path / "keys.json"
    old = int(time.time()) - 90 * 86_400 - 60
    members = {name: keys["ES256"].jwk[name] for name in ("crv", "kty", "x", "y")}
    thumbprint = b64(hashlib.sha256(dumped(members).encode()).digest())
    write_private(file, copy_of(issuer, keys["ES256"], first_seen={thumbprint: old}))
    plain = config(upstream(), fetched(issuer))
    admin = "admin: { address: 127.0.0.1:0 }"
    gateway = start(plain.replace("workers: 1", admin).replace(fetched(issuer), cached(issuer, file)))
    served(gateway, mint(keys["EdDSA"]))
    address = gateway.wait_message("serving")["admin"]
    host, _, port = address.rpartition(":")
    place = types.SimpleNamespace(host=host, port=int(port))
    uses = json.loads(get(place, "/status", host="127.0.0.1").body)["providers"][0]["tokens"]["uses"]
    seen = {use["value"]: use["first_seen"] for use in uses if use["of"] == "key"}
    assert seen["es256-1"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(old)) < seen["eddsa-1"], uses
    page = get(place, "/status", [("Accept", "text/html")], host="127.0.0.1").body.decode()
    assert ">Key first seen</th>" in page and "<td>90 d ago</td>" in page

    def ages(text, *options):
        (tmp_path / "listed.conf").write_text(textwrap.dedent(text))
        result = run("keys", "list", "--config", tmp_path / "listed.conf", *options)
        assert result.returncode == 0, result
        return {row[1]: row[6] for row in (re.split(r"  +", line) for line in result.stdout.splitlines()[1:])}

    found = ages(plain, "--admin", address)
    assert found["es256-1"] == "90d" and re.fullmatch(r"\d+s", found["eddsa-1"]), found
    # Where nobody is asked, nobody knows, but for the copy.
    assert ages(plain) == {"es256-1": "-", "eddsa-1": "-"}
    assert ages(plain.replace(fetched(issuer), cached(issuer, file)))["es256-1"] == "90d"


def test_the_list_says_what_is_in_force_and_not_only_what_is_published(start, upstream, key_server, keys, tmp_path):
    issuer = key_server(keys["ES256"], keys["EdDSA"])
    plain = config(upstream(), fetched(issuer))
    gateway = start(plain.replace("workers: 1", "admin: { address: 127.0.0.1:0 }"))
    served(gateway, mint(keys["EdDSA"]))
    address = gateway.wait_message("serving")["admin"]
    (tmp_path / "listed.conf").write_text(textwrap.dedent(plain))

    def listed(*options, status=0):
        result = run("keys", "list", "--config", tmp_path / "listed.conf", *options)
        assert result.returncode == status, result
        rows = [re.split(r"  +", line) for line in result.stdout.splitlines()[1:]]
        return [(row[1], row[10], row[11].partition("unused")[0].rstrip("; ")) for row in rows], result.stderr

    url = listed("--admin", address)[0][0][1]
    assert listed("--admin", address)[0] == [("es256-1", url, ""), ("eddsa-1", url, "-")]
    # The issuer publishes others; the gateway will know with the next fetch.
    issuer.keys = [keys["ES256"].jwk, keys["RS256"].jwk]
    assert listed("--admin", address)[0] == [
        ("es256-1", url, ""), ("rs256-1", url, "not in force"),
        ("eddsa-1", "the gateway", "in force, but not published now")]
    rows, said = listed()
    assert [row[0] for row in rows] == ["es256-1", "rs256-1"]
    assert "no gateway has said what is in force: these are the keys that can be fetched now" in said
    # It is down: the gateway serves with the keys that it has, and they are what is listed.
    issuer.instead = (500, {}, b"")
    assert status(gateway, mint(keys["EdDSA"])) == 200
    rows, said = listed("--admin", address)
    assert rows == [("es256-1", "the gateway", ""), ("eddsa-1", "the gateway", "-")]
    assert "not fetched now" in said and "no keys" not in said and "no gateway" not in said
    rows, said = listed(status=69)
    assert rows == [] and "no keys" in said


@pytest.mark.parametrize("change, mode, why", [
    (lambda text: "", 0o600, "damaged"), (lambda text: "<html>", 0o600, "damaged"),
    (lambda text: text[:-40], 0o600, "damaged"), (lambda text: text.replace("es256-1", "es256-2"), 0o600, "damaged"),
    (lambda text: text.replace('"version":1', '"version":2'), 0o600, "another version"),
    (lambda text: text, 0o644, "mode 644"), (lambda text: text, 0o660, "mode 660"),
    (dict(issuer="https://other.example"), 0o600, "from the issuer"), (dict(issuer=ISSUER + "/"), 0o600, "from the issuer"),
    (dict(location="http://127.0.0.1:1/jwks.json"), 0o600, "has keys from"),
    (dict(fetched_at=int(time.time()) - 86_500), 0o600, "stale_for"),
    (dict(fetched_at=int(time.time()) + 86_400), 0o600, "written in the future"),
    (dict(key_set='{"keys":[]}'), 0o600, "empty"), (dict(key_set="[]"), 0o600, "no key set"),
], ids=["empty", "HTML", "cut off", "changed", "version", "0644", "0660", "issuer", "slash", "address", "old", "future",
        "no keys", "no set"])
def test_a_copy_that_is_not_to_be_believed_is_not(start, upstream, key_server, keys, tmp_path, change, mode, why):
    app, issuer, file = upstream(), key_server(keys["ES256"]), tmp_path / "keys.json"
    issuer.instead = DOWN
    text = copy_of(issuer, keys["ES256"], **(change if isinstance(change, dict) else {}))
    write_private(file, text if isinstance(change, dict) else change(text))
    file.chmod(mode)
    gateway = start(config(app, cached(issuer, file)))
    token = mint(keys["ES256"])
    gateway.wait_message("keys could not be fetched; its routes answer 503")
    no_keys(gateway, app, token)
    refusals = gateway.said("the copy of keys on disk is not used")
    assert len(refusals) == 1 and why in refusals[0]["why"] and refusals[0]["file"] == str(file), refusals
    assert refusals[0]["level"] == "warning"
    # The next fetch makes a good one of it, but of a file that is somebody else's.
    issuer.instead = None
    served(gateway, token)
    if file.read_text() == "<html>":
        gateway.wait_message("no copy of the keys could be written")
        assert file.read_text() == "<html>"
    else:
        wait_until(lambda: is_good(file), "a good copy")


def is_good(file):
    try:
        content = read_copy(file)
    except (ValueError, KeyError, TypeError, AssertionError):
        return False
    return (stat.S_IMODE(file.stat().st_mode) == 0o600 and content["issuer"] == ISSUER
            and abs(content["fetched_at"] - time.time()) < 60)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can give a file away")
def test_a_copy_of_another_user_is_not_believed(start, upstream, key_server, keys, tmp_path):
    app, issuer, file = upstream(), key_server(), tmp_path / "keys.json"
    issuer.instead = DOWN
    write_private(file, copy_of(issuer, keys["ES256"]))
    os.chown(file, 12345, 12345)
    gateway = start(config(app, cached(issuer, file)))
    assert "another user" in gateway.wait_message("the copy of keys on disk is not used")["why"]
    gateway.wait_message("keys could not be fetched; its routes answer 503")
    no_keys(gateway, app, mint(keys["ES256"]))


def test_a_key_that_came_while_the_gateway_was_down_is_waited_for(start, upstream, key_server, keys, tmp_path, workers):
    app, issuer, file, release = upstream(), key_server(), tmp_path / "keys.json", threading.Event()
    new = Key("ES256", "new-1")
    issuer.instead = held_until(release, new)
    write_private(file, copy_of(issuer, keys["ES256"]))
    gateway = start(config(app, cached(issuer, file), workers))
    # The copy's keys are good at once, though the issuer has not answered.
    assert status(gateway, mint(keys["ES256"])) == 200
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(status(gateway, mint(new))))
    waiting.start()
    wait_until(lambda: issuer.fetches == 1, "the fetch")
    release.set()
    waiting.join(10)
    assert answers == [200] and issuer.fetches == 1
    # What the issuer does not publish any more is over.
    for number in range(2 * workers):
        assert status(gateway, mint(keys["ES256"], jti=str(number))) == 401
    wait_until(lambda: "new-1" in read_copy(file)["key_set"], "the new copy")


def test_a_copy_too_old_dies_with_the_first_failure(start, upstream, key_server, keys, tmp_path):
    app, issuer, file = upstream(), key_server(), tmp_path / "keys.json"
    issuer.instead = DOWN
    write_private(file, copy_of(issuer, keys["ES256"], fetched_at=int(time.time()) - 40))
    gateway = start(config(app, cached(issuer, file, ", every: 30s, stale_for: 1m")))
    token = mint(keys["ES256"])
    assert status(gateway, token) == 200
    gateway.wait_message("keys are older than refresh.stale_for", 60)
    wait_until(lambda: status(gateway, token) == 503, "503")


def test_a_copy_that_cannot_be_written_stops_nothing(start, upstream, key_server, keys):
    issuer = key_server(keys["ES256"])
    gateway = start(config(upstream(), cached(issuer, "/dev/null/keys.json")))
    assert "/dev/null" in gateway.wait_message("no copy of the keys could be written")["why"]
    served(gateway, mint(keys["ES256"]))


def test_a_copy_is_whole_whenever_the_gateway_is_killed(start, upstream, key_server, keys, tmp_path):
    issuer, file = key_server(), tmp_path / "keys.json"
    many = [Key("ES256", f"key-{index}") for index in range(50)]
    text = config(upstream(), cached(issuer, file))
    for number in range(12):
        issuer.keys = many[number:]
        gateway = start(text)
        gateway.wait_message("keys updated")
        time.sleep(number * 0.01)
        gateway.process.kill()
        gateway.process.wait()
        if file.exists():
            assert read_copy(file)["issuer"] == ISSUER
        # What it ended with is no failure of `start`.
        gateway.process.returncode = 0
    assert file.exists()


def test_a_command_reads_the_copy_and_does_not_write_it(upstream, key_server, keys, tmp_path):
    issuer, file, path = key_server(keys["ES256"]), tmp_path / "keys.json", tmp_path / "gateway.conf"
    path.write_text(config(upstream(), cached(issuer, file)))
    command = ("token", "verify", "--config", path, "--provider", "company", mint(keys["ES256"]))
    assert run(*command).returncode == 0 and not file.exists()
    issuer.instead = DOWN
    assert run(*command).returncode == 69
    write_private(file, copy_of(issuer, keys["ES256"]))
    before = file.read_bytes(), file.stat().st_mtime_ns
    result = run(*command)
    assert result.returncode == 0, result
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_two_gateways_with_one_file_do_each_other_no_harm(start, upstream, key_server, keys, tmp_path):
    issuer, file = key_server(keys["ES256"]), tmp_path / "keys.json"
    text = config(upstream(), cached(issuer, file))
    both = [start(text), start(text)]
    for gateway in both:
        gateway.wait_message("keys updated" if not gateway.said("copy on disk are used") else "copy on disk")
        served(gateway, mint(keys["ES256"]))
    wait_until(file.exists, "the copy")
    assert read_copy(file)["issuer"] == ISSUER
    assert not any("warning" == m["level"] and "copy" in m["message"] for g in both for m in g.messages())


@pytest.mark.parametrize("second, fault", [
    ("./state//a.json", 'the provider "company" has the same "cache_file"'), ("/", "/ is a folder")])
def test_a_file_is_one_provider_s_copy(upstream, tmp_path, second, fault):
    path = tmp_path / "gateway.conf"
    path.write_text(f"""
listeners: [{{ address: "127.0.0.1:0" }}]
providers:
  company:
    issuer: {ISSUER}
    audiences: any
    refresh: {{ cache_file: state/a.json }}
  other:
    issuer: {ISSUER}/other
    audiences: any
    refresh: {{ cache_file: "{second}" }}
upstreams: {{ app: {{ servers: ["{upstream().server}"] }} }}
routes: [{{ path: /a, auth: [company, other], upstream: app }}]
""")
    result = run("check", "--config", path)
    assert result.returncode == 1 and f"{path}:11:28: " in result.stderr and fault in result.stderr, result
    assert run("serve", "--config", path).returncode == 78
    assert not (tmp_path / "state").exists()


# What is fetched when.


def test_providers_of_one_place_share_its_fetches(start, upstream, key_server, keys, workers):
    app, issuer = upstream(), key_server(keys["ES256"])
    text = config(app, fetched(issuer), workers).replace(
        "    upstreams:", f"""      mirror: {{ issuer: "{ISSUER}/mirror", audiences: [{AUDIENCE}], jwks_url: "{issuer.url}" }}
    upstreams:""").replace("    routes:", "    routes:\n      - { path: /mirror/**, auth: mirror, upstream: app }")
    gateway = start(text)
    own, other = mint(keys["ES256"]), mint(keys["ES256"], iss=ISSUER + "/mirror")
    assert status(gateway, own) == status(gateway, other, "/mirror/x") == 200
    # T-11: the keys are the same ones, the issuers are not.
    assert status(gateway, own, "/mirror/x") == status(gateway, other) == 401
    for number in range(20):
        stranger = mint(Key("ES256", f"nobody-{number}"))
        assert status(gateway, stranger) == status(gateway, stranger, "/mirror/x") == 401
    assert issuer.fetches == 1
    assert sorted(m["provider"] for m in gateway.said("keys updated")) == ["company", "mirror"]


def test_K_3_a_wait_in_vain_for_a_key_ends_in_401(start, upstream, key_server, keys):
    """The issuer has keys and does not answer when it is asked for another one: its other tokens pass meanwhile."""
    release = threading.Event()

    def make(workers):
        app, issuer = upstream(), key_server(keys["ES256"])
        return config(app, fetched(issuer), workers), app, issuer

    try:
        with_one_and_four(start, make, lambda _, *scene: waited_in_vain(keys, release, *scene))
    finally:
        release.set()


def waited_in_vain(keys, release, gateway, app, issuer):
    gateway.wait_message("keys updated")
    new = Key("ES256", "new-1")
    issuer.instead = held_until(release, new)

    def request(number):
        token = mint(new, jti=str(number))
        return (f"GET /api/{number} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
                f"GET /public/{number} HTTP/1.1\r\nHost: a\r\n\r\n")

    def unknown(client):
        answer = client.response()
        line = gateway.access_of(answer.request_id)
        assert (answer.status, answer.field("www-authenticate")) == (401, 'Bearer error="invalid_token"')
        assert (line["status"], line["reason"], line["blame"]) == (401, "key_unknown", "client"), line
        assert client.response().status == 200 and client.data == b""
        return line["total_us"]

    # At once, until 30 s are over since the first fetch.
    asked, began, times = 0, time.monotonic(), []
    with Client(gateway, 30) as client:
        while issuer.fetches == 1:
            assert time.monotonic() - began < 60
            times.append(unknown(client.send(request(asked))))
            asked += 1
            # The fetch has begun before the answer, which waits for it.
            time.sleep(0.2)
        assert 4_500_000 < times[-1] < 9_000_000 and max(times[:-1]) < 4_500_000 and asked > 10
        # The fetch goes on, and nobody waits for it any more.
        assert unknown(client.send(request(asked))) < 4_500_000
    assert status(gateway, mint(keys["ES256"]), "/api/old") == 200 and issuer.fetches == 2
    assert {r.target for r in app.requests} == {f"/public/{n}" for n in range(asked + 1)} | {"/api/old"}
    lines = gateway.wait_access(2 * asked + 3)
    assert len(lines) == 2 * asked + 3 and len({line["path"] for line in lines}) == len(lines)


def test_an_issuer_that_moves_its_keys_is_followed(start, upstream, key_server, keys):
    app, issuer, new_home, moved = upstream(), key_server(keys["ES256"]), key_server(), Key("ES256", "moved-1")
    paths = discovery(issuer, issuer.origin, jwks_uri=issuer.origin + "/jwks.json")
    gateway = start(config(app, f'issuer: "{issuer.origin}"'))
    old, new = mint(keys["ES256"], iss=issuer.origin), mint(moved, iss=issuer.origin)
    assert status(gateway, old) == 200 and status(gateway, new) == 401
    new_home.keys = [moved]
    discovery(issuer, issuer.origin, jwks_uri=new_home.url)
    # A changed `every` is a reason to fetch.
    gateway.reload(config(app, f'issuer: "{issuer.origin}", refresh: {{ every: 5m }}'))
    wait_until(lambda: status(gateway, new) == 200, "the keys at their new place", 10)
    assert status(gateway, old) == 401 and new_home.fetches == 1
    assert paths == ["/.well-known/openid-configuration", "/jwks.json"]


def test_keys_that_are_gone_are_looked_for_at_the_issuer(start, upstream, key_server, keys):
    app, issuer, gone, new_home = upstream(), key_server(), key_server(), key_server(keys["ES256"])
    gone.instead = (410, {}, b"")
    discovery(issuer, issuer.origin, jwks_uri=gone.url)
    gateway = start(config(app, f'issuer: "{issuer.origin}"'))
    assert failed(gateway) == "the response has status 410, not 200"
    discovery(issuer, issuer.origin, jwks_uri=new_home.url)
    served(gateway, mint(keys["ES256"], iss=issuer.origin))


def test_a_key_published_35_seconds_before_it_signs_is_always_found(start, upstream, key_server, keys):
    """Though it was asked for before it was published, and strangers name keys that nobody has all the time."""
    def make(workers):
        app, issuer = upstream(), key_server(keys["ES256"])
        return config(app, fetched(issuer), workers), issuer

    with_one_and_four(start, make, lambda workers, gateway, issuer: found(workers, gateway, issuer, keys))


def found(workers, gateway, issuer, keys):
    gateway.wait_message("keys updated")
    ended, asked = threading.Event(), []

    def strangers():
        number = 0
        while not ended.wait(0.05):
            number += 1
            answer = get(gateway, "/api/x", [bearer(mint(keys["ES256"], headers={"kid": f"nobody-{number}"}))])
            asked.append(answer.status)

    crowd = threading.Thread(target=strangers)
    crowd.start()
    try:
        for number in range(2):
            new = Key("ES256", f"next-{number}")
            assert status(gateway, mint(new)) == 401
            issuer.keys = [new]
            published = time.monotonic()
            while time.monotonic() - published < 35:
                time.sleep(0.1)
            for target in range(2 * workers):
                assert status(gateway, mint(new, jti=f"{number}-{target}")) == 200
    finally:
        ended.set()
        crowd.join(20)
    assert set(asked) == {401} and len(asked) > 100
    # One at the start, and one in 30 s.
    assert issuer.fetches <= 2 + (2 * 36) // 30


# What the log says.


def test_failures_do_not_flood_the_log_and_their_end_is_said(start, upstream, key_server, keys):
    issuer = key_server(keys["ES256"])
    issuer.instead = DOWN
    gateway = start(config(upstream(), fetched(issuer)))
    wait_until(lambda: issuer.fetches >= 4, "four fetches", 30)
    assert len(gateway.said("keys could not be fetched")) == 1
    # Another kind of failure is worth a line.
    issuer.instead = (200, {}, b"<html>")
    wait_until(lambda: len(gateway.said("keys could not be fetched")) == 2, "the other failure", 30)
    assert "no key set" in gateway.said("keys could not be fetched")[1]["why"]
    failures = issuer.fetches
    issuer.instead = None
    gateway.wait_message("keys updated", 60)
    [end] = gateway.said("keys fetched again after")
    assert end["level"] == "notice" and end["provider"] == "company"
    count = int(end["message"].split()[4])
    assert failures <= count < issuer.fetches and len(gateway.said("keys could not be fetched")) == 2


def test_what_is_not_used_of_a_set_is_said_once_for_each_change(start, upstream, key_server, keys, tmp_path):
    app = upstream()
    weak = dict(kty="oct", k="AAAA", kid="shared")
    issuer, file = key_server(keys["ES256"], weak), tmp_path / "keys.json"
    gateway = start(config(app, cached(issuer, file)))
    gateway.wait_message("keys updated")
    fetched_before, minutes = issuer.fetches, 0
    # A reload while a fetch is under way makes no other one.
    while issuer.fetches < fetched_before + 3:
        minutes += 1
        assert minutes < 100
        gateway.reload(config(app, cached(issuer, file, f", every: {minutes}m")))
        assert status(gateway, mint(keys["ES256"])) == 200
    assert len(gateway.said("a key of the set is not used")) == 1
    assert len(gateway.said("keys updated")) == 1
    issuer.keys = [weak, keys["ES256"], keys["EdDSA"]]
    gateway.stop()
    # As is what a copy leaves out, and what the next set does.
    gateway = start(config(app, cached(issuer, file)))
    gateway.wait_message("keys updated")
    wait_until(lambda: len(gateway.said("a key of the set is not used")) == 2, "the change")


@pytest.mark.parametrize("instead", [
    (200, {}, b"<!doctype html><title>Sign in</title>"), (200, {}, b"\0" * 1000), (200, {}, b'{"keys": []}'),
    (200, {}, json.dumps({"keys": [dict(kty="oct", k="AAAA")]}).encode()), (200, {}, b" " * 614_400), (500, {}, b""),
    (302, {"Location": "https://elsewhere.example/"}, b""), (304, {}, b""), "cut off", "silent", "nobody"],
    ids=["HTML", "zeros", "empty", "unusable", "600 KiB", "500", "redirect", "304", "cut off", "silent", "nobody"])
def test_K_5_keys_survive_what_an_issuer_may_do(start, upstream, key_server, keys, instead, tmp_path):
    app, issuer, file, ended = upstream(), key_server(keys["ES256"]), tmp_path / "keys.json", threading.Event()
    gateway = start(config(app, cached(issuer, file)))
    gateway.wait_message("keys updated")
    wait_until(file.exists, "the copy")
    content, origin = read_copy(file), issuer.url

    def misbehave(handler):
        if instead == "silent":
            ended.wait(15)
            return
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"keys":[')

    if instead == "nobody":
        issuer.close()
    else:
        issuer.instead = instead if isinstance(instead, tuple) else misbehave
    gateway.reload(config(app, cached(issuer, file, ", every: 5m")))
    fault = gateway.wait_message("keys could not be fetched; the keys fetched before stay in use", 20)
    assert fault["url"] == origin and fault["failures"] == "1" and fault["keys_age"][-1] in "sm"
    for number in range(4):
        assert status(gateway, mint(keys["ES256"], jti=str(number))) == 200
    assert read_copy(file) == content
    ended.set()
    if instead == "nobody":
        key_server(keys["ES256"], port=int(origin.split(":")[2].split("/")[0]))
    issuer.instead = None
    gateway.wait_message("keys fetched again after", 30)
    assert status(gateway, mint(keys["ES256"])) == 200 and len(gateway.said("keys updated")) == 1
