"""Objectives of many members, made of those of one."""

from __future__ import annotations

import numpy as np

from optimize.problems import Fit


class Batch:
    """A problem whose methods take rows of x at once; NaN in the rows where `undefined(x)`."""

    batched = True

    def __init__(self, fit: Fit, undefined=lambda x: False) -> None:
        self.fit, self.undefined = fit, undefined
        self.calls: list[tuple[str, int]] = []

    def residuals(self, x):
        self.calls.append(("residuals", len(x)))
        return np.stack([self._one(row) for row in x])

    def residuals_and_jacobian(self, x):
        self.calls.append(("residuals_and_jacobian", len(x)))
        return np.stack([self._one(row) for row in x]), np.stack([self.fit.jacobian(row) for row in x])

    def value_and_gradient(self, x):
        self.calls.append(("value_and_gradient", len(x)))
        r, j = np.stack([self._one(row) for row in x]), np.stack([self.fit.jacobian(row) for row in x])
        return np.einsum("km,km->k", r, r), 2.0 * np.einsum("kmn,km->kn", j, r)

    def _one(self, row):
        found = self.fit.residuals(row)
        return np.full(found.shape, np.nan) if self.undefined(row) else found


class Lines:
    """Straight lines through other data for each member: the minimum is known in closed form."""

    batched = True
    takes_members = True

    def __init__(self, n_members: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        t = np.linspace(-1.0, 1.0, 12)
        self.design = np.column_stack([np.ones_like(t), t])
        self.data = rng.standard_normal((n_members, t.size)) + rng.standard_normal((n_members, 1))
        self.best = np.linalg.lstsq(self.design, self.data.T, rcond=None)[0].T
        self.value = np.sum((self.data - self.best @ self.design.T) ** 2, axis=1)

    def residuals(self, x, members):
        return x @ self.design.T - self.data[members]

    def residuals_and_jacobian(self, x, members):
        return self.residuals(x, members), np.broadcast_to(self.design, (len(x), *self.design.shape))

    def value_and_gradient(self, x, members):
        r = self.residuals(x, members)
        return np.einsum("km,km->k", r, r), 2.0 * r @ self.design
