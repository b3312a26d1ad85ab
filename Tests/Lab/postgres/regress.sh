#!/bin/sh
# Runs in the container of scripts/debian-image.sh: builds the library that PostgreSQL's regression tests need, with the
# container's compiler, and runs the tests of a schedule in a server of their own.
#
# usage: regress.sh [GROUPS]      only the first so many groups of the schedule
set -e
cd /regress
server=/usr/lib/postgresql/15
gcc -shared -fPIC -O1 -I /usr/include/postgresql/15/server -o regress.so regress.c
cp "$server/lib/refint.so" "$server/lib/autoinc.so" .
schedule=parallel_schedule
if [ -n "$1" ]; then
    grep '^test:' parallel_schedule | head -n "$1" >schedule
    schedule=schedule
fi
chown -R postgres .
exec su postgres -c "$server/lib/pgxs/src/test/regress/pg_regress --temp-instance=/tmp/pg --bindir=$server/bin \
    --inputdir=/regress --outputdir=/regress --dlpath=/regress --max-connections=4 --no-locale --encoding=UTF8 \
    --schedule=/regress/$schedule"
