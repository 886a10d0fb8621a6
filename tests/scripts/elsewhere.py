# SPDX-License-Identifier: MIT
"""elsewhere - what differs from machine to machine, made here

    place()             a directory of any name
    copy_tree()         the tree in it
    path_without()      a PATH that lacks some commands
    path_with()         a PATH with stand-ins, for tools of other versions
    run()               a command there, without the variables of this run
"""

import contextlib
import os
import shutil
import subprocess
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# What the make that runs this test, and its user, have set for themselves.
LEFT_OUT = ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'MAKEFILES', 'BUILD', 'O',
            'COMPILER', 'CONFIG', 'CROSS_COMPILE', 'OBJCOPY', 'NM', 'SMP',
            'PEER', 'T', 'REPEAT', 'TIMEOUT', 'BOOTS', 'FIRMWARE', 'OVMF_DIR',
            'CDPATH', 'V', 'HOSTCC', 'LC_ALL',
            'CONCORD_GDB', 'NOTIFIER', 'N', 'OPS', 'ROUNDS', 'SEED', 'DEADLINE',
            'SPINNERS', 'CLOCK', 'QEMU', 'ACCEL', 'STEPS', 'COUNTERS', 'TRACE', 'OPEN',
            'MM', 'BROWSER', 'MACHINE', 'RACE', 'CHECK', 'FIGURE', 'LACKING')

def write(path, text):
    with open(path, 'w', encoding='utf-8') as out:
        out.write(text)
    os.chmod(path, 0o755)


@contextlib.contextmanager
def place(name='plain'):
    """A directory of that name, gone afterwards."""
    with tempfile.TemporaryDirectory() as outer:
        inner = os.path.join(outer, name)
        os.mkdir(inner)
        yield inner


def copy_tree(where):
    """All of the tree but what is built."""
    tree = os.path.join(where, 'tree')
    shutil.copytree(TOP, tree, symlinks=True,
                    ignore=lambda folder, names: {'build', '.git', '__pycache__'}
                    if folder == TOP else {'__pycache__'})
    return tree


def environment(**more):
    env = {name: value for name, value in os.environ.items()
           if name not in LEFT_OUT}
    env.update(more)
    return env


def run(command, cwd=TOP, **env):
    """(status, what it said on both) of a command."""
    done = subprocess.run(command, cwd=cwd, env=environment(**env),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=120)
    return done.returncode, done.stdout.decode('utf-8', 'replace')


def path_without(where, *lacking):
    """A PATH that has all commands of this one but some."""
    folder = os.path.join(where, 'bin')
    os.mkdir(folder)
    for source in os.environ['PATH'].split(':'):
        if not os.path.isdir(source):
            continue
        for name in os.listdir(source):
            link = os.path.join(folder, name)
            if name not in lacking and not os.path.lexists(link):
                os.symlink(os.path.join(source, name), link)
    return folder


def path_with(where, stubs):
    """A PATH that begins with programs of these names and texts."""
    folder = os.path.join(where, 'stubs')
    os.mkdir(folder)
    for name, text in stubs.items():
        write(os.path.join(folder, name), text)
    return folder + ':' + os.environ['PATH']
