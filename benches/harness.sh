#!/usr/bin/env bash
# What the program costs beside its numerics: sweeps of many tiny matrices, each run twice, the second time with nothing to compute.
#
#   benches/harness.sh [CELLS…]        without arguments: 10000 420000 1000000
#
# Prints for each run: seconds, seconds of the processor, peak memory, bytes on disk; and the same of planning alone, of the report, and
# of printing the whole table of cells. FACTOREO names another program than target/debug/factoreo.
set -euo pipefail

program=$(realpath "${FACTOREO:-target/debug/factoreo}")
sizes=("$@")
[ ${#sizes[@]} -gt 0 ] || sizes=(10000 420000 1000000)
per_variant=42 # 6 ranks of one method without draws, and 6 ranks × 3 draws of two settings of one with

project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
mkdir "$project/experiments"
cd "$project"

# The figures of one command, whose output goes away.
measured() {
    local what=$1
    shift
    /usr/bin/time -f '%e %U %S %M' -o time "$@" >output 2>messages || { cat messages >&2; exit 1; }
    awk -v what="$what" '{ printf "%-12s %8.2f s %8.2f s cpu %8.0f MB", what, $1, $2 + $3, $4 / 1024 }' time
}

for cells in "${sizes[@]}"; do
    variants=$((cells / per_variant))
    name="harness_$cells"
    {
        printf 'seed = 1\ntrials = 3\ntarget_rank = [1, 2, 3, 4, 5, 6]\nprecision = ["f64"]\n'
        printf '[timing]\nrepeats = 0\n'
        printf '[title]\nen = "Harness"\nes = "Arnés"\n[question]\nen = "What does a cell cost?"\nes = "¿Qué cuesta una celda?"\n'
        printf '[problem.spectra]\nkind = "spectrum"\nrows = 8\ncolumns = 8\nexponent = [%s]\n' \
            "$(seq -f '%.4f' -s ', ' 0.5 0.0001 "$(awk -v n="$variants" 'BEGIN { printf "%.4f", 0.5 + (n - 1) * 0.0001 }')")"
        printf '[method.truncated_svd]\n[method.randomized_svd]\npower_iterations = [0, 1]\n'
    } >"experiments/$name.toml"
    echo "== $((variants * per_variant)) cells"
    measured planned "$program" plan --json "experiments/$name.toml"; echo
    for run in first second; do
        # A share of one leaves the report alone.
        measured "$run" "$program" "experiments/$name.toml" --shard 1/1
        du -sb "results/$name" | awk '{ printf " %8.1f MB on disk\n", $1 / 1e6 }'
    done
    measured report "$program" report
    du -cb report/*.md | awk 'END { printf " %8.1f MB of Markdown\n", $1 / 1e6 }'
    measured printed "$program" table "$name" runs; wc -c <output | awk '{ printf " %8.1f MB printed\n", $1 / 1e6 }'
    rm -rf "results/$name"
done
