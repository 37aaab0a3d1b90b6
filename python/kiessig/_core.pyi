from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_FloatArray: TypeAlias = NDArray[np.float64]
# What `kiessig.kernels` prepares: C-contiguous float64 arrays of shape (1 or n_batch, length) for q, thickness, sld,
# sld_imag, roughness, scale, background and dq (or None), the integers n_batch and threads, and the plan (or None).
_Arguments: TypeAlias = dict[str, Any]
# One array per field of `kiessig.Jacobian`, in its order; the last, dq, is None where none was given. Of Jacobians
# those whose bit stands in the integer `fields` (all, where arguments do not hold it), None for the others.
_Fields: TypeAlias = tuple[_FloatArray | None, ...]

__version__: str

class Plan:
    def __init__(self) -> None: ...
    def __getstate__(self) -> tuple[()]: ...
    def __setstate__(self, state: tuple[()], /) -> None: ...

# What `jax.ffi.register_ffi_target` takes, by name.
def xla_handlers() -> dict[str, Any]: ...
def instruction_set() -> str: ...
def elementary_functions(
    x: _FloatArray,
) -> tuple[_FloatArray, _FloatArray, _FloatArray, _FloatArray, _FloatArray]: ...
def reflectivity(arguments: _Arguments) -> _FloatArray: ...
def reflectivity_float(arguments: _Arguments) -> NDArray[np.float32]: ...
def amplitude(arguments: _Arguments) -> NDArray[np.complex128]: ...
def reflectivity_jacobian(arguments: _Arguments) -> tuple[_FloatArray, _Fields]: ...
def reflectivity_vjp(arguments: _Arguments, cotangent: _FloatArray) -> tuple[_FloatArray, _Fields]: ...
def reflectivity_misfit(
    arguments: _Arguments, r: _FloatArray, dr: _FloatArray | None
) -> tuple[_FloatArray, _Fields]: ...
def reflectivity_jvp(arguments: _Arguments, tangents: dict[str, _FloatArray]) -> tuple[_FloatArray, _FloatArray]: ...
def amplitude_jacobian(arguments: _Arguments) -> tuple[NDArray[np.complex128], tuple[NDArray[np.complex128], ...]]: ...
def amplitude_vjp(
    arguments: _Arguments, cotangent: NDArray[np.complex128]
) -> tuple[NDArray[np.complex128], tuple[_FloatArray, ...]]: ...
def field(arguments: _Arguments, z: _FloatArray) -> NDArray[np.complex128]: ...
def absorption(arguments: _Arguments) -> tuple[_FloatArray, _FloatArray, _FloatArray]: ...
def penetration_depth(arguments: _Arguments) -> _FloatArray: ...

# Channels pp, pm, mp, mm are the second axis; there are rows sld_magnetic, theta_m, phi_m, guide_angle and field, too.
# Fields in the order of the first thirteen of `kiessig.polarised.PolarisedJacobian`.
def polarised_reflectivity(arguments: _Arguments) -> _FloatArray: ...
def polarised_jacobian(arguments: _Arguments) -> tuple[_FloatArray, _Fields]: ...
def polarised_vjp(arguments: _Arguments, cotangent: _FloatArray) -> tuple[_FloatArray, _Fields]: ...
def polarised_jvp(arguments: _Arguments, tangents: dict[str, _FloatArray]) -> tuple[_FloatArray, _FloatArray]: ...

# Rows hold those of all patches, one after the other; there are a row weights and a list layers of the patches' numbers
# of inner layers, too. Fields in the order of `kiessig.MixtureJacobian`.
def mixture_reflectivity(arguments: _Arguments) -> _FloatArray: ...
def mixture_jacobian(arguments: _Arguments) -> tuple[_FloatArray, _Fields]: ...
def mixture_vjp(arguments: _Arguments, cotangent: _FloatArray) -> tuple[_FloatArray, _Fields]: ...
def mixture_jvp(arguments: _Arguments, tangents: dict[str, _FloatArray]) -> tuple[_FloatArray, _FloatArray]: ...

# The user's arguments as they are; None where they are not plain vectors and numbers, or not valid.
def plain_reflectivity(
    q: object,
    thickness: object,
    sld: object,
    sld_imag: object,
    roughness: object,
    scale: object,
    background: object,
    dq: object,
    threads: object,
    plan: Plan | None,
    /,
) -> _FloatArray | None: ...
def plain_reflectivity_float(
    q: object,
    thickness: object,
    sld: object,
    sld_imag: object,
    roughness: object,
    scale: object,
    background: object,
    threads: object,
    /,
) -> NDArray[np.float32] | None: ...
def plain_jacobian(
    q: object,
    thickness: object,
    sld: object,
    sld_imag: object,
    roughness: object,
    scale: object,
    background: object,
    dq: object,
    threads: object,
    plan: Plan | None,
    fields: int,
    /,
) -> tuple[_FloatArray, _Fields] | None: ...
def plain_vjp(
    cotangent: object,
    q: object,
    thickness: object,
    sld: object,
    sld_imag: object,
    roughness: object,
    scale: object,
    background: object,
    dq: object,
    threads: object,
    plan: Plan | None,
    /,
) -> tuple[_FloatArray, _Fields] | None: ...
def plain_misfit(
    r: object,
    dr: object,
    q: object,
    thickness: object,
    sld: object,
    sld_imag: object,
    roughness: object,
    scale: object,
    background: object,
    dq: object,
    threads: object,
    plan: Plan | None,
    /,
) -> tuple[float, _Fields] | None: ...
def plain_polarised_reflectivity(
    q: object,
    thickness: object,
    sld: object,
    sld_imag: object,
    roughness: object,
    scale: object,
    background: object,
    dq: object,
    threads: object,
    sld_magnetic: object,
    theta_m: object,
    phi_m: object,
    guide_angle: object,
    field: object,
    /,
) -> tuple[_FloatArray, _FloatArray, _FloatArray, _FloatArray] | None: ...

class Tensors:
    def __init__(self, exchange: object, types: tuple[type, ...]) -> None: ...
    def reflectivity(
        self,
        differentiates: bool,
        most: int,
        q: object,
        thickness: object,
        sld: object,
        sld_imag: object,
        roughness: object,
        scale: object,
        background: object,
        dq: object,
        threads: object,
        /,
    ) -> tuple[_FloatArray, list[int], list[_FloatArray] | None] | None: ...
    def gradients(
        self, cotangent: object, places: list[int], fields: list[_FloatArray], /
    ) -> list[_FloatArray] | None: ...

class Tape:
    def __init__(
        self,
        n_inputs: int,
        steps: NDArray[np.int32],
        constants: _FloatArray,
        outputs: NDArray[np.int32],
    ) -> None: ...
    @property
    def n_inputs(self) -> int: ...
    @property
    def n_outputs(self) -> int: ...
    def values(self, x: _FloatArray, /) -> _FloatArray: ...
    def jacobian(self, x: _FloatArray, /) -> tuple[_FloatArray, _FloatArray]: ...
    def hessian(self, x: _FloatArray, weights: _FloatArray, /) -> _FloatArray: ...
