# SPDX-License-Identifier: MIT
"""debugdoc - what docs/debugging.md tells its reader to do, done

Its blocks marked `gdb` are typed into gdb, in the order of the page, and its
block marked `sh` into a shell. Each command has to work, and the page's claims
about what is shown then are looked for. scripts/run-tests.py counts these
boots among those of scripts/liveboots.py.
"""

import os
import re
import subprocess
import tempfile

import liveboots

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(TOP, 'docs', 'debugging.md')
FAULT = 'trap.must_fail_by_a_triple_fault'


def blocks(language):
    """The marked blocks before the section on triple faults, and in it."""
    with open(PAGE, encoding='utf-8') as page:
        halves = page.read().split('\n## A triple fault\n')
    return [''.join(re.findall(r'^```%s\n(.*?)^```$' % language, half,
                               re.M | re.S)) for half in halves]


def typed(commands, directory):
    """A file for gdb that shows each command before it is carried out."""
    path = os.path.join(directory, 'commands')
    with open(path, 'w', encoding='utf-8') as out:
        *first, last = commands.splitlines()
        for command in first:
            out.write('echo (gdb) %s\\n\n%s\n' % (command, command))
        # gdb stops at the first command that fails. The last lets go of QEMU
        # or ends it; then it is chance whether gdb complains of that.
        out.write('echo (gdb) nothing failed\\n\n%s\n' % last)
    return path


# What the page says of the commands before its last section.
SHOWN = (
    r'\(gdb\) continue\n(.*\n)*.*Breakpoint 1, lock_device_exclusive',
    r'\(gdb\) backtrace 6\n#0 .*lock_device_exclusive (.*\n)*#1 .* at ',
    r'\(gdb\) info args\nmm = 0x\w+',
    r'\(gdb\) info threads\n(.*\n)*.*CPU#0.*\n.*CPU#1',
    r'\(gdb\) mm\n +\d+  0x\w+  users',
    r'\(gdb\) vmas mm->id\n  0x\w+-0x\w+ rw-',
    r'\(gdb\) pte mm->id addr\n  pgd 0x',
    r'\(gdb\) subs mm->id\n  sequence \d+',
    r'\(gdb\) tasks\n(.*\n)*.* contest/cpu0\b',
    r'\(gdb\) continue\n(.*\n)*.*breakpoint \d+, peer_response_send',
    r'\(gdb\) continue\n(.*\n)*.*Breakpoint \d+, restore_device_exclusive',
    r'\(gdb\) nothing failed',
)
# At a first line, by -Og: a place on the stack, and one in no register yet.
OF_OG = (r'\(gdb\) info locals\n(?:\w+ = .*\n)*page = 0x',
         r'\(gdb\) info locals\n(?:\w+ = .*\n)*\w+ = <optimized out>')
DIED = (
    r'\(gdb\) continue\n(.*\n)*.*SIGQUIT',
    r'\(gdb\) backtrace 3\n#0 .*ktest_trap__must_fail_by_a_triple_fault',
    r'\(gdb\) info registers .*\nrip .*\nrsp .*\ncr2 .*\ncr3 ',
    r'\(gdb\) nothing failed',
)


def follows(qemu, log):
    """All of the page but a triple fault, while the contest runs."""
    commands = blocks('gdb')[0]
    shown = SHOWN
    if '/debug' in log:
        shown += OF_OG
    with tempfile.TemporaryDirectory() as directory:
        boot = liveboots.gdb_boot(qemu, log, 'run', [],
                                  typed(commands, directory), shown)
    boot.when('contest: PASS')
    boot.want_status(0)
    return boot.verdict()


def triple_fault(qemu, log):
    """The dead machine is kept for gdb."""
    commands = blocks('gdb')[1]
    with tempfile.TemporaryDirectory() as directory:
        boot = liveboots.gdb_boot(
            qemu, log, 'test', ['--smp', '1', '--append', 'test=' + FAULT,
                                '--qemu', '-no-shutdown'],
            typed(commands, directory), DIED)
    boot.want_status(3)
    return boot.verdict()


def trace(qemu, log):
    """QEMU's record of a triple fault leads to the line of the source."""
    image = qemu('test', [])[qemu('test', []).index('--image') + 1]
    script = blocks('sh')[1].replace('build/debug/concord.elf', image)
    said = subprocess.run(['bash', '-c', script], cwd=TOP,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False
                          ).stdout.decode('utf-8', 'replace')
    with open(log, 'w', encoding='utf-8') as kept:
        kept.write(said)
    missing = ['never said: ' + words for words in
               (r'without a verdict \(triple fault',
                r'v=06 e=0000 .*\n(.*\n)*.*v=0d e=0062 .*\n(.*\n)*.*v=08 ',
                r'Triple fault\n',
                r'is in ktest_trap__must_fail_by_a_triple_fault '
                r'\(tests/arch/trap_test\.c')
               if not re.search(words, said)]
    return '\n'.join(missing + said.splitlines()[-60:]) if missing else ''
