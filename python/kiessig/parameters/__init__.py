"""Parameters, the arithmetic between them, and its recording as a flat program.

Every walk over an expression graph is a loop: chains of many thousand operations are ordinary input.
"""

from __future__ import annotations

from kiessig.parameters.checks import arrived, as_name, as_number
from kiessig.parameters.domain import require_defined
from kiessig.parameters.expression import (
    Condition,
    Expression,
    Operand,
    Quantity,
    as_quantity,
    comparison,
    evaluate,
    function,
)
from kiessig.parameters.graph import Operation
from kiessig.parameters.parameter import Parameter
from kiessig.parameters.recording import Recording, free_parameters, record
from kiessig.parameters.tracing import trace

__all__ = [
    "Condition",
    "Expression",
    "Operand",
    "Operation",
    "Parameter",
    "Quantity",
    "Recording",
    "arrived",
    "as_name",
    "as_number",
    "as_quantity",
    "comparison",
    "evaluate",
    "free_parameters",
    "function",
    "record",
    "require_defined",
    "trace",
]
