"""Rules K-1 to K-8: where keys come from, and what becomes of requests while there are none."""
import base64
import concurrent.futures
import datetime
import ipaddress
import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import time

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.admin import Admin
from support.gateway import run
from support.ports import free_port, wait_until
from support.tokens import (
    AUDIENCE, ISSUER, Key, b64, bearer, claims, hand_made, held_until, mint, number, signing)
from support.wire import Client, get


def config(app, provider, workers=1):
    return f"""
    listeners:
      - address: 127.0.0.1:0
    workers: {workers}
    providers:
      company: {{ audiences: [{AUDIENCE}], {provider} }}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /public/**, auth: none, upstream: app }}
      - {{ path: /optional/**, auth: company, anonymous: allow, upstream: app }}
      - {{ path: /api/**, auth: company, upstream: app }}
    """


def fetched(server, more=""):
    return f'issuer: "{ISSUER}", jwks_url: "{server.url}"{more}'


def with_one_and_four(start, make, body):
    """Runs `body(workers, gateway, *others)` with one worker and with four at the same time: it waits for long.
    `make(workers)` gives a configuration and the others."""
    started = []
    for workers in (1, 4):
        text, *others = make(workers)
        started.append((workers, start(text), *others))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in [pool.submit(body, *each) for each in started]:
            done.result()


def no_keys(gateway, app, token, target="/api/x"):
    """Fails unless a request is answered 503 because there are no keys, and nothing of it goes upstream."""
    answer = get(gateway, target, [bearer(token)])
    line = gateway.access_of(answer.request_id)
    assert (answer.status, line["status"], line["reason"], line["blame"]) == (503, 503, "keys_unavailable", "issuer")
    assert int(answer.field("retry-after")) > 0 and answer.field("www-authenticate") is None
    assert app.received == b""


def failed(gateway):
    """Why the first fetch failed."""
    return gateway.wait_message("keys could not be fetched", 15)["why"]


# K-1: what is fetched, and from whom.


@pytest.mark.parametrize("location", [
    "file:///etc/passwd", "http://169.254.169.254/latest/meta-data/", "elsewhere", "/jwks.json",
    "gopher://127.0.0.1:1/", "ftp://127.0.0.1/keys"])
@pytest.mark.parametrize("status", [301, 302, 307])
def test_K_1_a_redirect_is_not_followed(start, upstream, key_server, keys, location, status):
    app, elsewhere, issuer = upstream(), key_server(keys["ES256"]), key_server(keys["ES256"])
    to = elsewhere.url if location == "elsewhere" else location
    issuer.instead = (status, {"Location": to}, json.dumps({"keys": [keys["ES256"].jwk]}).encode())
    gateway = start(config(app, fetched(issuer)))
    assert failed(gateway) == f"the response has status {status}, not 200"
    no_keys(gateway, app, mint(keys["ES256"]))
    assert elsewhere.fetches == 0 and issuer.fetches >= 1
    if status == 301:
        opened = {os.readlink(f"/proc/{gateway.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{gateway.pid}/fd")}
        assert "/etc/passwd" not in opened


@pytest.mark.parametrize("url", [
    "http://issuer.example/jwks", "file:///etc/passwd", "ftp://127.0.0.1/keys", "http://127.0.0.1.evil.example/",
    "http://localhost.evil.example/", "http://127.0.0.1@evil.example/", "https://user:word@issuer.example/",
    "http://10.0.0.1/keys", "http://0.0.0.0/keys", "http://[::]/keys", "//127.0.0.1/keys", "127.0.0.1/keys"])
def test_K_1_only_https_and_loopback_addresses_are_configured(tmp_path, upstream, url):
    path = tmp_path / "gateway.conf"
    path.write_text(config(upstream(), f'issuer: "{ISSUER}", jwks_url: "{url}"'))
    result = run("check", "--config", path)
    assert result.returncode == 1 and f"{path}:6:" in result.stderr, result
    assert run("serve", "--config", path).returncode == 78


def certificate(folder, name, addresses=("127.0.0.1",), issuer=None):
    """Makes a certificate and its key: of a new authority, or signed by `issuer`. Gives (certificate, key, path)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True))
    if issuer:
        names = [x509.IPAddress(ipaddress.ip_address(a)) if a[0].isdigit() else x509.DNSName(a) for a in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    path = folder / f"{name}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return made, key, path


def server_context(path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_K_1_the_peer_is_verified(start, upstream, key_server, keys, tmp_path):
    app, token = upstream(), mint(keys["ES256"])
    authority = certificate(tmp_path, "authority")
    certificate(tmp_path, "good", issuer=authority)
    certificate(tmp_path, "elsewhere", ["issuer.example", "127.0.0.2"], issuer=authority)
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority[0].public_bytes(serialization.Encoding.PEM))
    good = key_server(keys["ES256"], tls=server_context(tmp_path / "good.pem"))
    elsewhere = key_server(keys["ES256"], tls=server_context(tmp_path / "elsewhere.pem"))

    # Nobody vouches for it.
    gateway = start(config(app, fetched(good)))
    assert "certificate does not verify" in failed(gateway)
    no_keys(gateway, app, token)
    # It is not the one that was asked for.
    gateway = start(config(app, fetched(elsewhere, f", ca: {ca}")))
    assert "certificate does not verify" in failed(gateway)
    no_keys(gateway, app, token)
    assert good.fetches == elsewhere.fetches == 0
    # Its authority is configured.
    gateway = start(config(app, fetched(good, f", ca: {ca}")))
    gateway.wait_message("keys updated")
    assert get(gateway, "/api/x", [bearer(token)]).status == 200
    assert good.fetches == 1


def test_a_ca_file_that_is_replaced_counts_at_the_next_fetch(start, upstream, key_server, keys, tmp_path):
    """Without a reload: authorities are replaced as keys are."""
    app, token = upstream(), mint(keys["ES256"])
    authority, other = certificate(tmp_path, "authority"), certificate(tmp_path, "other")
    certificate(tmp_path, "good", issuer=authority)
    ca, new = tmp_path / "ca.pem", tmp_path / "ca.new"
    ca.write_bytes(other[0].public_bytes(serialization.Encoding.PEM))
    issuer = key_server(keys["ES256"], tls=server_context(tmp_path / "good.pem"))
    gateway = start(config(app, fetched(issuer, f", ca: {ca}")))
    assert "certificate does not verify" in failed(gateway)
    no_keys(gateway, app, token)
    assert issuer.fetches == 0
    new.write_bytes(authority[0].public_bytes(serialization.Encoding.PEM))
    new.rename(ca)
    gateway.wait_message("keys updated", 30)
    assert get(gateway, "/api/x", [bearer(token)]).status == 200 and issuer.fetches == 1
    assert not gateway.said("reloaded")


# K-2: bounds.


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    piece = b'{"keys": [' + b" " * 65536
    try:
        while True:
            handler.wfile.write(piece)
    except OSError:
        pass


def large(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(100 << 20))
    handler.end_headers()
    try:
        for _ in range(100 << 4):
            handler.wfile.write(b" " * 65536)
    except OSError:
        pass


def long_head(handler):
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"X-Field: " + b"x" * 8000 + b"\r\n")
    except OSError:
        pass


@pytest.mark.memory
@pytest.mark.parametrize("misbehave, why", [
    (endless, "larger than 524288 bytes"), (large, "larger than 524288 bytes"), (long_head, "head"),
    ((200, {"Content-Encoding": "gzip"}, b"x"), "compressed"),
    ((200, {}, json.dumps({"keys": [], "x": " " * 600_000}).encode()), "larger than 524288 bytes"),
    ((200, {}, b"<!doctype html><title>Sign in</title>"), "no key set"), ((200, {}, b""), "no key set"),
    ((200, {}, b'{"keys": {}}'), "no key set"), ((200, {}, b'{"keys": []}'), "the key set is empty"),
    ((200, {}, b'{"keys": [], "keys": []}'), "no key set"), ((404, {}, b"no"), "status 404"),
    ((500, {}, b"no"), "status 500"), ((206, {}, b"no"), "status 206"), ((304, {}, b""), "status 304"),
], ids=["endless", "100 MiB", "long head", "gzip", "600 KB", "HTML", "nothing", "object", "empty", "twice", "404",
        "500", "206", "304"])
def test_K_2_a_bad_answer_is_bounded(start, upstream, key_server, keys, misbehave, why):
    app, issuer = upstream(), key_server(keys["ES256"])
    issuer.instead = misbehave
    gateway = start(config(app, fetched(issuer)))
    assert why in failed(gateway)
    no_keys(gateway, app, mint(keys["ES256"]))
    assert gateway.peak_bytes() < 64 << 20
    issuer.instead = None
    gateway.wait_message("keys updated", 8)
    assert get(gateway, "/api/x", [bearer(mint(keys["ES256"]))]).status == 200


def test_K_2_at_most_100_keys(start, upstream, key_server, keys):
    def many(count):
        return [dict(keys["ES256"].jwk, kid=f"key-{index}") for index in range(count)]

    app = upstream()
    gateway = start(config(app, fetched(key_server(*many(101)))))
    assert "101 keys; at most 100" in failed(gateway)
    gateway = start(config(app, fetched(key_server(*many(100)))))
    updated = gateway.wait_message("keys updated")
    assert updated["keys"] == "100"
    assert updated["added"] == ", ".join(f'"key-{index}"' for index in range(5)) + " and 95 more"


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser has a name server of its own")
def test_K_2_a_silent_name_server_holds_nobody_up(start, upstream, tmp_path):
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.66\noptions timeout:30 attempts:2\n")
    mounted = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"',
               str(tmp_path / "resolv.conf")]
    if subprocess.run([*mounted, "true"]).returncode != 0:
        pytest.skip("nothing can be mounted here")
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.66", 53))
        gateway = start(config(upstream(), f'issuer: "{ISSUER}", jwks_url: "https://keys.issuer.example/jwks"'),
                        prefix=mounted)
        fault = gateway.wait_message("keys could not be fetched", 20)
        assert fault["url"] == "https://keys.issuer.example/jwks" and "10" in fault["why"], fault
        gateway.reload()


def test_K_2_a_dripping_key_server_holds_nobody_up(start, upstream, key_server, keys):
    ended = threading.Event()

    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while not ended.wait(0.1):
                handler.wfile.write(b" ")
        except OSError:
            pass

    def make(workers):
        app, issuer = upstream(), key_server(keys["ES256"])
        return config(app, fetched(issuer), workers), app, issuer

    with_one_and_four(start, make, lambda _, *scene: nobody_is_held_up(keys, drip, *scene))
    ended.set()


def nobody_is_held_up(keys, drip, gateway, app, issuer):
    gateway.wait_message("keys updated")
    issuer.instead = drip
    # Another provider: the fetch begins now, and not while processes start.
    gateway.reload(gateway.config_path.read_text().replace(issuer.url, issuer.url + "?again").replace("company", "firm"))
    waited = threading.Thread(target=lambda: no_keys_after_a_wait(gateway, mint(keys["ES256"])))
    waited.start()
    served = 0
    while waited.is_alive():
        assert get(gateway, "/public/x").status == 200
        served += 1
        time.sleep(0.02)
    # One that is held up would be served when the wait is over.
    assert served > 2
    assert gateway.wait_access(reason="keys_unavailable")
    assert "no complete response within 10" in failed(gateway)


def no_keys_after_a_wait(gateway, token):
    assert get(gateway, "/api/x", [bearer(token)]).status == 503


# K-3: keys that are not known.


def test_K_3_a_new_key_is_fetched_once_and_the_request_waits(start, upstream, key_server, keys):
    def make(workers):
        app, issuer = upstream(), key_server(keys["ES256"])
        text = config(app, fetched(issuer), workers)
        return text.replace("    workers:", "    admin: { address: 127.0.0.1:0 }\n    workers:"), app, issuer

    with_one_and_four(start, make, lambda _, *scene: a_new_key_is_fetched_once(keys, *scene))


def a_new_key_is_fetched_once(keys, gateway, app, issuer):
    first = gateway.wait_message("keys updated")
    assert (first["added"], "removed" in first) == (f'"{keys["ES256"].jwk["kid"]}"', False), first
    assert issuer.fetches == 1
    rotated = Key("ES256", "rotated-1")
    issuer.keys = [rotated]

    def slow(handler):
        time.sleep(0.5)
        body = json.dumps({"keys": [rotated.jwk]}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    issuer.instead = slow
    admin = gateway.wait_message("serving")["admin"]
    # Of the next second on, as times are told in seconds.
    asked = int(time.time())
    wait_until(lambda: int(time.time()) > asked, "a second")
    early = get(gateway, "/api/x", [bearer(mint(rotated))])
    told = wait_until(lambda: (s := run("why", early.request_id, "--admin", admin)).returncode == 0 and s.stdout, "it")
    assert "; not fetched again for it, as that was too soon" in told and issuer.fetches == 1
    # The fetch at the start counts: for 30 s an unknown key is refused at once.
    refused = 0
    began = time.monotonic()
    while True:
        before = time.monotonic()
        answer = get(gateway, "/api/x", [bearer(mint(rotated, jti=str(before)))])
        took = time.monotonic() - before
        if answer.status == 200:
            break
        assert answer.status == 401, answer
        assert gateway.access_of(answer.request_id)["reason"] == "key_unknown"
        assert issuer.fetches == 1 and app.received == b""
        refused += 1
        assert time.monotonic() - began < 60
        time.sleep(0.5)
    assert took >= 0.5 and refused > 3 and issuer.fetches == 2
    wait_until(
        lambda: [(m["added"], m.get("removed")) for m in gateway.messages() if m["message"] == "keys updated"][-1]
        == ('"rotated-1"', first["added"]), "the change")

    # What the first key signed dies with it; it asks for no other fetch, as do 10,000 names that nobody gave.
    assert get(gateway, "/api/x", [bearer(mint(keys["ES256"]))]).status == 401
    seen = len(app.requests)
    template = mint(rotated).split(".")
    with Client(gateway, 30) as client:
        count = 0
        for _ in range(100):
            batch = b""
            for _ in range(100):
                header = b64(json.dumps({"alg": "ES256", "kid": os.urandom(8).hex()}).encode())
                batch += (f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                          f"{header}.{template[1]}.{template[2]}\r\n\r\n").encode()
            client.send(batch)
            for _ in range(100):
                assert client.response().status == 401
                count += 1
    assert count == 10_000 and issuer.fetches == 2 and len(app.requests) == seen


def test_K_3_all_who_wait_get_their_answer_from_one_fetch(start, upstream, key_server, keys, workers):
    app, issuer, release = upstream(), key_server(keys["ES256"]), threading.Event()

    issuer.instead = held_until(release, keys["ES256"])
    gateway = start(config(app, fetched(issuer), workers))
    clients = [Client(gateway) for _ in range(40)]
    for index, client in enumerate(clients):
        kid = {"kid": "nobody"} if index % 4 == 3 else {}
        client.send(f"GET /api/{index} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                    f"{mint(keys['ES256'], headers=kid)}\r\n\r\n")
    # One of them goes while it waits.
    clients.pop(0).sock.close()
    # The public route is served meanwhile.
    assert get(gateway, "/public/x").status == 200
    assert len(app.requests) == 1
    release.set()
    statuses = [client.response().status for client in clients]
    assert statuses == [401 if index % 4 == 3 else 200 for index in range(1, 40)]
    assert issuer.fetches == 1
    for client in clients:
        client.sock.close()
    # The one who went was not forwarded, or was and is not counted: every other is there once.
    targets = [request.target for request in app.requests]
    assert len(targets) == len(set(targets)) and {f"/api/{i}" for i in range(1, 40) if i % 4 != 3} <= set(targets)


# K-4, K-5: no keys, and old keys.


def test_K_4_no_keys_yet_is_503_until_they_arrive(start, upstream, key_server, keys, workers):
    app, port = upstream(), free_port()
    provider = f'issuer: "{ISSUER}", jwks_url: "http://127.0.0.1:{port}/jwks.json"'
    gateway = start(config(app, provider, workers))
    said = gateway.wait_message("keys could not be fetched")
    assert "503" in said["message"] and said["provider"] == "company"
    token = mint(keys["ES256"])
    for target in ("/api/x", "/optional/x"):
        no_keys(gateway, app, token, target)
    # What no key could save is the client's fault all the same.
    for bad, reason in (("x", "token_malformed"), (hand_made({"alg": "none"}, claims(), lambda _: b""),
                                                   "algorithm_refused")):
        answer = get(gateway, "/api/x", [bearer(bad)])
        assert answer.status == 401 and gateway.access_of(answer.request_id)["reason"] == reason
    assert get(gateway, "/api/x").status == 401
    assert app.received == b""
    assert get(gateway, "/optional/x").status == 200 and get(gateway, "/public/x").status == 200
    key_server(keys["ES256"], port=port)
    gateway.wait_message("keys updated", 20)
    assert get(gateway, "/api/x", [bearer(token)]).status == 200


def test_K_5_old_keys_are_kept_and_a_removed_key_kills_its_cached_tokens(start, upstream, key_server, keys):
    def make(workers):
        app, issuer = upstream(), key_server(keys["ES256"], keys["EdDSA"])
        return config(app, fetched(issuer, ", refresh: { every: 30s }"), workers), app, issuer

    with_one_and_four(start, make, lambda *scene: old_keys_are_kept(keys, *scene))


def old_keys_are_kept(keys, workers, gateway, app, issuer):
    gateway.wait_message("keys updated")
    gone, kept = mint(keys["ES256"]), mint(keys["EdDSA"])

    def status(token):
        return get(gateway, "/api/x", [bearer(token)]).status

    assert status(gone) == status(kept) == 200
    for instead, why in (((200, {}, b"<html>"), "no key set"), ((200, {}, b'{"keys": []}'), "empty"),
                         ((503, {}, b""), "status 503")):
        issuer.instead = instead
        wait_until(lambda: any(why in m.get("why", "") for m in gateway.messages()), f"{why} to be said", 40)
        said = next(m for m in gateway.messages() if why in m.get("why", ""))
        assert "stay in use" in said["message"]
        for _ in range(workers):
            assert status(gone) == status(kept) == 200
        assert status(mint(keys["ES256"])) == 200
    issuer.keys, issuer.instead = [keys["EdDSA"]], None
    wait_until(lambda: status(gone) == 401, "the removed key's token to die", 20)
    seen = len(app.requests)
    for _ in range(8):
        assert status(gone) == 401
    assert len(app.requests) == seen and status(kept) == 200
    assert {line["reason"] for line in gateway.wait_access(9, status=401)} == {"key_unknown"}


def test_K_5_stale_for_counts_while_fetching_fails(start, upstream, key_server, keys):
    app, issuer = upstream(), key_server(keys["ES256"])
    text = config(app, fetched(issuer, ", refresh: { every: 30s, stale_for: 0s }"))
    gateway = start(text.replace("workers: 1", "workers: 1\n    admin: { address: 127.0.0.1:0 }"))
    gateway.wait_message("keys updated")
    admin, gauge = Admin(gateway), 'portcullis_key_set_last_success_timestamp_seconds{provider="company"}'
    fetched_at = admin.metrics()[gauge]
    # Keys that were fetched well are used until the next fetch, and the issuer is not asked all the time.
    token = mint(keys["ES256"])
    for _ in range(20):
        assert get(gateway, "/api/x", [bearer(token)]).status == 200
        assert get(gateway, "/api/x", [bearer(mint(keys["ES256"]))]).status == 200
    assert issuer.fetches == 1
    # The first refresh that fails ends them, and with them every token that was verified.
    issuer.instead = (500, {}, b"")
    gateway.wait_message("older than refresh.stale_for", 40)
    seen = len(app.requests)
    wait_until(lambda: get(gateway, "/api/x", [bearer(token)]).status == 503, "503")
    no_keys_after_a_wait(gateway, mint(keys["ES256"]))
    assert len(gateway.wait_access(2, status=503, reason="keys_unavailable", blame="issuer")) >= 2
    assert len(app.requests) <= seen + 1
    # Since when is still said.
    provider, = admin.status()["providers"]
    assert provider["keys"] == 0 and provider["age_seconds"] > 0 and provider["failures"] > 0
    assert admin.metrics()[gauge] == fetched_at
    issuer.instead = None
    wait_until(lambda: get(gateway, "/api/x", [bearer(token)]).status == 200, "the keys to be back", 10)


# K-6: keys that are not used.


def off_curve(jwk):
    y = int.from_bytes(base64.urlsafe_b64decode(jwk["y"] + "=="), "big")
    return dict(jwk, y=number(y ^ 1, 32))


def unused_keys():
    """(name, JWK, a token that it would verify)."""
    secret = os.urandom(32)
    yield "oct", dict(kty="oct", k=b64(secret), alg="HS256"), lambda kid: jwt.encode(
        claims(), secret, "HS256", headers={"kid": kid})
    for name, change in {
        "private": lambda key: dict(key.jwk, d=number(key.private.private_numbers().private_value, 32)),
        "encryption": lambda key: dict(key.jwk, use="enc"),
        "use of another type": lambda key: dict(key.jwk, use=7),
        "operation": lambda key: dict(key.jwk, key_ops=["encrypt"]),
        "operations of another type": lambda key: dict(key.jwk, key_ops="verify"),
        "algorithm": lambda key: dict(key.jwk, alg="RS256"),
        "other algorithm": lambda key: dict(key.jwk, alg="ES384"),
        "off the curve": lambda key: off_curve(key.jwk),
        "curve": lambda key: dict(key.jwk, crv="P-384"),
        "type": lambda key: dict(key.jwk, kty="RSA"),
        "length": lambda key: dict(key.jwk, x=key.jwk["x"][:-2]),
        "missing member": lambda key: {name: value for name, value in key.jwk.items() if name != "y"},
    }.items():
        key = Key("ES256", name)
        yield name, change(key), lambda kid, key=key: mint(key, headers={"kid": kid})


def test_K_6_keys_that_are_not_used(start, upstream, keys, tmp_path):
    app = upstream()
    rows = [(name, dict(jwk, kid=name), token) for name, jwk, token in unused_keys()]
    first, second = Key("ES256", "twice"), Key("ES256", "twice")
    file = tmp_path / "keys.json"
    jwks = [jwk for _, jwk, _ in rows] + [first.jwk, second.jwk, keys["ES256"].jwk]
    file.write_text(json.dumps({"keys": jwks}))
    gateway = start(config(app, f'issuer: "{ISSUER}", jwks_file: {file}'))
    tokens = [(name, token(name)) for name, _, token in rows] + [("twice", mint(first)), ("twice", mint(second))]
    for name, token in tokens:
        answer = get(gateway, "/api/x", [bearer(token)])
        line = gateway.access_of(answer.request_id)
        expected = "algorithm_refused" if name == "oct" else "key_unknown"
        assert (answer.status, line["reason"]) == (401, expected), (name, line)
    assert app.received == b""
    # Five are said, and how many more there are.
    said = [m["why"] for m in gateway.messages() if m["message"] == "a key of the set is not used"]
    assert len(said) == 5 and all(f'"{name}"' in why for (name, _, _), why in zip(rows, said)), said
    assert gateway.wait_message("more keys of the set are not used")["keys"] == str(len(jwks) - 1 - 5)
    # Without a name no key of them is tried either.
    for name, jwk, token in rows[1:]:
        answer = get(gateway, "/api/x", [bearer(hand_made({"alg": "ES256"}, claims(), signing(first)))])
        assert answer.status == 401
    assert get(gateway, "/api/x", [bearer(mint(keys["ES256"]))]).status == 200


@pytest.mark.parametrize("text", ["", "<html>", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AAAA"}]}', "[]"])
def test_K_6_a_file_without_a_usable_key_is_no_start(upstream, tmp_path, text):
    (tmp_path / "keys.json").write_text(text)
    path = tmp_path / "gateway.conf"
    path.write_text(config(upstream(), f'issuer: "{ISSUER}", jwks_file: keys.json'))
    result = run("serve", "--config", path)
    assert result.returncode == 78 and "company" in result.stderr, result


def test_K_8_a_key_set_that_everybody_may_write_is_no_start(upstream, keys, tmp_path):
    file, path = tmp_path / "keys.json", tmp_path / "gateway.conf"
    file.write_text(json.dumps({"keys": [keys["ES256"].jwk]}))
    path.write_text(config(upstream(), f'issuer: "{ISSUER}", jwks_file: keys.json'))
    file.chmod(0o664)
    assert run("check", "--config", path).returncode == 0
    file.chmod(0o666)
    for command, status in (("check", 1), ("serve", 78)):
        result = run(command, "--config", path)
        assert result.returncode == status and f"run chmod o-w {file}" in result.stdout + result.stderr, result


# K-7: discovery.


def discovery(server, issuer, jwks_uri=None, status=200):
    """Has `server` answer as an OpenID provider does."""
    paths = []

    def answer(handler):
        paths.append(handler.path)
        documents = {
            "/.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": jwks_uri or server.url},
            "/jwks.json": {"keys": [key.jwk for key in server.keys]}}
        body = json.dumps(documents.get(handler.path, {})).encode()
        handler.send_response(status if handler.path in documents else 404)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    server.instead = answer
    return paths


def test_K_7_keys_are_discovered(start, upstream, key_server, keys):
    app, issuer = upstream(), key_server(keys["RS256"])
    paths = discovery(issuer, issuer.origin)
    gateway = start(config(app, f'issuer: "{issuer.origin}"'))
    gateway.wait_message("keys updated")
    assert paths == ["/.well-known/openid-configuration", "/jwks.json"]
    assert get(gateway, "/api/x", [bearer(mint(keys["RS256"], iss=issuer.origin))]).status == 200
    assert get(gateway, "/api/x", [bearer(mint(keys["RS256"]))]).status == 401


@pytest.mark.parametrize("change", [
    lambda origin: origin + "/", lambda origin: origin.replace("127.0.0.1", "localhost"), lambda origin: "",
    lambda origin: ISSUER, lambda origin: [origin], lambda origin: None, lambda origin: origin.upper()],
    ids=["slash", "other name", "empty", "other", "list", "null", "case"])
def test_K_7_the_issuer_is_the_configured_one(start, upstream, key_server, keys, change):
    app, issuer = upstream(), key_server(keys["RS256"])
    paths = discovery(issuer, change(issuer.origin))
    gateway = start(config(app, f'issuer: "{issuer.origin}"'))
    assert "discovery document" in failed(gateway)
    no_keys(gateway, app, mint(keys["RS256"], iss=issuer.origin))
    assert set(paths) == {"/.well-known/openid-configuration"}


@pytest.mark.parametrize("address", [
    "file:///etc/passwd", "http://169.254.169.254/keys", "http://issuer.example/keys", "ftp://127.0.0.1/keys",
    "http://user@127.0.0.1/keys", ""])
def test_K_1_discovery_leads_nowhere_else(start, upstream, key_server, keys, address):
    app, issuer = upstream(), key_server(keys["RS256"])
    paths = discovery(issuer, issuer.origin, jwks_uri=address or "relative/keys")
    gateway = start(config(app, f'issuer: "{issuer.origin}"'))
    assert "neither https nor http on loopback" in failed(gateway)
    no_keys(gateway, app, mint(keys["RS256"], iss=issuer.origin))
    assert set(paths) == {"/.well-known/openid-configuration"}


# K-8: the gateway's own keys.


def own(folder, algorithm="ES256"):
    return f'issuer: "http://127.0.0.1:8080", signing: {{ state: {folder}, algorithm: {algorithm} }}'


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"])
def test_K_8_only_public_members_are_published(start, upstream, tmp_path, algorithm):
    app, state = upstream(), tmp_path / "state"
    gateway = start(config(app, own(state, algorithm)))
    [file] = state.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and state.stat().st_mode & 0o077 == 0
    answer = get(gateway, "/.well-known/jwks.json", host="127.0.0.1:8080")
    assert answer.status == 200 and answer.field("content-type") == "application/jwk-set+json"
    [jwk] = json.loads(answer.body)["keys"]
    assert set(jwk) <= {"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"} and jwk["alg"] == algorithm
    result = run("token", "mint", "--config", gateway.config_path, "--provider", "company", "--subject", "alice")
    token = result.stdout.strip()
    key = jwt.PyJWK.from_dict(jwk)
    assert jwt.decode(token, key.key, [algorithm], audience=AUDIENCE)["sub"] == "alice"
    assert get(gateway, "/api/x", [bearer(token)]).status == 200
    head = get(gateway, "/.well-known/jwks.json", host="127.0.0.1:8080", method="HEAD")
    assert head.status == 200 and head.body == b""
    assert get(gateway, "/.well-known/jwks.json", host="127.0.0.1:8080", method="POST", body=b"").status == 405
    assert get(gateway, "/.well-known/jwks.json", host="other.example").status == 404
    assert app.wait_requests(1) and len(app.requests) == 1


def test_providers_of_one_host_publish_together(start, upstream, tmp_path):
    gateway = start(f"""
    listeners:
      - address: 127.0.0.1:0
    providers:
      a: {{ issuer: "http://127.0.0.1:8080/a", audiences: [x], signing: {{ state: {tmp_path}/state }} }}
      b: {{ issuer: "http://127.0.0.1:8080/b", audiences: [x], signing: {{ state: {tmp_path}/state }} }}
      c: {{ issuer: "https://c.example", audiences: [x], signing: {{ state: {tmp_path}/state }} }}
    upstreams:
      app: {{ servers: ["{upstream().server}"] }}
    routes:
      - {{ path: /api/**, auth: [a, b, c], upstream: app }}
    """)
    listed = run("keys", "list", "--config", gateway.config_path).stdout.splitlines()[1:]
    kids = [line.split()[1] for line in listed]
    assert len(set(kids)) == 3

    def published(host):
        return [key["kid"] for key in json.loads(get(gateway, "/.well-known/jwks.json", host=host).body)["keys"]]

    assert published("127.0.0.1:8080") == kids[:2] and published("c.example") == kids[2:]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o620])
def test_K_8_a_key_that_others_can_read_is_no_start(start, upstream, tmp_path, mode):
    state = tmp_path / "state"
    start(config(upstream(), own(state))).stop()
    [file] = state.iterdir()
    file.chmod(mode)
    path = tmp_path / "gateway.conf"
    path.write_text(config(upstream(), own(state)))
    for command in (["serve", "--config", path], ["keys", "list", "--config", path],
                    ["token", "mint", "--config", path, "--provider", "company", "--subject", "x"]):
        result = run(*command)
        assert result.returncode == 78, result
        assert file.name in result.stderr and f"{mode:o}" in result.stderr, result


def test_K_8_a_folder_in_which_others_write_is_no_start(start, upstream, tmp_path):
    state = tmp_path / "state"
    start(config(upstream(), own(state))).stop()
    state.chmod(0o777)
    path = tmp_path / "gateway.conf"
    path.write_text(config(upstream(), own(state)))
    result = run("serve", "--config", path)
    assert result.returncode == 78 and str(state) in result.stderr, result


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_K_8_a_file_without_a_key_is_no_start(start, upstream, tmp_path, content):
    state = tmp_path / "state"
    start(config(upstream(), own(state))).stop()
    [file] = state.iterdir()
    pathlib.Path(file).write_bytes(content)
    path = tmp_path / "gateway.conf"
    path.write_text(config(upstream(), own(state)))
    result = run("serve", "--config", path)
    assert result.returncode == 78 and file.name in result.stderr, result


def test_K_3_who_waits_for_one_issuer_is_not_woken_by_another(start, upstream, key_server, keys, workers):
    app, slow, quick, release = upstream(), key_server(), key_server(keys["EdDSA"]), threading.Event()
    quick_release = threading.Event()

    slow.instead, quick.instead = held_until(release, keys["ES256"]), held_until(quick_release, keys["EdDSA"])
    gateway = start(config(app, fetched(slow), workers).replace(
        "    upstreams:", f"""      other: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{quick.url}" }}
    upstreams:""").replace("    routes:", "    routes:\n      - { path: /other/**, auth: other, upstream: app }"))
    clients = [Client(gateway) for _ in range(4)]
    for client in clients:
        client.send(f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {mint(keys['ES256'])}\r\n\r\n")
    wait_until(lambda: slow.fetches == quick.fetches == 1, "both fetches")
    quick_release.set()
    wait_until(lambda: get(gateway, "/other/x", [bearer(mint(keys["EdDSA"]))]).status == 200, "the quick one's keys")
    assert not any(line["path"] == "/api/x" for line in gateway.access())
    release.set()
    assert [client.response().status for client in clients] == [200] * 4
    for client in clients:
        client.sock.close()


def test_K_4_a_wait_in_vain_ends_the_request_for_good(start, upstream, key_server, keys):
    """Its 503 is its only answer: neither keys that come later nor the next request bring it back."""
    app, issuer, release = upstream(echo_target), key_server(), threading.Event()
    issuer.instead = held_until(release, keys["ES256"])
    gateway = start(config(app, fetched(issuer)))
    token, smuggled = mint(keys["ES256"]), "GET /public/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    def request(line, more="", body=""):
        return f"{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{more}\r\n{body}"

    following = "GET /public/{} HTTP/1.1\r\nHost: a\r\n\r\n".format
    with Client(gateway) as alone, Client(gateway) as pipelined, Client(gateway) as body:
        alone.send(request("POST /api/pay", "Content-Length: 0\r\n"))
        pipelined.send(request("GET /api/secret") + following("pipelined"))
        body.send(request("POST /api/body", f"Content-Length: {len(smuggled)}\r\n", smuggled))
        for client in (alone, pipelined, body):
            answer = client.response()
            assert answer.status == 503 and int(answer.field("retry-after")) > 0, answer
            line = gateway.access_of(answer.request_id)
            assert (line["status"], line["reason"], line["blame"]) == (503, "keys_unavailable", "issuer")
            assert 4_500_000 < line["total_us"] < 8_000_000
        assert body.is_closed()
        # The next answer of a connection is the one of its next request.
        answer = pipelined.response()
        assert (answer.status, answer.body) == (200, b"/public/pipelined")
        release.set()
        gateway.wait_message("keys updated")
        for client, target in ((alone, "alone"), (pipelined, "again")):
            answer = client.send(following(target)).response()
            assert (answer.status, answer.body) == (200, f"/public/{target}".encode())
            assert client.data == b""
        # Those who ask again are let in.
        answer = alone.send(request("GET /api/again")).response()
        assert (answer.status, answer.body) == (200, b"/api/again")
    assert sorted(seen.target for seen in app.requests) == [
        "/api/again", "/public/again", "/public/alone", "/public/pipelined"]
    paths = sorted((line["path"], line["status"]) for line in gateway.wait_access(7))
    assert paths == [("/api/again", 200), ("/api/body", 503), ("/api/pay", 503), ("/api/secret", 503),
                     ("/public/again", 200), ("/public/alone", 200), ("/public/pipelined", 200)]
    assert {line["provider"] for line in gateway.access() if line["path"].startswith("/api/")} == {"company"}
    assert issuer.fetches == 1


def echo_target(request, _):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(request.target), request.target.encode())
