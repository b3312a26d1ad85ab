# What the build scripts of guest/ share. Sourced, not run.

cache=${VMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm}

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# need PROGRAM PACKAGE: stops with the package to install where the program is missing.
need() {
    command -v "$1" >/dev/null || fail "$1 is missing; install it with: apt-get install $2"
}

# debian_package NAME: prints the path of the package's .deb, which is downloaded once for each version.
debian_package() {
    local packages=$cache/debian file temporary
    mkdir -p "$packages"
    # One line: 'URL' FILE-NAME SIZE HASH. The file name has the version in it.
    file=$(apt-get download --print-uris "$1" 2>/dev/null | awk 'NR == 1 { print $2 }')
    if [[ -z $file ]]; then
        # Without package lists, an earlier download will do.
        file=$(cd "$packages" && ls -t "$1"_*.deb 2>/dev/null | head -n 1)
        [[ -n $file ]] || fail "apt knows no package $1; refresh its lists with: apt-get update"
    fi
    if [[ ! -e $packages/$file ]]; then
        temporary=$(mktemp -d "$packages/.download.XXXXXX")
        (cd "$temporary" && apt-get -qq download "$1" >&2) || fail "cannot download the package $1"
        mv "$temporary/$file" "$packages/$file"
        rmdir "$temporary"
    fi
    echo "$packages/$file"
}

# fingerprint FILE...: prints one hash of the files' names and contents.
fingerprint() {
    sha256sum -- "$@" | sha256sum | cut -c 1-32
}

# is_current OUTPUT KEY: whether OUTPUT was made from the inputs that KEY stands for.
is_current() {
    [[ -e $1 && -e $1.key && $(<"$1.key") == "$2" ]]
}

# install_output TEMPORARY OUTPUT KEY: puts a finished product in place in one step, and notes what it was made from.
install_output() {
    mkdir -p "$(dirname "$2")"
    rm -f "$2.key"
    mv "$1" "$2"
    echo "$3" >"$2.key"
}
