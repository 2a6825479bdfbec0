"""The command that says what is installed, what works here, and what each missing thing would give."""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from populace.cli.application import AsJson, app, print_json, say

Verdict = Literal["ok", "absent", "wrong"]

EXTRAS = {
    "llm": "models behind endpoints (llm/openai), and local models that are held to a JSON schema",
    "models": "small models that are fetched by name (populace models get smollm2)",
    "vllm": "fast local models on a GPU (llm/vllm)",
    "ray": "a run on several machines (--executor ray)",
    "s3": "run folders in an object store (s3://BUCKET/RUN)",
    "sb3": "training a seat with stable-baselines3",
    "train": "training a language model on chats (populace train)",
    "trl": "training a language model in a seat with TRL",
    "torchrl": "training a seat with TorchRL",
    "rllib": "training several seats with RLlib",
    "verifiers": "worlds as environments of verifiers",
    "openenv": "worlds served with OpenEnv",
    "inspect": "worlds as tasks of Inspect",
}
"""Extra -> what it gives."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: The thing.
        verdict: `ok`, `absent` (something optional is not there) or `wrong` (something does not work).
        told: What was found.
        remedy: What to do, or what it would give; nothing where all is well.
    """

    what: str
    verdict: Verdict
    told: str
    remedy: str = ""


def examined() -> list[Finding]:
    """All findings, in the order in which they are told."""
    return [_python(), _torch(), _kernels(), _room(), *_folders(), *_extras(), *_models()]


def _python() -> Finding:
    from populace import __version__

    told = f"populace {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("version", "wrong", told, "Python 3.11, 3.12 and 3.13 are supported")
    return Finding("version", "ok", told)


def _torch() -> Finding:
    import torch

    devices = [f"cuda:{k} {torch.cuda.get_device_name(k)}" for k in range(torch.cuda.device_count())]
    told = f"torch {torch.__version__}; devices: {', '.join(['cpu', *devices])}"
    if devices:
        return Finding("devices", "ok", told)
    return Finding("devices", "ok", told, "a GPU would be used with --device cuda")


def _kernels() -> Finding:
    from populace import arithmetic
    from populace.kernels import building

    if (why := arithmetic.why_not()) is not None:
        return Finding("kernels", "wrong", f"not used: {why}", "small worlds are several times slower by torch alone")
    place = building.cache_folder(())
    if place is not None:
        with suppress(OSError):
            place.rmdir()  # it was made to see whether it can be
    where = "kept nowhere, so that each process compiles them anew" if place is None else f"kept in {place.parent}"
    return Finding("kernels", "ok" if place is not None else "wrong", f"compiled by numba, {where}")


def _room() -> Finding:
    from populace import memory

    free = memory.free()
    told = f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} processors"
    return Finding("machine", "ok", told if free is None else f"{told}, {memory.size(free)} of memory free")


def _folders() -> Iterator[Finding]:
    from populace.configuration import config_home

    for what, place in (("configuration", config_home()), ("working folder", Path.cwd())):
        there = next((folder for folder in (place, *place.parents) if folder.is_dir()), place)
        if os.access(there, os.W_OK):
            yield Finding(what, "ok", f"{place} can be written")
        else:
            remedy = (
                "what you allow a scenario is asked for each time; POPULACE_CONFIG_HOME names another folder"
                if what == "configuration"
                else "name a folder with --out"
            )
            yield Finding(what, "wrong", f"{place} cannot be written", remedy)


def _extras() -> Iterator[Finding]:
    for extra, gives in EXTRAS.items():
        if lacking := list(_lacking(extra)):
            remedy = f"pip install 'populace[{extra}]' gives {gives}"
            yield Finding(f"extra {extra}", "absent", f"without {', '.join(lacking)}", remedy)
        else:
            yield Finding(f"extra {extra}", "ok", gives)


def _lacking(extra: str) -> Iterator[str]:
    """Distributions that an extra of this distribution names and that are not here, or in another release."""
    from packaging.requirements import Requirement

    for line in metadata.requires("populace") or []:
        need = Requirement(line)
        if need.marker is None or not need.marker.evaluate({"extra": extra}) or need.marker.evaluate({"extra": ""}):
            continue
        if need.name == "populace":
            for inner in need.extras:
                yield from _lacking(inner)
            continue
        try:
            version = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            yield need.name
        else:
            if not need.specifier.contains(version, prereleases=True):
                yield f"{need.name}{need.specifier} (here is {version})"


def _models() -> Iterator[Finding]:
    from populace.agents.llm.backends.fetched import WHEELS, folder

    yield Finding("model pocket", "ok", "comes with populace")
    for name, wheel in WHEELS.items():
        if folder(name).is_dir():
            yield Finding(f"model {name}", "ok", f"in {folder(name)}")
        else:
            yield Finding(f"model {name}", "absent", wheel.about, f"populace models get {name}")


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is installed, what works on this machine, and what each missing thing would give."""
    import typer

    found = examined()
    wrong = [one for one in found if one.verdict == "wrong"]
    if as_json:
        print_json({"sound": not wrong, "findings": [asdict(one) for one in found]})
    else:
        width = max(len(one.what) for one in found)
        for one in found:
            rest = f"; {one.remedy}" if one.remedy else ""
            say(f"{one.verdict:<6}  {one.what:<{width}}  {one.told}{rest}")
        say(f"{len(wrong)} thing(s) do not work here" if wrong else "everything that is needed works")
    if wrong:
        raise typer.Exit(1)
