"""A real Prometheus reads a gateway: each query of the dashboard and of the alerts finds what it asks for."""
import json
import re
import shutil
import subprocess

import pytest
import requests
from support.certificates import Authority
from support.gateway import ROOT
from support.ports import free_port, wait_until
from support.sign_in import BOB, users
from support.tokens import AUDIENCE, ISSUER, Key, mint

DASHBOARD = json.loads((ROOT / "deploy/portcullis.dashboard.json").read_text())
RULES = ROOT / "deploy/portcullis.rules.yml"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def panels():
    return [each for each in DASHBOARD["panels"] if each["type"] != "row"]


def query(text, **values):
    """What Grafana asks Prometheus for."""
    values = {"__rate_interval": "5s", "__range": "1m", "instance": ".*", "route": ".*", **values}
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], text)


class Prometheus:
    def __init__(self, folder, target):
        self.url = f"http://127.0.0.1:{free_port()}"
        (folder / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "500ms"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "portcullis", "static_configs": [{"targets": [target]}]}]}))
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={self.url[7:]}"], stdout=self.log, stderr=self.log)

    def get(self, path, **parameters):
        try:
            answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10)
        except requests.ConnectionError:
            assert self.process.poll() is None, open(self.log.name).read()
            return None
        assert answer.status_code in (200, 503), (parameters, answer.text)
        return answer.json()["data"] if answer.status_code == 200 else None

    def ask(self, text):
        data = self.get("query", query=text)
        return data and data["result"]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


@pytest.fixture(scope="module")
def prometheus(start_once, upstream_once, tmp_path_factory):
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    folder = tmp_path_factory.mktemp("prometheus")
    key = Key("ES256", "a")
    (folder / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}))
    (folder / "revoked").write_text("")
    (folder / "users.yaml").write_text(users(BOB))
    (folder / "users.yaml").chmod(0o600)
    _, chain, private = Authority(folder).issue("server")
    gateway = start_once(f"""
        listeners:
          - address: 127.0.0.1:0
          - {{ address: 127.0.0.2:0, tls: {{ certificate: {chain}, key: {private} }} }}
        admin: {{ address: 127.0.0.1:0 }}
        revocations: {{ file: {folder}/revoked }}
        providers:
          local:
            issuer: http://127.0.0.1:8080
            audiences: [example]
            signing: {{ state: {folder}/state }}
            sign_in: {{ users_file: {folder}/users.yaml }}
          company: {{ issuer: {ISSUER}, audiences: [{AUDIENCE}], jwks_file: {folder}/jwks.json }}
        upstreams:
          app: {{ servers: ["{upstream_once(OK).server}"] }}
          gone: {{ servers: ["127.0.0.1:1"] }}
        routes:
          - {{ name: open, path: /open, auth: none, upstream: app }}
          - {{ name: gone, path: /gone, auth: none, upstream: gone }}
          - {{ name: private, path: /private, auth: company, upstream: app }}
          - name: tried
            path: /tried
            auth: company
            try: {{ require: {{ roles: [a] }}, enforce: 1% }}
            upstream: app
        """)
    started = Prometheus(folder, gateway.wait_message("serving")["admin"])
    token = {"Authorization": f"Bearer {mint(key)}"}

    def traffic():
        with requests.Session() as session:
            for path, fields in (("open", {}), ("gone", {}), ("private", {}), ("private", token), ("nothing", {})):
                session.get(f"{gateway.url}/{path}", headers=fields, timeout=10)

    started.traffic = traffic
    # What a counter has when it is first seen is no rise: there is traffic before, and after.
    wait_until(lambda: started.ask("portcullis_ready"), "the first samples", 60)
    traffic()
    wait_until(lambda: started.ask('portcullis_refusals_total{blame="client"}'), "the refusals", 30)
    traffic()
    wait_until(lambda: started.ask('rate(portcullis_refusals_total{blame="client"}[5s]) > 0'), "a rate", 30)
    yield started
    started.close()


def test_every_panel_shows_something(prometheus):
    for panel in panels():
        for target in panel["targets"]:
            def found(target=target):
                # A busy machine may have let the last interval pass.
                prometheus.traffic()
                return prometheus.ask(query(target["expr"]))

            results = wait_until(found, f"{panel['title']}: {target['expr']}", 20)
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert all(label in each["metric"] for each in results), (panel["title"], label)
    for variable in DASHBOARD["templating"]["list"][1:]:
        metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
        assert any(label in each["metric"] for each in prometheus.ask(query(metric)))


def test_every_metric_and_label_that_is_asked_for_exists(prometheus):
    alerts = [rule["query"] for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    asked = alerts + [query(target["expr"]) for panel in panels() for target in panel["targets"]]
    asked += [query(each["expr"]) for each in DASHBOARD["annotations"]["list"]]
    selectors = {found for text in asked
                 for found in re.findall(r"\b(?:up|(?:portcullis|process)_[a-z_]+)\b(?:\{[^}]*\})?", text)}
    assert len(selectors) > 30 and 'up{job="portcullis"}' in selectors
    for selector in sorted(selectors):
        results = prometheus.ask(selector)
        assert results, selector
        # Requests that no route is for have an empty one, which Prometheus takes for none.
        for label in re.findall(r"(\w+)(?==)", selector):
            assert all(label in each["metric"] or label == "route" for each in results), selector
            assert any(label in each["metric"] for each in results), selector


def test_prometheus_evaluates_the_alerts(prometheus):
    def rules():
        found = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        return found if all(rule["lastEvaluation"] > "0002" for rule in found) else None

    evaluated = wait_until(rules, "the evaluation", 30)
    assert len(evaluated) == RULES.read_text().count("- alert:")
    assert all(rule["health"] == "ok" and "lastError" not in rule for rule in evaluated), evaluated
    # A route of this gateway's leads to nobody; each alert waits before it fires.
    assert not prometheus.ask('ALERTS{alertstate="firing"}')


def test_the_dashboard_is_one():
    assert len({each["id"] for each in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["title"] and panel["description"] and panel["datasource"]["uid"] == "${datasource}"
