"""A gateway that speaks TLS to an upstream's servers."""
import ssl

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def config(*servers, tls=None, workers=1, more="", top=""):
    listed = ", ".join(f'"{server}"' for server in servers)
    tls = f", tls: {{ {tls} }}" if tls else ""
    return f"""
    listeners: [{{ address: "127.0.0.1:0" }}]
    workers: {workers}
    {top}
    upstreams:
      app: {{ servers: [{listed}]{tls}{more} }}
    routes: [{{ path: /**, auth: none, upgrade: [websocket], upstream: app }}]
    """


def ca(authority):
    return f"ca: {authority.path}"
