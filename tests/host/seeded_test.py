#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The sanitizers of the host programs find seeded faults. Prints TAP.

    seeded_test.py ASAN TSAN    tests/host/seeded.c with the flags of each
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..',
                                'scripts'))
sys.dont_write_bytecode = True

import tap  # noqa: E402
from tap import equal  # noqa: E402


def reported(program, fault, words):
    """'' when it reports the fault in these words, and ends as failed."""
    done = subprocess.run([program, fault], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=60)
    said = done.stdout.decode('utf-8', 'replace')
    return equal((words in said, done.returncode != 0, said),
                 (True, True, said))


def test_address_sanitizer_finds_a_use_after_free():
    return reported(ASAN, 'use_after_free', 'AddressSanitizer: heap-use-after-free')


def test_undefined_behaviour_sanitizer_finds_an_overflow():
    return reported(ASAN, 'overflow', 'runtime error: signed integer overflow')


def test_thread_sanitizer_finds_a_race():
    return reported(TSAN, 'race', 'ThreadSanitizer: data race')


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    ASAN, TSAN = sys.argv[1:]
    sys.exit(tap.main('seeded', globals()))
