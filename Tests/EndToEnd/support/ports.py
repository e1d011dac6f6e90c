"""Waiting for what other processes do."""
import pathlib
import socket
import time
from typing import NamedTuple


# How many seconds are waited for what has to happen. Only a failure takes that long: how fast a machine is that computes
# for others too is nobody's fault.
PATIENCE = 30


def wait_until(condition, what, seconds=PATIENCE):
    """The first true result of `condition()`; fails with `what` after `seconds`."""
    began = time.monotonic()
    while True:
        result = condition()
        if result:
            return result
        waited = time.monotonic() - began
        if waited > seconds:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        # What takes seconds is looked for less often: others compute meanwhile.
        time.sleep(0.01 if waited < 1 else 0.05)


def free_port():
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


FIN_WAIT_1 = 4
CLOSE_WAIT = 8


class TCPEnd(NamedTuple):
    """One end of a connection, as the kernel has it."""
    state: int
    # Bytes that the other end's kernel does not have yet, and those that this end's process has not read.
    unsent: int
    unread: int



def tcp_ends():
    """The ends of all connections over IPv4, by their own port and the other end's."""
    ends = {}
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, own, other, state, queues = line.split()[:5]
        unsent, _, unread = queues.partition(":")
        ports = (int(own.rpartition(":")[2], 16), int(other.rpartition(":")[2], 16))
        ends[ports] = TCPEnd(int(state, 16), int(unsent, 16), int(unread, 16))
    return ends
