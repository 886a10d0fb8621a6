# SPDX-License-Identifier: MIT
"""mapboots - boots whose page maps are read by the host

The host's map is compared with what the monitor of the same kernel prints, on a machine
whose memory has a hole, and again when that kernel has panicked; an open range is met
while the device does not answer. scripts/run-tests.py calls these and counts them.
"""

import glob
import os
import pty
import re
import select
import shutil
import subprocess
import time

from pagemap import machine, moments, rows
from pagemap.spaces import Reader
from trace.memory import ABOVE_HOLE

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUNS = os.path.join(TOP, 'build', 'run')

# A word that QEMU puts at an address above the hole.
MARK, MARK_AT = 0x1122334455667788, ABOVE_HOLE + (1 << 29)
PROMPT = '\n> '
SECONDS = 120


class Terminal:
    """A program at a terminal of ours."""

    def __init__(self, command, log):
        self.ours, theirs = pty.openpty()
        self.said, self.wrong = '', []  # all of it
        self.pending = ''               # of that, what nothing has waited for
        self.typed = []                 # the map, as the monitor printed it
        self.log = log
        self.child = subprocess.Popen(  # pylint: disable=consider-using-with
            command, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True)
        os.close(theirs)

    def until(self, words):
        """What it says up to these words; '' and a complaint if they do not come."""
        end = time.monotonic() + SECONDS
        while words not in self.pending:
            if time.monotonic() > end or not self._read():
                self.wrong.append('never said: %r' % words)
                return ''
        said, _, self.pending = self.pending.partition(words)
        return said

    def _read(self):
        """False: it has ended."""
        if select.select([self.ours], [], [], 0.2)[0]:
            try:
                read = os.read(self.ours, 4096).decode('utf-8', 'replace')
            except OSError:
                return False
            self.said += read
            self.pending += read.replace('\r', '')
        return True

    def command(self, words):
        """The lines that the monitor answers."""
        os.write(self.ours, words.encode() + b'\r')
        return self.until(PROMPT).split('\n')[1:]

    def end(self):
        """Its status; its words are kept."""
        try:
            status = self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.terminate()
            status = self.child.wait()
            self.wrong.append('it did not end')
        os.close(self.ours)
        with open(self.log, 'w', encoding='utf-8') as kept:
            kept.write(self.said)
        return status

    def verdict(self):
        return '\n'.join(self.wrong + self.said.split('\n')[-30:]) \
            if self.wrong else ''


def host_lines(folder):
    """What the host prints of the only address space, and the reader."""
    reader = Reader(machine.Machine(folder))
    spaces, doubts = reader.snapshot()
    return [line for space in spaces for line in
            rows.lines(space, reader) + space.doubts] + doubts, reader


def the_same(terminal, who, found, wanted):
    if found != wanted:
        terminal.wrong += ['%s:' % who] + found + ['wanted:'] + wanted


def monitor(qemu, log):
    """The contest's space: by the monitor, by the host, and after a panic."""
    terminal = Terminal(
        qemu('run', ['--mem', '3G', '--keep-ram', '--qemu', '-device', '--qemu',
                     'loader,addr=%#x,data=%#x,data-len=8' % (MARK_AT, MARK)]),
        log)
    folders = []
    if terminal.until('Ctrl-A X ends QEMU).' + PROMPT):
        folders = glob.glob(os.path.join(RUNS, os.path.basename(log) +
                                         '.serial.*'))
        look(terminal, folders[0])
    # To QEMU's own monitor; the kernel panics of it.
    os.write(terminal.ours, b'\x01c')
    terminal.until('(qemu)')
    os.write(terminal.ours, b'nmi\n')
    if terminal.until('KERNEL PANIC') and terminal.end() == 2 and folders:
        the_same(terminal, 'by the host, after the panic',
                 host_lines(folders[0])[0], terminal.typed)
    for folder in folders:
        shutil.rmtree(folder)
    return terminal.verdict()


def look(terminal, folder):
    """Of a machine that runs."""
    terminal.typed = terminal.command('map')
    if not re.match(r'mm \d+: regions \d+, pages [1-9]', ''.join(terminal.typed)):
        terminal.wrong.append('the monitor printed no map')
    found, reader = host_lines(folder)
    the_same(terminal, 'by the host', found, terminal.typed)
    memory = reader.memory
    mark = memory.words[memory.place(MARK_AT) // 8]
    if mark != MARK:
        terminal.wrong.append('above the hole: %#x, wanted %#x' % (mark, MARK))
    letters = [line.split(None, 1) for line in terminal.command('letters')
               if not line.endswith(':')]
    known = [list(pair) for side in (reader.letters, reader.device_letters)
             for pair in side.what.items()]
    the_same(terminal, 'letters', known, letters)


def contest(qemu, log):
    """A CPU takes a page back from a device that does not answer for a moment."""
    command = qemu('run', ['--quiet'])
    image = command[command.index('--image') + 1]
    try:
        drawn = moments.svg(image, command[command.index('--log') + 1])
    except moments.Missed:
        return '%d contests ended, and no range was met' % moments.CONTESTS
    with open(log, 'w', encoding='utf-8') as kept:
        kept.write(drawn)
    wrong = [words for words in ('before', 'during', 'open range: CLEAR', 'after')
             if words not in drawn]
    if not re.search('>X<.*>X<.*during', drawn, re.S) or \
            '>X<' in drawn.split('>after')[1]:
        wrong.append('the page does not go from the device to the CPU')
    return '\n'.join(wrong)
