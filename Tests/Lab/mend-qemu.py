"""Makes a copy of this machine's QEMU that gives a nested guest each interrupt once.

What is wrong. VMRUN with an interrupt to inject delivers it, and also leaves its vector behind as the CPU's pending
exception. The next exit to KVM overwrites that. But if QEMU leaves its loop before (a slice of the instruction clock is
over, another thread wants the CPU), it takes the vector for an exception and delivers it again, whatever the guest's IF
says: a handler interrupts itself where it holds a lock, and waits for it for ever. That is how guests in the lab used to
sleep or stop, under every monitor, and nearly always where several ran by the instruction clock.

What the copy does. The one store that leaves the vector behind does nothing. It is found by the instructions around it,
in QEMU for x86-64 as Debian 12 builds it (7.2). Where they are not found, there is no copy, and the exit status is 3.

The copy lies in a tree of its own whose share and lib are the machine's: QEMU looks for its files relative to itself.

usage: mend-qemu.py QEMU DIRECTORY      the copy becomes DIRECTORY/bin/NAME
"""

import os
import re
import sys
import tempfile

# movl event, error code; MOVL VECTOR, PENDING EXCEPTION; movl $0, is_int; movq $-1, next_eip; logging?; is_hw = 1; call
INJECTION = re.compile(
    rb"\x44\x89\xab..\x00\x00"
    rb"(\x89\xb3..\xff\xff)"
    rb"\xc7\x83..\x00\x00\x00\x00\x00\x00"
    rb"\x48\xc7\x83..\x00\x00\xff\xff\xff\xff"
    rb"\xf6\x05....\x02\x0f\x85..\x00\x00"
    rb"\xba\x01\x00\x00\x00\x48\x89\xdf\xe8",
    re.DOTALL,
)
NOTHING = b"\x66\x0f\x1f\x44\x00\x00"  # a no-op of six bytes


def main(qemu: str, directory: str) -> int:
    with open(qemu, "rb") as file:
        program = bytearray(file.read())
    places = [match.start(1) for match in INJECTION.finditer(program)]
    if len(places) != 1:
        return 3
    program[places[0] : places[0] + len(NOTHING)] = NOTHING

    os.makedirs(os.path.dirname(directory), exist_ok=True)
    # Two labs may start at once: the tree gets its name when it is whole.
    made = tempfile.mkdtemp(dir=os.path.dirname(directory))
    os.mkdir(made + "/bin")
    copy = made + "/bin/" + os.path.basename(qemu)
    with open(copy, "wb") as file:
        file.write(program)
    os.chmod(copy, 0o755)
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(qemu)))
    for name in ("share", "lib"):
        os.symlink(f"{prefix}/{name}", f"{made}/{name}")
    os.chmod(made, 0o755)
    try:
        os.rename(made, directory)
    except OSError:  # The other one was first.
        os.unlink(copy)
        os.rmdir(made + "/bin")
        os.unlink(made + "/share")
        os.unlink(made + "/lib")
        os.rmdir(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
