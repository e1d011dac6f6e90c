"""Commands that root runs beside a gateway of another user."""
import os
import pathlib
import shutil
import tempfile

import pytest

from support.gateway import BINARY, Gateway, run

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root, to become somebody else")

USER, OTHER = 65534, 4711
CONFIG = """
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: "unix:run/admin.sock" }
workers: 1
providers:
  local:
    issuer: http://127.0.0.1:8080
    audiences: [app]
    signing: { state: state }
    sign_in: { users_file: users.yaml }
upstreams: { echo: { builtin: echo } }
routes:
  - { name: app, path: /app/**, auth: local, upstream: echo }
  - { path: /, auth: none, upstream: echo }
"""


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        (folder / "gateway.conf").write_text(CONFIG)
        shutil.copy(BINARY, folder / "portcullis")
        (folder / "portcullis").chmod(0o755)
        for made in ("state", "run"):
            (folder / made).mkdir(mode=0o700)
            os.chown(folder / made, USER, USER)
        added = run("user", "add", "alice", "--password-stdin", "--users-file", folder / "users.yaml",
                    stdin="correct horse battery")
        assert added.returncode == 0, added
        os.chown(folder / "users.yaml", USER, USER)
        yield folder


@pytest.fixture
def gateway(folder):
    gateway = Gateway(
        folder, CONFIG, binary=folder / "portcullis",
        prefix=["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"])
    yield gateway
    gateway.stop()


def as_root(folder, *arguments, status=0, **options):
    ended = run(*arguments, "--config", folder / "gateway.conf", **options)
    if status is None:
        # What is found is another matter: no file is refused.
        assert "belongs to" not in ended.stderr and ended.returncode not in (66, 78), (arguments, ended)
    else:
        assert ended.returncode == status, (arguments, ended)
    return ended


def owners(folder):
    return {str(path.relative_to(folder)): path.stat().st_uid for path in (folder / "state").iterdir()}


def test_root_runs_the_commands_beside_the_service(folder, gateway):
    as_root(folder, "check")
    as_root(folder, "explain", "--path", "/app/x", status=1)
    as_root(folder, "doctor")
    as_root(folder, "keys", "list")
    token = as_root(folder, "token", "mint", "--provider", "local", "--subject", "bob").stdout.strip()
    as_root(folder, "token", "verify", "--provider", "local", token)
    as_root(folder, "sign-ins", "list", "--provider", "local")
    as_root(folder, "keys", "generate", "--provider", "local")
    as_root(folder, "reload")
    as_root(folder, "why", "abc", status=1)
    as_root(folder, "probe", status=None)
    as_root(folder, "replay", "--log", folder / "access.log", status=None)
    assert set(owners(folder).values()) == {USER}, owners(folder)
    # The gateway reads what was made.
    gateway.reload()
    assert not gateway.said("refused") and not gateway.said("cannot"), gateway.program_text


def test_root_makes_what_the_gateway_needs_before_its_first_start(folder):
    (folder / "state").rmdir()
    # Where the state will be is the gateway's, as /var/lib/portcullis is.
    os.chown(folder, USER, USER)
    as_root(folder, "keys", "generate", "--provider", "local")
    status = (folder / "state").stat()
    assert (status.st_uid, status.st_mode & 0o777) == (USER, 0o700)
    assert set(owners(folder).values()) == {USER}, owners(folder)


def test_root_leaves_databases_to_the_gateway(folder):
    gateway = Gateway(
        folder, CONFIG, binary=folder / "portcullis",
        prefix=["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"])
    gateway.stop()
    for file in (folder / "state").glob("*.db-*"):
        file.unlink()
    as_root(folder, "sign-ins", "list", "--provider", "local")
    as_root(folder, "sign-ins", "revoke", "--provider", "local", "--all", status=1)
    assert set(owners(folder).values()) == {USER}, owners(folder)


def test_a_file_of_a_third_user_is_refused(folder):
    os.chown(folder / "users.yaml", OTHER, OTHER)
    said = as_root(folder, "check", status=1).stderr
    assert f"belongs to uid {OTHER}" in said and f"run chown {USER} " in said and "chown root" not in said, said


def test_a_users_file_does_not_vouch_for_itself(folder):
    """Without a state folder nothing but the folder around it says who the gateway is."""
    (folder / "state").rmdir()
    said = as_root(folder, "check", status=1).stderr
    assert "belongs to" in said and f"setpriv --reuid={USER}" in said and "chown root" not in said, said
    os.chown(folder, USER, USER)
    as_root(folder, "check")


def test_a_link_to_a_file_of_root_is_no_users_file(folder):
    secret = folder / "secret"
    secret.write_text("root:canary:1\n")
    secret.chmod(0o600)
    (folder / "users.yaml").unlink()
    (folder / "users.yaml").symlink_to(secret)
    os.lchown(folder / "users.yaml", USER, USER)
    said = as_root(folder, "check", status=1).stderr
    assert f"a link of uid {USER} to a file of uid 0" in said and "canary" not in said, said


USER_COMMANDS = [
    (("user", "list"), 66), (("user", "disable", "alice"), 73), (("client", "add", "ci"), 73),
    (("user", "add", "bob", "--password-stdin"), 73)]


@pytest.mark.parametrize("owner", [USER, 0], ids=["a folder of the gateway's", "a folder of root's"])
@pytest.mark.parametrize("arguments, status", USER_COMMANDS, ids=lambda value: str(value))
def test_a_link_leads_no_user_command_of_root_to_a_file_of_root(folder, owner, arguments, status):
    # It may write root's folder as well: by its group, for example.
    os.chown(folder, owner, owner)
    file, secret = folder / "users.yaml", folder / "secret.yaml"
    file.rename(secret)
    os.chown(secret, 0, 0)
    before = secret.read_bytes()
    file.symlink_to(secret)
    os.lchown(file, USER, USER)

    def command():
        return run(*arguments, "--users-file", file, stdin="correct horse battery")
    refused = command()
    assert refused.returncode == status and "Too many levels of symbolic links" in refused.stderr, refused
    assert secret.read_bytes() == before and "alice" not in refused.stdout
    # Root's own link, and a user's link to a file of their own, are followed, and stay links.
    os.lchown(file, 0, 0)
    assert command().returncode == 0
    secret.write_bytes(before)
    os.lchown(file, USER, USER)
    os.chown(secret, USER, USER)
    assert command().returncode == 0
    assert file.is_symlink() and secret.stat().st_uid == USER


def test_serve_as_root_names_the_owner(folder):
    ended = run("serve", "--config", folder / "gateway.conf")
    assert ended.returncode == 78 and f"setpriv --reuid={USER} --regid={USER} --clear-groups" in ended.stderr, ended
    assert "chown root" not in ended.stderr, ended


def test_a_link_of_the_gateways_user_leads_root_to_its_own_files_alone(folder):
    as_root(folder, "keys", "generate", "--provider", "local")
    [key] = (folder / "state").iterdir()
    secret = folder / "root.pem"
    secret.write_bytes(key.read_bytes())
    secret.chmod(0o600)
    key.unlink()
    key.symlink_to(secret)
    os.lchown(key, USER, USER)
    said = as_root(folder, "keys", "list", status=78).stderr
    assert "Too many levels of symbolic links" in said, said
    os.lchown(key, 0, 0)
    as_root(folder, "keys", "list")
    secret.rename(folder / "own.pem")
    os.chown(folder / "own.pem", USER, USER)
    key.unlink()
    key.symlink_to(folder / "own.pem")
    os.lchown(key, USER, USER)
    as_root(folder, "keys", "list")
