#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The judge of test runs fails what should fail. Prints TAP."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'scripts'))
sys.dont_write_bytecode = True

import ktap  # noqa: E402

GOOD = 'KTAP version 1\n1..2\nok 1 a.b # 0.5 ms\nok 2 a.c # SKIP no peer\n'

# What the log says, the exit status, whether the run passes.
CASES = {
    'a_complete_run_passes': (GOOD, 0, True),
    'a_warning_of_a_shell_is_no_report':
        ('bash: warning: setlocale: LC_ALL: cannot change locale (xx_XX)\n' +
         GOOD, 0, True),
    'carriage_returns_do_not_matter':
        (GOOD.replace('\n', '\r\n'), 0, True),
    'a_wrong_status_fails': (GOOD, 1, False),
    'a_missing_plan_fails': ('ok 1 a.b\n', 0, False),
    'two_plans_fail': (GOOD + '1..2\n', 0, False),
    'a_run_that_stopped_early_fails':
        ('1..3\nok 1 a.b\nok 2 a.c\n', 0, False),
    'a_result_too_many_fails': ('1..1\nok 1 a.b\nok 2 a.c\n', 0, False),
    'a_gap_in_the_numbers_fails': ('1..2\nok 1 a.b\nok 3 a.c\n', 0, False),
    'nothing_ran_fails': ('1..0\n', 0, False),
    'all_skipped_fails': ('1..1\nok 1 a.b # SKIP no peer\n', 0, False),
    'a_failed_test_fails': ('1..1\nnot ok 1 a.b\n', 1, False),
    'a_failed_test_fails_whatever_the_status':
        ('1..1\nnot ok 1 a.b\n', 0, False),
    'bailing_out_fails': (GOOD + 'Bail out! a.b hung\n', 0, False),
    'a_sanitizer_report_fails':
        ('UBSAN: signed overflow in mm/table/zap.c:7\n' + GOOD, 0, False),
    'a_memory_report_fails':
        ('[    1.000000] KASAN: read of 1 byte at 0x10\n' + GOOD, 0, False),
    'a_lock_report_fails': ('lockdep: order is wrong\n' + GOOD, 0, False),
    'a_warning_fails': ('WARNING: at mm/space/vma.c:10\n' + GOOD, 0, False),
    'a_panic_fails': ('\nKERNEL PANIC: mm: gone\n' + GOOD, 0, False),
    'a_thread_sanitizer_report_fails':
        ('WARNING: ThreadSanitizer: data race (pid=7)\n' + GOOD, 0, False),
    'an_undefined_behaviour_on_the_host_fails':
        ('mm/x.c:7:3: runtime error: signed integer overflow\n' + GOOD, 0,
         False),
    'an_address_sanitizer_report_fails':
        ('==7==ERROR: AddressSanitizer: heap-use-after-free\n' + GOOD, 0,
         False),
    'an_announced_report_passes':
        ('1..1\n# report expected: a.b\nWARNING: at mm/space/vma.c:10\n'
         'ok 1 a.b\n', 0, True),
    'an_announcement_ends_with_its_test':
        ('1..2\n# report expected: a.b\nok 1 a.b\nWARNING: at mm/space/vma.c:1\n'
         'ok 2 a.c\n', 0, False),
    'an_empty_log_fails': ('', 0, False),
}


def main():
    failed = 0
    print('TAP version 13\n1..%d' % len(CASES))
    for number, (name, (log, status, wanted)) in enumerate(CASES.items(), 1):
        run = ktap.Run(name)
        for line in log.splitlines(keepends=True):
            run.feed(line)
        good = run.finish(status).passed() == wanted
        failed += not good
        print('%sok %d - ktap.%s' % ('' if good else 'not ', number, name))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
