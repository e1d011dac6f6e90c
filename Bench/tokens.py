"""Tokens by the hundred thousand: files of one a line, for wrk. Made by all cores, as signing takes the longest."""
import base64
import concurrent.futures
import json
import os
import time

import jwt

from support.tokens import AUDIENCE, ISSUER, Key

KEYS = {"RS256": Key("RS256", "r1"), "ES256": Key("ES256", "e1"), "EdDSA": Key("EdDSA", "d1")}
PIECE = 2000


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(number):
    """What an access token of a web application holds."""
    now = int(time.time())
    return dict(iss=ISSUER, aud=AUDIENCE, sub=f"user-{number:06d}", email=f"user{number}@example.com",
                name="Some Person", roles=["reader", "editor"], scope="read write", iat=now, nbf=now, exp=now + 86400,
                jti=f"{number:08x}-aaaa")


def unsigned(algorithm, number):
    header = json.dumps({"alg": algorithm, "kid": KEYS[algorithm].kid, "typ": "JWT"}, separators=(",", ":"))
    return f"{b64(header.encode())}.{b64(json.dumps(claims(number), separators=(',', ':')).encode())}"


def good(algorithm, numbers):
    sign, private = jwt.get_algorithm_by_name(algorithm).sign, KEYS[algorithm].private
    texts = [unsigned(algorithm, number) for number in numbers]
    return [f"{text}.{b64(sign(text.encode(), private))}" for text in texts]


def forged(algorithm, numbers):
    """Bad signatures that take as long to refute as good ones to confirm: numbers in their range, no early way out."""
    size = {"RS256": 255, "ES256": 64, "EdDSA": 32}[algorithm]
    before, after = b"", b""
    if algorithm == "RS256":
        before = b"\0"
    if algorithm == "EdDSA":
        # A second half that is no number below the group's order would be refused without a look at the first.
        after = KEYS[algorithm].private.sign(b"")[32:]
    return [f"{unsigned(algorithm, number)}.{b64(before + os.urandom(size) + after)}" for number in numbers]


def opaque(_, numbers):
    """Random texts, as other systems' tokens are."""
    return [b64(os.urandom(32)) for _ in numbers]


def without_algorithm(algorithm, numbers):
    header = b64(b'{"alg":"none","typ":"JWT"}')
    return [f"{header}.{unsigned(algorithm, number).split('.')[1]}." for number in numbers]


def write(path, make, algorithm, count, first=0):
    """A file of `count` tokens of `make`, numbered from `first`."""
    pieces = [range(at, min(at + PIECE, first + count)) for at in range(first, first + count, PIECE)]
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool, open(path, "w") as file:
        for tokens in pool.map(make, [algorithm] * len(pieces), pieces):
            file.write("\n".join(tokens) + "\n")
    return path
