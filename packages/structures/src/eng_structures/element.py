"""BaseDataElement: the bag that carries one sample between data, model and evaluator.

Two sets of fields, with no name in both. Metainfo says what the sample is (its path, its original size):
it is copied deeply and is not changed by attribute. Data is what the model reads and writes: it is kept
by reference. How tensors inside move and convert is in `tensors`, how an element becomes plain data in `plain`.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal, Self

from eng_structures.errors import ElementTypeError, ElementValueError
from eng_structures.tensors import pinned, to_array, to_tensor

_BOOKS = ("_metainfo_fields", "_data_fields")
_ATOMS = (str, int, float, bool, bytes, type(None))


class BaseDataElement:
    """Metainfo and data of one sample.

    >>> import torch
    >>> sample = BaseDataElement(metainfo={'img_shape': (4, 6)}, labels=torch.tensor([1, 2]))
    >>> sample.scores = torch.tensor([0.5, 0.9])
    >>> sample.keys(), sample.img_shape, 'scores' in sample
    (['labels', 'scores'], (4, 6), True)

    A subclass may say the type of a field by a property; ``obj.keys()`` then shows the property's name:

    >>> class Sample(BaseDataElement):
    ...     @property
    ...     def boxes(self):
    ...         return self._boxes
    ...     @boxes.setter
    ...     def boxes(self, value):
    ...         self.set_field(value, '_boxes', dtype=torch.Tensor)
    ...     @boxes.deleter
    ...     def boxes(self):
    ...         del self._boxes
    >>> Sample(boxes=torch.zeros(1, 4)).keys()
    ['boxes']
    """

    _metainfo_fields: dict[str, None]
    _data_fields: dict[str, None]
    _behind_properties: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        names = {
            f"_{name}"
            for base in cls.__mro__
            for name, value in vars(base).items()
            if isinstance(value, property)
        }
        cls._behind_properties = frozenset(names)

    def __init__(self, *, metainfo: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        self.__dict__["_metainfo_fields"] = {}
        self.__dict__["_data_fields"] = {}
        if metainfo is not None:
            self.set_metainfo(metainfo)
        if kwargs:
            self.set_data(kwargs)

    # -- setting -------------------------------------------------------------------------------------------

    def set_metainfo(self, metainfo: Mapping[str, Any]) -> None:
        """Add or replace metainfo by a deep copy of `metainfo`.

        Raises:
            ElementTypeError: `metainfo` is not a mapping.
            AttributeError: a key is a data field.
        """
        _require_mapping(metainfo, "metainfo")
        for name, value in metainfo.items():
            self.set_field(_deep_copy(value), name, field_type="metainfo")

    def set_data(self, data: Mapping[str, Any]) -> None:
        """Set each item of `data` as an attribute, so that properties of a subclass have their say.

        Raises:
            ElementTypeError: `data` is not a mapping.
            AttributeError: a key is metainfo.
        """
        _require_mapping(data, "data")
        for name, value in data.items():
            setattr(self, name, value)

    def set_field(
        self,
        value: Any,
        name: str,
        dtype: type | tuple[type, ...] | None = None,
        field_type: Literal["data", "metainfo"] = "data",
    ) -> None:
        """Set one field of either kind; `dtype` is the type that `value` must have.

        Raises:
            ElementTypeError: `value` is not a `dtype`.
            ElementValueError: `field_type` is neither 'data' nor 'metainfo'.
            AttributeError: `name` belongs to the other kind.
        """
        if field_type == "data":
            mine, other, kind = self._data_fields, self._metainfo_fields, "metainfo"
        elif field_type == "metainfo":
            mine, other, kind = self._metainfo_fields, self._data_fields, "a data field"
        else:
            raise ElementValueError(f"field_type is 'data' or 'metainfo', not {field_type!r}")
        if dtype is not None and not isinstance(value, dtype):
            raise ElementTypeError(
                f"{name} of {type(self).__name__} is a {_spell(dtype)}, got a {_spell(type(value))}"
            )
        if name in other:
            raise AttributeError(f"{name!r} of {type(self).__name__} is {kind} already; a name has one kind")
        super().__setattr__(name, value)
        mine[name] = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _BOOKS:
            raise AttributeError(f"{name} keeps the books of {type(self).__name__} and is not to be set")
        self.set_field(value, name)

    def update(self, instance: "BaseDataElement") -> None:
        """Take over the metainfo and the data of `instance`."""
        if not isinstance(instance, BaseDataElement):
            raise ElementTypeError(f"update takes a BaseDataElement, got a {_spell(type(instance))}")
        self.set_metainfo(dict(instance.metainfo_items()))
        self.set_data(dict(instance.items()))

    def __delattr__(self, item: str) -> None:
        if item in _BOOKS:
            raise AttributeError(f"{item} keeps the books of {type(self).__name__} and is not to be deleted")
        super().__delattr__(item)
        self._metainfo_fields.pop(item, None)
        self._data_fields.pop(item, None)

    __delitem__ = __delattr__

    def pop(self, *args: Any) -> Any:
        """``pop(name)`` or ``pop(name, default)``: remove a field of either kind and return its value.

        Raises:
            KeyError: there is no such field and no default.
        """
        if not 1 <= len(args) <= 2:
            raise ElementTypeError(f"pop takes a name and perhaps a default, got {len(args)} arguments")
        name = args[0]
        if name in self:
            value = getattr(self, name)
            delattr(self, name)
            return value
        if len(args) == 2:
            return args[1]
        raise KeyError(name)

    # -- reading -------------------------------------------------------------------------------------------

    def __contains__(self, item: object) -> bool:
        return item in self._data_fields or item in self._metainfo_fields

    def get(self, key: str, default: Any = None) -> Any:
        """The attribute `key`, or `default`."""
        return getattr(self, key, default)

    def keys(self) -> list[str]:
        """The names of the data fields, in the order in which they were set."""
        behind = self._behind_properties
        return [name for name in self._data_fields if name not in behind]

    def metainfo_keys(self) -> list[str]:
        """The names of the metainfo, in the order in which they were set."""
        return list(self._metainfo_fields)

    def all_keys(self) -> list[str]:
        """The names of both kinds, metainfo first."""
        return self.metainfo_keys() + self.keys()

    def values(self) -> list[Any]:
        """The values of the data fields."""
        return [getattr(self, name) for name in self.keys()]

    def metainfo_values(self) -> list[Any]:
        """The values of the metainfo."""
        return [getattr(self, name) for name in self._metainfo_fields]

    def all_values(self) -> list[Any]:
        """The values of both kinds, metainfo first."""
        return self.metainfo_values() + self.values()

    def items(self) -> Iterator[tuple[str, Any]]:
        """Names and values of the data fields."""
        return ((name, getattr(self, name)) for name in self.keys())

    def metainfo_items(self) -> Iterator[tuple[str, Any]]:
        """Names and values of the metainfo."""
        return ((name, getattr(self, name)) for name in self.metainfo_keys())

    def all_items(self) -> Iterator[tuple[str, Any]]:
        """Names and values of both kinds, metainfo first."""
        return ((name, getattr(self, name)) for name in self.all_keys())

    @property
    def metainfo(self) -> dict[str, Any]:
        """The metainfo as a new dict."""
        return dict(self.metainfo_items())

    def to_dict(self) -> dict[str, Any]:
        """Metainfo and data as one dict; elements inside become dicts as well."""
        return {
            name: value.to_dict() if isinstance(value, BaseDataElement) else value
            for name, value in self.all_items()
        }

    # -- copies and conversions ----------------------------------------------------------------------------

    def new(self, *, metainfo: Mapping[str, Any] | None = None, **kwargs: Any) -> Self:
        """An element of the same class: `metainfo` and `kwargs` where given, else this one's.

        Metainfo is copied deeply, data is shared.
        """
        element = type(self)()
        element.set_metainfo(self.metainfo if metainfo is None else metainfo)
        element.set_data(kwargs or dict(self.items()))
        return element

    def clone(self) -> Self:
        """An element of the same class and fields: metainfo copied deeply, data shared."""
        return self.new()

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        for books in _BOOKS:
            twin.__dict__[books] = dict(self.__dict__[books])
        return twin

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """A new element in which every field that has a ``to`` has been through it."""
        return self._each(lambda value: value.to(*args, **kwargs) if hasattr(value, "to") else value)

    def cpu(self) -> Self:
        """A new element with its tensors on the CPU."""
        return self._each(lambda value: value.cpu() if hasattr(value, "cpu") else value)

    def cuda(self) -> Self:
        """A new element with its tensors on the current CUDA device."""
        return self._each(lambda value: value.cuda() if hasattr(value, "cuda") else value)

    def pin_memory(self) -> Self:
        """A new element with its tensors in pinned memory, from which they go to an accelerator without a wait.

        A loader with ``pin_memory=True`` calls this for every sample. Tensors that are not on the CPU stay.
        """
        return self._each(pinned)

    def detach(self) -> Self:
        """A new element with its tensors cut off from the graph."""
        return self._each(lambda value: value.detach() if hasattr(value, "detach") else value)

    def numpy(self) -> Self:
        """A new element with arrays for its tensors, detached and on the CPU; bfloat16 becomes float32."""
        return self._each(
            lambda value: value.numpy() if isinstance(value, BaseDataElement) else to_array(value)
        )

    def to_tensor(self) -> Self:
        """A new element with tensors for its arrays, of the same memory where that is writable."""
        return self._each(
            lambda value: value.to_tensor() if isinstance(value, BaseDataElement) else to_tensor(value)
        )

    def _each(self, convert: Callable[[Any], Any]) -> Self:
        return self.new(**{name: convert(value) for name, value in self.items()})

    # -- for people ----------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        metainfo = _indent(_lines(self.metainfo_items()))
        data = _indent(_lines(self.items()))
        body = f"\n\n    META INFORMATION{metainfo}\n\n    DATA FIELDS{data}"
        return f"<{type(self).__name__}({body}\n) at {hex(id(self))}>"


def _require_mapping(value: object, name: str) -> None:
    if not isinstance(value, Mapping):
        raise ElementTypeError(f"{name} is a dict, got a {_spell(type(value))}")


def _spell(kind: type | tuple[type, ...]) -> str:
    return " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))


def _deep_copy(value: Any) -> Any:
    """`copy.deepcopy`, without its cost for what cannot change: numbers, texts and tuples of them."""
    if type(value) in _ATOMS or (type(value) is tuple and all(type(item) in _ATOMS for item in value)):
        return value
    return copy.deepcopy(value)


def _lines(items: Iterator[tuple[str, Any]]) -> str:
    """A line ``name: value`` for each item; a dict opens a list of its own one level deeper."""
    return "".join(f"\n{name}: {_indent(_show(value))}" for name, value in items)


def _show(value: Any) -> str:
    return _lines(iter(value.items())) if isinstance(value, dict) else repr(value)


def _indent(text: str) -> str:
    """All lines but the first four spaces to the right."""
    return text.replace("\n", "\n    ")
