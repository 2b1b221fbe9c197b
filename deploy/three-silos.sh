#!/bin/sh
# Three silos that form one cluster on this machine. Usage: three-silos.sh DIRECTORY-OF-THE-PUBLISHED-SILO
set -eu
program="${1:?usage: three-silos.sh DIRECTORY}/IoasidGrains.Silo.dll"
settings=$(dirname "$0")/env
pids=

# The first silo keeps the membership, so it goes last.
stop() {
    trap - INT TERM EXIT
    for pid in $pids; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" || true
    done
    exit 0
}
trap stop INT TERM EXIT

for silo in 1 2 3; do
    (
        set -a
        . "$settings/$silo.env"
        exec dotnet "$program"
    ) &
    pids="$! $pids"
done
wait
