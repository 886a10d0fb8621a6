# SPDX-License-Identifier: MIT
"""documents - do the documents say what is true of the tree?

Checks of scripts/check.py, like those in that file: paths, functions, tests and
commands that documents mention, and the lists that stand in a document and in
the code as well.
"""

import os
import re

import faults
import rules
from tree import TOP, asked_of_make, files, run, text_of


def check_spelling():
    """codespell knows every word"""
    sources = [f for f in files() if not f.endswith(('.csv', 'LICENSE'))]
    status, said = run(['codespell', '-q', '3', '-L',
                        'inout,hist,fo,ro,nd,te,ot,writen,ist,upto'] + sources)
    return said.splitlines() if status else []


def code_words():
    words = set()
    for path in files('*.c', '*.h', '*.asm', '*.py', '*.ld', 'Makefile',
                      '*.mk', 'scripts/*'):
        words.update(re.findall(r'[A-Za-z_][A-Za-z0-9_]*', text_of(path)))
    return words


def models_speak_of(words):
    """name() in the comments of a model is a function of the code, or its own."""
    wrong = []
    for path in files('tests/model/*.pml', 'tests/model/litmus/*.litmus'):
        model = text_of(path)
        own = set(re.findall(r'^\s*(?:inline|proctype|active proctype|'
                             r'#define)\s+(\w+)', model, re.M))
        for comment in re.finditer(r'[/(]\*.*?\*[/)]', model, re.S):
            for call in re.finditer(r'\b([A-Za-z_]\w*)\(\)', comment.group()):
                name = call.group(1)
                if name in words or name in own:
                    continue
                # `x_start() and _end()': how another one ends.
                if not re.match(r'_[a-z]', name) or \
                        not any(word.endswith(name) for word in words):
                    at = comment.start() + call.start()
                    wrong.append('%s:%d: no function %s' %
                                 (path, model.count('\n', 0, at) + 1, name))
    return wrong


# In the head of a litmus test: a source, and its functions and fields.
SOURCE = re.compile(r'([\w/]+\.[ch]): ')
SAID = re.compile(r'(?:[^;()]|\(\))*')


def litmus_tests_speak_of_sources():
    """Each names the code that it is about, which has what it names, and names it."""
    wrong = []
    paths = files('tests/model/litmus/*.litmus')
    names = {os.path.basename(path)[:-len('.litmus')]: path for path in paths}
    cited = set(re.findall(r'\blitmus\.(\w+)', ''.join(
        text_of(path) for path in files('*.c', '*.h'))))
    for name, path in names.items():
        head = re.sub(r'\s+\*?\s*', ' ', text_of(path).split('*)')[0])
        parts = SOURCE.split(head)
        about = list(zip(parts[1::2], parts[2::2]))
        # The same without a barrier: x_relaxed of x.
        if not about and not any(name.startswith(other + '_')
                                 for other in names):
            wrong.append(path + ': names no source')
        if about and name not in cited:
            wrong.append('%s: no source names litmus.%s' % (path, name))
        for source, said in about:
            if not files(source):
                wrong.append('%s: no file %s' % (path, source))
                continue
            words = set(re.findall(r'\w+', text_of(source)))
            wrong += ['%s: %s has no %s' % (path, source, word)
                      for word in re.findall(r'\w+(?=\(\))|\w*_\w*',
                                             SAID.match(said).group())
                      if word not in words]
    return wrong


def check_documents():
    """paths, functions and tests that documents and models mention exist"""
    wrong = []
    words = code_words()
    names = rules.test_names()
    suites = {name.split('.')[0] for name in names}
    roots = tuple(sorted({f.split('/')[0] + '/' for f in files()
                          if '/' in f}))
    for path in files('*.md'):
        prose = text_of(path)
        for number, line in enumerate(prose.split('\n'), 1):
            where = '%s:%d: ' % (path, number)
            for quoted in re.findall(r'`([^`]+)`', line):
                wrong += [where + said for said in
                          judge_quoted(quoted, words, names, suites, roots)]
            for target in re.findall(r'\]\(([^)#\s]+)(?:#[^)]*)?\)', line):
                if '://' in target:
                    continue
                base = os.path.dirname(path)
                if not os.path.exists(os.path.join(TOP, base, target)):
                    wrong.append(where + 'no file ' + target)
    return wrong + models_speak_of(words) + litmus_tests_speak_of_sources() + \
        faults.wrong_entries()


def judge_quoted(quoted, words, names, suites, roots):
    """One `quoted` piece of a document."""
    wrong = []
    call = re.match(r'^(\w+)\(', quoted)
    test = re.match(r'^(\w+)\.(\w+)$', quoted)
    path = quoted.split(':')[0].split(' ')[0]
    if call and call.group(1) not in words:
        wrong.append('no function ' + call.group(1))
    elif path.startswith(roots) and '*' not in path and '<' not in path \
            and not path.startswith('build/'):
        if not os.path.exists(os.path.join(TOP, path)):
            wrong.append('no file ' + path)
    elif test and test.group(1) in suites and quoted not in names \
            and test.group(2) not in ('c', 'h', 'py', 'md', 'lock'):
        wrong.append('no test ' + quoted)
    return wrong


def check_rules():
    """docs/semantics.md has every rule of sections 1 to 6, and its table is true"""
    return rules.check()


def check_locking():
    """docs/locking.md and the test of the learned order list the same"""
    table = re.findall(r'^\| `([^`]+)` \|', text_of('docs/locking.md'), re.M)
    test = text_of('tests/kernel/lock/zz_locking_test.c')
    body = test.split('order[] = {')[1].split('};')[0]
    listed = re.findall(r'"([^"]+)"', body)
    return [] if table == listed else [
        'docs/locking.md and tests/kernel/lock/zz_locking_test.c differ']


def defined_names(source):
    """What a header of primitives defines: macros, structs, fields, functions."""
    source = re.sub(r'/\*.*?\*/', '', source, flags=re.S)
    names = set(re.findall(r'^#\s*define\s+(\w+)', source, re.M))
    names.update(re.findall(r'^(?:static inline |extern )?[\w ]+[ *](\w+)\(',
                            source, re.M))
    for tag, body in re.findall(r'^struct (\w+) \{\n(.*?)^\}', source,
                                re.M | re.S):
        names.add(tag)
        if tag in ('mm_struct', 'vm_area_struct'):
            names.update(re.findall(r'(\w+)(?:\[\w+\])?;', body))
    return {name for name in names
            if not re.match(r'tiny_|TINY_|LIFTED_', name)}


def judge_number(prose, words, real, off):
    """docs/lifting.md says a number once, at most `off` from the real one."""
    said = [int(number) for number in re.findall(words, prose)]
    if len(said) == 1 and abs(said[0] - real) <= off:
        return []
    return ['docs/lifting.md: %s: it is %d' % (words, real)]


def check_lifting():
    """docs/lifting.md lists the core, its primitives and the example as they are"""
    prose = text_of('docs/lifting.md')
    taken = prose.split('## What to take')[1].split('## What to give')[0]
    given = prose.split('## What to give')[1].split('## What to call')[0]
    copied = asked_of_make('lifted-files')
    listed = set(re.findall(r'`((?:mm|include)/[\w/.]+)`', taken))
    wrong = ['docs/lifting.md: what to take: ' + name
             for name in listed ^ set(copied)]
    source = text_of('tests/host/lifted/include/tiny.h')
    table = {name for row in re.findall(r'^\| (`.*?) \|', given, re.M)
             for name in re.findall(r'`(\w+)`', row)}
    wrong += ['docs/lifting.md: what to give: ' + name
              for name in table ^ defined_names(source)]
    template = text_of('tests/host/lifted/template/notifier_template.h') + \
        text_of('include/mm/notifier/atomics.h')
    wrong += ['docs/lifting.md: the template lacks ' + name
              for name in table - set(re.findall(r'\w+', template))]
    own = r'_*(mmu|mm|nr_mmu|notifier|interval_tree)_'
    wrong += ['%s: %s is not a name of the notifiers' % (path, name)
              for path in copied if path.startswith('include/')
              and not path.endswith(('language.h', 'atomics.h'))
              for name in re.findall(r'^\s*#\s*define\s+(\w+)', text_of(path),
                                     re.M) if not re.match(own, name.lower())]
    core = set(re.findall(r'\w+', ''.join(text_of(f) for f in copied)))
    wrong += ['docs/lifting.md: the core does without ' + name
              for name in table - core]
    lines = sum(text_of('tests/host/lifted/' + f).count('\n')
                for f in ('include/tiny.h', 'kernel.c', 'tiny.c', 'tiny_test.h'))
    wrong += judge_number(prose, r'(\d+)\s+names', len(table), 0)
    wrong += judge_number(prose, r'some (\d+) lines', lines, 50)
    example = ' '.join((source + text_of('tests/host/lifted/kernel.c')).split())
    wrong += ['docs/lifting.md: not in the example: ' + code.split('\n')[0]
              for code in re.findall(r'^```c\n(.*?)^```', prose, re.M | re.S)
              if ' '.join(code.split()) not in example]
    return wrong


def check_commands():
    """`make TARGET` in the documents names a target, VARIABLE= a variable"""
    wrong = []
    makefile = text_of('Makefile') + ''.join(text_of(f) for f in files('*.mk'))
    targets = set(re.findall(r'^([\w.-]+):', makefile, re.M))
    scripts = makefile + text_of('scripts/run-qemu') + \
        text_of('scripts/run-tests.py')
    for path in files('*.md'):
        for number, line in enumerate(text_of(path).split('\n'), 1):
            for command in re.findall(r'(?:^|`|&& |\$ )make((?: [^`#&|]*)?)',
                                      line):
                if not line.startswith(('make', '    make', '\tmake', '$ ')) \
                        and '`make' not in line:
                    continue
                for word in command.split():
                    where = '%s:%d: ' % (path, number)
                    if '=' in word:
                        name = word.split('=')[0]
                        if not re.search(r'\b%s\b' % re.escape(name), scripts):
                            wrong.append(where + 'no variable ' + name)
                    elif re.match(r'^[a-z][\w.-]*\w$', word):
                        if word not in targets:
                            wrong.append(where + 'no target ' + word)
                    else:
                        break
    return wrong
