#!/usr/bin/env bash
# Does `factoreo compare` keep quiet of equal runs, and find a method that is 10 % slower? From the repository's root:
#
#   benches/compare.sh [PAIRS]        without an argument: 20
#
# Each pair is two runs of one spec by this program; then the second run is made by a build of it in which CUR takes a tenth longer (a
# copy of the sources with one line changed, here and nowhere else). Prints what was told of each pair, and the counts.
set -euo pipefail
pairs=${1:-20}
program=$(realpath target/debug/factoreo)
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT

mkdir "$project/source"
git ls-files -z | xargs -0 cp --parents --target-directory="$project/source"
clocked='clocked(|| method.factor(problem, draw))'
test "$(grep -cF "$clocked" "$project/source/src/run/timing.rs")" = 1
slowed='clocked(|| { let begun = Instant::now(); let done = method.factor(problem, draw); let end = begun.elapsed().mul_f64(1.1); while method.kind() == "cur" && begun.elapsed() < end {} done })'
python3 - "$project/source/src/run/timing.rs" "$clocked" "$slowed" << 'P'
import sys
path, old, new = sys.argv[1:]
text = open(path).read()
open(path, "w").write(text.replace(old, new))
P
echo "building the slower one"
cp -a target "$project/target"
(cd "$project/source" && CARGO_TARGET_DIR="$project/target" cargo build --quiet)
slower="$project/target/debug/factoreo"

mkdir -p "$project/experiments"
cat > "$project/experiments/pair.toml" << 'T'
seed = 3
target_rank = [8, 16, 32]
precision = ["f64"]
title = { en = "A pair", es = "Un par" }
question = { en = "Do two runs differ?", es = "¿Difieren dos ejecuciones?" }
[timing]
repeats = 15
warmup = 2
[problem.heads]
kind = "attention"
length = [128, 160, 192, 224, 256]
head_dim = 32
temperature = [0.5, 1.0]
[method.truncated_svd]
[method.randomized_svd]
power_iterations = [0, 2]
[method.cur]
[method.generalized_nystrom]
[method.nystromformer]
[method.performer]
T
cd "$project"
run() { "$1" -q experiments/pair.toml --shard 1/1; rm -rf "results/$2"; mv results/pair "results/$2"; }
quiet=0 found=0
for pair in $(seq "$pairs"); do
    run "$program" before
    run "$program" after
    run "$slower" slowed
    told() { "$program" compare results/before "results/$1" | grep -E ' (faster|slower)$' || true; }
    same=$(told after)
    changed=$(told slowed)
    [ -z "$same" ] && quiet=$((quiet + 1))
    echo "$changed" | grep -q '^cur.*slower$' && found=$((found + 1))
    echo "pair $pair: equal: ${same:-nothing}; slower: ${changed:-nothing}"
done
echo "equal runs without a difference: $quiet of $pairs; the slower method found: $found of $pairs"
