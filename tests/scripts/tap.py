# SPDX-License-Identifier: MIT
"""tap - the tests of scripts: functions whose names are sentences

A test is a function `test_SENTENCE` of a module; it passes when it returns
None and fails with what it returns, or with its exception.
"""

import traceback


def equal(found, wanted):
    """'' when both are the same, else both."""
    return '' if found == wanted else 'found  %r\nwanted %r' % (found, wanted)


def main(suite, names):
    """Run every test_ of a module's globals(); print TAP; the exit status."""
    tests = [(name[len('test_'):], fn) for name, fn in names.items()
             if name.startswith('test_')]
    failed = 0
    print('TAP version 13\n1..%d' % len(tests))
    for number, (name, fn) in enumerate(tests, 1):
        try:
            wrong = fn()
        except Exception:               # pylint: disable=broad-except
            wrong = traceback.format_exc()
        for line in (wrong or '').splitlines():
            print('# ' + line)
        print('%sok %d - %s.%s' % ('not ' if wrong else '', number, suite,
                                   name))
        failed += bool(wrong)
    return 1 if failed else 0
