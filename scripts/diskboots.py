# SPDX-License-Identifier: MIT
"""diskboots - boots with disks that fail or are slow

    a_disk_fails_where_blkdebug_says        QEMU's blkdebug fails named sectors
    a_disk_fails_one_request_in_a_thousand  nbdkit's error filter, by chance
    a_slow_disk_costs_its_own_requests      QEMU's throttling

Each boots for tests of tests/drivers/block/device_test.c that run by their name alone,
since they want this very disk. A disk is a sparse file in build/run, or the memory of
nbdkit, and is gone at the end.

Writes alone are throttled: firmware and GRUB read every disk that they find.
"""

import contextlib
import os
import subprocess
import tempfile
import time

import liveboots

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECOND = 1.0

# Read errors at 4096, write errors at 8192: a full disk, and a broken one, are EIO.
SECTORS = '''
[inject-error]
event = "none"
iotype = "read"
errno = "5"
sector = "4096"

[inject-error]
event = "none"
iotype = "write"
errno = "28"
sector = "8192"
'''

FLUSHES = '''
[inject-error]
event = "none"
iotype = "flush"
errno = "5"
'''


@contextlib.contextmanager
def folder():
    """A folder in build/run, as the disks of scripts/run-qemu have it."""
    where = os.path.join(TOP, 'build', 'run')
    os.makedirs(where, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=where) as directory:
        yield directory


def path_of(directory, name, content='', size=0):
    """A file, of a content or sparse; its path as the value of a -drive."""
    path = os.path.join(directory, name)
    with open(path, 'w', encoding='utf-8') as made:
        made.write(content)
        if size:
            made.truncate(size)
    return path.replace(',', ',,')


def boot(qemu, log, tests, disks):
    """These tests, on these disks; what is wrong."""
    options = ['--peer', 'none', '--smp', '2', '--timeout', '120',
               '--append', 'test=' + ','.join('virtio_blk.' + t for t in tests)]
    for disk in disks:
        options += ['--disk', disk]
    done = liveboots.Boot(qemu('test', options), log)
    for number, test in enumerate(tests, 1):
        done.when(r'^ok %d virtio_blk\.%s\b(?!.*SKIP)' % (number, test))
    done.want_status(0)
    return done.verdict()


def blkdebug(qemu, log):
    """Sectors that always fail, and a disk that cannot flush."""
    with folder() as directory:
        files = [path_of(directory, name, size=16 << 20)
                 for name in ('first', 'second')]
        rules = [path_of(directory, name, text) for name, text in
                 (('sectors', SECTORS), ('flushes', FLUSHES))]
        return boot(qemu, log, ('a_flush_that_fails_says_so_each_time',
                                'a_named_sector_fails_and_no_other'),
                    ['blkdebug:%s:%s,serial=%s' % (rule, file, serial)
                     for rule, file, serial in
                     zip(rules, files, ('scratch', 'no-flush'))])


def nbdkit(qemu, log):
    """One request of a thousand fails, reads and writes alike."""
    with folder() as directory, \
            open(log + '.nbdkit', 'w', encoding='utf-8') as said:
        socket = os.path.join(directory, 'nbd')
        with subprocess.Popen(
                ['nbdkit', '--foreground', '--exit-with-parent', '--unix', socket,
                 '--filter=error', 'memory', '16M', 'error=EIO',
                 'error-pread-rate=0.1%', 'error-pwrite-rate=0.1%'],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said) as server:
            try:
                end = time.monotonic() + 10 * SECOND
                while not os.path.exists(socket) and server.poll() is None and \
                        time.monotonic() < end:
                    time.sleep(0.05)
                return boot(qemu, log, (
                    'a_disk_that_fails_now_and_then_loses_only_what_it_says',),
                    ['nbd+unix:///?socket=%s,serial=scratch' % socket])
            finally:
                server.terminate()


def throttled(qemu, log):
    """A disk that writes a page or two a second, beside one that does not wait."""
    return boot(qemu, log, ('a_slow_disk_costs_its_own_requests',),
                ['16M,serial=scratch', '16M,serial=slow,throttling.iops-write=1'])


BOOTS = {
    'a_disk_fails_where_blkdebug_says': blkdebug,
    'a_disk_fails_one_request_in_a_thousand': nbdkit,
    'a_slow_disk_costs_its_own_requests': throttled,
}
