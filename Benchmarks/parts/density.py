#!/usr/bin/env python3
"""Many monitors: so many idle at once, then so many started and ended one after the other. Prints JSON.

usage: density.py IDLE SEQUENCE MONITOR DIRECTORY-OF-TINY-GUESTS

Each idle monitor ends by its power button. This process adopts whatever outlives a monitor, so nothing that is left
behind goes unnoticed; the counts of the whole system are printed as they were before and after.
"""
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
NOWHERE = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def field(path, name):
    """The number behind `name:` in a file of /proc."""
    with open(path) as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


def machine_count():
    """KVM machines in the kernel, where debugfs tells."""
    try:
        return sum(entry.is_dir() for entry in os.scandir("/sys/kernel/debug/kvm"))
    except OSError:
        return None


def system():
    with open("/proc/sys/fs/file-nr") as file:
        descriptors = int(file.read().split()[0])
    # The kernel counts on each CPU and adds up in batches (lib/percpu_counter.c): so much is the count off.
    cpus = os.cpu_count()
    return {
        "available_kib": field("/proc/meminfo", "MemAvailable"), "open_files": descriptors,
        "open_files_error": cpus * max(32, 2 * cpus),
        "machines": machine_count(), "children": len(children()),
    }


def children():
    """Processes and zombies that are this one's, by birth or by adoption."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return file.read().split()


def settle():
    """Lets the kernel finish what it does after the end of a process, and give back what it keeps in its caches."""
    time.sleep(3)
    # Nobody else uses those of the lab. Each pass frees what the one before had only made free to be freed.
    for _ in range(5 if os.uname().nodename == "lab" else 0):
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")
        time.sleep(1)


def cpu_ticks(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as file:
            total += sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
    return total


def wait_for_rest(pids):
    """Until no monitor has used a tick of CPU time for a second: every guest is halted then."""
    before = -1
    while (now := cpu_ticks(pids)) != before:
        before = now
        time.sleep(1)


def start_idle(command, count):
    return [subprocess.Popen(command("idle"), **NOWHERE) for _ in range(count)]


def end_idle(monitors):
    """Presses their power buttons; their exit statuses."""
    for monitor in monitors:
        monitor.send_signal(signal.SIGTERM)
    return sorted({monitor.wait(timeout=120) for monitor in monitors})


def idle(command, count):
    # The first ones fill the kernel's caches.
    monitors = start_idle(command, count)
    wait_for_rest([monitor.pid for monitor in monitors])
    end_idle(monitors)
    settle()

    before, start = system(), time.monotonic()
    monitors = start_idle(command, count)
    pids = [monitor.pid for monitor in monitors]
    started = time.monotonic() - start
    wait_for_rest(pids)
    during = system()
    result = {
        "count": count, "started_s": started,
        "pss_kib": [field(f"/proc/{pid}/smaps_rollup", "Pss") for pid in pids],
        "anonymous_kib": [field(f"/proc/{pid}/smaps_rollup", "Anonymous") for pid in pids],
        "threads": [len(os.listdir(f"/proc/{pid}/task")) for pid in pids],
        "descriptors": [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids],
    }
    start = time.monotonic()
    result["statuses"] = end_idle(monitors)
    result["ended_s"] = time.monotonic() - start
    settle()
    return result | {"before": before, "during": during, "after": system()}


def sequence(command, count):
    # The first ones fill the kernel's caches.
    for _ in range(max(count // 10, 1)):
        subprocess.run(command("halt"), check=True, **NOWHERE)
    settle()
    before, start = system(), time.monotonic()
    statuses = {subprocess.run(command("halt"), **NOWHERE).returncode for _ in range(count)}
    took = time.monotonic() - start
    settle()
    return {"count": count, "took_s": took, "statuses": sorted(statuses), "before": before, "after": system()}


def main():
    idle_count, sequence_count, monitor, guests = sys.argv[1:]
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit("density: prctl failed")

    def command(guest):
        words = [monitor, "boot", "--kernel", f"{guests}/{guest}.elf", "--console", "none", "--allow-emulation"]
        return words + ["--memory", "128M"]

    result = {"idle": idle(command, int(idle_count)), "sequence": sequence(command, int(sequence_count))}
    print(json.dumps(result))


main()
