# SPDX-License-Identifier: MIT
"""stated - what the rules say to which the page links

Rules of the notifiers stand in docs/semantics.md, rules of the device in
docs/peer-device.md, where the names of tests follow each.
"""

import os
import re

import rules
from timeline import kinds

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEVICE = os.path.join('docs', 'peer-device.md')
OF_DEVICE = re.compile(r'^\* \*\*(D\d+\.\d+)\*\* (.*?)\n(?=\* |\n|\Z)', re.M | re.S)
FIRST_TEST = re.compile(r' `\w+\.\w+`')


def linked():
    """The rules that the table of kinds names."""
    return {rule for table in (kinds.BARS, kinds.MARKS) for kind in table.values()
            for rule in kind[-1].split()}


def plain(text):
    """Without the marks of Markdown; a short word of the document in full."""
    text = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', ' '.join(text.split()))
    text = text.replace('*better:*', 'Better than Linux:') \
        .replace('*less:*', 'Less than Linux:')
    return text.replace('*', '').replace('`', '')


def of_documents(top=TOP):
    """{rule: text} of both documents; a rule in two paragraphs has both."""
    found = {}
    for numbers, text in rules.rules_of(rules.text_of(top, rules.DOCUMENT)):
        for number in numbers:
            found.setdefault(number, []).append(plain(text))
    for number, text in OF_DEVICE.findall(rules.text_of(top, DEVICE)):
        found[number] = [plain(FIRST_TEST.split(' '.join(text.split()))[0])]
    return {number: ' '.join(texts) for number, texts in found.items()}


def sentences(top=TOP):
    """{rule: text} of those that the page links to."""
    found = of_documents(top)
    return {rule: found[rule] for rule in sorted(linked())}
