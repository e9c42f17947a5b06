"""What the package offers is decided on purpose."""

import eng_config


def test_the_public_names_are_these():
    """Adding or removing a public name changes this list."""
    assert eng_config.__all__ == [
        "Config",
        "ConfigDict",
        "ConfigError",
        "DerivedValuesWarning",
        "DictAction",
        "Finder",
        "LazyAttr",
        "LazyObject",
        "Origin",
        "Part",
        "UntrustedConfigError",
        "add_cli_arguments",
        "parse_overrides",
        "read_base",
    ]


def test_every_public_name_is_there():
    """`__all__` promises nothing that is missing."""
    assert all(hasattr(eng_config, name) for name in eng_config.__all__)
