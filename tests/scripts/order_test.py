#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Calls upwards, in small kernels that are compiled for it. TAP."""

import os
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'scripts'))
sys.dont_write_bytecode = True

import order  # noqa: E402
import tap  # noqa: E402
from tap import equal  # noqa: E402

# A kernel without a fault: a trap reaches the scheduler by a hook.
SOURCES = {
    'arch/x86_64/trap.c': 'void upcall_tick(void); void trap(void) { upcall_tick(); }',
    'kernel/sched/sched.c': 'void trap(void); extern int level;\n'
                            'void upcall_tick(void) { level++; trap(); }',
    'lib/level.c': 'int level;',
}
HEADERS = {'include/arch/upcall.h': 'void upcall_tick(void);'}
HOOKS = '| hook | declared in | defined by | why |\n|---|---|---|---|\n'
TICK = '| `upcall_tick()` | `include/arch/upcall.h` | `kernel/sched/sched.c` | time |\n'


def symbols(sources):
    """What the sources use and define, when compiled."""
    objects = {}
    with tempfile.TemporaryDirectory() as place:
        for number, (path, text) in enumerate(sorted(sources.items())):
            made = os.path.join(place, '%d.o' % number)
            subprocess.run([os.environ.get('HOSTCC') or 'gcc', '-fno-pic', '-xc',
                            '-', '-c', '-o', made], input=text.encode(), check=True)
            objects[made] = path
        return order.symbols_of(objects)


def judged(sources=(), table=TICK, headers=()):
    """What is wrong with the kernel above and more, or other, sources."""
    hooks, wrong = order.listed_hooks(HOOKS + table)
    return wrong + order.judge(*symbols(dict(SOURCES, **dict(sources))), hooks,
                               dict(HEADERS, **dict(headers)).get)


def test_a_hook_is_no_fault():
    return equal(judged(), [])


def test_a_call_upwards_is_named():
    return equal(judged({'lib/panic.c': 'void trace(void);\n'
                                        'void panic(void) { trace(); }',
                         'kernel/trace.c': 'void trace(void) { }'}),
                 ['lib/panic.c uses trace of kernel/trace.c, which is above '
                  'arch, lib'])


def test_a_variable_of_a_higher_layer_is_named():
    return equal(judged({'mm/alloc/slab.c': 'extern int epoch; '
                                            'int stamp(void) { return epoch; }',
                         'mm/page/page.c': 'int epoch;'}),
                 ['mm/alloc/slab.c uses epoch of mm/page/page.c, which is above '
                  'mm/alloc'])


def test_a_call_by_an_inline_function_of_a_header_is_named():
    inline = 'void slow(void); static inline void quick(void) { slow(); }\n'
    return equal(judged({'kernel/lock/spin.c': inline + 'void f(void) { quick(); }',
                         'kernel/sched/mutex.c': 'void slow(void) { }'}),
                 ['kernel/lock/spin.c uses slow of kernel/sched/mutex.c, which is '
                  'above kernel/lock'])


def test_layers_are_in_the_order_of_the_architecture():
    paths = ('lib/a.c', 'kernel/lock/a.c', 'include/mm/alloc/a.h', 'kernel/a.c',
             'block/a.c', 'mm/page/init.c', 'drivers/pci/a.c', 'tests/mm/alloc/a.c')
    return equal([order.layer_of(path) for path in paths], list(range(8))) or \
        equal(order.layer_of('arch/x86_64/a.c'), order.layer_of('include/lib/a.h'))


def test_a_call_downwards_or_within_a_layer_is_no_fault():
    return equal(judged({'mm/fault/fault.c': 'void f(void) { }',
                         'mm/page/page.c': 'void f(void); void trap(void);\n'
                                           'void g(void) { f(); trap(); }'}), [])


def test_a_hook_that_no_lower_layer_uses_is_named():
    return equal(judged({'arch/x86_64/trap.c': 'void trap(void) { }'}),
                 ['docs/hooks.md: upcall_tick: no lower layer uses it'])


def test_a_hook_without_a_declaration_in_its_header_is_named():
    return equal(judged(headers={'include/arch/upcall.h': '/* upcall_tick() */'}),
                 ['docs/hooks.md: upcall_tick: include/arch/upcall.h does not '
                  'declare it'])


def test_a_hook_whose_header_is_gone_is_named():
    return equal(judged(headers={'include/arch/upcall.h': None}),
                 ['docs/hooks.md: upcall_tick: include/arch/upcall.h does not '
                  'declare it'])


def test_a_hook_that_a_higher_layer_declares_is_named():
    header = 'include/kernel/sched/sched.h'
    return equal(judged(table=TICK.replace('include/arch/upcall.h', header),
                        headers={header: HEADERS['include/arch/upcall.h']}),
                 ['docs/hooks.md: upcall_tick: %s is above arch/x86_64/trap.c, '
                  'which uses it' % header])


def test_a_hook_that_another_file_defines_is_named():
    return equal(judged(table=TICK.replace('kernel/sched/sched.c', 'kernel/timer.c')),
                 ['docs/hooks.md: upcall_tick: kernel/sched/sched.c defines it'])


def test_a_hook_without_a_reason_and_one_listed_twice_are_named():
    return equal(judged(table=TICK + TICK.replace(' time ', ' ')),
                 ['upcall_tick is listed twice', 'upcall_tick has no reason'])


def test_an_include_of_a_higher_layers_header_is_named():
    text = '#include <mm/page/page.h>\n#include <lib/list.h>\n'
    return equal(order.judge_includes({'mm/alloc/slab.c': text, 'mm/page/init.c': text},
                                      set()),
                 ['mm/alloc/slab.c includes <mm/page/page.h>, which is above mm/alloc'])


def test_a_listed_header_may_be_included_and_must_be():
    listed = order.listed_headers('| header | why |\n|---|---|\n'
                                  '| `include/mm/page/page.h` | a struct |\n')
    text = '#include <mm/page/page.h>\n'
    return equal(order.judge_includes({'mm/alloc/slab.c': text}, listed), []) or \
        equal(order.judge_includes({'mm/page/init.c': text}, listed),
              ['docs/hooks.md: <mm/page/page.h>: no lower layer includes it'])


def test_a_file_without_a_layer_is_named():
    return equal(judged({'net/queue.c': 'int queued;'}),
                 ['net/queue.c is in no layer'])


def test_files_of_the_allocators_that_use_each_other_are_named():
    return equal(judged({'mm/alloc/a.c': 'void b(void); void a(void) { b(); }',
                         'mm/alloc/b.c': 'void c(void); void b(void) { c(); }',
                         'mm/alloc/c.c': 'void a(void); void c(void) { a(); }',
                         'mm/alloc/d.c': 'void a(void); void d(void) { a(); }'}),
                 ['mm/alloc/a.c, mm/alloc/b.c, mm/alloc/c.c use each other'])


if __name__ == '__main__':
    sys.exit(tap.main('order', globals()))
