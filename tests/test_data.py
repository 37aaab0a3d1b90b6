"""Datasets: what they accept, refuse, mask, and that nobody can change them afterwards."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from kiessig.data import Dataset
from kiessig.errors import DataError, InvalidValueError, ShapeError, UnknownNameError

Q = [0.01, 0.02, 0.03, 0.04]
R = [0.9, 0.1, -1e-7, 0.002]
DR = [0.05, 0.01, 2e-7, 0.001]
DQ = [1e-3, 2e-3, 0.0, 4e-3]


def test_holds_what_it_was_given() -> None:
    dataset = Dataset(Q, R, DR, DQ, "film")
    for stored, given in ((dataset.q, Q), (dataset.r, R), (dataset.dr, DR), (dataset.dq, DQ)):
        assert stored is not None
        assert stored.dtype == np.float64
        assert stored.flags.c_contiguous
        np.testing.assert_array_equal(stored, given)
    assert dataset.name == "film"
    assert len(dataset) == 4
    np.testing.assert_array_equal(dataset.rows, [0, 1, 2, 3])
    assert dataset.masked_rows.size == 0


def test_uncertainty_and_resolution_are_optional() -> None:
    dataset = Dataset(Q, R)
    assert dataset.dr is None
    assert dataset.dq is None
    assert dataset.name is None
    assert Dataset(Q, R, dq=DQ).dr is None


def test_order_and_repetition_of_q_are_kept() -> None:
    q = [0.03, 0.01, 0.03, 0.0, -0.02]
    np.testing.assert_array_equal(Dataset(q, np.ones(5)).q, q)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_other_real_dtypes_become_float64(dtype: type) -> None:
    dataset = Dataset(np.array([1, 2, 3], dtype=dtype), np.array([3, 2, 1], dtype=dtype))
    assert dataset.q.dtype == np.float64
    np.testing.assert_array_equal(dataset.r, [3.0, 2.0, 1.0])


def test_strided_input_is_read_as_seen() -> None:
    table = np.arange(1.0, 9.0).reshape(4, 2)
    dataset = Dataset(table[:, 0], table[::-1, 1])
    np.testing.assert_array_equal(dataset.q, [1, 3, 5, 7])
    np.testing.assert_array_equal(dataset.r, [8, 6, 4, 2])
    assert dataset.r.flags.c_contiguous


def test_is_a_copy_and_cannot_be_changed() -> None:
    q, r = np.array(Q), np.array(R)
    dataset = Dataset(q, r, DR, DQ)
    q[0] = r[0] = 7.0
    assert dataset.q[0] == 0.01
    assert dataset.r[0] == 0.9
    for array in (dataset.q, dataset.r, dataset.dr, dataset.dq, dataset.rows):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(AttributeError):
        dataset.r = r  # type: ignore[misc]
    with pytest.raises(AttributeError):
        dataset.extra = 1  # type: ignore[attr-defined]
    assert q.flags.writeable


@pytest.mark.parametrize("duplicate", [lambda d: pickle.loads(pickle.dumps(d)), copy.deepcopy, copy.copy])
def test_copies_are_equal_and_still_read_only(duplicate) -> None:  # type: ignore[no-untyped-def]
    dataset = Dataset(Q, R, [0.05, np.nan, 2e-7, 0.001], DQ, "film", bad_rows="mask")
    other = duplicate(dataset)
    np.testing.assert_array_equal(other.q, dataset.q)
    np.testing.assert_array_equal(other.dq, dataset.dq)
    np.testing.assert_array_equal(other.masked_rows, [1])
    assert other.name == "film"
    assert not other.q.flags.writeable


def test_repr_tells_name_points_range_and_columns() -> None:
    assert repr(Dataset(Q, R, DR, DQ, "film")) == "Dataset('film', 4 points, Q 0.01 to 0.04 1/angstrom, dr, dq)"
    assert repr(Dataset([0.5], [1])) == "Dataset(1 point, Q 0.5 to 0.5 1/angstrom)"
    masked = Dataset(Q, [1, np.nan, 1, 1], bad_rows="mask")
    assert repr(masked) == "Dataset(3 points, Q 0.01 to 0.04 1/angstrom, 1 row left out)"


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (([1, 2], [1]), ShapeError, r"^Dataset: the columns must have equal lengths; q has 2, r has 1$"),
        (([1], [1], [1, 2]), ShapeError, "q has 1, r has 1, dr has 2"),
        (([1], [1], None, [1, 2]), ShapeError, "dq has 2"),
        (([[1, 2]], [[1, 2]]), ShapeError, r"^Dataset: q must be one-dimensional; got shape \(1, 2\)$"),
        ((1.0, 1.0), ShapeError, r"q must be one-dimensional; got shape \(\)"),
        ((Q, R, 0.1), ShapeError, r"dr must be one-dimensional; got shape \(\)"),
        (([], []), DataError, "^Dataset: at least one point is required; got empty arrays$"),
        (([1 + 0j], [1]), InvalidValueError, "q must be an array of real numbers; got dtype complex128"),
        (([1], ["1"]), InvalidValueError, "r must be an array of real numbers; got dtype <U1"),
        (([True], [1]), InvalidValueError, "q must be an array of real numbers; got dtype bool"),
        (([1], None), InvalidValueError, "r must be an array of real numbers; got dtype object"),
        (([[1], [1, 2]], [1]), InvalidValueError, "q must be an array of real numbers; got a list"),
        (([1], [1], None, None, 3), InvalidValueError, "^Dataset: name must be a string or None; got 3$"),
    ],
)
def test_refuses_what_is_no_curve(arguments, error, match) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=match):
        Dataset(*arguments)


BAD_ROWS = [
    ("q", np.nan, r"q must be finite: q\[2\] = nan"),
    ("q", np.inf, r"q must be finite: q\[2\] = inf"),
    ("r", np.nan, r"r must be finite: r\[2\] = nan"),
    ("r", -np.inf, r"r must be finite: r\[2\] = -inf"),
    ("dr", 0.0, r"dr must be finite and > 0: dr\[2\] = 0\.0"),
    ("dr", -1e-9, r"dr must be finite and > 0: dr\[2\] = -1e-09"),
    ("dr", np.nan, r"dr must be finite and > 0: dr\[2\] = nan"),
    ("dr", np.inf, r"dr must be finite and > 0: dr\[2\] = inf"),
    ("dq", -1e-9, r"dq must be finite and >= 0: dq\[2\] = -1e-09"),
    ("dq", np.nan, r"dq must be finite and >= 0: dq\[2\] = nan"),
    ("dq", np.inf, r"dq must be finite and >= 0: dq\[2\] = inf"),
]


@pytest.mark.parametrize(("column", "value", "match"), BAD_ROWS)
def test_unusable_rows_are_refused_by_number(column: str, value: float, match: str) -> None:
    columns = {"q": list(Q), "r": list(R), "dr": list(DR), "dq": list(DQ)}
    columns[column][2] = value
    with pytest.raises(DataError, match=f"^Dataset: {match}\nremove these rows, or pass bad_rows='mask' to leave"):
        Dataset(**columns)


@pytest.mark.parametrize(("column", "value", "match"), BAD_ROWS)
def test_unusable_rows_are_masked_when_asked(column: str, value: float, match: str) -> None:
    columns = {"q": list(Q), "r": list(R), "dr": list(DR), "dq": list(DQ)}
    columns[column][2] = value
    dataset = Dataset(**columns, bad_rows="mask")
    np.testing.assert_array_equal(dataset.masked_rows, [2])
    np.testing.assert_array_equal(dataset.rows, [0, 1, 3])
    np.testing.assert_array_equal(dataset.q, np.delete(Q, 2))
    np.testing.assert_array_equal(dataset.dq, np.delete(DQ, 2))


def test_all_bad_columns_are_reported_and_long_lists_cut() -> None:
    dr = np.ones(20)
    dr[3:15] = 0.0
    r = np.ones(20)
    r[19] = np.nan
    with pytest.raises(DataError) as caught:
        Dataset(np.arange(20), r, dr)
    first, second = str(caught.value).split("\n")
    assert first.startswith("Dataset: r must be finite: r[19] = nan; dr must be finite and > 0: dr[3] = 0.0, dr[4] = ")
    assert first.endswith("dr[10] = 0.0 and 4 more")
    assert "mask" in second


def test_masked_elements_are_not_read_as_values() -> None:
    r = np.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False])
    with pytest.raises(DataError, match=r"r must be finite: r\[1\] = nan"):
        Dataset([1, 2, 3], r)
    np.testing.assert_array_equal(Dataset([1, 2, 3], r, bad_rows="mask").r, [1.0, 3.0])


def test_masking_must_leave_something() -> None:
    with pytest.raises(DataError, match="at least one usable row is required; all 2 are unusable"):
        Dataset([1, 2], [np.nan, np.nan], bad_rows="mask")


def test_unknown_treatment_of_bad_rows() -> None:
    with pytest.raises(
        UnknownNameError, match=r"bad_rows must be 'refuse' or 'mask'; got 'masked'; did you mean 'mask'\?"
    ):
        Dataset(Q, R, bad_rows="masked")


def test_select_keeps_the_limits_themselves() -> None:
    dataset = Dataset([0.04, 0.01, 0.03, 0.02], [4, 1, 3, 2], DR, DQ, "film")
    part = dataset.select(q_min=0.02, q_max=0.03)
    np.testing.assert_array_equal(part.q, [0.03, 0.02])
    np.testing.assert_array_equal(part.r, [3, 2])
    np.testing.assert_array_equal(part.dr, [2e-7, 0.001])
    np.testing.assert_array_equal(part.rows, [2, 3])
    np.testing.assert_array_equal(part.masked_rows, [0, 1])
    assert part.name == "film"
    assert not part.q.flags.writeable
    assert len(dataset) == 4
    assert len(dataset.select(q_min=0.03)) == 2
    assert len(dataset.select(q_max=0.01)) == 1
    assert len(dataset.select(q_max=np.inf)) == 4


def test_row_numbers_survive_several_cuts() -> None:
    dataset = Dataset([0.01, 0.02, np.nan, 0.04, 0.05], np.ones(5), bad_rows="mask")
    part = dataset.select(q_min=0.02).mask([True, False, True])
    np.testing.assert_array_equal(part.rows, [1, 4])
    np.testing.assert_array_equal(part.masked_rows, [0, 2, 3])


@pytest.mark.parametrize(
    ("limits", "error", "match"),
    [
        ({"q_min": 0.3, "q_max": 0.1}, InvalidValueError, "q_min must not exceed q_max; got q_min = 0.3, q_max = 0.1"),
        ({"q_min": np.nan}, InvalidValueError, "^Dataset.select: q_min must be a number in 1/angstrom; got nan$"),
        ({"q_max": [0.1]}, InvalidValueError, r"q_max must be a number in 1/angstrom; got \[0\.1\]"),
        ({"q_max": "0.1"}, InvalidValueError, "q_max must be an array of real numbers; got dtype <U3"),
        ({"q_min": 0.1}, DataError, r"between q_min = 0\.1 and q_max = inf 1/angstrom; the data cover 0\.01 to 0\.04"),
    ],
)
def test_select_refuses(limits, error, match) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=match):
        Dataset(Q, R).select(**limits)


@pytest.mark.parametrize(
    ("keep", "error", "match"),
    [
        ([1, 0, 1, 1], InvalidValueError, "^Dataset.mask: keep must be a boolean array, .* got dtype int64$"),
        ([True], ShapeError, r"keep must have shape \(4,\), as the points; got \(1,\)"),
        ([False] * 4, DataError, "at least one point must be kept; keep is false for all 4"),
    ],
)
def test_mask_refuses(keep, error, match) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=match):
        Dataset(Q, R).mask(keep)
