#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""prepare.py SCANNER FOLDER: meson's install script: describes the installed plugins, so that nobody's first start has to scan."""
import os
import subprocess
import sys

folder = os.environ.get('DESTDIR', '') + sys.argv[2]
if os.path.isdir(folder) and subprocess.run([sys.argv[1], '--prepare', folder], check=False).returncode != 0:
    # Not an error of the installation: without the file the plugins are scanned.
    print(f'the plugins in {folder} were not described', file=sys.stderr)
