"""Waiting for what other processes do."""
import time


def wait_until(condition, what, seconds=10.0):
    """The first true result of `condition()`; fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.01)
