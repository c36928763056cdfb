#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-rootfs.py VMTOOL SOURCE: a full Debian 13 riscv64 root on a qcow2 virtio disk reaches a login, runs a script that uses disk and network,
reboots, and powers off with a clean file system. Prints TAP; skipped loudly where the root cannot be made."""
import functools
import hashlib
import http.server
import os
import select
import subprocess
import sys
import tempfile
import threading
import time

VMTOOL, SOURCE = sys.argv[1:3]
FOLDER = os.environ.get('VMT_ROOTFS') or os.path.expanduser('~/.cache/vmtool/rootfs')
TEXT = b'hello from the host\n'
STEPS = ['login', 'network', 'disk', 'second login', 'power-off', 'file system', 'image']


class Guest:
    def __init__(self, *args):
        self.process = subprocess.Popen([VMTOOL, 'run', 'riscv-virt', *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.buffer = b''

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
            scenario(folder, done)
        except (RuntimeError, subprocess.SubprocessError, OSError) as error:
            text = str(error).replace('\n', '\n# ')
            print(f'not ok {count + 1} - {STEPS[count]}\n# {text}')
            return 1
    return 0


sys.exit(main())
