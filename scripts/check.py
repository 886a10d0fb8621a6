#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check - everything about the tree that can be judged without booting it

    scripts/check.py [NAME...]      all checks, or those named
    scripts/check.py --list         their names, and what each is

Each function called check_NAME, below or in documents.py, is one check; it returns
a list of what is wrong, one line each.  Closes with `N passed, N failed, N skipped`.
"""

import concurrent.futures
import importlib
import os
import re
import sys
import time

import documents
import order
from tree import TOP, asked_of_make, files, run, text_of

JOBS = os.cpu_count() or 2

KERNEL_ROOMS = ('arch/', 'lib/', 'kernel/', 'mm/', 'drivers/', 'demo/', 'bench/',
                'tests/ktest/', 'tests/lib/', 'tests/kernel/', 'tests/mm/', 'tests/arch/',
                'tests/drivers/', 'tests/demo/', 'tests/panic/')
HOST_ROOMS = ('bench/host/', 'bench/index/')
HEADER_ROOMS = ('include/', 'arch/x86_64/include/')
BASE_FLAGS = ['-std=gnu11', '-O2', '-ffreestanding', '-fno-pic', '-fno-pie',
              '-mcmodel=kernel', '-mno-red-zone', '-mgeneral-regs-only',
              '-fno-strict-aliasing', '-Iinclude', '-Iarch/x86_64/include',
              '-iquote', '.']
WARNINGS = ['-Wall', '-Wextra', '-Wno-unused-parameter', '-Wshadow', '-Werror']


def each(items, judge):
    """judge() every item on all CPUs; the complaints in order."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return [said for result in pool.map(judge, items) for said in result]


def defines(config):
    return ['-DCONFIG_%s=1' % option
            for option in asked_of_make('options', config)]


def kernel_sources():
    return [f for f in files('*.c') if f.startswith(KERNEL_ROOMS)
            and not f.startswith(HOST_ROOMS)]


def test_only(path):
    return path.startswith('tests/')


# ---- the text of the sources ------------------------------------------------

def check_format():
    """clang-format has nothing to change"""
    def judge(chunk):
        status, said = run(['clang-format', '--dry-run', '-Werror'] + chunk)
        return said.splitlines() if status else []
    sources = files('*.c', '*.h')
    return each([sources[i:i + 20] for i in range(0, len(sources), 20)],
                judge)


def check_heads():
    """line 1 is the licence; every .c opens with an essay"""
    wrong = []
    for path in files('*.c', '*.h', '*.asm'):
        lines = text_of(path).split('\n')
        if 'SPDX-License-Identifier: MIT' not in lines[0]:
            wrong.append('%s:1: no SPDX line' % path)
        if path.endswith('.c') and not lines[1].startswith('/*'):
            wrong.append('%s:2: no essay at the head' % path)
    return wrong


def check_unfinished():
    """no word that marks something as not done, no path of a machine"""
    # Nor the marks of a merge that was not finished.
    words = re.compile(r'\b(TODO|FIXME|XXX|HACK|WIP)\b|/(work|root)/|'
                       r'^(<{7}|>{7}) ')
    wrong = []
    for path in files('*.c', '*.h', '*.asm', '*.py', 'scripts/*', '*.md',
                      'Makefile', '*.mk', '.ci/*'):
        if path == 'scripts/check.py':
            continue
        for number, line in enumerate(text_of(path).split('\n'), 1):
            if words.search(line):
                wrong.append('%s:%d: %s' % (path, number, line.strip()))
    return wrong


# Places that the race detector is kept from; the number may only shrink.
NOT_WATCHED = 1


def check_watched():
    """nothing but the race detector itself is kept from the race detector"""
    kept = re.compile(r'^[^#]*\bRACE_CFLAGS =$|\bno_sanitize_thread\b|'
                      r'no_sanitize\("thread"\)')
    found = ['%s:%d: %s' % (path, number, line.strip())
             for path in files('*.c', '*.h', 'Makefile', '*.mk')
             for number, line in enumerate(text_of(path).split('\n'), 1)
             if kept.search(line)]
    return [] if len(found) == NOT_WATCHED else \
        ['%d places, %d are known' % (len(found), NOT_WATCHED)] + found


SLEEP_ITSELF_IS_TESTED = ('tests/kernel/sched/sched_test.c', 'tests/ktest/state.c')


def check_bodies():
    """kernel .c files: no #ifdef, no assembler outside arch/; tests: no sleeps, no CPU 1"""
    wrong = []
    branch = re.compile(r'^\s*#\s*(if|ifdef|ifndef|elif)\b')
    asm = re.compile(r'\b(__asm__|asm)\s*(volatile|__volatile__)?\s*\(')
    nap = re.compile(r'\b(msleep|mdelay|usleep)\s*\(')
    # With two CPUs online the second need not be number 1.
    bound = re.compile(r'kthread_(run_on\(|bind\(\w+, )[1-9]')
    for path in kernel_sources():
        for number, line in enumerate(text_of(path).split('\n'), 1):
            where = '%s:%d: ' % (path, number)
            if branch.match(line):
                wrong.append(where + 'a condition of the preprocessor')
            if asm.search(line) \
                    and not path.startswith(('arch/', 'tests/arch/')):
                wrong.append(where + 'assembler outside arch/')
            if nap.search(line) and test_only(path) \
                    and path not in SLEEP_ITSELF_IS_TESTED:
                wrong.append(where + 'a test sleeps; use a step')
            if bound.search(line):
                wrong.append(where + 'that CPU may be offline')
    return wrong


# ---- layers -----------------------------------------------------------------

# What the core that can be lifted asks another kernel for is found in these.
LIFTED_ENV = 'tests/host/lifted/include/'


def lifted_core():
    """The files of the core, and the headers that it may include."""
    core = asked_of_make('lifted-files')
    names = {path[len('include/'):] for path in core
             if path.startswith('include/')}
    names.update(path[len(LIFTED_ENV):]
                 for path in files(LIFTED_ENV + 'mm/notifier/*.h'))
    return core, {'<%s>' % name for name in names} | \
        {'"%s"' % os.path.basename(path) for path in core
         if path.startswith('mm/') and path.endswith('.h')} | \
        {'<stdbool.h>', '<stddef.h>', '<stdint.h>', '<stdarg.h>'} | \
        {'"reference/reference.h"'}  # where that option is on


def check_layering():
    """no call upwards but the hooks; the core names itself; <asm/> is the architecture's"""
    wrong = order.check()
    core, named_by_core = lifted_core()
    include = re.compile(r'^\s*#\s*include\s+(<[^>]+>|"[^"]+")', re.M)
    for path in files('*.c', '*.h'):
        text = text_of(path)
        for match in include.finditer(text):
            what = match.group(1)
            where = '%s:%d: %s ' % (path, text.count('\n', 0, match.start(1)) + 1,
                                    what)
            if path in core and what not in named_by_core:
                wrong.append(where + 'in the core that stands alone')
            if what.startswith('<asm/') and \
                    not path.startswith(('arch/', 'include/arch/', 'tests/arch/')):
                wrong.append(where + 'outside the architecture')
    return wrong


# Flush the CPUs and then tell the devices that walk the CPU's tables, in one
# place each: where somebody has subscribed to the mm and where nobody has.
FLUSHES_AND_TELLS = ('include/mm/table/tlb.h', 'mm/table/tlb.c')


# rules check.flushes: R2.9 R2.10
def check_flushes():
    """user translations are flushed where secondary TLBs are told, only there"""
    wrong = []
    # By the context: CPUs alone.  The kernel's own is nobody else's to walk.
    cpus_only = re.compile(r'\bflush_tlb_(?:range|mm|page)\s*\('
                           r'(?!\s*&init_mm_context\b)')
    for path in files('*.c', '*.h'):
        if not path.startswith(('kernel/', 'mm/', 'drivers/', 'demo/', 'bench/',
                                'include/')) \
                or path.startswith('include/arch/'):
            continue
        allowed = 1 if path in FLUSHES_AND_TELLS else 0
        for number, line in enumerate(text_of(path).split('\n'), 1):
            if not cpus_only.search(line):
                continue
            allowed -= 1
            if allowed < 0:
                wrong.append('%s:%d: %s: use flush_tlb_mm_range()' %
                             (path, number, line.strip()))
    return wrong


# The helpers themselves; the kernel's own tables, which no range is about.
ENTRY_STORES = ('include/mm/table/entry.h', 'mm/alloc/kernel_map.c')


# rules check.entries: R1.8 R1.10
def check_entries():
    """entries of users change where a debug build looks for their range, only there"""
    wrong = []
    raw = re.compile(r'\b(?:set_pte|ptep_xchg|ptep_get_and_clear|pmdp_xchg)\s*\(')
    for path in files('*.c', '*.h'):
        if not path.startswith(('kernel/', 'mm/', 'drivers/', 'demo/', 'bench/',
                                'include/')) \
                or path.startswith('include/arch/') or path in ENTRY_STORES:
            continue
        for number, line in enumerate(text_of(path).split('\n'), 1):
            if raw.search(line):
                wrong.append('%s:%d: %s: use mm/table/entry.h' %
                             (path, number, line.strip()))
    return wrong


# ---- compilers --------------------------------------------------------------

HOST_FLAGS = ['-std=gnu11', '-O2', '-D_GNU_SOURCE', '-pthread']
# Headers of what runs on the host, by room, the first that fits: found where.
HOST_HEADERS = (
    ('peer/', ['-Ipeer', '-Iinclude']),
    ('tests/peer/', ['-Itests/peer', '-Ipeer', '-Iinclude']),
    ('bench/host/', ['-Ibench/host', '-Iinclude/host', '-Iinclude']),
    ('bench/index/', ['-Iinclude/host', '-Iinclude', '-DBPLUS_WIDTH=8']),
    ('tests/host/lifted/template/', ['-Itests/host/lifted/template',
                                     '-Iinclude']),
    ('tests/host/lifted/', ['-Itests/host/lifted/include', '-Iinclude']),
    (('tests/host/', 'include/host/'), ['-Iinclude/host', '-Iinclude']),
    # The kernel's own headers, but for those that it replaces.
    ('tests/explore/', ['-ffreestanding', '-Itests/explore/include',
                        '-Itests/explore', '-Iinclude', '-Iarch/x86_64/include',
                        '-iquote', '.', '-DCONFIG_MMU_NOTIFIER=1']),
)


def private_headers(build_name):
    """Headers beside the sources that have them, of one kernel."""
    included = set()
    for path in asked_of_make('sources', build_name):
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text_of(path),
                               re.M):
            # From the top, or from the folder of the source.
            included.update((name, os.path.join(os.path.dirname(path), name)))
    return included


# rules check.headers: R6.1 R6.6
def check_headers():
    """every header compiles alone, first, in each kernel that has it"""
    compiler = os.environ.get('CC_ALONE', 'x86_64-linux-gnu-gcc')
    host_compiler = os.environ.get('HOSTCC', 'gcc')
    left = set(files('*.h'))

    def judge(job):
        path, where, command = job
        status, said = run(command + WARNINGS +
                           ['-Wno-unused-function', '-x', 'c', '-include',
                            path, '-fsyntax-only', '/dev/null'])
        return ['%s (%s): %s' % (path, where, line)
                for line in said.split('\n')
                if 'error' in line][:2] if status else []
    jobs = []
    for room, flags in HOST_HEADERS:
        jobs += [(h, 'host', [host_compiler] + HOST_FLAGS + flags)
                 for h in sorted(left) if h.startswith(room)]
        left = {h for h in left if not h.startswith(room)}
    seen = set()
    for config in asked_of_make('builds'):
        private = private_headers(config)
        command = [compiler] + BASE_FLAGS + defines(config)
        here = [h for h in sorted(left)
                if h.startswith(HEADER_ROOMS) or h in private]
        seen.update(here)
        jobs += [(h, config, command) for h in here]
    return ['%s: no kernel has it' % h for h in sorted(left - seen)] + \
        each(jobs, judge)


def check_wire():
    """the peer's wire header is C11 and C++11: any back end can include it"""
    def judge(language):
        status, said = run(['clang', '-Wall', '-Wextra', '-Werror'] +
                           language +
                           ['-fsyntax-only', 'include/uapi/peer_wire.h'])
        return said.splitlines()[:10] if status else []
    return each([['-x', 'c', '-std=c11', '-pedantic-errors'],
                 ['-x', 'c++', '-std=c++11', '-pedantic-errors',
                  '-Wno-c99-extensions']], judge)


def build(compiler, config):
    """Where what is booted is built, so that no step compiles these objects again."""
    status, said = run(['make', '-j%d' % JOBS, 'COMPILER=' + compiler,
                        'BUILD=' + config, 'objects'])
    return said.splitlines()[-30:] if status else []


def check_gcc():
    """both builds with gcc, all warnings"""
    return build('gcc', 'test') + build('gcc', 'release')


def check_clang():
    """both builds with clang, all warnings and -Wthread-safety"""
    return build('clang', 'test') + build('clang', 'release')


def check_sparse():
    """sparse finds nothing: address spaces, constants

    Contexts are clang's to follow: sparse does not see through a lock that is
    only tried.  Truncated casts are how a switch over sizeof() is written.
    """
    flags = {}
    # Each source as the first build that has it.
    for build_name in reversed(asked_of_make('builds')):
        flags.update(dict.fromkeys(asked_of_make('sources', build_name),
                                   defines(build_name)))

    def judge(path):
        # It knows no -iquote.
        _, said = run(['sparse', '-gcc-base-dir', gcc_base(), '-I.'] +
                      BASE_FLAGS[:-2] + flags[path] +
                      ['-Wno-decl', '-Wno-context', '-Wno-cast-truncate', path])
        return [line for line in said.split('\n')
                if re.search(r'(warning|error):', line)]
    return ['%s: no build has it' % path for path in kernel_sources()
            if path not in flags] + each(sorted(flags), judge)


def gcc_base():
    _, said = run(['gcc', '-print-file-name='])
    return said.strip()


def check_scripts():
    """scripts parse, shellcheck is content, interpreters are found by PATH"""
    wrong = []
    for path in files('scripts/*', '.ci/*', '*.py', 'tests/model/run',
                      'tests/explore/run',
                      'tests/host/lifted/*_test'):
        first = text_of(path).split('\n')[0]
        if first.startswith('#!') and \
                not first.startswith(('#!/usr/bin/env ', '#!/bin/sh')):
            wrong.append('%s:1: %s: use /usr/bin/env' % (path, first))
        if first.endswith('sh'):
            status, said = run(['shellcheck', '--format=gcc', path])
            wrong += said.splitlines() if status else []
            if re.search(r'\bcd ', text_of(path)) and \
                    'unset CDPATH' not in text_of(path):
                wrong.append('%s: cd obeys CDPATH: unset it' % path)
        elif 'python' in first or path.endswith('.py'):
            try:
                compile(text_of(path), path, 'exec')
            except SyntaxError as error:
                wrong.append('%s: %s' % (path, error))
    return wrong


def check_mutants():
    """each mutant of the pool fits in one place and has tests that exist, each mark fits"""
    sys.path.insert(1, os.path.join(TOP, 'scripts', 'mutate'))
    return importlib.import_module('pool').wrong() + \
        importlib.import_module('notes').stale()


def main(wanted):
    checks = [(name[len('check_'):], fn) for module in (globals(), vars(documents))
              for name, fn in module.items() if name.startswith('check_')]
    if '--list' in wanted:
        for name, fn in checks:
            print('%-12s %s' % (name, fn.__doc__.split('\n')[0]))
        return 0
    unknown = [name for name in wanted if name not in dict(checks)]
    if unknown:
        sys.exit('check: there is no check %s; there are: %s' %
                 (' '.join(unknown), ' '.join(name for name, _ in checks)))
    passed = failed = 0
    for name, fn in checks:
        if wanted and name not in wanted:
            continue
        title = fn.__doc__.split('\n')[0]
        started = time.time()
        wrong = fn()
        took = time.time() - started
        if wrong:
            failed += 1
            print('not ok %-12s %s (%.1f s)' % (name, title, took))
            for line in wrong[:60]:
                print('    ' + line)
            if len(wrong) > 60:
                print('    and %d more' % (len(wrong) - 60))
        else:
            passed += 1
            print('ok     %-12s %s (%.1f s)' % (name, title, took))
        sys.stdout.flush()
    print('%d passed, %d failed, 0 skipped' % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
