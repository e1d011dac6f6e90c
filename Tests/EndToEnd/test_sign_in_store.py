"""What the store of sign-ins has acknowledged outlives the process, at whatever moment it is killed; keys that are
replaced reach whoever signs in."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time

import jwt
import pytest
from support.admin import Admin
from support.gateway import BINARY, Gateway, run
from support.ports import wait_until
from support.sign_in import SignIn, person, until_status, users

FAMILIES = 6


def test_C_10_kill_9_loses_no_acknowledged_rotation_or_logout(upstream, tmp_path):
    rounds = iter(range(100))

    def start(config):
        folder = tmp_path / f"round{next(rounds)}"
        folder.mkdir()
        return Gateway(folder, config)
    scene = SignIn(start, upstream(), tmp_path, people=users(*(person(f"u{n}", f"user{n}") for n in range(FAMILIES))))
    try:
        for number in range(5):
            # In every second round some logout is answered, however slow the machine is.
            killed_at_random(scene, logouts=number % 2)
            scene.gateway = start(scene.config)
            check(scene)
    finally:
        scene.gateway.kill()


def killed_at_random(scene, logouts):
    """Has each user use refresh tokens, and some sign out, until the gateway is killed; not before so many are out."""
    scene.replaced, scene.ended = {}, []

    def use(number):
        latest = tokens[number]["refresh_token"]
        try:
            while True:
                answer = json.loads(scene.refresh(latest).body)
                scene.replaced[number], latest = latest, answer["refresh_token"]
        except Exception:
            # The gateway is gone: what was under way is in doubt, and what was answered is not.
            return

    def sign_out(token):
        try:
            if scene.post("/auth/logout", {"refresh_token": token["refresh_token"]}).status == 204:
                scene.ended.append(token)
        except Exception:
            return
    tokens = [scene.tokens(f"user{number}") for number in range(FAMILIES)]
    leaving = [scene.tokens(f"user{number}") for number in range(FAMILIES)]
    threads = [threading.Thread(target=use, args=[number]) for number in range(FAMILIES)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(scene.replaced) == FAMILIES, "everybody to have used a token", 60)
    threads += [threading.Thread(target=sign_out, args=[token]) for token in leaving]
    for thread in threads[FAMILIES:]:
        thread.start()
    wait_until(lambda: len(scene.ended) >= logouts, "logouts to be acknowledged", 60)
    time.sleep(random.random() * 0.1)
    scene.gateway.kill()
    for thread in threads:
        thread.join()


def check(scene):
    for token in scene.ended:
        assert scene.refresh(token["refresh_token"]).status == 401
        assert scene.get("/x", [scene.bearer(token["access_token"])]).status == 401
    for number, token in scene.replaced.items():
        # Were the rotation lost, it would be the latest, and replaced now.
        answer = scene.refresh(token)
        assert answer.status == 401 or "refresh_token" not in json.loads(answer.body), number


def test_a_new_key_signs_for_whoever_signs_in_without_a_reload(start, upstream, tmp_path):
    scene = SignIn(start, upstream(), tmp_path)

    def key():
        return jwt.get_unverified_header(scene.tokens()["access_token"])["kid"]
    first = key()
    time.sleep(1.1)
    made = run("keys", "generate", "--config", scene.gateway.config_path, "--provider", "local").stdout.split()[0]
    wait_until(lambda: key() == made, "the new key to sign", 60)
    token = scene.tokens()["access_token"]
    assert scene.get("/x", [scene.bearer(token)]).status == 200
    for path in ("/auth/jwks.json", "/.well-known/jwks.json"):
        published = [each["kid"] for each in json.loads(scene.get(path).body)["keys"]]
        assert published == [made, first], path


def test_sign_ins_that_nobody_may_look_at_are_not_taken_for_none():
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root, to become somebody else")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # Others may enter, and look into all but the state.
        folder.chmod(0o755)
        shutil.copy(BINARY, folder / "portcullis")
        (folder / "state").mkdir(mode=0o700)
        (folder / "users.yaml").write_text(users(person("u1", "alice")))
        (folder / "gateway.conf").write_text(
            "listeners: [{ address: 127.0.0.1:0 }]\n"
            "providers: { local: { issuer: 'http://127.0.0.1:8080', audiences: [example], signing: { state: state },\n"
            "  sign_in: { users_file: users.yaml } } }\n"
            "upstreams: { echo: { builtin: echo } }\nroutes: [{ path: /, auth: local, upstream: echo }]\n")
        for each in ("gateway.conf", "users.yaml"):
            (folder / each).chmod(0o600)
            os.chown(folder / each, 65534, 65534)
        for command in (["list"], ["revoke", "--all"]):
            ended = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(folder / "portcullis"), "sign-ins",
                 *command, "--config", str(folder / "gateway.conf"), "--provider", "local"],
                capture_output=True, text=True, timeout=30)
            assert ended.returncode == 69 and ended.stdout == "", ended
            assert ended.stderr.endswith("local.sign-ins.db: Permission denied\n"), ended


def test_a_store_that_fails_is_said_once_and_not_for_each_request(start, upstream, tmp_path):
    scene = SignIn(start, upstream(), tmp_path)
    token = scene.tokens()["refresh_token"]
    scene.drop_store()
    statuses = [scene.refresh(token).status for _ in range(5)] + [scene.login().status]
    assert statuses == [503] * 6
    said = wait_until(lambda: scene.gateway.said("sign-ins could not be"), "it")
    assert [m["failures"] for m in said] == ["1"], said


def test_a_browser_whose_refresh_token_nobody_can_look_up_is_not_sent_to_sign_in(start, upstream, tmp_path):
    """Signing in again would cost it a refresh token that may be good."""
    scene = SignIn(start, upstream(), tmp_path)
    browser = scene.browser()
    browser.sign_in()
    del browser.cookies["portcullis_access"]
    kept = browser.refresh_token
    scene.drop_store()
    answer = browser.go("/x")
    line = scene.gateway.access_of(answer.request_id)
    assert (answer.status, line["reason"], line["blame"]) == (503, "sign_in_unavailable", "gateway")
    assert browser.refresh_token == kept and scene.app.received == b""
    # Without a refresh token there is nothing to look up.
    other = scene.browser()
    assert other.go("/x").status == 303
    # Who signs in nevertheless is told when to try again.
    answer = other.sign_in()
    assert (answer.status, answer.field("retry-after")) == (503, "5")


def test_nor_is_one_whose_token_is_refused_for_what_its_provider_tries(start, upstream, tmp_path):
    scene = SignIn(start, upstream(), tmp_path, provider='try: { max_age: 1s, enforce: 99% }')
    browser = scene.browser()
    browser.sign_in()
    time.sleep(2.2)
    scene.drop_store()
    answer = browser.go("/x")
    line = scene.gateway.access_of(answer.request_id)
    assert (answer.status, line["reason"], line.get("tried")) == (503, "sign_in_unavailable", None)
    assert scene.app.received == b""


def test_nor_is_one_whose_refresh_token_is_not_looked_up_in_time(start, upstream, tmp_path):
    """Another process holds the database for longer than a request waits."""
    scene = SignIn(start, upstream(), tmp_path)
    browsers = [scene.browser() for _ in range(2)]
    for browser in browsers:
        browser.sign_in()
        del browser.cookies["portcullis_access"]
    with sqlite3.connect(scene.folder / "state" / "local.sign-ins.db", isolation_level=None) as database:
        database.execute("BEGIN IMMEDIATE")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            first = pool.submit(browsers[0].go, "/x")
            # Behind the one that the database is waited for with.
            time.sleep(1)
            second = pool.submit(browsers[1].go, "/x")
            answers = [first.result(20), second.result(20)]
        database.execute("ROLLBACK")
    assert [answer.status for answer in answers] == [503, 503]
    assert {scene.gateway.access_of(answer.request_id)["reason"] for answer in answers} == {"sign_in_unavailable"}
    assert scene.app.received == b""
    for browser in browsers:
        assert browser.go("/x").status == 200


def test_a_database_that_is_deleted_is_noticed_and_not_made_anew(start, upstream, tmp_path):
    scene = SignIn(start, upstream(), tmp_path, top="admin: { address: 127.0.0.1:0 }")
    before = scene.tokens()
    [database] = (scene.folder / "state").glob("*.sign-ins.db")
    kept = database.with_name("kept")
    database.rename(kept)
    said = scene.gateway.wait_message("sign-ins could not be read or written")
    assert said["level"] == "error" and "was deleted" in said["why"] and str(database) in said["why"], said
    [fault] = Admin(scene.gateway).status()["faults"]
    assert fault == {"what": "sign_ins_database", "provider": "local", "why": said["why"]}
    assert scene.login().status == 503 and scene.refresh(before["refresh_token"]).status == 503
    database.write_bytes(kept.read_bytes())
    database.chmod(0o600)
    assert scene.login().status == 503
    # It is the same file again.
    kept.replace(database)
    assert scene.login().status == 200


def test_a_database_where_nobody_signs_in_any_more_is_a_fault_too(start, upstream, tmp_path):
    scene = SignIn(start, upstream(), tmp_path, top="admin: { address: 127.0.0.1:0 }")
    scene.tokens()
    sign_in = next(line for line in scene.config.splitlines() if "sign_in:" in line)
    scene.gateway.reload(scene.config.replace(sign_in, ""))
    [database] = (scene.folder / "state").glob("*.sign-ins.db")
    database.rename(database.with_name("kept"))
    said = scene.gateway.wait_message("sign-ins could not be read or written")
    [fault] = Admin(scene.gateway).status()["faults"]
    assert fault == {"what": "sign_ins_database", "provider": "local", "why": said["why"]}


@pytest.mark.parametrize("spelling", ["dot", "link"])
def test_a_reload_that_spells_the_folder_otherwise_goes_on_with_the_store(start, upstream, tmp_path, spelling):
    """What is closed of a database takes the process's locks along: nobody else would know that it is in use."""
    scene = SignIn(start, upstream(), tmp_path)
    tokens = scene.tokens()
    (tmp_path / "link").symlink_to(tmp_path)
    other = f"{tmp_path}/./state" if spelling == "dot" else f"{tmp_path}/link/state"
    for state in (other, f"{tmp_path}/state"):
        scene.gateway.reload(scene.config.replace(f"{tmp_path}/state", state))
        # Nobody who closes it is the last.
        for _ in range(2):
            with contextlib.closing(sqlite3.connect(tmp_path / "state" / "local.sign-ins.db")) as database:
                assert database.execute("SELECT count(*) FROM sign_ins").fetchone() == (1,)
        assert (tmp_path / "state" / "local.sign-ins.db-wal").exists(), state
    answer = scene.refresh(tokens["refresh_token"])
    assert answer.status == 200, (answer, answer.body)
    open_files = [os.readlink(each) for each in pathlib.Path(f"/proc/{scene.gateway.pid}/fd").iterdir() if each.is_symlink()]
    assert [path for path in open_files if path.endswith(".sign-ins.db")] == [f"{tmp_path}/state/local.sign-ins.db"]


def test_C_9_a_reload_that_is_refused_hides_no_end_of_a_sign_in(start, upstream, tmp_path):
    """It has looked into another store, in which the same sign-in has ended already."""
    scene = SignIn(start, upstream(), tmp_path)
    tokens = scene.tokens()
    fields = [scene.bearer(tokens["access_token"])]
    assert scene.get("/x", fields).status == 200
    scene.gateway.stop()
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    scene.gateway = start(scene.config)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "zz.ES256.1.pem").write_text("no key")
    (tmp_path / "bad" / "zz.ES256.1.pem").chmod(0o600)
    (tmp_path / "own.conf").write_text(scene.config)
    copy = scene.config.replace(f"{tmp_path}/state", f"{tmp_path}/copy")
    (tmp_path / "copy.conf").write_text(copy)

    def revoke(config):
        ended = run("sign-ins", "revoke", "--config", config, "--provider", "local", "--user", "alice")
        assert ended.returncode == 0, ended.stderr

    revoke(tmp_path / "copy.conf")
    scene.gateway.write_config(copy.replace("providers:\n", f"""providers:
  zz: {{ issuer: "https://z.example", audiences: [x], signing: {{ state: {tmp_path}/bad }} }}
"""))
    scene.gateway.signal(signal.SIGHUP)
    scene.gateway.wait_message("reload refused")
    assert scene.get("/x", fields).status == 200
    revoke(tmp_path / "own.conf")
    until_status(lambda: scene.get("/x", fields), 401)
