#!/usr/bin/env python3
"""Writes docs/specifications.md: every section of a specification that the sources cite, and the tests that prove it.

A source cites a section in a comment: `RFC 7636 §4.6`, `OpenID Connect Core §3.1.2.1`. A test names the sections that it
proves in a comment directly above its attribute. A section that no test proves, a test that proves a section which no
source cites, a mark § without a specification before it: each is an error. With --check nothing is written, and a
document that is not what this script writes is an error too.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "specifications.md"

NAME = (
    r"(?:RFC \d{3,5}(?:bis)?|OpenID Connect (?:Core|Discovery|Registration|CIBA(?: Core)?|Session Management|RP-Initiated Logout"
    r"|Front-Channel Logout|Back-Channel Logout)|Initiating User Registration|Form Post Response Mode|Multiple Response Types|JARM|FAPI 2\.0(?: Message Signing)?"
    r"|Client ID Metadata Document|Identity Assertion Authorization Grant|SEC 1|ISO/IEC 18004|UTS 39|NIST SP 800-63B|Web Authentication)"
)
SECTION = r"§[0-9A-Z]+(?:\.[0-9]+)*"
CITATION = re.compile(rf"({NAME}) ({SECTION}(?: \(\d+\))?(?:(?:, | and |, and |; )(?:{SECTION}(?: \(\d+\))?|\(\d+\)))*)")
TEST_MODULE = re.compile(r"^#\[cfg\(test\)\]\n(?:pub(?:\(\w+\))? )?mod \w+ \{", re.MULTILINE)
TEST = re.compile(r"^\s*#\[(?:tokio::)?test\b")
FUNCTION = re.compile(r"\bfn (\w+)")


def main():
    check = sys.argv[1:] == ["--check"]
    sources, tests, problems = read()
    for key in sorted(sources, key=order):
        if key not in tests:
            problems.append(f"{' §'.join(key)} is cited by {sources[key][0][0]} and proved by no test")
    for key in sorted(tests, key=order):
        if key not in sources:
            problems.append(f"{' §'.join(key)} is proved by {tests[key][0][0]} and cited by no source")
    text = document(sources, tests)
    if not check:
        DOCUMENT.write_text(text)
    elif not DOCUMENT.exists() or DOCUMENT.read_text() != text:
        problems.append(f"{DOCUMENT.relative_to(ROOT)} is not what .ci/specifications.py writes: run it")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def read():
    """What each section is about, by source; which tests prove it; and marks that belong to no specification."""
    sources, tests, problems = {}, {}, []
    for path in sorted(ROOT.glob("crates/*/**/*.rs")):
        name = path.relative_to(ROOT)
        if "/tests/" in str(name) or name.stem == "tests" or "/examples/" in str(name):
            source, test = "", path.read_text()
        else:
            source, test = split(path.read_text())
        for comment in comments(source.split("\n")):
            cited = citations(comment)
            for key in cited:
                sources.setdefault(key, []).append((str(name), meaning(comment, key)))
            if "§" in CITATION.sub("", comment):
                problems.append(f"{name}: a § without its specification: {comment}")
        for function, keys in proofs(test.split("\n")):
            for key in keys:
                tests.setdefault(key, []).append((str(name), function))
    return sources, tests, problems


def split(text):
    found = TEST_MODULE.search(text)
    return (text, "") if found is None else (text[: found.start()], text[found.start() :])


def comments(lines):
    """The comments, each as one line."""
    gathered = []
    for line in [*lines, ""]:
        comment = re.match(r"\s*(?:kind!\()?//[/!]?\s?(.*)", line)
        if comment and comment[1]:
            gathered.append(comment[1])
        elif gathered:
            yield " ".join(gathered)
            gathered = []


def proofs(lines):
    """Each test with the sections named above it."""
    for at, line in enumerate(lines):
        if not TEST.match(line):
            continue
        above = at
        while above > 0 and re.match(r"\s*(//|#\[)", lines[above - 1]):
            above -= 1
        end = next(n for n in range(at, len(lines)) if FUNCTION.search(lines[n]))
        text = " ".join(comments(lines[above:end]))
        yield FUNCTION.search(lines[end])[1], citations(text)


def citations(text):
    keys = []
    for name, sections in CITATION.findall(text):
        keys += [(name, section[1:]) for section in re.findall(SECTION, sections)]
    return list(dict.fromkeys(keys))


def meaning(comment, key):
    """What a comment says about a section: the sentence it stands in, without the citations."""
    sentences = re.split(r"(?<=[.;]) (?=[A-Z§])", comment)
    place = next((n for n, sentence in enumerate(sentences) if key in citations(sentence)), 0)
    before, colon, after = sentences[place].partition(": ")
    if colon and key in citations(before) and len(CITATION.sub("", before)) < 40:
        rest = CITATION.sub("", before).strip(" ,;").replace("  ", " ")
        told = f"{rest}: {after}" if re.search(r"\w{3}", rest) else after
    else:
        cited = rf"\s*\([^()]*{NAME} {SECTION}(?:[^()]|\(\d+\))*\)"
        told = re.sub(cited, "", sentences[place])
        told = told if re.search(r"\w{3}", CITATION.sub("", told)) else ""
    told = re.sub(r"\s+", " ", told).strip(" .;,:")
    return told if re.search(r"\w{3}", told) else ""


def order(key):
    name, section = key
    number = re.match(r"RFC (\d+)", name)
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in section.split(".")]
    return (0, int(number[1]), name, parts) if number else (1, 0, name, parts)


def document(sources, tests):
    keys = sorted(set(sources) & set(tests), key=order)
    proved = {function for key in keys for function in tests[key]}
    lines = [
        "# Specifications",
        "",
        "Every section that the sources cite above a check, a rule or a type, and the tests that prove it. Written by",
        "`.ci/specifications.py` from the comments of sources and tests; `.ci/run` fails when it is out of date or when a section",
        "has no test.",
        "",
        f"{len({name for name, _ in keys})} specifications, {len(keys)} sections, {len(proved)} tests.",
    ]
    last = None
    for key in keys:
        name, section = key
        if name != last:
            lines += ["", f"## {name}", "", "| section | what | proved by |", "| --- | --- | --- |"]
            last = name
        told = list(dict.fromkeys(text for _, text in sources[key] if text))
        told = "; ".join(told[:4]).replace("|", "\\|")
        links = "<br>".join(f"[{function}](../{path})" for path, function in tests[key])
        lines.append(f"| §{section} | {told} | {links} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
