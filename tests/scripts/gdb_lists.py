# SPDX-License-Identifier: MIT
"""What scripts/liveboots.py has gdb do in a test of plain subscribers.

Of an address space at its end, with an interval and two plain subscribers.
"""

import gdb

gdb.execute('hbreak __mmu_notifier_release')
gdb.execute('continue')
gdb.execute('delete')
print('LOOK subs')
gdb.execute('subs %d' % int(gdb.parse_and_eval('mm')['id']))
print('LOOK done')
gdb.execute('detach')
