# SPDX-License-Identifier: MIT
"""kinds - what each kind of bar, mark and arrow is, for the page and for figures

    BARS[kind]      (title, colour, pattern, sign, label, sentence, rules)
    MARKS[kind]     (title, colour, sign, sentence, rules); a rare one is drawn over all
    ARROWS[kind]    (title, colour, sentence)

A label names fields of the bar's first record, and behind > of its last. A sentence is
for a student who sees such a bar for the first time; its words are the glossary's.
Pattern and sign make a kind known without its colour.
"""

BARS = {
    'run': ('a thread has the CPU', 'run', '', '', '{next}',
            'This CPU runs this thread, until the scheduler gives the CPU to another one.',
            ''),
    'idle': ('the CPU is idle', 'idle', 'hollow', '', 'idle',
             'No thread wants this CPU.', ''),
    'on_cpu': ('the thread has a CPU', 'run', 'thin', '', '',
               'The thread runs. Where the line is missing, it waits: for a lock, an '
               'answer of the device, or a CPU.', ''),
    'test': ('a test', 'run', '', 'T', '{suite}.{test}',
             'A test inside the kernel, up to the start of the next one.', ''),
    'call': ('a call on an address space', 'call', '', '', '{what} {start}–{end}',
             'A process asks for a change of its mappings: mmap, munmap, mprotect, '
             'dontneed, or its exit.', ''),
    'fault': ('a page fault', 'fault', '', 'F', '{what} {addr} → {>result}',
              'A touch of this address found no translation that allows it. The name '
              'says which way the fault goes: a fresh page, the zero page, a restore of '
              'an exclusive page.', ''),
    'range': ('a range: a change is announced', 'range', '', '', '{event} {start}–{end}',
              'A change of these addresses, between start and end. At start every '
              'subscriber that overlaps is notified and drops its translations; only '
              'then do the entries change, and every CPU forgets them; end comes last.',
              'R1.10 R1.11 R4.1'),
    'callback': ('a callback', 'callback', '', 'C', '{event}{what}',
                 'The core has notified a subscriber: the driver makes its device drop '
                 'its translations of the range, and returns when it has.', 'R4.22'),
    'flush': ('CPUs forget translations', 'flush', '', '', 'flush {start}–{end}',
              'The entries have changed. Each CPU that could remember the old ones is '
              'asked to forget them, and this thread waits until all have.', 'R1.10'),
    'wait': ('a wait for the lock of a page', 'wait', 'dots', 'W', 'waits for pfn {pfn}',
             'Another thread holds the lock of this page. A grant holds it until the '
             'device has replayed its access, so the CPU waits here for its page.',
             'R8.20 R8.24'),
    'section': ('a read section that has not ended', 'read', 'hollow', '',
                'section, number {seq}',
                'The driver looks a page up without a lock that would keep changes away. '
                'It noted the number of its subscription at the begin. The recording ended '
                'before the driver compared it.', 'R4.22'),
    'read': ('a read section', 'read', '', '✓', 'section, number {seq}',
             'The driver looks a page up without a lock that would keep changes away. '
             'It notes the number of its subscription at the begin, and compares it at '
             'the end. The number was the same: the translation may be installed.',
             'R4.22'),
    'collided': ('a read section that collided', 'collided', 'cross', '✗',
                 'collided with {>event}',
                 'A callback has stored another number since this section began: a '
                 'change in the interval of the subscription was announced meanwhile. '
                 'The interval may be the whole address space, so the change need not '
                 'be of the page that was looked up. But what was found may be stale: '
                 'the driver throws it away and looks again.',
                 'R4.18 R4.22'),
    'left': ('a read section that was left', 'read', 'hollow', '', 'section, left',
             'The section ended without the question whether it collided: the look-up '
             'itself had failed, or it waited.', ''),
    'read_wait': ('a reader waits', 'wait', 'dots', 'W', 'waits for open ranges',
                  'A range that overlaps this subscription is open. A reader that began '
                  'now would collide, so it waits for the end of the range.', 'R4.17'),
    'round': ('a round of a look-up', 'round', 'hollow', '', 'round {round}',
              'One attempt of the driver: take mmap_lock, begin a section, look up, ask '
              'whether it collided. The last rounds hold mmap_lock for writing and '
              'cannot collide with a change.', 'R4.24'),
    'request': ('the driver answers a page request', 'request', '', '',
                'request {tag}: {access} {va}',
                'The device has asked for this page. The driver looks it up, sends a '
                'translation, and waits until the device has used it.', ''),
    'command': ('a command to the device', 'command', '', '→', '{command}',
                'The driver has sent this command and waits for the answer.', ''),
    'dev_request': ('a page request', 'request', '', '?', 'tag {tag}: {access} {va}',
                    'The device has no translation of this page that allows the access, '
                    'and asks the driver for one. The bar ends when all works that '
                    'waited have been tried again.', ''),
    'work': ('a work of the device', 'work', '', '', '{op} {va}, {count}',
             'An order from the driver: an operation on so many elements.', ''),
    'parked': ('a work waits', 'wait', 'dots', 'W', 'waits for tag {tag}',
               'The work found no translation. It is put aside until the request with '
               'this tag is answered; the worker does other work meanwhile.', ''),
    'access': ('the device accesses a page', 'access', '', '', '{access} {va}',
               'The worker reads or writes this page by its own translation. An '
               'INVALIDATE of the page is not acknowledged before this bar ends.',
               'D5.10 D5.11'),
    'revoke': ('translations are dropped', 'revoke', '', '', 'drop {pages}, then acknowledge',
               'The device has removed its translations of the range. It sends the '
               'acknowledgement, at the end of this bar, when no access by them is in '
               'flight any more.', 'D5.10 D5.11'),
    'pg_empty': ('no entry', 'empty', 'hollow', '', 'empty',
                 'The entry of this page is empty: the next touch is a fault.', ''),
    'pg_zero': ('the zero page', 'zero', 'dots', '0', 'zero page',
                'The entry maps the one frame of zeros, for reading. The first write '
                'replaces it.', ''),
    'pg_read': ('CPUs may read', 'pgread', '', 'R', 'read',
                'The entry maps a frame, for reading.', ''),
    'pg_write': ('CPUs may read and write', 'pgwrite', '', 'W', 'read, write',
                 'The entry maps a frame, for reading and writing.', ''),
    'pg_none': ('no access', 'empty', 'dots', 'N', 'no access',
                'The entry keeps its frame, but no CPU may use it (PROT_NONE).', ''),
    'pg_exclusive': ('exclusive: the device has it alone', 'exclusive', 'stripes', 'X',
                     'exclusive',
                     'A device-exclusive entry stands in place of the mapping. No CPU '
                     'can touch the page; a CPU that tries faults, and gets the page '
                     'back by a restore.', 'R8.12 R7.10'),
    'dev_page': ("the device's translation", 'devpage', '', 'D',
                 'device: pa {pa}, prot {prot}',
                 'The device has a translation of this page and may use it at any '
                 'moment, until it has acknowledged an INVALIDATE.', 'D5.6 D5.10'),
    'gap': ('records were lost', 'gap', 'cross', '!', 'records lost',
            'The ring was full before the recording read it. Bars over this time may '
            'be wrong: their ends may be among the missing. Give the rings more room '
            'with SLOTS=.', ''),
}

# Those that are in RARE are drawn at every zoom, over all else.
MARKS = {
    'served': ('a CPU has forgotten', 'flush', '▼',
               'Another CPU asked this one by interrupt to forget translations, and it '
               'has.', ''),
    'wake': ('a wake-up', 'run', '·', 'This thread has made another one runnable.', ''),
    'started': ('the start has returned', 'range', '|',
                'All subscribers that overlap have been notified. From here on the '
                'entries may change.', 'R1.10'),
    'called': ('the callback stored a number', 'callback', '|',
               'A range that overlaps this subscription was announced. Sections that '
               'were open at this moment collide.', 'R4.1'),
    'collided': ('a section collided', 'collided', '✗',
                 'The comparison at the end of a read section found another number: a '
                 'range that overlaps the subscription was announced since the begin.',
                 'R4.18'),
    'retry': ('the look-up is repeated', 'collided', '↺',
              'The driver throws this attempt away and looks again.', 'R4.22'),
    'denied': ('a request is denied', 'collided', '⊘',
               'The driver cannot give this page: the work that asked for it fails.',
               'D5.16'),
    'grant': ('a grant is sent', 'exclusive', '◆',
              'The driver sends the translation. For ATOMIC it keeps the page locked '
              'until the device has replayed its access.', 'R8.6'),
    'replayed': ('the device has answered the grant', 'request', '◇',
                 'The device has used the translation, or says why not; the page is '
                 'unlocked.', 'R8.24 D5.14'),
    'restored': ('a page is restored', 'fault', '↰',
                 'A CPU touched an exclusive page. Its entry maps the frame again, or '
                 'another CPU was first.', 'R8.17 R8.19'),
    'given_up': ('a page is given up', 'collided', '✗',
                 'The entry was not as it had been: the page does not become '
                 'exclusive, and the run ends before it.', 'R8.5'),
    'zapped': ('entries are emptied', 'range', '∅',
               'The entries of these pages are empty from now on.', ''),
    'protected': ('rights change', 'range', '±',
                  'The entries of these pages have other rights from now on.', ''),
    'invalidated': ('the device let go', 'revoke', '▪',
                    'A callback has made the device drop translations, and has its '
                    'acknowledgement.', 'D5.10'),
    'work_sent': ('work is given to the device', 'work', '▸',
                  'The driver has put the work into a queue of the device.', ''),
    'work_done': ('work comes back', 'work', '◂',
                  'The driver has the answer of the device to this work.', ''),
    'park': ('a work is put aside', 'wait', '‖',
             'It found no translation, and waits for the answer to a request.', ''),
    'map': ('a translation is there', 'devpage', '◆',
            'The device has installed this translation.', 'D5.6'),
    'response': ("the driver's answer is accepted", 'request', '◇',
                 "The device has accepted the driver's answer to this request.", ''),
    'replay': ('a work goes on', 'access', '▸',
               'It waited for the answer; its access was tried again and done.', 'D5.13'),
    'revoked': ('a grant was revoked before it was used', 'collided', '✗',
                'The translation was dropped before the access that waited for it. The '
                'device asks again.', ''),
    'ack_wait': ('the acknowledgement waits', 'wait', '◷',
                 'Workers are inside a page of the range: the acknowledgement is sent '
                 'when they have left.', 'D5.11'),
    'other': ('a record', 'run', '·', 'This page has no picture for such a record.', ''),
}

# Of these the page lists what had not ended when the recording did: others wait for them.
WAITED_FOR = ('range', 'read_wait', 'command', 'wait')

RARE = ('collided', 'retry', 'denied', 'given_up', 'revoked')

ARROWS = {
    'request': ('the request reaches the driver', 'request',
                'The device wrote a page request; here the driver takes it.'),
    'grant': ('the grant reaches the device', 'exclusive',
              'The driver sent a translation; here the device accepts it.'),
    'invalidate': ('INVALIDATE reaches the device', 'revoke',
                   'The driver told the device to drop translations; here it does.'),
    'ack': ('the acknowledgement', 'revoke',
            'The device has dropped the translations and no access by them is in '
            'flight; here the driver sees the answer and its callback may return.'),
    'collision': ('why the section collided', 'collided',
                  'This callback stored the number that the section found at its end.'),
    'flush': ('a CPU is asked to forget', 'flush',
              'The flush interrupts the other CPU, which forgets its translations.'),
    'work': ('work for the device', 'work', 'The driver gives work to the device, and '
             'gets it back.'),
    'wake': ('a wake-up', 'run', 'The thread that was woken gets a CPU here.'),
}
# Not drawn unless they are asked for, or an end of them is selected.
QUIET = ('wake', 'work')
