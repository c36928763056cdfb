#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disk and network of a guest under vmtool and under QEMU, in turn in one run: fio's 4 KiB random and 1 MiB sequential transfers on a virtio disk,
and TCP to and from this host over user networking. The same stock Debian kernel, initramfs and image for both. Prints one table: figures that the
guest measured, processor seconds of the emulator for the same work, and ratios (above 1: vmtool is better).

  bench-io.py build/tools/vmtool/vmtool --qemu 'chroot FOLDER qemu-system-riscv64' -r 3 [-f raw,qcow2] [-w 'rand.*psync']

The guest's programs come from Debian packages through this machine's own apt configuration, as in tools/dev/make-kit.py, into a folder of their own
(-k); the TCP rows need riscv64-linux-gnu-gcc. Images lie in --folder (tmpfs suits best) and are passed as open files, so that a QEMU in a chroot
finds them, too."""
import argparse
import glob
import importlib.util
import os
import re
import select
import shutil
import signal
import socket
import stat
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MAKE_KIT = f'{HERE}/../../tools/dev/make-kit.py'
MIB = 1 << 20
# name, fio's pattern, block, engine, depth, MiB at scale 1
JOBS = [(f'{pattern} {block} {engine}{depth if depth > 1 else ""}', pattern, block, engine, depth, mib)
        for engine, depth in (('psync', 1), ('libaio', 16))
        for pattern, block, mib in (('randread', '4k', 64), ('randwrite', '4k', 64), ('read', '1m', 4096), ('write', '1m', 2048))]
STREAMS = [('tcp guest->host', 'send', 256), ('tcp host->guest', 'receive', 256)]


def load_make_kit():
    spec = importlib.util.spec_from_file_location('make_kit', MAKE_KIT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def needed(path):
    """The shared libraries that a program names."""
    out = subprocess.run(['readelf', '-d', path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.findall(r'\(NEEDED\).*\[(.*)\]', out)


def make_archive(kit, path):
    """fio with its libraries and stream, as an archive that follows the kit's initramfs."""
    make_kit = load_make_kit()
    folder = os.path.dirname(path)
    apt = make_kit.Apt(f'{folder}/.apt')
    plan = make_kit.run(['apt-get'] + apt.options + ['install', '-s', '-qq', '--no-install-recommends', 'fio'])
    packages = [name for name in re.findall(r'^Inst (\S+)', plan, re.M)
                if name == 'fio' or (name.startswith(('lib', 'zlib')) and not name.startswith(('libpython', 'libperl')))]
    print(f'bench-io: fetching fio and {len(packages) - 1} libraries', file=sys.stderr)
    root = apt.unpack(packages, f'{folder}/.unpacked')
    cpio = make_kit.Cpio()
    for name in ('usr', 'usr/bin', 'usr/lib', 'usr/lib/riscv64-linux-gnu'):
        cpio.add(name, stat.S_IFDIR | 0o755)

    def add(name, source):
        with open(source, 'rb') as f:
            cpio.add(name, stat.S_IFREG | 0o755, f.read())

    add('bin/fio', f'{root}/usr/bin/fio')
    queue, seen = needed(f'{root}/usr/bin/fio'), set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        found = [p for p in glob.glob(f'{root}/**/{name}', recursive=True) if os.path.exists(p)]
        if not found:
            sys.exit(f'bench-io: no package of fio has {name}')
        add(f'lib/{name}', found[0])
        queue += needed(found[0])
    if shutil.which('riscv64-linux-gnu-gcc'):
        subprocess.run(['riscv64-linux-gnu-gcc', '-O2', '-static', '-o', f'{folder}/stream', f'{HERE}/guest/stream.c'], check=True)
        add('bin/stream', f'{folder}/stream')
    cpio.add('TRAILER!!!', 0)
    with open(f'{kit}/initramfs.cpio.gz', 'rb') as f:
        first = f.read()
    with open(path, 'wb') as f:
        f.write(first + b'\0' * (-len(first) % 4) + bytes(cpio.data))
    shutil.rmtree(f'{folder}/.unpacked')


def make_script(rows, port, scale):
    lines = ['dmesg -n 1', 'cd /tmp', 'ip link set eth0 up; udhcpc -q -n -i eth0 -s /bin/udhcpc-script >/dev/null 2>&1']
    for name, *row in rows:
        if len(row) == 2:
            what, mib = row
            command = f'stream {what} 10.0.2.2 {port} {int(mib * scale) * MIB}'
        else:
            pattern, block, engine, depth, mib = row
            # started before the clock is looked at: its libraries take a second
            command = (f'fio --name=j --filename=/dev/vda --direct=1 --thread --rw={pattern} --bs={block} --ioengine={engine} --iodepth={depth} '
                       f'--io_size={max(int(mib * scale), 1)}m --norandommap --randrepeat=1 --output-format=terse --terse-version=3 '
                       f'--exec_prerun="(echo GO >/dev/console)" --exec_postrun="(echo STOP >/dev/console)"')
            lines.append('head -c 16777216 /dev/vda >/dev/null')
        lines += [f"echo 'BEGIN {name}'", command, "echo 'END'"]
    return '\n'.join(lines) + '\n'


class Listener:
    """Serves streams on the loopback: the request says in which direction and how many bytes."""

    def __init__(self):
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            peer, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    @staticmethod
    def serve(peer):
        block = bytearray(MIB)
        with peer:
            request = peer.recv(21, socket.MSG_WAITALL)
            left = int(request[1:])
            try:
                while left > 0:
                    n = peer.recv_into(block, min(left, MIB)) if request[:1] == b's' else peer.send(memoryview(block)[:min(left, MIB)])
                    if n == 0:
                        return
                    left -= n
                if request[:1] == b's':
                    peer.sendall(b'.')
                peer.recv(1)
            except OSError:
                pass


def get_cpu(pid):
    """Processor seconds of all the process's threads."""
    with open(f'/proc/{pid}/stat', encoding='utf-8') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def get_result(name, lines):
    """The guest's figure: IOPS of small blocks, else MiB a second."""
    for line in lines:
        if line.startswith('3;fio-'):
            fields = line.split(';')
            base = 5 if ' 4k ' in name and 'read' in name or name.startswith('read') else 46
            return float(fields[base + 2]) if ' 4k ' in name else float(fields[base + 1]) / 1024
        found = re.match(r'RESULT ([\d.]+)', line)
        if found:
            return float(found.group(1))
    return None


def run_guest(command, fds, rows, scale, timeout):
    """Returns name -> (figure, processor seconds, seconds)."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=fds)
    end = time.monotonic() + timeout
    results, log, buffer, name, lines, start, stop = {}, b'', b'', None, [], None, None
    try:
        while time.monotonic() < end:
            if not select.select([process.stdout], [], [], 1)[0]:
                continue
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                break
            mark = get_cpu(process.pid), time.monotonic()
            log += data
            *whole, buffer = (buffer + data).split(b'\n')
            for raw in whole:
                line = raw.decode('latin1').strip()
                if line.startswith('BEGIN '):
                    name, lines, start, stop = line[6:], [], mark, None
                elif line == 'GO':
                    start = mark
                elif line == 'STOP':
                    stop = mark
                elif line == 'END' and name is not None:
                    stop = stop or mark
                    figure = get_result(name, lines)
                    if figure is not None:
                        mib = next((row[2] for row in STREAMS if row[0] == name), None)
                        figure = int(mib * scale) / figure if mib is not None else figure
                        results[name] = figure, stop[0] - start[0], stop[1] - start[1]
                    name = None
                else:
                    lines.append(line)
    finally:
        process.kill()
        process.wait()
    missing = [row[0] for row in rows if row[0] not in results]
    if missing:
        sys.stderr.write(log[-3000:].decode('latin1'))
        sys.exit(f'bench-io: {command[0]}: no result of {missing}')
    return results


def make_image(args, fmt):
    path = f'{args.folder}/bench-io-{os.getpid()}.{fmt}'
    size = args.size * MIB
    if fmt == 'raw':
        with open(path, 'wb') as f:
            for _ in range(args.size):
                f.write(os.urandom(MIB))
    else:
        raw = f'{path}.raw'
        with open(raw, 'wb') as f:
            for _ in range(args.size):
                f.write(os.urandom(MIB))
        subprocess.run([args.vmtool, 'disk', 'convert', raw, path], check=True, stdout=subprocess.DEVNULL)
        os.remove(raw)
    assert os.path.getsize(path) >= size
    return path


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('vmtool')
    p.add_argument('--qemu', help='command of qemu-system-riscv64, with what must stand before it; none: vmtool alone')
    p.add_argument('--qemu-drive', default='cache=writeback', help="more of QEMU's -drive, such as aio=io_uring")
    p.add_argument('--qemu-iothread', action='store_true', help="QEMU's disk is served by a thread of its own")
    p.add_argument('--other', action='append', default=[], metavar='VMTOOL', help='another vmtool to compare with, such as one built before a change')
    p.add_argument('-r', '--reps', type=int, default=3)
    p.add_argument('-s', '--scale', type=float, default=1)
    p.add_argument('-f', '--formats', default='raw', help='raw, qcow2 or both')
    p.add_argument('-w', '--rows', default='', help='regular expression of the rows')
    p.add_argument('--size', type=int, default=512, help='MiB of the image')
    p.add_argument('--virtio', choices=['pci', 'mmio'], default='pci')
    p.add_argument('--smp', type=int, default=1)
    p.add_argument('--set', action='append', default=[], help='further "-s" settings of vmtool')
    p.add_argument('-k', '--kit', default=os.path.expanduser('~/.cache/vmtool/bench-io'))
    p.add_argument('--folder', default='/dev/shm' if os.access('/dev/shm', os.W_OK) else tempfile.gettempdir())
    p.add_argument('-T', '--timeout', type=float, default=900)
    args = p.parse_args()
    # the guest and the image go with this program
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    kit = os.environ.get('VMT_KIT') or os.path.expanduser('~/.cache/vmtool/kit')
    subprocess.run([sys.executable, MAKE_KIT, kit], check=True)
    os.makedirs(args.kit, exist_ok=True)
    archive = f'{args.kit}/initramfs'
    if not os.path.exists(archive) or os.path.getmtime(archive) < max(os.path.getmtime(f) for f in (
            f'{kit}/initramfs.cpio.gz', f'{HERE}/guest/stream.c')):
        make_archive(kit, archive)

    streams = STREAMS if shutil.which('riscv64-linux-gnu-gcc') else []
    listener = Listener()
    emulators = ['vmtool'] + (['qemu'] if args.qemu else []) + [f'other{i}' for i in range(len(args.other))]
    make_kit = load_make_kit()
    print(f'# virtio-{args.virtio}, {args.smp} vCPU, reps {args.reps}, scale {args.scale:g}, images in {args.folder}; medians. '
          f'CPU: processor seconds of the emulator for the same work. Ratios above 1: vmtool is better', flush=True)
    loads = []
    for fmt in args.formats.split(','):
        rows = [row for row in JOBS + (streams if fmt == args.formats.split(',')[0] else []) if re.search(args.rows, row[0])]
        runs = {name: [] for name in emulators}
        with tempfile.TemporaryDirectory(prefix='bench-io-', dir='/tmp') as folder:
            script = make_kit.Cpio()
            script.add('run.sh', stat.S_IFREG | 0o644, make_script(rows, listener.port, args.scale).encode())
            script.add('TRAILER!!!', 0)
            with open(archive, 'rb') as f, open(f'{folder}/initrd', 'wb') as out:
                out.write(f.read() + bytes(script.data))
            shutil.copyfile(f'{kit}/kernel', f'{folder}/kernel')
            os.chmod(folder, 0o755)
            append = 'console=ttyS0 panic=-1 quiet'
            disk = make_image(args, fmt)
            try:
                for _ in range(args.reps):
                    for name in emulators:
                        loads.append(os.getloadavg()[0])
                        if name == 'qemu':
                            # it opens the image twice, the first time to look at it
                            direct = os.O_DIRECT if 'cache=none' in args.qemu_drive else 0
                            fds = [os.open(disk, flags | direct) for flags in (os.O_RDWR, os.O_RDONLY)]
                            kind = 'pci' if args.virtio == 'pci' else 'device'
                            command = args.qemu.split() + [
                                '-machine', 'virt', '-smp', str(args.smp), '-m', '1G', '-nographic', '-nodefaults', '-serial', 'stdio', '-no-reboot',
                                '-kernel', f'{folder}/kernel', '-initrd', f'{folder}/initrd', '-append', append,
                                '-add-fd', f'fd={fds[0]},set=1', '-add-fd', f'fd={fds[1]},set=1', '-drive', f'file=/dev/fdset/1,format={fmt},if=none,id=d0,{args.qemu_drive}',
                                '-object', 'iothread,id=t0',
                                '-device', f'virtio-blk-{kind},drive=d0' + (',iothread=t0' if args.qemu_iothread else ''), '-netdev', 'user,id=n0', '-device', f'virtio-net-{kind},netdev=n0']
                            try:
                                runs[name].append(run_guest(command, fds, rows, args.scale, args.timeout))
                            finally:
                                for fd in fds:
                                    os.close(fd)
                        else:
                            binary = args.vmtool if name == 'vmtool' else args.other[int(name[5:])]
                            command = [binary, 'run', 'riscv-virt', disk, '--kernel', f'{folder}/kernel', '--initrd', f'{folder}/initrd',
                                       '--append', append, '-s', 'memory=1G', '-s', f'cpus={args.smp}', '-s', f'disk-format={fmt}',
                                       '-s', f'virtio={args.virtio}']
                            for setting in args.set:
                                command += ['-s', setting]
                            runs[name].append(run_guest(command, [], rows, args.scale, args.timeout))
            finally:
                os.remove(disk)
        print(f'# {fmt}, load {min(loads):.1f} to {max(loads):.1f}')
        print(f'{"row":24} {"unit":6}' + ''.join(f' {name:>9} {"CPU s":>7}' for name in emulators) +
              ''.join(f'  {"x " + name:>8} {"CPU":>6}' for name in emulators[1:]))
        for name, *_ in rows:
            figure = {e: statistics.median(r[name][0] for r in runs[e]) for e in emulators}
            cpu = {e: max(statistics.median(r[name][1] for r in runs[e]), 0.01) for e in emulators}
            print(f'{name:24} {"IOPS" if " 4k " in name else "MiB/s":6}' + ''.join(f' {figure[e]:9.0f} {cpu[e]:7.2f}' for e in emulators) +
                  ''.join(f'  {figure["vmtool"] / figure[e]:8.2f} {cpu[e] / cpu["vmtool"]:6.2f}' for e in emulators[1:]), flush=True)


main()
