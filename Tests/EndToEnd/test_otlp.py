"""Traces and metrics for a collector: what it gets, what upstreams are told, and that nobody waits for it."""
import json
import signal
import time

import pytest
from support.collector import Collector, attributes
from support.ports import free_port, wait_until
from support.tokens import AUDIENCE, ISSUER, Key, bearer, mint
from support.wire import get

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


def config(otlp, app, folder, top="", admin="{ address: 127.0.0.1:0 }"):
    return f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    {f"admin: {admin}" if admin else ""}
    {f"otlp: {otlp}" if otlp else ""}
    workers: 2
    {top}
    providers:
      company: {{ issuer: {ISSUER}, audiences: [{AUDIENCE}], jwks_file: {folder}/jwks.json, token_from: [authorization, "cookie:session"] }}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
      gone: {{ servers: ["127.0.0.1:1"] }}
    routes:
      - {{ name: open, path: "/open/{{id}}", auth: none, upstream: app }}
      - {{ name: gone, path: /gone, auth: none, upstream: gone }}
      - {{ name: private, path: /private/**, auth: company, upstream: app }}
    """


@pytest.fixture
def key(tmp_path):
    made = Key("ES256", "a")
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [made.jwk]}))
    return made


def ids(span):
    return span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()


def test_a_request_is_a_span_and_its_child_that_log_and_upstream_name_too(start, upstream, collector, key, tmp_path):
    app = upstream()
    (tmp_path / "headers").write_text("Authorization: Bearer canary-of-the-collector\n")
    (tmp_path / "headers").chmod(0o600)
    gateway = start(config(f"{{ url: {collector.url}/, traces: 100%, headers_file: {tmp_path}/headers }}", app, tmp_path))
    token = mint(key, sub="canary-subject")
    answer = get(gateway, "/open/1?code=canary-query", [("traceparent", PARENT + "01"), ("tracestate", "a=1")])
    assert answer.status == 200
    get(gateway, "/private/x?code=canary-query", [bearer(token)])
    refused = get(gateway, "/private/y", [("Cookie", f"session={token[:-9]}")])
    get(gateway, "/gone")
    get(gateway, "/nowhere")
    assert refused.status == 401
    spans = collector.wait_spans(8)
    assert len(spans) == 8
    lines = {line["path"]: line for line in gateway.wait_access(5)}
    for line in lines.values():
        # What begins here has the request's id.
        assert line["trace_id"] == line["request_id"]
    servers = {found["url.path"]: (span, found) for span, found in spans if span.kind == span.SPAN_KIND_SERVER}
    for path, (span, found) in servers.items():
        line = lines[path]
        assert ids(span)[0] == line["trace_id"] and not span.parent_span_id
        assert found["http.response.status_code"] == line["status"] and found["client.address"] == line["client"]
        assert found.get("portcullis.reason") == line.get("reason") == found.get("error.type")
        assert found.get("portcullis.route") == line.get("route")
        assert found["portcullis.request_id"] == line["request_id"]
        assert abs((span.end_time_unix_nano - span.start_time_unix_nano) // 1000 - line["total_us"]) <= 1
        assert (span.status.code == span.status.STATUS_CODE_ERROR) == (line["status"] >= 500)
    span, found = servers["/open/1"]
    assert span.name == "GET /open/*" and found["http.route"] == "/open/*" and found["url.scheme"] == "http"
    assert found["server.address"] == "example.test" and found["network.protocol.version"] == "1.1"
    assert servers["/private/x"][1]["portcullis.provider"] == "company"
    clients = [(span, found) for span, found in spans if span.kind == span.SPAN_KIND_CLIENT]
    assert {found["portcullis.upstream"] for _, found in clients} == {"app", "gone"} and len(clients) == 3
    below = {ids(span)[2]: (span, found) for span, found in clients}
    failed, why = below[ids(servers["/gone"][0])[1]]
    assert why["error.type"] == lines["/gone"]["reason"] and failed.status.code == failed.status.STATUS_CODE_ERROR
    # A client that nobody trusts begins a trace of its own, and the upstream is told that one.
    for request, path in zip(app.wait_requests(2), ("/open/1", "/private/x")):
        client = below[ids(servers[path][0])[1]][0]
        assert request.field("traceparent") == f"00-{ids(client)[0]}-{ids(client)[1]}-01"
        assert request.field("tracestate") is None
    for path, fields, body in collector.requests:
        assert path == "/v1/traces" and fields["Authorization"] == "Bearer canary-of-the-collector"
        assert b"canary" not in body and token.encode() not in body and b"Cookie" not in body
    resource = attributes(collector.messages["/v1/traces"][0].resource_spans[0].resource.attributes)
    assert resource["service.name"] == "portcullis" and len(resource["service.instance.id"]) == 36
    assert "canary-of-the-collector" not in gateway.program_text + gateway.access_text


def test_a_trusted_proxy_says_whether_and_where_a_trace_goes_on(start, upstream, collector, key, tmp_path):
    app = upstream()
    gateway = start(config(
        f"{{ url: {collector.url}, traces: 1% }}", app, tmp_path, "trusted_proxies: [127.0.0.0/8]"))
    get(gateway, "/open/1", [("traceparent", PARENT + "00"), ("tracestate", "a=1")])
    get(gateway, "/open/2", [("traceparent", PARENT + "03"), ("tracestate", "a=1")])
    (server, _), (client, _) = sorted(collector.wait_spans(2), key=lambda each: each[0].kind)
    assert ids(server)[::2] == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    unsampled, sampled = app.wait_requests(2)
    assert unsampled.field("traceparent") == PARENT + "00" and unsampled.field("tracestate") == "a=1"
    assert sampled.field("traceparent") == f"00-{ids(client)[0]}-{ids(client)[1]}-03"
    assert sampled.field("tracestate") == "a=1" and ids(client)[2] == ids(server)[1]
    (first,), (second,) = gateway.wait_access(path="/open/1"), gateway.wait_access(path="/open/2")
    assert "trace_id" not in first and second["trace_id"] == ids(server)[0]
    # Of the others upstreams are told what is exported, and a drain exports what is left.
    for _ in range(400):
        get(gateway, "/open/3")
    told = {r.field("traceparent")[3:35]: r.field("traceparent")[-2:] for r in app.wait_requests(402)}
    assert told.pop(PARENT[3:35]) and len(told) == 400
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    exported = {ids(span)[0] for span, _ in collector.spans} - {ids(server)[0]}
    assert exported == {trace for trace, flags in told.items() if flags == "01"}
    assert set(told.values()) <= {"00", "01"} and len(exported) < 40


def test_a_collector_that_fails_or_hangs_holds_up_nobody(start, upstream, collector, key, tmp_path):
    app = upstream()
    other = free_port()
    gateway = start(config(f"{{ url: http://127.0.0.1:{other}, traces: 100% }}", app, tmp_path))
    assert get(gateway, "/open/1").status == 200
    said = gateway.wait_message("the collector does not accept traces")
    assert said["url"] == f"http://127.0.0.1:{other}/v1/traces"
    # What waits goes to the one that a reload names.
    collector.going.clear()
    gateway.write_config(config(f"{{ url: {collector.url}, traces: 100% }}", app, tmp_path))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: collector.requests, "the request that hangs")
    for _ in range(20):
        assert get(gateway, "/open/2").status == 200
    collector.going.set()
    assert len(collector.wait_spans(42)) == 42
    metrics = get_metrics(gateway)
    wait_until(lambda: get_metrics(gateway)['portcullis_otlp_spans_total{result="exported"}'] == 42, "the count")
    assert metrics['portcullis_otlp_spans_total{result="dropped"}'] == 0
    # Without one it is over, and the client's trace goes on as it is.
    gateway.reload(config("", app, tmp_path))
    get(gateway, "/open/9", [("traceparent", PARENT + "00")])
    assert "trace_id" not in gateway.wait_access(path="/open/9")[0]
    assert PARENT + "00" in [request.field("traceparent") for request in app.wait_requests(22)]


def test_a_collector_gets_the_metrics_that_the_admin_listener_shows(start, upstream, collector, key, tmp_path):
    app = upstream()
    gateway = start(config(f"{{ url: {collector.url}, metrics: 5s }}", app, tmp_path))
    for path in ("/open/1", "/gone", "/private/x", "/nowhere"):
        get(gateway, path)
    refused = {"route": "private", "provider": "", "reason": "credential_missing", "blame": "client", "upstream": ""}

    def refusals():
        found = collector.metrics.get("portcullis_refusals_total")
        return found and any(attributes(point.attributes) == refused for point in found.sum.data_points)

    wait_until(refusals, "the refusals", 20)
    shown, exported = get_metrics(gateway), {}
    for name, metric in collector.metrics.items():
        kind = metric.WhichOneof("data")
        points = getattr(metric, kind).data_points
        assert kind == "gauge" or getattr(metric, kind).aggregation_temporality == 2
        assert kind != "sum" or metric.sum.is_monotonic
        for point in points:
            assert point.start_time_unix_nano < point.time_unix_nano
            labels = ",".join(f'{key}="{value}"' for key, value in attributes(point.attributes).items())
            suffix = f"{{{labels}}}" if labels else ""
            if kind == "histogram":
                assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
                assert sum(point.bucket_counts) == point.count
                exported[f"{name}_count{suffix}"] = point.count
                exported[f"{name}_sum{suffix}"] = point.sum
            else:
                exported[name + suffix] = getattr(point, point.WhichOneof("value"))
    assert exported.keys() == {name for name in shown if "_bucket{" not in name}
    for name, value in exported.items():
        assert name.startswith("process_") or name == "portcullis_connections" or value == pytest.approx(shown[name]), name


def test_metrics_are_counted_without_an_admin_listener_and_sent_once_more_at_the_end(
        start, upstream, collector, key, tmp_path):
    app = upstream()
    gateway = start(config("", app, tmp_path, admin=None))
    gateway.reload(config(f"{{ url: {collector.url}, metrics: 1h }}", app, tmp_path, admin=None))
    for _ in range(3):
        assert get(gateway, "/open/1").status == 200
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    points = collector.metrics["portcullis_http_requests_total"].sum.data_points
    assert [point.as_int for point in points if attributes(point.attributes) == {"route": "open", "code": "2xx"}] == [3]
    assert collector.metrics["portcullis_ready"].gauge.data_points[0].as_int == 0


def get_metrics(gateway):
    host, _, port = gateway.wait_message("serving")["admin"].rpartition(":")

    class At:
        pass

    At.host, At.port = host, int(port)
    lines = [line for line in get(At, "/metrics", host="127.0.0.1").body.decode().splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_a_second_interrupt_waits_for_no_collector(start, upstream, collector, key, tmp_path):
    """One waits for it, a while; two are meant."""
    app = upstream()
    collector.going.clear()

    def seconds(interrupts):
        gateway = start(config(f"{{ url: {collector.url}, traces: 100% }}", app, tmp_path))
        known = len(collector.requests)
        assert get(gateway, "/open/1").status == 200
        began = time.monotonic()
        gateway.signal(signal.SIGINT)
        gateway.wait_message("draining")
        wait_until(lambda: len(collector.requests) > known, "the request that hangs")
        if interrupts == 2:
            gateway.signal(signal.SIGINT)
        assert gateway.wait() == 0
        assert gateway.messages()[-1]["message"] == "stopped"
        return time.monotonic() - began

    assert seconds(1) > 1.9
    # On a machine that has other things to do not each one is fast.
    assert any(seconds(2) < 1.9 for _ in range(5))
