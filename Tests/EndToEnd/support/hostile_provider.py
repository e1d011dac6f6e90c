"""An OpenID provider on loopback that knows no mercy for clients, and whose every answer a test can bend."""
import base64
import hashlib
import http.server
import json
import secrets
import threading
import time
import urllib.parse

import jwt
import pytest

from .introspection import ASSERTION, Server
from .tokens import Key, b64

CLIENT = "portcullis"
SECRET = "canary client secret: +&%"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Asked:
    """A request that came: the endpoint, its parameters, its fields."""

    def __init__(self, endpoint, form, headers, fault=None):
        self.endpoint, self.form, self.headers, self.fault = endpoint, form, headers, fault

    def __repr__(self):
        return f"<{self.endpoint} {self.form} {self.fault or ''}>"


class HostileProvider:
    """Authorizes at once, as `user`. What is not bent is checked and answered as the specifications have it.

    `secret`, `client_key` or neither: how the client has to authenticate. What a test can bend:

    - `metadata`, `callback`, `token_response`, `claims`, `header`, `userinfo`: members of the discovery document, of the
      answer that a browser carries, of the token endpoint's, of ID tokens and their headers, of userinfo; a value of
      None leaves the member out, a function is given the member as it would be, and a list in `callback` repeats it.
    - `id_token`: a function of header and claims that makes the token.
    - `instead`: by endpoint, `(status, headers, body)` or a function of the handler that does everything.
    - `published`: the keys of its key set.
    """

    def __init__(self, port=0, secret=SECRET, client_key=None, client_id=CLIENT, algorithm="ES256"):
        self.key = Key(algorithm, "provider-1")
        self.client_id, self.secret, self.client_key = client_id, secret, client_key
        self.lock = threading.Lock()
        self.asked, self.codes, self.grants, self.access_tokens, self.assertions = [], {}, {}, {}, set()
        # All that it ever made and nobody else may see.
        self.made = []
        self.straighten()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are written apart: the body must not wait for the head's acknowledgement.
            disable_nagle_algorithm = True

            def do_GET(self):
                outer.serve(self, urllib.parse.urlsplit(self.path).query)

            def do_POST(self):
                outer.serve(self, self.rfile.read(int(self.headers["Content-Length"])).decode("ascii"))

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def answer_json(self, status, value, **headers):
                self.answer(status, {"Content-Type": "application/json", "Cache-Control": "no-store", **headers},
                            json.dumps(value).encode())

            def log_message(self, *_):
                pass

        self.httpd = Server(("127.0.0.1", port), Handler)
        self.issuer = f"http://127.0.0.1:{self.httpd.server_port}"
        self.token_endpoint = f"{self.issuer}/token"
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()

    def straighten(self):
        """Bends nothing any more."""
        self.user = {"sub": "alice", "email": "alice@example.com", "email_verified": True, "groups": ["admin", "a,b"]}
        self.metadata, self.callback, self.token_response, self.claims, self.header = {}, {}, {}, {}, {}
        self.userinfo, self.instead = {}, {}
        self.id_token = None
        self.published = [self.key]
        self.expires_in = 3600
        self.gives_refresh_tokens = True

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()

    def of(self, endpoint):
        """What was asked there."""
        return [each for each in list(self.asked) if each.endpoint == endpoint]

    # Answers.

    def serve(self, handler, query):
        endpoint = urllib.parse.urlsplit(handler.path).path.strip("/")
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        form = dict(pairs)
        asked = Asked(endpoint, form, handler.headers)
        asked.fault = "a parameter stands twice" if len(form) != len(pairs) else None
        with self.lock:
            self.asked.append(asked)
        instead = self.instead.get(endpoint)
        if callable(instead):
            return instead(handler)
        if instead is not None:
            return handler.answer(*instead)
        answers = {
            ".well-known/openid-configuration": self.discovery, "jwks": self.jwks, "authorize": self.authorize,
            "token": self.token, "userinfo": self.answer_userinfo, "logout": self.log_out}
        answers.get(endpoint, lambda handler, _: handler.answer(404, {}, b""))(handler, asked)

    def discovery(self, handler, _):
        handler.answer_json(200, bent({
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": self.token_endpoint, "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/logout", "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.key.algorithm],
            "authorization_response_iss_parameter_supported": True}, self.metadata))

    def jwks(self, handler, _):
        handler.answer_json(200, {"keys": [each.jwk if isinstance(each, Key) else each for each in self.published]})

    def authorize(self, handler, asked):
        form = asked.form
        wanted = {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
                  "code_challenge_method"}
        if set(form) - {"max_age", "acr_values"} != wanted or form["client_id"] != self.client_id or form["code_challenge_method"] != "S256":
            asked.fault = asked.fault or f"parameters {form}"
        code = self.secret_text("code")
        with self.lock:
            self.codes[code] = {**form, "sid": secrets.token_urlsafe(12), "user": dict(self.user)}
        pairs = bent({"code": code, "state": form.get("state", ""), "iss": self.issuer}, self.callback)
        query = urllib.parse.urlencode(pairs, doseq=True)
        handler.answer(302, {"Location": f"{form['redirect_uri']}?{query}"}, b"")

    def token(self, handler, asked):
        form = asked.form
        asked.fault = asked.fault or self.client_fault(asked)
        if asked.fault:
            return handler.answer_json(401, {"error": "invalid_client"}, **{"WWW-Authenticate": "Basic"})
        kind = form.get("grant_type")
        with self.lock:
            grant = self.codes.pop(form.get("code"), None) if kind == "authorization_code" else (
                self.grants.pop(form.get("refresh_token"), None))
        asked.fault = self.code_fault(form, grant) if kind == "authorization_code" else (
            None if grant else "an unknown refresh token")
        if asked.fault:
            return handler.answer_json(400, {"error": "invalid_grant", "error_description": "canary-description"})
        access, response = self.secret_text("access"), {}
        with self.lock:
            self.access_tokens[access] = grant
        response = {"access_token": access, "token_type": "Bearer", "expires_in": self.expires_in}
        if self.gives_refresh_tokens:
            response["refresh_token"] = self.secret_text("refresh")
            with self.lock:
                self.grants[response["refresh_token"]] = grant
        response["id_token"] = self.make_id_token(grant, access)
        handler.answer_json(200, bent(response, self.token_response))

    def make_id_token(self, grant, access):
        now = int(time.time())
        claims = bent({
            "iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "auth_time": now,
            "acr": grant.get("acr_values", "silver").split()[0],
            "nonce": grant["nonce"], "sid": grant["sid"],
            "at_hash": b64(hashlib.sha256(access.encode()).digest()[:16]), **grant["user"]}, self.claims)
        header = bent({"alg": self.key.algorithm, "kid": self.key.kid}, self.header)
        made = self.id_token(header, claims) if self.id_token else jwt.encode(
            claims, self.key.private, algorithm=self.key.algorithm, headers=header)
        self.made.append(made)
        return made

    def answer_userinfo(self, handler, asked):
        scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
        grant = self.access_tokens.get(token) if scheme == "Bearer" else None
        if grant is None:
            asked.fault = "no access token of ours"
            return handler.answer_json(401, {}, **{"WWW-Authenticate": 'Bearer error="invalid_token"'})
        handler.answer_json(200, bent(dict(grant["user"]), self.userinfo))

    def log_out(self, handler, asked):
        handler.answer(302, {"Location": asked.form.get("post_logout_redirect_uri", "/")}, b"")

    # Faults of the client.

    def client_fault(self, asked):
        form, headers = asked.form, asked.headers
        if headers.get("Content-Type") != "application/x-www-form-urlencoded" or "Expect" in headers:
            return f"fields {headers.items()}"
        if "client_secret" in form or form.get("grant_type") not in ("authorization_code", "refresh_token"):
            return f"form {form}"
        if self.client_key is not None:
            return self.assertion_fault(form, headers)
        if self.secret is None:
            return None if form.get("client_id") == self.client_id and "Authorization" not in headers else "client_id"
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return "no Basic"
        pair = base64.b64decode(value, validate=True).decode("ascii").split(":")
        return None if [urllib.parse.unquote_plus(part) for part in pair] == [
            self.client_id, self.secret] else "credentials"

    def assertion_fault(self, form, headers):
        if "Authorization" in headers or form.get("client_assertion_type") != ASSERTION:
            return "client_assertion_type"
        try:
            stated = jwt.decode(
                form["client_assertion"], self.client_key.private.public_key(), algorithms=[self.client_key.algorithm],
                audience=self.token_endpoint, issuer=self.client_id, subject=self.client_id,
                options={"require": ["exp", "iat", "jti", "aud", "iss", "sub"]})
        except jwt.InvalidTokenError as error:
            return f"assertion: {error!r}"
        with self.lock:
            if stated["jti"] in self.assertions:
                return "assertion: used before"
            self.assertions.add(stated["jti"])
        return None

    @staticmethod
    def code_fault(form, grant):
        if grant is None:
            return "an unknown code"
        verifier = form.get("code_verifier", "")
        if b64(hashlib.sha256(verifier.encode()).digest()) != grant["code_challenge"] or len(verifier) < 43:
            return "code_verifier"
        return None if form.get("redirect_uri") == grant["redirect_uri"] else "redirect_uri"

    # What it makes.

    def secret_text(self, kind):
        made = f"canary-{kind}-{secrets.token_urlsafe(24)}"
        self.made.append(made)
        return made

    def logout_token(self, header=None, key=None, **changes):
        """A logout token (OpenID Connect Back-Channel Logout 1.0 §2.4), changed; a value of None leaves a claim out."""
        now = int(time.time())
        claims = bent({
            "iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 120, "jti": secrets.token_urlsafe(16),
            "events": {LOGOUT_EVENT: {}}}, changes)
        key = key or self.key
        return jwt.encode(claims, key.private, algorithm=key.algorithm,
                          headers=bent({"kid": self.key.kid, "typ": "logout+jwt"}, header or {}))


def bent(members, changes):
    result = dict(members)
    for name, value in changes.items():
        result[name] = value(members.get(name)) if callable(value) else value
    return {name: value for name, value in result.items() if value is not None}


@pytest.fixture(name="provider")
def provider_fixture():
    """For the tests of a file that imports it."""
    made = HostileProvider()
    yield made
    made.close()
