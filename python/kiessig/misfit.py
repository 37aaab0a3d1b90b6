"""The misfit between a measured curve and a model, with its gradient, in one pass over the recursion."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig import _core, kernel_calls
from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.instrument import Resolution
from kiessig.kernel_calls import Gradient, Repeats

__all__ = ["MISFITS", "misfit_and_gradient", "reflectivity_misfit", "require_positive_model", "require_uncertainty"]

FloatArray = NDArray[np.float64]

MISFITS = ("chi2", "log")


def reflectivity_misfit(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    r: ArrayLike,
    dr: ArrayLike | None = None,
    misfit: str = "chi2",
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> tuple[FloatArray | float, Gradient]:
    """Compute the misfit of the model to a measured curve, and its gradient with respect to every input of the model.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, scale, background, dq, repeats, threads
        As in `reflectivity`.
    r : float array broadcastable to the reflectivity, shape (..., n_q)
        The measured curve; positive for "log".
    dr : float array broadcastable to the reflectivity, optional
        Its uncertainty (1 sigma), positive. Needed for "chi2", and not accepted for "log".
    misfit : {"chi2", "log"}
        The sum over the points of ``((model - r) / dr)**2``, or of ``(ln model - ln r)**2``.

    Returns
    -------
    misfit : float, or float64 array of the batch's shape (...)
        One number per stack.
    gradient : Gradient
        Of the sum over the batch; each field in the shape of that input as given.

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`; and where r or dr are missing, not positive where they must be, or the logarithm is asked of
        a model that is not positive.
    UnknownNameError
        For another misfit.

    See Also
    --------
    reflectivity_vjp : the gradient of any other function of the curve.

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> q = np.linspace(0.02, 0.2, 50)
    >>> measured = ks.reflectivity(q, [100.0], [0.0, 3.47, 2.07])
    >>> value, gradient = ks.reflectivity_misfit(q, [101.0], [0.0, 3.47, 2.07], r=measured, misfit="log")
    >>> bool(value > 0.0), bool(gradient.thickness[0] > 0.0)
    (True, True)
    """
    function = "reflectivity_misfit"
    require_uncertainty(function, dr, misfit)
    return misfit_and_gradient(
        function, r, dr, q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats, None
    )


def require_uncertainty(function: str, dr: ArrayLike | None, misfit: str) -> None:
    """Raise unless the misfit is a known one and has dr exactly where it needs it."""
    if misfit not in MISFITS:
        message = f"{function}: misfit must be one of {', '.join(map(repr, MISFITS))}; got {misfit!r}"
        raise UnknownNameError(message)
    if misfit == "chi2" and dr is None:
        message = f"{function}: dr must be given for the chi2 misfit; got None"
        raise InvalidValueError(message)
    if misfit == "log" and dr is not None:
        message = f"{function}: dr must be None for the log misfit, which does not use it; got {type(dr).__name__}"
        raise InvalidValueError(message)


def misfit_and_gradient(
    function: str,
    r: ArrayLike,
    dr: ArrayLike | None,
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike,
    roughness: ArrayLike,
    scale: ArrayLike,
    background: ArrayLike,
    dq: ArrayLike | Resolution | None,
    threads: int | None,
    repeats: Repeats | None,
    plan: _core.Plan | None,
) -> tuple[FloatArray | float, Gradient]:
    """Compute misfit and gradient, of logarithms where dr is None; `function` is the name in error messages."""
    inputs = (q, thickness, sld, sld_imag, roughness, scale, background, dq, threads)
    if repeats is None and (found := kernel_calls.plainly(_core.plain_misfit, (r, dr, *inputs, plan))) is not None:
        number, gradient = found[0], Gradient._make(found[1])
        if number == number:  # not NaN; numpy takes longer to say so
            return number, gradient
        values = np.array(number)
    else:
        call = kernel_calls.prepare(function, *inputs, repeats, plan, merge=False)
        rows = [call.weights(name, data) for name, data in (("r", r), ("dr", dr)) if data is not None]
        if (lowest := rows[-1].min(initial=math.inf)) <= 0.0:
            message = f"{function}: {'r' if dr is None else 'dr'} must be positive; its smallest is {lowest!r}"
            raise InvalidValueError(message)
        flat, fields = call.run(_core.reflectivity_misfit, rows[0], None if dr is None else rows[1])
        values = flat.reshape(call.lead)
        gradient = Gradient._make(
            None if array is None else call.reduced(name, array)
            for name, array in zip(Gradient._fields, fields, strict=True)
        )
    if dr is None and np.isnan(values).any():
        model = kernel_calls.value(function, *inputs, repeats, plan)
        require_positive_model(function, np.broadcast_to(np.asarray(q), model.shape), model)
    return (float(values) if values.ndim == 0 else values), gradient


def require_positive_model(function: str, q: FloatArray, model: FloatArray, misfit: str = "log") -> None:
    """Raise where a model is to be compared in a way that needs it to be positive."""
    bad = ~(model > 0.0)
    if bad.any():
        message = (
            f"{function}: the {misfit} misfit needs a positive model; at q = {q[bad][0]:.6g} 1/angstrom it is "
            f"{model[bad][0]:.6g}; bound scale and background to positive values"
        )
        raise InvalidValueError(message)
