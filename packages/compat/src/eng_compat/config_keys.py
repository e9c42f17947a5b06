"""The keys with a meaning of their own in a configuration file, and the older name of its errors."""

from eng_config import ConfigError as ConfigParsingError

__all__ = ["BASE_KEY", "DELETE_KEY", "DEPRECATION_KEY", "RESERVED_KEYS", "ConfigParsingError"]

BASE_KEY = "_base_"
DELETE_KEY = "_delete_"
DEPRECATION_KEY = "_deprecation_"
RESERVED_KEYS = ["filename", "text", "pretty_text", "env_variables"]
