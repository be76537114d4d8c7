"""`git par conflicts`: who will collide with whom and with their bases, before anyone merges.

What is uncommitted counts: each workspace is taken as it stands, into an object directory that is thrown away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import maxsize

from git_par import beside
from git_par.commands import conflicts_report as report
from git_par.commands.conflicts_report import Forecast
from git_par.errors import ParError, UsageError
from git_par.git import Git
from git_par.landing import matrix, order, select
from git_par.landing.matrix import Matrix
from git_par.landing.order import Order
from git_par.landing.select import Item
from git_par.report import Report
from git_par.state.session import Session
from git_par.workspaces import clones, registry, secrets, snapshot


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    names: tuple[str, ...] = ()
    svg: str | None = None
    html: str | None = None


@dataclass(frozen=True)
class Stand:
    """Where an item stands: the commit that counts for it, and whether that is more than its branch has."""

    commit: str
    uncommitted: bool = False
    note: str = ""
    left: tuple[str, ...] = ()


def run(session: Session, options: Options) -> Report:
    """Report all collisions among what was asked for, and the order that lands the most."""
    session = clones.seeing(session)
    forecast = _foresee(session, _items(session, options.names))
    for file, draw in ((options.svg, _svg), (options.html, _html)):
        if file is not None:
            _write(session, file, draw(forecast))
    return Report(
        data=forecast.data,
        lines=report.lines(forecast),
        talk=report.talk(forecast),
    )


def _items(session: Session, names: Sequence[str]) -> list[Item]:
    """The named tasks and branches, else all tasks; of two that are called the same, the branch goes by its ref."""
    if not names:
        return [Item(task.name, task.branch, task) for task in session.tasks.all() if task.state == "active"]
    items = select.named(session, names)
    tasks = {item.name for item in items if item.task}
    return [
        item if item.task or item.name not in tasks else Item(f"refs/heads/{item.branch}", item.branch)
        for item in items
    ]


def _foresee(session: Session, asked: Sequence[Item]) -> Forecast:
    repo = session.repo
    tips = repo.branches()
    notes = [(item.name, f"its branch '{item.branch}' is gone") for item in asked if item.ref not in tips]
    items = [item for item in asked if item.ref in tips]
    bases: dict[str, str] = {}
    here = repo.branch_here() if any(item.task is None for item in items) else None
    for item in items:
        base = item.task.base if item.task else here
        if base is None or base == item.branch:
            continue
        if f"refs/heads/{base}" in tips:
            bases[item.name] = base
        else:
            notes.append((item.name, f"its base '{base}' is gone"))
    commits = {base: tips[f"refs/heads/{base}"] for base in bases.values()}
    # What is asked for may be a base itself; then what lies below it counts.
    limits = {commit for base, commit in commits.items() if base not in {item.branch for item in items}}
    with repo.scratch() as objects:

        def apart(git: Git) -> Git:
            return git.writing_to(objects, repo.objects)

        stands = _stands(session, items, tips, apart)
        git = apart(repo.git)
        if len(limits) == 1:
            git = matrix.with_attributes(repo, git, *limits)
        seen = matrix.look(
            git,
            [(item.name, stands[item.name].commit) for item in items],
            limits,
            {name: (base, commits[base]) for name, base in bases.items()},
        )
    return Forecast(
        names=tuple(item.name for item in items),
        pairs=seen.pairs,
        bases=seen.bases,
        order=_order(items, bases, seen),
        uncommitted=tuple(item.name for item in items if stands[item.name].uncommitted),
        notes=(*notes, *((name, stand.note) for name, stand in stands.items() if stand.note)),
        left=tuple((name, stand.left) for name, stand in stands.items() if stand.left),
        tasks=frozenset(item.name for item in items if item.task),
    )


def _stands(
    session: Session, items: Sequence[Item], tips: Mapping[str, str], apart: Callable[[Git], Git]
) -> dict[str, Stand]:
    """Every item as it stands, a few at a time."""
    places = {item.ref: Path(item.task.path) for item in items if item.task}
    if any(item.task is None for item in items):
        places = {one.branch: one.path for one in registry.worktrees(session.repo) if one.branch} | places

    def stand(item: Item) -> Stand:
        return _stand(session, item, tips[item.ref], places.get(item.ref), apart)

    with beside.pool(session.settings.jobs) as pool:
        found = session.followed("looking at workspaces", pool.each(stand, items), len(items))
        return dict(zip((item.name for item in items), found, strict=True))


def _stand(session: Session, item: Item, tip: str, path: Path | None, apart: Callable[[Git], Git]) -> Stand:
    """The tip, with what is uncommitted where its branch is checked out."""
    git = registry.checkout(session.repo, path) if path else None
    directory = registry.git_dir(session.repo, path) if path else None
    if git is None or directory is None:
        return Stand(tip)
    try:
        secret = secrets.of(session.settings, directory)
        taken = snapshot.take(apart(git), directory, message=f"{item.name}, as it stands", secret=secret)
    except (ParError, OSError) as error:
        return Stand(tip, note=f"only its commits count, its workspace cannot be read: {error}")
    if taken.branch != item.branch or taken.commit is None:
        on = f"branch '{taken.branch}'" if taken.branch else "a detached HEAD"
        return Stand(tip, note=f"only its commits count, its workspace is on {on}")
    return Stand(taken.commit, taken.commit != taken.head, left=taken.left)


def _order(items: Sequence[Item], bases: Mapping[str, str], seen: Matrix) -> Order:
    """The order that lands the most; what lands in different branches does not stand in each other's way."""
    by_branch = {item.branch: item.name for item in items}
    below = {name: by_branch[base] for name, base in bases.items() if base in by_branch}

    def target(name: str) -> str | None:
        passed: set[str] = set()
        while name in below and name not in passed:
            passed.add(name)
            name = below[name]
        return bases.get(name)

    targets = {item.name: target(item.name) for item in items}
    return order.arrange(
        [item.name for item in items],
        {(one.a, one.b) for one in seen.pairs if targets[one.a] == targets[one.b]},
        {name: (one,) for name, one in below.items()},
        {item.name: seen.sizes.get(item.name, maxsize) for item in items},
        unfit={one.a for one in seen.bases},
        after=seen.within,
    )


def _svg(forecast: Forecast) -> str:
    from git_par.commands import conflicts_picture

    return conflicts_picture.svg(forecast)


def _html(forecast: Forecast) -> str:
    from git_par.commands import conflicts_picture

    return conflicts_picture.html(forecast)


def _write(session: Session, file: str, text: str) -> None:
    try:
        (session.repo.cwd / file).write_text(text, encoding="utf-8")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UsageError(
            f"{file}: cannot be written: {why}", hint="name a file in a directory you can write to"
        ) from None
