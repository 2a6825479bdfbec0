"""What every table of the page has: a caption, headers with a scope, and a frame that can be scrolled by keyboard.

Sections come from worlds and plug-ins as HTML; here they are brought to one form.
"""

import html
import re
from collections import Counter

_TABLE = re.compile(r"(?:<div class=['\"]scroll['\"]>)?(<table\b.*?</table>)(?:</div>)?", re.S)
_SVG = re.compile(r"<svg\b.*?</svg>", re.S)
_ID = re.compile(r'\bid="(f[0-9a-f]{8})-')
"""How `style.svg` begins the ids of a picture: by a hash of it."""
_HEAD = re.compile(r"<thead\b.*?</thead>", re.S)
_TH = re.compile(r"<th(?![\w-])((?:(?!scope=)[^>])*)>")


def accessible(body: str, title: str) -> str:
    """The HTML of a section with all its tables captioned, scoped and framed.

    Args:
        body: Its HTML.
        title: Its heading: the caption of a table that has none.
    """
    count = 0

    def framed(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        table = found[1]
        if "<caption" not in table:
            table = re.sub(r"(<table\b[^>]*>)", rf"\1<caption>{_escaped(title)}</caption>", table, count=1)
        table = _HEAD.sub(lambda head: _TH.sub(r'<th scope="col"\1>', head[0]), table)
        table = re.sub(
            r"<th(?![\w-])((?:(?!scope=)[^>])*colspan(?:(?!scope=)[^>])*)>", r'<th scope="rowgroup"\1>', table
        )
        table = _TH.sub(r'<th scope="row"\1>', table)
        caption = re.search(r"<caption>(.*?)</caption>", table, re.S)
        name = re.sub(r"<[^>]+>", "", caption[1]) if caption else title
        label = html.escape(f"{html.unescape(name)}, table {count} of {title}", quote=True)
        return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">{table}</div>'

    return _TABLE.sub(framed, body)


def _escaped(title: str) -> str:
    return html.escape(title).replace("\\", "\\\\")


def unique(page: str) -> str:
    """The page with an id once only: a picture that is drawn twice names its parts anew the second time."""
    seen: Counter[str] = Counter()

    def renamed(found: re.Match[str]) -> str:
        body = found[0]
        for prefix in dict.fromkeys(_ID.findall(body)):
            seen[prefix] += 1
            if seen[prefix] > 1:
                body = body.replace(f"{prefix}-", f"{prefix}v{seen[prefix]}-")
        return body

    return _SVG.sub(renamed, page)
