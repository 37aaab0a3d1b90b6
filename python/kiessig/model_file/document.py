"""The text of a model file as a tree of mappings, lists and strings."""

from __future__ import annotations

import difflib
import functools
from pathlib import Path
from typing import Any

from kiessig.errors import ModelFileError

__all__ = ["nearest", "read_document"]


def nearest(name: str, known: Any) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to `name`, or nothing if none is near."""
    folded = {str(item).casefold(): str(item) for item in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


def read_document(path: Path) -> Any:
    """Read a YAML file.

    Parameters
    ----------
    path : Path
        File to read: one YAML document in UTF-8.

    Returns
    -------
    dict, list, str or None
        Scalars stay strings as they are written, except for an empty value (None): what is a number, a name or a
        switch is decided where it is used. YAML's own guesses would turn ``1e-7`` into a string, ``no`` into False
        and ``010`` into 8. What an alias (``*name``) stands for is one object, not copies of it.

    Raises
    ------
    ModelFileError
        The file cannot be read, is no YAML, or has a key twice in one mapping.
    """
    import yaml

    text = _read_text(path)
    loader = None
    try:
        loader = _loader_class()(text)
        node = loader.get_single_node()
        if node is None:
            message = f"{path}: the file is empty; a model needs at least 'sample'"
            raise ModelFileError(message)
        _refuse_duplicates(path, node)
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise ModelFileError(_syntax_message(path, text, error)) from error
    except yaml.YAMLError as error:
        message = f"{path}: not a YAML text file: {' '.join(str(error).split())[:200]}"
        raise ModelFileError(message) from error
    except RecursionError:
        message = f"{path}: the file is nested too deeply for a model"
        raise ModelFileError(message) from None
    finally:
        if loader is not None:
            loader.dispose()


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        message = f"{path}: there is no such model file{nearest(path.name, names)}"
        raise ModelFileError(message) from None
    except IsADirectoryError:
        message = f"{path}: a model file is required, this is a folder"
        raise ModelFileError(message) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        message = f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ModelFileError(message) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path}: a model file must be text in UTF-8; byte {error.start} is not"
        raise ModelFileError(message) from None


@functools.cache
def _loader_class() -> Any:
    """PyYAML's safe loader, which recognises nothing but empty values and merge keys (``<<``) by their spelling."""
    import yaml

    kept = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012 - the name and kind are PyYAML's
            first: [(tag, pattern) for tag, pattern in resolvers if tag in kept]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader


def _refuse_duplicates(path: Path, root: Any) -> None:
    """Raise for a mapping that has a key twice; PyYAML would keep the last of them and say nothing."""
    import yaml

    pending, met = [root], set()
    while pending:
        node = pending.pop()
        if id(node) in met:
            continue
        met.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            first: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode):
                    message = f"{path}, line {line}: a key must be a single word or name"
                    raise ModelFileError(message)
                if key.value in first:
                    message = (
                        f"{path}, line {line}: the key {key.value!r} stands twice in one mapping, "
                        f"first in line {first[key.value]}; remove one of them"
                    )
                    raise ModelFileError(message)
                first[key.value] = line
                pending.append(value)


def _syntax_message(path: Path, text: str, error: Any) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{path}, line {mark.line + 1}" if mark is not None else str(path)
    problem = " ".join(str(error.problem or error.context).split())
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    remedy = ""
    if "\t" in line:
        remedy = "\nthe line has a tab; YAML is indented with spaces"
    elif "mapping values are not allowed" in problem or "could not find expected ':'" in problem:
        remedy = "\nlook for a missing line break, a wrong indentation, or a text with ': ' that needs quotes"
    elif "expected ',' or" in problem:
        remedy = "\nlook for a missing comma or closing bracket there or in the line above"
    return f"{where}: not valid YAML: {problem}{remedy}"
