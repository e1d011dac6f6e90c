"""SECURITY H: where a message ends. Every example of a rule is a row; what the upstream saw is part of each answer."""
import signal
import threading
import time

import pytest

from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, bearer, mint
from support.upstream import read_head, read_more, read_to_end
from support.verdicts import assert_body_refused, assert_refused
from support.wire import Client, get

OKS = b"HTTP/1.1 200 OK\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
PIECES = pytest.mark.parametrize("piece", [None, 1], ids=["whole", "bytewise"])


def config(app, workers=1, issuer=None):
    provider = f"""
    providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{issuer.url}" }}""" if issuer else ""
    protected = "- { path: /api/**, auth: company, upstream: app }" if issuer else ""
    return f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    workers: {workers}{provider}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      {protected}
      - {{ path: /**, auth: none, upstream: app }}
    """


@pytest.fixture(scope="module")
def app(upstream_once):
    return upstream_once()


@pytest.fixture(scope="module")
def gateway(start_once, app):
    return start_once(config(app))


def request(*lines, start=b"POST / HTTP/1.1", host=b"Host: a", body=b""):
    """A request of these field lines, each without its CRLF."""
    return b"\r\n".join([start, *([host] if host else []), *lines, b"", b""]) + body


def chunked(body, method=b"POST"):
    return request(b"Transfer-Encoding: chunked", start=method + b" / HTTP/1.1", body=body)


def rows(*table):
    """Parameters of (id, data, status, reason), each whole and byte by byte."""
    return lambda test: PIECES(pytest.mark.parametrize(
        "data, status, reason", [pytest.param(*row[1:], id=row[0]) for row in table])(test))


def passes(gateway, app, data, piece=None, answers=1):
    """The requests that the upstream saw, after as many answers of 200."""
    app.forget()
    with Client(gateway) as client:
        client.send(data, piece)
        for _ in range(answers):
            answer = client.response()
            assert answer.status == 200, answer
    seen = app.requests
    assert len(seen) == answers, seen
    return seen


# Heads.


@rows(
    ("length-first", request(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
     400, "framing_conflict"),
    ("coding-first", request(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
     400, "framing_conflict"),
    ("length-zero", request(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
     400, "framing_conflict"),
    ("any-case", request(b"content-length: 5", b"TRANSFER-ENCODING: Chunked", body=b"0\r\n\r\n"),
     400, "framing_conflict"),
    ("apart", request(b"Content-Length: 5", b"X: y", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
     400, "framing_conflict"),
)
def test_H_1_length_beside_coding(gateway, app, data, status, reason, piece):
    assert_refused(gateway, app, data, status, reason, piece)


def coding(value, name=b"Transfer-Encoding", start=b"POST / HTTP/1.1"):
    return request(name + b":" + value, start=start, body=b"0\r\n\r\n")


@rows(
    ("two-lines", request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
     400, "transfer_encoding_invalid"),
    ("two-lines-identity", request(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
     400, "transfer_encoding_invalid"),
    ("xchunked", coding(b" xchunked"), 400, "transfer_encoding_invalid"),
    ("chunkedx", coding(b" chunkedx"), 400, "transfer_encoding_invalid"),
    ("VT-before", coding(b" \x0bchunked"), 400, "field_value_invalid"),
    ("FF-behind", coding(b" chunked\x0c"), 400, "field_value_invalid"),
    ("gzip-chunked", coding(b" gzip, chunked"), 501, "transfer_coding_unsupported"),
    ("chunked-gzip", coding(b" chunked, gzip"), 400, "transfer_encoding_invalid"),
    ("chunked-twice", coding(b" chunked, chunked"), 400, "transfer_encoding_invalid"),
    ("comma", coding(b" chunked,"), 400, "transfer_encoding_invalid"),
    ("comma-before", coding(b" ,chunked"), 400, "transfer_encoding_invalid"),
    ("parameter", coding(b" chunked;q=1"), 400, "transfer_encoding_invalid"),
    ("quoted", coding(b' "chunked"'), 400, "transfer_encoding_invalid"),
    ("identity", coding(b" identity"), 400, "transfer_encoding_invalid"),
    ("gzip-alone", coding(b" gzip"), 400, "transfer_encoding_invalid"),
    ("empty", coding(b""), 400, "transfer_encoding_invalid"),
    ("obs-text", coding(b" chunked\xa0"), 400, "transfer_encoding_invalid"),
    ("space-before-colon", coding(b" chunked", b"Transfer-Encoding "), 400, "field_line_invalid"),
    ("in-1.0", coding(b" chunked", start=b"POST / HTTP/1.0"), 400, "transfer_encoding_invalid"),
)
def test_H_2_transfer_encoding(gateway, app, data, status, reason, piece):
    assert_refused(gateway, app, data, status, reason, piece)


@pytest.mark.parametrize("value", [b" chunked", b"chunked", b" CHUNKED", b"\tChunked \t"])
def test_H_2_chunked_in_any_case(gateway, app, value):
    seen = passes(gateway, app, coding(value))
    assert (seen[0].field("transfer-encoding"), seen[0].body) == ("chunked", b"")


def length(value, body=b"hello"):
    return request(b"Content-Length:" + value, body=body)


BAD_LENGTHS = dict(
    empty=b"", blank=b" ", plus=b" +5", minus=b" -5", list=b" 5,5", list_space=b" 5, 5", zero_first=b" 05",
    zeros=b" 00", two_63=b" 9223372036854775808", two_64=b" 18446744073709551621", hex=b" 0x5", space=b" 5 5",
    letter=b" 5a", point=b" 5.0", exponent=b" 5e0", underscore=b" 5_0", quoted=b' "5"', semicolon=b" 5;",
    arabic=" ٥".encode(), digits=b" " + b"1" * 2000)


@rows(*((name, length(value), 400, "content_length_invalid") for name, value in BAD_LENGTHS.items()),
      ("two-equal", request(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"), 400, "content_length_invalid"),
      ("two-unequal", request(b"Content-Length: 5", b"content-length: 6", body=b"hello"),
       400, "content_length_invalid"),
      ("VT-before", length(b" \x0b5"), 400, "field_value_invalid"),
      ("NUL-behind", length(b" 5\0"), 400, "field_value_invalid"))
def test_H_3_content_length(gateway, app, data, status, reason, piece):
    assert_refused(gateway, app, data, status, reason, piece)


def test_H_3_a_million_digits(gateway, app):
    assert_refused(gateway, app, length(b" " + b"1" * 1_000_000), 431, "head_too_large")


@pytest.mark.parametrize("value, body", [(b" 5", b"hello"), (b"5", b"hello"), (b"\t5\t ", b"hello"), (b" 0", b"")])
def test_H_3_good_lengths(gateway, app, value, body):
    seen = passes(gateway, app, length(value, body) + NEXT, answers=2)
    assert (seen[0].field("content-length"), seen[0].body) == (str(len(body)), body)
    assert seen[1].target == "/next"


@rows(
    ("LF-request-line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "line_end_invalid"),
    ("LF-field", b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, "line_end_invalid"),
    ("LF-empty-value", b"GET / HTTP/1.1\r\nHost: a\r\nX:\nY: z\r\n\r\n", 400, "line_end_invalid"),
    ("LF-end", b"GET / HTTP/1.1\r\nHost: a\r\n\nrest", 400, "line_end_invalid"),
    ("LF-all", b"GET / HTTP/1.1\nHost: a\n\n", 400, "line_end_invalid"),
    ("LF-before", b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "line_end_invalid"),
    ("LF-in-name", b"GET / HTTP/1.1\r\nHost: a\r\nX\ny: z\r\n\r\n", 400, "line_end_invalid"),
    ("CR-request-line", b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("CR-in-target", b"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("LF-in-target", b"GET /\n HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("CR-field", b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", 400, "line_end_invalid"),
    ("CR-in-name", b"GET / HTTP/1.1\r\nHost: a\r\nX\r: y\r\n\r\n", 400, "field_line_invalid"),
    ("CR-CR-LF", b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400, "line_end_invalid"),
    ("CR-end", b"GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n", 400, "line_end_invalid"),
    ("CR-before", b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "line_end_invalid"),
)
def test_H_4_line_ends_of_heads(gateway, app, data, status, reason, piece):
    assert_refused(gateway, app, data, status, reason, piece)


@rows(
    ("LF-size", chunked(b"5\nhello\r\n0\r\n\r\n"), 400, "chunk_invalid"),
    ("CR-size", chunked(b"5\rhello\r\n0\r\n\r\n"), 400, "chunk_invalid"),
    ("LF-data", chunked(b"5\r\nhello\n0\r\n\r\n"), 400, "chunk_invalid"),
    ("CR-data", chunked(b"5\r\nhello\r0\r\n\r\n"), 400, "chunk_invalid"),
    ("LF-last", chunked(b"0\n\r\n"), 400, "chunk_invalid"),
    ("LF-end", chunked(b"0\r\n\n"), 400, "trailer_invalid"),
    ("CR-end", chunked(b"0\r\n\rX"), 400, "trailer_invalid"),
    ("LF-trailer", chunked(b"0\r\nX: y\n\r\n"), 400, "trailer_invalid"),
    ("CR-trailer", chunked(b"0\r\nX: y\rZ: y\r\n\r\n"), 400, "trailer_invalid"),
)
def test_H_4_line_ends_of_bodies(gateway, app, data, status, reason, piece):
    assert_body_refused(gateway, app, data, status, reason, piece)


def field(line):
    return request(line, start=b"GET / HTTP/1.1")


@rows(
    ("no-name", field(b":x"), 400, "field_line_invalid"),
    ("space-before-colon", request(start=b"GET / HTTP/1.1", host=b"Host : a"), 400, "field_line_invalid"),
    ("tab-before-colon", field(b"X\t: a"), 400, "field_line_invalid"),
    ("fold", field(b"X: a\r\n b"), 400, "field_line_invalid"),
    ("fold-tab", field(b"X: a\r\n\tb"), 400, "field_line_invalid"),
    ("fold-empty", field(b"X:\r\n b"), 400, "field_line_invalid"),
    ("space-before-first", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "field_line_invalid"),
    ("no-colon", field(b"X"), 400, "field_line_invalid"),
    ("space-in-name", field(b"X Y: a"), 400, "field_line_invalid"),
    ("slash", field(b"X/Y: a"), 400, "field_line_invalid"),
    ("bracket", field(b"X[]: a"), 400, "field_line_invalid"),
    ("quote", field(b'"X": a'), 400, "field_line_invalid"),
    ("NUL", field(b"X\0: a"), 400, "field_line_invalid"),
    ("DEL", field(b"X\x7f: a"), 400, "field_line_invalid"),
    ("obs-text", field(b"X\xe9: a"), 400, "field_line_invalid"),
)
def test_H_5_field_names(gateway, app, data, status, reason, piece):
    assert_refused(gateway, app, data, status, reason, piece)


@pytest.mark.parametrize("name", ["!#$%&'*+-.^_`|~09AZaz", "X" * 200])
def test_H_5_every_tchar_is_a_name(gateway, app, name):
    assert passes(gateway, app, field(name.encode() + b": a"))[0].field(name) == "a"


@pytest.mark.parametrize("byte", [b for b in [*range(0x20), 0x7F] if b not in (0x09, 0x0A, 0x0D)])
def test_H_6_no_control_character_in_a_value(gateway, app, byte):
    assert_refused(gateway, app, field(b"X: a" + bytes([byte]) + b"b"), 400, "field_value_invalid")


@rows(
    ("Host", request(host=b"Host: \xc3\xa9"), 400, "field_value_invalid"),
    ("Authorization", field(b"Authorization: Bearer \xe9"), 400, "field_value_invalid"),
    ("Connection", field(b"Connection: \xe9"), 400, "field_value_invalid"),
    ("Expect", field(b"Expect: \xe9"), 417, "expectation_unsupported"),
    ("DPoP", field(b"DPoP: a.b.\xe9"), 400, "field_value_invalid"),
    ("Origin", field(b"Origin: https://\xc3\xa9"), 400, "field_value_invalid"),
    ("Upgrade", field(b"Upgrade: websocket\xa0"), 400, "field_value_invalid"),
    ("Content-Length", request(b"Content-Length: \xb2"), 400, "content_length_invalid"),
    ("Transfer-Encoding", request(b"Transfer-Encoding: chunked\xa0"), 400, "transfer_encoding_invalid"),
)
def test_H_6_no_obs_text_in_fields_that_are_read(gateway, app, data, status, reason, piece):
    assert_refused(gateway, app, data, status, reason, piece)


def test_H_6_obs_text_and_tabs_pass_elsewhere(gateway, app):
    seen = passes(gateway, app, field(b"X: a\tb \xe9\xff"))
    assert seen[0].field("x") == "a\tb \xe9\xff"


def test_H_6_pages_own_cookies_hold_what_they_like(gateway, app):
    """Of Cookie the gateway reads its own alone, whose values are tokens."""
    seen = passes(gateway, app, field(b"Cookie: name=Jos\xc3\xa9; a=b"))
    assert seen[0].field("cookie").encode("latin-1") == b"name=Jos\xc3\xa9; a=b"


@pytest.mark.parametrize("line", [
    b"X-Forwarded-For: 10.0.0.1\xa0", b"X-Forwarded-For: \xe9", b"X-Forwarded-Proto: https\xa0",
    b"X-Forwarded-Host: \xc3\xa9", b"Forwarded: for=\xe9", b'Forwarded: for="10.0.0.1\xa0"',
    b'Forwarded: host="\xc3\xa9"'])
def test_H_6_no_obs_text_in_what_a_trusted_proxy_says(start, upstream, line):
    app = upstream()
    gateway = start(config(app).replace("workers:", "trusted_proxies: [127.0.0.0/8]\n    workers:"))
    assert_refused(gateway, app, field(line), 400, None)


@rows(
    ("two-spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("two-spaces-behind", b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("space-at-end", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("space-before", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("TAB", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("TAB-behind", b"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_invalid"),
    ("VT", b"GET\x0b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("no-version", b"GET /\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("no-version-space", b"GET / \r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("no-target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("two-empty-lines", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("lower-case", b"GET / http/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("no-minor", b"GET / HTTP/1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("long-minor", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("long-major", b"GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("plus", b"GET / HTTP/+1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("other-protocol", b"GET / ICAP/1.0\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("method-no-token", b"GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ("method-quoted", b'"GET" / HTTP/1.1\r\nHost: a\r\n\r\n', 400, "request_line_invalid"),
    ("2.0", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "version_unsupported"),
    ("1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "version_unsupported"),
    ("0.9", b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505, "version_unsupported"),
    ("fragment", b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_invalid"),
    ("NUL", b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_invalid"),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 80 + b"\r\n", 400, "request_line_invalid"),
    ("h2-preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "target_invalid"),
)
def test_H_7_request_line(gateway, app, data, status, reason, piece):
    assert_refused(gateway, app, data, status, reason, piece)


@PIECES
def test_H_7_one_empty_line_before_a_request(gateway, app, piece):
    data = b"\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"
    assert [r.target for r in passes(gateway, app, data, piece, answers=2)] == ["/a", "/b"]


BAD_HOSTS = dict(
    empty=b"", list=b"a,b", user=b"u@a", path=b"a/b", port=b"a:99999", port_empty=b"a:", port_name=b"a:http",
    port_sign=b"a:+80", ports=b"a:80:80", port_alone=b":80", space=b"a b", escape=b"a%2eb", query=b"a?b",
    fragment=b"a#b", backslash=b"a\\b", bracket=b"[::1", bracket_empty=b"[]", bracket_rest=b"[::1]a", bare6=b"::1",
    zone=b"[fe80::1%25eth0]", quote=b'"a"', star=b"*", long=b"a" * 300, semicolon=b"a;b",
    name=b"a." * 127 + b"aa", name_port=b"a" * 256 + b":443", dot=b".", dots=b"a..", dots_port=b"a..:80", dot_first=b".a", dot_twice=b"a..b")


@rows(*((name, request(host=b"Host: " + value), 400, "host_invalid") for name, value in BAD_HOSTS.items()),
      ("none", request(host=None), 400, "host_invalid"),
      ("none-1.0", request(host=None, start=b"GET / HTTP/1.0"), 400, "host_invalid"),
      ("two", request(b"Host: a"), 400, "host_invalid"),
      ("two-unequal", request(b"host: b"), 400, "host_invalid"),
      ("none-absolute", request(host=None, start=b"GET http://a/ HTTP/1.1"), 400, "host_invalid"))
def test_H_8_host(gateway, app, data, status, reason, piece):
    assert_refused(gateway, app, data, status, reason, piece)


@pytest.mark.parametrize("host", [
    "a", "a:80", "A.example.", "a.:80", "[0:0::1]", "xn--e1afmkfd.example", "a_b", "127.0.0.1:65535", "[::1]:8080",
    "a." * 127 + "a:65535"])
def test_H_8_good_hosts(gateway, app, host):
    assert passes(gateway, app, request(host=b"Host: " + host.encode()))[0].field("host") == host


def absolute(target, host=b"a"):
    return request(start=b"GET " + target + b" HTTP/1.1", host=b"Host: " + host)


@rows(
    ("other-host", absolute(b"http://a/", b"b"), 400, "authority_mismatch"),
    ("other-port", absolute(b"http://a:81/", b"a"), 400, "authority_mismatch"),
    ("other-scheme", absolute(b"https://a/", b"a"), 400, "authority_mismatch"),
    ("dot", absolute(b"http://ab/", b"a"), 400, "authority_mismatch"),
    ("user", absolute(b"http://a@a/", b"a"), 400, "host_invalid"),
    ("no-host", absolute(b"http:///x", b"a"), 400, "host_invalid"),
    ("ftp", absolute(b"ftp://a/", b"a"), 400, "target_invalid"),
    ("no-slashes", absolute(b"http:a/", b"a"), 400, "target_invalid"),
    ("authority-form", absolute(b"a:80", b"a"), 400, "target_invalid"),
    ("relative", absolute(b"a/b", b"a"), 400, "target_invalid"),
)
def test_H_9_absolute_form(gateway, app, data, status, reason, piece):
    assert_refused(gateway, app, data, status, reason, piece)


@pytest.mark.parametrize("target, host, path", [
    ("http://a/x?y=z", "a", "/x?y=z"), ("HTTP://A/x", "a", "/x"), ("http://a:80/x", "a", "/x"), ("http://a", "a", "/"),
    ("http://a?x=http://b/", "a", "/?x=http://b/"), ("http://a.:80/x", "a", "/x")])
def test_H_9_absolute_form_becomes_origin_form(gateway, app, target, host, path):
    seen = passes(gateway, app, absolute(target.encode(), host.encode()))
    assert (seen[0].target, seen[0].field("host")) == (path, host)


@rows(
    ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405, "method_refused"),
    ("CONNECT-path", b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_refused"),
    ("TRACE", b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_refused"),
    ("GET-star", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_invalid"),
    ("OPTIONS-stars", b"OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_invalid"),
    ("OPTIONS-star-path", b"OPTIONS */x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_invalid"),
)
def test_H_10_methods(gateway, app, data, status, reason, piece):
    answer = assert_refused(gateway, app, data, status, reason, piece)
    assert (answer.field("allow") is not None) == (status == 405)


def test_H_10_options_star(gateway, app):
    assert passes(gateway, app, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")[0].start_line == "OPTIONS * HTTP/1.1"


# Chunks.

BAD_CHUNKS = dict(
    prefix=b"0x5\r\nhello\r\n", minus=b"-1\r\nhello\r\n", plus=b"+5\r\nhello\r\n", space=b"5 \r\nhello\r\n",
    space_before=b" 5\r\nhello\r\n", tab=b"5\t\r\nhello\r\n", digits_17=b"0" * 16 + b"5\r\nhello\r\n",
    two_63=b"8000000000000000\r\nhello\r\n", all_ones=b"FFFFFFFFFFFFFFFF\r\nhello\r\n", end=b"5\r\nhelloXX0\r\n\r\n",
    short=b"6\r\nhello\r\n0\r\n\r\n", long=b"4\r\nhello\r\n0\r\n\r\n", empty=b"\r\nhello\r\n", letter=b"g\r\nhello\r\n",
    underscore=b"1_0\r\nhello\r\n", point=b"5.\r\nhello\r\n", obs_text=b"5\xa0\r\nhello\r\n", nul=b"5\0\r\nhello\r\n")


@rows(*((name, chunked(body + b"0\r\n\r\n"), 400, "chunk_invalid") for name, body in BAD_CHUNKS.items()))
def test_H_11_chunks(gateway, app, data, status, reason, piece):
    assert_body_refused(gateway, app, data, status, reason, piece)


@PIECES
def test_H_11_a_bad_second_chunk(gateway, app, piece):
    assert_body_refused(gateway, app, chunked(b"5\r\nhello\r\n5 \r\nworld\r\n0\r\n\r\n"), 400, "chunk_invalid", piece)


@PIECES
@pytest.mark.parametrize("line", [b"5", b"05", b"0000000000000005", b"5;a", b"5;a=b", b'5;a="b;\\" c"', b"5;a=b;c;d=e"])
def test_H_12_good_chunks_and_extensions(gateway, app, line, piece):
    seen = passes(gateway, app, chunked(line + b"\r\nhello\r\n0;z=9\r\n\r\n") + NEXT, piece, answers=2)
    assert seen[0].body == b"hello" and seen[1].target == "/next"
    assert b"a=b" not in app.received and b"z=9" not in app.received


@rows(*((name, chunked(body), 400, "chunk_invalid") for name, body in {
    "semicolon-LF": b"5;\nhello\r\n0\r\n\r\n", "CR-inside": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "LF-inside": b"5;a\nb\r\nhello\r\n0\r\n\r\n", "LF-quoted": b'5;a="\n"\r\nhello\r\n0\r\n\r\n',
    "CRLF-quoted": b'5;a="\r\n"\r\nhello\r\n0\r\n\r\n', "NUL-quoted": b'5;a="\0"\r\nhello\r\n0\r\n\r\n',
    "300-bytes": b"5;" + b"a" * 300 + b"\r\nhello\r\n0\r\n\r\n",
    "300-bytes-together": b"1;aaaaaaaaa\r\nx\r\n" * 30 + b"0\r\n\r\n",
    "300-bytes-without-end": b"5;" + b"a" * 300, "no-name": b"5;\r\nhello\r\n0\r\n\r\n",
    "no-value": b"5;a=\r\nhello\r\n0\r\n\r\n", "no-semicolon": b"5 a\r\nhello\r\n0\r\n\r\n",
    "space": b"5 ;a\r\nhello\r\n0\r\n\r\n", "last-chunk": b"0;\n\r\n"}.items()))
def test_H_12_extensions(gateway, app, data, status, reason, piece):
    assert_body_refused(gateway, app, data, status, reason, piece)


@PIECES
@pytest.mark.parametrize("name", ["X-Auth-User", "X-Forwarded-User", "X-Anything", "Authorization", "Cookie"])
def test_H_13_trailers_are_dropped(gateway, app, name, piece):
    data = request(b"Transfer-Encoding: chunked", b"Trailer: " + name.encode(),
                   body=b"5\r\nhello\r\n0\r\n" + name.encode() + b": root\r\n\r\n")
    seen = passes(gateway, app, data + NEXT, piece, answers=2)
    assert seen[0].body == b"hello" and seen[0].field(name) is None and seen[0].field("trailer") is None
    assert b"root" not in app.received


@rows(*((name, chunked(b"0\r\n" + lines + b"\r\n"), 400, "trailer_invalid") for name, lines in {
    "space-before-colon": b"X : y\r\n", "fold": b"X: y\r\n z\r\n", "no-name": b": y\r\n", "NUL": b"X: \0\r\n",
    "no-colon": b"X\r\n", "length": b"Content-Length: 5\r\n", "coding": b"Transfer-Encoding: chunked\r\n",
    "host": b"Host: b\r\n", "16-KiB": b"X: y\r\n" * 3000, "request": b"GET / HTTP/1.1\r\nHost: a\r\n"}.items()))
def test_H_13_bad_trailers(gateway, app, data, status, reason, piece):
    if len(data) > 4096 and piece:
        piece = 1000
    assert_body_refused(gateway, app, data, status, reason, piece)


@pytest.mark.parametrize("body", [29_000, 31_000])
@pytest.mark.parametrize("trailer", [3600, 12_000])
def test_H_13_long_trailers_behind_a_body_of_a_block(start, upstream, body, trailer):
    """The trailer is there with the body, and longer than what a block has left behind it."""
    app = upstream()
    gateway = start(config(app))
    data = b"x" * body
    with Client(gateway) as client:
        # Its upstream connection is there: all that comes is forwarded in one turn.
        client.send(NEXT)
        assert client.response().status == 200
        with gateway.paused():
            client.send(chunked(b"%x\r\n%b\r\n0\r\nX-Trailer: %b\r\n\r\n" % (body, data, b"root" * (trailer // 4)))
                        + NEXT)
        for _ in range(2):
            answer = client.response()
            assert (answer.status, answer.body) == (200, b"ok")
    assert [(r.method, r.target, r.body) for r in app.requests] == [
        ("GET", "/next", b""), ("POST", "/", data), ("GET", "/next", b"")]
    assert b"root" not in app.received and b"X-Trailer" not in app.received
    lines = gateway.wait_access(3)
    assert [(line["method"], line["status"], line.get("reason")) for line in lines] == [
        ("GET", 200, None), ("POST", 200, None), ("GET", 200, None)]


@pytest.mark.parametrize("trailer", [3200, 12_000])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_H_13_long_trailers_of_an_answer(start, script, version, trailer):
    """An answer that just fits a block: it grows by our fields, and its trailer no longer has room."""
    before, behind = OKS + b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n0\r\nX-T: " + b"t" * trailer + b"\r\n\r\n"
    data, hold = b"x" * (32_750 - len(before) - len(behind) - len(b"7fff\r\n")), threading.Event()

    def function(connection):
        read_head(connection)
        hold.wait(30)
        connection.sock.sendall(before + b"%x\r\n" % len(data) + data + behind)
        connection.answered = 1
        read_to_end(connection)

    app = script(function)
    gateway = start(config(app))
    with Client(gateway) as client:
        client.send(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n")
        wait_until(lambda: app.received.endswith(b"\r\n\r\n"), "the request")
        with gateway.paused():
            hold.set()
            wait_until(lambda: app.connections[0].answered, "the whole answer to be sent")
        answer = client.response()
        assert (answer.status, answer.body, answer.field("x-t")) == (200, data, None)
        assert client.data == b"" and len(app.requests) == 1
    [line] = gateway.wait_access(1)
    assert (line["status"], line.get("reason")) == (200, None)


@PIECES
def test_H_14_upstream_framing_is_ours(gateway, app, piece):
    odd = b"".join(b"%016X;x=%d\r\n%c\r\n" % (1, n, c) for n, c in enumerate(b"hello")) + b"00000\r\nX: y\r\n\r\n"
    seen = passes(gateway, app, chunked(odd) + NEXT, piece, answers=2)
    # wire.split_requests has read it strictly; no leading zero and no extension is left.
    assert seen[0].body == b"hello" and b"\r\n0000" not in app.received and b";x=" not in app.received
    assert seen[0].field("content-length") is None


def test_H_14_a_length_stays_a_length(gateway, app):
    seen = passes(gateway, app, length(b" 5"), 1)
    assert seen[0].field("content-length") == "5" and seen[0].field("transfer-encoding") is None


# After the fault.

FAULTS = {
    "conflict": (request(b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
    "coding": (coding(b" xchunked"), 400), "unsupported": (coding(b" gzip, chunked"), 501),
    "length": (length(b" 5,5"), 400), "line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "fold": (field(b"X: a\r\n b"), 400), "host": (request(host=None), 400), "version": (b"GET / HTTP/2.0\r\n\r\n", 505),
    "method": (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405), "expect": (field(b"Expect: x"), 417),
    "path": (b"GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
}


@PIECES
@pytest.mark.parametrize("data, status", FAULTS.values(), ids=FAULTS)
def test_H_15_pipelined_bytes_die(gateway, app, data, status, piece):
    assert_refused(gateway, app, data + NEXT, status, None, piece)


@PIECES
@pytest.mark.parametrize("data, status", FAULTS.values(), ids=FAULTS)
def test_H_15_what_stood_before_the_fault_is_answered(gateway, app, data, status, piece):
    app.forget()
    with Client(gateway) as client:
        client.send(NEXT + data + NEXT, piece)
        assert client.response().status == 200
        answer = client.response()
        assert answer.status == status and answer.field("connection") == "close"
        assert client.is_closed()
    assert [r.target for r in app.requests] == ["/next"] and len(app.received.split(b"GET /next")) == 2


@PIECES
def test_H_15_bytes_behind_a_bad_body_die(gateway, app, piece):
    assert_body_refused(gateway, app, chunked(b"5\r\nhelloXX") + NEXT, 400, "chunk_invalid", piece)


# Expect.


@rows(("x", field(b"Expect: x"), 417, "expectation_unsupported"),
      ("empty", field(b"Expect:"), 417, "expectation_unsupported"),
      ("list", field(b"Expect: 100-continue, 100-continue"), 417, "expectation_unsupported"),
      ("parameter", field(b"Expect: 100-continue;a=b"), 417, "expectation_unsupported"))
def test_H_16_expectations(gateway, app, data, status, reason, piece):
    assert_refused(gateway, app, data, status, reason, piece)


@pytest.mark.parametrize("value", [b"100-continue", b"100-Continue"])
def test_H_16_continue_is_ours(gateway, app, value):
    app.forget()
    with Client(gateway) as client:
        client.send(request(b"Content-Length: 5", b"Expect: " + value))
        assert client.response().status == 100
        client.send(b"hello" + NEXT)
        assert [client.response().status, client.response().status] == [200, 200]
    seen = app.requests
    assert seen[0].body == b"hello" and seen[0].field("expect") is None and seen[1].target == "/next"


def test_H_16_no_continue_where_the_body_came_along(gateway, app):
    with Client(gateway) as client:
        client.send(request(b"Content-Length: 5", b"Expect: 100-continue", body=b"hello"))
        assert client.response().status == 200


def test_H_16_in_1_0_it_means_nothing(gateway, app):
    app.forget()
    with Client(gateway) as client:
        client.send(request(b"Content-Length: 5", b"Expect: 100-continue", start=b"POST / HTTP/1.0", body=b"hello"))
        assert client.response().status == 200
    assert app.requests[0].field("expect") is None


@pytest.fixture(scope="module")
def guarded(start_once, app, key_server_of_module):
    return start_once(config(app, issuer=key_server_of_module))


@pytest.fixture(scope="module")
def key_server_of_module(keys):
    from support.tokens import KeyServer
    server = KeyServer(keys["ES256"])
    yield server
    server.close()


@pytest.mark.parametrize("wait", ["body-later", "body-along"])
@pytest.mark.parametrize("body", [NEXT, b"x" * len(NEXT)], ids=["a-request", "text"])
def test_H_16_expect_without_a_token(guarded, app, body, wait):
    app.forget()
    with Client(guarded) as client:
        head = request(b"Content-Length: %d" % len(body), b"Expect: 100-continue", start=b"POST /api/x HTTP/1.1")
        client.send(head + (body if wait == "body-along" else b""))
        answer = client.response()
        assert answer.status == 401 and answer.field("connection") == "close"
        if wait == "body-later":
            client.send(body, len(body))
        assert client.is_closed()
    assert app.received == b""
    assert guarded.access_of(answer.request_id)["reason"] == "credential_missing"


def test_H_16_a_body_behind_a_refusal_is_no_request(guarded, app):
    app.forget()
    with Client(guarded) as client:
        client.send(request(b"Content-Length: %d" % len(NEXT), start=b"POST /api/x HTTP/1.1") + NEXT)
        answer = client.response()
        assert answer.status == 401 and answer.field("connection") == "close"
        assert client.is_closed()
    assert app.received == b""


def test_H_19_each_request_is_decided_for_itself(guarded, app, keys):
    app.forget()
    name, value = bearer(mint(keys["ES256"]))
    good = request(f"{name}: {value}".encode(), start=b"GET /api/1 HTTP/1.1")
    none = request(start=b"GET /api/2 HTTP/1.1")
    with Client(guarded) as client:
        client.send(good + none + good + none)
        assert [client.response().status for _ in range(4)] == [200, 401, 200, 401]
    assert [r.target for r in app.requests] == ["/api/1", "/api/1"]
    assert len(guarded.wait_access(2, path="/api/2", reason="credential_missing")) == 2


def test_H_7_an_empty_line_behind_a_body_begins_no_head(start, upstream):
    """Some clients send one (RFC 9112 §2.2): it earns neither an answer nor a line, and the next request is taken."""
    app = upstream()
    gateway = start(config(app).replace("workers: 1", "workers: 1\n    timeouts: { head: 300ms, idle: 1s }"))
    post = request(b"Content-Length: 2", body=b"ok\r\n")
    with Client(gateway) as idle, Client(gateway) as busy, Client(gateway) as ending, Client(gateway) as slow:
        for client in (idle, busy, ending):
            assert client.send(post).response().status == 200
        began = time.monotonic()
        assert ending.finish().is_closed()
        # Others that have begun a head are told that its time has passed.
        slow.send(b"GET /slow")
        assert slow.response().status == 408
        assert busy.send(NEXT).response().status == 200
        assert busy.send(b"\r\n" + NEXT).response().status == 200
        assert idle.is_closed() and time.monotonic() - began > 0.8
    assert [(r.method, r.body) for r in app.requests] == [("POST", b"ok")] * 3 + [("GET", b"")] * 2
    lines = gateway.wait_access(6)
    assert sorted((line["status"], line.get("reason")) for line in lines if line["status"] != 200) == [
        (408, "head_timeout")]
    assert len(lines) == 6


def test_D_7_an_empty_line_behind_a_body_holds_up_no_drain(start, upstream):
    app = upstream()
    gateway = start(config(app))
    with Client(gateway) as client:
        assert client.send(request(b"Content-Length: 2", body=b"ok\r\n")).response().status == 200
        gateway.signal(signal.SIGTERM)
        assert client.is_closed()
    assert gateway.wait() == 0
    assert len(gateway.access()) == 1 and gateway.messages()[-1]["why"] == "drained"


# Servers that read less than they are sent (CL.0), and answers that come too early (0.CL).

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND", "FOO"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_H_17_a_deaf_upstream_serves_nobody_else(start, script, method, framing):
    def deaf(connection):
        # Takes every empty line for the end of a request without a body, and answers with its target.
        answered = 0
        while True:
            heads = connection.received.split(b"\r\n\r\n")[:-1]
            for head in heads[answered:]:
                target = head.split(b" ")[1] if head.count(b" ") > 1 else b"?"
                extra = b"" if head.startswith(b"HEAD") else target
                connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(target) + extra)
                answered += 1
            if not read_more(connection):
                return

    app = script(deaf)
    gateway = start(config(app))
    body = SMUGGLED if framing == "length" else b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
    line = b"Content-Length: %d" % len(body) if framing == "length" else b"Transfer-Encoding: chunked"
    with Client(gateway) as first:
        first.send(request(line, start=f"{method} /first HTTP/1.1".encode(), body=body))
        assert first.response(method).status == 200
    for _ in range(3):
        answer = get(gateway, "/second")
        assert (answer.status, answer.body) == (200, b"/second")
    carried = app.connections[0]
    wait_until(lambda: carried.ended, "the connection that carried a body to end")
    assert b"/second" not in carried.received and b"\r\nConnection: close\r\n" in carried.received


def test_H_17_a_post_keeps_its_connection(start, upstream):
    app = upstream()
    gateway = start(config(app))
    for _ in range(3):
        assert get(gateway, "/", method="POST", body=b"hello").status == 200
    assert len(app.connections) == 1 and len(app.requests) == 3


@pytest.mark.parametrize("method, status", [("HEAD", "200 OK"), ("GET", "304 Not Modified")])
def test_U_3_a_body_that_cannot_be_answers_nobody_else(start, script, method, status):
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    asked = threading.Event()

    def talkative(connection):
        target = read_head(connection).split(b" ")[1]
        if target != b"/first":
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(target) + target)
            return
        connection.sock.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(forged)}\r\n\r\n".encode())
        # Once the connection has been taken for somebody else's request, if it ever is.
        asked.wait(1)
        try:
            connection.sock.sendall(forged)
        except OSError:
            return
        read_to_end(connection)

    app = script(talkative)
    gateway = start(config(app))
    assert get(gateway, "/first", method=method).status == int(status[:3])
    answer = get(gateway, "/second")
    asked.set()
    assert (answer.status, answer.body) == (200, b"/second")
    assert len(app.connections) == 2 and b"/second" not in app.connections[0].received


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_H_18_an_early_answer_ends_both_connections(start, script, framing):
    def early(connection):
        read_head(connection)
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        read_to_end(connection)

    app = script(early)
    gateway = start(config(app))
    line = b"Content-Length: 100" if framing == "length" else b"Transfer-Encoding: chunked"
    with Client(gateway) as client:
        client.send(request(line, body=b"5\r\nhello\r\n"))
        answer = client.response()
        assert answer.status == 200 and answer.body == b"ok"
        # The rest of the body, which is also a request: nobody may read it as one.
        client.send(SMUGGLED, len(SMUGGLED))
        assert client.is_closed()
    wait_until(lambda: app.connections[0].ended, "the upstream's connection to end")
    assert get(gateway, "/second").status == 200
    assert len(app.connections) == 2 and b"smuggled" not in app.received.replace(b"GET /smuggled", b"", 1)
    assert b"/second" not in app.connections[0].received
