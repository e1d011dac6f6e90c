"""What the page about incidents has operators do when a key or a secret has leaked, and what it is good for then."""
import base64
import contextlib
import urllib.parse

import jwt
from support.code_flow import CodeFlow
from support.gateway import run
from support.hostile_provider import CLIENT, provider_fixture  # noqa: F401
from support.sign_in import SignIn, until_status
from support.wire import Client
from test_code_flow_life import age
from test_tunnels import echoing, handshake


def bearer(token):
    return ("Authorization", f"Bearer {token}")


def tunnel(made, target, token):
    client = Client(made.gateway, seconds=30)
    client.send(handshake(target, [bearer(token)]))
    assert client.response().status == 101
    return client


def goes_on(client):
    client.send(b"still")
    return client.sock.recv(10) == b"still"


def test_T_16_a_signing_key_that_leaked(start, upstream, script, tmp_path):
    revoked = tmp_path / "revoked.txt"
    revoked.write_text("# none\n")
    made = SignIn(start, upstream(), tmp_path, workers=2, top=f"revocations: {{ file: {revoked} }}")
    made.gateway.reload(made.config.replace(
        "upstreams:\n", f'upstreams:\n  echo: {{ servers: ["{script(echoing).server}"] }}\n').replace(
        "routes:\n", "routes:\n  - { path: /echo, auth: local, upstream: echo }\n"
        "  - { path: /kept, auth: local, upstream: echo, on_expiry: keep }\n"))
    command = ("--config", made.gateway.config_path, "--provider", "local")

    def mint(expires_in):
        """As whoever has the key can, also for people whom there is not."""
        made = run("token", "mint", *command, "--subject", "nobody", "--role", "admin", "--expires-in", expires_in)
        return made.stdout.strip()
    browser = made.browser()
    browser.sign_in()
    before = browser.access
    long, short = mint("1d"), mint("2s")
    assert made.get("/admin", [bearer(long)]).status == 200
    [leaked] = (tmp_path / "state").glob("*.pem")
    with contextlib.ExitStack() as stack:
        ended, kept = tunnel(made, "/echo", long), tunnel(made, "/kept", short)
        for client in (ended, kept):
            stack.callback(client.sock.close)
        until_status(lambda: made.get("/x", [bearer(short)]), 401)
        assert goes_on(ended) and goes_on(kept)
        assert run("keys", "generate", *command).returncode == 0
        leaked.unlink()
        made.gateway.reload()
        seen = len(made.app.requests)
        for token in (long, before):
            answer = made.get("/admin", [bearer(token)])
            assert answer.status == 401 and made.gateway.access_of(answer.request_id)["reason"] == "key_unknown"
        assert len(made.app.requests) == seen
        assert ended.is_closed(30)
        # Whoever has signed in notices nothing.
        assert browser.go("/admin").status == 200 and browser.access != before
        assert made.get("/admin", [bearer(made.tokens()["access_token"])]).status == 200
        # A tunnel that may outlive its token outlives the key too, until that is revoked by its name.
        assert goes_on(kept)
        with revoked.open("a") as file:
            file.write(f"[local]\nkid {jwt.get_unverified_header(short)['kid']}\n")
        assert kept.is_closed(30)
        assert browser.go("/admin").status == 200
    reasons = {path: made.gateway.wait_access(path=path)[0]["reason"] for path in ("/echo", "/kept")}
    assert reasons == {"/echo": "key_unknown", "/kept": "token_revoked"}


def test_a_client_secret_of_code_flow_that_leaked(start, upstream, provider, tmp_path):
    made = CodeFlow(start, upstream(), provider, tmp_path / "one")
    first, second = made.browser(), made.browser()
    first.sign_in()
    age(made, renew_at=-3600)
    provider.secret = "the next secret"
    # Until the gateway has it nobody signs in, and no session ends.
    answer = second.navigate(second.begin())
    assert answer.status == 403 and made.gateway.access_of(answer.request_id)["reason"] == "provider_refused"
    assert "invalid_client" in made.gateway.wait_message("sign-in failed")["why"]
    assert first.navigate("/a").status == 503 and made.app.requests == []
    (tmp_path / "one/client.secret").write_text(provider.secret + "\n")
    made.gateway.reload()
    asked = len(provider.of("token"))
    second.sign_in()
    assert until_status(lambda: first.navigate("/a"), 200) and second.navigate("/a").status == 200
    both = ":".join(urllib.parse.quote_plus(text) for text in (CLIENT, provider.secret))
    sent = [each.headers["Authorization"] for each in provider.of("token")[asked:]]
    assert sent == ["Basic " + base64.b64encode(both.encode()).decode()] * 2
