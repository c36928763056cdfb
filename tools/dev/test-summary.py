#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-summary.py TESTLOG.JSON: one plain line of what meson ran, counting the cases inside TAP programs."""
import json
import re
import sys

passed = failed = skipped = 0
with open(sys.argv[1], encoding='utf-8') as f:
    for line in f:
        test = json.loads(line)
        cases = re.findall(r'^(?:not ok|ok) \d+[^\n]*', test.get('stdout') or '', re.M)
        bad = sum(c.startswith('not ok') for c in cases)
        for case in cases:
            if re.search(r'# SKIP', case, re.I):
                skipped += 1
                print(f'SKIPPED: {test["name"]}: {case}')
            elif case.startswith('ok'):
                passed += 1
        failed += bad
        if test['result'] == 'SKIP' and not cases:
            skipped += 1
            print(f'SKIPPED: {test["name"]}')
        elif test['result'] in ('OK', 'EXPECTEDFAIL') and not cases:
            passed += 1
        elif test['result'] in ('FAIL', 'ERROR', 'TIMEOUT', 'INTERRUPT') and not bad:
            failed += 1
print(f'{passed} passed, {failed} failed, {skipped} skipped')
