# SPDX-License-Identifier: MIT
"""page - HTML, style, JavaScript and data, joined into one file

The page asks nothing of a network. Its parts lie in the folder of the same name.
"""

import html
import os

from timeline import pack
from trace import text

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page')
SCRIPTS = ('data', 'words', 'lanes', 'look', 'draw', 'arrows', 'view', 'tell', 'find',
           'steps', 'main')


def part(name):
    with open(os.path.join(HERE, name), encoding='utf-8') as opened:
        return opened.read()


def link_template(out, top=pack.TOP):
    """Where a source is, seen from the page: a path of the clone that it lies in."""
    return os.path.relpath(top, os.path.dirname(os.path.abspath(out))) + \
        '/{path}#L{line}'


def page_of(picture, title, link, steps=None):
    """The page as a string. `steps`: of a race, see.py."""
    notes = text.summary(picture.trace) + [
        'another kernel: %s has no field %s, and is a mark only' % strange
        for strange in sorted(picture.strange.items())]
    said, content = pack.packed(picture, {
        'title': title, 'link': link, 'notes': notes, 'steps': steps})
    page = part('page.html')
    for place, words in (('TITLE', html.escape(title)), ('STYLE', part('style.css')),
                         ('SCRIPT', '\n'.join(part(name + '.js')
                                              for name in SCRIPTS)),
                         ('SAID', said), ('CONTENT', content)):
        page = page.replace('{{%s}}' % place, words, 1)
    return page
