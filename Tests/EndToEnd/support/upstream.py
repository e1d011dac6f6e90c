"""An upstream that records every byte that reaches it, and answers as a test says."""
import socket
import threading

from .ports import PATIENCE, wait_until
from .wire import split_requests

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Connection:
    """One connection as the upstream sees it."""

    def __init__(self, sock, peer=None):
        self.sock = sock
        self.peer = peer
        self.received = b""
        self.answered = 0
        self.ended = False
        self.tls_error = None
        self.lock = threading.Lock()

    @property
    def requests(self):
        """The complete requests that it carried."""
        with self.lock:
            return split_requests(self.received)[0]


class Upstream:
    """Listens on loopback. `answer` is bytes, or a function `(request, connection) -> bytes | None`; with None the
    function has done its own sending. What it answers with `Connection: close`, it closes after. With `context` it
    speaks TLS; a handshake that fails stands in the connection's `tls_error`."""

    def __init__(self, answer=OK, family=socket.AF_INET, address=("127.0.0.1", 0), backlog=128, context=None):
        self.answer = answer
        self.context = context
        self.connections = []
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(address)
        self.listener.listen(backlog)
        self.address = self.listener.getsockname()
        self.closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def server(self):
        """As `servers:` of gateway.conf wants it."""
        if self.context:
            return f"https://localhost:{self.address[1]}"
        return f"unix:{self.address}" if isinstance(self.address, str) else f"{self.address[0]}:{self.address[1]}"

    @property
    def received(self):
        """All bytes of all connections."""
        return b"".join(connection.received for connection in list(self.connections))

    @property
    def requests(self):
        """All complete requests, in the order of their connections."""
        return [request for connection in list(self.connections) for request in connection.requests]

    def wait_requests(self, count=1, seconds=PATIENCE):
        wait_until(lambda: len(self.requests) >= count, f"{count} requests upstream", seconds)
        return self.requests

    def wait_accepted(self):
        """Waits until all connections made so far are in `connections`: they are accepted in their order."""
        with socket.create_connection(self.address) as probe:
            name = probe.getsockname()
            found = wait_until(lambda: [c for c in list(self.connections) if c.peer == name], "the probe")
        self.connections.remove(found[0])

    def forget(self):
        """Forgets what came so far."""
        for connection in list(self.connections):
            with connection.lock:
                connection.received = b""
                connection.answered = 0

    def close(self):
        self.closed = True
        try:
            # Wakes the thread in accept().
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in list(self.connections):
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.sock.close()

    def _accept(self):
        while not self.closed:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            connection = Connection(sock, peer)
            self.connections.append(connection)
            threading.Thread(target=self._begin, args=(connection,), daemon=True).start()

    def _begin(self, connection):
        if self.context:
            try:
                connection.sock = self.context.wrap_socket(
                    connection.sock, server_side=True, suppress_ragged_eofs=False)
            except OSError as error:
                connection.tls_error = error
                connection.ended = True
                connection.sock.close()
                return
        self._serve(connection)

    def _serve(self, connection):
        try:
            while True:
                piece = connection.sock.recv(65536)
                if not piece:
                    break
                with connection.lock:
                    connection.received += piece
                    requests = split_requests(connection.received)[0]
                    pending = requests[connection.answered:]
                    connection.answered = len(requests)
                for request in pending:
                    answer = self.answer(request, connection) if callable(self.answer) else self.answer
                    if answer is None:
                        continue
                    connection.sock.sendall(answer)
                    head = answer.partition(b"\r\n\r\n")[0].lower()
                    if b"\r\nconnection: close" in head or request.field("connection") == "close":
                        connection.sock.close()
                        return
        except OSError:
            pass
        finally:
            connection.ended = True
            connection.sock.close()


class ScriptedUpstream(Upstream):
    """An upstream that answers as nobody should: `function(connection)` does all reading and sending."""

    def __init__(self, function, **options):
        self.function = function
        super().__init__(**options)

    def _serve(self, connection):
        try:
            self.function(connection)
        except OSError:
            pass
        finally:
            connection.ended = True
            connection.sock.close()


def read_head(connection):
    """Reads until a head is whole, and maybe more: what came."""
    while b"\r\n\r\n" not in connection.received:
        if not read_more(connection):
            break
    return connection.received


def read_more(connection):
    """Reads once; empty at the end."""
    piece = connection.sock.recv(65536)
    with connection.lock:
        connection.received += piece
    return piece


def read_to_end(connection):
    """Reads until the gateway closes."""
    while read_more(connection):
        pass
