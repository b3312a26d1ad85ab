"""What an exit costs: the difference between many and few, per access."""
from .row import by_name, row


def rows(data, limits, where):
    runs, few, many = by_name(data["runs"]), data["few"], data["many"]

    def cost(program, kind, key):
        quickest = [runs[f"{program}-{kind}-{count}"][key]["min"] for count in (few, many)]
        return (quickest[1] - quickest[0]) / (many - few)

    # The loop waits for nothing, so its CPU time is its cost. Between the start and the end of a process, which are in
    # the wall clock too, lie the kernel's grace periods: in the lab they are longer than the few accesses it has time for.
    measures = [("CPU time", "cpu_ns", limits["exit_per_floor"])]
    if where == "host":
        measures.append(("wall", "wall_ns", None))
    found = []
    for kind in ("port", "mmio"):
        for what, key, limit in measures:
            own, floor = cost("vmm", kind, key), cost("floor", kind, key)
            name = kind if kind == "port" else kind.upper()
            found.append(row(f"{name} exit, {what}", f"{own:.0f} ns", f"{floor:.0f} ns", own / floor, limit))
    return found
