#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-rootfs.py VMTOOL SOURCE [TIER]: a full Debian 13 riscv64 root on a qcow2 virtio disk reaches a login, runs a script that uses disk and
network, reboots, and powers off with a clean file system. With a TIER: stress-ng checks its results, the kernel's crypto tests itself, and the
guest's own gcc and Python work, under that tier with one vCPU and with four; VMT_STRESS_SECONDS is how long each stressor runs.
Prints TAP; skipped loudly where the root cannot be made."""
import functools
import hashlib
import http.server
import os
import re
import select
import subprocess
import sys
import tempfile
import threading
import time

VMTOOL, SOURCE = sys.argv[1:3]
TIER = sys.argv[3] if len(sys.argv) > 3 else None
FOLDER = os.environ.get('VMT_ROOTFS') or os.path.expanduser('~/.cache/vmtool/rootfs')
TEXT = b'hello from the host\n'
STRESSORS = ['--cpu', '--vm', '--atomic', '--fp', '--vecmath', '--switch']
CPUS = [1, 4]
if TIER is None:
    STEPS = ['login', 'network', 'disk', 'second login', 'power-off', 'file system', 'image']
else:
    STEPS = [f'{what}, {n} vCPU' for n in CPUS for what in ['login', *[f'stress-ng {s}' for s in STRESSORS], 'crypto', 'gcc', 'python', 'kernel log']]
# What the guest's compiler and interpreter are to say is what this Python says.
EXPRESSIONS = ['pow(3, 100003, 2**521 - 1) % 2**64', '__import__("functools").reduce(lambda a, b: a + b, (1.0 / i for i in range(1, 20000))).hex()',
               'sorted(str(i * 7919 % 1009) for i in range(50))[::7]', '(2**4096 - 1) // 1234567891 % 2**64', 'hash((1.5, 2.25, -0.125)) != 0']
C_PROGRAM = r"""
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static uint8_t composite[200000];
static _Atomic uint64_t total;
static int order (const void *a, const void *b) { return strcmp (a, b); }
static void *add (void *from) { for (uint64_t i = (uintptr_t)from; i < 400000; i += 4) total += i * i; return NULL; }
int main (void)
{
  uint64_t sum = 0, x = 1;
  for (unsigned i = 2; i < sizeof composite; i++)
    if (!composite[i])
      {
        sum += i;
        for (unsigned k = 2 * i; k < sizeof composite; k += i)
          composite[k] = 1;
      }
  double harmonic = 0, root = 0;
  for (int i = 1; i < 100000; i++)
    {
      harmonic += 1.0 / i;
      root += sqrt (i);
    }
  for (int i = 0; i < 100000; i++)
    x = x * 6364136223846793005u + 1442695040888963407u;
  static char words[1000][8];
  for (int i = 0; i < 1000; i++)
    snprintf (words[i], sizeof words[i], "%d", i * 7919 % 10007);
  qsort (words, 1000, sizeof words[0], order);
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; i++)
    pthread_create (&threads[i], NULL, add, (void *)i);
  for (int i = 0; i < 4; i++)
    pthread_join (threads[i], NULL);
  printf ("RESULT %llu %a %a %llu %s %llu\n", (unsigned long long)sum, harmonic, root, (unsigned long long)x, words[500],
          (unsigned long long)total);
  return 0;
}
"""


class Guest:
    latest = None

    def __init__(self, *args):
        self.process = subprocess.Popen([VMTOOL, 'run', 'riscv-virt', *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.buffer = b''
        Guest.latest = self

    def wait(self, text, seconds=900):
        end = time.monotonic() + seconds
        while text not in self.buffer:
            if time.monotonic() > end:
                self.process.kill()
                raise RuntimeError(f'no {text!r} within {seconds} s; the last output: {self.buffer[-1500:]!r}')
            if select.select([self.process.stdout], [], [], 1)[0]:
                data = os.read(self.process.stdout.fileno(), 65536)
                if not data:
                    raise RuntimeError(f'vmtool ended before {text!r}; the last output: {self.buffer[-1500:]!r}')
                self.buffer += data
        end = self.buffer.index(text) + len(text)
        before, self.buffer = self.buffer[:end], self.buffer[end:]
        return before

    def login(self):
        self.wait(b'debian login: ')
        # a getty drops what was typed before it was ready
        time.sleep(2)
        self.type('root')
        self.wait(b'~# ')

    def type(self, line):
        self.process.stdin.write(line.encode() + b'\r')
        self.process.stdin.flush()

    def run(self, command):
        """The output of a command and its status. The marker is written so that its echo does not look like it."""
        self.type(f"{command}; echo 'DO''NE' $?")
        out = self.wait(b'DONE ')
        status = int(self.wait(b'\n').strip())
        self.wait(b'~# ')
        return out, status


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def scenario(folder, done):
    with open(f'{folder}/hello.txt', 'wb') as f:
        f.write(TEXT)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    disk = f'{folder}/root.qcow2'
    subprocess.run([VMTOOL, 'disk', 'convert', f'{FOLDER}/root.raw', disk], check=True)
    guest = Guest(disk, '--kernel', f'{FOLDER}/kernel', '--initrd', f'{FOLDER}/initrd', '--append', 'root=/dev/vda rw console=ttyS0',
                  '-s', 'memory=1G', '-s', 'cpus=2')
    guest.login()
    done('login')
    guest.run('dhclient $(ls /sys/class/net | grep -v lo | head -n 1)')
    out, status = guest.run(f'wget -q -O /root/hello.txt http://10.0.2.2:{server.server_port}/hello.txt && cat /root/hello.txt')
    if status != 0 or TEXT.strip() not in out:
        raise RuntimeError(f'the fetch failed: {out!r}')
    done('network')
    out, status = guest.run('yes vmtool | head -c 33554432 >/root/big && sync && sha256sum /root/big')
    digest = hashlib.sha256((b'vmtool\n' * (33554432 // 7 + 1))[:33554432]).hexdigest().encode()
    if status != 0 or digest not in out:
        raise RuntimeError(f'the file is not what was written: {out!r}')
    done('disk')
    guest.type('systemctl reboot')
    guest.login()
    out, status = guest.run('sha256sum /root/big')
    if digest not in out:
        raise RuntimeError(f'the file did not survive the reboot: {out!r}')
    done('second login')
    guest.type('systemctl poweroff')
    guest.process.communicate(timeout=600)
    if guest.process.returncode != 0:
        raise RuntimeError(f'vmtool ended with {guest.process.returncode}')
    done('power-off')
    raw = f'{folder}/after.raw'
    subprocess.run([VMTOOL, 'disk', 'convert', '-f', 'raw', disk, raw], check=True)
    check = subprocess.run(['e2fsck', '-fn', raw], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if check.returncode != 0:
        raise RuntimeError(f'e2fsck: {check.stdout}')
    done('file system')
    check = subprocess.run(['qemu-img', 'check', disk], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if check.returncode != 0:
        raise RuntimeError(f'qemu-img check: {check.stdout}')
    done('image')


def c_result():
    composite = bytearray(200000)
    total = 0
    for i in range(2, len(composite)):
        if not composite[i]:
            total += i
            composite[2 * i::i] = b'\1' * len(range(2 * i, len(composite), i))
    harmonic = root = 0.0
    for i in range(1, 100000):
        harmonic += 1.0 / i
        root += i ** 0.5
    x = 1
    for i in range(100000):
        x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
    words = sorted(str(i * 7919 % 10007) for i in range(1000))
    squares = sum(i * i for i in range(400000)) % 2**64
    return total, harmonic, root, x, words[500], squares


def check_c(guest, url):
    out, status = guest.run(f'cd /root && wget -q -O t.c {url}/t.c && gcc -O2 -ffp-contract=off -pthread -o t t.c -lm && ./t')
    found = re.search(rb'RESULT (\d+) (\S+) (\S+) (\d+) (\d+) (\d+)', out)
    if status != 0 or found is None:
        raise RuntimeError(f'the C program ended with {status}: {out!r}')
    said = [word.decode() for word in found.groups()]
    values = int(said[0]), float.fromhex(said[1]), float.fromhex(said[2]), int(said[3]), said[4], int(said[5])
    if values != c_result():
        raise RuntimeError(f'the C program says {values}, not {c_result()}')


def check_python(guest):
    for expression in EXPRESSIONS:
        out, status = guest.run(f"python3 -c 'print(\"RES\" + \"ULT\", {expression})'")
        want = f'RESULT {eval(expression)}'.encode()
        if status != 0 or want not in out:
            raise RuntimeError(f"Python's {expression}: {out!r}, not {want!r}")


def check_crypto(guest):
    """Each module's algorithms are tested when it is loaded."""
    guest.run('cd /lib/modules/$(uname -r)/kernel; for m in $(find crypto lib/crypto arch/riscv/crypto arch/riscv/lib -name "*.ko*" | '
              'grep -v -e tcrypt -e benchmark); do m=${m##*/}; modprobe ${m%%.ko*} 2>/dev/null; done; cd')
    out, _ = guest.run('echo "PASS""ED" $(grep -c "selftest.*: passed" /proc/crypto)')
    found = re.search(rb'PASSED (\d+)', out)
    if found is None or int(found.group(1)) < 50:
        raise RuntimeError(f'few algorithms: {out!r}')
    out, _ = guest.run('grep -B 8 "selftest.*: [^p]" /proc/crypto; dmesg | grep -i -e "alg: .*fail" -e "self-test.*fail" -e "selftest.*fail"')
    bad = [line for line in out.split(b'\n') if (b'selftest' in line or b'alg:' in line) and b'grep' not in line]
    if bad:
        raise RuntimeError(f"the crypto's tests of itself failed: {out!r}")


def check_log(guest):
    out, _ = guest.run('dmesg | grep -e Oops -e "BUG:" -e "unhandled signal" -e segfault | grep -v lockup')
    bad = [line for line in out.split(b'\n') if b'] ' in line and b'grep' not in line]
    if bad:
        raise RuntimeError(f'the kernel complains: {bad!r}')


def stress(folder, done):
    with open(f'{folder}/t.c', 'w') as f:
        f.write(C_PROGRAM)
    seconds = int(os.environ.get('VMT_STRESS_SECONDS', '10'))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    disk = f'{folder}/root.qcow2'
    subprocess.run([VMTOOL, 'disk', 'convert', f'{FOLDER}/root.raw', disk], check=True)
    for cpus in CPUS:
        guest = Guest(disk, '--kernel', f'{FOLDER}/kernel', '--initrd', f'{FOLDER}/initrd', '--append', 'root=/dev/vda rw console=ttyS0',
                      '-s', 'memory=1G', '-s', f'cpus={cpus}', '-s', f'tier={TIER}')
        guest.login()
        guest.run('dmesg -n 1; stty -F /dev/ttyS0 columns 4000; dhclient $(ls /sys/class/net | grep -v lo | head -n 1)')
        done(f'login, {cpus} vCPU')
        for stressor in STRESSORS:
            out, status = guest.run(f'stress-ng --verify {stressor} {cpus} --vm-bytes 96M -t {seconds}')
            if status != 0 or b'failed: 0' not in out or b'stress-ng: fail' in out:
                raise RuntimeError(f'stress-ng {stressor} ended with {status}: {out!r}')
            done(f'stress-ng {stressor}, {cpus} vCPU')
        check_crypto(guest)
        done(f'crypto, {cpus} vCPU')
        check_c(guest, f'http://10.0.2.2:{server.server_port}')
        done(f'gcc, {cpus} vCPU')
        check_python(guest)
        done(f'python, {cpus} vCPU')
        check_log(guest)
        done(f'kernel log, {cpus} vCPU')
        guest.type('systemctl poweroff')
        guest.process.communicate(timeout=600)
        if guest.process.returncode != 0:
            raise RuntimeError(f'vmtool ended with {guest.process.returncode}')


def main():
    made = subprocess.run([f'{SOURCE}/tools/dev/make-rootfs', FOLDER], check=False)
    if made.returncode == 77:
        print('1..0 # SKIP the Debian root cannot be made here: see tools/dev/make-rootfs')
        return 0
    if made.returncode != 0:
        print('Bail out! tools/dev/make-rootfs failed')
        return 1
    print(f'1..{len(STEPS)}', flush=True)
    count = 0

    def done(step):
        nonlocal count
        assert step == STEPS[count]
        count += 1
        print(f'ok {count} - {step}', flush=True)

    with tempfile.TemporaryDirectory() as folder:
        try:
            (scenario if TIER is None else stress)(folder, done)
        except (RuntimeError, subprocess.SubprocessError, OSError) as error:
            text = str(error).replace('\n', '\n# ')
            print(f'not ok {count + 1} - {STEPS[count]}\n# {text}')
            return 1
        finally:
            if Guest.latest is not None and Guest.latest.process.poll() is None:
                Guest.latest.process.kill()
    return 0


sys.exit(main())
