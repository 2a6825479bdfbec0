"""Wordings: what a world says in words, as one table per language, so that another language is data and not code.

A table is a YAML file, `words/<language>.yaml` in a package, with these parts:

- `version`: a whole number that rises when the table changes;
- `prompts`: name -> Jinja2 template; a name begins with the role and phase that it is for, as in `user.ask.system`;
- `macros`: macros that all templates may use, such as numbers in words;
- `labels`: words that replies are read for, and other words that are no sentences: name -> a text or a list of texts;
  templates know them as `labels`;
- `phrases`: what scripts say: name -> one template or several.

Templates are given plain numbers, texts, lists and mappings. Templates of installed packages are rendered here; those
of a scenario in a sandbox, by a worker process with limits of time and memory (`populace.templates`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from populace import templates, trust
from populace.errors import OptionError, PopulaceError, did_you_mean
from populace.files import changed, is_file, word_or_file
from populace.options import Options
from populace.template_worker import environment, knowing
from populace.wordings_file import Entry, parsed, read

if TYPE_CHECKING:
    from jinja2 import Environment, Template

PARTS = ("language", "version", "macros", "labels", "prompts", "phrases")
"""What a table may hold."""


@dataclass(frozen=True)
class Told:
    """A prompt that is to be put into words: its name, and what its template is given."""

    name: str
    given: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Wordings:
    """What a world says in one language.

    Attributes:
        package: The package that it belongs to, such as `populace.envs.payoff`.
        language: Its tag, such as `en`.
        version: The table's version.
        prompts: Name -> template.
        labels: Name -> a text or several.
        phrases: Name -> templates of what scripts say.
        macros: A template whose macros all templates may use.
        foreign: Names of prompts that do not come with an installed package; with them its phrases and macros where
            the whole table does not.
        whole: Whether the whole table is foreign.
    """

    package: str
    language: str
    version: int
    prompts: Mapping[str, str]
    labels: Mapping[str, str | tuple[str, ...]]
    phrases: Mapping[str, tuple[str, ...]]
    macros: str = ""
    foreign: frozenset[str] = frozenset()
    whole: bool = False

    @staticmethod
    def of(package: str, language: str) -> "Wordings":
        """The table of a language that comes with a package, or a file of the same form.

        Raises:
            NeedsWord: A stranger's scenario names a file outside its folder.
            PopulaceError: There is no such language, or the file is no whole table; with its line.
        """
        if language in languages(package):
            return _shipped(package, language)
        if not is_file(language):
            near = did_you_mean(language, languages(package))
            raise PopulaceError(
                f"language: {language!r} is neither a language of {package} ({', '.join(languages(package))}) nor a "
                f"file with a table of its wordings{near}"
            )
        trust.current().demand_read(Path(language))
        return _of_file(package, language, changed(language))

    def label(self, name: str) -> str:
        """The one text of a label."""
        found = self.labels[name]
        if not isinstance(found, str):
            raise PopulaceError(f"the label {name!r} of {self.package} ({self.language}) must be one text")
        return found

    def listed(self, name: str) -> tuple[str, ...]:
        """The texts of a label, in order."""
        found = self.labels[name]
        return (found,) if isinstance(found, str) else found

    def render(self, name: str, contexts: Sequence[Mapping[str, object]]) -> list[str]:
        """A prompt in words, once for each context.

        Args:
            name: Its name.
            contexts: What its template is given: numbers, texts, lists and mappings.

        Raises:
            PopulaceError: There is no such prompt, or its template fails.
        """
        if name not in self.prompts:
            raise PopulaceError(f"{self.package} has no wording {name!r} in {self.language}")
        if name not in self.foreign:
            template = self._compiled(name)
            if not self._used[name]:
                return [template.render().strip()] * len(contexts)
            return [template.render(context).strip() for context in contexts]
        return [text.strip() for text in self._sandboxed(name, self.prompts[name], contexts)]

    def _sandboxed(self, name: str, text: str, contexts: Sequence[Mapping[str, object]]) -> list[str]:
        try:
            return templates.rendered(text, contexts, self.macros, self._given)
        except templates.TemplateFailed as error:
            raise PopulaceError(f"wordings: {name}: the template fails: {error.message}") from None

    def one(self, name: str, /, **given: object) -> str:
        """A prompt in words, once."""
        return self.render(name, [given])[0]

    def filled(self, messages: Sequence[Sequence[tuple[str, str | Told]]]) -> list[tuple[tuple[str, str], ...]]:
        """Messages with all that is to be told put into words, in one batch per prompt."""
        wanted: dict[str, list[Mapping[str, object]]] = {}
        for chat in messages:
            for _, text in chat:
                if isinstance(text, Told):
                    wanted.setdefault(text.name, []).append(text.given)
        texts = {name: iter(self.render(name, contexts)) for name, contexts in wanted.items()}
        return [
            tuple((who, next(texts[text.name]) if isinstance(text, Told) else text) for who, text in chat)
            for chat in messages
        ]

    def phrase(self, name: str, contexts: Iterable[Mapping[str, object]]) -> list[list[str]]:
        """What scripts may say, all wordings of it, for each context."""
        given = list(contexts)
        if self.whole:
            columns = [self._sandboxed(name, text, given) for text in self.phrases[name]]
            return [list(row) for row in zip(*columns, strict=True)]
        made = [self._environment.from_string(text) for text in self.phrases[name]]
        return [[template.render(context) for template in made] for context in given]

    def knows(self, name: str) -> frozenset[str]:
        """What the template of a prompt may use: what those of the same role and phase use in the package's table."""
        table = _shipped(self.package, languages(self.package)[0]) if self.foreign else self
        seat = _seat(name)
        return frozenset().union(*(found for other, found in table._used.items() if _seat(other) == seat))

    def with_replaced(self, given: str | Mapping[str, object]) -> "Wordings":
        """The table with single prompts and labels in other words.

        Args:
            given: The path of a file with `prompts` and `labels`, as in a table, or prompts by name (`labels.<name>`
                for a label).

        Raises:
            OptionError: A name is not known, or a template uses what it is not given; its key says which.
            PopulaceError: The same of a file, with file and line.
        """
        if isinstance(given, str):
            trust.current().demand_read(Path(given))
            entries = _replacing(given, changed(given))
        else:
            entries = {name: Entry(text, None) for name, text in _flat(given)}
        prompts, labels = dict(self.prompts), dict(self.labels)
        for name, entry in entries.items():
            try:
                if name.startswith("labels."):
                    labels[name.removeprefix("labels.")] = self._label(name, entry.value)
                else:
                    prompts[name] = self._template(name, entry.value)
            except PopulaceError as error:
                if entry.place is not None:
                    raise PopulaceError(f"{entry.place}: {name}: {error}") from None
                raise OptionError(str(error), ("wordings", name), ("wordings", *name.split("."))) from None
        changed_names = {name for name in entries if not name.startswith("labels.")}
        return replace(self, prompts=prompts, labels=labels, foreign=self.foreign | changed_names)

    def _label(self, name: str, value: object) -> str | tuple[str, ...]:
        known = self.labels.get(name.removeprefix("labels."))
        if known is None:
            raise PopulaceError(_unknown(name, [f"labels.{label}" for label in self.labels]))
        found = value if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple)) else None
        texts = () if found is None else (found,) if isinstance(found, str) else found
        whole = bool(texts) and all(isinstance(text, str) and text.strip() for text in texts)
        if found is None or not whole or isinstance(found, str) != isinstance(known, str):
            raise PopulaceError(f"expected {'a text' if isinstance(known, str) else 'a list of texts'}")
        if not isinstance(known, str) and len(found) != len(known):
            raise PopulaceError(f"expected {len(known)} texts, as there are {', '.join(known)}")
        return found

    def _template(self, name: str, value: object) -> str:
        if name not in self.prompts:
            raise PopulaceError(_unknown(name, self.prompts))
        if not isinstance(value, str):
            raise PopulaceError("expected a text, a Jinja2 template")
        try:
            used = templates.names(value, self.macros, self._given)
        except templates.TemplateFailed as error:
            where = f"line {error.line} of the template" if error.line else "the template"
            raise PopulaceError(f"{where} fails: {error.message}") from None
        known = self.knows(name)
        for word in used:
            if word not in known:
                there = ", ".join(sorted(known)) or "nothing"
                raise PopulaceError(
                    f"the template uses {word!r}, which it is not given{did_you_mean(word, known)}; there is: {there}"
                )
        return value

    @property
    def digest(self) -> str:
        """SHA-256 of all that the table holds."""
        held = [self.language, self.version, self.macros, dict(self.prompts), dict(self.labels), dict(self.phrases)]
        return hashlib.sha256(json.dumps(held, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def describe(self) -> dict[str, object]:
        """What a run keeps of it, as plain constants."""
        told: dict[str, object] = {"language": self.language, "version": self.version, "sha256": self.digest}
        return told if self.whole or not self.foreign else {**told, "replaced": sorted(self.foreign)}

    def __getstate__(self) -> dict[str, object]:
        """Without compiled templates, which cannot be sent to another process."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @cached_property
    def _given(self) -> dict[str, object]:
        return {
            "labels": {name: value if isinstance(value, str) else list(value) for name, value in self.labels.items()}
        }

    @cached_property
    def _environment(self) -> "Environment":
        return knowing(environment(sandboxed=False), self.macros, self._given)

    @cached_property
    def _made(self) -> "dict[str, Template]":
        return {}

    def _compiled(self, name: str) -> "Template":
        if name not in self._made:
            self._made[name] = self._environment.from_string(self.prompts[name])
        return self._made[name]

    @cached_property
    def _used(self) -> dict[str, frozenset[str]]:
        """Prompt -> the names that its template uses."""
        from jinja2 import meta

        made = self._environment
        return {
            name: frozenset(meta.find_undeclared_variables(made.parse(text)) - set(made.globals))
            for name, text in self.prompts.items()
        }


@runtime_checkable
class Worded(Protocol):
    """A dialogue that takes its words from a table, which may be put in place of its world's own."""

    wordings: Wordings


def table_of(own: Wordings, language: str | None, replaced: str | Mapping[str, object] | None) -> Wordings:
    """A world's table, or the one of another language, with some prompts replaced.

    Raises:
        PopulaceError: There is no such language, or what is replaced does not fit.
    """
    table = own if language is None else Wordings.of(own.package, language)
    return table if replaced is None else table.with_replaced(replaced)


class WordedOptions(Options):
    """Options of a world that speaks from a table of wordings; it checks the language when it is made."""

    language: str = "en"
    """In which language prompts are written and scripts speak: the tag of a table that comes with the world, or the
    path of one of your own (see docs/language-models.md)."""


def language_of(given: str, package: str, context: object) -> str:
    """What an option says that names a language: a tag, or a file's full path.

    Raises:
        ValueError: It is neither.
    """
    return word_or_file(given, languages(package), context)


@lru_cache(maxsize=64)
def languages(package: str) -> tuple[str, ...]:
    """Tags of the languages that come with a package, English first."""
    folder = files(package).joinpath("words")
    found = [path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml")]
    return tuple(sorted(found, key=lambda tag: (tag != "en", tag)))


@lru_cache(maxsize=64)
def _shipped(package: str, language: str) -> Wordings:
    name = f"{language}.yaml"
    text = files(package).joinpath("words").joinpath(name).read_text(encoding="utf-8")
    return _table(package, language, name, parsed(text, name, PARTS), None)


@lru_cache(maxsize=16)
def _of_file(package: str, path: str, when: int) -> Wordings:
    tables = read(path, PARTS)
    named = tables["language"].get("language")
    tag = str(named.value) if named is not None else Path(path).name.split(".")[0]
    return _table(package, tag, path, tables, _shipped(package, languages(package)[0]))


@lru_cache(maxsize=64)
def _replacing(path: str, when: int) -> dict[str, Entry]:
    tables = read(path, ("version", "labels", "prompts"))
    return {**tables["prompts"], **{f"labels.{name}": entry for name, entry in tables["labels"].items()}}


def _table(
    package: str, language: str, name: str, parts: Mapping[str, Mapping[str, Entry]], like: Wordings | None
) -> Wordings:
    """A table of its parts; where it comes from a scenario, it holds what the package's own holds."""
    version = parts["version"].get("version")
    if version is None or not str(version.value).isdigit():
        raise PopulaceError(f"{name}: missing key 'version', a whole number")
    macros = parts["macros"].get("macros")
    made = Wordings(
        package,
        language,
        int(str(version.value)),
        {key: _text(entry, key) for key, entry in parts["prompts"].items()},
        {key: _one_or_more(entry) for key, entry in parts["labels"].items()},
        {key: _several(entry) for key, entry in parts["phrases"].items()},
        "" if macros is None else _text(macros, "macros"),
    )
    if like is None:
        return made
    for part in ("prompts", "labels", "phrases"):
        own, theirs = getattr(made, part), getattr(like, part)
        for key in theirs:
            if key not in own:
                raise PopulaceError(f"{name}: missing in {part}: {key!r}; a table has all that {like.language} has")
        for key in own:
            if key not in theirs:
                raise PopulaceError(f"{parts[part][key].place}: {_unknown(key, theirs)}")
    made = replace(made, foreign=frozenset(made.prompts), whole=True)
    for part, check in (("prompts", made._template), ("labels", like._label)):
        for key, entry in parts[part].items():
            try:
                check(key if part == "prompts" else f"labels.{key}", entry.value)
            except PopulaceError as error:
                raise PopulaceError(f"{entry.place}: {key}: {error}") from None
    return made


def _text(entry: Entry, name: str) -> str:
    if not isinstance(entry.value, str):
        raise PopulaceError(f"{entry.place}: {name}: expected a text")
    return entry.value


def _several(entry: Entry) -> tuple[str, ...]:
    return (entry.value,) if isinstance(entry.value, str) else tuple(entry.value)


def _one_or_more(entry: Entry) -> str | tuple[str, ...]:
    return entry.value if isinstance(entry.value, str) else tuple(entry.value)


def _flat(given: Mapping[str, object], before: str = "") -> Iterable[tuple[str, Any]]:
    """Dotted name -> value, of mappings that may be nested."""
    for name, value in given.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _seat(name: str) -> tuple[str, ...]:
    return tuple(name.split(".")[:2])


def _unknown(name: str, known: Iterable[str]) -> str:
    return f"there is no wording {name!r}{did_you_mean(name, list(known))}"
