#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""static-plugins.py OUTPUT NAME...: the table of the plugins that a static build has inside."""
import sys

names = [n.replace('-', '_') for n in sys.argv[2:]]
with open(sys.argv[1], 'w', encoding='utf-8') as f:
    f.write('/* SPDX-License-Identifier: LGPL-2.1-or-later */\n#include "vmt-plugin.h"\n#include "vmt-static-plugins.h"\n\n')
    f.writelines(f'extern const VmtPluginDesc vmt_plugin_desc_{n};\n' for n in names)
    f.write('\nconst VmtPluginDesc *const vmt_static_plugins[] = {\n')
    f.writelines(f'  &vmt_plugin_desc_{n},\n' for n in names)
    f.write('  NULL,\n};\n')
