"""Code outside installed packages: it is found, hashed and imported only under the user's word."""

import json
import py_compile
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest
import scipy.stats  # loaded before any test forgets what it imported: numpy cannot be loaded twice

from populace import imports, registry, trust
from populace.errors import PopulaceError
from populace.imports import imported, installed, sources
from populace.trust import Given, NeedsWord


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("POPULACE_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of code that leaves a mark when it runs, and nothing of which stays imported."""
    before = set(sys.modules)
    place = tmp_path / "beside"
    place.mkdir()
    yield place
    for name in set(sys.modules) - before:
        del sys.modules[name]
    imports._beside.code.clear()


def write(folder, **files):
    for name, text in files.items():
        path = folder / (name.replace("__in__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def guarded(folder, **how):
    with trust.speaking(trust.guarded(**how)):
        return trust.opening(trust.digest(b"x"), folder)


def test_what_counts_as_installed(folder):
    for name in ("populace", "populace.world", "torch", "pandas.core", "pytest"):
        assert installed(name), name
    write(folder, mine_here="")
    # The standard library holds no worlds; tests and the working folder are on Python's path, and not installed.
    for name in ("os", "antigravity", "sys", "builtins", "test_imports", "mine_here", "nobody_has_this"):
        assert not installed(name), name
    assert not installed("__main__"), "whatever was started, by pytest too"


def test_the_working_folder_and_pythonpath_are_not_installed_and_a_pth_file_is(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"in_{name}.py").write_text("")
    code = "import sys; sys.path.insert(0, ''); from populace.imports import installed\n"
    code += "print([installed(name) for name in ('in_here', 'in_there', 'torch')])"
    environment = {"PYTHONPATH": str(tmp_path / "there"), "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path / "here", env=environment
    )
    assert done.stdout.strip() == "[False, False, True]", done.stderr


def test_nothing_is_imported_without_the_word_and_all_of_it_with(folder, tmp_path):
    mark = tmp_path / "mark"
    write(
        folder,
        hostile=f"import hostile_help\nopen({str(mark)!r}, 'a').write('ran')\nclass Good: pass\n",
        hostile_help="",
    )
    with trust.speaking(guarded(folder)), pytest.raises(NeedsWord, match="--trust") as refused:
        imported("hostile:Good")
    assert not mark.exists()
    assert "hostile" not in sys.modules
    (need,) = refused.value.needs
    assert "hostile.py" in need.about
    assert "hostile_help.py" in need.about
    with trust.speaking(guarded(folder, trust=True)):
        assert imported("hostile:Good").Good
    assert mark.read_text() == "ran"


def test_the_word_of_one_code_is_not_that_of_another(folder):
    write(folder, changing="import changing_help\n", changing_help="x = 1\n")
    with trust.speaking(guarded(folder)), pytest.raises(NeedsWord) as first:
        imported("changing:x")
    trust.remember(trust.digest(b"x"), Given(frozenset(first.value.needs), (), (folder,)))
    (folder / "changing_help.py").write_text("x = 2\n")
    with trust.speaking(guarded(folder)), pytest.raises(NeedsWord):
        imported("changing:x")
    (folder / "changing_help.py").write_text("x = 1\n")
    with trust.speaking(guarded(folder)):
        assert imported("changing:x").changing_help.x == 1


def test_byte_compiled_files_beside_the_code_are_not_run(folder, tmp_path):
    mark = tmp_path / "mark"
    write(folder, cached=f"open({str(mark)!r}, 'w').write('x')\n")
    source = folder / "cached.py"
    # A hash-based file that is never compared with its source.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(source), cache_from_source(str(source)), invalidation_mode=mode)
    write(folder, cached="y = 3\n")
    (folder / "sourceless.pyc").write_bytes(Path(cache_from_source(str(source))).read_bytes())
    with trust.speaking(guarded(folder, trust=True)):
        assert imported("cached:y").y == 3
        with pytest.raises(ImportError):
            imported("sourceless:y")
    assert not mark.exists()


def test_packages_and_relative_imports_are_followed(folder):
    write(
        folder,
        pack__in____init__="",
        pack__in__one="from . import two\nfrom .deep import three\nfrom pack import four as other\nx = two.x\n",
        pack__in__two="x = 2\n",
        pack__in__deep__in__three="",
        pack__in__four="import os, torch\n",
        pack__in__unseen="",
        bare__in__five="x = 5\n",
    )
    (folder / "pack" / "deep" / "__init__.py").write_text("from ..two import x\n")
    found = sources("pack.one", [folder])
    assert set(found) == {"pack", "pack.one", "pack.two", "pack.deep", "pack.deep.three", "pack.four"}
    with trust.speaking(guarded(folder, trust=True)):
        assert imported("pack.one:x").x == 2
        assert imported("bare.five:x").x == 5


def test_installed_code_needs_no_word_and_wins_over_code_beside(folder):
    write(folder, scipy="raise RuntimeError('the wrong one')\n")
    with trust.speaking(guarded(folder)):
        assert imported("scipy:stats") is scipy


def test_programs_and_the_standard_library_are_not_run(folder):
    with trust.speaking(guarded(folder, trust=True)), pytest.raises(PopulaceError, match="is a program"):
        imported("pip.__main__:main")
    with trust.speaking(guarded(folder)):
        for name in ("antigravity", "idlelib.idle", "this"):
            with pytest.raises(PopulaceError, match="standard library"):
                imported(f"{name}:x")
            assert name not in sys.modules
        with pytest.raises(ImportError):
            imported("../evil:x")


def test_another_module_of_the_same_name_is_not_taken_for_it(folder, tmp_path):
    write(folder, twice="x = 1\n")
    other = tmp_path / "other"
    write(other, twice="x = 2\n")
    with trust.speaking(guarded(folder, trust=True)):
        assert imported("twice:x").x == 1
    with trust.speaking(guarded(other)), pytest.raises(NeedsWord) as refused:
        imported("twice:x")
    trust.remember(trust.digest(b"x"), Given(frozenset(refused.value.needs)))
    with trust.speaking(guarded(other)), pytest.raises(PopulaceError, match="in use already"):
        imported("twice:x")


def test_every_registry_asks_for_the_word(folder):
    write(folder, some="def f(): pass\n")
    for kind in (registry.worlds, registry.policies, registry.measures):
        with trust.speaking(guarded(folder)), pytest.raises(NeedsWord):
            kind.get("some:f")
    with trust.speaking(guarded(folder, trust=True)):
        assert registry.measures.get("some:f")


def test_a_module_that_fails_is_a_mistake_not_a_fault(folder):
    write(folder, broken="def (", exits="raise SystemExit(3)\n", divides="1 / 0\n")
    for name, why in (("broken", "SyntaxError"), ("exits", "SystemExit"), ("divides", "ZeroDivisionError")):
        with trust.speaking(guarded(folder, trust=True)), pytest.raises(PopulaceError, match=why):
            registry.policies.get(f"{name}:x")


def test_a_python_caller_needs_no_word(tmp_path):
    (tmp_path / "own_code.py").write_text("x = 7\n")
    code = "from populace import registry; print(registry.load('own_code:x'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "7", done.stderr


def test_plug_ins_announced_by_a_folder_that_is_not_installed_need_the_word(tmp_path):
    (tmp_path / "evil.py").write_text("print('ran')\nclass Frozen: pass\n")
    about = tmp_path / "evil-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[populace.policies]\nnice = evil:Frozen\n")
    code = "from populace import registry, trust\n"
    code += "with trust.speaking(trust.guarded()):\n    registry.policies.get('nice')"
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", env=environment)
    assert "NeedsWord" in done.stderr
    assert "ran" not in done.stdout


@pytest.mark.parametrize("named", [True, False])
def test_the_working_folder_stays_on_the_path_only_where_an_installation_names_it_and_then_last(
    named, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "elsewhere"])
    monkeypatch.setattr(imports, "_site_folders", lambda: frozenset([tmp_path.resolve()] if named else []))
    imports.leave_working_folder()
    assert sys.path == ["elsewhere", *([str(tmp_path.resolve())] if named else [])]


def test_an_editable_install_is_installed(tmp_path, monkeypatch):
    source, shelf = tmp_path / "src", tmp_path / "site"
    write(source, plug_edit="x = 1\n")
    about = shelf / "plug-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1\n")
    (about / "direct_url.json").write_text(json.dumps({"url": source.as_uri(), "dir_info": {"editable": True}}))

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            from importlib.util import spec_from_file_location

            return spec_from_file_location(name, source / "plug_edit.py") if name == "plug_edit" else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert not installed("plug_edit")
    monkeypatch.setattr(imports, "_site_folders", lambda: frozenset([shelf]))
    imports._editable_sources.cache_clear()
    try:
        assert installed("plug_edit")
    finally:
        imports._editable_sources.cache_clear()
