#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-isa-gen.py ISA-GEN: the generator refuses bad rows with one message, and its outputs agree with each other."""
import contextlib
import importlib.util
import io
import json
import os
import random
import subprocess
import sys
import tempfile

spec = importlib.util.spec_from_file_location('isa_gen', sys.argv[1])
isa_gen = importlib.util.module_from_spec(spec)
spec.loader.exec_module(isa_gen)

FIELDS = '''
FIELD (rd, 5, x, out, int)
FIELD (rs, 5, x, in, int)
FIELD (imm, 12, simm, signed)
'''
USE = '''
INSN (use, I, U, "imm rs 000 rd 0000001", "rd, rs, imm")
{ use (rd, rs, imm); }
'''
ROW = 'INSN (foo, I, U, "000000000000 rs 001 rd 0000001", "rd, rs")\n{ foo (rd); }\n'

tests = []


def case(f):
    tests.append((f.__name__.replace('_', '-'), f))
    return f


def run(text, *more):
    """(status, message, outputs) of the generator."""
    with tempfile.TemporaryDirectory() as d:
        paths = []
        for i, t in enumerate((text,) + more):
            paths.append(os.path.join(d, f'rows{i}.isa.h'))
            with open(paths[-1], 'w', encoding='utf-8') as f:
                f.write(t)
        out = {k: os.path.join(d, 'out.' + k) for k in ('c', 'h', 'json', 'coverage')}
        argv = ['--prefix', 'toy', '--include', 'toy.h'] + [a for k, p in out.items() for a in ('--' + k, p)] + paths
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            status = isa_gen.main(argv)
        made = {}
        for k, p in out.items():
            if os.path.exists(p):
                with open(p, encoding='utf-8') as f:
                    made[k] = f.read()
        return status, said.getvalue(), made


def refuse(text, *words):
    status, message, made = run(text)
    assert status == 1, f'status {status}, accepted:\n{text}'
    assert message.count('\n') == 1 and message.startswith('isa-gen: rows0.isa.h:'), message
    for w in words:
        assert w in message, f'"{w}" is not in: {message}'
    assert not made, 'it refused, but wrote files'


@case
def good():
    status, message, made = run(FIELDS + USE + ROW)
    assert status == 0, message
    assert sorted(made) == ['c', 'coverage', 'h', 'json']
    rows = {r['name']: r for r in json.loads(made['json'])['rows']}
    assert rows['use']['mask'] == 0x707f and rows['use']['match'] == 1
    assert rows['foo']['mask'] == 0xfff0707f and rows['foo']['match'] == 0x1001
    assert [f['name'] for f in rows['use']['fields']] == ['imm', 'rs', 'rd']
    assert 'TOY_INSN_FOO' in made['h'] and 'emit_foo' in made['c']
    assert len([x for x in made['coverage'].splitlines() if not x.startswith('#')]) == 2


@case
def as_a_program():
    """Another process, with another hash seed, writes the same; a refusal is its exit status."""
    want = run(FIELDS + USE + ROW)[2]['c']
    with tempfile.TemporaryDirectory() as d:
        path, out = os.path.join(d, 'rows0.isa.h'), os.path.join(d, 'out.c')
        command = [sys.executable, sys.argv[1], '--prefix', 'toy', '--include', 'toy.h', '--c', out, path]
        for seed in ('1', '2'):
            with open(path, 'w', encoding='utf-8') as f:
                f.write(FIELDS + USE + ROW)
            subprocess.run(command, check=True, env=os.environ | {'PYTHONHASHSEED': seed})
            with open(out, encoding='utf-8') as f:
                assert f.read() == want
        with open(path, 'w', encoding='utf-8') as f:
            f.write('junk\n')
        r = subprocess.run(command, check=False, capture_output=True, text=True)
        assert r.returncode == 1 and r.stderr.startswith('isa-gen: rows0.isa.h:1: '), r


@case
def several_files():
    status, message, made = run(FIELDS, USE, ROW)
    assert status == 0, message
    assert [r['file'] for r in json.loads(made['json'])['rows']] == ['rows1.isa.h', 'rows2.isa.h']


@case
def overlap():
    refuse(FIELDS + USE + 'INSN (bar, I, U, "imm 00000 000 rd 0000001", "rd, imm")\n{ }\n', 'bar overlaps use', 'rows0.isa.h:6', '0x00000001')


@case
def overlap_of_equals():
    refuse(FIELDS + USE + ROW + ROW.replace('foo', 'bar'), 'bar overlaps foo')


@case
def overlap_in_other_bits():
    # Neither is a special case of the other, but some words are both.
    refuse(FIELDS + USE + 'INSN (a, I, U, "0000000 00000 rs 010 rd 0000001", "")\n{ }\n'
           'INSN (b, I, U, "000000000000 00001 010 rd 0000001", "")\n{ }\n', 'b overlaps a')


@case
def special_case():
    text = FIELDS + USE + 'INSN (bar, I, U, "imm 00000 000 rd 0000001", "rd, imm", "over=use")\n{ }\n'
    status, message, made = run(text)
    assert status == 0, message
    assert made['c'].index('return TOY_INSN_BAR;') < made['c'].index('return TOY_INSN_USE;')


@case
def special_case_of_nothing():
    refuse(FIELDS + USE + ROW.replace('"rd, rs"', '"rd, rs", "over=gone"'), 'over=gone')


@case
def special_case_that_is_none():
    refuse(FIELDS + USE + ROW.replace('"rd, rs"', '"rd, rs", "over=use"'), 'not a special case')


@case
def special_case_of_itself():
    refuse(FIELDS + USE + ROW.replace('"rd, rs"', '"rd, rs", "over=foo"'), 'not a special case')


@case
def excluded_values_separate():
    text = ('FIELD (r, 5, x, !0)\nFIELD (q, 5, x)\n'
            'INSN (jr, C, U, "100 0 r 00000 10", "r")\n{ }\nFIELD (s, 5, x, !0)\nINSN (mv, C, U, "100 0 q s 10", "q, s")\n{ }\n')
    status, message, made = run(text)
    assert status == 0, message
    assert 'valid_jr (w)' in made['c']


@case
def excluded_values_that_do_not():
    refuse('FIELD (r, 5, x, !1)\nFIELD (s, 5, x, !1)\nFIELD (q, 5, x)\n'
           'INSN (jr, C, U, "100 0 r 00000 10", "r")\n{ }\nINSN (mv, C, U, "100 0 q s 10", "q, s")\n{ }\n', 'mv overlaps jr')


@case
def too_narrow():
    refuse(FIELDS + USE + ROW.replace('0000001', '000001'), '31 bits', 'foo')


@case
def too_wide():
    refuse(FIELDS + USE + ROW.replace('0000001', '00000001'), '33 bits')


@case
def lengths_do_not_overlap():
    status, message, made = run(FIELDS + USE + 'INSN (c, C, U, "00000000 00000001", "")\n{ }\n')
    assert status == 0, message
    assert 'toy_isa_decode_16' in made['c'] and 'toy_isa_decode_32' in made['c']


@case
def unknown_field():
    refuse(FIELDS + USE + ROW.replace(' rd ', ' rx '), '"rx" has not been declared')


@case
def slice_outside():
    refuse(FIELDS + USE + 'INSN (s, I, U, "imm[12:1] rs 010 rd 0000001", "")\n{ }\n', 'outside field imm')


@case
def slice_reversed():
    refuse(FIELDS + USE + 'INSN (s, I, U, "imm[0:11] rs 010 rd 0000001", "")\n{ }\n', 'outside field imm')


@case
def slice_twice():
    refuse(FIELDS + USE + 'INSN (s, I, U, "imm[11:6|6|4:0] rs 010 rd 0000001", "")\n{ }\n', 'stand there twice')


@case
def slice_hole():
    refuse(FIELDS + USE + 'INSN (s, I, U, "0 imm[11:6|4:0] rs 010 rd 0000001", "")\n{ }\n', 'bits of field imm are missing')


@case
def slice_syntax():
    refuse(FIELDS + USE + 'INSN (s, I, U, "imm[:] rs 010 rd 0000001", "")\n{ }\n', 'bad slice')
    refuse(FIELDS + USE + 'INSN (s, I, U, "imm[a] rs 010 rd 0000001", "")\n{ }\n', 'neither bits nor a field')


@case
def junk_in_encoding():
    refuse(FIELDS + USE + ROW.replace('001 rd', '0012 rd'), '"0012"')


@case
def operand_not_encoded():
    refuse(FIELDS + USE + ROW.replace('"rd, rs"', '"rd, imm"'), '"imm", which is not in the encoding')


@case
def duplicate_row():
    refuse(FIELDS + USE + USE.replace('000 rd', '010 rd'), 'row use stands there twice')


@case
def duplicate_field():
    refuse(FIELDS + 'FIELD (rd, 5, x)\n' + USE, 'rd was declared before')


@case
def unused_field():
    refuse(FIELDS + 'FIELD (spare, 5, x)\n' + USE, 'spare is never used')


@case
def bad_field():
    refuse('FIELD (rd, 0, x)\n', 'width "0"')
    refuse('FIELD (rd, 33, x)\n', 'width "33"')
    refuse('FIELD (rd, five, x)\n', 'width "five"')
    refuse('FIELD (rd, 5)\n', 'FIELD takes')
    refuse('FIELD (rd, 5, x, sideways)\n', 'unknown attribute "sideways"')
    refuse('FIELD (rd, 3, x, !8)\n', 'does not fit')


@case
def bad_privilege():
    refuse(FIELDS + USE + ROW.replace(', U,', ', H,'), 'privilege "H"')


@case
def bad_extension():
    refuse(FIELDS + USE + ROW.replace('(foo, I,', '(foo, I+,'), 'not an extension name')


@case
def bad_attribute():
    refuse(FIELDS + USE + ROW.replace('"rd, rs"', '"rd, rs", "load="'), 'bad attribute "load="')


@case
def missing_body():
    refuse(FIELDS + USE + 'INSN (x, I, U, "000000000000 rs 001 rd 0000001", "")\n', 'expected the body')


@case
def endless_body():
    refuse(FIELDS + USE + 'INSN (x, I, U, "000000000000 rs 001 rd 0000001", "")\n{ if (1) {\n', 'the body has no end')


@case
def braces_in_text():
    status, message, made = run(FIELDS + USE + ROW.replace('foo (rd);', "foo ('{', \"}\\\"{\"); /* } */"))
    assert status == 0, message
    assert "foo ('{'" in made['c']


@case
def junk():
    refuse('hello (1)\n', '"hello" is neither')
    refuse('42\n', 'unexpected "42"')
    refuse('FIELD rd\n', 'expected "("')
    refuse('FIELD (rd\n', 'expected "," or ")"')


@case
def no_rows():
    status, message, _ = run('/* nothing */\n')
    assert status == 1 and 'no rows' in message


@case
def random_trees():
    """The decision tree, run here, finds for random words what a plain search over the rows finds."""
    rng = random.Random(7)
    for _ in range(40):
        fields = {f'f{n}': isa_gen.Field('t', [f'f{n}', str(n), 'x']) for n in range(1, 17)}
        rows = []
        for i in range(rng.randrange(2, 14)):
            left, parts, used = 16, [], set()
            while left:
                n = min(left, rng.randrange(1, 6))
                if rng.random() < 0.6 or n in used:
                    parts.append(format(rng.getrandbits(n), f'0{n}b'))
                else:
                    parts.append(f'f{n}')
                    used.add(n)
                left -= n
            row = isa_gen.Row('t', [f'r{i}', 'I', 'U', ' '.join(parts), ''], '{}', 1, fields)
            if not any(isa_gen.overlaps(row, r) for r in rows):
                rows.append(row)
        w = isa_gen.Writer('toy', fields, rows)
        lines = []
        w.tree(lines, rows, 0, 0)
        for _ in range(300):
            word = rng.getrandbits(16)
            if rng.random() < 0.7:
                r = rng.choice(rows)
                word = (word & ~r.mask) | r.match
            want = [r.name for r in rows if word & r.mask == r.match]
            got = walk(lines, word)
            assert [got] == (want or [None]), (word, want, got)


def walk(lines, w):
    """Interprets the generated C."""
    at = 0
    while True:
        line = lines[at].strip()
        if line.startswith('switch'):
            expr = line[len('switch ('):-1].replace('u', '')
            value = eval(expr, {}, {'w': w})  # noqa: S307: text that the generator under test made
            pad = len(lines[at]) - len(lines[at].lstrip())
            label = f'case 0x{value:x}:'
            at += 1
            while True:
                text = lines[at]
                if len(text) - len(text.lstrip()) == pad + 2 and text.strip() in (label, 'default:'):
                    break
                at += 1
            at += 1
        elif line.startswith('if '):
            test = line[len('if ('):-1].replace('u', '')
            at += 1 if eval(test, {}, {'w': w}) else 2  # noqa: S307
        elif line.startswith('return'):
            name = line[len('return '):-1]
            return None if name == '-1' else name.rsplit('_', 1)[1].lower()
        else:
            raise AssertionError(line)


print(f'1..{len(tests)}')
bad = 0
for number, (name, f) in enumerate(tests, 1):
    try:
        f()
        print(f'ok {number} /isa/gen/{name}')
    except Exception as e:  # a test's own bug is a failure as well
        bad += 1
        print(f'not ok {number} /isa/gen/{name}')
        print('# ' + f'{type(e).__name__}: {e}'.replace('\n', '\n# '))
sys.exit(1 if bad else 0)
