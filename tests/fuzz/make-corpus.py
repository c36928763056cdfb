#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make-corpus.py: writes the seeds of the fuzzers whose inputs are not text, beside this file. Run it again after a change of how
a fuzzer reads its input; files that fuzzing has found (crash-*) are left alone."""
import os
import re
import struct
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))


def save(fuzzer, name, data):
    folder = f'{HERE}/corpus/{fuzzer}'
    os.makedirs(folder, exist_ok=True)
    with open(f'{folder}/{name}', 'wb') as f:
        f.write(data)


# --- virtio-driver: a driver that does it right -------------------------------------------------------
NEXT, WRITE, INDIRECT = 1, 2, 4


def first(kind, log2_size, event_idx=False, indirect=False):
    return bytes([kind | (event_idx | indirect << 1 | log2_size << 2) << 2 & 0xff])


def desc(queue, index, where, length, flags=0, following=0, table=0):
    return struct.pack('<BBHHBB', table | queue << 4, index, where, length, flags, following)


def offer(queue, head):
    return bytes([2 | queue << 4, head])


def notify(queue):
    return bytes([4 | queue << 4])


def header(where, kind, sector):
    return struct.pack('<BBBHB', 13, where >> 4, kind, 0, sector)


ITERATE, ACK = b'\x09', b'\x0f'


def virtio_driver():
    def request(kind, sector, data_flags, size=512):
        return (header(0, kind, sector) + desc(0, 0, 0, 16, NEXT, 1) + desc(0, 1, 0x100, size, NEXT | data_flags, 2)
                + desc(0, 2, 0x1000, 1, WRITE) + offer(0, 0) + notify(0) + ITERATE + ACK)

    save('virtio-driver', 'blk', first(0, 3) + request(1, 1, 0) + request(0, 1, WRITE) + request(8, 0, WRITE, 20)
         + header(0, 4, 0) + desc(0, 0, 0, 16, NEXT, 2) + offer(0, 0) + notify(0) + ITERATE)
    # discard and write zeroes: a segment of sector, count and flags
    segment = b'\x07' + struct.pack('<HQ', 0x100, 2) + b'\x07' + struct.pack('<HQ', 0x108, 4)
    save('virtio-driver', 'blk-discard', first(0, 3) + segment + request(11, 0, 0, 16) + segment + request(13, 0, 0, 16))
    save('virtio-driver', 'blk-indirect', first(0, 3, indirect=True, event_idx=True) + header(0x200, 0, 3)
         + desc(0, 0, 0x200, 16, NEXT, 1, table=1) + desc(0, 1, 0x400, 1024, NEXT | WRITE, 2, table=1)
         + desc(0, 2, 0x1000, 1, WRITE, 0, table=1) + desc(0, 0, 0, 48, INDIRECT) + offer(0, 0) + notify(0) + ITERATE + ACK)
    save('virtio-driver', 'net', first(1, 4) + desc(0, 0, 0, 2048, WRITE) + desc(0, 1, 0x800, 2048, WRITE) + offer(0, 0)
         + offer(0, 1) + notify(0) + b'\x0c\x40\x00' + desc(1, 0, 0x1000, 12, NEXT, 1) + desc(1, 1, 0x1100, 64) + offer(1, 0)
         + notify(1) + ITERATE + ACK + b'\x0c\xff\x05')
    save('virtio-driver', 'console', first(2, 2, event_idx=True) + desc(0, 0, 0, 64, WRITE) + offer(0, 0) + notify(0) + b'\x0c\x20\x00'
         + desc(1, 0, 0x100, 40) + offer(1, 0) + notify(1) + ITERATE + ACK + b'\x1e\x02\x00')
    save('virtio-driver', 'rng', first(3, 1) + desc(0, 0, 0, 64, NEXT | WRITE, 1) + desc(0, 1, 0x40, 32, WRITE) + offer(0, 0)
         + notify(0) + ITERATE + ACK + offer(0, 0) + notify(0) + ITERATE)
    # registers: another queue size while ready, a reset in the middle, configuration in all widths
    save('virtio-driver', 'registers', first(0, 3) + b'\x25\x38\x00' + struct.pack('<I', 4) + b'\x26\x34\x00' + b'\x25\x70\x00'
         + struct.pack('<I', 0) + notify(0) + b'\x0a\x0c' + b'\x05\x20\x01\x01' + b'\x16\x00\x01' + b'\x36\x08\x01' + request(0, 0, WRITE))
    # a loop of descriptors, and a head that is none
    save('virtio-driver', 'loop', first(3, 2) + desc(0, 0, 0, 8, NEXT | WRITE, 1) + desc(0, 1, 0, 8, NEXT | WRITE, 0) + offer(0, 0)
         + notify(0) + ITERATE + offer(0, 200) + notify(0) + b'\x0a\x08' + b'\x0b\xff\x7f' + notify(0))


# --- qcow2 ----------------------------------------------------------------------------------------
COPIED, COMPRESSED = 1 << 63, 1 << 62


def qcow2_image(version=3, bits=9, clusters=32, backing=b'', snapshot=False, packed=False, zero=False, order=4, extra=b''):
    size = 1 << bits
    virtual = clusters * size
    n_l2 = -(-clusters // (size // 8))
    counts, chunks = {}, {}

    def put(cluster, data, count=1):
        chunks[cluster] = data.ljust(size, b'\0')
        counts[cluster] = count

    shared = 2 if snapshot else 1
    mark = 0 if snapshot else COPIED
    free = 4 + n_l2
    entries = [0] * (n_l2 * (size // 8))
    for i in (0, 1, 5):
        put(free, bytes([0x40 + i]) * size, shared)
        entries[i] = free * size | mark
        free += 1
    if zero:
        entries[2] = 1
    if packed:
        compressor = zlib.compressobj(9, zlib.DEFLATED, -12)
        data = compressor.compress(b'vmtool' * (size // 6) + b'....'[:size % 6]) + compressor.flush()
        sectors = (len(data) - 1) // 512
        entries[3] = COMPRESSED | free * size | sectors << (62 - (bits - 8))
        put(free, data, shared)
        free += 1
    put(3, b''.join(struct.pack('>Q', (4 + i) * size | mark) for i in range(n_l2)))
    for i in range(n_l2):
        part = entries[i * (size // 8):(i + 1) * (size // 8)]
        put(4 + i, struct.pack(f'>{len(part)}Q', *part), shared)
    snapshots = 0
    if snapshot:
        snapshots = free * size
        more = struct.pack('>QQ', 0, virtual)
        put(free, struct.pack('>QIHHIIQII', (free + 1) * size, n_l2, 1, 5, 0, 0, 0, 0, len(more)) + more + b'1first')
        put(free + 1, chunks[3])
        free += 2
    put(1, struct.pack('>Q', 2 * size))
    counts[0] = counts[2] = 1
    width = 1 << order
    block = bytearray(size)
    for cluster, count in counts.items():
        if width >= 8:
            block[cluster * width // 8:(cluster + 1) * width // 8] = count.to_bytes(width // 8, 'big')
        else:
            block[cluster * width // 8] |= count << cluster * width % 8
    put(2, bytes(block))
    head = struct.pack('>4sIQIIQIIQQIIQ', b'QFI\xfb', version, 0, len(backing), bits, virtual, 0, n_l2, 3 * size, size, 1,
                       1 if snapshot else 0, snapshots)
    if version == 3:
        head += struct.pack('>QQQII', 0, 0, 0, order, 112) + bytes(8)
    head += extra
    if backing:
        if version == 3:
            head += struct.pack('>II3s5x', 0xe2792aca, 3, b'raw') + bytes(8)
        head = head[:8] + struct.pack('>QI', len(head), len(backing)) + head[20:] + backing
    put(0, head)
    return b''.join(chunks[i] for i in range(free))


def qcow2():
    save('qcow2', 'seed-v2', qcow2_image(version=2))
    save('qcow2', 'seed-v3', qcow2_image(zero=True))
    save('qcow2', 'seed-v3-4k', qcow2_image(bits=12, clusters=600))
    save('qcow2', 'seed-backing', qcow2_image(backing=b'base.raw'))
    save('qcow2', 'seed-backing-v2', qcow2_image(version=2, backing=b'base.raw'))
    save('qcow2', 'seed-backing-missing', qcow2_image(backing=b'nowhere.raw'))
    save('qcow2', 'seed-packed', qcow2_image(packed=True))
    save('qcow2', 'seed-snapshot', qcow2_image(snapshot=True, packed=True))
    save('qcow2', 'seed-refcounts-1-bit', qcow2_image(order=0))
    save('qcow2', 'seed-refcounts-64-bits', qcow2_image(order=6, clusters=200))
    whole = qcow2_image()
    save('qcow2', 'seed-dirty', whole[:72] + struct.pack('>Q', 1) + whole[80:])
    save('qcow2', 'seed-huge', whole[:24] + struct.pack('>Q', 1 << 62) + whole[32:])
    save('qcow2', 'seed-header-only', whole[:112])


# --- registers: a walk over each device -----------------------------------------------------------
def registers():
    for device in range(14):
        data = b''
        for i in range(32):
            data += struct.pack('<BBB', 2, device, i) + struct.pack('<BBBI', 6, device, i, 0xffffffff >> i % 5 * 7)
        data += struct.pack('<BBBI', 12, device, 0, 1000000)
        for width, form in enumerate('BHIQ'):
            for i in (0, 1, 3, 8):
                data += struct.pack('<BBB', 0x80 | width, device, i)
                data += struct.pack('<BBB' + form, 0x84 | width, device, i, 0x5a)
        # further regions, and far offsets
        for region in range(1, 4):
            for i in (0, 1, 5, 0x1000, 0x80000):
                data += struct.pack('<BBI', 0x42 | region << 4, device, i) + struct.pack('<BBII', 0x46 | region << 4, device, i, i | 1)
        save('registers', f'walk-{device}', data)


# --- fdt ------------------------------------------------------------------------------------------
def fdt():
    def device(kind, base, irq=None):
        return struct.pack('<BB', kind | (0x80 if irq is not None else 0), irq or 0) + struct.pack('<I', base)[:3]

    def board(initrd, cpus, memories, devices, append):
        return (struct.pack('<BIH', len(memories), initrd, cpus) + b''.join(struct.pack('<IB', *m) for m in memories)
                + bytes([len(devices)]) + b''.join(devices) + append)

    plic = 0x80
    save('fdt', 'usual', board(0x82000000, 1, [(0x80000, 255)], [
        device(4, 0xc000), device(3, 0x2000), device(0, 0x10000, plic | 10), device(1, 0x101, plic | 11), device(2, 0x100),
        device(5, 0x30000), device(6, 0x10001, plic | 1)], b'console=ttyS0 root=/dev/vda'))
    save('fdt', 'four-cpus', board(0, 3, [(0x80000, 63), (0x90000, 3)], [device(4, 0xc000), device(3, 0x2000)], b''))
    save('fdt', 'nothing', board(0, 0, [], [], b''))
    save('fdt', 'less', board(0xffffffff, 0x1fc1 | 4 | 8, [(0x80000, 0)], [device(0, 0x10000), device(0, 0x10001)], 'ä\n"&<'.encode()))


# --- ir: some of the hard instructions ------------------------------------------------------------
def ir():
    folder = f'{HERE}/../unit/ir/hard'
    for name in sorted(os.listdir(folder))[::5]:
        with open(f'{folder}/{name}', encoding='utf-8') as f:
            block = re.search(r'^block\n.*?^end\n', f.read(), re.M | re.S)
        save('ir', name[:-3], block.group().encode())


if __name__ == '__main__':
    virtio_driver()
    qcow2()
    registers()
    fdt()
    ir()
