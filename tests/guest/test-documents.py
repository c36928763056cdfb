#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Help, man page, completion, --json and the device tree, as the built program gives them. TAP.
Usage: test-documents.py VMTOOL SOURCE-FOLDER"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

VMTOOL, SOURCE = sys.argv[1:3]
COMMANDS = ['run', 'inspect', 'board', 'disk', 'doctor']
done = 0
failed = 0


def vmtool(*args, status=0):
    result = subprocess.run([VMTOOL, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    if result.returncode != status:
        raise AssertionError(f'vmtool {" ".join(args)}: status {result.returncode}: {result.stderr.decode()}')
    return result.stdout


def options_of(command):
    text = vmtool(*([command] if command else []), '--help').decode()
    return set(re.findall(r'(?<![\w-])--[a-z][a-z-]+', text)) | set(re.findall(r'^\s+(-\w),', text, re.M))


def man_options():
    with open(f'{SOURCE}/tools/man/vmtool.1.rst') as f:
        text = f.read()
    sections = {'': text}
    for part in re.split(r'\n(?=[a-z]+ [^\n]*\n-{5,}\n|doctor\n-+\n|OPTIONS\n=+\n)', text):
        name = part.split()[0]
        if name in COMMANDS:
            sections[name] = part
    return {name: set(re.findall(r'(?<![\w-])--?[a-zA-Z][a-z-]*', part)) for name, part in sections.items()}


def test_man():
    written = man_options()
    for command in COMMANDS:
        assert command in written, f'vmtool.1 has no section about {command}'
        missing = options_of(command) - written[command] - {'--help', '-h'}
        assert not missing, f'vmtool.1, {command}: {missing} missing'
        invented = {o for o in written[command] if o.startswith('--')} - options_of(command) - options_of('')
        invented -= {'--version', '--plugin-path'}
        assert not invented, f'vmtool.1, {command}: {invented} are not options'
    for option in ('--plugin-path', '--version', '--help'):
        assert option in written[''], f'vmtool.1: {option} missing'


def complete(line):
    """What bash offers at the end of @line."""
    words = line.split(' ')
    script = f'''
_init_completion () {{ words=("${{COMP_WORDS[@]}}"); cword=$COMP_CWORD; cur=${{words[cword]}}; prev=${{words[cword-1]}}; }}
_filedir () {{ COMPREPLY+=(FILES); }}
compopt () {{ :; }}
vmtool () {{ {VMTOOL} "$@"; }}
. {SOURCE}/tools/completion/vmtool
COMP_WORDS=({' '.join(f"'{w}'" for w in words)}); COMP_CWORD={len(words) - 1}
_vmtool; printf '%s\\n' "${{COMPREPLY[@]}}"'''
    return subprocess.run(['bash', '-c', script], capture_output=True, text=True, timeout=60).stdout.split()


def test_completion():
    assert set(COMMANDS) <= set(complete('vmtool ')), complete('vmtool ')
    assert {'--help', '--version', '--plugin-path'} <= set(complete('vmtool -'))
    for command in COMMANDS:
        long_options = {o for o in options_of(command) if o.startswith('--')}
        missing = long_options - set(complete(f'vmtool {command} --'))
        assert not missing, f'completion of {command}: {missing} missing'
    assert complete('vmtool run riscv-v')[:1] == ['riscv-virt']
    assert complete('vmtool inspect uart-n') == ['uart-ns16550']
    assert set(complete('vmtool board ')) == {'list', 'check', 'show', 'dtb'}
    assert set(complete('vmtool disk ')) == {'create', 'info', 'convert', 'resize', 'check'}
    assert 'FILES' in complete('vmtool run riscv-virt --kernel ')
    assert set(complete('vmtool run riscv-virt --on-reset ')) == {'reboot', 'exit'}


def test_json():
    boards = json.loads(vmtool('board', 'list', '--json'))
    virt = [b for b in boards if b['name'] == 'riscv-virt'][0]
    assert virt['arch'] == 'riscv64' and os.path.exists(virt['path']), virt
    shown = json.loads(vmtool('board', 'show', 'riscv-virt', '--json', '-s', 'memory=1G'))
    params = {p['name']: p for p in shown['parameters']}
    assert {'memory', 'cpus', 'accel', 'tier', 'kernel', 'virtio'} <= set(params)
    assert params['memory']['value'] == '1G' and params['memory']['default'] == '512M', params['memory']
    features = json.loads(vmtool('inspect', '--json'))
    assert len(features) > 20
    uart = json.loads(vmtool('inspect', 'uart-ns16550', '--json'))
    assert 'clock-frequency' in json.dumps(uart)
    json.loads(vmtool('inspect', '--bad', '--json'))
    assert json.loads(subprocess.run([VMTOOL, 'doctor', '--json'], capture_output=True).stdout)


def test_text():
    assert b'riscv-virt' in vmtool('board', 'list')
    shown = vmtool('board', 'show', 'riscv-virt').decode()
    assert re.search(r'memory +size +512M', shown), shown
    assert b'<include' not in vmtool('board', 'show', 'riscv-virt', '--xml')
    assert b'is valid' in vmtool('board', 'check', 'riscv-virt')
    assert b'vmtool ' in vmtool('--version')
    text = vmtool('inspect', 'uart-ns16550').decode()
    assert 'clock-frequency' in text and 'backend' in text, text


def test_xml_is_a_board():
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/flat.xml'
        with open(path, 'wb') as f:
            f.write(vmtool('board', 'show', 'riscv-virt', '--xml'))
        vmtool('board', 'check', path)
        # all but the seed, which is another one each time
        a, b = (vmtool('board', 'dtb', board) for board in (path, 'riscv-virt'))
        assert len(a) == len(b) and sum(x != y for x, y in zip(a, b)) <= 32


def test_device_tree():
    if shutil.which('dtc') is None:
        return 'dtc (Debian package device-tree-compiler) is not installed: the device tree is not checked'
    for settings in [[], ['-s', 'cpus=4', '-s', 'virtio=mmio'], ['-s', 'memory=8G'], ['-s', 'net=none']]:
        with tempfile.TemporaryDirectory() as folder:
            path = f'{folder}/a.dtb'
            vmtool('board', 'dtb', 'riscv-virt', '-o', path, *settings)
            result = subprocess.run(['dtc', '-I', 'dtb', '-O', 'dts', path], capture_output=True, text=True)
            assert result.returncode == 0 and result.stderr == '', result.stderr
            for word in ('ns16550a', 'sifive,plic-1.0.0', 'pci-host-ecam-generic', 'qemu,pvpanic-mmio', 'sifive,test1', 'riscv,isa'):
                assert word in result.stdout, word
            assert 'htif' not in result.stdout


def test_disk():
    with tempfile.TemporaryDirectory() as folder:
        a, b = f'{folder}/a.qcow2', f'{folder}/b.img'
        vmtool('disk', 'create', '-f', 'qcow2', a, '4M')
        info = json.loads(vmtool('disk', 'info', '--json', a))
        assert info['format'] == 'qcow2' and info['virtual-size'] == 4 << 20 and info['path'] == a, info
        vmtool('disk', 'create', '-f', 'qcow2', a, '4M', status=1)
        vmtool('disk', 'resize', a, '+4M')
        vmtool('disk', 'resize', a, '1M', status=1)
        vmtool('disk', 'convert', '-f', 'raw', a, b)
        assert os.path.getsize(b) == 8 << 20
        info = json.loads(vmtool('disk', 'info', '--json', b))
        assert info['format'] == 'raw' and info['disk-size'] < 1 << 20, info
        check = json.loads(vmtool('disk', 'check', '--json', a))
        assert 'error' in json.dumps(check), check
        vmtool('disk', 'resize', '--shrink', b, '1M')
        assert os.path.getsize(b) == 1 << 20


def main():
    global done, failed
    tests = [test_man, test_completion, test_json, test_text, test_xml_is_a_board, test_device_tree, test_disk]
    print(f'1..{len(tests)}')
    for test in tests:
        done += 1
        name = '/guest/documents/' + test.__name__[5:].replace('_', '-')
        try:
            skipped = test()
            print(f'ok {done} {name}' + (f' # SKIP {skipped}' if skipped else ''))
        except Exception as e:
            failed += 1
            print(f'not ok {done} {name}')
            print('\n'.join('# ' + line for line in f'{type(e).__name__}: {e}'.splitlines()))
    sys.exit(failed != 0)


main()
