"""Gateways that hand over to a new process, which whoever adopts orphans is the parent of."""
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import time

from .ports import PATIENCE, wait_until

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Makes processes whose parent has ended children of this one, so that their end can be seen."""
    assert ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


class Process:
    """A process that a gateway has started, as subprocess.Popen has its own."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def poll(self):
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                # It is not adopted by this process: its parent may have seen its end.
                if not pathlib.Path(f"/proc/{self.pid}").exists():
                    self.returncode = 0
                return self.returncode
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def hand_over(gateway, seconds=PATIENCE):
    """Has `gateway` hand over; it is the new process then. The old one is returned, which ends once it is drained."""
    said = sum("the new process accepts" in m["message"] for m in gateway.messages())
    gateway.signal(signal.SIGUSR2)

    def taken_over():
        messages = [m for m in gateway.messages() if "the new process accepts" in m["message"]]
        return messages[said] if len(messages) > said else None

    message = wait_until(taken_over, f"the handover; it said {gateway.program_text[-1500:]}", seconds)
    old, gateway.process = gateway.process, Process(int(message["pid"]))
    return old


def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def children(pid):
    """The processes that `pid` has started and not forgotten."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]
