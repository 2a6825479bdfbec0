"""From a scenario file, a library name or a mapping to a validated Scenario."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from populace import trust
from populace.budget import Limit
from populace.errors import PopulaceError, ScenarioError, UnknownName, did_you_mean
from populace.files import is_file
from populace.options import Options
from populace.recording import OwnMeasure, own_measure
from populace.scenarios import hearing
from populace.scenarios.arms import Variant, abouts, arm_nodes, check_arms, join, merge, parse_sets, spelt_out, variants
from populace.scenarios.asking import asked, untestable
from populace.scenarios.branching import linked, what_if
from populace.scenarios.cells import make_cells
from populace.scenarios.checking import check
from populace.scenarios.mistakes import Mistake, raise_all, unknown_key, unknown_name, wrong
from populace.scenarios.schema import CELL_KEYS, FRAME_KEYS, ORDER, Cell, Frame, Scenario
from populace.scenarios.source import read
from populace.scenarios.tree import Node, Place, fail, from_python, nested, plain
from populace.shelf import shelf
from populace.trust import Word

_TYPED = ("world", "population", "agents", "arms", "sweep")
_DATA = re.compile(r".*\.[A-Za-z]\w{0,9}")
"""Text that may name a data file: it has a suffix."""


def load(source: str | Path | Mapping[str, object], sets: Sequence[str] = ()) -> Scenario:
    """Read and validate a scenario with all its arms.

    Args:
        source: A file, the name of a library scenario, or a mapping of the same keys.
        sets: Overrides `dotted.key=value`, the value as YAML; they change the base, arms and sweeps change it further.

    Raises:
        ScenarioError: There is a mistake; it says where, what was expected, and how many more there are.
        NeedsWord: There is none, as far as could be checked; a file asks for what the user has not allowed.
    """
    reader = _Reader({str(path) for path in shelf().values()})
    if isinstance(source, Mapping):
        file, folder, root = None, Path.cwd(), from_python(dict(source))
        root = reader.extended(_anchored(root, folder), folder, ())
    else:
        path = find(source)
        file, folder = str(path), path.resolve().parent
        root = reader.read(path, ())
    overrides = parse_sets(sets)
    if overrides:
        root = merge(
            _spelt_arms(root) if any(key.startswith("arms.") for key, _ in overrides) else root,
            _anchored(join(overrides, root, last_wins=True), Path.cwd()),
        )
    raise_all(hearing.misplaced(root), file)
    return _scenario(root, file, folder, overrides, reader)


def load_branch(source: str | Path, arm: str, at: int, sets: Sequence[str]) -> Scenario:
    """A scenario of two arms: an arm of a scenario as it was, and what it becomes if changed after tick `at`.

    Args:
        source: The scenario's file, such as that of a run folder, or the name of a library scenario.
        arm: The arm, or a cell of its sweep by its full name.
        at: The last tick that both share.
        sets: What is other from then on: overrides `dotted.key=value` of `agents` and `world`.

    Raises:
        ScenarioError: There is a mistake.
        UnknownName: There is no such arm.
        NeedsWord: A file asks for what the user has not allowed.
    """
    reader = _Reader({str(path) for path in shelf().values()})
    path = find(source)
    root = reader.read(path, ())
    if malformed := check_arms(root):
        raise_all(malformed, str(path))
    overrides = [(key, _anchored_at(key, node)) for key, node in parse_sets(sets)]
    root = what_if(root, arm, at, overrides)
    raise_all(hearing.misplaced(root), str(path))
    return _scenario(root, str(path), path.resolve().parent, [], reader)


def _anchored_at(key: str, node: Node) -> Node:
    """An override whose files start at the current folder."""
    found = _anchored(nested(key, node), Path.cwd()).get(*key.split("."))
    assert found is not None
    return found


def _spelt_arms(root: Node) -> Node:
    """The tree with the dotted keys of its arms spelt out, so that an override finds what they hold."""
    arms = root.get("arms")
    if arms is None or not isinstance(root.value, dict) or not isinstance(arms.value, dict):
        return root
    spelt = {
        name: join(node.value.items(), node) if isinstance(node.value, dict) else node
        for name, node in arms.value.items()
    }
    return replace(root, value={**root.value, "arms": replace(arms, value=spelt)})


def find(source: str | Path) -> Path:
    """The file of a path or of a library scenario's name.

    Raises:
        ScenarioError: There is neither.
    """
    text = str(source)
    path = Path(source)
    if isinstance(source, Path) or path.suffix in (".yaml", ".yml") or "/" in text or "\\" in text or is_file(path):
        return path
    known = shelf()
    if text not in known:
        raise ScenarioError(f"no scenario is called {text!r}, and no file{did_you_mean(text, known)}")
    return known[text]


def library() -> dict[str, str]:
    """Name -> about of every library scenario, populace's own and those of plug-ins."""
    found = {}
    for name, path in sorted(shelf().items()):
        try:
            about = read(path).get("about")
            found[name] = str(about.value) if about is not None else ""
        except ScenarioError as error:
            found[name] = f"(cannot be read: {error.message})"
    return found


class _Reader:
    """Reads a scenario and the parents that it extends, and keeps what stands in files that are no library's.

    Args:
        library: Paths of the library scenarios.
    """

    def __init__(self, library: set[str]) -> None:
        self.library, self.contents = library, list[bytes]()

    def read(self, path: Path, children: tuple[Path, ...]) -> Node:
        """The tree of a file with its parents merged in; `children` are the files that led here."""
        root = read(path, None if str(path) in self.library else self.contents)
        here = Place(str(path), 1, 1)
        if root.value is None:
            raise fail("the scenario is empty; expected a mapping with the keys world, worlds, horizon, ...", here)
        if not isinstance(root.value, dict):
            raise fail("a scenario is a mapping, `key: value`, at its top level", root.place)
        folder = path.resolve().parent
        return self.extended(_anchored(root, folder), folder, (*children, path.resolve()))

    def extended(self, root: Node, folder: Path, children: tuple[Path, ...]) -> Node:
        """The tree with what it `extends` merged in."""
        root = spelt_out(root)
        node = root.get("extends")
        if node is None or not isinstance(root.value, dict):
            return root
        own = replace(root, value={key: item for key, item in root.value.items() if key != "extends"})
        if node.value is None:
            return own
        if not isinstance(node.value, str):
            raise wrong(root, ("extends",), "text: a file or a library scenario's name").error()
        beside = folder / node.value
        try:
            path = beside if is_file(beside) else find(node.value)
        except ScenarioError as error:
            raise fail(f"extends: {error.message}", node.place) from None
        if not is_file(path):
            raise fail(f"extends: there is no file {beside}", node.place)
        if path.resolve() in children:
            chain = " -> ".join(p.name for p in (*children, path))
            raise fail(f"extends goes in a circle: {chain}", node.place)
        if children and str(path) not in self.library:
            self._demand(path, children[0].parent)
        parent = self.read(path, children)
        assert isinstance(parent.value, dict)
        return merge(replace(parent, value={key: item for key, item in parent.value.items() if key != "name"}), own)

    def _demand(self, path: Path, folder: Path) -> None:
        """A parent is a file like any other: one outside the folder of the first file is read by the user's word only.

        Raises:
            NeedsWord: There is none; given for the files read so far, it holds as long as they are the same.
        """
        content = trust.digest(*self.contents)
        word = trust.opening(content, folder)
        try:
            word.demand_read(path)
        except trust.NeedsWord:
            raise trust.NeedsWord(word.lacks, content, word) from None

    def word(self, plan: list[Variant], root: Node, folder: Path) -> tuple[str, Word]:
        """The digest of the files, and the word for them; without any, all is the user's own."""
        record = root.get("record")
        trees = [*(variant.tree for variant in plan), *([record] if record is not None else [])]
        if not self.contents and not self.library & {node.place.file for tree in trees for node in tree.walk()}:
            return "", trust.current()
        content = trust.digest(*self.contents)
        named = hearing.named(trees, self.library)
        return content, trust.opening(content, folder, named, hearing.keys_named(trees, self.library))


def _anchored(root: Node, folder: Path) -> Node:
    """The tree with text that names a data file beside the scenario made its full path, wherever it is read later."""

    def anchor(node: Node) -> Node:
        if isinstance(node.value, dict):
            return replace(node, value={key: anchor(item) for key, item in node.value.items()})
        if isinstance(node.value, list):
            return replace(node, value=[anchor(item) for item in node.value])
        if isinstance(node.value, str) and len(node.value) < 1000 and _DATA.fullmatch(node.value):
            path = folder / node.value
            if is_file(path):
                return replace(node, value=str(path.resolve()), given=node.given or node.value)
        return node

    if not isinstance(root.value, dict):
        return root
    return replace(root, value={key: anchor(n) if key in _TYPED else n for key, n in root.value.items()})


def _scenario(
    root: Node, file: str | None, folder: Path, overrides: list[tuple[str, Node]], reader: _Reader
) -> Scenario:
    assert isinstance(root.value, dict)
    known = {*CELL_KEYS, *FRAME_KEYS, "arms", "sweep"}
    mistakes = [unknown_key(root, (key,), known) for key in root.value if key not in known]
    frame, found = check(Frame, root, (), without=[key for key in root.value if key not in FRAME_KEYS])
    mistakes += found
    arms = arm_nodes(root)
    reference = root.get("reference")
    if reference is not None and isinstance(reference.value, str) and reference.value not in arms:
        mistakes.append(Mistake(str(UnknownName("arm", reference.value, arms)), reference.place))
    if malformed := check_arms(root):
        raise_all(mistakes + malformed, file)
    plan = variants(root)
    first = str(reference.value) if reference is not None and reference.value else next(iter(arms))
    content, word = reader.word(plan, root, folder)
    with trust.speaking(word):
        cells, found = make_cells(plan, first, root, folder)
        cells, unlinked = linked(cells, arms, root)
        found += unlinked
        measures, wrongly = _own(root, frame)
        found += wrongly
        names = tuple(name for one in measures for name in one.declared)
        cells = [replace(cell, measures=(*cell.measures, *names)) for cell in cells]
        outcomes, unasked = asked(frame.outcomes if frame is not None else (), root, cells)
        unasked += untestable(frame.design if frame is not None else None, root, cells)
        found += [] if wrongly else unasked  # they may name a measure that could not be imported
    missed = _missed(plan, overrides)
    why = "has no effect: it is empty, or all arms or the sweep set the same keys; then override arms.<arm>.<key>"
    idle = [
        Mistake(f"{key} {why}", node.place)
        for key, node in dict(overrides).items()
        if len(missed.get(key, ())) == len(plan)
    ]
    # What follows from a refusal is no mistake of the file.
    own = [m for m in found if not (word.lacks and trust.UNHEARD in m.text)]
    raise_all(mistakes + own + idle + _unpriced(root, cells), file)
    if word.lacks:
        raise trust.NeedsWord(word.lacks, content, word)
    assert frame is not None
    name, lead = frame.name or (Path(file).stem if file is not None else "scenario"), cells[0]
    return Scenario(
        name=name,
        about=frame.about,
        outcomes=outcomes,
        design=frame.design,
        about_arms=abouts(root),
        seed=lead.seed,
        worlds=lead.worlds,
        horizon=lead.horizon,
        episodes=lead.episodes,
        record=frame.record,
        at_end=frame.at_end,
        learn_every=frame.learn_every,
        limit=Limit(frame.max_tokens, frame.max_cost),
        reference=first,
        cells=tuple(cells),
        resolved=_resolved(root, frame, name, first),
        file=file,
        own=measures,
        missed=missed,
        word=word,
    )


def _own(root: Node, frame: Frame | None) -> tuple[tuple[OwnMeasure, ...], list[Mistake]]:
    """The measures of the user's own that are to be recorded."""
    found, mistakes = [], []
    for number, name in enumerate(frame.record.measures if frame is not None else ()):
        try:
            found.append(own_measure(name))
        except PopulaceError as error:
            mistakes.append(unknown_name(root, ("record", "measures", number), error))
    return tuple(found), mistakes


def _unpriced(root: Node, cells: Sequence[Cell]) -> list[Mistake]:
    """A limit in money where no policy has a price, so that nothing would ever cost anything."""
    limit = root.get("max_cost")
    if limit is None or limit.value is None or any(map(_has_price, _policies(cells))):
        return []
    return [Mistake("max_cost needs a policy with price_in and price_out, or nothing would cost anything", limit.place)]


def _policies(cells: Sequence[Cell]) -> list[Options]:
    return [options for cell in cells for _, options in cell.agents.values()]


def _has_price(options: Options) -> bool:
    """Whether these options, or some inside them, hold a price."""
    own = getattr(options, "price_in", 0) or getattr(options, "price_out", 0)
    return bool(own) or any(map(_has_price, options.inner().values()))


def _missed(plan: list[Variant], overrides: list[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """Override of the command line -> the arms whose tree holds nothing of it."""
    notes = {variant.arm: {node.place.note for node in variant.tree.walk()} for variant in plan} if overrides else {}
    missed = {
        key: tuple(arm for arm, found in notes.items() if node.place.note not in found)
        for key, node in dict(overrides).items()
        if key.split(".")[0] in CELL_KEYS
    }
    return {key: arms for key, arms in missed.items() if arms}


def _resolved(root: Node, frame: Frame, name: str, reference: str) -> dict[str, Any]:
    """The scenario as one mapping without parents and overrides; empty sections are left out."""
    given = {key: value for key, value in plain(root).items() if value is not None}
    given |= {"schema": 1, "name": name, "record": frame.record.model_dump(), "at_end": frame.at_end}
    if "arms" in given:
        given["reference"] = reference
    given.setdefault("seed", 0)
    given.setdefault("episodes", 1)
    return {key: given[key] for key in ORDER if key in given}
