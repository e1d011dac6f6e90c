"""What ends a sign-in ends it, whatever else happens at that moment; what does not leaves it as it is."""
import base64
import concurrent.futures
import contextlib
import fcntl
import json
import os
import resource
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
from support.gateway import BINARY, run
from support.ports import wait_until
from support.sign_in import ALICE, BOB, JSON, PASSWORD, SignIn, hashed, person, scene_fixture, until_status, users
from support.tokens import payload
from support.wire import Client
from test_admin_revoke import Admin

NEW = "another correct horse battery"
# A store that somebody holds is waited for so long, and then some.
HELD = 4.0


@contextlib.contextmanager
def held(made, seconds=HELD):
    """Another process that writes, and takes its time: a backup, or a slow disk."""
    database = sqlite3.connect(made.folder / "state" / "local.sign-ins.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    release = threading.Timer(seconds, lambda: None)
    release.start()
    try:
        yield lambda: (release.join(), database.execute("ROLLBACK"))
    finally:
        release.cancel()
        database.close()


def while_held(made, request, seconds=HELD):
    """The answer to a request that comes while the store is held for so long."""
    answers = []
    with held(made, seconds) as end:
        thread = threading.Thread(target=lambda: answers.append(request()))
        thread.start()
        time.sleep(seconds)
        end()
        thread.join()
    return answers[0]


def test_verification_touches_no_store(scene):
    """Nobody whose token is good waits for a database that somebody else holds, or that is gone."""
    made = scene(workers=2)
    # Of each sign-in both a token that was seen and one that was not.
    tokens = [made.tokens() for _ in range(10)]

    def statuses():
        return {made.get("/x", [made.bearer(each["access_token"])]).status for each in tokens[:5] * 2}
    with held(made, 60):
        assert statuses() == {200}
        with sqlite3.connect(made.folder / "state" / "local.sign-ins.db", timeout=0) as database, \
                pytest.raises(sqlite3.OperationalError, match="locked"):
            database.execute("BEGIN IMMEDIATE")
    # Whoever only reads does not wait for that; without its tables nothing can be read either.
    made.drop_store()
    assert made.refresh(tokens[0]["refresh_token"]).status == 503
    tokens.reverse()
    assert statuses() == {200}
    assert len(made.app.requests) == 20


def test_C_10_a_logout_that_is_acknowledged_ends_the_sign_in(scene):
    made = scene()
    for by_cookie in (True, False):
        browser = made.browser()
        browser.sign_in()
        token = browser.refresh_token
        if by_cookie:
            browser.cookies.pop("portcullis_access")
            answer = while_held(made, lambda: browser.post_form("/auth/logout", {}))
        else:
            answer = while_held(made, lambda: made.post("/auth/logout", {"refresh_token": token}))
        assert answer.status in (204, 303, 503), answer
        if answer.status != 503:
            assert made.refresh(token).status == 401
        else:
            assert made.refresh(token).status == 200


def test_a_store_that_is_held_signs_nobody_out(scene):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    token = browser.refresh_token
    answer = while_held(made, lambda: browser.fetch("/auth/refresh", [("Origin", browser.origin)], method="POST", body=b""))
    if answer.status == 503:
        assert answer.all("set-cookie") == [] and json.loads(answer.body)["error"] == "temporarily_unavailable"
        assert made.refresh(token).status == 200
    else:
        assert answer.status == 204
    answer = while_held(made, lambda: made.refresh(made.tokens()["refresh_token"]))
    assert answer.status in (200, 503)
    if answer.status == 503:
        assert json.loads(answer.body)["error"] == "temporarily_unavailable"


def test_C_9_what_the_command_line_ends_is_learnt_also_where_it_cannot_be_read_at_once(scene):
    made = scene()
    tokens = made.tokens()
    fields = [made.bearer(tokens["access_token"])]
    assert made.get("/x", fields).status == 200
    ended = run("sign-ins", "revoke", "--config", made.gateway.config_path, "--provider", "local", "--user", "alice")
    assert ended.returncode == 0, ended.stderr
    with held(made, 6.5) as end:
        time.sleep(6.5)
        end()
    until_status(lambda: made.get("/x", fields), 401)


def test_C_9_a_users_file_that_is_being_written_ends_nothing(scene):
    made = scene()
    alice, bob = made.tokens("alice"), made.tokens("bob")
    text = made.users_file.read_text()
    assert text == users(ALICE, BOB)
    # In place, as an editor may do it, with a list that is well-formed and too short in between.
    with open(made.users_file, "w") as file:
        file.write(users(ALICE))
        for _ in range(25):
            file.write("# more to come\n")
            file.flush()
            time.sleep(0.1)
            alice, bob = (json.loads(made.refresh(each["refresh_token"]).body) for each in (alice, bob))
            assert "access_token" in bob and "access_token" in alice
        file.seek(0)
        file.truncate()
        file.write(text)
    assert made.refresh(bob["refresh_token"]).status == 200
    # Once it rests it counts.
    made.write_users(users(ALICE))
    made.gateway.wait_message("users file read")
    until_status(lambda: made.login("bob"), 401)


def test_C_9_a_users_file_that_is_being_written_at_the_start_ends_nothing(scene):
    made = scene()
    tokens = made.tokens("bob")
    made.write_users(users(ALICE))
    made.gateway.wait_message("users file read")
    # It lacks somebody who comes in the very second in which it is written to.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        made.write_users(users(ALICE) + "# more to come\n")
        refreshed = pool.submit(made.refresh, tokens["refresh_token"])
        made.write_users(users(ALICE, BOB))
        assert refreshed.result().status == 200
    assert not made.gateway.said("a sign-in has ended")


@pytest.mark.parametrize("way", ["command line", "own"])
def test_a_changed_password_puts_others_out(scene, way):
    made = scene()
    thief, owner = made.tokens(), made.tokens()
    if way == "own":
        answer = made.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW},
                           [made.bearer(owner["access_token"])])
        assert answer.status == 204, answer.body
        # Who has changed it goes on.
        assert made.refresh(owner["refresh_token"]).status == 200
        assert made.get("/x", [made.bearer(thief["access_token"])]).status == 401
    else:
        changed = subprocess.run(
            [BINARY, "user", "password", "alice", "--users-file", str(made.users_file), "--password-stdin"],
            input=NEW + "\n", text=True, capture_output=True, timeout=30)
        assert changed.returncode == 0, changed.stderr
        made.gateway.wait_message("users file read")
        assert made.login(password=NEW).status == 200
        assert made.refresh(owner["refresh_token"]).status == 401
    assert made.refresh(thief["refresh_token"]).status == 401


def test_C_9_a_password_is_replaced_before_anything_is_ended(scene):
    """At once, in a script: the gateway has not looked at the file yet when somebody comes with the old one."""
    made = scene(top="admin: { address: 127.0.0.1:0 }")
    admin = Admin(made.gateway)
    passwords = [PASSWORD, "the second password", "the third password", "the last password"]
    texts = [users(person("u-1", "alice", password=password)) for password in passwords]
    for former, text in zip(passwords, texts[1:]):
        token = made.tokens(password=former)["access_token"]
        made.write_users(text)
        assert admin.revoke(provider="local", sub="u-1")[1] == {"result": "ended", "sign_ins": [payload(token)["sid"]]}
        assert made.login(password=former).status == 401
        assert made.get("/x", [made.bearer(token)]).status == 401
        assert admin.revoke(provider="local", sub="u-1")[0] == 404
        # Once it rests it counts for all.
        wait_until(lambda: made.gateway.said("users file read")[passwords.index(former):], "the users file")
    assert made.get("/x", [made.bearer(made.tokens(password=passwords[-1])["access_token"])]).status == 200


def test_a_password_is_not_changed_while_the_store_is_held(scene):
    made = scene()
    thief, owner = made.tokens(), made.tokens()

    def change():
        return made.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW},
                         [made.bearer(owner["access_token"])])
    database = sqlite3.connect(made.folder / "state" / "local.sign-ins.db", isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    try:
        # 500 where the password took so long to be checked that nobody waits for the store any more.
        assert change().status in (500, 503)
    finally:
        database.close()
    # Nor later: whoever was told that it failed has the old one.
    assert made.login(password=NEW).status == 401
    assert made.login().status == 200
    owner = json.loads(made.refresh(owner["refresh_token"]).body)
    thief = json.loads(made.refresh(thief["refresh_token"]).body)
    assert change().status == 204
    assert made.login(password=NEW).status == 200
    assert made.refresh(owner["refresh_token"]).status == 200
    assert made.refresh(thief["refresh_token"]).status == 401


def test_a_login_under_way_does_not_outlive_its_password(scene):
    """Those that were begun with the old password and come to their end after it was changed."""
    made = scene()
    token = made.tokens()["access_token"]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(made.login())) for _ in range(8)]
    for thread in threads:
        thread.start()
    answer = made.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW}, [made.bearer(token)])
    for thread in threads:
        thread.join()
    assert answer.status == 204, answer.body
    issued = [json.loads(each.body) for each in answers if each.status == 200]
    for each in issued:
        assert made.refresh(each["refresh_token"]).status == 401
        until_status(lambda: made.get("/x", [made.bearer(each["access_token"])]), 401)


def test_a_reload_brings_no_disabled_user_back(scene, tmp_path):
    """One who is disabled while a reload is under way, which has read the users before."""
    revoked = tmp_path / "revoked.txt"
    revoked.write_text("".join(f"jti token-number-{n:08}\n" for n in range(100_000)))
    made = scene(top=f"revocations: {{ file: {revoked} }}")
    assert made.login("bob").status == 200
    made.gateway.signal(signal.SIGHUP)
    time.sleep(0.02)
    made.write_users(users(ALICE, person("u-2", "bob", disabled=True)))
    made.gateway.wait_message("reloaded")
    until_status(lambda: made.login("bob"), 401)
    time.sleep(1.2)
    assert made.login("bob").status == 401


def test_C_11_whoever_locks_the_folder_stops_no_logins(scene):
    """Anybody can who may open it."""
    made = scene()
    token = made.tokens()["access_token"]
    folder = os.open(made.folder, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_SH)
        answer = made.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW}, [made.bearer(token)])
        assert answer.status == 500
        assert made.login().status == 200
    finally:
        os.close(folder)
    # It was not done later, either.
    assert made.login(password=NEW).status == 401
    answer = made.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW}, [made.bearer(token)])
    assert answer.status == 204


def test_explain_knows_what_has_ended(scene):
    made = scene()
    token = made.tokens()["access_token"]

    def explain():
        return run("explain", "--config", made.gateway.config_path, "--path", "/x", "--host", made.host, "--token", "-",
                   stdin=token)
    assert explain().returncode == 0
    assert made.post("/auth/logout", None, [made.bearer(token)]).status == 204
    answer = explain()
    assert answer.returncode == 1 and "token_revoked" in answer.stdout, answer


def test_why_does_not_blame_the_file_of_revocations_for_a_logout(scene):
    made = scene()
    token = made.tokens()["access_token"]
    assert made.post("/auth/logout", None, [made.bearer(token)]).status == 204
    answer = made.get("/x", [made.bearer(token)])
    assert made.gateway.access_of(answer.request_id)["reason"] == "token_revoked"
    said = run("why", answer.request_id, "--log", made.gateway.folder / "access.log")
    assert said.returncode == 0, said
    text = " ".join(said.stdout.split()).replace("`", "")
    assert made.gateway.access_of(answer.request_id)["revoked_by"] == "ended_sign_in"
    for cause in ("The sign-in or session that the token came of has ended", "by logout", "sign-ins revoke",
                  "a reused refresh token", "portcullis logs --messages FILE shows what ended it"):
        assert cause in text, text
    assert "file of revocations" not in text and "named" not in text
    # What it is told to look at.
    messages = run("logs", "--messages", made.gateway.folder / "program.log").stdout
    assert "signed out" in messages and payload(token)["sub"] in messages


def test_C_9_signing_in_again_ends_the_sign_in_before(scene):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    before, access = browser.refresh_token, browser.access
    answer = browser.sign_in()
    assert answer.status == 200 and browser.refresh_token != before
    assert made.refresh(before).status == 401
    assert made.get("/x", [made.bearer(access)]).status == 401
    assert browser.fetch("/x").status == 200


def made_up(token):
    """The first part of a refresh token, with another rest: as good as one that was replaced long ago."""
    whole = base64.urlsafe_b64decode(token)
    assert len(whole) == 48
    return base64.urlsafe_b64encode(whole[:16] + os.urandom(32)).decode()


def test_C_10_a_dead_refresh_token_ends_its_own_sign_in_and_no_other(scene):
    """Whoever finds one, or knows the first part alone, does not sign the user out everywhere."""
    made = scene()
    stolen, other, bob = made.tokens(), made.tokens(), made.tokens("bob")
    latest = json.loads(made.refresh(stolen["refresh_token"]).body)
    answer = made.post("/auth/logout", {"refresh_token": made_up(stolen["refresh_token"]), "everywhere": True})
    assert (answer.status, json.loads(answer.body)["error"]) == (401, "invalid_grant")
    assert made.gateway.access_of(answer.request_id)["reason"] == "refresh_reused"
    assert made.gateway.wait_message("used again")["subject"] == "u-1"
    # Its own has ended, for whoever has it, and access tokens with it.
    assert made.refresh(latest["refresh_token"]).status == 401
    for token in (stolen, latest):
        assert made.get("/dead", [made.bearer(token["access_token"])]).status == 401
    # The user's other one goes on, and so does everybody else's.
    for index, token in enumerate((other, bob)):
        assert made.get(f"/x{index}", [made.bearer(token["access_token"])]).status == 200
        assert made.refresh(token["refresh_token"]).status == 200
    # The right rest behind another first part is of no sign-in.
    rest = base64.urlsafe_b64decode(other["refresh_token"])[16:]
    token = base64.urlsafe_b64encode(os.urandom(16) + rest).decode()
    assert made.post("/auth/logout", {"refresh_token": token, "everywhere": True}).status == 204
    assert made.get("/x2", [made.bearer(other["access_token"])]).status == 200
    assert [request.target for request in made.app.requests] == ["/x0", "/x1", "/x2"]


def test_C_10_a_dead_refresh_token_in_a_cookie_ends_its_own_sign_in_and_no_other(scene):
    made = scene()
    browser, other = made.browser(), made.tokens()
    browser.sign_in()
    browser.cookies.pop("portcullis_access")
    browser.cookies["portcullis_refresh"] = made_up(browser.refresh_token)
    answer = browser.post_form("/auth/logout", {"everywhere": "true"})
    assert made.gateway.access_of(answer.request_id)["reason"] == "refresh_reused"
    assert answer.status == 401 and browser.refresh_token is None
    assert made.get("/x", [made.bearer(other["access_token"])]).status == 200
    assert len(made.app.requests) == 1


@pytest.mark.parametrize("kind", ["latest", "successor", "replaced a moment ago"])
def test_C_10_a_refresh_token_that_is_good_ends_all(scene, kind):
    made = scene()
    other = made.tokens()
    if kind == "successor":
        browser = made.browser()
        browser.sign_in()
        first = browser.refresh_token
        assert browser.fetch("/auth/refresh", method="POST", fields=[("Origin", browser.origin)]).status == 204
        token = browser.refresh_token
        assert token != first
    else:
        token = made.tokens()["refresh_token"]
        if kind != "latest":
            assert made.refresh(token).status == 200
    assert made.post("/auth/logout", {"refresh_token": token, "everywhere": True}).status == 204
    until_status(lambda: made.get("/x", [made.bearer(other["access_token"])]), 401)
    assert made.refresh(other["refresh_token"]).status == 401


def test_C_9_a_refresh_token_of_the_former_password_ends_its_own_sign_in_and_no_other(scene):
    made = scene()
    stolen = made.tokens()["refresh_token"]
    made.write_users(users(person("u-1", "alice", password=NEW)))
    made.gateway.wait_message("users file read")
    again = json.loads(made.login(password=NEW).body)
    answer = made.post("/auth/logout", {"refresh_token": stolen, "everywhere": True})
    assert (answer.status, json.loads(answer.body)["error"]) == (401, "invalid_grant")
    assert made.gateway.access_of(answer.request_id)["reason"] == "refresh_refused"
    assert made.get("/x", [made.bearer(again["access_token"])]).status == 200
    assert made.refresh(again["refresh_token"]).status == 200
    assert made.refresh(stolen).status == 401
    assert [request.target for request in made.app.requests] == ["/x"]


@pytest.mark.parametrize("place", ["Authorization", "cookie"])
def test_C_9_an_access_token_of_the_former_password_ends_its_own_sign_in_and_no_other(scene, place):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    stolen = browser.cookies["portcullis_access"]
    made.write_users(users(person("u-1", "alice", password=NEW)))
    made.gateway.wait_message("users file read")
    again = json.loads(made.login(password=NEW).body)
    if place == "cookie":
        answer = browser.post_form("/auth/logout", {"everywhere": "true"})
    else:
        answer = made.post("/auth/logout", {"everywhere": True}, [made.bearer(stolen)])
    assert (answer.status, json.loads(answer.body)["error"]) == (401, "invalid_grant")
    assert made.gateway.access_of(answer.request_id)["reason"] == "refresh_refused"
    assert made.get("/x", [made.bearer(stolen)]).status == 401
    assert made.get("/x", [made.bearer(again["access_token"])]).status == 200
    assert made.refresh(again["refresh_token"]).status == 200
    assert [request.target for request in made.app.requests] == ["/x"]


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("access", ["another sign-in's", "another user's", "no sign-in's"])
def test_C_9_a_logout_by_cookies_of_two_sign_ins_ends_both(scene, access, everywhere):
    made = scene()
    one, two, third = made.browser(), made.browser(), made.tokens()
    one.sign_in("bob" if access == "another user's" else "alice")
    two.sign_in()
    ends, refresh = dict(one.cookies), two.refresh_token
    if access == "no sign-in's":
        one.cookies["portcullis_access"] = run(
            "token", "mint", "--config", made.gateway.config_path, "--provider", "local", "--subject",
            "u-1").stdout.strip()
    one.cookies["portcullis_refresh"] = refresh
    answer = one.post_form("/auth/logout", {"everywhere": "true"} if everywhere else {})
    assert answer.status == (401 if everywhere and access == "no sign-in's" else 303)
    assert one.access is None and one.refresh_token is None
    # The refresh cookie's has ended, and so has its access token.
    assert made.refresh(refresh).status == 401
    assert made.get("/x", [made.bearer(two.access)]).status == 401
    if access != "no sign-in's":
        assert made.refresh(ends["portcullis_refresh"]).status == 401
        assert made.get("/x", [made.bearer(ends["portcullis_access"])]).status == 401
    # What neither cookie is of goes on, unless all of its user's were to end.
    is_over = everywhere and access == "another sign-in's"
    assert made.get("/x", [made.bearer(third["access_token"])]).status == (401 if is_over else 200)
    assert len(made.app.requests) == (0 if is_over else 1)


def test_an_access_token_of_no_sign_in_ends_none(scene):
    """Of all sign-ins it says so: nobody is told that they are over while they go on."""
    made = scene()
    other = made.tokens()
    minted = run("token", "mint", "--config", made.gateway.config_path, "--provider", "local", "--subject", "u-1").stdout
    assert made.post("/auth/logout", {}, [made.bearer(minted.strip())]).status == 204
    answer = made.post("/auth/logout", {"everywhere": True}, [made.bearer(minted.strip())])
    assert (answer.status, json.loads(answer.body)["error"]) == (401, "invalid_grant")
    assert made.gateway.access_of(answer.request_id)["reason"] == "refresh_refused"
    assert made.refresh(other["refresh_token"]).status == 200


def test_a_refresh_token_that_was_replaced_signs_out_where_that_is_all_that_is_asked(scene):
    made = scene()
    token = made.tokens()
    assert made.post("/auth/logout", {"refresh_token": made_up(token["refresh_token"])}).status == 204
    assert made.refresh(token["refresh_token"]).status == 401


def test_C_11_a_user_has_so_many_sign_ins(scene):
    made = scene()
    issued = [json.loads(until_status(made.login, 200).body) for _ in range(101)]
    listed = run("sign-ins", "list", "--config", made.gateway.config_path, "--provider", "local", "--user", "alice")
    assert listed.stdout.count("\n") == 101, listed.stdout
    ended = [each for each in issued if made.get("/x", [made.bearer(each["access_token"])]).status == 401]
    assert len(ended) == 1 and made.refresh(ended[0]["refresh_token"]).status == 401


def test_L_3_a_users_file_that_its_group_can_write_is_not_taken(scene):
    made = scene()
    text = made.users_file.read_text() + person("u-9", "mallory")
    new = made.folder / "users.new"
    new.write_text(text)
    new.chmod(0o660)
    new.rename(made.users_file)
    why = made.gateway.wait_message("the users file cannot be used; the users read before stay in force")["why"]
    assert "can be written by its group" in why and f"run chmod 640 {made.users_file}" in why, why
    assert made.login("mallory").status == 401 and made.login().status == 200
    checked = run("check", "--config", made.gateway.config_path)
    assert checked.returncode == 1 and "can be written by its group" in checked.stderr, checked
    # It is taken as soon as its mode is right.
    made.users_file.chmod(0o640)
    made.gateway.wait_message("users file read")
    assert made.login("mallory").status == 200


def test_a_users_file_that_could_not_be_read_for_a_while_is_taken(scene):
    made = scene()
    text = made.users_file.read_text() + person("u-9", "mallory")
    before = resource.prlimit(made.gateway.pid, resource.RLIMIT_NOFILE)
    # No file can be opened, and the end of that changes nothing in this one.
    resource.prlimit(made.gateway.pid, resource.RLIMIT_NOFILE, (0, before[1]))
    made.write_users(text)
    fault = "the users file cannot be used; the users read before stay in force"
    assert "cannot be read: Too many open files" in made.gateway.wait_message(fault)["why"]
    changed = made.users_file.stat().st_ctime_ns
    # It is tried again meanwhile.
    time.sleep(2.5)
    resource.prlimit(made.gateway.pid, resource.RLIMIT_NOFILE, before)
    made.gateway.wait_message("users file read")
    assert made.login("mallory").status == 200
    assert made.users_file.stat().st_ctime_ns == changed and len(made.gateway.said(fault)) == 1


def test_C_11_nobody_shuts_out_a_machine(scene):
    made = scene(people=users(ALICE, clients=(
        f"  - id: ci\n    secret_hash: \"{hashed('canary-machine-secret')}\"\n")))

    def ask(secret, machine="ci"):
        body = f"grant_type=client_credentials&client_id={machine}&client_secret={secret}".encode()
        return made.get("/auth/token", [("Content-Type", "application/x-www-form-urlencoded")], method="POST", body=body)
    for _ in range(12):
        assert ask("wrong").status == 401
        made.login("client:ci")
    assert ask("canary-machine-secret").status == 200
    # Nor does it itself, by asking often.
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(ask("canary-machine-secret").status)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16
    # Where an address tries too often as one machine, no other machine is refused, and nobody who signs in.
    for machine in ("nosuch", "ci"):
        tried = [ask("wrong", machine).status for _ in range(60)]
        assert tried[0] == 401 and tried[-1] == 429, tried
        assert ask("canary-machine-secret", machine).status == 429
        assert ask("canary-machine-secret").status == (200 if machine == "nosuch" else 429)
    assert made.login().status == 200


def test_whoever_has_a_good_refresh_token_sees_no_login_page(scene):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    for access in ("garbage", None):
        if access is None:
            browser.cookies.pop("portcullis_access")
        else:
            browser.cookies["portcullis_access"] = access
        answer = browser.go("/auth/login?return_to=/x")
        assert (answer.status, answer.field("location")) == (303, "/x")
    # Who is well signed in was sent for another reason, and would be again.
    assert browser.go("/auth/login?return_to=/x").status == 200


def test_no_way_without_an_end_to_what_a_new_token_would_not_open(scene):
    made = scene(provider="require: { claims: [tenant] }", people=users(ALICE, person("u-2", "bob")))
    browser = made.browser()
    browser.sign_in("bob")
    sent = browser.go("/x")
    assert sent.status == 303
    assert browser.go(sent.field("location")).status == 200


def test_a_token_that_grows_too_large_ends_its_sign_in(scene):
    made = scene(settings=", lifetime: 1s")
    browser = made.browser()
    browser.sign_in()
    made.write_users(users(person("u-1", "alice", roles=[f"a-role-of-many-{n:04}" for n in range(400)])))
    made.gateway.wait_message("users file read")
    time.sleep(1.1)
    answer = browser.fetch("/auth/refresh", [("Origin", browser.origin)], method="POST", body=b"")
    assert answer.status == 500 and "portcullis_refresh" not in browser.cookies
    assert made.gateway.wait_message("too large for a cookie")
    assert not made.gateway.said("used again")


@pytest.mark.parametrize("password, status", [("паро", 400), ("пароль-1", 204), ("a" * 7, 400), ("a" * 512, 400)])
def test_a_new_password_has_eight_characters(scene, password, status):
    made = scene()
    answer = made.post("/auth/password", {"current_password": PASSWORD, "new_password": password},
                       [made.bearer(made.tokens()["access_token"])])
    assert answer.status == status, answer.body


def test_the_digest_of_the_password_is_told_nobody(scene):
    made = scene()
    assert set(payload(made.tokens()["access_token"])) >= {"sub", "sid"}
    listed = run("sign-ins", "list", "--config", made.gateway.config_path, "--provider", "local")
    with contextlib.closing(sqlite3.connect(made.folder / "state" / "local.sign-ins.db")) as database:
        digest, = database.execute("SELECT password_digest FROM sign_ins").fetchone()
    assert len(digest) == 32 and digest.hex() not in listed.stdout


def test_C_9_a_logout_that_is_answered_counts_on_every_loop(start, upstream, tmp_path):
    made = SignIn(start, upstream(), tmp_path, workers=4)
    for _ in range(15):
        tokens = made.tokens()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(made.gateway)) for _ in range(8)]
            ask = f"GET /x HTTP/1.1\r\nHost: {made.host}\r\nAuthorization: Bearer {tokens['access_token']}\r\n\r\n".encode()
            for client in clients:
                client.send(ask)
                assert client.response().status == 200
            assert made.post("/auth/logout", {"refresh_token": tokens["refresh_token"]}).status == 204
            for client in clients:
                client.send(ask)
            assert [client.response().status for client in clients] == [401] * 8


def test_of_two_who_change_a_password_at_once_one_has_changed_it(start, upstream, tmp_path):
    made = SignIn(start, upstream(), tmp_path)
    bearers = [made.bearer(made.tokens("bob")["access_token"]) for _ in range(2)]

    def change(number):
        body = json.dumps({"current_password": PASSWORD, "new_password": f"another one {number}"}).encode()
        return made.get("/auth/password", [JSON, bearers[number]], method="POST", body=body).status
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(change, range(2)))
    assert answers.count(204) == 1 and set(answers) <= {204, 401}, answers
    assert made.login("bob", f"another one {answers.index(204)}").status == 200
