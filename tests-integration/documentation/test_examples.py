"""Every fenced Python block of the documentation runs, every docstring example holds, every link and path exists."""

import doctest
import os
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "packages/*/*.md", "benchmarks/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
NAMED_FILE = re.compile(r"`((?:[\w.-]+/)+(?:[\w-]+\.py)?)`")
PACKAGES = sorted(path.name for path in ROOT.glob("packages/*/src/eng_*"))


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if FENCE.search(page.read_text())], ids=name_of)
def test_python_blocks_run(page, tmp_path):
    """The blocks of a page run one after the other, in an empty folder, with warnings of ours as errors."""
    program = tmp_path / "page.py"
    program.write_text("\n\n".join(FENCE.findall(page.read_text())))
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page):
    """A relative link names a file or a folder of the repository."""
    targets = [link.partition("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_linked_headings_exist(page):
    """What follows `#` in a relative link is a heading of the page that it leads to."""
    links = [link.partition("#") for link in LINK.findall(page.read_text()) if "://" not in link]
    wanted = [(page.parent / file if file else page, heading) for file, _, heading in links if heading]
    assert [(name_of(target), heading) for target, heading in wanted if heading not in headings(target)] == []


def headings(page):
    """Return the headings of a page as they are written in a link."""
    titles = HEADING.findall(re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL))
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "benchmarks"], ids=name_of)
def test_named_files_exist(page):
    """A path such as `plan/keys.py` or `hooks/` in the text is one of the repository, of a package or of its code."""
    places = [ROOT, page.parent, *ROOT.glob("packages/*"), *ROOT.glob("packages/*/src/eng_*")]
    named = NAMED_FILE.findall(page.read_text())
    assert [path for path in named if not any((place / path).exists() for place in places)] == []


def test_every_decision_is_listed():
    """The index of decisions has a link to each page, with its title."""
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text()
    for page in folder.glob("0*.md"):
        title = page.read_text().partition("\n")[0].removeprefix("# ")
        assert f"]({page.name}) | {title} |" in listed


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_readme_has_an_example(package):
    """The README of a package shows it at work."""
    assert FENCE.search((ROOT / "packages" / package.removeprefix("eng_") / "README.md").read_text())


def test_the_reference_is_that_of_the_code():
    """Every public name stands in docs/reference as it is now."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "reference.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def modules():
    for package in PACKAGES:
        root = import_module(package)
        yield root.__name__
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                yield module.name


@pytest.mark.parametrize("name", list(modules()))
def test_docstring_examples_hold(name):
    """What a docstring shows is what happens."""
    results = doctest.testmod(
        import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert results.failed == 0
