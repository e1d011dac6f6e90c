"""Users files and sign-ins by their commands: what they make, keep, and refuse."""
import concurrent.futures
import os
import pty
import random
import re
import signal
import sqlite3
import subprocess
import termios
import time

import pytest
from support.failing import Failing
from support.gateway import BINARY, Gateway, run
from support.ports import wait_until
from support.sign_in import hashed

PASSWORD = "correct horse"
CONFIG = """
listeners: [{ address: 127.0.0.1:0 }]
providers:
  local:
    issuer: "http://127.0.0.1:8080"
    audiences: [example]
    signing: { state: state }
    sign_in: { users_file: users.yaml }
upstreams: { echo: { builtin: echo } }
routes: [{ path: /api, auth: local, upstream: echo }]
"""


def crypted(password, setting):
    """What the system's crypt(3) makes of it."""
    return subprocess.run(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", "--", password, setting], capture_output=True,
                          text=True, check=True).stdout


def user(tmp_path, *arguments, stdin=PASSWORD + "\n", file="users.yaml"):
    return run("user", *arguments, "--users-file", tmp_path / file, stdin=stdin)


def add(tmp_path, name, *options, **others):
    result = user(tmp_path, "add", name, "--password-stdin", *options, **others)
    assert result.returncode == 0 and result.stderr == "", result
    return result.stdout.strip()


def hash_of(text, name):
    return re.search(rf"username: {name}\n +password_hash: (\S+)", text).group(1)


def test_a_user_is_added_with_all_that_there_is_to_say(tmp_path):
    made = add(tmp_path, "alice", "--role", "admin", "--role", "a, b", "--permission", "orders.write", "--scope",
               "orders:read", "--claim", "tenant=acme", "--claim", "level=3", "--claim", "vip=true")
    assert re.fullmatch(r"[\w-]{22}", made)
    assert add(tmp_path, "bob", "--id", "u2") == "u2"
    file = tmp_path / "users.yaml"
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "roles: [admin, 'a, b']" in text and "claims: { tenant: acme, level: 3, vip: true }" in text
    assert "permissions: [orders.write]" in text and PASSWORD not in text
    stored = hash_of(text, "alice")
    assert stored.startswith("$y$j9T$") and crypted(PASSWORD, stored) == stored
    assert stored != hash_of(text, "bob")
    listed = user(tmp_path, "list").stdout.splitlines()
    assert len(listed) == 3 and listed[1].split()[:3] == ["alice", made, "yescrypt"] and stored not in "".join(listed)


@pytest.mark.parametrize("arguments,stdin,status", [
    (["add", "alice", "--password-stdin"], PASSWORD + "\n", 1),
    (["add", "new", "--password-stdin", "--id", "u1"], PASSWORD + "\n", 1),
    (["add", "new", "--password-stdin", "--id", "a b"], PASSWORD + "\n", 1),
    (["add", "new", "--password-stdin", "--scope", "a b"], PASSWORD + "\n", 1),
    (["add", "new", "--password-stdin", "--claim", "sub=root"], PASSWORD + "\n", 1),
    (["add", "new", "--password-stdin", "--claim", "nothing"], PASSWORD + "\n", 64),
    (["add", "new", "--password-stdin"], "seven77\n", 64),
    (["add", "new", "--password-stdin"], "", 64),
    (["add", "new", "--password-stdin"], "x" * 512 + "\n", 64),
    (["add", "new", "--password-stdin"], "nul\0inside it\n", 64),
    (["add", "new", PASSWORD], "", 64),
    (["add", "a\nb", "--password-stdin"], PASSWORD + "\n", 1),
    (["add", "new", "--password-stdin", "--role", "a\nb"], PASSWORD + "\n", 1),
    (["add", "new", "--password-stdin", "--permission", "a\x1bb"], PASSWORD + "\n", 1),
    (["add", "new", "--password-stdin", "--claim", "a\u2028b=1"], PASSWORD + "\n", 1),
    (["add", "new", "--password-stdin", "--claim", "a=b\r"], PASSWORD + "\n", 1),
    (["password", "nobody", "--password-stdin"], PASSWORD + "\n", 1),
    (["disable", "nobody"], "", 1),
    (["enable", "nobody"], "", 1),
])
def test_what_is_refused_changes_nothing(tmp_path, arguments, stdin, status):
    add(tmp_path, "alice", "--id", "u1")
    before = (tmp_path / "users.yaml").read_bytes()
    result = user(tmp_path, *arguments, stdin=stdin)
    assert result.returncode == status and result.stderr, result
    assert (tmp_path / "users.yaml").read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["users.yaml"]


@pytest.mark.parametrize("option, noun", [
    ("--role", 'the role "a\\nb"'), ("--permission", 'the permission "a\\nb"'), ("--scope", 'the scope "a\\nb"')])
def test_a_line_break_is_said_where_it_stands(tmp_path, option, noun):
    result = user(tmp_path, "add", "alice", "--password-stdin", option, "a\nb")
    assert result.stderr == f"{noun} contains a control character or a line break\n", result
    assert run("client", "add", "batch", option, "a\nb", "--users-file", tmp_path / "users.yaml").returncode == 1
    assert not (tmp_path / "users.yaml").exists()


@pytest.mark.parametrize("stdin, password", [
    ("longenough1\r\n", "longenough1"), ("longenough1\r", "longenough1"), ("longenough1\r\r\n", "longenough1\r"),
    ("x" * 511 + "\r\n", "x" * 511), ("x" * 511, "x" * 511), ("two words\nthree words\n", "two words")], ids=range(6))
def test_a_password_is_a_line_without_its_end(tmp_path, stdin, password):
    add(tmp_path, "alice", stdin=stdin)
    stored = hash_of((tmp_path / "users.yaml").read_text(), "alice")
    assert crypted(password, stored) == stored


@pytest.mark.parametrize("stdin", ["x" * 512 + "\n", "x" * 512, "x" * 512 + "\r\n", "x" * 9999])
def test_a_password_that_is_too_long_is_said_to_be(tmp_path, stdin):
    result = user(tmp_path, "add", "alice", "--password-stdin", stdin=stdin)
    assert (result.returncode, result.stderr) == (64, "a password has 1 to 511 bytes, no NUL\n")


def test_what_a_command_does_not_understand_is_told_with_its_own_usage(tmp_path):
    result = user(tmp_path, "add", "new", "--password-stdin", "--claim", "nothing")
    assert result.returncode == 64 and "--claim nothing is not of the form name=value" in result.stderr
    assert "portcullis user add" in result.stderr and "<subcommand>" not in result.stderr


def test_a_faulty_file_is_said_and_left_alone(tmp_path):
    file = tmp_path / "users.yaml"
    file.write_text("users:\n  - id: a\n    user: alice\n    password_hash: hunter2-hunter2\n")
    before = file.read_bytes()
    for arguments in (["add", "bob", "--password-stdin"], ["list"], ["disable", "alice"]):
        result = user(tmp_path, *arguments)
        assert result.returncode == 78 and f"{file}:4:20: not a yescrypt, bcrypt or sha512crypt password hash" in result.stderr, result
        assert "hunter2" not in result.stderr
    assert file.read_bytes() == before
    assert user(tmp_path, "list", file="nowhere.yaml").returncode == 66


def test_a_change_keeps_comments_mode_and_owner(tmp_path):
    add(tmp_path, "alice")
    file = tmp_path / "users.yaml"
    file.write_text("# people\n" + file.read_text() + "# the end\n")
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 4711, 4712)
    before = hash_of(file.read_text(), "alice")
    assert user(tmp_path, "password", "alice", "--password-stdin", stdin="another one\n").returncode == 0
    assert user(tmp_path, "disable", "alice").returncode == 0
    add(tmp_path, "bob")
    text = file.read_text()
    assert text.startswith("# people\nusers:\n") and "# the end\n" in text and "disabled: true" in text
    stored = hash_of(text, "alice")
    assert stored != before and crypted("another one", stored) == stored
    status = file.stat()
    assert status.st_mode & 0o777 == 0o640
    if os.geteuid() == 0:
        assert (status.st_uid, status.st_gid) == (4711, 4712)
    assert user(tmp_path, "enable", "alice").returncode == 0
    assert "disabled: true" not in file.read_text()


@pytest.mark.parametrize("mode, right", [(0o660, "640"), (0o620, "640"), (0o644, "600"), (0o640, None)])
def test_L_3_a_mode_that_no_gateway_accepts_is_said(tmp_path, mode, right):
    file = tmp_path / "users.yaml"
    assert run("user", "add", "alice", "--password-stdin", "--users-file", file, stdin="correct horse").returncode == 0
    file.chmod(mode)
    said = run("user", "list", "--users-file", file).stderr
    assert said == "" if right is None else f"no gateway accepts it like that; run chmod {right} {file}" in said, said


def test_a_link_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "users.yaml").symlink_to("real/users.yaml")
    (tmp_path / "real/users.yaml").touch(mode=0o600)
    add(tmp_path, "alice")
    assert (tmp_path / "users.yaml").is_symlink() and "alice" in (tmp_path / "real/users.yaml").read_text()


def test_commands_at_the_same_time_lose_nobody(tmp_path):
    names = [f"user{number}" for number in range(12)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: add(tmp_path, name), names))
    listed = user(tmp_path, "list").stdout.splitlines()[1:]
    assert sorted(line.split()[0] for line in listed) == sorted(names)


def test_a_client_gets_a_secret_that_is_printed_once(tmp_path):
    result = run("client", "add", "batch", "--role", "worker", "--users-file", tmp_path / "users.yaml")
    secret = result.stdout.strip()
    text = (tmp_path / "users.yaml").read_text()
    assert result.returncode == 0 and re.fullmatch(r"[\w-]{43}", secret) and secret not in text
    stored = re.search(r"secret_hash: (\S+)", text).group(1)
    assert crypted(secret, stored) == stored and "roles: [worker]" in text
    assert run("client", "add", "batch", "--users-file", tmp_path / "users.yaml").returncode == 1


def test_a_client_gets_another_secret_and_is_disabled_and_enabled(tmp_path):
    file = tmp_path / "users.yaml"
    hash = hashed("the former secret")
    text = f"# jobs\nclients:\n  - id: batch # at night\n    secret_hash: HASH # of May\n  - {{ id: ci, secret_hash: {hash} }}\n"
    file.write_text(text.replace("HASH", hash))
    file.chmod(0o640)
    result = run("client", "secret", "batch", "--users-file", file)
    secret = result.stdout.strip()
    assert result.returncode == 0 and re.fullmatch(r"[\w-]{43}", secret)
    stored = re.search(r"secret_hash: (\S+) # of May", file.read_text()).group(1)
    assert crypted(secret, stored) == stored and file.read_text() == text.replace("HASH", stored)
    ends = "portcullis sign-ins revoke --config gateway.conf --provider NAME --client batch\n"
    assert result.stderr.startswith("tokens that batch has already stay good") and result.stderr.endswith(ends)
    result = run("client", "disable", "batch", "--users-file", file)
    assert (result.returncode, result.stdout) == (0, "") and result.stderr.endswith(ends)
    assert "# of May\n    disabled: true\n  - {" in file.read_text()
    assert [line.split()[3] for line in user(tmp_path, "list").stdout.splitlines()[1:]] == ["disabled", "-"]
    result = run("client", "enable", "batch", "--users-file", file)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert [line.split()[3] for line in user(tmp_path, "list").stdout.splitlines()[1:]] == ["-", "-"]
    assert file.stat().st_mode & 0o777 == 0o640
    before = file.read_text()
    for command in ("secret", "disable", "enable"):
        result = run("client", command, "nobody", "--users-file", file)
        assert (result.returncode, result.stdout) == (1, "") and 'there is no client "nobody"' in result.stderr
    assert file.read_text() == before


def test_only_what_adds_someone_makes_a_file(tmp_path):
    for words in (["user", "disable", "alice"], ["user", "enable", "alice"], ["user", "list"],
                  ["user", "password", "alice", "--password-stdin"], ["client", "secret", "batch"],
                  ["client", "disable", "batch"], ["client", "enable", "batch"]):
        result = run(*words, "--users-file", tmp_path / "nofile.yaml", stdin=PASSWORD + "\n")
        said = (result.returncode, result.stdout, result.stderr)
        assert said == (66, "", f"{tmp_path}/nofile.yaml: there is no such file\n"), words
    assert list(tmp_path.iterdir()) == []


def test_who_is_there_already_is_not_added_and_it_is_said_what_to_do(tmp_path):
    add(tmp_path, "alice")
    before = (tmp_path / "users.yaml").read_text()
    result = user(tmp_path, "add", "alice", "--role", "admin", "--password-stdin")
    assert result.returncode == 1 and (tmp_path / "users.yaml").read_text() == before
    assert result.stderr == (
        f'{tmp_path}/users.yaml:2: there is a user "alice" already; to change its roles, permissions or scopes, edit '
        "them there; portcullis user password sets another password\n")


# Import.


def test_htpasswd_and_shadow_lines_are_taken(tmp_path):
    made = subprocess.run(["htpasswd", "-nbB", "carol", PASSWORD], capture_output=True, text=True).stdout.strip()
    shadow = crypted(PASSWORD, "$6$saltstring")
    (tmp_path / "list").write_text(
        f"# people\n{made}\n\ndave:{shadow}:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nlocked:!{shadow}:1::::::\n"
        f"expired:{shadow}:1:0:1:7::2:\nfred:{shadow}:19000:0:99999:7::60000:\n")
    result = user(tmp_path, "import", tmp_path / "list", "--role", "staff")
    assert result.returncode == 0 and result.stdout == "3 added\n", result
    assert "list:7: expired expired on 1970-01-03, and is skipped" in result.stderr
    assert "list:8: fred expires on 2134-04-11, which is not kept" in result.stderr
    assert "daemon has no password" in result.stderr and "locked has no password" in result.stderr
    text = (tmp_path / "users.yaml").read_text()
    for name in ("carol", "dave"):
        stored = hash_of(text, name)
        assert crypted(PASSWORD, stored) == stored
    assert text.count("roles: [staff]") == 3
    result = user(tmp_path, "import", "-", stdin=f"erin:{shadow}\n")
    assert result.returncode == 0 and "erin" in (tmp_path / "users.yaml").read_text()


def test_what_cannot_be_imported_is_said_line_by_line_and_nobody_is(tmp_path):
    good = crypted(PASSWORD, "$6$saltstring")
    (tmp_path / "list").write_text(
        f"good:{good}\napache:$apr1$abcdefgh$0123456789012345678901\nsha:{{SHA}}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"
        f"no colon\ncostly:$2b$31${'C' * 21}.{'E' * 30}6\nlong:{'x' * 5000}\nshort\n")
    result = user(tmp_path, "import", tmp_path / "list")
    assert result.returncode == 1
    for number, words in [(2, "$apr1$"), (3, "{SHA}"), (4, "no name:hash"), (5, "a cost of 31"),
                          (6, "at most 4096 bytes"), (7, "no name:hash")]:
        assert re.search(rf"list:{number}: .*{re.escape(words)}", result.stderr), result.stderr
    assert "W6ph5Mm5" not in result.stderr
    assert not (tmp_path / "users.yaml").exists()


def test_what_stands_in_the_way_of_an_import_is_said_by_its_line(tmp_path):
    good = crypted(PASSWORD, "$6$saltstring")
    add(tmp_path, "alice")
    before = (tmp_path / "users.yaml").read_bytes()
    (tmp_path / "list").write_text(f"# people\nbob:{good}\nalice:{good}\n")
    result = user(tmp_path, "import", tmp_path / "list")
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path}/list:3: {tmp_path}/users.yaml has alice already\n"
    (tmp_path / "list").write_text(f"bob:{good}\n\nbob:{good}\nca\trol:{good}\n")
    result = user(tmp_path, "import", tmp_path / "list")
    assert result.returncode == 1 and f"{tmp_path}/list:3: bob is already on line 1\n" in result.stderr
    assert f'{tmp_path}/list:4: the username "ca\\trol" contains a control character' in result.stderr
    assert (tmp_path / "users.yaml").read_bytes() == before


def test_whoever_gets_no_id_is_not_imported_and_said(tmp_path):
    failing = Failing(tmp_path).fail("RAND_bytes")
    (tmp_path / "list").write_text(f"bob:{crypted(PASSWORD, '$6$saltstring')}\n")
    result = run("user", "import", tmp_path / "list", "--users-file", tmp_path / "users.yaml", env=failing.env)
    assert result.returncode == 1 and result.stdout == "", result
    assert result.stderr == f"{tmp_path}/list:1: no id could be made: OpenSSL: RAND_bytes failed\n"
    assert not (tmp_path / "users.yaml").exists()


def test_an_import_begins_behind_a_byte_order_mark(tmp_path):
    (tmp_path / "list").write_text(f"\ufeffbob:{crypted(PASSWORD, '$6$saltstring')}\r\n")
    assert user(tmp_path, "import", tmp_path / "list").returncode == 0
    assert "username: bob\n" in (tmp_path / "users.yaml").read_text()


# The terminal.


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, *arguments):
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.execv(BINARY, [BINARY, *map(str, arguments)])
        self.seen = b""

    def read(self):
        try:
            self.seen += os.read(self.end, 4096)
        except OSError:
            pass

    def until(self, words):
        os.set_blocking(self.end, False)
        wait_until(lambda: self.read() or words in self.seen, f"{words} at the terminal", 30)

    def type(self, text):
        os.write(self.end, text)

    def ended(self):
        status = []
        wait_until(lambda: self.read() or status.append(os.waitpid(self.pid, os.WNOHANG)) or status[-1][0], "its end", 30)
        self.read()
        return status[-1][1]

    def close(self):
        os.close(self.end)


def is_shown(terminal):
    return bool(termios.tcgetattr(terminal.end)[3] & termios.ECHO)


def test_a_password_is_typed_twice_and_not_shown(tmp_path):
    terminal = Terminal("user", "add", "alice", "--users-file", tmp_path / "users.yaml")
    terminal.until(b"Password of alice: ")
    wait_until(lambda: not is_shown(terminal), "the terminal to show nothing", 30)
    terminal.type(PASSWORD.encode() + b"\n")
    terminal.until(b"Once more: ")
    wait_until(lambda: not is_shown(terminal), "the terminal to show nothing", 30)
    terminal.type(PASSWORD.encode() + b"\n")
    assert os.waitstatus_to_exitcode(terminal.ended()) == 0
    assert PASSWORD.encode() not in terminal.seen
    stored = hash_of((tmp_path / "users.yaml").read_text(), "alice")
    assert crypted(PASSWORD, stored) == stored
    terminal.close()


def test_two_different_ones_are_refused(tmp_path):
    terminal = Terminal("user", "add", "alice", "--users-file", tmp_path / "users.yaml")
    for prompt, typed in [(b"Password of alice: ", b"correct horse\n"), (b"Once more: ", b"correct house\n")]:
        terminal.until(prompt)
        wait_until(lambda: not is_shown(terminal), "the terminal to show nothing", 30)
        terminal.type(typed)
    assert os.waitstatus_to_exitcode(terminal.ended()) == 64
    assert not (tmp_path / "users.yaml").exists()
    terminal.close()


@pytest.mark.parametrize("how", ["key", "signal"])
def test_whoever_gives_up_has_a_terminal_that_shows_what_is_typed(tmp_path, how):
    # The shell stays: it is the terminal's first process, as people have it.
    terminal = Terminal.__new__(Terminal)
    terminal.seen = b""
    terminal.pid, terminal.end = pty.fork()
    command = f"{BINARY} user add alice --users-file {tmp_path / 'users.yaml'}"
    if terminal.pid == 0:
        os.execv("/bin/bash", ["bash", "--norc", "-c", f"trap : INT; {command}; echo ended $?; read x"])
    terminal.until(b"Password of alice: ")
    wait_until(lambda: not is_shown(terminal), "the terminal to show nothing", 30)
    if how == "key":
        terminal.type(b"\x03")
    else:
        child = int(open(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read().split()[0])
        os.kill(child, signal.SIGTERM)
    terminal.until(b"ended 1")
    assert is_shown(terminal)
    assert b"ended 130" in terminal.seen if how == "key" else b"ended 143" in terminal.seen
    terminal.type(b"\n")
    terminal.ended()
    terminal.close()
    assert not (tmp_path / "users.yaml").exists()


# Sign-ins.


@pytest.fixture
def signed_in(tmp_path):
    """A configuration, and its database with sign-ins in it, as a gateway has left them."""
    (tmp_path / "gateway.conf").write_text(CONFIG)
    add(tmp_path, "alice", "--id", "u1")
    Gateway(tmp_path, CONFIG).stop()
    file = tmp_path / "state/local.sign-ins.db"
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700

    def fill(count, subject="u1"):
        now = int(time.time())
        with sqlite3.connect(file) as database:
            for number in range(count):
                database.execute(
                    "INSERT INTO sign_ins (id, provider, subject, methods, authenticated_at, last_used_at, expires_at,"
                    " client_address, user_agent, family_hash, token_hash, tokens_until, password_digest)"
                    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    (f"{subject}-{number}", "local", subject, "pwd", now, now, now + 86400, "127.0.0.1",
                     "curl\t\x1b[2J", random.randbytes(32), random.randbytes(32), now + 600,
                     random.randbytes(32)))
        database.close()
        return [f"{subject}-{number}" for number in range(count)]
    return tmp_path, file, fill


def sign_ins(folder, *arguments):
    return run("sign-ins", *arguments, "--config", folder / "gateway.conf", "--provider", "local")


def going_on(file):
    database = sqlite3.connect(file)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    found = {each for each, in database.execute("SELECT id FROM sign_ins")}
    database.close()
    return found


def test_sign_ins_are_listed_and_ended(signed_in):
    folder, file, fill = signed_in
    fill(3)
    fill(2, "u2")
    listed = sign_ins(folder, "list").stdout
    assert len(listed.splitlines()) == 6 and "alice" in listed and "\x1b" not in listed
    assert len(sign_ins(folder, "list", "--user", "u2").stdout.splitlines()) == 3
    result = sign_ins(folder, "revoke", "--id", "u1-1", "--id", "nobody")
    assert result.returncode == 0 and result.stdout == "u1-1\n"
    assert sign_ins(folder, "revoke", "--id", "u1-1").returncode == 1
    result = sign_ins(folder, "revoke", "--user", "alice")
    assert sorted(result.stdout.split()) == ["u1-0", "u1-2"]
    assert going_on(file) == {"u2-0", "u2-1"}
    assert sorted(sign_ins(folder, "revoke", "--all").stdout.split()) == ["u2-0", "u2-1"]
    assert going_on(file) == set()
    for arguments in ([], ["--all", "--user", "u1"], ["--all", "--id", "x"], ["--user", "u1", "--client", "u1"]):
        assert sign_ins(folder, "revoke", *arguments).returncode == 64
    result = sign_ins(folder, "revoke", "--user", "alice")
    assert (result.returncode, result.stderr) == (1, "no sign-in was ended: none is active\n")
    result = sign_ins(folder, "revoke", "--user", "alicce")
    assert result.returncode == 1 and result.stderr.endswith("users.yaml has no user alicce\n")
    result = sign_ins(folder, "revoke", "--client", "alice")
    assert result.returncode == 1 and result.stderr.endswith("users.yaml has no client alice\n")
    assert sign_ins(folder, "list", "--user", "u1", "--client", "u1").returncode == 64


def test_check_says_that_others_may_read_the_database_of_sign_ins(signed_in):
    folder, file, _ = signed_in
    assert run("check", "--config", folder / "gateway.conf").returncode == 0
    before = file.read_bytes()
    file.chmod(0o644)
    checked, served = (run(command, "--config", folder / "gateway.conf") for command in ("check", "serve"))
    said = f"{file} has mode 644; nobody but its owner may read it: run chmod 600 {file}"
    assert checked.returncode == 1 and said in checked.stderr and "good" not in checked.stdout, checked
    assert served.returncode == 73 and said in served.stdout + served.stderr, served
    file.unlink()
    assert run("check", "--config", folder / "gateway.conf").returncode == 0
    assert not file.exists() and before


def test_C_10_kill_9_loses_no_acknowledged_end(signed_in):
    folder, file, fill = signed_in
    ids = fill(3000)
    acknowledged = set()
    for _ in range(25):
        left = sorted(going_on(file))
        if not left:
            break
        options = [part for each in random.sample(left, min(len(left), 600)) for part in ("--id", each)]
        process = subprocess.Popen(
            [BINARY, "sign-ins", "revoke", *options, "--config", folder / "gateway.conf", "--provider", "local"],
            stdout=subprocess.PIPE)
        # From its first line on it is at work; when it ends is chance.
        said = process.stdout.readline()
        time.sleep(random.random() * 0.05)
        process.kill()
        text = (said + process.stdout.read()).decode()
        process.wait()
        lines = text.split("\n")[:-1]
        assert set(lines) <= set(ids)
        acknowledged |= set(lines)
        assert not acknowledged & going_on(file)
    assert acknowledged


def test_a_database_that_others_read_or_a_newer_version_wrote_is_refused(signed_in):
    folder, file, fill = signed_in
    file.chmod(0o644)
    result = sign_ins(folder, "list")
    assert result.returncode == 69 and "chmod 600" in result.stderr
    file.chmod(0o600)
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 99")
    database.close()
    result = sign_ins(folder, "list")
    assert result.returncode == 69 and "newer version" in result.stderr
