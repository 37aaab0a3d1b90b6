"""Problem.fit from several starts: minima, seeds, limits, elimination, screening, checkpoints."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from fitting.films import BOUNDS, START, TRUTH, film
from kiessig.errors import DataError, InvalidValueError
from kiessig.optimize import StopSearch
from kiessig.optimize.batch import driver


@pytest.fixture(scope="module")
def minimum():
    """The global minimum, from the truth."""
    return film(TRUTH).fit(progress=False)


@pytest.fixture(scope="module")
def found():
    return film().fit(starts=64, seed=1, progress=False)


def test_the_global_minimum_is_found_among_others(found, minimum):
    assert film().fit(progress=False).chi2 > 2.0 * minimum.chi2  # from the start alone: another fringe order
    assert found.success, found.message
    assert found.chi2 == pytest.approx(minimum.chi2, rel=1e-9)  # both end at rounding level
    np.testing.assert_array_less(np.abs(found.x - minimum.x), 1e-3 * minimum.stderr)


def test_minima_are_distinct_sorted_and_stationary(found):
    values = [item.value for item in found.minima]
    assert len(values) > 1
    assert values == sorted(values)
    assert found.minima[0].value == pytest.approx(found.chi2, rel=1e-14)  # order of summation
    np.testing.assert_array_equal(found.minima[0].x, found.x)
    assert sum(item.n_starts for item in found.minima) <= 64
    assert found.minima[0].n_starts >= 1
    problem, unit = film(), np.subtract(*np.array(list(BOUNDS.values())).T[::-1])
    for index, item in enumerate(found.minima):
        assert problem.chi2(item.x) == pytest.approx(item.value, rel=1e-12)
        assert all(np.abs((item.x - other.x) / unit).max() > 1e-4 for other in found.minima[:index])


def test_the_same_seed_gives_the_same_result(found):
    again = film().fit(starts=64, seed=1, progress=False)
    np.testing.assert_array_equal(again.x, found.x)
    assert again.n_evaluations == found.n_evaluations
    assert again.minima == found.minima
    other = film().fit(starts=64, seed=2, progress=False)
    assert other.n_evaluations != found.n_evaluations


def test_history_and_counts(found):
    assert np.all(np.diff(found.history, axis=0) * [1, -1] > 0)
    assert found.history[-1, 1] == pytest.approx(found.chi2, rel=1e-6)
    assert found.history[-1, 0] <= found.n_evaluations
    assert found.n_jacobian_evaluations <= found.n_evaluations


@pytest.mark.parametrize("method", ["trf", "L-BFGS-B"])
def test_other_methods_search_from_many_starts_too(method, minimum):
    result = film().fit(method, starts=12, seed=4, progress=False)
    assert result.chi2 == pytest.approx(minimum.chi2, rel=1e-5)  # the stopping rules promise 1e-6
    assert len(result.minima) >= 1
    assert result.method == method


@pytest.mark.parametrize("method", ["differential-evolution", "dual-annealing", "basinhopping", "shgo"])
def test_global_methods_find_it_from_one_start(method, minimum):
    result = film().fit(method, seed=2, progress=False)
    assert result.success, result.message
    assert result.chi2 == pytest.approx(minimum.chi2, rel=1e-6)
    assert np.all(np.diff(result.history, axis=0) * [1, -1] > 0)


def test_global_methods_take_the_seed_of_the_fit():
    options = {"max_evaluations": 400, "progress": False}
    first, second, third = (film().fit("differential-evolution", seed=seed, **options) for seed in (2, 2, 3))
    np.testing.assert_array_equal(first.history, second.history)
    assert first.history.shape != third.history.shape or np.any(first.history != third.history)


def test_global_methods_need_a_box():
    with pytest.raises(InvalidValueError, match="'direct' searches a box, whose bounds must be finite"):
        film(bounds={**BOUNDS, "scale": (0.8, None)}).fit("direct", progress=False)


def test_elimination_finds_the_same_minimum_in_fewer_dimensions(minimum):
    plain, reduced = film(TRUTH), film(TRUTH)
    assert len(reduced.projected().parameters) == 3
    result = reduced.fit(eliminate=True, progress=False)
    assert result.names == plain.names
    assert result.chi2 == pytest.approx(minimum.chi2, rel=1e-9)
    # the misfits agree to 1e-9 of about 55, which is the square of 2e-4 standard errors
    np.testing.assert_array_less(np.abs(result.x - minimum.x), 1e-3 * minimum.stderr)
    np.testing.assert_allclose(result.stderr, minimum.stderr, rtol=1e-3)
    np.testing.assert_array_equal(reduced.x, result.x)


def test_elimination_with_several_starts(minimum):
    problem = film()
    result = problem.fit(starts=32, seed=1, eliminate=True, progress=False)
    assert result.success
    assert result.chi2 == pytest.approx(minimum.chi2, rel=1e-9)
    assert result.minima[0].x.shape == (5,)
    lower, upper = problem.bounds
    assert all(np.all((item.x >= lower) & (item.x <= upper)) for item in result.minima)


def test_elimination_with_a_method_of_single_starts(minimum):
    result = film().fit("trf", starts=12, seed=1, eliminate=True, progress=False)
    assert result.chi2 == pytest.approx(minimum.chi2, rel=1e-5)


def test_screening_begins_from_the_lowest(monkeypatch):
    taken = []
    run = driver.minimize_batch

    def spy(objective, x0, *arguments, **keywords):
        taken.append((objective, x0))
        return run(objective, x0, *arguments, **keywords)

    monkeypatch.setattr("kiessig.fitting.search.minimize_batch", spy)
    present = film().x
    film().fit(starts=8, screen=16, seed=1, progress=False, max_evaluations=2)
    film().fit(starts=128, seed=1, progress=False, max_evaluations=2)
    (objective, kept), (_, every) = taken
    value = np.sum(objective.residuals(every[1:]) ** 2, axis=1)
    np.testing.assert_array_equal(kept[0], present)
    np.testing.assert_array_equal(kept[1:], every[1:][np.argsort(value, kind="stable")[:7]])


def test_screening_needs_several_starts():
    with pytest.raises(InvalidValueError, match="screen chooses among several starts; got starts = 1, screen = 4"):
        film().fit(screen=4, progress=False)


@pytest.mark.parametrize("method", ["levenberg-marquardt", "trf"])
@pytest.mark.parametrize("starts", [1, 6])
@pytest.mark.parametrize("raises", [False, True], ids=["True", "StopSearch"])
def test_a_callback_ends_the_fit_and_the_best_point_is_kept(method, starts, raises):
    seen = []

    def callback(n, lowest):
        seen.append(lowest)
        if len(seen) == 3:
            if raises:
                message = "enough"
                raise StopSearch(message)
            return True
        return False

    problem = film()
    result = problem.fit(method, starts=starts, seed=1, callback=callback, progress=False)
    assert len(seen) == 3
    assert result.chi2 == pytest.approx(min(seen), rel=1e-12)
    assert not result.success
    assert ("enough" if raises and starts == 1 else "stopped by the callback") in result.message
    np.testing.assert_array_equal(problem.x, result.x)


@pytest.mark.parametrize("starts", [1, 6])
def test_a_limit_of_time_ends_the_fit(starts):
    result = film().fit(starts=starts, seed=1, max_time=1e-9, progress=False)
    assert "the limit of time is reached" in result.message
    assert not result.success
    assert result.n_evaluations <= 3 * starts


@pytest.mark.parametrize("starts", [1, 6])
@pytest.mark.parametrize("method", ["levenberg-marquardt", "trf"])
def test_a_limit_of_evaluations_ends_the_fit(method, starts):
    result = film().fit(method, starts=starts, seed=1, max_evaluations=3, progress=False)
    assert "evaluations is reached" in result.message or starts > 1
    assert result.chi2 < film().chi2() * (1.0 + 1e-12)


@pytest.mark.parametrize("starts", [1, 6])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_evaluations": 0}, "fit: max_evaluations must be a positive whole number; got 0"),
        ({"max_evaluations": 2.5}, "max_evaluations must be a positive whole number; got 2.5"),
        ({"max_time": 0.0}, "fit: max_time must be positive, in seconds; got 0.0"),
        ({"max_time": float("nan")}, "max_time must be positive, in seconds; got nan"),
        ({"resume": True}, "fit: resume needs checkpoint, the file to go on from; got None"),
        ({"screen": 0}, "fit: screen must be a positive whole number; got 0"),
        ({"damping": -1.0}, "damping must be positive"),
        ({"toll": 1.0}, "has no option 'toll'"),
    ],
)
def test_bad_arguments_change_nothing(starts, arguments, message):
    problem = film()
    with pytest.raises(InvalidValueError, match=message):
        problem.fit(starts=starts, progress=False, **arguments)
    np.testing.assert_array_equal(problem.x, list(START.values()))


def test_nothing_to_eliminate_is_an_error():
    problem = film()
    for parameter in problem.parameters[3:]:
        parameter.fixed = True
    with pytest.raises(InvalidValueError, match="eliminate"):
        type(problem)(problem.measurements).fit(eliminate=True, progress=False)


@pytest.mark.parametrize("eliminate", [False, True])
def test_an_interrupted_fit_goes_on_from_its_checkpoint(tmp_path, eliminate):
    """Where the parameters are by then makes no difference."""
    options = {"starts": 16, "seed": 3, "progress": False, "eliminate": eliminate}
    whole = film().fit(**options)
    problem, calls = film(), []

    def callback(n, lowest):
        calls.append(n)
        if len(calls) == 6:
            raise KeyboardInterrupt

    first = problem.fit(**options, checkpoint=tmp_path / "kept", callback=callback)
    assert first.message.startswith("interrupted; ")
    assert not first.success
    np.testing.assert_array_equal(problem.x, first.x)
    assert np.any(problem.x != film().x)
    second = problem.fit(**options, checkpoint=tmp_path / "kept", resume=True)
    np.testing.assert_array_equal(second.x, whole.x)
    assert second.minima == whole.minima
    assert second.n_evaluations == whole.n_evaluations
    assert [item.name for item in tmp_path.iterdir()] == ["kept"]


def test_one_start_may_have_a_checkpoint(tmp_path):
    problem = film(TRUTH)
    problem.fit(checkpoint=tmp_path / "kept", max_evaluations=3, progress=False)
    result = problem.fit(checkpoint=tmp_path / "kept", resume=True, progress=False)
    assert result.success
    assert result.chi2 == pytest.approx(film(TRUTH).fit(progress=False).chi2, rel=1e-9)


@pytest.mark.parametrize("changed", [{"seed": 4}, {"starts": 15}, {"eliminate": True}, {"ftol": 1e-9}, {"screen": 2}])
def test_a_checkpoint_of_another_fit_is_refused(tmp_path, changed):
    options = {"starts": 16, "seed": 3, "progress": False, "max_evaluations": 2}
    film().fit(**options, checkpoint=tmp_path / "kept")
    problem = film()
    with pytest.raises(DataError, match="belongs to another fit"):
        problem.fit(**options | changed, checkpoint=tmp_path / "kept", resume=True)
    np.testing.assert_array_equal(problem.x, list(START.values()))


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    options = {"starts": 16, "seed": 3, "progress": False, "checkpoint": tmp_path / "kept"}
    film().fit(**options, max_evaluations=2)
    with pytest.raises(DataError, match="model and data must be those of the run that wrote it"):
        film(seed=5).fit(**options, resume=True)


def test_a_checkpoint_of_starts_that_cannot_be_drawn_again_is_refused(tmp_path):
    with pytest.raises(InvalidValueError, match="checkpoint needs a seed, or the 4 starts can never be drawn again"):
        film().fit(starts=4, checkpoint=tmp_path / "kept", progress=False)


def test_methods_that_keep_no_checkpoints_say_so(tmp_path):
    with pytest.raises(InvalidValueError, match=r"checkpoints are kept for the methods .*; got method 'trf'"):
        film().fit("trf", starts=4, seed=1, checkpoint=tmp_path / "kept", progress=False)


def test_an_interruption_while_minima_are_settled_loses_nothing(monkeypatch, minimum):
    calls = []

    def settle(*arguments, **keywords):
        calls.append(arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("kiessig.fitting.fit"), "minimize", settle)
    result = film().fit(starts=64, seed=1, progress=False)
    assert len(calls) == 1
    assert result.chi2 == pytest.approx(minimum.chi2, rel=1e-6)  # ftol of the search
    assert result.message.startswith("interrupted; ")
