"""The gateway, PyJWT and joserfc judge the same tokens, with the same keys and expectations.

Thousands of tokens, each a good one that was changed (support/mutations.py). Where the three do not agree, the case has
to fall into a class of the table below, which says why the gateway is right. What the gateway accepts and both refuse
is a failure, whatever the reason. `PORTCULLIS_SEED` names another seed, `PORTCULLIS_BY_CHANCE` asks for more of them.
"""
import collections
import dataclasses
import json
import os
import time
import typing

import pytest

from support.mutations import ALGORITHMS, LEEWAY, cases
from support.signers import Signer
from support.strictness import decoded, faults, member
from support.tokens import AUDIENCE, ISSUER, Key
from support.upstream import OK
from support.verifiers import Joserfc, PyJWT
from support.wire import Client

SEED = os.environ.get("PORTCULLIS_SEED", "portcullis")
# Tokens of each algorithm that chance makes, beside those that are listed.
BY_CHANCE = int(os.environ.get("PORTCULLIS_BY_CHANCE", "200"))
AT_ONCE = 50


class Judged:
    """A case with its three verdicts. `status` and `reason` are the gateway's; the others are None or an exception."""

    def __init__(self, case, token, status, pyjwt, joserfc):
        self.case, self.token, self.status, self.pyjwt, self.joserfc = case, token, status, pyjwt, joserfc
        self.reason = None

    @property
    def verdicts(self):
        return self.status == 200, self.pyjwt is None, self.joserfc is None

    def part(self, place):
        parts = carried(self.token).split(".")
        return decoded(parts[place]) if place < len(parts) else b""

    def minds(self, fault):
        """Whether header or payload has a fault of strict JSON."""
        return any(fault in faults(self.part(place)) for place in (0, 1))

    def value(self, place, name):
        """A member's value; ... where there is none."""
        try:
            return member(self.part(place), name)
        except (ValueError, KeyError, TypeError, RecursionError):
            return ...

    def __repr__(self):
        return f"{self.case}: {self.status} {self.reason}, PyJWT {self.pyjwt!r}, joserfc {self.joserfc!r}"


@dataclasses.dataclass
class Class:
    """Why verdicts differ. `applies` has to be true of each case in it, and of one at least."""
    name: str
    # "refuses": ours is the strictest of the three. "accepts": one other refuses, and has to be wrong to. "accepts alone":
    # both do, as they do not know yet what they are asked.
    ours: str
    why: str
    applies: typing.Callable[[Judged], bool]


def strict_json(name, fault, why):
    reasons = ("token_header_invalid", "claims_invalid")
    return Class(name, "refuses", why, lambda it: it.reason in reasons and it.minds(fault))


def is_no_time(value):
    return isinstance(value, (bool, str))


def is_other(value):
    """Whether there is a value, and it is not a string."""
    return value is not ... and not isinstance(value, str)


def is_refused_by(error, *words):
    return error is not None and all(word in f"{type(error).__name__} {error}" for word in words)


CLASSES = [
    # What the gateway alone refuses, or the gateway and one other.
    strict_json("a name twice", "name twice",
                "RFC 7515 §4 and RFC 7519 §4 want names once; whoever reads the first and whoever reads the last would "
                "believe different things. Python's reader takes the last."),
    strict_json("another encoding", "encoding",
                "RFC 7515 §3 and RFC 7519 §7.2 want UTF-8. Python's reader guesses UTF-16 and UTF-32, and takes a byte "
                "order mark and encoded surrogates."),
    strict_json("half a surrogate pair", "lone surrogate",
                "It is no Unicode text (RFC 8259 §8.2): no header could carry it, and others would replace it."),
    Class("`jti` that is not a string", "refuses",
          "RFC 7519 §4.1.7 calls it a string, and what is none could not be listed among revoked ids. joserfc takes any.",
          lambda it: it.reason == "claim_malformed" and is_other(it.value(1, "jti"))),
    strict_json("NaN and Infinity", "no number", "They are not JSON (RFC 8259 §6)."),
    strict_json("numbers that nothing holds", "number out of range",
                "1e400 is infinite for one reader and an error for another, as are whole numbers beyond 64 bits "
                "(RFC 7493 §2.2)."),
    strict_json("deep nesting", "depth", "A bound (RFC 8259 §9), which a token has no use for; Python's is 1000."),
    Class("header parameters that demand something", "refuses",
          "RFC 7515 §4.1.11: what is not understood has to be refused. Neither `b64`, nor a token within a token "
          "(`cty`), nor compression (`zip`) is done here, whatever their values.",
          lambda it: it.reason == "token_extension_refused" and any(
              it.value(0, name) is not ... for name in ("crit", "b64", "cty", "zip"))),
    Class("a token of another kind", "refuses",
          "RFC 8725 §3.11: a logout token, a proof or an event is no access token, even of the right issuer.",
          lambda it: it.reason == "token_type_refused" and isinstance(it.value(0, "typ"), str)),
    Class("`typ` that is not a string", "refuses", "RFC 7515 §4.1.9: a string. PyJWT does not look.",
          lambda it: it.reason == "token_header_invalid" and is_other(it.value(0, "typ"))),
    Class("a long `kid`", "refuses", "256 bytes are enough for every issuer; it stands in logs.",
          lambda it: it.reason == "token_header_invalid" and len(str(it.value(0, "kid"))) > 256),
    Class("padding", "refuses", "RFC 7515 §2: base64url without it. PyJWT takes it for one issuer's sake.",
          lambda it: it.reason == "token_malformed" and any(
              part.endswith("=") for part in carried(it.token).split("."))),
    Class("a large token", "refuses", "`limits.token`, 8 KiB.",
          lambda it: it.reason == "token_too_large" and len(it.token) > 8192),
    Class("claims that no header can carry", "refuses",
          "Control characters in a claim that is told to upstreams: 403 (I-4). The libraries tell nobody.",
          lambda it: it.reason == "identity_invalid" and it.status == 403),
    Class("times that are text or truth values", "refuses",
          "RFC 7519 §2: a NumericDate is a number. For Python `True` is 1, and PyJWT's int() reads digits of any "
          "script.",
          lambda it: it.reason == "claim_malformed" and any(is_no_time(it.value(1, n)) for n in ("exp", "nbf", "iat"))),
    Class("`iss`, `aud` or `sub` of another type", "refuses",
          "RFC 7519 §4.1.1 to §4.1.3: texts, or for `aud` a list of nothing else. joserfc looks for the value it wants "
          "in any list, and not at the type of `sub`.",
          lambda it: it.reason == "claim_malformed" and it.pyjwt is not None and any(
              is_other(it.value(1, n)) for n in ("iss", "aud", "sub"))),
    Class("the last second", "refuses",
          "RFC 7519 §4.1.4: expired on or after `exp`. joserfc still takes the second itself.",
          lambda it: it.case.is_timed and it.reason == "token_expired" and it.pyjwt is not None),
    Class("a fraction before its time", "refuses",
          "`nbf` and `iat` of a fraction have not come while it is missing. PyJWT cuts the fraction off.",
          lambda it: it.case.is_timed and it.reason in ("token_not_yet_valid", "token_issued_in_future")
          and it.joserfc is not None),
    # What the gateway accepts and both others refuse.
    Class("the fully specified name of EdDSA", "accepts alone",
          "RFC 9864 §2.2: Ed25519 in the header is what EdDSA is with a key of that curve. PyJWT does not know it, and for "
          "joserfc the key's `alg` is another one.",
          lambda it: it.case.algorithm == "EdDSA" and it.value(0, "alg") == "Ed25519"),
    # What the gateway accepts and one other refuses.
    Class("header parameters that nobody knows", "accepts",
          "RFC 7515 §4: what is not understood must be ignored, unless `crit` names it. joserfc's default is its own.",
          lambda it: is_refused_by(it.joserfc, "UnsupportedHeaderError")),
    Class("header parameters that are not read", "accepts",
          "`jwk`, `jku`, `x5u`, `x5c`, `x5t` are no key source (RFC 8725 §3.10): whatever they hold, nothing is done "
          "with it, the key is the configured one. joserfc checks their types.",
          lambda it: is_refused_by(it.joserfc, "InvalidHeaderValueError") and any(
              f"'{name}'" in str(it.joserfc) for name in ("jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"))),
    Class("a header beyond 512 bytes", "accepts",
          "Bounded by `limits.token` as a whole; certificates in `x5c` need more than 512 bytes.",
          lambda it: is_refused_by(it.joserfc, "ExceededSizeError", "Header")),
    Class("a fraction after the whole second", "accepts",
          "`exp` of a fraction is after the whole second before it (RFC 7519 §2 allows fractions). PyJWT cuts it off, "
          "and refuses up to a second too early.",
          lambda it: it.case.is_timed and is_refused_by(it.pyjwt, "ExpiredSignatureError")
          and it.value(1, "exp") % 1 > 0),
]


def carried(token):
    """What is left of a token behind `Bearer `: spaces around a field's value, and between the scheme and the token,
    are none of its bytes (RFC 9110 §5.5, §11.4)."""
    return token.rstrip(" \t").lstrip(" ")


class Scene:
    """One gateway with a provider of public keys and one with a secret; two libraries that know the same."""

    def __init__(self, start, upstream, folder):
        keys = {name: Key(name, f"key-{name.lower()}") for name in ALGORITHMS if name != "HS256"}
        spare, stranger = Key("ES256", "spare"), Key("ES256", "stranger")
        secret = os.urandom(48).hex().encode()
        jwks = [key.jwk for key in (*keys.values(), spare)]
        (folder / "keys.json").write_text(json.dumps({"keys": jwks}))
        (folder / "secret").write_bytes(secret)
        (folder / "secret").chmod(0o600)
        signers = [self.signer(key) for key in keys.values()] + [Signer("HS256", "any", secret=secret)]
        others = [self.signer(key) for key in (keys["RS256"], keys["ES256"], keys["EdDSA"], spare, stranger)]
        self.cases = cases(signers, others, SEED, BY_CHANCE)
        self.pyjwt = {"public": PyJWT(jwks, None, LEEWAY), "secret": PyJWT(None, secret, LEEWAY)}
        self.joserfc = {"public": Joserfc(jwks, None, LEEWAY), "secret": Joserfc(None, secret, LEEWAY)}
        self.seen, self.sent = collections.Counter(), 0
        self.app = upstream(self._note)
        self.gateway = start(f"""
        listeners: [{{ address: 127.0.0.1:0 }}]
        workers: 1
        limits: {{ head: 32KiB }}
        providers:
          public:
            issuer: "{ISSUER}"
            audiences: [{AUDIENCE}]
            jwks_file: {folder}/keys.json
            algorithms: [{", ".join(keys)}]
            leeway: {LEEWAY}s
          secret:
            issuer: "{ISSUER}"
            audiences: [{AUDIENCE}]
            secret_file: {folder}/secret
            algorithms: [HS256]
            leeway: {LEEWAY}s
        upstreams:
          app: {{ servers: ["{self.app.server}"] }}
        routes:
          - {{ path: /public/**, auth: public, upstream: app }}
          - {{ path: /secret/**, auth: secret, upstream: app }}
        """)

    @staticmethod
    def signer(key):
        return Signer(key.algorithm, key.kid, key.private, jwk=key.jwk)

    def _note(self, request, connection):
        self.seen[request.target] += 1
        # Kept, what came would be read again with each request.
        with connection.lock:
            connection.received, connection.answered = b"", 0
        return OK

    @staticmethod
    def provider(case):
        return "secret" if case.algorithm == "HS256" else "public"

    def ask(self, client, pairs):
        """Statuses and paths of (case, token) pairs, sent in one piece."""
        paths = []
        data = b""
        for case, token in pairs:
            self.sent += 1
            paths.append(f"/{self.provider(case)}/{self.sent}")
            data += f"GET {paths[-1]} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ".encode()
            data += token.encode() + b"\r\n\r\n"
        client.send(data)
        return [(client.response().status, path) for path in paths]

    def libraries(self, case, token):
        token = carried(token)
        return self.pyjwt[self.provider(case)].fault(token), self.joserfc[self.provider(case)].fault(token)

    def judge(self):
        """{path: Judged} of all cases."""
        judged = {}
        together = [case for case in self.cases if not case.alone and not case.is_timed]
        for begin in range(0, len(together), AT_ONCE * 20):
            # A thousand requests on each connection.
            with Client(self.gateway, 30) as client:
                for at in range(begin, min(begin + AT_ONCE * 20, len(together)), AT_ONCE):
                    pairs = [(case, case.token()) for case in together[at:at + AT_ONCE]]
                    for (case, token), (status, path) in zip(pairs, self.ask(client, pairs)):
                        judged[path] = Judged(case, token, status, *self.libraries(case, token))
        for case in self.cases:
            if case.alone:
                with Client(self.gateway, 30) as client:
                    token = case.token()
                    [(status, path)] = self.ask(client, [(case, token)])
                    judged[path] = Judged(case, token, status, *self.libraries(case, token))
        with Client(self.gateway, 30) as client:
            for case in self.cases:
                if case.is_timed:
                    path, one = self.within_a_second(client, case)
                    judged[path] = one
        return judged

    def within_a_second(self, client, case):
        """All three judge it in the same second, tried until they do."""
        while True:
            before, token = int(time.time()), case.token()
            [(status, path)] = self.ask(client, [(case, token)])
            one = Judged(case, token, status, *self.libraries(case, token))
            if int(time.time()) == before:
                return path, one


@pytest.fixture(scope="module")
def scene(start_once, upstream_once, tmp_path_factory):
    return Scene(start_once, upstream_once, tmp_path_factory.mktemp("keys"))


def test_T_1_to_T_13_three_verifiers_agree_or_ours_is_right(scene):
    print(f"\nseed {SEED!r}, {len(scene.cases)} tokens")
    judged = scene.judge()
    lines = {line["path"]: line for line in scene.gateway.wait_access(scene.sent, 30) if "path" in line}
    for path, one in judged.items():
        if path in lines:
            one.reason = lines[path].get("reason")
            assert (lines[path]["status"], one.reason is None) == (one.status, one.status == 200), (one, lines[path])
            assert one.status == 200 or lines[path]["blame"] in ("client", "issuer", "policy"), lines[path]
        else:
            # A head that is not HTTP has no path to be logged.
            assert one.case.alone and one.status == 400, one

    # Many of each kind, or nothing was compared.
    agreed = collections.Counter((one.case.algorithm, one.verdicts) for one in judged.values())
    for algorithm in ALGORITHMS:
        assert agreed[algorithm, (True, True, True)] > 150 and agreed[algorithm, (False, False, False)] > 600, agreed

    unexplained, hits = [], collections.Counter()
    for one in judged.values():
        ours, *others = one.verdicts
        if ours == others[0] == others[1]:
            continue
        kind = "refuses" if not ours else "accepts" if any(others) else "accepts alone"
        found = [each.name for each in CLASSES if each.ours == kind and each.applies(one)]
        if not found:
            unexplained.append(("of no class", one))
        hits.update(found[:1])
    assert not unexplained, "\n".join(f"{why}: {one}" for why, one in unexplained[:40])
    assert not [each.name for each in CLASSES if not hits[each.name]], hits
    for each in CLASSES:
        print(f"{hits[each.name]:5} {each.ours} {each.name}")

    # What passed went upstream once, what did not never; no token stands in a log.
    assert scene.seen == {path: 1 for path, one in judged.items() if one.status == 200} | {
        path: 1 for path in scene.seen if lines[path]["status"] == 200 and path not in judged}
    assert "eyJ" not in scene.gateway.access_text + scene.gateway.program_text

    # A second time those that passed are known, and pass again.
    passed = [one for one in judged.values() if one.status == 200 and not one.case.is_timed]
    with Client(scene.gateway, 30) as client:
        for at in range(0, len(passed), AT_ONCE):
            for (status, path), one in zip(
                    scene.ask(client, [(one.case, one.token) for one in passed[at:at + AT_ONCE]]), passed[at:]):
                assert status == 200, one
    again = [line for line in scene.gateway.wait_access(scene.sent, 30)[-len(passed):]]
    assert {line["cache"] for line in again} == {"hit"}
