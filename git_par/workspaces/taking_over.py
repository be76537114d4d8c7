"""What a clone takes over from its parent, so that git works in it as in a worktree: as a template for `git clone`.

Settings, hooks and the `info` files stand in it from its first moment, and so does the word whose clone it is.  What
describes the parent itself (its format, its branches, what its own checkout looks like) stays there.
"""

import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_par.git import Git
from git_par.parent import PARENT
from git_par.repo import Repo, is_true
from git_par.state.tasks import Task
from git_par.workspaces import clones

REMOTE = "par"
"""What a clone calls its parent."""

_OWN = re.compile(
    r"(core\.(repositoryformatversion|bare|worktree|sparsecheckout(cone)?|fsmonitor|splitindex|untrackedcache)"
    r"|extensions\.(?!partialclone$).*|(branch|par|submodule|index|gc|maintenance|include|includeif)\..*"
    rf"|remote\.{REMOTE}\..*)",
    re.IGNORECASE | re.DOTALL,
)
"""Settings that describe the parent, and are not taken over."""


@contextmanager
def template(repo: Repo, task: Task) -> Iterator[Path]:
    """A template directory (git-init(1)) for the clone of `task`, for as long as the block runs; nobody else can read it."""
    import tempfile  # 5 ms to import

    with tempfile.TemporaryDirectory(prefix="git-par-template-") as directory:
        place = Path(directory)
        (place / PARENT).write_bytes(clones.parent_file(repo, task))
        (place / "config").write_bytes(os.fsencode(_settings(repo, task)))
        (place / "config").chmod(_mode(repo))
        (place / "info").mkdir()
        # Where the main checkout is sparse, this one is too, as git does it for worktrees.
        sparse = ["sparse-checkout"] if is_true(repo.setting("core.sparsecheckout")) else []
        for name in ("exclude", "attributes", *sparse):
            source = repo.common / "info" / name
            if source.is_file():
                shutil.copy2(source, place / "info" / name)
        _hooks(repo.common / "hooks", place / "hooks")
        yield place


def narrow(template: Path, git_dir: Path) -> None:
    """Take away what git, which copies a template with modes of its own, gave others to see in `git_dir`."""
    for directory, _, names in os.walk(template):
        for name in names:
            source = Path(directory) / name
            target = git_dir / source.relative_to(template)
            if not source.is_symlink() and target.is_file() and not target.is_symlink():
                target.chmod(stat.S_IMODE(target.stat().st_mode) & stat.S_IMODE(source.stat().st_mode))


def _mode(repo: Repo) -> int:
    """The configuration may hold secrets: it is for nobody's eyes who cannot read the parent's."""
    return (repo.common / "config").stat().st_mode & 0o666


def _hooks(source: Path, target: Path) -> None:
    """Copy the hooks; a link leads where it led."""
    try:
        found = [Path(entry.path) for entry in os.scandir(source)]
    except (FileNotFoundError, NotADirectoryError):
        return
    target.mkdir()
    for hook in found:
        if hook.suffix == ".sample":
            continue
        if hook.is_symlink():
            (target / hook.name).symlink_to(os.path.realpath(hook))
        elif hook.is_dir():
            shutil.copytree(hook, target / hook.name, symlinks=True)
        elif hook.is_file():
            shutil.copy2(hook, target / hook.name)


def _settings(repo: Repo, task: Task) -> str:
    """The parent's own settings as the text of a configuration file, what it includes among them."""
    listed = repo.git.run("config", "--local", "--includes", "--null", "--list", hooks=True, ok=(0, 1)).out
    text, known = "", set()
    for field in listed.split("\0")[:-1]:
        key, newline, value = field.partition("\n")
        known.add(key)
        if not _OWN.fullmatch(key):
            text += _setting(key, _meant(repo, task, key, value) if newline else None)
    if is_true(repo.setting("core.sparsecheckout")):
        text += _setting("core.sparsecheckout", "true")
        text += _setting("core.sparsecheckoutcone", repo.setting("core.sparsecheckoutcone") or "false")
    if "lfs.storage" not in known and ((repo.common / "lfs").is_dir() or repo.setting("filter.lfs.process")):
        text += _setting("lfs.storage", str(repo.common / "lfs"))  # as all worktrees have one
    return text


def follow(there: Git, directory: Path, old: Path, new: Path) -> None:
    """Let settings and hooks of the clone `directory`, which `there` is git on, lead to what moved with its parent.

    Only where nothing is in the old place, and something is in the same place beside the `new` common directory.
    """
    listed = there.run("config", "--local", "--null", "--get-regexp", _PLACES, ok=(0, 1)).out
    for key, _, value in (field.partition("\n") for field in listed.split("\0")[:-1]):
        if now := _moved(value, old, new):
            there.run("config", "--local", "--fixed-value", key, now, value)
    hooks = directory / "hooks"
    for hook in sorted(hooks.iterdir()) if hooks.is_dir() and not hooks.is_symlink() else []:
        if hook.is_symlink() and (now := _moved(os.readlink(hook), old, new)):
            fresh = hook.with_name(f"{hook.name}.moved")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(now)
            fresh.replace(hook)


_PLACES = r"^(lfs\.storage|core\.hookspath|remote\..*\.(push)?url)$"


def _moved(value: str, old: Path, new: Path) -> str | None:
    now = os.path.normpath(new / os.path.relpath(value, old)) if value.startswith("/") else ""
    return now if now and not os.path.lexists(value) and os.path.lexists(now) else None


def _meant(repo: Repo, task: Task, key: str, value: str) -> str:
    """The value that means in the clone what `value` means in the parent's main checkout, from where paths count there."""
    main = repo.common if key == "lfs.storage" else repo.main
    if main is None or not value or value.startswith(("/", "~", "%(")):
        return value
    if key == "core.hookspath":
        there = repo.git.run("cat-file", "-e", f"{task.placed}:{value.rstrip('/')}", ok=range(256)).code == 0
        return value if there else os.path.normpath(main / value)
    if key == "lfs.storage":
        return os.path.normpath(main / value)
    if re.fullmatch(r"remote\..*\.(push)?url", key, re.DOTALL) and re.match(r"\.{0,2}/|\.{1,2}$|[^:]*$", value):
        # Without a colon before the first slash it is a path (git-clone(1), GIT URLS).
        return os.path.normpath(main / value)
    return value


def _setting(key: str, value: str | None) -> str:
    """One setting as a configuration file has it (git-config(1), SYNTAX)."""
    section, _, rest = key.partition(".")
    below, _, name = rest.rpartition(".")
    quoted = below.replace("\\", "\\\\").replace('"', '\\"')
    head = f'[{section} "{quoted}"]' if below else f"[{section}]"
    if value is None:
        return f"{head}\n\t{name}\n"
    text = (
        value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\b", "\\b")
    )
    return f'{head}\n\t{name} = "{text}"\n'
