"""Whatever a text holds, reading it and asking about it gives values or a ConfigError."""

import contextlib
import copy
import pickle
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eng_config import Config, ConfigError

PIECES = {
    ".py": [
        *(
            "a",
            "b",
            " = ",
            "1",
            "'x'",
            "[",
            "]",
            "{",
            "}",
            "(",
            ")",
            ",",
            ":",
            "\n",
            "\n    ",
            "for x in ",
            "if ",
        ),
        *(
            "del ",
            "a.b",
            "a['b']",
            "dict(",
            "**",
            "*",
            "+",
            "-",
            "%",
            "<<",
            "==",
            "in ",
            "not ",
            "_base_",
            "range(3)",
        ),
        *(
            "{{ _base_.a }}",
            "{{$A:1}}",
            "f'{a:>3}'",
            "lambda: 0",
            "len",
            "sorted",
            "2**61-1",
            "1e400",
            "...",
            "b'x'",
        ),
        *(
            "1j",
            "None",
            "import os",
            "with read_base():",
            "custom_imports",
            "filename",
            "_deprecation_",
            ".append(a)",
        ),
        *(".update(b)", "\\", "#c", "'''", "\0", "\ud800", "é", "\t", ";", "_scope_", "type", "x for x in "),
    ],
    ".yaml": [
        *(
            "a",
            ": ",
            "- ",
            "\n",
            "\n  ",
            "[",
            "]",
            "{",
            "}",
            ",",
            "&x ",
            "*x",
            "!!int ",
            "!!float ",
            "!!binary ",
        ),
        *(
            "!!python/tuple ",
            "!!set ",
            "!!timestamp ",
            "<<",
            "? ",
            "|",
            "> ",
            "'",
            '"',
            "1",
            "1:2",
            "1e5",
            "0x",
            "~",
        ),
        *(
            "null",
            "_base_",
            "__tuple__",
            "__set__",
            "__pairs__",
            "{{ _base_.a }}",
            "{{$A}}",
            "%YAML 1.1",
            "---",
        ),
        *("#", "\t", "é", "\ud800", "\0", "=", "2001-01-01", ".inf", "-", "@"),
    ],
    ".json": [
        *(
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            '"a"',
            '"_base_"',
            '"__tuple__"',
            '"__set__"',
            '"__pairs__"',
            '"__bytes__"',
        ),
        *(
            '"__complex__"',
            "1",
            "1e999",
            "-",
            "NaN",
            "null",
            "true",
            " ",
            "\n",
            '"\\ud800"',
            '"{{ _base_.a }}"',
        ),
    ],
    ".toml": [
        *(
            "a",
            " = ",
            "1",
            "\n",
            "[",
            "]",
            "[[",
            "]]",
            ".",
            "{",
            "}",
            ",",
            "'x'",
            '"y"',
            "'''",
            '"""',
            "1979-05-27",
        ),
        *(
            "07:32:00",
            "inf",
            "_base_",
            "__tuple__",
            "__pairs__",
            "__set__",
            "#",
            "\\u0041",
            "true",
            "0x",
            "1_0",
        ),
    ],
}


@pytest.mark.parametrize("suffix", PIECES)
@given(data=st.data())
@settings(max_examples=400, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
def test_any_text(suffix, data):
    """Read without trust, explained, checked, changed, copied and written in every format."""
    text = "".join(data.draw(st.lists(st.sampled_from(PIECES[suffix]), max_size=14)))
    with warnings.catch_warnings(), contextlib.suppress(ConfigError):
        warnings.simplefilter("ignore")
        cfg = Config.fromstring(text, suffix, trust=False)
        for key in cfg:
            cfg.origin(str(key))
            with contextlib.suppress(ConfigError):
                cfg.explain(str(key))
        cfg.check({"*": {}}, keys=["model"])
        assert pickle.loads(pickle.dumps(cfg)) == cfg == copy.deepcopy(cfg)
        with contextlib.suppress(ConfigError):
            cfg.merge_from_dict({"a": 1})
        cfg.pretty_text  # noqa: B018  # writing is what is tried
        cfg.dump()
