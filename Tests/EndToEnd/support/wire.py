"""HTTP/1.1 on the wire: bytes out, parsed messages back. Reads strictly, and never repairs."""
import re
import socket
import time

from .ports import PATIENCE


class Message:
    """A request or an answer: start line, fields in order, body."""

    def __init__(self, head, body):
        self.head = head
        self.body = body
        lines = head.decode("latin-1").split("\r\n")
        self.start_line = lines[0]
        self.fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon and re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", name), f"no field line: {line!r}"
            self.fields.append((name, value.strip(" \t")))

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def field(self, name):
        """The value of the one field of that name; None where there is none."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands {len(values)} times: {self.fields}"
        return values[0] if values else None

    def names(self):
        return [name.lower() for name, _ in self.fields]

    # Of an answer.

    @property
    def status(self):
        return int(self.start_line.split(" ")[1])

    @property
    def request_id(self):
        return self.field("x-request-id")

    # Of a request.

    @property
    def method(self):
        return self.start_line.split(" ")[0]

    @property
    def target(self):
        return self.start_line.split(" ")[1]

    def __repr__(self):
        return f"<{self.start_line!r} {self.fields} {self.body[:80]!r}>"


def _chunked(data, at):
    """(body, end) of a strictly framed chunked body; None where it is not whole."""
    body = b""
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(re.fullmatch(rb"([0-9a-fA-F]+)(;.*)?", data[at:end]).group(1), 16)
        at = end + 2
        if size == 0:
            while True:
                end = data.find(b"\r\n", at)
                if end < 0:
                    return None
                line, at = data[at:end], end + 2
                if not line:
                    return body, at
        if len(data) < at + size + 2:
            return None
        assert data[at + size:at + size + 2] == b"\r\n", f"bad chunk end in {data!r}"
        body += data[at:at + size]
        at += size + 2


def split_requests(data):
    """(complete requests, the bytes left over) of what an upstream received."""
    requests, at = [], 0
    while True:
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            return requests, data[at:]
        message = Message(data[at:end], b"")
        length, coding = message.field("content-length"), message.field("transfer-encoding")
        assert length is None or coding is None, f"two framings reached the upstream: {message.fields}"
        start = end + 4
        if coding is not None:
            assert coding == "chunked", coding
            found = _chunked(data, start)
            if found is None:
                return requests, data[at:]
            message.body, at = found
        else:
            count = int(length or 0)
            if len(data) < start + count:
                return requests, data[at:]
            message.body, at = data[start:start + count], start + count
        requests.append(message)


class Client:
    """A raw connection to the gateway."""

    def __init__(self, gateway, seconds=PATIENCE, address=None, source=None):
        """`source`: the address that it comes from."""
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(address or (gateway.host, gateway.port), timeout=seconds,
                                                 source_address=(source, 0) if source else None)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(seconds)
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data, piece=None, pause=0.0):
        """Sends `data` whole, or in pieces of `piece` bytes."""
        data = data if isinstance(data, bytes) else data.encode("latin-1")
        if piece is None:
            self.sock.sendall(data)
            return self
        for at in range(0, len(data), piece):
            try:
                self.sock.sendall(data[at:at + piece])
            except (BrokenPipeError, ConnectionResetError):
                return self  # It has answered already.
            if pause:
                time.sleep(pause)
        return self

    def finish(self):
        """Sends no more."""
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def _more(self):
        try:
            piece = self.sock.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.data += piece
        return bool(piece)

    def response(self, method="GET"):
        """The next answer, interim ones too."""
        while b"\r\n\r\n" not in self.data:
            assert self._more(), f"closed without a response; there is {self.data!r}"
        head, _, rest = self.data.partition(b"\r\n\r\n")
        message = Message(head, b"")
        if message.status < 200 or message.status in (204, 304) or method == "HEAD":
            self.data = rest
            return message
        if message.field("transfer-encoding") is not None:
            assert message.field("transfer-encoding") == "chunked"
            assert message.field("content-length") is None
            while (found := _chunked(self.data, len(head) + 4)) is None:
                assert self._more(), f"a chunked answer was cut: {self.data[-200:]!r}"
            message.body, end = found
            self.data = self.data[end:]
            return message
        length = message.field("content-length")
        if length is None:
            while self._more():
                pass
            message.body, self.data = self.data[len(head) + 4:], b""
            return message
        end = len(head) + 4 + int(length)
        while len(self.data) < end:
            assert self._more(), f"an answer was cut: {len(self.data)} of {end} bytes"
        message.body, self.data = self.data[len(head) + 4:end], self.data[end:]
        return message

    def is_closed(self, seconds=PATIENCE):
        """Whether the gateway closes the connection, with nothing more said."""
        self.sock.settimeout(seconds)
        try:
            return not self._more() and not self.data
        except (TimeoutError, socket.timeout):
            return False


def exchange(gateway, data, method="GET", piece=None):
    """Sends `data` on a connection of its own; the answer, and whether the connection was closed after it."""
    with Client(gateway) as client:
        client.send(data, piece)
        response = client.response(method)
        closed = client.is_closed() if response.field("connection") == "close" else False
        return response, closed


def get(gateway, target="/", fields=(), host="example.test", method="GET", body=None):
    """One well-formed request on a connection of its own."""
    head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields)
    if body is not None:
        head += f"Content-Length: {len(body)}\r\n"
    with Client(gateway) as client:
        client.send(head.encode("latin-1") + b"\r\n" + (body or b""))
        return client.response(method)
