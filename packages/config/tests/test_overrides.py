"""Putting values in by key path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eng_config import Config, ConfigError, parse_overrides


@pytest.fixture
def cfg():
    """Something to change."""
    return Config({"a": {"b": 1, "items": [{"x": 1}, {"x": 2}]}, "sizes": [1, 2], "n": 5})


def test_paths(cfg):
    """Into dictionaries and lists; what is not there is made."""
    cfg.merge_from_dict(
        {"a.b": 2, "a.items.1.x": 3, "sizes.0": 9, "new.deep.er": 4, "n": {"_delete_": True, "m": 1}}
    )
    assert cfg.to_dict() == {
        "a": {"b": 2, "items": [{"x": 1}, {"x": 3}]},
        "sizes": [9, 2],
        "n": {"m": 1},
        "new": {"deep": {"er": 4}},
    }


def test_a_dictionary_is_merged(cfg):
    """As a child's over its base; the given one is not kept."""
    given = {"a": {"c": [1]}}
    cfg.merge_from_dict(given)
    given["a"]["c"].append(2)
    assert (cfg.a.b, cfg.a.c) == (1, [1])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sizes.2": 1}, KeyError, "`2` is no position in a list of 2; positions are 0 to 1"),
        ({"sizes.-1": 1}, KeyError, "`-1` is no position"),
        ({"sizes.x": 1}, KeyError, "`x` is no position"),
        ({"a.items[0].x": 1}, KeyError, "behind a dot in a key path; write `a.items.0`"),
        ({"n.x": 1}, TypeError, r"`n` is 5 \(int\), which has nothing inside"),
        ({"n": {"x": 1}}, TypeError, "which has nothing inside.*_delete_=True"),
    ],
)
def test_all_or_nothing(cfg, options, error, message):
    """A path that leads nowhere takes back what was put in before it."""
    before = cfg.to_dict()
    with pytest.raises(error, match=message):
        cfg.merge_from_dict({"a.b": 7, "fresh.key": 1, "sizes.0": 3, **options})
    assert cfg.to_dict() == before


def test_positions_can_be_forbidden(cfg):
    """Then a list is given whole."""
    with pytest.raises(TypeError, match="allow_list_keys=False"):
        cfg.merge_from_dict({"sizes.0": 1}, allow_list_keys=False)


def test_elements_of_lists_know_their_origin(cfg):
    """Until the list is replaced."""
    cfg = Config.fromstring("sizes = [1,\n2]\n", ".py")
    cfg.merge_from_dict(parse_overrides(["sizes.1=5"]))
    assert [str(cfg.origin(f"sizes.{i}")) for i in (0, 1)] == ["<string>:1", "<command line>:1"]
    cfg.merge_from_dict(parse_overrides(["x=1", "sizes=[7,8]"]))
    assert str(cfg.origin("sizes.1")) == "<command line>:2"


@pytest.mark.parametrize("options", [None, 1, "a=1", ["a=1"], [("a", 1)], {1: 2}, {None: 1}, {b"a": 1}])
def test_only_a_mapping_from_key_paths_is_merged(cfg, options):
    """Anything else is a ConfigTypeError that says what to write."""
    with pytest.raises(ConfigError, match="a dictionary from key paths to values, not") as caught:
        cfg.merge_from_dict(options)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("step", ["²", "٣", "9" * 5000, "-1", "1.5", "\ud800"])
def test_a_step_that_is_no_position(cfg, step):
    """Digits that Python does not convert are keys of dictionaries, and nothing in lists."""
    cfg.merge_from_dict({f"a.{step.partition('.')[0]}": 1})
    with pytest.raises(ConfigError):
        cfg.merge_from_dict({f"sizes.{step}": 1})
    with pytest.raises(ConfigError):
        cfg.explain(f"sizes.{step}")
    assert cfg.sizes == [1, 2]


def test_a_key_none_is_not_every_key():
    """A step that spells no number does not mean the key None."""
    cfg = Config({"a": {None: 1}})
    cfg.merge_from_dict({"a.b": 2})
    assert cfg.to_dict() == {"a": {None: 1, "b": 2}}
    with pytest.raises(KeyError):
        cfg.explain("a.c")


paths = st.lists(
    st.sampled_from(
        ["a", "b", "items", "sizes", "0", "7", "-1", "²", "", "[0]", "keys", "_delete_", "n", "\ud800"]
    ),
    min_size=1,
    max_size=4,
).map(".".join)
values = st.one_of(
    st.integers(),
    st.floats(),
    st.none(),
    st.text(max_size=4),
    st.dictionaries(st.sampled_from(["a", "b", "_delete_"]), st.integers(), max_size=2),
    st.lists(st.integers(), max_size=2),
)


@given(st.dictionaries(paths, values, max_size=3))
def test_whatever_is_merged_is_put_in_or_refused(options):
    """Only ConfigErrors are raised, and then nothing has changed."""
    cfg = Config({"a": {"b": 1, "items": [{"x": 1}]}, "sizes": [1, 2], "n": None, "keys": {"x": 1}})
    before = cfg.to_dict()
    try:
        cfg.merge_from_dict(options)
    except ConfigError:
        assert cfg.to_dict() == before
