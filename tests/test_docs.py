"""The code in the documentation's pages runs and prints what the page says."""

from __future__ import annotations

import re

import pytest


@pytest.mark.parametrize("page", ["parameters.md"])
def test_snippets_print_what_the_page_says(repository, capsys, page):
    text = (repository / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    namespace: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page}, snippet {number}", "exec"), namespace)
        expected = [line.removeprefix("# ") for line in block.splitlines() if line.startswith("# ")]
        assert capsys.readouterr().out.splitlines() == expected, block
