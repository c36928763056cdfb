#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes an architecture's decoder, disassembler and row lists from its instruction rows.

A row file (*.isa.h) holds two kinds of entry:

  FIELD (name, width, class, attribute, ...)
      An operand field. class names the function that prints it (PREFIX_print_CLASS). Attributes: signed; in, out, inout
      (its role, registers only); +N (added to the raw value); !N (a value that the encoding excludes); int, float (register class).
  INSN (name, extension, privilege, "encoding", "operands", "attributes")
  { body that emits its IR }
      encoding: bit strings, field names (whole) and slices such as imm[11:5|0], most significant first, 16 or 32 bits together.
      extension: a name, or several joined by + that must all be on. privilege: U, S or M.
      operands: text in which field names are replaced; {name} glues one to what stands beside it; a leading ~ glues it to the mnemonic.
      attributes (optional): words that become PREFIX_ISA_WORD flags, and KEY=VALUE pairs. over=ROW: this row is a special
      case of ROW and is looked at first. alias=TEXT: the mnemonic, when it is not the name with '_' written '.'.

The body sees the fields as gint64 variables, the word as `w`, and the emit context as `s`.
Nothing here knows any architecture.
"""
import argparse
import json
import os
import re
import sys


class RowError(Exception):
    def __init__(self, where, text):
        super().__init__(f'{where}: {text}')


IDENT = re.compile(r'[A-Za-z_]\w*')
PRIVILEGES = ('U', 'S', 'M')
ROLES = ('in', 'out', 'inout')
REGISTER_CLASSES = ('int', 'float')


class Field:
    def __init__(self, where, args):
        if len(args) < 3:
            raise RowError(where, 'FIELD takes a name, a width and a class')
        self.where = where
        self.name, width, self.cls = args[:3]
        if not IDENT.fullmatch(self.name):
            raise RowError(where, f'"{self.name}" is not a field name')
        if not width.isdigit() or not 1 <= int(width) <= 32:
            raise RowError(where, f'field {self.name}: width "{width}" is not 1..32')
        self.width = int(width)
        if not IDENT.fullmatch(self.cls):
            raise RowError(where, f'field {self.name}: "{self.cls}" is not a class name')
        self.signed, self.role, self.add, self.exclude, self.reg = False, None, 0, [], None
        self.used = False
        for a in args[3:]:
            if a == 'signed':
                self.signed = True
            elif a in ROLES:
                self.role = a
            elif a in REGISTER_CLASSES:
                self.reg = a
            elif re.fullmatch(r'\+\d+', a):
                self.add = int(a)
            elif re.fullmatch(r'!\d+', a):
                self.exclude.append(int(a[1:]))
            else:
                raise RowError(where, f'field {self.name}: unknown attribute "{a}"')
        for v in self.exclude:
            if v >> self.width:
                raise RowError(where, f'field {self.name}: excluded value {v} does not fit in {self.width} bits')


class Row:
    """One instruction. pieces: (word bit, length, field, field bit)."""

    def __init__(self, where, args, body, body_line, fields):
        if len(args) not in (5, 6):
            raise RowError(where, 'INSN takes a name, an extension, a privilege, an encoding, operands and attributes')
        self.where, self.body, self.body_line = where, body, body_line
        self.name, ext, self.priv, self.encoding, self.operands = args[:5]
        if not IDENT.fullmatch(self.name):
            raise RowError(where, f'"{self.name}" is not a row name')
        self.exts = ext.split('+')
        for e in self.exts:
            if not IDENT.fullmatch(e):
                raise RowError(where, f'{self.name}: "{e}" is not an extension name')
        if self.priv not in PRIVILEGES:
            raise RowError(where, f'{self.name}: privilege "{self.priv}" is not one of U, S, M')
        self.flags, self.values, self.over = [], {}, None
        for word in (args[5].split() if len(args) == 6 else []):
            key, eq, value = word.partition('=')
            if not IDENT.fullmatch(key) or (eq and not value):
                raise RowError(where, f'{self.name}: bad attribute "{word}"')
            if key == 'over':
                self.over = value
            elif eq:
                self.values[key] = value
            else:
                self.flags.append(key)
        self.mnemonic = self.values.pop('alias', self.name.replace('_', '.'))
        self.parse_encoding(fields)
        self.parse_operands(fields)

    def parse_encoding(self, fields):
        items, total = [], 0
        for token in self.encoding.split():
            if re.fullmatch(r'[01]+', token):
                items.append((token, None))
                total += len(token)
                continue
            m = re.fullmatch(r'([A-Za-z_]\w*)(?:\[([\d:|]+)\])?', token)
            if m is None:
                raise RowError(self.where, f'{self.name}: "{token}" is neither bits nor a field')
            f = fields.get(m[1])
            if f is None:
                raise RowError(self.where, f'{self.name}: field "{m[1]}" has not been declared')
            f.used = True
            spans = []
            for part in (m[2].split('|') if m[2] else [f'{f.width - 1}:0']):
                s = re.fullmatch(r'(\d+)(?::(\d+))?', part)
                if s is None:
                    raise RowError(self.where, f'{self.name}: bad slice "{part}" of {f.name}')
                hi = int(s[1])
                lo = int(s[2]) if s[2] else hi
                if hi < lo or hi >= f.width:
                    raise RowError(self.where, f'{self.name}: slice "{part}" is outside field {f.name} of {f.width} bits')
                spans.append((hi, lo))
                total += hi - lo + 1
            items.append((f, spans))
        if total not in (16, 32):
            raise RowError(self.where, f'{self.name}: the encoding has {total} bits, not 16 or 32')
        self.length = total
        self.mask = self.match = 0
        self.pieces, self.fields = [], []
        at = total
        seen = {}
        for what, spans in items:
            if spans is None:
                at -= len(what)
                self.mask |= ((1 << len(what)) - 1) << at
                self.match |= int(what, 2) << at
                continue
            if what not in self.fields:
                self.fields.append(what)
            for hi, lo in spans:
                n = hi - lo + 1
                at -= n
                bits = ((1 << n) - 1) << lo
                if seen.get(what.name, 0) & bits:
                    raise RowError(self.where, f'{self.name}: bits {hi}:{lo} of {what.name} stand there twice')
                seen[what.name] = seen.get(what.name, 0) | bits
                self.pieces.append((at, n, what, lo))

    def parse_operands(self, fields):
        self.glued = self.operands.startswith('~')
        text = self.operands[1:] if self.glued else self.operands
        own = {f.name: f for f in self.fields}
        self.text = []  # str or Field
        at = 0
        for m in re.finditer(r'\{(\w+)\}|([A-Za-z_]\w*)', text):
            name = m[1] or m[2]
            if name in own:
                self.text += [text[at:m.start()], own[name]]
                at = m.end()
            elif m[1] or name in fields:
                raise RowError(self.where, f'{self.name}: the operands name field "{name}", which is not in the encoding')
        self.text.append(text[at:])
        self.text = [t for t in self.text if t != '']

    def field_pieces(self, field):
        return [(at, n, lo) for at, n, f, lo in self.pieces if f is field]

    def field_mask(self, field):
        return sum(((1 << n) - 1) << at for at, n, _ in self.field_pieces(field))

    def field_raw(self, field, word):
        return sum(((word >> at) & ((1 << n) - 1)) << lo for at, n, lo in self.field_pieces(field))

    def excludes(self, mask, match):
        """Whether every word with these fixed bits has an excluded field value."""
        for f in self.fields:
            if f.exclude and not self.field_mask(f) & ~mask and self.field_raw(f, match) in f.exclude:
                return True
        return False


def overlaps(a, b):
    if a.length != b.length or (a.match ^ b.match) & a.mask & b.mask:
        return False
    mask, match = a.mask | b.mask, a.match | b.match
    return not a.excludes(mask, match) and not b.excludes(mask, match)


class Parser:
    def __init__(self, path, text):
        self.path, self.text, self.at = path, text, 0

    def where(self, at=None):
        return f'{self.path}:{self.text.count(chr(10), 0, self.at if at is None else at) + 1}'

    def skip(self):
        while True:
            m = re.compile(r'\s+|/\*.*?\*/', re.S).match(self.text, self.at)
            if m is None:
                return
            self.at = m.end()

    def args(self):
        self.skip()
        if self.text[self.at:self.at + 1] != '(':
            raise RowError(self.where(), 'expected "("')
        self.at += 1
        out = []
        while True:
            self.skip()
            m = re.compile(r'((?:"[^"\n]*"\s*)+)|([^,()"]*)').match(self.text, self.at)
            if m[1] is not None:
                out.append(''.join(re.findall(r'"([^"]*)"', m[1])))
            else:
                out.append(m[2].strip())
            self.at = m.end()
            self.skip()
            c = self.text[self.at:self.at + 1]
            self.at += 1
            if c == ')':
                return out
            if c != ',':
                raise RowError(self.where(), f'expected "," or ")", not "{c}"')

    def body(self):
        self.skip()
        start = self.at
        if self.text[start:start + 1] != '{':
            raise RowError(self.where(), 'expected the body "{ ... }" below the row')
        depth = 0
        for m in re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'|[{}]', re.S).finditer(self.text, start):
            if m[0] == '{':
                depth += 1
            elif m[0] == '}':
                depth -= 1
                if depth == 0:
                    self.at = m.end()
                    return self.text[start:self.at], self.text.count('\n', 0, start) + 1
        raise RowError(self.where(start), 'the body has no end')


def read(paths):
    fields, rows, names = {}, [], {}
    parsed = []
    for path in paths:
        with open(path, encoding='utf-8') as f:
            p = Parser(os.path.basename(path), f.read())
        while True:
            p.skip()
            if p.at >= len(p.text):
                break
            m = IDENT.match(p.text, p.at)
            if m is None:
                raise RowError(p.where(), f'unexpected "{p.text[p.at:p.at + 10].splitlines()[0]}"')
            where = p.where()
            p.at = m.end()
            if m[0] == 'FIELD':
                field = Field(where, p.args())
                if field.name in fields:
                    raise RowError(where, f'field {field.name} was declared before ({fields[field.name].where})')
                fields[field.name] = field
            elif m[0] == 'INSN':
                args = p.args()
                parsed.append((where, args) + p.body())
            else:
                raise RowError(where, f'"{m[0]}" is neither FIELD nor INSN')
    for where, args, body, line in parsed:
        row = Row(where, args, body, line, fields)
        if row.name in names:
            raise RowError(where, f'row {row.name} stands there twice ({names[row.name].where})')
        names[row.name] = row
        rows.append(row)
    for f in fields.values():
        if not f.used:
            raise RowError(f.where, f'field {f.name} is never used')
    for row in rows:
        for f in row.fields:
            have = 0
            for _, n, lo in row.field_pieces(f):
                have |= ((1 << n) - 1) << lo
            # The low bits may be missing (they are 0), others not.
            low = (have & -have).bit_length() - 1
            if have >> low != (1 << (f.width - low)) - 1:
                raise RowError(row.where, f'{row.name}: bits of field {f.name} are missing')
        if row.over is not None:
            wide = names.get(row.over)
            if wide is None:
                raise RowError(row.where, f'{row.name}: over={row.over} names no row')
            if wide.length != row.length or wide.mask & ~row.mask or (wide.match ^ row.match) & wide.mask or wide.mask == row.mask:
                raise RowError(row.where, f'{row.name}: is not a special case of {row.over}')
    for i, a in enumerate(rows):
        for b in rows[:i]:
            if overlaps(a, b) and b.name != a.over and a.name != b.over:
                word = a.match | b.match
                raise RowError(a.where, f'{a.name} overlaps {b.name} ({b.where}), for example 0x{word:0{a.length // 4}x}')
    return fields, rows


class Writer:
    def __init__(self, prefix, fields, rows):
        self.prefix, self.fields, self.rows = prefix, fields, rows
        self.up = prefix.upper()
        self.camel = ''.join(p.capitalize() for p in prefix.split('_'))
        self.index = {r.name: i for i, r in enumerate(rows)}
        self.exts, self.flags = [], []
        for r in rows:
            self.exts += [e for e in r.exts if e not in self.exts]
            self.flags += [f for f in r.flags if f not in self.flags]
        if len(self.exts) > 64:
            raise RowError('isa-gen', 'more than 64 extensions')
        if len(self.flags) > 32:
            raise RowError('isa-gen', 'more than 32 attribute flags')

    def extract(self, row, field, word='w'):
        parts = []
        for at, n, lo in sorted(row.field_pieces(field)):
            part = f'(({word} >> {at}) & 0x{(1 << n) - 1:x}u)'
            parts.append(part + (f' << {lo}' if lo else ''))
        raw = ' | '.join(f'({p})' if ' << ' in p and len(parts) > 1 else p for p in parts)
        if field.signed:
            shift = 64 - field.width
            value = f'((gint64) ((guint64) ({raw}) << {shift})) >> {shift}'
        else:
            value = f'(gint64) ({raw})'
        return value + (f' + {field.add}' if field.add else '')

    def tree(self, out, rows, tested, indent):
        pad = ' ' * indent
        common = ~tested & 0xffffffff
        for r in rows:
            common &= r.mask
        if len(rows) > 1 and common:
            runs, bit = [], 0
            while bit < 32:
                if common >> bit & 1:
                    n = 1
                    while n < 8 and common >> (bit + n) & 1:
                        n += 1
                    runs.append((bit, n))
                    bit += n
                else:
                    bit += 1
            # The run that splits most; ties go to the lowest bit, so that the output is stable.
            bit, n = max(runs, key=lambda r: (len({x.match >> r[0] & ((1 << r[1]) - 1) for x in rows}), -r[0]))
            groups = {}
            for r in rows:
                groups.setdefault(r.match >> bit & ((1 << n) - 1), []).append(r)
            out.append(f'{pad}switch ((w >> {bit}) & 0x{(1 << n) - 1:x})')
            out.append(f'{pad}  {{')
            for value in sorted(groups):
                out.append(f'{pad}  case 0x{value:x}:')
                self.tree(out, groups[value], tested | ((1 << n) - 1) << bit, indent + 4)
            out.append(f'{pad}  default:')
            out.append(f'{pad}    return -1;')
            out.append(f'{pad}  }}')
            return
        # What is left differs in bits that not all rows fix, or in excluded values: one test each, special cases first.
        for r in sorted(rows, key=lambda r: (-bin(r.mask).count('1'), r.name)):
            left = r.mask & ~tested
            tests = []
            if left:
                tests.append(f'(w & 0x{left:x}u) == 0x{r.match & left:x}u')
            if any(f.exclude for f in r.fields):
                tests.append(f'valid_{r.name} (w)')
            if tests:
                out.append(f'{pad}if ({" && ".join(tests)})')
                out.append(f'{pad}  return {self.up}_INSN_{r.name.upper()};')
            else:
                out.append(f'{pad}return {self.up}_INSN_{r.name.upper()};')
                return
        out.append(f'{pad}return -1;')

    def header(self):
        p, up, c = self.prefix, self.up, self.camel
        out = ['/* Made by isa-gen.py from the instruction rows. SPDX-License-Identifier: LGPL-2.1-or-later */', '#pragma once', '',
               '#include <glib.h>', '']
        out += [f'#define {up}_EXT_{e.upper()} (G_GUINT64_CONSTANT (1) << {i})' for i, e in enumerate(self.exts)]
        out += [f'#define {up}_N_EXTS {len(self.exts)}', '']
        out += [f'#define {up}_ISA_{f.upper()} (1u << {i})' for i, f in enumerate(self.flags)]
        out += ['', 'typedef enum {']
        out += [f'  {up}_INSN_{r.name.upper()},' for r in self.rows]
        out += [f'  {up}_N_INSNS', f'}} {c}Insn;', '',
                f'typedef struct _{c}Emit {c}Emit;', 'typedef struct',
                '{',
                '  const char *name;', '  guint64 ext;    /* all of them must be on */', '  guint32 mask, match;', '  guint32 flags;',
                '  guint8 length;  /* bytes */', "  char priv;      /* 'U', 'S', 'M': the least that may execute it */",
                f'  void (*emit) ({c}Emit *s, guint32 w);', '  void (*print) (GString *text, guint32 w, guint64 pc);',
                '  gboolean (*valid) (guint32 w); /* (nullable): false for excluded field values */',
                f'}} {c}IsaRow;', '',
                f'extern const {c}IsaRow {p}_isa_rows[{up}_N_INSNS];']
        for n in sorted({r.length for r in self.rows}):
            out += [f'/* The row of a word of {n} bits, or -1. */', f'int {p}_isa_decode_{n} (guint32 w);']
        return '\n'.join(out) + '\n'

    def source(self, include):
        p, up, c = self.prefix, self.up, self.camel
        out = ['/* Made by isa-gen.py from the instruction rows. SPDX-License-Identifier: LGPL-2.1-or-later */',
               f'#include "{include}"', '']
        for r in self.rows:
            out += ['static void', f'emit_{r.name} ({c}Emit *s, guint32 w)', '{']
            out += [f'  const gint64 {f.name} G_GNUC_UNUSED = {self.extract(r, f)};' for f in r.fields]
            out += [f'#line {r.body_line} "{r.where.rsplit(":", 1)[0]}"', r.body, '}', '']
            out += ['static void', f'print_{r.name} (GString *text, guint32 w, guint64 pc)', '{']
            head = r.mnemonic
            items = list(r.text)
            if not r.glued and items:
                head += ' '
            for item in items:
                if isinstance(item, str):
                    head += item
                    continue
                if head:
                    out.append(f'  g_string_append (text, "{head}");')
                    head = ''
                out.append(f'  {p}_print_{item.cls} (text, {self.extract(r, item)}, pc);')
            if head:
                out.append(f'  g_string_append (text, "{head}");')
            out += ['}', '']
            if any(f.exclude for f in r.fields):
                tests = []
                for f in r.fields:
                    parts = [f'(((w >> {at}) & 0x{(1 << n) - 1:x}u) << {lo})' for at, n, lo in r.field_pieces(f)]
                    tests += [f'({" | ".join(parts)}) != {v}u' for v in f.exclude]
                out += ['static gboolean', f'valid_{r.name} (guint32 w)', '{', f'  return {" && ".join(tests)};', '}', '']
        out.append(f'const {c}IsaRow {p}_isa_rows[{up}_N_INSNS] = {{')
        for r in self.rows:
            ext = ' | '.join(f'{up}_EXT_{e.upper()}' for e in r.exts)
            flags = ' | '.join(f'{up}_ISA_{f.upper()}' for f in r.flags) or '0'
            valid = f'valid_{r.name}' if any(f.exclude for f in r.fields) else 'NULL'
            out.append(f'  {{ "{r.mnemonic}", {ext}, 0x{r.mask:x}u, 0x{r.match:x}u, {flags}, {r.length // 8}, '
                       f"'{r.priv}', emit_{r.name}, print_{r.name}, {valid} }},")
        out += ['};', '']
        for n in sorted({r.length for r in self.rows}):
            out += ['int', f'{p}_isa_decode_{n} (guint32 w)', '{']
            self.tree(out, [r for r in self.rows if r.length == n], 0, 2)
            out += ['}', '']
        return '\n'.join(out)

    def json(self):
        rows = []
        for r in self.rows:
            fields = []
            for f in r.fields:
                fields.append({
                    'name': f.name, 'class': f.cls, 'width': f.width, 'signed': f.signed, 'role': f.role, 'register': f.reg,
                    'add': f.add, 'exclude': f.exclude,
                    'bits': [{'word': at, 'length': n, 'field': lo} for at, n, lo in r.field_pieces(f)],
                })
            rows.append({
                'name': r.name, 'mnemonic': r.mnemonic, 'extensions': r.exts, 'privilege': r.priv, 'bits': r.length, 'mask': r.mask,
                'match': r.match, 'operands': r.operands, 'fields': fields, 'flags': r.flags, 'attributes': r.values,
                'over': r.over, 'file': r.where.rsplit(':', 1)[0], 'line': int(r.where.rsplit(':', 1)[1]),
            })
        return json.dumps({'architecture': self.prefix, 'extensions': self.exts, 'rows': rows}, indent=1) + '\n'

    def coverage(self):
        lines = ['# name\tmnemonic\textension\tprivilege\tflags\tfile']
        lines += ['\t'.join([r.name, r.mnemonic, '+'.join(r.exts), r.priv, ','.join(r.flags) or '-', r.where]) for r in self.rows]
        return '\n'.join(lines) + '\n'


def main(argv):
    ap = argparse.ArgumentParser(description='Makes a decoder, a disassembler and row lists from instruction rows.')
    ap.add_argument('--prefix', required=True, help='of everything that is defined, such as riscv')
    ap.add_argument('--include', required=True, help='header with the emit context and the print functions')
    ap.add_argument('--c', help='decoder, disassembler and emitters')
    ap.add_argument('--h', help='their declarations')
    ap.add_argument('--json', help='rows with operand fields, for tests')
    ap.add_argument('--coverage', help='list of all rows')
    ap.add_argument('files', nargs='+', help='row files')
    a = ap.parse_args(argv)
    try:
        fields, rows = read(a.files)
        if not rows:
            raise RowError(a.files[0], 'no rows')
        w = Writer(a.prefix, fields, rows)
        made = [(a.c, lambda: w.source(a.include)), (a.h, w.header), (a.json, w.json), (a.coverage, w.coverage)]
        texts = [(path, make()) for path, make in made if path]
    except RowError as e:
        print(f'isa-gen: {e}', file=sys.stderr)
        return 1
    for path, text in texts:
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
