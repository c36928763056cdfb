#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host code of each instruction row against what the repository says. TAP; --update writes the file instead.
Usage: golden.py [--update] FILE HOST-CODE ARCH ROWS.json TIER

Each row has a line with what it costs, then the instruction; then its code, and with ~ what of it lies behind the block. Bytes that
say where something is in the tier's part of the vCPU are dots: it moves. Lines with # are for people, and like the number of
instructions not compared where objdump is missing."""
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

HEAD = '''# Host code of each instruction row, written by "ninja golden-update": how many instructions and bytes it takes, and how many
# behind the block, where it seldom goes. Registers are a0 to a3 and fa0 to fa3, numbers what the encoding has of 24, 16, 32 and 1.
'''


def masked(code, low, high):
    """In hexadecimal; displacements of 32 bits from @low up to @high are dots."""
    text = code.hex()
    for i in range(1, len(code) - 3):
        # behind a ModRM byte, or that and a SIB byte
        behind = code[i - 1] >> 6 == 2 and code[i - 1] & 7 != 4 or i > 1 and code[i - 2] & 0xc7 == 0x84
        if behind and low <= int.from_bytes(code[i:i + 4], 'little') < high:
            text = text[:2 * i] + '........' + text[2 * i + 8:]
    return text


def disassemble(pieces, low, high):
    """Lists of instructions, or None without objdump."""
    if shutil.which('objdump') is None:
        return None
    result = [[] for _ in pieces]
    owner = {}
    at = 0
    for n, piece in enumerate(pieces):
        owner.update(((at + i), (n, at)) for i in range(len(piece)))
        at += len(piece)
    with tempfile.NamedTemporaryFile() as f:
        f.write(b''.join(pieces))
        f.flush()
        text = subprocess.run(['objdump', '-D', '-z', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', f.name],
                              stdout=subprocess.PIPE, check=True, env=dict(os.environ, LC_ALL='C')).stdout.decode()
    for address, code, name in re.findall(r'^ *([0-9a-f]+):\t([0-9a-f ]+?) *(?:\t(.*))?$', text, re.M):
        n, start = owner[int(address, 16)]
        if name == '':
            continue  # more bytes of the last one
        name = re.sub(r'^(j\w+|call) +0x([0-9a-f]+)', lambda m: f'{m[1]} +{int(m[2], 16) - start:#x}', name)
        name = re.sub(r'0x[0-9a-f]+(?=\])', lambda m: '...' if low <= int(m[0], 16) < high else m[0], name)
        name = re.sub(r' *# 0x[0-9a-f]+$', '', name)  # where that is
        result[n].append(re.sub(r'  +', ' ', name.strip()))
    return result


class Skip(Exception):
    pass


def render(program):
    lines = subprocess.run(program + ['rows'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    sys.stderr.write(lines.stderr.decode())
    if lines.returncode == 77:
        raise Skip(lines.stderr.decode().strip())
    lines.check_returncode()
    first, *lines = lines.stdout.decode().splitlines()
    low, high = map(int, first.split())
    rows = [line.split('\t') for line in lines]
    pieces = [bytes.fromhex(column) for row in rows for column in row[2:]]
    names = disassemble(pieces, low, high)
    text = [HEAD]
    total = [0, 0, 0, 0]
    for i, (name, instruction, *_) in enumerate(rows):
        hot, cold = pieces[2 * i:2 * i + 2]
        counts = [len(names[2 * i + k]) if names else 0 for k in range(2)]
        for k, value in enumerate([counts[0], len(hot), counts[1], len(cold)]):
            total[k] += value
        text.append(f'{name}: {counts[0]} instructions, {len(hot)} bytes; behind {counts[1]}, {len(cold)}\n'
                    f'    {instruction}\n')
        if hot:
            text.append(f'    {masked(hot, low, high)}\n')
        if cold:
            text.append(f'    ~{masked(cold, low, high)}\n')
        if names and hot:
            text.append(f'    # {"; ".join(names[2 * i])}\n')
    text.append(f'all: {total[0]} instructions, {total[1]} bytes; behind {total[2]}, {total[3]}\n')
    return ''.join(text), names is not None


def bare(text):
    """Without what needs objdump."""
    text = re.sub(r'^ *#.*\n', '', text, flags=re.M)
    return re.sub(r': \d+ instructions, (\d+ bytes; behind) \d+,', r': \1', text)


def check(expected, got, exact):
    if not exact:
        expected, got = bare(expected), bare(got)
    return list(difflib.unified_diff(expected.splitlines(), got.splitlines(), 'committed', 'made now', lineterm='', n=3))


def main():
    update = sys.argv[1] == '--update'
    path, *program = sys.argv[1 + update:]
    try:
        text, exact = render(program)
    except Skip as why:
        print(f'1..0 # SKIP {why}')
        return 0
    if update:
        if not exact:
            print('objdump is needed', file=sys.stderr)
            return 1
        with open(path, 'w') as f:
            f.write(text)
        return 0
    with open(path) as f:
        expected = f.read()
    difference = check(expected, text, exact)
    for line in difference:
        print('#', line)
    print('1..2')
    print('ok 1 - code' if not difference else 'not ok 1 - code: see the difference; if it is meant, "ninja golden-update"')
    # a comparison that finds nothing is none
    other = re.sub(r'(?m)^(    [0-9a-f]*)48', r'\g<1>49', text, count=1)
    seen = other != text and check(other, text, exact) and check(other, text, False) and not check(text, text, exact)
    print('ok 2 - differences' if seen else 'not ok 2 - differences: one was not seen')
    return 0


sys.exit(main())
