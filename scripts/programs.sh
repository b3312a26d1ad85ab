#!/bin/bash
# Makes a directory of links to the programs that package sets provide, and to no other: with it as PATH, a test that uses a
# program of some other package fails here as it would on a machine that has only those packages.
#
# usage: scripts/programs.sh DIRECTORY SWIFT SET...
#   SWIFT   the toolchain's command
#   SET...  sets of scripts/packages.sh
#
# The sets' packages bring what they depend on. Beside them there are the packages that every Debian system has (essential,
# required, and apt), the toolchain, and sudo where packages are installed with it.
set -euo pipefail

[ $# -ge 3 ] || { echo "usage: ${0##*/} DIRECTORY SWIFT SET..." >&2 && exit 2; }
directory=$1 swift=$2
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# provided PACKAGE...: those packages, what every Debian system has, and all that these depend on, as far as it is installed.
provided() {
    awk -v wanted="$*" '
        function names(field) { gsub(/\([^)]*\)|:[a-z0-9]+|,|\|/, " ", field); return field }
        function enter(name) { if (!(name in seen)) { seen[name]; queue[++last] = name } }
        BEGIN { RS = ""; FS = "\n" }
        / ok installed\n/ {
            package = ""; base = 0
            for (i = 1; i <= NF; i++) {
                value = substr($i, index($i, ":") + 1)
                if ($i ~ /^Package:/) { package = value; gsub(/ /, "", package) }
                else if ($i ~ /^(Pre-)?Depends:/) depends[package] = depends[package] " " names(value)
                else if ($i ~ /^Provides:/) {
                    count = split(names(value), virtual, " ")
                    for (j = 1; j <= count; j++) givers[virtual[j]] = givers[virtual[j]] " " package
                } else if ($i ~ /^(Essential: yes|Priority: required)/) base = 1
            }
            installed[package]
            if (base || package == "apt") enter(package)
        }
        END {
            count = split(wanted, name, " ")
            for (i = 1; i <= count; i++) enter(name[i])
            for (at = 1; at <= last; at++) {
                count = split(depends[queue[at]] " " givers[queue[at]], name, " ")
                for (i = 1; i <= count; i++) enter(name[i])
            }
            for (package in seen) if (package in installed) print package
        }' /var/lib/dpkg/status
}

# Programs among the files of packages, and the names that update-alternatives gives to such programs.
programs_of() { # PACKAGE...
    dpkg-query -L "$@" | grep -E '^(/usr)?/s?bin/[^/]+$' | sort -u >"$work/files"
    cat "$work/files"
    find /usr/bin /usr/sbin -maxdepth 1 -type l -lname '/etc/alternatives/*' -printf '%l\n%p\n' | while read -r alternative; do
        read -r link
        printf '%s\t%s\n' "$(readlink "$alternative")" "$link"
    done | awk -F '\t' 'NR == FNR { file[$0]; next } $1 in file { print $2 }' "$work/files" -
}

# The toolchain's directory; inside of such a directory of links, the one that its wrappers lead to.
place=$(dirname "$(command -v "$swift")")
[ ! -e "$place/.toolchain" ] || place=$(<"$place/.toolchain")

# The toolchain's programs lie beside each other. Where these are the system's own directory, those are it that no package owns.
toolchain() {
    find "$place" -maxdepth 1 \( -type f -o -type l \) -executable -printf '%p\n' | sort |
        comm -23 - <(dpkg-query -S "$place/*" 2>/dev/null | sed 's/^[^/]*//' | sort -u)
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t packages < <("$here/packages.sh" --list "$@")
mapfile -t packages < <(provided "${packages[@]}")
programs_of "${packages[@]}" >"$work/programs"
command -v sudo >>"$work/programs" || true
mkdir "$work/links"
while read -r program; do
    [ ! -x "$program" ] || echo "$program"
done <"$work/programs" | awk -F / '!($NF in seen) { seen[$NF]; print }' | xargs -d '\n' ln -sft "$work/links"
# The toolchain asks its own name where the rest of it is, so it gets no links.
while read -r program; do
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$program" >"$work/links/${program##*/}.part"
    chmod 755 "$work/links/${program##*/}.part"
    mv "$work/links/${program##*/}.part" "$work/links/${program##*/}"
done < <(toolchain)
echo "$place" >"$work/links/.toolchain"
chmod 755 "$work/links"
mkdir -p "$(dirname "$directory")"
rm -rf "$directory"
mv "$work/links" "$directory"
