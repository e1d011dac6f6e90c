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
NAMESPACES = ["--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup"]


def what_machines_lack():
    """Why there can be no such machine here; None where there can."""
    if os.geteuid() != 0:
        return "a machine of its own needs root"
    missing = [name for name in ("unshare", "nsenter", "setpriv", "systemctl") if shutil.which(name) is None]
    if missing:
        return f"a machine of its own needs {', '.join(missing)}"
    tried = subprocess.run(
        ["unshare", *NAMESPACES, "sh", "-c", "mount --make-rprivate / && mount -t tmpfs try /mnt"],
        capture_output=True, text=True, timeout=30)
    return f"this system allows no machine of its own: {tried.stderr.strip()}" if tried.returncode else None


class Machine:
    """Files are shared as they were when it began; `path` leads to those that it sees."""

    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="machine-")
        self._cgroups = [each / pathlib.Path(self._folder).name for each in _hierarchies()]
        self._log = open(f"{self._folder}.log", "w+b")
        for each in self._cgroups:
            each.mkdir()
        self._outside = subprocess.Popen(
            ["sh", "-c", 'for each; do [ "$each" = -- ] && break; echo $$ >"$each/cgroup.procs"; shift; done; shift\n'
             'exec "$@"', "machine", *map(str, self._cgroups), "--", "unshare", *NAMESPACES, SCRIPT, self._folder],
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
            ["nsenter", "--target", str(self.pid), "--all", "--wd=/", *map(str, command)], input=stdin,
            capture_output=True, text=True, timeout=seconds)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def start(self, *command):
        """Starts a command there; its output is text."""
        return subprocess.Popen(
            ["nsenter", "--target", str(self.pid), "--all", "--wd=/", *map(str, command)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

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
    """Where systemd needs a group of its own: the one hierarchy of version 2, or the two that it keeps beside version 1."""
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
