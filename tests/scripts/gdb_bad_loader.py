# SPDX-License-Identifier: MIT
"""What scripts/liveboots.py has gdb do in place of a careless loader.

At the kernel's first instruction it sets bits of the control registers that a
loader may have left there: CR4.LA57, with which the kernel's tables would be
read as five levels deep, and CR0.CD with CR0.NW, which keep the caches off.
"""

import gdb

LA57 = 1 << 12
CD_AND_NW = 3 << 29

gdb.execute('hbreak _start')
gdb.execute('continue')
gdb.execute('delete')
for name, bits in (('cr4', LA57), ('cr0', CD_AND_NW)):
    old = gdb.parse_and_eval('$' + name)
    value = int(old.cast(gdb.lookup_type('unsigned long'))) | bits
    # A register of flags is set to a value of its own type only.
    gdb.set_convenience_variable('wanted', gdb.Value(
        value.to_bytes(old.type.sizeof, 'little'), old.type))
    gdb.execute('set $%s = $wanted' % name)
    now = gdb.parse_and_eval('(unsigned long)$' + name)
    print('LOOK %s %s' % (name, 'set' if int(now) & bits == bits else 'refused'))
print('LOOK done')
gdb.execute('detach')
