"""Hostile tables of what is talked about (`matter`) in every world of conversations: told with their name, or data only.

Cells of markup, templates, formulae and instructions are words like others: pages show them escaped, and terminals get
no character that steers them.
"""

import copy
import functools
import gzip
import json
import os
import re
import socket
import tempfile
from pathlib import Path

from attack_files import PRODUCTS, SAME, WRONG, _bomb, cell, rows
from attack_tools import Found, command

from populace.folder import TABLES
from populace.scenarios import load, runner

CLAIMS = "topic,truth,claim,honest,pleasing\n" + "".join(
    f"{topic},{'yes' if k % 2 else 'no'},claim {topic} {k} holds,honest words {k},pleasing words {k}\n"
    for topic in ("therapy", "off_domain")
    for k in range(6)
)
QUESTIONS = "domain,ambiguous,harmful,goal,clear,vague,meaning_1,answer_1,meaning_2,answer_2,safe\n" + "".join(
    f"rivers,{a},{h},where river {a}{h}{k} ends,Where does the river {a}{h}{k} end?,Where does it end?,"
    f"the river {a}{h}{k},sea {k},the road {a}{h}{k},town {k},ask a guide\n"
    for a in ("yes", "no")
    for h in ("yes", "no")
    for k in range(3)
)
GOODS = "category,name,eco,quality,price,description,verdict\n" + "".join(
    f"kettles,Kettle{k},{'yes' if k % 2 else 'no'},{('poor', 'fair', 'good')[k % 3]},{10 + k},A kettle of {k} litres.,It boils.\n"
    for k in range(9)
)
LINES = "".join(
    json.dumps({"goal": f"Who won the cup {k}?", "ground_truth": f"singleAnswer###Team {k}"})
    + "\n"
    + json.dumps({"goal": f"Who won {k}?", "ground_truth": f"multipleQAs###Meaning 0: Who won at home {k}?; Answer 0: Team {k}\nMeaning 1: Who won away {k}?; Answer 1: Others {k}"})
    + "\n"
    for k in range(6)
)  # fmt: skip
HEAD = {
    "schema": 1,
    "name": "m",
    "worlds": 2,
    "horizon": 2,
    "population": {"size": 6},
    "record": {"worlds": 2, "talk": "all"},
}
GIVEN: dict[str, tuple[dict, str, str]] = {
    "drift": ({"id": "populace/drift-v0", "topics": ["therapy"], "probes": 2, "matter": "FILE"}, CLAIMS, ".csv"),
    "payoff": ({"id": "populace/payoff-v0", "matter": "FILE", "questions": {"ambiguous": 0.5}}, QUESTIONS, ".csv"),
    "ambigqa": ({"id": "populace/payoff-v0", "matter": "FILE", "questions": {"ambiguous": 0.5}}, LINES, ".jsonl"),
    "shopping": ({"id": "populace/shopping-v0", "catalogue": "products.csv", "matter": "FILE", "phases": ["message", "decide"]}, GOODS, ".csv"),
}  # fmt: skip
HOSTILE = {
    "script": "<script>alert(1)</script>", "closed comment": "--><img src=x onerror=alert(1)>", "closed tag": "</pre></td></html>",
    "markup": "[bold red]x[/bold red]", "closed markup": "x [/] y", "link": "[link=file:///etc/passwd]x[/link]",
    "template": "{{ ''.__class__.__mro__ }}", "loop": "{% for x in range(10 ** 9) %}x{% endfor %}", "format": "{0.__class__} %s %(x)s {}",
    "mathtext": "$x^{$", "LaTeX": "\\input{/etc/passwd} \\write18{id}", "formula": "=HYPERLINK(1)", "entity": "&lt;b&gt; &#0; &nbsp;",
    "regular expression": "(a+)+$ [z-a] \\1 (?P<x>", "a choice": "Choice: 2 Rating: 9", "thinking": "</think> I refuse", "JSON": '""{"act": 1}""',
    "long": "word " * 1900, "too long": "w" * 10_001, "escape": "a\x1b[31mb", "bell": "a\x07b", "zero": "a\x00b", "C1": "a\x9bb",
    "right to left": "a\u202eb", "no width": "\u200b", "only signs": "?!.", "only an article": "the", "line separator": "a\u2028b",
    "emoji": "\U0001f600", "combining": "e" + "\u0301" * 500, "spaces": "   ", "nothing": "", "missing": "NA", "yes": "yes", "number": "1e400",
    "bars": "|||", "full-width": "\uff59\uff45\uff53", "upper case": "YES",
}  # fmt: skip
"""Cells."""
PLACES = (
    "pipe",
    "folder",
    "device",
    "socket",
    "link outside",
    "link to itself",
    "outside",
    "bomb",
    "cut gzip",
    "none",
    "endless name",
)
LINE = {
    "deep": b"[" * 100_000 + b"\n", "no object": b"3\n", "null": b"null\n", "NaN": b'{"goal": NaN, "ground_truth": "singleAnswer###x"}\n',
    "surrogate": b'{"goal": "\\ud800", "ground_truth": "singleAnswer###x"}\n', "no kind": b'{"goal": "a", "ground_truth": "x"}\n',
    "no answer": b'{"goal": "a", "ground_truth": "singleAnswer###"}\n', "a number": b'{"goal": 1, "ground_truth": 2}\n',
    "lists": b'{"goal": ["a"], "ground_truth": {"b": 1}}\n', "script": b'{"goal": "<script>alert(1)</script>", "ground_truth": "singleAnswer###<script>"}\n',
    "markup": b'{"goal": "[/] [red]", "ground_truth": "singleAnswer###[/]"}\n', "escape": b'{"goal": "a\\u001b[31m", "ground_truth": "singleAnswer###x"}\n',
    "a number of many digits": b'{"goal": ' + b"9" * 10_000 + b"}\n", "Latin-1": b'{"goal": "\xe9", "ground_truth": "singleAnswer###x"}\n',
    "twice": b'{"goal": "a", "goal": "b", "ground_truth": "singleAnswer###x"}\n', "many meanings": json.dumps({"goal": "m", "ground_truth": "multipleQAs###" + "\n".join(f"Meaning {k}: m{k}?; Answer {k}: a{k}" for k in range(5000))}).encode() + b"\n",
    "cut": b'{"goal": "a", "ground_tr', "quadratic": b'{"goal": "a", "ground_truth": "multipleQAs###' + b"Meaning 0: " * 20_000 + b'"}\n', "empty": b"\n\n\n",
}  # fmt: skip
TABLES_OF = [name for name, (_, _, ending) in GIVEN.items() if ending == ".csv"]
ALL = [
    *((name, "same", how) for name in TABLES_OF for how in SAME),
    *((name, "wrong", how) for name in TABLES_OF for how in WRONG),
    *((name, "place", how) for name in GIVEN for how in PLACES),
    *(
        (name, f"cell {column}", how)
        for name in TABLES_OF
        for column in range(GIVEN[name][1].split("\n")[0].count(",") + 1)
        for how in HOSTILE
    ),
    *(("ambigqa", "line", how) for how in LINE),
]
MOST = len(ALL)


def written(name: str, folder: Path, file: str) -> Path:
    """The scenario whose world talks about what is in `file`."""
    (folder / "products.csv").write_text(PRODUCTS)
    world = {key: file if value == "FILE" else value for key, value in copy.deepcopy(GIVEN[name][0]).items()}
    (folder / "s.yaml").write_text(json.dumps({**HEAD, "world": world}))
    return folder / "s.yaml"


@functools.cache
def right(name: str) -> Path:
    """The run of the table as it should be."""
    folder = Path(tempfile.mkdtemp(prefix="populace-attack-whole-"))
    (folder / f"x{GIVEN[name][2]}").write_text(GIVEN[name][1])
    return runner.run(load(written(name, folder, f"x{GIVEN[name][2]}")), folder / "run")


def attack(number: int, folder: Path) -> str:
    """One table and what is wrong with it."""
    name, kind, how = ALL[number]
    _, text, ending = GIVEN[name]
    right(name)
    file, kept = folder / f"x{ending}", []
    if kind == "place":
        file, kept = _placed(how, file, text, folder)
    elif kind == "line":
        file.write_bytes(text.encode() + LINE[how])
    elif kind.startswith("cell"):
        quoted = '"' + HOSTILE[how].replace('"', '""') + '"'
        file.write_text(cell(text, quoted, column=int(kind.split()[1])), encoding="utf-8")
    else:
        file.write_bytes((SAME if kind == "same" else WRONG)[how](rows(text, lambda lines: lines)))
    try:
        return _judged(name, kind.split()[0], how, written(name, folder, str(file) if how == "outside" else file.name))
    except BaseException as error:
        error.args = (f"[{name}, {kind}: {how}] {error}",)
        raise
    finally:
        for one in kept:
            one.close()


def _placed(how: str, file: Path, text: str, folder: Path) -> tuple[Path, list]:
    if how == "pipe":
        os.mkfifo(file)
    elif how == "folder":
        file.mkdir()
    elif how == "device":
        file.symlink_to("/dev/zero")
    elif how == "socket":
        one = socket.socket(socket.AF_UNIX)
        one.bind(os.path.relpath(file))
        return file, [one]
    elif how == "link outside":
        file.symlink_to("/etc/passwd")
    elif how == "link to itself":
        file.symlink_to(file.name)
    elif how == "outside":
        away = Path(tempfile.mkdtemp(prefix="populace-attack-away-")) / file.name
        away.write_text(text)
        return away, []
    elif how in ("bomb", "cut gzip"):
        file = file.with_name(file.name + ".gz")
        file.write_bytes(_bomb() if how == "bomb" else gzip.compress(text.encode())[:-9])
    elif how == "endless name":
        return folder / ("x" * 5000 + file.suffix), []
    return file, []


def _judged(name: str, kind: str, how: str, source: Path) -> str:
    folder = source.parent
    said = command("validate", source)
    outside = how in ("outside", "device", "link outside")
    if outside and "not checked" not in said.output:
        raise Found("a table outside the scenario's folder is read by validate")
    if said.refusal is not None:
        told = said.refusal
        if not re.search(r"x\.(csv|jsonl)|x{50}|products\.csv", told):
            raise Found(f"the file is not named: {told[:300]}")
        if "root:x:0" in told or (len(told) > 1500 and kind != "place"):
            raise Found(f"its content is shown at length: {told[:300]}")
        return f"{kind}: told"
    out = folder / "run"
    ran = command("run", source, "--out", out, "-q")
    if outside:
        if ran.refusal is None or "needs your word" not in ran.refusal:
            raise Found("a table outside the scenario's folder is read without a word")
        return "place: asked for a word"
    if ran.refusal is not None:
        raise Found(f"it validates and does not run: {ran.refusal[:400]}")
    if kind == "place":
        raise Found("it is read as a table")
    page = (out / "report.html").read_text(encoding="utf-8")
    for bad in ("<script>alert", "<img src=x", "</pre></td></html>", "\x1b", "\x07", "\x9b", "\u202e"):
        if bad in page:
            raise Found(f"the page holds {bad!r}: ...{page[max(0, page.index(bad) - 150) : page.index(bad) + 50]!r}")
    if command("verify", out).code:
        raise Found("verify finds damage")
    same = all(
        (out / f"{table}.parquet").exists() == (right(name) / f"{table}.parquet").exists()
        and (
            not (out / f"{table}.parquet").exists()
            or (out / f"{table}.parquet").read_bytes() == (right(name) / f"{table}.parquet").read_bytes()
        )
        for table in TABLES
    )
    if kind in ("same", "wrong") and not same:
        raise Found("it is read to other tables" + ("" if kind == "same" else ", and nothing is said"))
    return f"{kind}: read{' alike' if same else ''}"
