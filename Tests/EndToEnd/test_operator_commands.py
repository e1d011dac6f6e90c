"""What commands say to operators where something is in the way."""
import json
import os
import shutil
import socket
import subprocess

import pytest

from support.certificates import authority_fixture
from support.gateway import BINARY, run
from support.ports import wait_until
from support.tokens import mint
from test_admin import Admin
from test_certificate_identity import clients, config as certificate_config  # noqa: F401

OWN = """
listeners: [{ address: 127.0.0.1:0 }]
workers: 1
providers:
  local: { issuer: http://127.0.0.1:8080, audiences: [app], signing: { state: state } }
upstreams: { echo: { builtin: echo } }
routes: [{ path: /, auth: local, upstream: echo }]
"""
LISTENERS = """
%s
upstreams: { echo: { builtin: echo } }
routes: [{ path: /, auth: none, upstream: echo }]
"""


def written(folder, text):
    file = folder / "gateway.conf"
    file.write_text(text)
    return file


def into(target, *arguments, **options):
    """Runs a command whose output goes to a file."""
    with open(target, "wb") as out:
        return subprocess.run(
            [BINARY, *map(str, arguments)], stdout=out, stderr=subprocess.PIPE, text=True, timeout=30, **options)


# Providers without keys.


def test_a_provider_that_needs_no_keys_is_not_said_to_lack_them(start, upstream, key_server, keys, authority, clients):  # noqa: F811
    text = certificate_config(upstream(), authority, clients, key_server(keys["ES256"])) + """
    admin: { address: "127.0.0.1:0" }
    """
    gateway = start(text)
    admin = Admin(gateway)
    wait_until(lambda: admin.metrics()['portcullis_key_set_keys{provider="company"}'] == 1, "the keys")
    samples = admin.metrics()
    assert not [name for name in samples if "key_set" in name and "machines" in name]
    assert {each["name"]: each["keys"] for each in admin.status()["providers"]} == {"company": 1, "machines": None}
    page = admin.get("/status", ("Accept", "text/html")).body.decode()
    assert "needs none" in page
    said = run("doctor", "--config", gateway.config_path, "--provider", "machines").stdout
    assert "client_certificate" in said and "introspection" not in said, said
    verified = run("token", "verify", "--config", gateway.config_path, "--provider", "machines", "a.b.c")
    assert verified.returncode == 64 and "client_certificate" in verified.stderr, verified
    (gateway.folder / "token").write_text("a.b.c")
    asked = run("doctor", "--config", gateway.config_path, "--provider", "machines", "--token", gateway.folder / "token")
    assert asked.returncode == 1 and "fix the keys" not in asked.stdout and "client_certificate" in asked.stdout, asked


def test_doctor_says_what_a_shared_secret_is(tmp_path):
    (tmp_path / "api.secret").write_text("s" * 64)
    (tmp_path / "api.secret").chmod(0o600)
    file = written(tmp_path, OWN.replace("signing: { state: state }", "secret_file: api.secret"))
    said = run("doctor", "--config", file)
    assert said.returncode == 0 and "the secret can be used" in said.stdout and "first start" not in said.stdout, said


# A state folder that the machine refuses.


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="needs root, to mount a full disk")
def test_a_full_disk_at_the_first_start_is_tried_again(tmp_path):
    file = written(tmp_path, OWN)
    (tmp_path / "state").mkdir(mode=0o700)
    served = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-c",
         "mount -t tmpfs -o size=4k,mode=0700 none state && head -c 4096 /dev/zero > state/filler; "
         'exec "$0" serve --config gateway.conf', BINARY],
        cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert served.returncode == 73 and "No space left on device" in served.stderr, served
    assert run("check", "--config", file).returncode == 0


def test_a_state_folder_that_cannot_be_made_is_no_fault_of_the_configuration(tmp_path):
    file = written(tmp_path, OWN.replace("state: state", "state: missing/state"))
    served = run("serve", "--config", file)
    assert served.returncode == 73 and "missing/state" in served.stderr, served


# Output that cannot be written.


@pytest.fixture
def folder(tmp_path):
    line = json.dumps({"time": "2026-01-31T08:49:37.000000Z", "request_id": "a", "client": "127.0.0.1", "method": "GET",
                       "path": "/", "status": 200}, separators=(",", ":"))
    (tmp_path / "access.log").write_text((line + "\n") * 2000)
    written(tmp_path, OWN)
    assert run("keys", "generate", "--config", tmp_path / "gateway.conf", "--provider", "local").returncode == 0
    return tmp_path


@pytest.mark.parametrize("arguments", [
    ["check", "--config", "gateway.conf"], ["check", "--effective", "--config", "gateway.conf"],
    ["keys", "list", "--config", "gateway.conf"], ["version"], ["--version"], ["--help"], ["help", "logs"],
    ["keys", "--help"],
    ["token", "mint", "--config", "gateway.conf", "--provider", "local", "--subject", "a"],
    ["logs", "--json", "access.log"], ["logs", "--summary", "access.log"],
    ["client", "add", "batch", "--users-file", "users.yaml"],
], ids=lambda arguments: " ".join(arguments[:2]))
def test_output_that_cannot_be_written_is_said(folder, arguments):
    ended = into("/dev/full", *arguments, cwd=folder)
    assert ended.returncode == 73 and "No space left on device" in ended.stderr, ended
    assert ("secret is lost" in ended.stderr) == (arguments[0] == "client"), ended


def test_a_reader_that_has_gone_is_no_fault(folder):
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run([BINARY, "logs", "--json", "access.log"], stdout=writing, stderr=subprocess.PIPE, text=True,
                           cwd=folder, timeout=30)
    os.close(writing)
    assert ended.returncode in (0, -13) and ended.stderr == "", ended


# The admin listener's socket.


@pytest.mark.parametrize("command", [["reload"], ["why", "abc"]], ids=["reload", "why"])
def test_a_socket_that_does_not_answer_is_named(tmp_path, command):
    ended = run(*command, "--admin", "unix:adm.sock", cwd=tmp_path)
    assert ended.returncode == 69 and "there is no such socket" in ended.stderr, ended
    assert "localhost" not in ended.stderr and "port 80" not in ended.stderr, ended
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "adm.sock"))
    ended = run(*command, "--admin", "unix:adm.sock", cwd=tmp_path)
    assert ended.returncode == 69 and "nothing listens there" in ended.stderr, ended


# What check says before serve fails.


@pytest.mark.parametrize("text, said", [
    ('listeners: [{ address: "127.0.0.1:8080" }, { address: "0.0.0.0:8080" }]', "the listener at 127.0.0.1:8080 already has this port"),
    ('listeners: [{ address: "[::]:8080" }, { address: "[::1]:8080" }]', "the listener at [::]:8080 already has this port"),
    ('listeners: [{ address: "0.0.0.0:8080" }]\nadmin: { address: "127.0.0.1:8080" }', "the listener at 0.0.0.0:8080 already has this port"),
    ('listeners: [{ address: "127.0.0.1:0" }]\nlog: { access: missing/access.log }', "log.access: there is no folder "),
    ('listeners: [{ address: "127.0.0.1:0" }]\nlog: { access: logs }', "logs is a folder; name a file in it"),
    ('listeners: [{ address: "127.0.0.1:0" }]\nlog: { access: users/access.log }', "Not a directory"),
])
def test_check_finds_what_keeps_serve_from_starting(tmp_path, text, said):
    (tmp_path / "logs").mkdir()
    (tmp_path / "users").write_text("")
    checked = run("check", "--config", written(tmp_path, LISTENERS % text))
    assert checked.returncode == 1 and said in checked.stderr, checked


@pytest.mark.parametrize("listeners", [
    '{ address: "127.0.0.1:0" }, { address: "0.0.0.0:0" }', '{ address: "0.0.0.0:8080" }, { address: "[::]:8080" }',
    '{ address: "127.0.0.1:8080" }, { address: "0.0.0.0:8081" }', '{ address: "127.0.0.1:8080" }, { address: "127.0.0.2:8080" }'])
def test_listeners_beside_each_other_are_good(tmp_path, listeners):
    assert run("check", "--config", written(tmp_path, LISTENERS % f"listeners: [{listeners}]")).returncode == 0


@pytest.mark.parametrize("old, new, said", [
    ("path: /,", 'path: /, methods: ["*"],', 'leave "methods" out'), ("path: /,", "path: /, methods: [ANY],", 'leave "methods" out'),
    ("path: /,", "path: /, methods: [all],", 'leave "methods" out'),
    ("audiences: [app]", 'audiences: "*"', "write any"),
    ("path: /,", 'path: /, host: "https://a.b",', "without scheme"), ("path: /,", 'path: /, host: "a.b:80",', "without a port"),
])
def test_advice_that_helps(tmp_path, old, new, said):
    checked = run("check", "--config", written(tmp_path, OWN.replace(old, new)))
    assert checked.returncode == 1 and said in checked.stderr, checked


def test_a_moment_without_its_unit_is_none(folder):
    ended = run("logs", "--since", "10", folder / "access.log")
    assert ended.returncode == 64 and "--since" in ended.stderr, ended
    assert run("logs", "--since", "1700000000", folder / "access.log").returncode == 0


def test_a_block_is_no_client(folder):
    ended = run("logs", "--client", "10.0.0.0/8", folder / "access.log")
    assert ended.returncode == 64 and "10.0.0.0/8 is a block" in ended.stderr.replace('"', ""), ended


def test_a_name_that_is_no_text_is_not_imported(tmp_path):
    hashed = "$y$j9T$" + "a" * 22 + "$" + "b" * 43
    (tmp_path / "people").write_bytes(b"alic\xff:" + hashed.encode() + b"\n")
    ended = run("user", "import", "people", "--users-file", "users.yaml", cwd=tmp_path)
    assert ended.returncode == 1 and "people:1: bytes that are not UTF-8" in ended.stderr, ended
    assert not (tmp_path / "users.yaml").exists()


def test_pipes_are_read(folder, keys):
    def piped(text, *arguments):
        reading, writing = os.pipe()
        os.write(writing, text.encode())
        os.close(writing)
        command = [BINARY, *(each.format(f"/dev/fd/{reading}") for each in arguments)]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=30, pass_fds=[reading])
        os.close(reading)
        return ended
    token = run("token", "mint", "--config", folder / "gateway.conf", "--provider", "local", "--subject", "a").stdout
    asked = piped(token, "doctor", "--config", "gateway.conf", "--token", "{}")
    assert asked.returncode == 0 and "good, for another" in asked.stdout, asked
    key = keys["ES256"]
    verified = piped(json.dumps({"keys": [key.jwk]}), "token", "verify", "--jwks", "{}", mint(key))
    assert verified.returncode == 0, verified
