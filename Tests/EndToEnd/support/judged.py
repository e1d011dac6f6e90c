"""Requests whose answer, upstream and access line are judged together."""
from .tokens import bearer
from .wire import get

INVALID_TOKEN = 'Bearer error="invalid_token"'

# What is wrong with claims whose signature held, its issuer has to mend.
OF_THE_ISSUER = ("claims_invalid", "claim_missing", "claim_malformed")


class Judge:
    """Sends requests through a gateway, and knows which of them its upstream may have seen."""

    def __init__(self, gateway, app):
        self.gateway, self.app = gateway, app
        self.forwarded = len(app.requests)

    def refused(self, status, reason, blame="client", target="/api/x", fields=(), challenge=None, **options):
        """The answer to a request that has to be refused so: nothing of it goes upstream, its line says why."""
        answer = get(self.gateway, target, fields, **options)
        assert answer.status == status, (answer, self.gateway.access_text[-600:])
        line = self.gateway.access_of(answer.request_id)
        assert (answer.status, line["status"], line.get("reason"), line.get("blame")) == (
            status, status, reason, blame), (answer, line)
        assert answer.field("www-authenticate") == challenge
        self.settled()
        return answer

    def bad_token(self, token, reason, target="/api/x", **options):
        """A refusal of a token."""
        blame = "issuer" if reason in OF_THE_ISSUER else "client"
        return self.refused(401, reason, blame, target=target, fields=[bearer(token)], challenge=INVALID_TOKEN, **options)

    def allowed(self, fields=(), target="/api/x", **options):
        """The request as the upstream saw it, once it was let through."""
        known = {request.field("x-request-id") for request in self.app.requests}
        answer = get(self.gateway, target, fields, **options)
        assert answer.status == 200, (answer, answer.request_id and self.gateway.access_of(answer.request_id))
        self.forwarded += 1
        requests = self.app.wait_requests(self.forwarded)
        [request] = [each for each in requests if each.field("x-request-id") not in known]
        line = self.gateway.access_of(request.field("x-request-id"))
        assert "reason" not in line and line["status"] == 200, line
        return request

    def settled(self):
        """Fails where the upstream saw more than it was meant to, be it one byte."""
        seen, meant, self.forwarded = self.app.requests, self.forwarded, len(self.app.requests)
        assert len(seen) == meant, seen[meant:]
        for connection in list(self.app.connections):
            assert not connection.received or connection.requests, f"half a request came: {connection.received!r}"
