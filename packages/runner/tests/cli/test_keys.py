"""`eng keys`: the table of configuration keys on the command line."""

from eng_runner.plan.keys import KEYS


def test_every_key_is_listed(said):
    """One line for each, with what it is for."""
    code, out, err = said("keys")
    assert (code, err) == (0, "")
    header, *lines = out.splitlines()
    assert header.split(maxsplit=1) == ["key", "what it is for"]
    assert [line.split(maxsplit=1) for line in lines] == [[name, key.help] for name, key in KEYS.items()]


def test_a_key_in_full(said):
    """What it holds, its default, and what a change of it does to a resumed run."""
    code, out, err = said("keys", "launcher")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "launcher",
        "  for                how several processes were started (under torchrun: pytorch)",
        "  holds              one of a few values: 'none', 'pytorch', 'slurm', 'mpi'",
        "  default            'none'",
        "  argument of        the Runner",
        "  changed on resume  same result",
    ]


def test_several_keys_in_full(said):
    """Also the effect of a change below a key, and keys that are not arguments of the Runner."""
    code, out, err = said("keys", "train_cfg", "runner_type")
    assert (code, err) == (0, "")
    train_cfg, runner_type = out.split("\nrunner_type\n")
    assert "changes result; max_time: same result" in train_cfg
    assert "max_epochs: compatible" in train_cfg
    assert "nothing; it stays in the configuration" in runner_type


def test_a_key_that_is_misspelled(said):
    """The nearest name, or the command that lists all; nothing is printed of the others."""
    code, out, err = said("keys", "trian_cfg", "xyzzy", "model")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "error: no key `trian_cfg`; did you mean `train_cfg`?",
        "error: no key `xyzzy`; `eng keys` lists all",
    ]
