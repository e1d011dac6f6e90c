"""People sign in with Chromium: what a browser makes of the page, the cookies and the redirects."""
import base64
import contextlib
import re
import struct
import zlib

import pytest

from support.sign_in import PASSWORD, SignIn
from support.site import site

playwright = pytest.importorskip("playwright.sync_api")
PAGE = b"<!doctype html><title>application</title><h1>The application</h1>"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE)


@pytest.fixture
def people(chromium):
    """Makes people, each with a browser profile of their own."""
    with contextlib.ExitStack() as stack:
        def make(**options):
            context = chromium.new_context(**options)
            stack.callback(context.close)
            context.set_default_timeout(20_000)
            return context
        yield make


@pytest.fixture
def scene(start, upstream, tmp_path):
    def make(**options):
        return SignIn(start, upstream(ANSWER), tmp_path, **options)
    return make


def url(scene, target):
    return f"{scene.gateway.url}{target}"


def sign_in(page, scene, target="/x", username="alice", password=PASSWORD):
    page.goto(url(scene, target))
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no_scripts"])
def test_signing_in_leads_back_to_where_it_began(scene, people, scripts):
    signed_in = scene()
    page = people(java_script_enabled=scripts).new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    sign_in(page, signed_in, "/x/y?a=1&b=%2F", password="wrong")
    assert page.get_by_role("alert").inner_text() == "Wrong user name or password."
    assert page.get_by_label("User name").input_value() == "alice" and page.get_by_label("Password").input_value() == ""
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="The application").wait_for()
    assert page.url == url(signed_in, "/x/y?a=1&b=%2F")
    request = signed_in.app.wait_requests()[0]
    assert request.target == "/x/y?a=1&b=%2F" and request.field("x-forwarded-user") == "u-1"
    assert request.field("cookie") is None
    # Nothing that the page's own policy has blocked.
    assert not [text for text in complaints if "Content Security Policy" in text], complaints
    assert PASSWORD not in signed_in.gateway.access_text + signed_in.gateway.program_text


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no_scripts"])
def test_signing_in_leads_on_to_another_origin(people, scene, scripts):
    """`form-action` holds for the redirects that follow a form as well, in Chromium."""
    with site("localhost", PAGE.decode()) as elsewhere:
        signed_in = scene(routes=f'  - {{ path: /away, auth: local, redirect: "{elsewhere}" }}')
        page = people(java_script_enabled=scripts).new_page()
        sign_in(page, signed_in, "/away")
        page.get_by_role("heading", name="The application").wait_for()
        assert page.url.startswith(elsewhere)


def test_no_script_of_the_application_reads_the_cookies(scene, people):
    signed_in = scene()
    context = people()
    page = context.new_page()
    sign_in(page, signed_in)
    page.get_by_role("heading", name="The application").wait_for()
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    assert {"portcullis_access", "portcullis_refresh"} <= set(cookies)
    for name in ("portcullis_access", "portcullis_refresh"):
        assert cookies[name]["httpOnly"] and cookies[name]["sameSite"] == "Lax" and cookies[name]["path"] == "/"
    assert "portcullis" not in page.evaluate("document.cookie")


def test_an_expired_token_is_renewed_unnoticed(scene, people):
    signed_in = scene(settings=", lifetime: 1s")
    context = people()
    page = context.new_page()
    sign_in(page, signed_in)
    page.get_by_role("heading", name="The application").wait_for()

    def refresh_token():
        return next((c["value"] for c in context.cookies() if c["name"] == "portcullis_refresh"), None)
    first = refresh_token()
    page.wait_for_timeout(1500)
    page.goto(url(signed_in, "/later"))
    page.get_by_role("heading", name="The application").wait_for()
    assert page.url == url(signed_in, "/later") and refresh_token() not in (first, None)
    # And where a script of the application asks.
    page.wait_for_timeout(1500)
    assert page.evaluate("fetch('/data').then(answer => answer.status)") == 200
    # What a form of the application sends is not lost.
    page.wait_for_timeout(1500)
    page.evaluate("""() => { const form = document.createElement('form'); form.method = 'post'; form.action = '/form';
      const field = document.createElement('input'); field.name = 'text'; field.value = 'written for an hour';
      form.append(field); document.body.append(form); form.submit(); }""")
    page.wait_for_url(url(signed_in, "/form"))
    posted = next(each for each in signed_in.app.requests if each.method == "POST")
    assert posted.body == b"text=written+for+an+hour" and posted.field("x-forwarded-user") == "u-1"


def test_signing_out_in_one_tab_is_seen_in_the_other(scene, people):
    signed_in = scene()
    context = people()
    first, second = context.new_page(), context.new_page()
    sign_in(first, signed_in)
    first.get_by_role("heading", name="The application").wait_for()
    second.goto(url(signed_in, "/x"))
    second.get_by_role("heading", name="The application").wait_for()
    old = context.cookies()
    assert first.evaluate("fetch('/auth/logout', {method: 'POST'}).then(answer => answer.status)") in (200, 204)
    second.goto(url(signed_in, "/x"))
    assert second.get_by_label("Password").is_visible() and "/auth/login?return_to=/x" in second.url
    # C-9: the cookies of before are worth nothing.
    context.add_cookies(old)
    second.goto(url(signed_in, "/x"))
    assert second.get_by_label("Password").is_visible()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["other_site", "other_port"])
def test_C_8_pages_of_other_origins_sign_nobody_in_or_out(scene, people, host):
    signed_in = scene()
    page = people().new_page()
    sign_in(page, signed_in)
    page.get_by_role("heading", name="The application").wait_for()
    form = """<form method="post" action="{}">{}</form><script>document.forms[0].submit()</script>"""
    for target, fields in [
        ("/auth/logout", ""),
        ("/auth/login", '<input name="username" value="bob"><input name="password" value="' + PASSWORD + '">'
                        '<input name="csrf" value="x"><input name="return_to" value="/">'),
    ]:
        with site(host, form.format(url(signed_in, target), fields)) as evil:
            with page.expect_response(re.compile("/auth/")) as answer:
                page.goto(evil)
            assert answer.value.status == 403, target
    page.goto(url(signed_in, "/x"))
    page.get_by_role("heading", name="The application").wait_for()
    assert signed_in.app.requests[-1].field("x-forwarded-user") == "u-1"


def test_C_14_pages_of_other_origins_change_nothing_with_the_cookie(scene, people):
    signed_in = scene()
    page = people().new_page()
    sign_in(page, signed_in)
    page.get_by_role("heading", name="The application").wait_for()
    with site("127.0.0.1", f"""<form method="post" action="{url(signed_in, '/transfer')}"></form>
              <script>document.forms[0].submit()</script>""") as evil:
        with page.expect_response(re.compile("/transfer")) as answer:
            page.goto(evil)
        assert answer.value.status == 403
    # The browser asks for an icon by itself, in its own time.
    assert not any(request.target == "/transfer" for request in signed_in.app.requests)


FORMS = """<!doctype html><title>application</title><h1>The application</h1>
<form method="post" action="/transfer"><input name="amount" value="7"><button>Transfer</button></form>
<form method="post" action="/auth/logout"><button>Sign out</button></form>"""


def application(body, *fields):
    """An application that has one page."""
    lines = "".join(f"{field}\r\n" for field in fields)
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no_scripts"])
def test_C_8_a_page_that_sends_no_referrer_posts_its_own_forms(start, upstream, tmp_path, people, scripts):
    app = upstream(application(FORMS, "Referrer-Policy: no-referrer"))
    signed_in = SignIn(start, app, tmp_path)
    page = people(java_script_enabled=scripts).new_page()
    sign_in(page, signed_in)
    page.get_by_role("button", name="Transfer").click()
    page.wait_for_url(url(signed_in, "/transfer"))
    page.get_by_role("heading", name="The application").wait_for()
    posted = next(request for request in app.requests if request.method == "POST")
    # What this test is about: the page cannot be told from a sandboxed frame by its Origin.
    assert (posted.field("origin"), posted.field("sec-fetch-site")) == ("null", "same-origin")
    assert posted.field("x-forwarded-user") == "u-1" and posted.body == b"amount=7"
    with page.expect_response(re.compile("/auth/logout")) as answer:
        page.get_by_role("button", name="Sign out").click()
    assert answer.value.status == 303 and answer.value.request.all_headers().get("origin") == "null"
    page.get_by_label("Password").wait_for()
    page.goto(url(signed_in, "/x"))
    assert page.get_by_label("Password").is_visible()


@pytest.mark.parametrize("target", ["_self", "_top"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", None], ids=["other_site", "other_port", "own_host"])
def test_C_8_and_C_14_a_sandboxed_frame_posts_nothing(start, upstream, tmp_path, people, host, target):
    """Its Origin is `null` too: of another site's, and of what the application itself takes for untrusted."""
    app = upstream(ANSWER)
    signed_in = SignIn(start, app, tmp_path)

    def frame(action):
        forms = f"""<form method=post target={target} action={url(signed_in, action)}><input name=amount value=7></form>
                    <script>document.forms[0].submit()</script>"""
        return f"""<!doctype html><h1>The application</h1>
                   <iframe sandbox="allow-forms allow-scripts allow-top-navigation" srcdoc="{forms}"></iframe>"""
    person = people()
    page = person.new_page()
    sign_in(page, signed_in)
    page.get_by_role("heading", name="The application").wait_for()
    for action in ("/public/control", "/transfer", "/auth/logout"):
        inside = application(frame(action))
        app.answer = lambda request, _, inside=inside: inside if request.target == "/frame" else ANSWER
        with site(host, frame(action)) if host else contextlib.nullcontext(url(signed_in, "/frame")) as begin:
            person.new_page().goto(begin, wait_until="commit")
            [line] = signed_in.gateway.wait_access(path=action)
        sent = [each for each in app.requests if each.target == action]
        assert line["method"] == "POST"
        if action == "/public/control":
            # By its Origin alone it could be a page of the host itself.
            assert (sent[0].field("origin"), sent[0].field("sec-fetch-site")) == ("null", "cross-site")
        else:
            # Where the browser keeps its cookies back, the request is nobody's.
            assert (line["status"], sent) == ({"/transfer": 401, "/auth/logout": 403}[action], []), line
    page.goto(url(signed_in, "/y"))
    page.get_by_role("heading", name="The application").wait_for()
    assert next(each for each in app.requests if each.target == "/y").field("x-forwarded-user") == "u-1"


def test_C_13_a_script_is_told_and_not_redirected(scene, people):
    signed_in = scene()
    page = people().new_page()
    page.goto(url(signed_in, "/public/x"))
    assert page.evaluate("fetch('/x').then(answer => answer.status + ' ' + answer.redirected)") == "401 false"


def test_C_13_behind_a_service_worker_people_are_sent_to_sign_in(start, upstream, tmp_path, people):
    worker = (b"self.addEventListener('install', () => self.skipWaiting());"
              b"self.addEventListener('activate', event => event.waitUntil(clients.claim()));"
              b"self.addEventListener('fetch', event => event.respondWith(fetch(event.request)))")

    def answer(request, _):
        body, kind = (worker, b"text/javascript") if request.target == "/public/sw.js" else (PAGE, b"text/html")
        return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nService-Worker-Allowed: /\r\nContent-Length: %d\r\n\r\n%b" % (
            kind, len(body), body)
    made = SignIn(start, upstream(answer), tmp_path)
    context = people()
    page = context.new_page()
    page.goto(url(made, "/public/x"))
    page.evaluate("navigator.serviceWorker.register('/public/sw.js', { scope: '/' }).then(() => navigator.serviceWorker.ready)"
                  ".then(() => navigator.serviceWorker.controller ?? new Promise("
                  "done => navigator.serviceWorker.addEventListener('controllerchange', () => done(1)))).then(() => 1)")
    assert page.goto(url(made, "/public/y")).from_service_worker
    sign_in(page, made, "/x?a=1")
    page.get_by_role("heading", name="The application").wait_for()
    assert page.url == url(made, "/x?a=1")
    # What a script fetches is told, through the worker too.
    context.clear_cookies()
    assert page.evaluate("fetch('/x').then(answer => answer.status + ' ' + answer.redirected)") == "401 false"


def test_C_8_tabs_that_are_open_at_once_each_sign_in(scene, people):
    signed_in = scene()
    context = people()
    pages = [context.new_page() for _ in range(3)]
    for number, page in enumerate(pages):
        page.goto(url(signed_in, f"/tab{number}"))
    for number, page in enumerate(pages):
        page.get_by_label("User name").fill("alice")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="The application").wait_for()
        assert page.url == url(signed_in, f"/tab{number}")


def test_C_12_no_page_shows_the_login_in_a_frame(scene, people):
    signed_in = scene()
    page = people().new_page()
    with site("127.0.0.1", f'<iframe src="{url(signed_in, "/auth/login")}"></iframe>') as evil:
        page.goto(evil)
        page.wait_for_load_state("networkidle")
        frame = page.frames[1]
        assert frame.locator("input").count() == 0


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no_scripts"])
def test_people_change_their_passwords(scene, people, scripts):
    signed_in = scene()
    page = people(java_script_enabled=scripts).new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    # Who is not signed in signs in first, and is back.
    sign_in(page, signed_in, "/auth/password")
    page.get_by_role("heading", name="Change your password").wait_for()
    assert page.url == url(signed_in, "/auth/password")
    assert not page.locator("[name=username]").is_visible() and page.locator("[name=username]").input_value() == "alice"

    def change(current, new, again):
        for label, text in (("Current password", current), ("New password", new), ("New password, again", again)):
            page.get_by_label(label, exact=True).fill(text)
        page.keyboard.press("Enter")
    new = "grüße aus der ferne"
    # The browser itself says that it is too short, and sends nothing.
    change(PASSWORD, "short", "short")
    assert page.get_by_role("alert").count() == 0
    change("wrong", new, new)
    page.get_by_role("alert").get_by_text("The current password is wrong.").wait_for()
    current = page.get_by_label("Current password")
    assert current.evaluate("each => each === document.activeElement && each.value === ''")
    described = current.get_attribute("aria-describedby")
    assert current.get_attribute("aria-invalid") == "true" and page.locator(f"#{described}").get_attribute("role") == "alert"
    change(PASSWORD, new, new + "!")
    page.get_by_role("alert").get_by_text("The two new passwords do not match.").wait_for()
    change(PASSWORD, new, new)
    page.get_by_role("heading", name="Your password has been changed").wait_for()
    assert page.get_by_role("status").is_visible() and page.get_by_label("Current password").count() == 0
    page.get_by_role("link", name="Continue").click()
    page.get_by_role("heading", name="The application").wait_for()
    assert signed_in.login().status == 401 and signed_in.login(password=new).status == 200
    # The application has heard of nothing.
    assert not [each.target for each in signed_in.app.requests if each.method != "GET" or "auth" in each.target]
    assert not [text for text in complaints if "Content Security Policy" in text], complaints


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["other_site", "other_port"])
def test_C_8_pages_of_other_origins_change_no_password(scene, people, host):
    signed_in = scene()
    page = people().new_page()
    sign_in(page, signed_in)
    page.get_by_role("heading", name="The application").wait_for()
    names = ("current_password", "new_password", "new_password_again", "csrf")
    fields = "".join(f'<input name="{name}" value="{PASSWORD}">' for name in names)
    with site(host, f"""<form method="post" action="{url(signed_in, '/auth/password')}">{fields}</form>
              <script>document.forms[0].submit()</script>""") as evil:
        with page.expect_response(re.compile("/auth/")) as answer:
            page.goto(evil)
        assert answer.value.status == 403
    with site(host, f'<iframe src="{url(signed_in, "/auth/password")}"></iframe>') as evil:
        page.goto(evil)
        page.wait_for_load_state("networkidle")
        assert page.frames[1].locator("input").count() == 0
    assert signed_in.login().status == 200


@pytest.mark.parametrize("target", ["/auth/login", "/auth/password"])
@pytest.mark.parametrize("size", [(1280, 800), (360, 640), (320, 480)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_can_be_read(scene, people, size, scheme, target):
    signed_in = scene()
    page = people(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme).new_page()
    if target != "/auth/login":
        sign_in(page, signed_in, target)
        page.get_by_role("heading", name="Change your password").wait_for()
    else:
        page.goto(url(signed_in, target))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.lang") == "en"
    colors = page.evaluate("""() => ['body', 'label', 'input:not([type=hidden])', 'button'].map(name => {
      const style = getComputedStyle(document.querySelector(name));
      return [style.color, style.backgroundColor];
    })""")
    are_readable(colors)
    # And what it says.
    for label in page.locator("label").all_inner_texts():
        page.get_by_label(label, exact=True).fill("something wrong")
    page.get_by_role("button").click()
    page.get_by_role("alert").wait_for()
    are_readable(page.locator("[role=alert]").evaluate_all(COLORS))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if target != "/auth/login":
        page.get_by_label("Current password").fill(PASSWORD)
        for label in ("New password", "New password, again"):
            page.get_by_label(label, exact=True).fill("something else")
        page.get_by_role("button").click()
        page.get_by_role("status").wait_for()
        are_readable(page.locator("[role=status], a, h1").evaluate_all(COLORS))


COLORS = """found => [document.body, ...found].map(each => {
  const style = getComputedStyle(each);
  return [style.color, style.backgroundColor];
})"""


def are_readable(colors):
    body = colors[0][1]
    for color, background in colors:
        assert contrast(color, background if "rgba" not in background else body) >= 4.5, colors


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress((b"\0" + b"\x1f\x6f\xeb" * width) * height)) + chunk(b"IEND", b""))


SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="400" height="100"
  onload="document.title='taken'"><script>document.title = 'taken'; fetch('/public/stolen')</script>
  <image xlink:href="/public/fetched" width="9" height="9"/><rect width="400" height="100" fill="#1f6feb"/></svg>"""


@pytest.mark.parametrize("name, picture, shown", [
    ("logo.png", png(400, 100), (160, 40)), ("Logo.PNG", png(10, 300), (2.67, 80)), ("logo.svg", SVG, (160, 40)),
    ("logo.gif", base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"), (1, 1)),
])
def test_C_12_the_page_shows_its_logo_and_nothing_else_of_it(scene, people, tmp_path, name, picture, shown):
    (tmp_path / name).write_bytes(picture)
    signed_in = scene(settings=f", logo: {tmp_path / name}, title: Acme")
    page = people().new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(url(signed_in, "/auth/login"))
    logo = page.locator("main img")
    assert logo.evaluate("each => each.complete && each.naturalWidth > 0") and logo.get_attribute("alt") == ""
    box = logo.bounding_box()
    assert (box["width"], box["height"]) == pytest.approx(shown, abs=0.1)
    heading = page.get_by_role("heading", name="Acme").bounding_box()
    assert box["y"] + box["height"] <= heading["y"]
    # In the middle, as the heading is.
    assert box["x"] + box["width"] / 2 == pytest.approx(heading["x"] + heading["width"] / 2, abs=1)
    # A picture has no scripts, and asks for nothing.
    assert page.title() == "Acme" and not signed_in.app.received
    assert not [text for text in complaints if "Content Security Policy" in text], complaints
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="The application").wait_for()
    assert not any(request.target.startswith("/public") for request in signed_in.app.requests)


def contrast(*colors):
    """WCAG 2.2, contrast ratio."""
    lights = []
    for color in colors:
        parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
        red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    return (max(lights) + 0.05) / (min(lights) + 0.05)
