#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-source.py ROOT: the rules of CONTRIBUTING that a program can check. Prints TAP, one line a rule."""
import os
import re
import subprocess
import sys

ROOT = sys.argv[1]
# A -> folders that A may include from ("may use"), besides itself. trace may be used by all but object.
ORDER = {
    'object': [],
    'host': ['object'],
    'plugin': ['object', 'host'],
    'memory': ['object', 'host', 'plugin'],
    'bus': ['object', 'host', 'plugin', 'memory'],
    'backend': ['object', 'host', 'plugin', 'memory'],
    'device': ['object', 'host', 'plugin', 'memory', 'bus', 'backend'],
    'fp': [],
    'ir': ['fp'],
    'isa': ['fp', 'ir'],
    'exec': ['object', 'host', 'plugin', 'fp', 'ir', 'isa', 'memory'],
}
ORDER['machine'] = [*ORDER, ]
ORDER['board'] = [*ORDER, ]
ORDER['trace'] = ['object', 'host']
# The error domain is everybody's.
COMMON = {'vmt-error.h'}
TEXT = ('.c', '.h', '.py', '.xml', '.build', '.sh', '.md', '.rst', '.txt', '.rng', '.in', '.ir', '.S')
PLUGIN_ROOTS = ('plugins', 'arch-plugins', 'accel-plugins', 'device-plugins')
TOP = {'core', 'plugins', 'arch-plugins', 'accel-plugins', 'device-plugins', 'boards', 'tools', 'tests', 'po', '.ci',
       'README.md', 'COPYING', 'NEWS', 'CONTRIBUTING.md', 'SECURITY.md', 'meson.build', 'meson_options.txt', '.clang-format',
       '.gitignore', '.editorconfig'}


def tracked():
    try:
        out = subprocess.run(['git', '-C', ROOT, 'ls-files', '-z'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    except OSError:
        out = b''
    files = [f for f in out.decode().split('\0') if f and os.path.exists(f'{ROOT}/{f}')]
    if not files:  # a release tarball
        for folder, inside, names in os.walk(ROOT):
            inside[:] = [n for n in inside if not n.startswith('build') and n not in ('.git', '__pycache__')]
            files += [os.path.relpath(f'{folder}/{n}', ROOT) for n in names]
    return files


def read(path):
    with open(f'{ROOT}/{path}', encoding='utf-8', errors='replace') as f:
        return f.read()


FILES = tracked()
SOURCES = [f for f in FILES if f.endswith(('.c', '.h'))]
HEADER_FOLDER = {os.path.basename(f): f.split('/')[1] for f in FILES if f.startswith('core/') and f.endswith('.h') and f.count('/') > 1}


def includes(path):
    return re.findall(r'^\s*#\s*include\s+["<]([^">]+)[">]', read(path), re.M)


def check_layout():
    for f in FILES:
        if f.split('/')[0] not in TOP:
            yield f'{f}: the top level is fixed (CONTRIBUTING)'


def check_arrows():
    for f in SOURCES:
        if not f.startswith('core/') or f.count('/') < 2:
            continue
        folder = f.split('/')[1]
        allowed = set(ORDER.get(folder, ORDER)) | {folder} | (set() if folder == 'object' else {'trace'})
        for name in includes(f):
            base = os.path.basename(name)
            target = HEADER_FOLDER.get(base) if base not in COMMON else None
            if base in ('vmt.h', 'vmt-fast.h'):
                yield f'{f}: core includes the umbrella {base}'
            elif target is not None and folder in ORDER and target not in allowed:
                yield f'{f}: core/{folder} may not use core/{target} ({base})'


def check_plugins():
    own = {}
    for f in SOURCES:
        if f.startswith(PLUGIN_ROOTS):
            own.setdefault(os.path.basename(f), []).append(os.path.dirname(f))
    for f in SOURCES:
        if f.startswith('core/'):
            for name in includes(f):
                if os.path.basename(name) in own and os.path.basename(name) not in HEADER_FOLDER:
                    yield f'{f}: core includes {name} from a plugin folder'
        if f.startswith(PLUGIN_ROOTS):
            for name in includes(f):
                base = os.path.basename(name)
                if base in HEADER_FOLDER and base.endswith('-private.h') and not os.path.basename(f).startswith('test-'):
                    yield f'{f}: a plugin includes the private header {base}'
                if base in own and os.path.dirname(f) not in own[base] and base not in HEADER_FOLDER:
                    yield f'{f}: a plugin includes {base} of another plugin'


def check_tiers():
    """No tier names an architecture, no architecture a tier."""
    for f in FILES:
        if not f.endswith(('.c', '.h', '.build', '.py')):
            continue
        text = re.sub(r'VMT_(IR_)?FP_(POLICY|SAT)_\w+', '', read(f))
        if f.startswith('accel-plugins/') and '/test' not in f:
            for word in re.findall(r'riscv\w*|aarch64|arm64|x86_64_guest', text, re.I):
                if 'host' not in word.lower() and word.lower() not in ('aarch64', 'arm64'):
                    yield f'{f}: a tier names an architecture ({word})'
        if f.startswith('arch-plugins/') and re.search(r'interp_|VmtTierInterp|baseline|optimizer', text):
            yield f'{f}: an architecture names a tier'


def check_spdx():
    for f in FILES:
        if f.endswith(TEXT) and not f.endswith(('.md', '.txt')) and '/corpus/' not in f and os.path.getsize(f'{ROOT}/{f}') > 0:
            if 'SPDX-License-Identifier: LGPL-2.1-or-later' not in '\n'.join(read(f).split('\n')[:4]):
                yield f'{f}: no SPDX line in the first lines'


def check_leftovers():
    words = '|'.join(['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'])
    for f in FILES:
        if not f.endswith(TEXT) or f.startswith('po/'):
            continue
        for n, line in enumerate(read(f).split('\n'), 1):
            if re.search(rf'\b({words})\b', line):
                yield f'{f}:{n}: leftover: {line.strip()[:80]}'
            if re.search(r'/(work|home)/[a-z]|/root/\.|\b(deb|ftp|registry)\.[a-z]+\.(org|com)\b', line):
                yield f'{f}:{n}: a path or host of one machine: {line.strip()[:80]}'
            if line != line.rstrip() and not f.endswith(('.md', '.ir')):
                yield f'{f}:{n}: trailing white space'


def check_naming():
    for f in SOURCES:
        base = os.path.basename(f)
        if f.startswith('core/') and f.count('/') > 1 and not re.fullmatch(r'vmt-[a-z0-9-]+(\.def)?\.[ch]', base):
            yield f'{f}: core files are named vmt-<class>.c'
        if f.startswith(PLUGIN_ROOTS) and not re.fullmatch(r'((vmt|test|riscv)-[a-z0-9-]+|[a-z]+-[a-z0-9]+\.isa)\.[ch]', base) \
                and not re.fullmatch(r'[a-z0-9-]+(\.def|\.isa)?\.[ch]', base):
            yield f'{f}: plugin files are in kebab-case'
        if f.startswith('core/'):
            for name in re.findall(r'^(?:[a-z_][\w \*]*[ \*])?\n?((?:vm|VM)_[a-z]\w*) \(', read(f), re.M):
                yield f'{f}: {name}: the prefix is vmt_'


def check_library():
    """The library neither ends the process nor prints."""
    for f in SOURCES:
        if f.startswith(('core/', *PLUGIN_ROOTS)) and '/test' not in f:
            code = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', ' ', read(f), flags=re.S)
            for call in re.findall(r'(?<![\w.>])(exit|abort|g_error|g_print|g_printerr|printf|puts|perror) \(', code):
                yield f'{f}: {call}() in the library'


def check_po():
    linguas = read('po/LINGUAS').split() if 'po/LINGUAS' in FILES else []
    if 'zh_CN' not in linguas:
        yield 'po/LINGUAS: zh_CN is missing'
    listed = set(re.findall(r'^[^#\s].*$', read('po/POTFILES.in'), re.M)) if 'po/POTFILES.in' in FILES else set()
    for f in SOURCES:
        if f.startswith(('tools/vmtool/',)) and re.search(r'\bN?_ \("', read(f)) and f not in listed:
            yield f'{f}: has translatable text and is not in po/POTFILES.in'
    for language in linguas:
        path = f'po/{language}.po'
        if path not in FILES:
            yield f'{path} is missing'
            continue
        template = subprocess.run(['xgettext', '--from-code=UTF-8', '-k_', '-kN_', '-o', '-', *sorted(listed)], cwd=ROOT,
                                  stdout=subprocess.PIPE, check=True).stdout
        merged = subprocess.run(['msgmerge', '-q', '-o', '-', path, '/dev/stdin'], cwd=ROOT, input=template, stdout=subprocess.PIPE,
                                check=False).stdout
        count = subprocess.run(['msgfmt', '--check', '--statistics', '-o', '/dev/null', '-'], input=merged, stderr=subprocess.PIPE,
                               env=dict(os.environ, LC_ALL='C'), check=False)
        if count.returncode != 0 or b'untranslated' in count.stderr or b'fuzzy' in count.stderr:
            yield f'{path}: {count.stderr.decode().strip()}'
    for f in listed:
        if f not in FILES:
            yield f'po/POTFILES.in: {f} does not exist'


RULES = [check_layout, check_arrows, check_plugins, check_tiers, check_spdx, check_leftovers, check_naming, check_library, check_po]
print(f'1..{len(RULES)}')
failed = False
for number, rule in enumerate(RULES, 1):
    problems = sorted(set(rule()))
    for problem in problems[:40]:
        print(f'# {problem}')
    print(f'{"not ok" if problems else "ok"} {number} - {rule.__name__}')
    failed = failed or bool(problems)
sys.exit(1 if failed else 0)
