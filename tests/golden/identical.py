#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two processes make the same host code, byte for byte: no address of theirs is in it. TAP.
Usage: identical.py HOST-CODE ARCH ROWS.json TIER VMTOOL"""
import os
import re
import subprocess
import sys

*PROGRAM, VMTOOL = sys.argv[1:]
TIER = PROGRAM[-1]
BLOCKS = 800


class Skip(Exception):
    pass


def random_blocks():
    """Random IR, with the heap in two states."""
    runs = []
    for noise, perturb in (('1', '0'), ('4711', '85')):
        result = subprocess.run(PROGRAM + ['random', noise], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=dict(os.environ, MALLOC_PERTURB_=perturb))
        if result.returncode == 77:
            raise Skip(result.stderr.decode().strip())
        result.check_returncode()
        runs.append((result.stderr.decode(), result.stdout.decode().splitlines()))
    if runs[0][0] == runs[1][0]:
        raise Skip('this host puts programs at the same addresses each time')
    first, second = runs[0][1], runs[1][1]
    assert len(first) >= 500, f'{len(first)} blocks only'
    assert len(set(first)) > len(first) / 2, 'most blocks are the same'
    different = [a for a, b in zip(first, second) if a != b]
    assert len(first) == len(second) and not different, f'{len(different)} blocks differ, the first is {different[0]}'


def strategies():
    """Two ways to have memory for code, the same one twice where the host allows no other."""
    env = {k: v for k, v in os.environ.items() if k != 'VMTOOL_CODE_MEMORY'}
    text = subprocess.run([VMTOOL, 'doctor'], stdout=subprocess.PIPE, env=env).stdout.decode()
    rows = re.findall(r'code memory (dual|toggle) +(.*)', text)
    assert [name for name, _ in rows] == ['dual', 'toggle'], text
    allowed = [name for name, what in rows if what.startswith('works')]
    if not allowed:
        raise Skip('; '.join(what for _, what in rows))
    print('# boots under', ' and '.join(allowed))
    return allowed[0], allowed[-1]


def boot_blocks(memory, perturb):
    """Host code by guest code and IR, of a boot's first blocks."""
    kit = os.environ.get('VMT_KIT', os.path.expanduser('~/.cache/vmtool/kit'))
    if not os.path.exists(f'{kit}/kernel'):
        raise Skip('the guest kit is not there: tools/devtool kit fetches it')
    process = subprocess.Popen(
        [VMTOOL, 'run', 'riscv-virt', '--kernel', f'{kit}/kernel', '--append', 'console=ttyS0 panic=-1', '-s', f'tier={TIER}',
         '--trace=blocks,ir,host'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=dict(os.environ, VMTOOL_CODE_MEMORY=memory, MALLOC_PERTURB_=perturb))
    blocks, addresses = {}, set()
    key, host = [], []
    n = 0
    for line in process.stderr:
        line = line.decode()
        if line.startswith('block '):
            blocks.setdefault(''.join(key), set()).add(' '.join(host))
            key, host = [re.sub(r' host=.*', '', line)], []
            n += 1
            if n > BLOCKS:
                break
        elif line.startswith('      '):
            code = re.match(r' +([0-9a-f]+)  ((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: |$)', line)
            assert code, line
            addresses.add(code[1])
            host.append(code[2])
        else:
            key.append(line)
    process.kill()
    process.wait()
    assert n > BLOCKS, f'{n} blocks only'
    blocks.pop('', None)
    return blocks, addresses


def boot():
    one, other = strategies()
    first, here = boot_blocks(one, '0')
    second, there = boot_blocks(other, '85')
    if here == there:
        raise Skip('this host puts programs at the same addresses each time')
    both = set(first) & set(second)
    assert len(both) > BLOCKS / 2, f'{len(both)} blocks only are in both'
    for key in both:
        assert len(first[key]) == 1 and '' not in first[key], f'several codes, or none, of one block:\n{key}'
        assert first[key] == second[key], f'another process has another code:\n{key}{first[key]}\n{second[key]}'


def main():
    tests = [random_blocks, boot]
    print(f'1..{len(tests)}')
    for n, test in enumerate(tests, 1):
        try:
            test()
            print(f'ok {n} - {test.__name__}', flush=True)
        except Skip as why:
            print(f'ok {n} - {test.__name__} # SKIP {why}', flush=True)
        except (AssertionError, subprocess.CalledProcessError) as error:
            for line in str(error).splitlines():
                print('#', line)
            print(f'not ok {n} - {test.__name__}', flush=True)


main()
