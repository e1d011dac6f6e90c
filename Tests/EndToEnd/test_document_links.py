"""Links between the documents lead to what there is, and every document is found."""
import re

import pytest
from support.documents import FENCE, PAGES
from support.gateway import ROOT


def anchors(page):
    """Of its headings, as GitHub and others make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md"))],
                         ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)", page.read_text()):
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name}: no such file: {target}"
        assert not anchor or anchor in anchors(there), f"{page.name}: {target} has no {anchor}"


def test_each_document_is_found_by_a_question():
    named = {*re.findall(r"\]\(([a-z-]+\.md)", (ROOT / "docs/README.md").read_text())}
    assert named == {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
