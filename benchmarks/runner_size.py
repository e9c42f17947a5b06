"""How large the Runner is: lines of code without docstrings, bodies of its public names, private methods, `Any`.

    python benchmarks/runner_size.py

Counts by the syntax tree, so that comments, blank lines and docstrings do not count.
"""

import ast
import re
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "packages/runner/src/eng_runner"


def code_lines(path):
    text = path.read_text()
    lines = {
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#")
    }
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                lines -= set(range(statement.lineno, statement.end_lineno + 1))
    return len(lines)


def methods(path):
    (runner,) = (
        n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef) and n.name == "Runner"
    )
    for node in runner.body:
        if isinstance(node, ast.FunctionDef):
            body = [
                s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
            ]
            yield node.name, body[-1].end_lineno - body[0].lineno + 1


def main():
    runner = SOURCE / "runner.py"
    sizes = dict(methods(runner))
    private = [name for name in sizes if name.startswith("_") and not name.startswith("__")]
    longest = max((size, name) for name, size in sizes.items() if not name.startswith("_"))
    modules = {path: len(path.read_text().splitlines()) for path in SOURCE.rglob("*.py")}
    engine = "".join(path.read_text() for path in (SOURCE / "engine").rglob("*.py"))
    count, length = len(re.findall(r"\bAny\b", engine)), len(engine.splitlines())
    print(
        f"runner.py: {code_lines(runner)} lines of code, {len(sizes)} methods, {len(private)} of them private"
    )
    print(f"longest body of a public name: {longest[0]} lines, {longest[1]}")
    print(f"largest module: {max(modules.values())} lines")
    print(f"engine/: {count} `Any` in {length} lines, {1000 * count / length:.1f} per 1,000")


if __name__ == "__main__":
    main()
