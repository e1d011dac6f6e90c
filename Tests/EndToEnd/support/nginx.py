"""nginx behind a gateway, and large bodies that it keeps."""
import contextlib
import hashlib
import http.client
import os
import shutil
import socket
import subprocess

import pytest

from .ports import free_port, wait_until


@contextlib.contextmanager
def nginx(folder, issued=None, more=""):
    """nginx with keep-alive, which stores what is PUT: its port and its folder of files. With a certificate it speaks
    TLS, and /session says what it knows of that."""
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    port, folder = free_port(), folder / "nginx"
    (folder / "files").mkdir(parents=True)
    user = "user root;" if os.getuid() == 0 else ""
    tls = f"ssl; ssl_certificate {issued[1]}; ssl_certificate_key {issued[2]}" if issued else ""
    (folder / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log; client_max_body_size 0; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} {tls}; {more}
    location /session {{ return 200 "$ssl_session_reused $ssl_protocol $ssl_server_name"; }}
    location / {{ root {folder}/files; dav_methods PUT DELETE; }}
  }}
}}
""")
    process = subprocess.Popen(
        ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)

    def is_there():
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
    try:
        wait_until(is_there, "nginx")
        yield port, folder / "files"
    finally:
        process.terminate()
        process.wait()


def pieces_of(size, piece=65536):
    block = bytes(range(256)) * (piece // 256)
    for at in range(0, size, piece):
        yield block[:min(piece, size - at)]


def put_and_get(gateway, files, size, framing):
    """A body of so many bytes goes through the gateway to nginx, and comes back as it was."""
    expected = hashlib.sha256()
    for piece in pieces_of(size):
        expected.update(piece)
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=60)
    headers = {"Content-Length": str(size)} if framing == "length" else {}
    connection.request("PUT", "/big", pieces_of(size), headers, encode_chunked=framing == "chunked")
    answer = connection.getresponse()
    answer.read()
    assert answer.status in (201, 204)
    connection.request("GET", "/big")
    answer = connection.getresponse()
    found = hashlib.sha256()
    while piece := answer.read(1 << 18):
        found.update(piece)
    assert answer.status == 200 and found.hexdigest() == expected.hexdigest()
    assert hashlib.sha256((files / "big").read_bytes()).hexdigest() == expected.hexdigest()
    (files / "big").unlink()
