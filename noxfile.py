"""Every check of the repository. `nox -l` lists the sessions, `nox -s demo` trains, `nox -s tests` is what CI runs.

What a package needs is read from its pyproject.toml, never from a table in here. Wheels are built once; every
environment is kept between runs; torch, the heavy one, is installed once and lent to the environments that declare it.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from functools import cache
from pathlib import Path

import nox
from packaging.requirements import Requirement

ROOT = Path(__file__).parent
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
GROUND_FLOOR = {"registry", "config", "fileio", "logging"}
"""The packages that must work where neither torch nor numpy is installed."""
WHEELS = ROOT / ".nox" / "wheels"
LAYER = ROOT / ".nox" / "torch-layer"
CONSTRAINTS = str(ROOT / "constraints.txt")

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["tests"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True

each_package = nox.parametrize("package", [nox.param(name, id=name) for name in PACKAGES])


# -- what the pyprojects say ---------------------------------------------------------------------------------------
@cache
def project(package: str) -> dict:
    """The pyproject of a package."""
    return tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text())


def declared(package: str) -> list[Requirement]:
    """What a package declares to need."""
    return [Requirement(text) for text in project(package)["project"]["dependencies"]]


@cache
def closure(package: str) -> tuple[str, ...]:
    """The package and every sibling that it needs, directly or through another one."""
    found: dict[str, None] = {package: None}
    for requirement in declared(package):
        if requirement.name.startswith("eng-"):
            found |= dict.fromkeys(closure(requirement.name.removeprefix("eng-")))
    return tuple(found)


def needs_torch(package: str) -> bool:
    """Whether torch is among the declared needs of the closure."""
    return any(requirement.name == "torch" for name in closure(package) for requirement in declared(name))


def test_group(package: str) -> list[str]:
    """The third parties that the tests of a package need on top."""
    return list(project(package).get("dependency-groups", {}).get("test", []))


# -- environments --------------------------------------------------------------------------------------------------
def fingerprint(folder: Path) -> float:
    """When anything in a folder changed last."""
    return max((path.stat().st_mtime for path in folder.rglob("*") if path.is_file()), default=0.0)


def lend_torch(session: nox.Session) -> None:
    """Show the one installed torch (and exactly what it needs) to this environment."""
    if not (LAYER / "torch").exists():
        session.log("installing torch once, for all environments")
        shutil.rmtree(LAYER, ignore_errors=True)
        session.run(
            "python", "-m", "pip", "install", "-q", "--target", str(LAYER), "-c", CONSTRAINTS, "torch"
        )
    site = session.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", silent=True)
    Path(str(site).strip(), "torch-layer.pth").write_text(f"{LAYER}\n")


def install(session: nox.Session, *packages: str, extra: str = "", also: list[str] | None = None) -> None:
    """The wheels of the packages' closures, what they declare, and `also`; siblings never come from an index."""
    names = tuple(dict.fromkeys(name for package in packages for name in closure(package)))
    if any(needs_torch(name) for name in names):
        lend_torch(session)
    wheels = [wheel_path(name) for name in names]
    if extra:
        wheels[0] += f"[{extra}]"
    session.run(
        "python",
        "-m",
        "pip",
        "install",
        "-q",
        "--force-reinstall",
        "--no-deps",
        *[w.split("[")[0] for w in wheels],
    )
    session.install("-q", "-c", CONSTRAINTS, *wheels, *(also or []))


def wheel_path(package: str) -> str:
    """Where the wheel of a package lies; the session `wheels` has built it."""
    return str(WHEELS / f"eng_{package}-{project(package)['project']['version']}-py3-none-any.whl")


def build_wheels(session: nox.Session) -> None:
    """Build what changed, in the environment of the session `wheels`, so that no other one gets the build tools."""
    stale = [name for name in PACKAGES if _is_stale(name)]
    if stale:
        builder = ROOT / ".nox" / "builder"
        python = builder / "bin" / "python"
        if not python.exists():
            session.run("python", "-m", "venv", str(builder), external=True)
            session.run(
                str(python),
                "-m",
                "pip",
                "install",
                "-q",
                "-c",
                CONSTRAINTS,
                "build",
                "hatchling",
                external=True,
            )
        for name in stale:
            source = str(ROOT / "packages" / name)
            session.run(
                str(python), "-m", "build", "--wheel", "--no-isolation", "--outdir", str(WHEELS), source,
                external=True, silent=True,
            )  # fmt: skip


def _is_stale(package: str) -> bool:
    path, source = Path(wheel_path(package)), ROOT / "packages" / package
    newest = max(
        fingerprint(source / "src"),
        *((source / name).stat().st_mtime for name in ("pyproject.toml", "README.md")),
    )
    return not path.exists() or path.stat().st_mtime < newest


# -- the main job --------------------------------------------------------------------------------------------------
@nox.session
def demo(session: nox.Session) -> None:
    """Train the digits example from a configuration file: the main job."""
    build_wheels(session)
    install(session, "runner", also=["scikit-learn"])
    session.run("eng", "train", "examples/digits/config.py", *session.posargs)


# -- the checks ----------------------------------------------------------------------------------------------------
@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """All that CI needs: lint, types, layers, wheels, each package alone and tested, docs, the road, a browser."""
    for name in ("lint", "types", "layers", "wheels"):
        session.notify(name)
    for package in PACKAGES:
        session.notify(f"alone({package})")
        session.notify(f"test({package})")
    session.notify("extras(fileio)")
    session.notify("docs")
    session.notify("integration")
    session.notify("browser")


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: errors, style and format."""
    session.install("-q", "-c", CONSTRAINTS, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict on every package."""
    lend_torch(session)
    third = sorted(
        {
            str(r)
            for name in PACKAGES
            for r in declared(name)
            if not r.name.startswith("eng-") and r.name != "torch"
        }
    )
    session.install("-q", "-c", CONSTRAINTS, "mypy", "types-PyYAML", *third)
    session.run("mypy", *[f"packages/{name}/src" for name in PACKAGES])


@nox.session
def layers(session: nox.Session) -> None:
    """import-linter: arrows go down only, and only through front doors."""
    session.install("-q", "-c", CONSTRAINTS, "import-linter")
    sources = ":".join(str(ROOT / "packages" / name / "src") for name in PACKAGES)
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": sources})


@nox.session
def wheels(session: nox.Session) -> None:
    """Build the wheel of every package whose sources changed."""
    build_wheels(session)


@nox.session
@each_package
def test(session: nox.Session, package: str) -> None:
    """The tests of one package, on the wheels of its declared closure only: an undeclared sibling is not there."""
    build_wheels(session)
    install(session, package, also=test_group(package))
    session.run(
        "pytest", "-q", "-m", "not sweep", f"packages/{package}/tests", *session.posargs,
        env={"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@nox.session
@each_package
def alone(session: nox.Session, package: str) -> None:
    """One package with nothing but what it declares: every module imports, and nothing undeclared is loaded."""
    build_wheels(session)
    install(session, package)
    forbidden = ["torch", "numpy"] if package in GROUND_FLOOR else []
    session.run("python", "-I", str(ROOT / "tests-integration" / "alone.py"), f"eng-{package}", *forbidden)


@nox.session
@each_package
def extras(session: nox.Session, package: str) -> None:
    """The tests of one package with each of its optional dependencies installed."""
    build_wheels(session)
    names = list(project(package)["project"].get("optional-dependencies", {}))
    if not names:
        session.skip(f"eng-{package} has no extras")
    also = [*test_group(package), *project(package)["dependency-groups"].get("extras", [])]
    install(session, package, extra=",".join(names), also=also)
    session.run("pytest", "-q", f"packages/{package}/tests", *session.posargs)


@nox.session
def integration(session: nox.Session) -> None:
    """The whole road: train, kill, resume, distribute, plug in; and which rooms one iteration visits."""
    build_wheels(session)
    install(session, *PACKAGES, also=["pytest", "scikit-learn", "build", "hatchling"])
    elsewhere = [f"--ignore=tests-integration/{name}" for name in ("documentation", "browser", "downstream")]
    session.run(
        "pytest", "-q", "tests-integration", *elsewhere, *session.posargs, env={"OMP_NUM_THREADS": "1"}
    )


@nox.session
def browser(session: nox.Session) -> None:
    """A trained run in a real Chromium: report, TensorBoard, MLflow; and what W&B's own reader finds of it."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        session.run("apt-get", "update", "-qq", external=True, success_codes=range(256))
        install_it = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        session.run(*install_it, external=True, silent=True, success_codes=range(256))
        chromium = shutil.which("chromium")
    if chromium is None:
        session.skip("there is no Chromium: `apt-get install chromium`, or set CHROMIUM to its path")
    build_wheels(session)
    groups = project("visualization")["dependency-groups"]
    install(session, "runner", also=[*groups["test"], *groups["browser"], "scikit-learn"])
    session.run(
        "pytest",
        "-q",
        "packages/visualization/tests/report/test_browser.py",
        "packages/visualization/tests/backends/test_trackers.py",
        "tests-integration/browser",
        *session.posargs,
        env={"OMP_NUM_THREADS": "1", "CHROMIUM": chromium},
    )


@nox.session
def faults(session: nox.Session) -> None:
    """The sweeps that take minutes: random kills, flipped bits, an error at every system call, torn sharded saves."""
    build_wheels(session)
    install(session, "checkpoint", also=test_group("checkpoint"))
    env = {"OMP_NUM_THREADS": "1"}
    session.run("pytest", "-q", "packages/checkpoint/tests", "-m", "sweep", env=env)
    session.run("python", "benchmarks/checkpoint_scenarios.py", env=env)
    session.run("python", "benchmarks/checkpoint_faults.py", *session.posargs, env=env)


@nox.session
def docs(session: nox.Session) -> None:
    """Every fenced Python block, every docstring example and every link of the documentation."""
    build_wheels(session)
    extras_of_all = sorted({text for name in PACKAGES for text in test_group(name)})
    install(session, *PACKAGES, also=["pytest", *extras_of_all])
    session.run(
        "pytest", "-q", "tests-integration/documentation", *session.posargs, env={"OMP_NUM_THREADS": "1"}
    )


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks that stand in this repository; `nox -s bench -- step_calls` for one of them."""
    build_wheels(session)
    install(session, *PACKAGES, also=["scikit-learn"])
    wanted = session.posargs or sorted(
        path.stem for path in ROOT.glob("benchmarks/*.py") if path.stem != "gpu_road"
    )
    for name in wanted:
        session.run("python", f"benchmarks/{name}.py")


@nox.session
def gpu(session: nox.Session) -> None:
    """What needs an accelerator, each check in a process of its own; `nox -s gpu -- --cpu` is a dry run without one."""
    lend_torch(session)
    found = session.run("python", "-c", "import torch; print(torch.accelerator.is_available())", silent=True)
    if "True" not in str(found) and "--cpu" not in session.posargs:
        session.skip(
            "torch finds no accelerator here, so nothing can be checked; `nox -s gpu -- --cpu` is a dry run"
        )
    build_wheels(session)
    install(session, *PACKAGES)
    session.run("python", "benchmarks/gpu_road.py", *session.posargs)


@nox.session
def peers(session: nox.Session) -> None:
    """What one training costs here, in the raw loop and in other engines, as one table."""
    build_wheels(session)
    install(
        session,
        "runner",
        also=["mmengine==0.10.7", "lightning>=2.5", "accelerate>=1.8", "pytorch-ignite>=0.5.2", "setuptools"],
    )
    with session.chdir("benchmarks"):
        session.run("python", "-m", "peers", *session.posargs)


@nox.session
def downstream(session: nox.Session) -> None:
    """Our packages beside recorded numbers of MMEngine, and the names and seams that its projects need; by hand.

    What fails here is what the drop-in does not do yet. Cases of a project are skipped where it is not installed.
    """
    build_wheels(session)
    install(session, *PACKAGES, also=["pytest"])
    session.run(
        "pytest", "-q", "tests-integration/downstream", *session.posargs, env={"OMP_NUM_THREADS": "1"}
    )


# -- working on it -------------------------------------------------------------------------------------------------
@nox.session(venv_backend="none")
def dev(session: nox.Session) -> None:
    """One environment in .venv with every package editable and every tool: `source .venv/bin/activate`."""
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        session.run("python3", "-m", "venv", ".venv", external=True)
    pip = [str(python), "-m", "pip", "install", "-q", "-c", CONSTRAINTS]
    session.run(*pip, "-r", CONSTRAINTS, external=True)
    session.run(*pip, *[f"--editable=packages/{name}" for name in PACKAGES], external=True)


@nox.session
@each_package
def release(session: nox.Session, package: str) -> None:
    """Build and check what would be published of one package, and say which tag to set."""
    version = project(package)["project"]["version"]
    folder = ROOT / "packages" / package
    changelog = (folder / "CHANGELOG.md").read_text()
    if f"## {version} (" not in changelog or f"## {version} (unreleased)" in changelog:
        session.error(f"packages/{package}/CHANGELOG.md has no dated section '## {version} (YYYY-MM-DD)'")
    session.install("-q", "-c", CONSTRAINTS, "build", "hatchling", "twine")
    target = ROOT / ".nox" / "release" / package
    shutil.rmtree(target, ignore_errors=True)
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(target), str(folder))
    session.run("twine", "check", "--strict", *map(str, sorted(target.iterdir())))
    session.log(f"ready: git tag eng-{package}-v{version} && twine upload {target.relative_to(ROOT)}/*")
