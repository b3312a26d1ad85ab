#!/bin/bash
# Runs every tiny guest that needs no device model on /dev/kvm, without the monitor. Proves that each check of `modes`,
# `pvh`, `tables` and `smp` can fail: breaks the checked property, and expects the guest to name the check.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
    echo "firmware/test/run.sh: /dev/kvm cannot be opened; run it as root or as a member of the group kvm" >&2
    exit 1
fi

firmware/build.sh
try=build/firmware/try
"${CC:-cc}" -O2 -std=gnu11 -Wall -Wextra -Werror -pthread -o "$try" firmware/test/try.c firmware/test/boot.c

failures=0
count=0

# expect STATUS MARKS OPTION... NAME: checks that the guest NAME ends with that status and writes exactly these marks.
expect() {
    local status=$1 marks=$2 ended=0 output seen
    shift 2
    output=$("$try" "${@:1:$#-1}" "build/firmware/${*: -1}.elf") || ended=$?
    seen=$(grep -o '\[..\]' <<<"$output" | tr -d '[]\n' || true)
    count=$((count + 1))
    if [ "$ended" != "$status" ] || [ "${seen:-none}" != "$marks" ]; then
        echo "FAILED: $*: status $ended and marks '$seen', not status $status and marks '$marks'" >&2
        failures=$((failures + 1))
    fi
}

# fails MARK OPTION... NAME: checks that with these options the guest fails exactly the check of that mark, then resets.
fails() { expect 3 "$@"; }

while read -r line; do
    read -r -a words <<<"${line%%#*}"
    [ ${#words[@]} -eq 0 ] || "${words[@]}"
done <firmware/test/cases.txt

# shows TEXT OPTION... NAME: checks that the output of the guest NAME on COM1 contains the text.
shows() {
    local text=$1 output
    shift
    output=$("$try" "${@:1:$#-1}" "build/firmware/${*: -1}.elf" | head -c 4096 || true)
    count=$((count + 1))
    if [[ $output != *"$text"* ]]; then
        echo "FAILED: $*: no '$text' in what it sent: '$output'" >&2
        failures=$((failures + 1))
    fi
}

# The list of cases cannot hold control characters and line feeds.
expect 0 017f --input $'\x04' echo
shows 'twelve bytes' --input $'twelve bytes\x04' echo
shows 'twelve bytes' --input $'twelve bytes\x04' echopoll
shows $'tiny guest: serial line\r\n' serial
shows "$(printf 'a%.0s' {1..63})"$'\n'"$(printf 'a%.0s' {1..63})" --seconds 1 flood

echo "tiny guests: $count cases, $failures failed"
[ "$failures" -eq 0 ]
