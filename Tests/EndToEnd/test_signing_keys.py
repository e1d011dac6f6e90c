"""The gateway's own keys are replaced while it runs, and files say when."""
import json
import os
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support.gateway import run
from support.ports import wait_until
from support.wire import get

HOUR, DAY = 3600, 86400
CONFIG = """
listeners: [{{ address: "127.0.0.1:0" }}]
providers:
  local:
    issuer: http://127.0.0.1:8080
    audiences: [example]
    signing: {{ state: "{state}", {more} }}
upstreams: {{ echo: {{ builtin: echo }} }}
routes: [{{ path: /api/**, auth: local, upstream: echo }}]
"""


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return folder


def key_of(folder, time_of_key, algorithm="ES256", key=None):
    """A key's file as the gateway makes them, of that time."""
    file = folder / f"local.{algorithm}.{int(time_of_key)}.pem"
    key = key or ec.generate_private_key(ec.SECP256R1())
    with open(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as out:
        out.write(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return file


def config(state, more="algorithm: ES256"):
    return CONFIG.format(state=state, more=more)


def published(gateway):
    return [each["kid"] for each in
            json.loads(get(gateway, "/.well-known/jwks.json", host="127.0.0.1:8080").body)["keys"]]


def mint(gateway, *options):
    result = run("token", "mint", "--config", gateway.config_path, "--provider", "local", "--subject", "a", *options)
    assert result.returncode == 0, result
    return result.stdout.strip()


def signer(token):
    return jwt.get_unverified_header(token)["kid"]


def status(gateway, token):
    return get(gateway, "/api/x", [("Authorization", f"Bearer {token}")]).status


def test_the_next_key_is_published_an_hour_before_it_signs(state, start):
    now = time.time()
    key_of(state, now - 90 * DAY + HOUR / 2)
    gateway = start(config(state))
    gateway.wait_message("the next signing key was made")
    wait_until(lambda: len(published(gateway)) == 2, "both keys to be published")
    [made] = [each for each in state.iterdir() if int(each.name.split(".")[2]) > now]
    assert made.stat().st_mode & 0o777 == 0o600
    assert now + HOUR / 2 < int(made.name.split(".")[2]) <= time.time() + HOUR + 1
    token = mint(gateway)
    assert signer(token) == published(gateway)[0] and status(gateway, token) == 200
    assert run("keys", "list", "--config", gateway.config_path).stdout.splitlines()[1].split()[1] == signer(token)


def test_a_key_whose_time_has_come_signs_and_old_ones_go(state, start):
    now = time.time()
    gone = [key_of(state, now - 200 * DAY), key_of(state, now - 100 * DAY)]
    kept, signing = key_of(state, now - 10 * DAY), key_of(state, now - DAY / 2)
    gateway = start(config(state))
    wait_until(lambda: not any(each.exists() for each in gone), "the old keys to be deleted")
    assert kept.exists() and signing.exists()
    wait_until(lambda: len(published(gateway)) == 2, "the old keys to be published no more")
    token = mint(gateway)
    assert signer(token) == published(gateway)[0] and status(gateway, token) == 200


def test_none_makes_and_deletes_nothing(state, start):
    now = time.time()
    files = [key_of(state, now - 1000 * DAY), key_of(state, now - 900 * DAY)]
    gateway = start(config(state, "rotate_every: none"))
    assert len(published(gateway)) == 2 and status(gateway, mint(gateway, "--expires-in", "900d")) == 200
    time.sleep(1)
    assert sorted(state.glob("*.pem")) == sorted(files)


def test_a_key_of_another_process_signs_without_a_reload_and_a_removed_one_is_gone(state, start):
    gateway = start(config(state))
    old = mint(gateway)
    assert status(gateway, old) == 200
    [first] = state.glob("*.pem")
    time.sleep(1.1)
    assert run("keys", "generate", "--config", gateway.config_path, "--provider", "local").returncode == 0
    new = mint(gateway)
    wait_until(lambda: status(gateway, new) == 200, "the new key", 60)
    assert published(gateway)[0] == signer(new) != signer(old) and status(gateway, old) == 200
    gateway.wait_message("another key signs from now on")
    first.unlink()
    wait_until(lambda: status(gateway, old) == 401, "the old key to be gone", 60)
    assert published(gateway) == [signer(new)] and status(gateway, new) == 200
    # A folder that is not there any more takes no key in use away.
    state.rename(state.parent / "away")
    gateway.wait_message("the signing keys cannot be maintained; those in use stay", 60)
    assert status(gateway, new) == 200 and published(gateway) == [signer(new)]


def test_gateways_that_share_a_folder_make_one_key(state, start, tmp_path):
    key_of(state, time.time() - 95 * DAY)
    gateways = [start(config(state)) for _ in range(3)]
    for gateway in gateways:
        wait_until(lambda: len(published(gateway)) == 2, "the next key", 60)
    assert len(list(state.glob("*.pem"))) == 2
    tokens = [mint(gateway) for gateway in gateways]
    assert len({signer(token) for token in tokens}) == 1
    assert all(status(gateway, token) == 200 for gateway in gateways for token in tokens)


def test_T_10_the_size_of_a_key_that_is_refused_is_said(state, tmp_path):
    file = key_of(state, 1, "RS256", rsa.generate_private_key(65537, 1024))
    (tmp_path / "gateway.conf").write_text(config(state, "algorithm: RS256"))
    for command in ("check", "serve"):
        result = run(command, "--config", tmp_path / "gateway.conf")
        said = f"{file} holds an RSA key of 1024 bits; 2048 to 8192 are accepted"
        assert result.returncode != 0 and said in result.stdout + result.stderr, result


def test_a_token_that_outlives_its_key_is_said(state, start):
    gateway = start(config(state, "keep_for: 1h"))
    options = ["token", "mint", "--config", gateway.config_path, "--provider", "local", "--subject", "a"]
    assert run(*options, "--expires-in", "1h").stderr == ""
    assert "signing.keep_for" in run(*options, "--expires-in", "2h").stderr


def test_keys_are_kept_for_as_long_as_sign_ins_need_them(state, tmp_path):
    users = ["user", "add", "a", "--password-stdin", "--users-file", tmp_path / "users.yaml"]
    assert run(*users, stdin="correct horse\n").returncode == 0
    file = tmp_path / "gateway.conf"

    def checked(keep_for):
        file.write_text(config(state, f"keep_for: {keep_for} }}\n    sign_in: {{ users_file: users.yaml"))
        return run("check", "--config", file)

    result = checked("10m")
    assert result.returncode == 1 and "\"keep_for\" is shorter than the tokens of \"sign_in\"" in result.stdout + result.stderr
    assert checked("11m").returncode == 0
