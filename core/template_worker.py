"""Renders Jinja2 templates; as a program, the worker that `templates` starts, which reads requests and writes replies.

A template in Jinja2's sandbox can reach nothing, and can still take for ever or fill the memory: by nested loops, by
`10 ** 10 ** 9`, by a filter that pads a word to a thousand million characters. No check from inside stops all of these
(some happen in one step of the interpreter, some while the template is compiled), so templates of a scenario are
rendered by this process, which may be stopped, and whose memory the system limits.

This file imports neither populace nor torch, so that the worker starts in a tenth of a second.
"""

import json
import math
import struct
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.nodes import Template

MEMORY = 1 << 30
"""Bytes of address space that the worker may use, where the system can limit that."""
LONGEST = 100_000
"""Characters of one rendered text at most."""
FROM_POWERS = 1e9
"""From here on numbers are written with a power of ten."""


def environment(strict: bool = True, sandboxed: bool = True) -> "Environment":
    """The environment in which all templates are rendered.

    Args:
        strict: Whether a name that is not known is a mistake; else it is an empty text, as are its parts.
        sandboxed: Whether it is Jinja2's sandbox; only templates of installed packages do without.
    """
    from jinja2 import ChainableUndefined, Environment, StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        def unsafe_undefined(self, obj: Any, attribute: str) -> Any:
            raise SecurityError(f"access to attribute {attribute!r} of {type(obj).__name__!r} object is unsafe")

    undefined = StrictUndefined if strict else ChainableUndefined
    kind: type[Environment] = Sandbox if sandboxed else Environment
    made = kind(undefined=undefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["words"] = lambda name: str(name).replace("_", " ")
    made.filters["number"] = lambda x: x if isinstance(x, str) else f"{float(x):.2f}"
    made.filters["capital"], made.filters["fixed"] = capital, fixed
    made.filters["figure"] = figure
    return made


def capital(text: object) -> str:
    """A text with a capital at its start."""
    said = str(text)
    return f"{said[:1].upper()}{said[1:]}"


def fixed(number: float, digits: int = 1, scale: float = 1.0) -> str:
    """A number, `scale` times as large, with so many decimals; never minus zero."""
    return f"{round(float(number) * scale, digits) + 0.0:.{digits}f}"


def figure(value: float, digits: int = 4) -> str:
    """A number in words: `50,000`, `19.99`, `0.02547`, `-3`; no needless zeros and no minus before a zero.

    Args:
        value: A finite number.
        digits: Significant digits; two decimals are written in any case.

    Raises:
        ValueError: The number is not finite, and no reader could tell what is meant.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that can be told; leave it out, or say what it stands for")
    if abs(value) >= FROM_POWERS:
        return f"{value:.{digits}g}"
    places = max(2, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
    if places > 12:
        return f"{value:.{digits}g}"
    text = f"{value:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def knowing(made: "Environment", macros: str, given: Mapping[str, object]) -> "Environment":
    """An environment whose templates know some macros, and what is `given` to all of them."""
    made.globals.update(given)
    if macros:
        module = made.from_string(macros).module
        made.globals.update({name: part for name, part in vars(module).items() if not name.startswith("_")})
    return made


@lru_cache(maxsize=16)
def _environment(macros: str, given: str) -> "Environment":
    return knowing(environment(), macros, json.loads(given))


def answered(request: dict[str, Any]) -> dict[str, object]:
    """What a request comes to: `names` and `uses` of a template, `texts`, or `error` with what is known of it."""
    from jinja2 import TemplateSyntaxError, UndefinedError, meta

    at = 0
    try:
        macros, given = request.get("macros", ""), request.get("given", {})
        made = _environment(macros, json.dumps(given))
        parsed = made.parse(request["text"])
        if request["contexts"] is None:
            if too_long(request["text"], macros, given):
                return {"error": "long", "message": f"its text is longer than {LONGEST:,} characters"}
            return {"names": sorted(meta.find_undeclared_variables(parsed) - set(made.globals)), "uses": uses(parsed)}
        template, texts = made.from_string(request["text"]), []
        for at, context in enumerate(request["contexts"]):
            parts, length = [], 0
            for part in template.generate(context):
                length += len(part)
                if length > LONGEST:
                    return {"error": "long", "message": f"its text is longer than {LONGEST:,} characters", "at": at}
                parts.append(part)
            texts.append("".join(parts))
        return {"texts": texts}
    except TemplateSyntaxError as error:
        return {"error": "syntax", "message": str(error.message), "line": error.lineno}
    except UndefinedError as error:
        return {"error": "undefined", "message": str(error.message), "at": at}
    except MemoryError:
        return {"error": "memory", "message": "it needs more memory than a template may have", "at": at}
    except Exception as error:
        return {"error": "other", "message": f"{type(error).__name__}: {error}"[:500], "at": at}


def too_long(text: str, macros: str = "", given: Mapping[str, object] | None = None) -> bool:
    """Whether a template says too much to a seat of which nothing is known; what else goes wrong then is passed over.

    Raises:
        TemplateSyntaxError: It is no template.
        SecurityError: It reaches for what the sandbox withholds.
        OverflowError: It counts further than the sandbox lets it, or a number is too large.
    """
    from jinja2.exceptions import SecurityError

    made = knowing(environment(strict=False), macros, given or {})
    template, length = made.from_string(text), 0
    try:
        for part in template.generate():
            length += len(part)
            if length > LONGEST:
                return True
    except (SecurityError, OverflowError, MemoryError):
        raise
    except Exception:
        pass
    return False


def uses(parsed: "Template") -> dict[str, list[str] | None]:
    """Each name of a parsed template with the single parts that it takes of it, or None where it takes the whole."""
    from jinja2 import nodes

    single: dict[str, list[str]] = {}
    found: Iterator[nodes.Getattr | nodes.Getitem] = parsed.find_all((nodes.Getattr, nodes.Getitem))
    for place in found:
        key = place.attr if isinstance(place, nodes.Getattr) else getattr(place.arg, "value", None)
        # `traits.items` is the mapping's own, and tells it all; `traits['items']` is a trait of that name.
        own = isinstance(place, nodes.Getattr) and hasattr(dict, key or "")
        if isinstance(place.node, nodes.Name) and isinstance(key, str) and not own:
            single.setdefault(place.node.name, []).append(key)
            place.node.name = ""  # what is left are other uses of the name
    return {**single, **dict.fromkeys(name.name for name in parsed.find_all(nodes.Name) if name.name)}


def receive(stream: BinaryIO) -> Any:
    """The next message, JSON that its reader checks; None at the end of the stream."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    body = stream.read(struct.unpack(">Q", head)[0])
    return json.loads(body)


def send(stream: BinaryIO, message: object) -> None:
    """Write one message."""
    body = json.dumps(message).encode()
    stream.write(struct.pack(">Q", len(body)) + body)
    stream.flush()


def main() -> None:
    """Answer requests until there are no more."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):
        pass
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    while (request := receive(requests)) is not None:
        send(replies, answered(request))


if __name__ == "__main__":
    main()
