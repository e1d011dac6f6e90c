"""A collector of OTLP/HTTP that reads what it is sent as the protocol's own messages, and misbehaves on demand."""
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .ports import PATIENCE, wait_until

MESSAGES = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}


def with_bytes(value):
    """OTLP has ids in hexadecimal, where JSON of protobuf has base64."""
    if isinstance(value, list):
        return [with_bytes(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: base64.b64encode(bytes.fromhex(each)).decode() if name in ("traceId", "spanId", "parentSpanId")
            else with_bytes(each) for name, each in value.items()}


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


class Collector:
    """`status` is what it answers; what it answers with another one than 200 it has not taken."""

    def __init__(self, status=200):
        self.status = status
        self.requests = []
        self.faults = []
        self.messages = {path: [] for path in MESSAGES}
        self.going = threading.Event()
        self.going.set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, self.headers, body)
                collector.going.wait(60)
                status = collector.status
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path, headers, body):
        self.requests.append((path, dict(headers.items()), body))
        if self.status != 200:
            return
        try:
            assert headers["Content-Type"] == "application/json"
            self.messages[path].append(json_format.ParseDict(with_bytes(json.loads(body)), MESSAGES[path]()))
        except Exception as fault:
            self.faults.append((fault, body))

    @property
    def spans(self):
        """Each with its attributes as a dict."""
        assert not self.faults, self.faults
        return [(span, attributes(span.attributes)) for message in list(self.messages["/v1/traces"])
                for resource in message.resource_spans for scope in resource.scope_spans for span in scope.spans]

    def wait_spans(self, count, seconds=PATIENCE):
        """The spans, once there are that many."""
        wait_until(lambda: len(self.spans) >= count, f"{count} spans", seconds)
        return self.spans

    @property
    def metrics(self):
        """The metrics that came last, by their names."""
        assert not self.faults, self.faults
        messages = list(self.messages["/v1/metrics"])
        return {metric.name: metric for message in messages[-1:] for resource in message.resource_metrics
                for scope in resource.scope_metrics for metric in scope.metrics}

    def close(self):
        self.going.set()
        self.server.shutdown()
        self.server.server_close()
