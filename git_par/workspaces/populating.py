"""Make the submodules of a workspace from what the repository has of them, and take them along when it moves."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote

from git_par.errors import ParError
from git_par.git import Git
from git_par.repo import Repo, is_true
from git_par.workspaces import registry, status, submodules
from git_par.workspaces.submodules import Submodule


def populate(repo: Repo, path: Path, jobs: int, env: Mapping[str, str]) -> list[str]:
    """Fill the submodules of the new workspace `path`, `jobs` at a time; of those that stay empty, what to run.

    `env` is for the filters that run.

    Only those that the repository uses, and only from objects that are here already: no network.  The shared configuration
    is not written, which is what `git submodule init` would do.
    """
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
    for one in _active(git, config, submodules.standing(git, submodules.listed(git, wanted=True))):
        if submodules.repository(directory, one.name) or not _is_vacant(git.cwd / one.path):
            continue
        known = [home for place in homes if (home := submodules.repository(place, one.name))]
        source = next((home for home in known if submodules.has(home, one.commit)), None)
        if source is None:
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
        inside = submodules.repository(directory, one.name)
        below = submodules.opened(git.cwd / one.path, inside) if inside else None
        if inside is None or below is None or below.commit("HEAD") != one.commit:
            yield _empty(git, one, top, said.removeprefix("fatal: ") or "git did not check it out")
            continue
        with suppress(ParError):  # for the user's convenience only
            _take_settings(source, inside)
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
    for one in submodules.standing(git, submodules.listed(git)) if moved else []:
        inside = submodules.repository(directory, one.name)
        if one.path not in moved or inside is None:
            continue
        old, new = moved[one.path]
        below, theirs = (
            submodules.opened(git.cwd / one.path, inside),
            submodules.repository(home, one.name) if home else None,
        )
        if one.commit != new or below.commit("HEAD") != old or status.read(below, submodules=False).tracked_dirt:
            continue  # somebody works on it
        try:
            if not submodules.has(inside, new) and theirs:
                submodules.fetch(below, theirs, new)
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


def _from(sources: Mapping[Submodule, Path]) -> dict[str, str]:
    """The environment in which git takes submodules for active, and each from its source.

    The file protocol is allowed for these only: what `.gitmodules` has for a URL counts nowhere here.
    """
    settings = [("protocol.allow", "never"), ("protocol.file.allow", "always")]
    for one, source in sources.items():
        settings += [(f"submodule.{one.name}.url", str(source)), (f"submodule.{one.name}.active", "true")]
    before = os.environ.get("GIT_CONFIG_COUNT", "")
    first = int(before) if before.isascii() and before.isdigit() else 0
    env = {"GIT_CONFIG_COUNT": str(first + len(settings)), "GIT_LITERAL_PATHSPECS": "1", "GIT_ALLOW_PROTOCOL": "file"}
    for number, (key, value) in enumerate(settings, first):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def _config(directory: Path) -> dict[str, list[str]]:
    """The settings in force in a submodule's repository."""
    values: dict[str, list[str]] = {}
    for field in submodules.opened(directory, directory).run("config", "--null", "--list").out.split("\0")[:-1]:
        key, newline, value = field.partition("\n")
        values.setdefault(key, []).append(value if newline else "true")
    return values


def _take_settings(source: Path, directory: Path) -> None:
    """Let the new one use the submodules that the old one uses, push and fetch where it does, and know the same remotes."""
    git = submodules.opened(directory, directory)
    listing = ("config", "--file", str(source / "config"), "--null", "--get-regexp", r"^(remote|user|submodule)\.")
    found = [field.partition("\n") for field in git.run(*listing, ok=(0, 1)).out.split("\0")[:-1]]
    has_origin = any(key == "remote.origin.url" for key, _, _ in found)
    if has_origin:
        git.run("config", "--local", "--remove-section", "remote.origin", ok=range(256))
    for key, newline, value in found:
        if has_origin or not key.startswith("remote."):
            git.run("config", "--local", "--add", key, value if newline else "true")
    if not has_origin:
        return
    git.run("symbolic-ref", "--delete", "refs/remotes/origin/HEAD", ok=range(256))
    submodules.fetch(git, source, "+refs/remotes/*:refs/remotes/*", "--prune")
