"""What a whole run of vmm's takes beside its peers', and where the time of its own goes."""
from .row import median, milliseconds, row


def beside(own, peers, limits):
    """Wall time and CPU time by the peers', each held to its entry of `limits`, if it has one, by the wall."""
    found = []
    for name, other in peers.items():
        for what, key, promise in (("wall", "wall_ns", limits.get(name)), ("CPU time", "cpu_ns", None)):
            mine, its = own[key]["median"], other[key]["median"]
            found.append(row(f"{what}, {name}", milliseconds(mine), milliseconds(its), mine / its, promise))
    return found


def spans(name, steps, timings, wall):
    """The medians of what lies between two steps of --timings, without the first sample if there are others; at last what
    lies outside of the process, of `wall` nanoseconds."""
    samples = [timing["steps"] for timing in timings[1:] or timings]
    found = []
    for what, start, end in steps:
        lengths = [
            sample[end] - (sample[start] if start else 0) for sample in samples
            if sample.get(end) is not None and (start is None or sample.get(start) is not None)]
        if lengths:
            found.append(row(f"{name}: {what}", milliseconds(median(lengths))))
    ends = [sample["end"] for sample in samples if sample.get("end") is not None]
    if ends:
        rest = max(wall - median(ends), 0)
        found.append(row(f"{name}: exec before, teardown after", milliseconds(rest)))
    return found
