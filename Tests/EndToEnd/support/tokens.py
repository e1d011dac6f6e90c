"""Keys and tokens, made by PyJWT and cryptography: not by the code under test."""
import base64
import http.server
import json
import threading
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER = "https://issuer.example"
AUDIENCE = "api"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    """A private key and its public JWK. `private`: an RSA key to share, as making one takes a while."""

    def __init__(self, algorithm, kid, bits=2048, private=None):
        self.algorithm, self.kid = algorithm, kid
        if algorithm[:2] in ("RS", "PS"):
            self.private = private or rsa.generate_private_key(65537, bits)
            public = self.private.public_key().public_numbers()
            self.jwk = dict(kty="RSA", n=number(public.n), e=number(public.e))
        elif algorithm[:2] == "ES":
            curve, name, size = {
                "ES256": (ec.SECP256R1(), "P-256", 32), "ES384": (ec.SECP384R1(), "P-384", 48),
                "ES512": (ec.SECP521R1(), "P-521", 66)}[algorithm]
            self.private = ec.generate_private_key(curve)
            public = self.private.public_key().public_numbers()
            self.jwk = dict(kty="EC", crv=name, x=number(public.x, size), y=number(public.y, size))
        elif algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
            self.jwk = dict(kty="OKP", crv="Ed25519", x=b64(self.private.public_key().public_bytes_raw()))
        else:
            raise ValueError(algorithm)
        self.jwk.update(kid=kid, use="sig", alg=algorithm)


def claims(**changes):
    """Good claims, changed; a value of None leaves the claim out."""
    now = int(time.time())
    result = dict(iss=ISSUER, aud=AUDIENCE, sub="alice", iat=now, exp=now + 600)
    result.update(changes)
    return {name: value for name, value in result.items() if value is not None}


def mint(key, headers=None, algorithm=None, **changes):
    """A token signed by `key`."""
    return jwt.encode(
        claims(**changes), key.private, algorithm=algorithm or key.algorithm,
        headers={"kid": key.kid, **(headers or {})})


def hand_made(header, payload, sign):
    """A token of any header and payload (dicts or bytes); `sign(signing_input) -> bytes`."""
    parts = [b64(p if isinstance(p, bytes) else json.dumps(p).encode()) for p in (header, payload)]
    signing_input = ".".join(parts).encode()
    return signing_input.decode() + "." + b64(sign(signing_input))


def signing(key, algorithm=None):
    """A function that signs as `key` does, for `hand_made`."""
    return lambda data: jwt.get_algorithm_by_name(algorithm or key.algorithm).sign(data, key.private)


def payload(token):
    """The claims of a token, unverified."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def bearer(token):
    return ("Authorization", f"Bearer {token}")


class KeyServer:
    """Serves a key set on loopback, counts what is fetched, and misbehaves on demand.

    `tls`: an ssl.SSLContext, for https. `port`: one that is known beforehand.
    """

    def __init__(self, *keys, tls=None, port=0):
        self.keys = list(keys)
        self.fetches = 0
        # (status, headers, body) instead of the key set; or a function of the handler that does everything.
        self.instead = None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            # Head and body are written apart: the body must not wait for the head's acknowledgement.
            disable_nagle_algorithm = True

            def do_GET(self):
                outer.fetches += 1
                if callable(outer.instead):
                    outer.instead(self)
                    return
                status, headers, body = outer.instead or (
                    200, {"Content-Type": "application/jwk-set+json"},
                    json.dumps({"keys": [key.jwk if isinstance(key, Key) else key for key in outer.keys]}).encode())
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.httpd.daemon_threads = True
        if tls is not None:
            self.httpd.socket = tls.wrap_socket(self.httpd.socket, server_side=True)
            self.httpd.handle_error = lambda *_: None
        self.origin = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.httpd.server_port}"
        self.url = f"{self.origin}/jwks.json"
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()


def held_until(release, key):
    """`instead` of a key server that gives its key when `release` is set."""
    def answer(handler):
        release.wait(15)
        body = json.dumps({"keys": [key.jwk]}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    return answer
