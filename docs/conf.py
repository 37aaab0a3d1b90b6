"""Sphinx's settings for the documentation site. It is built without a network: nothing is fetched from other sites."""

from __future__ import annotations

import sys
from pathlib import Path

import kiessig

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "kiessig"
author = "The kiessig developers"
project_copyright = author
version = release = kiessig.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "mathml",
]
exclude_patterns = ["_build"]
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme = "furo"
html_title = f"kiessig {version}"
html_show_copyright = False

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}

if not (Path(__file__).parent / "images" / "benchmarks.svg").exists():
    suppress_warnings = ["image.not_readable"]  # python -m benchmarks.backends draws it

nitpicky = True
nitpick_ignore_regex = [
    # the sites of other projects, whose lists of names would have to be fetched
    ("py:.*", r"(bumps|genx|jax|mantid|numpy|refl1d|refnx|scipp|scipy|torch)\..*|math"),
    # an argument or attribute of the object at hand, which has no page of its own
    ("py:obj", "[A-Za-z_]+"),
    # tables of names, which their functions' pages describe
    ("py:obj", r"kiessig\.optimize\.METHODS|kiessig\.components\.shapes|interfaces\.shape_named"),
]
default_role = "autolink"  # `name` in a docstring: a link where the name is documented, else code
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings give types with shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # the template of a class shows them
numpydoc_xref_param_type = False

highlight_language = "none"
pygments_style = "friendly"
html_math_renderer = "mathml"
