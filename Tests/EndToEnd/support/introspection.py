"""An issuer's introspection endpoint (RFC 7662), which checks its client itself, counts, and misbehaves on demand."""
import base64
import http.server
import json
import threading
import time
import urllib.parse

import jwt

from .tokens import AUDIENCE, ISSUER

CLIENT = "gate:way"
SECRET = "s3cr%t: +&é"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def active(**changes):
    """What an issuer says of a good token, changed; a value of None leaves the member out."""
    now = int(time.time())
    said = dict(active=True, iss=ISSUER, aud=AUDIENCE, sub="alice", iat=now, exp=now + 600, token_type="Bearer")
    said.update(changes)
    return {name: value for name, value in said.items() if value is not None}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, *_):
        """Clients that went away are none of its business."""


class IntrospectionServer:
    """Answers of `said`: a token's dict, `(status, headers, body)`, or a function of the handler that does everything.
    Any other token is inactive. `key`: the client's, for `private_key_jwt`; without one it has a secret."""

    def __init__(self, said=None, key=None, audience=None, tls=None):
        self.said = dict(said or {})
        self.asked, self.refused, self.connections = [], [], 0
        self.in_flight = self.most_in_flight = 0
        # Cleared: answers are held.
        self.released = threading.Event()
        self.released.set()
        self.key, self.audience, self.assertions = key, audience, set()
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are written apart: the body must not wait for the head's acknowledgement.
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                with outer.lock:
                    outer.connections += 1

            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")
                form = urllib.parse.parse_qs(content, keep_blank_values=True, strict_parsing=True)
                assert all(len(values) == 1 for values in form.values()), form
                form = {name: values[0] for name, values in form.items()}
                fault = outer.fault(self, form)
                token = form.get("token", "")
                with outer.lock:
                    (outer.refused if fault else outer.asked).append(fault or token)
                    outer.in_flight += 1
                    outer.most_in_flight = max(outer.most_in_flight, outer.in_flight)
                try:
                    outer.released.wait(30)
                    if fault:
                        self.answer(401, {"WWW-Authenticate": "Basic"}, b'{"error": "invalid_client"}')
                    else:
                        outer.answer(self, token)
                finally:
                    with outer.lock:
                        outer.in_flight -= 1

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                with outer.lock:
                    outer.refused.append(f"GET {self.path}")
                self.answer(404, {}, b"")

            def log_message(self, *_):
                pass

        self.httpd = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.httpd.socket = tls.wrap_socket(self.httpd.socket, server_side=True)
        self.origin = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.httpd.server_port}"
        self.url = f"{self.origin}/introspect"
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler, token):
        said = self.said.get(token, {"active": False})
        if callable(said):
            said(handler)
        elif isinstance(said, tuple):
            handler.answer(*said)
        else:
            handler.answer(200, {"Content-Type": "application/json;charset=UTF-8"}, json.dumps(said).encode())

    def fault(self, handler, form):
        """What is wrong with a question; None: nothing."""
        headers = handler.headers
        if handler.path != "/introspect" or headers["Content-Type"] != "application/x-www-form-urlencoded":
            return f"{handler.path} {headers['Content-Type']}"
        if form.get("token_type_hint") != "access_token" or "Expect" in headers:
            return f"{form.get('token_type_hint')} {headers['Expect']}"
        if self.key is None:
            return self.secret_fault(headers, form)
        return self.assertion_fault(headers, form)

    def secret_fault(self, headers, form):
        if set(form) != {"token", "token_type_hint"}:
            return f"members {sorted(form)}"
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        pair = base64.b64decode(value, validate=True).decode("ascii").split(":")
        return None if scheme == "Basic" and [urllib.parse.unquote_plus(part) for part in pair] == [
            CLIENT, SECRET] else "credentials"

    def assertion_fault(self, headers, form):
        if "Authorization" in headers or form.get("client_assertion_type") != ASSERTION:
            return "client_assertion_type"
        try:
            stated = jwt.decode(
                form["client_assertion"], self.key.private.public_key(), algorithms=[self.key.algorithm],
                audience=self.audience or self.url, issuer=CLIENT, subject=CLIENT,
                options={"require": ["exp", "iat", "jti", "aud", "iss", "sub"]})
        except jwt.InvalidTokenError as error:
            return f"assertion: {error!r}"
        with self.lock:
            if stated["jti"] in self.assertions or stated["exp"] - stated["iat"] > 60:
                return "assertion: used before, or good for too long"
            self.assertions.add(stated["jti"])
        if jwt.get_unverified_header(form["client_assertion"])["kid"] != self.key.kid:
            return "assertion: kid"
        return None

    def close(self):
        self.released.set()
        self.httpd.shutdown()
        self.httpd.server_close()
