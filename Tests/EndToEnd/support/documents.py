"""The documents as their readers see them: pieces of code, and the commands in them."""
import re
from typing import NamedTuple

from .gateway import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.M | re.S)
# What is another one each time. What is longer stands first.
VARIES = [
    r"curl/[\d.]+",
    r"\d{4}-\d\d-\d\dT[\d:.]+Z", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT",
    r"\b00-[0-9a-f]{32}-[0-9a-f]{16}-01\b", r"\b[0-9a-f]{32}\b", r"[A-Za-z0-9_-]{22,}", r"\b(?:\d+[smh])+\b",
    r"\b\d+(?:\.\d+)? (?:µs|ms|s|bytes|days)\b", r"_us=\d+", r"bytes_(?:in|out)=\d+", r"\bfound \d+", r"\b\d{4,}\b"]


class Command(NamedTuple):
    page: str
    text: str
    # What the document shows that it says; None where it shows nothing.
    says: str | None


def section(page, title):
    """A part of a page of docs/, from its heading on."""
    parts = re.split(r"^## ", (ROOT / "docs" / page).read_text(), flags=re.M)
    return next(part for part in parts if part.startswith(f"{title}\n"))


def pieces(text, *kinds):
    """What stands in the text as code of one of these kinds."""
    return [match[3] for match in FENCE.finditer(text) if match[2] in kinds]


def files(text, *kinds):
    """Pieces that begin with a comment that is the name of a file, by that name."""
    named = (re.match(r"(?:#|//) (\S+\.\w+)\b.*\n", piece) for piece in pieces(text, *kinds))
    return {match[1]: match.string for match in named if match}


def commands(text, page=""):
    """The commands of a text: lines of `sh`, and of `console` those behind `$`, with what follows each."""
    found = []
    for match in FENCE.finditer(text):
        if match[2] == "sh":
            found += [Command(page, line, None) for line in match[3].replace("\\\n", "").splitlines()
                      if line and not line.startswith("#")]
        elif match[2] == "console":
            for part in re.split(r"^\$ ", match[3], flags=re.M)[1:]:
                line, _, says = part.partition("\n")
                found.append(Command(page, line, says.rstrip() or None))
    return found


def fits(shown, said):
    """Whether a command has said what a document shows, but for times, ids and the like. There `…` is anything, and a
    line of it any lines; how far columns stand apart does not matter."""
    pattern, places = "", "|".join(VARIES)
    for line in shown.splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*"
            continue
        for part in re.split(rf"([A-Za-z0-9_-]{{8,}}…|…|{places}| {{2,}})", line):
            kind = next((kind for kind in VARIES if re.fullmatch(kind, part)), None)
            pattern += ".*" if part.endswith("…") else " {2,}" if re.fullmatch(" {2,}", part) else (
                f"(?:{kind})" if kind else re.escape(part))
        pattern += r" *\n"
    return re.fullmatch(pattern, said.replace("\r", "").rstrip() + "\n") is not None
