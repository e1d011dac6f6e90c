"""Waiting for what other processes do."""
import socket
import time


def wait_until(condition, what, seconds=10.0):
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
