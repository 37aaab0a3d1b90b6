"""Formulas as MathML, which browsers show by themselves: no script, no fonts and no server of others."""

from __future__ import annotations

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)

# What the converter does not know it writes out: a backslash, or an ampersand between columns.
LEFT_OVER = re.compile(r"<m\w+[^>]*>(?:\\|&#x0005C;|&#x00026;|&amp;|&<)")

SPELLINGS = [
    (r"\\mathrm\{(\w)\}", r"\\mathrm \1 "),  # of one letter in braces the converter makes an italic one
    (r"\{aligned\}", "{align*}"),
]


def mathml(node: nodes.Node, display: str) -> str:
    source = node.astext()
    if display == "block" and r"\\" in source and r"\begin" not in source:
        source = rf"\begin{{aligned}}{source}\end{{aligned}}"
    for found, spelling in SPELLINGS:
        source = re.sub(found, spelling, source)
    made = convert(source, display=display)
    if LEFT_OVER.search(made):
        LOGGER.warning("a formula has parts that are not converted: %s", source, location=node)
    return made


def inline(translator, node):
    translator.body.append(mathml(node, "inline"))
    raise nodes.SkipNode


def displayed(translator, node):
    translator.body.append(f'<div class="formula">{mathml(node, "block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
