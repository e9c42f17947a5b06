"""Counting what is registered."""

import json

from eng_registry import Registry, count_registered_modules, root, traverse_registry_tree


def tree():
    top = Registry("part", scope="top")
    child = Registry("part", parent=top, scope="child")
    deep = Registry("part", parent=child, scope="deep")
    top.register_module("plain", module=dict)
    child.register_module("other", module=json.JSONDecoder)
    return top, child, deep


def test_a_tree_is_told_from_its_root_whichever_node_is_given(caplog):
    """With the folder of source of every name."""
    nodes = tree()
    expected = [
        {"num_modules": 1, "scope": "top", "builtins": ["plain"]},
        {"num_modules": 1, "scope": "child", "json": ["other"]},
        {"num_modules": 0, "scope": "deep"},
    ]
    for node in nodes:
        assert expected == traverse_registry_tree(node, verbose=False)
    with caplog.at_level("INFO"):
        traverse_registry_tree(nodes[0])
    assert "child::part has 1 names" in caplog.text


def test_everything_is_counted_and_written(tmp_path, monkeypatch):
    """All root registries, and the date."""
    for name in dir(root):
        if isinstance(getattr(root, name), Registry):  # what else is installed is not this test's business
            monkeypatch.setattr(getattr(root, name)._node.source, "is_complete", True)
    counted = count_registered_modules(str(tmp_path), verbose=False)
    assert counted == json.loads((tmp_path / "modules_statistic_results.json").read_text())
    assert set(counted) == {"scan_date", "registries"}
    assert {"MODELS", "HOOKS", "FUNCTIONS"} <= set(counted["registries"])
    assert counted["registries"]["HOOKS"][0]["scope"] == "eng"
