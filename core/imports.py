"""Code that a scenario names as `module:attribute`: whether it is installed, which files hold it, and its import.

Installed means: Python finds the module's top-level package in a folder where installations are recorded, which are the
site-packages folders of this environment, of the system and of the user, the folders that `.pth` files in them name,
and the source folder of an editable install as its metadata (`direct_url.json`) records it. The working folder, the
scenario's folder, the folder of a script and those of `PYTHONPATH` are not installed; nor is the standard library,
which holds no worlds, policies or measures, while some of its modules act when they are imported.

All other code needs the user's word. The word covers exactly the files that were read and hashed for it: the module,
and what its import statements name among files that are not installed either. They are compiled from the very bytes
that were hashed: byte-compiled files beside them are not used, as those may hold something else.
"""

import ast
import importlib
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from importlib.metadata import distributions
from importlib.util import spec_from_file_location
from json import JSONDecodeError, loads
from pathlib import Path
from types import CodeType, ModuleType
from urllib.parse import urlsplit

from populace import trust
from populace.errors import PopulaceError
from populace.trust import Need

OURS = "populace"
MOST_FILES = 1000
"""Files of a scenario's own code at most."""
MOST_BYTES = 32 << 20
"""Bytes of one of them at most."""


def leave_working_folder() -> None:
    """Take the working folder off Python's path, where it stands first with `python -m`.

    A stray `pandas.py` there would run in place of the real one. Code of the user's own that lies there is found all
    the same, under their word.
    """
    here = Path.cwd().resolve()
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]
    if here in _site_folders():  # an editable install of what lies there: found, but after everything else
        sys.path.append(str(here))


def imported(target: str) -> ModuleType:
    """The module of `module:attribute`, imported if it is installed or the current word covers it.

    Raises:
        NeedsWord: It is not installed, and the user's word does not cover it; nothing was imported.
        PopulaceError: It is a program, of the standard library, or another module of its name is in use.
        ImportError: It is not there.
    """
    name = target.partition(":")[0]
    if not all(part.isidentifier() for part in name.split(".")):
        raise ImportError(f"{name!r} is no module's name")
    if name.endswith(".__main__"):
        raise PopulaceError(f"{target!r} is a program, not a module that holds worlds, policies or measures")
    if installed(name):
        return importlib.import_module(name)
    word = trust.current()
    # What the user names is looked for where they are first: a stranger's folder may hold code of the same name.
    code = sources(name, (Path.cwd(), *word.folders) if target in word.named else word.folders)
    if name.partition(".")[0] in sys.stdlib_module_names:
        if word.code:
            return importlib.import_module(name)
        raise PopulaceError(f"{target!r}: the standard library holds no worlds, policies or measures")
    if not code and name not in sys.modules:
        raise ImportError(f"No module named {name!r}")
    word.demand(_need(target, code))
    for module, (path, _) in code.items():
        loaded = sys.modules.get(module)
        if loaded is not None and path is not None and not word.code and _place(loaded.__spec__) != path:
            raise PopulaceError(f"{target!r} is in {path}, and another module called {module!r} is in use already")
    _beside.code.update({module: held for module, held in code.items() if module not in sys.modules})
    return importlib.import_module(name)


def is_users(file: str) -> bool:
    """Whether a file holds code that runs by the user's word, not code that is installed."""
    return any(path is not None and str(path) == file for path, _ in _beside.code.values())


def _need(target: str, code: "Code") -> Need:
    # By module names and contents, not by places: the same code in another folder is the same code.
    parts = [part for name, (_, content) in sorted(code.items()) for part in (name.encode(), content)]
    files = [repr(str(path)) for path, _ in code.values() if path is not None]
    about = ", ".join(files[:8]) + (f" and {len(files) - 8} more" if len(files) > 8 else "")
    return Need("code", target, trust.digest(*parts), about)


# ---------------------------------------------------------------------- what is installed


def installed(module: str) -> bool:
    """Whether what Python would import by this name is installed; nothing is imported."""
    top = module.partition(".")[0]
    if top == OURS:
        return True
    if top == "__main__":  # the program that was started is no package that a scenario may name
        return False
    spec = _spec(top)
    place = _place(spec)
    if spec is None or place is None or top in sys.stdlib_module_names:
        return False
    folder = place.parent.parent if place.name.startswith("__init__.") else place.parent
    return folder in _site_folders() or (
        not _on_path(folder) and any(place.is_relative_to(source) for source in _editable_sources())
    )


def _spec(top: str) -> ModuleSpec | None:
    """What a top-level name would be imported from."""
    loaded = sys.modules.get(top)
    if loaded is not None:
        return loaded.__spec__
    for finder in sys.meta_path:
        if finder is not _beside and (found := finder.find_spec(top, None)) is not None:
            return found
    return None


def _place(spec: ModuleSpec | None) -> Path | None:
    """The file of a module, or the first folder of a package that has no `__init__`; links followed."""
    if spec is None:
        return None
    if spec.has_location and spec.origin:
        return Path(spec.origin).resolve()
    return next((Path(folder).resolve() for folder in spec.submodule_search_locations or ()), None)


def _on_path(folder: Path) -> bool:
    return any(Path(entry).resolve() == folder for entry in sys.path)


@lru_cache(maxsize=1)
def _site_folders() -> frozenset[Path]:
    """Folders where installations are recorded, and those that `.pth` files in them name."""
    paths = sysconfig.get_paths()
    folders = [paths["purelib"], paths["platlib"], *site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    todo, found = [Path(folder).resolve() for folder in folders], set[Path]()
    while todo:
        folder = todo.pop()
        if folder in found:
            continue
        found.add(folder)
        # That of an environment made inside another one names others. Any other folder that is named, such as the
        # source of a package that is being worked on, may hold files of strangers: what they name is not installed.
        if folder.name not in ("site-packages", "dist-packages"):
            continue
        for file in folder.glob("*.pth"):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    todo.append((folder / line.strip()).resolve())
    return frozenset(found)


@lru_cache(maxsize=1)
def _editable_sources() -> frozenset[Path]:
    """Source folders of editable installs, as their metadata record them."""
    from urllib.request import url2pathname  # which takes a while, and completion must answer at once

    found = set()
    for distribution in distributions(path=[str(folder) for folder in _site_folders()]):
        try:
            about = loads(distribution.read_text("direct_url.json") or "{}")
        except JSONDecodeError:
            continue
        if about.get("dir_info", {}).get("editable") and about.get("url", "").startswith("file:"):
            found.add(Path(url2pathname(urlsplit(about["url"]).path)).resolve())
    return frozenset(found)


# ---------------------------------------------------------------------- code that is not

Code = dict[str, tuple[Path | None, bytes]]
"""Module -> its file (None for a package without `__init__`) and the file's content."""


def sources(module: str, folders: Sequence[Path]) -> Code:
    """The files that importing a module would run, as far as import statements tell; installed ones left out.

    Args:
        module: Its name.
        folders: Where to look after Python's own path.

    Raises:
        PopulaceError: They are too many or too large.
    """
    places = [*sys.path, *map(str, folders)]
    found: Code = {}
    todo = [module]
    while todo:
        for name in _with_parents(todo.pop()):
            if name in found or _elsewhere(name):
                continue
            file = _locate(name, places)
            if file is None:
                break
            found[name] = (file, _read(file)) if file.is_file() else (None, b"")
            if len(found) > MOST_FILES:
                raise PopulaceError(f"{module!r} imports more than {MOST_FILES} files: install it as a package")
            if file.suffix == ".py":
                todo += _imports(found[name][1], name, file.name == "__init__.py")
    return found


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: k + 1]) for k in range(len(parts))]


def _elsewhere(name: str) -> bool:
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or installed(top)


def _locate(name: str, places: Sequence[str]) -> Path | None:
    """The file of a module or package, or the folder of a package without `__init__`; nothing is imported."""
    spec: ModuleSpec | None = None
    for part in _with_parents(name):
        spec = PathFinder.find_spec(part, list(places))
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or ())
    place = _place(spec)
    return place if place is not None and _is_code(place) else None


def _is_code(place: Path) -> bool:
    return place.is_dir() or place.suffix == ".py" or place.name.endswith(tuple(EXTENSION_SUFFIXES))


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise PopulaceError(f"{file} has more than {MOST_BYTES >> 20} MB: install it as a package")
    return content


def _imports(content: bytes, name: str, package: bool) -> Iterator[str]:
    """Modules that import statements of a file may name; of `from a import b`, `a.b` too."""
    try:
        parsed = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # the import will tell
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = name.split(".")[: len(name.split(".")) - node.level + package] if node.level else []
            base = ".".join([*up, *([node.module] if node.module else [])])
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


class _Held(SourceLoader):
    """Compiles a module from the bytes that were hashed, and neither reads nor writes byte-compiled files."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path, self._content = str(path), content

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: str | bytes) -> bytes:
        return self._content

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._content, self._path)


class _Beside(MetaPathFinder):
    """Finds code that the user's word covers, and no other file beside it."""

    def __init__(self) -> None:
        self.code: Code = {}

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname not in self.code:
            return None
        file, content = self.code[fullname]
        if file is None:
            spec = ModuleSpec(fullname, None, is_package=True)
            return spec
        if file.suffix != ".py":
            return spec_from_file_location(fullname, file)
        inside = [str(file.parent)] if file.name == "__init__.py" else None
        return spec_from_file_location(fullname, file, loader=_Held(file, content), submodule_search_locations=inside)


_beside = _Beside()
# First, as the code of a package's modules would else be taken from byte-compiled files beside them; it holds no name
# that is installed or of the standard library.
sys.meta_path.insert(0, _beside)
