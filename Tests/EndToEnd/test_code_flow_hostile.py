"""Providers, browsers and pages that mean harm, where browsers sign in at an OpenID provider: security rules by number."""
import base64
import contextlib
import hashlib
import json
import secrets
import sqlite3
import threading
import time
import urllib.parse

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from support.code_flow import FLOW, SESSION, URL, CodeFlow, query
from support.hostile_provider import CLIENT, SECRET, HostileProvider, provider_fixture
from support.ports import wait_until
from support.sign_in import NAVIGATION, until_status
from support.tokens import Key, b64, hand_made, signing
from support.wire import Client


@pytest.fixture(scope="module")
def shared_provider():
    made = HostileProvider()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(start_once, upstream_once, shared_provider, tmp_path_factory):
    """For tests that leave nothing behind."""
    made = CodeFlow(start_once, upstream_once(), shared_provider, tmp_path_factory.mktemp("shared"))
    made.gateway.wait_message("keys updated")
    return made


@pytest.fixture
def straight(shared, shared_provider):
    """The shared gateway, and its provider with nothing bent."""
    shared_provider.straighten()
    shared.app.forget()
    yield shared
    shared_provider.straighten()


def refused(made, browser, answer, status, reason):
    """Nobody is signed in: the page says so, and sends nobody on."""
    assert answer.status == status, (answer, answer.body)
    assert made.gateway.access_of(answer.request_id)["reason"] == reason
    assert answer.field("location") is None and answer.field("content-type") == "text/html; charset=utf-8"
    assert answer.field("cache-control") == "no-store" and "default-src 'none'" in answer.field("content-security-policy")
    assert not any(line.startswith(SESSION) for line in answer.all("set-cookie")), answer
    assert SESSION not in browser.cookies
    assert browser.fetch("/a").status == 401
    assert made.app.received == b""


def signs_in(made, browser, back):
    answer = browser.go(back)
    assert answer.status == 303 and SESSION in browser.cookies, (answer, answer.body)
    assert browser.fetch("/a").status == 200


# C-4: where a browser goes on.

@pytest.mark.parametrize("wanted", [
    "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "\\/evil.test", "https://evil.test", "https:evil.test",
    "http:/evil.test", "//evil.test/%2e%2e", "/%09/evil.test", "/\t/evil.test", "/\n/evil.test", "/%0d%0aX: y", "/\r\nX: y",
    "/%2fevil.test", "/%5cevil.test", "%2f%2fevil.test", "javascript:alert(1)", "data:text/html,x", "evil.test", " //evil.test",
    "/ /evil.test", "\u3000//evil.test", "/\u2028", "?x", "#x", "", ".", "../x", URL + "@evil.test", "/" + "a" * 2048,
])
def test_C_4_nobody_is_sent_to_another_host(straight, wanted):
    browser = straight.browser()
    answer = browser.go("/oauth/login?return_to=" + urllib.parse.quote(wanted, safe=""))
    assert answer.status == 303 and "evil" not in answer.field("location")
    answer = browser.go(browser.at_provider(answer.field("location")))
    assert (answer.status, answer.field("location"), answer.field("x")) == (303, "/", None)


def test_C_4_two_places_to_go_on_at_are_none(straight):
    browser = straight.browser()
    answer = browser.go("/oauth/login?return_to=/a&return_to=/b")
    assert browser.go(browser.at_provider(answer.field("location"))).field("location") == "/"


def test_C_6_the_way_back_is_what_the_configuration_says(straight, shared_provider):
    lies = [("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "1"),
            ("Forwarded", "host=evil.test;proto=https"), ("X-Forwarded-Prefix", "/evil"), ("Referer", "http://evil.test/")]
    browser = straight.browser()
    answer = browser.request("/oauth/login?return_to=/a", [*NAVIGATION, *lies])
    assert query(answer.field("location"))["redirect_uri"] == URL + "/oauth/callback"
    answer = browser.request(browser.at_provider(answer.field("location")), [*NAVIGATION, *lies])
    assert (answer.status, answer.field("location")) == (303, "/a")
    assert shared_provider.of("token")[-1].form["redirect_uri"] == URL + "/oauth/callback"
    # Nor has another host of the gateway these paths.
    answer = straight.get("/oauth/login", NAVIGATION, host="evil.test")
    assert (answer.status, answer.field("location"), answer.all("set-cookie")) == (401, None, [])
    assert straight.app.received == b""


# C-5: what comes back is what was sent, once, in the browser that it was sent with.

def test_C_5_state_is_another_for_each_way(straight):
    ways = [query(straight.browser().go("/oauth/login").field("location")) for _ in range(20)]
    for name in ("state", "nonce", "code_challenge"):
        values = {way[name] for way in ways}
        assert len(values) == len(ways) and all(len(value) >= 22 for value in values), name
    assert not {way["state"] for way in ways} & {way["nonce"] for way in ways}


def changed(back, **parameters):
    """The callback with other parameters; a value of None leaves one out, a list repeats it."""
    path, _, text = back.partition("?")
    members = dict(urllib.parse.parse_qsl(text))
    members.update(parameters)
    return path + "?" + urllib.parse.urlencode({n: v for n, v in members.items() if v is not None}, doseq=True)


def flipped(text, at):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:at] + alphabet[alphabet.index(text[at]) ^ 32] + text[at + 1:]


@pytest.mark.parametrize("name", ["code", "state", "iss"])
def test_C_5_each_parameter_comes_once(straight, shared_provider, name):
    browser = straight.browser()
    back = browser.begin()
    value = dict(urllib.parse.parse_qsl(back.partition("?")[2]))[name]
    asked = len(shared_provider.of("token"))
    for values in ([value, value], [value, "x"], ["x", value], [value, ""], None, "", "x" * 5000):
        refused(straight, browser, browser.go(changed(back, **{name: values})), 400, "callback_invalid")
    assert len(shared_provider.of("token")) == asked
    # None of it has used the way up.
    signs_in(straight, browser, back)


@pytest.mark.parametrize("text", ["", "?", "?code", "?code=%zz&state=x", "?code=%ff&state=%ff", "?&&", "?error=", "?error=x",
                                  "?code=x&error=access_denied&state=x", "?%63ode=x&code=y", "?state=x&code=x;state=x"])
def test_C_5_callbacks_that_nobody_asked_for(straight, text):
    browser = straight.browser()
    refused(straight, browser, browser.go("/oauth/callback" + text), 400, "callback_invalid")


def test_C_5_a_code_beside_an_error_is_neither(straight, shared_provider):
    browser = straight.browser()
    back, asked = browser.begin(), len(shared_provider.of("token"))
    refused(straight, browser, browser.go(changed(back, error="access_denied")), 400, "callback_invalid")
    assert len(shared_provider.of("token")) == asked


def test_C_5_a_state_is_good_once(straight, shared_provider):
    browser = straight.browser()
    back = browser.begin()
    kept = dict(browser.cookies)
    signs_in(straight, browser, back)
    straight.app.forget()
    again, asked = straight.browser(), len(shared_provider.of("token"))
    again.cookies = dict(kept)
    refused(straight, again, again.go(back), 400, "callback_invalid")
    # With a code that was never used, too.
    again.cookies = dict(kept)
    code = dict(urllib.parse.parse_qsl(straight.browser().begin().partition("?")[2]))["code"]
    refused(straight, again, again.go(changed(back, code=code)), 400, "callback_invalid")
    assert len(shared_provider.of("token")) == asked
    assert browser.fetch("/a").status == 200


def test_C_5_a_state_is_good_in_its_own_browser_alone(straight, shared_provider):
    """Who sends somebody their own callback would have them signed in as themselves."""
    attacker, victim = straight.browser(), straight.browser()
    back, asked = attacker.begin(), len(shared_provider.of("token"))
    refused(straight, victim, victim.go(back), 400, "callback_invalid")
    # On a way of its own too, and with the victim's own state.
    own = victim.begin()
    refused(straight, victim, victim.go(back), 400, "callback_invalid")
    code = dict(urllib.parse.parse_qsl(back.partition("?")[2]))["code"]
    state = dict(urllib.parse.parse_qsl(own.partition("?")[2]))["state"]
    assert len(shared_provider.of("token")) == asked
    # PKCE and the nonce: the attacker's code is worth nothing on the victim's way.
    refused(straight, victim, victim.go(changed(own, code=code, state=state)), 400, "callback_invalid")
    assert shared_provider.of("token")[-1].fault == "code_verifier"


def test_C_5_an_answer_to_another_way_of_the_same_browser_is_refused(straight, shared_provider):
    browser = straight.browser()
    one, other = browser.begin("/one"), browser.begin("/other")
    state = dict(urllib.parse.parse_qsl(other.partition("?")[2]))["state"]
    refused(straight, browser, browser.go(changed(one, state=state)), 400, "callback_invalid")
    # The code was of the one way, the verifier of the other: the provider has refused it, and both are gone.
    assert shared_provider.of("token")[-1].fault == "code_verifier"
    for back in (one, other):
        refused(straight, browser, browser.go(back), 400, "callback_invalid")


def test_C_5_every_change_of_the_sealed_cookie_is_noticed(straight, shared_provider):
    browser = straight.browser()
    back, asked = browser.begin(), len(shared_provider.of("token"))
    (name, sealed), = browser.cookies.items()
    assert name.startswith(FLOW)
    places = sorted({*range(0, len(sealed), 7), 1, 2, len(sealed) - 3, len(sealed) - 2})
    bad = [flipped(sealed, at) for at in places]
    bad += ["", sealed[:-4], sealed + "AAAA", sealed[4:], sealed * 2, "A" * len(sealed), sealed + "="]
    for value in bad:
        answer = straight.get(back, [*NAVIGATION, ("Cookie", f"{name}={value}")])
        assert answer.status == 400, value
    for line in (f"{name}={sealed}; {name}={sealed}", f"{name}=x; {name}={sealed}", f"{name}x={sealed}", f"{SESSION}={sealed}"):
        assert straight.get(back, [*NAVIGATION, ("Cookie", line)]).status == 400, line
    assert len(shared_provider.of("token")) == asked
    signs_in(straight, browser, back)


def test_C_5_what_is_sealed_says_nothing(straight):
    browser = straight.browser()
    location = browser.go("/oauth/login?return_to=/canary-place").field("location")
    asked = query(location)
    (_, sealed), = browser.cookies.items()
    for text in (sealed, asked["state"]):
        opened = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        for text in (asked["state"], asked["nonce"], "canary-place", "verifier", "binding", "place"):
            assert text.encode() not in opened
    assert "canary-place" not in location


def test_C_5_every_change_of_the_state_is_noticed(straight, shared_provider):
    browser = straight.browser()
    back, asked = browser.begin(), len(shared_provider.of("token"))
    kept, state = dict(browser.cookies), dict(urllib.parse.parse_qsl(back.partition("?")[2]))["state"]
    bad = [flipped(state, at) for at in sorted({*range(0, len(state) - 1, 7), 1, 2, len(state) - 3})]
    bad += [state[:-4], state + "AAAA", state[4:], state * 2, "A" * len(state), state + "=", *kept.values()]
    for value in bad:
        refused(straight, browser, browser.go(changed(back, state=value)), 400, "callback_invalid")
    assert len(shared_provider.of("token")) == asked and browser.cookies == kept
    signs_in(straight, browser, back)


def test_C_5_a_state_signs_nobody_in_whose_browser_has_another_session(straight, shared_provider):
    """Who sends somebody their own callback has them see a page, and stay who they are."""
    attacker, victim = straight.browser(), straight.browser()
    shared_provider.user = {"sub": "mallory"}
    back = attacker.begin("/a")
    shared_provider.straighten()
    victim.sign_in("/b")
    session, asked = victim.cookies[SESSION], len(shared_provider.of("token"))
    answer = victim.go(back)
    assert (answer.status, answer.all("set-cookie")) == (400, [])
    assert straight.gateway.access_of(answer.request_id)["reason"] == "callback_invalid"
    assert victim.cookies == {SESSION: session} and len(shared_provider.of("token")) == asked
    straight.app.forget()
    assert victim.go("/a").status == 200
    assert straight.app.wait_requests(1)[-1].field("x-forwarded-user") == "alice"


def test_C_5_a_way_is_good_for_ten_minutes(straight):
    browser = straight.browser()
    answer = browser.go("/oauth/login")
    assert "; Max-Age=600;" in answer.all("set-cookie")[0]


def test_C_5_the_secret_of_another_gateway_opens_nothing(start, upstream, provider, tmp_path):
    one = CodeFlow(start, upstream(), provider, tmp_path / "one")
    two = CodeFlow(start, upstream(), provider, tmp_path / "two")
    browser, elsewhere = one.browser(), two.browser()
    back = browser.begin()
    elsewhere.cookies = dict(browser.cookies)
    refused(two, elsewhere, elsewhere.go(back), 400, "callback_invalid")
    signs_in(one, browser, back)
    elsewhere.cookies = dict(browser.cookies)
    assert elsewhere.fetch("/a").status == 401


def test_C_5_ways_that_nobody_goes_to_their_end_are_cleared(straight):
    browser = straight.browser()
    for _ in range(30):
        browser.go("/oauth/login")
        assert len([name for name in browser.cookies if name.startswith(FLOW)]) <= 12
    signs_in(straight, browser, browser.begin())


def test_tabs_that_open_at_once_all_come_back(straight):
    """Each begins before the browser has heard of another's cookie, and two may have drawn the same name."""
    browser = straight.browser()
    backs = []
    for number in range(10):
        tab = straight.browser()
        back = tab.begin(f"/tab{number}")
        backs.append((back, *tab.cookies.items()))
        browser.cookies |= tab.cookies
    assert len(browser.cookies) >= 7
    # Those whose cookie another one took have a link to their page.
    kept = dict(browser.cookies)
    for number, (back, cookie) in enumerate(backs):
        answer = browser.navigate(back)
        if cookie in kept.items():
            assert (answer.status, answer.field("location")) == (303, f"/tab{number}")
        else:
            assert answer.status == 400 and f"return_to=%2Ftab{number}".encode() in answer.body
    assert list(browser.cookies) == [SESSION]


def test_the_ways_of_a_browser_take_little_room(straight):
    """However many were begun at once, and however long the addresses that they lead to: the next one bounds them."""
    browser = straight.browser()
    for number in range(40):
        tab = straight.browser()
        tab.go(f"/oauth/login?return_to=/{number}{'a' * 1000}")
        browser.cookies |= tab.cookies
    assert len(browser.cookies) > 16
    assert sum(len(name) + len(value) + 3 for name, value in browser.cookies.items()) <= 6 * 1024
    back = browser.begin()
    back = browser.begin()
    assert len(browser.cookies) == 12
    assert sum(len(name) + len(value) + 3 for name, value in browser.cookies.items()) <= 1536
    signs_in(straight, browser, back)


# C-7: whose word it is.

@pytest.mark.parametrize("issuer", [None, "http://evil.test", "", "x"])
def test_C_7_an_answer_of_another_issuer_is_none(straight, shared_provider, issuer):
    """RFC 9207: the provider says that its answers bear its name."""
    shared_provider.callback["iss"] = issuer
    browser = straight.browser()
    asked = len(shared_provider.of("token"))
    refused(straight, browser, browser.go(browser.begin()), 400, "callback_invalid")
    assert len(shared_provider.of("token")) == asked


def test_C_7_a_provider_that_never_says_its_name(start, upstream, provider, tmp_path):
    provider.metadata["authorization_response_iss_parameter_supported"] = None
    provider.callback["iss"] = None
    made = CodeFlow(start, upstream(), provider, tmp_path / "one")
    browser = made.browser()
    signs_in(made, browser, browser.begin())
    made.app.forget()
    # Where it says one all the same, it has to be its own.
    provider.callback["iss"] = "http://evil.test"
    other = made.browser()
    refused(made, other, other.go(other.begin()), 400, "callback_invalid")


def now():
    return int(time.time())


CLAIMS = {
    "other client": {"aud": "another"}, "no audience": {"aud": None}, "empty audience": {"aud": []},
    "of routes": {"aud": "orders"}, "several, no azp": {"aud": [CLIENT, "another"]},
    "several, other azp": {"aud": [CLIENT, "another"], "azp": "another"}, "other azp": {"azp": "another"},
    "azp in a list": {"azp": [CLIENT]}, "case": {"aud": CLIENT.upper()},
    "other issuer": {"iss": "http://evil.test"}, "no issuer": {"iss": None}, "slash": {"iss": lambda name: name + "/"},
    "no nonce": {"nonce": None}, "other nonce": {"nonce": "x" * 22}, "empty nonce": {"nonce": ""},
    "nonce in a list": {"nonce": lambda nonce: [nonce]}, "nonce cut": {"nonce": lambda nonce: nonce[:-1]},
    "over": {"exp": lambda _: now() - 1}, "no exp": {"exp": None}, "exp as text": {"exp": lambda exp: str(exp)},
    "to come": {"nbf": lambda _: now() + 3600}, "issued later": {"iat": lambda _: now() + 3600}, "no iat": {"iat": None},
    "nobody": {"sub": None}, "empty sub": {"sub": ""}, "sub in numbers": {"sub": 7}, "sub in a list": {"sub": ["alice"]},
    "another access token": {"at_hash": "x" * 22}, "at_hash empty": {"at_hash": ""}, "at_hash as number": {"at_hash": 1},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS.keys())
def test_C_7_an_id_token_with_other_claims_is_refused(straight, shared_provider, claims):
    shared_provider.claims = claims
    browser = straight.browser()
    refused(straight, browser, browser.go(browser.begin()), 401, "id_token_refused")
    # What was refused has used its way up; another one is gone to its end.
    shared_provider.straighten()
    signs_in(straight, browser, browser.begin())


def unsigned(header, claims):
    return hand_made({**header, "alg": "none"}, claims, lambda _: b"")


def with_public_key(key):
    """HS256, with the published key as the secret (RFC 8725 §2.1)."""
    text = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def make(header, claims):
        return hand_made({**header, "alg": "HS256"}, claims, lambda data: jwt.get_algorithm_by_name("HS256").sign(data, text))
    return make


def by_foreign_key(header, claims):
    key = Key("ES256", header["kid"])
    return hand_made(header, claims, signing(key))


def by_its_own_key(header, claims):
    key = Key("ES256", "x")
    return hand_made({**header, "jwk": key.jwk, "kid": "x"}, claims, signing(key))


def spliced(key):
    """Signed by the provider, for somebody else; then changed."""
    def make(header, claims):
        signed = hand_made(header, {**claims, "sub": "mallory"}, signing(key))
        return ".".join([signed.split(".")[0], b64(json.dumps(claims).encode()), signed.split(".")[2]])
    return make


@pytest.mark.parametrize("make", [
    lambda _: unsigned, with_public_key, lambda _: by_foreign_key, lambda _: by_its_own_key, spliced,
    lambda _: lambda *_: "x", lambda _: lambda *_: "a.b.c", lambda _: lambda *_: "", lambda _: lambda *_: "a.b.c.d.e",
    lambda key: lambda header, claims: hand_made({**header, "typ": "at+jwt"}, claims, signing(key)),
    lambda key: lambda header, claims: hand_made({**header, "typ": "logout+jwt"}, claims, signing(key)),
    lambda key: lambda header, claims: hand_made({**header, "crit": ["b64"], "b64": False}, claims, signing(key)),
    lambda key: lambda header, claims: hand_made(header, json.dumps(claims).encode()[:-1] + b', "sub": "x"}', signing(key)),
    lambda key: lambda header, claims: hand_made(header, claims, signing(key)) + "A",
], ids=["none", "HS256", "foreign key", "own key", "spliced", "no token", "no JSON", "empty", "encrypted", "access token",
        "logout token", "extension", "sub twice", "longer"])
def test_C_7_an_id_token_that_is_none_is_refused(straight, shared_provider, make):
    shared_provider.id_token = make(shared_provider.key)
    browser = straight.browser()
    answer = browser.go(browser.begin())
    # An empty one makes the whole answer malformed.
    status, reason = (503, "provider_unavailable") if shared_provider.made[-1] == "" else (401, "id_token_refused")
    refused(straight, browser, answer, status, reason)


def test_C_7_an_id_token_that_was_made_for_another_way_is_refused(straight, shared_provider):
    """Stolen from where it was, and put into an answer to somebody else's code."""
    browser = straight.browser()
    signs_in(straight, browser, browser.begin())
    straight.app.forget()
    stolen = [made for made in shared_provider.made if made.count(".") == 2][-1]
    shared_provider.id_token = lambda *_: stolen
    other = straight.browser()
    refused(straight, other, other.go(other.begin()), 401, "id_token_refused")


def test_C_7_an_id_token_is_no_access_token(straight, shared_provider):
    """It is for the client, not for the routes (RFC 8725 §3.12)."""
    browser = straight.browser()
    signs_in(straight, browser, browser.begin())
    straight.app.forget()
    token = [made for made in shared_provider.made if made.count(".") == 2][-1]
    answer = straight.get("/a", [("Authorization", f"Bearer {token}")])
    assert answer.status == 401 and straight.gateway.access_of(answer.request_id)["reason"] == "audience_mismatch"
    assert straight.get("/a", [("Cookie", f"{SESSION}={token}")]).status == 401
    assert straight.app.received == b""


# The token endpoint, bent.

ANSWERS = {
    "no id_token": {"id_token": None}, "no access_token": {"access_token": None}, "no token_type": {"token_type": None},
    "another type": {"token_type": "mac"}, "access_token as number": {"access_token": 1}, "empty": {"access_token": ""},
    "id_token in a list": {"id_token": lambda token: [token]}, "seconds that are none": {"expires_in": "soon"},
    "negative": {"expires_in": -1}, "refresh_token as object": {"refresh_token": {}},
}


@pytest.mark.parametrize("members", ANSWERS.values(), ids=ANSWERS.keys())
def test_tokens_that_are_not_as_they_should_be_sign_nobody_in(straight, shared_provider, members):
    shared_provider.token_response = members
    browser = straight.browser()
    answer = browser.go(browser.begin())
    status, reason = (401, "id_token_refused") if members.get("id_token", 0) is None else (503, "provider_unavailable")
    refused(straight, browser, answer, status, reason)


@pytest.mark.parametrize("seconds, is_taken", [
    (0, True), (1, True), (10 ** 18, True), (2 ** 63 - 1, True), (2 ** 64, False), (1e300, True), (3600.5, True),
    ("3600", True), (None, True)])
def test_seconds_of_any_size_do_no_harm(straight, shared_provider, seconds, is_taken):
    shared_provider.token_response = {"expires_in": seconds}
    browser = straight.browser()
    answer = browser.go(browser.begin())
    if not is_taken:
        return refused(straight, browser, answer, 503, "provider_unavailable")
    assert answer.status == 303, answer
    assert browser.fetch("/a").status == 200 and len(straight.app.wait_requests(1)) == 1


def slow(handler):
    """Says nothing until the gateway has given up, and hung up."""
    handler.connection.settimeout(30)
    assert handler.connection.recv(1) == b""
    handler.close_connection = True


def endless(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    try:
        for _ in range(4096):
            handler.wfile.write(b" " * 65536)
    except OSError:
        pass


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"access_token":')
    handler.close_connection = True


JSON = {"Content-Type": "application/json"}
BAD = {
    "redirect": (302, {"Location": "/stolen"}, b""), "redirect that keeps": (307, {"Location": "/stolen"}, b""),
    "error": (500, {}, b"canary-page"), "unavailable": (503, {"Retry-After": "1"}, b""), "nothing": (204, {}, b""),
    "page": (200, {"Content-Type": "text/html"}, b"<p>"), "no type": (200, {}, b"{}"), "no JSON": (200, JSON, b"{"),
    "list": (200, JSON, b"[]"), "twice": (200, JSON, b'{"access_token":"x","access_token":"y","token_type":"Bearer"}'),
    "large": (200, JSON, b'{"access_token":"' + b"x" * 300_000 + b'"}'), "deep": (200, JSON, b"[" * 10_000),
    "slow": slow, "endless": endless, "cut": cut,
}


@pytest.mark.parametrize("instead", BAD.values(), ids=BAD.keys())
def test_K_1_a_token_endpoint_that_does_something_else(straight, shared_provider, instead):
    shared_provider.instead["token"] = instead
    shared_provider.instead["stolen"] = (200, JSON, b"{}")
    browser = straight.browser()
    back, asked = browser.begin(), len(shared_provider.of("stolen"))
    answer = browser.go(back)
    refused(straight, browser, answer, 503, "provider_unavailable")
    assert answer.field("retry-after") is not None and b"canary" not in answer.body
    # No redirect is followed: the code and the client's secret go to nobody else.
    assert len(shared_provider.of("stolen")) == asked
    shared_provider.straighten()
    signs_in(straight, browser, browser.begin())


@pytest.mark.parametrize("error, status, reason", [
    ("invalid_grant", 400, "callback_invalid"), ("invalid_client", 403, "provider_refused"),
    ("<script>alert(1)</script>", 403, "provider_refused")])
def test_an_error_of_the_token_endpoint(straight, shared_provider, error, status, reason):
    body = json.dumps({"error": error, "error_description": "<script>canary-description</script>"}).encode()
    shared_provider.instead["token"] = (400, JSON, body)
    browser = straight.browser()
    answer = browser.go(browser.begin())
    refused(straight, browser, answer, status, reason)
    assert b"canary" not in answer.body and b"script" not in answer.body


@pytest.mark.parametrize("error", ["access_denied", "login_required", "<script>alert(1)</script>", "a\r\nb", "\u202e", "x" * 200])
def test_an_error_that_the_browser_brings_back_is_not_shown(straight, shared_provider, error):
    shared_provider.callback = {
        "code": None, "error": error, "error_description": "<script>canary-description</script>",
        "error_uri": "http://evil.test/canary-uri"}
    browser = straight.browser()
    answer = browser.go(browser.begin("/a%22%3E%3Cscript%3E"))
    refused(straight, browser, answer, 403, "provider_refused")
    for text in (b"canary", b"<script", b"evil.test", b"alert(1)"):
        assert text not in answer.body
    assert "canary" not in straight.gateway.program_text


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable"])
def test_a_fault_of_the_provider_is_not_a_refusal(straight, shared_provider, error):
    shared_provider.callback = {"code": None, "error": error}
    browser = straight.browser()
    answer = browser.go(browser.begin())
    refused(straight, browser, answer, 503, "provider_unavailable")
    assert answer.field("retry-after") and straight.gateway.access_of(answer.request_id)["blame"] == "issuer"


@pytest.mark.parametrize("more", ["&", "&&session_state=x", "&scope=a&scope=b", "&x=%zz&%ff=", "&hd"])
def test_a_provider_may_add_to_what_the_browser_brings_back(straight, shared_provider, more):
    browser = straight.browser()
    signs_in(straight, browser, browser.begin() + more)
    browser = straight.browser()
    signs_in(straight, browser, browser.begin().replace("&state=", "&&state="))


# C-8, C-9: the session.

def test_C_8_pages_of_other_sites_end_no_session(straight):
    browser = straight.browser()
    signs_in(straight, browser, browser.begin())
    session = ("Cookie", f"{SESSION}={browser.cookies[SESSION]}")
    for fields in ([("Origin", "http://evil.test")], [("Origin", "null")], [("Origin", URL + ".evil.test")], [],
                   [("Origin", URL), ("Origin", "http://evil.test")], [("Sec-Fetch-Site", "cross-site")],
                   [("Sec-Fetch-Site", "same-site")]):
        answer = straight.get("/oauth/logout", [session, *fields], method="POST", body=b"")
        reason = straight.gateway.access_of(answer.request_id)["reason"]
        assert (answer.status, reason) == (403, "csrf_refused"), fields
        assert answer.field("location") is None and answer.all("set-cookie") == []
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert straight.get("/oauth/logout", [session, ("Origin", URL)], method=method).status == 405
    assert browser.fetch("/a").status == 200


def test_C_9_a_planted_cookie_is_worth_nothing(straight):
    for planted in ("A" * 43, b64(b"\0" * 32), "x", "", "A" * 4000):
        browser = straight.browser()
        browser.cookies[SESSION] = planted
        assert browser.fetch("/a").status == 401
        assert straight.app.received == b""
        signs_in(straight, browser, browser.begin())
        assert browser.cookies[SESSION] != planted
        straight.app.forget()


def test_C_9_sessions_are_long_and_random(straight):
    sessions = set()
    for _ in range(5):
        browser = straight.browser()
        signs_in(straight, browser, browser.begin())
        sessions.add(browser.cookies[SESSION])
    assert len(sessions) == 5
    assert all(len(base64.urlsafe_b64decode(session + "=")) == 32 for session in sessions)
    # Nor is another spelling of one a session: the last character has bits to spare.
    session = sessions.pop()
    for other in (session + "=", session[:-1] + flipped(session, 42)[-1], session.swapcase(), "%" + session):
        assert straight.get("/a", [("Cookie", f"{SESSION}={other}")]).status == 401


def test_C_9_the_file_of_sessions_opens_nothing(scene_of_its_own):
    """What is in the file is not a cookie, and nothing of the provider's can be read there."""
    made, provider = scene_of_its_own
    browser = made.browser()
    signs_in(made, browser, browser.begin())
    session = browser.cookies[SESSION]
    folder = made.state
    assert folder.stat().st_mode & 0o077 == 0
    text = b""
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
        text += file.read_bytes()
    raw = base64.urlsafe_b64decode(session + "=")
    for secret in (session.encode(), raw, raw.hex().encode(), SECRET.encode(), *(made.encode() for made in provider.made)):
        assert secret not in text
    made.gateway.stop()
    database = sqlite3.connect(folder / "company.sessions.db")
    (hash, id), = database.execute("SELECT hash, id FROM sessions")
    database.close()
    assert hash == hashlib.sha256(raw).digest()
    made.gateway = made.start(made.config)
    for value in (b64(hash), id, hash.hex()):
        assert made.get("/a", [("Cookie", f"{SESSION}={value}")]).status == 401
    assert browser.fetch("/a").status == 200


@pytest.fixture
def scene_of_its_own(start, upstream, provider, tmp_path):
    return CodeFlow(start, upstream(), provider, tmp_path / "one"), provider


def test_C_9_claims_cannot_say_which_session_it_is(scene_of_its_own):
    """`sid`, `exp` and `jti` of what a provider says are not ours: it names nobody else's session, nor a longer life."""
    made, provider = scene_of_its_own
    one = made.browser()
    signs_in(made, one, one.begin())
    named = made.gateway.wait_message("signed in")["session"]
    provider.claims = {"sid": named, "jti": named, "active": False}
    other = made.browser()
    signs_in(made, other, other.begin())
    assert other.log_out().status == 303
    assert one.fetch("/a").status == 200


# Back-channel logout.

FORM = "application/x-www-form-urlencoded"


def backchannel(made, body, content_type=FORM):
    return made.get("/oauth/backchannel-logout", [("Content-Type", content_type)], method="POST", body=body)


def test_a_logout_token_in_another_wrapping_ends_nothing(straight, shared_provider):
    browser = straight.browser()
    signs_in(straight, browser, browser.begin())
    # Of before all sign-ins of other tests, which may be under way.
    token = shared_provider.logout_token(sub="alice", iat=lambda now: now - 60)
    form = f"logout_token={token}".encode()
    for body, content_type, status in (
            (form, "text/plain", 400), (json.dumps({"logout_token": token}).encode(), "application/json", 400),
            (form + b"&" + form, FORM, 400), (b"", FORM, 400), (b"logout_token=%zz", FORM, 400), (b"x" * 200_000, FORM, 413)):
        assert backchannel(straight, body, content_type).status == status, (body[:30], content_type)
    answer = straight.get("/oauth/backchannel-logout?" + form.decode(), NAVIGATION)
    assert answer.status == 405
    assert browser.fetch("/a").status == 200
    id_token = [made for made in shared_provider.made if made.count(".") == 2][-1]
    assert backchannel(straight, f"logout_token={id_token}".encode()).status == 400
    for header in ({"typ": "at+jwt"}, {"alg": "none"}, {"crit": ["x"]}):
        bad = hand_made({"alg": "ES256", "kid": shared_provider.key.kid, "typ": "logout+jwt", **header},
                        json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")), signing(shared_provider.key))
        assert backchannel(straight, f"logout_token={bad}".encode()).status == 400, header
    assert browser.fetch("/a").status == 200
    # It was never used up by all that.
    assert backchannel(straight, form).status == 200
    assert browser.fetch("/a").status == 401


# K-7, K-1: the discovery document.

@pytest.mark.parametrize("metadata", [
    {"issuer": "http://evil.test"}, {"issuer": lambda name: name + "/"}, {"issuer": None},
    {"authorization_endpoint": None}, {"token_endpoint": None}, {"token_endpoint": "http://evil.test/token"},
    {"token_endpoint": "file:///etc/passwd"}, {"token_endpoint": 7}, {"authorization_endpoint": "javascript:alert(1)"},
    {"authorization_endpoint": "http://evil.test/authorize"}, {"authorization_endpoint": lambda url: url + "#x"},
    {"authorization_endpoint": lambda url: url + "\r\nX: y"}, {"userinfo_endpoint": "ftp://evil.test"},
    {"end_session_endpoint": "javascript:alert(1)"},
], ids=lambda metadata: next(iter(metadata)))
def test_K_7_a_discovery_document_that_lies(start, upstream, provider, tmp_path, metadata):
    provider.metadata = metadata
    made = CodeFlow(start, upstream(), provider, tmp_path / "one")
    browser = made.browser()
    refused(made, browser, browser.go("/oauth/login?return_to=/a"), 503, "provider_unavailable")
    assert browser.cookies == {}
    # Nobody has to start anything anew.
    provider.metadata = {}
    wait_until(lambda: browser.go("/oauth/login?return_to=/a").status == 303, "the provider as it should be", 20)


# P-17, I-6: the gateway's own paths and cookies.

def test_P_17_nothing_under_its_path_reaches_an_upstream(straight):
    for target in ("/oauth", "/oauth/", "/oauth/x", "/oauth/login/", "/oauth/login/x", "/oauth/./login", "/x/../oauth/login",
                   "/oauth//login", "/oauth/%6cogin", "/%6fauth/login", "/oauth/LOGIN", "/oauth/callback/x"):
        for method in ("GET", "POST"):
            straight.get(target, NAVIGATION, method=method, body=b"" if method == "POST" else None)
    assert straight.app.received == b""


def test_I_6_an_upstream_sets_and_sees_none_of_its_cookies(start, upstream, provider, tmp_path):
    own = [f"{SESSION}=x", f"{SESSION}=; Max-Age=0", f"{FLOW}abc=x; Path=/", f" {SESSION} = x", f"={SESSION}=x"]
    others = [f"a={SESSION}", f"{SESSION}s=1", "b=c; Path=/"]
    lines = "".join(f"Set-Cookie: {line}\r\n" for line in own + others)
    app = upstream(f"HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok".encode())
    made = CodeFlow(start, app, provider, tmp_path / "one")
    browser = made.browser()
    browser.sign_in()
    answer = made.get("/a", [("Cookie", f"a=1; {SESSION}={browser.cookies[SESSION]}; {FLOW}x=1; b=2")])
    assert answer.status == 200 and answer.all("set-cookie") == others
    assert made.app.requests[-1].field("cookie") == "a=1; b=2"
    answer = made.get("/public/x", [("Cookie", f"{SESSION}={browser.cookies[SESSION]}; {FLOW}x=1; b=2")])
    assert answer.all("set-cookie") == others and made.app.requests[-1].field("cookie") == "b=2"


# D, C-11: what strangers cost.

def test_D_3_a_slow_provider_holds_up_nobody_who_is_signed_in(scene_of_its_own):
    made, provider = scene_of_its_own
    browser = made.browser()
    browser.sign_in()
    ways = []
    # Eight at a time from one address, so that nobody takes what is there for all.
    for _ in range(10):
        stranger = made.browser()
        ways.append((stranger, stranger.begin()))
    asked, goes_on = len(provider.of("token")), threading.Event()

    def late(handler):
        assert goes_on.wait(30)
        handler.answer_json(400, {"error": "invalid_grant"})
    provider.instead["token"] = late
    with contextlib.ExitStack() as stack:
        try:
            for stranger, back in ways[:8]:
                cookie = "; ".join(f"{name}={value}" for name, value in stranger.cookies.items())
                client = stack.enter_context(Client(made.gateway))
                client.send(f"GET {back} HTTP/1.1\r\nHost: {made.host}\r\nCookie: {cookie}\r\n\r\n")
            wait_until(lambda: len(provider.of("token")) == asked + 8, "eight codes to be redeemed")
            for stranger, back in ways[8:]:
                before = dict(stranger.cookies)
                answer = stranger.go(back)
                assert (answer.status, made.gateway.access_of(answer.request_id)["reason"]) == (503, "login_busy")
                assert answer.field("retry-after") and stranger.cookies == before
            assert browser.fetch("/a").status == 200 and made.browser().go("/oauth/login").status == 303
            assert len(provider.of("token")) == asked + 8
        finally:
            goes_on.set()
    provider.instead.clear()
    # Nothing of their way was used up.
    wait_until(lambda: ways[8][0].go(ways[8][1]).status == 303, "room again")
    assert ways[8][0].fetch("/a").status == 200


def test_D_3_a_flood_of_made_up_sessions_takes_no_memory(scene_of_its_own):
    made, _ = scene_of_its_own
    browser = made.browser()
    browser.sign_in()

    def flood(count):
        for _ in range(count // 50):
            with Client(made.gateway) as client:
                client.send("".join(
                    f"GET /a HTTP/1.1\r\nHost: {made.host}\r\nCookie: {SESSION}={secrets.token_urlsafe(32)}\r\n\r\n"
                    for _ in range(50)))
    flood(2000)
    before = made.gateway.resident_bytes()
    flood(20_000)
    assert made.gateway.resident_bytes() - before < 32 << 20
    answer = until_status(lambda: browser.fetch("/a"), 200)
    assert made.app.wait_requests(1)[-1].field("x-forwarded-user") == "alice" and answer


def test_C_11_made_up_codes_have_the_provider_asked_fifty_times(scene_of_its_own):
    made, provider = scene_of_its_own
    asked = len(provider.of("token"))

    def guess():
        browser = made.browser()
        state = query(browser.go("/oauth/login").field("location"))["state"]
        answer = browser.go("/oauth/callback?" + urllib.parse.urlencode(
            {"code": "made-up", "state": state, "iss": provider.issuer}))
        return answer, made.gateway.access_of(answer.request_id)["reason"]
    assert {guess()[1] for _ in range(50)} == {"callback_invalid"}
    answer, reason = guess()
    assert (answer.status, reason) == (429, "login_throttled") and 800 < int(answer.field("retry-after")) <= 900
    # Nor are there fifty more for each reload.
    made.gateway.reload(made.config + "\n# again\n")
    assert guess()[1] == "login_throttled"
    assert len(provider.of("token")) == asked + 50
    assert made.app.received == b""


def test_C_11_made_up_refusals_of_the_provider_are_not_remembered(scene_of_its_own):
    made, provider = scene_of_its_own
    asked = len(provider.of("token"))
    browser = made.browser()
    back = browser.begin("/a")
    kept = dict(browser.cookies)
    for _ in range(60):
        browser.cookies = dict(kept)
        refused(made, browser, browser.go(changed(back, code=None, error="access_denied")), 403, "provider_refused")
    # Another browser's is none, nor is one without its cookie.
    for cookies in ({}, {name: value[:-4] + "AAAA" for name, value in kept.items()}):
        browser.cookies = dict(cookies)
        answer = browser.go(changed(back, code=None, error="access_denied"))
        assert (answer.status, made.gateway.access_of(answer.request_id)["reason"]) == (400, "callback_invalid")
    with contextlib.closing(sqlite3.connect(made.state / "company.sessions.db")) as database:
        assert database.execute("SELECT count(*) FROM spent").fetchone() == (0,)
    assert len(provider.of("token")) == asked and made.app.received == b""
    # Nobody is shut out, and a code is good once, as ever.
    browser.cookies = dict(kept)
    signs_in(made, browser, back)
    made.app.forget()
    browser.cookies = dict(kept)
    refused(made, browser, browser.go(back), 400, "callback_invalid")


# What nobody may read.

def test_no_secret_is_in_a_log_or_a_page(start, upstream, provider, tmp_path):
    made = CodeFlow(start, upstream(), provider, tmp_path / "one", settings=", userinfo: true, scopes: [offline_access]")
    browser = made.browser()
    said = b""
    answers = [browser.go("/a")]
    answers.append(browser.go(answers[-1].field("location")))
    answers.append(browser.go(browser.at_provider(answers[-1].field("location"))))
    session = browser.cookies[SESSION]
    id_token = provider.made[-1]
    answers.append(browser.fetch("/a"))
    provider.instead["token"] = (400, JSON, json.dumps({"error": "invalid_grant", "error_description": SECRET}).encode())
    lost = browser.at_provider(browser.go("/oauth/login?return_to=/b").field("location"))
    answers.append(made.browser().go(lost))
    answers.append(browser.go(lost))
    provider.instead.clear()
    provider.claims = {"aud": "another"}
    answers.append(browser.go(browser.at_provider(browser.go("/oauth/login").field("location"))))
    token = provider.logout_token(sub="alice", nonce="x")
    answers.append(made.get("/oauth/backchannel-logout", [("Content-Type", "application/x-www-form-urlencoded")],
                            method="POST", body=f"logout_token={token}".encode()))
    answers.append(made.get("/a", [("Authorization", f"Bearer {session}")]))
    answers.append(browser.log_out())
    for answer in answers:
        said += answer.body + "".join(f"{n}: {v}\n" for n, v in answer.fields if n.lower() != "set-cookie").encode()
    # To the provider alone goes back what it has said of this browser's user itself.
    location = answers[-1].field("location")
    assert location.startswith(provider.issuer + "/logout?") and location.endswith(f"&id_token_hint={id_token}")
    said = said.replace(location.encode(), b"")
    # All of it has been written.
    made.gateway.access_of(answers[-1].request_id)
    kept = [SECRET, urllib.parse.quote_plus(SECRET), base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode(), session,
               token, *provider.made]
    kept += [each.form["code_verifier"] for each in provider.of("token") if "code_verifier" in each.form]
    for text in (said, made.gateway.program_text.encode(), made.gateway.access_text.encode()):
        for secret in kept:
            assert secret.encode() not in text, secret
