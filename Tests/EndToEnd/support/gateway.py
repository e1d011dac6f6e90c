"""The real binary, started on a free loopback port with a configuration of the test."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import textwrap
import time

from .ports import CLOSE_WAIT, FIN_WAIT_1, PATIENCE, tcp_ends, wait_until

# Seconds until what has ended stands in the access log: lines are written ten times a second.
SETTLING = 0.3

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("PORTCULLIS_BINARY", str(ROOT / ".build/release/portcullis"))


def run(*arguments, stdin=None, cwd=None, env=None, seconds=30):
    """Runs a command of the binary to its end."""
    return subprocess.run(
        [BINARY, *map(str, arguments)], input=stdin, capture_output=True, text=True, cwd=cwd, timeout=seconds,
        env={**os.environ, **(env or {})})


def logfmt(line):
    """A line of `name=value`, where quoted values are JSON strings."""
    pairs = re.findall(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|\S*)', line)
    return {name: json.loads(value) if value.startswith('"') else value for name, value in pairs}


class Gateway:
    """A running gateway. `config` is YAML, whose first listener is `127.0.0.1:0`: the system chooses the port."""

    def __init__(self, folder, config, env=None, prefix=(), binary=BINARY, descriptors=()):
        self.folder = pathlib.Path(folder)
        self.config_path = self.folder / "gateway.conf"
        self.write_config(config)
        self._stdout = open(self.folder / "access.log", "wb")
        self._stderr = open(self.folder / "program.log", "wb")
        self.process = subprocess.Popen(
            [*prefix, str(binary), "serve", "--config", str(self.config_path)], stdin=subprocess.DEVNULL,
            stdout=self._stdout, stderr=self._stderr, env={**os.environ, **(env or {})}, start_new_session=True,
            pass_fds=descriptors)
        self._group = self.process.pid
        self.was_killed = False
        try:
            serving = wait_until(self._serving, "the gateway to serve")
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.program_text}") from None
        self.addresses = serving["listeners"].split()
        self.host, _, port = next((a for a in self.addresses if not a.startswith("unix:")), ":0").rpartition(":")
        self.port = int(port)

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def write_config(self, config):
        self.config_path.write_text(textwrap.dedent(config))

    # What it said.

    @property
    def program_text(self):
        return (self.folder / "program.log").read_text(errors="replace")

    @property
    def access_text(self):
        """The access log, with the lines of all that has ended by now."""
        if self.process.poll() is None:
            time.sleep(SETTLING)
        return self._access_text_now()

    def _access_text_now(self):
        return (self.folder / "access.log").read_text(errors="replace")

    def messages(self):
        """The program messages, each a dict."""
        whole = self.program_text.rpartition("\n")[0]
        return [json.loads(line) if line.startswith("{") else logfmt(line) for line in whole.splitlines()
                if line.startswith(("{", "time="))]

    def said(self, text):
        """The program messages that contain `text`."""
        return [m for m in self.messages() if text in m["message"]]

    def wait_message(self, text, seconds=PATIENCE):
        """The first program message that contains `text`."""
        return wait_until(lambda: self.said(text), f"the message {text!r}", seconds)[0]

    def access(self):
        """The access lines of all that has ended by now, each a dict. A line that is not JSON is a failure."""
        return self._lines(self.access_text)

    def _lines(self, text):
        # What stands behind the last line end is a line that is being written.
        return [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]

    def wait_access(self, count=1, seconds=PATIENCE, **fields):
        """The access lines with these fields, once there are `count` of them."""
        def matching():
            lines = self._lines(self._access_text_now())
            found = [line for line in lines if all(line.get(k) == v for k, v in fields.items())]
            return found if len(found) >= count else None
        said = self._access_text_now()[-2000:]
        return wait_until(matching, f"{count} access lines with {fields}; there are {said}", seconds)

    def access_of(self, response_id):
        """The one access line of a request id."""
        lines = self.wait_access(request_id=response_id)
        assert len(lines) == 1, lines
        return lines[0]

    def _serving(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the gateway ended with {self.process.returncode}:\n{self.program_text}")
        return next((m for m in self.messages() if m.get("message") == "serving"), None)

    # What is done to it.

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, text=None, seconds=PATIENCE):
        """Has it take the configuration `text`, or its files as they are now; back once it has."""
        def count():
            return sum(m["message"] == "reloaded" for m in self.messages())
        before = count()
        if text is not None:
            self.write_config(text)
        self.signal(signal.SIGHUP)
        wait_until(lambda: count() > before, "the reload", seconds)

    @contextlib.contextmanager
    def paused(self):
        """Holds it still: what happens meanwhile is there all at once when it goes on."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1][0] == "T", "the stop")
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def wait_taken(self, *clients, seconds=PATIENCE):
        """Back once it has read all that these clients have sent, and has nothing left to do: who is to wait waits.

        A thread that could run and has no processor does not count as one that sleeps, however busy the machine is.
        """
        ports = [client.sock.getsockname()[1] for client in clients]

        def is_taken():
            ends = tcp_ends()
            for port in ports:
                # What was sent, an end too, has reached the other side's socket, and is in it no more; an end counts as a byte.
                own, other = ends[port, self.port], ends[self.port, port]
                end = 1 if other.state == CLOSE_WAIT else 0
                if own.unsent or own.state == FIN_WAIT_1 or other.unread > end:
                    return False
            return self._is_asleep()
        wait_until(is_taken, "the gateway to have taken what was sent", seconds)

    def _is_asleep(self):
        """Whether all of its threads wait for something."""
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if (task / "stat").read_text().rpartition(") ")[2][0] != "S":
                    return False
        return True

    def wait(self, seconds=PATIENCE):
        """Its exit status."""
        return self.process.wait(seconds)

    def stop(self):
        """Ends it as an operator would, unless a test has killed it. A crash is a failure."""
        if self.was_killed:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            time.sleep(0.02)
            if self.process.poll() is None:
                self.signal(signal.SIGINT)
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the gateway did not stop:\n{self.program_text[-3000:]}") from None
        finally:
            self._end_others()
            self._stdout.close()
            self._stderr.close()
        assert status == 0, f"the gateway ended with {status}:\n{self.program_text[-3000:]}"

    def kill(self):
        self.was_killed = True
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._end_others()
        self._stdout.close()
        self._stderr.close()

    def _end_others(self):
        """Ends what it has left behind, as the process that it has handed over to: they are a group of their own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._group, signal.SIGKILL)

    # What it uses.

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) * 1024

    def peak_bytes(self):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) * 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))
