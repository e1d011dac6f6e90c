"""A browser, as far as a login needs one: follows redirects, fills in forms, keeps cookies."""
import base64
import hashlib
import html.parser
import secrets
import urllib.parse

import requests


# What browsers say of a link that somebody has followed.
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}


class Forms(html.parser.HTMLParser):
    """The forms of a page that are posted: where to, the fields as they stand, the buttons."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append((attributes, {}, []))
        elif tag in ("input", "button") and self.forms and attributes.get("name"):
            _, fields, buttons = self.forms[-1]
            kind = attributes.get("type", "submit" if tag == "button" else "text")
            if kind == "submit":
                buttons.append((attributes["name"], attributes.get("value", "")))
            elif kind != "checkbox" or "checked" in attributes:
                fields[attributes["name"]] = attributes.get("value", "")

    def posted(self):
        return [each for each in self.forms if each[0].get("method", "").lower() == "post"]


def walk(session, page, until, answers):
    """Follows redirects and fills in forms; gives the address that begins with `until`, which is not asked."""
    for _ in range(12):
        if page.is_redirect:
            target = urllib.parse.urljoin(page.url, page.headers["Location"])
            if target.startswith(until):
                return target
            page = session.get(target, timeout=20, allow_redirects=False, headers=NAVIGATION)
            continue
        forms = Forms(page.text).posted()
        assert forms, f"no form at {page.url}: {page.status_code} {page.text[:2000]}"
        accepting = [form for form in forms if any("accept" in value or "allow" in value for _, value in form[2])]
        attributes, fields, buttons = (accepting or forms)[0]
        fields.update({name: value for name, value in answers.items() if name in fields})
        wanted = [b for b in buttons if answers.get(b[0]) == b[1]] or [b for b in buttons if b[1] in ("accept", "allow")]
        fields.update(wanted[:1] or buttons[:1])
        page = session.post(
            urllib.parse.urljoin(page.url, attributes.get("action") or page.url), data=fields, timeout=20,
            allow_redirects=False, headers={"Referer": page.url})
    raise AssertionError(f"no end of steps; the last is {page.url}")


def sign_in(issuer, client_id, redirect_uri, answers, secret=None, scope="openid profile email"):
    """Walks the authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636); gives the token endpoint's answer.

    `answers`: what is typed into which field. Consent is given.
    """
    session = requests.Session()
    provider = session.get(issuer.rstrip("/") + "/.well-known/openid-configuration", timeout=10).json()
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    page = session.get(provider["authorization_endpoint"], timeout=20, allow_redirects=False, params={
        "response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "scope": scope, "state": state,
        "nonce": secrets.token_urlsafe(16), "code_challenge": challenge, "code_challenge_method": "S256"})
    target = walk(session, page, redirect_uri, answers)
    back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
    assert back.get("state") == state and "code" in back, back
    answer = requests.post(
        provider["token_endpoint"], timeout=20, auth=(client_id, secret) if secret else None,
        data={"grant_type": "authorization_code", "code": back["code"], "redirect_uri": redirect_uri,
              "code_verifier": verifier, "client_id": client_id})
    assert answer.status_code == 200, answer.text
    return answer.json()
