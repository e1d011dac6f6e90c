"""Rules T-1 to T-18: which tokens are believed, where they may stand, and for how long."""
import hashlib
import hmac
import json
import os
import re
import time

import joserfc.jwt
import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from support.judged import INVALID_TOKEN, OF_THE_ISSUER, Judge
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, Key, b64, bearer, claims, hand_made, mint, number, signing
from support.wire import Client, get

RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
PUBLIC_ALGORITHMS = RSA_ALGORITHMS + ["ES256", "ES384", "ES512", "EdDSA"]
SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"]
SECRET = os.urandom(64).hex()
SECRET_ISSUER = "https://secrets.example"
OTHER_ISSUER = "https://other.example"
LONG_KEY_ID = "k" * 256
COMPOSED_KEY_ID = "cl\u00e9"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Scene:
    """One gateway in front of one upstream, for every row of this file."""

    def __init__(self, start, upstream, key_server, folder):
        shared = Key("RS256", "shared").private
        self.keys = {name: Key(name, f"{name}-1", private=shared) for name in PUBLIC_ALGORITHMS}
        self.other = Key("ES256", "other-1")
        self.weak = Key("RS256", "weak-1", bits=1024)
        named = {name: Key("ES256", name) for name in (LONG_KEY_ID, COMPOSED_KEY_ID)}
        self.keys.update(named)
        self.narrow = Key("RS256", "narrow-1", private=shared)
        self.narrow.jwk.pop("alg")
        unnamed = [Key("ES256", None) for _ in range(6)]
        for key in unnamed:
            key.jwk = {name: value for name, value in key.jwk.items() if name not in ("kid", "alg", "use")}
        self.unnamed = unnamed
        self.forgeable = dict(self.keys["RS256"].jwk, kid="one-1", e=number(1))
        self.elsewhere = key_server(Key("ES256", "elsewhere"))
        jwks = [*self.keys.values(), self.weak, self.forgeable]
        self.issuer = key_server(*jwks)
        (folder / "secret").write_text(SECRET)
        (folder / "secret").chmod(0o600)
        (folder / "short").write_text(SECRET[:32])
        (folder / "short").chmod(0o600)
        (folder / "other.json").write_text(json.dumps({"keys": [self.other.jwk]}))
        (folder / "narrow.json").write_text(json.dumps({"keys": [self.narrow.jwk]}))
        (folder / "unnamed.json").write_text(json.dumps({"keys": [key.jwk for key in unnamed]}))
        self.app = upstream()
        self.gateway = start(f"""
        listeners:
          - address: 127.0.0.1:0
        workers: 1
        limits: {{ head: 32KiB }}
        providers:
          company:
            issuer: "{ISSUER}"
            audiences: [{AUDIENCE}]
            jwks_url: "{self.issuer.url}"
            leeway: 2s
            token_from: [authorization, "cookie:session"]
          other: {{ issuer: "{OTHER_ISSUER}", audiences: [{AUDIENCE}], jwks_file: {folder}/other.json }}
          narrow:
            {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {folder}/narrow.json, algorithms: [PS256] }}
          unnamed: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {folder}/unnamed.json }}
          secrets: {{ issuer: "{SECRET_ISSUER}", audiences: [{AUDIENCE}], secret_file: {folder}/secret }}
          short: {{ issuer: "{SECRET_ISSUER}", audiences: [{AUDIENCE}], secret_file: {folder}/short }}
          anyone: {{ issuer: "{ISSUER}", audiences: any, jwks_url: "{self.issuer.url}" }}
        upstreams:
          app: {{ servers: ["{self.app.server}"] }}
        routes:
          - {{ path: /public/**, auth: none, upstream: app }}
          - {{ path: /api/**, auth: company, upstream: app }}
          - {{ path: /optional/**, auth: company, anonymous: allow, upstream: app }}
          - {{ path: /both/**, auth: [company, other], upstream: app }}
          - {{ path: /narrow/**, auth: narrow, upstream: app }}
          - {{ path: /unnamed/**, auth: unnamed, upstream: app }}
          - {{ path: /secrets/**, auth: secrets, upstream: app }}
          - {{ path: /short/**, auth: short, upstream: app }}
          - {{ path: /anyone/**, auth: anyone, upstream: app }}
        """)
        for provider in ("company", "anyone"):
            wait_until(
                lambda: any(m["message"] == "keys updated" and m.get("provider") == provider
                            for m in self.gateway.messages()), f"the keys of {provider}")
        self.judge = Judge(self.gateway, self.app)

    def hand_made(self, name="RS256", header=None, payload=None, sign=None, **header_changes):
        """A token of the key `name`, with any header and payload."""
        key = self.keys[name]
        if header is None:
            header = {"alg": key.algorithm, "kid": key.kid, **header_changes}
            header = {member: value for member, value in header.items() if value is not ...}
        return hand_made(header, claims() if payload is None else payload, sign or signing(key))


@pytest.fixture(scope="module")
def scene(start_once, upstream_once, key_server_once, tmp_path_factory):
    made = Scene(start_once, upstream_once, key_server_once, tmp_path_factory.mktemp("keys"))
    yield made
    made.judge.settled()


# What is believed.


def minted(library, key, algorithm, **changes):
    """A token of `algorithm`, made by PyJWT or by joserfc. `key`: a Key, or a secret."""
    header = {"alg": algorithm} if isinstance(key, str) else {"alg": algorithm, "kid": key.kid}
    if library == "pyjwt":
        return jwt.encode(
            claims(**changes), key if isinstance(key, str) else key.private, algorithm=algorithm, headers=header)
    if isinstance(key, str):
        imported = OctKey.import_key(key)
    else:
        pem = key.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        imported = {"R": RSAKey, "P": RSAKey, "E": OKPKey if algorithm == "EdDSA" else ECKey}[
            algorithm[0]].import_key(pem)
    return joserfc.jwt.encode(header, claims(**changes), imported, algorithms=[algorithm])


@pytest.mark.parametrize("library", ["pyjwt", "joserfc"])
@pytest.mark.parametrize("algorithm", PUBLIC_ALGORITHMS)
def test_T_1_every_algorithm_of_public_keys_passes(scene, library, algorithm):
    token = minted(library, scene.keys[algorithm], algorithm, sub=f"{library} {algorithm}")
    request = scene.judge.allowed([bearer(token)])
    assert request.field("x-forwarded-user") == f"{library} {algorithm}"
    assert request.field("authorization") is None
    request = scene.judge.allowed([("Cookie", f"theme=dark; session={token}; lang=en")])
    assert request.field("x-forwarded-user") == f"{library} {algorithm}"
    assert token not in str(request.fields) and request.field("cookie") == "theme=dark; lang=en"
    head, _, signature = token.rpartition(".")
    changed = ("A" if signature[0] != "A" else "B") + signature[1:]
    scene.judge.bad_token(f"{head}.{changed}", "signature_invalid")


def test_T_1_Ed25519_is_EdDSA(scene):
    """RFC 9864, as joserfc signs with it."""
    key = scene.keys["EdDSA"]
    pem = key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    token = joserfc.jwt.encode(
        {"alg": "Ed25519", "kid": key.kid}, claims(sub="new name"), OKPKey.import_key(pem), algorithms=["Ed25519"])
    assert scene.judge.allowed([bearer(token)]).field("x-forwarded-user") == "new name"


@pytest.mark.parametrize("library", ["pyjwt", "joserfc"])
@pytest.mark.parametrize("algorithm", SECRET_ALGORITHMS)
def test_T_2_hmac_passes_where_a_secret_is_configured(scene, library, algorithm):
    token = minted(library, SECRET, algorithm, iss=SECRET_ISSUER, sub="batch")
    assert scene.judge.allowed([bearer(token)], "/secrets/x").field("x-forwarded-user") == "batch"
    forged = minted(library, SECRET[::-1], algorithm, iss=SECRET_ISSUER)
    scene.judge.bad_token(forged, "signature_invalid", "/secrets/x")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "])
def test_T_14_the_scheme_is_written_in_any_case(scene, scheme):
    request = scene.judge.allowed([("Authorization", f"{scheme} {mint(scene.keys['ES256'])}")])
    assert request.field("x-forwarded-user") == "alice" and request.field("authorization") is None


# T-1: the algorithm.


@pytest.mark.parametrize("algorithm, key, reason", [
    ("none", None, "algorithm_refused"), ("None", None, "algorithm_refused"), ("NONE", None, "algorithm_refused"),
    ("nOnE", None, "algorithm_refused"), ("none", "RS256", "algorithm_refused"),
    ("rs256", "RS256", "algorithm_refused"), ("RS256 ", "RS256", "algorithm_refused"),
    ("RS1", "RS256", "algorithm_refused"), ("ES256K", "ES256", "algorithm_refused"),
    ("ed25519", "EdDSA", "algorithm_refused"), ("Ed448", "EdDSA", "algorithm_refused"), ("", "RS256", "algorithm_refused"),
    (7, "RS256", "token_header_invalid"), (None, "RS256", "token_header_invalid"),
    (["RS256"], "RS256", "token_header_invalid"), (..., "RS256", "token_header_invalid"),
])
def test_T_1_an_algorithm_that_is_none(scene, algorithm, key, reason):
    sign = (lambda data: b"") if key is None else signing(scene.keys[key])
    scene.judge.bad_token(scene.hand_made(key or "RS256", alg=algorithm, sign=sign), reason)


@pytest.mark.parametrize("algorithm, kid, key", [
    ("ES256", "RS256", "ES256"), ("RS256", "ES256", "RS256"), ("EdDSA", "RS256", "EdDSA"), ("ES256", "EdDSA", "ES256"),
    ("ES256", "ES384", "ES256"), ("ES384", "ES256", "ES384"), ("RS384", "RS256", "RS384"), ("PS256", "RS256", "PS256"),
    ("RS256", "PS256", "RS256"), ("EdDSA", "ES256", "EdDSA"),
])
def test_T_1_an_algorithm_that_the_key_is_not_for(scene, algorithm, kid, key):
    token = scene.hand_made(key, alg=algorithm, kid=scene.keys[kid].kid)
    scene.judge.bad_token(token, "key_mismatch")


def test_T_1_an_algorithm_that_the_provider_does_not_list(scene):
    good = mint(scene.narrow, algorithm="PS256")
    assert scene.judge.allowed([bearer(good)], "/narrow/x")
    scene.judge.bad_token(mint(scene.narrow, algorithm="RS256"), "algorithm_refused", "/narrow/x")


# T-2: secrets.


def public_forms(key):
    public = key.private.public_key()
    encoding, form = serialization.Encoding, serialization.PublicFormat
    pem = public.public_bytes(encoding.PEM, form.SubjectPublicKeyInfo)
    return {
        "PEM": pem, "PEM without its last line end": pem.rstrip(b"\n"),
        "DER": public.public_bytes(encoding.DER, form.SubjectPublicKeyInfo),
        "PKCS 1": public.public_bytes(encoding.PEM, form.PKCS1), "JWK": json.dumps(key.jwk).encode(),
        "modulus": public.public_numbers().n.to_bytes(256, "big"), "nothing": b"",
    }


@pytest.mark.parametrize("form", [
    "PEM", "PEM without its last line end", "DER", "PKCS 1", "JWK", "modulus", "nothing"])
@pytest.mark.parametrize("kid", ["named", "unnamed"])
def test_T_2_a_public_key_is_no_secret(scene, form, kid):
    key = scene.keys["RS256"]
    token = scene.hand_made(
        alg="HS256", kid=key.kid if kid == "named" else ...,
        sign=lambda data: hmac.new(public_forms(key)[form], data, "sha256").digest())
    scene.judge.bad_token(token, "algorithm_refused")


@pytest.mark.parametrize("algorithm", RSA_ALGORITHMS + ["ES256", "EdDSA"])
def test_T_2_a_secret_verifies_hmac_alone(scene, algorithm):
    key = scene.keys[algorithm]
    scene.judge.bad_token(mint(key, iss=SECRET_ISSUER), "algorithm_refused", "/secrets/x")


def test_T_2_a_secret_is_as_long_as_its_hash(scene):
    short = SECRET[:32]
    assert scene.judge.allowed([bearer(jwt.encode(claims(iss=SECRET_ISSUER), short, "HS256"))], "/short/x")
    for algorithm in ("HS384", "HS512"):
        token = jwt.encode(claims(iss=SECRET_ISSUER), short, algorithm)
        scene.judge.bad_token(token, "key_mismatch", "/short/x")


# T-3: the serialization.


def test_T_3_a_token_of_8_KiB_passes_and_one_more_byte_does_not(scene):
    def sized(count):
        # A base64url text has no length of 4n + 1, so the header takes what the payload cannot.
        for pad in range(4):
            for filler in range(count * 3 // 4 - 700, count * 3 // 4):
                token_length = len(b64(header(pad))) + 1 + len(b64(payload(filler))) + 1 + 86
                if token_length == count:
                    return scene.hand_made("ES256", header=header(pad), payload=payload(filler))
        raise AssertionError(count)

    key = scene.keys["ES256"]
    now = claims()

    def header(pad):
        return json.dumps({"alg": "ES256", "kid": key.kid, "x": "y" * pad}).encode()

    def payload(filler):
        return json.dumps({**now, "filler": "z" * filler}).encode()

    longest = sized(8192)
    assert len(longest) == 8192
    scene.judge.allowed([bearer(longest)])
    scene.judge.bad_token(sized(8193), "token_too_large")
    scene.judge.bad_token("A" * 20_000, "token_too_large")


def test_T_3_a_token_of_64_KiB_is_more_than_a_head_may_be(scene):
    token = mint(scene.keys["ES256"], filler="z" * 48_000)
    assert len(token) > 64_000
    scene.judge.refused(431, "head_too_large", fields=[bearer(token)])


@pytest.mark.parametrize("shape, reason", [
    ("{0}", "token_malformed"), ("{0}.{1}", "token_malformed"), ("{0}.{1}.{2}.{2}", "token_malformed"),
    ("{0}.{1}.{2}.", "token_malformed"), (".{1}.{2}", "token_malformed"), ("..", "token_malformed"),
    ("{0}.{1}.", "signature_invalid"), ("{0}..{2}", "signature_invalid"),
    ("{0}.{1}.{2}.{2}.{2}", "token_encrypted"), ("....", "token_encrypted"),
    ("{0}.{1}.{2}.{0}.{1}.{2}", "token_malformed"), ("x", "token_malformed"),
    ('{{"payload":"{1}","protected":"{0}","signature":"{2}"}}', "token_encrypted"),
    ('{{"payload":"{1}","signatures":[{{"protected":"{0}","signature":"{2}"}}]}}', "token_encrypted"),
    ('["{0}","{1}","{2}"]', "token_malformed"), ("{0}.{1}.{2},{0}.{1}.{2}", "token_encrypted"),
])
def test_T_3_only_three_parts_are_a_token(scene, shape, reason):
    parts = mint(scene.keys["RS256"]).split(".")
    scene.judge.bad_token(shape.format(*parts), reason)


def test_T_3_an_encrypted_token_costs_no_work(scene):
    header = b64(json.dumps({"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2s": b64(b"salt" * 4),
                             "p2c": 1_000_000_000}).encode())
    before = scene.gateway.cpu_seconds()
    scene.judge.bad_token(".".join([header, b64(b"k" * 40), b64(b"i" * 12), b64(b"c" * 64), b64(b"t" * 16)]),
                          "token_encrypted")
    assert scene.gateway.cpu_seconds() - before < 0.3


# T-4: base64url.


def raised(text):
    """The same bytes for a lax decoder: a bit of the last character that stands for nothing is set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(text) % 4 and alphabet.index(text[-1]) % (1 << {2: 4, 3: 2}[len(text) % 4]) == 0
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


def part(members):
    """A part of a token of which the last character has unused bits."""
    for pad in range(3):
        text = b64(json.dumps({**members, "pad": "p" * pad}).encode())
        if len(text) % 4:
            return text
    raise AssertionError(members)


@pytest.mark.parametrize("name", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("place", [0, 1, 2], ids=["header", "payload", "signature"])
@pytest.mark.parametrize("change", [
    raised, lambda text: text + "=", lambda text: text + "==", lambda text: text + "A" * (5 - len(text) % 4),
    lambda text: text[:5] + "+" + text[6:], lambda text: text[:5] + "/" + text[6:],
    lambda text: text[:5] + " " + text[5:], lambda text: text[:5] + "\t" + text[5:],
    lambda text: text[:5] + "%41" + text[6:], lambda text: text[:5] + "~" + text[6:],
], ids=["unused bits", "=", "==", "4n + 1", "+", "/", "space", "tab", "escape", "tilde"])
def test_T_4_base64url_is_strict(scene, name, place, change):
    key = scene.keys[name]
    good = [part({"alg": name, "kid": key.kid}), part(claims())]
    scene.judge.allowed([bearer(".".join([*good, b64(signing(key)(".".join(good).encode()))]))])
    parts = list(good)
    if place < 2:
        parts[place] = change(parts[place])
    signature = b64(signing(key)(".".join(parts).encode()))
    scene.judge.bad_token(".".join([*parts, change(signature) if place == 2 else signature]), "token_malformed")


# T-5: JSON.


def nested(depth):
    return '{"x":' * (depth - 1) + "{}" + "}" * (depth - 1)


def spliced(text, addition):
    """The members of `text`, and one more piece of text inside of the object."""
    return (json.dumps(text)[:-1] + addition + "}").encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("change", [
    lambda j: spliced(j, ',"sub":"bob"') if "sub" in j else spliced(j, ',"alg":"RS256"'),
    lambda j: spliced(j, ',"s\\u0075b":"bob"') if "sub" in j else spliced(j, ',"\\u0061lg":"RS256"'),
    lambda j: spliced(j, ',"x":{"a":1,"a":1}'),
    lambda j: spliced(j, ',"x":"').replace(b'"}', b'\xff"}'),
    lambda j: spliced(j, ',"x":"').replace(b'"}', b'\xc0\xaf"}'),
    lambda j: spliced(j, ',"x":"').replace(b'"}', b'\xed\xa0\x80"}'),
    lambda j: spliced(j, ',"x":"\\ud800"'),
    lambda j: b"\xef\xbb\xbf" + json.dumps(j).encode(),
    lambda j: json.dumps(j).encode() + b"{}", lambda j: json.dumps(j).encode() + b"x",
    lambda j: json.dumps(j).encode() + b"\0", lambda j: b"\0" + json.dumps(j).encode(),
    lambda j: spliced(j, ',"x":' + nested(16)), lambda j: spliced(j, ',"x":' + "[" * 16 + "]" * 16),
    lambda j: spliced(j, ',"x":' + "[" * 900 + "]" * 900),
    lambda j: spliced(j, ","), lambda j: spliced(j, ',"x":01'), lambda j: spliced(j, ',"x":NaN'),
    lambda j: spliced(j, ',"x":Infinity'), lambda j: spliced(j, ',"x":1e400'), lambda j: spliced(j, ",'x':1"),
    lambda j: spliced(j, ",x:1"), lambda j: spliced(j, ',"x":1/**/'), lambda j: spliced(j, ',"x":"\n"'),
    lambda j: spliced(j, ',"x":+1'), lambda j: spliced(j, ',"x":.5'), lambda j: spliced(j, ',"x":"\\x41"'),
    lambda j: json.dumps([j]).encode(), lambda j: json.dumps(json.dumps(j)).encode(), lambda j: b"",
    lambda j: b"null", lambda j: json.dumps(j)[:-1].encode(), lambda j: json.dumps(j).encode("utf-16"),
], ids=[
    "name twice", "name twice, escaped", "name twice, inside", "no UTF-8", "overlong UTF-8", "surrogate",
    "escaped half of a pair", "BOM", "second value", "byte after", "NUL after", "NUL before", "17 objects",
    "17 levels of lists", "many lists", "comma", "leading zero", "NaN", "Infinity", "1e400", "quotes", "no quotes",
    "comment", "raw line end", "plus", "no integer part", "bad escape", "array", "text", "empty", "null", "cut",
    "UTF-16"])
@pytest.mark.parametrize("place", ["header", "payload"])
def test_T_5_json_is_strict(scene, place, change):
    key = scene.keys["ES256"]
    header, payload = {"alg": "ES256", "kid": key.kid}, claims()
    if place == "header":
        token, reason = hand_made(change(header), payload, signing(key)), "token_header_invalid"
        if change(header) == b"":
            reason = "token_malformed"
    else:
        token, reason = hand_made(header, change(payload), signing(key)), "claims_invalid"
    scene.judge.bad_token(token, reason)


def test_T_5_sixteen_levels_are_allowed(scene):
    key = scene.keys["ES256"]
    header, payload = {"alg": "ES256", "kid": key.kid}, claims()
    depth = ',"x":' + nested(15)
    scene.judge.allowed([bearer(hand_made(spliced(header, depth), spliced(payload, depth), signing(key)))])


# T-6: what a header may ask for.


@pytest.mark.parametrize("members, reason", [
    ({"crit": ["b64"], "b64": False}, "token_extension_refused"), ({"crit": ["b64"]}, "token_extension_refused"),
    ({"crit": []}, "token_extension_refused"), ({"crit": ["exp"], "exp": 1}, "token_extension_refused"),
    ({"crit": None}, "token_extension_refused"), ({"crit": "b64"}, "token_extension_refused"),
    ({"b64": False}, "token_extension_refused"), ({"b64": True}, "token_extension_refused"),
    ({"cty": "JWT"}, "token_extension_refused"), ({"cty": ""}, "token_extension_refused"),
    ({"zip": "DEF"}, "token_extension_refused"),
    ({"typ": "logout+jwt"}, "token_type_refused"), ({"typ": "secevent+jwt"}, "token_type_refused"),
    ({"typ": "dpop+jwt"}, "token_type_refused"), ({"typ": "application/logout+jwt"}, "token_type_refused"),
    ({"typ": "JOSE"}, "token_type_refused"), ({"typ": ""}, "token_type_refused"),
    ({"typ": "JWT "}, "token_type_refused"), ({"typ": 7}, "token_header_invalid"),
    ({"typ": None}, "token_header_invalid"), ({"typ": ["JWT"]}, "token_header_invalid"),
])
def test_T_6_a_header_asks_for_nothing_more(scene, members, reason):
    scene.judge.bad_token(scene.hand_made("ES256", **members), reason)


@pytest.mark.parametrize("members", [
    {}, {"typ": "JWT"}, {"typ": "jwt"}, {"typ": "at+jwt"}, {"typ": "AT+JWT"}, {"typ": "application/at+jwt"},
    {"unknown": {"a": [1]}}])
def test_T_6_access_tokens_pass(scene, members):
    scene.judge.allowed([bearer(scene.hand_made("ES256", **members))])


# T-7: a token does not say what verifies it.


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "all"])
@pytest.mark.parametrize("kid", ["known", "absent"])
def test_T_7_a_token_brings_no_key(scene, member, kid):
    thief = Key("ES256", scene.keys["ES256"].kid)
    offers = {"jwk": thief.jwk, "jku": scene.elsewhere.url, "x5u": scene.elsewhere.url, "x5c": [b64(b"certificate")]}
    offered = offers if member == "all" else {member: offers[member]}
    header = {"alg": "ES256", **({"kid": thief.kid} if kid == "known" else {}), **offered}
    fetches = scene.issuer.fetches
    scene.judge.bad_token(hand_made(header, claims(), signing(thief)), "signature_invalid")
    assert scene.elsewhere.fetches == 0
    assert scene.issuer.fetches == fetches
    # The same header with the issuer's signature: what it offers is not looked at, and does no harm.
    scene.judge.allowed([bearer(hand_made(header, claims(), signing(scene.keys["ES256"])))])
    assert scene.elsewhere.fetches == 0


# T-8: kid.


@pytest.mark.parametrize("kid, reason", [
    ("../../dev/null", "key_unknown"), ("/dev/null", "key_unknown"), ("' OR 1=1 --", "key_unknown"),
    ("http://127.0.0.1/jwks", "key_unknown"), ("", "key_unknown"), ("ES256-1\0", "key_unknown"),
    ("es256-1", "key_unknown"), ("ES256-1 ", "key_unknown"), ("ES256-", "key_unknown"),
    ("cle\u0301", "key_unknown"), ("k" * 255, "key_unknown"),
    ("k" * 257, "token_header_invalid"), (7, "token_header_invalid"), (None, "token_header_invalid"),
    (["ES256-1"], "token_header_invalid"), ({"kid": "ES256-1"}, "token_header_invalid"), (True, "token_header_invalid"),
])
def test_T_8_kid_is_matched_byte_for_byte(scene, kid, reason):
    scene.judge.bad_token(scene.hand_made("ES256", kid=kid), reason)


@pytest.mark.parametrize("name", ["ES256", LONG_KEY_ID, COMPOSED_KEY_ID], ids=["short", "256 bytes", "composed"])
def test_T_8_its_own_kid_passes(scene, name):
    scene.judge.allowed([bearer(scene.hand_made(name))])


def test_T_8_without_kid_four_keys_are_tried(scene):
    for index, key in enumerate(scene.unnamed):
        token = hand_made({"alg": "ES256"}, claims(), signing(key))
        if index < 4:
            scene.judge.allowed([bearer(token)], "/unnamed/x")
        else:
            scene.judge.bad_token(token, "signature_invalid", "/unnamed/x")
    # Keys without a name answer to no name.
    named = hand_made({"alg": "ES256", "kid": ""}, claims(), signing(scene.unnamed[0]))
    scene.judge.bad_token(named, "key_unknown", "/unnamed/x")


# T-9, T-10: signatures.


def ecdsa(change):
    """Signs as ES256 does, and changes r and s."""
    def sign(key):
        def made(data):
            signature = signing(key)(data)
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            return change(r, s, signature)
        return made
    return sign


def pair(r, s):
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize("change", [
    lambda r, s, whole: bytes(64), lambda r, s, whole: pair(0, s), lambda r, s, whole: pair(r, 0),
    lambda r, s, whole: pair(P256_ORDER, s), lambda r, s, whole: pair(r, P256_ORDER),
    lambda r, s, whole: pair(0, P256_ORDER), lambda r, s, whole: pair(1, 1), lambda r, s, whole: b"\xff" * 64,
    lambda r, s, whole: whole[:-1], lambda r, s, whole: whole + b"\0", lambda r, s, whole: b"\0" + whole,
    lambda r, s, whole: whole[:32], lambda r, s, whole: b"\0" + whole[:32] + b"\0" + whole[32:],
    lambda r, s, whole: whole + whole, lambda r, s, whole: b"", lambda r, s, whole: whole[32:] + whole[:32],
], ids=["zeros", "r = 0", "s = 0", "r = n", "s = n", "r = 0, s = n", "ones", "all bits", "short", "long", "long before",
        "r alone", "padded", "twice", "empty", "s before r"])
def test_T_9_r_and_s_are_in_range_and_of_exact_length(scene, change):
    token = scene.hand_made("ES256", sign=ecdsa(change)(scene.keys["ES256"]))
    scene.judge.bad_token(token, "signature_invalid")


@pytest.mark.parametrize("name, scheme", [("ES256", hashes.SHA256), ("ES384", hashes.SHA384), ("ES512", hashes.SHA512)])
def test_T_9_a_DER_signature_is_refused(scene, name, scheme):
    key = scene.keys[name]
    token = scene.hand_made(name, sign=lambda data: key.private.sign(data, ec.ECDSA(scheme())))
    scene.judge.bad_token(token, "signature_invalid")


def test_T_9_an_Ed25519_signature_has_its_length(scene):
    sign = signing(scene.keys["EdDSA"])
    for change in (lambda data: bytes(64), lambda data: sign(data)[:-1], lambda data: sign(data) + b"\0",
                   lambda data: b"", lambda data: sign(data)[:32] + bytes(32)):
        scene.judge.bad_token(scene.hand_made("EdDSA", sign=change), "signature_invalid")


def test_T_10_a_key_of_1024_bits_is_not_used(scene):
    scene.judge.bad_token(mint(scene.weak), "key_unknown")
    assert any("weak-1" in m.get("why", "") for m in scene.gateway.messages())


def test_T_10_an_exponent_of_1_is_not_used(scene):
    # With e = 1 the padded hash itself is the signature: anyone can write it.
    def sign(data):
        digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(data).digest()
        return b"\0\1" + b"\xff" * (256 - 3 - len(digest)) + b"\0" + digest
    scene.judge.bad_token(scene.hand_made(kid="one-1", sign=sign), "key_unknown")


def test_T_10_a_signature_is_as_long_as_its_modulus(scene):
    sign = signing(scene.keys["RS256"])
    for change in (lambda data: b"\0" + sign(data), lambda data: sign(data) + b"\0", lambda data: sign(data)[:-1],
                   lambda data: b"", lambda data: bytes(256), lambda data: b"\xff" * 256, lambda data: sign(data)[1:]):
        scene.judge.bad_token(scene.hand_made(sign=change), "signature_invalid")
    # A signature that begins with a zero byte, and leaves it out.
    for attempt in range(5000):
        header, payload = {"alg": "RS256", "kid": scene.keys["RS256"].kid}, claims(jti=str(attempt))
        if scene_signature(hand_made(header, payload, sign))[0] == 0:
            break
    else:
        raise AssertionError("no such signature")
    scene.judge.bad_token(hand_made(header, payload, lambda data: sign(data)[1:]), "signature_invalid")
    scene.judge.allowed([bearer(hand_made(header, payload, sign))])


def scene_signature(token):
    return jwt.utils.base64url_decode(token.rpartition(".")[2])


@pytest.mark.parametrize("salt", [0, 20, 31, 33, 222], ids=str)
def test_T_10_the_salt_of_PSS_is_as_long_as_the_hash(scene, salt):
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    private = scene.keys["PS256"].private
    token = scene.hand_made("PS256", sign=lambda data: private.sign(data, scheme, hashes.SHA256()))
    scene.judge.bad_token(token, "signature_invalid")


def test_T_10_the_hashes_of_PSS_agree(scene):
    private = scene.keys["PS256"].private
    scheme = padding.PSS(padding.MGF1(hashes.SHA1()), 32)
    token = scene.hand_made("PS256", sign=lambda data: private.sign(data, scheme, hashes.SHA256()))
    scene.judge.bad_token(token, "signature_invalid")


# T-11: the issuer.


@pytest.mark.parametrize("issuer, reason", [
    (None, "claim_missing"), (7, "claim_malformed"), ([ISSUER], "claim_malformed"), ("", "issuer_unknown"),
    (ISSUER + "/", "issuer_unknown"), (ISSUER.upper(), "issuer_unknown"), (ISSUER[:-1], "issuer_unknown"),
    (ISSUER + "\0", "issuer_unknown"), (" " + ISSUER, "issuer_unknown"), (OTHER_ISSUER, "issuer_unknown"),
])
@pytest.mark.parametrize("target", ["/api/x", "/both/x"])
def test_T_11_the_issuer_is_the_configured_one(scene, issuer, reason, target):
    key = scene.keys["ES256"]
    changes = {"iss": issuer}
    payload = {name: value for name, value in {**claims(), **changes}.items() if value is not None}
    token = hand_made({"alg": "ES256", "kid": key.kid}, payload, signing(key))
    if target == "/both/x" and issuer == OTHER_ISSUER:
        reason = "key_unknown"
    if target == "/both/x" and reason in OF_THE_ISSUER:
        # Read before the signature, to choose the provider: no issuer is to blame.
        reason = "issuer_unknown"
    scene.judge.bad_token(token, reason, target)


def test_T_11_an_issuers_keys_verify_its_own_tokens_alone(scene):
    ours, theirs = scene.keys["ES256"], scene.other
    scene.judge.allowed([bearer(mint(ours))], "/both/x")
    assert scene.judge.allowed([bearer(mint(theirs, iss=OTHER_ISSUER, sub="bob"))], "/both/x").field(
        "x-forwarded-user") == "bob"
    scene.judge.bad_token(mint(theirs), "key_unknown", "/both/x")
    scene.judge.bad_token(mint(theirs, headers={"kid": ours.kid}), "signature_invalid", "/both/x")
    scene.judge.bad_token(
        mint(ours, headers={"kid": theirs.kid}, iss=OTHER_ISSUER), "signature_invalid", "/both/x")
    scene.judge.bad_token(mint(theirs, iss=OTHER_ISSUER), "key_unknown", "/api/x")


# T-12: the audience.


@pytest.mark.parametrize("audience, reason", [
    (..., "claim_missing"), ([], "audience_mismatch"), ("", "audience_mismatch"), (AUDIENCE[:-1], "audience_mismatch"),
    (AUDIENCE + "2", "audience_mismatch"), (AUDIENCE.upper(), "audience_mismatch"), (" api", "audience_mismatch"),
    ("api other", "audience_mismatch"), (["other"], "audience_mismatch"), (["api,other"], "audience_mismatch"),
    (7, "claim_malformed"), (None, "claim_malformed"), ({"api": 1}, "claim_malformed"), (["api", 7], "claim_malformed"),
    ([["api"]], "claim_malformed"), (True, "claim_malformed"),
])
def test_T_12_the_audience_is_an_exact_member(scene, audience, reason):
    payload = {**claims(), "aud": audience}
    if audience is ...:
        payload.pop("aud")
    scene.judge.bad_token(scene.hand_made("ES256", payload=payload), reason)


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]])
def test_T_12_a_good_audience_passes(scene, audience):
    scene.judge.allowed([bearer(mint(scene.keys["ES256"], aud=audience))])


@pytest.mark.parametrize("audience", ["other", [], ["a", "b"], None], ids=str)
def test_T_12_any_audience_has_to_be_configured(scene, audience):
    token = mint(scene.keys["ES256"], aud=audience)
    scene.judge.allowed([bearer(token)], "/anyone/x")
    scene.judge.bad_token(
        token, "claim_missing" if audience is None else "audience_mismatch")


# T-13: times. The leeway is 2 s.


def raw_claim(name, text):
    """Good claims, and `name` with a value as it stands."""
    payload = claims(**{name: None})
    return (json.dumps(payload)[:-1] + f', "{name}": {text}}}').encode()


@pytest.mark.parametrize("name, text, reason", [
    ("exp", '"9999999999"', "claim_malformed"), ("exp", "null", "claim_malformed"), ("exp", "true", "claim_malformed"),
    ("exp", "[9999999999]", "claim_malformed"), ("exp", "{}", "claim_malformed"), ("exp", "1e400", "claims_invalid"),
    ("exp", "NaN", "claims_invalid"), ("exp", "0", "token_expired"), ("exp", "-1", "token_expired"),
    ("exp", "1", "token_expired"), ("exp", "-1e300", "token_expired"), ("exp", "1.5", "token_expired"),
    ("nbf", '"1"', "claim_malformed"), ("nbf", "null", "claim_malformed"), ("nbf", "9999999999", "token_not_yet_valid"),
    ("nbf", "1e300", "token_not_yet_valid"), ("iat", '"1"', "claim_malformed"), ("iat", "null", "claim_malformed"),
    ("iat", "9999999999", "token_issued_in_future"), ("iat", "1e300", "token_issued_in_future"),
])
def test_T_13_times_are_numbers_and_now_lies_between(scene, name, text, reason):
    scene.judge.bad_token(scene.hand_made("ES256", payload=raw_claim(name, text)), reason)


@pytest.mark.parametrize("offsets, reason", [
    (dict(exp=None), "claim_missing"), (dict(exp=-2), "token_expired"), (dict(exp=-3600), "token_expired"),
    (dict(nbf=5), "token_not_yet_valid"), (dict(iat=5), "token_issued_in_future"),
])
def test_T_13_the_leeway_ends(scene, offsets, reason):
    now = int(time.time())
    changes = {name: None if offset is None else now + offset for name, offset in offsets.items()}
    scene.judge.bad_token(mint(scene.keys["ES256"], **changes), reason)


@pytest.mark.parametrize("text", ["9999999999", "9999999999.5", "1e15", "1e300", "9223372036854775807"])
def test_T_13_a_late_end_is_no_fault(scene, text):
    scene.judge.allowed([bearer(scene.hand_made("ES256", payload=raw_claim("exp", text)))])


def test_T_13_the_leeway_is_granted(scene):
    now = int(time.time())
    scene.judge.allowed([bearer(mint(scene.keys["ES256"], nbf=now + 1, iat=now + 1))])
    scene.judge.allowed([bearer(mint(scene.keys["ES256"], exp=time.time() - 0.5))])


# T-14: where a token stands.


def test_T_14_two_authorization_lines(scene):
    good = bearer(mint(scene.keys["ES256"]))
    for fields in ([good, good], [good, ("Authorization", "Basic YTpi")], [("authorization", "x"), good]):
        for target in ("/api/x", "/optional/x", "/public/x"):
            scene.judge.refused(400, "credential_repeated", target=target, fields=fields)


@pytest.mark.parametrize("value, reason", [
    ("Bearer x", "token_malformed"), ("bearer a.b.c", "token_malformed"), ("Bearer", "token_malformed"),
    ("Bearer ", "token_malformed"), ("Bearer\t{good}", "token_malformed"), ("Bearer {good} ,", "token_malformed"),
    ("Bearer {good} {good}", "token_encrypted"), ("Bearer {good}, Basic YTpi", "token_malformed"),
    ("Bearer \"{good}\"", "token_malformed"), ("Bearer token={good}", "token_malformed"),
    ("Bearer={good}", "token_malformed"), ("Bearer,{good}", "token_malformed"),
])
@pytest.mark.parametrize("target", ["/api/x", "/optional/x"])
def test_T_14_a_bad_bearer_token_is_not_replaced_by_the_cookie(scene, value, reason, target):
    good = mint(scene.keys["ES256"])
    fields = [("Authorization", value.format(good=good)), ("Cookie", f"session={good}")]
    scene.judge.refused(401, reason, target=target, fields=fields, challenge=INVALID_TOKEN)


def test_T_14_another_scheme_is_no_token(scene):
    good = mint(scene.keys["ES256"])
    basic = ("Authorization", "Basic YTpi")
    request = scene.judge.allowed([basic, ("Cookie", f"session={good}")])
    assert request.field("authorization") == "Basic YTpi" and request.field("cookie") is None
    for value in ("Basic YTpi", "Bearers x", "Token " + good, good, "Basic Bearer " + good):
        scene.judge.refused(401, "credential_missing", fields=[("Authorization", value)], challenge="Bearer")


def test_T_14_never_from_the_query_or_the_body(scene):
    good = mint(scene.keys["ES256"])
    for name in ("access_token", "token", "jwt", "session"):
        scene.judge.refused(401, "credential_missing", target=f"/api/x?{name}={good}", challenge="Bearer")
    scene.judge.refused(
        401, "credential_missing", method="POST", body=f"access_token={good}".encode(), challenge="Bearer",
        fields=[("Content-Type", "application/x-www-form-urlencoded")])
    for name in ("X-Forwarded-Access-Token", "X-Access-Token", "Proxy-Authorization", "X-Authorization"):
        scene.judge.refused(401, "credential_missing", fields=[(name, f"Bearer {good}")], challenge="Bearer")
    for name in ("Session", "session2", "xsession", "sessio"):
        scene.judge.refused(401, "credential_missing", fields=[("Cookie", f"{name}={good}")], challenge="Bearer")


def test_C_2_a_cookie_that_stands_twice(scene):
    good = mint(scene.keys["ES256"])
    for cookies in (f"session={good}; session={good}", f"session=x; session={good}", f"session={good}; a=b; session="):
        for target in ("/api/x", "/optional/x"):
            scene.judge.refused(
                401, "cookie_repeated", target=target, fields=[("Cookie", cookies)], challenge=INVALID_TOKEN)


# T-15: optional authentication.


def test_T_15_no_token_is_anonymous_and_a_bad_one_is_refused(scene):
    forged = [("X-Forwarded-User", "root"), ("X_Forwarded_User", "root"), ("X-Forwarded-Groups", "admin")]
    request = scene.judge.allowed(forged, "/optional/x")
    assert not [value for _, value in request.fields if value in ("root", "admin")]
    assert scene.judge.allowed([bearer(mint(scene.keys["ES256"]))], "/optional/x").field("x-forwarded-user") == "alice"
    scene.judge.bad_token(mint(scene.keys["ES256"], iss="https://evil.example"), "issuer_unknown", "/optional/x")
    scene.judge.bad_token(mint(scene.keys["ES256"], exp=1), "token_expired", "/optional/x")
    scene.judge.bad_token(mint(Key("ES256", "ES256-1")), "signature_invalid", "/optional/x")
    scene.judge.refused(
        401, "token_malformed", target="/optional/x", fields=[("Cookie", "session=stale")], challenge=INVALID_TOKEN)


# T-16: tokens that were verified before.


def cached_config(app, folder, workers, extra=""):
    return f"""
    listeners:
      - address: 127.0.0.1:0
    workers: {workers}
    providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: {folder}/keys.json, leeway: 0s }}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /api/**, auth: company, upstream: app }}
      {extra}
    """


def write_keys(folder, *keys):
    """Replaces the key set at once: it is never half there."""
    (folder / "keys.new").write_text(json.dumps({"keys": [key.jwk for key in keys]}))
    (folder / "keys.new").rename(folder / "keys.json")


def test_T_16_a_cached_token_dies_at_its_end(start, upstream, tmp_path, keys, workers):
    app = upstream()
    write_keys(tmp_path, keys["ES256"])
    gateway = start(cached_config(app, tmp_path, workers))
    end = int(time.time()) + 2
    token = mint(keys["ES256"], exp=end)
    answers = []
    while not answers or answers[-1][1].status == 200:
        before = time.time()
        answers.append((before, get(gateway, "/api/x", [bearer(token)]), time.time()))
        assert before < end + 5, "it never dies"
    *good, (_, refused, refused_at) = answers
    # A second of wall-clock time is told by the loop, once a batch: what lies between is either.
    assert all(before < end for before, _, _ in good) and refused_at >= end
    assert len(good) >= 10
    line = gateway.access_of(refused.request_id)
    assert (refused.status, line["reason"], line["blame"]) == (401, "token_expired", "client")
    hits = gateway.wait_access(len(good) - workers, cache="hit")
    assert all(hit["status"] == 200 for hit in hits)
    seen = len(app.requests)
    assert seen == len(good)
    for _ in range(8):
        assert get(gateway, "/api/x", [bearer(token)]).status == 401
    assert len(app.requests) == seen


def test_T_16_a_cached_token_dies_with_its_key_on_reload(start, upstream, tmp_path, keys, workers):
    app = upstream()
    old, new = keys["ES256"], Key("ES256", "new-1")
    write_keys(tmp_path, old)
    gateway = start(cached_config(app, tmp_path, workers))
    token = mint(old)
    with Client(gateway) as client:
        request = f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
        for _ in range(3):
            assert client.send(request).response().status == 200
        gateway.wait_access(2, cache="hit")
        write_keys(tmp_path, new)
        gateway.reload()
        # Every loop is told on its own: the very next requests of all of them are asked, not the first alone.
        wait_until(lambda: client.send(request).response().status == 401, "the cached token to die")
        seen = len(app.requests)
        assert client.send(request).response().status == 401
        for _ in range(8):
            assert get(gateway, "/api/x", [bearer(token)]).status == 401
        assert len(app.requests) == seen
        assert get(gateway, "/api/x", [bearer(mint(new))]).status == 200
    assert {line["reason"] for line in gateway.wait_access(10, status=401)} == {"key_unknown"}


def test_T_16_a_key_that_was_replaced_under_its_name_kills_its_tokens(start, upstream, tmp_path):
    app = upstream()
    old, new = Key("ES256", "same"), Key("ES256", "same")
    write_keys(tmp_path, old)
    gateway = start(cached_config(app, tmp_path, 1))
    token = mint(old)
    for _ in range(2):
        assert get(gateway, "/api/x", [bearer(token)]).status == 200
    write_keys(tmp_path, new)
    gateway.reload()
    wait_until(lambda: get(gateway, "/api/x", [bearer(token)]).status == 401, "the cached token to die")
    gateway.wait_access(status=401, reason="signature_invalid")
    assert get(gateway, "/api/x", [bearer(mint(new))]).status == 200


def test_T_16_the_whole_token_is_the_key_of_the_cache(scene):
    token = mint(scene.keys["RS256"])
    for _ in range(3):
        scene.judge.allowed([bearer(token)])
    scene.gateway.wait_access(2, cache="hit")
    head, payload, signature = token.split(".")
    other = "A" if signature[0] != "A" else "B"
    for changed in (f"{head}.{payload}.{signature[:-2]}", f"{head}.{payload}.",
                    f"{head}.{payload}.{other}{signature[1:]}",
                    f"{head}.{payload}.{signature[:200]}_{signature[201:]}" if signature[200] != "_" else "x.y.z"):
        answer = get(scene.gateway, "/api/x", [bearer(changed)])
        assert answer.status == 401
        assert scene.gateway.access_of(answer.request_id)["cache"] == "miss"
    scene.judge.settled()


def test_T_16_a_provider_does_not_see_the_tokens_of_another(scene):
    token = mint(scene.keys["ES256"], aud="somewhere else")
    for _ in range(2):
        scene.judge.allowed([bearer(token)], "/anyone/x")
    scene.judge.bad_token(token, "audience_mismatch", "/api/x")


# T-18: what a client learns.


def masked(answer):
    """The bytes of an answer, without its request id and its date."""
    text = answer.head + b"\r\n\r\n" + answer.body
    text = text.replace(answer.request_id.encode(), b"REQUEST-ID")
    return re.sub(rb"\r\nDate: [^\r]+", b"", text)


def test_T_18_all_bad_tokens_are_answered_alike(scene):
    good = scene.keys["ES256"]
    tokens = [
        "x", "a.b.c", "." * 4, "A" * 9000, mint(good, exp=1), mint(good, aud="other"), mint(good, iss="x"),
        mint(good, nbf=9999999999), mint(good, iat=9999999999), mint(good, exp=None), mint(good, aud=None),
        mint(good, headers={"kid": "nobody"}), mint(good, headers={"kid": "RS256-1"}), mint(scene.weak),
        mint(good, headers={"typ": "logout+jwt"}), scene.hand_made("ES256", crit=["x"]),
        scene.hand_made("ES256", alg="none"), scene.hand_made("ES256", sign=lambda data: bytes(64)),
        scene.hand_made("ES256", payload=b"[]"), scene.hand_made("ES256", header=b"[]"),
        scene.hand_made("ES256", payload={**claims(), "sub": 7}),
    ]
    answers = [get(scene.gateway, "/api/x", [bearer(token)]) for token in tokens]
    reasons = {scene.gateway.access_of(answer.request_id)["reason"] for answer in answers}
    assert len(reasons) >= 16, reasons
    assert {answer.status for answer in answers} == {401}
    assert len({masked(answer) for answer in answers}) == 1, {masked(answer) for answer in answers}
    assert not any(reason.encode() in masked(answers[0]) for reason in reasons)
    scene.judge.settled()


def test_L_2_no_token_stands_in_a_log(scene):
    marker = "canary" + os.urandom(8).hex()
    token = mint(scene.keys["ES256"], secret_claim=marker)
    scene.judge.allowed([bearer(token)])
    scene.judge.bad_token(token + "=", "token_malformed")
    scene.judge.refused(401, "credential_missing", target=f"/api/x?access_token={token}", challenge="Bearer")
    logs = scene.gateway.access_text + scene.gateway.program_text
    for piece in (marker, token, *token.split(".")[1:], "access_token"):
        assert piece not in logs
