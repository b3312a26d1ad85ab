"""Throughput of a disk in the guest: bytes by time of the guest's clock."""
from .row import median, row


def throughputs(data, monitor):
    """Bytes a second by the name of the load, the median of the rounds."""
    rounds = [entry["results"] for entry in data if entry["monitor"] == monitor]
    return {
        loads[0]["name"]: median([load["bytes"] * 1e9 / load["ns"] for load in loads]) for loads in zip(*rounds)
    }


def rows(data, limits, _):
    own, found = throughputs(data, "vmm"), []
    for monitor, limit in (
        ("firecracker", limits["block_throughput_per_firecracker"]), ("firecracker-async", None)
    ):
        for name, its in throughputs(data, monitor).items():
            mine, title = own[name], f"{name}, {monitor.replace('firecracker', 'Firecracker')}"
            found.append(row(title, f"{mine / 1e6:.1f} MB/s", f"{its / 1e6:.1f} MB/s", mine / its, at_least=limit))
    return found
