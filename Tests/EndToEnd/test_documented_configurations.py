"""Every piece of configuration in the documents is one, once what it leaves out is there."""
import re

import pytest
import yaml

from support.documents import PAGES, pieces
from support.gateway import ROOT, run

# Of other programs, and a users file.
OTHERS = {"admin.md-2", "forward-auth.md-2", "users.md-1"}
PROVIDER = "  rest:\n    issuer: https://id.example.com\n    audiences: [rest]\n"
# What a file cannot do without.
REST = {
    "listeners": "listeners: [{ address: 127.0.0.1:0 }]\n",
    "providers": f"providers:\n{PROVIDER}    signing: {{ state: state }}\n",
    "upstreams": "upstreams: { rest: { builtin: echo } }\n",
    "routes": "routes: [{ path: /rest, auth: none, upstream: rest }]\n",
}
# What stands before a piece of a route, a provider or a listener.
AROUND = {
    "routes[]": "routes:\n  - path: /written/{id}/**\n    upstream: rest\n    auth: rest\n",
    "providers.<name>": f"providers:\n{PROVIDER}",
    "listeners[]": "listeners:\n  - address: 127.0.0.1:0\n",
}
SECTIONS = {
    section.partition("\n")[0].strip("`"): set(re.findall(r"^\| `([a-z_]+)` \|", section, re.M))
    for section in (ROOT / "docs/configuration.md").read_text().split("\n## ")[1:]}
TOP = next(iter(SECTIONS.values()))
# What stands elsewhere in a reader's file, or on a reader's disk.
ELSEWHERE = re.compile(
    r'[Nn]o such file|no (upstream|provider) is called|"(issuer|audiences)" is missing|environment variable')


def blocks():
    for page in PAGES:
        for number, piece in enumerate(pieces(page.read_text(), "yaml"), 1):
            name = f"{page.name}-{number}"
            if name not in OTHERS:
                yield pytest.param(piece, id=name)


def completed(text):
    """The text as a file: with what it is a piece of, and below it what it leaves out."""
    written = yaml.safe_load(text)
    if isinstance(written, list):
        text = f"routes:\n{text}"
    elif not set(written) <= TOP:
        text = next(before for name, before in AROUND.items() if set(written) <= SECTIONS[name]) + text
    keys = set(yaml.safe_load(text))
    assert keys <= TOP
    return text + "\n" + "".join(piece for key, piece in REST.items() if key not in keys)


@pytest.mark.parametrize("text", blocks())
def test_each_configuration_in_the_documents_is_one(tmp_path, text):
    (tmp_path / "gateway.conf").write_text(completed(text))
    result = run("check", "--config", tmp_path / "gateway.conf")
    said = (result.stdout + result.stderr).splitlines()
    faults = [line for line in said if re.match(r".*gateway\.conf:\d+:\d+: ", line) and not ELSEWHERE.search(line)]
    assert not faults, "\n".join(said)
