"""The units in deploy/, as systemd sees them, and the gateway under them on a machine of its own."""
import gzip
import json
import pathlib
import shutil
import subprocess
import textwrap
import time

import jwt
import pytest
from support.gateway import BINARY, ROOT
from support.ports import wait_until

SERVICE, SOCKET = ROOT / "deploy/portcullis.service", ROOT / "deploy/portcullis.socket"
SECRET = "an example of a secret that is long enough"

OPEN = """
listeners: [{ address: "127.0.0.1:80" }]
upstreams: { echo: { builtin: echo } }
routes:
  - { path: /**, auth: none, upstream: echo }
"""

with_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@with_analyze
def test_the_units_are_understood(tmp_path):
    # The check wants the program where the unit says that it is.
    (tmp_path / SERVICE.name).write_text(SERVICE.read_text().replace("/usr/local/bin/portcullis", BINARY))
    shutil.copy(SOCKET, tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / SERVICE.name, tmp_path / SOCKET.name],
        capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@with_analyze
def test_the_service_is_exposed_by_no_more_than_it_needs():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", SERVICE],
        capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(machine):
    """The machine, with the program and the units where they say that they belong."""
    if "release" not in pathlib.Path(BINARY).parts:
        pytest.skip("the service allows no sanitizer what it needs")
    shutil.copy(BINARY, machine.path("/usr/local/bin/portcullis"))
    for unit in (SERVICE, SOCKET):
        shutil.copy(unit, machine.path("/etc/systemd/system"))
    shutil.copy(ROOT / "deploy/portcullis.sysusers", machine.path("/usr/lib/sysusers.d/portcullis.conf"))
    machine.run("systemd-sysusers", "portcullis.conf")
    machine.path("/etc/portcullis").mkdir()
    return machine


@pytest.fixture
def service(installed):
    """Writes the configuration, and drop-ins by the names of their units; all is gone after the test."""
    folders = []

    def configure(config, **drop_ins):
        installed.path("/etc/portcullis/gateway.conf").write_text(textwrap.dedent(config))
        for kind, text in drop_ins.items():
            folder = installed.path(f"/etc/systemd/system/portcullis.{kind}.d")
            folder.mkdir()
            folders.append(folder)
            (folder / "test.conf").write_text(textwrap.dedent(text))
        installed.run("systemctl", "daemon-reload")
        return installed

    yield configure
    installed.run("systemctl", "stop", "portcullis.service", "portcullis.socket")
    for folder in folders:
        shutil.rmtree(folder)
    installed.run("systemctl", "daemon-reload")
    installed.run("systemctl", "reset-failed", "portcullis.service", check=False)


def test_it_runs_reloads_hands_over_and_stops(service):
    machine = service(OPEN)
    machine.run("systemctl", "start", "portcullis.service")
    assert machine.status() == "200"

    first = machine.property("portcullis.service", "MainPID")
    kernel = dict(line.split(":\t", 1) for line in machine.path(f"/proc/{first}/status").read_text().splitlines())
    user = machine.run("id", "--user", "portcullis").stdout.strip()
    assert kernel["Uid"].split() == [user] * 4 and user != "0"
    # Ports below 1024, which is bit 10, and nothing else.
    assert {kernel[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0000000000000400"}
    assert (kernel["NoNewPrivs"], kernel["Seccomp"]) == ("1", "2")
    # It may give its threads less priority.
    threads = machine.run("ps", "-L", "-o", "ni=,comm=", "-p", first).stdout.splitlines()
    assert ["5", "passwords"] in [line.split() for line in threads]
    for folder, mode in (("/var/lib/portcullis", "700"), ("/var/log/portcullis", "750"), ("/run/portcullis", "755")):
        assert machine.run("stat", "--format", "%a %U %G", folder).stdout.split() == [mode, "portcullis", "portcullis"]

    machine.path("/etc/portcullis/gateway.conf").write_text(OPEN.replace("/**", "/other/**"))
    machine.run("systemctl", "reload", "portcullis.service")
    wait_until(lambda: machine.status() == "404", "the configuration that was reloaded")
    machine.path("/etc/portcullis/gateway.conf").write_text(OPEN + "nonsense: 1\n")
    machine.run("systemctl", "reload", "portcullis.service")
    wait_until(lambda: 'unknown key \\"nonsense\\"' in machine.journal(), "the refusal of the broken configuration")
    assert machine.status() == "404"

    machine.path("/etc/portcullis/gateway.conf").write_text(OPEN)
    machine.run("systemctl", "kill", "--kill-who=main", "--signal=SIGUSR2", "portcullis.service")
    wait_until(lambda: machine.property("portcullis.service", "MainPID") not in (first, "0"), "the new main process")
    wait_until(lambda: not machine.path(f"/proc/{first}").exists(), "the end of the first process")
    assert machine.property("portcullis.service", "ActiveState") == "active"
    assert machine.status() == "200"

    # systemd is the parent of a process that it has not started itself, and waits for what is under way in it.
    with machine.upload(80) as (body, client):
        machine.run("systemctl", "stop", "--no-block", "portcullis.service")
        wait_until(lambda: '"draining: no more connections are accepted"' in machine.journal(), "the draining")
        body.write("the body")
    said, _ = client.communicate(timeout=30)
    assert "some of the body" in said and said.endswith(" 200")
    wait_until(lambda: machine.property("portcullis.service", "ActiveState") == "inactive", "the end")
    assert machine.property("portcullis.service", "Result") == "success"
    assert "Failed to set thread priority" not in machine.journal()


def test_a_process_that_was_handed_over_to_is_watched_and_started_again(service):
    machine = service(OPEN)
    machine.run("systemctl", "start", "portcullis.service")
    first = machine.property("portcullis.service", "MainPID")
    machine.run("systemctl", "kill", "--kill-who=main", "--signal=SIGUSR2", "portcullis.service")
    wait_until(lambda: machine.property("portcullis.service", "MainPID") not in (first, "0"), "the new main process")
    second = machine.property("portcullis.service", "MainPID")
    wait_until(lambda: not machine.path(f"/proc/{first}").exists(), "the end of the first process")
    machine.run("systemctl", "kill", "--kill-who=main", "--signal=SIGKILL", "portcullis.service")
    wait_until(lambda: machine.property("portcullis.service", "NRestarts") == "1", "the restart")
    wait_until(lambda: machine.property("portcullis.service", "ActiveState") == "active", "the service")
    assert machine.property("portcullis.service", "MainPID") not in (first, second)
    assert machine.status() == "200"


def test_a_broken_configuration_is_not_tried_again(service):
    machine = service(OPEN + "nonsense: 1\n")
    assert machine.run("systemctl", "start", "portcullis.service", check=False).returncode != 0
    assert machine.property("portcullis.service", "ExecMainStatus") == "78"
    assert machine.property("portcullis.service", "ActiveState") == "failed"
    assert machine.property("portcullis.service", "NRestarts") == "0"


def test_secrets_that_root_alone_reads_come_as_credentials(service):
    machine = service("""
        listeners: [{ address: "127.0.0.1:80" }]
        providers:
          local: { issuer: "https://issuer.test", audiences: [app], secret_file: "${CREDENTIALS_DIRECTORY}/api.secret" }
        upstreams: { echo: { builtin: echo } }
        routes:
          - { path: /**, auth: local, upstream: echo }
        """, service="[Service]\nLoadCredential=api.secret:/etc/portcullis/api.secret\n")
    secret = machine.path("/etc/portcullis/api.secret")
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    machine.run("systemctl", "start", "portcullis.service")
    token = jwt.encode(
        {"iss": "https://issuer.test", "aud": "app", "sub": "alice", "exp": int(time.time()) + 300}, SECRET, "HS256")
    assert machine.status() == "401"
    assert machine.status("--header", f"Authorization: Bearer {token}") == "200"

    # Commands beside the service read the same file once they are told, as the documents say, where it is.
    check = ["portcullis", "check", "--config", "/etc/portcullis/gateway.conf"]
    untold = machine.run("env", "--unset=CREDENTIALS_DIRECTORY", *check, check=False)
    told = "CREDENTIALS_DIRECTORY=/run/credentials/portcullis.service"
    assert untold.returncode == 1 and f"export {told}" in untold.stderr
    assert all(f"export {told}\n" in (ROOT / "docs" / page).read_text() for page in ("incidents.md", "operations.md"))
    machine.run("env", told, *check)
    machine.run("env", told, "setpriv", "--reuid=portcullis", "--regid=portcullis", "--clear-groups", *check)

    first = machine.property("portcullis.service", "MainPID")
    machine.run("systemctl", "kill", "--kill-who=main", "--signal=SIGUSR2", "portcullis.service")
    wait_until(lambda: machine.property("portcullis.service", "MainPID") not in (first, "0"), "the new main process")
    assert machine.status("--header", f"Authorization: Bearer {token}") == "200"


def test_systemd_binds_the_addresses_and_starts_it_with_the_first_connection(service):
    machine = service(OPEN, socket="""
        [Socket]
        ListenStream=
        ListenStream=127.0.0.1:80
        """, service="""
        [Service]
        AmbientCapabilities=
        CapabilityBoundingSet=
        PrivateUsers=yes
        """)
    machine.run("systemctl", "start", "portcullis.socket")
    assert machine.property("portcullis.service", "ActiveState") == "inactive"
    assert machine.status() == "200"
    pid = machine.property("portcullis.service", "MainPID")
    assert "CapBnd:\t0000000000000000" in machine.path(f"/proc/{pid}/status").read_text()

    # While it restarts, connections wait.
    machine.run("systemctl", "restart", "--no-block", "portcullis.service")
    assert {machine.status() for _ in range(20)} == {"200"}
    wait_until(lambda: machine.property("portcullis.service", "MainPID") not in (pid, "0"), "the restart")


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="logrotate is not installed")
def test_rotation_of_its_log_loses_no_line(service):
    machine = service(OPEN + 'log: { access: "/var/log/portcullis/access.log" }\n')
    shutil.copy(ROOT / "deploy/portcullis.logrotate", machine.path("/etc/logrotate.d/portcullis"))
    machine.run("systemctl", "start", "portcullis.service")
    folder = machine.path("/var/log/portcullis")
    client = machine.start("curl", "--silent", "--output", "/dev/null", "http://127.0.0.1/[1-5000]")
    rotations = 0
    while rotations < 5:
        wait_until(lambda: (folder / "access.log").exists() and (folder / "access.log").stat().st_size, "lines")
        machine.run("logrotate", "--force", "/etc/logrotate.d/portcullis")
        rotations += 1
        if client.poll() is not None:
            break
    assert rotations > 2
    assert client.wait(60) == 0
    machine.run("systemctl", "stop", "portcullis.service")

    names = sorted(each.name for each in folder.iterdir())
    assert names == sorted(["access.log", "access.log.1", *(f"access.log.{n}.gz" for n in range(2, rotations + 1))])
    lines = []
    for name in names:
        text = (folder / name).read_bytes()
        lines += (gzip.decompress(text) if name.endswith(".gz") else text).splitlines()
    assert sorted(int(json.loads(line)["path"][1:]) for line in lines) == list(range(1, 5001))
    # Also where it does not run there is nothing to complain of.
    assert machine.run("logrotate", "--force", "/etc/logrotate.d/portcullis").stderr == ""
