#!/usr/bin/env bash
# The paper's appendix A.9 with sinkdiag: 10 seeds of random costs, a rectangular case, and the
# bundled real matrix. Writes one CSV a case, with standard deviations over the seeds, the figures
# and the manifests into a folder (default: appendix), and prints the summary table.
#
#   examples/appendix.sh [--quick] [FOLDER]
#
# --quick: two seeds, four temperatures and two replicates, to see that everything works.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seeds=10 every=3 grid=(--eps 1:0.003:16)
if [[ "${1:-}" == --quick ]]; then
  shift
  seeds=2 every=1 grid=(--eps 1:0.03:4 --replicates 2)
fi
out=${1:-appendix}
mkdir -p "$out"

# Seeds of uniform random costs as one stack (seeds, n, m) of npy bytes.
stack() {
  python3 -c '
import sys
import numpy as np
n, m, seeds = (int(text) for text in sys.argv[1:])
costs = np.stack([np.random.default_rng(seed).random((n, m)) for seed in range(seeds)])
np.save(sys.stdout.buffer, costs)' "$1" "$2" "$seeds"
}

# name, then the command's arguments; the verdicts go to NAME.txt. Status 4 (some row was not
# resolved, and says so) is a result here, not a fault.
run() {
  local name=$1 status=0
  shift
  sinkdiag sensitivity "$@" --eps-unit range "${grid[@]}" --extended --claims \
    --manifest "$out/$name.manifest.json" --plot "$out/$name.png" \
    -o "$out/$name.csv" 2> "$out/$name.txt" || status=$?
  if ((status != 0 && status != 4)); then
    cat "$out/$name.txt" >&2
    exit "$status"
  fi
}

stack 20 20 | run random-20x20 - --layout batch
stack 24 16 | run random-24x16 - --layout batch
run motorcycle-60x60 "$here/data/motorcycle.npy"

# eps, eps·‖DS‖ and its deviation, eps·‖dP/deps‖, K2, the gap, and the components of the support.
for name in random-20x20 random-24x16 motorcycle-60x60; do
  echo "# $name"
  python3 -c '
import csv, sys
rows = list(csv.DictReader(sys.stdin))
print("eps,C0_est,C0_std,K1_est,K2_est,gap,rho_mean,rho_std,components,status")
for row in rows[:: int(sys.argv[1])]:
    eps = float(row["eps"])
    numbers = [eps, float(row["C0_est"]), eps * float(row["op_norm_std"])]
    numbers += [float(row[k]) for k in ("K1_est", "K2_est", "gap", "rho_mean", "rho_std")]
    print(",".join(f"{x:.4g}" for x in numbers) + "," + row["components"] + "," + row["status"])
' "$every" < "$out/$name.csv"
  grep -E "Lemma A.7|Lemma A.10|Props|exp\(" "$out/$name.txt" || true
done
