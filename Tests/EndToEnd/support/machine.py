"""A machine with systemd of its own, in which what is installed and started is gone with it."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from .ports import wait_until

SCRIPT = pathlib.Path(__file__).with_name("machine.sh")
# What the script does that a container may not allow.
TRY = """
mount --make-rprivate /
mount -t tmpfs try /mnt
mkdir /mnt/written /mnt/work /mnt/root
mount -t overlay try -o lowerdir=/,upperdir=/mnt/written,workdir=/mnt/work /mnt/root
mount -t proc proc /mnt/root/proc
"""
NAMESPACES = ["--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup"]


def what_machines_lack():
    """Why there can be no such machine here; None where there can."""
    if os.geteuid() != 0:
        return "a machine of its own needs root"
    missing = [name for name in ("unshare", "nsenter", "setpriv", "systemctl") if shutil.which(name) is None]
    if missing:
        return f"a machine of its own needs {', '.join(missing)}"
    if not os.path.exists("/lib/systemd/systemd"):
        return "a machine of its own needs systemd"
    tried = subprocess.run(
        ["unshare", *NAMESPACES, "sh", "-ec", TRY], capture_output=True, text=True, timeout=30)
    if tried.returncode or not all(os.access(each, os.W_OK) for each in _hierarchies()):
        return f"this system allows no machine of its own: {tried.stderr.strip() or 'no control groups'}"
    return None


class Machine:
    """Files are shared as they were when it began; `path` leads to those that it sees."""

    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="machine-")
        self._cgroups = [each / pathlib.Path(self._folder).name for each in _hierarchies()]
        self._log = open(f"{self._folder}.log", "w+b")
        for each in self._cgroups:
            each.mkdir()
        # It goes with this process, however that ends.
        self._outside = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "sh", "-c",
             'for each; do [ "$each" = -- ] && break; echo $$ >"$each/cgroup.procs"; shift; done; shift; exec "$@"',
             "machine", *map(str, self._cgroups), "--", "unshare", *NAMESPACES, SCRIPT, self._folder],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True)
        try:
            self.pid = wait_until(self._child, "the first process of the machine", 30)
            wait_until(self._is_up, "the machine", 60)
        except AssertionError as error:
            text = pathlib.Path(self._log.name).read_text(errors="replace")
            self.close()
            raise AssertionError(f"{error}\n{text}") from None

    def _child(self):
        if self._outside.poll() is not None:
            raise AssertionError(f"it ended with {self._outside.returncode}")
        children = pathlib.Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def _is_up(self):
        self._child()
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{self.pid}/comm").read_text().strip() == "systemd":
                return self.run("systemctl", "is-active", "machine.target", check=False).stdout.strip() == "active"
        return False

    def path(self, name):
        return pathlib.Path(f"/proc/{self.pid}/root{name}")

    def run(self, *command, check=True, seconds=60, stdin=None):
        """Runs a command there, to its end; `check` makes its failure one of the test."""
        done = subprocess.run(
            ["nsenter", "--target", str(self.pid), "--all", "--root", "--wd", *map(str, command)], input=stdin,
            # What names the program here names nothing there.
            env={name: value for name, value in os.environ.items() if name != "PORTCULLIS_BINARY"},
            capture_output=True, text=True, timeout=seconds)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def start(self, *command):
        """Starts a command there; its output is text."""
        return subprocess.Popen(
            ["nsenter", "--target", str(self.pid), "--all", "--root", "--wd", *map(str, command)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def status(self, *options, url="http://127.0.0.1/"):
        """The status that curl is answered there; 000 where nobody answers."""
        return self.run(
            "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", *options, url,
            check=False).stdout

    @contextlib.contextmanager
    def upload(self, port):
        """A request under way to a port: its body, for writing, and the client."""
        fifo = self.path("/tmp/body")
        os.mkfifo(fifo)
        client = self.start(
            "sh", "-c", "exec curl --silent --upload-file - --write-out ' %{http_code}' "
            f"http://127.0.0.1:{port}/ </tmp/body")
        with fifo.open("w") as body:
            body.write("some of ")
            body.flush()
            wait_until(lambda: self._is_connected(port), "the connection")
            yield body, client
        fifo.unlink()

    def _is_connected(self, port):
        """Whether somebody has a connection to a port."""
        lines = [line.split() for line in self.path("/proc/1/net/tcp").read_text().splitlines()[1:]]
        return any(line[1].endswith(f":{port:04X}") and line[3] == "01" for line in lines)

    def journal(self, unit="portcullis.service"):
        return self.run("journalctl", "--unit", unit, "--output", "cat", "--no-pager").stdout

    def property(self, unit, name):
        return self.run("systemctl", "show", "--property", name, "--value", unit).stdout.strip()

    def close(self):
        # The first process takes all others of its namespace with it.
        self._outside.kill()
        self._outside.wait()
        self._log.close()
        os.unlink(self._log.name)
        for each in self._cgroups:
            _remove(each)
        os.rmdir(self._folder)


def _hierarchies():
    """Where systemd needs a group of its own: version 2, or the two hierarchies that it keeps beside version 1."""
    root = pathlib.Path("/sys/fs/cgroup")
    return [root] if (root / "cgroup.procs").exists() else [root / "systemd", root / "unified"]


def _remove(group):
    deadline = time.monotonic() + 10
    for folder, _, _ in os.walk(group, topdown=False):
        while True:
            try:
                os.rmdir(folder)
                break
            except OSError:
                # Those who were killed are still on their way out.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
