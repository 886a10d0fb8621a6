#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""perfetto - a trace as a file that Perfetto opens

    scripts/perfetto.py [FILE]      from build/trace.bin
        --out OUT                   into this file (build/trace.perfetto-trace)

`make perfetto` does it; `make trace` and `make run` record. It has the lanes of the
timeline as tracks, and needs nothing of Perfetto. docs/perfetto.md says how to open it.
"""

import argparse
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'scripts'))

from timeline import build, tracks  # noqa: E402

USUAL = os.path.join('build', 'trace.bin')
OUT = os.path.join('build', 'trace.perfetto-trace')


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('file', nargs='?', default=USUAL)
    parser.add_argument('--out', default=OUT)
    args = parser.parse_args()
    picture = build.picture_of(build.opened(args.file))
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    # Never half of it.
    with open(args.out + '.new', 'wb') as made:
        counts = tracks.Tracks(picture, made).write()
    os.replace(args.out + '.new', args.out)
    print('%s: %s, %.1f MB' % (args.out, ', '.join(
        '%d %s' % (count, what) for what, count in counts.items()),
                               os.path.getsize(args.out) / 1e6))


if __name__ == '__main__':
    main()
