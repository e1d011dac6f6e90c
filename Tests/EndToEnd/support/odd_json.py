"""JSON texts that are almost right: values for the members of headers and claims, and dress for whole objects."""
import json

from .tokens import AUDIENCE, ISSUER

NOT_JSON = ["", "x", "{}x", "{}{}", "[]", "[{}]", '"text"', "7", "null", "true", "{'a': 1}", '{"a": 1,}', '{"a" 1}',
            '{"a": 1 /* */}', "{", "}", '{"a": "\n"}', '{"a": "\\x41"}', "\ufeff{}", "\0{}", "{}\0", "\x0c{}"]
NO_TEXT = ["null", "true", "0", "1.5", "[]", "{}", "[null]"]


def object_text(members):
    """A JSON object of (name, JSON text) pairs, in their order. A name in quotes is a JSON text already."""
    named = [(name if name.startswith('"') else json.dumps(name), text) for name, text in members]
    return "{" + ",".join(f"{name}:{text}" for name, text in named) + "}"


def changed(members, name, text):
    """The pairs, with one changed, added, or left out (None)."""
    if text is None:
        return [pair for pair in members if pair[0] != name]
    if all(pair[0] != name for pair in members):
        return members + [(name, text)]
    return [(name, text) if pair[0] == name else pair for pair in members]


def nested(depth, kind="["):
    return "[" * depth + "]" * depth if kind == "[" else '{"a":' * depth + "1" + "}" * depth


def escaped(text):
    """A JSON text of the same string, all escapes."""
    return '"' + "".join(f"\\u{ord(c):04x}" for c in text) + '"'


def texts(values):
    return [json.dumps(value) for value in values]


def header_values(own, kid, others):
    """(name, JSON texts; None: left out) of a header whose `alg` and `kid` are these; `others`: further keys."""
    names = ["none", "None", "NONE", "nOnE", "", own.lower(), own + " ", " " + own, own + "\0", own[:-1], own * 2,
             "".join(chr(ord(c) + 0xFEE0) for c in own), own.swapcase(), "RS1", "RS256", "RS384", "RS512", "PS256",
             "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448", "HS1", "HS256",
             "HS384", "HS512", "RSA-OAEP", "dir", "A128KW", "HMAC"]
    yield "alg", texts(names) + [None, *NO_TEXT, escaped(own), f'["{own}"]', f'{{"alg":"{own}"}}']
    kids = ["", kid.upper(), kid + " ", " " + kid, kid + "\0", kid[:-1], kid + kid, "../../dev/null", "/dev/null",
            "x' UNION SELECT 'a", "k" * 256, "k" * 257, "k" * 400, kid.replace("e", "\u0435"), "\u202e" + kid, "*",
            *(other.kid for other in others)]
    yield "kid", texts(kids) + [None, *NO_TEXT, escaped(kid), f'["{kid}"]', "7"]
    types = ["jwt", "JWT", "Jwt", "at+jwt", "AT+JWT", "application/jwt", "application/at+jwt", "JWS", "JOSE",
             "JOSE+JSON", "logout+jwt", "secevent+jwt", "dpop+jwt", "id_token", "jwt ", "", "application/",
             "application/jwt; charset=utf-8", "application/application/jwt", "\uff2aWT", "JWT\0"]
    yield "typ", texts(types) + [None, *NO_TEXT, escaped("JWT"), '["JWT"]']
    yield "crit", ["[]", '["exp"]', '["alg"]', '["b64"]', '["x"]', '["kid","kid"]', '"exp"', "[1]", *NO_TEXT]
    yield "b64", ["true", "false", '"false"', "null", "0", "[]"]
    yield "cty", ['"JWT"', '"application/json"', '"at+jwt"', '""', "null", "7"]
    yield "zip", ['"DEF"', '"GZIP"', "null", "7"]
    yield "jwk", [json.dumps(others[-1].jwk), "{}", "null", '"x"', "[]"]
    yield "jku", ['"https://evil.example/jwks"', '"http://127.0.0.1:1/"', '"file:///etc/passwd"', "null", "7"]
    yield "x5u", ['"https://evil.example/cert"', '"/etc/passwd"', "7"]
    yield "x5c", ['["MIIB"]', '"MIIB"', "null", "[7]"]
    yield "x5t", ['"AAAA"', "7"]
    yield "x5t#S256", ['"AAAA"', "null"]
    yield "x", ["1", "null", '"y"', nested(14), nested(15), nested(16), nested(40), nested(15, "{"),
                nested(16, "{"), "1e400", "NaN", "-Infinity", "01", '"\\ud800"', '"\\ud83d\\ude00"', f'"{"y" * 300}"']
    for name in ("enc", "p2c", "nonce", "url", "exp", "iss", "aud", "epk", "ALG", "Kid", "alg\0", " alg"):
        yield name, ["1", '"x"', '"none"']


ODD = ["null", "true", "false", '""', '"x"', "0", "1", "-1", "1.5", "-0.0", "1e3", "[]", "[null]", "{}", '{"a":1}',
       "[[]]", '["x"]', '"\\u0000"', "1e300", "-1e300"]
TIMES = ["2147483647", "2147483648", "9007199254740993", "9223372036854775807", "9223372036854775808",
         "18446744073709551615", "18446744073709551616", "-9223372036854775809", "1" + "0" * 30, "-1" + "0" * 30,
         "1e400", "-1e400", "NaN", "Infinity", "-Infinity", '"9999999999"', '"0"', "[9999999999]", "9.999999999e9",
         "9999999999.9", "1E10", '{"now":1}', "0x7fffffff", "-2", "1.0", "100000", '"9999999999.5"', '" 9999999999"',
         '"9_999_999_999"', f'"{chr(0x669) * 10}"', "4294967296", "-4294967296", "253402300800"]
ISSUERS = [ISSUER + "/", ISSUER.upper(), ISSUER.replace("https", "http"), ISSUER[:-1], ISSUER + "x", ISSUER + " ",
           " " + ISSUER, ISSUER + "\0", ISSUER + "\n", ISSUER.replace("i", "\u0456", 1), ISSUER + "\u0301",
           ISSUER.replace("e", "\uff45"), ISSUER + "#", ISSUER + "?", ISSUER.replace("://", "://x@"), "https:",
           ISSUER + "\u200b", ISSUER.replace("ss", "\u00df"), "https://ISSUER.example", [ISSUER]]
AUDIENCES = [
    "API", "Api", "apis", "ap", "a", AUDIENCE + " ", " " + AUDIENCE, AUDIENCE + "\0", "api other", "other api",
    "api,other", "\u0430pi", "ap\u0131", "\uff41pi", "api\u200b", "a\u0301pi", "*", "any", "https://api",
    [AUDIENCE], [AUDIENCE, "other"], ["other", AUDIENCE], ["other"], [""], ["", AUDIENCE], [[AUDIENCE]],
    [AUDIENCE, 1], [1, AUDIENCE], [AUDIENCE, None], [AUDIENCE, [AUDIENCE]], {AUDIENCE: True}, {"aud": AUDIENCE},
    ["other"] * 60 + [AUDIENCE], [AUDIENCE, AUDIENCE], [AUDIENCE, {}], [True, AUDIENCE], ["a", "p", "i"]]
SUBJECTS = ["al\u00edce", "alice\r\nX-Admin: 1", "alice\0", "\u202eecila", "a" * 3000, " ", "alice,bob", "%61lice",
            "\x7f", "\x80", "\u2028", "\ud83d\ude00", "<script>", "a\tb", "null", 7, -7, 1.0, 2**63 - 1]


def claim_values():
    """(name, JSON texts; None: left out)"""
    for name in ("iss", "sub", "aud", "exp", "nbf", "iat", "jti"):
        yield name, [None, *ODD]
    for name in ("exp", "nbf", "iat"):
        yield name, TIMES
    yield "iss", texts(ISSUERS) + [escaped(ISSUER)]
    yield "aud", texts(AUDIENCES) + [escaped(AUDIENCE), f"[{escaped(AUDIENCE)}]"]
    yield "sub", texts(SUBJECTS) + ['"al\u00edce"', escaped("alice")]
    yield "scope", ["7", '"a b"', '["a"]', "null", '"  "', "{}"]
    yield "roles", ['"admin"', '{"admin":1}', "[1]", "null", '"\\u0000"']
    yield "email", ["null", "7", '"a@b@c"', '"a\\u0000"', '"\u00e9@x"']
    yield "y", ["1", "null", "1e308"]


def dressed(good):
    """(name, text or bytes): an object's text as others write it, or with something beside what is good."""
    for text in NOT_JSON:
        yield repr(text), text
    for text in (good + " ", " " + good, good.replace(",", " ,\n\t"), good.replace(":", "\r\n:\r\n"), good + "\n"):
        yield "white space", text
    yield from [
        ("byte order mark", "\ufeff" + good), ("rest", good + "x"), ("twice", good + good), ("NUL", good + "\0"),
        ("comma", good[:-1] + ",}"), ("first comma", "{," + good[1:]), ("cut", good[:-1]), ("array", f"[{good}]"),
        ("comment", good[:-1] + "/**/}"), ("form feed", good + "\x0c"), ("no-break space", good + "\u00a0"),
        ("single quotes", good.replace('"', "'")), ("UTF-16", good.encode("utf-16")),
        ("UTF-16 BE", good.encode("utf-16-be")), ("UTF-32 LE", good.encode("utf-32-le")),
        ("cut UTF-8", good.encode() + b"\xe2\x82")]
    for name, member in [
            ("empty name", '"":1'), ("name twice", '"y":1,"y":1'), ("name twice, inside", '"y":{"z":1,"z":2}'),
            ("DEL", '"y":"\x7f"'), ("unescaped tab", '"y":"\t"'), ("lone surrogate", '"y":"\\udc00"'),
            ("lone surrogate in a name", '"\\udc00":1'), ("NUL in a name", '"iss\\u0000":1'),
            ("composed and decomposed", '"\u00e9":1,"e\u0301":2'), ("hex", '"y":0x10'), ("plus", '"y":+1'),
            ("leading zero", '"y":01'), ("dot", '"y":1.'), ("no digit", '"y":.5'), ("exponent", '"y":1e'),
            ("minus", '"y":-'), ("True", '"y":True'), ("NaN", '"y":NaN'), ("1e400", '"y":1e400'),
            ("2^64", f'"y":{2**64}'), ("400 digits", f'"y":{"9" * 400}'), ("underscores", '"y":1_000'),
            ("Latin-1", b'"y":"\xe9"'), ("overlong", b'"y":"\xc0\xaf"'), ("surrogate", b'"y":"\xed\xa0\x80"'),
            ("beyond Unicode", b'"y":"\xf5\x80\x80\x80"')]:
        member = member if isinstance(member, bytes) else member.encode()
        yield name, good[:-1].encode() + b"," + member + b"}"
    for depth in (14, 15, 16, 17, 100, 1200):
        for kind in "[{":
            if depth < 1000 or kind == "[":
                yield f"nested {depth} {kind}", f'{good[:-1]},"y":{nested(depth, kind)}}}'
