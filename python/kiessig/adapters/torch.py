"""Reflectivity for PyTorch: a differentiable function of tensors on the CPU.

PyTorch is imported by the first call.
"""

from __future__ import annotations

from typing import Any

from kiessig._inputs import checked_threads
from kiessig.adapters._torch_function import FUNCTION, OPERANDS, Settings, computed, host, plainly_computed
from kiessig.errors import InvalidValueError

__all__ = ["reflectivity"]


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
) -> Any:
    """Compute the specular reflectivity of layered samples as a differentiable function of tensors.

    The same numbers as `kiessig.reflectivity`. ``backward``, ``torch.autograd.grad``, forward-mode differentiation and
    ``torch.func``'s ``grad``, ``vjp``, ``jvp``, ``jacrev``, ``jacfwd`` and ``vmap``, nested and over any argument, work
    on it.

    Parameters
    ----------
    q : tensor, shape (..., n_q)
        Momentum transfer, 1/angstrom; a scalar, too.
    thickness : tensor, shape (..., n)
        Of the inner layers, angstrom, non-negative.
    sld : tensor, shape (..., n + 2)
        Scattering length density of all media from fronting to backing, 1e-6/angstrom^2.
    sld_imag : tensor, shape (..., n + 2), or scalar
        Its imaginary part, non-negative: positive absorbs.
    roughness : tensor, shape (..., n + 1), or scalar
        Width (1 sigma) of the interfaces, angstrom, non-negative.
    scale, background : tensor, shape (...), optional
        Per stack: ``scale * R + background``.
    dq : tensor broadcastable to q, optional
        Width (1 sigma) of the Gaussian resolution, 1/angstrom; None for none.
    threads : int, optional
        Threads to use; None chooses by the amount of work.

    Returns
    -------
    tensor, shape (..., n_q)
        Leading dimensions of all arguments broadcast. float32 if all tensors among the arguments are; else float64.

    Raises
    ------
    MissingDependencyError
        Without PyTorch.
    ShapeError, InvalidValueError
        As `kiessig.reflectivity`; and for tensors on another device than the CPU and of other types than float64,
        float32 and integers.
    NotOfferedError
        For second derivatives.

    See Also
    --------
    kiessig.reflectivity : conventions, accuracy and references.

    Notes
    -----
    Contiguous float64 tensors are read where they are, and results are the kernels' own memory. With float32, all is
    computed in double precision from the rounded inputs and rounded at the end.

    Where a derivative may follow, the exact Jacobian of the arguments that ask for it is computed along with the
    reflectivity, for about twice the cost of that alone, and kept for it; one that is so large that this would take
    longer is not, and ``backward`` runs the kernel again. Arguments may be changed in place between the two calls only
    where the Jacobian was kept; elsewhere PyTorch raises its RuntimeError.

    Examples
    --------
    >>> import torch
    >>> from kiessig.adapters.torch import reflectivity
    >>> q = torch.linspace(0.01, 0.2, 50, dtype=torch.float64)
    >>> measured = reflectivity(q, [100.0], [0.0, 3.47, 2.07])
    >>> thickness = torch.tensor([101.0], dtype=torch.float64, requires_grad=True)
    >>> misfit = ((reflectivity(q, thickness, [0.0, 3.47, 2.07]).log() - measured.log()) ** 2).sum()
    >>> misfit.backward()
    >>> bool(thickness.grad[0] > 0.0)
    True
    """
    given = (q, thickness, sld, sld_imag, roughness, scale, background, dq)
    found = plainly_computed(threads, given)
    if found is not None:
        return found
    torch = host()
    operands: list[Any] = []
    for name, value in zip(OPERANDS, given, strict=True):
        if value is not None:
            operand = _operand(torch, name, value)
            if name in ("q", "sld_imag", "roughness") and not isinstance(operand, float) and not operand.ndim:
                operand = _one_axis(name, operand, operands)
            operands.append(operand)
    scalar = isinstance(operands[0], float) or (isinstance(q, torch.Tensor) and not q.ndim)
    if isinstance(operands[0], float):
        operands[0] = torch.as_tensor([operands[0]], dtype=torch.float64)
    dtypes = {x.dtype for x in operands if not isinstance(x, float)}
    dtype = torch.float32 if torch.float32 in dtypes and torch.float64 not in dtypes else torch.float64
    r = computed(Settings(None if threads is None else checked_threads(FUNCTION, threads), dtype), operands)
    return r[..., 0] if scalar else r


def _one_axis(name: str, value: Any, before: list[Any]) -> Any:
    """Return a tensor without axes with the one that q, or sld_imag and roughness as a scalar for all, must have."""
    if name == "q":
        return value.reshape(1)
    media = before[2].shape[-1] if not isinstance(before[2], float) and before[2].ndim else 0
    return value.expand(max(media - (name == "roughness"), 0))


def _operand(torch: Any, name: str, value: Any) -> Any:
    """Return a tensor that the kernels can read, or a float."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    tensor = value if isinstance(value, torch.Tensor) else _as_tensor(torch, name, value)
    if not tensor.is_cpu:
        message = f"{FUNCTION}: {name} must be on the CPU; got a tensor on {tensor.device}; call .cpu() on it"
        raise InvalidValueError(message)
    dtype = tensor.dtype
    if dtype is torch.float64 or dtype is torch.float32:
        return tensor
    if dtype.is_floating_point or dtype.is_complex or dtype == torch.bool:
        message = f"{FUNCTION}: {name} must be of float64, float32 or integers; got {dtype}"
        raise InvalidValueError(message)
    return tensor.to(torch.float64)


def _as_tensor(torch: Any, name: str, value: Any) -> Any:
    try:
        return torch.as_tensor(value, dtype=None if hasattr(value, "dtype") else torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        message = f"{FUNCTION}: {name} must be a tensor, an array or a number; got {type(value).__name__}"
        raise InvalidValueError(message) from error
