"""Finds comparisons in Swift code whose operands are named after secrets.

No parser: comments and strings are blanked, then each comparison's operands are read as chains of names, calls and
subscripts. What it cannot see: a secret under a harmless name, and a `switch` over one. A string with quotes inside an
interpolation may hide the rest of its line.
"""
import re

SECRET_WORDS = {"secret", "secrets", "mac", "hmac", "code", "signature", "password", "passphrase", "ath", "token",
                "credential", "material"}
# Other looks at the same bytes: what stands before them names what is compared.
VIEWS = {"span", "baseAddress", "bytes", "utf8", "utf8Span", "text", "value", "rawValue", "self", "prefix", "suffix",
         "dropFirst", "lowercased"}
# To compare with one of these, and with a number, says nothing of the rest.
LITERAL = re.compile(
    r'nil|true|false|-?\d[\w.]*|""|\.\w+(\(.*\))?|[A-Z][A-Z0-9_]+|UInt8\(ascii: ""\)|U?Int\d*\(.*\)|(.*\.)?count', re.S)
BLANKED = re.compile(
    r'//[^\n]*|/\*.*?\*/|(?P<raw>#+)"(?:.*?)"(?P=raw)|"""(?:.*?)"""|"(?:\\.|[^"\\\n])*"', re.S)
OPERATOR = re.compile(r"(?<![=!<>~&|+*/-])(==|!=)(?!=)")
FUNCTION = re.compile(r"(?<!func )\b(\w*memcmp|areEqual|elementsEqual|isSameBytes|containsSameBytes|strcmp|starts)\(")
PAIRS = {")": "(", "]": "[", "}": "{"}


class Comparison:
    """`text`: as it stands, in one line. `function`: what compares."""

    def __init__(self, line, function, operands, text):
        self.line, self.function, self.operands, self.text = line, function, operands, " ".join(text.split())

    @property
    def is_of_secrets(self):
        if any(LITERAL.fullmatch(operand) for operand in self.operands):
            return False
        return any(is_secret(operand) for operand in self.operands)


def comparisons(text):
    """All comparisons of a Swift file."""
    code = BLANKED.sub(lambda found: '""' if found.group().endswith('"') and "\n" not in found.group()
                       else re.sub(r"[^\n]", " ", found.group()), text)
    for found in OPERATOR.finditer(code):
        left, right = before(code, found.start()), after(code, found.end())
        yield Comparison(code.count("\n", 0, found.start()) + 1, found.group(), [left, right],
                         f"{left} {found.group()} {right}")
    for found in FUNCTION.finditer(code):
        end = closing(code, found.end() - 1)
        chain = before(code, found.end() - 1)
        receiver = chain[:-len(found.group(1))].rstrip("?!.")
        # The third of memcmp is a length.
        operands = [without_label(part) for part in arguments(code[found.end():end])][:2]
        is_type = re.fullmatch(r"\w*", receiver) and receiver[:1].isupper()
        yield Comparison(code.count("\n", 0, found.start()) + 1, chain, ([] if is_type else [receiver]) + operands,
                         code[found.end() - 1 - len(chain):end + 1])


def is_secret(operand):
    """Whether the last name of its chain that is no view is a secret's."""
    names = [name for name in re.findall(r"\w+", outside_brackets(operand)) if name not in VIEWS]
    if not names:
        return False
    if names[-1][:1].isupper():
        # A conversion is what it converts: Array(secret), String(decoding: code, …). Else it is a type.
        return "(" in operand and any(
            is_secret(without_label(part)) for part in arguments(operand[operand.index("(") + 1:-1]))
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", names[-1])]
    return words[:1] not in (["is"], ["has"]) and bool(SECRET_WORDS & set(words))


def without_label(argument):
    return argument.partition(":")[2].strip() if re.match(r"\s*\w+:", argument) else argument.strip()


def before(code, at):
    """The operand that ends at `at`."""
    end = len(code[:at].rstrip())
    start = end
    while start > 0:
        if code[start - 1] in PAIRS:
            start = opening(code, start - 1)
        elif re.match(r'[\w.?!$"]', code[start - 1]):
            start -= 1
        else:
            break
    return code[start:end]


def after(code, at):
    """The operand that begins at `at`."""
    start = at + len(code[at:]) - len(code[at:].lstrip())
    while word := re.match(r"(unsafe|try[?!]?|await)\s+", code[start:]):
        start += word.end()
    end = start
    while end < len(code):
        if code[end] in "([":
            end = closing(code, end) + 1
        elif re.match(r'[\w.?!$"-]', code[end]):
            end += 1
        else:
            break
    return code[start:end]


def closing(code, at):
    depth = 0
    for place in range(at, len(code)):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if depth == 0:
            return place
    return len(code)


def opening(code, at):
    depth = 0
    for place in range(at, -1, -1):
        depth += (code[place] in ")]}") - (code[place] in "([{")
        if depth == 0:
            return place
    return 0


def outside_brackets(text):
    depth, kept = 0, ""
    for character in text:
        depth += character in "([{"
        if depth == 0:
            kept += character
        depth -= character in ")]}"
    return kept


def arguments(text):
    """Split at commas that stand in no brackets."""
    depth, parts = 0, [""]
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
