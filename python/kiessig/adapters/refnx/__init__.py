"""kiessig under refnx: its kernels replaced, and exact derivatives for `CurveFitter.fit`.

Nothing of refnx, or of JAX for `reflect_fn`, is imported before it is needed. The kernels follow refnx's conventions:
rows of slabs (thickness, SLD, imaginary SLD, roughness of the interface above; magnetic SLD and angle in degrees), the
fronting first, in angstrom and 1e-6/angstrom^2; widths of the resolution are full widths at half maximum.
"""

from kiessig.adapters.jax import abeles as reflect_fn
from kiessig.adapters.refnx.gradients import grad as grad
from kiessig.adapters.refnx.gradients import jac as jac
from kiessig.adapters.refnx.kernels import abeles as abeles
from kiessig.adapters.refnx.kernels import abeles_vectorised as abeles_vectorised
from kiessig.adapters.refnx.kernels import gepore as gepore
from kiessig.adapters.refnx.switch import backend as backend
from kiessig.adapters.refnx.switch import restore as restore
from kiessig.adapters.refnx.switch import use as use

__all__ = ["abeles", "abeles_vectorised", "backend", "gepore", "grad", "jac", "reflect_fn", "restore", "use"]
