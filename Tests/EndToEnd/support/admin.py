"""What an admin listener says."""
from types import SimpleNamespace

from support.wire import get


def said_by_admin(gateway, request_ids):
    """Every page of a gateway's admin listener by its path, and what it remembers of some refused requests."""
    host, _, port = gateway.wait_message("serving")["admin"].rpartition(":")
    place, said = SimpleNamespace(host=host, port=int(port)), {}
    for path in ("/metrics", "/status", "/config", *(f"/requests/{id}" for id in request_ids)):
        for kind in ("application/json", "text/html"):
            answer = get(place, path, [("Accept", kind)], host="127.0.0.1")
            assert answer.status == 200, (path, answer)
            said[f"{path} as {kind}"] = answer.body.decode()
    return said
