#!/usr/bin/env python3
"""One table of what Benchmarks/bench.sh measured, and whether each promise is met.

usage: report.py RESULTS-DIRECTORY THRESHOLDS OUTPUT      OUTPUT gets every sample and every row, as JSON
"""
import json
import pathlib
import platform
import sys
import time

from rows import block, boot, container, crowd, density, exits, image_import, memory, start

PARTS = {
    "boot": boot.rows, "container": container.rows, "import": image_import.rows,
    "start": start.rows, "exits": exits.rows, "memory-linux": memory.rows,
    "memory-tiny": memory.rows, "block": block.rows, "density": density.rows,
    "crowd": crowd.rows,
}
PLACES = {"lab": "in the lab", "host": "on this machine"}
HEAD = ("what", "vmm", "beside", "ratio", "promise", "")


def load(directory):
    """NAME.WHERE.json by (NAME, WHERE); both in the order in which they are shown."""
    found = {}
    for name in PARTS:
        for where in PLACES:
            path = directory / f"{name}.{where}.json"
            if path.exists():
                found[name, where] = json.loads(path.read_text())
    return found


def verdict(row):
    if row["promise"] is None:
        return ""
    return "met" if row["met"] else "UNMET"


def cells(row):
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
    return (row["what"], row["own"], row["other"] or "", ratio, row["promise"] or "", verdict(row))


def print_table(title, rows):
    lines = [HEAD] + [cells(row) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    print(f"\n{title}")
    for line in lines:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main():
    directory, thresholds, output = map(pathlib.Path, sys.argv[1:])
    limits, samples = json.loads(thresholds.read_text()), load(directory)
    rows = {key: PARTS[key[0]](data, limits, key[1]) for key, data in samples.items()}
    for (name, where), found in rows.items():
        print_table(f"{name}, {PLACES[where]}", found)
    output.write_text(json.dumps({
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "kernel": platform.release(), "thresholds": limits,
        "rows": {" ".join(key): found for key, found in rows.items()},
        "samples": {" ".join(key): data for key, data in samples.items()},
    }, indent=1) + "\n")
    judged = [row for found in rows.values() for row in found if row["promise"] is not None]
    unmet = sum(not row["met"] for row in judged)
    print(f"\n{len(judged) - unmet} of {len(judged)} figures keep their promise. Times in the lab count instructions,"
          f" 2 ns each.\nEvery sample: {output}")


main()
