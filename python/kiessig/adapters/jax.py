"""Reflectivity for JAX: traceable, compiled and mapped by it, with exact derivatives in forward and reverse mode.

The kernels run inside XLA's programs, as custom calls. JAX is imported by the first call.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from kiessig._inputs import checked_threads
from kiessig.adapters._jax_operations import FUNCTION, OPERANDS, Route, Settings, host, operation
from kiessig.errors import InvalidValueError, ShapeError

__all__ = ["abeles", "reflectivity"]


def reflectivity(
    q: Any,
    thickness: Any,
    sld: Any,
    sld_imag: Any = 0.0,
    roughness: Any = 0.0,
    *,
    scale: Any = 1.0,
    background: Any = 0.0,
    dq: Any = None,
    threads: int | None = None,
    route: Route | None = None,
) -> Any:
    r"""Compute the specular reflectivity of layered samples as an operation of JAX.

    The same numbers as `kiessig.reflectivity`. ``jit``, ``grad``, ``value_and_grad``, ``jvp``, ``vjp``, ``jacfwd``,
    ``jacrev``, ``linearize`` and ``vmap``, nested and over any argument, work on it.

    Parameters
    ----------
    q : array, shape (..., n_q)
        Momentum transfer, 1/angstrom; a scalar, too.
    thickness : array, shape (..., n)
        Of the inner layers, angstrom, non-negative.
    sld : array, shape (..., n + 2)
        Scattering length density of all media from fronting to backing, 1e-6/angstrom^2.
    sld_imag : array, shape (..., n + 2), or scalar
        Its imaginary part, non-negative: positive absorbs.
    roughness : array, shape (..., n + 1), or scalar
        Width (1 sigma) of the interfaces, angstrom, non-negative.
    scale, background : array, shape (...), optional
        Per stack: ``scale * R + background``.
    dq : array broadcastable to q, optional
        Width (1 sigma) of the Gaussian resolution, 1/angstrom; None for none.
    threads : int, optional
        Threads to use; None chooses by the amount of work.
    route : {"ffi", "callback"}, optional
        How XLA gets to the kernels: as compiled custom calls, or through Python. None takes the first on a CPU, and
        the second elsewhere.

    Returns
    -------
    jax.Array, shape (..., n_q)
        Leading dimensions of all arguments broadcast. float64 where an argument is, which needs JAX's
        ``jax_enable_x64``; float32 otherwise.

    Raises
    ------
    MissingDependencyError
        Without JAX.
    ShapeError
        Where shapes do not fit together.
    InvalidValueError
        For a dtype that is not real, and unknown options. Values are known only while the compiled program runs: a
        negative thickness or a NaN makes it fail with JAX's own error, whose text says which entry it is.
    NotOfferedError
        For second derivatives.

    See Also
    --------
    kiessig.reflectivity : conventions, accuracy and references.

    Notes
    -----
    float32 concerns what goes in and out; in between, all is computed in double precision. A result is off by half a
    unit in its last digit, 6e-8, and by what rounding the inputs does to it: a phase ``q * thickness`` moves by up to
    1e-7 of itself.

    A derivative costs one evaluation of the Jacobian of the inputs that it asks for, about twice the reflectivity, in
    forward and in reverse mode. ``jacfwd`` and ``jacrev`` compute it once and multiply it with a unit matrix; the whole
    Jacobian is had sooner as ``vmap`` over q of the gradient of one point.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from kiessig.adapters.jax import reflectivity
    >>> q = jnp.linspace(0.01, 0.2, 50)
    >>> measured = reflectivity(q, [100.0], [0.0, 3.47, 2.07])
    >>> def misfit(thickness):
    ...     return jnp.sum((jnp.log(reflectivity(q, thickness, [0.0, 3.47, 2.07])) - jnp.log(measured)) ** 2)
    >>> value, gradient = jax.jit(jax.value_and_grad(misfit))(jnp.array([101.0]))
    >>> gradient.shape, bool(gradient[0] > 0.0)
    ((1,), True)
    """
    jax = host()
    if route is None:
        route = "ffi" if jax.default_backend() == "cpu" else "callback"
    elif route not in ("ffi", "callback"):
        message = f"{FUNCTION}: route must be 'ffi', 'callback' or None; got {route!r}"
        raise InvalidValueError(message)
    settings = Settings(route, checked_threads(FUNCTION, threads))
    given = {
        "q": q,
        "thickness": thickness,
        "sld": sld,
        "sld_imag": sld_imag,
        "roughness": roughness,
        "scale": scale,
        "background": background,
    }
    if dq is not None:
        given["dq"] = dq
    for name, value in given.items():
        if isinstance(value, (list, tuple)):
            given[name] = jax.numpy.asarray(value)
    return _compiled()(given, settings)


def abeles(q: Any, layers: Any, scale: Any = 1.0, bkg: Any = 0.0, threads: int = 0) -> Any:
    """Compute the reflectivity of slabs with the arguments of refnx's JAX kernels.

    For refnx's ``compile_objective(objective, reflect_fn=abeles)``.

    Parameters
    ----------
    q : array of any shape
        Momentum transfer, 1/angstrom.
    layers : array, shape (n + 2, 4)
        Thickness, SLD, imaginary SLD and roughness of the interface above, fronting first, in angstrom and
        1e-6/angstrom^2.
    scale, bkg : scalar, optional
        ``scale * R + bkg`` is returned.
    threads : int, optional
        0 and -1 choose by the amount of work.

    Returns
    -------
    jax.Array, shape of q

    Raises
    ------
    ShapeError
        Where layers have another shape.

    See Also
    --------
    reflectivity : what can be done with it.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from kiessig.adapters.jax import abeles
    >>> slabs = jnp.array([[0, 2.07, 0, 0], [100, 3.47, 0, 3], [0, 6.36, 0, 3]])
    >>> abeles(jnp.linspace(0.01, 0.3, 6).reshape(2, 3), slabs).shape
    (2, 3)
    """
    numpy = host().numpy
    x, w = numpy.asarray(q), numpy.asarray(layers)
    if w.ndim != 2 or w.shape[0] < 2 or w.shape[1] != 4:
        message = f"kiessig.adapters.jax.abeles: layers must have shape (n + 2, 4); got shape {w.shape}"
        raise ShapeError(message)
    r = reflectivity(
        x.reshape(-1),
        w[1:-1, 0],
        w[:, 1],
        w[:, 2],
        w[1:, 3],
        scale=scale,
        background=bkg,
        threads=threads if threads > 0 else None,
    )
    return r.reshape(x.shape)


@functools.cache
def _compiled() -> Any:
    """Compile what stands around the kernels, once for all that have the same shapes: one dispatch outside of `jit`."""
    return host().jit(_computed, static_argnums=1)


def _computed(given: dict[str, Any], settings: Settings) -> Any:
    jax = host()
    numpy = jax.numpy
    arrays = {name: numpy.asarray(value) for name, value in given.items()}
    for name, array in arrays.items():
        if array.dtype.kind in "bc":
            message = f"{FUNCTION}: {name} must be real numbers; got dtype {array.dtype}"
            raise InvalidValueError(message)
    dtype = numpy.result_type(*given.values(), numpy.float32)
    lead, scalar = _checked(arrays)
    operands = []
    for name in OPERANDS:
        if name not in arrays:
            continue
        array = arrays[name].astype(dtype)
        length = _lengths(arrays)[name]
        if name in ("scale", "background"):
            array = array[..., None]
        elif array.ndim == 0:
            array = numpy.broadcast_to(array, (length,))
        stacked = lead if math.prod(lead) != 1 else ()
        ones = len(stacked) + 1 - array.ndim
        operands.append(array.reshape((1,) * ones + array.shape) if stacked else array.reshape(array.shape[-1:]))
    r = operation(settings)(*operands)
    return r.reshape(lead if scalar else (*lead, r.shape[-1]))


def _lengths(arrays: dict[str, Any]) -> dict[str, int]:
    """Return the length of each input's last axis as the kernels see it."""
    n = arrays["sld"].shape[-1] - 2
    n_q = arrays["q"].shape[-1] if arrays["q"].ndim else 1
    lengths = {"thickness": n, "sld": n + 2, "sld_imag": n + 2, "roughness": n + 1, "scale": 1, "background": 1}
    return lengths | {"q": n_q, "dq": n_q}


def _checked(arrays: dict[str, Any]) -> tuple[tuple[int, ...], bool]:
    """Return the batch shape, and whether q is a scalar, or raise."""
    if arrays["sld"].ndim == 0 or arrays["sld"].shape[-1] < 2:
        message = f"{FUNCTION}: sld must have shape (..., n + 2), fronting to backing; got shape {arrays['sld'].shape}"
        raise ShapeError(message)
    scalar = arrays["q"].ndim == 0
    leads = []
    for name, array in arrays.items():
        if name in ("scale", "background"):
            leads.append(array.shape)
            continue
        leads.append(array.shape[:-1])
        length = _lengths(arrays)[name]
        if array.ndim == 0 and name != "thickness":
            continue
        if array.shape[-1:] != (length,) or (name == "dq" and scalar):
            wanted = "the shape of q" if name == "dq" else f"{length} entries on its last axis (for the media of sld)"
            message = f"{FUNCTION}: {name} must have {wanted}; got shape {array.shape}"
            raise ShapeError(message)
    try:
        return np.broadcast_shapes(*leads), scalar
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items() if array.ndim)
        message = f"{FUNCTION}: leading (batch) dimensions must broadcast; got {shapes}"
        raise ShapeError(message) from error
