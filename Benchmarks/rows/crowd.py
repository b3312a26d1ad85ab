"""Idle containers of one image at once, and what each costs."""
from .row import fact


def rows(data, _limits, _where):
    found = []
    for path in data["paths"]:
        footprint = path["footprint"]
        if footprint["memory"] is None:
            continue
        what = f"{path['path']}: memory each of {footprint['instances']}"
        found.append(fact(what, f"{footprint['memory'] / 1024:.0f} KiB", None, None))
        if footprint["pss"] is not None:
            found.append(fact("  proportional set size", f"{footprint['pss'] / 1024:.0f} KiB", None, None))
    return found
