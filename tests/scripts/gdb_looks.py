# SPDX-License-Identifier: MIT
"""What scripts/liveboots.py has gdb do, behind scripts/gdb/concord.py.

Every command is carried out once against a kernel amid the contest, where a CPU
takes a page back from the device; what they print is judged there.
"""

import gdb

PAGE = 4096

gdb.execute('hbreak restore_device_exclusive')
gdb.execute('continue')
gdb.execute('delete')
print('LOOK mm')
gdb.execute('mm')
for mm in each_mm():  # noqa: F821, concord.py is read before this
    number = int(mm['id'])
    print('LOOK vmas')
    regions = gdb.execute('vmas %d' % number, to_string=True)
    print(regions)
    print('LOOK subs')
    gdb.execute('subs %d' % number)
    print('LOOK pte')
    for region in regions.split('\n'):
        if '-0x' not in region:
            continue
        start, end = region.split()[0].split('-')
        for address in range(int(start, 16), int(end, 16), PAGE):
            said = gdb.execute('pte %d %#x' % (number, address),
                               to_string=True)
            if '  pte ' in said and 'empty' not in said:
                print('%#x\n%s' % (address, said))
print('LOOK tasks')
gdb.execute('tasks')
print('LOOK backtrace')
gdb.execute('thread apply all backtrace 8')
print('LOOK errors')
for wrong in ('vmas nosuch', 'vmas 4000000000', 'pte', 'tasks 1'):
    try:
        gdb.execute(wrong)
    except gdb.error as error:
        print('%s: %s' % (wrong, error))
print('LOOK done')
gdb.execute('detach')
