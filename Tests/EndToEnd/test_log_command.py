"""`portcullis logs`: a log for people, from a file or a pipe."""
import array
import contextlib
import fcntl
import gzip
import json
import os
import pty
import re
import subprocess
import termios
import time

import pytest

from support.gateway import BINARY, run
from support.ports import wait_until

TIME = "2026-01-31T08:49:{:02}.000000Z"


def request(second, status=200, **fields):
    line = dict(time=TIME.format(second), request_id=f"{second:032x}", client="192.0.2.1", method="GET", host="a",
                path="/", route="all", status=status, total_us=850, bytes_in=1, bytes_out=2, config=1)
    return json.dumps(line | fields, separators=(",", ":"))


REFUSED = request(1, 403, reason="role_missing", blame="policy", subject="alice", path="/admin", route="admin",
                  provider="company", key_id="2026-03")
PASSED = request(2, upstream="app")
FAILED = f"time={TIME.format(3)} request_id=b client=192.0.2.2 status=502 reason=upstream_closed blame=upstream " \
         "route=all upstream=app total_us=7"
MESSAGE = json.dumps({"time": TIME.format(4), "level": "warning", "message": "a server is down", "server": "1.2.3.4:5",
                      "upstream": "app"})
FOREIGN = "java.lang.Exception: \x1b[31mno\x1b]0;title\x07"
LOG = "\n".join([REFUSED, PASSED, FOREIGN, FAILED, MESSAGE]) + "\n"


def logs(*arguments, stdin=LOG, status=0):
    result = run("logs", *arguments, stdin=stdin)
    assert result.returncode == status, result
    return result


def test_a_log_for_people():
    result = logs()
    assert result.stdout.splitlines() == [
        f"2026-01-31 08:49:01.000  403  role missing (policy)  GET a/admin  alice from 192.0.2.1  850 µs  {1:032x}",
        "2026-01-31 08:49:02.000  200  GET a/  from 192.0.2.1  → app  850 µs",
        FOREIGN,
        "2026-01-31 08:49:03.000  502  upstream closed (upstream)  - -  from 192.0.2.2  → app  7 µs  b",
        "2026-01-31 08:49:04.000  WARNING  a server is down  server=1.2.3.4:5 upstream=app"]
    assert result.stderr.startswith("1 line is neither JSON nor logfmt of the gateway's; ")


@pytest.mark.parametrize("arguments, found", [
    (["--reason", "role_missing,no_route"], [REFUSED]),
    (["--blame", "upstream", "--blame", "policy"], [REFUSED, FAILED]),
    (["--status", "4xx"], [REFUSED]), (["--status", "200,502"], [PASSED, FAILED]), (["--route", "admin"], [REFUSED]),
    (["--subject", "alice", "--status", "5xx"], []), (["--client", "192.0.2.2"], [FAILED]), (["--id", "b"], [FAILED]),
    (["--upstream", "app"], [PASSED, FAILED]), (["--upstream", "app", "--status", "5xx"], [FAILED]),
    (["--provider", "company"], [REFUSED]), (["--key", "2026-03", "--key", "-k"], [REFUSED]), (["--key", "2026"], []),
    (["--path", "/admin"], [REFUSED]), (["--path", "/adm"], []), (["--path", "/admin/"], []),
    (["--path", "/"], [REFUSED, PASSED]), (["--path", "/ad", "--path", "/admin"], [REFUSED]),
    (["--messages"], [MESSAGE]), (["--messages", "--upstream", "app"], [MESSAGE]),
    (["--messages", "--upstream", "other"], []), (["--messages", "--until", TIME.format(4)], []),
    (["--since", TIME.format(3)], [FAILED, MESSAGE]), (["--since", "2026-01-31T08:49:03Z"], [FAILED, MESSAGE]),
    (["--until", TIME.format(2)], [REFUSED]), (["--since", "10m"], []),
    (["--until", "0s"], [REFUSED, PASSED, FAILED, MESSAGE])])
def test_lines_that_are_found_pass_as_they_are(arguments, found):
    assert logs("--json", *arguments).stdout.splitlines() == found


@pytest.mark.parametrize("arguments", [
    ["--reason", "rolemissing"], ["--blame", "me"], ["--status", "9xx"], ["--since", "yesterday"],
    ["--since", "99999999999999"], ["--follow"], ["--summary", "--json"], ["--nonsense"],
    ["--messages", "--summary"], ["--messages", "--status", "5xx"], ["--messages", "--path", "/"]])
def test_wrong_usage(arguments):
    assert logs(*arguments, status=64).stdout == ""


def test_a_file_that_is_not_there(tmp_path):
    assert "No such file" in logs(tmp_path / "no.log", status=66).stderr
    logs(tmp_path, status=66)


def test_a_summary():
    text = logs("--summary").stdout
    assert text.startswith(f"3 requests, 2 with a reason, from {TIME.format(1)} to {TIME.format(3)}\n")
    assert re.search(rf"^role_missing +policy +1 +{TIME.format(1)} +{TIME.format(1)}$", text, re.M)
    assert re.search(rf"^all +2 +1 +{TIME.format(2)} +{TIME.format(3)}$", text, re.M)
    assert logs("--summary", stdin="").stdout == "no requests\n"


def test_no_line_is_too_long_or_cut_short():
    """What is no line of the gateway's goes through byte for byte, whatever it is."""
    data = b"\xff\x00" * 400_000 + b"\n" + PASSED.encode() + b"\n\n" + b"x" * 262144 + b"\nno end"
    result = subprocess.run([BINARY, "logs"], input=data, capture_output=True, timeout=60)
    shown = "2026-01-31 08:49:02.000  200  GET a/  from 192.0.2.1  → app  850 µs\n"
    before, after = result.stdout.split(shown.encode())
    assert before == b"\xff\x00" * 400_000 + b"\n" and after == b"\n" + b"x" * 262144 + b"\nno end\n"
    assert result.stderr.startswith(b"4 lines are neither JSON nor logfmt of the gateway's; ")


COMBINED = '192.0.2.1 - alice [29/Nov/2026:06:07:43 +0000] "GET /a HTTP/1.1" 200 512 "-" "-"\n'
PREFIXED = "Nov 29 06:07:43 host portcullis[7]: " + REFUSED + "\n"


@pytest.mark.parametrize("arguments", [
    ["--status", "4xx"], ["--since", "2026-01-31T00:00:00Z"], ["--messages"], ["--path", "/a"], ["--subject", "bob"],
    ["--shadow", "role_missing"]], ids=" ".join)
def test_what_cannot_be_read_is_not_what_is_looked_for(arguments):
    packed = gzip.compress((REFUSED + "\n").encode())
    for data, count in ((COMBINED.encode(), 1), (PREFIXED.encode() * 2, 2), (packed, packed.count(b"\n") + 1)):
        result = subprocess.run([BINARY, "logs", *arguments], input=data, capture_output=True, timeout=60)
        assert result.returncode == 0 and result.stdout == b"", result
        said = result.stderr.decode()
        assert said.startswith(f"{count} line") and "Combined Log Format, gzip" in said and "-o cat" in said


SHADOW = request(7, shadow="scope_missing", subject="bob", upstream="app")
TRIED = request(8, 403, reason="scope_missing", blame="policy", tried="scope_missing", subject="bob")


def test_what_is_tried_is_marked_found_and_counted():
    log = "\n".join([PASSED, SHADOW, TRIED, REFUSED]) + "\n"
    assert logs(stdin=log).stdout.splitlines()[1:3] == [
        f"2026-01-31 08:49:07.000  200  shadow: scope missing  GET a/  bob from 192.0.2.1  → app  850 µs  {7:032x}",
        f"2026-01-31 08:49:08.000  403  scope missing (policy, tried)  GET a/  bob from 192.0.2.1  850 µs  {8:032x}"]
    assert logs("--json", "--shadow", "scope_missing,role_missing", stdin=log).stdout == SHADOW + "\n"
    assert logs("--json", "--shadow", "role_missing", stdin=log).stdout == ""
    assert "there is no reason rolemissing" in logs("--shadow", "rolemissing", status=64).stderr
    text = logs("--summary", stdin=log).stdout
    assert re.search(rf"^TRIED +REQUESTS +FIRST +LAST\nscope_missing +1 +{TIME.format(8)} +{TIME.format(8)}$", text, re.M)
    assert re.search(rf"^SHADOW +REQUESTS +FIRST +LAST\nscope_missing +1 +{TIME.format(7)} +{TIME.format(7)}$", text, re.M)
    without = logs("--summary").stdout
    assert "TRIED" not in without and "SHADOW" not in without


def on_a_terminal(environment):
    """What a terminal is sent."""
    leader, follower = pty.openpty()
    try:
        hostile = request(5, 403, reason="no_route", blame="client", subject="\x9b31m\u202e")
        subprocess.run(
            [BINARY, "logs"], input=(LOG + hostile + "\n").encode(), stdout=follower, stderr=subprocess.DEVNULL,
            env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment}, timeout=30, check=True)
        return os.read(leader, 65536).decode()
    finally:
        os.close(leader)
        os.close(follower)


def test_L_1_a_terminal_is_controlled_by_no_line():
    text = on_a_terminal({})
    assert "\x1b[33m403\x1b[0m" in text and "\\u001b[31mno\\u001b]0;title\\u0007" in text
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", re.sub("\x1b\\[[0-9]+m", "", text))
    assert "\x1b" not in on_a_terminal({"NO_COLOR": "1"})


@contextlib.contextmanager
def following(path, *arguments):
    process = subprocess.Popen([BINARY, "logs", "--follow", "--json", *arguments, str(path)], stdout=subprocess.PIPE)
    try:
        os.set_blocking(process.stdout.fileno(), False)
        seen = []

        def wait(line):
            wait_until(lambda: seen.extend((process.stdout.read() or b"").decode().splitlines()) or line in seen, line)
            return seen
        yield wait
    finally:
        process.kill()
        process.wait()


def test_a_file_is_followed_over_its_rotation(tmp_path):
    path = tmp_path / "access.log"
    path.write_text(REFUSED + "\n")
    with following(path) as wait, open(path, "a", buffering=1) as old:
        wait(REFUSED)
        # A line that comes in two pieces.
        old.write(PASSED[:20])
        time.sleep(0.2)
        old.write(PASSED[20:] + "\n")
        wait(PASSED)
        path.rename(tmp_path / "access.log.1")
        with open(path, "a", buffering=1) as new:
            # Made by whoever rotates, before the gateway has opened it.
            time.sleep(0.3)
            old.write(FAILED + "\n")
            wait(FAILED)
            new.write(MESSAGE + "\n")
            wait(MESSAGE)
            # Emptied, as by who copies it away.
            new.truncate(0)
            last = f"time={TIME.format(6)} request_id=c status=200"
            new.write(last + "\n")
        assert wait(last)[:4] == [REFUSED, PASSED, FAILED, MESSAGE]


def test_a_pipe_is_shown_as_it_comes():
    process = subprocess.Popen([BINARY, "logs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdin.write(PASSED.encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"2026-01-31 08:49:02.000  200")
    finally:
        process.kill()
        process.communicate()


def test_nonblocking_standard_output_is_written_whole(tmp_path):
    """As where who reads it, or shares the terminal, has made it so (Node)."""
    path = tmp_path / "access.log"
    lines = [request(number % 60, request_id=f"{number:032x}") for number in range(2000)]
    path.write_text("\n".join(lines) + "\n")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    process = subprocess.Popen([BINARY, "logs", "--json", str(path)], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    with open(reader, "rb") as output:
        def unread():
            count = array.array("i", [0])
            fcntl.ioctl(reader, termios.FIONREAD, count)
            return count[0]
        wait_until(lambda: unread() >= 60_000 or process.poll() is not None, "the pipe to be full")
        # The write that finds no room.
        time.sleep(0.2)
        assert output.read().decode().splitlines() == lines
    assert process.communicate(timeout=10)[1] == b"" and process.returncode == 0
