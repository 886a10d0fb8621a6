# SPDX-License-Identifier: MIT
"""source - a C source as its reader sees it: functions, statements, expressions

A mutation changes what stands in the file. A compiler's tree shows what the
preprocessor made of it: `READ_ONCE(x)`, `unlikely(y)` and `wait_event(z)` are calls
to a reader, and casts, loops and statement expressions to clang, half of them
spelled in a header. So this reads the text itself. The tree is clang-formatted and
has no #ifdef in a .c file (`scripts/check.py format bodies`), so a small parser is
enough: a function is a head and a body from `{` to `}` in column 0.

    tokens()        words of the text, without comments and directives
    functions()     [Function]: name, type of the result, body
    Node            a statement or an expression; start and end are offsets

A statement's kind is block, if, loop, switch, return, jump, declaration, label,
empty or expression; an expression's is binary, assign, unary, postfix, ternary,
call, index, member, cast, paren, braces, number, name or other.

Not here: macros that are no expression, and K&R heads; the tree has neither.
"""

import re

TOKEN = re.compile(r'''
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<directive>(?<![^\n])[ \t]*\#(?:\\\n|[^\n])*)
  | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>\d[\w.]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
  | (?P<space>\s+)
''', re.X | re.S)

ASSIGNS = ('=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=', '>>=')
# Signs of two operands, the weakest first.
LEVELS = (('||',), ('&&',), ('|',), ('^',), ('&',), ('==', '!='),
          ('<', '<=', '>', '>='), ('<<', '>>'), ('+', '-'), ('*', '/', '%'))
TYPE_WORDS = frozenset(
    'const volatile static extern register struct union enum unsigned signed '
    'char short int long void bool float double typeof __typeof__ '
    '_Static_assert static_assert typedef'.split())
TYPE_NAME = re.compile(r'^(?:[us](?:8|16|32|64)|\w+_t|pte_t|uintptr|size)$')


class Token:
    """A word of the source and where it is."""

    def __init__(self, kind, text, start):
        self.kind, self.text = kind, text
        self.start, self.end = start, start + len(text)


class Node:
    """A statement or an expression."""

    def __init__(self, kind, start, end, **more):
        self.kind, self.start, self.end = kind, start, end
        self.parts = []             # Nodes inside, in order
        self.sign = self.name = ''
        self.__dict__.update(more)

    def every(self):
        """This node and all inside it."""
        yield self
        for part in self.parts:
            yield from part.every()


class Function:
    """A function with a body."""

    def __init__(self, name, result, head, body):
        self.name, self.result = name, result
        self.start, self.end = head, body.end
        self.body = body


class Unreadable(Exception):
    """The text is none that this parser knows."""


def tokens(text):
    """The words of a source, without comments and directives."""
    found = []
    for match in TOKEN.finditer(text):
        kind = match.lastgroup
        if kind not in ('comment', 'directive', 'space'):
            if kind == 'sign' and match.group().isspace():
                continue
            found.append(Token(kind, match.group(), match.start()))
    return found


def closing(words, at):
    """The index of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(words)):
        if words[i].text in ('(', '[', '{'):
            depth += 1
        elif words[i].text in (')', ']', '}'):
            depth -= 1
            if not depth:
                return i
    raise Unreadable('no bracket closes the one at offset %d' % words[at].start)


def functions(text):
    """Every function of the text that has a body."""
    words, found, i, first = tokens(text), [], 0, 0
    while i < len(words):
        word = words[i]
        if word.text in ('(', '['):
            i = closing(words, i)
        elif word.text == '{':
            end = closing(words, i)
            head = words[first:i]
            column_0 = text[word.start - 1:word.start] in ('', '\n')
            if column_0 and any(w.text == '(' for w in head):
                try:
                    found.append(function(words, first, i, end))
                except Unreadable:
                    pass                # a macro that looks like no C
                first = end + 1
            i = end
        elif word.text == ';':
            first = i + 1
        i += 1
    return found


def function(words, first, brace, end):
    """The function whose head begins at `first` and whose body at `brace`."""
    at = next(i for i in range(first, brace) if words[i].text == '(')
    result = [w.text for w in words[first:at - 1]
              if w.text not in ('static', 'inline', 'noinline', 'extern')]
    return Function(words[at - 1].text, ' '.join(result), words[first].start,
                    Parser(words, brace, end + 1).statement())


class Parser:
    """Statements and expressions of words[at:end]."""

    def __init__(self, words, at, end):
        self.words, self.at, self.end = words, at, end

    def text(self, ahead=0):
        at = self.at + ahead
        return self.words[at].text if at < self.end else ''

    def take(self, wanted=None):
        word = self.words[self.at] if self.at < self.end else None
        if not word or (wanted and word.text != wanted):
            raise Unreadable('%s wanted, not %s, at offset %d' % (
                wanted, word and word.text, word.start if word else -1))
        self.at += 1
        return word

    # ---- statements ----------------------------------------------------------

    def statement(self):
        start, word = self.words[self.at].start, self.text()
        method = getattr(self, 'statement_' + word, None)
        if word == '{':
            node = self.block(start)
        elif method:
            node = method(start)
        elif word in ('break', 'continue', 'goto'):
            node = Node('jump', start, self.skip_to(';'), name=word)
        elif word in ('case', 'default') or \
                (self.text(1) == ':' and self.words[self.at].kind == 'name'):
            node = self.label(start)
        elif word == ';':
            node = Node('empty', start, self.take().end)
        elif self.is_declaration():
            node = self.declaration(start)
        else:
            node = self.of_expression(start)
        return node

    def block(self, start):
        self.take('{')
        parts = []
        while self.text() != '}':
            parts.append(self.statement())
        return Node('block', start, self.take('}').end, parts=parts)

    def statement_if(self, start):
        self.take()
        parts = [self.condition(), self.statement()]
        if self.text() == 'else':
            self.take()
            parts.append(self.statement())
        return Node('if', start, parts[-1].end, parts=parts)

    def statement_while(self, start):
        self.take()
        parts = [self.condition(), self.statement()]
        return Node('loop', start, parts[-1].end, parts=parts, name='while')

    def statement_switch(self, start):
        self.take()
        parts = [self.condition(), self.statement()]
        return Node('switch', start, parts[-1].end, parts=parts)

    def statement_do(self, start):
        self.take()
        body = self.statement()
        self.take('while')
        parts = [body, self.condition()]
        return Node('loop', start, self.take(';').end, parts=parts, name='do')

    def statement_for(self, start):
        self.take()
        self.take('(')
        parts = []
        if self.text() == ';':
            self.take()
        elif self.is_declaration():
            parts.append(self.declaration(self.words[self.at].start))
        else:
            parts.append(self.expression())
            self.take(';')
        for last in (';', ')'):
            if self.text() != last:
                parts.append(self.expression())
                parts[-1].asked = last == ';'
            self.take(last)
        parts.append(self.statement())
        return Node('loop', start, parts[-1].end, parts=parts, name='for')

    def statement_return(self, start):
        self.take()
        parts = [] if self.text() == ';' else [self.expression()]
        return Node('return', start, self.take(';').end, parts=parts)

    def statement_asm(self, start):
        return Node('empty', start, self.skip_to(';'))

    def label(self, start):
        self.skip_to(':')
        parts = [] if self.text() == '}' else [self.statement()]
        return Node('label', start, parts[0].end if parts else
                    self.words[self.at - 1].end, parts=parts)

    def of_expression(self, start):
        node = self.expression()
        # for_each_...(x) is a call with a statement behind it.
        if node.kind == 'call' and self.text() != ';':
            parts = [node, self.statement()]
            return Node('loop', start, parts[-1].end, parts=parts, name='each')
        return Node('expression', start, self.take(';').end, parts=[node])

    def condition(self):
        """What stands between the brackets of an if, a while or a switch."""
        self.take('(')
        node = self.expression()
        node.asked = True
        self.take(')')
        return node

    def skip_to(self, wanted):
        """Where the statement ends whose words nobody needs."""
        while self.text() != wanted:
            if self.text() in ('(', '[', '{'):
                self.at = closing(self.words, self.at)
            self.at += 1
        return self.take(wanted).end

    def is_declaration(self):
        if self.text() in TYPE_WORDS:
            return True
        if self.words[self.at].kind != 'name':
            return False
        ahead = 1
        while self.text(ahead) in ('*', '__iomem', '__user'):
            ahead += 1
        return self.at + ahead < self.end and \
            self.words[self.at + ahead].kind == 'name' and \
            self.text(ahead + 1) in ('=', ';', ',', '[', ':')

    def declaration(self, start):
        """A declaration; its parts are what the variables begin with."""
        parts, static = [], self.text() in ('static', 'static_assert',
                                            '_Static_assert')
        while self.text() != ';':
            if self.text() == '=' and not static:
                self.take()
                parts.append(self.assignment())
            elif self.text() in ('(', '[', '{'):
                self.at = closing(self.words, self.at) + 1
            else:
                self.take()
        return Node('declaration', start, self.take(';').end, parts=parts)

    # ---- expressions -----------------------------------------------------------

    def expression(self):
        node = self.assignment()
        while self.text() == ',':
            self.take()
            right = self.assignment()
            node = Node('other', node.start, right.end, parts=[node, right])
        return node

    def assignment(self):
        node = self.ternary()
        if self.text() in ASSIGNS:
            sign = self.take()
            right = self.assignment()
            node = Node('assign', node.start, right.end, parts=[node, right],
                        sign=sign.text)
        return node

    def ternary(self):
        node = self.binary(0)
        if self.text() != '?':
            return node
        self.take()
        parts = [node]
        node.asked = True
        if self.text() != ':':
            parts.append(self.expression())
        self.take(':')
        parts.append(self.ternary())
        return Node('ternary', node.start, parts[-1].end, parts=parts)

    def binary(self, level):
        if level == len(LEVELS):
            return self.unary()
        node = self.binary(level + 1)
        while self.text() in LEVELS[level]:
            sign = self.take()
            right = self.binary(level + 1)
            node = Node('binary', node.start, right.end, parts=[node, right],
                        sign=sign.text, sign_at=sign.start)
        return node

    def unary(self):
        word = self.words[self.at]
        if word.text in ('!', '~', '-', '+', '*', '&', '++', '--'):
            self.take()
            part = self.unary()
            return Node('unary', word.start, part.end, parts=[part],
                        sign=word.text)
        if word.text == 'sizeof':
            self.take()
            if self.text() == '(':
                self.at = closing(self.words, self.at) + 1
                return Node('other', word.start, self.words[self.at - 1].end)
            return Node('other', word.start, self.unary().end)
        if word.text == '(' and self.is_cast():
            self.at = closing(self.words, self.at) + 1
            if self.text() == '{':
                self.at = closing(self.words, self.at) + 1
                return Node('other', word.start, self.words[self.at - 1].end)
            part = self.unary()
            return Node('cast', word.start, part.end, parts=[part])
        return self.postfix()

    def is_cast(self):
        inner = self.words[self.at + 1:closing(self.words, self.at)]
        after = self.text(len(inner) + 2)
        if not inner or not all(w.kind == 'name' or w.text == '*'
                                for w in inner):
            return False
        return inner[0].text in TYPE_WORDS or inner[-1].text == '*' or \
            (len(inner) == 1 and bool(TYPE_NAME.match(inner[0].text)) and
             after not in (')', ';', ',', ''))

    def postfix(self):
        node = self.primary()
        while True:
            word = self.text()
            if word == '(':
                parts, end = self.arguments()
                node = Node('call', node.start, end, parts=parts,
                            name=node.name)
            elif word == '[':
                self.take()
                part = self.expression()
                node = Node('index', node.start, self.take(']').end,
                            parts=[node, part])
            elif word in ('.', '->'):
                self.take()
                end = self.take().end
                node = Node('member', node.start, end, parts=[node])
            elif word in ('++', '--'):
                node = Node('postfix', node.start, self.take().end,
                            parts=[node], sign=word)
            else:
                return node

    def arguments(self):
        """The arguments of a call; a type among them has no node."""
        self.take('(')
        parts = []
        while self.text() != ')':
            if self.text() == ',':
                self.take()
            elif self.text() in TYPE_WORDS:
                while self.text() not in (',', ')'):
                    self.take()
            elif self.words[self.at].kind == 'sign' and \
                    self.text(1) in (',', ')'):
                self.take()             # an operator, handed to a macro
            else:
                parts.append(self.assignment())
        return parts, self.take(')').end

    def primary(self):
        word = self.words[self.at]
        if word.text == '(':
            self.take()
            if self.text() == '{':
                self.at = closing(self.words, self.at - 1) + 1
                return Node('other', word.start, self.words[self.at - 1].end)
            part = self.expression()
            return Node('paren', word.start, self.take(')').end, parts=[part])
        if word.text == '{':
            self.at = closing(self.words, self.at) + 1
            return Node('braces', word.start, self.words[self.at - 1].end)
        if word.kind == 'text':
            # "a" NAME "b"
            while self.at < self.end and self.words[self.at].kind == 'text':
                end = self.take().end
                if self.words[self.at].kind == 'name':
                    end = self.take().end
            return Node('other', word.start, end)
        if word.kind in ('number', 'name'):
            self.take()
            return Node(word.kind, word.start, word.end, name=word.text)
        raise Unreadable('an expression cannot begin with %s, at offset %d' %
                         (word.text, word.start))
