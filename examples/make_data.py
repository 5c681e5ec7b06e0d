"""Make the bundled real matching problem, `examples/data/motorcycle.npy`.

The two images are scikit-image's motorcycle stereo pair (Middlebury 2014 stereo data set,
D. Scharstein et al., GCPR 2014). Rows are SIFT keypoints of the left image, columns are SIFT
keypoints detected on their own in the right image; the disparity map says which column each row
truly belongs to. Nothing is downloaded: the pair ships inside the scikit-image wheel.

Run `pip install "sinkdiag[examples]"`, then `python examples/make_data.py`. The same versions of
the libraries give the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from skimage.color import rgb2gray
from skimage.data import stereo_motorcycle
from skimage.feature import SIFT

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

N_KEYPOINTS = 60
MAX_OFFSET = 1.5  # px, between the true location and the detected right keypoint
SEED = 0  # of the column shuffle
DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Keypoints:
    """SIFT keypoints of one image: `position` (n, 2) as (row, column) in px, `angle` (n,) in rad.

    `descriptor` (n, 128) has unit Euclidean rows.
    """

    position: FloatArray
    angle: FloatArray
    descriptor: FloatArray

    def take(self, index: IntArray) -> "Keypoints":
        """The keypoints at `index`, in that order."""
        return Keypoints(self.position[index], self.angle[index], self.descriptor[index])


def detect(image: NDArray[np.uint8]) -> Keypoints:
    """SIFT with scikit-image's default settings on the grey image."""
    sift = SIFT()
    sift.detect_and_extract(rgb2gray(image))
    descriptor = sift.descriptors.astype(np.float64)
    descriptor /= np.sqrt((descriptor**2).sum(axis=1, keepdims=True))
    return Keypoints(
        sift.positions.astype(np.float64), sift.orientations.astype(np.float64), descriptor
    )


def true_location(position: FloatArray, disparity: FloatArray) -> FloatArray:
    """Where left `position` (n, 2) lies in the right image; nan if unclear or hidden there.

    Unclear: no ground truth, or a depth edge (disparity varies by 1 px or more) within one pixel.
    The map is indexed by left pixels: left (row, x) is right (row, x - disparity). (The docstring
    of `stereo_motorcycle` also reads as the opposite; the images agree with this direction.)
    """
    height, width = disparity.shape
    columns = np.arange(width)
    known = np.isfinite(disparity)  # the map marks pixels without ground truth by inf
    high = maximum_filter(np.where(known, disparity, np.inf), size=3)
    low = minimum_filter(np.where(known, disparity, -np.inf), size=3)
    clear = high - low < 1.0
    location = np.full(position.shape, np.nan)
    for k, (row, column) in enumerate(position):
        y, x = min(round(row), height - 1), min(round(column), width - 1)
        d = disparity[y, x]
        if not clear[y, x] or column - d < 0.0:
            continue
        # A nearer surface (larger disparity) that lands on the same right pixel hides this one.
        seen_at = columns - disparity[y]
        if not (known[y] & (np.abs(seen_at - (x - d)) < 1.0) & (disparity[y] > d + 1.0)).any():
            location[k] = row, column - d
    return location


def counterparts(left: Keypoints, right: Keypoints, location: FloatArray) -> IntArray:
    """Index of the right keypoint nearest to each true location, -1 beyond `MAX_OFFSET`.

    SIFT reports one location once per dominant orientation: of those equally near, the one whose
    orientation is closest to the left keypoint's is taken. Descriptors play no part.
    """
    match = np.full(len(location), -1, dtype=np.int64)
    for k in np.flatnonzero(np.isfinite(location[:, 0])):
        offset = np.hypot(*(right.position - location[k]).T)
        if offset.min() <= MAX_OFFSET:
            tied = np.flatnonzero(offset <= offset.min() + 1e-9)
            turn = np.abs(np.angle(np.exp(1j * (right.angle[tied] - left.angle[k]))))
            match[k] = tied[turn.argmin()]
    return match


def spread(position: FloatArray, right_position: FloatArray, n: int) -> IntArray:
    """`n` indices by farthest-point sampling in the left image, from the point nearest its mean.

    A candidate's distance to the chosen set is the smaller of its distances in the two images, so
    that neither rows nor columns repeat a keypoint.
    """
    chosen = [int(np.hypot(*(position - position.mean(axis=0)).T).argmin())]
    gap = np.full(len(position), np.inf)
    while len(chosen) < n:
        for image in (position, right_position):
            gap = np.minimum(gap, np.hypot(*(image - image[chosen[-1]]).T))
        chosen.append(int(gap.argmax()))
    if gap[chosen[-1]] <= 0.0:
        raise ValueError(f"fewer than {n} distinct keypoint pairs")
    return np.array(chosen)


def build() -> tuple[FloatArray, IntArray, Keypoints, Keypoints]:
    """Cost (n, n), true column of each row (n,), and the keypoints of the rows and columns."""
    left_image, right_image, disparity = stereo_motorcycle()
    left, right = detect(left_image), detect(right_image)
    match = counterparts(left, right, true_location(left.position, disparity.astype(np.float64)))
    paired = np.flatnonzero(match >= 0)
    kept = spread(left.position[paired], right.position[match[paired]], N_KEYPOINTS)
    rows = left.take(paired[kept])
    shuffle = np.random.default_rng(SEED).permutation(N_KEYPOINTS)
    columns = right.take(match[paired[kept]][shuffle])
    truth = np.argsort(shuffle)  # column j holds the counterpart of row shuffle[j]
    return cdist(rows.descriptor, columns.descriptor), truth, rows, columns


def main() -> None:
    """Write the two files and print how far the plain answers agree with the truth."""
    cost, truth, _, _ = build()
    np.save(DATA / "motorcycle.npy", cost)
    np.save(DATA / "motorcycle_truth.npy", truth.astype(np.int64))
    assigned = linear_sum_assignment(cost)[1]
    print(f"n={len(truth)}  cost {cost.min():.4f} to {cost.max():.4f}")
    print(f"rows right: assignment {(assigned == truth).sum()}, ", end="")
    print(f"argmin {(cost.argmin(axis=1) == truth).sum()}")


if __name__ == "__main__":
    main()
