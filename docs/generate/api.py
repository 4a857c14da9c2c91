#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes docs/api.md from the comments of the public headers.

usage: api.py [-c]     -c: writes nothing, and fails if the page is not current

A paragraph of a header (a comment and the declarations that follow it) becomes a heading with the declared names, the
declarations, and the comment's text. Comments inside a declaration stay there. A line `---- Title ----` becomes a
section. Includes, guards, private members, bodies, and all after `// Implementation` are left out.
"""

import re
import sys
import textwrap

from page import ROOT, argument_parser, update

HEADERS = [
    "runtime/include/rondo/rondo.h",
    "runtime/include/rondo/rondo.hpp",
    "tools/librondo_compiler/include/rondo/compiler.h",
    "runtime/include/rondo/abi.h",
]
INTRODUCTION = """<!-- Generated from the headers by docs/generate/api.py (make docs): do not edit. -->
# API reference

Applications include `rondo/rondo.h` (C99) or `rondo/rondo.hpp` (C++17) and link `librondo_runtime`; those that compile
include `rondo/compiler.h` and link `librondo_compiler`. `rondo/abi.h` is between compiled programs and the runtime.
[examples/04-embed-c](../examples/04-embed-c) and [examples/05-embed-cpp](../examples/05-embed-cpp) show them at work.
"""

COMMENT = re.compile(r"/\*(?P<block>.*?)\*/\n|(?P<lines>(?:^//[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^-{4} (?P<title>.+?) -+$")
# The name of a declaration: the first pattern that fits.
NAMES = [re.compile(pattern, re.DOTALL) for pattern in (
    r"#define (\w+)", r"class (\w+)", r"typedef [^{]*?\(\*(\w+)\)\(", r"typedef .*?(\w+);$", r"constexpr \w+ (\w+) =",
    r"(?!enum)[^{]*?(\w+)\(")]


def shift_left(match):
    """A declaration without the macro that exports it."""
    return match["rest"].replace("\n" + " " * len(match["macro"]), "\n")


def relevant(text):
    """The text without what only compilers care for, and without what follows `// Implementation`."""
    if "// Implementation" in text:
        text = text[:text.index("//===---")]
    text = re.sub(r"^// SPDX-.*\n|^/\* SPDX-.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^/\* clang-format (on|off) \*/\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^#if(def __cplusplus| defined\().*?^#endif\n", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^#(include .*|ifndef .*|endif.*|define \w+_HP*)\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(namespace \w+ \{|\} // namespace.*)\n", "", text, flags=re.MULTILINE)
    text = re.sub(r" *\\\n", " \\\\\n", text)
    return re.sub(r"^(?P<macro>RONDO_\w*API )(?P<rest>[^;]*;)", shift_left, text, flags=re.MULTILINE)


def without_bodies(code):
    """Declarations alone: no private members, no initialisers of members, no bodies."""
    code = re.sub(r"^private:\n.*?^\};", "};", code, flags=re.MULTILINE | re.DOTALL)
    code = re.sub(r"\)((?: const| noexcept)*)\s+(?::[^;]*?)?\{[^;{}]*(?:;[^;{}]*)?\}$", r")\1;", code, flags=re.MULTILINE)
    return re.sub(r"\n\n(?=\};)", "\n", code).strip()


def prose(match):
    """The text of a comment, as Markdown."""
    if match["lines"]:
        return textwrap.dedent(re.sub(r"^///?", "", match["lines"], flags=re.MULTILINE)).strip()
    return "\n".join(re.sub(r"^ \* ?|^ {1,3}(?=\S)", "", line).rstrip() for line in match["block"].strip().splitlines())


def is_complete(declaration):
    plain = re.sub(r"/\*.*?\*/|//.*", "", declaration).rstrip()
    balanced = plain.count("{") == plain.count("}") and plain.count("(") == plain.count(")")
    return balanced and not plain.endswith("\\") and (plain.startswith("#") or plain.endswith((";", "}")))


def paragraphs(text):
    """Gives (comment, declarations) pairs. A paragraph ends before a comment and at a blank line."""
    comment, declarations, open_declaration, position = "", [], "", 0
    while position < len(text):
        match = None if open_declaration else COMMENT.match(text, position)
        end = match.end() if match else text.index("\n", position) + 1
        line = text[position:end]
        position = end
        if open_declaration or (not match and line.strip()):
            open_declaration += line
            if is_complete(open_declaration):
                declarations.append(open_declaration)
                open_declaration = ""
        elif comment or declarations:
            yield comment, declarations
            comment, declarations = "", []
        if match:
            comment = prose(match)
    yield comment, declarations


def name_of(declaration):
    for pattern in NAMES:
        match = pattern.match(declaration)
        if match:
            return f"`{match[1]}`"
    return None


def markdown(header, language):
    result = [f"## `{header.split('include/')[1]}`"]
    for comment, declarations in paragraphs(relevant((ROOT / header).read_text())):
        title, _, rest = comment.partition("\n")
        section = SECTION.match(title)
        if section:
            result.append(f"### {section['title']}")
            comment = rest.strip()
        names = list(filter(None, map(name_of, declarations)))
        if names:
            result.append("#### " + ", ".join(dict.fromkeys(names)))
        if declarations:
            result.append(f"```{language}\n{without_bodies(''.join(declarations))}\n```")
        if comment:
            result.append(comment)
    return "\n\n".join(result) + "\n"


def main():
    check = argument_parser(__doc__).parse_args().check
    pages = [markdown(header, "cpp" if header.endswith("hpp") else "c") for header in HEADERS]
    return update({"docs/api.md": "\n".join([INTRODUCTION] + pages)}, check)


if __name__ == "__main__":
    sys.exit(main())
