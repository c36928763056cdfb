#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Figures of the whole program: start and end of a bare guest, an idle guest (bare, and Linux at its shell when the guest kit is there),
and inspect's answer from the cache. Prints them beside their aims; processor time tells more than wall time on a machine that has other work.
Usage: bench-cli.py VMTOOL [RUNS]"""
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import time

VMTOOL = sys.argv[1]
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 20
POWER_OFF = [0x00100537, 0x000055B7, 0x55558593, 0x00B52023, 0x0000006F]
IDLE = [0x10500073, 0xFFDFF06F]
KIT = os.environ.get('VMT_KIT') or os.path.expanduser('~/.cache/vmtool/kit')


def write_elf(path, words):
    code = struct.pack(f'<{len(words)}I', *words)
    header = struct.pack('<16sHHIQQQIHHHHHH', b'\x7fELF\2\1\1', 2, 243, 1, 0x80000000, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack('<IIQQQQQQ', 1, 7, 120, 0x80000000, 0x80000000, len(code), len(code), 4096)
    with open(path, 'wb') as f:
        f.write(header + segment + code)


def measure(*args):
    """Best wall and processor milliseconds, and the largest resident set in MiB."""
    wall, cpu, rss = [], [], 0
    for _ in range(RUNS):
        start = time.monotonic()
        pid = os.posix_spawn(VMTOOL, [VMTOOL, *args], os.environ,
                             file_actions=[(os.POSIX_SPAWN_OPEN, 0, '/dev/null', os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0)])
        _, status, usage = os.wait4(pid, 0)
        assert status == 0, status
        wall.append(time.monotonic() - start)
        cpu.append(usage.ru_utime + usage.ru_stime)
        rss = max(rss, usage.ru_maxrss)
    return min(wall) * 1000, sorted(wall)[len(wall) // 2] * 1000, min(cpu) * 1000, rss / 1024


def get_cpu(pid):
    with open(f'/proc/{pid}/stat') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def idle(path, seconds):
    process = subprocess.Popen([VMTOOL, 'run', 'riscv-virt', '--kernel', path], stdin=subprocess.DEVNULL)
    time.sleep(2)
    before = get_cpu(process.pid)
    time.sleep(seconds)
    used = get_cpu(process.pid) - before
    process.terminate()
    assert process.wait() == 0
    return used / seconds * 100


def read_until(fd, text, seconds, shown=b''):
    """Reads what a terminal shows until the text is there; returns what came after it."""
    end = time.monotonic() + seconds
    while text not in shown:
        assert time.monotonic() < end, shown[-2000:]
        if select.select([fd], [], [], 1)[0]:
            shown += os.read(fd, 65536)
    return shown[shown.index(text) + len(text):]


def idle_shell(cpus, seconds):
    """Linux waits at its shell for somebody at a terminal to type."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(VMTOOL, [VMTOOL, 'run', 'riscv-virt', '--kernel', f'{KIT}/kernel', '--initrd', f'{KIT}/initramfs.cpio.gz',
                          '--append', 'console=ttyS0 panic=-1', '-s', f'cpus={cpus}'])
    rest = read_until(fd, b'This is a busybox shell', 300)
    rest = read_until(fd, b'# ', 60, rest)
    # it does answer, and then it rests
    os.write(fd, b"echo aw''ake\r")
    read_until(fd, b'\nawake', 60, rest)
    time.sleep(3)
    before = get_cpu(pid)
    time.sleep(seconds)
    used = get_cpu(pid) - before
    os.write(fd, b'\x01x')
    read_until(fd, b'Ctrl-A x', 60)
    os.close(fd)
    assert os.waitpid(pid, 0)[1] == 0
    return used / seconds * 100


def main():
    with tempfile.TemporaryDirectory() as folder:
        off, rest = f'{folder}/off.elf', f'{folder}/idle.elf'
        write_elf(off, POWER_OFF)
        write_elf(rest, IDLE)
        print(f'{"":28} {"best":>8} {"median":>8} {"cpu":>8} {"rss MiB":>8}')
        for name, args, aim in (('bare guest powers off', ('run', 'riscv-virt', '--kernel', off), '50 ms, 24 MiB'),
                                ('inspect', ('inspect',), '20 ms'), ('inspect uart-ns16550', ('inspect', 'uart-ns16550'), '20 ms'),
                                ('--version', ('--version',), '')):
            wall, median, cpu, rss = measure(*args)
            print(f'{name:28} {wall:8.1f} {median:8.1f} {cpu:8.1f} {rss:8.1f}   {aim}')
        print(f'{"idle guest, % of a core":28} {idle(rest, 10):8.2f} {"":26}   2')
        if os.path.exists(f'{KIT}/version'):
            for cpus in (1, 4):
                print(f'{f"idle shell, {cpus} CPUs, % of a core":28} {idle_shell(cpus, 10):8.2f} {"":26}   2')


main()
