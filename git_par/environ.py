"""The environment that git and users' commands get: as inherited, but nothing in it points git at another repository."""

import os

REPO_VARS = frozenset(
    [
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    ]
)
"""`git rev-parse --local-env-vars`, less the two that carry the user's own `git -c`."""

_ALSO_DROPPED = frozenset(
    [
        "GIT_ATTR_SOURCE",
        "GIT_EXTERNAL_DIFF",
        "GIT_REFLOG_ACTION",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
    ]
)

GUARD = "GIT_PAR_GUARD"
"""Names the directory of hooks that a worker of git-par's is pointed at, for as long as it runs."""

LOOKS = "GIT_PAR_LOOKS"
"""In the environment of a git that only looks, and of what it starts, the process for which it does."""


def for_commands() -> dict[str, str]:
    """The environment for users' commands: as inherited, less what points git at a certain repository.

    Of a worker's environment the entry goes that points git at our own hooks: git-par looks for those of the repository.
    """
    env = {key: value for key, value in os.environ.items() if key not in REPO_VARS}
    if guard := env.pop(GUARD, None):
        for key in [key for key, value in env.items() if value == guard and key.startswith("GIT_CONFIG_VALUE_")]:
            number = key.removeprefix("GIT_CONFIG_VALUE_")
            if env.get(f"GIT_CONFIG_KEY_{number}") == "core.hooksPath":
                env[f"GIT_CONFIG_KEY_{number}"] = "par.guard"
    return env


def for_git() -> dict[str, str]:
    """The environment for git where git-par itself asks: it prompts nobody, and takes no lock that it can do without."""
    env = {key: value for key, value in for_commands().items() if key not in _ALSO_DROPPED}
    return env | {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
