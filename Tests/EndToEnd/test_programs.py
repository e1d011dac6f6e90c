"""Programs that get tokens with a secret of their own, and what ends these tokens."""
import base64
import json

import pytest
from support.gateway import run
from support.ports import wait_until
from support.sign_in import ALICE, FORM, hashed, person, scene_fixture, until_status, users
from support.tokens import payload
from test_admin_revoke import Admin

SECRET = "the secret that leaked"
CLIENTS = f"""  - id: batch
    secret_hash: "{hashed(SECRET)}"
  - id: ci
    secret_hash: "{hashed("of ci")}"
"""
# A user who is called as a program is.
BATCH = person("u-3", "batch")
GRANT = b"grant_type=client_credentials"


@pytest.fixture
def made(scene):
    return scene(people=users(ALICE, BATCH, clients=CLIENTS), workers=2, top="admin: { address: 127.0.0.1:0 }")


def ask(made, secret=SECRET, id="batch"):
    basic = base64.b64encode(f"{id}:{secret}".encode()).decode()
    return made.get("/auth/token", [FORM, ("Authorization", f"Basic {basic}")], method="POST", body=GRANT)


def token_of(answer):
    assert answer.status == 200, (answer, answer.body)
    return json.loads(answer.body)["access_token"]


def change(made, command, id="batch"):
    result = run("client", command, id, "--users-file", made.users_file)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def in_force(made, changes=1):
    """Back once the gateway has taken so many changes of the users file: tries in vain would lock the program out."""
    wait_until(lambda: len(made.gateway.said("users file read")) >= changes, "the users file to be read")


def sign_ins(made, command, *arguments):
    return run("sign-ins", command, "--config", made.gateway.config_path, "--provider", "local", *arguments)


def use(made, token):
    return made.get("/x", [made.bearer(token)])


@pytest.mark.parametrize("way", ["--client", "--id", "POST /revoke"])
def test_C_9_a_leaked_secret_and_what_was_got_with_it(made, way):
    leaked, others, person = token_of(ask(made)), token_of(ask(made, "of ci", "ci")), made.tokens()["access_token"]
    assert [use(made, token).status for token in (leaked, others, person)] == [200] * 3
    secret = change(made, "secret")
    assert ask(made).status == 401
    in_force(made)
    new = token_of(ask(made, secret))
    # What was got with another secret is of another sign-in: a program can get it before what leaked is ended.
    assert payload(leaked)["sid"] != payload(new)["sid"]
    assert [use(made, token).status for token in (leaked, new)] == [200] * 2
    if way == "--id":
        assert sign_ins(made, "revoke", "--id", payload(leaked)["sid"]).stdout.split() == [payload(leaked)["sid"]]
    elif way == "--client":
        ended = sign_ins(made, "revoke", "--client", "batch")
        assert sorted(ended.stdout.split()) == sorted(payload(token)["sid"] for token in (leaked, new)), ended.stderr
    else:
        status, said = Admin(made.gateway).revoke(provider="local", sub="batch")
        assert (status, said["result"], len(said["sign_ins"])) == (200, "ended", 2)
        assert use(made, leaked).status == 401
    until_status(lambda: use(made, leaked), 401)
    seen = len(made.app.requests)
    for _ in range(8):
        answer = use(made, leaked)
        assert answer.status == 401 and made.gateway.access_of(answer.request_id)["reason"] == "token_revoked"
    assert len(made.app.requests) == seen
    again = token_of(ask(made, secret))
    assert payload(again)["sub"] == "batch"
    going_on = [again, others, person] + ([new] if way == "--id" else [])
    assert [use(made, token).status for token in going_on] == [200] * len(going_on)
    assert len(made.app.requests) == seen + len(going_on)
    assert ask(made).status == 401


def test_C_9_a_secret_is_replaced_before_anything_is_ended(made):
    """At once, in a script: the gateway has not looked at the file yet when somebody comes with what leaked."""
    secrets = [SECRET, "the second secret", "the third secret", "the last secret"]
    texts = [users(ALICE, BATCH, clients=CLIENTS.replace(hashed(SECRET), hashed(secret))) for secret in secrets]
    admin = Admin(made.gateway)
    for changes, (leaked, text) in enumerate(zip(secrets, texts[1:])):
        in_force(made, changes)
        token = token_of(ask(made, leaked))
        made.write_users(text)
        assert admin.revoke(provider="local", sub="batch")[1] == {"result": "ended", "sign_ins": [payload(token)["sid"]]}
        answer = ask(made, leaked)
        assert (answer.status, json.loads(answer.body)["error"]) == (401, "invalid_client")
        assert "subject" not in made.gateway.access_of(answer.request_id)
        assert use(made, token).status == 401
        # Nothing is left of the one that was refused.
        assert admin.revoke(provider="local", sub="batch")[0] == 404
    in_force(made, len(secrets) - 1)
    assert use(made, token_of(ask(made, secrets[-1]))).status == 200


def test_a_disabled_program_is_told_what_a_wrong_secret_is(made):
    token = token_of(ask(made))
    change(made, "disable")
    refused, wrong, unknown = ask(made), ask(made, "wrong"), ask(made, SECRET, "nobody")
    assert (refused.status, json.loads(refused.body)["error"]) == (401, "invalid_client")

    def told(answer):
        return answer.status, answer.body, [
            field for field in answer.fields if field[0].lower() not in ("date", "x-request-id")]
    assert told(refused) == told(wrong) == told(unknown)
    assert {made.gateway.access_of(answer.request_id)["reason"] for answer in (refused, wrong)} == {"login_failed"}
    assert use(made, token).status == 200
    assert sign_ins(made, "revoke", "--client", "batch").returncode == 0
    until_status(lambda: use(made, token), 401)
    assert ask(made).status == 401
    # Who asks again and again until the file is read may be refused by then for asking too often.
    read = len(made.gateway.said("users file read"))
    change(made, "enable")
    wait_until(lambda: len(made.gateway.said("users file read")) > read, "the users file")
    assert ask(made).status == 200
    assert use(made, token_of(ask(made))).status == 200 and use(made, token).status == 401


def test_programs_are_listed_beside_people_and_ended_alone(made):
    first, second = token_of(ask(made)), token_of(ask(made))
    person = made.tokens("batch")["access_token"]
    assert payload(first)["sid"] == payload(second)["sid"] and payload(first)["jti"] != payload(second)["jti"]
    lines = sign_ins(made, "list", "--client", "batch").stdout.splitlines()
    assert len(lines) == 2 and lines[1].split()[:3] == [payload(first)["sid"], "batch", "secret"]
    lines = sign_ins(made, "list", "--user", "batch").stdout.splitlines()
    assert len(lines) == 2 and lines[1].split()[:3] == [payload(person)["sid"], "batch", "pwd"]
    assert sign_ins(made, "revoke", "--client", "batch").stdout.split() == [payload(first)["sid"]]
    until_status(lambda: use(made, first), 401)
    assert (use(made, second).status, use(made, person).status) == (401, 200)
    assert sign_ins(made, "revoke", "--client", "batch").returncode == 1
    # What ended stays ended over a restart.
    made.gateway.stop()
    made.gateway = made.start(made.config)
    assert [use(made, token).status for token in (first, second, person)] == [401, 401, 200]


def test_an_id_of_the_other_kind_ends_nothing(made):
    """A username that nobody has any more is looked for as an id: it may be a program's."""
    token, person = token_of(ask(made, "of ci", "ci")), made.tokens()["access_token"]
    for option, id, said in (("--user", "ci", "ci is a program: use --client"), ("--client", "u-1", "u-1 is a user: use --user")):
        for command in ("list", "revoke"):
            result = sign_ins(made, command, option, id)
            assert (result.returncode, result.stdout, result.stderr) == (64, "", f"{said}\n")
    assert [use(made, held).status for held in (token, person)] == [200] * 2


def test_a_program_ends_its_own_tokens(made):
    token, others = token_of(ask(made)), token_of(ask(made, "of ci", "ci"))
    assert made.post("/auth/logout", {"everywhere": True}, [made.bearer(token)]).status == 204
    assert (use(made, token).status, use(made, others).status) == (401, 200)
    assert use(made, token_of(ask(made))).status == 200


def test_no_token_is_given_out_that_nobody_could_end(made):
    token = token_of(ask(made))
    made.drop_store()
    answer = ask(made)
    assert (answer.status, json.loads(answer.body)["error"]) == (503, "temporarily_unavailable")
    assert made.gateway.access_of(answer.request_id)["reason"] == "sign_in_unavailable"
    assert ask(made, "wrong").status == 401
    assert use(made, token).status == 200
