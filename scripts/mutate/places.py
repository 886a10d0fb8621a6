# SPDX-License-Identifier: MIT
"""places - where a file can be mutated, and how

    operator    mutation
    compare     < and <=, > and >=, == and != change places
    constant    a number is one more, or one less
    negate      a condition, or an operand of && or ||, is the opposite
    logic       && becomes ||, and the reverse
    value       a function returns another value: 0, an error, NULL, the opposite
    return      an early return, break, continue or goto is dropped
    lock        a lock is not taken; or taken and dropped nowhere in the function
    unlock      a lock is not dropped
    wake        a wake-up is dropped
    flush       a flush is dropped
    barrier     a barrier is dropped
    order       an acquire or a release is a plain access
    call        any other call whose value nobody uses is dropped
    assign      an assignment is dropped
    swap        two neighbouring statements change places

Left out: the arguments of messages, trace records and assertions, because nothing
depends on them in a kernel that is right; and the place of an annotation as might_sleep(). Two statements are swapped only if both
call something, or if the second mentions the variable that the first sets: the order
of the others means nothing.
"""

import re

import source

QUIET = re.compile(r'^(pr_\w+|printk|TRACE\w*|OBSERVE\w*|ASSERT\w*|WARN\w*|BUG_ON|BUILD_BUG\w*|'
                   r'static_assert|lockdep_assert\w*|mmap_assert\w*|panic|'
                   r'notifier_report_\w+|ktest_\w+|\w*_printf)$')
# They look at what is held, and report: where they stand means little.
ANNOTATION = re.compile(r'^(might_\w+|\w+_might_\w+)$')
CLASSES = (('barrier', r'^(smp_mb\w*|smp_rmb|smp_wmb|barrier|mb|rmb|wmb|fence\w*)$'),
           ('flush', r'flush|^tlb_\w*(finish|gather_mmu)|invlpg'),
           ('unlock', r'unlock|non_block_end|_enable$'),
           ('lock', r'(^|_)(lock|spin_lock\w*|mutex_lock\w*|lock_page\w*|\w*_lock'
                    r'|lock_\w+)$|non_block_start|_disable$'),
           ('wake', r'wake|^complete(_all)?$|signal'))
COMPARE = {'<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '=='}
LOGIC = {'&&': '||', '||': '&&'}
PLAIN = (('smp_load_acquire', 'READ_ONCE(*(%s))'),
         ('smp_store_release', 'WRITE_ONCE(*(%s), %s)'),
         ('atomic_read_acquire', 'atomic_read(%s)'),
         ('atomic64_read_acquire', 'atomic64_read(%s)'))
WRAPPERS = ('likely', 'unlikely')


class Mutant:
    """One mutation of one file.

    form        how a schema says it:
                expression  edits[0] takes the place of an expression
                statement   edits[0] takes the place of a statement
                drop        each edit is a statement that is left out
                swap        edits[0] is two statements, second begins at `middle`
                alone       by no condition at run time
    edits       [(start, end, new text)], which make the mutated source
    """

    def __init__(self, operator, form, edits, function='', **more):
        self.operator, self.form, self.edits = operator, form, edits
        self.function = function
        self.asked = False          # of an expression: only true or false counts
        self.middle = 0
        self.__dict__.update(more)
        self.number = 0             # in a schema

    def apply(self, text):
        """The mutated source; no line moves, so that __LINE__ stays."""
        for start, end, new in sorted(self.edits, reverse=True):
            lost = text.count('\n', start, end) - new.count('\n')
            text = text[:start] + new + '\n' * max(lost, 0) + text[end:]
        return text

    def line(self, text):
        return text.count('\n', 0, self.edits[0][0]) + 1

    def key(self, text):
        """Old and new lines, the same wherever the lines are in the file."""
        start, end = self.edits[0][0], self.edits[-1][1]
        first = text.rfind('\n', 0, start) + 1
        last = text.find('\n', end)
        old = text[first:last if last >= 0 else len(text)]
        new = old
        for at, to, by in sorted(self.edits, reverse=True):
            new = new[:at - first] + by + new[to - first:]
        return old, new


class Places:
    """The mutants of one source."""

    def __init__(self, text):
        self.text = text
        self.found = []
        self.functions = source.functions(text)
        for function in self.functions:
            self.function = function
            self.in_statement(function.body, None)
            self.lock_pairs(function.body)
        self.outside()
        self.found = self.distinct()

    def of(self, node):
        return self.text[node.start:node.end]

    def add(self, operator, form, edits, **more):
        self.found.append(Mutant(operator, form, edits, self.function.name,
                                 **more))

    def distinct(self):
        """In the order of the text, none twice."""
        seen = {tuple(m.edits): m for m in reversed(self.found)}
        return sorted(seen.values(), key=lambda m: (m.edits, m.operator))

    # ---- statements ------------------------------------------------------------

    def in_statement(self, node, last):
        if node.kind == 'block':
            for number, part in enumerate(node.parts):
                if number + 1 < len(node.parts):
                    self.swap(part, node.parts[number + 1])
                self.in_statement(part, number + 1 == len(node.parts) and
                                  node is self.function.body)
            return
        if node.kind == 'expression':
            self.drop(node)
        elif node.kind == 'jump':
            self.add('return', 'drop', [(node.start, node.end, ';')])
        elif node.kind == 'return':
            if not last:
                self.add('return', 'drop', [(node.start, node.end, ';')])
            if node.parts:
                self.value(node.parts[0])
        for part in node.parts:
            if part.kind in STATEMENTS:
                self.in_statement(part, False)
            else:
                if node.kind != 'switch' and getattr(part, 'asked', False):
                    self.negate(part)
                self.in_expression(part)

    def drop(self, node):
        """A statement that only calls or only sets something is left out."""
        inner = node.parts[0]
        while inner.kind in ('cast', 'paren'):
            inner = inner.parts[0]
        edit = [(node.start, node.end, ';')]
        if inner.kind == 'call':
            if inner is node.parts[0]:
                self.plain(inner, 'statement')
            if not QUIET.match(inner.name):
                self.add(class_of(inner.name), 'drop', edit)
        elif inner.kind in ('assign', 'postfix', 'unary'):
            self.add('assign', 'drop', edit)

    def lock_pairs(self, body):
        """A lock that the function neither takes nor drops."""
        taken = {}
        for node in body.every():
            if node.kind == 'expression' and node.parts[0].kind == 'call' and \
                    class_of(node.parts[0].name) in ('lock', 'unlock'):
                call = node.parts[0]
                of = self.of(call.parts[0]) if call.parts else ''
                taken.setdefault(of, []).append((class_of(call.name), node))
        for calls in taken.values():
            if {kind for kind, _ in calls} == {'lock', 'unlock'}:
                self.add('lock', 'drop', [(node.start, node.end, ';')
                                          for _, node in calls])

    def swap(self, first, second):
        if first.kind != 'expression' or \
                second.kind not in ('expression', 'if', 'loop') or \
                not self.depend(first, second):
            return
        between = self.text[first.end:second.start]
        new = self.of(second) + between + self.of(first)
        self.add('swap', 'swap', [(first.start, second.end, new)],
                 middle=second.start, first_end=first.end)

    def depend(self, first, second):
        calls = [[n.name for n in node.every() if n.kind == 'call']
                 for node in (first, second)]
        if any(pattern.match(name) for names in calls for name in names[:1]
               for pattern in (QUIET, ANNOTATION)):
            return False
        if all(calls):
            return True
        inner = first.parts[0]
        if inner.kind not in ('assign', 'postfix', 'unary'):
            return False
        target = re.findall(r'\w+', self.of(inner.parts[0]))[-1]
        return bool(re.search(r'\b%s\b' % target, self.of(second)))

    # ---- expressions -------------------------------------------------------------

    def expression(self, operator, node, new, **more):
        self.add(operator, 'expression', [(node.start, node.end, new)], **more)

    def value(self, node):
        """Another value of the right kind for a return."""
        result, text = self.function.result, self.of(node)
        if result == 'bool':
            self.negate(node, 'value')
        elif '*' in result:
            if text != 'NULL':
                self.expression('value', node, 'NULL')
        elif result.endswith(('pte_t', 'entry_t')) or 'struct' in result:
            return
        elif text != '0':
            self.expression('value', node, '0')
        else:
            self.expression('value', node, '-5' if result in ('int', 'long')
                            else '1')

    def negate(self, node, operator='negate'):
        if node.kind == 'binary' and (node.sign in ('==', '!=') or by_option(node)):
            return
        text = self.of(node)
        if text in ('true', 'false'):
            new = 'false' if text == 'true' else 'true'
        elif node.kind == 'call' and node.name == 'IS_ENABLED':
            new = '0'       # on the host it is 0, and what it guards is not there
        elif node.kind == 'unary' and node.sign == '!':
            new = self.of(node.parts[0])
        else:
            new = '!(%s)' % text
        self.expression(operator, node, new, asked=True)

    def in_expression(self, node):
        if node.kind == 'call' and QUIET.match(node.name):
            return
        if node.kind == 'binary':
            self.binary(node)
        elif node.kind == 'number':
            self.constant(node)
        elif node.kind == 'name' and node.name in ('true', 'false'):
            self.negate(node)
        elif node.kind == 'call':
            self.plain(node)
        for part in node.parts:
            if getattr(part, 'asked', False) or \
                    (node.kind == 'binary' and node.sign in LOGIC):
                self.negate(part)
            self.in_expression(part)

    def binary(self, node):
        left, right = (self.of(part) for part in node.parts)
        for operator, table in (('compare', COMPARE), ('logic', LOGIC)):
            if node.sign in table and not by_option(node):
                gap = self.text[node.parts[0].end:node.parts[1].start]
                sign = table[node.sign]
                if operator == 'logic':
                    left, right = '(%s)' % left, '(%s)' % right
                self.expression(operator, node, left + gap.replace(
                    node.sign, sign, 1) + right)

    def constant(self, node):
        for new in one_off(node.name):
            self.expression('constant', node, new)

    def plain(self, node, form='expression'):
        """An acquire or a release; the explorer's release is a statement."""
        for name, pattern in PLAIN:
            if node.name == name and len(node.parts) == pattern.count('%s'):
                self.add('order', form, [(node.start, node.end, pattern % tuple(
                    self.of(part) for part in node.parts))])

    # ---- outside of functions -----------------------------------------------------

    def outside(self):
        """Numbers that static variables begin with, and of #defines."""
        inside = [(f.start, f.end) for f in self.functions]
        spans = [(m.start(2), m.end()) for m in re.finditer(
            r'^#define (\w+) (.*)$', self.text, re.M)]
        spans += [(m.start(1), m.end(1)) for m in re.finditer(
            r'^(?:static|const)\b[^;(]*?=([^;]*);', self.text, re.M)]
        for start, end in spans:
            if any(first <= start < last for first, last in inside):
                continue
            for word in source.tokens(self.text[start:end]):
                if word.kind == 'number':
                    at = start + word.start
                    self.found += [Mutant('constant', 'alone', [
                        (at, at + len(word.text), new)])
                        for new in one_off(word.text)]


STATEMENTS = frozenset('block if loop switch return jump declaration label '
                       'empty expression'.split())


def by_option(node):
    """Is it IS_ENABLED(x) && ...? Its right half is mutated, which says the same."""
    return getattr(node.parts[0], 'name', '') == 'IS_ENABLED'


def class_of(name):
    """The operator for a call of this name that is dropped."""
    for operator, pattern in CLASSES:
        if re.search(pattern, name):
            return operator
    return 'call'


def one_off(number):
    """A number of C one more and one less; neither below 0."""
    match = re.match(r'^(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)$', number)
    if not match:
        return []
    value = int(match.group(1), 0)
    return ['%d%s' % (new, match.group(2)) for new in (value + 1, value - 1)
            if new >= 0]
