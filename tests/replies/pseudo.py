"""A pseudo-language: every text of a table of wordings in other letters, so that what is still English stands out."""

import csv
import io
import json
import re
from collections.abc import Callable, Collection
from importlib.resources import files

from ruamel.yaml import YAML

from populace.template_worker import environment

LETTERS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")
"""Vowels with accents: a text in which a plain vowel is left did not come from a table."""
KEPT = re.compile(
    r"</?(?:thinking|payoff|analyze|response)>|\"LLM\"|\"user\"|\b[DV]Q(?:_(?:DA|CQ|AQ))?\b|\b(?:DA|CQ|AQ)\b"
)
"""Names of the published form of four tags, which no language changes."""
_CODES = ("==", "!=", "in", "(")
"""A text in quotes behind one of these is a code that is compared, or the name that a filter takes."""


def other(text: str) -> str:
    """A text with accents, but for names that no language changes."""
    kept = KEPT.findall(text)
    parts = [part.translate(LETTERS) for part in KEPT.split(text)]
    return parts[0] + "".join(name + part for name, part in zip(kept, parts[1:], strict=True))


def english(text: str) -> list[str]:
    """The words of a text that have a plain vowel, but for names that no language changes."""
    return re.findall(r"\w*[aeiouAEIOU]\w*", KEPT.sub("", text))


def template(text: str) -> str:
    """A Jinja2 template with accents on its text and on texts in its expressions, but for codes and keys."""
    tokens = [(kind, value) for _, kind, value in environment().lex(text)]
    said = [(k, kind, value) for k, (kind, value) in enumerate(tokens) if kind != "whitespace"]
    made = [value for _, value in tokens]
    for place, (k, kind, value) in enumerate(said):
        before, after = (said[p][2] if 0 <= p < len(said) else "" for p in (place - 1, place + 1))
        subscript = before == "[" and said[place - 2][1] == "name"
        if kind == "data" or (kind == "string" and before not in _CODES and after != ":" and not subscript):
            made[k] = other(value)
    return "".join(made)


def table(package: str) -> str:
    """A package's table in the pseudo-language, as JSON."""
    own = YAML(typ="safe", pure=True).load(files(package).joinpath("words", "en.yaml").read_text(encoding="utf-8"))
    changes: dict[str, Callable[[str], str]] = {"labels": other, "prompts": template, "phrases": template}
    made = {
        part: {name: _each(value, change) for name, value in own.get(part, {}).items()}
        for part, change in changes.items()
    }
    head = {"language": "xx", "version": own["version"], "macros": template(own.get("macros", ""))}
    return json.dumps({**head, **{part: held for part, held in made.items() if held}}, ensure_ascii=False)


def _each(value: object, change: Callable[[str], str]) -> object:
    return [change(str(part)) for part in value] if isinstance(value, list) else change(str(value))


def matter(package: str, name: str, codes: Collection[str]) -> str:
    """A package's table of matter in the pseudo-language, as CSV; columns of `codes` stay."""
    rows = list(csv.reader(io.StringIO(files(package).joinpath(name).read_text(encoding="utf-8"))))
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(rows[0])
    for row in rows[1:]:
        write.writerow([cell if column in codes else other(cell) for column, cell in zip(rows[0], row, strict=True)])
    return out.getvalue()
