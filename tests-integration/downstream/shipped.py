"""Every configuration that a project ships, loaded: a digest of its values for each folder of them.

Left out of the digest: what a file imports or defines beside values, and `_delete_` where there was nothing to delete,
which `merges.py` has as cases of its own.
"""

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from merges import plain
from mmengine.config import Config


def configurations(project: str) -> dict[str, str]:
    """Return `{folder below configs: digest of its files}`; a file that cannot be loaded counts as such."""
    spec = find_spec(project)
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    totals: dict[str, Any] = {}
    for path in sorted(root.rglob("*.py")):
        head, _, tail = path.relative_to(root).as_posix().partition("configs/")
        if tail and head in ("", ".mim/"):
            folder = "/".join(f"{head}configs/{tail}".split("/")[:-1][:4])
            text = loaded(path).replace(str(root.parent), "<site>")
            totals.setdefault(folder, hashlib.sha256()).update(f"{tail}\n{text}\n".encode())
    return {folder: total.hexdigest()[:16] for folder, total in totals.items()}


def loaded(path: Path) -> str:
    """Return the values of a configuration as JSON; a file that the project itself broke has none."""
    try:
        cfg = Config.fromfile(str(path))
        beside = type | FunctionType | ModuleType
        values = {key: value for key, value in cfg._cfg_dict.items() if not isinstance(value, beside)}
        return json.dumps(without_delete(plain(values)), sort_keys=True)
    except Exception:  # which one is not the same in every engine
        return "cannot be loaded"


def without_delete(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_delete(part) for key, part in value.items() if key != "_delete_"}
    return [without_delete(part) for part in value] if isinstance(value, list) else value
