"""Writes the uncompressed kernel that a bzImage carries: extract-vmlinux.py VMLINUZ OUT.

Offsets are those of the x86 boot protocol (the kernel's Documentation/arch/x86/boot.rst), 2.08 and later.
"""

import os
import struct
import subprocess
import sys

# How the payload starts, and the program that unpacks it. Debian has used xz and lz4.
UNPACKERS = {
    b"\x02\x21\x4c\x18": ["lz4", "-dc"],
    b"\xfd7zXZ": ["xz", "-dc"],
    b"\x28\xb5\x2f\xfd": ["zstd", "-dc"],
    b"\x1f\x8b": ["gzip", "-dc"],
}


def main():
    source, target = sys.argv[1], sys.argv[2]
    with open(source, "rb") as f:
        image = f.read()
    if image[0x202:0x206] != b"HdrS":
        sys.exit(f"{source}: not a bzImage")
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start : start + length - 4]  # the last four bytes are the unpacked size
    program = next((p for magic, p in UNPACKERS.items() if payload.startswith(magic)), None)
    if program is None:
        sys.exit(f"{source}: compressed in a way that is not known here: {payload[:4].hex()}")
    kernel = subprocess.run(program, input=payload, capture_output=True, check=True).stdout
    if not kernel.startswith(b"\x7fELF"):
        sys.exit(f"{source}: its payload is not an ELF kernel")
    with open(target + ".tmp", "wb") as f:
        f.write(kernel)
    os.rename(target + ".tmp", target)


main()
