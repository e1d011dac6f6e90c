"""The two answers to a hostile request: refused with nothing upstream, or cut in the middle of a body."""
from .ports import wait_until
from .wire import Client


def assert_refused(gateway, app, data, status, reason=None, piece=None):
    """`status!`: that answer, `Connection: close`, the end of the connection, one access line, zero bytes upstream."""
    app.forget()
    with Client(gateway) as client:
        client.send(data, piece)
        answer = client.response()
        assert answer.status == status, answer
        assert answer.field("connection") == "close", answer
        assert client.is_closed(), client.data
    assert app.received == b""
    line = gateway.access_of(answer.request_id)
    assert line["status"] == status, line
    assert line["blame"] == "client", line
    if reason is not None:
        assert line["reason"] == reason, line
    return answer


def assert_body_refused(gateway, app, data, status, reason, piece=None):
    """A fault in a body that is being forwarded: that answer and the end of the connection; the upstream never sees a
    whole request, and its connection ends."""
    before = len(app.connections)
    with Client(gateway) as client:
        client.send(data, piece)
        answer = client.response()
        assert answer.status == status, answer
        assert answer.field("connection") == "close", answer
        assert client.is_closed(), client.data
    line = gateway.access_of(answer.request_id)
    assert (line["status"], line["reason"]) == (status, reason), line
    app.wait_accepted()
    for connection in app.connections[before:]:
        wait_until(lambda: connection.ended, "the upstream's connection to end")
        assert connection.requests == [], connection.received
    return answer
