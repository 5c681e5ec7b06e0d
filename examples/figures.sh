#!/usr/bin/env bash
# Draw the README's picture again, from the bundled matrix.
#
#   bash examples/figures.sh [FOLDER]   (default: this folder)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
sinkdiag calibrate "$here/data/motorcycle.npy" --collapse-tv 0.03 --extended --plot "$out/calibrate.png"
