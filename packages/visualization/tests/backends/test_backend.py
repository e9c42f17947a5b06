import pytest

from eng_visualization import BaseVisBackend, MissingClientError, force_init_env


def test_the_first_use_begins_and_only_the_first(Remembers):
    """Of any method, or of `experiment`."""
    backend = Remembers()
    assert backend.starts == 0
    backend.add_scalar("loss", 1)
    assert backend.experiment is backend
    assert backend.starts == 1


def test_a_failed_beginning_is_tried_again(Remembers):
    """A server that was away may be back."""

    class Late(Remembers):
        def _init_env(self):
            super()._init_env()
            if self.starts == 1:
                raise ConnectionError("away")

    backend = Late()
    with pytest.raises(ConnectionError):
        backend.add_scalar("loss", 1)
    backend.add_scalar("loss", 2)
    assert backend.calls == [("add_scalar", "loss", 2, 0)]


def test_the_decorator_needs_something_to_call():
    """An object without `_init_env` is named."""

    class Nothing:
        @force_init_env
        def use(self):
            return 1

    with pytest.raises(AttributeError, match="Nothing has no _init_env, which use needs"):
        Nothing().use()


def test_what_is_not_overridden_does_nothing():
    """A backend serves what it can."""

    class Least(BaseVisBackend):
        experiment = None

        def _init_env(self):
            pass

    least = Least(None)
    least.add_config({})
    least.add_graph(None, None)
    least.add_image("a", None)
    least.add_scalar("a", 1)
    least.add_scalars({"a": 1})
    least.add_facts({})
    least.resume_from(3)
    least.close()
    assert not least._env_initialized


def test_the_two_abstract_parts_are_needed():
    """`experiment` and `_init_env`."""
    with pytest.raises(TypeError, match="abstract"):
        BaseVisBackend("folder")


def test_a_missing_client_says_how_to_get_it(Remembers):
    """With the extra of this package if there is one."""

    class Needs(Remembers):
        clients = ("no_such_client",)

    with pytest.raises(MissingClientError, match="pip install no_such_client"):
        Needs.require_clients()
    with pytest.raises(ImportError, match="needs the module `no_such_client`"):
        Needs._client("no_such_client")
