# SPDX-License-Identifier: MIT
"""paniccases - boots that must end in a panic or a refusal, in stated words

tests/panic/cases lists them. One boot after another: the limits inside a boot
are times, and a second boot would make them shorter.
"""

import os
import re
import subprocess
import sys
import time

import stacks

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASES = os.path.join(TOP, 'tests', 'panic', 'cases')


def read_cases():
    """tests/panic/cases: name, status, options, words, in blocks."""
    cases = []
    if not os.path.exists(CASES):
        return cases
    with open(CASES, encoding='utf-8') as lines:
        for line in lines:
            line = line.rstrip('\n')
            if not line.strip() or line.startswith('#'):
                continue
            key, _, value = line.strip().partition(' ')
            value = value.strip()
            if key == 'case':
                cases.append({'name': 'panic.' + value, 'status': 2,
                              'mode': 'panic', 'words': [],
                              'options': ['--append', 'case=' + value]})
            elif key == 'status':
                cases[-1]['status'] = int(value)
            elif key == 'options':
                cases[-1]['options'] = value.split()
            elif key == 'mode':
                cases[-1]['mode'] = value
            elif key == 'says':
                cases[-1]['words'].append(value)
            else:
                sys.exit('%s: what is %r?' % (CASES, key))
    return cases


def panics(session):
    for case in read_cases():
        if session.wanted(case['name']):
            started = time.time()
            session.judge(case['name'], panic(session, case), started)


def panic(session, case):
    """One boot; what is wrong with how it ended, as lines."""
    name = case['name']
    command = session.qemu(name, case['mode'],
                           ['--peer', 'none', '--timeout', '60', '--quiet'] +
                           case['options'])
    ended = subprocess.run(command, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           check=False)
    try:
        with open(session.log(name) + '.serial', encoding='utf-8',
                  errors='replace') as serial:
            said = serial.read()
    except FileNotFoundError:
        said = ''
    for line in said.splitlines():
        stacks.all_boots.feed(line)
    wrong = []
    if ended.returncode != case['status']:
        wrong.append('ended with status %d, wanted %d' %
                     (ended.returncode, case['status']))
        wrong.append(ended.stdout.decode('utf-8', 'replace').strip())
    for words in case['words']:
        if not re.search(words, said):
            wrong.append('never said: ' + words)
    if wrong:
        wrong += said.splitlines()[-40:]
    return '\n'.join(wrong)
