"""Arrays in, arrays out: the wave inside layered samples, and where its intensity goes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig import _core
from kiessig.errors import ShapeError
from kiessig.kernel_calls import Repeats, prepare, real

__all__ = ["Absorption", "absorption", "field", "penetration_depth"]

FloatArray = NDArray[np.float64]


class Absorption(NamedTuple):
    """Parts of the incident beam; ``n`` inner layers, ``n_q`` points, leading batch dimensions ``...``.

    Attributes
    ----------
    reflected : float array, shape (..., n_q)
        The reflectivity.
    layers : float array, shape (..., n_q, n)
        Absorbed in each inner layer, in the order of `thickness`.
    transmitted : float array, shape (..., n_q)
        Carried across the last interface, whether that medium absorbs or not.
    """

    reflected: FloatArray
    layers: FloatArray
    transmitted: FloatArray


def field(
    q: ArrayLike,
    z: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> NDArray[np.complex128]:
    r"""Compute the complex field inside layered samples, in front of them and behind them.

    The field solves :math:`\psi'' + k^2(z)\psi = 0` for an incident wave :math:`e^{i k_0 z}` of modulus 1, with
    :math:`k_j^2 = Q^2/4 - 4\pi(\rho_j - \rho_0)` in medium j. The intensity is its squared modulus.

    Parameters
    ----------
    q : float array, shape (..., n_q)
        Momentum transfer, 1/angstrom, or a scalar. A negative value is seen from the back: the reversed stack at
        ``|q|``, with z measured as for that stack.
    z : float array, shape (..., n_z)
        Depth along the beam, angstrom, in any order, or a scalar. 0 is the interface that the beam meets first: the
        first one, or for negative q the last. Negative depths lie in the fronting, where the field is the sum of the
        incident and the reflected wave; beyond the last interface it is the transmitted wave.
    thickness, sld, sld_imag, roughness, repeats, threads
        As in `reflectivity`.

    Returns
    -------
    complex128 array, shape (..., n_q, n_z)
        Leading dimensions of all arguments broadcast; scalar q or z have no axis. The phase is that of `amplitude`: in
        the fronting the field is ``exp(i q z / 2) + amplitude(q) exp(-i q z / 2)``. At q = 0, where incident and
        reflected wave cancel, it is 0.

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`.

    See Also
    --------
    absorption : the intensity lost in every layer.
    penetration_depth : how deep evanescent and absorbed waves reach.

    Notes
    -----
    Layers of any thickness, evanescent ones and media at their critical edge (where the field is a straight line) keep
    full precision: only decaying exponentials are formed, and no formula divides by a wavevector of a layer.

    Roughness is that of Névot and Croce, who describe the waves on either side of an interface: reflection coefficients
    are multiplied by :math:`e^{-2 k k' \sigma^2}` and transmission coefficients by :math:`e^{(k - k')^2\sigma^2/2}`
    [1]_ [2]_ [3]_. These waves are continued up to the interface's mean position, which gives an approximate field: it
    jumps there by a part of the order of :math:`(k^2 - k'^2)\sigma^2/2`, and within some sigma of the interface the
    true field is smooth instead. To see it, slice the profile into sharp layers. A depth on an interface belongs to
    the medium behind it.

    References
    ----------
    .. [1] D. K. G. de Boer, Phys. Rev. B 51, 5297 (1995), doi:10.1103/PhysRevB.51.5297
    .. [2] M. Tolan, X-Ray Scattering from Soft-Matter Thin Films (Springer, 1999), doi:10.1007/BFb0112834
    .. [3] L. Névot, P. Croce, Rev. Phys. Appl. 15, 761 (1980), doi:10.1051/rphysap:01980001503076100

    Examples
    --------
    A film between a low barrier and a substrate guides the wave:

    >>> import numpy as np
    >>> import kiessig as ks
    >>> psi = ks.field([0.0113, 0.02], np.linspace(-200.0, 900.0, 1101), [120.0, 700.0], [0.0, 4.0, 0.0, 6.4])
    >>> psi.shape
    (2, 1101)
    """
    call = prepare("field", q, thickness, sld, sld_imag, roughness, threads=threads, repeats=repeats)
    depth = real("field", "z", z)
    n_z = depth.shape[-1] if depth.ndim else 1
    leading = depth.shape[:-1]
    try:
        lead = np.broadcast_shapes(call.lead, leading)
    except ValueError as error:
        message = f"field: leading dimensions of z must broadcast with those of the others, {call.lead}; got {leading}"
        raise ShapeError(message) from error
    call.lead = lead
    if math.prod(leading) != 1:  # its rows differ: the core sees every batch element
        call.merged = False
        call.arguments |= {name: call.rows(name, array) for name, array in call.given.items()}
        call.arguments["n_batch"] = math.prod(lead)
        rows = np.ascontiguousarray(np.broadcast_to(depth, (*lead, n_z))).reshape(math.prod(lead), n_z)
    else:
        rows = depth.reshape(1, n_z)
    return call.points(call.run(_core.field, rows), *((n_z,) if depth.ndim else ()))


def absorption(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> Absorption:
    r"""Compute which part of the incident beam is reflected, absorbed in every layer, and transmitted.

    A layer absorbs :math:`A_j = \frac{\operatorname{Im} k_j^2}{k_0} \int_j |\psi|^2 dz`, in closed form, and the last
    medium receives :math:`T = \frac{\operatorname{Re} k}{k_0} |\psi|^2`, taken at the last interface.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, repeats, threads
        As in `reflectivity`.

    Returns
    -------
    Absorption
        ``reflected``, ``layers`` and ``transmitted``. They are numbers of their own: none is the rest of the others.
        For negative q, where the beam comes from the back, layers keep the order of `thickness` and the fronting is
        what receives the transmitted part. A repeated layer's entry is the sum over its repeats.

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`.

    Notes
    -----
    With sharp interfaces the parts sum to 1. Rough ones are treated as in `field`: their sum misses 1 by what the
    approximation of Névot and Croce does not conserve, in fourth order of sigma where nothing absorbs and in second
    order times the absorption where something does, and for a roughness beyond its range by anything. The difference
    is no estimate of diffuse scattering. `sld_imag` alone decides what is absorbed: for neutrons it may stand for
    incoherent scattering as well. The absorption of the fronting is ignored, as everywhere.

    Examples
    --------
    >>> import kiessig as ks
    >>> parts = ks.absorption([0.01, 0.02], [300.0], [0.0, 3.0, 2.07], [0.0, 0.5, 0.0])
    >>> parts.layers.shape
    (2, 1)
    >>> bool(abs(parts.reflected + parts.layers.sum(axis=-1) + parts.transmitted - 1.0).max() < 1e-12)
    True
    """
    call = prepare("absorption", q, thickness, sld, sld_imag, roughness, threads=threads, repeats=repeats)
    reflected, layers, transmitted = call.run(_core.absorption)
    return Absorption(call.points(reflected), call.points(layers, call.lengths["thickness"]), call.points(transmitted))


def penetration_depth(
    q: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    *,
    threads: int | None = None,
) -> FloatArray:
    r"""Compute the depth at which the intensity of a wave that enters a medium has fallen to 1/e.

    This is :math:`1 / (2 \operatorname{Im} k_j)`: below a medium's critical edge the reach of the evanescent wave,
    above it that of an absorbed one.

    Parameters
    ----------
    q, sld, sld_imag, threads
        As in `reflectivity`.

    Returns
    -------
    float64 array, shape (..., n_q, n + 2)
        One entry per medium, angstrom, ``inf`` where the wave does not decay, as in the medium the beam comes from.

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`.

    Notes
    -----
    Within a layer that is thinner than this, waves reflected at its lower interface make the intensity fall in another
    way: see `field`.

    Examples
    --------
    >>> import kiessig as ks
    >>> depth = ks.penetration_depth([0.0, 0.03], [0.0, 6.36])
    >>> depth[:, 1].round(1)
    array([55.9,  inf])
    """
    function = "penetration_depth"
    media = real(function, "sld", sld)
    thickness = np.zeros(max(media.shape[-1] - 2, 0)) if media.ndim else 0.0
    call = prepare(function, q, thickness, media, sld_imag, 0.0, threads=threads)
    return call.points(call.run(_core.penetration_depth), media.shape[-1])
