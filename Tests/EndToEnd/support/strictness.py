"""What is wrong with a JSON text by the strict reading (RFC 8259, RFC 7493), where Python's reader finds nothing."""
import base64
import json
import math

DEPTH_MAX = 16


def decoded(part):
    """A part of a token, read as leniently as anyone could."""
    text = part.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def faults(data):
    """What a strict reader minds."""
    found = set()
    if data.startswith(b"\xef\xbb\xbf") or json.detect_encoding(data) != "utf-8":
        found.add("encoding")
    try:
        data.decode()
    except UnicodeDecodeError:
        found.add("encoding")

    def members(pairs):
        if len({name for name, _ in pairs}) < len(pairs):
            found.add("name twice")
        return dict(pairs)

    def constant(_):
        found.add("no number")
        return 0

    def whole(text):
        if not -2**63 <= int(text) < 2**64:
            found.add("number out of range")
        return int(text)

    def real(text):
        if math.isinf(float(text)):
            found.add("number out of range")
        return float(text)

    try:
        value = json.loads(data, object_pairs_hook=members, parse_constant=constant, parse_int=whole, parse_float=real)
    except (ValueError, RecursionError):
        return found | {"no JSON"}
    look(value, 0, found)
    return found


def look(value, depth, found):
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        found.add("lone surrogate")
    if isinstance(value, (dict, list)):
        if depth >= DEPTH_MAX:
            found.add("depth")
            return
        for element in value if isinstance(value, list) else [each for pair in value.items() for each in pair]:
            look(element, depth + 1, found)


def member(data, name):
    """The member's value as Python reads it, of the last of that name; KeyError where there is none."""
    value = json.loads(data)
    return value[name]
