"""A backend that remembers what reached it, for tests of what stands in front of backends."""

import time

import pytest

from eng_registry import VISBACKENDS
from eng_visualization import BaseVisBackend, force_init_env


@VISBACKENDS.register_module()
class Remembers(BaseVisBackend):
    """Notes each call; `fails` and `hangs` name methods that raise, or wait for `seconds`."""

    def __init__(self, save_dir=None, fails=(), hangs=(), seconds=60.0, error=None):
        super().__init__(save_dir)
        self.fails, self.hangs, self.seconds = fails, hangs, seconds
        self.error = error or OSError("disk full")
        self.calls = []
        self.starts = 0

    def _init_env(self):
        self.starts += 1

    @property
    @force_init_env
    def experiment(self):
        return self

    def _act(self, method, *args):
        if method in self.hangs:
            time.sleep(self.seconds)
        if method in self.fails:
            raise self.error
        self.calls.append((method, *args))

    @force_init_env
    def add_config(self, config, **kwargs):
        self._act("add_config", config)

    @force_init_env
    def add_graph(self, model, data_batch, **kwargs):
        self._act("add_graph", model, data_batch)

    @force_init_env
    def add_image(self, name, image, step=0, **kwargs):
        self._act("add_image", name, image, step)

    @force_init_env
    def add_scalar(self, name, value, step=0, **kwargs):
        self._act("add_scalar", name, value, step)

    @force_init_env
    def add_scalars(self, scalar_dict, step=0, file_path=None, **kwargs):
        self._act("add_scalars", scalar_dict, step)

    @force_init_env
    def add_facts(self, facts):
        self._act("add_facts", facts)

    @force_init_env
    def resume_from(self, step):
        self._act("resume_from", step)

    def close(self):
        self._act("close")


@pytest.fixture(name="Remembers")
def class_that_remembers():
    """The class of that backend."""
    return Remembers
