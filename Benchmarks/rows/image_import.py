"""An image that is imported, beside one that is unpacked."""
from .row import by_name, milliseconds, row


def rows(data, limits, _):
    runs = by_name(data)
    own, other = runs["vmm"], runs["umoci"]
    found = []
    for what, key, statistic, is_promise in (
        ("import of 200 MB, median", "wall_ns", "median", True), ("quickest", "wall_ns", "min", False),
        ("CPU time, median", "cpu_ns", "median", False),
    ):
        mine, its = own[key][statistic], other[key][statistic]
        limit = limits["import_per_umoci"] if is_promise else None
        found.append(row(what, milliseconds(mine), milliseconds(its), mine / its, limit))
    return found
