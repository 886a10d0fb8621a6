# SPDX-License-Identifier: MIT
"""gdb commands for a running or a stopped Concord

    make debug                          in one terminal
    gdb -x scripts/gdb/concord.py build/debug/concord.elf    in another

    mm                  all address spaces
    vmas [MM]           regions of one, by its number
    pte [MM] ADDR       what maps an address, level by level
    subs [MM]           its subscriptions
    tasks               all tasks
    backtrace           gdb's own; `thread apply all backtrace` for every CPU

Without MM it is the first that has users, as in the monitor of the kernel.

docs/debugging.md leads through a session. CONCORD_GDB is where QEMU waits
if not at 127.0.0.1:1234, for `make debug` as well. All is read through the
debugger; no code of the kernel runs.
Objects and fields are those of include/mm/space/mm_types.h; the page-table bits
those of arch/x86_64/include/asm/paging.h.
"""

import os
import re

import gdb

PAGE_OFFSET = 0xffff800000000000
FRAME_MASK = 0x000ffffffffff000
PRESENT, WRITE, USER, ACCESSED, DIRTY, HUGE = 1, 2, 4, 32, 64, 128
NO_EXECUTE = 1 << 63


def container(node, kind, member):
    """The object of type `kind` whose `member` is at pointer `node`."""
    struct = gdb.lookup_type(kind)
    offset = next(f.bitpos // 8 for f in struct.fields() if f.name == member)
    address = int(node) - offset
    return gdb.Value(address).cast(struct.pointer())


def each_entry(head, kind, member):
    """Objects on a struct list_head."""
    node = head['next']
    while int(node) not in (0, int(head.address)):
        yield container(node, kind, member)
        node = node['next']


def each_mm():
    head = gdb.parse_and_eval('mm_list')
    try:
        yield from each_entry(head, 'struct mm_struct', 'mm_list')
    except gdb.MemoryError as error:
        raise gdb.GdbError('%s: has the kernel booted?' % error)


def number_of(word):
    """The value of an expression: 1, mm->id."""
    try:
        return int(gdb.parse_and_eval(word))
    except (gdb.error, ValueError, TypeError) as error:
        raise gdb.GdbError('%s is not a number: %s' % (word, error))


def find_mm(word):
    """By its number; without one, the first that has users."""
    number = number_of(word) if word else None
    for mm in each_mm():
        if int(mm['id']) == number or \
                number is None and int(mm['mm_users']['counter']):
            return mm
    raise gdb.GdbError('no address space %s; `mm` lists them' % number
                       if word else 'no address space')


def words(argument, usage):
    """The words of a command, None for one in brackets that is not there."""
    found, wanted = gdb.string_to_argv(argument), usage.split()[1:]
    if len(found) > len(wanted):
        raise gdb.GdbError('one word too many: %s; usage: %s' %
                           (found[len(wanted)], usage))
    if len(found) + 1 == len(wanted) and wanted[0].startswith('['):
        found.insert(0, None)
    if len(found) < len(wanted):
        raise gdb.GdbError('usage: ' + usage)
    return found


class ListMm(gdb.Command):
    """mm: all address spaces"""

    def __init__(self):
        super().__init__('mm', gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        words(argument, 'mm')
        for mm in each_mm():
            print('%4d  %#x  users %d  count %d  regions %d  pages %d' %
                  (int(mm['id']), int(mm),
                   int(mm['mm_users']['counter']),
                   int(mm['mm_count']['counter']),
                   int(mm['map_count']), int(mm['anon_rss']['counter'])))


class ListVmas(gdb.Command):
    """vmas [MM]: regions of an address space"""

    def __init__(self):
        super().__init__('vmas', gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        mm = find_mm(words(argument, 'vmas [MM]')[0])
        vma = mm['mm_first']
        while int(vma):
            flags = int(vma['vm_flags'])
            print('  %#014x-%#014x %s' %
                  (int(vma['vm_start']), int(vma['vm_end']),
                   ''.join(letter if flags & bit else '-' for bit, letter
                           in ((1, 'r'), (2, 'w'), (4, 'x')))))
            vma = vma['vm_next']


def read_u64(physical):
    pointer = gdb.Value(PAGE_OFFSET + physical).cast(
        gdb.lookup_type('unsigned long').pointer())
    return int(pointer.dereference())


class ShowPte(gdb.Command):
    """pte [MM] ADDR: what maps an address, level by level"""

    def __init__(self):
        super().__init__('pte', gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        name, address = words(argument, 'pte [MM] ADDR')
        mm = find_mm(name)
        address = number_of(address) & (1 << 48) - 1
        table = int(mm['pgd']) - PAGE_OFFSET
        for level, shift in (('pgd', 39), ('pud', 30), ('pmd', 21),
                             ('pte', 12)):
            entry = read_u64(table + (address >> shift & 511) * 8)
            print('  %s %#018x  %s' % (level, entry, self.words(entry)))
            if not entry & PRESENT or level != 'pte' and entry & HUGE:
                return
            table = entry & FRAME_MASK

    @staticmethod
    def words(entry):
        if not entry & PRESENT:
            return 'empty' if not entry else 'not present: a swap entry'
        named = ((WRITE, 'writable'), (USER, 'user'), (ACCESSED, 'accessed'),
                 (DIRTY, 'dirty'), (NO_EXECUTE, 'no execute'))
        return 'frame %#x: %s' % ((entry & FRAME_MASK) >> 12, ', '.join(
            text for bit, text in named if entry & bit))


class ListSubs(gdb.Command):
    """subs [MM]: subscriptions of an address space"""

    def __init__(self):
        super().__init__('subs', gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        mm = find_mm(words(argument, 'subs [MM]')[0])
        subscriptions = mm['notifier_subscriptions']
        if not int(subscriptions):
            print('  none, and none ever')
            return
        print('  sequence %d, walkers %d' %
              (int(subscriptions['last_seq']),
               int(subscriptions['walkers']['counter'])))
        nil = int(gdb.parse_and_eval('&interval_tree_nil'))
        for sub in each_interval(subscriptions['tree']['root'], nil):
            node = sub['interval_tree']
            print('  interval %#014x-%#014x  seq %d  callbacks %d  %s' %
                  (int(node['start']), int(node['end']),
                   int(sub['invalidate_seq']), callbacks_of(sub),
                   callback_of(sub)))
        for sub in each_plain(subscriptions):
            print('  plain    %#x  users %d  callbacks %d' %
                  (int(sub), int(sub['users']), callbacks_of(sub)))


def each_plain(subscriptions):
    """Newest first."""
    sub = subscriptions['newest']
    while int(sub):
        yield sub
        sub = sub['next']


def callbacks_of(sub):
    """Counted while statistics were on; made when there is something to count."""
    return int(sub['stats']['callbacks']) if int(sub['stats']) else 0


def each_interval(node, nil, depth=0):
    """In the order of their starts; a tree amid a change is not followed far."""
    if int(node) in (0, nil) or depth > 64:
        return
    yield from each_interval(node['child'][0], nil, depth + 1)
    yield container(node, 'struct mmu_interval_notifier', 'interval_tree')
    yield from each_interval(node['child'][1], nil, depth + 1)


def callback_of(sub):
    """The name of the callback, in the one-pass form or the two-pass form."""
    ops = sub['ops'].dereference()
    one = ops['invalidate']
    return name_of(one if int(one) else ops['invalidate_start'])


def name_of(function):
    found = re.search('<(.*)>', str(function))
    return found.group(1) if found else str(function)


class ListTasks(gdb.Command):
    """tasks: all tasks"""

    def __init__(self):
        super().__init__('tasks', gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        words(argument, 'tasks')
        head = gdb.parse_and_eval('task_list')
        for task in each_entry(head, 'struct task', 'all_entry'):
            print('%5d  cpu %d  %s%s' %
                  (int(task['pid']), int(task['cpu']),
                   task['name'].string(),
                   '  running' if task['on_cpu'] else ''))


for command in (ListMm, ListVmas, ShowPte, ListSubs, ListTasks):
    command()

gdb.execute('set pagination off')
waits = os.environ.get('CONCORD_GDB', '127.0.0.1:1234')
try:
    gdb.execute('target remote ' + waits)
except gdb.error as error:
    print('not connected (%s); `target remote %s` when QEMU waits' %
          (error, waits))
