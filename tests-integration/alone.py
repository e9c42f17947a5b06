"""Import every module of one installed distribution and compare what was loaded with what it declares.

    python -I alone.py eng-registry torch numpy

Leaves with an error if a module does not import, if a module-level import names a third party that the distribution
does not declare itself, or if one of the named modules is installed or loaded.
"""

import ast
import importlib
import importlib.metadata as metadata
import importlib.util
import pkgutil
import re
import sys
from pathlib import Path


def main(distribution: str, *forbidden: str) -> None:
    package = importlib.import_module(distribution.replace("-", "_"))
    names = [
        package.__name__,
        *(m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")),
    ]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    problems = [
        f"{name} is installed or loaded"
        for name in forbidden
        if name in sys.modules or importlib.util.find_spec(name)
    ]
    allowed = declared(distribution) | {distribution}
    providers = metadata.packages_distributions()
    for module in modules:
        for third_party in module_level_imports(Path(module.__file__)) - set(sys.stdlib_module_names):
            if not {canonical(name) for name in providers.get(third_party, [third_party])} & allowed:
                problems.append(
                    f"{module.__file__} imports {third_party}, which {distribution} does not declare"
                )
    if problems:
        sys.exit("\n".join(problems))
    needs = ", ".join(sorted(allowed - {distribution})) or "Python"
    print(f"{distribution}: {len(modules)} modules import with nothing but {needs}")


def declared(distribution: str) -> set[str]:
    """The distributions that are required without an extra."""
    required = metadata.requires(distribution) or []
    return {
        canonical(re.split(r"[ <>=!~;\[(]", text, maxsplit=1)[0])
        for text in required
        if "extra ==" not in text
    }


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def module_level_imports(path: Path) -> set[str]:
    """Top-level names imported when the module is loaded; not those inside functions or `if TYPE_CHECKING:`."""
    found: set[str] = set()
    todo: list[ast.AST] = list(ast.parse(path.read_text()).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.ClassDef):
            todo += node.body
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            todo += node.body + node.orelse
        elif isinstance(node, ast.If):
            todo += node.orelse
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
