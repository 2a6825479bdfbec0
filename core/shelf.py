"""Where scenario files of the library and of plug-ins lie; it imports nothing heavy, as shells ask while one types."""

from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from populace import trust
from populace.imports import installed
from populace.registry import manifests

ENDINGS = (".yaml", ".yml")


def shelf() -> dict[str, Path]:
    """Name -> file of every library scenario; populace's own come first, as plug-ins cannot take their names."""
    ours = files("populace.scenarios").joinpath("library")
    # Our worlds need not be imported for this: that would import gymnasium, which they are registered with.
    found = {name: path for room in sorted(ours.iterdir(), key=str) if room.is_dir() for name, path in _in(room)}
    places = [m.scenarios for m in manifests.others() if not m.scenarios.startswith("populace.")]
    places += [point.value for point in entry_points(group="populace.scenarios")]
    for place in filter(None, places):
        package, _, inner = place.partition(":")
        if not installed(package) and not trust.current().code:
            continue  # looking for its files would import it
        try:
            room = files(package).joinpath(inner) if inner else files(package)
        except ImportError:
            continue
        if room.is_dir():
            found = {**dict(_in(room)), **found}
    return found


def _in(room: Traversable) -> list[tuple[str, Path]]:
    entries = sorted(room.iterdir(), key=lambda entry: entry.name)
    return [(entry.name.rsplit(".", 1)[0], Path(str(entry))) for entry in entries if entry.name.endswith(ENDINGS)]
