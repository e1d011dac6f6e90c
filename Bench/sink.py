"""An upstream that reads a request body of a given length to its end, and answers: `sink.py PORT`."""
import re
import socket
import sys
import threading


def serve(sock):
    room = bytearray(1 << 20)
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            piece = sock.recv(65536)
            if not piece:
                return
            data += piece
        head, _, data = data.partition(b"\r\n\r\n")
        left = int(re.search(rb"(?i)\r\ncontent-length: (\d+)", head).group(1)) - len(data)
        data = b""
        while left > 0:
            count = sock.recv_into(room, min(left, len(room)))
            if not count:
                return
            left -= count
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
