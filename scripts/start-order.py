#!/usr/bin/env python3
"""Writes scripts/start.order: the functions and variables that a start of vmm touches, in the order in which it does.

The linker lays them side by side (--symbol-ordering-file), so that a start touches few pages of an executable of many
megabytes. A name that a later build does not have is passed over, and what the list does not know stays where it would
be: an old list is never wrong, only less good. `make order` writes a new one, where there is a /dev/kvm.

The list is what valgrind sees vmm touch: with the tiny guest of `make bench`, with and without the file of --timings, and
with a console and a disk.
"""
import bisect
import collections
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / ".build/release/vmm"  # not stripped
GUEST = ROOT / "build/firmware/halt.elf"
LIMIT = 120  # seconds


def symbols(program):
    """The names at each address, most telling first: one that is there only once."""
    names = collections.defaultdict(list)
    for line in subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] in "bBdDrRtTvVwW":
            names[int(fields[0], 16)].append(fields[2])
    count = collections.Counter(name for several in names.values() for name in several)
    return {address: min(several, key=count.__getitem__) for address, several in names.items()}


def touched(program, options):
    """Every address that a start executes, reads or writes, by its first touch."""
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-file={log.name}", program, "boot"]
        subprocess.run(command + options, check=True, timeout=LIMIT, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for line in log:
            if line[:2] in ("I ", " L", " S", " M"):
                yield int(line[2:].split(",")[0], 16)


def main():
    with tempfile.TemporaryDirectory() as work:
        # valgrind cannot read all of the debug information.
        program = f"{work}/vmm"
        subprocess.run(["strip", "-g", "-o", program, PROGRAM], check=True)
        pathlib.Path(f"{work}/disk").write_bytes(bytes(1 << 20))
        names = symbols(program)
        starts = sorted(names)
        order = {}
        guest = ["--kernel", str(GUEST), "--allow-emulation"]
        none = ["--console", "none"]
        for options in (none, none + ["--timings", f"{work}/timings"], ["--disk", f"{work}/disk"],
                        ["--console", "serial"]):
            for address in touched(program, guest + options):
                index = bisect.bisect_right(starts, address) - 1
                # Heap and stack lie above the program.
                if 0 <= index < len(starts) - 1:
                    order[names[starts[index]]] = None
    pathlib.Path(ROOT / "scripts/start.order").write_text("\n".join(order) + "\n")
    print(f"start.order: {len(order)} names")


if __name__ == "__main__":
    sys.exit(main())
