"""What users' commands are told about their task: its port, its prompt and the other variables."""

from git_par import environ
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import prompt


def first_port(session: Session, slot: int) -> int:
    """Where the block of ports of `slot` begins."""
    return session.settings.number("portBase") + slot * session.settings.number("portStep")


_OF_A_TASK = frozenset(f"GIT_PAR_{what}" for what in ("TASK", "BRANCH", "GROUP", "SLOT", "PORT", "PROMPT"))


def check_settings(session: Session) -> None:
    """Read the settings that a report needs, so that a bad one is found before the work and not after it."""
    session.settings.number("jobs")
    session.settings.number("portBase")
    session.settings.number("portStep")
    session.settings.choice("submodules", "auto", "off")
    session.settings.choice("lfs", "auto", "skip")


def port(session: Session, task: Task) -> int:
    """The first port of the block that belongs to the task's slot."""
    return first_port(session, task.slot)


def variables(session: Session, task: Task) -> dict[str, str]:
    """What a user's command is told about its task, by environment and never inside its text."""
    known = {
        "GIT_PAR_TASK": task.name,
        "GIT_PAR_PATH": task.path,
        "GIT_PAR_BRANCH": task.branch,
        "GIT_PAR_BASE": task.base,
        "GIT_PAR_GROUP": task.group or "",
        "GIT_PAR_SLOT": str(task.slot),
        "GIT_PAR_PORT": str(port(session, task)),
        "GIT_PAR_MAIN": str(session.repo.main or session.repo.common),
    }
    return {**known, "GIT_PAR_PROMPT": prompt.fill(session, task, known)}


def of_commands(session: Session, task: Task) -> dict[str, str]:
    """The whole environment of a user's command that runs for `task`."""
    return {**environ.for_commands(), **variables(session, task)}


def of_no_task() -> dict[str, str]:
    """The user's own environment, without a task that git-par may have been started from."""
    return {key: value for key, value in environ.for_commands().items() if key not in _OF_A_TASK}
