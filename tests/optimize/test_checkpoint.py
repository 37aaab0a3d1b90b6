"""Searches that are interrupted, kept on disk and taken up again."""

from __future__ import annotations

import os

import numpy as np
import pytest

from kiessig.errors import DataError, InvalidValueError
from kiessig.optimize.batch import checkpoint as module
from kiessig.optimize.batch import minimize_batch
from kiessig.optimize.batch.checkpoint import Checkpoint, search_identity
from kiessig.optimize.batch.levenberg_marquardt import LevenbergMarquardt
from kiessig.optimize.batch.reasons import Reason
from optimize.batches import Batch
from optimize.problems import THURBER, Fit

START = np.array(THURBER.starts[1])
BOUNDS = (0.1 * START, 3.0 * START)
STARTS = START * np.random.default_rng(9).uniform(0.5, 1.6, (12, 7))


def search(path=None, *, resume=False, every=0.0, objective=None, limit=2000, method="lm", **keywords):
    kept = None
    if path is not None:
        kept = Checkpoint(path, search_identity(method, {"ftol": 1e-10}, STARTS, *BOUNDS), every=every, resume=resume)
    objective = Batch(THURBER.objective()) if objective is None else objective
    algorithm = LevenbergMarquardt()
    return minimize_batch(objective, STARTS, *BOUNDS, algorithm, max_evaluations=limit, checkpoint=kept, **keywords)


def assert_same(found, expected):
    for name in ("x", "value", "n_evaluations", "n_jacobian_evaluations", "history"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert found.reasons == expected.reasons


@pytest.fixture(scope="module")
def whole():
    return search()


@pytest.mark.parametrize("limit", [1, 5, 9])
def test_a_search_goes_on_as_if_nothing_had_happened(tmp_path, whole, limit):
    first = search(tmp_path / "kept", limit=limit)
    assert Reason.EVALUATIONS in first.reasons
    second = search(tmp_path / "kept", resume=True)
    assert_same(second, whole)
    assert second.wall_time > first.wall_time


def test_in_many_pieces(tmp_path, whole):
    for _ in range(60):
        steps = []
        found = search(tmp_path / "kept", resume=True, callback=lambda n, v, s=steps: s.append(n) or len(s) == 3)
        if Reason.CALLBACK not in found.reasons:
            break
    assert_same(found, whole)


def test_after_an_interruption_in_the_middle_of_a_step(tmp_path, whole, monkeypatch):
    judge, calls = LevenbergMarquardt._judge, []

    def interrupted(self, state, members):
        calls.append(members)
        if len(calls) == 6:
            state["x"][:] = np.nan
            raise KeyboardInterrupt
        judge(self, state, members)

    monkeypatch.setattr(LevenbergMarquardt, "_judge", interrupted)
    assert search(tmp_path / "kept").interrupted
    monkeypatch.undo()
    assert_same(search(tmp_path / "kept", resume=True), whole)


def test_a_finished_search_has_nothing_left_to_do(tmp_path, whole):
    search(tmp_path / "kept")
    objective = Batch(THURBER.objective())
    assert_same(search(tmp_path / "kept", resume=True, objective=objective), whole)
    assert objective.calls == [("residuals", 1)]  # the check that it is the same fit


def test_without_resume_it_begins_anew(tmp_path, whole):
    search(tmp_path / "kept", limit=3)
    assert_same(search(tmp_path / "kept"), whole)


def test_no_file_to_resume_from_begins_anew(tmp_path, whole):
    assert_same(search(tmp_path / "kept", resume=True), whole)


def test_more_evaluations_may_be_granted(tmp_path):
    search(tmp_path / "kept", limit=4)
    found = search(tmp_path / "kept", limit=6, resume=True)
    assert found.n_evaluations.max() == 6


def test_another_search_is_refused(tmp_path):
    search(tmp_path / "kept", limit=3)
    with pytest.raises(DataError, match=r"kept' belongs to another fit: method, options, starts, seed, bounds and"):
        search(tmp_path / "kept", resume=True, method="other")


def test_other_data_are_refused(tmp_path):
    search(tmp_path / "kept", limit=3)
    plain = THURBER.objective()
    other = Batch(Fit(lambda x: 1.01 * plain.residuals(x), lambda x: 1.01 * plain.jacobian(x)))
    with pytest.raises(DataError, match=r"belongs to another fit: its lowest misfit is .*, and at that point it is"):
        search(tmp_path / "kept", resume=True, objective=other)


def test_what_makes_a_search_another_one():
    x, y = np.zeros((3, 2)), np.ones(2)
    base = search_identity("a", {"n": 1}, x, y)
    assert base == search_identity("a", {"n": 1}, x.copy(), y.copy())
    others = [
        search_identity("b", {"n": 1}, x, y),
        search_identity("a", {"n": 2}, x, y),
        search_identity("a", {}, x, y),
        search_identity("a", {"n": 1}, x + 1e-300, y),
        search_identity("a", {"n": 1}, x.reshape(2, 3), y),
        search_identity("a", {"n": 1}, x, -y),
    ]
    assert base not in others
    assert len(set(others)) == len(others)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a checkpoint", b"PK\x03\x04" + bytes(50), b"\x93NUMPY\x01\x00" + bytes(8)],
    ids=["empty", "text", "zip", "numpy"],
)
def test_files_that_are_no_checkpoints(tmp_path, content):
    (tmp_path / "kept").write_bytes(content)
    with pytest.raises(DataError, match="kept' is no checkpoint of a fit, or damaged"):
        search(tmp_path / "kept", resume=True)
    assert (tmp_path / "kept").read_bytes() == content


def test_an_array_is_no_checkpoint(tmp_path):
    with (tmp_path / "kept").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="is no checkpoint of a fit, or damaged"):
        search(tmp_path / "kept", resume=True)


def test_another_programs_arrays_are_refused(tmp_path):
    with (tmp_path / "kept").open("wb") as file:
        np.savez(file, x=np.zeros(3))
    with pytest.raises(DataError, match="is no checkpoint of a fit, or damaged"):
        search(tmp_path / "kept", resume=True)


def test_damage_anywhere_is_noticed(tmp_path, whole):
    """Every cut and every flipped byte is refused, unless what it hits means nothing."""
    path = tmp_path / "kept"
    search(path, limit=5)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(40):
        damaged = bytearray(content)
        place = int(rng.integers(len(content)))
        if trial % 3:
            damaged[place] ^= 0xFF
        else:
            del damaged[place:]
        path.write_bytes(damaged)
        try:
            found = search(path, resume=True)
        except DataError:
            refused += 1
        else:
            assert_same(found, whole)
    assert refused > 25


def test_the_file_is_replaced_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "kept"
    search(path, limit=3)
    before = path.read_bytes()

    def fails(file, **arrays):
        file.write(b"half")
        message = "no space left on device"
        raise OSError(message)

    monkeypatch.setattr(module.np, "savez", fails)
    with pytest.raises(OSError, match="no space left"):
        search(path, limit=6)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["kept"]


def test_it_is_written_on_the_way_and_no_more_often_than_asked(tmp_path, monkeypatch):
    now, written = [0.0], []
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    save = Checkpoint.save
    monkeypatch.setattr(Checkpoint, "save", lambda self, arrays: (written.append(now[0]), save(self, arrays)))

    def callback(n, lowest):
        now[0] += 4.0
        return now[0] >= 40.0

    search(tmp_path / "kept", every=10.0, callback=callback)
    # steps end at 8, 12, 16, ...; the first call is at the start
    assert written == [12.0, 24.0, 36.0, 40.0]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InvalidValueError, match=r"checkpoint must be in an existing folder; '.*nowhere' is none"):
        search(tmp_path / "nowhere" / "kept")
