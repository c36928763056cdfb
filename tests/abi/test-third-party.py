#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-third-party.py SOURCE BUILD PREFIX: a plugin from outside the tree builds against the installed package with pkg-config
alone, is found by the installed vmtool, and works on a board. Prints TAP."""
import os
import shutil
import struct
import subprocess
import sys
import tempfile

SOURCE, BUILD, PREFIX = sys.argv[1:4]
BOARD = '''<?xml version="1.0"?>
<board xmlns="urn:vmtool:board:1" name="third-party" arch="riscv64">
  <include href="soc/standard.xml"/>
  <cpu type="riscv64" count="${cpus}"/>
  <memory id="ram" base="0x80000000" size="${memory}"/>
  <device id="finisher" type="test-finisher" base="0x100000"/>
  <device id="adder" type="example-adder" base="0x10200000"/>
  <firmware type="none"><set name="kernel">${kernel}</set></firmware>
</board>
'''


def i_type(opcode, funct3, rd, rs1, imm):
    return struct.pack('<I', (imm & 0xfff) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode)


def lui(rd, imm20):
    return struct.pack('<I', imm20 << 12 | rd << 7 | 0x37)


def sw(rs2, rs1, imm):
    return struct.pack('<I', (imm >> 5) << 25 | rs2 << 20 | rs1 << 15 | 2 << 12 | (imm & 31) << 7 | 0x23)


# writes 20 and 22, reads the sum, and gives it to the test finisher as the exit status
PROGRAM = b''.join([
    lui(5, 0x10200),
    i_type(0x13, 0, 6, 0, 20), sw(6, 5, 0),
    i_type(0x13, 0, 6, 0, 22), sw(6, 5, 4),
    i_type(0x03, 2, 7, 5, 8),           # lw x7, 8(x5)
    i_type(0x13, 1, 7, 7, 16),          # slli x7, x7, 16
    lui(8, 0x3), i_type(0x13, 0, 8, 8, 0x333),
    struct.pack('<I', 8 << 20 | 7 << 15 | 6 << 12 | 7 << 7 | 0x33),  # or x7, x7, x8
    lui(9, 0x100), sw(7, 9, 0),
    struct.pack('<I', 0x6f),            # j .
])


def elf(code):
    """A bare-metal program: one segment at the start of RAM."""
    head = b'\x7fELF' + bytes([2, 1, 1]) + bytes(9) + struct.pack('<HHIQQQIHHHHHH', 2, 243, 1, 0x80000000, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack('<IIQQQQQQ', 1, 5, 120, 0x80000000, 0x80000000, len(code), len(code), 4) + code


def run(args, **kwargs):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False, **kwargs)


def check(number, name, result, status=0, text=''):
    ok = result.returncode == status and text in result.stdout
    print(f'{"ok" if ok else "not ok"} {number} - {name}')
    if not ok:
        print(f'# exit status {result.returncode}\n# ' + result.stdout.replace('\n', '\n# '))
    return ok


def relocate(path, installed):
    """The package stands in a folder of this test, not where it was made for."""
    with open(path, encoding='utf-8') as f:
        lines = f.readlines()
    with open(path, 'w', encoding='utf-8') as f:
        f.writelines(f'prefix={installed}\n' if line.startswith('prefix=') else line for line in lines)


def main():
    print('1..4')
    with tempfile.TemporaryDirectory() as folder:
        destdir = f'{folder}/dest'
        installed = destdir + PREFIX
        ok = check(1, 'install', run(['meson', 'install', '--no-rebuild', '--quiet', '-C', BUILD, '--destdir', destdir]))
        pc = next((f'{root}' for root, _, names in os.walk(destdir) if 'vmtool-1.pc' in names), '')
        relocate(f'{pc}/vmtool-1.pc', installed)
        flags = run(['pkg-config', '--cflags', '--libs', 'vmtool-1'], env=dict(os.environ, PKG_CONFIG_PATH=pc)).stdout.split()
        os.mkdir(f'{folder}/plugins')
        ok &= check(2, 'build', run(['cc', '-shared', '-fPIC', '-Wall', '-Werror', '-o', f'{folder}/plugins/libvmtdev-example-adder.so',
                                     f'{SOURCE}/tests/abi/vmt-example-adder.c'] + flags))
        os.mkdir(f'{folder}/boards')
        shutil.copytree(f'{installed}/share/vmtool-1/boards/soc', f'{folder}/boards/soc')
        with open(f'{folder}/boards/third-party.xml', 'w', encoding='utf-8') as f:
            f.write(BOARD)
        with open(f'{folder}/program.elf', 'wb') as f:
            f.write(elf(PROGRAM))
        libdir = os.path.dirname(pc)
        env = dict(os.environ, LD_LIBRARY_PATH=libdir, XDG_CACHE_HOME=f'{folder}/cache', VMT_PLUGIN_PATH=f'{folder}/plugins',
                   VMT_PLUGIN_SYSTEM_PATH=f'{libdir}/vmtool-1/plugins', VMT_BOARD_PATH=f'{folder}/boards')
        env.pop('VMT_REGISTRY', None)
        vmtool = f'{installed}/bin/vmtool'
        ok &= check(3, 'inspect', run([vmtool, 'inspect', 'example-adder'], env=env), text='SUM')
        ok &= check(4, 'run', run([vmtool, 'run', 'third-party', '--kernel', f'{folder}/program.elf', '-s', 'memory=16M'], env=env),
                    status=42)
    return 0 if ok else 1


sys.exit(main())
