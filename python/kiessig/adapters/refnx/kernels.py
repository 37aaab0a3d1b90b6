"""The kernels that refnx calls, with its arguments, on ours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.adapters._host import host_module
from kiessig.errors import InvalidValueError
from kiessig.kernels import reflectivity
from kiessig.polarised import polarised_reflectivity

__all__ = ["INSTALL", "abeles", "abeles_vectorised", "gepore", "refnx_module"]

FloatArray = NDArray[np.float64]

INSTALL = "install refnx, 0.1.50 or newer"


def refnx_module(name: str) -> Any:
    """Import a module of refnx, or say what is missing."""
    return host_module(name, "kiessig.adapters.refnx", INSTALL)


def abeles(
    q: ArrayLike, layers: ArrayLike, scale: float = 1.0, bkg: float = 0.0, threads: int = -1
) -> NDArray[np.float64]:
    """Compute the reflectivity of slabs as refnx's kernels do.

    Parameters
    ----------
    q : float array of any shape
        Momentum transfer, 1/angstrom. R is even in it, as in refnx's ``parratt``; its ``abeles`` returns values far
        above 1 for a negative one.
    layers : float array, shape (n + 2, 4)
        Thickness, SLD, imaginary SLD and roughness of the interface above, fronting first, in angstrom and
        1e-6/angstrom^2. Any strides.
    scale, bkg : float, optional
        ``scale * R + bkg`` is returned.
    threads : int, optional
        -1 chooses by the amount of work; 0 is 1.

    Returns
    -------
    float64 array, shape of q
        Fresh and writable.

    Notes
    -----
    Slabs that have no meaning to our kernel, such as a negative thickness or absorption that a sampler tries, go to
    refnx's own one, so that they give what they always gave.

    Examples
    --------
    >>> import numpy as np
    >>> from kiessig.adapters.refnx import abeles
    >>> slabs = np.array([[0, 2.07, 0, 0], [100, 3.47, 0, 3], [0, 6.36, 0, 3]])
    >>> abeles(np.linspace(0.01, 0.3, 6).reshape(2, 3), slabs).shape
    (2, 3)
    """
    w = np.array(np.transpose(layers), dtype=np.float64, order="C")
    x = np.abs(np.asarray(q, dtype=np.float64))
    try:
        return reflectivity(
            x, w[0, 1:-1], w[1], w[2], w[3, 1:], scale=float(scale), background=float(bkg), threads=_threads(threads)
        )
    except InvalidValueError:
        own = refnx_module("refnx.reflect._creflect").abeles
        return np.asarray(own(x, w.T.copy(), scale=float(scale), bkg=float(bkg), threads=threads))


def abeles_vectorised(
    q: ArrayLike,
    layers: ArrayLike,
    scale: ArrayLike | None = None,
    bkg: ArrayLike | None = None,
    threads: int = -1,
) -> NDArray[np.float64]:
    """Compute the reflectivities of many stacks of slabs at once.

    Parameters
    ----------
    q : float array of any shape
        Momentum transfer, 1/angstrom.
    layers : float array, shape (m, n + 2, 4)
        Stacks, each as for `abeles`.
    scale, bkg : float array, shape (m,), optional
        Of each stack; 1 and 0 where None.
    threads : int, optional
        As for `abeles`.

    Returns
    -------
    float64 array, shape (m, ...) with the shape of q behind m

    Examples
    --------
    >>> import numpy as np
    >>> from kiessig.adapters.refnx import abeles_vectorised
    >>> slabs = np.array([[0, 2.07, 0, 0], [100, 3.47, 0, 3], [0, 6.36, 0, 3]])
    >>> abeles_vectorised(np.linspace(0.01, 0.3, 50), [slabs, 1.1 * slabs]).shape
    (2, 50)
    """
    w = np.asarray(layers, dtype=np.float64)
    x = np.abs(np.asarray(q, dtype=np.float64))
    per_stack = [
        np.broadcast_to(np.asarray(default if given is None else given, dtype=np.float64), w.shape[:1])
        for given, default in ((scale, 1.0), (bkg, 0.0))
    ]
    columns = (w[:, 1:-1, 0], w[:, :, 1], w[:, :, 2], w[:, 1:, 3])
    try:
        r = reflectivity(x.ravel(), *columns, scale=per_stack[0], background=per_stack[1], threads=_threads(threads))
    except InvalidValueError:
        own = refnx_module("refnx.reflect._creflect").abeles_vectorised
        scales, backgrounds = (array.copy() for array in per_stack)
        r = np.asarray(own(x.ravel(), w.copy(), scale=scales, bkg=backgrounds, threads=threads))
    return r.reshape(w.shape[0], *x.shape)


def gepore(
    q: ArrayLike,
    layers: ArrayLike,
    H: float = 0.0,  # noqa: N803 - refnx's names
    Aguide: float = 270.0,  # noqa: N803
    scale: float = 1.0,
    bkg: float = 0.0,
    threads: int = -1,
) -> NDArray[np.float64]:
    """Compute the four channels of polarised neutrons as refnx's kernel does.

    Parameters
    ----------
    q : float array, shape (n_q,)
        Momentum transfer, 1/angstrom; a negative one comes from the back.
    layers : float array, shape (n + 2, 6)
        As for `abeles`, then magnetic SLD in 1e-6/angstrom^2 and the angle of the moment in degrees.
    H : float, optional
        Field, tesla.
    Aguide : float, optional
        Angle of the guide field, degrees; refnx counts it the other way round than we do.
    scale, bkg, threads : optional
        As for `abeles`.

    Returns
    -------
    float64 array, shape (4, n_q)
        Channels ++, +-, -+, --.

    Notes
    -----
    Where the two programs differ refnx's own kernel answers: an absorbing medium or one magnetised across the guide
    field at the beam's side, and a negative field.

    Examples
    --------
    >>> from kiessig.adapters.refnx import gepore
    >>> gepore([0.02, 0.05], [[0, 0, 0, 0, 0, 0], [100, 4, 0, 2, 2, 30], [0, 2.07, 0, 3, 0, 0]]).shape
    (4, 2)
    """
    w = np.array(np.transpose(layers), dtype=np.float64, order="C")
    x = np.asarray(q, dtype=np.float64).ravel()
    theirs = (
        float(H) < 0.0 or (w[2, 0] != 0.0 and bool(np.any(x >= 0.0))) or (w[2, -1] != 0.0 and bool(np.any(x < 0.0)))
    )
    if not theirs:
        try:
            channels = polarised_reflectivity(
                x,
                w[0, 1:-1],
                w[1],
                w[2],
                w[3, 1:],
                sld_magnetic=w[4],
                theta_m=w[5],
                guide_angle=-float(Aguide),
                field=float(H),
                scale=float(scale),
                background=float(bkg),
                threads=_threads(threads),
            )
            return np.array([channels.pp, channels.pm, channels.mp, channels.mm])
        except InvalidValueError:
            pass
    own = refnx_module("refnx.reflect._creflect").gepore
    keywords = {"H": float(H), "Aguide": float(Aguide), "scale": float(scale), "bkg": float(bkg), "threads": threads}
    return np.asarray(own(x, w.T.copy(), **keywords))


def _threads(threads: int) -> int | None:
    return None if threads < 0 else max(int(threads), 1)
