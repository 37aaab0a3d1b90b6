"""The README's code runs and says what the README says."""

from __future__ import annotations

import re

import numpy as np
import pytest


@pytest.fixture(scope="module")
def blocks(repository):
    return re.findall(r"```python\n(.*?)```", (repository / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_first_example(blocks, capsys):
    exec(compile(blocks[0], "README.md, first example", "exec"), {})
    shown = re.search(r"^# (\(.*)$", blocks[0], re.MULTILINE).group(1)
    assert capsys.readouterr().out.strip() == shown


def test_the_fit(blocks, repository, monkeypatch):
    monkeypatch.chdir(repository)
    namespace: dict[str, object] = {}
    exec(compile(blocks[1], "README.md, the fit", "exec"), namespace)
    result = namespace["result"]
    assert result.success
    # the truth of the example's data: film 483 angstrom of 6.15 on 14 angstrom of oxide, scale 0.98, background 6e-7
    truth = [483.0, 6.15, 14.0, 0.98, 6e-7]
    assert np.abs((result.x - truth) / result.stderr).max() < 4
    assert 0.7 < result.reduced_chi2 < 1.4  # 155 degrees of freedom: 0.11 per sigma
