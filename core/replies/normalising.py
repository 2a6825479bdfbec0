"""Normalises replies: removes markdown and fences, and replaces curly quotes and full-width characters."""

import re

_LIKE = (
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # full-width forms of ASCII
    | {0x3000: " ", 0xA0: " ", 0x202F: " ", 0x2007: " ", 0x2009: " ", 0x2212: "-"}
    | {0x201C: '"', 0x201D: '"', 0x201E: '"', 0xAB: '"', 0xBB: '"', 0x2018: "'", 0x2019: "'", 0x201A: "'", 0x2032: "'"}
    | dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0xAD), "")
    | {0x2028: "\n", 0x2029: "\n", 0x0D: "\n", 0x85: "\n"}
)
"""Characters that stand for another that a form knows."""
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w+-]{0,20}[ \t]*$", re.M)
_WHOLE = re.compile(r"\s*```(?:json)?\s*\n?(.*?)\n?\s*```\s*\Z", re.S)
_HEAD = re.compile(r"^[ \t]*(?:(?:#{1,6}|[*+\u2022>-])[ \t]+)+", re.M)
# Between two letters or digits a star multiplies: 3*2 is not 32.
_EMPHASIS = re.compile(r"(?<![\w*`])[*`]+(?![*`])|(?<![*`])[*`]+(?![\w*`])|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)")


def plain(text: str) -> str:
    """Text without marks of markdown, and with plain quotes, spaces and digits; words and lines stay as they are."""
    text = _FENCE.sub("", text.replace("\r\n", "\n").translate(_LIKE))
    return _EMPHASIS.sub("", _HEAD.sub("", text)).strip()


def unfenced(text: str) -> str:
    """What stands in the one fence of markdown that a text is, or the text itself."""
    text = text.strip()
    if text.startswith("```") and text.count("```") == 2 and (found := _WHOLE.match(text)):
        return found[1].strip()
    return text
