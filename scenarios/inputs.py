"""What a run is made of, by SHA-256: its resolved scenario, and every file that was read while it was built.

Files are known by name, with as many of the folders above them as it takes to tell two of the same name apart: where
they lie on somebody's machine is no part of a run.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from populace.errors import RunError
from populace.files import is_file, opened
from populace.json_types import Json, JsonObject
from populace.names import pathless
from populace.options import Options
from populace.scenarios.schema import Scenario
from populace.scenarios.source import read
from populace.scenarios.tree import plain
from populace.trust import Word

if TYPE_CHECKING:
    from populace.agents.llm.backends.hub import Snapshot

LIMITS = ("max_tokens", "max_cost")
"""Keys of a scenario that a resumed run may change, beside the `changeable` options of its policies."""
_DIGITS = 16
"""Hexadecimal digits of the hash of a single key."""
_BLOCK = 1 << 20


# ---------------------------------------------------------------------- the scenario


def changeable(options: Options) -> frozenset[str]:
    """Names of the options, in depth, that a resumed run may change."""
    return options.changeable.union(*map(changeable, options.inner().values()))


def scenario_claim(file: Path, scenario: Scenario) -> JsonObject:
    """What run.json says of the resolved scenario that was written to `file`."""
    names = [changeable(options) for cell in scenario.cells for _, options in cell.agents.values()]
    return _claim(file, sorted(frozenset().union(*names)))


def _claim(file: Path, names: Collection[str]) -> JsonObject:
    bearing = {
        key: json.dumps(pathless(value), ensure_ascii=False, sort_keys=True)
        for key, value in _leaves(plain(read(file)), "")
        if not _may_change(key, names)
    }
    keys = {key: hashlib.sha256(text.encode()).hexdigest()[:_DIGITS] for key, text in bearing.items()}
    whole = json.dumps(bearing, ensure_ascii=False, sort_keys=True)
    return {"sha256": hashlib.sha256(whole.encode()).hexdigest(), "changeable": list(names), "keys": keys}


def scenario_changes(file: Path, claim: JsonObject) -> list[str]:
    """Dotted keys of the scenario in `file` that are not as run.json says; those that may change are left out.

    Raises:
        ScenarioError: The file cannot be read.
    """
    now = _claim(file, [str(name) for name in claim.get("changeable", ())])
    if now["sha256"] == claim.get("sha256"):
        return []
    before = dict(claim.get("keys", {}))
    return [key for key in sorted({*before, *now["keys"]}) if before.get(key) != now["keys"].get(key)] or ["(a key)"]


def _leaves(value: object, key: str) -> Iterator[tuple[str, object]]:
    """Dotted key -> scalar, list or empty mapping."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def _may_change(key: str, names: Collection[str]) -> bool:
    parts = key.split(".")
    return key in LIMITS or ("agents" in parts and bool({*parts[parts.index("agents") :]} & {*names}))


# ---------------------------------------------------------------------- models of the hub


def hub_models(scenario: Scenario) -> dict[str, "Snapshot | None"]:
    """Models that a scenario names by their id on the hub: `id` or `id@revision` -> what lies in the local cache."""
    from populace.agents.llm.backends.hub import hub_id, snapshot

    found = {}
    for cell in scenario.cells:
        for _, options in cell.agents.values():
            for inner in _options(options):
                if (named := hub_id(inner)) is not None:
                    model, revision = named
                    found[model if revision is None else f"{model}@{revision}"] = snapshot(model, revision)
    return found


def model_claims(scenario: Scenario) -> dict[str, dict[str, Json]]:
    """What run.json says of models of the hub: `commit` and `files`, name -> SHA-256 and bytes; or `unverified`, why.

    Raises:
        FileError: A file of the cache cannot be read.
    """
    return {
        name: {"unverified": NOT_CACHED}
        if there is None
        else {"commit": there.commit, "files": {file.name: hashed(file) for file in files_at(there.folder)}}
        for name, there in hub_models(scenario).items()
    }


NOT_CACHED = (
    "it was not in this machine's cache when the run began, so that the files that were played are not recorded"
)


def _options(options: Options) -> Iterator[Options]:
    yield options
    for inner in options.inner().values():
        yield from _options(inner)


# ---------------------------------------------------------------------- files


def input_claims(word: Word) -> dict[str, dict[str, Json]]:
    """What run.json says of the files that were read under `word`: name -> `sha256` and `bytes`.

    A tape grows while a run is played: only what it holds now is hashed, and it is marked `grows`.

    Raises:
        FileError: One cannot be read.
    """
    tapes = {path for path in _met(word, "write") if is_file(path)}
    return {
        name: {**hashed(path), **({"grows": True} if path in tapes else {})}
        for name, path in named(_met(word, "read") | tapes).items()
    }


def _met(word: Word, kind: str) -> set[Path]:
    """Files that a word has allowed to read or write; of folders, such as a model's, all that lie directly in them."""
    found = {Path(need.what) for need in tuple(word.met) if need.kind == kind}
    return {file for path in found for file in files_at(path)}


def files_at(path: Path) -> list[Path]:
    """The file itself, or the files directly in a folder; nothing where there is neither."""
    try:
        if path.is_dir():
            return sorted(file for file in path.iterdir() if file.is_file())
        return [path] if path.is_file() else []
    except (OSError, ValueError):
        return []


def named(paths: Iterable[Path]) -> dict[str, Path]:
    """Files by name, with as many folders above them as tell them apart."""
    left, found, length = sorted({*paths}), dict[str, Path](), 1
    while left:
        names: dict[str, list[Path]] = {}
        for path in left:
            names.setdefault("/".join(path.parts[-length:]), []).append(path)
        found |= {name: same[0] for name, same in names.items() if len(same) == 1}
        left = [path for same in names.values() if len(same) > 1 for path in same]
        length += 1
    return dict(sorted(found.items()))


def hashed(path: Path, most: int | None = None) -> dict[str, Json]:
    """`sha256` and `bytes` of a file that may be read, or of its first `most` bytes.

    Raises:
        FileError: It cannot be read.
    """
    digest, count = hashlib.sha256(), 0
    with opened(path, own=True) as file:
        while block := file.read(_BLOCK if most is None else min(_BLOCK, most - count)):
            digest.update(block)
            count += len(block)
    return {"sha256": digest.hexdigest(), "bytes": count}


def input_change(path: Path, claim: JsonObject) -> str:
    """How a file that may be read differs from what run.json says of it, or "".

    Raises:
        FileError: It cannot be read.
    """
    now = hashed(path, int(claim["bytes"]) if claim.get("grows") else None)
    if now["sha256"] == claim.get("sha256"):
        return ""
    if now["bytes"] != claim.get("bytes"):
        return f"it has {now['bytes']:,} bytes, and had {claim.get('bytes'):,}"
    return "its content is another"


def places(file: Path) -> dict[Path, Path]:
    """Files that a scenario's texts name as they stand -> what is named: the file itself, or the folder it lies in.

    So inputs are found without building anything; whether they may be read is another question.
    """
    texts = [text for _, leaf in _leaves(plain(read(file)), "") for text in _texts(leaf)]
    paths = [Path(text) for text in texts if len(text) < 4000 and "\0" not in text]
    return {found: path for path in paths for found in files_at(path)}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from _texts(item)


def place_of(name: str, paths: Iterable[Path]) -> Path | None:
    """The one of some files that has this name."""
    wanted = tuple(name.split("/"))
    return next((path for path in paths if Path(os.path.abspath(path)).parts[-len(wanted) :] == wanted), None)


# ---------------------------------------------------------------------- resuming


def check_scenario(folder: Path, info: Mapping[str, object]) -> None:
    """Raise RunError where the scenario of a run folder is another than the one that its run began with."""
    claim = info.get("scenario")
    if isinstance(claim, dict) and (keys := scenario_changes(folder / "scenario.yaml", claim)):
        raise RunError(
            f"{folder}/scenario.yaml was changed after the run began: {_some(keys)}; a run cannot be resumed with "
            f"another scenario. Restore the file, or begin a new run: populace run {folder}/scenario.yaml --out OTHER"
        )


def check_models(folder: Path, info: Mapping[str, object], scenario: Scenario) -> None:
    """Raise RunError where a model of the hub is another in the local cache than when the run began."""
    claims = info.get("models")
    if not isinstance(claims, dict):
        return
    now, wrong = model_claims(scenario), []
    for name, claim in claims.items():
        there = now.get(str(name))
        if there is None or "unverified" in claim or "unverified" in there:
            continue  # a run may go on where the model is loaded anew: by the same revision
        if there != claim:
            now_, then = (str(one.get("commit"))[:12] for one in (there, claim))
            wrong.append(f"{name} ({'its files are others' if now_ == then else f'commit {now_}, was {then}'})")
    if wrong:
        raise RunError(
            f"{folder}: models that this run was built from were changed after it began: {_some(wrong)}; going on "
            "would mix two runs. Name the commit as revision in a new run"
        )


def check_inputs(folder: Path, info: Mapping[str, object], word: Word) -> None:
    """Raise RunError where a file that the run was built from is another now, or is gone.

    Args:
        folder: The run folder.
        info: Its run.json.
        word: The word under which the scenario was read and built again.
    """
    claims = info.get("inputs")
    if not isinstance(claims, dict):
        return
    known, wrong = _met(word, "read") | _met(word, "write"), []
    for name, claim in claims.items():
        path = place_of(str(name), known)
        if change := "it is not read any more" if path is None else input_change(path, claim):
            wrong.append(f"{name} ({change})")
    if wrong:
        raise RunError(
            f"{folder}: files that this run was built from were changed after it began: {_some(wrong)}; resuming "
            "would mix two runs. Restore these files, or begin a new run"
        )


def _some(items: list[str], most: int = 6) -> str:
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")
