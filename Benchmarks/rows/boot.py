"""Whole cold boots, and where vmm's own go."""
from .row import by_name
from .runs import beside, spans

SPANS = (
    ("process, arguments", None, "main_entered"), ("KVM opened", "main_entered", "kvm_opened"),
    ("machine, memory", "kvm_opened", "memory_ready"), ("kernel, initramfs", "memory_ready", "kernel_loaded"),
    ("devices", "kernel_loaded", "devices_ready"), ("CPUs", "devices_ready", "first_run"),
    ("guest to user land", "first_run", "userland"), ("guest's user land and end", "userland", "end"),
)


def rows(data, limits, _):
    runs = by_name(data["runs"])
    own = runs.pop("vmm")
    promises = {name: limits["boot_per_other_peer"] for name in runs} | {"firecracker": limits["boot_per_firecracker"]}
    return beside(own, runs, promises) + spans("vmm", SPANS, data["timings"], own["wall_ns"]["median"])
