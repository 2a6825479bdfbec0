"""Names are data: which characters they may hold, and how text from strangers is shown on a terminal.

Names come from scenarios and from files, and end in terminals, tables, pages and figures. A control character moves
the cursor of a terminal, a lone surrogate cannot be written to any file, and a direction override shows a name as what
it is not; so they are refused where a name enters, and made visible where text of unknown origin is printed.
"""

import re
from collections.abc import Iterable, Mapping

_LINES = "\t\n\r"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INNER = r"(?! )(?:[^\s/\\\"'<>|:;]|(?<=\w)'+(?=\w)|[ ](?![ /\\])|(?<=[^\n]{60})\n +){1,120}"
"""Name of a folder in a path, which may hold spaces; a long line of YAML may break there."""
_LAST = r"[^\s/\\\"'<>|:;,()\[\]{}]+"
_FULL_PATH = re.compile(
    rf"(?<![\w:/.~-])(?:~?/(?:{_INNER}/)+|[A-Za-z]:[\\/](?:{_INNER}[\\/])*|\\\\(?:{_INNER}\\)+){_LAST}[\\/]?"
)
_SLASH, _ENDS = r"[/\\]", "/\\"
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


def fault(text: str, lines: bool = False) -> str:
    """What is wrong with a name: `"U+001B, a control character"`, or `""` where nothing is.

    Args:
        text: The name.
        lines: Whether it is a text of several lines, in which tabs and line breaks may stand.
    """
    for pattern, what in (
        (_CONTROL, "a control character"),
        (_SURROGATE, "half of a surrogate pair, which is no character"),
        (_DIRECTION, "a control of the writing direction"),
    ):
        for found in pattern.finditer(text):
            if not (lines and found.group() in _LINES):
                return f"U+{ord(found.group()):04X}, {what}"
    return ""


def fault_in(value: object) -> str:
    """`fault` of the first text, key or value, in nested mappings and lists that has one; texts may have lines."""
    if isinstance(value, str):
        return fault(value, lines=True)
    if isinstance(value, Mapping):
        return next((found for key, item in value.items() if (found := fault(str(key)) or fault_in(item))), "")
    if isinstance(value, (list, tuple)):
        return next((found for item in value if (found := fault_in(item))), "")
    return ""


def pathless(value: object) -> object:
    """Texts, in nested mappings and lists, in which full paths are cut to their last part: `.../people.csv`.

    Where files lie on somebody's machine is private and may identify its user. Addresses such as
    `https://host/path`, relative paths and fractions stay.
    """
    if isinstance(value, str):
        return _FULL_PATH.sub(lambda found: f".../{re.split(_SLASH, found.group().rstrip(_ENDS))[-1]}", value)
    if isinstance(value, Mapping):
        return {pathless(key): pathless(item) for key, item in value.items()}
    return [pathless(item) for item in value] if isinstance(value, (list, tuple)) else value


def visible(text: str) -> str:
    r"""The text with what could steer a terminal written out, `\u001b` (as JSON does); line breaks and tabs stay."""

    def written(found: re.Match[str]) -> str:
        return found.group() if found.group() in "\t\n" else f"\\u{ord(found.group()):04x}"

    for pattern in (_CONTROL, _SURROGATE, _DIRECTION):
        text = pattern.sub(written, text)
    return text


def quoted(text: str, most: int = 80) -> str:
    """A text that was given, as messages quote it: only its beginning where it has more than `most` characters."""
    return repr(text if len(text) <= most else f"{text[: most - 3]}...")


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Dotted key -> its last parts, as many as make it unique: `biased_share` for `world.biased_share`."""
    parts = {key: key.split(".") for key in keys}
    found = {}
    for key, own in parts.items():
        others = [other for name, other in parts.items() if name != key]
        least = next((n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in others)), len(own))
        found[key] = ".".join(own[-least:])
    return found
