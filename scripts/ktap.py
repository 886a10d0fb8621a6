#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ktap - judge the output of a test run

    scripts/ktap.py [--status N] [--junit FILE] LOG...

A run passes only when all of these hold:

  * the exit status was right (--status 0, or not given);
  * there is a plan (`1..N`), and as many results as it says;
  * at least one test ran and was not skipped;
  * no result is `not ok`, nobody bailed out;
  * nothing was reported (sanitizer, lock validator, leak, warning, panic)
    outside a test that had announced it (`# report expected: NAME`).

Reads the serial line as it is: lines that are not KTAP are the kernel's log.
"""

import re
import sys
from xml.sax.saxutils import escape, quoteattr

RESULT = re.compile(r'^(not )?ok (\d+)(?: -)? ?([^#]*?)\s*(?:#\s*(.*))?$')
PLAN = re.compile(r'^1\.\.(\d+)\s*(?:#\s*(.*))?$')
EXPECTED = re.compile(r'^# report expected: (\S+)')
SKIP = re.compile(r'^SKIP\w*:?\s*', re.IGNORECASE)
TIME = re.compile(r'(\d+(?:\.\d+)?) ms')
# The words of the kernel and of the sanitizers on the host, and of no other
# program: a shell says `warning:` of a locale, QEMU of a CPU model.
REPORT = re.compile(
    r'\b(UBSAN|KASAN|WARNING|KERNEL PANIC|lockdep|\w+Sanitizer): |'
    r'^\S+: runtime error: ')

# Of the failures that stand again at the end.
MOST_NAMES = 20


class Result:
    """One test's result."""

    def __init__(self, name, outcome, said='', millis=None):
        self.name = name
        self.outcome = outcome          # passed, failed, skipped
        self.said = said                # why, as lines
        self.millis = millis
        self.shown = False              # printed as a failure
        self.directive = None           # after the #, if the log has a line


class Run:
    """What one log says."""

    def __init__(self, name):
        self.name = name
        self.results = []
        self.problems = []
        self.plan = None
        self.reports = []               # since the last result
        self._around = []
        self._expected = False

    def feed(self, line):
        """Take the next line of the log; returns a Result when it is one."""
        line = line.strip('\r\n')
        match = RESULT.match(line)
        if match:
            return self._result(match)
        match = PLAN.match(line)
        if match:
            if self.plan is not None:
                self.problems.append('two plans in one log')
            self.plan = int(match.group(1))
            if self.plan == 0 and match.group(2):
                self.results.append(Result(self.name, 'skipped',
                                           match.group(2)))
            return None
        if line.startswith('Bail out!'):
            self.problems.append(line)
        elif EXPECTED.match(line):
            self._expected = True
        elif REPORT.search(line) and not line.startswith('#') \
                and not self._expected:
            self.reports.append('reported: ' + line)
        if line:
            self._around.append(line)
            del self._around[:-200]
        return None

    def _result(self, match):
        bad, number, name, directive = match.groups()
        directive = directive or ''
        if int(number) != len(self.results) + 1:
            self.problems.append('result %s came as number %d' %
                                 (number, len(self.results) + 1))
        millis = TIME.search(directive)
        if bad:
            outcome = 'failed'
        elif directive.upper().startswith('SKIP'):
            outcome = 'skipped'
        else:
            outcome = 'passed'
        said = '\n'.join(self._around) if bad else directive
        result = Result(name or 'test %s' % number, outcome, said,
                        float(millis.group(1)) if millis else None)
        result.directive = directive
        self.results.append(result)
        # A failed test has its reports in what it said.
        if not bad:
            self.problems += self.reports
        self.reports = []
        self._around = []
        self._expected = False
        return result

    def finish(self, status=0):
        """The log is over and its program ended with `status`."""
        self.judge(status)
        for problem in self.problems:
            tail = '\n'.join(self._around[-30:])
            self.results.append(Result(self.name + ': ' + problem, 'failed',
                                       problem + '\n' + tail))
        return self

    def judge(self, status):
        """Add to self.problems what is wrong with the whole of it."""
        self.problems += self.reports
        skipped_whole = self.plan == 0 and len(self.results) == 1
        if self.plan is None:
            self.problems.append('no plan: the run never began')
        elif len(self.results) != self.plan and not skipped_whole:
            self.problems.append('%d results of %d planned' %
                                 (len(self.results), self.plan))
        if not self.count('passed') and not self.count('failed') \
                and not skipped_whole:
            self.problems.append('no test ran')
        failed = self.count('failed')
        if status != 0 and not failed:
            self.problems.append('ended with status %d' % status)
        if status == 0 and failed:
            self.problems.append('tests failed, yet the status says pass')

    def count(self, outcome):
        return sum(1 for r in self.results if r.outcome == outcome)

    def passed(self):
        return not self.count('failed')


def totals(runs):
    """The closing line over several runs, and whether all passed."""
    counts = [sum(run.count(outcome) for run in runs)
              for outcome in ('passed', 'failed', 'skipped')]
    return '%d passed, %d failed, %d skipped' % tuple(counts), not counts[1]


def closing(runs):
    """The last lines of a run: what failed, why tests were skipped, the count."""
    failed = dict.fromkeys(
        result.name if result.name.startswith(run.name) else
        '%s (%s)' % (result.name, run.name)
        for run in runs for result in run.results
        if result.outcome == 'failed')
    lines = ['failed:'] if failed else []
    lines += ['    ' + name for name in list(failed)[:MOST_NAMES]]
    if len(failed) > MOST_NAMES:
        lines.append('    and %d more' % (len(failed) - MOST_NAMES))
    reasons = {}
    for run in runs:
        for result in run.results:
            if result.outcome == 'skipped':
                why = SKIP.sub('', result.said) or 'no reason given'
                reasons[why] = reasons.get(why, 0) + 1
    lines += ['%d skipped: %s' % (count, why)
              for why, count in reasons.items()]
    return lines + [totals(runs)[0]]


def write_junit(path, runs):
    """A JUnit file, for those who collect them."""
    with open(path, 'w', encoding='utf-8') as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n')
        for run in runs:
            out.write('<testsuite name=%s tests="%d" failures="%d" '
                      'skipped="%d">\n' %
                      (quoteattr(run.name), len(run.results),
                       run.count('failed'), run.count('skipped')))
            for r in run.results:
                time = '' if r.millis is None else \
                    ' time="%.6f"' % (r.millis / 1000)
                out.write('<testcase classname=%s name=%s%s>' %
                          (quoteattr(run.name), quoteattr(clean(r.name)),
                           time))
                if r.outcome == 'failed':
                    out.write('<failure>%s</failure>' % escape(clean(r.said)))
                elif r.outcome == 'skipped':
                    out.write('<skipped message=%s/>' %
                              quoteattr(clean(r.said)))
                out.write('</testcase>\n')
            out.write('</testsuite>\n')
        out.write('</testsuites>\n')


def clean(text):
    """Without the bytes that XML has no way to write."""
    return re.sub(r'[^\t\n\x20-\ud7ff\ue000-\ufffd]', '?', text)


def main(args):
    status, junit, logs = 0, None, []
    while args:
        arg = args.pop(0)
        if arg == '--status':
            status = int(args.pop(0))
        elif arg == '--junit':
            junit = args.pop(0)
        else:
            logs.append(arg)
    if not logs:
        sys.exit(__doc__)
    runs = []
    for log in logs:
        run = Run(log)
        with open(log, encoding='utf-8', errors='replace') as lines:
            for line in lines:
                run.feed(line)
        runs.append(run.finish(status))
    for run in runs:
        for r in run.results:
            if r.outcome == 'failed':
                print('FAILED %s\n    %s' %
                      (r.name, r.said.replace('\n', '\n    ')))
    if junit:
        write_junit(junit, runs)
    line, good = totals(runs)
    print(line)
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
