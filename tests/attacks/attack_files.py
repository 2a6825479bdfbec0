"""Hostile files for every option that takes one: told in words with their name, or read to the very same tables."""

import copy
import functools
import gzip
import io
import json
import random
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from attack_tools import Found, command
from test_hostile_files import COLUMN, DATA, LAYER, SHARES, SPEAKS, TABLE, TOLD, TWO, WALK, named, scenario

from populace.folder import TABLES
from populace.scenarios import load, runner

LUCK = random.Random(7)
PEOPLE = "a,b,job\n" + "".join(f"{k % 7 / 10},{k % 5 / 10},{'xy'[k % 2]}\n" for k in range(40))
IW = "country,traditional_to_secular,survival_to_selfexpression\n" + "".join(
    f"c{k},{LUCK.random():.3f},{LUCK.random():.3f}\n" for k in range(6)
)
CUSTOMERS = "budget,wealth,weight/rating\n" + "".join(f"{20 + k},{1 + k % 3},{1 + k / 10}\n" for k in range(6))
PRODUCTS = "title,price,rating,sponsored\n" + "".join(f"p{k},{5 + k},{k % 5},{k % 2}\n" for k in range(9))
CLAIMS = "topic,truth,claim,honest,pleasing\n" + "".join(
    f"therapy,{'yes' if k % 2 else 'no'},claim {k} holds,honest words {k},pleasing words {k}\n" for k in range(8)
)
LABELLED = "".join(
    json.dumps({"text": f"Yes, the claim number {k} is true.", "codes": ["states_true"]}) + "\n" for k in range(12)
)
TABLE_OPTIONS: dict[str, tuple[dict, str]] = {
    "data": (scenario(WALK, population={"size": 6, "data": {**DATA["data"], "segment": "job"}}), PEOPLE),
    "column": (scenario(WALK, population=COLUMN), PEOPLE),
    "network": (
        scenario(WALK, population={**TWO, "network": {"kind": "file", "file": "FILE.csv"}}),
        "source,target,weight\n" + "".join(f"{k},{(k + 1) % 10},{1 + k % 3}\n" for k in range(10)),
    ),
    "series": (
        scenario({**WALK, "history": {"series": "FILE.csv"}}, population=TWO),
        "a,b\n0.1,0.2\n0.3,0.1\n0.2,0.4\n",
    ),
    "loadings": (
        scenario({**WALK, "questionnaire": {"loadings": "FILE.csv"}}, population=TWO),
        "a,b\n" + "".join(f"{k % 3 - 1},{k % 2}\n" for k in range(64)),
    ),
    "shares": (
        scenario({**SHARES, "survey": {"source": "shares", "file": "FILE.csv"}}, population={"size": 10}),
        "culture,question,option,share\n"
        + "".join(f"{c},q{q},{o},{s}\n" for c in "AB" for q in range(2) for o, s in ((1, 0.25), (2, 0.75))),
    ),
    "table": (
        scenario({**TABLE, "survey": {**TABLE["survey"], "table": "inglehart-welzel"}}, population={"size": 10}),
        IW,
    ),
    "layer": (
        scenario(LAYER, population={"size": 10}),
        "source,target\n" + "".join(f"{k},{(k + 1) % 10}\n" for k in range(10)),
    ),
    "products": (scenario({"id": "populace/shopping-v0", "catalogue": "FILE.csv"}, population={"size": 4}), PRODUCTS),
    "customers": (
        scenario(
            {"id": "populace/shopping-v0", "catalogue": "products.csv", "customers": "FILE.csv"}, population={"size": 6}
        ),
        CUSTOMERS,
    ),
    "matter": (
        scenario({"id": "populace/drift-v0", "topics": ["therapy"], "matter": "FILE.csv"}, population={"size": 4}),
        CLAIMS,
    ),
}
TEXT_OPTIONS: dict[str, tuple[dict, str, str]] = {
    "persona": (scenario({"id": "populace/payoff-v0"}, population={"size": 4}, agents={"assistant": TOLD}), "You are {{ role }}.", ".j2"),
    "labelled": (
        scenario({"id": "populace/drift-v0"}, population={"size": 4}, agents={"assistant": SPEAKS}), LABELLED, ".jsonl"
    ),
    "tape": (
        scenario({"id": "populace/payoff-v0"}, population={"size": 4}, agents={"assistant": {"policy": "llm/random", "tape": "FILE.jsonl"}}),
        "",
        ".jsonl",
    ),
    "texts": (
        scenario({**SHARES, "survey": {"source": "shares", "file": "good.csv", "texts": "FILE.json"}}, population={"size": 10}),
        json.dumps({"q0": {"question": "One?", "options": ["a", "b"]}, "q1": {"question": "Two?", "options": ["a", "b"]}}),
        ".json",
    ),
}  # fmt: skip


def cell(text: str, new: str, row: int = 2, column: int = 0, separator: str = ",") -> str:
    lines = text.split("\n")
    cells = lines[row].split(separator)
    cells[column] = new
    lines[row] = separator.join(cells)
    return "\n".join(lines)


def rows(text: str, change: Callable[[list[str]], list[str]]) -> str:
    return "\n".join(change(text.rstrip("\n").split("\n"))) + "\n"


def zipped(raw: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("x.csv", raw)
    return held.getvalue()


SAME: dict[str, Callable[[str], bytes]] = {
    "BOM": lambda t: b"\xef\xbb\xbf" + t.encode(),
    "UTF-16 LE": lambda t: b"\xff\xfe" + t.encode("utf-16-le"),
    "UTF-16 BE": lambda t: b"\xfe\xff" + t.encode("utf-16-be"),
    "CRLF": lambda t: t.replace("\n", "\r\n").encode(),
    "CR only": lambda t: t.replace("\n", "\r").encode(),
    "quoted": lambda t: rows(t, lambda ls: [",".join(f'"{c}"' for c in line.split(",")) for line in ls]).encode(),
    "no last line end": lambda t: t.rstrip("\n").encode(),
    "empty lines at the end": lambda t: (t + "\n\n").encode(),
    "spaces around": lambda t: rows(t, lambda ls: [" , ".join(line.split(",")) for line in ls]).encode(),
}
"""Read to the same tables, or refused."""
WRONG: dict[str, Callable[[str], bytes]] = {
    "semicolons": lambda t: t.replace(",", ";").encode(),
    "tabs": lambda t: t.replace(",", "\t").encode(),
    "semicolons and decimal commas": lambda t: t.replace(",", ";").replace(".", ",").encode(),
    "a Latin-1 letter in the header": lambda t: rows(
        t, lambda ls: [ls[0] + ",\xe9t\xe9", *[x + ",1" for x in ls[1:]]]
    ).encode("latin-1"),
    "a longer row": lambda t: rows(t, lambda ls: [*ls[:3], ls[3] + ",9", *ls[4:]]).encode(),
    "a shorter row": lambda t: rows(t, lambda ls: [*ls[:3], ls[3].rpartition(",")[0], *ls[4:]]).encode(),
    "all rows longer": lambda t: rows(t, lambda ls: [ls[0], *[line + ",9" for line in ls[1:]]]).encode(),
    "a column twice": lambda t: rows(t, lambda ls: [f"{line},{line.split(',')[0]}" for line in ls]).encode(),
    "the header once more": lambda t: rows(t, lambda ls: [*ls[:3], ls[0], *ls[3:]]).encode(),
    "an open quote": lambda t: cell(t, '"0.5').encode(),
    "zero bytes": lambda t: t.replace("0", "\0").encode() if "0" in t else b"\0" + t.encode(),
    "UTF-16 without a mark": lambda t: t.encode("utf-16-le"),
    "UTF-16 cut off": lambda t: b"\xff\xfe" + t.encode("utf-16-le")[:-1],
    "UTF-32": lambda t: t.encode("utf-32")[:-2],
    "a zip": lambda t: zipped(t.encode()),
    "gzip without saying so": lambda t: gzip.compress(t.encode()),
    "a Parquet file": lambda t: b"PAR1" + t.encode() + b"PAR1",
    "nothing": lambda t: b"",
    "spaces": lambda t: b"   \n  \n",
    "a line of a million commas": lambda t: b"," * 1_000_000,
    "the first half of a line": lambda t: t[: len(t) // 2].encode().rpartition(b",")[0],
    "a field of ten million letters": lambda t: cell(t, "x" * 10_000_000).encode(),
    "JSON": lambda t: json.dumps([{"a": 1}]).encode(),
}
"""Refused, with the name of the file."""
NUMERIC: dict[str, str] = {
    "infinite": "inf", "minus infinite": "-Infinity", "not a number": "nan", "beyond double": "1e400", "a word": "many",
    "a share": "12%", "a decimal comma": '"0,5"', "thousands": '"1,000"', "hexadecimal": "0x10", "full-width": "\uff15",
    "a date": "2020-01-01", "empty": "", "two numbers": "1 2", "a formula": "=1+1", "half of a pair": "NULL",
    "Arabic digits": "\u0663", "a mark of missing": "#N/A", "a fraction": "\u00bd", "minus": "\u22125", "underscores": "1_0",
}  # fmt: skip
"""Cells that are no number."""
NUMBER_COLUMN = {"shares": 3, "table": 1, "products": 1, "matter": None}
"""Column that holds numbers, where it is not the first."""
TEXTS: dict[str, Callable[[str], bytes]] = {
    "Latin-1": lambda t: t.encode() + "\xe9\xe8".encode("latin-1"),
    "zero bytes": lambda t: t.encode() + b"\0\0",
    "deep": lambda t: b'{"a":' * 100_000,
    "deep lists": lambda t: b"[" * 100_000 + b"]" * 100_000,
    "a number of many digits": lambda t: b"9" * 10_000,
    "not a number": lambda t: b'{"text": NaN, "codes": [Infinity]}\n',
    "half of a pair": lambda t: b'{"text": "\\ud800", "codes": ["states_true"]}\n',
    "gzip": lambda t: gzip.compress(t.encode()),
    "null": lambda t: b"null\n",
    "cut off": lambda t: (t or '{"key": "').encode()[:-9],
    "an endless loop": lambda t: b"{% for x in range(10 ** 8) %}{{ x }}{% endfor %}",
    "an attribute": lambda t: b"{{ ''.__class__.__mro__ }}{{ self._TemplateReference__context }}",
}
ALL = (
    [(option, "same", name) for option in TABLE_OPTIONS for name in SAME]
    + [(option, "wrong", name) for option in TABLE_OPTIONS for name in WRONG]
    + [(option, "number", name) for option in TABLE_OPTIONS if option != "matter" for name in NUMERIC]
    + [(option, "bomb", name) for option in TABLE_OPTIONS for name in ("bomb", "bomb of rows", "cut off", "two in one")]
    + [(option, "text", name) for option in TEXT_OPTIONS for name in TEXTS]
)
MOST = len(ALL)


def _given(option: str) -> tuple[dict, str, str]:
    if option in TEXT_OPTIONS:
        return TEXT_OPTIONS[option]
    return (*TABLE_OPTIONS[option], ".csv")


def _place(folder: Path) -> None:
    (folder / "products.csv").write_text(PRODUCTS)
    (folder / "good.csv").write_text(TABLE_OPTIONS["shares"][1])


@functools.cache
def right(option: str) -> Path:
    """The run of the file as it should be."""
    folder = Path(tempfile.mkdtemp(prefix="populace-attack-whole-"))
    _place(folder)
    given, text, ending = _given(option)
    (folder / f"x{ending}").write_text(text)
    (folder / "s.yaml").write_text(json.dumps(named(copy.deepcopy(given), "x")))
    return runner.run(load(folder / "s.yaml"), folder / "run")


def attack(number: int, folder: Path) -> str:
    """One option and what stands in its file."""
    option, kind, name = ALL[number]
    given, text, ending = _given(option)
    if kind == "text":
        raw = TEXTS[name](text)
    elif kind == "bomb":
        ending, raw = ".csv.gz", _packed(name, text)
    elif kind == "number":
        raw = cell(text, NUMERIC[name], column=NUMBER_COLUMN.get(option, 0) or 0).encode()
    else:
        raw = (SAME if kind == "same" else WRONG)[name](text)
    _place(folder)
    (folder / f"x{ending}").write_bytes(raw)
    written = (
        json.dumps(named(copy.deepcopy(given), "x")).replace('"x.csv"', f'"x{ending}"')
        if kind == "bomb"
        else json.dumps(named(copy.deepcopy(given), "x"))
    )
    (folder / "s.yaml").write_text(written)
    try:
        return _judged(option, kind, name, folder)
    except BaseException as error:
        error.args = (f"[{option}: {name}] {error}",)
        raise


def _packed(name: str, text: str) -> bytes:
    if name == "bomb":
        return _bomb()
    if name == "bomb of rows":
        return gzip.compress((text + text.split("\n")[-2] + ",\n").encode() + b"\n" * 50_000_000)
    if name == "two in one":
        half = len(text.encode()) // 2
        return gzip.compress(text.encode()[:half]) + gzip.compress(text.encode()[half:])
    return gzip.compress(text.encode())[:-9]


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(1_100_000_000), 1)


def _judged(option: str, kind: str, name: str, folder: Path) -> str:
    said = command("validate", folder / "s.yaml")
    if said.refusal is not None:
        if "x." not in said.refusal and "products.csv" not in said.refusal:
            raise Found(f"the file is not named: {said.refusal[:300]}")
        if "xxxxxxxxxx" in said.refusal.replace("x" * 37, "") and len(said.refusal) > 1500:
            raise Found("its content is shown at length")
        return f"{kind}: told"
    out = folder / "run"
    ran = command("run", folder / "s.yaml", "--out", out, "-q", "--no-report")
    if ran.refusal is not None:
        raise Found(f"it validates and does not run: {ran.refusal[:400]}")
    same = all(
        (out / f"{t}.parquet").exists() == (right(option) / f"{t}.parquet").exists()
        and (
            not (out / f"{t}.parquet").exists()
            or (out / f"{t}.parquet").read_bytes() == (right(option) / f"{t}.parquet").read_bytes()
        )
        for t in TABLES
    )
    if kind in ("same",) or name == "two in one":
        if not same:
            raise Found("it is read to other tables")
        return f"{kind}: read alike"
    if kind in ("wrong", "number", "bomb") and not same:
        raise Found("it is read to other tables, and nothing is said")
    if kind in ("wrong", "number", "bomb"):
        return f"{kind}: read alike"
    shutil.rmtree(out)
    return f"{kind}: read"
