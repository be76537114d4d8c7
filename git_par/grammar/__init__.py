"""The grammar: which verbs there are, and where each says what arguments and options it takes.

Only the module of the verb that was asked for is loaded; all of them are for help.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

from git_par.grammar.words import VERBS, Work

MODULES = {
    "tasks": ("add", "list", "path", "env", "show", "copy", "set"),
    "home": ("merge", "sync", "conflicts"),
    "cleanup": ("prune", "remove", "restore"),
    "history": ("log", "undo", "revert"),
    "tools": ("exec", "run", "pool", "adopt", "doctor", "trust", "with-lock", "hook", "demo", "shell-init"),
}
"""The verbs of each module, in the order in which help shows them."""

NAMES = tuple(verb for verbs in MODULES.values() for verb in verbs)


def verbs(asked: str) -> Mapping[str, Callable[..., Work]]:
    """The verb `asked`; all of them when there is none of that name."""
    for module, names in MODULES.items():
        if asked in names or asked not in NAMES:
            import_module(f"git_par.grammar.{module}")
    return {name: VERBS[name] for name in NAMES if asked == name or asked not in NAMES}
