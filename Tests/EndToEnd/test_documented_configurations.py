"""Every piece of configuration in the documents is one, once what it leaves out is there."""
import pathlib
import re

import pytest
import yaml

from support.gateway import run

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What a file cannot do without.
REST = {
    "listeners": [{"address": "127.0.0.1:0"}],
    "upstreams": {},
    "routes": [{"path": "/nothing-else", "auth": "none", "upstream": "rest"}],
}
FENCE = re.compile(r"^```yaml\n(.*?)^```", re.M | re.S)
TOP = set(re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs/configuration.md").read_text().split("\n## ")[1], re.M))


def blocks():
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]):
        for number, match in enumerate(FENCE.finditer(page.read_text()), 1):
            yield pytest.param(match[1], id=f"{page.name}-{number}")


def completed(text):
    """The text, and below it the keys that it leaves out."""
    written = yaml.safe_load(text)
    assert isinstance(written, dict)
    missing = {key: value for key, value in REST.items() if key not in written}
    return text + ("\n" + yaml.safe_dump(missing) if missing else "")


@pytest.mark.parametrize("text", blocks())
def test_each_configuration_in_the_documents_is_one(tmp_path, text):
    if not isinstance(yaml.safe_load(text), dict) or not set(yaml.safe_load(text)) <= TOP:
        pytest.skip("no configuration of the gateway's")
    (tmp_path / "gateway.conf").write_text(completed(text))
    result = run("check", "--config", tmp_path / "gateway.conf")
    said = (result.stdout + result.stderr).splitlines()
    # What stands elsewhere in a reader's file, or on a reader's disk.
    elsewhere = re.compile(
        r"cannot be read|No such file|no (upstream|provider) is called"
        r"|\"(issuer|audiences)\" is missing|environment variable")
    faults = [line for line in said if re.match(r".*gateway\.conf:\d+:\d+: ", line) and not elsewhere.search(line)]
    assert not faults, "\n".join(said)
