"""How fast another configuration is asked about the requests of a log."""
import resource
import subprocess
import urllib.request

import tokens
from partners import BINARY, PROXY_CORE, free_port
from support.tokens import AUDIENCE, ISSUER

LINES = 500_000


def replay(lab, upstream):
    """The log of a gateway that has answered some requests, many times over."""
    log, port = lab.folder / "replayed.log", free_port()
    text = f"""
listeners: [{{ address: "127.0.0.1:{port}" }}]
workers: 1
log: {{ access: "{log}", claims: rules, level: error }}
providers:
  issuer: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "http://127.0.0.1:{upstream.port}/jwks.json" }}
upstreams: {{ app: {{ servers: ["127.0.0.1:{upstream.port}"] }} }}
routes:
  - {{ path: /api/**, auth: issuer, require: {{ scopes: [read] }}, upstream: app }}
  - {{ path: /**, auth: none, upstream: app }}
"""
    config = lab.write("replayed.conf", text)
    gateway = lab.start("replayed", PROXY_CORE, [BINARY, "serve", "--config", config], port)
    token = tokens.good("ES256", [1])[0]
    for number in range(100):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{'api' if number % 2 else 'page'}/{number}",
                                         headers={"Authorization": f"Bearer {token}"})
        urllib.request.urlopen(request).read()
    gateway.stop()
    lines = log.read_bytes()
    assert lines.count(b"\n") == 100
    log.write_bytes(lines * (LINES // 100))
    candidate = lab.write("candidate.conf", text.replace("scopes: [read]", "scopes: [admin]"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = subprocess.run(["taskset", "-c", str(PROXY_CORE), BINARY, "replay", "--config", candidate, "--log", log],
                           capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Half of the requests come to another verdict: 1 says so.
    assert found.returncode == 1, (found.returncode, found.stderr)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"\n  replay decides {LINES / spent:,.0f} lines per second of CPU, "
          f"{len(lines) // 100} bytes each")
