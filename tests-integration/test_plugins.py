"""A distribution of somebody else: built, installed, and its names found without an import in the configuration."""

import subprocess
import sys

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "sample-plugin"
version = "1.0"

[project.entry-points."eng_registry"]
"models.sample_plugin" = "sample_plugin"
"""

MODULE = """
from eng_registry import MODELS


@MODELS.register_module()
class FromThePlugin:
    def __init__(self, size):
        self.size = size
"""

PROGRAM = """
import sys
from eng_registry import MODELS

assert "sample_plugin" not in sys.modules
print(MODELS.build({"type": "FromThePlugin", "size": 3}).size)
"""


def test_an_installed_plugin_is_found_by_name(tmp_path):
    """The entry point is followed on the first name that nobody has."""
    source = tmp_path / "source"
    (source / "src" / "sample_plugin").mkdir(parents=True)
    (source / "pyproject.toml").write_text(PYPROJECT)
    (source / "src" / "sample_plugin" / "__init__.py").write_text(MODULE)
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(source),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"PYTHONPATH": str(site)}, capture_output=True, text=True
    )
    assert done.stdout == "3\n", done.stderr
