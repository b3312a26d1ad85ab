#!/bin/bash
# Builds the Debian image of the tests: a Debian with python3, a C compiler and PostgreSQL with its own regression tests,
# as an OCI layout of one layer. Kept in the cache and built again when this script changes or after four weeks.
#
# usage: scripts/debian-image.sh OUTPUT      a symbolic link to the layout in the cache, whose tag is `latest`
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
output=${1:?usage: ${0##*/} OUTPUT}
cache=${VMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm}/images
suite=bookworm

key=$({ cat "${BASH_SOURCE[0]}" && date +%G-%V | awk -F- '{ print $1, int($2 / 4) }'; } | sha256sum | cut -c 1-16)
layout=$cache/debian-$key

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# mirror SUITE: where this machine's apt gets that suite from.
mirror() {
    local address
    address=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Identifier: Packages' |
        awk -v suite="$1" '$1 == suite { print $2; exit }')
    [ -n "$address" ] || fail "apt knows no mirror of $1; add it to its sources, then: apt-get update"
    echo "$address"
}

# inside ROOT COMMAND...: runs a command in the image, by a PATH of its own: the caller's may be of another system.
inside() { chroot "$1" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin "${@:2}"; }

# The sources of the version that was installed, for what Debian's packages leave out: the tests' own files.
regression_files() { # ROOT
    local lists=$work/apt version upstream
    version=$(inside "$1" dpkg-query -W -f '${source:Version}' postgresql-15)
    upstream=${version%-*}
    mkdir -p "$lists/lists/partial" "$work/source"
    printf 'deb-src %s %s main\n' "$mirror" "$suite" >"$lists/sources.list"
    local apt=(-o Dir::Etc::SourceList="$lists/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$lists/lists" -o APT::Get::List-Cleanup=0 -qq)
    apt-get "${apt[@]}" update >&2
    (cd "$work/source" && apt-get "${apt[@]}" source --download-only "postgresql-15=$version" >&2)
    tar -xf "$work/source/postgresql-15_$upstream.orig.tar.bz2" -C "$work/source"
    mkdir -p "$1/regress"
    cp -r "$work/source/postgresql-$upstream/src/test/regress/." "$1/regress/"
}

# pg_regress and the server's headers, without the compilers that their package would bring along.
server_files() { # ROOT
    (cd "$work" && inside "$1" apt-get -qq --print-uris download postgresql-server-dev-15 | awk '{ print $1 }' |
        tr -d "'" | xargs curl -fsSLO)
    dpkg -x "$work"/postgresql-server-dev-15_*.deb "$1"
}

build() {
    mirror=$(mirror "$suite")
    work=$(mktemp -d "$cache/.debian.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    debootstrap --variant=minbase \
        --include=python3-minimal,gcc,libc6-dev,make,postgresql-15,locales,procps,ca-certificates \
        "$suite" "$work/root" "$mirror" >"$work/log" 2>&1 || {
        tail -n 3 "$work/log" >&2
        fail "debootstrap failed; its last words are above"
    }
    server_files "$work/root"
    regression_files "$work/root"
    rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
    umoci init --layout "$work/layout"
    umoci new --image "$work/layout:latest"
    tar -C "$work/root" --xattrs --sort=name -cf "$work/layer.tar" .
    umoci raw add-layer --image "$work/layout:latest" "$work/layer.tar"
    umoci config --image "$work/layout:latest" --config.cmd /bin/bash \
        --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    mv "$work/layout" "$layout"
}

mkdir -p "$cache"
# Two checkouts may get here together.
exec 9>"$cache/.debian.lock"
flock 9
[ -d "$layout" ] || build
mkdir -p "$(dirname "$output")"
ln -sfn "$layout" "$output"
