#!/usr/bin/env python3
"""The guest's agent, case by case: cases.py NAME... runs those, cases.py all of them. See peer.py."""
import hashlib
import os
import struct
import subprocess
import sys
import tempfile

from peer import INITIAL_CREDIT, Machine, container, frame, hello, start

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\nbroken\n:::\n"
GROUP = "root:x:0:\naudio:x:29:app\ntty:x:5:\napp:x:1000:\nwheel:x:10:root,app\n"


def make_image(path):
    """Busybox, users, and things that are no programs. /proc, /sys and /dev are not there."""
    with tempfile.TemporaryDirectory() as root:
        for name in ("bin", "etc", "root", "home/app", "tmp"):
            os.makedirs(f"{root}/{name}")
        os.chmod(root, 0o755)
        os.chmod(f"{root}/tmp", 0o1777)
        subprocess.run(["cp", "/bin/busybox", f"{root}/bin/busybox"], check=True)
        for name in subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True).stdout.split():
            if name != "busybox":
                os.symlink("busybox", f"{root}/bin/{name}")
        files = {"etc/passwd": PASSWD, "etc/group": GROUP, "etc/plain": "hi\n", "bin/orphan": "#!/nope\n", "bin/noise": "noise\n"}
        for name, contents in files.items():
            with open(f"{root}/{name}", "w") as file:
                file.write(contents)
            os.chmod(f"{root}/{name}", 0o755 if name.startswith("bin/") else 0o644)
        subprocess.run(["mkfs.erofs", "--all-root", "-Enoinline_data", path, root], check=True, capture_output=True)


def check(condition, *evidence):
    if not condition:
        raise AssertionError(" ".join(str(each) for each in evidence))


class Container(Machine):
    """A machine whose container has been asked for."""

    def __init__(self, disk=None, **options):
        super().__init__(Container.image, disk)
        self.send(hello(), container(**options))
        self.last = 1

    def run(self, line, **options):
        """Executes a line of the shell, or a list of words, beside what runs; how it ended, and what it said."""
        self.last += 1
        words = ["sh", "-c", line] if isinstance(line, str) else line
        self.send(start(words, self.last, **options))
        return self.ended(self.last)[2:], self.said(1, self.last), self.said(2, self.last)


def statuses():
    with Container() as m:
        m.send(start(["sleep", "1000"]))
        for line, status in (("true", (0, 0)), ("exit 255", (0, 255)), ("kill -9 $$", (1, 9)), ("kill -11 $$", (1, 11))):
            check(m.run(line)[0] == status, line, m)
        refused = {
            "nothere": (2, "no such program"), "/nothere": (2, "no such file"), "/etc/plain/x": (2, "no such file"), "": (2, "no such"),
            "/etc/plain": (1, "permission denied"), "/etc": (1, "is a directory"), "noise": (1, "exec format error"),
            "orphan": (2, 'its interpreter "/nope"')}
        for name, (reason, words) in refused.items():
            status = m.run([name])[0]
            check(status[0] == reason and words in status[1], name, status)
        for number in range(100, 140):
            m.send(start(["sh", "-c", f"sleep 0.2; echo {number}; exit {number}"], number))
        for number in range(100, 140):
            check(m.ended(number)[2:] == (0, number) and m.said(1, number) == f"{number}\n", "forty at once", m)
        m.send(frame(4, 1, payload=b"\x0f"))
        check(m.ended()[2:] == (1, 15), "SIGTERM", m)
        check("has ended" in m.run("true")[0][1], "after the end", m)
        m.shut_down()


def identities():
    with Container() as m:
        m.send(start(["sleep", "1000"]))
        for user, words in {
                "": "uid=0(root) gid=0(root) groups=10(wheel) /root", "app": "uid=1000(app) gid=1000(app) groups=10(wheel),29(audio) /home/app",
                "1000:5": "uid=1000(app) gid=5(tty) /home/app", "4242": "uid=4242 gid=0(root) /", "4242:7": "uid=4242 gid=7 /"}.items():
            status, said, _ = m.run("echo $(id) $HOME", user=user)
            check(status == (0, 0) and said.strip() == words, user, said)
        for user, words in {"nobody": 'no user "nobody"', "app:x": 'no group "x"'}.items():
            check(words in m.run("true", user=user)[0][1], user, m)
        check("groups=5(tty),10(wheel),29(audio),77" in m.run("id", user="app", groups=["tty", "77"])[1], "groups", m)
        status = m.run("grep -E 'Cap|NoNew' /proc/self/status; umask; ulimit -n", no_new_privileges=True, limits=[(7, 100, 200)])[1]
        for line in ("CapEff:\t00000000a80425fb", "CapBnd:\t00000000a80425fb", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "\n0022\n100\n"):
            check(line in status, line, status)
        status = m.run("grep Cap /proc/self/status", user="app", capabilities=(0x400,) * 5)[1]
        check(status.count("0000000000000400") == 5, "an ambient capability", status)
        check(m.run("grep Cap /proc/self/status", user="app")[1].count("00000000a80425fb") == 1, "no capabilities", m)
        check(m.run("echo a >/dev/stdout; echo b >/dev/stderr", user="app") == ((0, 0), "a\n", "b\n"), "reopened streams", m)
        check(m.run("pwd", directory="/made/here")[1] == "/made/here\n", "a directory that is missing", m)
        check(m.run("pwd", directory="/etc/plain")[0][0] == 0, "a directory that is none", m)
        m.shut_down()


def processes():
    with Container() as m:
        m.send(start(["sh", "-c", "trap 'echo asked; exit 9' TERM; while :; do sleep 0.1; done"]))
        status, said, _ = m.run("ps -o pid,args")
        check(said.count("\n") <= 6 and " 2 sh -c trap" in said and "kthreadd" not in said, "what runs", said)
        check(m.run("head -c 300000 /dev/zero; sleep 100 & echo x")[0] == (0, 0), "a child that keeps the pipe", m)
        check(len(m.said(1, m.last)) == 300002, "what was in the pipe", m)
        said = m.run("setsid sh -c '(sleep 0.2; true) & exit'; sleep 0.5; cat /proc/[0-9]*/stat | grep -c ' Z '")[1]
        check(said == "0\n", "orphans", said)
        check(m.run("kill -TERM 1")[0] == (0, 0), "a signal for process 1", m)
        check(m.ended()[2:] == (0, 9) and m.said() == "asked\n", "is passed on", m)
        m.shut_down()
    with Container(as_init=True) as m:
        m.send(start(["sh", "-c", "echo $$; sleep 1000 & exit 3"]))
        check(m.ended()[2:] == (0, 3) and m.said() == "1\n", "as process 1", m)
        m.shut_down()
    with Container(limit=16 << 20) as m:
        m.send(start(["tail", "/dev/zero"]))
        check(m.ended()[2:] == (1, 9), "out of memory", m)
        check(("killed", 0, 0) in m.events, "is told before the end", m)
        m.shut_down()


def streams():
    with Container() as m:
        m.send(start(["sh", "-c", "sha256sum; echo done >&2"], has_input=True))
        data, sent = os.urandom(2_000_000), 0
        while sent < len(data):
            room = INITIAL_CREDIT + m.input_credit.get(1, 0) - sent
            m.input(data[sent:sent + room]) if room else m.step()
            sent = min(sent + room, len(data))
        m.end()
        check(m.ended()[2:] == (0, 0) and m.said().split()[0] == hashlib.sha256(data).hexdigest(), "input", m)
        check(m.said(2) == "done\n", "errors", m)
        m.shut_down()
    with Container() as m:
        m.gives_credit = False
        m.send(start(["sh", "-c", "(echo said >&2); seq 1 100000; exit 2"]))
        while len(m.said()) < INITIAL_CREDIT or m.said(2) != "said\n":
            m.step()
        try:
            m.step(1)
            check(False, "it goes on without credit", m)
        except TimeoutError:
            pass
        m.gives_credit = True
        m.give_credit(1_000_000)
        check(m.ended()[2:] == (0, 2) and m.said() == "".join(f"{i}\n" for i in range(1, 100001)), "output", m)
        m.shut_down()
    with Container() as m:
        m.send(start(["sh", "-c", "trap '' TERM; yes"]))
        while not m.output:
            m.step()
        m.end(stream=1)
        check(m.ended()[2:] in ((1, 13), (0, 1)), "nobody reads the output", m)
        m.shut_down()
    with Container() as m:
        m.send(start(["sh", "-c", "exec <&-; sleep 0.5"], has_input=True))
        m.input(b"a" * 100000)
        check(m.ended()[2:] == (0, 0) and ("end", 1, 0) in m.events, "nobody reads the input", m)
        m.shut_down()
    with Container() as m:
        m.send(start(["sh", "-c", "sleep 0.3; wc -c"], has_input=True))
        m.input(b"x" * 200000)
        m.end()
        check(m.ended()[2:] == (0, 0) and m.said() == "200000\n", "input before its reader", m)
        m.shut_down()


def terminal():
    with Container() as m:
        line = "tty; stty size; id -un; trap 'stty size' WINCH; echo ready; a=; while [ -z \"$a\" ]; do read a; done; echo got $a; exit 5"
        m.send(start(["sh", "-c", line], terminal=(100, 30), has_input=True, user="app"))
        while "ready" not in m.said():
            m.step()
        m.send(frame(5, 1, payload=struct.pack("<HH", 80, 24)))
        while "24 80" not in m.said():
            m.step()
        m.input(b"hello\n")
        check(m.ended()[2:] == (0, 5) and m.said().startswith("/dev/pts/0\r\n30 100\r\napp\r\n") and "got hello" in m.said(), m.said(), m)
        m.shut_down()
    with Container() as m:
        m.send(start(["sleep", "1000"]))
        status, said, _ = m.run("tty; sleep 50 & seq 1 20000", terminal=(80, 24))
        check(status == (0, 0) and said.endswith("20000\r\n"), "executed at a terminal", m)
        m.send(start(["cat"], 50, terminal=(0, 0), has_input=True))
        m.until("started", 50)
        m.input(b"\x03", 50)
        check(m.ended(50)[2:] == (1, 2), "Ctrl-C", m)
        m.shut_down()


def file_systems():
    def look(line, **options):
        with Container(**options) as m:
            m.send(start(["sh", "-c", line]))
            status = m.ended()
            m.shut_down()
            return status, m.said(), m.said(2)

    check(look("touch /x /dev/x; ls /dev/x", read_only=True)[1:] == ("/dev/x\n", "touch: /x: Read-only file system\n"), "a read-only root")
    check("Read-only" in look("touch /x", writable="none")[2], "no writable layer")
    check("No space" in look("dd if=/dev/zero of=/big bs=1M count=20", limit=8 << 20)[2], "a bounded layer")
    status, said, errors = look(
        "cat /proc/version; ls /sys/firmware; echo 1 >/proc/sys/vm/swappiness; mount | grep -c '/proc/sys .*ro,nosuid,nodev,noexec'; touch /sys/x",
        masked=["/proc/version", "/sys/firmware", "/nope/x"], protected=["/proc/sys", "/nope"])
    check(said == "1\n" and errors.count("Read-only") == 2, "masks", status, said, errors)
    mounts = [("tmpfs", "tmpfs", "/run/deep/er", 0, "size=1m"), ("bind", "/etc/plain", "/opt/file", 4096 | 1, ""),
              ("tmpfs", "shm", "/dev/shm", 0, "size=124k"), ("bind", "/bin", "/b", 4096 | 1, ""), ("cgroup2", "c", "/sys/fs/cgroup", 0, "")]
    status, said, errors = look("mount | grep -cE 'deep/er|size=124k'; cat /opt/file; touch /b/x; mkdir /sys/fs/cgroup/x && echo made", mounts=mounts)
    check(said == "2\nhi\nmade\n" and "Read-only" in errors, "mounts", status, said, errors)
    for options, words in (({"mounts": [("nofs", "x", "/y", 0, "")]}, "cannot mount nofs on /y"), ({"writable": "disk"}, "no disk")):
        status = look("true", **options)[0]
        check(status[0] == "failed" and status[2] == 0 and words in status[3], status)
    status, said, _ = look("hostname; cat /etc/hostname; grep -c box /etc/hosts; ifconfig lo | grep -c RUNNING; ls /dev", hostname="box")
    check(said.split()[:4] == ["box", "box", "1", "1"] and "null" in said and "vda" not in said, "names and devices", said)
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(64 << 20)
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-F", disk.name], check=True)
        check(look("echo kept >/root/k; mkdir /made", disk=disk.name, writable="disk")[0][2:] == (0, 0), "a disk")
        check(look("cat /root/k; ls -d /made", disk=disk.name, writable="disk")[1] == "kept\n/made\n", "the disk again")


def broken_protocol():
    good = hello() + container()
    cases = [
        frame(99), b"\xff" * 8, hello(3), container(), hello() + frame(2, payload=b"\1\2\3"), hello() + start(["true"]), hello() * 2,
        good + start(["true"], 0), good + container(), good + start([]), good + frame(32, 1, 9, b"x"), good + frame(6, payload=b"x" * 65),
        good + start(["sleep", "9"], has_input=True) + frame(32, 1, 0, b"x" * 32768) * 14]
    for case in cases:
        with Machine(Container.image) as m:
            m.send(case)
            m.finish()
            check(any(event[0] == "log" for event in m.events), case[:40], m)
    with Container() as m:
        m.send(start(["sleep", "1000"]))
        m.until("started", 1)
        m.port.shutdown(2)
        m.finish()


CASES = [statuses, identities, processes, streams, terminal, file_systems, broken_protocol]


def main():
    with tempfile.NamedTemporaryFile() as image:
        make_image(image.name)
        Container.image = image.name
        for case in CASES:
            if len(sys.argv) < 2 or case.__name__ in sys.argv[1:]:
                case()
                print(f"{case.__name__}: ok", flush=True)


main()
