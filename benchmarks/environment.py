"""Where figures were measured: a figure without its machine means nothing."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from kiessig import __version__, _core

PACKAGES = ("numpy", "refnx", "jax", "jaxlib", "torch", "reflectorch")
INSTRUCTION_SETS = ("x86_64_v4", "x86_64_v3", "baseline")  # in the order of the library's own choice

PROBE = "import kiessig; kiessig.reflectivity([0.1], [], [0.0, 2.0])"


def describe(clock: str) -> dict[str, str]:
    """Everything that the figures depend on, as text by name."""
    facts = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": processor(),
        "instruction set": instruction_set(),
        "compiler": compiler(Path(_core.__file__)),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "kiessig": __version__ + revision(),
        "beside": ", ".join(f"{name} {version}" for name in PACKAGES if (version := installed(name))),
        "threads": "one, where a row does not say otherwise",
        "clock": {"cpu": "processor time of the process", "wall": "wall time"}[clock],
    }
    if hasattr(os, "getloadavg"):
        facts["load"] = f"{os.getloadavg()[0]:.1f} processes wanted to run during the last minute"
    return facts


def processor() -> str:
    """Model of the processor, and how many of its cores this process may use."""
    name = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    fields = dict(re.findall(r"^([\w ]+?)\s*: (.*)$", text.split("\n\n")[0], re.MULTILINE))
    if "model name" in fields:
        name = fields["model name"]
        if "cpu family" in fields:  # virtual machines often show no more than a brand
            name += f" (family {fields['cpu family']}, model {fields.get('model', '?')})"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def instruction_set() -> str:
    """The instruction set whose kernels run: the first of those that the library accepts, or the one it is told."""
    wanted = os.environ.get("KIESSIG_ISA")
    for name in [wanted] if wanted else INSTRUCTION_SETS:
        done = subprocess.run(
            [sys.executable, "-c", PROBE], env={**os.environ, "KIESSIG_ISA": name}, capture_output=True, check=False
        )
        if done.returncode == 0:
            return name
    return "unknown"


def compiler(binary: Path) -> str:
    """What compiled a binary, by the comment that compilers leave in it."""
    found = set(re.findall(rb"(GCC: \([^)]*\) [\d.]+|clang version [\d.]+)", binary.read_bytes()))
    return ", ".join(sorted(comment.decode() for comment in found)) or "unknown"


def revision() -> str:
    """The commit of the source tree around this file, where there is one."""
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return f", source {done.stdout.strip()}" if done.returncode == 0 else ""


def installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
