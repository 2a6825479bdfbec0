"""What tests of bridges share: examples run as a reader runs them, and imports without a library."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "training"


def gains(name, *arguments):
    """(gain, half of its interval) of each comparison that an example prints."""
    path = EXAMPLES / name
    assert len(path.read_text().splitlines()) <= 40, "an example is at most 40 lines"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(path), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = re.findall(r": ([+-]\d+\.\d+) \+- (\d+\.\d+)$", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return [(float(gain), float(interval)) for gain, interval in found]


def without(library, bridge):
    """What importing a bridge says where its library is not installed."""
    code = (
        f"import sys; sys.modules[{library!r}] = None\nfrom populace.errors import MissingExtra\n"
        f"try:\n    import {bridge}\nexcept MissingExtra as error:\n    print(error)\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
