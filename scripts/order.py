#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""order - does each layer of the kernel use only itself and the layers below?

    scripts/order.py            what is wrong, for `make check`
    scripts/order.py --calls    every call upwards, and the files that make it

LAYERS says which folder belongs to which layer, lowest first. The objects of two
builds say what each file defines and uses, functions and data alike, and so also what
inline functions of headers do. A symbol that a higher layer defines is a call upwards;
docs/hooks.md lists those that there may be, and why. It also lists the headers of a
higher layer that a lower one includes, for a struct.

In a folder of ONE_WAY no two files use each other, over other files neither.
"""

import collections
import os
import re
import subprocess
import sys

from tree import TOP, asked_of_make, files, run, text_of

# Folders of one layer may use each other.
LAYERS = (
    ('arch', 'lib'),
    ('kernel/lock',),
    ('mm/alloc',),
    ('kernel',),
    ('block',),
    ('mm',),
    ('drivers',),
    ('demo', 'bench', 'tests'),
)
ONE_WAY = ('mm/alloc',)
BUILDS = ('test', 'release')
HOOKS = 'docs/hooks.md'
NM = os.environ.get('NM') or 'nm'

Hook = collections.namedtuple('Hook', 'header source')


def layer_of(path):
    """The number of a source's or header's layer, from 0; None: it has none."""
    path = re.sub(r'^include/', '', path)
    fits = [(len(folder), number) for number, folders in enumerate(LAYERS)
            for folder in folders if path.startswith(folder + '/')]
    return max(fits)[1] if fits else None


def layer_name(path):
    return ', '.join(LAYERS[layer_of(path)])


def listed_hooks(text):
    """{symbol: Hook} of the table of docs/hooks.md, and what is wrong with it."""
    hooks, wrong = {}, []
    for symbol, header, source, why in re.findall(
            r'^\| `(\w+)(?:\(\))?` \| `([^`]+)` \| `([^`]+)` \| (.*?) ?\|$', text,
            re.M):
        if symbol in hooks:
            wrong.append('%s is listed twice' % symbol)
        if not why:
            wrong.append('%s has no reason' % symbol)
        hooks[symbol] = Hook(header, source)
    return hooks, wrong


def listed_headers(text):
    """The headers of the other table of docs/hooks.md."""
    return set(re.findall(r'^\| `include/([\w/]+\.h)` \| .*\|$', text, re.M))


def symbols_of(objects):
    """({source: symbols it uses}, {symbol: source that defines it}).

    objects: {object file: its source}
    """
    uses, defines = collections.defaultdict(set), {}
    listing = subprocess.run([NM, '-A', '-P', '-g'] + sorted(objects), check=True,
                             stdout=subprocess.PIPE).stdout.decode()
    for line in listing.splitlines():
        path, symbol, kind = line.split()[:3]
        source = objects[path.rstrip(':')]
        if kind in 'Uwv':
            uses[source].add(symbol)
        else:
            defines[symbol] = source
    return uses, defines


def calls_upwards(uses, defines):
    """{symbol: {source that uses it}}, for those that a higher layer defines."""
    calls = collections.defaultdict(set)
    for source, symbols in uses.items():
        for symbol in symbols:
            definer = defines.get(symbol)
            if definer and layer_of(source) < layer_of(definer):
                calls[symbol].add(source)
    return calls


def circle_of(uses, defines, folder):
    """The files of a folder that lead back to themselves, or lie between such."""
    lead_to = {source: {defines.get(symbol) for symbol in symbols} - {source}
               for source, symbols in uses.items()
               if source.startswith(folder + '/')}
    while True:
        # A file that uses no file that is left, or that none uses, is in no circle.
        left = set(lead_to) & set().union(*lead_to.values(), ())
        kept = {source: to & left for source, to in lead_to.items()
                if source in left and to & left}
        if kept == lead_to:
            return sorted(kept)
        lead_to = kept


def is_declared(symbol, text):
    """Does a header name the symbol outside of its comments?"""
    return re.search(r'\b%s\b' % symbol,
                     re.sub(r'/\*.*?\*/|//[^\n]*', '', text, flags=re.S))


def judge(uses, defines, hooks, text):
    """What is wrong with a kernel; text(path): that of a header, None: no file."""
    stray = sorted(source for source in set(uses) | set(defines.values())
                   if layer_of(source) is None)
    if stray:
        return ['%s is in no layer' % source for source in stray]
    calls = calls_upwards(uses, defines)
    wrong = ['%s uses %s of %s, which is above %s' %
             (source, symbol, defines[symbol], layer_name(source))
             for symbol in sorted(set(calls) - set(hooks))
             for source in sorted(calls[symbol])]
    for symbol, hook in sorted(hooks.items()):
        if symbol not in calls:
            wrong.append('%s: %s: no lower layer uses it' % (HOOKS, symbol))
            continue
        if defines[symbol] != hook.source:
            wrong.append('%s: %s: %s defines it' % (HOOKS, symbol, defines[symbol]))
        declared = text(hook.header)
        if declared is None or not is_declared(symbol, declared):
            wrong.append('%s: %s: %s does not declare it' %
                         (HOOKS, symbol, hook.header))
        elif layer_of(hook.header) is None or \
                layer_of(hook.header) > min(map(layer_of, calls[symbol])):
            wrong.append('%s: %s: %s is above %s, which uses it' %
                         (HOOKS, symbol, hook.header, min(calls[symbol], key=layer_of)))
    for folder in ONE_WAY:
        circle = circle_of(uses, defines, folder)
        if circle:
            wrong.append('%s use each other' % ', '.join(circle))
    return wrong


def judge_includes(texts, listed):
    """What is wrong with the includes of {source or header: its text}."""
    wrong, seen = [], set()
    for path, text in sorted(texts.items()):
        for header in re.findall(r'^\s*#\s*include\s+<([^>]+)>', text, re.M):
            theirs = layer_of('include/' + header)
            if theirs is None or theirs <= layer_of(path):
                continue
            seen.add(header)
            if header not in listed:
                wrong.append('%s includes <%s>, which is above %s' %
                             (path, header, layer_name(path)))
    return wrong + ['%s: <%s>: no lower layer includes it' % (HOOKS, header)
                    for header in sorted(listed - seen)]


def built(build):
    """{object: source} of a build of this tree, made if it is not there."""
    status, said = run(['make', '-s', 'BUILD=' + build, 'objects'])
    if status:
        sys.exit('make objects: %s' % said)
    place = os.path.join(TOP, 'build', build)
    objects = {os.path.join(place, source[:-len('c')] + 'o'): source
               for source in asked_of_make('sources', build)}
    objects.update((os.path.join(place, source + '.o'), source)
                   for source in files('*.asm'))
    return objects


def kernel():
    """What the builds use and define, in one."""
    uses, defines = collections.defaultdict(set), {}
    for build in BUILDS:
        its_uses, its_defines = symbols_of(built(build))
        defines.update(its_defines)
        for source, symbols in its_uses.items():
            uses[source] |= symbols
    return uses, defines


def check():
    """The complaints of `scripts/check.py layering`."""
    table = text_of(HOOKS)
    hooks, wrong = listed_hooks(table)
    return ['%s: %s' % (HOOKS, said) for said in wrong] + \
        judge(*kernel(), hooks, lambda path: text_of(path) if
              os.path.exists(os.path.join(TOP, path)) else None) + \
        judge_includes({path: text_of(path) for path in files('*.c', '*.h')
                        if layer_of(path) is not None}, listed_headers(table))


def main(arguments):
    if arguments == ['--calls']:
        for symbol, sources in sorted(calls_upwards(*kernel()).items()):
            print('%s: %s' % (symbol, ' '.join(sorted(sources))))
        return 0
    if arguments:
        sys.exit(__doc__)
    wrong = check()
    print('\n'.join(wrong) if wrong else 'no call upwards but the hooks')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
