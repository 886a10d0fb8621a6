# SPDX-License-Identifier: MIT
"""liveboots - boots that something is done to while they run

The peer dies in the middle of the contest, by itself or by SIGKILL; gdb looks
at the kernel and lets it go on; all CPUs hang with interrupts off. What
happened is judged by what the kernel said, when it said it, and how it left.
scripts/run-tests.py calls these and counts them.
"""

import concurrent.futures
import os
import re
import signal
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DRIVER = os.path.join(TOP, 'include', 'drivers', 'peer.h')

# How long a loaded host may keep the kernel's words from us.
SLACK = 2.0

SECOND_ROUND = 'the same with exclusive access'


class Boot:
    """One boot, its lines with the time each came, and what is wrong."""

    def __init__(self, command, log, on_line=None):
        self.lines = []
        self.wrong = []
        with open(log, 'w', encoding='utf-8') as kept:
            with subprocess.Popen(command, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL) as child:
                self.child = child      # on_line() may end it
                for raw in child.stdout:
                    line = raw.decode('utf-8', 'replace').strip('\r\n')
                    kept.write(line + '\n')
                    self.lines.append((time.monotonic(), line))
                    if on_line:
                        on_line(self, line)
                self.status = child.wait()

    def when(self, words):
        """When the kernel first said it; None if never, which is wrong."""
        for moment, line in self.lines:
            if re.search(words, line):
                return moment
        self.wrong.append('never said: ' + words)
        return None

    def said(self, words):
        return any(re.search(words, line) for _, line in self.lines)

    def want_status(self, status):
        if self.status != status:
            self.wrong.append('ended with status %d, wanted %d' %
                              (self.status, status))

    def verdict(self):
        """What is wrong, with the last lines; empty when nothing is."""
        if not self.wrong:
            return ''
        return '\n'.join(self.wrong + [line for _, line in self.lines[-60:]])


def death_limit():
    """Seconds after which the driver promises to have noticed."""
    with open(DRIVER, encoding='utf-8') as header:
        return int(re.search(r'define PEER_DEATH_NS \((\d+) \* 1000 \* '
                             r'1000 \* 1000ULL\)',
                             header.read()).group(1))


def judge_death(boot, died):
    """The kernel says so in time, fails the contest, leaves by itself."""
    noticed = boot.when(r'peer0: declared dead')
    failed = boot.when(r'contest: FAIL: EIO: the device is dead, '
                       r'the kernel is not')
    limit = death_limit() + SLACK
    for moment, what in ((noticed, 'declared dead'),
                         (failed, 'contest ended')):
        if died and moment and moment - died > limit:
            boot.wrong.append('%s %.1f s after the death, wanted %.1f' %
                              (what, moment - died, limit))
    if boot.said('KERNEL PANIC|WARNING|lockdep:|UBSAN|KASAN'):
        boot.wrong.append('the kernel took harm')
    boot.want_status(1)
    return boot.verdict()


def last_seen_working(boot):
    """When the device's count in the first round rose for the last time, or None.

    A device of a busy host needs seconds for the orders that it lives for.
    """
    moment, count = boot.when('contest: the peer against'), '0'
    for at, line in boot.lines:
        match = re.search(r' s +CPUs +[\d,]+ +device +([\d,]+)', line)
        if match and match.group(1) != count:
            moment, count = at, match.group(1)
    return moment


def peer_dies(qemu, log):
    """--die-after: the process ends amid the first round's orders."""
    boot = Boot(qemu('run', ['--smp', '2', '--timeout', '60',
                             '--peer-arg', '--die-after=60']), log)
    return judge_death(boot, last_seen_working(boot))


def peer_is_killed(qemu, log):
    """SIGKILL from outside, amid the round with exclusive access."""
    died = []

    def kill(boot, line):
        # The line that opens the round: a quick host is through with it soon.
        if died or SECOND_ROUND not in line:
            return
        with open(log + '.serial.peer0.pid', encoding='utf-8') as pid:
            os.kill(int(pid.read()), signal.SIGKILL)
        died.append(time.monotonic())

    boot = Boot(qemu('run', ['--smp', '2', '--timeout', '60']), log, kill)
    if not died:
        boot.wrong.append('the contest was over before the kill')
    return judge_death(boot, died[0] if died else None)


# What gdb's commands must have printed about a contest that runs.
LOOKS = (
    r'LOOK mm\n( +\d+  0xffff\w+  users \d+  count \d+  regions \d+.*\n)+',
    r'LOOK vmas\n  0x\w+-0x\w+ rw-',
    r'LOOK subs\n  sequence \d+, walkers \d+\n'
    r'  interval 0x\w+-0x\w+  seq \d+  callbacks \d+  \w+\n',
    r'LOOK pte\n0x\w+\n  pgd 0x\w+  frame .*\n  pud .*\n  pmd .*\n'
    r'  pte 0x\w+  (frame 0x\w+: .*user|not present: a swap entry)',
    r'LOOK tasks\n(.*\n)*.* contest/cpu0\b',
    r'LOOK backtrace\n(.*\n)*#0 (.*\n)*#1 .* at \w+/.*\.c:\d+',
    r'LOOK errors\nvmas nosuch: nosuch is not a number: .*\n'
    r'vmas 4000000000: no address space 4000000000; .*\n'
    r'pte: usage: pte \[MM\] ADDR\n'
    r'tasks 1: one word too many: 1; usage: tasks\n',
    r'LOOK done',
)


# And about two plain subscribers, whose address space is about to end.
LISTED = (
    r'LOOK subs\n  sequence \d+, walkers 0\n  interval .*\n'
    r'(  plain    0xffff\w+  users 1  callbacks \d+\n){2}LOOK done',
)


def gdb_boot(qemu, log, mode, options, script, looks):
    """gdb stops the kernel, the script shows all that it should, it goes on."""
    with tempfile.TemporaryDirectory() as directory, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        socket = os.path.join(directory, 'gdb')
        # QEMU waits for gdb, which sets its breakpoint before anything runs.
        # Two commas are one in the value of an option.
        # The last of two --smp has the word.
        command = qemu(mode, ['--smp', '2', '--timeout', '120', '--qemu', '-S',
                              '--qemu', '-gdb', '--qemu',
                              'unix:%s,server=on,wait=off' %
                              socket.replace(',', ',,')] + options)
        looked = pool.submit(run_gdb, socket, script,
                             command[command.index('--image') + 1])
        boot = Boot(command, log)
        said = looked.result()
    with open(log + '.gdb', 'w', encoding='utf-8') as kept:
        kept.write(said)
    missing = ['gdb never showed: ' + look
               for look in looks if not re.search(look, said)]
    if missing:
        boot.wrong += missing + said.splitlines()
    return boot


def gdb_looks(qemu, log):
    """Every command of ours works amid the contest."""
    boot = gdb_boot(qemu, log, 'run', [], 'gdb_looks.py', LOOKS)
    boot.when('contest: PASS')
    boot.want_status(0)
    return boot.verdict()


def gdb_lists(qemu, log):
    """Plain subscribers are listed too; the contest has none."""
    boot = gdb_boot(qemu, log, 'test', ['--append', 'test=mmu_notifier.exit_'
                                        'releases_intervals_first_*'],
                    'gdb_lists.py', LISTED)
    boot.when('^ok 1 ')
    boot.want_status(0)
    return boot.verdict()


LEFT_ON = (r'LOOK cr4 set\nLOOK cr0 set\nLOOK done',)


def bad_loader(qemu, log):
    """A loader that leaves five levels of tables on, and the caches off."""
    boot = gdb_boot(qemu, log, 'test', ['--peer', 'none', '--append',
                                        'test=boot.*,cpu.*'],
                    'gdb_bad_loader.py', LEFT_ON)
    boot.want_status(0)
    return boot.verdict()


def listens(socket):
    """Whether QEMU listens there; looked up, not tried: it serves one only."""
    with open('/proc/net/unix', encoding='utf-8') as sockets:
        return any(line.rstrip().endswith(' ' + socket) and
                   line.split()[3] == '00010000' for line in sockets)


def run_gdb(socket, script, image):
    end = time.monotonic() + 60
    while not listens(socket) and time.monotonic() < end:
        time.sleep(0.05)
    command = ['gdb', '-nx', '-batch',
               '-x', os.path.join(TOP, 'scripts', 'gdb', 'concord.py'),
               '-x', os.path.join(TOP, 'tests', 'scripts', script),
               image]
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(os.environ, CONCORD_GDB=socket),
                              timeout=60, check=False
                              ).stdout.decode('utf-8', 'replace')
    except (OSError, subprocess.TimeoutExpired) as error:
        return 'gdb: %s' % error
