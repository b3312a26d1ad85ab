"""A monitor for the guest's agent, in QEMU's software CPU: it says what ours does not say yet, or must not.

The protocol is written down here a second time, from Sources/AgentProtocol. The image is a virtio disk: our kernel has
no PCI, and QEMU no persistent memory without it.
"""
import os
import select
import socket
import struct
import subprocess
import tempfile
import time

KINDS = {1: "hello", 16: "started", 17: "failed", 18: "exited", 19: "log", 20: "killed", 21: "prepared", 22: "identified", 32: "data", 33: "end", 34: "credit"}
INITIAL_CREDIT = 256 << 10
# What docker leaves to root.
CAPABILITIES = 0xA80425FB
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
PATIENCE = 120


def text(value):
    return struct.pack("<I", len(value.encode())) + value.encode()


def sequence(items):
    return struct.pack("<I", len(items)) + b"".join(items)


def frame(kind, process=0, stream=0, payload=b""):
    return struct.pack("<IBBH", len(payload), kind, stream, process) + payload


def hello(version=3):
    return frame(1, payload=struct.pack("<I", version))


def prepare(layer=0):
    return frame(7, payload=bytes([layer]))


def identity(seed=None, seconds=None, nanoseconds=0):
    """Random bytes, and the time."""
    now = int(time.time()) if seconds is None else seconds
    return frame(8, payload=(seed or os.urandom(64)) + struct.pack("<QI", now, nanoseconds))


def container(hostname="box", writable="memory", limit=0, read_only=False, as_init=False, mounts=(), masked=(), protected=(),
              privileged=False, parameters=(), devices=()):
    layer = {"none": b"\0", "memory": b"\1" + struct.pack("<Q", limit), "disk": b"\2"}[writable]
    entries = [text(kind) + text(source) + text(target) + struct.pack("<I", flags) + text(options)
               for kind, source, target, flags, options in mounts]
    return frame(2, payload=text(hostname) + layer + bytes([read_only, as_init]) + sequence(entries)
                 + sequence([text(path) for path in masked]) + sequence([text(path) for path in protected])
                 + bytes([privileged])
                 + sequence([text(path) + text(value) + bytes([required]) for path, value, required in parameters])
                 + sequence([text(path) + struct.pack("<II", major, minor) for path, major, minor in devices]))


def start(arguments, number=1, environment=("PATH=/bin",), directory="/", user="", groups=(), capabilities=None,
          limits=(), no_new_privileges=False, terminal=None, has_input=False):
    sets = capabilities or (CAPABILITIES, CAPABILITIES, 0, CAPABILITIES, 0)
    return frame(3, number, payload=sequence([text(word) for word in arguments])
                 + sequence([text(variable) for variable in environment]) + text(directory) + text(user)
                 + sequence([text(group) for group in groups]) + struct.pack("<5Q", *sets)
                 + sequence([struct.pack("<BQQ", *limit) for limit in limits]) + bytes([no_new_privileges])
                 + (b"\1" + struct.pack("<HH", *terminal) if terminal else b"\0") + bytes([has_input]))


def clock_kilohertz():
    """The CPU's clock: our kernel learns it from KVM, and QEMU's software CPU says nothing of it."""
    with open("/proc/cpuinfo") as file:
        return int(float(next(line for line in file if "MHz" in line).split(":")[1]) * 1000)


class Machine:
    """A machine with an agent in it, and all that it has said."""

    def __init__(self, image, disk=None, append="container_devices="):
        self.directory = tempfile.TemporaryDirectory()
        path = os.path.join(self.directory.name, "port")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        words = f"console=ttyS0 quiet panic=-1 tsc=reliable tsc_early_khz={clock_kilohertz()} {append} -- vmm.agent /dev/vda"
        command = [
            "qemu-system-x86_64", "-M", "microvm,acpi=on,auto-kernel-cmdline=off", "-accel", "tcg", "-cpu", "max",
            "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-kernel", f"{ROOT}/build/vmlinux", "-initrd", f"{ROOT}/build/agent.cpio", "-append", words,
            "-chardev", f"socket,path={path},id=port", "-device", "virtio-serial-device",
            "-device", "virtserialport,chardev=port,name=vmm.agent"]
        for number, (file, serial, mode) in enumerate([(image, "image", "on"), (disk, "writable", "off")]):
            if file:
                command += ["-drive", f"file={file},if=none,id=d{number},format=raw,readonly={mode}",
                            "-device", f"virtio-blk-device,drive=d{number},serial={serial}"]
        self.qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        listener.settimeout(PATIENCE)
        self.port = listener.accept()[0]
        listener.close()
        self.console = b""
        self.events = []
        self.output = {}
        self.input_credit = {}
        self.gives_credit = True
        self.output_credit = {}
        self.buffer = b""

    def send(self, *frames):
        self.port.sendall(b"".join(frames))

    def input(self, data, number=1):
        for begin in range(0, len(data), 32 << 10):
            self.send(frame(32, number, 0, data[begin:begin + (32 << 10)]))

    def end(self, number=1, stream=0):
        self.send(frame(33, number, stream))

    def give_credit(self, count, number=1, stream=1):
        self.output_credit[number, stream] = self.output_credit.get((number, stream), INITIAL_CREDIT) + count
        self.send(frame(34, number, stream, struct.pack("<I", count)))

    def step(self, seconds=PATIENCE):
        """Takes what comes next; EOFError when the machine has gone."""
        ready = select.select([self.port, self.qemu.stdout], [], [], seconds)[0]
        if not ready:
            raise TimeoutError(f"nothing comes; {self}")
        if self.qemu.stdout in ready:
            self.console += os.read(self.qemu.stdout.fileno(), 65536)
        if self.port in ready:
            try:
                data = self.port.recv(1 << 20)
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError(f"the machine has ended; {self}")
            self.buffer += data
            self.take()

    def take(self):
        while len(self.buffer) >= 8:
            count, kind, stream, number = struct.unpack("<IBBH", self.buffer[:8])
            if len(self.buffer) < 8 + count:
                return
            payload, self.buffer = self.buffer[8:8 + count], self.buffer[8 + count:]
            self.heed(KINDS[kind], stream, number, payload)

    def heed(self, kind, stream, number, payload):
        if kind == "data":
            assert any(event[:2] == ("started", number) for event in self.events), f"output before the start; {self}"
            self.output[number, stream] = self.output.get((number, stream), b"") + payload
            left = self.output_credit.get((number, stream), INITIAL_CREDIT) - len(payload)
            assert 0 < len(payload) <= 32 << 10 and left >= 0, f"more than there is credit for; {self}"
            self.output_credit[number, stream] = left
            if self.gives_credit and left < INITIAL_CREDIT // 2:
                self.give_credit(INITIAL_CREDIT - left, number, stream)
        elif kind == "credit":
            self.input_credit[number] = self.input_credit.get(number, 0) + struct.unpack("<I", payload)[0]
        elif kind == "exited":
            self.events.append((kind, number, *payload))
            for each in (1, 2):
                self.output_credit.pop((number, each), None)
        elif kind == "failed":
            self.events.append((kind, number, payload[0], payload[5:].decode()))
        elif kind == "log":
            self.events.append((kind, payload.decode()))
        else:
            self.events.append((kind, number, stream))

    def until(self, *wanted):
        """The first event that begins so, whenever it comes."""
        while True:
            for event in self.events:
                if event[:len(wanted)] == wanted:
                    return event
            self.step()

    def ended(self, number=1):
        """How the process ended, or why it was not started."""
        while True:
            for event in self.events:
                if event[0] in ("exited", "failed") and event[1] in (number, 0):
                    return event
            self.step()

    def said(self, stream=1, number=1):
        return self.output.get((number, stream), b"").decode()

    def finish(self):
        """Serves until the machine has ended by itself; its console."""
        try:
            while True:
                self.step()
        except (EOFError, OSError):
            pass
        self.console += self.qemu.communicate(timeout=PATIENCE)[0]
        assert b"Power down" in self.console and b"anic" not in self.console, str(self)

    def shut_down(self):
        self.send(frame(6))
        self.finish()

    def __str__(self):
        return f"events {self.events}, console {self.console.decode(errors='replace')}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.qemu.kill()
        self.qemu.wait()
        self.port.close()
        self.directory.cleanup()
