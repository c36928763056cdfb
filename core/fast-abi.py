#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""fast-abi.py OUTPUT HEADER...: writes VMT_FAST_ABI, a hash of the hot headers without comments and layout."""
import hashlib
import os
import re
import sys

digest = hashlib.sha256()
for path in sorted(sys.argv[2:], key=os.path.basename):
    with open(path, encoding='utf-8') as f:
        text = re.sub(r'/\*.*?\*/', ' ', f.read(), flags=re.S)
    digest.update(' '.join(text.split()).encode() + b'\n')
with open(sys.argv[1], 'w', encoding='utf-8') as f:
    f.write('/* SPDX-License-Identifier: LGPL-2.1-or-later */\n#pragma once\n\n'
            f'#define VMT_FAST_ABI 0x{digest.hexdigest()[:8]}u\n')
