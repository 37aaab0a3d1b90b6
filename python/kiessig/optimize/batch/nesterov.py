"""Nesterov's accelerated gradient descent."""

from __future__ import annotations

from kiessig.optimize.batch.gradient_descent import GradientDescent
from kiessig.optimize.objective import FloatArray

__all__ = ["Nesterov"]


class Nesterov(GradientDescent):
    """Gradient descent whose gradient is taken where the momentum leads, ``u = u - rate (g + momentum v) / L``.

    Options are those of `GradientDescent`; u is the point ahead, at which the misfit is known.

    References
    ----------
    .. [1] Y. Nesterov, Soviet Mathematics Doklady 27, 372 (1983).
    .. [2] I. Sutskever, J. Martens, G. Dahl and G. Hinton, On the importance of initialization and momentum in deep
       learning, ICML (2013): the form with a velocity.
    """

    name = "nesterov"

    def ahead(self, velocity: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return what is stepped along."""
        return gradient + self.momentum * velocity
