#!/bin/bash
# Builds the libFuzzer targets and lets each look for trouble, side by side.
#
# usage: scripts/fuzz.sh [SECONDS]      (60)
#
# Each starts from its committed corpus, Tests/Fuzz/Corpus/NAME. What it finds new goes to build/fuzz/NAME, and so
# does an input that breaks the target, which is named on standard error.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
targets=(agent-protocol erofs image-texts kernel-image layer-merge machine-state tar virtqueue)
# A folder of its own: instrumented objects are no use to any other build.
scratch=.build-fuzz

build() {
    local target
    for target in "${targets[@]}"; do
        VMM_FUZZ=1 "${SWIFT:-swift}" build --scratch-path $scratch --sanitize fuzzer --product "fuzz-$target"
    done
}

run() {
    local name=$1 found=build/fuzz/$1 first=()
    mkdir -p "$found"
    # Its threads hand over to each other at each step: beside targets that never wait, each handing over takes a slice of
    # theirs.
    if [ "$name" = virtqueue ] && nice -n -10 true 2>/dev/null; then first=(nice -n -10); fi
    # Where the Swift runtime reports a crash itself, libFuzzer does not see it and keeps no input.
    SWIFT_BACKTRACE=enable=no "${first[@]}" "$scratch/debug/fuzz-$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
        -artifact_prefix="$found/broken-" "$found" "Tests/Fuzz/Corpus/$name" >"$found.log" 2>&1
}

build
jobs=()
for target in "${targets[@]}"; do
    run "$target" &
    jobs+=($!)
done

failed=0
for index in "${!targets[@]}"; do
    name=${targets[index]}
    if wait "${jobs[index]}"; then
        echo "fuzz: $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log") inputs in $seconds s, none broke it"
    else
        tail -n 20 "build/fuzz/$name.log" >&2
        echo "fuzz: $name: broken; the whole log is build/fuzz/$name.log" >&2
        failed=1
    fi
done
exit $failed
