"""Tokens that are almost right: a good one of each algorithm, with one thing changed, or with several.

What is changed before the signature is signed properly, so that the checks behind the signature are reached.
"""
import hashlib
import hmac
import json
import random
import string
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import utils

from .odd_json import changed, claim_values, dressed, header_values, object_text
from .signers import CURVES, ED25519_ORDER
from .tokens import AUDIENCE, ISSUER, b64

LEEWAY = 30
ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256"]
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


class Case:
    """`token()` makes it: anew each time where it is about the present second. `alone`: what no field line can hold."""

    def __init__(self, name, algorithm, make, is_timed=False):
        self.name, self.algorithm, self.is_timed = name, algorithm, is_timed
        self.token = make if callable(make) else lambda: make
        text = "" if is_timed else self.token()
        self.alone = any(not (" " <= character <= "~" or character == "\t") for character in text)

    def __repr__(self):
        return f"{self.algorithm} {self.name}"


class Mutator:
    """Makes the cases of one algorithm."""

    def __init__(self, signer, others, chance):
        """`others`: further signers, of the same provider and of none."""
        self.signer, self.others, self.chance = signer, others, chance
        self.algorithm = signer.algorithm

    # Good ones.

    def header(self):
        return [("alg", json.dumps(self.algorithm)), ("kid", json.dumps(self.signer.kid)), ("typ", '"JWT"')]

    def claims(self, now=None):
        now = int(time.time()) if now is None else now
        return [("iss", json.dumps(ISSUER)), ("aud", json.dumps(AUDIENCE)), ("sub", '"alice"'), ("iat", str(now - 60)),
                ("nbf", str(now - 60)), ("exp", str(now + 36000)), ("jti", f'"{self.chance.getrandbits(60):x}"')]

    def token(self, header=None, payload=None, sign=None):
        """`header`, `payload`: pairs, texts or bytes."""
        parts = []
        for part in (self.header() if header is None else header, self.claims() if payload is None else payload):
            part = object_text(part) if isinstance(part, list) else part
            parts.append(b64(part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part))
        signed = ".".join(parts)
        return f"{signed}.{b64((sign or self.signer.sign)(signed.encode()))}"

    def case(self, name, make, **options):
        return Case(name, self.algorithm, make, **options)

    # Of the header.

    def headers(self):
        for name, texts in header_values(self.algorithm, self.signer.kid, self.others):
            for text in texts:
                yield self.case(f"header {name}={text and text[:40]}", self.token(changed(self.header(), name, text)))
        for name in ("b64", "x", "exp", "kid"):
            header = self.header() + [("crit", json.dumps([name]))]
            for text in ("false", "true", "1"):
                yield self.case(f"header crit {name}={text}", self.token(header + [(name, text)]))
        yield from self.repeated("header", self.header(), ['"none"', '"x"', "null"], lambda header: self.token(header))
        for name, text in dressed(object_text(self.header())):
            yield self.case(f"header: {name}", self.token(text))
        yield from self.signed_by_others()
        rsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
        for name in {"RS256": rsa, "PS256": rsa, "HS256": ["HS384", "HS512"]}.get(self.algorithm, []):
            header = changed(self.header(), "alg", json.dumps(name))
            yield self.case(f"really signed with {name}", self.token(
                header, sign=lambda data: self.signer.sign(data, name)))

    def signed_by_others(self):
        """Signed by other keys, and said to be."""
        for other in self.others:
            yield self.case(f"signed by {other.kid}", self.token(sign=other.sign))
            for kid in (self.signer.kid, other.kid):
                header = changed(self.header(), "kid", json.dumps(kid))
                header = changed(header, "alg", json.dumps(other.algorithm))
                yield self.case(f"signed by {other.kid} as {kid}", self.token(header, sign=other.sign))
                header.append(("jwk", json.dumps(other.jwk)))
                yield self.case(f"signed by {other.kid} as {kid} with its jwk", self.token(header, sign=other.sign))
            for index, form in enumerate(other.public_forms()):
                for kid in (json.dumps(other.kid), None):
                    header = changed(changed(self.header(), "alg", '"HS256"'), "kid", kid)
                    yield self.case(f"HS256 with the public key of {other.kid}, form {index}, as {kid}", self.token(
                        header, sign=lambda data: hmac.new(form, data, "sha256").digest()))

    def repeated(self, what, members, others, token):
        """Each member twice, and once under other spellings of its name."""
        for name, text in members:
            for other in (text, *others):
                yield self.case(f"{what} {name} twice, then {other}", token(members + [(name, other)]))
                yield self.case(f"{what} {name} twice, first {other}", token([(name, other)] + members))
            spelled = '"' + "".join(f"\\u{ord(c):04x}" for c in name) + '"'
            yield self.case(f"{what} {name} twice, escaped", token(members + [(spelled, text)]))
            for odd in (spelled, name.upper(), name + "\0", name + " ", " " + name, name[0] + "\u200b" + name[1:]):
                renamed = [(odd if each == name else each, value) for each, value in members]
                yield self.case(f"{what} {name} renamed {odd!r}", token(renamed))

    # Of the claims.

    def payloads(self):
        for name, texts in claim_values():
            for text in texts:
                payload = changed(self.claims(), name, text)
                yield self.case(f"claim {name}={text and text[:40]}", self.token(payload=payload))
        yield from self.repeated(
            "claim", self.claims(), ['"x"', "null", "0", "9999999999", "[]"], lambda claims: self.token(payload=claims))
        for name, text in dressed(object_text(self.claims())):
            yield self.case(f"payload: {name}", self.token(payload=text))
        for size in (6000, 8300, 12000):
            filled = self.claims() + [("y", json.dumps("y" * size))]
            yield self.case(f"payload of {size} bytes", self.token(payload=filled))
        yield from self.boundaries()

    def boundaries(self):
        """Times on both sides of the leeway; tried anew until they are judged within one second."""
        for name, sign in (("exp", -1), ("nbf", 1), ("iat", 1)):
            for offset in (-2, -1, 0, 1, 2, -0.5, 0.5, -0.999, 0.001):
                for edge in (0, LEEWAY, 2 * LEEWAY):
                    def make(name=name, away=sign * edge + offset):
                        now = int(time.time())
                        return self.token(payload=changed(self.claims(now), name, json.dumps(now + away)))
                    yield self.case(f"claim {name} at {sign * edge:+}{offset:+}", make, is_timed=True)

    # Of the encoding.

    def encodings(self):
        good = self.token()
        parts = good.split(".")
        for place, name in enumerate(("header", "payload", "signature")):
            for what, text in self.encoded(parts[place]):
                yield self.case(f"{name} {what}", ".".join(parts[:place] + [text] + parts[place + 1:]))
        # A payload whose base64url is sure to have both letters.
        marked = self.token(payload=self.claims() + [("y", '"\u00ff\u00ff\u00fe~~~???>>>"')]).split(".")
        marked[1] = marked[1].replace("-", "+").replace("_", "/")
        yield self.case("payload in base64", ".".join(marked))
        header, payload, signature = parts
        for text in (
                good + ".", "." + good, good + "..", f"{header}..{payload}.{signature}", f"{header}.{payload}", header,
                f"{header}.{payload}.", f"{header}..{signature}", ".".join(parts + [signature]),
                ".".join(parts + ["", ""]), ".".join(parts + parts[1:]), "..", "...", "....", ".", "", "a.b.c",
                ".".join(parts[::-1]), good + " ", good + "\t", good + " x", f"{good},{good}", f'"{good}"', f"<{good}>",
                "Bearer " + good, "bearer" + good, good + good, good.replace(".", "%2E"), good.replace(".", ".\u200b"),
                good + "\0", good + "\n", good.replace(".", "\uff0e"), b64(good.encode()), f"token={good}",
                good + ";x=1", good + "#", good[1:], good[:-1]):
            yield self.case(f"the whole as {text[:8]}…{text[-8:]}", text)
        yield self.case("JSON serialization", json.dumps(
            dict(protected=header, payload=payload, signature=signature), separators=(",", ":")))
        yield self.case("general JSON serialization", json.dumps(
            dict(payload=payload, signatures=[dict(protected=header, signature=signature)]), separators=(",", ":")))

    def encoded(self, part):
        """(name, text) of a part in other encodings."""
        middle = len(part) // 2
        for text in (part + ("=" * (-len(part) % 4) or "="), part + "=", part + "==", part + "===", "=" + part,
                     part[:middle] + "=" + part[middle:]):
            yield "padded", text
        # How base64url is read does not depend on the algorithm; where a part ends does.
        places = (0, middle, len(part)) if self.algorithm in ("RS256", "HS256") else (len(part),)
        for character in "+/~*%.,:;!$&'()@ \t\"\\|`^<>{}":
            for at in places:
                yield f"with {character!r} at {at}", part[:at] + character + part[at:]
            yield f"with {character!r} for one", part[:middle] + character + part[middle + 1:]
        for character in "\n\r\0\x7f\u00e9\u00a0":
            yield f"with {character!r}", part[:middle] + character + part[middle:]
        spare = {0: 0, 2: 4, 3: 2, 1: 0}[len(part) % 4]
        for bits in range(1, 1 << spare):
            yield f"with unused bits {bits}", part[:-1] + ALPHABET[ALPHABET.index(part[-1]) ^ bits]
        for text in ("", part[:-1], part[:-2], part[:-3], part[1:], part + "A", part + "AA", part + "AAA",
                     part + "AAAA", part[:middle], part * 2, part.swapcase(), part[::-1], b64(part.encode()),
                     part.upper(), part.replace("-", "+").replace("_", "/")):
            if text != part:
                yield f"as {text[:12]}", text

    # Of the signature.

    def signatures(self):
        signer = self.signer
        head, _, text = self.token().rpartition(".")
        data = head.encode()
        good = signer.sign(data)
        size = len(good)
        made = [("made again", good)]
        for bit in sorted(self.chance.sample(range(size * 8), 24)) + [0, size * 8 - 1]:
            flipped = bytearray(good)
            flipped[bit // 8] ^= 0x80 >> bit % 8
            made.append((f"with bit {bit} flipped", bytes(flipped)))
        made += [(f"of {count} bytes", good[:count]) for count in (0, 1, size // 2, size - 1)]
        made += [
            ("and a byte", good + b"\0"), ("after a byte", b"\0" + good), ("without its first", good[1:]),
            ("twice", good * 2), ("reversed", good[::-1]), ("of zeros", bytes(size)), ("of ones", b"\xff" * size),
            ("1", b"\0" * (size - 1) + b"\1"), ("random", self.chance.randbytes(size)), ("in hex", good.hex().encode()),
            ("in base64", text.encode()), ("null", b"null"), ("of nothing", signer.sign(b"")),
            ("of the payload", signer.sign(data.split(b".")[1])), ("of a line more", signer.sign(data + b"\n")),
            ("of the digest", signer.sign(hashlib.sha256(data).digest())),
            ("of other spelling", signer.sign(data.swapcase()))]
        made += [(f"of {other.kid}", other.sign(data)) for other in self.others]
        made += self.own_signatures(data, good)
        for name, signature in made:
            yield self.case(f"signature {name}", f"{head}.{b64(signature)}")

    def own_signatures(self, data, good):
        """What is particular to the algorithm."""
        signer, size = self.signer, len(good)
        if self.algorithm in CURVES:
            return elliptic(*CURVES[self.algorithm], good)
        if self.algorithm in ("RS256", "PS256"):
            other = "PS256" if self.algorithm == "RS256" else "RS256"
            made = [(f"of {name}", signer.sign(data, name)) for name in (other, "RS384", "RS512", "PS384", "PS512")]
            made += [(f"of PS256 with a salt of {salt}", signer.salted(data, hashes.SHA256, salt))
                     for salt in (0, 20, 31, 33, 222)]
            modulus, value = signer.private.public_key().public_numbers().n, int.from_bytes(good, "big")
            made.append(("n - s", (modulus - value).to_bytes(size, "big")))
            if value + modulus < 1 << 8 * size:
                made.append(("s + n", (value + modulus).to_bytes(size, "big")))
            return made
        if self.algorithm == "EdDSA":
            s = int.from_bytes(good[32:], "little")
            return [("with s + L", good[:32] + (s + ED25519_ORDER).to_bytes(32, "little")),
                    ("with s 0", good[:32] + bytes(32)), ("with R as identity", b"\1" + bytes(31) + good[32:]),
                    ("of R and s swapped", good[32:] + good[:32])]
        made = [("without a key", hashlib.sha256(data).digest())]
        for name in ("HS384", "HS512"):
            made += [(f"of {name}", signer.sign(data, name)), (f"of {name}, cut", signer.sign(data, name)[:32])]
        for secret in (b"", b"\0", b"secret", signer.secret[:-1], signer.secret + b"\1", signer.secret + b"\n",
                       signer.secret.upper(), hashlib.sha256(signer.secret).digest()):
            made.append(("of another secret", hmac.new(secret, data, "sha256").digest()))
        return made

    # Of anything.

    def fixed(self):
        yield self.case("good", self.token())
        for source in (self.headers, self.payloads, self.encodings, self.signatures):
            yield from source()

    def by_chance(self):
        """One of several changes, or of changed bytes."""
        kind = self.chance.choice(["values", "values", "values", "bytes", "parts", "JSON"])
        if kind == "bytes":
            return self.case("bytes changed", self.edited(self.token(), ALPHABET + "=+/. ~"))
        if kind == "parts":
            tokens = [self.token().split("."), self.token().split(".")]
            return self.case("parts of two", ".".join(self.chance.choice(tokens)[place] for place in range(3)))
        header, payload = self.header(), self.claims()
        letters = '{}[]":,\\ \t\n0179-+.eEnulltrueNaN\0\u00e9'
        if kind == "JSON" and self.chance.random() < 0.5:
            return self.case("header changed", self.token(self.edited(object_text(header), letters)))
        if kind == "JSON":
            return self.case("payload changed", self.token(payload=self.edited(object_text(payload), letters)))
        for _ in range(self.chance.choice([1, 2, 2, 3])):
            if self.chance.random() < 0.4:
                name, texts = self.chance.choice(list(header_values(self.algorithm, self.signer.kid, self.others)))
                header = changed(header, name, self.chance.choice(texts))
            else:
                # A `jti` of another type is a case of its own: PyJWT alone minds, joserfc other things.
                name, texts = self.chance.choice([each for each in claim_values() if each[0] != "jti"])
                payload = changed(payload, name, self.chance.choice(texts))
        self.chance.shuffle(header)
        self.chance.shuffle(payload)
        return self.case("several changed", self.token(header, payload))

    def edited(self, text, letters):
        """The text with a few characters replaced, left out or put in."""
        characters = list(text)
        for _ in range(self.chance.choice([1, 1, 1, 2, 5])):
            at = self.chance.randrange(len(characters))
            put = [self.chance.choice(letters)] * self.chance.choice([0, 1, 1, 1])
            characters[at:at + self.chance.choice([0, 1, 1, 1, 2])] = put
        return "".join(characters)


def elliptic(width, order, good):
    """(name, signature): pairs of r and s that are almost one."""
    r, s = int.from_bytes(good[:width], "big"), int.from_bytes(good[width:], "big")

    def pair(r, s, width=width):
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")

    made = [("in DER", utils.encode_dss_signature(r, s)), ("with r and s in more bytes", pair(r, s, width + 1))]
    for name, one, two in [
            ("swapped", s, r), ("n - s", r, order - s), ("n - r", order - r, s), ("r 0", 0, s), ("s 0", r, 0),
            ("both 0", 0, 0), ("r n", order, s), ("s n", r, order), ("r 1", 1, s), ("s 1", r, 1), ("both 1", 1, 1),
            ("r n-1", order - 1, s), ("r + n", r + order, s), ("s + n", r, s + order)]:
        if max(one, two) < 1 << 8 * width:
            made.append((f"with {name}", pair(one, two)))
    return made


def cases(signers, others, seed, each_by_chance):
    """The cases of all algorithms; the same for the same seed, but for keys, times and signatures."""
    mutators = [Mutator(signer, others, random.Random(f"{seed} {signer.algorithm}")) for signer in signers]
    made = [case for mutator in mutators for case in mutator.fixed()]
    return made + [mutator.by_chance() for mutator in mutators for _ in range(each_by_chance)]
