"""A Python environment of its own, in which packages are installed as a user would install them."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


class Environment:
    """An environment with everything that the tests' own has, and packages besides.

    Args:
        folder: Where it is made.
        packages: Source folders of the packages; they are copied first, as a build writes beside its sources.
    """

    def __init__(self, folder: Path, *packages: Path) -> None:
        venv.create(folder / "env", with_pip=False, symlinks=True)
        self.python = folder / "env" / "bin" / "python"
        (site,) = (folder / "env" / "lib").glob("python*/site-packages")
        ours = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        # By name too, as folders of installed packages are known by such lines.
        (site / "ours.pth").write_text("".join(f"{place}\nimport site; site.addsitedir({place!r})\n" for place in ours))
        self.site, self.folder = site, folder
        for package in packages:
            self.install(package)

    def install(self, package: Path) -> None:
        """Install a copy of a package, without what it depends on and without the network."""
        source = shutil.copytree(package, self.folder / "sources" / package.name)
        command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        subprocess.run([sys.executable, *command, "--target", str(self.site), str(source)], check=True)

    def install_editable(self, package: Path) -> None:
        """Install a package in place, as somebody who works on it does."""
        self.run(
            "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-e", str(package)
        )

    def run(self, *words: str, cwd: Path | None = None) -> str:
        """What `python *words` prints; it must succeed."""
        done = subprocess.run(
            [str(self.python), *words],
            cwd=cwd or self.folder,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
