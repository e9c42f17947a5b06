import eng_logging


def test_public_names_are_these():
    """A new public name is a decision, not an accident."""
    assert eng_logging.__all__ == sorted(eng_logging.__all__)
    assert eng_logging.__all__ == [
        "ArgumentError",
        "ENG_LOGGERS",
        "HistoryBuffer",
        "JsonFormatter",
        "LineFormatter",
        "LoggingError",
        "LoggingHandle",
        "MMLogger",
        "ManagerMeta",
        "ManagerMixin",
        "MessageHub",
        "configure",
        "print_log",
    ]
    assert all(hasattr(eng_logging, name) for name in eng_logging.__all__)
