"""A shell in a network of its own, in which every port is free and every address as documents write it."""
import os
import re
import selectors
import subprocess
import time

import pytest

# Children end with the shell, and what is mounted is seen by them alone.
NAMESPACES = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
END = b"\n\x01"


class Shell:
    """Commands run one after the other in one bash, so variables and jobs stay."""

    def __init__(self, folder, path, **environment):
        options = NAMESPACES if os.geteuid() == 0 else ["--map-root-user", *NAMESPACES]
        if subprocess.run(["unshare", *options, "ip", "link", "set", "lo", "up"], capture_output=True).returncode != 0:
            pytest.skip("this machine allows no network of its own")
        # No progress on a terminal that there is none of; a server that has just been started is waited for.
        (folder / ".curlrc").write_text("silent\nshow-error\n")
        self._process = subprocess.Popen(
            ["unshare", *options, "bash", "--norc"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={
                "PATH": f"{path}:{os.environ['PATH']}:/usr/sbin:/sbin", "HOME": str(folder), "LC_ALL": "C.UTF-8",
                **environment})
        self._jobs = 0
        self.run("set -m; ip link set lo up; for each in /run /var/lib /var/log; do mount -t tmpfs tmpfs $each; done")

    def run(self, command, seconds=60):
        """What it says, and its exit status."""
        self._process.stdin.write(
            b"{ %s\n} </dev/null 2>&1; printf '\\n\\001%%d\\n' $?\n" % command.encode())
        self._process.stdin.flush()
        said, deadline = b"", time.monotonic() + seconds
        os.set_blocking(self._process.stdout.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not (end := re.search(END + rb"(\d+)\n$", said)):
                assert selector.select(deadline - time.monotonic()), f"{command}: does not end; it has said {said}"
                piece = self._process.stdout.read()
                assert piece, f"{command}: the shell has ended; it has said {said}"
                said += piece
        return said[:end.start()].decode(errors="replace"), int(end[1])

    def serve(self, command, until=None, seconds=60):
        """Begins a command that goes on; what it says goes to a file. Until it listens, or this holds of `$said`."""
        self._jobs += 1
        until = until or "[ $(grep -c ' 0A ' /proc/net/tcp) != $before ]"
        said, status = self.run(
            f"said=said.{self._jobs} before=$(grep -c ' 0A ' /proc/net/tcp)\n"
            f"{{ {command}\n}} >$said 2>&1 &\n"
            f"until {until}; do\n"
            "  jobs %% >/dev/null || { cat $said; break; }; sleep 0.02\ndone\njobs %% >/dev/null", seconds)
        assert status == 0, f"{command}: {said}"

    def end(self, *names):
        """Ends the jobs whose commands hold one of these."""
        for name in names:
            self.run(f"job='%?{name}'; kill $job && wait $job; true")

    def close(self):
        self._process.kill()
        self._process.wait()
