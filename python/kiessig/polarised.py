"""Arrays in, arrays out: specular reflectivity of polarised neutrons from magnetic samples, and its derivatives."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig import _core
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from kiessig.instrument import Resolution
from kiessig.kernel_calls import FloatArray, plainly, prepare, real
from kiessig.polarisation import (
    Channels,
    Efficiencies,
    EfficiencyDerivatives,
    efficiency_arrays,
    mixed,
    mixed_derivatives,
    mixed_transposed,
)

__all__ = [
    "PolarisedGradient",
    "PolarisedJacobian",
    "polarised_reflectivity",
    "polarised_reflectivity_jacobian",
    "polarised_reflectivity_jvp",
    "polarised_reflectivity_vjp",
]


class PolarisedJacobian(NamedTuple):
    """Derivatives of one channel at each point; ``n`` inner layers, ``n_q`` points, leading batch dimensions ``...``.

    Attributes
    ----------
    thickness : float array, shape (..., n_q, n)
    sld, sld_imag : float array, shape (..., n_q, n + 2)
    roughness : float array, shape (..., n_q, n + 1)
    sld_magnetic, theta_m, phi_m : float array, shape (..., n_q, n + 2)
        Those of the angles per degree.
    guide_angle, field : float array, shape (..., n_q)
        Per degree and per tesla, of the point's stack.
    q, scale, background : float array, shape (..., n_q)
        With respect to the point's own Q, and to the scale and background of its stack.
    dq : float array, shape (..., n_q), or None
        With respect to the point's own resolution; None where none was given.
    polariser, polariser_flipper, analyser, analyser_flipper : float array, shape (..., n_q), or None
        With respect to the efficiencies that hold for the point; None where none were given.
    """

    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray
    sld_magnetic: FloatArray
    theta_m: FloatArray
    phi_m: FloatArray
    guide_angle: FloatArray
    field: FloatArray
    q: FloatArray
    scale: FloatArray
    background: FloatArray
    dq: FloatArray | None
    polariser: FloatArray | None = None
    polariser_flipper: FloatArray | None = None
    analyser: FloatArray | None = None
    analyser_flipper: FloatArray | None = None


class PolarisedGradient(NamedTuple):
    """Derivatives of one number with respect to every input, each in the shape of that input as it was given."""

    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray
    sld_magnetic: FloatArray
    theta_m: FloatArray
    phi_m: FloatArray
    guide_angle: FloatArray
    field: FloatArray
    q: FloatArray
    scale: FloatArray
    background: FloatArray
    dq: FloatArray | None
    polariser: FloatArray | None = None
    polariser_flipper: FloatArray | None = None
    analyser: FloatArray | None = None
    analyser_flipper: FloatArray | None = None


_CORE_FIELDS = PolarisedJacobian._fields[:13]
_ACROSS = 1e-9  # of a magnetic SLD: what is left of it across the field after rounding of the angles


def polarised_reflectivity(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    sld_magnetic: ArrayLike = 0.0,
    theta_m: ArrayLike = 90.0,
    phi_m: ArrayLike = 0.0,
    guide_angle: ArrayLike = 90.0,
    field: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    efficiencies: Efficiencies | None = None,
    threads: int | None = None,
) -> Channels[FloatArray]:
    r"""Compute the four spin-dependent specular reflectivities of layered magnetic samples.

    Solves the neutron's wave equation with the spin-dependent potential of every medium [1]_ [2]_

    .. math::

        V_j = 4\pi (\rho_j - i \rho'_j + \mathbf{b}_j \cdot \boldsymbol{\sigma}), \qquad
        \mathbf{b}_j = \rho^m_j \cos\varphi_j (\cos\theta_j, \sin\theta_j, 0) + 2.31604654\, \mathbf{H}

    in any direction of field and magnetisation, with Névot and Croce's factor [3]_ for every pair of spin states at a
    rough interface, and evaluates ``scale * smeared(R) + background``. In the sample's frame z is the surface normal
    (parallel to Q), and the guide field, the axis of the channels, lies in the (y, z) plane at `guide_angle` to z.

    Parameters
    ----------
    q : float array, shape (..., n_q)
        Momentum transfer, 1/angstrom: twice the normal wavevector of the incident neutron. A negative value is seen
        from the back: the reversed stack at ``|q|`` in the same fields. ``q = 0`` gives 1 without spin flip.
    thickness : float array, shape (..., n)
        Thickness of the inner layers, angstrom, non-negative; ``[]`` for a single interface.
    sld : float array, shape (..., n + 2)
        Nuclear scattering length density of all media, 1e-6/angstrom^2.
    sld_imag : float array, shape (..., n + 2), or scalar
        Its imaginary part, non-negative: positive absorbs. That of the fronting is ignored.
    roughness : float array, shape (..., n + 1), or scalar
        Width (1 sigma of the error function) of the interface between media j and j + 1, angstrom, non-negative.
    sld_magnetic : float array, shape (..., n + 2), or scalar
        Magnetic scattering length density of all media, 1e-6/angstrom^2: in proportion to the magnetisation.
    theta_m : float array, shape (..., n + 2), or scalar
        Angle from x to the part of the magnetisation in the plane, degrees (ORSO's thetaM): 90 is parallel to a guide
        field in the plane.
    phi_m : float array, shape (..., n + 2), or scalar
        Angle of the magnetisation out of the plane, degrees: the part in the plane, which alone counts, is its cosine;
        see Notes.
    guide_angle : float array, shape (...)
        Angle from the surface normal to the guide field, degrees (ORSO's AGUIDE): 90 in the plane, 0 along the normal.
    field : float array, shape (...)
        Field along the guide field in all media, tesla; splits the energies of the spins.
    scale, background : float array, shape (...), optional
        Per stack, the same for all channels.
    dq : float array broadcastable to q, or Resolution, optional
        Width (1 sigma) of the Gaussian resolution, 1/angstrom. None and 0: no smearing.
    efficiencies : Efficiencies, optional
        Of polariser, analyser and flippers, broadcastable to the result; None: perfect ones.
    threads : int, optional
        Threads to use; None chooses by the amount of work.

    Returns
    -------
    Channels
        ``.pp``, ``.pm``, ``.mp``, ``.mm`` (incident then scattered spin, + parallel to the guide field), each a
        float64 array of shape (..., n_q).

    Raises
    ------
    ShapeError
        Where shapes do not fit together.
    InvalidValueError
        For values that are not finite, negative where that has no meaning, or not real numbers, and where the medium
        that the beam comes through is magnetised across the guide field: its spin states are then not + and -.

    See Also
    --------
    polarised_reflectivity_jacobian, polarised_reflectivity_vjp, polarised_reflectivity_jvp : with derivatives.
    kiessig.reflectivity : of unpolarised beams and samples without magnetisation.

    Notes
    -----
    The reflectivity is the squared modulus of the amplitude. With spin flip in a field the wavevectors before and after
    differ, and the intensity at a detector is their ratio times that, zero where the scattered spin cannot propagate
    (incident -, Q below 0.0153 times the square root of the field in tesla); this factor is not included.

    The normal component of the induction is the same in all media of a laterally uniform sample: the demagnetising
    field undoes a magnetisation along the normal, and the neutron meets the part in the plane alone.

    References
    ----------
    .. [1] C. F. Majkrzak, K. V. O'Donovan, N. F. Berk, Polarized Neutron Reflectometry, in Neutron Scattering from
       Magnetic Materials (Elsevier, 2006), p. 397, doi:10.1016/B978-044451050-1/50010-0
    .. [2] B. B. Maranville et al., J. Appl. Cryst. 49, 1121 (2016), doi:10.1107/S1600576716007135
    .. [3] L. Névot, P. Croce, Rev. Phys. Appl. 15, 761 (1980), doi:10.1051/rphysap:01980001503076100

    Examples
    --------
    >>> import kiessig as ks
    >>> film = {"thickness": [200.0], "sld": [0.0, 8.0, 2.07], "sld_magnetic": [0.0, 5.0, 0.0]}
    >>> r = ks.polarised_reflectivity([0.02, 0.05], **film, theta_m=45.0)
    >>> r.pp.shape, bool((r.pm > 0).all())
    ((2,), True)
    """
    if efficiencies is None:
        nuclear = (q, thickness, sld, sld_imag, roughness, scale, background, dq, threads)
        arguments = (*nuclear, sld_magnetic, theta_m, phi_m, guide_angle, field)
        found = plainly(_core.plain_polarised_reflectivity, arguments)
        if found is not None:
            return Channels._make(found)
    call = _prepare(
        "polarised_reflectivity",
        (q, thickness, sld, sld_imag, roughness, scale, background, dq, threads),
        (sld_magnetic, theta_m, phi_m, guide_angle, field),
        efficiencies,
    )
    r = _split(call, call.run(_core.polarised_reflectivity))
    return r if efficiencies is None else mixed(efficiencies, r)


def polarised_reflectivity_jacobian(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    sld_magnetic: ArrayLike = 0.0,
    theta_m: ArrayLike = 90.0,
    phi_m: ArrayLike = 0.0,
    guide_angle: ArrayLike = 90.0,
    field: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    efficiencies: Efficiencies | None = None,
    threads: int | None = None,
) -> tuple[Channels[FloatArray], Channels[PolarisedJacobian]]:
    """Compute the four reflectivities and their derivatives with respect to every input.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, sld_magnetic, theta_m, phi_m, guide_angle, field
        As in `polarised_reflectivity`.
    scale, background, dq, efficiencies, threads
        As in `polarised_reflectivity`.

    Returns
    -------
    r : Channels of float64 arrays, shape (..., n_q)
    jacobian : Channels of PolarisedJacobian
        Exact derivatives, channel by channel and field by field: ``jacobian.pm.theta_m``.

    Raises
    ------
    ShapeError, InvalidValueError
        As `polarised_reflectivity`.

    Notes
    -----
    Derivatives with respect to angles and to the magnetic SLD are finite where it vanishes and where everything is
    aligned. A change of the magnetisation of the medium that the beam comes through acts by its component along the
    guide field.

    Examples
    --------
    >>> import kiessig as ks
    >>> film = {"thickness": [200.0], "sld": [0.0, 8.0, 2.07], "sld_magnetic": [0.0, 5.0, 0.0]}
    >>> r, jacobian = ks.polarised_reflectivity_jacobian([0.02, 0.05], **film, theta_m=45.0)
    >>> jacobian.pm.theta_m.shape, jacobian.pp.field.shape
    ((2, 3), (2,))
    """
    call = _prepare(
        "polarised_reflectivity_jacobian",
        (q, thickness, sld, sld_imag, roughness, scale, background, dq, threads),
        (sld_magnetic, theta_m, phi_m, guide_angle, field),
        efficiencies,
    )
    values, fields = call.run(_core.polarised_jacobian)
    r = _split(call, values)
    columns: list[Channels[Any]] = []
    for name, array in zip(_CORE_FIELDS, fields, strict=True):
        if array is None:
            columns.append(Channels(None, None, None, None))
            continue
        trailing = (call.lengths[name],) if name in _PER_LAYER else ()
        column = _split(call, array, *trailing)
        columns.append(column if efficiencies is None else mixed(efficiencies, column, len(trailing)))
    if efficiencies is not None:
        shape = r.pp.shape
        columns += [
            Channels._make(np.array(np.broadcast_to(array, shape)) for array in column)
            for column in mixed_derivatives(efficiencies, r)
        ]
        r = mixed(efficiencies, r)
    return r, Channels._make(PolarisedJacobian(*(column[c] for column in columns)) for c in range(4))


def polarised_reflectivity_vjp(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    cotangent: Channels[ArrayLike] | Mapping[str, ArrayLike],
    sld_magnetic: ArrayLike = 0.0,
    theta_m: ArrayLike = 90.0,
    phi_m: ArrayLike = 0.0,
    guide_angle: ArrayLike = 90.0,
    field: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    efficiencies: Efficiencies | None = None,
    threads: int | None = None,
) -> tuple[Channels[FloatArray], PolarisedGradient]:
    """Compute the four reflectivities and the gradient of a number that depends on them (reverse mode).

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, sld_magnetic, theta_m, phi_m, guide_angle, field
        As in `polarised_reflectivity`.
    cotangent : Channels of float arrays, or mapping of channel name to float array
        Derivatives of that number with respect to the result, each broadcastable to (..., n_q). Channels that a mapping
        leaves out do not enter.
    scale, background, dq, efficiencies, threads
        As in `polarised_reflectivity`.

    Returns
    -------
    r : Channels of float64 arrays, shape (..., n_q)
    gradient : PolarisedGradient
        Summed over points, channels and whatever an input was broadcast to: each field has the shape of its input.

    Raises
    ------
    ShapeError, InvalidValueError
        As `polarised_reflectivity`.
    UnknownNameError
        For a cotangent of something that is not a channel.

    Examples
    --------
    >>> import kiessig as ks
    >>> film = {"thickness": [200.0], "sld": [0.0, 8.0, 2.07], "sld_magnetic": [0.0, 5.0, 0.0]}
    >>> weights = {"pp": 1.0, "mm": -1.0}
    >>> r, gradient = ks.polarised_reflectivity_vjp([0.02, 0.05], **film, theta_m=45.0, cotangent=weights)
    >>> gradient.sld_magnetic.shape, gradient.theta_m.shape
    ((3,), ())
    """
    function = "polarised_reflectivity_vjp"
    call = _prepare(
        function,
        (q, thickness, sld, sld_imag, roughness, scale, background, dq, threads),
        (sld_magnetic, theta_m, phi_m, guide_angle, field),
        efficiencies,
    )
    rows = [call.weights(f"cotangent.{name}", array) for name, array in _named(function, cotangent).items()]
    weights: Channels[FloatArray] = Channels._make(call.points(row) for row in rows)
    through = weights if efficiencies is None else mixed_transposed(efficiencies, weights)
    stacked = np.stack([np.ascontiguousarray(array).reshape(rows[0].shape) for array in through], axis=1)
    values, fields = call.run(_core.polarised_vjp, stacked)
    r = _split(call, values)
    gradient: list[FloatArray | None] = [
        None if array is None else call.reduced(name, array) for name, array in zip(_CORE_FIELDS, fields, strict=True)
    ]
    if efficiencies is not None:
        derivatives = mixed_derivatives(efficiencies, r)
        for array, column in zip(efficiency_arrays(efficiencies), derivatives, strict=True):
            terms = sum(weight * slope for weight, slope in zip(weights, column, strict=True))
            gradient.append(_summed(np.asarray(terms), array.shape))
        r = mixed(efficiencies, r)
    return r, PolarisedGradient(*gradient)  # type: ignore[arg-type]  # None only where PolarisedGradient allows it


def polarised_reflectivity_jvp(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    tangents: Mapping[str, ArrayLike],
    sld_magnetic: ArrayLike = 0.0,
    theta_m: ArrayLike = 90.0,
    phi_m: ArrayLike = 0.0,
    guide_angle: ArrayLike = 90.0,
    field: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    efficiencies: Efficiencies | None = None,
    threads: int | None = None,
) -> tuple[Channels[FloatArray], Channels[FloatArray]]:
    """Compute the four reflectivities and their derivatives along a direction in the inputs.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, sld_magnetic, theta_m, phi_m, guide_angle, field
        As in `polarised_reflectivity`.
    tangents : mapping of input name to float array
        The direction: for any of the inputs, efficiencies by their own names, an array that broadcasts to that input;
        inputs left out do not move.
    scale, background, dq, efficiencies, threads
        As in `polarised_reflectivity`.

    Returns
    -------
    r, dr : Channels of float64 arrays, shape (..., n_q)

    Raises
    ------
    ShapeError, InvalidValueError
        As `polarised_reflectivity`.
    UnknownNameError
        For a tangent of something that is not an input.

    Examples
    --------
    >>> import kiessig as ks
    >>> film = {"thickness": [200.0], "sld": [0.0, 8.0, 2.07], "sld_magnetic": [0.0, 5.0, 0.0]}
    >>> r, dr = ks.polarised_reflectivity_jvp([0.02, 0.05], **film, tangents={"theta_m": 1.0})
    >>> dr.pm.shape
    (2,)
    """
    function = "polarised_reflectivity_jvp"
    call = _prepare(
        function,
        (q, thickness, sld, sld_imag, roughness, scale, background, dq, threads),
        (sld_magnetic, theta_m, phi_m, guide_angle, field),
        efficiencies,
    )
    names = EfficiencyDerivatives._fields if efficiencies is not None else ()
    of_devices = {name: value for name, value in tangents.items() if name in names}
    of_stack = {name: value for name, value in tangents.items() if name not in names}
    known = (*_CORE_FIELDS, *EfficiencyDerivatives._fields)
    values, slopes = call.run(_core.polarised_jvp, call.tangents(of_stack, known))
    r, dr = _split(call, values), _split(call, slopes)
    if efficiencies is None:
        return r, dr
    total = list(mixed(efficiencies, dr))
    derivatives = mixed_derivatives(efficiencies, r)
    arrays = efficiency_arrays(efficiencies)
    for name, value in of_devices.items():
        tangent = real(function, f"tangents[{name!r}]", value)
        shape = getattr(arrays, name).shape
        try:
            tangent = np.broadcast_to(tangent, shape)
        except ValueError as error:
            message = (
                f"{function}: tangents[{name!r}] must broadcast to {name}, shape {shape}; got shape {tangent.shape}"
            )
            raise ShapeError(message) from error
        total = [sum_ + slope * tangent for sum_, slope in zip(total, getattr(derivatives, name), strict=True)]
    return mixed(efficiencies, r), Channels._make(total)


_PER_LAYER = ("thickness", "sld", "sld_imag", "roughness", "sld_magnetic", "theta_m", "phi_m")


def _prepare(
    function: str, nuclear: tuple[Any, ...], magnetic: tuple[ArrayLike, ...], efficiencies: Efficiencies | None
) -> Any:
    q, thickness, sld, sld_imag, roughness, scale, background, dq, threads = nuclear
    names = ("sld_magnetic", "theta_m", "phi_m", "guide_angle", "field")
    call = prepare(
        function,
        *(q, thickness, sld, sld_imag, roughness, scale, background, dq, threads),
        more=dict(zip(names, magnetic, strict=True)),
    )
    _check_incident_medium(function, call.arguments)
    if efficiencies is None:
        return call
    if not isinstance(efficiencies, Efficiencies):
        message = f"{function}: efficiencies must be kiessig.Efficiencies or None; got {type(efficiencies).__name__}"
        raise InvalidValueError(message)
    shape = call.lead if call.scalar_q else (*call.lead, call.n_q)
    for name, array in zip(EfficiencyDerivatives._fields, efficiency_arrays(efficiencies), strict=True):
        try:
            fits = np.broadcast_shapes(array.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            message = f"{function}: {name} must broadcast to the result's shape {shape}; got shape {array.shape}"
            raise ShapeError(message)
    return call


def _check_incident_medium(function: str, arguments: Mapping[str, Any]) -> None:
    """Raise where the medium that a beam comes through is magnetised across the guide field."""
    q = arguments["q"]
    for name, medium, used in (("fronting", 0, q >= 0.0), ("backing", -1, q < 0.0)):
        size = arguments["sld_magnetic"][:, medium]
        if not size.any() or not used.any():
            continue
        theta, phi = (np.radians(arguments[angle][:, medium]) for angle in ("theta_m", "phi_m"))
        guide = np.radians(arguments["guide_angle"][:, 0])
        x = np.cos(phi) * np.cos(theta)
        y = np.cos(phi) * np.sin(theta) * np.cos(guide)
        across = np.hypot(x, y)
        wrong = (size != 0.0) & (across > _ACROSS) & used.any(axis=1)
        if wrong.any():
            part = float(np.max(np.where(wrong, np.abs(size * across), 0.0)))
            message = (
                f"{function}: the {name}, through which the beam comes, must be magnetised along the guide field or "
                f"not at all; sld_magnetic[..., {medium}] has a part of {part:.3g} across it"
            )
            raise InvalidValueError(message)


def _split(call: Any, array: NDArray[Any], *trailing: int) -> Channels[FloatArray]:
    """Output (n_batch, 4, n_q, ...) of the core as one array per channel in the caller's shape."""
    return Channels._make(call.points(np.ascontiguousarray(array[:, c]), *trailing) for c in range(4))


def _named(function: str, cotangent: Channels[ArrayLike] | Mapping[str, ArrayLike]) -> dict[str, ArrayLike]:
    """Return the cotangent of every channel, or raise."""
    if isinstance(cotangent, Channels):
        return cotangent._asdict()
    if not isinstance(cotangent, Mapping):
        message = (
            f"{function}: cotangent must be kiessig.Channels or a mapping of channel name to array; "
            f"got {type(cotangent).__name__}"
        )
        raise InvalidValueError(message)
    for name in cotangent:
        if name not in Channels._fields:
            near = difflib.get_close_matches(str(name), Channels._fields, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known names are {', '.join(Channels._fields)}"
            message = f"{function}: cotangent names no channel: {name!r}{hint}"
            raise UnknownNameError(message)
    return {name: cotangent.get(name, 0.0) for name in Channels._fields}


def _summed(array: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Sum over the axes along which something of `shape` was broadcast to the array."""
    array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    kept = tuple(axis for axis, length in enumerate(shape) if length == 1 and array.shape[axis] != 1)
    return np.array(array.sum(axis=kept, keepdims=True) if kept else array).reshape(shape)
