# SPDX-License-Identifier: MIT
"""faults - the mistakes that the explorer must find: tests/explore/faults

The head of that file has the form of an entry. An entry whose lines do not stand in
the source, once, is wrong: the source has changed, and the entry must follow.
"""

from tree import text_of

FAULTS = 'tests/explore/faults'


class Fault:
    """A mistake in one source."""

    def __init__(self, name):
        self.name, self.said = name, {}
        self.old, self.new = [], []

    def wrong(self):
        """What is wrong with its entry; '' if nothing."""
        missing = [key for key in ('in', 'of', 'finds', 'words')
                   if key not in self.said]
        if missing:
            return 'says nothing of: ' + ' '.join(missing)
        found = text_of(self.said['in']).count(self.text(self.old))
        return '' if found == 1 and self.old else \
            'its lines stand %d times in %s' % (found, self.said['in'])

    @staticmethod
    def text(lines):
        return ''.join(line + '\n' for line in lines)

    def asks(self):
        """Options of the search; a bound of its own comes before that of all."""
        bound = self.said.get('bound')
        return ['MOST=1000000'] + (['BOUND=' + bound] if bound else [])

    def mutant(self):
        """The source with the mistake in it."""
        return text_of(self.said['in']).replace(self.text(self.old),
                                                self.text(self.new))


def read_faults():
    found = []
    for line in text_of(FAULTS).split('\n'):
        if line.startswith('fault '):
            found.append(Fault(line.split()[1]))
        elif line[:1] == '-':
            found[-1].old.append(line[1:])
        elif line[:1] == '+':
            found[-1].new.append(line[1:])
        elif line and not line.startswith('#'):
            key, _, value = line.partition(' ')
            found[-1].said[key] = value
    return found


def wrong_entries(found=None):
    """A line for each entry that its source has left behind."""
    return ['%s: fault %s: %s' % (FAULTS, fault.name, fault.wrong())
            for fault in found or read_faults() if fault.wrong()]
