"""What deploy/ has for containers: manifests by the schemas, what they name, and the gateway as they configure it."""
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import requests
from support.documents import commands, section
from support.gateway import ROOT, run

FOLDER = ROOT / "deploy/kubernetes"
CONFIG = FOLDER / "gateway.conf"
COMPOSE = ROOT / "deploy/compose.yaml"
NAME = "app.kubernetes.io/name"
DURATION = {"type": "string", "pattern": r"^(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$", "minLength": 2}


def closed(required, **properties):
    """The schema of an object with these members, of which none but those that are not required may be missing."""
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


LABELS = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}
# Of the operator's own definition (monitoring.coreos.com/v1), what the manifest has of it.
SERVICE_MONITOR = closed(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "monitoring.coreos.com/v1"},
    kind={"const": "ServiceMonitor"},
    metadata=closed(["name"], name={"type": "string"}, labels=LABELS),
    spec=closed(
        ["selector", "endpoints"],
        jobLabel={"type": "string"},
        selector=closed(["matchLabels"], matchLabels=LABELS),
        endpoints={"type": "array", "minItems": 1, "items": closed(
            ["port"], port={"type": "string"}, path={"type": "string", "pattern": "^/"}, interval=DURATION)}))

yaml = pytest.importorskip("yaml")


def documents(text):
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in yaml.safe_load_all(text)}


@pytest.fixture(scope="module")
def manifests():
    found = {}
    for path in FOLDER.glob("*.yaml"):
        if path.name != "kustomization.yaml":
            found |= documents(path.read_text())
    return found


def validate(resources):
    validator = pytest.importorskip("kubernetes_validate")
    for resource in resources:
        validator.validate(resource, "1.30", strict=True)


def test_the_manifests_are_what_kubernetes_knows(manifests):
    kinds = sorted(each.partition("/")[0] for each in manifests)
    assert kinds == ["Deployment", "Namespace", "NetworkPolicy", "PodDisruptionBudget", "Service", "Service",
                     "ServiceMonitor"]
    # What an operator has brought is in no schema of Kubernetes' own.
    validate(each for each in manifests.values() if each["kind"] != "ServiceMonitor")
    pytest.importorskip("jsonschema").validate(manifests["ServiceMonitor/portcullis"], SERVICE_MONITOR)
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    listed = {*kustomization["resources"], "kustomization.yaml", "servicemonitor.yaml"}
    assert listed == {path.name for path in FOLDER.glob("*.yaml")}
    version = run("version").stdout.split()[-1]
    assert kustomization["images"] == [{"name": "portcullis", "newTag": version}]
    assert kustomization["configMapGenerator"] == [{"name": "portcullis", "files": [CONFIG.name]}]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_makes_of_them_what_kubernetes_knows():
    done = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    made = documents(done.stdout)
    validate(made.values())
    name = made["Deployment/portcullis"]["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
    assert made[f"ConfigMap/{name}"]["data"] == {"gateway.conf": CONFIG.read_text()}


def test_what_is_pushed_is_what_pods_run(tmp_path):
    texts = [command.text for command in commands(section("install.md", "Kubernetes"))]
    push, edit, apply = (next(n for n, text in enumerate(texts) if text.startswith(name))
                         for name in ("docker push ", "sed ", "kubectl apply "))
    assert push < edit < apply
    shutil.copytree(FOLDER, tmp_path / "deploy/kubernetes")
    subprocess.run(["bash", "-c", texts[edit]], cwd=tmp_path, check=True, timeout=30)
    edited = tmp_path / "deploy/kubernetes/kustomization.yaml"
    (image,) = yaml.safe_load(edited.read_text())["images"]
    assert f"{image['newName']}:{image['newTag']}" == texts[push].split()[-1]
    if shutil.which("kubectl") is not None:
        done = subprocess.run(["kubectl", "kustomize", edited.parent], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        (container,) = documents(done.stdout)["Deployment/portcullis"]["spec"]["template"]["spec"]["containers"]
        assert container["image"] == texts[push].split()[-1]


def test_rules_that_stand_as_comments_are_good():
    text = (FOLDER / "networkpolicy.yaml").read_text()
    rules = re.sub(r"^    # (?=- |  )", "    ", text, flags=re.MULTILINE)
    policy = yaml.safe_load(rules)
    validate([policy])
    more = [rule for rule in policy["spec"]["egress"] if rule not in yaml.safe_load(text)["spec"]["egress"]]
    assert [port["port"] for rule in more for port in rule["ports"]] == [8443, 4318]


def test_secrets_are_mounted_with_the_mode_that_the_page_says():
    (mode,) = {*re.findall(r"defaultMode:? (\d+)", (ROOT / "docs/install.md").read_text())}
    assert mode == "0440" and f"defaultMode {mode}," in (FOLDER / "deployment.yaml").read_text()


def test_the_manifests_find_each_other(manifests):
    pod = manifests["Deployment/portcullis"]["spec"]["template"]
    label = {NAME: "portcullis"}
    assert pod["metadata"]["labels"] == manifests["Deployment/portcullis"]["spec"]["selector"]["matchLabels"] == label
    for name in ("Service/portcullis", "Service/portcullis-admin"):
        assert manifests[name]["spec"]["selector"] == label
    assert manifests["PodDisruptionBudget/portcullis"]["spec"]["selector"]["matchLabels"] == label
    assert manifests["NetworkPolicy/portcullis"]["spec"]["podSelector"]["matchLabels"] == label
    monitor = manifests["ServiceMonitor/portcullis"]["spec"]
    labels = [name for name, each in manifests.items() if each["kind"] == "Service"
              and monitor["selector"]["matchLabels"].items() <= each["metadata"]["labels"].items()]
    assert labels == ["Service/portcullis-admin"]
    # The alerts go by this name of the job.
    assert manifests[labels[0]]["metadata"]["labels"][monitor["jobLabel"]] == "portcullis"
    assert 'job="portcullis"' in (ROOT / "deploy/portcullis.rules.yml").read_text()

    (container,) = pod["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    named = {port["targetPort"] for name in ("Service/portcullis", "Service/portcullis-admin")
             for port in manifests[name]["spec"]["ports"]}
    named |= {rule["ports"][0]["port"] for rule in manifests["NetworkPolicy/portcullis"]["spec"]["ingress"]}
    named |= {container[probe]["httpGet"]["port"] for probe in ("readinessProbe", "livenessProbe")}
    assert named == {*ports} == {"http", "admin"}
    config = yaml.safe_load(CONFIG.read_text())
    assert config["listeners"] == [{"address": f"0.0.0.0:{ports['http']}"}]
    assert config["admin"]["address"] == f"0.0.0.0:{ports['admin']}"
    # `timeouts.drain` is 30 s where it is not set.
    assert config["timeouts"] == {"drain_delay": "5s"} and pod["spec"]["terminationGracePeriodSeconds"] > 35
    volumes = {each["name"] for each in pod["spec"]["volumes"]}
    assert volumes == {each["name"] for each in container["volumeMounts"]}


def test_pods_keep_to_the_restricted_standard(manifests):
    pod = manifests["Deployment/portcullis"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    # Otherwise the signing keys in a claim are open to the group from the second start on, and refused.
    assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert not any("hostPort" in port for port in container["ports"])
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & {*pod}
    assert all({*volume} <= {"name", "configMap", "emptyDir"} for volume in pod["volumes"])
    assert pod["automountServiceAccountToken"] is False
    labels = manifests["Namespace/portcullis"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    # The image's user.
    assert f"USER {pod['securityContext']['runAsUser']}\n" in (ROOT / "deploy/Dockerfile").read_text()


def test_compose_knows_the_file():
    pytest.importorskip("check_jsonschema")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    service = yaml.safe_load(COMPOSE.read_text())["services"]["portcullis"]
    assert service["image"] == f"portcullis:{run('version').stdout.split()[-1]}"
    for path in (ROOT / "deploy" / mount.split(":")[0] for mount in
                 service["volumes"] if mount.startswith(".")):
        assert (path / "gateway.conf").exists()


def test_the_configuration_is_good_and_probes_are_answered(start, manifests):
    checked = run("check", "--strict", "--config", CONFIG)
    assert checked.returncode == 0, checked.stderr
    gateway = start(CONFIG.read_text().replace("0.0.0.0:8080", "127.0.0.1:0").replace("0.0.0.0:9901", "127.0.0.1:0"))
    assert requests.get(f"{gateway.url}/", timeout=10).status_code == 200
    admin = gateway.wait_message("serving")["admin"]
    pod = manifests["Deployment/portcullis"]["spec"]["template"]["spec"]["containers"][0]
    for probe in ("readinessProbe", "livenessProbe"):
        # Whoever asks there names the pod by its address.
        answer = requests.get(
            f"http://{admin}{pod[probe]['httpGet']['path']}", headers={"Host": "10.1.2.3:9901"}, timeout=10)
        assert answer.status_code == 200

    test = yaml.safe_load(COMPOSE.read_text())["services"]["portcullis"]["healthcheck"]["test"]
    assert test[:3] == ["CMD", "bash", "-c"]
    host, _, port = admin.rpartition(":")

    def health(path):
        command = test[3].replace("$$", "$").replace("127.0.0.1/9901", f"{host}/{port}").replace("/health/ready", path)
        return subprocess.run(["bash", "-c", command], timeout=30, stderr=subprocess.DEVNULL).returncode

    assert health("/health/ready") == 0
    assert health("/nothing") != 0
    gateway.stop()
    assert health("/health/ready") != 0


def test_the_image_has_what_the_build_and_the_program_need():
    text = (ROOT / "deploy/Dockerfile").read_text()
    build, final = text.split("\nFROM ")[1:]
    # SwiftPM refuses a package one of whose folders is missing, also where it builds no part of it.
    copied = {*re.findall(r"^COPY (\S+) \S+$", build, re.MULTILINE)}
    package = (ROOT / "Package.swift").read_text()
    folders = {pathlib.Path(path).parts[0] for path in re.findall(r'path: "([^"]+)"', package)}
    assert copied == {"Package.swift", "Sources", "Tests", *folders}
    # Libraries by their packages, without what the image has.
    install = (ROOT / ".ci/install").read_text()
    libraries = re.search(r"^libraries=\((.*)\)$", install, re.MULTILINE)[1].split()
    assert {*libraries} <= {*build.split()}
    for library in ("libssl3", "libcrypt1", "libcurl4", "libyaml-0-2", "libsimdjson14", "libsqlite3-0", "libstdc++6",
                    "ca-certificates"):
        assert library in final.split()


def test_the_documented_commands_name_what_there_is():
    text = (ROOT / "docs/install.md").read_text()
    found = [command.text for command in commands(text) if command.text.startswith(("docker ", "kubectl "))]
    assert len(found) > 5
    for path in re.findall(r"\bdeploy/\S+", "\n".join(found)):
        assert (ROOT / path).exists(), path
