#!/usr/bin/env python3
"""Takes the ELF kernel out of a bzImage, by what its setup header says of its payload.

usage: unpack-bzimage.py BZIMAGE VMLINUX

Offsets are those of the Linux x86 boot protocol, "The real-mode kernel header"; the fields that tell where the
payload lies exist since protocol 2.08.
"""
import os
import struct
import subprocess
import sys

SETUP_SECTS, HEADER, VERSION, PAYLOAD_OFFSET = 0x1F1, 0x202, 0x206, 0x248

# What the payload begins with, what undoes it, and whether the kernel's build appended the unpacked size to it
# (scripts/Makefile.lib, size_append): a trailer that the decompressors would take for damage.
FORMATS = [
    (b"\x1f\x8b", ["gzip", "-dc"], False),
    (b"\x02\x21\x4c\x18", ["lz4", "-dc"], True),
    (b"\xfd7zXZ\0", ["xz", "-dc"], True),
    (b"\x28\xb5\x2f\xfd", ["zstd", "-dc", "-q"], True),
]


def payload(image: bytes) -> bytes:
    if image[HEADER : HEADER + 4] != b"HdrS":
        raise ValueError("it has no boot protocol header")
    (version,) = struct.unpack_from("<H", image, VERSION)
    if version < 0x0208:
        raise ValueError(f"its boot protocol {version >> 8}.{version & 255:02} does not tell where the payload is")
    # Zero sectors mean four, for kernels of the last century; the boot sector itself comes first.
    protected_mode_code = ((image[SETUP_SECTS] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", image, PAYLOAD_OFFSET)
    start = protected_mode_code + offset
    if start + length > len(image):
        raise ValueError("its payload ends behind the end of the file")
    return image[start : start + length]


def unpack(packed: bytes) -> bytes:
    for magic, command, has_size in FORMATS:
        if packed.startswith(magic):
            stream = packed[:-4] if has_size else packed
            return subprocess.run(command, input=stream, stdout=subprocess.PIPE, check=True).stdout
    raise ValueError(f"its payload begins with {packed[:6].hex(' ')}, which is no known compression")


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: unpack-bzimage.py BZIMAGE VMLINUX")
    source, target = sys.argv[1:]
    try:
        with open(source, "rb") as file:
            kernel = unpack(payload(file.read()))
        if not kernel.startswith(b"\x7fELF"):
            raise ValueError("its payload is not an ELF file")
    except (OSError, ValueError, struct.error, IndexError, subprocess.CalledProcessError) as error:
        sys.exit(f"unpack-bzimage: {source}: {error}")
    with open(target + ".part", "wb") as file:
        file.write(kernel)
    os.rename(target + ".part", target)


main()
