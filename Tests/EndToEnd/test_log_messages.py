"""docs/logs.md lists each message that the program may say, with its level, and no other."""
import re

from support.gateway import ROOT

LEVELS = "trace|debug|info|notice|warning|error|critical"
CALL = re.compile(rf"\blog\.(?:({LEVELS})|log)\(\s*")
LITERAL = re.compile(r'"""\n(.*?)"""|"((?:[^"\\\n]|\\[^(]|\\\((?:[^()\n]|\((?:[^()\n]|\([^()\n]*\))*\))*\))*)"', re.S)
INTERPOLATION = re.compile(r"\\\((?:[^()\n]|\((?:[^()\n]|\([^()\n]*\))*\))*\)")
# What is nothing but a diagnostic.
DIAGNOSTIC = "FILE:LINE:COLUMN: …"
# Said by the writer of these messages itself, which has no log.
BESIDE = {("program messages were lost: standard error could not be written in time", "warning")}


def said():
    """Each message of the sources with its level; … for what is put into it."""
    found = set(BESIDE)
    for path in sorted((ROOT / "Sources").rglob("*.swift")):
        text = path.read_text()
        for call in CALL.finditer(text):
            start, levels = call.end(), [call[1]]
            if not call[1]:
                given = re.compile(r"level: ([^,]*),\s*").match(text, start)
                assert given, f"{path.name}: a message whose level is not written where it is said"
                levels, start = re.findall(rf"\.({LEVELS})\b", given[1]), given.end()
            literal = LITERAL.match(text, start)
            assert literal, f"{path.name}: a message that is not written where it is said: {text[call.start():][:80]}"
            message = re.sub(r"\\\n\s*", "", literal[1]).strip() if literal[1] else literal[2]
            message = INTERPOLATION.sub("…", message)
            found |= {(DIAGNOSTIC if message == "…" else message, level) for level in levels}
    return found


def documented():
    messages = (ROOT / "docs/logs.md").read_text().partition("\n## Program messages\n")[2]
    rows = re.findall(r"^\| `([^`]+)` \| ([a-z, ]+) \| [^|]+ \| [^|]+ \|$", messages, re.M)
    assert len(rows) == len(re.findall(r"^\| `", messages, re.M)), "a row that is none"
    assert len({message for message, _ in rows}) == len(rows), "a message that stands twice"
    return {(message, level) for message, levels in rows for level in levels.split(", ")}


def test_each_message_is_documented():
    written, read = said(), documented()
    assert len(written) > 60
    # "reload refused: …" stands for what is always the same in it too.
    written = {("reload refused: …", level) if message.startswith("reload refused: ") else (message, level)
               for message, level in written}
    assert not written - read, f"not in docs/logs.md: {sorted(written - read)}"
    assert not read - written, f"nobody says this: {sorted(read - written)}"
