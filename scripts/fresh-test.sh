#!/bin/bash
# Runs a command, `make test` unless told otherwise, on a Debian 12 that has nothing but its base system: a new root made by
# debootstrap, in which only the Swift toolchain, this checkout and apt's and git's configuration are this machine's. So it
# shows whether the project installs all that it uses. Needs root, debootstrap, and the disk space of a whole build.
#
# usage: scripts/fresh-test.sh [OPTION]... DIRECTORY [COMMAND [ARGUMENT]...]
#   DIRECTORY      where the new root is made; what is there from an earlier run is removed
#   --keep         use the root that is there from an earlier run, with what was installed then
#   --clone        test a clone of the last commit, without anything that was built here
#   --share DIR    show DIR in the new root, read-only, at the same path; may be repeated
#
# The exit status is the command's.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=bookworm checkout=$PWD keep=false clone=false shares=()

fail() {
    echo "${0##*/}: $*" >&2
    exit 2
}

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
            --keep) keep=true && shift ;;
            --clone) clone=true && shift ;;
            --share)
                [ -d "${2-}" ] || fail "--share wants a directory"
                shares+=("$2")
                shift 2
                ;;
            -*) fail "unknown option $1" ;;
            *) break ;;
        esac
    done
    [ $# -gt 0 ] || fail "usage: [--keep] [--clone] [--share DIR]... DIRECTORY [COMMAND [ARGUMENT]...]"
    root=$(realpath -m "$1")
    shift
    command=("${@:-make}")
    [ $# -gt 0 ] || command=(make test)
}

mirror() {
    apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Identifier: Packages' |
        awk -v suite=$suite '$1 == suite { print $2; exit }'
}

# What a user has before the first `make`: the base system, git and make to get and start it, and the network's settings.
make_root() {
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    debootstrap --variant=minbase --include=ca-certificates,git,make $suite "$root" "$(mirror)" >"$root.log" 2>&1 || {
        tail -n 5 "$root.log" >&2
        fail "debootstrap failed; its last words are above"
    }
    rm -rf "$root"/etc/apt/sources.list*
    cp -a /etc/apt/sources.list* /etc/apt/apt.conf.d /etc/apt/trusted.gpg.d "$root/etc/apt/" 2>/dev/null || true
    rm -f "$root"/etc/apt/apt.conf.d/*docker*
    cp -a /usr/share/keyrings/. "$root/usr/share/keyrings/"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    cp -a /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
    chroot "$root" update-ca-certificates >/dev/null 2>&1
    for file in /etc/gitconfig ~/.gitconfig; do
        [ ! -e "$file" ] || install -D -m 644 "$file" "$root$file"
    done
    echo 'LANG=C.UTF-8' >"$root/etc/default/locale"
}

# The libraries of Debian 12 that swift.org asks for beside the toolchain itself.
toolchain_libraries='libcurl4 libedit2 libncurses6 libpython3.11 libsqlite3-0 libxml2 libz3-4 libstdc++-12-dev tzdata'

install_toolchain_libraries() {
    chroot "$root" sh -c "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
        --no-install-recommends $toolchain_libraries" >>"$root.log" 2>&1 || {
        tail -n 5 "$root.log" >&2
        fail "the toolchain's libraries could not be installed; the last words are above"
    }
}

# show DIRECTORY [OPTIONS]: the same path in the new root.
show() {
    mkdir -p "$root$1"
    mount --rbind "$1" "$root$1"
    [ -z "${2-}" ] || mount -o "remount,bind,$2" "$root$1"
}

# In a mount namespace of its own: nothing of it is left afterwards.
run() {
    mount --make-rprivate /
    # A mount point, as the root of a machine is: tests make it private in namespaces of their own.
    mount --bind "$root" "$root"
    show /dev
    show /sys
    mount --bind /proc "$root/proc"
    show "$toolchain" ro
    local directory
    for directory in "${shares[@]}"; do show "$directory" ro; done
    if $clone; then
        [ -d "$root$checkout/.git" ] || git clone -q "$checkout" "$root$checkout"
    else
        show "$checkout"
    fi
    cd /
    exec chroot "$root" env -i HOME="$HOME" USER=root TERM="${TERM-dumb}" LANG=C.UTF-8 \
        PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$toolchain/usr/bin" \
        ${VMM_CACHE:+VMM_CACHE="$VMM_CACHE"} ${VMM_TESTS:+VMM_TESTS="$VMM_TESTS"} \
        bash -c 'cd "$0" && exec "$@"' "$checkout" "${command[@]}"
}

parse "$@"
[ "$(id -u)" -eq 0 ] || fail "this needs root"
toolchain=$(realpath "$(command -v swift)")
toolchain=${toolchain%/usr/bin/*}
[ -n "$toolchain" ] || fail "the toolchain lies among the system's own programs; use one in a directory of its own"
if ! $keep || [ ! -e "$root/etc/default/locale" ]; then
    make_root
    install_toolchain_libraries
fi
export -f run show
export root checkout toolchain clone
exec unshare --mount bash -euo pipefail -c "$(declare -p command shares); run"
