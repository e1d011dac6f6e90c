"""Links between the documents lead to what there is, and every document is found."""
import os
import re
import subprocess

import pytest
from support.documents import FENCE, PAGES
from support.gateway import BINARY, ROOT


def anchors(page):
    """Of its headings, as GitHub and others make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"))],
    ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    follow_links(page)


def follow_links(page):
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)", page.read_text()):
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name}: no such file: {target}"
        assert not anchor or anchor in anchors(there), f"{page.name}: {target} has no {anchor}"


def test_links_of_the_installed_documents_lead_somewhere(tmp_path):
    subprocess.run(
        [ROOT / "deploy/install"], check=True, timeout=120,
        env={**os.environ, "PORTCULLIS_BINARY": BINARY, "PREFIX": "/usr", "DESTDIR": str(tmp_path)})
    documents = tmp_path / "usr/share/doc/portcullis"
    pages = [*documents.rglob("*.md")]
    assert len(pages) == len(PAGES) + 3
    for page in pages:
        follow_links(page)
    # The configuration and the units name files where they are.
    texts = [tmp_path / "etc", tmp_path / "usr/lib", documents / "deploy"]
    for path in [path for folder in texts for path in folder.rglob("*") if path.name != "Dockerfile"]:
        assert path.is_dir() or "/usr/local" not in path.read_text(), path


def test_each_file_that_the_architecture_names_is_found_by_its_name():
    text = (ROOT / "docs/architecture.md").read_text()
    named = {found for table in re.findall(r"^\| [^|]+ \| file \|\n((?:\|.*\n)+)", text, re.M)
             for row in table.splitlines()
             for found in re.findall(r"`([A-Z][A-Za-z+]*)`(?: \((\w+)\))?", row.split(" | ")[-1])}
    assert len(named) > 150
    files = {(name, module): [*(ROOT / "Sources" / module).rglob(f"{name}.swift")] for name, module in named}
    assert {each: found for each, found in files.items() if len(found) != 1} == {}


def test_each_document_is_found_by_a_question():
    named = {*re.findall(r"\]\(([a-z-]+\.md)", (ROOT / "docs/README.md").read_text())}
    assert named == {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
