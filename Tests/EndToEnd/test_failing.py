"""Where the machine or a library of it fails, the gateway lets nobody in for it, blames nobody else, and says so."""
import pytest
from support.failing import Failing
from support.wire import Client, get


@pytest.fixture
def failing(tmp_path):
    return Failing(tmp_path)


def test_a_connection_that_the_kernel_does_not_watch_is_a_failed_accept(start, upstream, failing):
    gateway = start(f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: 1
    upstreams: {{ app: {{ servers: ["{upstream().server}"] }} }}
    routes: [{{ path: /, auth: none, upstream: app }}]
    """, env=failing.env)
    assert get(gateway, "/").status == 200
    failing.fail("epoll_ctl")
    with Client(gateway) as client:
        client.sock.settimeout(20)
        assert client.sock.recv(1) == b""
    message = gateway.wait_message("accepting pauses: ")
    assert message["level"] == "error" and message["error"] == "epoll_ctl: No space left on device", message
    failing.mend("epoll_ctl")
    assert get(gateway, "/").status == 200
    gateway.wait_message("accepting goes on")
    assert len(gateway.said("accepting pauses: ")) == 1
