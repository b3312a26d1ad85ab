"""Whole cold boots, and where vmm's own go."""
from .row import by_name, median, milliseconds, row

# Two steps of --timings, and what lies between them. "exit" is the end of the process, seen from outside.
SPANS = (
    ("vmm: process, arguments", None, "main_entered"), ("vmm: KVM opened", "main_entered", "kvm_opened"),
    ("vmm: machine, memory", "kvm_opened", "memory_ready"), ("vmm: devices", "memory_ready", "devices_ready"),
    ("vmm: kernel, initramfs", "devices_ready", "kernel_loaded"), ("vmm: CPUs", "kernel_loaded", "first_run"),
    ("vmm: guest to user land", "first_run", "userland"), ("vmm: guest's user land and end", "userland", "end"),
)


def rows(data, limits, _):
    runs = by_name(data["runs"])
    own = runs.pop("vmm")
    found = []
    for name, other in runs.items():
        limit = limits["boot_per_firecracker" if name == "firecracker" else "boot_per_other_peer"]
        for what, key, promise in (("wall", "wall_ns", limit), ("CPU time", "cpu_ns", None)):
            mine, its = own[key]["median"], other[key]["median"]
            found.append(row(f"{what}, {name}", milliseconds(mine), milliseconds(its), mine / its, promise))
    return found + spans(data["timings"], own["wall_ns"]["median"])


def spans(timings, wall):
    """The medians of the steps, without the first sample if there are others."""
    samples = [timing["steps"] for timing in timings[1:] or timings]
    found = []
    for what, start, end in SPANS:
        lengths = [sample[end] - (sample[start] if start else 0) for sample in samples if sample[end] is not None]
        if lengths:
            found.append(row(what, milliseconds(median(lengths))))
    rest = wall - median([sample["end"] for sample in samples])
    return found + [row("vmm: exec before, teardown after", milliseconds(max(rest, 0)))]
