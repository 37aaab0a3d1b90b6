"""Interfaces of any shape as thin slices, which the ordinary kernels take, and the derivatives back through them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig import _core
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from kiessig.instrument import Resolution
from kiessig.interfaces.rules import Rule
from kiessig.interfaces.shapes import SHAPES, InterfaceShape, shape_named
from kiessig.interfaces.slice_map import FIELDS, SliceMap
from kiessig.kernel_calls import Gradient, Jacobian, prepare, real

__all__ = ["NEVOT_CROCE", "Microslices", "microslices"]

FloatArray = NDArray[np.float64]
Interface = str | InterfaceShape

NEVOT_CROCE = "nevot-croce"
"""Name of an interface that is not sliced: the kernels' own roughness factor stands for it."""

_UNIT = 4e-6 * math.pi
_ERRORS = (1e-8, 1e-2)
_CROSSING = 1e-3  # share of a neighbour that may reach past an interface that is not sliced, see `microslices`


def microslices(
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    interfaces: Interface | Sequence[Interface],
    q_max: float,
    error: float = 1e-5,
    like: Microslices | None = None,
) -> Microslices:
    r"""Slice interfaces of any shape, finely enough for an error bound.

    The profile is that of all interfaces together, which may overlap [1]_:

    .. math::

        \rho(z) = \rho_0 + \sum_j (\rho_{j+1} - \rho_j)\, g_j\bigl((z - z_j) / \sigma_j\bigr)

    Parameters
    ----------
    thickness, sld, sld_imag, roughness
        As in `reflectivity`. What a roughness means for a shape is told by `interfaces.shape_named`. ``sld_imag`` of
        the fronting is taken as 0 (as everywhere).
    interfaces : name or InterfaceShape, or a sequence of n + 1 of them
        Shape of every interface, from the fronting to the backing: "erf", "tanh", "linear", "exponential",
        "sinusoidal", "step", a shape of your own, or "nevot-croce" for an interface that is not sliced but keeps the
        kernels' roughness factor.
    q_max : float
        Largest absolute Q that will be asked for, 1/angstrom.
    error : float, optional
        Bound of the relative error of R, from 1e-8 to 1e-2; see Notes.
    like : Microslices, optional
        Take every interface into as many steps as there. A fit whose stack changes a little keeps R smooth that way:
        the number of steps is what else jumps, within the bound. `interfaces`, `q_max` and `error` have to be the same.

    Returns
    -------
    Microslices
        The slices, R and its derivatives with respect to the original stack.

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`; for a shape without a name, a `q_max` or `error` out of range, an interface that would need
        more than 1024 steps, and a "nevot-croce" that a neighbour's profile crosses.

    See Also
    --------
    kiessig.interfaces : the shapes.

    Notes
    -----
    An interface becomes a staircase whose steps are the nodes of a Gauss quadrature with the weight function g', at
    fixed positions in units of the roughness. Profiles that overlap are sums, and so are their staircases. For a given
    number of steps and order of all steps the slices are linear functions of the stack, and derivatives are exactly
    those of the sliced R.

    The error bound is one of the amplitude: :math:`|\sqrt{R} - \sqrt{R_{exact}}|` stays below ``error / 2`` times
    :math:`\sum_j |r_j| F_j`, the sum of all interfaces' Fresnel coefficients times their damping at Q: the largest
    Fourier component of g' at Q roughness or beyond, at least 1e-4. Of a single interface that is ``error`` relative
    to R. In the minima of fringes the relative error is larger.

    Nothing is left of the bound where the Fresnel coefficients of neighbouring "nevot-croce" interfaces are themselves
    approximations: slice those as "erf" instead. Steps of a neighbour that lie beyond a "nevot-croce" interface are an
    error where they carry more than 1e-3 of the neighbour's change.

    Where profiles of different widths overlap, the sum, and sld_imag with it, can leave the range of the media on both
    sides, down to below zero. That is taken literally, in `Microslices.sld_imag` and in R; the kernels called directly
    refuse a negative ``sld_imag``.

    Leading dimensions of the arrays are a batch: all of its stacks are taken into the same number of slices.

    References
    ----------
    .. [1] D. G. Stearns, J. Appl. Phys. 65, 491 (1989), doi:10.1063/1.343131

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> q = np.linspace(0.01, 0.3, 100)
    >>> slices = ks.microslices([100.0], [0.0, 3.47, 2.07], roughness=[3.0, 5.0], interfaces="tanh", q_max=0.3)
    >>> r, jacobian = slices.reflectivity_jacobian(q)
    >>> jacobian.roughness.shape
    (100, 2)
    """
    function = "microslices"
    # the arrays are checked by what checks them for the kernels
    given = prepare(function, 0.0, thickness, sld, sld_imag, roughness).given
    given = {name: given[name] for name in FIELDS}
    n = given["sld"].shape[-1] - 2
    shapes = _shapes(function, interfaces, n + 1)
    limit = _positive(function, "q_max", q_max, " 1/angstrom")
    bound = _positive(function, "error", error, "")
    if not _ERRORS[0] <= bound <= _ERRORS[1]:
        message = f"{function}: error must be from {_ERRORS[0]:g} to {_ERRORS[1]:g}; error = {bound!r}"
        raise InvalidValueError(message)
    if like is not None:
        if like.interfaces != shapes or like.q_max != limit or like.error != bound:
            message = f"{function}: like must have the same interfaces, q_max and error"
            raise InvalidValueError(message)
        return Microslices(given, shapes, limit, bound, like._rules)
    return Microslices(given, shapes, limit, bound, _rules(function, given, shapes, limit, bound))


class Microslices:
    """Slices that stand for interfaces of any shape.

    Made by `microslices` alone; the arguments are those of `kiessig.microslices`, checked.

    Attributes
    ----------
    thickness : float array, shape (..., s)
        Of the slices, angstrom. The first of them begins where the profile leaves the fronting, at ``depth[0]``.
    sld, sld_imag : float array, shape (..., s + 2)
        Of the fronting, the slices, and the backing, 1e-6/angstrom^2.
    roughness : float array, shape (..., s + 1)
        Zero but for interfaces that are not sliced, angstrom.
    depth : float array, shape (..., s + 1)
        Depths of the steps from the first interface, angstrom, in the beam's direction.
    steps : tuple of int
        Into how many each interface went.
    interfaces, q_max, error
        As given to `microslices`; one shape, or "nevot-croce", per interface.

    Notes
    -----
    `jacobian`, `gradient` and `tangents` are the chain rule alone, for other kernels that take slabs; the methods named
    as the kernels go all the way.
    """

    def __init__(
        self,
        given: Mapping[str, FloatArray],
        interfaces: tuple[Interface, ...],
        q_max: float,
        error: float,
        rules: tuple[Rule, ...],
    ) -> None:
        self._given, self.interfaces, self.q_max, self.error, self._rules = given, interfaces, q_max, error, rules
        self.steps = tuple(rule.nodes.size for rule in rules)
        lead = np.broadcast_shapes(*(array.shape[:-1] for array in given.values()))
        n = given["sld"].shape[-1] - 2
        lengths = {"thickness": n, "sld": n + 2, "sld_imag": n + 2, "roughness": n + 1}
        self._full = {name: np.broadcast_to(array, (*lead, lengths[name])) for name, array in given.items()}
        factor = np.array([shape == NEVOT_CROCE for shape in interfaces])
        self._map = SliceMap(self._full["thickness"], self._full["roughness"], rules, factor)
        self._check_order(self._map.interface)
        self.depth = self._map.depth
        slices = self._map.forward(self._full)
        self.thickness = np.diff(self.depth, axis=-1)  # never below 0, as differences of what is sorted
        self.sld, self.sld_imag, self.roughness = slices["sld"], slices["sld_imag"], slices["roughness"]

    def profile(self, z: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Compute the scattering length density against depth, before it was sliced.

        Parameters
        ----------
        z : float array, shape (n_z,)
            Depths in angstrom, in the beam's direction from the first interface.

        Returns
        -------
        sld, sld_imag : float array, shape (..., n_z)
            1e-6/angstrom^2. An interface that is not sliced is drawn as an error function.

        Raises
        ------
        InvalidValueError
            If `z` is not real and finite.

        Examples
        --------
        >>> import kiessig as ks
        >>> slices = ks.microslices([], [0.0, 2.0], roughness=4.0, interfaces="linear", q_max=0.3)
        >>> slices.profile([-10.0, 0.0, 10.0])[0]
        array([0., 1., 2.])
        """
        depths = np.atleast_1d(real("Microslices.profile", "z", z))
        shares = [np.ones((*self._map.centres.shape[:-1], depths.size))]
        for j, interface in enumerate(self.interfaces):
            distance = depths - self._map.centres[..., j, np.newaxis]
            width = np.broadcast_to(self._full["roughness"][..., j, np.newaxis], distance.shape)
            sharp = np.where(distance == 0.0, 0.0, np.copysign(np.inf, distance))
            with np.errstate(over="ignore"):  # far from a very narrow interface
                t = np.divide(distance, width, out=sharp, where=width > 0.0)
            shares.append(_shape(interface).profile(t))
        shares.append(np.zeros_like(shares[0]))
        of_media = -np.diff(np.stack(shares, axis=-1), axis=-1)
        absorption = self._full["sld_imag"][..., np.newaxis, 1:]
        sld = (of_media * self._full["sld"][..., np.newaxis, :]).sum(axis=-1)
        return sld, (of_media[..., 1:] * absorption).sum(axis=-1)

    def reflectivity(
        self,
        q: ArrayLike,
        *,
        scale: ArrayLike = 1.0,
        background: ArrayLike = 0.0,
        dq: ArrayLike | Resolution | None = None,
        threads: int | None = None,
    ) -> FloatArray:
        """Compute the reflectivity.

        Beyond the stack, the arguments are those of `kiessig.reflectivity`.

        Returns
        -------
        float64 array, shape (..., n_q)

        Raises
        ------
        ShapeError, InvalidValueError
            As `kiessig.reflectivity`; if `q` goes beyond ``q_max``, or below 0 with an absorbing fronting or backing
            (each is part of the slices from the one side only: slice the reversed stack).
        """
        call = self._prepare("Microslices.reflectivity", q, scale, background, dq, threads)
        r: FloatArray = call.points(call.run(_core.reflectivity))
        return r

    def reflectivity_jacobian(
        self,
        q: ArrayLike,
        *,
        scale: ArrayLike = 1.0,
        background: ArrayLike = 0.0,
        dq: ArrayLike | Resolution | None = None,
        threads: int | None = None,
    ) -> tuple[FloatArray, Jacobian]:
        """Compute the reflectivity and its derivatives with respect to every input of `microslices` and of this call.

        Beyond the stack, the arguments are those of `kiessig.reflectivity_jacobian`, and so is what is returned; raises
        as that and `reflectivity`. Derivatives with respect to the stack are those of what `microslices` was given.
        """
        call = self._prepare("Microslices.reflectivity_jacobian", q, scale, background, dq, threads)
        r, fields = call.run(_core.reflectivity_jacobian)
        trailing = {name: (call.lengths[name],) for name in FIELDS}
        # a scalar Q has an axis of its own here, so that batches of stacks and of points cannot be confused
        shaped = [
            None if array is None else array.reshape((*call.lead, call.n_q, *trailing.get(name, ())))
            for name, array in zip(Jacobian._fields, fields, strict=True)
        ]
        jacobian = self.jacobian(Jacobian._make(shaped))
        if call.scalar_q:
            axis = len(call.lead)
            jacobian = Jacobian._make(None if field is None else field.squeeze(axis) for field in jacobian)
        return call.points(r), jacobian

    def reflectivity_vjp(
        self,
        q: ArrayLike,
        *,
        cotangent: ArrayLike,
        scale: ArrayLike = 1.0,
        background: ArrayLike = 0.0,
        dq: ArrayLike | Resolution | None = None,
        threads: int | None = None,
    ) -> tuple[FloatArray, Gradient]:
        """Compute the reflectivity and the gradient of ``sum(cotangent * R)``.

        Beyond the stack, the arguments are those of `kiessig.reflectivity_vjp`, and so is what is returned; raises
        as that and `reflectivity`. Derivatives with respect to the stack are those of what `microslices` was given.
        """
        function = "Microslices.reflectivity_vjp"
        call = self._prepare(function, q, scale, background, dq, threads)
        weights = real(function, "cotangent", cotangent)
        shape = call.lead if call.scalar_q else (*call.lead, call.n_q)
        try:
            weights = np.broadcast_to(weights, shape)
        except ValueError as error:
            message = f"{function}: cotangent must broadcast to the result's shape {shape}; got shape {weights.shape}"
            raise ShapeError(message) from error
        rows = np.ascontiguousarray(weights).reshape(call.arguments["n_batch"], call.arguments["q"].shape[1])
        r, fields = call.run(_core.reflectivity_vjp, rows)
        reduced = [
            None if array is None else call.reduced(name, array)
            for name, array in zip(Gradient._fields, fields, strict=True)
        ]
        return call.points(r), self.gradient(Gradient._make(reduced))

    def reflectivity_jvp(
        self,
        q: ArrayLike,
        *,
        tangents: Mapping[str, ArrayLike],
        scale: ArrayLike = 1.0,
        background: ArrayLike = 0.0,
        dq: ArrayLike | Resolution | None = None,
        threads: int | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Compute the reflectivity and its derivative along a direction in the inputs.

        Beyond the stack, the arguments are those of `kiessig.reflectivity_jvp`, and so is what is returned; raises
        as that and `reflectivity`. Derivatives with respect to the stack are those of what `microslices` was given.
        """
        function = "Microslices.reflectivity_jvp"
        call = self._prepare(function, q, scale, background, dq, threads)
        rows = {}
        for name, tangent in self.tangents(tangents).items():
            if name not in call.given:
                message = f"{function}: tangents has 'dq', but no dq was given"
                raise InvalidValueError(message)
            rows[name] = call.rows(name, _spread(function, name, real(function, name, tangent), call.given[name].shape))
        r, dr = call.run(_core.reflectivity_jvp, rows)
        return call.points(r), call.points(dr)

    def jacobian(self, jacobian: Jacobian) -> Jacobian:
        """Turn derivatives with respect to the slices into those with respect to the original stack.

        Parameters
        ----------
        jacobian : Jacobian
            Of R with respect to the slices, as `kiessig.reflectivity_jacobian` returns it for an array of Q.

        Returns
        -------
        Jacobian
            Its fields q, scale, background and dq are those given.
        """
        return jacobian._replace(
            **self._map.transposed(jacobian.thickness, jacobian.sld, jacobian.sld_imag, jacobian.roughness)
        )

    def gradient(self, gradient: Gradient) -> Gradient:
        """Turn a gradient with respect to the slices into that with respect to the original stack.

        Parameters
        ----------
        gradient : Gradient
            With respect to the arrays of the slices, as `kiessig.reflectivity_vjp` returns it.

        Returns
        -------
        Gradient
            Its fields of the stack have the shapes of what was given to `microslices`.
        """
        slices = (gradient.thickness, gradient.sld, gradient.sld_imag, gradient.roughness)
        back = self._map.transposed(*(field[..., np.newaxis, :] for field in slices))
        summed = {name: _summed(field[..., 0, :], self._given[name].shape) for name, field in back.items()}
        return gradient._replace(**summed)

    def tangents(self, tangents: Mapping[str, ArrayLike]) -> dict[str, ArrayLike]:
        """Turn a direction in the original stack into the direction that the slices take.

        Parameters
        ----------
        tangents : mapping of input name to float array
            Arrays that broadcast to thickness, sld, sld_imag and roughness; names of other inputs of the kernels are
            passed through.

        Returns
        -------
        dict
            Arrays in the shapes of the slices for those of the four that move.

        Raises
        ------
        ShapeError, InvalidValueError, UnknownNameError
            For arrays that do not fit or are not finite, and for names that are no input.
        """
        function = "Microslices.tangents"
        moved: dict[str, ArrayLike] = {}
        full = {}
        for name, tangent in tangents.items():
            if name in FIELDS:
                given = _spread(function, name, real(function, f"tangents[{name!r}]", tangent), self._given[name].shape)
                full[name] = np.broadcast_to(given, self._full[name].shape)
            elif name in Jacobian._fields:
                moved[name] = tangent
            else:
                message = (
                    f"{function}: tangents names no input: {name!r}; known names are {', '.join(Jacobian._fields)}"
                )
                raise UnknownNameError(message)
        return moved | self._map.forward(full)

    def _check_order(self, interface: NDArray[np.intp]) -> None:
        """Raise where much of a neighbour's profile lies beyond an interface that is not sliced."""
        step = np.arange(interface.shape[-1])
        for j, shape in enumerate(self.interfaces):
            if shape != NEVOT_CROCE:
                continue
            place = np.argmax(interface == j, axis=-1)[..., np.newaxis]
            for other, rule in enumerate(self._rules):
                wrong = (interface == other) & ((step > place) if other < j else (step < place))
                count = int(wrong.sum(axis=-1).max())
                beyond = 1.0 - rule.levels[-1 - count] if other < j else rule.levels[count]
                if beyond > _CROSSING:
                    message = (
                        f"microslices: interfaces[{j}] = {NEVOT_CROCE!r} must lie outside its neighbours' profiles; "
                        f"{beyond:.2g} of the change at interface {other} lies beyond it; name it 'erf' to slice it too"
                    )
                    raise InvalidValueError(message)

    def _prepare(
        self,
        function: str,
        q: ArrayLike,
        scale: ArrayLike,
        background: ArrayLike,
        dq: ArrayLike | Resolution | None,
        threads: int | None,
    ) -> Any:
        """Return the call of a kernel with the slices, whose absorption may be negative."""
        absorption = np.abs(self.sld_imag)
        call = prepare(
            function, q, self.thickness, self.sld, absorption, self.roughness, scale, background, dq, threads
        )
        # R is even in the wavevector of a slice, so that the sign of its imaginary part does not matter to the kernels
        call.arguments["sld_imag"] = call.rows("sld_imag", self.sld_imag)
        points = call.given["q"]
        if np.max(np.abs(points), initial=0.0) > self.q_max:
            where = float(points.reshape(-1)[np.argmax(np.abs(points))])
            message = f"{function}: q must not exceed q_max = {self.q_max!r} of the slices; got {where!r} 1/angstrom"
            raise InvalidValueError(message)
        if np.min(points, initial=0.0) < 0.0 and self._full["sld_imag"][..., [0, -1]].any():
            message = (
                f"{function}: q must not be negative where fronting or backing absorb; got "
                f"q = {float(points.min())!r} 1/angstrom; slice the reversed stack instead"
            )
            raise InvalidValueError(message)
        return call


def _shape(interface: Interface) -> InterfaceShape:
    if isinstance(interface, InterfaceShape):
        return interface
    return shape_named("erf" if interface == NEVOT_CROCE else interface)


def _shapes(function: str, given: Interface | Sequence[Interface], n: int) -> tuple[Interface, ...]:
    """One shape, or the name of what is not sliced, per interface."""
    listed = [given] * n if isinstance(given, str | InterfaceShape) else list(given)
    if len(listed) != n:
        message = f"{function}: interfaces must be one shape or one for each of the {n} interfaces; got {len(listed)}"
        raise ShapeError(message)
    found: list[Interface] = []
    for j, interface in enumerate(listed):
        if isinstance(interface, InterfaceShape) or interface == NEVOT_CROCE:
            found.append(interface)
        elif interface in SHAPES:
            found.append(shape_named(interface))
        else:
            names = ", ".join(map(repr, (*SHAPES, NEVOT_CROCE)))
            message = f"{function}: interfaces[{j}] must be an InterfaceShape or one of {names}; got {interface!r}"
            raise InvalidValueError(message)
    return tuple(found)


def _positive(function: str, name: str, given: float, unit: str) -> float:
    number = real(function, name, given)
    if number.ndim or not number > 0.0:
        message = f"{function}: {name} must be one positive number; {name} = {given!r}{unit}"
        raise InvalidValueError(message)
    return float(number)


def _rules(
    function: str, given: Mapping[str, FloatArray], interfaces: tuple[Interface, ...], q_max: float, error: float
) -> tuple[Rule, ...]:
    """Choose the steps of every interface for the stack of a batch that needs most of them."""
    sharp = Rule(np.zeros(1), np.array([0.0, 1.0]))
    spread = np.ptp(given["sld"], axis=-1).max(initial=0.0) + given["sld_imag"].max(initial=0.0)
    contrast = _UNIT * float(spread)
    # a wave in a medium of lower SLD is shorter, and one that decays is as steep
    steepest = math.sqrt(q_max**2 + 4.0 * contrast)
    widths = np.broadcast_to(given["roughness"], (*given["roughness"].shape[:-1], len(interfaces)))
    chosen = []
    for j, interface in enumerate(interfaces):
        width = float(np.max(widths[..., j], initial=0.0))
        rule = sharp
        if interface != NEVOT_CROCE:
            found = _shape(interface).rules(error).choose(width * steepest, contrast * width**2)
            if found is None:
                message = (
                    f"{function}: roughness[{j}] = {width!r} angstrom needs too many steps up to "
                    f"q_max = {q_max!r} 1/angstrom; use a smaller q_max or a larger error"
                )
                raise InvalidValueError(message)
            rule = found
        chosen.append(rule)
    return tuple(chosen)


def _spread(function: str, name: str, tangent: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    try:
        return np.broadcast_to(tangent, shape)
    except ValueError as error:
        message = f"{function}: tangents[{name!r}] must broadcast to {name}, shape {shape}; got shape {tangent.shape}"
        raise ShapeError(message) from error


def _summed(array: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Sum over what an input of this shape was broadcast to."""
    array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    kept = tuple(axis for axis, length in enumerate(shape) if length == 1 and array.shape[axis] != 1)
    return np.ascontiguousarray(array.sum(axis=kept, keepdims=True)).reshape(shape)
