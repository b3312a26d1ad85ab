"""From the start of the process to the first instruction of the guest."""
from .row import by_name, milliseconds, row


def rows(data, limits, where):
    runs = by_name(data)
    own, floor = runs["vmm"], runs["floor"]
    found = []
    # On a machine that does other things the quickest sample is the one that was disturbed least.
    for what, key, statistic, is_promise in (
        ("to the first instruction, quickest", "mark_ns", "min", True),
        ("to the first instruction, median", "mark_ns", "median", where == "lab"),
        ("CPU time of the process, quickest", "cpu_ns", "min", True),
        ("CPU time of the process, median", "cpu_ns", "median", False),
        ("start to end of the process, median", "wall_ns", "median", False),
    ):
        mine, its = own[key][statistic], floor[key][statistic]
        limit = limits["start_per_floor"] if is_promise else None
        found.append(row(what, milliseconds(mine), milliseconds(its), mine / its, limit))
    return found
