"""`git par run`: carry out a task file, or one command for several new tasks, and bring home what comes of it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import join, quote

from git_par import names
from git_par.commands import run_check
from git_par.commands import run_report as report
from git_par.commands.run_conduct import Conductor
from git_par.errors import Refused, UsageError
from git_par.report import Report
from git_par.runs import taskfile
from git_par.runs.record import MET, Run, Runs
from git_par.runs.taskfile import TaskFile, Wanted
from git_par.state.session import Session


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    words: tuple[str, ...] = ()
    """The task file, or with `each` the names."""
    each: bool = False
    jobs: int | None = None
    resume: bool = False
    dry_run: bool = False
    allow_overlap: bool = False
    live: bool = True
    """Whether a table on a terminal may show how it stands: not when the report is for programs."""


def run(session: Session, options: Options) -> Report:
    """Carry out a new run, or go on with one that was cut off."""
    if options.jobs is not None and options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs}: not 1 or more", hint="leave it out, or name a number")
    session = replace(session, tell=_quietly(session.tell))
    runs = Runs(session)
    if options.resume:
        return _carry_out(session, runs, _cut_off(session, runs, options), options)
    file, plan = _plan(session, options)
    outlook = run_check.look(session, plan, allow_overlap=options.allow_overlap)
    if options.dry_run:
        return report.rehearsal(outlook)
    for words in outlook.words:
        session.tell(words)
    fresh = runs.begin(plan, outlook.base, file, allow_overlap=options.allow_overlap)
    return _carry_out(session, runs, fresh, options)


def _carry_out(session: Session, runs: Runs, run: Run, options: Options) -> Report:
    with runs.held(run) as got:
        if not got:
            raise Refused(f"run {run.id}: another process is carrying it out", hint="git par list --watch")
        if options.resume:
            run = runs.read(run.id)  # whoever had it may have come further meanwhile
            _tell_where(session, run)
        conductor = Conductor(session, runs, run, _jobs(session, run, options), live=options.live)
        conductor.carry_out()
    return report.of(session, run)


def _quietly(tell: Callable[[str], None]) -> Callable[[str], None]:
    """What nobody reads any more does not end the workers; what each level would say again is said once."""
    said: set[str] = set()

    def told(text: str) -> None:
        if text in said:
            return
        said.add(text)
        with suppress(OSError, ValueError):
            tell(text)

    return told


def _tell_where(session: Session, run: Run) -> None:
    """Say which run goes on, and whether its file says something else by now."""
    home = sum(part.state in MET for part in run.parts)
    session.tell(f"run {run.id}: goes on; {home} of {len(run.parts)} are home")
    if run.file:
        with suppress(UsageError):
            if taskfile.read(Path(run.file)) == run.plan:
                return
        session.tell(f"'{run.file}': it has changed; the run goes on with what it said when it began")


def _jobs(session: Session, run: Run, options: Options) -> int:
    """How many workers at once: as asked for here, else in the file (0: all of them), else par.jobs."""
    if options.jobs is not None:
        return options.jobs
    if run.plan.jobs is not None:
        return run.plan.jobs or len(run.parts)
    return session.settings.jobs


def _plan(session: Session, options: Options) -> tuple[Path | None, TaskFile]:
    if options.each:
        return None, _each(session, options.words)
    if session.command:
        raise UsageError("run: a command is only for --each", hint="git par run --each NAME… -- CMD")
    if len(options.words) != 1:
        what = "no task file" if not options.words else f"one task file, not {len(options.words)}"
        raise UsageError(f"run: {what}", hint="git par run FILE, or git par run --each NAME… -- CMD")
    file = _file(session, options.words[0])
    return file, taskfile.read(file)


def _file(session: Session, word: str) -> Path:
    """A task file, named so that it is known again from elsewhere; its neighbours are those of a link, if it is one."""
    file = (session.cwd or Path.cwd()) / word
    return file.parent.resolve() / file.name


def _each(session: Session, wanted: Sequence[str]) -> TaskFile:
    if not wanted or not session.command:
        raise UsageError(f"run --each: no {'command' if wanted else 'names'}", hint="git par run --each NAME… -- CMD")
    for name in wanted:
        if problem := names.task_problem(name):
            raise UsageError(f"'{name}': {problem}", hint="choose another name")
        if wanted.count(name) > 1:
            raise UsageError(f"{name}: named twice", hint="name each task once")
    return TaskFile(tasks=tuple(map(Wanted, wanted)), command=join(session.command))


def _cut_off(session: Session, runs: Runs, options: Options) -> Run:
    """The newest run that is not done, of the file that was named, if one was."""
    if options.each or options.dry_run or options.allow_overlap or session.command or len(options.words) > 1:
        raise UsageError("--resume: only with a task file and --jobs", hint="git par run --resume")
    file = str(_file(session, options.words[0])) if options.words else None
    unread: list[str] = []

    def tell(text: str) -> None:
        unread.append(text)
        session.tell(text)

    for run in runs.all(tell):
        if run.state != "done" and (file is None or run.file == file):
            if unread and file is None:  # it may be the one that is meant
                again = f"git par run --resume {quote(run.file)}, or " if run.file else ""
                raise Refused(
                    f"--resume: the newest run cannot be read; the next one is {run.id}",
                    hint=f"{again}move its record away first",
                )
            return run
    of_file = f" of {quote(options.words[0])}" if options.words else ""
    raise UsageError(f"--resume: there is no run{of_file} to go on with", hint="git par log --runs")
