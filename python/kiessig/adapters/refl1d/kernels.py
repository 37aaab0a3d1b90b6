"""The backend module that refl1d calls: its names, of which the reflectivity is ours.

So is its convolution with the resolution, once the same points are convolved again. What is no physics of ours
(rebinning, contraction of profiles) and the amplitudes of magnetic samples are refl1d's own, looked up in its compiled
backend, or in its Python one where numba is missing.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiessig.adapters._host import host_module
from kiessig.adapters.refl1d.convolution import Convolutions
from kiessig.errors import InvalidValueError
from kiessig.kernels import amplitude

__all__ = ["INSTALL", "NAMES", "convolve_gaussian", "convolve_uniform", "reflectivity_amplitude"]

FloatArray = NDArray[np.float64]

INSTALL = "install refl1d, 1.0.0 or newer"
NAMES = (
    "reflectivity_amplitude",
    "magnetic_amplitude",
    "calculate_u1_u3",
    "build_profile",
    "convolve_gaussian",
    "convolve_uniform",
    "convolve_sampled",
    "align_magnetic",
    "contract_by_area",
    "contract_mag",
    "rebin_counts",
    "rebin_counts_2D",
)

NO_WAVE = 1e-10  # 1/angstrom: below, refl1d's kernels return -1


def reflectivity_amplitude(
    depth: FloatArray,
    sigma: FloatArray,
    rho: FloatArray,
    irho: FloatArray,
    kz: FloatArray,
    rho_index: NDArray[np.integer[Any]],
    r: NDArray[np.complex128],
) -> None:
    """Compute the reflection amplitude of slabs as refl1d's kernels do.

    Parameters
    ----------
    depth : float array, shape (n,)
        Thickness, angstrom; those of the ends do not matter.
    sigma : float array, shape (n - 1,)
        Roughness of the interface between slabs j and j + 1, angstrom.
    rho, irho : float array, shape (k, n)
        SLD and absorption, 1e-6/angstrom^2, of which each point has its own row.
    kz : float array, shape (m,)
        Half of Q, 1/angstrom; positive: the first slab is the fronting, negative: the last is.
    rho_index : int array, shape (m,)
        Row of each point.
    r : complex array, shape (m,)
        Filled with the amplitude.

    Notes
    -----
    Layers so thick that refl1d's own amplitude overflows have a finite one here. Slabs without meaning to our kernel
    go to refl1d's.

    Examples
    --------
    >>> import numpy as np
    >>> from kiessig.adapters.refl1d.kernels import reflectivity_amplitude
    >>> r = np.empty(3, complex)
    >>> slabs = np.array([[2.07, 3.47, 0.0]])
    >>> index = np.zeros(3, int)
    >>> kz = np.array([-0.05, 0.0, 0.05])
    >>> reflectivity_amplitude(np.array([0.0, 100.0, 0.0]), np.array([3.0, 2.0]), slabs, 0 * slabs, kz, index, r)
    >>> complex(r[1])
    (-1+0j)
    """
    q = 2.0 * np.asarray(kz, dtype=np.float64)
    index = np.asarray(rho_index)
    rows = (
        [(int(index[0]), slice(None))]
        if index.size and np.all(index == index[0])
        else [(int(k), index == k) for k in np.unique(index)]
    )
    try:
        for k, points in rows:
            # refl1d writes its waves the other way round in time
            r[points] = np.conj(amplitude(q[points], depth[1:-1], rho[k], irho[k], sigma))
    except InvalidValueError:
        __getattr__("_library").reflectivity_amplitude(depth, sigma, rho, irho, kz, rho_index, r)
        return
    r[np.abs(kz) < NO_WAVE] = -1.0


_convolutions = Convolutions()


def convolve_gaussian(xi: FloatArray, yi: FloatArray, x: FloatArray, dx: FloatArray, y: FloatArray) -> None:
    """Smear a curve as refl1d does: straight lines between its points under Gaussians.

    A fit asks for the same points over and over. Their weights are kept from the second time on, so that what is left
    of the convolution is a product with a sparse matrix.

    Parameters
    ----------
    xi, yi : float array, shape (m,)
        The curve, at ascending points.
    x, dx : float array, shape (n,)
        Where it is wanted, and the resolution there (1 sigma).
    y : float array, shape (n,)
        Filled with the result.

    Examples
    --------
    >>> import numpy as np
    >>> from kiessig.adapters.refl1d.kernels import convolve_gaussian  # doctest: +SKIP
    >>> q, y = np.linspace(0.0, 1.0, 101), np.empty(1)  # doctest: +SKIP
    >>> convolve_gaussian(q, 2.0 * q, np.array([0.5]), np.array([0.02]), y)  # doctest: +SKIP
    """
    if not _convolutions.apply("normal", xi, yi, x, dx, y):
        __getattr__("_library").convolve_gaussian(xi, yi, x, dx, y)


def convolve_uniform(xi: FloatArray, yi: FloatArray, x: FloatArray, dx: FloatArray, y: FloatArray) -> None:
    """Smear a curve as refl1d does, with rectangles of standard deviation `dx`; see `convolve_gaussian`.

    Parameters
    ----------
    xi, yi : float array, shape (m,)
        The curve, at ascending points.
    x, dx : float array, shape (n,)
        Where it is wanted, and the resolution there (1 sigma).
    y : float array, shape (n,)
        Filled with the result.
    """
    if not _convolutions.apply("uniform", xi, yi, x, dx, y):
        __getattr__("_library").convolve_uniform(xi, yi, x, dx, y)


def __getattr__(name: str) -> Any:
    if name == "_library":
        try:
            value = importlib.import_module("refl1d.lib.numba")
        except ImportError:
            value = host_module("refl1d.lib.python", "kiessig.adapters.refl1d", INSTALL)
    elif name in NAMES:
        value = getattr(__getattr__("_library"), name)
    else:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    globals()[name] = value
    return value
