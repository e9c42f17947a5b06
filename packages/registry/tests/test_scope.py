"""The scope in force: set for a block, a thread, a task, or from now on."""

import asyncio
import contextvars
import logging
import threading

import pytest

from eng_registry import DefaultScope, Registry, init_default_scope


@pytest.fixture(autouse=True)
def in_a_context_of_its_own(monkeypatch):
    """Each test starts without a scope; what it leaves behind is taken back."""
    from eng_registry.scope import in_force

    token = in_force.set(None)
    yield
    in_force.reset(token)


def scope_now():
    current = DefaultScope.get_current_instance()
    return current.scope_name if current is not None else None


def test_there_is_none_at_first():
    """Then every registry searches itself."""
    assert DefaultScope.get_current_instance() is None


def test_an_instance_is_made_once_per_name():
    """Its scope is a must, and what it is called and means can be read."""
    first = DefaultScope.get_instance("run", scope_name="mmdet")
    assert DefaultScope.get_instance("run") is first is DefaultScope.get_current_instance()
    assert (first.instance_name, first.scope_name) == ("run", "mmdet")
    assert DefaultScope.check_instance_created("run")
    assert not DefaultScope.check_instance_created("other")
    with pytest.raises(TypeError):
        DefaultScope.get_instance("another")


@pytest.mark.parametrize("scope", [1, None, "", ["mmdet"]])
def test_a_scope_is_a_text(scope):
    """And not empty."""
    with pytest.raises(AssertionError, match="scope_name must be a non-empty str"):
        DefaultScope("run", scope)


def test_overwriting_is_for_a_block():
    """Nested, one after the other, and after an exception."""
    with DefaultScope.overwrite_default_scope("a"):
        with DefaultScope.overwrite_default_scope("b"):
            assert scope_now() == "b"
        assert scope_now() == "a"
        with DefaultScope.overwrite_default_scope(None):
            assert scope_now() == "a"
    with pytest.raises(RuntimeError), DefaultScope.overwrite_default_scope("c"):
        raise RuntimeError
    assert scope_now() is None


def test_init_default_scope_says_when_it_changes_one(caplog):
    """Once in force, once again nothing, then a warning."""
    with caplog.at_level(logging.WARNING):
        init_default_scope("a")
        init_default_scope("a")
        assert not caplog.records
        init_default_scope("b")
    assert "from `a` to `b`" in caplog.text
    assert scope_now() == "b"


def test_a_thread_has_its_own():
    """Two runs in two threads do not meet."""
    seen = {}
    meet = threading.Barrier(2)

    def run(scope):
        with DefaultScope.overwrite_default_scope(scope):
            meet.wait()
            seen[scope] = scope_now()
            meet.wait()

    threads = [threading.Thread(target=run, args=(scope,)) for scope in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"a": "a", "b": "b"}
    assert scope_now() is None


def test_an_asyncio_task_has_its_own():
    """Tasks take turns within their blocks, and still do not see each other's."""

    async def run(scope):
        with DefaultScope.overwrite_default_scope(scope):
            await asyncio.sleep(0)
            return scope_now()

    async def both():
        return await asyncio.gather(run("a"), run("b"))

    assert asyncio.run(both()) == ["a", "b"]


def test_a_copied_context_keeps_its_changes():
    """`init_default_scope` there does nothing here."""
    contextvars.copy_context().run(init_default_scope, "a")
    assert scope_now() is None


@pytest.fixture
def tree():
    """A root, a child, and a child of that; each has its own class `Own`."""
    root = Registry("part", scope="root")
    child = Registry("part", parent=root, scope="child")
    deep = Registry("part", parent=child, scope="deep")
    for node in (root, child, deep):
        node.register_module("Own", module=type(node.scope, (), {}))
    return root, child, deep


def test_the_scope_in_force_redirects_a_build(tree):
    """Whichever registry of the tree is asked."""
    for asked in tree:
        for scope in ("root", "child", "deep"):
            with DefaultScope.overwrite_default_scope(scope):
                assert type(asked.build({"type": "Own"})).__name__ == scope


def test_scope_in_the_configuration_reaches_nested_builds(tree):
    """What the constructor builds in turn is searched there too."""
    root, child, _ = tree

    @child.register_module()
    class Outer:
        def __init__(self, inner):
            self.inner = root.build(inner)

    outer = root.build({"type": "Outer", "inner": {"type": "Own"}, "_scope_": "child"})
    assert type(outer.inner).__name__ == "child"
    assert scope_now() is None


def test_switching_gives_the_registry_that_answers(tree):
    """And the one that was asked where nobody does, with a warning."""
    root, child, deep = tree
    with root.switch_scope_and_registry("child") as answering:
        assert answering is child
        with answering.switch_scope_and_registry("deep") as deeper:
            assert deeper is deep
        with answering.switch_scope_and_registry(None) as same:
            assert same is child
    with root.switch_scope_and_registry(None) as same:
        assert same is root


def test_a_scope_without_a_registry_warns_once_and_falls_back(tree, caplog):
    """It may belong to a package that was not imported."""
    root, _, _ = tree
    with caplog.at_level(logging.WARNING), DefaultScope.overwrite_default_scope("nobody"):
        assert type(root.build({"type": "Own"})).__name__ == "root"
        root.build({"type": "Own"})
    assert caplog.text.count("The scope in force is `nobody`") == 1
