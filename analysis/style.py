"""How the report looks: colours, numbers, and matplotlib figures as inline SVG that follows the page, light or dark."""

import hashlib
import html
import io
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from populace.analysis import downloads
from populace.analysis.intervals import AGREE, LARGE, summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#1a1d21", "#6a7178", "#e3e6ea"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8b6f47", "#7f7fd5")
"""The first six are of Okabe and Ito (2008, Color Universal Design), without yellow, which is lost on white."""
PARTS = ("#332288", "#117733", "#882255", "#999933", "#aa4499", "#44aa99", "#661100", "#6699cc")
"""Colours of parts of a society (segments, cultures), after Tol's muted scheme: none of them is an arm's."""
Dash: TypeAlias = str | tuple[int, tuple[float, ...]]
"""A kind of line as matplotlib takes it: "-", or an offset with lengths of strokes and gaps."""
DASHES: tuple[Dash, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))
"""Lines differ by dashes too, from the second on: colours alone are not told apart by all."""


class Stroke(TypedDict, total=False):
    """How a line is drawn, in matplotlib's words."""

    color: str
    linestyle: Dash
    linewidth: float


PIXELS = 96
"""Pixels per inch."""

TINY = 1e-4
"""Smaller numbers are written with an exponent."""

_TOKENS = {INK: "--ink", MUTED: "--muted", GRID: "--line", **{c: f"--c{i}" for i, c in enumerate(PALETTE)}}
_TOKENS |= {c: f"--d{i}" for i, c in enumerate(PARTS)}
_COORDINATES = re.compile(r'\b(?:d|x|y|x1|y1|x2|y2|cx|cy|width|height|transform|points)="[^"]*"')
_FINE = re.compile(r"(\d\.\d\d)\d+")
"""Hundredths of a point are finer than any screen; more would double the page."""
_RC: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "populace",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.unicode_minus": True,
    # Names are data: a dollar sign in one begins no formula. `svg` says so to all texts once more.
    "text.parse_math": False,
}


def figure(width: float = 4.4, height: float = 2.7) -> "tuple[Figure, Axes]":
    """A figure of one pair of axes in the page's style, without global state of pyplot."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_RC):
        fig = Figure(figsize=(width, height))
        axes = fig.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
        axes.spines[side].set_linewidth(0.7)
    axes.tick_params(colors=MUTED, labelcolor=INK, length=3, width=0.7, labelsize=8.5)
    axes.grid(True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)
    return fig, axes


def svg(fig: "Figure", alt: str) -> str:
    """The figure as inline SVG: text stays text, colours are the page's variables, `alt` is read to the blind.

    The same figure and `alt` give the same bytes.
    """
    import matplotlib as mpl
    from matplotlib.text import Text

    for label in fig.findobj(Text):
        label.set_parse_math(False)
    _fit(fig)
    out = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with mpl.rc_context(_RC), warnings.catch_warnings():
        # Text stays text: the reader's own fonts draw what matplotlib's lack.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        fig.savefig(out, format="svg", transparent=True, metadata=nothing)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.S)
    text = _COORDINATES.sub(lambda found: _FINE.sub(r"\1", found[0]), text)
    box = re.search(r'viewBox="([^"]+)"', text)
    assert box is not None
    saved = downloads.link(re.sub(r"\n\s*", "\n", text).encode("utf-8"), f"{alt[:60]}.svg", "image/svg+xml", "SVG")
    body = text[text.index(">") + 1 : text.rindex("</svg>")].replace("xlink:href", "href")
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    # What is left are clip paths and markers: no two figures of a page may share an id.
    mark = hashlib.sha256(f"{alt}{body}".encode()).hexdigest()[:8]
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>f{mark}-", body)
    for colour, token in _TOKENS.items():
        body = body.replace(colour, f"var({token})")
    body = re.sub(r"\n\s*", "\n", body)
    # Its own width, so that letters have one size on the whole page.
    width = f"width:{fig.get_size_inches()[0] * PIXELS:.0f}px"
    named = f'role="img" aria-label="{html.escape(alt, quote=True)}"'
    return f'<svg viewBox="{box[1]}" style="{width}" {named}>{body}</svg>{saved}'


def _fit(fig: "Figure") -> None:
    """Margins for the labels of the only axes; matplotlib's own layout engines would draw every figure twice."""
    axes = fig.axes[0]
    width, height = fig.get_size_inches()
    labels = axes.yaxis.get_major_formatter().format_ticks(list(axes.get_yticks()))
    left = 0.2 + 0.075 * max(map(len, labels), default=1) + (0.19 if axes.get_ylabel() else 0.0)
    bottom = 0.28 + (0.2 if axes.get_xlabel() else 0.0)
    top = 0.28 if axes.get_title(loc="left") else 0.08
    fig.subplots_adjust(left / width, bottom / height, 1 - 0.1 / width, 1 - top / height)


def look(index: int, reference: bool = False) -> Stroke:
    """Colour and dashes of the index-th arm; a reference is grey and solid."""
    if reference:
        return {"color": MUTED, "linestyle": DASHES[0]}
    return {"color": PALETTE[index % len(PALETTE)], "linestyle": dash(index + index // len(PALETTE))}


def part_look(index: int) -> Stroke:
    """Colour and dashes of the index-th segment or culture."""
    return {"color": PARTS[index % len(PARTS)], "linestyle": dash(index + index // len(PARTS))}


def dash(index: int) -> Dash:
    """The index-th kind of line."""
    return DASHES[index % len(DASHES)]


def legend(series: Mapping[str, Stroke], bare: bool = False) -> str:
    """Names beside a stroke in their colour, as HTML; bare: only the strokes, to stand in a line."""
    items = []
    for name, style in series.items():
        kind, width = style.get("linestyle", "-"), style.get("linewidth", 1.8) * 1.2
        dashes = "" if isinstance(kind, str) else f' stroke-dasharray="{" ".join(f"{width * x:.1f}" for x in kind[1])}"'
        stroke = f'stroke="var({_TOKENS[style["color"]]})" stroke-width="{width:.1f}"{dashes}'
        items.append(
            f'<span><svg class="key" viewBox="0 0 30 8" aria-hidden="true"><path d="M0 4h30" {stroke}/></svg>'
            f"{html.escape(name)}</span>"
        )
    if bare:
        return "".join(items)
    return f'<p class="legend">{"".join(items)}</p>'


def number(x: float, decimals: int | None = None) -> str:
    """A number with a proper minus; three significant digits unless told how many decimals."""
    if not math.isfinite(x):
        return "\N{EN DASH}"
    if decimals is None and 0 < abs(x) < TINY:
        return f"{x:.2e}".replace("-", "\N{MINUS SIGN}")
    if decimals is None:
        decimals = 2 if x == 0 else min(6, max(0, 2 - math.floor(math.log10(abs(x)))))
    text = f"{x:,.{decimals}f}"
    return ("0" + text[2:] if float(text.replace(",", "")) == 0 and text.startswith("-0") else text).replace(
        "-", "\N{MINUS SIGN}"
    )


def digits(mean: float, low: float, high: float) -> int | None:
    """Decimals that show two significant digits of an interval's half-width; None, for `number` to say, without one.

    A very narrow interval is cut at four significant digits of its larger end.
    """
    half, size = (high - low) / 2, max(abs(low), abs(high))
    if not (math.isfinite(half) and half > 0):
        return None
    wanted = min(1 - math.floor(math.log10(half)), 3 - math.floor(math.log10(size)))
    return min(6, max(0, wanted))


def apart(a: float, b: float, decimals: int | None) -> int | None:
    """Decimals needed to show that two numbers differ: at least `decimals`, at most 9."""
    if decimals is None and a != b and math.isfinite(a) and math.isfinite(b):
        decimals = max(0, min(9, 2 - math.floor(math.log10(abs(a - b)))))
    if decimals is None or a == b or not (math.isfinite(a) and math.isfinite(b)):
        return decimals
    while decimals < 9 and f"{a:.{decimals}f}" == f"{b:.{decimals}f}":
        decimals += 1
    return decimals


def with_interval(mean: float, low: float, high: float, sign: bool = False) -> str:
    """`0.312 [0.300, 0.325]`, with two significant digits of the half-width; only the mean without an interval.

    A very narrow interval is cut at four significant digits of its larger end.
    """
    size, decimals = max(abs(low), abs(high)), digits(mean, low, high)
    half = (high - low) / 2
    plus = "+" if sign and mean > 0 else ""
    if 0 < size < TINY:
        words = [f"{x:.2e}".replace("-", "\N{MINUS SIGN}") for x in (mean, low, high)]
        return f"{plus}{words[0]} [{words[1]}, {words[2]}]"
    text = plus + number(mean, decimals)
    return f"{text} [{number(low, decimals)}, {number(high, decimals)}]" if math.isfinite(half) else text


def two_lines(mean: float, low: float, high: float, decimals: int, sign: bool = False) -> str:
    """A number over its interval, with these digits, as HTML; only the number without an interval."""
    if not math.isfinite(mean):
        return "&ndash;"
    if 0 < max(abs(mean), abs(low), abs(high)) < TINY:
        mean_text, *ends = (f"{x:.1e}".replace("-", "\N{MINUS SIGN}") for x in (mean, low, high))
    else:
        mean_text, *ends = (number(x, decimals) for x in (mean, low, high))
    text = ("+" if sign and mean > 0 else "") + mean_text
    return f"{text}<small>[{ends[0]}, {ends[1]}]</small>" if math.isfinite(low) and math.isfinite(high) else text


MARKS = {AGREE: "\N{DAGGER}", LARGE: "\N{SECTION SIGN}", "undefined in": "\N{DOUBLE DAGGER}"}
"""Beginnings of cautions -> the marks that stand for them in tables."""


def marks(note: str) -> str:
    """The marks of a note's cautions, each with its words as a tooltip, as HTML."""
    found = ""
    for part in note.split("; "):
        for begin, sign in MARKS.items():
            if part.startswith(begin):
                found += f'<abbr class="mark" title="{html.escape(part, quote=True)}">{sign}</abbr>'
    return found


def footnotes(notes: Iterable[str]) -> str:
    """What the marks of these notes mean, a line each, as HTML; what few worlds mean stands at the top of the page."""
    lines = []
    for part in summary(list(notes)):
        sign = next((sign for begin, sign in MARKS.items() if part.startswith(begin)), "")
        if sign == MARKS["undefined in"]:
            part = "undefined (NaN or infinite) in some worlds, which are left out: point at the mark for how many"
        lines += [f"<p class='note'>{sign} {html.escape(part[0].upper() + part[1:])}.</p>"] if sign else []
    return "".join(dict.fromkeys(lines))


def cell(mean: float, low: float, high: float, note: str = "", sign: bool = False) -> str:
    """A number with its interval and the marks of its note, as HTML."""
    return with_interval(mean, low, high, sign) + marks(note)


def p_value(p: float) -> str:
    """`p < 0.001`, `p = 0.012`, or nothing where it is undefined."""
    if not math.isfinite(p):
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def whisker(mean: float, low: float, high: float, scale: float, token: str) -> str:
    """A row of a forest plot: an interval around a zero line, from -scale to scale, as inline SVG."""
    scale = scale if math.isfinite(scale) and scale > 0 else 1.0

    def x(value: float) -> str:
        return f"{80 + 74 * max(-1.0, min(1.0, value / scale)):.1f}"

    line = ""
    if math.isfinite(low) and math.isfinite(high):
        line = f'<line x1="{x(low)}" x2="{x(high)}" y1="9" y2="9" stroke="var({token})" stroke-width="2.4"/>'
    dot = f'<circle cx="{x(mean)}" cy="9" r="3.6" fill="var({token})"/>' if math.isfinite(mean) else ""
    zero = '<line x1="80" x2="80" y1="0" y2="18" stroke="var(--muted)" stroke-dasharray="2 2"/>'
    alt = html.escape(with_interval(mean, low, high), quote=True)
    return f'<svg class="whisker" viewBox="0 0 160 18" role="img" aria-label="{alt}">{zero}{line}{dot}</svg>'
