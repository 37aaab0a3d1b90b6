"""Fit results as strict JSON."""

from __future__ import annotations

import json
import math
import os
from typing import Any

import numpy as np

from kiessig.errors import DataError
from kiessig.result.minimum import Minimum
from kiessig.result.result import FitResult

__all__ = ["decode", "encode", "write_whole"]

_FORMAT = "kiessig.fit-result"
_VERSION = 1
# JSON has no literals for these; as strings every parser reads them.
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode(result: FitResult) -> str:
    """Return `result` as JSON; what follows from the rest (standard errors, ratios) stands in it for other readers."""
    stderr = result.stderr
    parameters = [
        {
            "name": name,
            "value": _encode(result.x[i]),
            "stderr": _encode(stderr[i]),
            "lower": _encode(result.lower[i]),
            "upper": _encode(result.upper[i]),
            "at_bound": bool(result.at_bounds[i]),
        }
        for i, name in enumerate(result.names)
    ]
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "method": result.method,
        "success": result.success,
        "message": result.message,
        "misfit": result.misfit,
        "chi2": _encode(result.chi2),
        "n_points": result.n_points,
        "degrees_of_freedom": result.degrees_of_freedom,
        "reduced_chi2": _encode(result.reduced_chi2),
        "chi2_per_point": _encode(result.chi2_per_point),
        "n_evaluations": result.n_evaluations,
        "n_jacobian_evaluations": result.n_jacobian_evaluations,
        "wall_time": _encode(result.wall_time),
        "covariance_scale": _encode(result.covariance_scale),
        "parameters": parameters,
        "covariance": [[_encode(v) for v in row] for row in result.covariance],
        "minima": [
            {
                "x": [_encode(v) for v in minimum.x],
                "value": _encode(minimum.value),
                "n_starts": minimum.n_starts,
                "success": minimum.success,
                "message": minimum.message,
            }
            for minimum in result.minima
        ],
        "history": [[_encode(v) for v in row] for row in result.history],
    }
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def decode(source: str | os.PathLike[str]) -> FitResult:
    """Return the result in a file or in text that begins with a brace.

    Raises
    ------
    DataError
        If there is no such file, or it is not JSON, or not a fit result.
    """
    if isinstance(source, str) and source.lstrip().startswith("{"):
        text, where = source, "text"
    else:
        where = repr(os.fspath(source))
        try:
            with open(source, encoding="utf-8") as file:
                text = file.read()
        except (OSError, ValueError) as error:
            message = f"FitResult.from_json: cannot read {where}: {error}"
            raise DataError(message) from error
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        message = f"FitResult.from_json: {where} is not valid JSON: {error}"
        raise DataError(message) from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        message = f'FitResult.from_json: {where} is not a fit result; it must hold "format": "{_FORMAT}"'
        raise DataError(message)
    if document.get("version") != _VERSION:
        version = document.get("version")
        message = f"FitResult.from_json: {where} has version {version!r}; this release reads version {_VERSION}"
        raise DataError(message)
    try:
        return _build(document)
    except KeyError as error:
        message = f"FitResult.from_json: {where} lacks the key {error.args[0]!r}"
        raise DataError(message) from error
    except (TypeError, ValueError) as error:
        message = f"FitResult.from_json: {where} holds a value that does not belong there: {error}"
        raise DataError(message) from error


def write_whole(path: str, text: str) -> None:
    """Write a file that appears whole or not at all, through another name in the same folder.

    Raises
    ------
    DataError
        If that is not possible; nothing is left behind, and an existing file stays as it was.
    """
    # The link's target is replaced, not the link.
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        try:
            with open(temporary, "x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)
    except OSError as error:
        message = f"FitResult.to_json: cannot write {path!r}: {error.strerror or error}"
        raise DataError(message) from error


def _build(document: dict[str, Any]) -> FitResult:
    parameters = document["parameters"]
    n = len(parameters)
    column = {key: [p[key] for p in parameters] for key in ("name", "value", "lower", "upper", "at_bound")}
    return FitResult(
        names=[_typed(name, str) for name in column["name"]],
        x=np.array([_decode(v) for v in column["value"]]),
        covariance=np.array([[_decode(v) for v in row] for row in document["covariance"]]).reshape(n, n),
        lower=np.array([_decode(v) for v in column["lower"]]),
        upper=np.array([_decode(v) for v in column["upper"]]),
        at_bounds=np.array([_typed(v, bool) for v in column["at_bound"]], dtype=bool),
        chi2=_decode(document["chi2"]),
        n_points=_typed(document["n_points"], int),
        method=_typed(document["method"], str),
        success=_typed(document["success"], bool),
        message=_typed(document["message"], str),
        n_evaluations=_typed(document["n_evaluations"], int),
        n_jacobian_evaluations=_typed(document["n_jacobian_evaluations"], int),
        wall_time=_decode(document["wall_time"]),
        misfit=_typed(document["misfit"], str),
        covariance_scale=_decode(document["covariance_scale"]),
        # absent from files of earlier releases
        minima=tuple(_minimum(item) for item in document.get("minima", [])),
        history=np.array([[_decode(v) for v in row] for row in document.get("history", [])]).reshape(-1, 2),
    )


def _minimum(document: dict[str, Any]) -> Minimum:
    return Minimum(
        x=np.array([_decode(v) for v in document["x"]]),
        value=_decode(document["value"]),
        n_starts=_typed(document["n_starts"], int),
        success=_typed(document["success"], bool),
        message=_typed(document["message"], str),
    )


def _encode(value: float) -> float | str:
    number = float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0.0 else "-Infinity"


def _decode(value: object) -> float:
    if isinstance(value, str) and value in _SPECIAL:
        return _SPECIAL[value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    message = f"{value!r} is not a number"
    raise TypeError(message)


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        message = f"{value!r} is not of type {kind.__name__}"
        raise TypeError(message)
    return value


def _refuse_constant(constant: str) -> float:
    message = f"the literal {constant} is not JSON"
    raise ValueError(message)
