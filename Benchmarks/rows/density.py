"""Many monitors at once and in a row, and what they leave behind."""
from .row import fact, median


def left(data, limits, where):
    """What is there afterwards that was not there before, for each machine.

    Only the lab is quiet enough to judge by the counts of the whole system.
    """
    before, after, count = data["before"], data["after"], data["count"]
    kib = (before["available_kib"] - after["available_kib"]) / count
    files = max(after["open_files"] - before["open_files"] - after["open_files_error"], 0) / count
    kib_limit, files_limit = limits["left_kib_per_machine"], limits["left_files_per_machine"]
    quiet = where == "lab"
    found = [
        fact("  processes left", str(after["children"]), "0", after["children"] == 0),
        fact("  open files left for each", f"{files:.2f}", f"<= {files_limit}" if quiet else None, files <= files_limit),
        fact("  memory left for each", f"{kib:.1f} KiB", f"<= {kib_limit} KiB" if quiet else None, kib <= kib_limit),
    ]
    if after["machines"] is not None:
        machines = after["machines"] - before["machines"]
        found.append(fact("  machines left in the kernel", str(machines), "0", machines <= 0))
    return found


def rows(data, limits, where):
    idle, sequence = data["idle"], data["sequence"]
    # The lab is one slow CPU: there a few show what is left behind, and nothing is promised about how many.
    promised = where == "host"
    each = (idle["before"]["available_kib"] - idle["during"]["available_kib"]) / idle["count"]
    return [
        fact("idle at once", str(idle["count"]), str(limits["idle_count"]) if promised else None,
             idle["count"] >= limits["idle_count"] and idle["statuses"] == [0]),
        fact("  to start them all", f"{idle['started_s']:.2f} s", None, None),
        fact("  proportional set size of one", f"{median(idle['pss_kib'])} KiB", None, None),
        fact("  of the system's memory, one", f"{each:.0f} KiB", None, None),
        fact("  to end them all", f"{idle['ended_s']:.2f} s", None, None),
        *left(idle, limits, where),
        fact("one after the other", str(sequence["count"]), str(limits["sequence_count"]) if promised else None,
             sequence["count"] >= limits["sequence_count"] and sequence["statuses"] == [0]),
        fact("  one of them", f"{sequence['took_s'] / sequence['count'] * 1e3:.1f} ms", None, None),
        *left(sequence, limits, where),
    ]
