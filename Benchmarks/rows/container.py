"""`true` in a container, beside the container runtimes, and where the time of `vmm run` goes."""
from .row import by_name, milliseconds, row
from .runs import beside, spans

SPANS = (
    ("process, arguments", None, "kvm_opened"), ("image, machine", "kvm_opened", "first_run"),
    ("kernel", "first_run", "userland"), ("agent", "userland", "agent_ready"),
    ("layers", "agent_ready", "process_started"), ("command", "process_started", "process_ended"),
    ("end", "process_ended", "end"),
)


def rows(data, limits, _):
    runs = by_name(data["runs"] + data["slow"])
    own = runs.pop("vmm", None)
    if own is None:
        return [row(name, "", milliseconds(run["wall_ns"]["median"])) for name, run in runs.items()]
    # The others are shown.
    promises = {name: limits[f"container_per_{name}"] for name in ("runc", "firecracker")}
    return beside(own, runs, promises) + spans("vmm run", SPANS, data["timings"], own["wall_ns"]["median"])
