# Sourced before something is measured by its instruction clock: a wait for a file of the host is idle time in the
# lab, and passes at once. What is touched lies in the lab's own memory from then on. Elsewhere nothing is touched.

# hold PROGRAM...: those that are there, the libraries they are linked with, and what most programs read at their start.
hold() {
    local program path file
    grep -q ' lab\.run=' /proc/cmdline || return 0
    {
        for program in "$@"; do
            path=$(command -v "$program") || continue
            echo "$path"
            ldd "$path" 2>/dev/null | grep -o '/[^ ]*' || true
        done
        find /etc/ld.so.cache /etc/passwd /etc/group /etc/nsswitch.conf /etc/localtime /etc/subuid /etc/subgid \
            /etc/containers /usr/share/containers -type f 2>/dev/null || true
    } | sort -u | while read -r file; do touch -c "$file"; done
}
