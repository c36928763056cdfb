#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make-kit.py [FOLDER]: a guest kit of stock Debian 13 parts for riscv64: the kernel, OpenSBI, and a busybox initramfs
with the virtio modules.

Packages come through this machine's own apt configuration (the mirror that it already uses), into a state folder of
their own: nothing is installed and no root is needed. FOLDER defaults to $VMT_KIT, else ~/.cache/vmtool/kit. Files:
kernel, fw_dynamic.bin, fw_jump.bin, initramfs.cpio.gz, version. A kit that this recipe made stays as it is: remove its
folder to have a newer kernel."""
import glob
import gzip
import hashlib
import lzma
import os
import shutil
import stat
import subprocess
import sys

ARCH = 'riscv64'
SUITE = 'trixie'
KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
MODULES = ('virtio_mmio virtio_blk failover net_failover virtio_net rng-core virtio-rng crc16 mbcache jbd2 '
           'crc32c_generic libcrc32c ext4').split()
APPLETS = ('sh ash awk cat chmod cmp cp cttyhack cut date dd df dmesg echo env expr false free grep head hexdump hostname id '
           'ifconfig insmod ip kill ln ls lsmod md5sum mkdir mknod mount mv nc nslookup ping poweroff printf ps pwd reboot '
           'rm rmdir route sed seq setsid sha256sum sleep sort stty sync tail tee test top touch tr true udhcpc umount uname '
           'uptime vi wc wget yes zcat').split()
INIT = '''#!/bin/sh
# The first process of the kit. "vmtool.once" on the kernel command line: say who we are and power off.
export PATH=/bin HOME=/ TERM=vt100
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
echo BOOT-OK
while read -r module; do insmod "/lib/kit/$module" 2>/dev/null; done </lib/kit/order
hostname kit
ip link set lo up
case "$(cat /proc/cmdline)" in
*vmtool.net*) ip link set eth0 up && udhcpc -q -n -i eth0 -s /bin/udhcpc-script >/dev/null 2>&1;;
esac
if [ -f /run.sh ]; then
  sh /run.sh
  poweroff -f
fi
case "$(cat /proc/cmdline)" in
*vmtool.once*) uname -a; poweroff -f;;
esac
echo "This is a busybox shell in $(uname -sr) ($(uname -m)). \\"poweroff -f\\" ends the machine; Ctrl-A x does, too."
while true; do setsid cttyhack sh; done
'''
UDHCPC = '''#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/${mask:-24}" dev "$interface"
[ -z "$router" ] || ip route add default via "$router"
for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
'''


def run(args, **kwargs):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE, text=True, **kwargs).stdout


def repository():
    """The archive that this machine's apt uses for Debian itself."""
    for uri in run(['apt-get', 'indextargets', '--format', '$(REPO_URI)']).split():
        if 'security' not in uri and 'backports' not in uri:
            return uri
    sys.exit('make-kit: apt has no package source: run "apt-get update" with a Debian mirror in its sources first')


class Apt:
    """apt for another architecture, with its state in a folder of its own."""

    def __init__(self, folder):
        for sub in ('lists/partial', 'cache/archives/partial'):
            os.makedirs(f'{folder}/{sub}', exist_ok=True)
        open(f'{folder}/status', 'w').close()
        with open(f'{folder}/sources.list', 'w') as f:
            f.write(f'deb [arch={ARCH} signed-by={KEYRING}] {repository()} {SUITE} main\n')
        self.options = [f'-o{o}' for o in (
            f'Dir::Etc::sourcelist={folder}/sources.list', 'Dir::Etc::sourceparts=-', f'Dir::State={folder}',
            f'Dir::State::status={folder}/status', f'Dir::State::Lists={folder}/lists', f'Dir::Cache={folder}/cache',
            f'APT::Architecture={ARCH}', f'APT::Architectures={ARCH}',
            'APT::Sandbox::User=root' if os.geteuid() == 0 else 'Debug::NoLocking=true')]
        run(['apt-get'] + self.options + ['update', '-qq'])

    def kernel_package(self):
        for line in run(['apt-cache'] + self.options + ['depends', f'linux-image-{ARCH}']).splitlines():
            if 'Depends: linux-image-' in line:
                return line.split()[-1]
        sys.exit(f'make-kit: the mirror has no linux-image-{ARCH} in {SUITE}')

    def unpack(self, packages, folder):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        run(['apt-get'] + self.options + ['download', '-qq'] + packages, cwd=folder)
        for deb in glob.glob(f'{folder}/*.deb'):
            run(['dpkg-deb', '-x', deb, f'{folder}/root'])
            os.remove(deb)
        return f'{folder}/root'


class Cpio:
    """A newc archive; device nodes need no root this way."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, mode, data=b'', device=(0, 0)):
        self.inode += 1
        head = [self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, device[0], device[1], len(name) + 1, 0]
        self.data += b'070701' + b''.join(b'%08X' % v for v in head) + name.encode() + b'\0'
        self.data += b'\0' * (-len(self.data) % 4) + data
        self.data += b'\0' * (-len(self.data) % 4)

    def finish(self, path):
        self.add('TRAILER!!!', 0)
        with open(path, 'wb') as f:
            f.write(gzip.compress(bytes(self.data), 9, mtime=0))


def find(root, name):
    found = glob.glob(f'{root}/**/{name}', recursive=True)
    return found[0] if found else None


def make_initramfs(root, path):
    cpio = Cpio()
    for folder in 'bin dev etc lib lib/kit mnt proc root sys tmp'.split():
        cpio.add(folder, stat.S_IFDIR | 0o755)
    cpio.add('dev/console', stat.S_IFCHR | 0o600, device=(5, 1))
    cpio.add('dev/null', stat.S_IFCHR | 0o666, device=(1, 3))
    with open(find(root, 'bin/busybox'), 'rb') as f:
        cpio.add('bin/busybox', stat.S_IFREG | 0o755, f.read())
    for applet in APPLETS:
        cpio.add(f'bin/{applet}', stat.S_IFLNK | 0o777, b'busybox')
    cpio.add('init', stat.S_IFREG | 0o755, INIT.encode())
    cpio.add('bin/udhcpc-script', stat.S_IFREG | 0o755, UDHCPC.encode())
    order = []
    for module in MODULES:
        packed = find(root, f'{module}.ko*')
        if packed is None:
            continue
        with (lzma.open if packed.endswith('.xz') else open)(packed, 'rb') as f:
            cpio.add(f'lib/kit/{module}.ko', stat.S_IFREG | 0o644, f.read())
        order.append(f'{module}.ko')
    cpio.add('lib/kit/order', stat.S_IFREG | 0o644, ('\n'.join(order) + '\n').encode())
    cpio.finish(path)


def main():
    kit = os.path.abspath(sys.argv[1] if len(sys.argv) > 1
                          else os.environ.get('VMT_KIT') or os.path.expanduser('~/.cache/vmtool/kit'))
    os.makedirs(kit, exist_ok=True)
    with open(__file__, 'rb') as f:
        recipe = hashlib.sha256(f.read()).hexdigest()[:16]
    try:
        with open(f'{kit}/version', encoding='utf-8') as f:
            if f.read().split()[-1] == recipe:
                return
    except OSError:
        pass
    apt = Apt(f'{kit}/.apt')
    package = apt.kernel_package()
    print(f'make-kit: fetching {package}, busybox and OpenSBI for {ARCH} from Debian {SUITE}', file=sys.stderr)
    root = apt.unpack([package, 'busybox-static', 'opensbi'], f'{kit}/.unpacked')
    shutil.copyfile(glob.glob(f'{root}/boot/vmlinu[xz]-*')[0], f'{kit}/kernel')
    for firmware in ('fw_dynamic.bin', 'fw_jump.bin'):
        shutil.copyfile(f'{root}/usr/lib/riscv64-linux-gnu/opensbi/generic/{firmware}', f'{kit}/{firmware}')
    make_initramfs(root, f'{kit}/initramfs.cpio.gz')
    shutil.rmtree(f'{kit}/.unpacked')
    with open(f'{kit}/version', 'w', encoding='utf-8') as f:
        f.write(f'{package} {recipe}\n')


if __name__ == '__main__':
    main()
