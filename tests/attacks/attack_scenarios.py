"""Library scenarios with one or two things wrong: what validates runs, is resumed and is reported on; all else is told."""

import copy
import functools
import gzip
import json
import math
import os
import random
import re
from pathlib import Path
from typing import Any

import pandas as pd
from attack_tools import Found, command

from populace import load_run, registry, trust
from populace.errors import PopulaceError, ScenarioError
from populace.scenarios import library, load, runner
from populace.scenarios.source import dump

NAMES = sorted(library())
WORDS = [
    *(
        "\x1b[31m",
        "\ud800",
        "[red]x[/red]",
        "[/]",
        "$x^{$",
        "$\\frac{1}{$",
        "<script>alert(1)</script>",
        "a\nb",
        "\u202eabc",
    ),
    *(
        "{{ 7 * 7 }}",
        "{% for x in range(10**9) %}x{% endfor %}",
        "../../etc/passwd",
        "/etc/passwd",
        "%s %(x)d",
        "",
        " ",
    ),
    *(
        "__class__",
        "os:system",
        "json:loads",
        "evil:Policy",
        "x" * 3000,
        "\u00e9\u4e2d\U0001f600",
        "no",
        "null",
        "1e5",
        "nan",
    ),
    *(
        "a/b",
        "a=b",
        "a,b",
        "a[b]",
        ".",
        "..",
        "-rf",
        "con",
        "\\",
        "'",
        '"',
        "&",
        "#x",
        "*all",
        "!!python/object:os.system",
    ),
]
NUMBERS = [
    *(-1, 0, 1, 2, 3, -0.5, 0.5, 1.5, 1e-320, 1e-9, 1e9, 1e30, 1e308, -1e308, math.nan, math.inf, -math.inf),
    *(2**31, 2**63, -(2**63), 10**30, 10**400, 1e-45, 3.0000001, 7, 64, 1000),
]
ODD = [None, True, False, [], {}, [[]], {"": None}, [1, "a", None], {"a": {"b": {}}}, "text", 1, -2.5]
SECRET = "sk-canary-0123456789abcdef"


@functools.cache
def small(name: str) -> str:
    """A library scenario with few worlds, people, ticks and arms, as JSON."""
    given = copy.deepcopy(load(name).resolved)
    given["worlds"], given["horizon"] = 2, 2
    given["episodes"] = min(given.get("episodes", 1), 2)
    given["record"] = {**given.get("record", {}), "every": 1, "users": 2, "worlds": 1}
    population = given.get("population")
    if isinstance(population, dict) and "size" in population:
        population["size"] = min(population["size"], 12)
    arms = given.get("arms") or {}
    kept = [*list(arms)[:1], *([given["reference"]] if given.get("reference") in arms else [])]
    branches = [arm["branch"] for arm in arms.values() if isinstance(arm, dict) and "branch" in arm]
    for branch in branches:
        given["horizon"], branch["at"] = 4, 2
    if arms and not branches:
        given.pop("design", None)
        given["arms"] = {arm: arms[arm] for arm in dict.fromkeys(kept)}
    for kind in ("grid", "zip"):
        for key, values in ((given.get("sweep") or {}).get(kind) or {}).items():
            given["sweep"][kind][key] = values[:2]
    return json.dumps(given)


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """Paths of all keys and entries, in depth."""
    found = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found.append((*path, key))
        found += places(item, (*path, key))
    return found


def at(value: Any, path: tuple) -> Any:
    return functools.reduce(lambda here, key: here[key], path, value)


def put(value: Any, path: tuple, new: Any) -> None:
    at(value, path[:-1])[path[-1]] = new


def renamed(value: dict, old: str, new: str) -> None:
    items = [(new if key == old else key, item) for key, item in value.items()]
    value.clear()
    value.update(items)


class Mutator:
    """Changes a scenario at random; `text` changes what was written of it.

    Args:
        rng: Luck.
        folder: Where the scenario will stand, with files that it may name.
    """

    def __init__(self, rng: random.Random, folder: Path) -> None:
        self.rng, self.folder, self.done = rng, folder, list[str]()
        self.text_changes: list = []

    def mutate(self, given: dict) -> str:
        """Some mutations of a scenario, and the YAML of what became of it."""
        for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
            how = self.rng.choice(self._milder if self.rng.random() < 0.4 else self._wilder)
            self.done.append(how.__name__)
            how(given)
        text = written(given)
        for change in self.text_changes:
            text = change(text)
        return text

    @property
    def _milder(self) -> list:
        """What may well validate."""
        return [
            self.jitter,
            self.jitter,
            self.jitter,
            self.number,
            self.swap_policy,
            self.swap_policy,
            self.delete,
            self.frame,
        ]

    @property
    def _wilder(self) -> list:
        found = [
            self.delete,
            self.rename,
            self.mistype,
            self.number,
            self.word,
            self.name,
            self.borrow,
            self.swap_world,
        ]
        return [*found, self.sweep, self.file, self.code, self.key, self.record, self.duplicate, self.text, self.arm]

    def anywhere(self, given: dict, fit=lambda value: True) -> tuple | None:
        found = [path for path in places(given) if fit(at(given, path))]
        return self.rng.choice(found) if found else None

    def delete(self, given: dict) -> None:
        if path := self.anywhere(given):
            del at(given, path[:-1])[path[-1]]

    def rename(self, given: dict) -> None:
        found = [path for path in places(given) if isinstance(path[-1], str)]
        if found:
            path = self.rng.choice(found)
            new = self.rng.choice([path[-1] + "s", path[-1][:-1], path[-1].upper(), path[-1].replace("_", "-"), "zzz"])
            renamed(at(given, path[:-1]), path[-1], new)

    def name(self, given: dict) -> None:
        """A hostile name for a key or an entry that is a name."""
        found = [p for p in places(given) if p[0] in ("arms", "population") and isinstance(p[-1], str) and len(p) > 1]
        if not found:
            return self.word(given)
        path, new = self.rng.choice(found), self.rng.choice(WORDS)
        old = path[-1]
        renamed(at(given, path[:-1]), old, new)
        if given.get("reference") == old:
            given["reference"] = new
        return None

    def mistype(self, given: dict) -> None:
        if path := self.anywhere(given):
            put(given, path, copy.deepcopy(self.rng.choice(ODD)))

    def number(self, given: dict) -> None:
        path = self.anywhere(given, lambda x: isinstance(x, (int, float)) and not isinstance(x, bool))
        if path:
            put(given, path, self.rng.choice(NUMBERS))

    def jitter(self, given: dict) -> None:
        path = self.anywhere(given, lambda x: isinstance(x, (int, float)) and not isinstance(x, bool))
        if path:
            old = at(given, path)
            put(
                given,
                path,
                old + self.rng.choice([-2, -1, 1, 2]) if isinstance(old, int) else old * self.rng.uniform(0, 3),
            )

    def word(self, given: dict) -> None:
        if path := self.anywhere(given, lambda x: isinstance(x, str)):
            put(given, path, self.rng.choice(WORDS))

    def borrow(self, given: dict) -> None:
        """A part of another scenario."""
        other = json.loads(small(self.rng.choice(NAMES)))
        if path := self.anywhere(other):
            part = at(other, path)
            for key in path[:-1]:
                if not isinstance(given, dict) or not isinstance(given.get(key), dict):
                    return
                given = given[key]
            if isinstance(given, dict):
                given[path[-1]] = part

    def swap_world(self, given: dict) -> None:
        ids = registry.worlds.names()
        given["world"] = {**(given.get("world") or {}), "id": self.rng.choice(ids)}

    def swap_policy(self, given: dict) -> None:
        agents = given.setdefault("agents", {}) or {}
        if isinstance(agents, dict):
            role = self.rng.choice([*agents, "user", "assistant"])
            known = [
                n
                for n in registry.policies.names()
                if n not in ("pocket", "llm/transformers", "llm/vllm", "llm/openai")
            ]
            old = agents.get(role)
            name = self.rng.choice(known)
            agents[role] = {**old, "policy": name} if isinstance(old, dict) and self.rng.random() < 0.5 else name

    def sweep(self, given: dict) -> None:
        paths = [".".join(map(str, p)) for p in places(given)] or ["world.id"]
        key = self.rng.choice(
            [*paths, "world.zzz", "agents.assistant", "seed", "record.every", "arms", "", "world..x", "extends"]
        )
        values = self.rng.choice(
            [[1, 2], [0.1, 0.2], ["a", "b"], [], [None], [[1], [2]], 3, {"a": 1}, [1, 1], [math.nan], [1, "x"]]
        )
        kind = self.rng.choice(["grid", "zip", "grid", "random", "each"])
        given["sweep"] = self.rng.choice(
            [{kind: {key: values}}, {kind: {key: values, "seed": [1, 2]}}, {kind: values}, values]
        )

    def file(self, given: dict) -> None:
        path = str(self.rng.choice(hostile_files(self.folder)))
        csv, world = {"file": path, "values": ["a", "b"]}, given.setdefault("world", {})
        if not isinstance(world, dict):
            return
        kind = self.rng.randrange(9)
        if kind == 0:
            given["population"] = {"size": 5, "data": csv}
        elif kind == 1:
            given["population"] = {"size": 5, "values": {"names": ["a"]}, "network": {"kind": "file", "file": path}}
        elif kind == 2:
            world["history"] = {"series": path}
        elif kind == 3:
            world["catalogue"] = path
        elif kind == 4:
            world["customers"] = path
        elif kind == 5:
            world["survey"] = {"source": self.rng.choice(["table", "shares"]), "file": path}
        elif kind == 6:
            given["agents"] = {"assistant": {"policy": "llm/random", "persona": path}}
        elif kind == 7:
            given["agents"] = {"assistant": {"policy": "llm/random", "tape": path}}
        else:
            given["extends"] = path

    def code(self, given: dict) -> None:
        target = self.rng.choice(
            ["evil:Policy", "evil:World", "os:system", "subprocess:run", "json:loads", "populace.tree:load", "evil"]
        )
        where = self.rng.randrange(4)
        if where == 0:
            given.setdefault("world", {})
            if isinstance(given["world"], dict):
                given["world"]["id"] = target
        elif where == 1:
            given["agents"] = {"assistant": target}
        elif where == 2:
            given["record"] = {"measures": [target]}
        else:
            given["agents"] = {"assistant": {"policy": target, "model": "m"}}

    def key(self, given: dict) -> None:
        """A language model at a server where nobody listens, and a key that belongs elsewhere."""
        seat = {"policy": "llm/openai", "model": "m", "retries": 0, "wait": 0, "timeout": 2}
        seat["base_url"] = self.rng.choice(
            [
                "http://127.0.0.1:9/v1",
                "http://user:pass@127.0.0.1:9/v1",
                "http://127.0.0.1:9/v1#x",
                "http://127.0.0.1:99999/v1",
            ]
            + [
                "file:///etc/passwd",
                "ftp://x",
                "http://",
                "",
                "http://[::1",
                "http://127.0.0.1:9/v1?key=" + SECRET,
                "x" * 300,
            ]
        )
        if self.rng.random() < 0.6:
            seat["key_env"] = self.rng.choice(["OPENAI_API_KEY", "CANARY_KEY", SECRET, "PATH", "HOME", "", "a b", "$X"])
        if self.rng.random() < 0.3:
            seat["tape"] = self.rng.choice(["t.jsonl", "s.yaml", "/tmp/attack-outside.jsonl", "~/.bashrc", "evil.py"])
        given["agents"] = {self.rng.choice(["assistant", "user"]): seat}

    def record(self, given: dict) -> None:
        given["record"] = self.rng.choice(
            [
                {"every": 10**9},
                {"users": 10**9},
                {"worlds": 0},
                {"groups": False, "users": 0},
                {"talk": "all"},
                {"every": 0},
            ]
            + [
                {"users": -1},
                {"measures": ["reward", "reward"]},
                [],
                "all",
                {"every": 1.5},
                {"talk": "none", "users": 3},
            ]
        )

    def frame(self, given: dict) -> None:
        key, value = self.rng.choice(
            [
                ("schema", 2),
                ("schema", "1"),
                ("at_end", "autoreset"),
                ("learn_every", 1),
                ("learn_every", 10**9),
                ("episodes", 2),
            ]
            + [
                ("seed", 2**63 - 1),
                ("seed", 2**63),
                ("max_tokens", 1),
                ("max_cost", 0.1),
                ("reference", "nobody"),
                ("worlds", 1),
            ]
            + [
                ("outcomes", [{"measure": "*"}]),
                ("outcomes", [{"measure": "reward", "smallest": -1}]),
                ("about", self.rng.choice(WORDS)),
            ]
            + [
                ("extends", "s.yaml"),
                ("extends", "value-lock-in"),
                ("extends", "/etc/passwd"),
                ("name", self.rng.choice(WORDS)),
            ]
            + [
                ("worlds", 10**9),
                ("population", {"size": 10**9}),
                ("horizon", 10**9),
                ("population", {"size": 1}),
                ("horizon", 1),
            ]
        )
        given[key] = value

    def arm(self, given: dict) -> None:
        inner = self.rng.choice(
            [{}, None, [], "x", {"seed": 3}, {"world.id": "populace/lockin-v0"}, {"worlds": 3}, {"zzz": 1}]
        )
        given["arms"] = {**(given.get("arms") if isinstance(given.get("arms"), dict) else {}), "new": inner}

    def duplicate(self, given: dict) -> None:
        self.text_changes.append(lambda text: self._twice(text))

    def _twice(self, text: str) -> str:
        lines = text.splitlines()
        k = self.rng.randrange(len(lines))
        return "\n".join([*lines[: k + 1], lines[k], *lines[k + 1 :]]) + "\n"

    def text(self, given: dict) -> None:
        self.text_changes.append(lambda text: self._mangled(text))

    def _mangled(self, text: str) -> str:
        k = self.rng.randrange(len(text))
        bits = [
            "\t",
            "\x00",
            "- ",
            ": ",
            "!!python/object/apply:os.system [id]",
            "&a [*a, *a]",
            "<<: *x\n",
            "%",
            "---\n",
            "\r",
            "'",
            "{",
            "?",
        ]
        return text[:k] + self.rng.choice([*bits, "\ufeff", ""]) + text[k + self.rng.choice([0, 0, 1, 5]) :]


def written(given: dict) -> str:
    """YAML as our own writer makes it, or JSON (which is YAML) where it refuses."""
    try:
        return dump(given)
    except (PopulaceError, ValueError, TypeError):
        return json.dumps(given, indent=1)


def hostile_files(folder: Path) -> list[Path]:
    """Files that a scenario may name: pipes, devices, folders, links that lead outside, bombs, and a whole table."""
    place = folder / "files"
    if not place.exists():
        place.mkdir()
        os.mkfifo(place / "pipe.csv")
        (place / "zero.csv").symlink_to("/dev/zero")
        (place / "folder.csv").mkdir()
        (place / "away.csv").symlink_to("/etc/passwd")
        (place / "loop.csv").symlink_to("loop.csv")
        (place / "bomb.csv.gz").write_bytes(gzip.compress(b"0" * 30_000_000))
        (place / "rows.csv").write_text("a,b\n" + "".join(f"{k % 7},{k % 5}\n" for k in range(60)))
        (place / "text.j2").write_text("{% for x in range(10 ** 8) %}x{% endfor %}")
        (place / "empty.csv").write_text("")
        (place / "odd.json").write_text("[" * 3000)
    return [
        *sorted(place.iterdir()),
        Path("/etc/passwd"),
        Path("/dev/stdin"),
        Path("/proc/self/environ"),
        Path("/root/x.csv"),
    ]


def attack(number: int, folder: Path) -> str:
    """One mutated scenario: told, or run, resumed and reported on."""
    rng = random.Random(0xA77AC + number)
    base = NAMES[number % len(NAMES)]
    canary = folder / "imported"
    (folder / "evil.py").write_text(f"import pathlib\npathlib.Path({str(canary)!r}).write_text('x')\n")
    mutator = Mutator(rng, folder)
    source = folder / "s.yaml"
    source.write_bytes(mutator.mutate(json.loads(small(base))).encode("utf-8", "surrogatepass"))
    try:
        return tried(source, folder, reported=number % 6 == 0 or "name" in mutator.done)
    except BaseException as error:
        error.args = (f"[{base}; {'+'.join(mutator.done)}] {error}",)
        raise
    finally:
        if canary.exists():
            raise Found(f"[{base}; {mutator.done}] code of a stranger was imported")


def tried(source: Path, folder: Path, reported: bool) -> str:
    """What became of a scenario file: how it ended, which is as it should be."""
    said = command("validate", source)
    _no_secret(said.output + (said.refusal or ""))
    if said.refusal is not None:
        # The place may be in a parent that it extends.
        if not re.search(r"s\.yaml|\S:\d+:\d+: ", said.refusal) and "memory" not in said.refusal:
            raise Found(f"a refusal without a place: {said.refusal[:300]}")
        return "refused"
    if "not checked:" in said.output:
        refused = command("run", source, "--out", folder / "run", "--no-report", "-q").refusal
        if refused is None or "needs your word" not in refused:
            raise Found(f"what was not checked ran without a word: {said.output[:300]} / {refused}")
        return "asked for a word"
    return _played(source, folder, reported)


def _played(source: Path, folder: Path, reported: bool) -> str:
    out, looks = folder / "run", [2]

    def stop() -> bool:
        looks[0] -= 1
        return looks[0] < 0

    with trust.speaking(trust.guarded()):
        scenario = load(source)
    most = max(cell.horizon * cell.episodes * cell.worlds for cell in scenario.cells)
    size = max((getattr(cell.population, "size", 0) or 0) for cell in scenario.cells)
    asks = any(options.model_dump().get("base_url") for cell in scenario.cells for _, options in cell.agents.values())
    try:
        runner.run(scenario, out, progress=runner.Progress(stop=stop))
    except ScenarioError as error:
        raise Found(f"it validates, and is refused when it runs: {error}") from None
    except PopulaceError as error:
        return _stopped(error, out, asks, size)
    if most > 5000:
        return "too long to finish"
    while runner.read_info(out)["status"] != "complete":
        looks[0] = 50
        said = command("resume", out, "-q", "--no-report")
        if said.refusal is not None:
            raise Found(f"it was interrupted, and cannot be resumed: {said.refusal}")
    if said := command("verify", out).code:
        raise Found(f"verify ends with {said} on a whole run")
    if reported and (said := command("report", out)).refusal is not None:
        raise Found(f"it cannot be reported on: {said.refusal}")
    _sound(out)
    return "run and reported on" if reported else "run"


def _stopped(error: PopulaceError, out: Path, asks: bool, size: int) -> str:
    status = runner.read_info(out)["status"] if (out / "run.json").exists() else "not begun"
    if status == "running":
        raise Found(f"its status is left as running: {error}")
    if asks and "ServerGone" in type(error).__name__:
        return "server gone"
    if "memory" in str(error) and size > 10**5:
        return "no memory"
    raise Found(f"it validates, and does not run ({status}): {type(error).__name__}: {error}") from error


def _sound(out: Path) -> None:
    """No infinite number is in a table, what is undefined is counted or NaN, and measures keep to their bounds."""
    run = load_run(out)
    steps = pd.read_parquet(out / "steps.parquet")
    if steps["value"].map(math.isinf).any():
        raise Found("infinite numbers in steps")
    _no_secret((out / "run.json").read_text() + (out / "scenario.yaml").read_text())
    for measure, rows in run.steps.groupby("measure", observed=True)["value"]:
        about = run.declared.get(str(measure), {})
        low, high = about.get("low"), about.get("high")
        slack = 1e-4 * max(1.0, abs(low or 0), abs(high or 0))
        if (low is not None and rows.min() < low - slack) or (high is not None and rows.max() > high + slack):
            raise Found(f"{measure} is {rows.min():g} to {rows.max():g}, declared {low} to {high}")


def _no_secret(text: str) -> None:
    if SECRET in text or "canary-value" in text or "root:x:0" in text:
        raise Found(f"a secret is shown: {text[:300]}")
