#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Scripts and Makefiles do their work wherever they are. Prints TAP.

A tree under a strange name, a PATH that lacks a tool or has a stand-in of
another version, a closed descriptor, variables that a shell obeys. The tree
itself is not touched: where something would be written it is a copy.
"""

import glob
import os
import shutil
import sys

sys.dont_write_bytecode = True

import tap  # noqa: E402
from elsewhere import (TOP, copy_tree, path_with,  # noqa: E402
                       path_without, place, run, write)

# Stands in for QEMU: notes its arguments, says what it is to say, and ends as a
# kernel that passed. With a file `stays` it runs until a signal comes, and then
# complains, as QEMU does, if its device has left before.
QEMU = '''#!/bin/sh
[ "$1" != --version ] || { echo "QEMU emulator version %s"; exit; }
printf '%%s\\n' "$@" >"$STUB_LOG"
[ ! -e "$STUB_LOG.says" ] || cat "$STUB_LOG.says"
[ -e "$STUB_LOG.stays" ] || exit "${STUB_STATUS:-33}"
end() {
	kill -0 "$(cat "$(dirname "$STUB_LOG")/log.peer0.pid")" || echo complaint
	exit 0
}
trap end INT TERM
# timeout, its parent, passes a signal on as soon as it sleeps, and not before.
until [ "$(cut -d ' ' -f 3 "/proc/$PPID/stat")" = S ]; do :; done
: >"$STUB_LOG.waits"
while :; do sleep 0.02; done
'''

# Stands in for what makes an ISO: an empty one.
MKRESCUE = '''#!/bin/sh
for word in "$@"; do
	[ "$last" != -o ] || : >"$word"
	last=$word
done
'''

# Stands in for the device: it is there when its socket is.
PEER = '''#!/usr/bin/env python3
import signal
import socket
import sys
def once(*_):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
if sys.argv[-1] == '--deaf-once':
    signal.signal(signal.SIGTERM, once)
with socket.socket(socket.AF_UNIX) as link:
    link.bind(sys.argv[1].partition('=')[2])
    link.listen()
    while True:
        signal.pause()
'''


# Runs a command in a group of its own, which gets Ctrl-C when a file is there.
IN_A_GROUP = '''
import os, signal, subprocess, sys, time
child = subprocess.Popen(sys.argv[2:], start_new_session=True, preexec_fn=lambda:
                         signal.signal(signal.SIGINT, signal.SIG_DFL))
end = time.monotonic() + 60
while not os.path.exists(sys.argv[1]) and time.monotonic() < end:
    time.sleep(0.02)
os.killpg(child.pid, signal.SIGINT)
sys.exit(child.wait())
'''


def boot(where, options=(), scripts=os.path.join(TOP, 'scripts'), how=(), stubs=(),
         **env):
    """run-qemu with the stand-in: status, words, and QEMU's arguments."""
    noted = os.path.join(where, 'arguments')
    path = path_with(where, {'qemu-system-x86_64': QEMU % '9.9.9',
                             'grub-mkrescue': MKRESCUE, **dict(stubs)})
    status, said = run(list(how) + [os.path.join(scripts, 'run-qemu'),
                                    '--image', shutil.which('true'),
                                    '--log', os.path.join(where, 'log')] +
                       list(options or ['--peer', 'none']),
                       **{'PATH': path, 'STUB_LOG': noted, 'TMPDIR': where,
                          **env})
    arguments = []
    if os.path.exists(noted):
        with open(noted, encoding='utf-8') as lines:
            arguments = lines.read().splitlines()
    return status, said, arguments


def test_a_clone_for_windows_has_lines_that_a_shell_reads():
    if not shutil.which('git'):
        raise tap.Skip('no git')
    with place() as where:
        tree = copy_tree(where)
        clone = os.path.join(where, 'clone')
        git = ['git', '-c', 'user.name=nobody', '-c', 'user.email=no@body']
        for command, cwd in ((['init', '-q'], tree), (['add', '-A'], tree),
                             (['commit', '-q', '-m', 'all'], tree),
                             (['clone', '-q', '-c', 'core.autocrlf=true',
                               tree, clone], where)):
            status, said = run(git + command, cwd, GIT_CONFIG_NOSYSTEM='1')
            assert status == 0, said
        wrong = []
        for folder, folders, names in os.walk(clone):
            folders[:] = [name for name in folders if name != '.git']
            for name in names:
                with open(os.path.join(folder, name), 'rb') as source:
                    if b'\r\n' in source.read():
                        wrong.append(name)
        assert not wrong, wrong[:10]


def test_cdpath_leads_no_script_to_another_tree():
    note = '#!/bin/sh\npwd >>"$STUB_LOG"\nprintf "%s\\n" "$@" >>"$STUB_LOG"\n'
    for script, words in (('scripts/run-qemu', '--image true --peer none'),
                          ('scripts/deps', '--doctor'),
                          ('.ci/run', ''), ('tests/model/run', '')):
        with place() as where:
            tree, noted = copy_tree(where), os.path.join(where, 'noted')
            decoy = os.path.join(where, 'decoy')
            os.makedirs(os.path.join(decoy, os.path.dirname(script)))
            shutil.copy(shutil.which('true'), tree)
            path = path_with(where, {'qemu-system-x86_64': QEMU % '9.9.9',
                                     'make': note, 'spin': note, 'gcc': note})
            status, said = run([script] + words.split(), tree, PATH=path,
                               STUB_LOG=noted, CDPATH=decoy,
                               TMPDIR=where)
            assert 'No such file' not in said and decoy not in said, said
            assert not os.path.exists(os.path.join(decoy, 'build')), script
            if script == 'scripts/run-qemu':
                assert status == 0, said
                script = os.path.join(tree, 'build', 'log')
            elif script == 'scripts/deps':
                assert 'run ' in said, said
                continue
            elif script == '.ci/run':
                script = tree + '\n'
            else:
                script = os.path.join(tree, 'build', 'model', '')
            with open(noted, encoding='utf-8') as lines:
                assert script in lines.read(), script


def test_either_pair_of_firmware_files_serves():
    pairs = {'code and vars': ('OVMF_CODE.fd', 'OVMF_VARS.fd'),
             '4M': ('OVMF_CODE_4M.fd', 'OVMF_VARS_4M.fd')}
    for code, variables in pairs.values():
        with place() as where:
            for name in (code, variables):
                write(os.path.join(where, name), name)
            status, said, arguments = boot(
                where, ['--peer', 'none', '--firmware', 'uefi'], OVMF_DIR=where)
            assert status == 0, said
            assert any(a.endswith(',file=' + os.path.join(where, code))
                       for a in arguments), arguments


def test_halves_of_two_pairs_of_firmware_files_are_refused():
    with place() as where:
        for name in ('OVMF_CODE.fd', 'OVMF_VARS_4M.fd'):
            write(os.path.join(where, name), name)
        status, said, arguments = boot(
            where, ['--peer', 'none', '--firmware', 'uefi'], OVMF_DIR=where)
        assert (status, arguments) == (4, []), said
        assert where in said and 'make doctor' in said, said
        _, said = run(['make', '-s', 'doctor'], OVMF_DIR=where)
        assert 'missing: UEFI-firmware, package ovmf' in said, said


def test_commas_in_paths_are_doubled_for_qemu():
    with place('a,b') as where:
        for name in ('OVMF_CODE.fd', 'OVMF_VARS.fd'):
            write(os.path.join(where, name), name)
        write(os.path.join(where, 'peer'), PEER)
        seen = 0
        for options in (['--peer', os.path.join(where, 'peer')],
                        ['--peer', 'none', '--firmware', 'uefi']):
            status, said, arguments = boot(where, options, OVMF_DIR=where)
            shutil.rmtree(os.path.join(where, 'stubs'))
            assert status == 0, said
            for before, argument in zip([''] + arguments, arguments):
                # Not an option with values: a name of a file and no more.
                if before == '-cdrom' or 'a,' not in argument:
                    continue
                assert 'a,,b' in argument and 'a,b' not in argument, argument
                seen += 1
        # Log and QMP of both boots, the peer's socket, two files of firmware.
        assert seen == 7, seen


def test_a_closed_descriptor_is_as_one_of_dev_null():
    for descriptor in ('<&-', '>&-', '2>&-'):
        with place() as where:
            status, said, arguments = boot(
                where, how=['sh', '-c', 'exec "$@" ' + descriptor, 'sh'])
            assert (status, said) == (0, ''), (descriptor, status, said)
            assert '-cdrom' in arguments


# As it comes over the serial line: GRUB clears the screen, the kernel follows.
LOADER = '\x1b[H\x1b[J\x1b[1;1H  Booting `Concord\'\r\n\r\n\r'
FIRST = '[    0.001743] Concord: a CPU and a device\r\n'


def test_stdout_begins_with_the_first_line_of_the_kernel():
    for says, wanted in ((LOADER + FIRST + 'more\n\x1b[J', FIRST + 'more\n\x1b[J'),
                         (LOADER + 'no medium', "  Booting `Concord'\r\n\r\n\r"
                          'no medium')):
        with place() as where:
            write(os.path.join(where, 'arguments.says'), says)
            status, said, _ = boot(where)
            assert (status, said) == (0, wanted), (status, said)


def test_a_boot_that_is_interrupted_ends_without_a_word():
    with place() as where:
        write(os.path.join(where, 'peer'), PEER)
        write(os.path.join(where, 'arguments.stays'), '')
        status, said, _ = boot(
            where, ['--peer', os.path.join(where, 'peer')],
            how=[sys.executable, '-c', IN_A_GROUP,
                 os.path.join(where, 'arguments.waits')])
        assert (status, said) == (130, ''), (status, said)


def test_a_device_program_that_is_none_is_named():
    with place() as where:
        write(os.path.join(where, 'data'), '')
        os.chmod(os.path.join(where, 'data'), 0o644)
        for peer, words in ((os.path.join(where, 'data'), 'is neither none nor '
                             'a program'), (where, 'nor a program'),
                            (shutil.which('true'), 'ended with status 0, before '
                             'it came up'), (shutil.which('false'),
                                             'ended with status 1, before')):
            status, said, _ = boot(where, ['--peer', peer])
            shutil.rmtree(os.path.join(where, 'stubs'))
            assert status == 4 and peer in said and words in said, said


def test_qemu_waits_for_gdb_where_gdb_will_look():
    for place_of_gdb, wanted in (
            ({}, 'tcp:127.0.0.1:1234'),
            ({'CONCORD_GDB': '127.0.0.1:4321'}, 'tcp:127.0.0.1:4321'),
            ({'CONCORD_GDB': '/tmp/a,b'}, 'unix:/tmp/a,,b,server=on,wait=off')):
        with place() as where:
            status, said, arguments = boot(where, ['--peer', 'none', '--gdb'],
                                           **place_of_gdb)
            assert status == 0 and 'waiting for: gdb -x ' in said, said
            assert arguments[arguments.index('-gdb') + 1] == wanted, arguments


def test_what_fails_before_the_kernel_runs_has_a_status_of_its_own():
    with place() as where:
        nowhere = os.path.join(where, 'nowhere')
        status, said, _ = boot(where, TMPDIR=nowhere)
        assert status == 4 and nowhere in said, (status, said)
    for options, words in ((['--peer'], '--peer wants a value'),
                           (['--peer', 'none', '--smp', '08'], 'SMP=08'),
                           (['--peer', 'none', '--peers', 'x'], '--peers x')):
        with place() as where:
            status, said, _ = boot(where, options)
            assert status == 4 and words in said, (status, said)


def test_a_process_that_misses_the_first_signal_is_ended():
    with place() as where:
        write(os.path.join(where, 'peer'), PEER)
        status, said, _ = boot(where, ['--peer', os.path.join(where, 'peer'),
                                       '--peer-arg', '--deaf-once'])
        assert status == 0, said
        assert not os.path.exists(os.path.join(where, 'log.peer0.pid'))


def test_tcg_runs_the_guest_unless_kvm_is_asked_for_and_there():
    with place() as where:
        status, said, arguments = boot(where)
        assert status == 0 and 'tcg,thread=multi' in arguments, said
    for options, value, words in (
            ([], 'x', 'ACCEL=x is neither tcg nor kvm'),
            (['--icount'], 'kvm', 'ACCEL=kvm: ')):
        with place() as where:
            status, said, _ = boot(where, ['--peer', 'none'] + options,
                                   ACCEL=value)
            assert status == 4 and words in said, said
            assert said.count('\n') == 1, said


def test_a_host_without_kvm_says_so_in_one_line():
    if os.path.exists('/dev/kvm'):
        raise tap.Skip('this host has /dev/kvm')
    with place() as where:
        status, said, _ = boot(where, ACCEL='kvm')
        assert (status, said) == (4, 'run-qemu: ACCEL=kvm: this host has no '
                                  '/dev/kvm\n'), said


def test_another_qemu_can_be_named():
    with place() as where:
        other = os.path.join(where, 'other')
        write(other, QEMU % '9.9.9')
        status, said, arguments = boot(where, QEMU=other)
        assert status == 0 and '-cdrom' in arguments, said
    with place() as where:
        status, said, _ = boot(where, QEMU='/nowhere/qemu')
        assert status == 4 and 'no /nowhere/qemu' in said, said


def test_the_iso_of_a_boot_by_bios_has_no_half_for_uefi():
    if not os.path.isdir('/usr/lib/grub/i386-pc'):
        raise tap.Skip("GRUB's files are elsewhere here")
    asked = []
    for firmware in ('bios', 'uefi'):
        with place() as where:
            words = os.path.join(where, 'words')
            boot(where, ['--peer', 'none', '--firmware', firmware], stubs={
                'grub-mkrescue': MKRESCUE + 'echo "$*" >%s\n' % words})
            with open(words, encoding='utf-8') as said:
                asked.append('--directory=/usr/lib/grub/i386-pc' in said.read())
    return tap.equal(asked, [True, False])


def test_a_newer_qemu_that_cannot_be_had_is_told_in_one_line():
    """Stand-ins: another architecture, an apt without a mirror, no network."""
    broken = '#!/bin/sh\necho "E: no network" >&2\nexit 1\n'
    apt = '#!/bin/sh\n[ "$1" != indextargets ] || echo %s\n'
    for stubs, words in (
            ({'uname': '#!/bin/sh\necho aarch64\n'}, 'this host is no x86_64'),
            ({'mmdebstrap': broken, 'apt-get': apt % ''}, 'no mirror'),
            ({'mmdebstrap': broken, 'apt-get': apt % 'http://x'},
             'mmdebstrap: E: no network')):
        with place() as where:
            tree = copy_tree(where)
            status, said, _ = boot(where, scripts=os.path.join(tree, 'scripts'),
                                   QEMU='newer', PATH=path_with(where + '/..',
                                                                stubs))
            lines = said.splitlines()
            assert status == 4 and lines[-1].startswith('no newer QEMU: '), said
            assert words in lines[-1] and len(lines) < 3, said


def test_a_machine_lacks_what_it_is_said_to_lack():
    with place() as where:
        status, said, arguments = boot(where, ['--peer', 'none', '--without',
                                               'serial', '--without', 'vga'])
        assert status == 0 and '-vga' not in arguments, said
        assert arguments[arguments.index('-serial') + 1] == 'none', arguments
        assert any(word.startswith('isa-debug-exit') for word in arguments)
    with place() as where:
        status, said, arguments = boot(where, ['--peer', 'none', '--without',
                                               'debug-exit'])
        assert not any(word.startswith('isa-debug-exit') for word in arguments)
    with place() as where:
        status, said, _ = boot(where, ['--peer', 'none', '--without', 'tea'])
        assert status == 4 and 'tea is not serial' in said, said


def machines():
    """The folders of machines whose log is called `log`."""
    return glob.glob(os.path.join(TOP, 'build', 'run', 'log.*'))


def test_a_machine_has_a_folder_with_its_ram_until_it_ends():
    with place() as where:
        status, said, arguments = boot(where, ['--peer', 'none', '--trace',
                                               os.path.join(where, 'trace')])
        backend = next(word for word in arguments if 'memory-backend-file' in word)
        folder = os.path.dirname(backend.partition('mem-path=')[2])
        assert os.path.basename(folder).startswith('log.'), arguments
        # The kernel of this boot is no kernel, so its rings never come.
        assert status == 4 and 'was not recorded' in said, said
        assert not os.path.exists(folder) and not machines(), machines()


# Python, of a host that has no time for it until the machine has ended.
LATE_PYTHON = '''#!/bin/sh
case $1 in
*trace.py) sleep 1 ;;
esac
exec %s "$@"
'''


def test_a_recorder_that_comes_late_still_reads_the_machine():
    with place() as where:
        trace = os.path.join(where, 'trace')
        write(trace, 'of the boot before')
        status, said, _ = boot(where, ['--peer', 'none', '--trace', trace],
                               stubs={'python3': LATE_PYTHON % sys.executable},
                               STUB_STATUS='37')
        # It has looked for a kernel's rings; the status is that of the panic.
        assert 'no symbol trace_header' in said, said
        assert status == 2 and 'was not recorded' in said, said
        assert not os.path.exists(trace)


def test_a_machine_that_is_kept_has_its_ram_and_its_kernel():
    with place() as where:
        status, said, _ = boot(where, ['--peer', 'none', '--keep-ram', '--mem',
                                       '64'])
        folder, = machines()
        try:
            assert status == 0 and folder in said, said
            size = os.path.getsize(os.path.join(folder, 'ram'))
            assert size == 64 << 20, size
            return tap.equal(os.path.realpath(os.path.join(folder, 'image')),
                         os.path.realpath(shutil.which('true')))
        finally:
            shutil.rmtree(folder)


def test_a_disk_without_room_for_the_ram_is_named_before_the_boot():
    with place() as where, place() as other:
        path = path_with(other, {'df': '#!/bin/sh\necho Avail\necho 104857600\n'})
        stubs = os.path.join(where, 'stubs')
        status, said, arguments = boot(where, ['--peer', 'none', '--keep-ram'],
                                       PATH=path.replace(':', ':%s:' % stubs, 1))
        assert status == 4 and not arguments, arguments
        return tap.equal('has 100 MiB free, and the guest\'s RAM is a file of 256 MiB'
                     in said, True)


def test_a_name_too_long_for_a_socket_is_refused():
    with place('x' * 100) as where:
        status, said, _ = boot(where)
        assert status == 4 and 'too long' in said, (status, said)


def test_a_module_or_a_command_line_that_grub_would_read_otherwise_is_refused():
    for options, words in ((['--module', 'a b'], 'unlike a b'),
                           (['--append', 'x=1\nreboot'], 'GRUB signs'),
                           (['--append', 'x #y'], 'GRUB signs')):
        with place() as where:
            status, said, _ = boot(where, ['--peer', 'none'] + options)
            assert status == 4 and words in said, (status, said)


def test_an_option_that_ld_does_not_know_is_left_out():
    old = '''#!/bin/sh
for word in "$@"; do
	case $word in
	--no-warn-rwx-segments) echo "unrecognized option '$word'" >&2; exit 1 ;;
	esac
done
exit 0
'''
    for stub, there in ((old, False), ('#!/bin/sh\nexit 0\n', True)):
        with place() as where:
            status, said = run(['make', '-n', 'CROSS_COMPILE=stub-', 'all'],
                               PATH=path_with(where, {'stub-ld': stub}))
            assert status == 0, said
            assert ('--no-warn-rwx-segments' in said) == there, said[-2000:]


def test_makefiles_elsewhere_say_how_they_are_used():
    for folder in ('', 'peer', 'tests/host'):
        directory = os.path.join(TOP, folder).rstrip('/')
        with place() as where:
            status, said = run(['make', '-f', directory + '/Makefile'], where)
            assert status == 2, said
            assert "make -C '%s'" % directory in said, said
            assert os.listdir(where) == []


def test_words_that_the_makefile_does_not_know_are_refused():
    for word, said_of_it in (('COMPILER=icc', 'neither gcc nor clang'),
                             ('BUILD=tset', 'is none of: test debug')):
        status, said = run(['make', '-n', word])
        assert status == 2 and said_of_it in said, said


def test_an_empty_word_is_as_none_and_help_minds_no_word():
    plain = run(['make', '-n', 'all', 'options'])
    assert run(['make', '-n', 'all', 'options', 'BUILD=', 'COMPILER=']) == plain
    status, said = run(['make', 'help'])
    assert status == 0 and '  run ' in said, said
    assert not [line for line in said.splitlines() if len(line) > 100], said
    for word in ('BUILD=tset', 'BUILD=test-no-X', 'COMPILER=icc'):
        assert run(['make', 'help', word]) == (0, said), word


def test_a_closed_standard_output_is_refused():
    status, said = run(['sh', '-c', 'exec make -n all >&-'])
    assert status == 2 and 'standard output is closed' in said, said


def test_what_is_there_already_is_made_in_silence():
    run(['make', '-s', 'peer'])
    assert run(['make', 'peer']) == (0, '')


def test_a_tree_whose_path_has_signs_in_it_can_be_used():
    with place("a clone, of 'it'") as where:
        tree = copy_tree(where)
        status, said = run(['make', '-n', 'all', 'host-tests'], tree)
        assert status == 0, said
        assert run(['make', '-s', 'doctor'], tree) == run(['make', '-s', 'doctor'])
        status, said, _ = boot(where, scripts=os.path.join(tree, 'scripts'))
        assert status == 0, said


def doctor(path):
    status, said = run(['make', '-s', 'doctor'], PATH=path)
    verdicts = dict(line.split(None, 1) for line in said.splitlines()
                    if line.endswith('can go') or line.endswith('cannot go'))
    return status, said, verdicts


def test_doctor_says_what_can_go_and_what_cannot():
    with place() as where:
        status, said, verdicts = doctor(path_without(where, 'spin'))
        assert status == 0, said
        assert verdicts['run'] == verdicts['test'] == 'can go', said
        assert verdicts['model'] == 'cannot go', said
        assert 'missing: spin, package spin' in said, said
    with place() as where:
        status, said, verdicts = doctor(path_without(where, 'gdb'))
        assert status == 2 and verdicts['run'] == 'can go', said
        assert verdicts['test'] == verdicts['debug'] == 'cannot go', said
    with place() as where:
        status, said, verdicts = doctor(path_without(where, 'valgrind'))
        assert status == 0 and verdicts['bench'] == 'cannot go', said
        assert 'missing: valgrind, package valgrind' in said, said


def test_a_locale_that_is_not_installed_does_not_matter():
    assert run(['make', '-s', 'doctor'], LC_ALL='xx_XX.UTF-8') == \
        run(['make', '-s', 'doctor'])


def test_doctor_says_that_qemu_is_too_old():
    with place() as where:
        status, said, verdicts = doctor(
            path_with(where, {'qemu-system-x86_64': QEMU % '6.2.0'}))
        assert status == 2 and verdicts['run'] == 'cannot go', said
        assert 'QEMU 6.2.0 is too old: 7.2 or newer is wanted' in said, said


def test_doctor_needs_no_bash_to_say_that_there_is_none():
    with place() as where:
        status, said, verdicts = doctor(path_without(where, 'bash'))
        assert status == 2 and verdicts['run'] == 'cannot go', said
        assert 'missing: bash, package bash' in said, said


def test_a_tool_that_is_missing_is_named():
    for tool in ('grub-mkrescue', 'x86_64-linux-gnu-objcopy'):
        with place() as where:
            path = path_without(where, tool, 'x86_64-elf-objcopy')
            status, said = run(['scripts/mkiso', shutil.which('true'),
                                os.path.join(where, 'out.iso'), ''], PATH=path)
            assert status == 2 and 'no %s: make doctor' % tool in said, said


if __name__ == '__main__':
    sys.exit(tap.main('surroundings', globals()))
