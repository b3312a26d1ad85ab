"""A row of the table: what was measured, beside what, and what was promised."""


def row(what, own, other=None, ratio=None, at_most=None, at_least=None):
    """A ratio of vmm's figure to the other's; a promise of at most or at least so much."""
    promise, met = None, None
    if at_most is not None:
        promise, met = f"<= {at_most}", ratio <= at_most
    if at_least is not None:
        promise, met = f">= {at_least}", ratio >= at_least
    return {"what": what, "own": own, "other": other, "ratio": ratio, "promise": promise, "met": met}


def fact(what, own, promise, met):
    """A figure that is not a ratio."""
    return {"what": what, "own": own, "other": None, "ratio": None, "promise": promise, "met": met}


def milliseconds(nanoseconds):
    return f"{nanoseconds / 1e6:.1f} ms" if nanoseconds >= 1e7 else f"{nanoseconds / 1e6:.2f} ms"


def by_name(runs):
    return {run["name"]: run for run in runs}


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]
