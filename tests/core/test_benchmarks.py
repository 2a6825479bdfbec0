"""Benchmarks are not run by the suite, but every section can be: its module is imported and its function is there."""

import importlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.__main__ import SECTIONS
from benchmarks.timing import peak_of


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_can_be_run(name):
    module, function, title = SECTIONS[name]
    assert callable(getattr(importlib.import_module(module), function)), title


def test_a_peak_is_that_of_the_process_alone():
    """64 MiB are 64 MiB, however much this process holds."""
    peak, out = peak_of("base()\nx = bytearray(b'1') * (64 << 20)\nprint(len(x))")
    assert out == str(64 << 20)
    assert 60 << 20 < peak < 80 << 20
