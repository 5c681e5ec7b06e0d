"""``info``: what a run depends on besides its input, for bug reports."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sinkdiag.columns import column
from sinkdiag.errors import NothingToDrawError
from sinkdiag.numerics.jit import cache_folder, is_caching, thread_count
from sinkdiag.rendering.manifest import make_manifest
from sinkdiag.rendering.table import Label
from sinkdiag.results import Status
from sinkdiag.solver import kernels
from sinkdiag.studies.result import Part, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["InfoResult", "InfoRow", "info"]


@dataclass(frozen=True, kw_only=True)
class InfoRow:
    """Versions, arithmetic, threads and cache of this process."""

    sinkdiag: str = column("version of sinkdiag")
    python: str = column("version of Python")
    numpy: str = column("version of NumPy")
    scipy: str = column("version of SciPy")
    numba: str = column("version of numba")
    click: str = column("version of click")
    matplotlib: str = column("version of matplotlib")
    pandas: str = column("version of pandas")
    rich: str = column("version of rich")
    torch: str = column("version of PyTorch; empty where it is not installed")
    blas: str = column("library and version that NumPy was built with")
    platform: str = column("operating system and processor")
    cpu_count: int = column("logical processors")
    numba_threads: int = column("threads that kernels may use")
    thread_variables: str = column("environment variables that limit threads, NAME=VALUE")
    cache: str = column(
        "folder of the solver's compiled kernels; those of other rooms lie beside it "
        "(NUMBA_CACHE_DIR sets another)"
    )
    cache_writable: bool = column("whether kernels are kept there for the next run")
    folder: str = column("where this sinkdiag is installed")


@dataclass(frozen=True, kw_only=True, eq=False)
class InfoResult(Result[Part]):
    """Versions, arithmetic, threads and cache of this process, in one row."""

    command: ClassVar[str] = "info"
    row_type: ClassVar[type] = InfoRow

    @property
    def summary(self) -> None:
        """Nothing beside the row."""
        return

    @property
    def statuses(self) -> tuple[Status, ...]:
        """None: nothing is computed."""
        return ()

    def figure(self) -> Figure:
        """None is made."""
        raise NothingToDrawError("there is nothing but words")


def info() -> InfoResult:
    """Tell versions, BLAS, threads and cache of this process; it computes nothing."""
    known = make_manifest([], [], None)
    variables = " ".join(f"{name}={value}" for name, value in known.thread_variables.items())
    row = InfoRow(
        sinkdiag=known.sinkdiag,
        python=known.python,
        numpy=known.numpy,
        scipy=known.scipy,
        numba=known.numba,
        click=_version("click"),
        matplotlib=_version("matplotlib"),
        pandas=_version("pandas"),
        rich=_version("rich"),
        torch=_version("torch"),
        blas=known.blas,
        platform=known.platform,
        cpu_count=known.cpu_count,
        numba_threads=thread_count(),
        thread_variables=variables,
        cache=cache_folder(kernels.sweeps),
        cache_writable=is_caching(),
        folder=_folder(),
    )
    return InfoResult(parts=(Part(label=Label(source="", index=0), name="info", rows=(row,)),))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _folder() -> str:
    return str(Path(kernels.__file__).parents[1])
