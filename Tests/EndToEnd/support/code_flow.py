"""A gateway where people sign in at a provider elsewhere, and a browser of a few lines."""
import urllib.parse

import pytest

from .hostile_provider import CLIENT, SECRET
from .sign_in import FETCH, FORM, NAVIGATION, Browser
from .wire import get

# Of the gateway to browsers: on loopback http is allowed. No port of it is listened on.
URL = "http://127.0.0.1:8080"
SESSION = "portcullis_session"
FLOW = "portcullis_flow_"


class CodeFlow:
    """The gateway, the provider, and an application behind it."""

    def __init__(self, start, app, provider, folder, settings="", top="", routes="", client="client_secret_file",
                 state=None, provider_keys="", url=URL, claims="roles: groups"):
        self.app, self.provider, self.folder, self.start = app, provider, folder, start
        self.host = URL.partition("://")[2]
        folder.mkdir(exist_ok=True)
        secret = folder / "client.secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        authentication = {"client_secret_file": f", client_secret_file: {secret}", "none": ""}.get(
            client, f", private_key_file: {client}")
        self.state = state or folder / "state"
        self.config = f"""
listeners:
  - address: 127.0.0.1:0
log: {{ level: debug }}
{top}
providers:
  company:
    issuer: {provider.issuer}
    audiences: [orders]
    leeway: 0s
    claims: {{ {claims} }}
    code_flow: {{ client_id: {CLIENT}{authentication}, url: "{url}", state: {self.state}{settings} }}
    {provider_keys}
upstreams:
  app: {{ servers: ["{app.server}"] }}
routes:
  - {{ path: /public/**, auth: none, upstream: app }}
  - {{ path: /optional, auth: company, anonymous: allow, upstream: app }}
  - {{ path: /ws, auth: company, upstream: app, upgrade: [websocket] }}
  - {{ path: /admin, auth: company, require: {{ roles: [admin] }}, upstream: app }}
  - {{ path: /root, auth: company, require: {{ roles: [root] }}, upstream: app }}
  - {{ path: /fresh, auth: company, require: {{ max_age: 1s }}, upstream: app }}
  - {{ path: /strong, auth: company, require: {{ acr: [gold, platinum], max_age: 60s }}, upstream: app }}
{routes}
  - {{ path: "/**", auth: company, upstream: app }}
"""
        self.gateway = start(self.config)

    def get(self, target, fields=(), method="GET", body=None, host=None):
        return get(self.gateway, target, fields, host=host or self.host, method=method, body=body)

    def browser(self):
        return CodeFlowBrowser(self)


class CodeFlowBrowser(Browser):
    """Keeps cookies, and goes to the provider and back."""

    @property
    def origin(self):
        return URL

    def navigate(self, target, **options):
        return self.request(target, NAVIGATION, **options)

    def fetch(self, target, fields=(), **options):
        return self.request(target, FETCH + list(fields), **options)

    def begin(self, target="/a?b=c"):
        """From a page that wants to know who it is to where the provider sends the browser back to: a path of ours."""
        answer = self.navigate(target)
        assert answer.status == 303, answer
        assert answer.field("location").startswith("/oauth/login?return_to="), answer
        answer = self.navigate(answer.field("location"))
        assert answer.status == 303, answer
        return self.at_provider(answer.field("location"))

    def at_provider(self, location):
        import requests
        back = requests.get(location, allow_redirects=False, timeout=10)
        assert back.status_code == 302, back.text
        target = back.headers["Location"]
        assert target.startswith(URL + "/oauth/callback?"), target
        return target[len(URL):]

    def sign_in(self, target="/a?b=c"):
        """The answer that sends the signed-in browser on."""
        answer = self.navigate(self.begin(target))
        assert answer.status == 303, (answer, answer.body)
        assert answer.field("location") == target, answer
        return answer

    def log_out(self, origin=None):
        return self.request("/oauth/logout", [FORM, ("Origin", origin or URL)], method="POST", body=b"")


def query(location):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query, strict_parsing=True))


@pytest.fixture(name="scene")
def scene_fixture(start, upstream, provider, tmp_path):
    """Makes gateways for the tests of a file that imports it, with the fixture `provider`: `scene(settings=…)`."""
    def make(**options):
        return CodeFlow(start, upstream(), options.pop("provider", provider), tmp_path / "one", **options)
    return make
