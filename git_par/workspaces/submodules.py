"""Submodules of a workspace: made from what the repository has of them, found again, pointed at anew after a move.

The repository of a submodule lies in the git directory of the checkout it belongs to, under `modules/<name>`; that of one
inside of it in the `modules` of that one (gitrepository-layout(5)).  What a workspace makes there goes with it, so the
commits that others need are brought home first, into the one that the main checkout uses.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from git_par.errors import ParError
from git_par.git import Git
from git_par.repo import Repo, is_true
from git_par.workspaces import registry, snapshot, status

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


def provision(repo: Repo, path: Path, jobs: int, env: Mapping[str, str]) -> list[str]:
    """Fill the submodules of the new workspace `path`, `jobs` at a time; of those that stay empty, what to run.

    `env` is for the filters that run.

    Only those that the repository uses, and only from objects that are here already: no network.  The shared configuration
    is not written, which is what `git submodule init` would do.
    """
    if not os.path.lexists(path / ".gitmodules"):
        return []
    there, entry = registry.checkout(repo, path), registry.admin_dir(repo, path)
    assert there is not None
    assert entry is not None
    around = [repo.common, repo.git_dir, *registry.entries(repo)]
    homes = [one for one in dict.fromkeys(around) if one != entry]
    return list(_fill(there, entry, homes, repo.config, path, (f"--jobs={jobs}", env)))


def _fill(
    git: Git,
    directory: Path,
    homes: Sequence[Path],
    config: Mapping[str, list[str]],
    top: Path,
    how: tuple[str, Mapping[str, str]],
) -> Iterator[str]:
    """One level: the submodules of the checkout `git`, from the `modules` of `homes`; then what is in them."""
    sources: dict[Submodule, Path] = {}
    for one in _active(git, config, _standing(git, listed(git, wanted=True))):
        if _inside(directory, one.name) or not _is_vacant(git.cwd / one.path):
            continue
        source = next((home for place in homes if (home := _inside(place, one.name)) and _has(home, one.commit)), None)
        if source is None:
            known = any(_inside(place, one.name) for place in homes)
            what = f"its commit {one.commit[:8]} is not here" if known else "the repository has no copy of it"
            yield _empty(git, one, top, what)
        else:
            sources[one] = source
    if not sources:
        return
    command = ("submodule", "--quiet", "update", "--checkout", "--no-fetch", how[0], "--")
    reply = git.run(*command, *(one.path for one in sources), env={**how[1], **_from(sources)}, ok=range(256))
    said = next((line for line in reply.err.splitlines()[::-1] if line.startswith("fatal:")), reply.err.strip())
    for one, source in sources.items():
        inside = _inside(directory, one.name)
        below = _git(git.cwd / one.path, inside) if inside else None
        if inside is None or below is None or below.commit("HEAD") != one.commit:
            yield _empty(git, one, top, said.removeprefix("fatal: ") or "git did not check it out")
            continue
        with suppress(ParError):  # for the user's convenience only
            _take_remotes(source, inside)
        if os.path.lexists(git.cwd / one.path / ".gitmodules"):
            yield from _fill(below, inside, [source], _config(source), top, how)


def follow(repo: Repo, path: Path, before: str, after: str) -> list[str]:
    """Check the submodules of the workspace `path` out anew that went along from the commit `before` to `after`.

    Only those that stand clean where `before` had them; of those that cannot go along, what to run.
    """
    there, entry = registry.checkout(repo, path), registry.admin_dir(repo, path)
    if there is None or entry is None or not (entry / "modules").is_dir():
        return []
    return list(_follow(there, entry, repo.common, (before, after), path))


def _follow(git: Git, directory: Path, home: Path | None, step: tuple[str, str], top: Path) -> Iterator[str]:
    fields = git.fields(
        "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=none", *step
    )
    moved = {
        path: how.split(" ")[2:4]
        for how, path in zip(fields[::2], fields[1::2], strict=True)
        if ":160000 160000" in how
    }
    for one in _standing(git, listed(git)) if moved else []:
        inside = _inside(directory, one.name)
        if one.path not in moved or inside is None:
            continue
        old, new = moved[one.path]
        below, theirs = _git(git.cwd / one.path, inside), _inside(home, one.name) if home else None
        if one.commit != new or below.commit("HEAD") != old or status.read(below, submodules=False).tracked_dirt:
            continue  # somebody works on it
        try:
            if not _has(inside, new) and theirs:
                _fetch(below, theirs, new)
            below.run("checkout", "--quiet", "--detach", "--no-recurse-submodules", new, "--")
        except ParError:
            name, update = os.path.relpath(below.cwd, top), f"submodule update -- {quote(one.path)}"
            why = f"{new[:8]} is not here; to fetch it: git -C {quote(str(git.cwd))} {update}"
            yield f"submodule '{name}' stays at {old[:8]}: {why}"
            continue
        yield from _follow(below, inside, theirs, (old, new), top)


def _is_vacant(place: Path) -> bool:
    """Whether a submodule may be made there: nothing stands there, or an empty directory."""
    return not os.path.lexists(place) or (place.is_dir() and not place.is_symlink() and not any(place.iterdir()))


def _empty(git: Git, one: Submodule, top: Path, why: str) -> str:
    command = f"git -C {quote(str(git.cwd))} submodule update --init -- {quote(one.path)}"
    return f"submodule '{os.path.relpath(git.cwd / one.path, top)}' is empty: {why}; to fetch it: {command}"


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


def _standing(git: Git, found: Sequence[Submodule]) -> list[Submodule]:
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


def _active(git: Git, config: Mapping[str, list[str]], found: Sequence[Submodule]) -> list[Submodule]:
    """Those of `found` that the repository uses (gitsubmodules(7), ACTIVE SUBMODULES), and that may be checked out."""
    chosen: set[str] = set()
    if patterns := config.get("submodule.active"):
        chosen = set(git.fields("ls-files", "-z", "--", *patterns))
    used = []
    for one in found:
        key = f"submodule.{one.name}"
        own = config.get(f"{key}.active")
        known = is_true(own[-1]) if own else one.path in chosen if patterns else f"{key}.url" in config
        if known and config.get(f"{key}.update", [""])[-1] != "none":
            used.append(one)
    return used


def _inside(directory: Path, name: str) -> Path | None:
    """The repository of the submodule `name` in the git directory of its checkout."""
    place = Path(f"{directory}/modules/{name}")
    try:
        whole = Path(os.path.realpath(place)) == Path(os.path.realpath(directory)) / "modules" / name
        return place if whole and (place / "HEAD").is_file() and (place / "objects").is_dir() else None
    except OSError:
        return None


def _git(work: Path, directory: Path) -> Git:
    """Git on a submodule, which its own core.worktree may lead to elsewhere."""
    return Git(work, (f"--git-dir={directory}", f"--work-tree={work}"))


def _has(directory: Path, commit: str) -> bool:
    return _git(directory, directory).commit(commit) == commit


def _from(sources: Mapping[Submodule, Path]) -> dict[str, str]:
    """The environment in which git takes submodules for active, and each from its source.

    The file protocol is allowed for these only: what `.gitmodules` has for a URL counts nowhere here.
    """
    settings = [("protocol.allow", "never"), ("protocol.file.allow", "always")]
    for one, source in sources.items():
        settings += [(f"submodule.{one.name}.url", str(source)), (f"submodule.{one.name}.active", "true")]
    before = os.environ.get("GIT_CONFIG_COUNT", "")
    first = int(before) if before.isascii() and before.isdigit() else 0
    env = {"GIT_CONFIG_COUNT": str(first + len(settings)), "GIT_LITERAL_PATHSPECS": "1"}
    for number, (key, value) in enumerate(settings, first):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def _config(directory: Path) -> dict[str, list[str]]:
    """The settings in force in a submodule's repository."""
    values: dict[str, list[str]] = {}
    for field in _git(directory, directory).run("config", "--null", "--list").out.split("\0")[:-1]:
        key, newline, value = field.partition("\n")
        values.setdefault(key, []).append(value if newline else "true")
    return values


def _take_remotes(source: Path, directory: Path) -> None:
    """Let the new one push and fetch where the old one does, and know the same of the remotes."""
    git = _git(directory, directory)
    listing = ("config", "--file", str(source / "config"), "--null", "--get-regexp", r"^(remote|user)\.")
    found = [field.partition("\n")[::2] for field in git.run(*listing, ok=(0, 1)).out.split("\0")[:-1]]
    if not any(key == "remote.origin.url" for key, _ in found):
        return
    git.run("config", "--local", "--remove-section", "remote.origin", ok=range(256))
    for key, value in found:
        git.run("config", "--local", "--add", key, value)
    git.run("symbolic-ref", "--delete", "refs/remotes/origin/HEAD", ok=range(256))
    _fetch(git, source, "+refs/remotes/*:refs/remotes/*", "--prune")


def checkouts(git: Git, directory: Path, common: Path, stood: Path | None = None) -> list[Checkout]:
    """The submodules that are there in the checkout `git` with the git directory `directory`, those inside of others too.

    `stood` is where the checkout stood when git wrote the ways to their repositories, if it stands there no more.
    """
    if not (directory / "modules").is_dir():
        return []
    return list(_checkouts(git, directory, common, stood or git.cwd, ""))


def _checkouts(git: Git, directory: Path, home: Path | None, stood: Path, above: str) -> Iterator[Checkout]:
    found_here = listed(git)
    standing = _standing(git, found_here)
    for one in found_here:
        place = git.cwd / one.path
        if place.is_symlink() or not place.is_dir() or not any(place.iterdir()):
            continue
        if one not in standing:
            odd = "a link is where its directory would be"
            yield Checkout(f"{above}{one.path}", one.commit, _git(place, place / ".git"), place / ".git", None, odd)
            continue
        inside = _inside(directory, one.name)
        theirs = _inside(home, one.name) if home else None
        found = Checkout(
            path=f"{above}{one.path}",
            commit=one.commit,
            git=_git(place, inside or place / ".git"),
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
    home = _git(one.home, one.home)
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
    home = _git(one.home, one.home)
    _fetch(home, one.directory, f"+{one.commit}:{BROUGHT}/{one.commit}")


def _fetch(git: Git, source: Path, refs: str, *options: str) -> None:
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
    for one in _standing(git, listed(git)):
        inside, place = _inside(directory, one.name), git.cwd / one.path
        if inside is None or place.is_symlink() or (place / ".git").is_dir():
            continue
        missing = not os.path.lexists(place / ".git")
        place.mkdir(parents=True, exist_ok=True)
        (place / ".git").write_bytes(os.fsencode(f"gitdir: {os.path.relpath(inside, os.path.realpath(place))}\n"))
        there = _git(place, inside)
        worktree = os.path.relpath(os.path.realpath(place), os.path.realpath(inside))
        there.run("config", "--file", str(inside / "config"), "core.worktree", worktree)
        if missing:  # what lies there already was kept, and stays
            there.run("checkout-index", "--all", "--quiet", "--index", ok=(0, 1, 128))
        connect(there, inside)
