"""Dataclasses that cost little to load.

What `dataclasses.dataclass` adds to a class it writes as text and compiles, at every start of the program: half a
millisecond a class, and a command loads dozens.  Here all classes share what can be shared, and the one thing that has to
be compiled, `__init__`, waits for the first instance.
"""

from dataclasses import MISSING, FrozenInstanceError, fields
from dataclasses import dataclass as _described
from typing import TYPE_CHECKING, Any

_ABSENT = object()


def _dataclass(cls: Any = None, /, *, frozen: bool = False) -> Any:
    """What `dataclasses.dataclass` makes of a class, but for what none of ours asks for."""
    if cls is None:
        return lambda one: _dataclass(one, frozen=frozen)
    cls.__doc__ = cls.__doc__ or cls.__name__  # else its signature is found out, to be that: 3 ms
    _described(init=False, repr=False, eq=False)(cls)

    def first(self: Any, *args: Any, **named: Any) -> None:
        cls.__init__ = _written(cls, frozen=frozen)
        cls.__init__(self, *args, **named)

    shared: dict[str, Any] = {
        "__init__": first,
        "__repr__": _repr,
        "__eq__": _eq,
        "__hash__": _hash if frozen else None,
    }
    if frozen:
        shared |= {"__setattr__": _refuse, "__delattr__": _refuse}
    for name, method in shared.items():
        # A class with an __eq__ of its own has a __hash__ of None, which nobody wrote.
        if name not in cls.__dict__ or (name == "__hash__" and cls.__dict__[name] is None):
            setattr(cls, name, method)
    return cls


if TYPE_CHECKING:  # it is the same
    from dataclasses import dataclass as dataclass
else:
    dataclass = _dataclass


def _written(cls: type, *, frozen: bool) -> Any:
    """The `__init__` that takes the fields of a class, in order or by name."""
    scope: dict[str, Any] = {"_put": object.__setattr__, "_absent": _ABSENT}
    takes, puts = ["self"], []
    for one in fields(cls):
        name, value, take = one.name, one.name, one.name
        if one.default is not MISSING:
            scope[f"_default_{name}"] = one.default
            take = f"{name}=_default_{name}"
            value = name if one.init else f"_default_{name}"
        elif one.default_factory is not MISSING:
            scope[f"_make_{name}"] = one.default_factory
            take = f"{name}=_absent"
            value = f"_make_{name}() if {name} is _absent else {name}" if one.init else f"_make_{name}()"
        takes += [take] if one.init else []
        puts.append(f"_put(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    exec(f"def __init__({', '.join(takes)}):\n " + "\n ".join(puts or ["pass"]), scope)
    made = scope["__init__"]
    made.__module__, made.__qualname__ = cls.__module__, f"{cls.__qualname__}.__init__"
    return made


def _values(self: Any) -> tuple[Any, ...]:
    """What instances are compared by."""
    return tuple(getattr(self, one.name) for one in fields(self) if one.compare)


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{one.name}={getattr(self, one.name)!r}' for one in fields(self))})"


def _refuse(self: Any, name: str, *_: object) -> None:
    raise FrozenInstanceError(f"cannot change field {name!r} of {type(self).__qualname__}")
