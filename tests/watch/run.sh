#!/bin/sh
# Judges `remold watch` by the training simulator: checkpoints written as twenty trainers and copiers write them, with pauses, deaths and
# rotation; every export must equal a quiet conversion of a version that was whole when it was picked, none early, none missed, none twice.
#
#   tests/watch/run.sh [--full] [--seed N] [NAME…]
#
# Without --full: a few scenarios, in about two minutes. NAME: these scenarios. --seed N: the scenarios with other random numbers.
# HARNESS is the simulator's folder, ../shared/harness beside this repository when not set; without it nothing is judged, and that is said.
# REMOLD is the program, target/release/remold when not set.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
harness=${HARNESS:-$root/../shared/harness}
REMOLD=${REMOLD:-${CARGO_TARGET_DIR:-$root/target}/release/remold}
target=${TARGET:-gguf:q8_0}
options=${WATCH_OPTIONS:-}
export REMOLD
short="hf-sharded-index-first hf-die-resume-old hf-die-after-weights hf-trailing-rank hf-burst hf-hardlinks staging-die lightning-link
lightning-die torchtune peft-reordered deepspeed-latest-early hf-download git-lfs"

# `.ci/run` lists what REMOLD_SKIPS holds.
skipped() {
    echo "SKIPPED: watch scenarios: $1"
    [ -z "${REMOLD_SKIPS:-}" ] || echo "watch scenarios: $1" >>"$REMOLD_SKIPS"
}

full='' seed='' names=''
while [ $# -gt 0 ]; do
    case $1 in
    --full) full=1 ;;
    --seed) seed=$2 && shift ;;
    -*) echo "unknown option $1" >&2 && exit 2 ;;
    *) names="$names $1" ;;
    esac
    shift
done
if [ ! -f "$harness/run_scenarios.py" ]; then
    skipped "$harness is not there"
    exit 0
fi
if ! command -v python3 >/dev/null; then
    skipped "there is no python3"
    exit 0
fi
all=$(python3 -c 'import json, sys; print(*[s["name"] for s in json.load(open(sys.argv[1]))])' "$harness/scenarios.json")
[ -n "$names" ] || names=$short
[ -z "$full" ] || names=$all
work=$(mktemp -d "${TMPDIR:-/tmp}/remold-scenarios-XXXXXX")
trap 'rm -rf "$work"' EXIT
more=''
[ -z "$seed" ] || more="--seed $seed"

# They mostly wait, so several run at once; each has its own jobs.
printf '%s\n' $names | xargs -P "${AT_ONCE:-6}" -I NAME sh -c '
    cd "$1" && python3 -W ignore run_scenarios.py --scenarios scenarios.json --only NAME --work "$2/s" --trainer-args "$6" \
        --watcher "$3/adapter {watched} {out} {exports} --to $4 $5" \
        --convert "env REMOLD_JOBS=$2/jobs/NAME $REMOLD convert {source} --to $4 -o {output} --force" >"$2/NAME.log" 2>&1
    echo $? >"$2/NAME.rc"
' sh "$harness" "$work" "$here" "$target" "$options" "$more" || true

failed=0
for name in $names; do
    grep -v " of 1 pass" "$work/$name.log" || true
    [ "$(cat "$work/$name.rc" 2>/dev/null)" = 0 ] || failed=$((failed + 1))
done
set -- $names
echo "watch scenarios: $(($# - failed)) of $# pass"
[ "$failed" = 0 ]
