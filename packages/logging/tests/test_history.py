import json
import logging
import pickle
import sys
import threading

import pytest

from eng_logging import ArgumentError, HistoryBuffer, MessageHub


def test_record_keeps_values_as_they_are(DeviceScalar):
    """No tensor is read by recording, and a copy of it by the first statistic."""
    hub = MessageHub("a")
    loss = DeviceScalar(2.0)
    hub.record({"train/loss": loss, "train/lr": 0.1})
    hub.record({"train/loss": 1.0})
    assert loss.reads == 0
    loss.value = 8.0
    assert hub.get_scalar("train/loss").mean() == 1.5
    assert hub.get_scalar("train/lr").current() == 0.1


def test_record_costs_one_call_per_key():
    """One C call per key, and a handful for the record itself."""
    hub = MessageHub("a")
    scalars = {f"train/{i}": float(i) for i in range(10)}
    hub.record(scalars)
    calls = []
    sys.setprofile(lambda frame, event, arg: calls.append(event) if event in ("call", "c_call") else None)
    try:
        hub.record(scalars)
    finally:
        sys.setprofile(None)
    assert calls.count("call") == 1  # record
    assert calls.count("c_call") == 10 + 2  # append each, items(), and setprofile itself


def test_pending_tensors_are_read_after_a_while(DeviceScalar):
    """Recording for ever without reading holds about a thousand tensors per key, not more."""
    hub = MessageHub("a")
    for _ in range(5000):
        hub.record({"loss": DeviceScalar(1.0)})
    assert hub.series("loss").pending <= 1024
    assert len(hub.series("loss")) == 5000


def test_series_is_made_once_and_its_append_can_be_kept():
    """A loop that holds `append` writes to the series that the hub shows."""
    hub = MessageHub("a", max_length=3)
    append = hub.series("train/loss").append
    for value in range(5):
        append(value)
    assert hub.series("train/loss") is hub.get_scalar("train/loss") is hub.log_scalars["train/loss"]
    assert hub.get_scalar("train/loss").mean() == 3.0


def test_update_scalar_takes_whatever_has_one_element(DeviceScalar):
    """Numbers and one-element arrays come in; the tensor is copied, not read."""
    hub = MessageHub("a")
    tensor = DeviceScalar(3.0)
    hub.update_scalar("x", 1)
    hub.update_scalar("x", 2.5, count=2)
    hub.update_scalar("x", tensor)
    tensor.value = 100.0
    assert tensor.reads == 0
    assert list(hub.get_scalar("x").data[0]) == [1.0, 2.5, 3.0]
    assert list(hub.get_scalar("x").data[1]) == [1.0, 2.0, 1.0]


@pytest.mark.parametrize("value", ["1", [1], None, {}])
def test_update_scalar_refuses_the_rest(value):
    """What is no single number is named with its key, and makes no series."""
    hub = MessageHub("a")
    with pytest.raises(AssertionError, match="'x'"):
        hub.update_scalar("x", value)
    assert not hub.log_scalars


def test_update_scalar_refuses_a_tensor_of_two(DeviceScalar):
    """And says its shape if it has one."""
    with pytest.raises(AssertionError, match="'x' must be a number or have one element"):
        MessageHub("a").update_scalar("x", DeviceScalar(1.0, elements=2))


def test_update_scalar_wants_a_whole_count():
    """Half a thing cannot be counted."""
    with pytest.raises(AssertionError, match="count of 'x' must be an int"):
        MessageHub("a").update_scalar("x", 1, count=0.5)


def test_update_scalars_takes_values_and_counts():
    """An item is a value, or a mapping with value and count."""
    hub = MessageHub("a")
    hub.update_scalars({"x": 1, "y": {"value": 4, "count": 2}, "z": {"value": 3}})
    assert [hub.get_scalar(key).mean() for key in "xyz"] == [1.0, 2.0, 3.0]
    with pytest.raises(AssertionError, match=r"log_dict\['x'\] must have a `value`"):
        hub.update_scalars({"x": {"count": 2}})
    with pytest.raises(AssertionError, match="mapping"):
        hub.update_scalars([1])


def test_facts_are_stored_replaced_and_taken():
    """Facts are the objects themselves."""
    hub = MessageHub("a")
    names = ["cat"]
    hub.update_info("classes", names)
    hub.update_info_dict({"epoch": 1, "iter": 10})
    hub.update_info("epoch", 2)
    assert hub.get_info("classes") is names
    assert (hub.get_info("epoch"), hub.get_info("nothing"), hub.get_info("nothing", 5)) == (2, None, 5)
    assert (hub.pop_info("iter"), hub.pop_info("iter", 0)) == (10, 0)
    assert list(hub.runtime_info) == ["classes", "epoch"]
    with pytest.raises(AssertionError, match="mapping"):
        hub.update_info_dict([("a", 1)])


def test_a_missing_scalar_says_what_there_is():
    """The error lists the keys."""
    hub = MessageHub("a")
    hub.update_scalar("train/loss", 1)
    with pytest.raises(KeyError, match="no scalar 'loss' was recorded; there are: train/loss"):
        hub.get_scalar("loss")


def test_the_flag_of_a_loaded_key_is_set_by_who_sets_it_next():
    """A state of another program may have kept what this one does not; after that it is fixed again."""
    hub = MessageHub("a")
    hub.load_state_dict({"log_scalars": {}, "runtime_info": {"eta": 3.0}, "resumed_keys": {"eta": True}})
    hub.update_info("eta", 2.0, resumed=False)
    assert hub.state_dict()["runtime_info"] == {}
    with pytest.raises(AssertionError, match="'eta' was first set with resumed=False"):
        hub.update_info("eta", 1.0)


def test_whether_a_key_is_resumed_cannot_change():
    """The flag is fixed by the first call."""
    hub = MessageHub("a")
    hub.update_info("x", 1)
    hub.update_scalar("y", 1, resumed=False)
    with pytest.raises(AssertionError, match="'x' was first set with resumed=True"):
        hub.update_info("x", 2, resumed=False)
    with pytest.raises(AssertionError, match="'y' was first set with resumed=False"):
        hub.update_scalar("y", 2)


def test_state_is_plain_data_and_restores(DeviceScalar):
    """Through JSON into another hub: what is resumed is there, the rest is not."""
    hub = MessageHub("a")
    hub.record({"train/loss": DeviceScalar(2.0)})
    hub.update_scalar("tmp", 1, resumed=False)
    hub.update_info("epoch", 3)
    hub.update_info("data", object(), resumed=False)
    state = json.loads(json.dumps(hub.state_dict()))
    other = MessageHub("b")
    other.load_state_dict(state)
    assert other.get_scalar("train/loss").current() == 2.0
    assert other.get_info("epoch") == 3
    assert list(other.log_scalars) == ["train/loss"]
    assert list(other.runtime_info) == ["epoch"]


def test_state_is_a_copy():
    """What happens after the state was taken does not change it."""
    hub = MessageHub("a")
    hub.update_info("classes", ["cat"])
    hub.update_scalar("x", 1)
    state = hub.state_dict()
    hub.get_info("classes").append("dog")
    hub.update_scalar("x", 2)
    other = MessageHub("b")
    other.load_state_dict(state)
    assert other.get_info("classes") == ["cat"]
    assert len(other.get_scalar("x")) == 1


def test_what_cannot_be_copied_is_shared_with_a_warning(caplog):
    """The state has the object itself."""
    hub = MessageHub("a")
    lock = threading.Lock()
    hub.update_info("lock", lock)
    with caplog.at_level(logging.WARNING):
        assert hub.state_dict()["runtime_info"]["lock"] is lock
    assert "'lock' cannot be copied" in caplog.text


def test_loading_from_a_hub_copies_everything():
    """Also keys that are not resumed; both hubs go on alone."""
    hub = MessageHub("a")
    hub.update_scalar("x", 1, resumed=False)
    other = MessageHub("b")
    other.load_state_dict(hub)
    hub.update_scalar("x", 2, resumed=False)
    assert list(other.get_scalar("x").data[0]) == [1.0]


def test_loading_skips_what_is_no_series(caplog):
    """A foreign value is left out and named; flags of unknown keys are not taken over."""
    state = {
        "log_scalars": {"bad": 3, "good": {"values": [1.0]}},
        "runtime_info": {"epoch": 1},
        "resumed_keys": {"good": True, "bad": True, "epoch": False},
    }
    hub = MessageHub("a")
    with caplog.at_level(logging.WARNING):
        hub.load_state_dict(state)
    assert list(hub.log_scalars) == ["good"]
    assert "'bad' in the state is a int" in caplog.text
    assert "'epoch' is marked as not resumed" in caplog.text
    assert hub.get_info("epoch") == 1
    hub.update_scalar("bad", 1, resumed=False)  # its flag was not taken over


def test_a_foreign_buffer_object_is_understood():
    """An object with MMEngine's fields, as a restricted loader may build it."""

    class Foreign:
        def __init__(self):
            self._log_history, self._count_history, self._max_length = [1.0, 3.0], [1, 1], 5

    hub = MessageHub("a")
    hub.load_state_dict({"log_scalars": {"x": Foreign()}, "runtime_info": {}, "resumed_keys": {"x": True}})
    assert hub.get_scalar("x").mean() == 2.0


def test_a_state_must_be_a_state():
    """Its three keys are asked for."""
    with pytest.raises(AssertionError, match="lacks"):
        MessageHub("a").load_state_dict({"log_scalars": {}})
    with pytest.raises(TypeError, match="mapping or a MessageHub"):
        MessageHub("a").load_state_dict([1])


def test_arguments_are_checked():
    """Each is a dict of the right things, or None."""
    for argument in ("log_scalars", "runtime_info", "resumed_keys"):
        with pytest.raises(TypeError, match=argument):
            MessageHub("a", **{argument: []})
    with pytest.raises(AssertionError, match="HistoryBuffer"):
        MessageHub("a", log_scalars={"x": [1]})
    with pytest.raises(AssertionError, match="neither in log_scalars nor in runtime_info"):
        MessageHub("a", resumed_keys={"x": True})
    hub = MessageHub("a", {"x": HistoryBuffer([1], [1])}, {"epoch": 1}, {"x": True, "epoch": False})
    assert list(hub.state_dict()["runtime_info"]) == []


def test_a_hub_can_be_pickled():
    """Keys that are not resumed survive a pickle."""
    hub = MessageHub("a")
    hub.update_info("x", 1, resumed=False)
    hub.record({"loss": 1.0})
    clone = pickle.loads(pickle.dumps(hub))
    clone.record({"loss": 3.0})
    assert clone.get_info("x") == 1
    assert clone.get_scalar("loss").mean() == 2.0
    assert hub.get_scalar("loss").mean() == 1.0


def test_the_current_hub_is_made_when_there_is_none(monkeypatch):
    """Code that only wants to note something needs no set-up."""
    monkeypatch.setattr(MessageHub, "_instance_dict", type(MessageHub._instance_dict)())
    assert MessageHub.get_current_instance().instance_name == "eng"
    mine = MessageHub.get_instance("mine")
    assert MessageHub.get_current_instance() is mine


def test_a_checkpoint_does_not_grow_with_the_run():
    """The state of a hub after 200 000 iterations is that after 1000, to the byte."""
    sizes = []
    hub = MessageHub("a")
    for iteration in range(200_000):
        hub.record({"train/loss": 1 / (iteration + 1), "train/lr": 0.1})
        if iteration + 1 in (1000, 200_000):
            sizes.append(len(json.dumps(hub.state_dict())))
    assert sizes[0] == sizes[1]
    assert len(hub.get_scalar("train/loss")) == 100_000


def test_the_length_of_the_state_can_be_chosen():
    """Whoever wants the whole history in a checkpoint says so."""
    hub = MessageHub("a", state_length=50_000)
    for iteration in range(5000):
        hub.record({"loss": float(iteration)})
    other = MessageHub("b")
    other.load_state_dict(hub.state_dict())
    assert len(other.get_scalar("loss")) == 5000


def test_a_record_that_is_no_number_is_told_with_its_key():
    """The state has everything else."""
    hub = MessageHub("run")
    hub.record({"train/loss": 1.0, "train/words": "many", "train/lr": 0.1})
    with pytest.raises(ArgumentError, match=r"scalar 'train/words': a value must be .* got str"):
        hub.state_dict()
    assert [len(series) for series in hub.log_scalars.values()] == [1, 0, 1]
    assert set(hub.state_dict()["log_scalars"]) == {"train/loss", "train/words", "train/lr"}
