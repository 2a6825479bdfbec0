"""A run folder is what it claims, and a changed scenario or input file is not resumed into a mixture."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from test_runner import trial

from populace.analysis import load_run
from populace.budget import NOTHING, Limit, Spending
from populace.errors import RunError
from populace.folder import read_info, write_info
from populace.scenarios import inputs, library, load, runner
from populace.scenarios.runner.spending import FolderAccount
from populace.scenarios.source import dump
from populace.scenarios.verifying import verify

NAMES = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]


def with_people(folder, **changes):
    """The trial with people of a file beside it, as a scenario file."""
    rows = [{name: (k * (j + 1)) % 7 / 10 for j, name in enumerate(NAMES)} for k in range(40)]
    pd.DataFrame(rows).to_csv(folder / "people.csv", index=False)
    population = {"size": 30, "data": {"file": "people.csv", "values": NAMES}}
    (folder / "trial.yaml").write_text(dump(trial(population=population, **changes)))
    return folder / "trial.yaml"


def cut_off(source, out, looks=3):
    """A run that was asked to stop after so many looks."""
    left = [looks]

    def stop():
        left[0] -= 1
        return left[0] < 0

    return runner.run(load(source), out, progress=runner.Progress(stop=stop))


def wrong(folder):
    return {one.what: one.told for one in verify(folder) if one.verdict == "wrong"}


def unknown(folder):
    return {one.what for one in verify(folder) if one.verdict == "unknown"}


@pytest.fixture
def halted(tmp_path):
    folder = cut_off(with_people(tmp_path), tmp_path / "run")
    assert read_info(folder)["status"] == "interrupted"
    return folder


def test_a_run_says_what_it_was_made_of(tmp_path):
    folder = runner.run(load(with_people(tmp_path)), tmp_path / "run")
    text = (folder / "run.json").read_text()
    info = json.loads(text)
    assert list(info["inputs"]) == ["people.csv"]
    assert info["inputs"]["people.csv"]["bytes"] == (tmp_path / "people.csv").stat().st_size
    assert len(info["scenario"]["sha256"]) == 64
    assert str(tmp_path) not in text
    assert not wrong(folder)
    assert not unknown(folder)


def test_equal_runs_make_equal_claims_wherever_they_lie(tmp_path):
    claims = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        info = read_info(runner.run(load(with_people(tmp_path / name)), tmp_path / name / "run"))
        claims.append((info["scenario"], info["inputs"]))
    assert claims[0] == claims[1]


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("noise: 0.02", "noise: 0.03", "world.noise"),
        ("worlds: 5", "worlds: 6", "worlds"),
        ("seed: 3", "seed: 4", "seed"),
    ],
)
def test_an_edited_scenario_is_not_resumed(halted, before, after, key):
    path = halted / "scenario.yaml"
    path.write_text(path.read_text().replace(before, after, 1))
    assert key in wrong(halted)["scenario.yaml"]
    with pytest.raises(RunError, match=f"changed after the run began: {key}.*Restore"):
        runner.resume(halted)


def test_a_key_that_was_added_is_named(halted):
    path = halted / "scenario.yaml"
    path.write_text(path.read_text() + "learn_every: 4\n")
    with pytest.raises(RunError, match="learn_every"):
        runner.resume(halted)


def test_a_changed_input_file_is_not_resumed(halted, tmp_path):
    file = tmp_path / "people.csv"
    whole = file.read_text()
    file.write_text(whole.replace("0.6", "0.5", 1))
    assert "content" in wrong(halted)["people.csv"]
    with pytest.raises(RunError, match=r"people\.csv \(its content is another\).*mix two runs"):
        runner.resume(halted)
    file.write_text(whole + "0,0,0,0,0\n")
    with pytest.raises(RunError, match=r"people\.csv \(it has .* bytes, and had"):
        runner.resume(halted)
    file.write_text(whole)
    assert read_info(runner.resume(halted))["status"] == "complete"


def test_a_lost_input_file_is_told_and_not_counted(halted, tmp_path):
    (tmp_path / "people.csv").rename(tmp_path / "away.csv")
    assert not wrong(halted)
    assert unknown(halted) == {"people.csv"}


def test_limits_may_change_and_nothing_else(tmp_path):
    agents = {"assistant": {"policy": "llm/openai", "model": "m", "base_url": "http://localhost:9/v1", "max_tokens": 5}}
    first, second = (tmp_path / name for name in ("a.yaml", "b.yaml"))
    one = load(trial(agents=agents, arms={"a": {}}, max_tokens=7))
    first.write_text(dump(one.resolved))
    claim = inputs.scenario_claim(first, one)
    assert "max_tokens" in claim["changeable"]
    agents["assistant"]["max_tokens"] = 9
    second.write_text(dump(load(trial(agents=agents, arms={"a": {}}, max_tokens=8)).resolved))
    assert inputs.scenario_changes(second, claim) == []
    agents["assistant"]["model"] = "n"
    second.write_text(dump(load(trial(agents=agents, arms={"a": {}}, max_tokens=8)).resolved))
    assert inputs.scenario_changes(second, claim) == ["agents.assistant.model"]


def test_damage_is_named(tmp_path):
    folder = runner.run(load(trial()), tmp_path / "run")
    for name in ("steps.parquet", "users.parquet", "groups.parquet"):
        raw = (folder / name).read_bytes()
        (folder / name).write_bytes(raw[:90] + bytes([raw[90] ^ 1]) + raw[91:])
        assert list(wrong(folder)) == [name]
        (folder / name).write_bytes(raw)
    (folder / "users.parquet").rename(folder / "away")
    assert list(wrong(folder)) == ["users.parquet"]
    (folder / "away").rename(folder / "users.parquet")
    info = read_info(folder)
    info["tables"]["steps"]["rows"] += 1
    write_info(folder, info)
    assert "rows, not" in wrong(folder)["steps.parquet"]
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace('"seed": 3', '"seed": 4'))
    assert list(wrong(folder)) == ["run.json"]


def test_damage_of_an_unfinished_run_is_named(tmp_path):
    folder = cut_off(with_people(tmp_path), tmp_path / "run", looks=5)
    whole = [one.what for one in verify(folder)]
    assert not wrong(folder)
    marks, notes = ([what for what in whole if what.startswith(kind)] for kind in ("done/", "state/"))
    assert marks or notes
    for inner in ("parts", "state"):
        for path in sorted((folder / inner).iterdir()):
            raw = path.read_bytes()
            path.write_bytes(raw[:50] + bytes([raw[50] ^ 1]) + raw[51:])
            assert len(wrong(folder)) == 1, path
            path.write_bytes(raw)
    assert not wrong(folder)


def test_damage_of_an_unfinished_run_is_named_when_it_is_read(tmp_path):
    folder = cut_off(with_people(tmp_path), tmp_path / "run", looks=5)
    for path in sorted((folder / "parts").glob("steps-*")):
        raw = path.read_bytes()
        for damaged in (raw[:50] + bytes([raw[50] ^ 1]) + raw[51:], raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:], None):
            path.write_bytes(damaged) if damaged is not None else path.unlink()
            with pytest.raises(RunError, match=path.name):
                _ = load_run(folder).steps
        path.write_bytes(raw)
    assert len(load_run(folder).steps)


def test_a_lost_mark_is_told(tmp_path):
    folder = cut_off(trial(), tmp_path / "run", looks=7)
    mark = next((folder / "done").glob("*.json"))
    mark.unlink()
    assert any(what.startswith(f"parts/steps-{mark.stem}") for what in unknown(folder))


@pytest.mark.parametrize("instead", [b"", b"PAR1", "groups.parquet"])
def test_wall_clock_times_that_are_none_are_told(instead, tmp_path):
    folder = runner.run(load(trial()), tmp_path / "run")
    raw = instead if isinstance(instead, bytes) else (folder / instead).read_bytes()
    (folder / "timings.parquet").write_bytes(raw)
    assert list(wrong(folder)) == ["timings.parquet"]
    with pytest.raises(RunError, match="timings"):
        _ = load_run(folder).timings


DAMAGED = {
    "no text": b"\xff\xfe\n",
    "infinite": b'{"tokens": 1e999, "cost": 0}\n',
    "negative": b'{"tokens": -5, "cost": NaN}\n',
    "nested without end": b"[" * 9000 + b"\n",
    "no number": b'{"tokens": "5", "cost": 0}\n',
    "empty": b"{}\n",
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_line_of_what_a_run_has_spent_is_refused(what, tmp_path):
    (tmp_path / "spent.jsonl").write_bytes(b'{"tokens": 7, "cost": 0.5}\n' + DAMAGED[what])
    with pytest.raises(RunError, match=r"spent\.jsonl:2 .*its only line"):
        FolderAccount(tmp_path, Limit(None, None))


def test_a_torn_last_line_of_what_a_run_has_spent_is_passed_over_and_written_after(tmp_path):
    first = FolderAccount(tmp_path, Limit(None, None))
    for tokens in (7, 5):
        first.settle(NOTHING, Spending(tokens, 0.5))
    file = tmp_path / "spent.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    again = FolderAccount(tmp_path, Limit(None, None))
    assert again.spent == Spending(7, 0.5)
    again.settle(NOTHING, Spending(3, 0.25))
    assert FolderAccount(tmp_path, Limit(None, None)).spent == Spending(10, 0.75)


def test_a_run_whose_spending_was_lost_or_changed_is_not_resumed(halted):
    file, info = halted / "spent.jsonl", read_info(halted)
    account = FolderAccount(halted, Limit(None, None))
    for tokens in (7, 5):
        account.settle(NOTHING, Spending(tokens, 0.5))
    write_info(halted, {**info, "spent": {"tokens": 12, "cost": 1.0}})
    whole = file.read_bytes()
    changes = [whole.replace(b'"tokens": 5', b'"tokens": 4'), whole.split(b"\n")[0] + b"\n", b"", None]
    for changed in changes:
        file.unlink() if changed is None else file.write_bytes(changed)
        assert list(wrong(halted)) == ["spent.jsonl"]
        with pytest.raises(RunError, match=r"spent\.jsonl"):
            runner.resume(halted)
    file.write_bytes(b'{"tokens": 12, "cost": 1.0}\n')
    assert not wrong(halted)
    runner.resume(halted)


def test_tapes_may_grow_and_not_change(tmp_path):
    tape = tmp_path / "t.jsonl"
    agents = {"assistant": {"policy": "llm/random", "tape": str(tape)}}
    source = trial(agents=agents, arms={"a": {}}, worlds=1, horizon=2)
    runner.run(load(source), tmp_path / "first")
    again = {**source, "seed": 4}
    folder = runner.run(load(again), tmp_path / "second")
    claim = read_info(folder)["inputs"]["t.jsonl"]
    assert claim["grows"]
    assert claim["bytes"] < tape.stat().st_size
    assert not wrong(folder)
    text = tape.read_text()
    head, _, tail = text.rpartition('"tokens": [')
    for changed in (text.replace('"reply"', '"rePly"', 1), f'{head}"tokens": [1{tail}'):  # first line and last
        tape.write_text(changed)
        assert list(wrong(folder)) == ["t.jsonl"]


def test_two_files_of_one_name_are_told_apart(tmp_path):
    paths = [tmp_path / "a" / "x.csv", tmp_path / "b" / "x.csv", tmp_path / "y.csv"]
    assert inputs.named(paths) == {"a/x.csv": paths[0], "b/x.csv": paths[1], "y.csv": paths[2]}


@pytest.mark.parametrize("name", sorted(library()))
def test_a_library_scenario_makes_the_claim_that_it_is_resumed_by(name, tmp_path):
    scenario = load(name)
    file = tmp_path / "scenario.yaml"
    file.write_text(dump(scenario.resolved))
    claim = inputs.scenario_claim(file, scenario)
    again = load(file)
    file.write_text(dump(again.resolved))
    assert inputs.scenario_changes(file, claim) == []


def test_the_command(halted):
    def cli(*words):
        done = subprocess.run([sys.executable, "-m", "populace", *words], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    code, out = cli("verify", str(halted), "--allow", str(halted.parent))
    assert code == 0, out
    assert out.splitlines()[-1] == f"{halted} is what it claims"
    (halted / "scenario.yaml").write_text((halted / "scenario.yaml").read_text().replace("seed: 3", "seed: 5"))
    code, out = cli("verify", str(halted), "--json")
    assert code == 1
    assert json.loads(out)["valid"] is False
    code, out = cli("verify", str(halted.parent))
    assert code == 1
    assert "not a run folder" in out
