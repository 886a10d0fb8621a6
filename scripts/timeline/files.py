# SPDX-License-Identifier: MIT
"""files - pages that are written, for programs"""

import os


def write(path, content):
    """The page, or what it was before: never half of it."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + '.new', 'w', encoding='utf-8') as made:
        made.write(content)
    os.replace(path + '.new', path)
