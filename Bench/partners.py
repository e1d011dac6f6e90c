"""The programs that are compared, their configurations, and how they are measured."""
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("PORTCULLIS_BINARY", str(ROOT / ".build/release/portcullis"))
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

PROXY_CORE, LOAD_CORE = 0, 1
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Program:
    """A process and its children, pinned to one core, ended by pid."""

    def __init__(self, name, core, command, port, log, env=None):
        self.name, self.port = name, port
        output = open(log, "wb")
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={**os.environ, **(env or {})})
        for _ in range(1000):
            if self.process.poll() is not None:
                raise SystemExit(f"{name} ended with {self.process.returncode}: {pathlib.Path(log).read_text()}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise SystemExit(f"{name} does not listen: {pathlib.Path(log).read_text()}")

    def pids(self):
        pid = self.process.pid
        return [pid, *map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def cpu_seconds(self, thread=None):
        """User and system time of all threads, or of those of one name: in nanoseconds where the kernel counts so, else in
        ticks."""
        total = 0
        for pid in self.pids():
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                if thread is not None and (task / "comm").read_text().strip() != thread:
                    continue
                try:
                    total += int((task / "schedstat").read_text().split()[0]) / 1e9
                except FileNotFoundError:
                    fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
                    total += (int(fields[11]) + int(fields[12])) / TICKS
        return total

    def _status(self, key):
        return sum(
            int(re.search(key + r":\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024
            for pid in self.pids())

    def resident_bytes(self):
        return self._status("VmRSS")

    def peak_bytes(self):
        return self._status("VmHWM")

    def reset_peak(self):
        for pid in self.pids():
            pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Lab:
    """A scratch folder and the programs that run in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)  # nginx's worker is another user.
        self.programs = []

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def start(self, name, core, command, port, env=None):
        program = Program(name, core, command, port, self.folder / f"{name}.log", env)
        self.programs.append(program)
        return program

    def stop(self):
        for program in self.programs:
            program.stop()
        self.programs = []

    def nginx(self, name, core, server, http="", workers=1):
        """`server` is the inside of its server block, with PORT for its port."""
        port = free_port()
        server = server.replace("PORT", str(port))
        config = self.write(f"{name}.conf", f"""
worker_processes {workers}; daemon off; pid {self.folder}/{name}.pid; error_log {self.folder}/{name}.err;
worker_rlimit_nofile 20000;
events {{ worker_connections 20000; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 300s; {http}
  server {{ {server} }} }}""")
        return self.start(name, core, ["nginx", "-c", config, "-p", str(self.folder)], port)

    def upstream(self):
        sink = free_port()
        self.start("sink", LOAD_CORE, [sys.executable, str(ROOT / "Bench/sink.py"), str(sink)], sink)
        upstream = self.nginx("upstream", LOAD_CORE, f"""listen 127.0.0.1:PORT backlog=4096; client_max_body_size 0;
  location /jwks.json {{ root {self.folder}; default_type application/json; }}
  location /file/ {{ alias {self.folder}/; }}
  location / {{ default_type text/plain; return 200 "hello from upstream: {'0123456789 ' * 7}\\n"; }}""")
        upstream.sink_port = sink
        return upstream

    def nginx_proxy(self, upstream, name="nginx", core=PROXY_CORE, workers=1):
        return self.nginx(name, core, f"""listen 127.0.0.1:PORT backlog=4096; client_max_body_size 0;
  location /sink {{ proxy_pass http://127.0.0.1:{upstream.sink_port}; proxy_http_version 1.1;
    proxy_request_buffering off; }}
  location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr; proxy_max_temp_file_size 0; }}""",
            f"upstream u {{ server 127.0.0.1:{upstream.port}; keepalive 256; keepalive_requests 100000000; }}", workers)

    def haproxy(self, upstream, issuer, keys):
        """One HAProxy with two listeners: plain proxying, and its own token verification."""
        plain, tokens = free_port(), free_port()
        verify = "\n  ".join(
            f"http-request deny deny_status 401 if {{ var(txn.alg) -m str {alg} }} "
            f"! {{ var(txn.bearer),jwt_verify(txn.alg,\"{pem}\") 1 }}" for alg, pem in keys.items())
        config = self.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 9980
defaults
  mode http
  timeout client 300s
  timeout server 60s
  timeout connect 5s
  http-reuse always
backend b
  server s 127.0.0.1:{upstream.port} pool-max-conn 512
backend sink
  server s 127.0.0.1:{upstream.sink_port}
frontend plain
  bind 127.0.0.1:{plain}
  use_backend sink if {{ path /sink }}
  default_backend b
frontend tokens
  bind 127.0.0.1:{tokens}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.sub) var(txn.bearer),jwt_payload_query('$.sub')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str {' '.join(keys)} }}
  http-request deny deny_status 401 unless {{ var(txn.iss) -m str {issuer} }}
  {verify}
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request set-header x-forwarded-user %[var(txn.sub)]
  default_backend b
""")
        program = self.start("haproxy", PROXY_CORE, ["haproxy", "-db", "-f", config], plain)
        program.token_port = tokens
        return program

    def secured(self, upstream):
        """nginx, HAProxy and the gateway, each with the same certificate in front of the same upstream."""
        key, certificate = self.folder / "tls.key", self.folder / "tls.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
             certificate], check=True, capture_output=True)
        both = self.folder / "tls.both"
        both.write_text(certificate.read_text() + key.read_text())
        nginx = self.nginx("nginx-TLS", PROXY_CORE, f"""listen 127.0.0.1:PORT ssl backlog=4096;
  ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:s:10m;
  location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr; proxy_max_temp_file_size 0; }}""",
            f"upstream u {{ server 127.0.0.1:{upstream.port}; keepalive 256; keepalive_requests 100000000; }}")
        port = free_port()
        config = self.write("haproxy-tls.cfg", f"""
global
  nbthread 1
  maxconn 9980
defaults
  mode http
  timeout client 300s
  timeout server 60s
  timeout connect 5s
  http-reuse always
frontend tls
  bind 127.0.0.1:{port} ssl crt {both} ssl-min-ver TLSv1.2
  default_backend b
backend b
  server s 127.0.0.1:{upstream.port} pool-max-conn 512
""")
        haproxy = self.start("HAProxy-TLS", PROXY_CORE, ["haproxy", "-db", "-f", config], port)
        port = free_port()
        config = self.write("gateway-tls.conf", f"""
listeners:
  - address: 127.0.0.1:{port}
    tls: {{ certificate: {certificate}, key: {key} }}
workers: 1
log: {{ access: "off", level: error }}
limits: {{ connections: 9980 }}
upstreams: {{ app: {{ servers: ["127.0.0.1:{upstream.port}"] }} }}
routes: [{{ path: /**, auth: none, upstream: app }}]
""")
        return [nginx, haproxy, self.start("gateway-TLS", PROXY_CORE, [BINARY, "serve", "--config", config], port)]

    def envoy(self, upstream, issuer, audience):
        """One Envoy with three listeners: plain proxying, jwt_authn, and jwt_authn with its cache. None where it is not
        installed."""
        found = importlib.util.find_spec("envoy")
        binary = pathlib.Path(found.origin).parent / "_bin/envoy" if found and found.origin else None
        if binary is None or not os.access(binary, os.X_OK):
            return None
        kind = "type.googleapis.com/envoy.extensions.filters."
        server = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": upstream.port}}}}
        many = {"max_connections": 9500, "max_pending_requests": 9500, "max_requests": 9500}
        cluster = {
            "name": "u", "type": "STATIC", "connect_timeout": "5s", "circuit_breakers": {"thresholds": [many]},
            "load_assignment": {"cluster_name": "u", "endpoints": [{"lb_endpoints": [server]}]}}

        def listener(name, port, filters):
            router = {"name": "envoy.filters.http.router", "typed_config": {"@type": kind + "http.router.v3.Router"}}
            route = {"match": {"prefix": "/"}, "route": {"cluster": "u"}}
            manager = {
                "@type": kind + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": name,
                "http_filters": [*filters, router],
                "route_config": {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]}}
            return {
                "name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                "filter_chains": [{"filters": [
                    {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}

        def verifier(**more):
            keys = {"uri": f"http://127.0.0.1:{upstream.port}/jwks.json", "cluster": "u", "timeout": "5s"}
            provider = {
                "issuer": issuer, "audiences": [audience], "forward": True, **more,
                "claim_to_headers": [{"header_name": "x-forwarded-user", "claim_name": "sub"}],
                "remote_jwks": {"http_uri": keys, "cache_duration": "600s"}}
            rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}
            return [{"name": "envoy.filters.http.jwt_authn", "typed_config": {
                "@type": kind + "http.jwt_authn.v3.JwtAuthentication", "providers": {"p": provider}, "rules": [rule]}}]

        plain, tokens, cached = free_port(), free_port(), free_port()
        config = self.write("envoy.json", json.dumps({"static_resources": {"clusters": [cluster], "listeners": [
            listener("plain", plain, []), listener("tokens", tokens, verifier()),
            listener("cached", cached, verifier(jwt_cache_config={"jwt_cache_size": 10000}))]}}))
        program = self.start(
            "envoy", PROXY_CORE, [str(binary), "-c", config, "--concurrency", "1", "-l", "error"], plain)
        program.token_port, program.cache_port = tokens, cached
        return program

    def gateway(
            self, upstream, issuer, audience, workers=1, name="gateway", env=None, log="off", core=PROXY_CORE):
        port = free_port()
        config = self.write(f"{name}.gateway.conf", f"""
listeners:
  - address: 127.0.0.1:{port}
workers: {workers}
log: {{ access: "{log}", level: error }}
limits: {{ connections: 9980 }}
providers:
  issuer: {{ issuer: "{issuer}", audiences: [{audience}], jwks_url: "http://127.0.0.1:{upstream.port}/jwks.json" }}
upstreams:
  app: {{ servers: ["127.0.0.1:{upstream.port}"] }}
  sink: {{ servers: ["127.0.0.1:{upstream.sink_port}"] }}
routes:
  - {{ path: /sink, auth: none, upstream: sink }}
  - {{ path: /api/**, auth: issuer, upstream: app }}
  - {{ path: /**, auth: none, upstream: app }}
""")
        program = self.start(name, core, [BINARY, "serve", "--config", config], port, env)
        program.token_port = port
        return program


def wrk(lab, port, path, tokens, seconds, connections=64, rounds="many"):
    """(requests answered, requests answered other than 2xx) of one run of wrk that goes round the tokens of a file; with
    `rounds="one"` it ends where they do."""
    script = lab.folder / "cycle.lua"
    if not script.exists():
        script.write_text('''local t = {}
function init(a)
  for l in io.lines(a[1]) do
    t[#t + 1] = "GET " .. a[2] .. " HTTP/1.1\\r\\nHost: api.example\\r\\nUser-Agent: wrk\\r\\nAccept: */*\\r\\n" ..
      "Authorization: Bearer " .. l .. "\\r\\n\\r\\n"
  end
  k, once = 0, a[3] == "one"
end
function request()
  k = k + 1
  if k > #t then
    if once then
      wrk.thread:stop()
      io.stderr:write("end\\n")
    end
    k = 1
  end
  return t[k]
end
''')
    command = [
        "taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script),
        f"http://127.0.0.1:{port}", "--", str(tokens), path, rounds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # wrk itself sleeps until its time is over, whatever its threads do.
        if rounds == "one" and process.stderr.readline() == "end\n":
            process.send_signal(signal.SIGINT)
        text, errors = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"wrk ended with {process.returncode}: {errors}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return int(re.search(r"(\d+) requests in", text).group(1)), int(bad.group(1)) if bad else 0


def curl(*arguments):
    """Runs curl on the load's core; what it prints with --write-out."""
    return subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), shutil.which("curl"), "-sS", "--fail", "-o", "/dev/null", *arguments],
        capture_output=True, text=True, check=True).stdout
