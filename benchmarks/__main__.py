"""`python -m benchmarks [SECTION ...]`: print the tables, losses too; say first what machine this is."""

import importlib
import json
import os
import platform
import sys
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

SECTIONS = {
    "ops": ("benchmarks.ops", "rows", "A tick of every scenario, by kernels and by torch"),
    "draws": ("benchmarks.draws", "rows", "Draws, products and fits, by kernels and by torch"),
    "core": ("benchmarks.coevolution", "core", "The tensor core: one million users of 19 values"),
    "flagship": ("benchmarks.coevolution", "flagship", "A tick of the flagship scenario"),
    "memory": ("benchmarks.coevolution", "memory", "Memory"),
    "others": ("benchmarks.coevolution", "others", "Other libraries on their own examples"),
    "views": ("benchmarks.coevolution", "views", "PettingZoo views"),
    "lock-in": ("benchmarks.coevolution", "lock_in", "The Bayesian lock-in model"),
    "payoff": ("benchmarks.payoff", "worlds", "Payoff games"),
    "solvers": ("benchmarks.payoff", "solvers", "Game solvers beside nashpy"),
    "shopping": ("benchmarks.shopping", "rows", "Shopping"),
    "drift": ("benchmarks.drift", "rows", "Learners"),
    "culture": ("benchmarks.culture", "rows", "Culture"),
    "executors": ("benchmarks.executors", "rows", "The same run by one process, by two, and on Ray"),
    "torchrl": ("benchmarks.torchrl", "rows", "TorchRL: native and through PettingZoo"),
    "models": ("benchmarks.language_models", "rows", "Local language models"),
    "models-gpu": ("benchmarks.language_models", "gpu", "A local language model on a GPU"),
}


def main() -> None:
    """Run the sections named on the command line, or all; write the rows to benchmarks.json too."""
    console, chosen = Console(width=130), sys.argv[1:] or list(SECTIONS)
    unknown = set(chosen) - set(SECTIONS)
    if unknown:
        sys.exit(f"unknown section {sorted(unknown)}; there are: {', '.join(SECTIONS)}")
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    console.print(machine)
    found: dict[str, object] = {"machine": machine}
    for name in chosen:
        module, function, title = SECTIONS[name]
        table = Table(title=title, title_justify="left")
        for column, justify in (("what", "left"), ("", "right"), ("unit", "left"), ("remark", "left")):
            table.add_column(column, justify=justify)  # type: ignore[arg-type]
        rows = []
        for what, amount, unit, remark in getattr(importlib.import_module(module), function)():
            rows.append((what, amount, unit, remark))
            table.add_row(what, f"{amount:,.3g}" if isinstance(amount, float) else str(amount), unit, remark)
        console.print(table)
        found[name] = rows
    Path("benchmarks.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
