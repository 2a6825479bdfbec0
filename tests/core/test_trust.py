"""The user's word: what is allowed, and what is remembered where."""

from pathlib import Path

import pytest

from populace import configuration, trust
from populace.errors import PopulaceError
from populace.trust import Given, Need, NeedsWord

CODE = Need("code", "mine:Good", "0" * 64)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("POPULACE_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def test_a_python_caller_needs_no_word():
    word = trust.current()
    for need in (CODE, Need("read", "/etc/passwd"), Need("key", "example.org X")):
        word.demand(need)
    assert word.met
    assert not word.lacks


def test_a_guarded_word_refuses_each_kind_and_says_how_to_give_it():
    for need, way in (
        (CODE, "--trust"),
        (Need("read", "/etc/passwd"), "--allow DIR"),
        (Need("key", "example.org X"), "POPULACE_KEYS"),
    ):
        with trust.speaking(trust.guarded()), pytest.raises(NeedsWord, match=way) as refused:
            trust.current().demand(need)
        assert trust.UNHEARD in str(refused.value)
    trust.current().demand(CODE)  # the block has ended


def test_trust_covers_code_and_files_but_no_keys():
    word = trust.guarded(trust=True)
    assert word.allows(CODE)
    assert word.allows(Need("read", "/etc/passwd"))
    assert not word.allows(Need("key", "example.org X"))


def test_even_a_python_caller_s_file_names_no_key(tmp_path):
    word = trust.opening("0" * 64, tmp_path, keys=[Need("key", "good.org X")])
    assert word.allows(CODE)
    assert word.allows(Need("key", "good.org X"))
    assert not word.allows(Need("key", "evil.org X"))


def test_files_may_be_read_in_the_scenario_s_folder_and_in_allowed_ones_links_followed(tmp_path):
    inside, outside, shelf = tmp_path / "in", tmp_path / "out", tmp_path / "shelf"
    for folder in (inside, outside, shelf):
        folder.mkdir()
        (folder / "a.csv").write_text("x")
    (inside / "link.csv").symlink_to(outside / "a.csv")
    with trust.speaking(trust.guarded(allow=[shelf])):
        word = trust.opening("0" * 64, inside)
    assert word.demand_read(inside / "a.csv") == inside / "a.csv"
    assert word.demand_read(shelf / "a.csv") == shelf / "a.csv"
    for path in (outside / "a.csv", inside / "link.csv", inside / ".." / "out" / "a.csv"):
        with pytest.raises(NeedsWord, match="outside the scenario's folder"):
            word.demand_read(path)


def test_the_word_is_remembered_by_content_and_by_code(tmp_path, home):
    content = trust.digest(b"scenario")
    trust.remember(content, Given(frozenset([CODE]), (), (tmp_path,)))
    assert list(home.rglob("*.json")) == [home / "given" / f"{content}.json"]
    with trust.speaking(trust.guarded()):
        same = trust.opening(content, tmp_path / "elsewhere")
        assert same.allows(CODE)
        assert tmp_path in same.folders
        assert not same.allows(Need("code", "mine:Good", "1" * 64))
        assert not trust.opening(trust.digest(b"scenario, changed"), tmp_path).allows(CODE)
    trust.remember(content, Given(frozenset([Need("read", "/data/x.csv")])))
    assert len(trust.recall(content).needs) == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "needs": 3}', "\0"])
def test_a_damaged_record_grants_nothing(text, home):
    path = home / "given" / f"{'0' * 64}.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert trust.recall("0" * 64) == Given()


def test_the_configuration_allows_folders_and_its_mistakes_are_told(tmp_path, home):
    assert configuration.config() == {}
    home.mkdir()
    (home / "config.toml").write_text(f"allow = [{str(tmp_path)!r}]\n[keys]\n'good.org' = 'X'\n")
    assert trust.guarded().roots == (Path(tmp_path).resolve(),)
    for wrong in ("allow = 3", "[keys]\nx = 3", "allow ="):
        (home / "config.toml").write_text(wrong)
        with pytest.raises(PopulaceError, match=r"config\.toml"):
            configuration.config()


def test_digests_tell_contents_apart_not_their_concatenation():
    assert trust.digest(b"ab", b"c") != trust.digest(b"a", b"bc")
