"""The Debian package, installed, upgraded and removed on a machine of its own."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from support.documents import commands, section
from support.gateway import BINARY, ROOT
from support.ports import wait_until
from support.shell import Shell

CONFIG = "/etc/portcullis/gateway.conf"
PROJECT = "/usr/src/portcullis"
URL = "http://127.0.0.1:8080/"


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def documented(machine):
    """Runs the commands of a section of docs/install.md on the machine, as they stand there, but for what is left out.

    They run beside a copy of the project in which the program is built.
    """
    if "release" not in pathlib.Path(BINARY).parts:
        pytest.skip("what is installed is the release build")
    project = machine.path(PROJECT)
    for name in ("deploy", "docs"):
        shutil.copytree(ROOT / name, project / name)
    for name in ("Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE",
                 "gateway.conf.example"):
        shutil.copy(ROOT / name, project)
    (project / ".build/release").mkdir(parents=True)
    shutil.copy(BINARY, project / ".build/release/portcullis")
    # What takes most of the time: the disk that is waited for, other packages of which none is needed, an index.
    machine.path("/etc/dpkg/dpkg.cfg.d/test").write_text("force-unsafe-io\n")
    machine.run("sh", "-c", "rm -rf /var/lib/apt/lists/* /var/lib/man-db/auto-update")

    def run_commands(title, *left_out):
        texts = [command.text for command in commands(section("install.md", title))]
        assert {*left_out} <= {*texts}
        for command in texts:
            if command not in left_out:
                machine.run("bash", "-euo", "pipefail", "-c", f"cd {PROJECT}; {command}")

    return run_commands


@pytest.mark.skipif(shutil.which("dpkg-shlibdeps") is None, reason="dpkg-dev is not installed")
def test_the_package_installs_hands_over_to_its_next_version_and_goes(machine, documented, tmp_path):
    package = run(
        ROOT / "deploy/deb", tmp_path,
        # It is compressed for most of the time.
        env={**os.environ, "PORTCULLIS_BINARY": BINARY, "DPKG_DEB_COMPRESSOR_TYPE": "none"}).strip()
    packaged = tmp_path / "root"
    run("dpkg-deb", "--raw-extract", package, packaged)
    assert (packaged / "DEBIAN/conffiles").read_text().splitlines() == ["/etc/logrotate.d/portcullis", CONFIG]
    needed = re.findall(r"[a-z][a-z0-9.+-]+", run("dpkg-deb", "--field", package, "Depends"))
    assert {*needed} >= {
        "libssl3", "libcurl4", "libsqlite3-0", "libyaml-0-2", "libsimdjson14", "libc6", "ca-certificates"}
    assert not [path for path in (packaged / "etc").rglob("*") if path.is_file() and "/usr/local" in path.read_text()]
    # No Swift is needed where it is installed.
    assert "swift" not in run("ldd", packaged / "usr/bin/portcullis")
    assert run("dpkg-deb", "--field", package, "Version") == run(BINARY, "version").split()[-1] + "\n"

    shutil.copy(package, machine.path(f"{PROJECT}/.build"))
    documented("Debian package", "make deb")
    assert machine.property("portcullis.service", "ActiveState") == "active"
    assert machine.property("portcullis.service", "UnitFileState") == "enabled"
    assert machine.property("portcullis.socket", "UnitFileState") == "disabled"
    # It starts safely: for this machine alone, with nothing behind it, and knows all else not.
    listening = machine.run("ss", "--listening", "--tcp", "--numeric", "--no-header").stdout.splitlines()
    assert {line.split()[3] for line in listening} == {"127.0.0.1:8080"}
    assert machine.status(url=f"{URL}other") == "404"
    machine.run("portcullis", "check", "--strict", "--config", CONFIG)
    assert machine.run("stat", "--format=%U %a", "/var/lib/portcullis/users.yaml").stdout.strip() == "portcullis 600"

    # An upgrade: what the administrator has written stays, and what is under way goes on.
    machine.path(CONFIG).write_text(machine.path(CONFIG).read_text() + "# mine\n")
    control = packaged / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+next", control.read_text(), flags=re.MULTILINE))
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", packaged, tmp_path / "next.deb")
    shutil.copy(tmp_path / "next.deb", machine.path("/tmp/next.deb"))
    first = machine.property("portcullis.service", "MainPID")
    with machine.upload(8080) as (body, client):
        machine.run("dpkg", "--install", "/tmp/next.deb")
        second = machine.property("portcullis.service", "MainPID")
        assert second not in (first, "0")
        assert machine.status(url=URL) == "200"
        body.write("the body")
    said, _ = client.communicate(timeout=30)
    assert "some of the body" in said and said.endswith(" 200")
    assert machine.path(CONFIG).read_text().endswith("# mine\n")
    wait_until(lambda: not machine.path(f"/proc/{first}").exists(), "the end of the first process")

    machine.run("dpkg", "--remove", "portcullis")
    assert not machine.path(f"/proc/{second}").exists()
    assert machine.status(url=URL) == "000"
    assert machine.path(CONFIG).exists() and machine.path("/var/lib/portcullis/users.yaml").exists()
    machine.run("dpkg", "--purge", "portcullis")
    for gone in ("/etc/portcullis", "/var/lib/portcullis", "/var/log/portcullis", "/etc/logrotate.d/portcullis"):
        assert not machine.path(gone).exists(), gone


# systemctl, of a service whose main process and state are the next line of `moments` each time they are asked for; the
# last line lasts.
SYSTEMCTL = """#!/bin/sh
case "$*" in
*"show --property MainPID"*)
    head -n 1 moments >now
    [ "$(wc -l <moments)" = 1 ] || sed -i 1d moments
    sed 's/ .*//; s/none//' now ;;
*is-active*) grep -q ' active$' now ;;
*SIGUSR2*) echo "$*" >>signals ;;
esac
"""
EARLIER = "portcullis goes on in its earlier version; journalctl -u portcullis says why.\n"
ENDED = "portcullis does not run; journalctl -u portcullis says why.\n"


@pytest.mark.parametrize("moments, says", [
    (["7 active", "8 active"], ""),
    (["7 active", "7 active", "7 active", "8 active"], ""),
    # Between the two there may be none.
    (["7 active", "0 activating", "none activating", "8 activating", "8 active"], ""),
    (["7 active"], EARLIER),
    (["7 active", "0 failed"], ENDED),
    (["7 active", "none inactive"], ENDED),
    (["7 active", "8 activating", "0 failed"], ENDED),
    (["7 active", "8 failed"], ENDED),
], ids=lambda each: ", ".join(each) if isinstance(each, list) else "")
def test_an_upgrade_says_so_unless_another_process_runs_the_new_version(tmp_path, moments, says):
    programs = {"systemctl": SYSTEMCTL, **dict.fromkeys(
        ["sleep", "systemd-sysusers", "deb-systemd-helper", "deb-systemd-invoke"], "#!/bin/sh\n")}
    for name, text in programs.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    (tmp_path / "now").write_text("7 active\n")
    (tmp_path / "moments").write_text("\n".join(moments) + "\n")
    shell = Shell(tmp_path, tmp_path / "bin")
    try:
        shell.run("mkdir -p /run/systemd/system")
        assert shell.run(f"sh {ROOT}/deploy/debian/postinst configure 0.1.0") == (says, 0)
    finally:
        shell.close()
    assert len((tmp_path / "signals").read_text().splitlines()) == 1


def test_it_installs_from_source(machine, documented):
    # A configuration that is there stays.
    mine = (ROOT / "deploy/gateway.conf").read_text() + "# mine\n"
    machine.path(CONFIG).parent.mkdir()
    machine.path(CONFIG).write_text(mine)
    documented("From source")
    assert machine.path(CONFIG).read_text() == mine
    pid = machine.property("portcullis.service", "MainPID")
    assert machine.run("readlink", f"/proc/{pid}/exe").stdout.strip() == "/usr/local/bin/portcullis"

    # Each command has its manual page, and is completed.
    pages = {each.name for each in machine.path("/usr/local/share/man/man1").iterdir()}
    listed = re.findall(r"^  ([a-z][a-z-]+)  ", run(BINARY, "--help"), re.MULTILINE)
    assert len(listed) > 5 and {f"portcullis-{name}.1" for name in listed} <= pages
    assert {"portcullis.1", "portcullis-token-verify.1"} <= pages
    assert "\\-\\-config" in machine.path("/usr/local/share/man/man1/portcullis-serve.1").read_text()
    scripts = machine.path("/usr/local/share")
    for script in ("zsh/site-functions/_portcullis", "fish/vendor_completions.d/portcullis.fish"):
        assert "serve" in (scripts / script).read_text()
    completed = machine.run(
        "bash", "-c", "source /usr/local/share/bash-completion/completions/portcullis; "
        'COMP_WORDS=(portcullis ser) COMP_CWORD=1; function="$(complete -p portcullis | grep -oP -- "-F \\K\\S+")"; '
        '"$function" portcullis ser portcullis; echo "${COMPREPLY[@]}"')
    assert completed.stdout.strip() == "serve"
