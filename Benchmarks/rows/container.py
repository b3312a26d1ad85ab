"""`true` in a container, beside the container runtimes, and where the time of `vmm run` goes."""
from .row import by_name, median, milliseconds, row

# What each peer's figure is held to; the others are shown.
LIMITS = {"runc": "container_per_runc", "firecracker": "container_per_firecracker"}

# Two steps of --timings, and what lies between them.
SPANS = (
    ("vmm run: process, arguments, image", None, "kvm_opened"), ("vmm run: machine", "kvm_opened", "first_run"),
    ("vmm run: kernel", "first_run", "userland"), ("vmm run: agent", "userland", "agent_ready"),
    ("vmm run: layers", "agent_ready", "process_started"),
    ("vmm run: command", "process_started", "process_ended"), ("vmm run: end", "process_ended", "end"),
)


def rows(data, limits, _):
    runs = by_name(data["runs"] + data["slow"])
    own = runs.pop("vmm", None)
    if own is None:
        return [row(name, "", milliseconds(run["wall_ns"]["median"])) for name, run in runs.items()]
    found = []
    for name, other in runs.items():
        limit = limits[LIMITS[name]] if name in LIMITS else None
        for what, key, promise in (("wall", "wall_ns", limit), ("CPU time", "cpu_ns", None)):
            mine, its = own[key]["median"], other[key]["median"]
            found.append(row(f"{what}, {name}", milliseconds(mine), milliseconds(its), mine / its, promise))
    return found + spans(data["timings"], own["wall_ns"]["median"])


def spans(timings, wall):
    """The medians of the steps, without the first sample if there are others."""
    samples = [timing["steps"] for timing in timings[1:] or timings]
    found = []
    for what, start, end in SPANS:
        lengths = [
            sample[end] - (sample[start] if start else 0) for sample in samples
            if sample.get(end) is not None and (start is None or sample.get(start) is not None)]
        if lengths:
            found.append(row(what, milliseconds(median(lengths))))
    ends = [sample["end"] for sample in samples if sample.get("end") is not None]
    if ends:
        found.append(row("vmm run: exec before, teardown after", milliseconds(max(wall - median(ends), 0))))
    return found
