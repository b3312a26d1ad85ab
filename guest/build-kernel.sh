#!/bin/bash
# build-kernel.sh [OUTPUT]: builds the guest's kernel from Debian's sources (default: build/vmlinux).
#
# A build is kept in the cache under the package's version and a hash of the configuration, the edits and the recipe, so
# that it is made once for all checkouts. The sources are only there while it is made.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")"
source ./common.sh
source ./edits.sh

source_package=linux-source-6.12
output=$(cd "$caller" && realpath -m "${1:-$OLDPWD/../build/vmlinux}")
configuration=$PWD/kernel.config

# Asks the kernel's own tools for the configuration and compares what came of it with what was asked for: an option
# whose dependencies are missing is dropped without a word.
configure() {
    make -s ARCH=x86_64 KCONFIG_ALLCONFIG="$configuration" allnoconfig >/dev/null
    local wanted missing=()
    while read -r wanted; do
        case $wanted in
            CONFIG_*) grep -qxF -- "$wanted" .config || missing+=("$wanted") ;;
            '# CONFIG_'*' is not set')
                wanted=${wanted#'# '}
                ! grep -q "^${wanted%% *}=" .config || missing+=("${wanted%% *} off") ;;
        esac
    done <"$configuration"
    ((${#missing[@]} == 0)) || fail "kernel.config asks for what $source_package does not give:" "${missing[@]}"
}

compile() {
    make -s -j"$(nproc)" ARCH=x86_64 KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=vmm KBUILD_BUILD_HOST=vmm vmlinux
    # Symbols are for debuggers. The notes stay: one of them has the PVH entry.
    strip -s -o "$1" vmlinux
}

# What the kernel depends on. Comments, and the rest of this script, may change without a build.
ingredients() {
    echo "$version"
    grep -E '^CONFIG_|is not set$' kernel.config
    declare -f edit edit_sources compile
}

build() {
    local work
    for tool in gcc:gcc make:make flex:flex bison:bison bc:bc xz:xz-utils; do
        need "${tool%:*}" "${tool#*:}"
    done
    mkdir -p "$cache/kernel"
    work=$(mktemp -d "$cache/kernel/.build.XXXXXX")
    # shellcheck disable=SC2064 # The directory is known now, and only in here.
    trap "rm -rf '$work'" EXIT
    echo "building the guest kernel $version: some minutes, once" >&2
    dpkg -x "$package" "$work/package"
    tar -xf "$work/package/usr/src/$source_package.tar.xz" -C "$work"
    (
        cd "$work/$source_package"
        edit_sources
        configure
        compile "$work/vmlinux"
    )
    mv "$work/vmlinux" "$product"
}

package=$(debian_package $source_package)
version=$(dpkg-deb -f "$package" Version)
key=$version-$(ingredients | sha256sum | cut -c 1-32)
product=$cache/kernel/vmlinux-$key
is_current "$output" "$key" && exit
[[ -e $product ]] || build
mkdir -p "$(dirname "$output")"
cp --reflink=auto "$product" "$output.new"
install_output "$output.new" "$output" "$key"
