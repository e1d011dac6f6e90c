"""A provider whose own tokens are signed with a secret that others share, for verifiers that know HMAC alone."""
import json
import secrets
import signal
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from support.gateway import run
from support.ports import wait_until
from support.sign_in import ISSUER, SignIn
from support.tokens import Key, b64, bearer, hand_made, payload

SECONDS = 600


def secret_file(folder, bytes=64):
    file = folder / "local.secret"
    file.write_text(secrets.token_hex(bytes // 2) + "\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def scene(start, upstream, tmp_path):
    def make(algorithm="HS256", workers=1):
        file = secret_file(tmp_path)
        scene = SignIn(
            start, upstream(), tmp_path, workers=workers,
            state=f"{tmp_path}/state, algorithm: {algorithm}, secret_file: {file}")
        scene.file = file
        return scene
    return make


def secret(scene):
    return scene.file.read_text().rstrip("\n")


def claims(**changes):
    now = int(time.time())
    return {"iss": ISSUER, "aud": "example", "sub": "carol", "iat": now, "exp": now + SECONDS, **changes}


def reason(scene, answer):
    return scene.gateway.access_of(answer.request_id)["reason"]


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_who_has_the_secret_verifies_and_signs(scene, algorithm):
    scene = scene(algorithm)
    token = scene.tokens()["access_token"]
    header = jwt.get_unverified_header(token)
    assert header == {"alg": algorithm, "typ": "at+jwt", "kid": header["kid"]}
    found = jwt.decode(token, secret(scene), algorithms=[algorithm], audience="example", issuer=ISSUER, leeway=5)
    assert found["sub"] == "u-1" and found["roles"] == ["admin", "support"]
    assert scene.get("/admin", [bearer(token)]).status == 200
    assert scene.app.requests[-1].field("x-forwarded-user") == "u-1"
    assert json.loads(scene.get("/auth/me", [bearer(token)]).body)["sub"] == "u-1"
    # Theirs is as good, with a kid of their own or none.
    for headers in ({}, {"kid": "theirs"}):
        theirs = jwt.encode(claims(roles=["admin"]), secret(scene), algorithm=algorithm, headers=headers)
        assert scene.get("/admin", [bearer(theirs)]).status == 200
        assert scene.app.requests[-1].field("x-forwarded-user") == "carol"


def test_K_8_the_secret_is_published_nowhere(scene):
    scene = scene()
    token = scene.tokens()["access_token"]
    for path in ("/.well-known/jwks.json", "/auth/jwks.json"):
        assert json.loads(scene.get(path).body) == {"keys": []}
    document = json.loads(scene.get("/.well-known/openid-configuration").body)
    assert document["access_token_signing_alg_values_supported"] == ["HS256"]
    listed = run("keys", "list", "--config", scene.gateway.config_path)
    kid = jwt.get_unverified_header(token)["kid"]
    assert listed.returncode == 0 and kid in listed.stdout and str(scene.file) in listed.stdout
    everything = scene.gateway.access_text + scene.gateway.program_text + listed.stdout + listed.stderr
    assert secret(scene) not in everything and b64(secret(scene).encode()) not in everything


def test_T_1_T_2_algorithms_are_not_confused(scene):
    scene = scene()
    key = Key("ES256", "k")
    good = scene.tokens()["access_token"]
    kid = jwt.get_unverified_header(good)["kid"]
    public = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    mac = jwt.get_algorithm_by_name("HS256")
    bad = [
        jwt.encode(claims(), key.private, algorithm="ES256", headers={"kid": kid}),
        jwt.encode(claims(), secret(scene), algorithm="HS512", headers={"kid": kid}),
        hand_made({"alg": "HS256", "kid": kid}, claims(), lambda data: mac.sign(data, public)),
        hand_made({"alg": "none", "kid": kid}, claims(), lambda data: b""),
        jwt.encode(claims(), secret(scene)[:-1], algorithm="HS256", headers={"kid": kid}),
        jwt.encode(claims(), secret(scene) + "\n", algorithm="HS256", headers={"kid": kid}),
    ]
    scene.app.forget()
    for token in bad:
        assert scene.get("/x", [bearer(token)]).status == 401, jwt.get_unverified_header(token)
    assert scene.app.received == b""


def test_T_2_a_public_key_is_no_secret_of_a_provider_with_keys(start, upstream, tmp_path):
    scene = SignIn(start, upstream(), tmp_path)
    token = scene.tokens()["access_token"]
    [jwk] = json.loads(scene.get("/.well-known/jwks.json").body)["keys"]
    public = jwt.PyJWK(jwk).key
    mac = jwt.get_algorithm_by_name("HS256")
    texts = [public.public_bytes(encoding, form) for encoding, form in [
        (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)]]
    texts += [json.dumps(jwk).encode(), scene.get("/.well-known/jwks.json").body]
    scene.app.forget()
    for text in texts:
        forged = hand_made({"alg": "HS256", "kid": jwk["kid"]}, payload(token), lambda data: mac.sign(data, text))
        answer = scene.get("/x", [bearer(forged)])
        assert answer.status == 401 and reason(scene, answer) == "algorithm_refused"
    assert scene.app.received == b""


def test_another_secret_counts_from_the_reload_on(scene, workers):
    scene = scene(workers=workers)
    browser = scene.browser()
    browser.sign_in()
    old = scene.tokens()["access_token"]
    before = secret(scene)
    secret_file(scene.folder)
    scene.gateway.reload()
    new = scene.tokens()["access_token"]
    assert jwt.decode(new, secret(scene), algorithms=["HS256"], audience="example", leeway=5)["sub"] == "u-1"
    assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
    wait_until(lambda: scene.get("/x", [bearer(new)]).status == 200, "the new secret on every loop")
    wait_until(lambda: scene.get("/x", [bearer(old)]).status == 401, "the old secret to be gone")
    for token in (old, jwt.encode(claims(), before, algorithm="HS256")):
        answer = scene.get("/x", [bearer(token)])
        assert answer.status == 401 and reason(scene, answer) == "signature_invalid"
    # Who has signed in notices nothing.
    assert browser.go("/x").status == 200 and browser.access != old


def test_a_former_secret_verifies_while_its_tokens_live(scene):
    scene = scene()
    old = scene.tokens()["access_token"]
    former = scene.folder / "former.secret"
    scene.file.rename(former)
    secret_file(scene.folder)
    config = scene.gateway.config_path
    text = config.read_text()
    assert text.count(str(scene.file)) == 1
    config.write_text(text.replace(str(scene.file), f"[{scene.file}, {former}]"))
    scene.gateway.reload()
    new = scene.tokens()["access_token"]
    assert jwt.decode(new, secret(scene), algorithms=["HS256"], audience="example", leeway=5)["sub"] == "u-1"
    theirs = [jwt.encode(claims(roles=["admin"]), file.read_text().rstrip("\n"), algorithm="HS256",
                         headers={"kid": jwt.get_unverified_header(new)["kid"]}) for file in (scene.file, former)]
    for token in (old, new, *theirs):
        assert scene.get("/admin", [bearer(token)]).status == 200
        assert run("token", "verify", "--config", config, "--provider", "local", token).returncode == 0
    rows = [row.split() for row in run("keys", "list", "--config", config).stdout.splitlines()[1:]]
    assert [row[-2] for row in rows] == [str(scene.file), str(former)]
    assert [row[1] for row in rows] == [jwt.get_unverified_header(token)["kid"] for token in (new, old)]
    config.write_text(text)
    scene.gateway.reload()
    assert scene.get("/admin", [bearer(new)]).status == 200
    for token in (old, theirs[1]):
        answer = scene.get("/admin", [bearer(token)])
        assert answer.status == 401 and reason(scene, answer) == "signature_invalid"
    assert len(scene.app.requests) == 5


def test_a_bad_secret_changes_nothing(scene):
    scene = scene()
    token = scene.tokens()["access_token"]
    good = secret(scene)
    for text, mode in [("short", 0o600), (good, 0o644), ("-----BEGIN PUBLIC KEY-----\n" + good, 0o600)]:
        refused = len(scene.gateway.said("reload refused"))
        scene.file.write_text(text)
        scene.file.chmod(mode)
        scene.gateway.signal(signal.SIGHUP)
        wait_until(lambda: len(scene.gateway.said("reload refused"))
                   > refused, "the refusal")
        assert scene.get("/x", [bearer(token)]).status == 200
        assert good not in scene.gateway.program_text


@pytest.mark.parametrize("text, mode, fault", [
    ("x" * 31, 0o600, "31 bytes"), ("x" * 32, 0o644, "the secret can be read by others"),
    ("x" * 32, 0o604, "chmod 600"), ("-----BEGIN PRIVATE KEY-----\n" + "x" * 64, 0o600, "key material"), ("x" * 32, 0o600, None),
    ("x" * 32 + "\n", 0o640, None)])
def test_T_2_L_3_what_is_no_secret_does_not_start(tmp_path, text, mode, fault):
    file = tmp_path / "local.secret"
    file.write_text(text)
    file.chmod(mode)
    config = tmp_path / "gateway.conf"
    config.write_text(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
providers:
  local:
    issuer: {ISSUER}
    audiences: [example]
    signing: {{ state: state, algorithm: HS256, secret_file: {file} }}
upstreams: {{ echo: {{ builtin: echo }} }}
routes: [{{ path: /**, auth: local, upstream: echo }}]
""")
    result = run("check", "--config", config)
    said = result.stdout + result.stderr
    assert "xxxxxxxx" not in said
    if fault is None:
        assert result.returncode == 0, said
        token = run("token", "mint", "--config", config, "--provider", "local", "--subject", "a")
        assert jwt.decode(token.stdout.strip(), text.strip(), algorithms=["HS256"], audience="example")["sub"] == "a"
        assert run(
            "token", "verify", "--config", config, "--provider", "local", token.stdout.strip()).returncode == 0
        generated = run("keys", "generate", "--config", config, "--provider", "local")
        assert generated.returncode == 64 and str(file) in generated.stderr
    else:
        assert result.returncode == 1 and fault in said, said
        assert run("serve", "--config", config).returncode == 78
