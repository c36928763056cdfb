#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-guest.py ELF...: the bare-metal programs pass under qemu-system-riscv64, so that what they expect is not only what we do.

The command is $VMT_QEMU_SYSTEM_RISCV64, or a release in the cache folder (a system of its own), or $PATH's."""
import mmap
import os
import re
import shlex
import shutil
import subprocess
import sys

PROGRAM = 'qemu-system-riscv64'
# Older releases lack Zicboz or Svadu, or differ where the manuals were not settled yet.
OLDEST = 9


def candidates():
    given = os.environ.get('VMT_QEMU_SYSTEM_RISCV64')
    if given:
        yield shlex.split(given)
        return
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    root = os.path.join(cache, 'vmtool-qemu')
    for loader, triplet in (('lib64/ld-linux-x86-64.so.2', 'x86_64-linux-gnu'), ('lib/ld-linux-aarch64.so.1', 'aarch64-linux-gnu')):
        loader = os.path.join(root, loader)
        path = os.path.join(root, 'usr/bin', PROGRAM)
        if os.access(loader, os.X_OK) and os.access(path, os.X_OK):
            libraries = [os.path.join(root, d, triplet) for d in ('lib', 'usr/lib')]
            libraries += [os.path.join(libraries[1], d) for d in ('blas', 'lapack', 'pulseaudio')]
            yield [loader, '--library-path', ':'.join(libraries), path, '-L', os.path.join(root, 'usr/share/qemu')]
    if shutil.which(PROGRAM):
        yield [PROGRAM]


def find():
    why = f'no {PROGRAM}'
    for command in candidates():
        try:
            text = subprocess.run(command + ['--version'], capture_output=True, text=True, check=True, timeout=30).stdout
        except (OSError, subprocess.SubprocessError) as e:
            why = f'{command[0]}: {e}'
            continue
        m = re.search(r'version (\d+)\.', text)
        if m and int(m[1]) >= OLDEST:
            return command, text.splitlines()[0]
        why = f'{text.splitlines()[0]} is older than {OLDEST}.0'
    return None, why


def forbids_writable_code():
    try:
        mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
        return False
    except OSError:
        return True


def adapt(command):
    """What else it takes here, or None: the emulator writes code where it executes it, if it is not told to map it twice."""
    if not forbids_writable_code():
        return command
    command = command + ['-accel', 'tcg,split-wx=on']
    probe = subprocess.run(command + ['-M', 'none', '-nodefaults', '-display', 'none', '-monitor', 'stdio'], input='quit\n', stdout=subprocess.DEVNULL,
                           text=True, check=False, timeout=60)
    return command if probe.returncode == 0 else None


def main(files):
    command, what = find()
    if command is not None and (command := adapt(command)) is None:
        what = f'this host forbids the memory that {what} needs for code'
    print(f'1..{len(files)}')
    if command is not None:
        print(f'# {what}')
    bad = 0
    for number, path in enumerate(files, 1):
        name = f'/arch/riscv/qemu/{os.path.splitext(os.path.basename(path))[0]}'
        if command is None:
            print(f'ok {number} {name} # SKIP {what}: the programs are NOT checked against another implementation')
            continue
        harts = '4' if name.endswith('/smp') else '1'
        run = command + ['-M', 'virt', '-cpu', 'rv64,svinval=on', '-smp', harts, '-bios', 'none', '-nodefaults', '-display', 'none', '-kernel', path]
        try:
            r = subprocess.run(run, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
            status, said = r.returncode, r.stderr.strip()
        except subprocess.TimeoutExpired:
            status, said = -1, 'it did not end'
        if status == 0:
            print(f'ok {number} {name}')
        else:
            bad += 1
            print(f'not ok {number} {name}\n# step {status} {said}')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
