"""Servers that do what an upstream's servers do to a gateway: refuse, stall, die and come back."""
import contextlib
import pathlib
import socket
import subprocess
import sys


@contextlib.contextmanager
def refusing(host="127.0.0.1"):
    """A server where nobody listens."""
    with socket.socket() as closed:
        closed.bind((host, 0))
        yield f"{host}:{closed.getsockname()[1]}"


@contextlib.contextmanager
def stalling():
    """A server whose backlog is full: it neither accepts nor refuses."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield "127.0.0.1:%d" % listener.getsockname()[1]


SERVER = """
import socket, sys, threading
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(128)
print(listener.getsockname()[1], flush=True)
answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (len(sys.argv[2]), sys.argv[2].encode())
def serve(sock):
    data = b""
    while piece := sock.recv(65536):
        data += piece
        while b"\\r\\n\\r\\n" in data:
            data = data.partition(b"\\r\\n\\r\\n")[2]
            sock.sendall(answer)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


class Process:
    """A server that is a process of its own and answers with `name`: it can be killed, and come back."""

    def __init__(self, name):
        self.name = name
        self.port = 0
        self.process = self.place = None
        self.start()

    @property
    def server(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        if self.place:
            self.place.close()
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self.port), self.name], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def kill(self):
        """As the system does it when memory runs out."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if self.place:
            self.place.close()
        # Nobody listens there, and no server of another test can: the gateway would reach that one.
        self.place = socket.socket()
        self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.place.bind(("127.0.0.1", self.port))
        self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


def established(pid, port):
    """How many connections to `port` of loopback the process has."""
    inodes = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(entry.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[9] in inodes and line[3] == "01" and int(line[2].rpartition(":")[2], 16) == port for line in lines)
