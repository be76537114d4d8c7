"""Submodules of a workspace: found, looked at, their commits brought home, pointed at anew after a move.

The repository of a submodule lies in the git directory of the checkout it belongs to, under `modules/<name>`; that of one
inside of it in the `modules` of that one (gitrepository-layout(5)).  What a workspace makes there goes with it, so the
commits that others need are brought home first, into the one that the main checkout uses.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_par.git import Git
from git_par.workspaces import snapshot

BROUGHT = "refs/par/brought"
"""Where the repository that the main checkout uses keeps the commits that were made in workspaces."""


@dataclass(frozen=True)
class Submodule:
    """What the index of a checkout says of a submodule."""

    name: str
    path: str
    commit: str


@dataclass(frozen=True)
class Checkout:
    """A submodule that is there in a workspace, however deep."""

    path: str
    """Relative to the workspace."""
    commit: str
    """Where the checkout around it has it."""
    git: Git
    directory: Path
    """Its git directory, in that of the workspace."""
    home: Path | None
    """The git directory that the main checkout uses for it; None when it has none."""
    odd: str = ""
    """Why it is none that git would have made; then nothing else is known of it."""


def listed(git: Git, *, wanted: bool = False) -> list[Submodule]:
    """The submodules of a checkout, by its index; with `wanted` those only that a sparse checkout has room for."""
    names = _names(git)
    found = []
    for entry in git.fields("ls-files", "-t", "-s", "-z"):
        how, _, path = entry.partition("\t")
        tag, mode, commit, stage = how.split(" ")
        if mode == "160000" and stage == "0" and path in names and not (wanted and tag == "S"):
            found.append(Submodule(names[path], path, commit))
    return found


def standing(git: Git, found: Sequence[Submodule]) -> list[Submodule]:
    """Those of `found` whose place is in the checkout: a link above the others leads to what is somebody else's."""
    inside, _ = snapshot.split(git.cwd, [one.path for one in found])
    return [one for one in found if one.path in inside]


def _names(git: Git) -> dict[str, str]:
    """The names of submodules by their paths, as `.gitmodules` of the index has them."""
    reply = git.run(
        "config", "--null", "--blob", ":.gitmodules", "--get-regexp", r"^submodule\..*\.path$", ok=range(256)
    )
    pairs = (field.partition("\n")[::2] for field in reply.out.split("\0")[:-1]) if reply.code == 0 else ()
    names = {path: key.removeprefix("submodule.").removesuffix(".path") for key, path in pairs}
    return {path: name for path, name in names.items() if _is_name(name)}


def _is_name(name: str) -> bool:
    """Whether a name leads to a directory of its own below `modules`, by git's own rule and a little more."""
    parts = name.replace("\\", "/").split("/")
    return bool(name) and ".." not in parts and "" not in parts and "\n" not in name


def repository(directory: Path, name: str) -> Path | None:
    """The repository of the submodule `name` in the git directory of its checkout."""
    place = Path(f"{directory}/modules/{name}")
    try:
        whole = Path(os.path.realpath(place)) == Path(os.path.realpath(directory)) / "modules" / name
        return place if whole and (place / "HEAD").is_file() and (place / "objects").is_dir() else None
    except OSError:
        return None


def opened(work: Path, directory: Path) -> Git:
    """Git on a submodule, which its own core.worktree may lead to elsewhere."""
    return Git(work, (f"--git-dir={directory}", f"--work-tree={work}"))


def has(directory: Path, commit: str) -> bool:
    """Whether the repository `directory` has `commit`."""
    return opened(directory, directory).commit(commit) == commit


def checkouts(git: Git, directory: Path, common: Path, stood: Path | None = None) -> list[Checkout]:
    """The submodules that are there in the checkout `git` with the git directory `directory`, those inside of others too.

    `stood` is where the checkout stood when git wrote the ways to their repositories, if it stands there no more.
    """
    if not (directory / "modules").is_dir():
        return []
    return list(_checkouts(git, directory, common, stood or git.cwd, ""))


def _checkouts(git: Git, directory: Path, home: Path | None, stood: Path, above: str) -> Iterator[Checkout]:
    found_here = listed(git)
    in_place = standing(git, found_here)
    for one in found_here:
        place = git.cwd / one.path
        if place.is_symlink() or not place.is_dir() or not any(place.iterdir()):
            continue
        if one not in in_place:
            odd = "a link is where its directory would be"
            yield Checkout(f"{above}{one.path}", one.commit, opened(place, place / ".git"), place / ".git", None, odd)
            continue
        inside = repository(directory, one.name)
        theirs = repository(home, one.name) if home else None
        found = Checkout(
            path=f"{above}{one.path}",
            commit=one.commit,
            git=opened(place, inside or place / ".git"),
            directory=inside or place / ".git",
            home=theirs,
            odd=_odd(place, stood / one.path, inside),
        )
        yield found
        if inside and not found.odd:
            yield from _checkouts(found.git, inside, theirs, stood / one.path, f"{found.path}/")


def _odd(place: Path, stood: Path, inside: Path | None) -> str:
    """Why what stands at `place` is no submodule as git makes them; empty when it is one."""
    try:
        text = os.fsdecode((place / ".git").read_bytes())
    except IsADirectoryError:
        return "its repository lies inside of it"
    except OSError:
        return "it has files, and no repository"
    target = Path(os.path.realpath(stood / text.removeprefix("gitdir: ").removesuffix("\n")))
    return "" if inside and target == Path(os.path.realpath(inside)) else "its repository is not this workspace's"


def own_commits(one: Checkout) -> list[str]:
    """The commits that only this checkout has: neither the repository at home, nor a remote as far as it was heard of.

    Stashes and what only reflogs name are among them.
    """
    asked = ("rev-list", "HEAD", "--exclude=refs/remotes/*", "--all", "--reflog", "--not", "--remotes")
    found = one.git.run(*asked).out.split()
    if not found or one.home is None:
        return found
    home = opened(one.home, one.home)
    told = home.line("cat-file", "--batch-check", feed="".join(f"{commit}\n" for commit in found)).splitlines()
    there = [line.split(" ")[0] for line in told if not line.endswith(" missing")]
    feed = "".join(f"{commit}\n" for commit in there)
    unreachable = home.run("rev-list", "--stdin", "--not", "--all", "HEAD", feed=feed).out.split() if there else []
    return [commit for commit in found if commit not in set(there) or commit in set(unreachable)]


def stranded(one: Checkout) -> bool:
    """Whether it has commits that `bring_home` cannot save: others than those that lead to the recorded commit."""
    own = own_commits(one)
    if not own:
        return False
    feed = "".join(f"{commit}\n" for commit in own)
    return one.home is None or bool(one.git.run("rev-list", "--stdin", "--not", one.commit, feed=feed).out)


def bring_home(one: Checkout) -> None:
    """Let the repository that the main checkout uses have the recorded commit, with all that leads to it, for good."""
    if one.home is None or not own_commits(one):
        return
    home = opened(one.home, one.home)
    fetch(home, one.directory, f"+{one.commit}:{BROUGHT}/{one.commit}")


def fetch(git: Git, source: Path, refs: str, *options: str) -> None:
    """Fetch `refs` from a repository beside this one, whose checkout may be elsewhere or gone.

    By protocol 2 a commit need not be the tip of anything there.
    """
    serving = "--upload-pack=GIT_WORK_TREE=. git upload-pack"
    quietly = ("--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no")
    git.run("-c", "protocol.version=2", "fetch", serving, *quietly, *options, str(source), refs)


def connect(git: Git, directory: Path) -> None:
    """Let checkouts and repositories of submodules point at each other again, where either has moved.

    What is not checked out any more, and has a repository, is checked out.
    """
    if not (directory / "modules").is_dir():
        return
    for one in standing(git, listed(git)):
        inside, place = repository(directory, one.name), git.cwd / one.path
        if inside is None or place.is_symlink() or (place / ".git").is_dir():
            continue
        missing = not os.path.lexists(place / ".git")
        place.mkdir(parents=True, exist_ok=True)
        (place / ".git").write_bytes(os.fsencode(f"gitdir: {os.path.relpath(inside, os.path.realpath(place))}\n"))
        there = opened(place, inside)
        worktree = os.path.relpath(os.path.realpath(place), os.path.realpath(inside))
        there.run("config", "--file", str(inside / "config"), "core.worktree", worktree)
        if missing:  # what lies there already was kept, and stays
            there.run("checkout-index", "--all", "--quiet", "--index", ok=(0, 1, 128))
        connect(there, inside)
