from eng_visualization.backends.artifacts import files_with_suffix, work_dir_of


def test_files_with_the_endings_are_found_in_order(tmp_path):
    """At every depth."""
    for name in ("b.py", "a.json", "sub/c.py", "d.pth"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = [path.relative_to(tmp_path).as_posix() for path in files_with_suffix(tmp_path, (".py", ".json"))]
    assert found == ["a.json", "b.py", "sub/c.py"]
    assert list(files_with_suffix(tmp_path, ".pth")) == [tmp_path / "d.pth"]
    assert list(files_with_suffix(None, ".py")) == []


def test_the_work_dir_is_in_the_configuration():
    """If there is one."""
    assert work_dir_of({"work_dir": "runs/a"}) == "runs/a"
    assert work_dir_of({}) is None
    assert work_dir_of(object()) is None
