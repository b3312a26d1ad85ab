# Sourced before something is measured in the lab: a wait for a file of the host is no work of what is measured. What is
# touched lies in the lab's own memory from then on. Elsewhere nothing is touched.

# hold PROGRAM...: those that are there, the libraries they are linked with, and what most programs read at their start. The
# host is asked for a name that it does not have each time anew, so PATH becomes one directory, of links, and what programs
# look for in vain is made, empty.
hold() {
    local program path file links=/dev/shm/held
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
    touch /etc/ld.so.preload
    mkdir -p /usr/lib/x86_64-linux-gnu/crun/handlers "$links"
    IFS=: read -r -a path <<<"$PATH"
    # A link is copied, for the directory that it lies in may be below /tmp.
    find "${path[@]}" -maxdepth 1 -lname '/*' -exec cp -Pt "$links" {} + 2>/dev/null || true
    find "${path[@]}" -maxdepth 1 ! -type d ! -lname '/*' -exec ln -st "$links" {} + 2>/dev/null || true
    mount -t tmpfs -o mode=1777 tmp /tmp
    PATH=$links
}
