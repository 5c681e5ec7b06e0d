#!/usr/bin/env bash
# Draw the README's pictures again, from the bundled matrix: bash examples/figures.sh
set -euo pipefail
cd "$(dirname "$0")"
sinkdiag calibrate data/motorcycle.npy --collapse-tv 0.05 --plot calibrate.png
