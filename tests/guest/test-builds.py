#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-builds.py SOURCE CC: builds that are not the usual one boot the stock kernel, too: one without any optimisation, in which the
interpreter takes its trampoline loop, and one with everything in one binary. Prints TAP."""
import json
import os
import shlex
import subprocess
import sys
import tempfile

SOURCE, CC = sys.argv[1:3]
KIT = os.environ.get('VMT_KIT') or os.path.expanduser('~/.cache/vmtool/kit')
TRAMPOLINE = '-DVMT_INTERP_TRAMPOLINE'
# what the test's own environment says of the build that it belongs to
FOREIGN = ('VMT_PLUGIN_PATH', 'VMT_REGISTRY', 'VMT_BOARD_PATH', 'CFLAGS', 'LDFLAGS', 'DESTDIR', 'NINJA_STATUS')


class Failed(Exception):
    pass


def run(args, seconds, env):
    result = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, check=False, env=env)
    text = result.stdout.decode('utf-8', 'replace')
    if result.returncode != 0:
        raise Failed(f'{shlex.join(args)}: exit status {result.returncode}\n{text[-6000:]}')
    return text


def need(condition, text):
    if not condition:
        raise Failed(text)


def commands(folder, source):
    """How the source file is compiled."""
    with open(f'{folder}/compile_commands.json', encoding='utf-8') as f:
        found = [entry['command'].split() for entry in json.load(f) if os.path.basename(entry['file']) == source]
    need(found, f'{source} is not part of the build')
    return found


def optimization(command):
    return [arg for arg in command if arg.startswith('-O')][-1:]


def check_plain(folder):
    for source in ('interp-control.c', 'interp-alu.c', 'vmt-exec.c'):
        for command in commands(folder, source):
            need(optimization(command) in ([], ['-O0']), f'{source} is optimised: {command}')
    need(all(TRAMPOLINE in c for c in commands(folder, 'interp-control.c')), 'the interpreter does not take the trampoline loop')
    need(os.path.exists(f'{folder}/core/link/libvmtaccel-interp.so'), 'there are no plugins')


def check_static(folder):
    need(not any(TRAMPOLINE in c for c in commands(folder, 'interp-control.c')), 'the interpreter takes the trampoline loop')
    for _, _, names in os.walk(folder):
        found = [n for n in names if n.endswith('.so') or '.so.' in n or n == 'vmtool-scanner']
        need(not found, f'a static build made {found}')
    needed = run(['readelf', '-d', f'{folder}/tools/vmtool/vmtool'], 60, os.environ)
    need('libvmtool' not in needed, f'vmtool is not static:\n{needed}')


BUILDS = [
    ('without optimisation', ['--buildtype=plain', '-Doptimization=0'], check_plain),
    ('static', ['-Dplugins_mode=static'], check_static),
]


def boot(folder, env):
    text = run([f'{folder}/tools/vmtool/vmtool', 'run', 'riscv-virt', '--kernel', f'{KIT}/kernel', '--initrd', f'{KIT}/initramfs.cpio.gz',
                '--append', 'console=ttyS0 panic=-1 vmtool.once', '-s', 'cpus=2'], 1200, env)
    for expected in ('Linux version', 'Brought up 1 node, 2 CPUs', 'BOOT-OK', 'Linux kit 6.'):
        need(expected in text, f'no "{expected}" in the output:\n{text[-6000:]}')


def main():
    if not os.path.exists(f'{KIT}/version'):
        print('1..0 # SKIP the guest kit is not there: tools/devtool kit fetches it')
        return 0
    print(f'1..{len(BUILDS) * 2}', flush=True)
    failed = False
    for i, (name, options, check) in enumerate(BUILDS):
        with tempfile.TemporaryDirectory() as top:
            folder = f'{top}/build'
            env = {k: v for k, v in os.environ.items() if k not in FOREIGN}
            env.update(CC=CC, XDG_CACHE_HOME=f'{top}/cache', XDG_RUNTIME_DIR=top, CCACHE_NOHASHDIR='1', CCACHE_BASEDIR=SOURCE)
            env.setdefault('CCACHE_DIR', os.path.expanduser('~/.cache/ccache'))
            try:
                for number, step in ((2 * i + 1, 'build'), (2 * i + 2, 'boot')):
                    if step == 'build':
                        run(['meson', 'setup', folder, SOURCE, '-Dtests=false', '-Dman=disabled', *options], 300, env)
                        run(['ninja', '-C', folder], 3000, env)
                        check(folder)
                    else:
                        boot(folder, env)
                    print(f'ok {number} - {name}: {step}', flush=True)
            except (Failed, OSError, subprocess.SubprocessError) as error:
                text = str(error).replace('\n', '\n# ')
                for n in range(number, 2 * i + 3):
                    print(f'not ok {n} - {name}\n# {text}', flush=True)
                failed = True
    return 1 if failed else 0


sys.exit(main())
