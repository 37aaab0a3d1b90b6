"""kiessig under GenX: its four kernels replaced while a program runs. Nothing of GenX is copied or imported early.

GenX counts media from the substrate ``[0]`` to the ambient ``[-1]``; ``sigma[j]`` is the top of medium j; of d the two
ends and of sigma the last do not matter. Refractive indices are 1 - delta + i beta at the wavelength, so that with that
of the ambient, n0, real,

    rho_j - rho_0 = -pi Re(n_j² - n0²) / lambda²,   absorption_j = pi Im(n_j² - n0²) / lambda²,   Q in it = n0 Q

and potentials of polarised neutrons are V = 4 pi (rho - i absorption).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.adapters._host import Patches, Replacement, host_module
from kiessig.errors import InvalidValueError
from kiessig.kernels import amplitude, reflectivity
from kiessig.polarised import polarised_reflectivity

__all__ = ["Refl", "ReflQ", "Refl_nvary2", "backend", "neutron_Refl", "restore", "use"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

INSTALL = "install GenX, genx3 3.6.0 or newer, where this Python finds it"
SLD_UNIT = 1e-6  # 1/angstrom² in ours
# Two spins' absorptions differ by the product of magnetisation and absorption, 1e-5 of either
SAME_ABSORPTION = 1e-4


def ReflQ(  # noqa: N802 - GenX's names
    Q: ArrayLike,  # noqa: N803
    lamda: float,
    n: ArrayLike,
    d: ArrayLike,
    sigma: ArrayLike,
    return_int: bool = True,
) -> NDArray[Any]:
    """Compute the reflectivity, or amplitude, of a stack at points of Q, as `genx.models.lib.paratt.ReflQ`.

    Parameters
    ----------
    Q : float array, shape (m,)
        In the vacuum, 1/angstrom.
    lamda : float
        Wavelength, angstrom.
    n : complex array, shape (k,)
        Refractive indices, substrate first.
    d, sigma : float array, shape (k,)
        Thickness, and roughness of the top, angstrom.
    return_int : bool, optional
        Whether the reflectivity is wanted rather than the amplitude.

    Returns
    -------
    float or complex array, shape (m,)

    Notes
    -----
    An absorbing ambient, gain and other things that our kernel refuses go to GenX's own function.

    Examples
    --------
    >>> import numpy as np
    >>> from kiessig.adapters.genx import ReflQ
    >>> n = 1.0 - np.array([7.6e-6 - 1.7e-7j, 1.5e-5, 0.0])
    >>> ReflQ(np.array([0.02, 0.1]), 1.54, n, np.array([0.0, 100.0, 0.0]), np.array([3.0, 2.0, 0.0])).shape
    (2,)
    """
    index = np.asarray(n, dtype=np.complex128)
    q = np.asarray(Q, dtype=np.float64)
    found = _specular(q * index[-1].real, lamda, index, d, sigma, return_int)
    return found if found is not None else _own("ReflQ")(Q, lamda, n, d, sigma, return_int)


def Refl(  # noqa: N802
    theta: ArrayLike, lamda: float, n: ArrayLike, d: ArrayLike, sigma: ArrayLike, return_int: bool = True
) -> NDArray[Any]:
    """Compute the reflectivity, or amplitude, of a stack at angles, as `genx.models.lib.paratt.Refl`.

    Parameters
    ----------
    theta : float array, shape (m,)
        Angle of incidence, degrees.
    lamda, n, d, sigma, return_int
        As for `ReflQ`.

    Returns
    -------
    float or complex array, shape (m,)
    """
    index = np.asarray(n, dtype=np.complex128)
    q = 4.0 * np.pi * np.sin(np.radians(np.asarray(theta, dtype=np.float64))) / lamda
    found = _specular(q * index[-1].real, lamda, index, d, sigma, return_int)
    return found if found is not None else _own("Refl")(theta, lamda, n, d, sigma, return_int)


def Refl_nvary2(  # noqa: N802
    theta: ArrayLike, lamda: ArrayLike, n_vector: ArrayLike, d: ArrayLike, sigma: ArrayLike, return_int: bool = True
) -> NDArray[Any]:
    """Compute it with indices of each point's own, as `genx.models.lib.paratt.Refl_nvary2`.

    Parameters
    ----------
    theta, lamda : float array, shape (m,)
        Angle of incidence, degrees, and wavelength, angstrom.
    n_vector : complex array, shape (k, m)
        Refractive indices, substrate first.
    d, sigma, return_int
        As for `ReflQ`.

    Returns
    -------
    float or complex array, shape (m,)
    """
    index = np.asarray(n_vector, dtype=np.complex128)
    angle, wavelength = np.broadcast_arrays(np.asarray(theta, dtype=np.float64), np.asarray(lamda, dtype=np.float64))
    found = None
    if angle.ndim == 1 and index.ndim == 2:
        q = 4.0 * np.pi * np.sin(np.radians(angle)) / wavelength * index[-1].real
        # one stack per point
        found = _specular(q[:, np.newaxis], wavelength[:, np.newaxis], index.T, d, sigma, return_int)
    if found is None:
        return np.asarray(_own("Refl_nvary2")(theta, lamda, n_vector, d, sigma, return_int))
    return found[:, 0]


def neutron_Refl(  # noqa: N802
    Q: ArrayLike,  # noqa: N803
    Vp: ArrayLike,  # noqa: N803
    Vm: ArrayLike,  # noqa: N803
    d: ArrayLike,
    M_ang: ArrayLike,  # noqa: N803
    sigma: ArrayLike | None = None,
    return_int: bool = True,
) -> tuple[NDArray[Any], ...]:
    """Compute the reflectivities of polarised neutrons, as `genx.models.lib.neutron_refl.Refl`.

    Parameters
    ----------
    Q : float array, shape (m,)
        1/angstrom.
    Vp, Vm : complex array, shape (k,)
        Potentials for the two spins, 1/angstrom^2, substrate first.
    d : float array, shape (k,)
        Thickness, angstrom.
    M_ang : float array, shape (k,)
        Angle between moment and spin, radians.
    sigma : float array, shape (k,), optional
        Roughness of the top, angstrom.
    return_int : bool, optional
        Whether reflectivities are wanted rather than amplitudes.

    Returns
    -------
    uu, dd, ud, du : float or complex array, shape (m,)

    Notes
    -----
    GenX's own function answers where ours is not the same: amplitudes, and rough interfaces in a sample with moments in
    several directions, for which GenX has another roughness (it differs by exp(sigma² (Vp - Vm)), some 1e-3).
    """
    found = None
    if return_int:
        plus, minus = (np.asarray(array, dtype=np.complex128) for array in (Vp, Vm))
        found = _polarised(np.asarray(Q, dtype=np.float64), plus, minus, d, M_ang, sigma)
    if found is None:
        own = _patches.original(_module("neutron_refl"), "Refl")
        return tuple(own(Q, Vp, Vm, d, M_ang, sigma, return_int))
    return found


def _specular(
    q: FloatArray, wavelength: Any, index: ComplexArray, d: ArrayLike, sigma: ArrayLike, return_int: bool
) -> NDArray[Any] | None:
    """Call our kernel; None where GenX's own must answer. Media are the last axis of `index`."""
    ambient = index[..., -1:]
    if np.any(ambient.imag != 0.0) or np.any(q < 0.0):
        return None
    potential = (index - ambient) * (index + ambient) * (np.pi / np.square(wavelength) / SLD_UNIT)
    function: Any = reflectivity if return_int else amplitude
    thickness, roughness = (np.asarray(array, dtype=np.float64) for array in (d, sigma))
    try:
        return np.asarray(
            function(
                q,
                thickness[1:-1][::-1],
                -potential.real[..., ::-1],
                potential.imag[..., ::-1],
                np.abs(roughness[:-1][::-1]),
            )
        )
    except InvalidValueError:
        return None


def _polarised(
    q: FloatArray, plus: ComplexArray, minus: ComplexArray, d: ArrayLike, angle: ArrayLike, sigma: ArrayLike | None
) -> tuple[FloatArray, ...] | None:
    direction = np.asarray(angle, dtype=np.float64)
    thickness = np.asarray(d, dtype=np.float64)
    roughness = np.zeros(thickness.size) if sigma is None else np.abs(np.asarray(sigma, dtype=np.float64))
    mean, half = (plus + minus) / 2.0, (plus - minus) / 2.0
    collinear = bool(np.all(np.sin(direction) * np.abs(half) == 0.0))
    if plus[-1] != 0.0 or minus[-1] != 0.0 or direction[-1] != 0.0 or np.any(q < 0.0):
        return None  # GenX has something to say about that
    if not collinear and np.any(roughness[:-1] != 0.0):
        return None
    if np.any(np.abs(half.imag) > SAME_ABSORPTION * np.abs(mean.imag)):
        return None
    unit = 4.0 * np.pi * SLD_UNIT
    try:
        channels = polarised_reflectivity(
            q,
            thickness[1:-1][::-1],
            mean.real[::-1] / unit,
            -mean.imag[::-1] / unit,
            roughness[:-1][::-1],
            sld_magnetic=half.real[::-1] / unit,
            theta_m=90.0 - np.degrees(direction[::-1]),
            guide_angle=90.0,
        )
    except InvalidValueError:
        return None
    return channels.pp, channels.mm, channels.pm, channels.mp


def _module(name: str) -> Any:
    return host_module(f"genx.models.lib.{name}", "kiessig.adapters.genx", INSTALL)


def _own(name: str) -> Any:
    return _patches.original(_module("paratt"), name)


def _replacements() -> list[Replacement]:
    paratt, neutron = _module("paratt"), _module("neutron_refl")
    return [
        Replacement(paratt, "Refl", Refl),
        Replacement(paratt, "ReflQ", ReflQ),
        Replacement(paratt, "Refl_nvary2", Refl_nvary2),
        Replacement(neutron, "Refl", neutron_Refl),
    ]


_patches = Patches(_replacements)


@contextmanager
def backend() -> Iterator[None]:
    """Let GenX compute with kiessig's kernels within a ``with``.

    The functions are attributes of GenX's modules, so that other threads of the process see the change as well; it is
    undone when the last of several, nested or in different threads, ends, and also where an exception ends it.

    Raises
    ------
    MissingDependencyError
        Where GenX cannot be imported.
    """
    with _patches.temporarily():
        yield


def use() -> None:
    """Let GenX compute with kiessig's kernels until `restore` is called.

    Two lines at the top of a model's script do, in the worker processes of a fit as well, since each runs the script::

        import kiessig.adapters.genx
        kiessig.adapters.genx.use()

    Raises
    ------
    MissingDependencyError
        Where GenX cannot be imported.
    """
    _patches.use()


def restore() -> None:
    """End what `use` began; nothing happens where it was not called."""
    _patches.restore()
