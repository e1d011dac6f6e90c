"""Sessions of the code flow when much happens at once: renewal, rotation, several processes, crashes."""
import concurrent.futures
import contextlib
import json
import sqlite3
import threading
import time
import urllib.parse

import pytest
from support.code_flow import FLOW, SESSION, CodeFlow, query, scene_fixture
from support.gateway import run
from support.hostile_provider import HostileProvider, provider_fixture
from support.ports import wait_until
from support.sign_in import NAVIGATION, until_status
from support.tokens import Key
from support.wire import Client, get


def age(made, others=(), **columns):
    """Changes the one session with its gateways stopped."""
    for each in (made, *others):
        each.gateway.stop()
    with contextlib.closing(sqlite3.connect(made.state / "company.sessions.db")) as database, database:
        for name, by in columns.items():
            database.execute(f"UPDATE sessions SET {name} = {name} + ?", (by,))
    for each in (made, *others):
        each.gateway = each.start(each.config)


def kinds(provider):
    return [each.form["grant_type"] for each in provider.of("token")]


def at_once(works):
    """All of them together; their results."""
    barrier = threading.Barrier(len(works))

    def run(work):
        barrier.wait(10)
        return work()
    with concurrent.futures.ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_C_5_of_many_that_come_back_at_once_one_is_let_in(scene, provider):
    made = scene(top="workers: 4")
    made.gateway.wait_message("keys updated")
    browser = made.browser()
    back = browser.begin()
    cookie = [("Cookie", "; ".join(f"{n}={v}" for n, v in browser.cookies.items()))]
    answers = at_once([lambda: made.get(back, [*NAVIGATION, *cookie])] * 8)
    assert sorted(answer.status for answer in answers) == [303] + [400] * 7
    assert len(provider.of("token")) == 1


def test_a_renewal_is_asked_for_once_by_many(scene, provider):
    made = scene(top="workers: 4")
    browser = made.browser()
    browser.sign_in()
    age(made, renew_at=-3600)
    cookie = [("Cookie", f"{SESSION}={browser.cookies[SESSION]}")]
    answers = at_once([lambda: made.get("/a", cookie)] * 24)
    assert {answer.status for answer in answers} == {200}
    assert kinds(provider) == ["authorization_code", "refresh_token"]


def test_each_renewal_has_the_newest_refresh_token(scene, provider):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    for count in range(1, 4):
        age(made, renew_at=-3600)
        assert browser.fetch("/a").status == 200
        assert len(provider.of("token")) == 1 + count
    used = [each.form["refresh_token"] for each in provider.of("token")[1:]]
    assert len(set(used)) == 3 and [each.fault for each in provider.of("token")] == [None] * 4
    # A provider that replaces none goes on with the one that it gave.
    provider.token_response = {"refresh_token": None}
    age(made, renew_at=-3600)
    assert browser.fetch("/a").status == 200
    assert provider.of("token")[-1].form["refresh_token"] not in used


@pytest.mark.parametrize("claims", [
    {"sub": "mallory"}, {"nonce": "x" * 22}, {"aud": "another"}, {"iss": "http://evil.test"}, {"exp": lambda exp: exp - 7200},
    {"at_hash": "x" * 22},
], ids=lambda claims: next(iter(claims)))
def test_C_7_a_renewal_with_another_id_token_ends_the_session(scene, provider, claims):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    age(made, renew_at=-3600)
    provider.claims = claims
    assert browser.fetch("/a").status == 401
    assert made.gateway.wait_message("a session has ended: it was not renewed")["why"]
    provider.claims = {}
    assert browser.fetch("/a").status == 401
    assert made.app.received == b""


@pytest.mark.parametrize("response", [{"id_token": None}, {"id_token": None, "refresh_token": None}])
def test_a_renewal_needs_no_id_token(scene, provider, response):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    age(made, renew_at=-3600)
    provider.token_response = response
    assert browser.fetch("/admin").status == 200
    assert made.app.requests[-1].field("x-forwarded-user") == "alice"


def test_nobody_is_authenticated_by_a_renewal(scene, provider):
    """Core §12.2: whatever it says of acr and auth_time, or leaves out, the session has what it began with."""
    made = scene()
    weak, strong = made.browser(), made.browser()
    provider.claims = {"acr": "silver", "auth_time": lambda now: now - 3600}
    weak.sign_in()
    provider.claims = {"acr": "gold"}
    strong.sign_in()
    assert (weak.fetch("/strong").status, strong.fetch("/strong").status) == (401, 200)
    age(made, renew_at=-3600)
    assert weak.fetch("/strong").status == 401 and weak.fetch("/a").status == 200
    provider.claims = {"acr": None, "auth_time": None, "groups": ["root"]}
    assert strong.fetch("/strong").status == 200 and strong.fetch("/root").status == 200


def test_who_only_lists_makes_no_database(tmp_path, scene):
    made = scene()
    text = made.gateway.config_path.read_text().replace(str(made.state), str(tmp_path / "none"))
    (tmp_path / "gateway.conf").write_text(text)
    for command, status in (("list", 0), ("revoke --all", 1)):
        done = run("sign-ins", *command.split(), "--config", tmp_path / "gateway.conf", "--provider", "company")
        assert done.returncode == status, done
    assert not (tmp_path / "none").exists()


def test_a_renewal_waits_for_keys(scene, provider):
    """A key set that cannot be had says nothing about who somebody is."""
    made = scene()
    browser = made.browser()
    browser.sign_in()
    provider.instead["jwks"] = (500, {}, b"")
    age(made, renew_at=-3600)
    answer = browser.fetch("/a")
    assert answer.status == 503 and made.gateway.access_of(answer.request_id)["reason"] == "introspection_unavailable"
    provider.instead.clear()
    assert wait_until(lambda: browser.fetch("/a").status == 200, "the keys", 40)


def test_userinfo_is_asked_again_at_a_renewal_without_an_id_token(scene, provider):
    """It adds to what the last ID token says, and changes nothing of that; another's ends the session."""
    made = scene(settings=", userinfo: true")
    provider.claims = {"groups": None}
    browser = made.browser()
    browser.sign_in()
    provider.token_response = {"id_token": None}
    provider.userinfo = {"groups": ["root"], "email": "other@example.com"}
    age(made, renew_at=-3600)
    assert browser.fetch("/root").status == 200 and browser.fetch("/admin").status == 403
    assert made.app.requests[-1].field("x-forwarded-email") == "alice@example.com"
    assert len(provider.of("userinfo")) == 2
    # Where it cannot be asked, nobody knows what they may do; the session stays.
    for status in (500, 403):
        provider.instead["userinfo"] = (status, {}, b"")
        age(made, renew_at=-7200)
        assert [browser.fetch("/root").status for _ in range(2)] == [503, 503]
        why = made.gateway.wait_message("sessions could not be renewed")["why"]
        assert why == f"the response of the userinfo endpoint has status {status}"
    provider.instead.clear()
    until_status(lambda: browser.fetch("/root"), 200)
    provider.userinfo = {"sub": "mallory", "groups": ["admin"]}
    age(made, renew_at=-7200)
    made.app.forget()
    assert browser.fetch("/admin").status == 401 and browser.fetch("/a").status == 401
    assert made.gateway.wait_message("a session has ended: it was not renewed")["why"] == "userinfo is for another sub"
    assert made.app.received == b"" and [each.fault for each in provider.asked if each.fault] == []


def test_userinfo_that_refuses_a_new_access_token_ends_the_session(scene, provider):
    made = scene(settings=", userinfo: true")
    browser = made.browser()
    browser.sign_in()
    provider.instead["userinfo"] = (401, {}, b"")
    age(made, renew_at=-3600)
    assert browser.fetch("/a").status == 401
    why = made.gateway.wait_message("a session has ended: it was not renewed")["why"]
    assert why == "the response of the userinfo endpoint has status 401"
    provider.instead.clear()
    assert browser.fetch("/a").status == 401 and made.app.received == b""


@pytest.mark.parametrize("status, error", [
    (400, "interaction_required"), (400, "access_denied"), (403, "invalid_grant"), (400, None)])
def test_a_renewal_that_is_refused_sends_the_user_to_sign_in(scene, provider, status, error):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    provider.instead["token"] = (
        status, {"Content-Type": "application/json"}, json.dumps({"error": error} if error else {}).encode())
    age(made, renew_at=-3600)
    assert browser.fetch("/a").status == 401
    why = made.gateway.wait_message("a session has ended: it was not renewed")["why"]
    assert why == (f"the provider says {error}" if error else "the response of the token endpoint has status 400")
    assert made.gateway.said("sign-in failed") == [] and made.app.received == b""
    # A person is not locked out: they sign in again.
    provider.instead.clear()
    browser.sign_in()
    assert browser.fetch("/a").status == 200


@pytest.mark.parametrize("status, error, why", [
    (401, "invalid_client", "the provider says invalid_client: it does not accept this client's credentials"),
    (503, "temporarily_unavailable", "the response of the token endpoint has status 503")])
def test_a_provider_that_cannot_renew_is_not_asked_by_every_request(scene, provider, status, error, why):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    provider.instead["token"] = (
        status, {"Content-Type": "application/json"}, json.dumps({"error": error}).encode())
    age(made, renew_at=-3600)
    before = len(provider.of("token"))
    began = time.monotonic()
    answers = [browser.fetch("/a") for _ in range(20)]
    # Once in three seconds, however long they took.
    assert len(provider.of("token")) - before <= 1 + (time.monotonic() - began) // 2
    assert {answer.status for answer in answers} == {503} and answers[0].field("retry-after")
    assert made.gateway.wait_message("sessions could not be renewed")["why"] == why
    assert made.gateway.said("sign-in failed") == [] and made.app.received == b""
    provider.instead.clear()
    until_status(lambda: browser.fetch("/a"), 200)


@pytest.mark.parametrize("verified", [False, None])
def test_I_9_at_a_renewal_no_former_word_proves_another_address(scene, provider, verified):
    """Without another ID token the last one counts, and its email_verified was about the address of then."""
    made = scene(settings=", userinfo: true", routes=(
        "  - { path: /mail, auth: company, require: { claims: { email: [admin@corp.example] } }, upstream: app }"))
    provider.claims = {"email": None, "email_verified": True}
    provider.userinfo = {"email": "me@corp.example", "email_verified": True}
    browser = made.browser()
    browser.sign_in()
    assert browser.fetch("/mail").status == 403
    provider.token_response = {"id_token": None}
    provider.userinfo = {"email": "admin@corp.example", "email_verified": verified}
    age(made, renew_at=-3600)
    assert browser.fetch("/mail").status == 403 and made.app.received == b""
    assert len(provider.of("userinfo")) == 2
    # Once it is proven it is theirs.
    provider.userinfo = {"email": "admin@corp.example", "email_verified": True}
    age(made, renew_at=-7200)
    assert browser.fetch("/mail").status == 200


def test_without_a_refresh_token_nobody_is_asked(scene, provider):
    provider.gives_refresh_tokens = False
    provider.expires_in = 1
    made = scene()
    browser = made.browser()
    browser.sign_in()
    age(made, last_used_at=-3600)
    assert browser.fetch("/a").status == 200
    assert kinds(provider) == ["authorization_code"]


def test_two_processes_renew_one_session_at_once(start, upstream, provider, tmp_path):
    """Each refresh token is good once at the provider: who comes second is told that it is over, while the first still
    waits for its answer."""
    one = CodeFlow(start, upstream(), provider, tmp_path / "one")
    two = CodeFlow(start, upstream(), provider, tmp_path / "two", state=one.state)
    browser = one.browser()
    browser.sign_in()
    age(one, others=[two], renew_at=-3600)
    cookie = [("Cookie", f"{SESSION}={browser.cookies[SESSION]}")]
    came, answered = threading.Event(), threading.Event()
    make = provider.make_id_token

    def slowly(grant, access):
        made = make(grant, access)
        came.set()
        answered.wait(2)
        return made
    provider.make_id_token = slowly
    with provider.lock:
        for grant in provider.grants.values():
            grant["user"] = {"sub": "alice", "groups": ["root"]}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: one.get("/a", cookie))
        assert came.wait(10)
        second = two.get("/a", cookie)
        answered.set()
        assert first.result(15).status == 200
    assert second.status == 200
    # It has gone on with what was known, and hears soon of what the other was told.
    until_status(lambda: two.get("/root", cookie), 200, 20)
    assert one.get("/b", cookie).status == 200 and two.get("/b", cookie).status == 200


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
def test_providers_with_other_keys(scene, algorithm):
    with contextlib.closing(HostileProvider(algorithm=algorithm)) as provider:
        # The hash of the access token is made with the signature's hash function, which the provider here does not do.
        provider.claims = {"at_hash": None}
        made = scene(provider=provider)
        browser = made.browser()
        browser.sign_in()
        assert browser.fetch("/a").status == 200


def test_K_3_a_key_that_the_provider_has_taken_since(scene, provider):
    """It is looked for when an ID token names it, though not within 30 s of the time before."""
    made = scene()
    browser, other = made.browser(), made.browser()
    browser.sign_in()
    provider.key = Key("ES256", "provider-2")
    provider.published = [provider.key]
    wait_until(lambda: other.go(other.begin()).status == 303, "the new key", 60)
    assert other.fetch("/a").status == 200 and browser.fetch("/a").status == 200


def test_C_1_over_https_cookies_have_the_host_prefix(start, upstream, provider, tmp_path):
    made = CodeFlow(start, upstream(), provider, tmp_path / "one", url="https://app.example.test")
    answer = get(made.gateway, "/oauth/login?return_to=/a", NAVIGATION, host="app.example.test")
    line, = answer.all("set-cookie")
    assert line.startswith("__Host-" + FLOW) and line.endswith("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure")
    location = answer.field("location")
    assert query(location)["redirect_uri"] == "https://app.example.test/oauth/callback"
    import requests
    back = requests.get(location, allow_redirects=False, timeout=10).headers["Location"]
    assert back.startswith("https://app.example.test/oauth/callback?")
    target = back.removeprefix("https://app.example.test")
    cookie = ("Cookie", line.partition(";")[0])
    answer = get(made.gateway, target, [*NAVIGATION, cookie], host="app.example.test")
    session, cleared = answer.all("set-cookie")
    assert answer.status == 303 and session.startswith("__Host-" + SESSION)
    assert session.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure")
    assert cleared.startswith(cookie[1].partition("=")[0] + "=; ") and "; Max-Age=0;" in cleared and "Secure" in cleared
    value = session.partition(";")[0].partition("=")[2]
    assert get(made.gateway, "/a", [("Cookie", f"__Host-{SESSION}={value}")], host="app.example.test").status == 200
    # Without the prefix any page of a neighbour could have set it.
    assert get(made.gateway, "/a", [("Cookie", f"{SESSION}={value}")], host="app.example.test").status == 401


def test_a_crash_loses_no_session_and_no_logout(scene, provider):
    made = scene()
    stays, goes = made.browser(), made.browser()
    stays.sign_in()
    goes.sign_in()
    session = goes.cookies[SESSION]
    assert goes.log_out().status == 303
    back = made.browser()
    used = back.begin()
    kept = dict(back.cookies)
    assert back.go(used).status == 303
    made.gateway.kill()
    made.gateway = made.start(made.config)
    assert stays.fetch("/a").status == 200
    assert made.get("/a", [("Cookie", f"{SESSION}={session}")]).status == 401
    # Nor is a state good once more.
    back.cookies = kept
    assert back.go(used).status == 400


def test_a_proxy_that_asks_sends_browsers_to_the_provider_too(start, upstream, provider, tmp_path):
    made = CodeFlow(start, upstream(), provider, tmp_path / "one",
                    top="forward_auth: { path: /verify, peers: [127.0.0.1] }")

    def asks(fields):
        return made.get("/verify?mode=redirect", [
            ("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/a?b=c"), ("X-Forwarded-Host", "127.0.0.1:8080"),
            ("X-Forwarded-Proto", "http"), *fields])
    answer = asks(NAVIGATION)
    assert (answer.status, answer.field("location")) == (303, "/oauth/login?return_to=/a%3Fb%3Dc")
    assert asks([]).status == 401
    browser = made.browser()
    browser.sign_in()
    answer = asks([*NAVIGATION, ("Cookie", f"a=1; {SESSION}={browser.cookies[SESSION]}")])
    assert answer.status == 200 and answer.field("x-forwarded-user") == "alice"
    assert answer.field("cookie") == "a=1"
    assert made.app.received == b""


def test_a_logout_in_one_process_is_one_in_the_other(start, upstream, provider, tmp_path):
    one = CodeFlow(start, upstream(), provider, tmp_path / "one")
    two = CodeFlow(start, upstream(), provider, tmp_path / "two", state=one.state)
    browser = one.browser()
    browser.sign_in()
    cookie = [("Cookie", f"{SESSION}={browser.cookies[SESSION]}")]
    # The other has heard of it, and remembers.
    assert two.get("/a", cookie).status == 200
    began = time.monotonic()
    assert browser.log_out().status == 303
    until_status(lambda: two.get("/a", cookie), 401)
    # Before it would have looked for itself.
    assert time.monotonic() - began < 25


def test_C_9_sessions_are_listed_and_revoked_beside_a_gateway(scene, provider):
    """What was acknowledged counts on every loop, for tunnels too; who is not named goes on."""
    made = scene(top="workers: 4")

    def sign_ins(*arguments):
        return run("sign-ins", *arguments, "--config", made.gateway.config_path, "--provider", "company")
    provider.user["preferred_username"] = "Alice  A."
    first, second, third = made.browser(), made.browser(), made.browser()
    first.sign_in()
    second.sign_in()
    provider.user = {"sub": "bob"}
    third.sign_in()
    cookies = [[("Cookie", f"{SESSION}={each.cookies[SESSION]}")] for each in (first, second, third)]
    # Every loop knows them.
    for cookie in cookies:
        assert {made.get("/a", cookie).status for _ in range(16)} == {200}
    listed = sign_ins("list").stdout
    assert listed.split("\n")[0].split() == ["ID", "USER", "NAME", "SINCE", "LAST", "USED", "UNTIL"]
    assert len(listed.splitlines()) == 4 and listed.count('"Alice  A."') == 2
    for secret in (*(each.cookies[SESSION] for each in (first, second, third)), *provider.made):
        assert secret not in listed
    bob, = sign_ins("list", "--user", "bob").stdout.splitlines()[1:]
    ended = sign_ins("revoke", "--user", "alice")
    assert ended.returncode == 0 and len(ended.stdout.split()) == 2
    wait_until(lambda: {made.get("/a", cookie).status for cookie in cookies[:2] for _ in range(8)} == {401}, "the end", 10)
    assert {made.get("/a", cookies[2]).status for _ in range(8)} == {200}
    assert sign_ins("revoke", "--user", "alice").returncode == 1
    assert sign_ins("revoke", "--id", bob.split()[0], "--id", "x").stdout == bob.split()[0] + "\n"
    wait_until(lambda: {made.get("/a", cookies[2]).status for _ in range(16)} == {401}, "the end", 10)
    assert sign_ins("revoke", "--all").returncode == 1
    first.sign_in()
    assert len(sign_ins("revoke", "--all").stdout.split()) == 1
    wait_until(lambda: first.fetch("/a").status == 401, "the end", 10)
    # Ids are base64url, which may begin with a dash.
    unknown = sign_ins("revoke", "--id", "-x")
    assert (unknown.returncode, "none is active" in unknown.stderr) == (1, True), unknown


def test_a_gateway_that_stops_answers_who_waits_for_the_provider(scene, provider):
    made = scene(top="timeouts: { drain: 10s }")
    made.gateway.wait_message("keys updated")
    browser = made.browser()
    back = browser.begin()
    came, go_on = threading.Event(), threading.Event()
    make = provider.make_id_token

    def slowly(grant, access):
        came.set()
        go_on.wait(3)
        return make(grant, access)
    provider.make_id_token = slowly
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: browser.go(back))
        assert came.wait(10)
        made.gateway.signal(15)
        go_on.set()
        assert answer.result(15).status == 303
    assert made.gateway.wait() == 0
    made.gateway = made.start(made.config)
    assert browser.fetch("/a").status == 200


def held_keys(provider):
    """Has the key set wait; what lets it go."""
    release = threading.Event()
    provider.instead["jwks"] = lambda handler: (release.wait(15), provider.jwks(handler, None))
    return release


def test_a_logout_by_the_provider_that_waits_for_keys_outlives_a_reload(scene, provider):
    release = held_keys(provider)
    made = scene()
    wait_until(lambda: provider.of("jwks"), "the fetch of the keys")
    body = urllib.parse.urlencode({"logout_token": provider.logout_token(sub="alice")})
    with Client(made.gateway) as client:
        client.send(f"POST /oauth/backchannel-logout HTTP/1.1\r\nHost: {made.host}\r\nContent-Length: {len(body)}\r\n"
                    f"Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}")
        made.gateway.wait_taken(client)
        made.gateway.reload(made.config + "\n# again\n")
        release.set()
        assert client.response().status == 200


def test_who_comes_back_while_the_configuration_is_reloaded_is_signed_in(scene, provider):
    """The request asks for keys after the reload, by what the configuration before has begun."""
    release, keys = threading.Event(), held_keys(provider)
    provider.instead["token"] = lambda handler: (release.wait(15), provider.token(handler, provider.of("token")[-1]))
    made = scene()
    browser = made.browser()
    back = browser.begin()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(browser.navigate, back)
        wait_until(lambda: provider.of("token"), "the code")
        made.gateway.reload(made.config + "\n# again\n")
        release.set()
        keys.set()
        assert answer.result(20).status == 303
