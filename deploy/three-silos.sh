#!/bin/sh
# Three silos that form one cluster on this machine. Usage: three-silos.sh DIRECTORY-OF-THE-PUBLISHED-SILO
set -eu
program="${1:?usage: three-silos.sh DIRECTORY}/IoasidGrains.Silo.dll"
settings=$(dirname "$0")/env
pids=

stop() {
    trap - INT TERM EXIT
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
    wait
}
trap stop INT TERM EXIT

for silo in 1 2 3; do
    (
        set -a
        . "$settings/$silo.env"
        exec dotnet "$program"
    ) &
    pids="$pids $!"
done
wait
