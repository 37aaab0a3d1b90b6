"""Reflectivity of a sample that is not the same everywhere: patches, each a stack of its own, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from kiessig._inputs import checked
from kiessig.data import FloatArray
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import Resolution
from kiessig.mixture.arguments import MixtureArguments, MixtureGradient, MixtureJacobian, Patches
from kiessig.mixture.coherent import Coherent
from kiessig.mixture.incoherent import Incoherent

__all__ = [
    "MixtureGradient",
    "MixtureJacobian",
    "mixture_fractions",
    "mixture_reflectivity",
    "mixture_reflectivity_jacobian",
    "mixture_reflectivity_jvp",
    "mixture_reflectivity_vjp",
]


def mixture_fractions(covered: ArrayLike) -> FloatArray:
    """Complete fractions of an area so that they add to 1.

    Parameters
    ----------
    covered : float array, shape (..., P - 1)
        Fractions of all patches but the last, 0 to 1, and at most 1 in sum.

    Returns
    -------
    float array, shape (..., P)
        The same, and the rest for the last patch: the `weights` of an incoherent mixture. The last fraction's
        derivative with respect to any of the others is -1.

    Raises
    ------
    InvalidValueError
        For a fraction that is negative or not finite, and where they add to more than 1.
    ShapeError
        For a single number: even one fraction stands on an axis.

    Examples
    --------
    >>> import kiessig as ks
    >>> ks.mixture_fractions([0.5, 0.25])
    array([0.5 , 0.25, 0.25])
    """
    fractions = checked("mixture_fractions", "covered", covered, "finite and non-negative")
    if not fractions.ndim:
        message = "mixture_fractions: covered must have shape (..., P - 1); got a single number: write [0.3]"
        raise ShapeError(message)
    rest = 1.0 - fractions.sum(axis=-1, keepdims=True)
    if (rest < -1e-12).any():  # sums of decimal fractions round
        message = f"mixture_fractions: covered must add to at most 1; got a sum of {float(1.0 - rest.min())!r}"
        raise InvalidValueError(message)
    return np.concatenate([fractions, np.maximum(rest, 0.0)], axis=-1)


def mixture_reflectivity(
    q: ArrayLike,
    thickness: Patches,
    sld: Patches,
    sld_imag: Patches = 0.0,
    roughness: Patches = 0.0,
    *,
    weights: ArrayLike,
    coherent: bool = False,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    threads: int | None = None,
) -> FloatArray:
    r"""Compute the reflectivity of patches whose reflected intensities, or amplitudes, add.

    .. math::

        R = \mathrm{scale} \sum_i w_i |r_i|^2 + \mathrm{background}

    for a sample whose patches are larger than the beam's coherence length in the plane: parts of a wafer that are
    covered and parts that are not, a thickness that varies along the sample. With `coherent`

    .. math::

        R = \mathrm{scale} \Bigl|\sum_i w_i r_i\Bigr|^2 + \mathrm{background}

    for patches that are smaller than that, but too large for the wave in the sample to see the mean of their SLDs:
    islands, terraces, the lines of a grating. What such a sample scatters out of the specular direction is not
    computed. A mixture on a still smaller scale reflects as one stack with averaged SLDs.

    Parameters
    ----------
    q : float array, shape (..., n_q)
        Momentum transfer, 1/angstrom; negative from the back, as in `kiessig.reflectivity`.
    thickness, sld, sld_imag, roughness : float array, shape (..., P, n), (..., P, n + 2) twice, (..., P, n + 1)
        The stacks of the P patches, as in `kiessig.reflectivity` with one more axis before the last. An array without
        that axis, or a scalar, holds for all patches. For patches with different numbers of layers: sequences with one
        array per patch.
    weights : float array, shape (..., P)
        Weight of each patch's intensity or amplitude, non-negative, **used as they are**: they need not add to 1. Area
        fractions come from `mixture_fractions`.
    coherent : bool
        False: intensities add. True: amplitudes add, each with its phase at the first interface of its own patch; all
        patches must have the same fronting SLD, and the same backing SLD where Q is negative. See Notes.
    scale, background : float array, shape (...), optional
        Per sample.
    dq : float array broadcastable to q, or Resolution, optional
        Width (1 sigma) of the resolution, 1/angstrom.
    threads : int, optional
        Threads to use; None chooses by the amount of work.

    Returns
    -------
    float64 array, shape (..., n_q)

    Raises
    ------
    ShapeError
        Where shapes do not fit together.
    InvalidValueError
        For values outside their domain, negative weights among them, and for a coherent mixture whose patches differ in
        the SLD of the medium that the beam comes from.

    See Also
    --------
    mixture_reflectivity_jacobian, mixture_reflectivity_vjp, mixture_reflectivity_jvp : with derivatives.
    mixture_fractions : weights that add to 1.

    Notes
    -----
    A sequence of NumPy arrays is always taken as one array per patch, and so is a nested sequence whose rows have
    different lengths. Other nested sequences are read as arrays. Patches given as one array are one call of the kernel.

    In a coherent mixture heights matter. The first interfaces of all patches are taken to be level, or the last ones
    for a beam from the back. A patch that begins deeper needs a layer of the fronting's SLD on top, as thick as the
    difference: in the example below, the bare patch lies 80 angstrom below the film's surface. In the same way, for
    Q < 0, a patch that ends earlier needs a layer of the backing's SLD at its end. Smearing is that of the intensity
    :math:`|\sum_i w_i r_i|^2`; at Q = 0 it is the square of the sum of the weights.

    The shared SLD of the fronting is one number for the beam: the derivative with respect to it is the sum of those
    with respect to the patches' entries.

    Examples
    --------
    >>> import kiessig as ks
    >>> weights = ks.mixture_fractions([0.7])  # 70 % covered by a film, the rest bare
    >>> r = ks.mixture_reflectivity(
    ...     [0.01, 0.1], [[80.0], []], [[0.0, 4.0, 2.07], [0.0, 2.07]], roughness=3.0, weights=weights
    ... )
    >>> r.shape
    (2,)

    The same film as islands that the beam sees coherently, on a level substrate:

    >>> thickness, sld = [[80.0], [80.0]], [[0.0, 4.0, 2.07], [0.0, 0.0, 2.07]]
    >>> r = ks.mixture_reflectivity(
    ...     [0.01, 0.1], thickness, sld, roughness=[[3.0, 3.0], [0.0, 3.0]], weights=weights, coherent=True
    ... )
    >>> r.shape
    (2,)
    """
    function = "mixture_reflectivity"
    inputs = (q, thickness, sld, sld_imag, roughness, weights, scale, background, dq, threads)
    return _kind(function, coherent).given(function, *inputs).value()


def mixture_reflectivity_jacobian(
    q: ArrayLike,
    thickness: Patches,
    sld: Patches,
    sld_imag: Patches = 0.0,
    roughness: Patches = 0.0,
    *,
    weights: ArrayLike,
    coherent: bool = False,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, MixtureJacobian]:
    """Compute the reflectivity of patches, and its derivatives with respect to every input.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, weights, coherent, scale, background, dq, threads
        As in `mixture_reflectivity`.

    Returns
    -------
    r : float64 array, shape (..., n_q)
    jacobian : MixtureJacobian

    Raises
    ------
    ShapeError, InvalidValueError
        As `mixture_reflectivity`.

    Examples
    --------
    >>> import kiessig as ks
    >>> thickness, sld = [[80.0], [20.0]], [[0.0, 4.0, 2.07], [0.0, 1.0, 2.07]]
    >>> r, jacobian = ks.mixture_reflectivity_jacobian([0.01, 0.05, 0.1], thickness, sld, weights=[0.7, 0.3])
    >>> jacobian.thickness.shape, jacobian.sld.shape, jacobian.weights.shape
    ((3, 2, 1), (3, 2, 3), (3, 2))
    """
    function = "mixture_reflectivity_jacobian"
    inputs = (q, thickness, sld, sld_imag, roughness, weights, scale, background, dq, threads)
    return _kind(function, coherent).given(function, *inputs).jacobian()


def mixture_reflectivity_vjp(
    q: ArrayLike,
    thickness: Patches,
    sld: Patches,
    sld_imag: Patches = 0.0,
    roughness: Patches = 0.0,
    *,
    weights: ArrayLike,
    cotangent: ArrayLike,
    coherent: bool = False,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, MixtureGradient]:
    """Compute the reflectivity of patches, and the gradient of ``sum(cotangent * R)``.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, weights, coherent, scale, background, dq, threads
        As in `mixture_reflectivity`.
    cotangent : float array, shape (..., n_q)
        Broadcastable to the reflectivity.

    Returns
    -------
    r : float64 array, shape (..., n_q)
    gradient : MixtureGradient
        Each field in the shape of that input as given, summed over whatever it was broadcast to.

    Raises
    ------
    ShapeError, InvalidValueError
        As `mixture_reflectivity`.

    Examples
    --------
    >>> import kiessig as ks
    >>> thickness, sld = [[80.0], []], [[0.0, 4.0, 2.07], [0.0, 2.07]]  # a film on one patch, none on the other
    >>> r, gradient = ks.mixture_reflectivity_vjp([0.01, 0.1], thickness, sld, weights=[0.7, 0.3], cotangent=1.0)
    >>> [part.shape for part in gradient.sld], gradient.weights.shape
    ([(3,), (2,)], (2,))
    """
    function = "mixture_reflectivity_vjp"
    inputs = (q, thickness, sld, sld_imag, roughness, weights, scale, background, dq, threads)
    return _kind(function, coherent).given(function, *inputs).vjp(cotangent)


def mixture_reflectivity_jvp(
    q: ArrayLike,
    thickness: Patches,
    sld: Patches,
    sld_imag: Patches = 0.0,
    roughness: Patches = 0.0,
    *,
    weights: ArrayLike,
    tangents: Mapping[str, Patches],
    coherent: bool = False,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Compute the reflectivity of patches, and its derivative along a direction in the inputs.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, weights, coherent, scale, background, dq, threads
        As in `mixture_reflectivity`.
    tangents : mapping of input name to float array
        The direction: for any of the inputs an array that broadcasts to that input; inputs left out do not move. For an
        input that was given patch by patch: a sequence with one array per patch.

    Returns
    -------
    r, dr : float64 array, shape (..., n_q)

    Raises
    ------
    ShapeError, InvalidValueError
        As `mixture_reflectivity`.
    UnknownNameError
        For a tangent of something that is not an input.

    Examples
    --------
    >>> import kiessig as ks
    >>> thickness, sld = [[80.0], [20.0]], [[0.0, 4.0, 2.07], [0.0, 1.0, 2.07]]
    >>> tangents = {"weights": [1.0, -1.0]}
    >>> r, dr = ks.mixture_reflectivity_jvp([0.05], thickness, sld, weights=[0.7, 0.3], tangents=tangents)
    >>> dr.shape
    (1,)
    """
    function = "mixture_reflectivity_jvp"
    inputs = (q, thickness, sld, sld_imag, roughness, weights, scale, background, dq, threads)
    return _kind(function, coherent).given(function, *inputs).jvp(tangents)


def _kind(function: str, coherent: bool) -> type[MixtureArguments]:
    """Return what computes the mixture."""
    if not isinstance(coherent, bool | np.bool_):
        message = f"{function}: coherent must be True or False; got {coherent!r}"
        raise InvalidValueError(message)
    return Coherent if coherent else Incoherent
