"""What can be read in the source: SECURITY L-3, secrets are compared in constant time, everywhere; statuses that are
answered have a phrase; security rules that are cited have a row in docs/security-rules.md.

A timing attack is no test for a busy machine; whether anything compares a secret in another way can be read. See
support/comparisons.py for what is seen and what is not.
"""
import re

import pytest

from support.comparisons import BLANKED, closing, comparisons
from support.gateway import ROOT

SOURCES = ROOT / "Sources"
CONSTANT_TIME = "ConstantTime.areEqual"
# (file, comparison): why it need not take constant time.
ALLOWED = {
    ("Proxy/Decision/VerifiedTokenCache.swift", "Bytes.areEqual(held.span, token)"):
        "reached only where a hash of 64 bits agrees that is keyed with the process's own secret: who could make it "
        "agree for a part of a token knows that key, and learns nothing from how long two whole tokens stay equal",
}


def branch(text, label):
    """The lines of a `case` of a `switch`, comments left out."""
    lines = BLANKED.sub("", text).splitlines()
    start = next(place for place, line in enumerate(lines) if line.strip().startswith(label))
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = next(place for place in range(start + 1, len(lines))
               if lines[place].strip() and len(lines[place]) - len(lines[place].lstrip()) <= indent)
    return "\n".join(lines[start:end])


def test_L_3_no_secret_is_compared_but_in_constant_time():
    found, unexplained, count = set(), [], 0
    for path in sorted(SOURCES.rglob("*.swift")):
        file = str(path.relative_to(SOURCES))
        for comparison in comparisons(path.read_text()):
            count += 1
            if not comparison.is_of_secrets or comparison.function == CONSTANT_TIME:
                continue
            if (file, comparison.text) in ALLOWED:
                found.add((file, comparison.text))
            else:
                unexplained.append(f"{file}:{comparison.line}: {comparison.text}")
    assert not unexplained, "\n".join(unexplained)
    assert found == set(ALLOWED), f"gone, so to be taken from the list: {set(ALLOWED) - found}"
    # The reader reads: the gateway has hundreds of comparisons.
    assert count > 500


def test_L_3_an_HMAC_is_compared_in_constant_time():
    body = branch((SOURCES / "Crypto/SignatureVerifier.swift").read_text(), "case .hmac(")
    returned = [each.strip() for each in re.findall(r"return ([^\n}]*)", body)]
    assert [each for each in returned if each != "false"] == ["ConstantTime.areEqual(code.span, signature)"], body
    assert not [each.text for each in comparisons(body) if each.function != CONSTANT_TIME], body


def test_L_3_constant_time_is_what_OpenSSL_calls_so():
    [(path, text)] = [(path, text) for path in SOURCES.rglob("*.swift")
                      if "enum ConstantTime" in (text := path.read_text())]
    begin = text.index("{", text.index("enum ConstantTime"))
    body = text[begin:closing(text, begin) + 1]
    found = {each.text for each in comparisons(body)}
    assert "CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count)" in found, path
    # Beside it only what decides by lengths, and what it returns.
    assert found - {"CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count)"} == {
        "a.count == b.count", "CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) == 0"}, found


@pytest.mark.parametrize("planted", [
    "if code == signature { return true }", "guard signature == code else { return false }",
    "return code != expected", "return expectedMAC == given", "return Array(code) == given",
    "return String(decoding: code, as: UTF8.self) == text", "return code.elementsEqual(signature)",
    "return given.elementsEqual(code.span.bytes)", "return text.isSameBytes(as: secret)",
    "return configuration.clientSecret.isSameBytes(as: text)", "return Bytes.areEqual(code.span, signature)",
    "return unsafe memcmp(code.baseAddress, other, 32) == 0", "return unsafe memcmp(pointer, signature, 32) == 0",
    "return secrets.containsSameBytes(as: text)", "return claims.ath == hash", "return user.password == typed",
    "let same = held[index].token == other", "for index in 0..<32 where code[index] != given[index] { return false }",
    "return key.material == other.material", "return a\n      == accessToken", "return text.starts(with: secret.utf8)",
    "return try code(for: message) == signature",
])
def test_the_reader_sees_a_comparison_of_secrets(planted):
    seen = [each for each in comparisons(planted) if each.is_of_secrets and each.function != CONSTANT_TIME]
    assert seen and seen[0].line == planted.count("\n", 0, planted.index(seen[0].function.split(".")[-1])) + 1, planted


@pytest.mark.parametrize("harmless", [
    "return ConstantTime.areEqual(code.span, signature)", "// code == signature", "/* code ==\n signature */",
    'let text = "code == signature"', "guard signature.count == key.signatureBytes(scheme) else { return }",
    "if secret == nil { return }", "if code == EINTR { continue }", "if secret.isEmpty == false {}",
    "where Value == CredentialSource", "return algorithm.isSymmetric == keys.isSecret", "if token == .remove {}",
    "return credential.range == range", "while token[at] != UInt8(ascii: \".\") {}", "if code == Int(count) {}",
    "return token.scopes.containsSameBytes(as: scope)", "return user.name == other.name",
])
def test_the_reader_leaves_other_comparisons_alone(harmless):
    assert not [each.text for each in comparisons(harmless) if each.is_of_secrets and each.function != CONSTANT_TIME]


# What a module may import


DEPENDENCY_LIST = re.compile(r'(?:module|tests)\(\s*"(\w+)",\s*\[([^\]]*)\]|name: "(\w+)",\s*dependencies: \[([^\]]*)\]')
IMPORT = re.compile(r"^(?:@\w+ )*(?:public |internal )?import (?:(?:struct|enum|class|func|protocol|typealias) )?(\w+)",
                    re.MULTILINE)
WORD = re.compile(r"\w+")


def package():
    """The modules that each target of Package.swift may import."""
    found = {}
    for of_function, own, of_target, others in DEPENDENCY_LIST.findall((ROOT / "Package.swift").read_text()):
        found[of_function or of_target] = set(re.findall(r'"(\w+)"', own or others))
    return found


def imports(target):
    roots = {"FuzzTargets": "Fuzz/Targets", "Fuzz": "Fuzz/Driver"}
    folder = ROOT / roots.get(target, ("Tests/" if target.endswith("Tests") else "Sources/") + target)
    return {name for path in folder.rglob("*.swift") for name in IMPORT.findall(path.read_text())}


def test_a_module_depends_on_what_it_imports_and_nothing_else():
    """The build refuses an import that Package.swift does not list; what it lists in vain, nothing does."""
    dependencies = package()
    assert {"Gateway", "Proxy", "ProxyTests", "FuzzTargets"} <= set(dependencies), "the reader reads"
    known = {path.name for path in SOURCES.iterdir()} | {"TestSupport", "FuzzTargets"}
    for target, listed in dependencies.items():
        # Those of packages are products, named in another way.
        assert listed & known == (imports(target) & known) - {target}, target


def test_a_module_header_and_the_architecture_say_what_package_swift_does():
    architecture = (ROOT / "docs" / "architecture.md").read_text()
    system = {"Dispatch", "Synchronization", "nothing"}
    dependencies, read = package(), 0
    modules = {name for name in dependencies if (SOURCES / name / f"{name}.swift").exists()}

    def said(text, module):
        words = set(WORD.findall(text)) - system
        # All modules there are, and products of packages.
        return modules - {module} | dependencies[module] - modules if words == {"everything"} else words

    for module, listed in dependencies.items():
        path = SOURCES / module / f"{module}.swift"
        header = re.search(r"^/// May import: (.*)$", path.read_text(), re.MULTILINE) if path.exists() else None
        if header:
            read += 1
            assert said(header[1], module) == listed, path
            row = re.search(rf"^\| `{module}`[^|]*\|.*\| ([^|]*) \|$", architecture, re.MULTILINE)
            assert row and said(row[1], module) == listed, row
    assert read == len(modules) >= 21, "the reader reads"


# Names


TYPE = re.compile(r"\b(?:struct|enum|class|protocol|typealias) `?(\w+)")


def test_a_file_is_named_after_a_type_or_a_part_of_one():
    """`Type.swift` declares it, `Type+Part.swift` extends it; the file that is named after its module has its header."""
    unnamed = []
    for path in sorted(SOURCES.rglob("*.swift")):
        text = BLANKED.sub("", path.read_text())
        name, _, part = path.stem.partition("+")
        if part:
            # `Array+Decimal.swift` extends `[UInt8]`.
            good = re.search(rf"\bextension (?:\w+\.)*{name}\b", text) or (name == "Array" and "extension [" in text)
        else:
            good = name in TYPE.findall(text) or path.parent.name == name
        if not good:
            unnamed.append(str(path.relative_to(SOURCES)))
    assert not unnamed


# RFC 9110 §15


def test_no_error_of_the_system_is_made_of_its_success():
    """strerror calls 0 `Success`: what the system did not say has words of its own."""
    made = [f"{path.name}: {found}" for path in sorted(SOURCES.rglob("*.swift"))
            for found in re.findall(r"SystemError\([^()]*code: 0\)", path.read_text())]
    assert not made, made


def test_every_status_that_is_answered_has_its_reason_phrase():
    """Those that are written in the source; `Reason`'s are tested beside it."""
    known = set(re.findall(r"case (\d{3}): \"", (SOURCES / "HTTP/StatusText.swift").read_text()))
    answered = {}
    for path in sorted(SOURCES.rglob("*.swift")):
        text = BLANKED.sub("", path.read_text())
        if "LocalResponse" not in text and "AdminPaths" not in text:
            continue
        for status in re.findall(r"(?:\bstatus: |\()([2-5]\d\d)(?=[,)])", text):
            answered.setdefault(status, path.name)
    assert {"200", "202", "303", "405", "422", "503"} <= set(answered), "the reader reads"
    assert not {status: file for status, file in answered.items() if status not in known}


# docs/security-rules.md

RULE = re.compile(r"(?<![\w-])[HPTKICUDLA]-\d{1,2}(?![\w-])")
ROWS = dict(re.findall(r"^\| ([A-Z]-\d+) \|.*\| ([^|]+) \|$", (ROOT / "docs/security-rules.md").read_text(), re.M))


def texts(folder):
    return {path: path.read_text() for path in sorted((ROOT / folder).rglob("*"))
            if path.suffix in (".swift", ".py", ".md")}


def rules_tested():
    """The numbers that tests carry, by the name of their file: in the names of functions, or in titles and rows."""
    tested = {}
    for path, text in texts("Tests").items():
        names = "".join(f"{letter}-{number} " for name in re.findall(r"^ *def (test_\w+)", text, re.M)
                        for letter, number in re.findall(r"_([A-Z])_(\d+)(?![^_])", name))
        tested.setdefault(path.stem, set()).update(RULE.findall(names if path.suffix == ".py" else text))
    return tested


def test_every_security_rule_that_is_cited_has_a_row():
    cited = {}
    for path, text in [each for folder in ("Sources", "Tests", "Fuzz", "docs") for each in texts(folder).items()]:
        for rule in RULE.findall(text):
            cited.setdefault(rule, str(path.relative_to(ROOT)))
        assert not re.search(r"SECURITY\.md [A-Z]-\d", text), f"{path}: cite rules as SECURITY C-8"
    assert len(cited) > 90, "the reader reads"
    assert not {rule: file for rule, file in cited.items() if rule not in ROWS}
    tested = set().union(*rules_tested().values())
    assert tested <= set(ROWS), tested - set(ROWS)


def test_every_security_rule_names_its_tests():
    assert len(ROWS) > 90, "the reader reads"
    tested = rules_tested()
    for rule, named in ROWS.items():
        names = re.findall(r"`(\w+)`", named)
        assert names, f"{rule} names no test"
        assert not {name for name in names if rule not in tested.get(name, ())}, f"{rule}: no test of it in these"


def test_what_the_thread_sanitizer_is_not_to_report_is_there():
    """A function that has another name now would be reported, or another one silenced."""
    named = re.findall(r"^race:\S*?\d+([A-Za-z]+?)C\d+([a-z]\w*)$", (ROOT / ".ci/races.supp").read_text(), re.M)
    assert len(named) == 9, named
    for owner, function in named:
        [text] = [text for path in SOURCES.rglob(f"{owner}.swift") for text in [path.read_text()]]
        assert f"final class {owner}" in text and re.search(rf"\bfunc {function}\b", text), (owner, function)
