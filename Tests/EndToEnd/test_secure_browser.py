"""People sign in with Chromium over TLS, here and at a provider of another site: what a browser makes of our cookies."""
import re

import pytest
from support.certificates import Authority
from support.hostile_provider import CLIENT, SECRET, provider_fixture
from support.ports import free_port
from support.sign_in import ALICE, PASSWORD, users
from support.site import site

pytest.importorskip("playwright.sync_api")
PAGE = b"""<!doctype html><title>application</title><h1>The application</h1>
<form method="post" action="/oauth/logout"><button>Sign out</button></form>"""
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE)
CONSENT = b"""<!doctype html><title>provider</title><h1>The provider</h1>
<form method="%b" action="/approve"><button>Let me in</button></form>"""
ACCESS, REFRESH, SESSION = (f"__Host-portcullis_{name}" for name in ("access", "refresh", "session"))
# Of the login page: it may be open in other tabs.
FORM = "__Host-portcullis_login"


class Scene:
    """One TLS listener, two hosts: at `people` the gateway has the passwords, at `app` a provider has them."""

    def __init__(self, start, app, provider, folder):
        self.app, self.provider = app, provider
        port = free_port()
        self.people, self.url = f"https://people.test:{port}", f"https://app.test:{port}"
        _, certificate, key = Authority(folder).issue("server", names=("people.test", "app.test"))
        for name, text in (("users.yaml", users(ALICE)), ("secret", SECRET)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        self.gateway = start(f"""
listeners:
  - address: 127.0.0.1:{port}
    tls: {{ certificate: {certificate}, key: {key} }}
providers:
  local:
    issuer: https://people.test
    audiences: [example]
    signing: {{ state: {folder}/state }}
    sign_in: {{ users_file: {folder}/users.yaml }}
  company:
    issuer: {provider.issuer}
    audiences: [orders]
    code_flow: {{ client_id: {CLIENT}, client_secret_file: {folder}/secret, url: "{self.url}", state: {folder}/state,
                  after_logout: /public }}
upstreams:
  app: {{ servers: ["{app.server}"] }}
routes:
  - {{ path: /public, auth: none, upstream: app }}
  - {{ host: people.test, path: /**, auth: local, upstream: app }}
  - {{ host: app.test, path: /**, auth: company, upstream: app }}
""")
        self.gateway.wait_message("keys updated", 20)

    def asks_for_consent(self, method):
        """The provider shows a page, which leads back by a link of its own or a form."""
        body = CONSENT % method.encode()
        self.provider.instead = {
            "authorize": (200, {"Content-Type": "text/html"}, body),
            "approve": lambda handler: self.provider.authorize(handler, self.provider.of("authorize")[-1])}


@pytest.fixture
def scene(start, upstream, provider, tmp_path):
    return Scene(start, upstream(ANSWER), provider, tmp_path)


@pytest.fixture
def person(chromium):
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(20_000)
    yield context
    context.close()


def cookies(person):
    """All of the gateway's, each as strict as C-1 has it."""
    found = {cookie["name"]: cookie for cookie in person.cookies() if "portcullis" in cookie["name"]}
    for name, cookie in found.items():
        assert name.startswith("__Host-") and cookie["secure"] and cookie["httpOnly"], cookie
        assert (cookie["sameSite"], cookie["path"]) == ("Lax", "/"), cookie
        assert cookie["domain"] in ("people.test", "app.test"), cookie
    return {name: cookie["value"] for name, cookie in found.items()}


def is_application(page):
    page.get_by_role("heading", name="The application").wait_for()
    return True


def sign_in(scene, person, target="/x?a=b"):
    """With the password, here."""
    page = person.new_page()
    page.goto(scene.people + target)
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    assert is_application(page)
    return page


def sign_in_at_provider(scene, person, target="/x?a=b", method="post"):
    scene.asks_for_consent(method)
    page = person.new_page()
    page.goto(scene.url + target)
    page.get_by_role("heading", name="The provider").wait_for()
    # What the way back needs is there, and nothing else.
    assert [name.startswith("__Host-portcullis_flow_") for name in cookies(person) if name not in (ACCESS, REFRESH)] == [True]
    page.get_by_role("button", name="Let me in").click()
    assert is_application(page)
    return page


def try_by_script(page, person):
    """A script of the application has none of the cookies, and puts none in their place."""
    before = cookies(person)
    assert "portcullis" not in page.evaluate("document.cookie")
    for name in before:
        for more in ("", "; Domain=" + page.evaluate("location.hostname"), "; Max-Age=0"):
            page.evaluate("text => { document.cookie = text }", f"{name}=forged; Secure; Path=/{more}")
    assert cookies(person) == before and "forged" not in page.evaluate("document.cookie")


def test_C_1_a_browser_keeps_the_cookies_of_a_sign_in_from_scripts(scene, person):
    page = sign_in(scene, person)
    assert page.url == scene.people + "/x?a=b" and set(cookies(person)) == {ACCESS, REFRESH, FORM}
    request = scene.app.wait_requests()[0]
    assert request.field("x-forwarded-user") == "u-1" and request.field("cookie") is None
    try_by_script(page, person)
    page.reload()
    assert is_application(page)
    # C-9: what is ended stays ended.
    old = person.cookies()
    assert page.evaluate("fetch('/auth/logout', {method: 'POST'}).then(answer => answer.status)") in (200, 204)
    assert cookies(person) == {}
    person.add_cookies(old)
    page.goto(scene.people + "/x")
    assert page.get_by_label("Password").is_visible()


@pytest.mark.parametrize("method", ["post", "get"])
def test_C_5_a_browser_comes_back_from_another_site(scene, person, method):
    """Whatever the provider's page has it do, the cookies are there when it is back, and lead on."""
    page = sign_in_at_provider(scene, person, "/x/y?a=1&b=%2F", method)
    assert page.url == scene.url + "/x/y?a=1&b=%2F" and set(cookies(person)) == {SESSION}
    request = scene.app.wait_requests()[0]
    assert request.target == "/x/y?a=1&b=%2F" and request.field("x-forwarded-user") == "alice"
    assert request.field("cookie") is None and request.field("authorization") is None
    try_by_script(page, person)
    assert page.evaluate("fetch('/data').then(answer => answer.status)") == 200
    # C-13: no script is led to a login page.
    other = person.new_page()
    other.goto(scene.people + "/public")
    assert other.evaluate("fetch('/x').then(answer => answer.status + ' ' + answer.redirected)") == "401 false"
    # C-9: the form signs out here, then at the provider, and leads back.
    old = person.cookies()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(scene.url + "/public")
    assert cookies(person) == {} and len(scene.provider.of("logout")) == 1
    person.add_cookies(old)
    page.goto(scene.url + "/x")
    page.get_by_role("heading", name="The provider").wait_for()
    assert [each.fault for each in scene.provider.asked if each.fault] == []


def test_C_9_two_sign_ins_of_one_browser_are_apart(scene, person):
    """The hosts are two: neither sees the other's cookies."""
    sign_in_at_provider(scene, person)
    sign_in(scene, person)
    assert set(cookies(person)) == {SESSION, ACCESS, REFRESH, FORM}
    asked = {request.field("host").partition(":")[0]: request.field("x-forwarded-user") for request in scene.app.requests}
    assert asked == {"app.test": "alice", "people.test": "u-1"}


def test_C_14_another_site_does_nothing_with_the_cookies(scene, person):
    sign_in_at_provider(scene, person)
    sign_in(scene, person)
    scene.app.forget()
    kept = cookies(person)
    form = '<form method="post" action="{}"></form><script>document.forms[0].submit()</script>'
    page = person.new_page()
    for target in (scene.url + "/oauth/logout", scene.people + "/auth/logout"):
        with site("evil.test", form.format(target)) as evil, page.expect_response(re.compile("/logout")) as answer:
            page.goto(evil)
        assert answer.value.status == 403, target
    for target in (scene.url + "/transfer", scene.people + "/transfer"):
        with site("evil.test", form.format(target)) as evil, page.expect_response(re.compile("/transfer")) as answer:
            page.goto(evil)
        assert answer.value.status == 401, target
    with site("evil.test", f'<a href="{scene.url}/linked">go</a>') as evil:
        page.goto(evil)
        page.evaluate("""url => fetch(url, {mode: 'no-cors', credentials: 'include'})""", scene.url + "/fetched")
        assert scene.gateway.wait_access(path="/fetched")[0]["status"] == 401
        assert not any(request.target in ("/transfer", "/fetched") for request in scene.app.requests)
        # A link is followed with what SameSite=Lax lets pass.
        page.get_by_role("link", name="go").click()
        assert is_application(page)
    linked = next(request for request in scene.app.requests if request.target == "/linked")
    assert linked.field("x-forwarded-user") == "alice" and cookies(person) == kept


def test_C_1_a_page_without_TLS_plants_no_cookie(scene, person):
    """Whoever is in the wire can be any host over http, also this one."""
    script = f"""<script>for (const name of ['{SESSION}', '{ACCESS}', '{REFRESH}'])
      for (const more of ['', '; Secure', '; Domain=app.test']) document.cookie = `${{name}}=planted; Path=/${{more}}`
    </script><h1>done</h1>"""
    page = person.new_page()
    with site("app.test", script) as planted:
        page.goto(planted)
        page.get_by_role("heading", name="done").wait_for()
    assert cookies(person) == {}
    page = sign_in_at_provider(scene, person)
    with site("app.test", script) as planted:
        other = person.new_page()
        other.goto(planted)
        other.get_by_role("heading", name="done").wait_for()
        assert "portcullis" not in other.evaluate("document.cookie")
    page.reload()
    assert is_application(page) and scene.app.requests[-1].field("x-forwarded-user") == "alice"
