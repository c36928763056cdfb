#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-code-memory-suites.py BUILD VMTOOL HARDENED [MODE...]: the default suite on hosts that allow code to be made in one way only, or in none
(tests/support/hardened.c). Prints TAP, and for each host what passed, failed and was skipped."""
import collections
import json
import os
import re
import subprocess
import sys

BUILD, VMTOOL, HARDENED, *WANTED = sys.argv[1:]
# The host -> how code is made there.
MODES = {'mdwe': 'dual', 'toggle': 'toggle', 'none': None}
# Made for every profile alike, or of nothing that runs.
WITHOUT = ['slow', 'fuzz', 'lint']
# What a host forbids is the subject of few tests: if more of them skip, something else is the matter.
MIN_SHARE = 0.75
# Times the usual limits: pages that are toggled among vCPUs take their time.
PATIENCE = '4'
ENV = {k: v for k, v in os.environ.items() if k != 'VMTOOL_CODE_MEMORY'}
# What this test's own environment says is not for all those that are started here: each has its own.
FOREIGN = ('G_DEBUG', 'G_TEST_SRCDIR', 'G_TEST_BUILDDIR', 'HARDENED', 'LD_LIBRARY_PATH', 'MALLOC_PERTURB_', 'MESON_TEST_ITERATION', 'VMTOOL',
           'VMT_BOARD_PATH', 'VMT_PLUGIN_PATH', 'VMT_REGISTRY')
SUITE_ENV = {k: v for k, v in ENV.items() if k not in FOREIGN}
BAD = ('FAIL', 'ERROR', 'TIMEOUT', 'INTERRUPT', 'UNEXPECTEDPASS')


class Failed(Exception):
    pass


class Skip(Exception):
    pass


def need(condition, text):
    if not condition:
        raise Failed(text)


def say(text):
    for line in text.splitlines():
        print('#', line, flush=True)


def doctor(*wrapper):
    return subprocess.run([*wrapper, VMTOOL, 'doctor'], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, env=ENV)


def check_host(mode, strategy):
    """It is what it is meant to be."""
    if strategy is not None:
        refused = re.search(f"'{strategy}' does not work here.*", doctor().stdout)
        if refused:
            raise Skip(refused[0])
    result = doctor(HARDENED, mode)
    if result.returncode == 77:
        raise Skip(f'this kernel cannot make such a host: {result.stderr.strip()}')
    text = result.stdout
    need(result.returncode == 0, f'vmtool doctor: exit status {result.returncode}\n{text}{result.stderr}')
    for one in ('dual', 'toggle'):
        need(re.search(f'code memory {one} +' + ('works, and is used' if one == strategy else f".*'{one}' does not work here"), text),
             f"'{one}' is not as it should be:\n{text}")
    need(('the interpreter executes guests' in text) == (strategy is None), f'what executes guests is not told:\n{text}')
    tier = re.search(r'tier baseline +(.*)', text)
    need(tier is None or (tier[1] == 'usable') == (strategy is not None), f'the JIT is not as it should be:\n{text}')


def meson(*more):
    without = [word for suite in WITHOUT for word in ('--no-suite', suite)]
    return subprocess.run(['meson', 'test', '-C', BUILD, '--no-rebuild', *without, *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=SUITE_ENV, check=False)


def list_tests():
    return {line for line in meson('--list').stdout.splitlines() if ' / ' in line}


def run_suite(mode):
    """(name, result, output) of each test."""
    base = f'code-memory-{mode}'
    log = f'{BUILD}/meson-logs/{base}-{os.path.basename(HARDENED)}.json'
    if os.path.exists(log):
        os.remove(log)
    result = meson('--logbase', base, '--wrapper', f'{HARDENED} {mode}', '-t', PATIENCE)
    need(os.path.exists(log), f'meson wrote no {log}:\n{result.stdout[-4000:]}')
    with open(log, encoding='utf-8') as f:
        rows = [json.loads(line) for line in f]
    return [(row['name'], row['result'], f'{row.get("stdout") or ""}{row.get("stderr") or ""}') for row in rows]


def skipped_parts(output):
    """How many of a test's cases are skipped, by reason."""
    return collections.Counter(re.findall(r'^ok .*# SKIP *(.*)', output, re.M | re.I))


def check_suite(mode):
    expected = list_tests()
    rows = run_suite(mode)
    passed = [row for row in rows if row[1] == 'OK']
    failed = [row for row in rows if row[1] in BAD]
    skipped = [row for row in rows if row[1] == 'SKIP']
    print(f'# {mode}: {len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped', flush=True)
    for name, result, output in failed:
        say(f'  {result} {name}')
    for name, _, output in skipped:
        reasons = re.findall(r'# SKIP *(.*)', output, re.I) or ['it gives no reason']
        say(f'  SKIP {name}: {reasons[0]}')
    for name, _, output in passed:
        for reason, n in skipped_parts(output).items():
            say(f'  part SKIP {name}: {n} of {len(re.findall("^ok ", output, re.M))}: {reason}')
    for name, _, output in failed:
        say(f'--- {name}\n{output[-4000:]}')
    need(not failed, f'{len(failed)} tests fail')
    missing = expected - {name for name, _, _ in rows}
    need(not missing, f'these gave no result: {", ".join(sorted(missing))}')
    need(len(rows) == len(passed) + len(skipped), f'unknown results: {collections.Counter(result for _, result, _ in rows)}')
    need(len(passed) >= MIN_SHARE * len(expected), f'only {len(passed)} of {len(expected)} tests passed')


def main():
    modes = {mode: strategy for mode, strategy in MODES.items() if not WANTED or mode in WANTED}
    if os.environ.get('VMT_TEST_EMULATED'):
        print('1..0 # SKIP an emulator of processes does not let its guest forbid itself anything')
        return 0
    print(f'1..{len(modes)}', flush=True)
    bad = False
    for number, (mode, strategy) in enumerate(modes.items(), 1):
        try:
            check_host(mode, strategy)
            check_suite(mode)
            print(f'ok {number} - {mode}', flush=True)
        except Skip as why:
            print(f'ok {number} - {mode} # SKIP {why}', flush=True)
        except (Failed, OSError, subprocess.SubprocessError) as error:
            say(str(error))
            print(f'not ok {number} - {mode}', flush=True)
            bad = True
    return 1 if bad else 0


sys.exit(main())
