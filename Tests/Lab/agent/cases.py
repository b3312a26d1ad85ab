#!/usr/bin/env python3
"""The guest's agent, case by case: cases.py NAME... runs those, cases.py all of them. See peer.py."""
import hashlib
import os
import struct
import subprocess
import sys
import tempfile

from peer import INITIAL_CREDIT, Machine, container, frame, hello, identity, prepare, start

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\nbroken\n:::\n"
GROUP = "root:x:0:\naudio:x:29:app\ntty:x:5:\napp:x:1000:\nwheel:x:10:root,app\n"


# Ends with that status, traced by a child of its own that never looks at it.
TRACER = """
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>
int main(int count, char **words) {
    pid_t parent = getpid();
    if (fork() == 0) {
        if (ptrace(PTRACE_SEIZE, parent, 0, 0) < 0) return 1;
        write(1, "traced\\n", 7);
        for (;;) pause();
    }
    usleep(500000);
    _exit(atoi(words[1]));
}
"""


def elf(bits, machine):
    """The start of a program."""
    return b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + struct.pack("<HHI", 2, machine, 1) + bytes(100)


def make_image(path, links_etc=False):
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
        for name, contents in {"bin/p32": elf(1, 3), "bin/parm": elf(2, 183)}.items():
            with open(f"{root}/{name}", "wb") as file:
                file.write(contents)
            os.chmod(f"{root}/{name}", 0o755)
        subprocess.run(["musl-gcc", "-static", "-Os", "-s", "-x", "c", "-", "-o", f"{root}/bin/tracer"], input=TRACER.encode(), check=True)
        os.symlink("/nowhere/x", f"{root}/dang")
        os.symlink("dang", f"{root}/dang2")
        os.symlink("../root", f"{root}/home/link")
        os.symlink("/loop", f"{root}/loop")
        if links_etc:
            os.mkdir(f"{root}/usr")
            os.rename(f"{root}/etc", f"{root}/usr/etc")
            os.symlink("usr/etc", f"{root}/etc")
            os.symlink("/run/resolv.conf", f"{root}/usr/etc/resolv.conf")
            os.symlink("nowhere", f"{root}/usr/etc/mtab")
        subprocess.run(["mkfs.erofs", "--all-root", "-Enoinline_data", path, root], check=True, capture_output=True)


def check(condition, *evidence):
    if not condition:
        raise AssertionError(" ".join(str(each) for each in evidence))


class Container(Machine):
    """A machine whose container has been asked for."""

    def __init__(self, disk=None, image=None, append="container_devices=", **options):
        super().__init__(image or Container.image, disk, append)
        self.send(hello(), prepare(options.get("writable") == "disk"), identity(), container(**options))
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
            "p32": (1, "a 32-bit program"), "parm": (1, "another processor, arm64"), "orphan": (2, 'its interpreter "/nope"')}
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
        for path, real in {"/dang": "/nowhere/x", "/dang2/deep": "/nowhere/x/deep", "/home/link/a/../b": "/root/b", "/../..": "/"}.items():
            check(m.run("pwd -P", directory=path)[1] == real + "\n", "a directory behind links", path, m)
        for path in ("/loop", "/loop/x", "/proc/self/fd/0", "/proc/self/cwd"):
            check("cannot enter the working directory" in m.run("pwd", directory=path)[0][1], "no directory", path, m)
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
    # As with docker's init: the command's streams, environment, user and directory; and nothing that it does not need.
    for user, number in (("", 0), ("app", 1000)):
        with Container() as m:
            m.send(start(["sh", "-c", "echo hi >/proc/1/fd/1; echo oh >/proc/1/fd/2; tr '\\0' '\\n' </proc/1/environ; tr '\\0' ' ' </proc/1/cmdline; echo; "
                          "grep -E '^(Name|Uid|CapPrm|CapEff|CapInh|NoNew)' /proc/1/status; readlink /proc/1/cwd; cat /proc/1/maps | wc -l"],
                         environment=("PATH=/bin", "X=1"), directory="/tmp", user=user))
            check(m.ended()[2:] == (0, 0) and m.said(2) == "oh\n" and m.said().startswith("hi\n"), "process 1's streams", m.said(), m.said(2), m)
            effective = "0000000000000020" if number == 0 else "0000000000000000"
            for line in ("\nX=1\n", "\n/sbin/vmm-init -- sh -c echo hi", "Name:\tvmm-init\n", f"Uid:\t{number}\t{number}\t{number}\t{number}\n",
                         f"CapEff:\t{effective}", f"CapPrm:\t{effective}", "CapInh:\t0000000000000000", "NoNewPrivs:\t1", "\n/tmp\n"):
                check(line in m.said(), "process 1", line, m.said())
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
        # What is typed before the process runs is echoed by its terminal at once; `peer.py` refuses output before the start.
        for number in range(60, 70):
            m.send(start(["head", "-n", "1"], number, terminal=(80, 24), has_input=True), frame(32, number, payload=b"early\n"))
            check(m.ended(number)[2:] == (0, 0) and "early" in m.said(number=number), "typed before the start", m)
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


def preparation():
    """What is prepared before the container is known, the guest's identity, and what the container replaces."""
    with Machine(Container.image) as m:
        m.send(hello(), prepare())
        m.until("prepared", 0)
        try:
            m.step(1)
            check(False, "a prepared guest waits", m)
        except TimeoutError:
            pass
        m.send(identity(seconds=2_000_000_000, nanoseconds=5), container())
        m.until("identified", 0)
        m.send(start(["date", "+%s"]))
        check(m.ended()[2:] == (0, 0) and 0 <= int(m.said()) - 2_000_000_000 < 60, "the clock", m.said(), m)
        m.shut_down()
    # Linux has no time before its boot.
    with Machine(Container.image) as m:
        m.send(hello(), prepare(), identity(seconds=0), container(), start(["true"]), start(["true"], 2))
        status = m.ended()
        check(status[:3] == ("failed", 0, 0) and "cannot set the clock" in status[3], "no identity", status)
        check(not any(event[0] in ("identified", "started") for event in m.events), "nothing starts without an identity", m)
        m.shut_down()
    usual = "sysfs:/sys cgroup:/sys/fs/cgroup tmpfs:/dev devpts:/dev/pts tmpfs:/dev/shm mqueue:/dev/mqueue"
    replaced = {
        usual: [],
        "own:/sys cgroup:/sys/fs/cgroup tmpfs:/dev devpts:/dev/pts tmpfs:/dev/shm mqueue:/dev/mqueue": [("tmpfs", "own", "/sys", 0, "size=1m")],
        "sysfs:/sys cgroup:/sys/fs/cgroup own:/dev devpts:/dev/pts tmpfs:/dev/shm mqueue:/dev/mqueue": [("tmpfs", "own", "/dev", 0, "size=1m")],
        "sysfs:/sys tmpfs:/dev devpts:/dev/pts mqueue:/dev/mqueue own:/sys/fs/cgroup own:/dev/shm": [
            ("cgroup2", "own", "/sys/fs/cgroup", 0, ""), ("tmpfs", "own", "/dev/shm", 0, "size=1m")],
        "sysfs:/sys cgroup:/sys/fs/cgroup tmpfs:/dev tmpfs:/dev/shm mqueue:/dev/mqueue own:/dev/pts": [("devpts", "own", "/dev/pts", 0, "")]}
    for wanted, mounts in replaced.items():
        with Container(mounts=mounts) as m:
            line = "mount | grep -E ' on /(dev|sys)' | grep -v console | while read a b c d; do echo $a:$c; done; tty; touch /dev/shm/x; : </dev/null; ls /dev | wc -l"
            m.send(start(["sh", "-c", line], terminal=(80, 24)))
            check(m.ended()[2:] == (0, 0) and sorted(m.said().split()) == sorted(wanted.split() + ["/dev/pts/0", "15"]), "replaced", mounts, m.said(), m)
            m.shut_down()


def places():
    """The root's device numbers, and the names that are always there."""
    line = ("touch /etc/n /tmp/n; for f in / /etc /etc/plain /bin/busybox /etc/n /tmp /tmp/n /etc/hostname; do stat -c %d $f; done | sort -u | wc -l; "
            "all() { find / -xdev ! -path /proc ! -path /sys ! -path /dev -exec stat -c %i {} +; }; "
            "all | wc -l; all | sort -u | wc -l; all | awk '$1 >= 2^32' | wc -l; "
            "a=$(stat -c %d:%i /etc/plain /home); chmod 600 /etc/plain; chmod 700 /home; echo 2 >/proc/sys/vm/drop_caches; "
            "[ \"$a\" = \"$(stat -c %d:%i /etc/plain /home)\" ] && echo same; du -sxk /bin | cut -f 1")
    for disk in (False, True):
        with tempfile.NamedTemporaryFile() as file:
            file.truncate(64 << 20)
            subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-F", file.name], check=True)
            with Container(disk=file.name if disk else None, writable="disk" if disk else "memory") as m:
                m.send(start(["sh", "-c", line]))
                check(m.ended()[2:] == (0, 0), m)
                said = m.said().split()
                check(said[0] == "1" and said[1] == said[2] and said[3] == "0" and said[4] == "same" and int(said[5]) > 500, "numbers", said, m)
                m.shut_down()
    line = "readlink /etc/mtab; cat /etc/hostname; grep -c box /etc/hosts; cat /etc/resolv.conf | wc -c; pwd; touch /x; ls -ln /dev/null"
    with tempfile.NamedTemporaryFile() as linked:
        make_image(linked.name, links_etc=True)
        for image, mtab in ((Container.image, "/proc/mounts"), (linked.name, "nowhere")):
            for options in ({}, {"writable": "none"}, {"read_only": True}):
                with Container(image=image, **options) as m:
                    m.send(start(["sh", "-c", line], directory="/new/dir", user="1000"))
                    check(m.ended()[0] == "exited", m)
                    said = m.said().split()
                    check(said[:3] == [mtab, "box", "1"] and int(said[3]) > 0 and said[4] == "/new/dir", "names", options, said, m.said(2))
                    check(said[-8:-6] == ["0", "0"] if len(said) > 12 else said[7:9] == ["0", "0"], "the owner of /dev/null", said)
                    m.shut_down()
    with Container(parameters=[("vm/max_map_count", "262144", True), ("no/such", "1", False), ("user/max_user_namespaces", "0", True)],
                   protected=["/proc/sys"]) as m:
        m.send(start(["sh", "-c", "cat /proc/sys/vm/max_map_count; unshare -U true; ls /proc/self/io /proc/pressure/cpu; cat /proc/self/schedstat | wc -w; cat /proc/self/task/*/children"]))
        m.ended()
        check(m.said().split()[:4] == ["262144", "/proc/pressure/cpu", "/proc/self/io", "3"] and "unshare" in m.said(2), "parameters", m.said(), m.said(2))
        m.shut_down()
    with Container(parameters=[("no/such", "1", True)]) as m:
        m.send(start(["true"]))
        check("kernel parameter no/such" in str(m.ended()), m)
        m.shut_down()
    with Container(privileged=True) as m:
        m.send(start(["sh", "-c", "mkdir /sys/fs/cgroup/x && echo made"]))
        check(m.ended()[2:] == (0, 0) and m.said() == "made\n", "a privileged container's cgroups", m)
        m.shut_down()


ALL = ((1 << 41) - 1,) * 2 + (0, (1 << 41) - 1, 0)


def devices():
    usual = "for d in null zero full random urandom; do dd if=/dev/$d of=/dev/null bs=1 count=1 2>/dev/null || echo cannot $d; done; : </dev/ptmx; "
    others = "".join(f"mknod /n{i} {kind} && {{ head -c 1 /n{i} >/dev/null && echo opened {kind}; }}; " for i, kind in enumerate(
        ("b 254 0", "c 1 1", "c 1 11", "c 4 64", "c 5 1", "c 10 125", "b 259 0")))
    own = "mknod /zero c 1 5 && chmod 666 /zero && head -c 1 /zero | wc -c; "
    with Container() as m:
        m.send(start(["sleep", "1000"]))
        status, said, errors = m.run(usual + own + others)
        check(said == "1\n" and errors.count("Operation not permitted") == 7, "devices", said, errors)
        check(m.run("head -c 1 </dev/tty >/dev/null & tty", terminal=(80, 24))[0] == (0, 0), "a terminal", m)
        status, said, errors = m.run("mkdir /m; mount -t devtmpfs d /m && head -c 1 /m/vda; mount -t erofs /m/vda /m; mount -o remount,dev /; head -c 1 /n0", capabilities=ALL)
        check(said == "" and errors.count("ermi") >= 2, "devices with CAP_SYS_ADMIN", said, errors)
        m.shut_down()
    for append, opens in (("", True), ("container_devices=c10:229,b254:0", True), ("container_devices=c10:229,b254:1", False)):
        with Container(append=append) as m:
            m.send(start(["sh", "-c", "mknod /n b 254 0; head -c 1 /n >/dev/null"]))
            check(m.ended()[2:] == (0, 0 if opens else 1), append, m)
            m.shut_down()


def hostile():
    """The agent serves whatever the container does to its streams and files."""
    with Container() as m:
        m.send(start(["sh", "-c", "cat /proc/$$/fd/1 >/dev/null & while :; do echo x; sleep 0.05; done"]))
        for _ in range(10):
            check(m.run("sleep 0.2")[0] == (0, 0), "while the container reads its own output", m)
        status = m.run("(cat /proc/self/fd/1 >/dev/null &) ; sleep 0.2; echo lost; sleep 0.2")[0]
        check(status == (0, 0), "an output that is taken away", m)
        check(m.run("rm /dev/null; mkfifo /dev/null")[0] == (0, 0), m)
        check(m.run("cat; ls -l /proc/self/fd/0")[0] == (0, 0), "a pipe in the place of /dev/null", m)
        check(m.run("umount /dev/pts; umount /dev/mqueue; umount /dev/shm; umount /dev; rmdir /dev/pts; mv /dev /gone; mkfifo /etc/x; mv /etc/x /etc/passwd",
                    capabilities=ALL)[0][0] == 0, m)
        check(m.run("tty", terminal=(80, 24))[0] in ((0, 0), (0, 1)), "a terminal without /dev/pts", m)
        m.shut_down()
    with Container() as m:
        m.send(start(["sleep", "1000"]))
        m.until("started", 1)
        m.send(start(["tracer", "3"], 50))
        while "traced" not in m.said(1, 50):
            m.step()
        for _ in range(5):
            check(m.run("sleep 0.3")[0] == (0, 0), "beside a process that another one keeps", m)
        m.run("killall tracer")
        check(m.ended(50)[2:] == (0, 3), "let go", m)
        m.shut_down()
    for as_init in (False, True):
        with Container(as_init=as_init) as m:
            m.send(start(["tracer", "7"]))
            check(m.ended()[2:] == (0, 7) and m.said() == "traced\n", "a first process that another one keeps", m)
            m.shut_down()
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(64 << 20)
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-F", disk.name], check=True)
        with Container(disk=disk.name, writable="disk") as m:
            m.send(start(["sleep", "1000"]))
            m.until("started", 1)
            m.send(start(["sleep", "1000"], 2))
            m.until("started", 2)
            m.shut_down()


def broken_protocol():
    ready = hello() + prepare() + identity()
    good = ready + container()
    cases = [
        frame(99), b"\xff" * 8, hello(2), hello(9), container(), ready + frame(2, payload=b"\1\2\3"), hello() + start(["true"]), hello() * 2,
        hello() + prepare() + container(), ready + identity(), ready + container(writable="disk"), hello() + prepare() + identity(nanoseconds=1_000_000_000),
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


CASES = [statuses, identities, processes, streams, terminal, file_systems, preparation, places, devices, hostile, broken_protocol]


def main():
    with tempfile.NamedTemporaryFile() as image:
        make_image(image.name)
        Container.image = image.name
        for case in CASES:
            if len(sys.argv) < 2 or case.__name__ in sys.argv[1:]:
                case()
                print(f"{case.__name__}: ok", flush=True)


main()
