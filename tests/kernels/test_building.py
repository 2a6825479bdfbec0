"""How kernels are built and called: what is handed over, what is kept on disk and where, and what is left alone."""

import gc
import importlib
import random
import re
import shutil
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path

import numba
import numpy as np
import pytest
import torch
from kernels_stage import both, digests, everything, of, worlds
from numba import float32 as f32

import populace.kernels
from populace.agents.scripted import coevolution_estimate_kernel, coevolution_users_kernel, lockin_kernel
from populace.arithmetic import using
from populace.envs.coevolution import moving_kernel, scoring_kernel, settling_kernel
from populace.envs.lockin import updating_kernel
from populace.kernels import building, draws, products
from populace.kernels.building import Kernel, flat, kernel, sources


@kernel(torch.float32, torch.float32, int, float)
def doubled(x_at, x_n, out_at, out_n, times, more):
    x, out = flat(x_at, x_n, f32), flat(out_at, out_n, f32)
    for i in range(x_n):
        out[i] = f32(times) * x[i] + f32(more)


CORE = (draws, products, coevolution_estimate_kernel)
WORLDS = (
    moving_kernel, settling_kernel, scoring_kernel, updating_kernel,
    coevolution_estimate_kernel, coevolution_users_kernel, lockin_kernel,
)  # fmt: skip


def every_kernel(modules):
    return {(m, name): item for m in modules for name, item in vars(m).items() if isinstance(item, Kernel)}


def test_a_kernel_takes_what_it_declares():
    x, out = torch.arange(4.0), torch.empty(4)
    doubled(x, out, 2, 0.5)
    assert torch.equal(out, 2.0 * x + 0.5)
    doubled(None, out, 2, 0.5)  # nothing: an array of length 0
    for wrong in (x.double(), x.to("meta"), torch.ones(4, 2)[:, 0], x.numpy(), 3.0):
        with pytest.raises(TypeError, match=r"doubled takes a contiguous torch\.float32 on the CPU, not"):
            doubled(wrong, out, 2, 0.5)
    for many in ((x, out, 2), (x, out, 2, 0.5, 1)):
        with pytest.raises((TypeError, ValueError)):
            doubled(*many)


def test_a_temporary_is_held_until_the_kernel_returns(monkeypatch):
    """Its only owner is the call: were it let go of once its address is known, another could be written over it."""
    seen = []

    def look(*handed):
        gc.collect()
        seen.append(held() is not None)

    monkeypatch.setitem(doubled.__dict__, "compiled", look)
    temporary = torch.arange(8.0)[::2].contiguous()
    held = weakref.ref(temporary)
    given = [temporary]
    del temporary
    doubled(given.pop(), torch.empty(4), 2, 0.5)
    assert seen == [True]
    gc.collect()
    assert held() is None


@pytest.mark.parametrize(
    ("part", "modules", "many"),
    [(everything, CORE, 11), pytest.param(worlds, WORLDS, 19, marks=pytest.mark.slow)],
    ids=["everything", "worlds"],
)
def test_bounds_are_kept(monkeypatch, part, modules, many):
    """Every kernel once more with its bounds checked (an array of length n is n numbers long), and the same numbers."""
    assert len(every_kernel(modules)) == many
    before = digests(part)
    assert "boundscheck" not in building.OPTIONS
    monkeypatch.setitem(building.OPTIONS, "boundscheck", True)
    monkeypatch.setattr(building, "cache_folder", lambda files: None)
    for (module, name), item in every_kernel(modules).items():
        monkeypatch.setattr(module, name, Kernel(item.function, item.kinds))
    assert digests(part) == before
    for module, name in every_kernel(modules):
        assert "compiled" in vars(getattr(module, name)), name  # each was called


def test_bounds_would_be_seen(monkeypatch):
    monkeypatch.setitem(building.OPTIONS, "boundscheck", True)
    monkeypatch.setattr(building, "cache_folder", lambda files: None)
    with pytest.raises(IndexError):
        Kernel(doubled.function, doubled.kinds)(torch.ones(5), torch.empty(4), 1, 0.0)


def test_both_forms_of_everything_agree():
    plain, fast = both(everything)
    for name, found in fast.items():
        if found.dtype == torch.int64 or name == "uniform":
            assert torch.equal(found, plain[name]), name
        else:
            assert torch.allclose(found, plain[name], atol=4e-6), name


# ---------------------------------------------------------------------- the cache


PARTS = "from populace.kernels.building import helper\n\n\n@helper\ndef scaled(x):\n    return {scale} * x\n"
WHOLE = """
import torch
from numba import float32
from parts_of_a_kernel import scaled
from populace.kernels.building import flat, kernel


@kernel(torch.float32)
def change(x_at, x_n):
    x = flat(x_at, x_n, float32)
    for i in range(x_n):
        x[i] = scaled(x[i])
"""


def test_a_helper_changed_in_another_file_is_compiled_anew(tmp_path, monkeypatch):
    """Numba by itself would go on with the old one: it looks at the kernel's own file only."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(building, "BESIDE", tmp_path / "cache")
    (tmp_path / "a_kernel.py").write_text(WHOLE)

    def ran(scale):
        (tmp_path / "parts_of_a_kernel.py").write_text(PARTS.format(scale=scale))
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        for name in ("a_kernel", "parts_of_a_kernel"):
            sys.modules.pop(name, None)
        building.cache_folder.cache_clear()
        importlib.invalidate_caches()
        change, x = importlib.import_module("a_kernel").change, torch.ones(1)
        change(x)
        return x.item(), sum(change.compiled.stats.cache_hits.values())

    try:
        assert [ran(2), ran(2), ran(3), ran(2)] == [(2.0, 0), (2.0, 1), (3.0, 0), (2.0, 1)]
    finally:
        building.cache_folder.cache_clear()


def test_the_folder_is_named_by_all_sources(tmp_path):
    files = {Path(file).name for file in sources(draws._normal.function)}
    assert {"draws.py", "scalars.py", "building.py"} <= files
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("a = 1")
    other.write_text("b = 1")
    first = building.cache_folder((one, other))
    building.cache_folder.cache_clear()
    other.write_text("b = 2")
    second = building.cache_folder((one, other))
    assert None not in (first, second)
    assert first != second
    for folder in (first, second):
        shutil.rmtree(folder)
    building.cache_folder.cache_clear()


@pytest.mark.parametrize("home", ["writable", "read-only"])
def test_read_only_packages_are_kept_in_the_users_cache_or_not_at_all(tmp_path, monkeypatch, home):
    """A file where a folder is needed stands for what cannot be written: root may write to any folder."""
    blocked = tmp_path / "site-packages"
    blocked.write_text("")
    cache = tmp_path / "cache"
    if home == "read-only":
        cache.write_text("")
    monkeypatch.setattr(building, "BESIDE", blocked / "__pycache__")
    monkeypatch.setattr(building, "_users_cache", lambda: cache)
    building.cache_folder.cache_clear()
    try:
        folder = building.cache_folder(sources(doubled.function))
        assert (folder is None) == (home == "read-only")
        assert folder is None or folder.parent == cache / "populace"
        out = torch.empty(2)
        Kernel(doubled.function, doubled.kinds)(torch.ones(2), out, 3, 0.0)
        assert out.tolist() == [3.0, 3.0]
        assert folder is None or list(folder.rglob("*.nbi"))
    finally:
        building.cache_folder.cache_clear()


# ---------------------------------------------------------------------- what is left alone


def test_the_users_own_numba_is_left_alone():
    before = (
        numba.config.CACHE_DIR,
        numba.config.NUMBA_NUM_THREADS,
        numba.get_num_threads(),
        numba.config.THREADING_LAYER,
    )
    state, torchs = random.getstate(), torch.get_rng_state()

    @numba.njit
    def theirs(seed):
        if seed >= 0:
            np.random.seed(seed)  # noqa: NPY002
        return np.random.random()  # noqa: NPY002

    theirs(5)
    expected = theirs(-1)
    theirs(5)
    with using("kernels"):
        everything()
        Kernel(doubled.function, doubled.kinds)(torch.ones(2), torch.empty(2), 3, 0.0)
    assert theirs(-1) == expected
    assert before == (
        numba.config.CACHE_DIR,
        numba.config.NUMBA_NUM_THREADS,
        numba.get_num_threads(),
        numba.config.THREADING_LAYER,
    )
    assert random.getstate() == state
    assert torch.equal(torch.get_rng_state(), torchs)


def test_numba_is_not_imported_before_the_first_kernel():
    code = """
        import sys
        import populace, populace.cli, populace.arithmetic, populace.draw, populace.run, populace.scenarios
        assert "numba" not in sys.modules
        import torch
        from populace.draw import Draw
        Draw.of(0, torch.arange(2)).uniform("x", 3)
        assert "numba" in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_every_source_of_kernels_is_in_the_package():
    folder = Path(populace.kernels.__file__).parent
    modules = {"building", "doubles", "draws", "products", "scalars", "threads", "tiles"}
    assert {path.stem for path in folder.glob("*.py")} == {"__init__", *modules}


def test_the_kernel_of_the_guide(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "writing-a-world.md").read_text(encoding="utf-8")
    (tmp_path / "opinion_kernel.py").write_text(
        re.search(r"```python\n# opinion_kernel.py\n(.*?)```", page, re.DOTALL)[1]
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(building, "BESIDE", tmp_path / "cache")
    building.cache_folder.cache_clear()
    try:
        toward = importlib.import_module("opinion_kernel").toward
        x, goal = of(1).uniform("x", 40, 3)[0], of(1).uniform("goal", 40, 3)[0]
        assert torch.equal(toward(x, goal, 0.25), x + 0.25 * (goal - x))
        assert torch.equal(toward(x.T, goal.T, 0.25), x.T + 0.25 * (goal.T - x.T))
    finally:
        building.cache_folder.cache_clear()
        sys.modules.pop("opinion_kernel", None)
