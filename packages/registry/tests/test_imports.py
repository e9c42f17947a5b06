"""Import paths as names: only where code allows them."""

import sys
import threading

import pytest

from eng_registry import DefaultScope, Registry, allow_import

DANGEROUS = [
    *[
        "os.system",
        "os.popen",
        "subprocess.Popen",
        "builtins.eval",
        "builtins.exec",
        "posix.system",
        "sys.exit",
    ],
    *["importlib.import_module", "shutil.rmtree", "pathlib.Path", "eng_registry.os.system", "ctypes.CDLL"],
    *[
        "builtins.__import__",
        "pickle.loads",
        "code.interact",
        "webbrowser.open",
        "__main__.x",
        "os",
        "antigravity",
    ],
    *["this.is.no.module", "..os.system", "os..system", "os.system()", "os.__class__", "a-b.c", " os.system"],
]


@pytest.fixture
def parts():
    """An empty registry."""
    return Registry("part", scope="demo")


@pytest.mark.parametrize("path", DANGEROUS)
def test_a_dotted_type_imports_and_calls_nothing(parts, path):
    """A configuration file may come from anybody."""
    before = set(sys.modules)
    with pytest.raises(KeyError, match="is not in the demo::part registry"):
        parts.build({"type": path, "command": "true"})
    assert {name for name in set(sys.modules) - before if not name.startswith("importlib")} == set()


def test_a_scope_in_a_configuration_imports_nothing(parts):
    """`_scope_` would import `<scope>.registry` where that is allowed."""
    before = set(sys.modules)
    parts.register_module(module=dict)
    with pytest.raises(KeyError):
        parts.build({"type": "Nothing", "_scope_": "antigravity"})
    assert "antigravity" not in set(sys.modules) - before


def test_allowed_paths_are_names(parts):
    """In the block, below the pattern, and nowhere else."""
    with allow_import("fractions.*"):
        assert parts.build({"type": "fractions.Fraction", "numerator": 3}) == 3
        with pytest.raises(KeyError, match="allow_import"):
            parts.build({"type": "collections.OrderedDict"})
    with pytest.raises(KeyError):
        parts.build({"type": "fractions.Fraction"})


def test_an_exact_path_allows_only_itself(parts):
    """No pattern is hidden in it."""
    with allow_import("fractions.Fraction"):
        assert parts.get("fractions.Fraction") is not None
        assert parts.get("fractions.Decimal") is None


def test_a_registry_may_allow_for_itself():
    """For all who ask it."""
    numbers = Registry("number", scope="demo", allow_import=["fractions.*"])
    assert numbers.build({"type": "fractions.Fraction", "numerator": 2}) == 2


@pytest.mark.parametrize(
    "path", ["fractions.sys.exit", "fractions.sys", "fractions.re.sub", "fractions.Decimal"]
)
def test_a_package_opens_its_own_and_not_what_it_imports(parts, path):
    """`fractions.sys` is reachable by attribute, and not meant."""
    with allow_import("fractions.*"):
        assert parts.get(path) is None


def test_a_star_allows_everything(parts):
    """Classes, class attributes and modules, of a package that is imported by it."""
    with allow_import("*"):
        assert parts.get("fractions.Fraction.from_float")(0.5) == 0.5
        assert parts.get("os.path").join("a", "b") == "a/b"
        assert parts.get("no_such_module.X") is None
        assert parts.get("fractions.NoSuchName") is None


def test_a_module_that_fails_to_import_says_so(parts, on_disk):
    """What it needs is missing, not the module."""
    on_disk({"half_broken.py": "import nothing_of_this_name\n"})
    with allow_import("*"), pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"):
        parts.get("half_broken.X")


def test_the_permission_stays_in_its_thread(parts):
    """Another thread asks for itself."""
    seen = []
    with allow_import("*"):
        thread = threading.Thread(target=lambda: seen.append(parts.get("fractions.Fraction")))
        thread.start()
        thread.join()
    assert seen == [None]


def test_an_allowed_scope_is_imported_from_its_registry_module(on_disk):
    """`<scope>.registry` is where a project keeps its registries."""
    on_disk(
        {
            "late_project/__init__.py": "",
            "late_project/registry.py": """
            from eng_registry import Registry
            import late_root
            PARTS = Registry("part", parent=late_root.ROOT, scope="late_project")
            PARTS.register_module(module=dict)
            """,
            "late_root.py": "from eng_registry import Registry\nROOT = Registry('part', scope='late')\n",
        }
    )
    import late_root

    with allow_import("late_project.*"), DefaultScope.overwrite_default_scope("late_project"):
        assert late_root.ROOT.build({"type": "dict", "a": 1}) == {"a": 1}


def test_nothing_runs_without_permission(parts):
    """Watched from below: no import, no process, no file is opened for any of the names."""
    events = []
    watching = True
    watched = ("import", "os.", "subprocess.", "exec", "shutil.")

    def hook(event, arguments):
        if watching and event.startswith(watched) and event != "os.listdir":
            events.append((event, arguments))

    with pytest.raises(KeyError):  # the first miss may import what a message needs
        parts.build({"type": "warm.up"})
    sys.addaudithook(hook)
    try:
        for path in DANGEROUS:
            with pytest.raises(KeyError):
                parts.build({"type": path})
    finally:
        watching = False
    assert events == []
