#!/bin/bash
# Measures the promises of SPECIFICATION.md and says which are met.
#
# usage: Benchmarks/bench.sh [PART]...
#        all parts, or some of: boot container import start exits memory block density crowd
#
# In the lab by its instruction clock, which counts instructions and knows neither caches nor what an exit really costs;
# on /dev/kvm directly what a tiny guest can show; and there everything else too, where it has hardware virtualization.
# Each part leaves its samples in build/bench/; the table is made of all that lie there, and build/bench.json holds them
# together. A figure of an earlier run stays until its part is measured again.
#
# VMM_BENCH_MONITOR names another program than build/vmm. `make bench` builds what this needs.
set -euo pipefail
cd "$(dirname "$0")/.."

results=build/bench
lab=(--icount)

# run WHERE PART NAME [ARGUMENT]...: a part's output becomes NAME.WHERE.json.
run() {
    local where=$1 part=$2 output=$results/$3.$1.json
    shift 3
    local command=("Benchmarks/parts/$part.sh" "$@")
    [ "$where" = host ] || command=(Tests/Lab/lab.sh "${lab[@]}" "${command[@]}")
    echo "bench: $part ($where)" >&2
    if "${command[@]}" </dev/null >"$output.part"; then
        mv "$output.part" "$output"
    else
        echo "bench: $part ($where) was not measured" >&2
        rm -f "$output" "$output.part"
        failed=yes
    fi
}

# What needs a kernel that boots runs here only where there is hardware virtualization. `vmm doctor` knows.
run_linux() { # PART NAME [ARGUMENT]...
    run lab "$@"
    if "${VMM_BENCH_MONITOR:-build/vmm}" doctor >/dev/null 2>&1; then run host "$@"; fi
}

has_kvm() {
    [ -r /dev/kvm ] && [ -w /dev/kvm ] && return
    echo "bench: there is no /dev/kvm to be used here; $1 is measured in the lab alone" >&2
    return 1
}

measure() {
    case $1 in
        boot) run_linux boot boot 5 ;;
        container) run_linux container container 5 ;;
        import) run host import import 7 ;;
        block) run_linux block block 2 ;;
        start)
            run lab start start 30
            if has_kvm start; then run host start start 100; fi
            ;;
        exits)
            run lab exits exits 3 6000
            if has_kvm exits; then run host exits exits 15; fi
            ;;
        memory)
            run_linux memory memory-linux linux
            if has_kvm memory; then run host memory memory-tiny tiny; fi
            ;;
        density)
            run lab density density 200 1000
            if has_kvm density; then run host density density 200 1000; fi
            ;;
        crowd)
            # Nothing is timed here.
            local lab=(--memory 8192M)
            run_linux crowd crowd 100
            ;;
        *) sed -n '2,/^set/{/^set/d; s/^# \{0,1\}//; p}' "$0" >&2 && exit 2 ;;
    esac
}

mkdir -p "$results"
parts=("$@")
[ $# -gt 0 ] || parts=(boot container import start exits memory block density crowd)
failed=
for part in "${parts[@]}"; do measure "$part"; done
python3 -B Benchmarks/report.py "$results" Benchmarks/thresholds.json build/bench.json
[ -z "$failed" ]
