#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""timeline - a trace as a page to look at

    scripts/timeline.py [FILE]      from build/trace.bin
        --out PAGE                  into this file (build/timeline.html)
        --link TEMPLATE             how a source is linked, with {path} and {line};
                                    without it, as a file of this clone
        --open                      in the browser of this desktop, too

`make timeline` does it; `make trace` and `make run` record. docs/timeline.md says how
the page is read.
"""

import argparse
import os
import sys
import webbrowser

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'scripts'))

from timeline import build, files, page  # noqa: E402

USUAL = os.path.join('build', 'trace.bin')
OUT = os.path.join('build', 'timeline.html')


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('file', nargs='?', default=USUAL)
    parser.add_argument('--out', default=OUT)
    parser.add_argument('--link')
    parser.add_argument('--open', action='store_true')
    args = parser.parse_args()
    picture = build.picture_of(build.opened(args.file))
    content = page.page_of(picture, os.path.basename(args.file),
                           args.link or page.link_template(args.out))
    files.write(args.out, content)
    print('%s: %d records in %d lanes, %.1f MB. Open it in a browser.' % (
        args.out, len(picture.records), len(picture.lanes), len(content) / 1e6))
    if args.open:
        webbrowser.open('file://' + os.path.abspath(args.out))


if __name__ == '__main__':
    main()
