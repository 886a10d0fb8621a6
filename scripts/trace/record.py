# SPDX-License-Identifier: MIT
"""record - from the rings of a machine to a trace.bin

A machine that scripts/run-qemu has started is a folder below build/run:

    ram         the guest's RAM
    image       a link to the kernel's ELF
    peerN.trace the file of device N

The rings are looked at every few milliseconds, with no instruction of the guest. What
a hung, a panicked or a dead machine has left is read in the same way.
"""

import json
import os
import time

from trace import live, store
from trace.image import Image
from trace.ring import NotThere, RECORD, Source

POLL_SECONDS = 0.004


class Recording:
    """The sources of one machine, and the file that they go to."""

    def __init__(self, out, ram, image, peers=()):
        self.writer = store.Writer(out)
        self.out = out
        self.image = Image(image)
        self.sources = []
        self.waiting = [(ram, self.image.physical('trace_header'), 'guest')]
        self.waiting += [(path, 0, 'peer%d' % i)
                         for i, path in enumerate(peers)]
        self.began = time.time()

    def _open(self):
        """Take the sources that have come up. The guest is the first."""
        for path, at, name in list(self.waiting):
            try:
                source = Source(path, at, name)
            except (NotThere, FileNotFoundError, ValueError) as error:
                # An empty file cannot be mapped.
                if isinstance(error, ValueError) and os.path.getsize(path):
                    raise
                if name == 'guest':
                    return
                continue
            self.waiting.remove((path, at, name))
            number = len(self.sources)
            self.writer.source(number, source.describe())
            source.open_rings(
                lambda *what, number=number: self.writer.chunk(number, *what),
                lambda *what, number=number: self.writer.gap(number, *what))
            self.sources.append(source)

    def poll(self, ended=False):
        if self.waiting:
            self._open()
        for source in self.sources:
            source.poll(ended)

    def run(self, stopped):
        """Until stopped() says so; then once more, for what came last."""
        while not stopped():
            self.poll()
            time.sleep(POLL_SECONDS)
        self.poll(ended=True)
        self.finish()

    def finish(self):
        """Add the words that the records name; close the file."""
        wanted = self._addresses()
        for number, source in enumerate(self.sources):
            words = {}
            for kind, address in wanted.get(number, ()):
                word = source.word_at(address) if kind == 's' else \
                    self.image.name_of(address)
                if word:
                    words['%#x' % address] = word
            self.writer.words(number, words)
        for source in self.sources[:1]:
            self.writer.live(live.names(source))
        self.writer.done({'seconds': round(time.time() - self.began, 3)})

    def _addresses(self):
        """{source: {(kind of conversion, address)}} of all records."""
        self.writer.file.flush()
        found, events = {}, {}
        with open(self.out, 'rb') as opened:
            for kind, number, payload in store.chunks_of(opened):
                if kind == b'META':
                    events[number] = {
                        address: event.words() for address, event in
                        store.Source(number, json.loads(payload))
                        .events.items()}
                elif kind == b'RECS':
                    into = found.setdefault(number, set())
                    for raw in RECORD.iter_unpack(payload[store.RECS.size:]):
                        for i, conversion in events[number].get(raw[1], ()):
                            into.add((conversion, raw[6 + i]))
        return found

    def said(self):
        """How much was recorded, and how much of it was lost."""
        records = sum(self.writer.records.values())
        lost = sum(self.writer.lost.values())
        return '%s: %d records, %s' % (
            self.out, records, 'none lost' if not lost else
            '%d LOST: give the kernel a greater trace_slots=' % lost)


def machines(runs):
    """The folders of machines that run, or were kept."""
    if not os.path.isdir(runs):
        return []
    return sorted(os.path.join(runs, name) for name in os.listdir(runs)
                  if os.path.exists(os.path.join(runs, name, 'ram')))


def of_machine(out, folder):
    """A recording of the machine whose folder that is."""
    peers = []
    while os.path.exists(os.path.join(folder, 'peer%d.trace' % len(peers))):
        peers.append(os.path.join(folder, 'peer%d.trace' % len(peers)))
    return Recording(out, os.path.join(folder, 'ram'),
                     os.path.join(folder, 'image'), peers)
