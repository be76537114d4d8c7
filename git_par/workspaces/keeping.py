"""Save what a workspace and its registration hold, before a removal takes them away.

Commits get refs, all of them in one transaction; a workspace that is removed by force becomes commits first.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from git_par.errors import GitFailed
from git_par.git import Git
from git_par.repo import Repo
from git_par.state.tasks import Task
from git_par.workspaces import clone, clones, hidden_edits, kept, meeting, snapshot
from git_par.workspaces.kept import Keepsake

_ELSEWHERE = (
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "REBASE_HEAD",
    "MERGE_AUTOSTASH",
    *(
        f"{directory}/{name}"
        for directory in ("rebase-merge", "rebase-apply")
        for name in ("orig-head", "onto", "stopped-sha", "amend", "autostash")
    ),
)
"""Files of a registration that name commits which perhaps nothing else does."""

_COMMIT = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")


@dataclass(frozen=True)
class Keeping:
    """What one removal of `task` is about to save."""

    repo: Repo
    task: Task
    stamp: str
    secret: Callable[[str], bool]
    """Which untracked and ignored files stay out of commits."""
    refs: dict[str, str] = field(default_factory=dict)

    def heads(self, entry: Path, tip: str | None) -> None:
        """The commits that only the registration `entry` knows: a detached HEAD, what is in progress, refs/worktree."""
        there = self._there(entry)
        found = [there.commit("HEAD")]
        for file in (entry / name for name in _ELSEWHERE):
            if file.is_file():
                found += [there.commit(one) for one in _COMMIT.findall(file.read_text(errors="replace"))]
        if self._is_clone(entry):
            alone = clones.alone(self.repo, there)
            if (
                self.task.isolation == clone.SHARED
            ):  # what it borrows goes with the parent's refs, and it lies nowhere else
                alone = clones.refs(there)
            self.refs.update(
                {
                    f"clone/{ref.removeprefix('refs/')}": one
                    for ref, one in alone.items()
                    if one != tip and not ref.startswith("refs/par/")
                }
            )
        else:
            listed = there.line(
                "for-each-ref", "--format=%(objectname)", "refs/worktree", "refs/bisect", "refs/rewritten"
            )
            found += listed.split()
        for number, commit in enumerate(dict.fromkeys(one for one in found if one and one != tip)):
            self.refs["head" if number == 0 else f"head-{number + 1}"] = commit
        self._reflogs(there, entry)

    def _reflogs(self, there: Git, entry: Path) -> None:
        """What only reflogs name, such as commits that were amended: parents of one commit.

        Of a worktree those of HEAD and of the branch; of a clone all, with the stash.
        """
        past: dict[str, None] = {}
        for ref in ["--all"] if self._is_clone(entry) else ["HEAD", self.task.ref]:
            told = there.run("log", "--no-show-signature", "--walk-reflogs", "--format=%H", ref, "--", ok=range(256))
            past.update(dict.fromkeys(told.out.split()))
        asked = ("rev-list", "--ignore-missing", "--stdin", "--not", "--all")
        feed = "".join(f"{commit}\n" for commit in past)
        where = there if self._is_clone(entry) else self.repo.git
        lost = set(where.run(*asked, feed=feed).out.split()) if past else set()
        if named := [commit for commit in past if commit in lost]:
            empty = there.line("hash-object", "-t", "tree", "-w", "--stdin")
            self.refs["reflog"] = snapshot.commit(there, empty, named, "what only reflogs named")

    def index(self, entry: Path) -> None:
        """The index, as `index` when it is not what is checked out, and what is unmerged in it as `unmerged`."""
        if not (entry / "index").is_file():
            return
        git = self._there(entry)
        unmerged = [field.partition("\t")[::2] for field in git.fields("ls-files", "--unmerged", "-z")]
        staged = {path: how.split(" ")[:2] for how, path in unmerged if not how.endswith(" 1")}
        nothing = {path: "0" * len(how.split(" ")[1]) for how, path in unmerged}  # as long as this hash is
        settled = "".join(f"0 {null}\t{path}\0" for path, null in nothing.items())
        settled += "".join(f"{mode} {blob}\t{path}\0" for path, (mode, blob) in staged.items())
        tree = _tree(git, entry / "index", settled)
        head = git.commit("HEAD")
        if head is None or tree != git.line("rev-parse", f"{head}^{{tree}}"):
            self.refs["index"] = self._commit(git, tree, head, "the index of a removed workspace")
        if unmerged:
            lines = "".join(f"{how[:-2]}\t{how[-1]}/{path}\0" for how, path in unmerged)
            self.refs["unmerged"] = self._commit(
                git, _tree(git, None, lines), head, "what was unmerged: base, ours, theirs"
            )

    def work(self, there: Git, entry: Path) -> Sequence[str]:
        """All that stands in the checkout `there` as `work`, when it is more than a commit; what is not in that."""
        hidden = hidden_edits.find(there, there.cwd)
        message = f"the work of task {self.task.name}"
        taken = snapshot.take(there, entry, message=message, hidden=hidden, secret=self.secret)
        if taken.commit and taken.commit != taken.head:
            self.refs["work"] = taken.commit
        return taken.left

    def converted(self, there: Git) -> list[str]:
        """The files of `work` that a checkout would not give back byte by byte (see `snapshot.converted`)."""
        work = self.refs.get("work")
        return snapshot.converted(there, there.commit("HEAD"), work) if work else []

    def write(self, files: Path | None, secrets: Sequence[str] = (), repository: Path | None = None) -> Keepsake:
        """Put refs and record in place, and see that all of it is there; `repository` is the git directory of a clone."""
        keepsake = Keepsake(self.task, self.stamp, dict(self.refs), files, tuple(secrets))
        kept.record(self.repo, keepsake)
        with ExitStack() as stack:
            if repository and self.refs:
                stack.enter_context(self._brought(repository))
            self._put(keepsake)
        return keepsake

    def _put(self, keepsake: Keepsake) -> None:
        if self.refs:
            git = self.repo.git
            lines = "".join(f"create {keepsake.ref}/{name}\0{commit}\0" for name, commit in self.refs.items())
            git.run("update-ref", "--create-reflog", "-m", "git-par: kept", "--stdin", "-z", feed=lines)
            made = [self.refs[name] for name in ("work", "index", "unmerged") if name in self.refs]
            if made and git.run("rev-list", "--objects", "--quiet", *made, "--not", *self._known(), ok=range(256)).code:
                raise GitFailed(f"{self.task.name}: what was to be kept is not all there", hint="git fsck")

    @contextmanager
    def _brought(self, repository: Path) -> Iterator[None]:
        """The objects of all that is kept, in the parent and not only in the clone whose git directory that is."""
        there, space = self._there(repository), f"refs/par/keeping/{self.stamp}"
        named = {name: f"{space}/{name}" for name in self.refs}
        create = "".join(f"create {named[name]}\0{commit}\0" for name, commit in self.refs.items())
        there.run("update-ref", "--stdin", "-z", feed=create)
        with meeting.brought(self.repo, repository.parent, named):
            delete = "".join(f"delete {ref}\0\0" for ref in named.values())
            there.run("update-ref", "--stdin", "-z", feed=delete)
            yield

    def _is_clone(self, entry: Path) -> bool:
        return clones.is_clone(self.task) and entry.name == ".git"

    def _known(self) -> list[str]:
        return [commit for name, commit in self.refs.items() if name not in ("work", "index", "unmerged")]

    def drop(self) -> None:
        """Take back `write`: nothing was removed."""
        prefix = f"{kept.REFS}/{self.task.slug}/{self.stamp}"
        for name, commit in self.refs.items():
            self.repo.git.run("update-ref", "-d", f"{prefix}/{name}", commit, ok=range(256))
        kept.record_file(self.repo, self.task.slug, self.stamp).unlink(missing_ok=True)

    def unfinished(self, tip: str | None, entries: Sequence[Path]) -> Keepsake | None:
        """What a removal of this task had saved that was killed when the workspace was gone and the rest was not yet."""
        if self.task.state != "removing":
            return None
        keepsake = next(iter(kept.find(self.repo, self.task.name)), None)
        if (
            keepsake is None
            or keepsake.task.created != self.task.created
            or tip not in (None, keepsake.refs.get("tip"))
        ):
            return None
        return keepsake if not entries or not kept.registration(self.repo, keepsake).exists() else None

    def _there(self, entry: Path) -> Git:
        return Git(self.repo.common, (f"--git-dir={entry}",))

    def _commit(self, git: Git, tree: str, parent: str | None, message: str) -> str:
        return snapshot.commit(git, tree, [parent] if parent else [], message)


def _tree(git: Git, index: Path | None, lines: str) -> str:
    """The tree of a copy of `index`, or of an empty one, after `lines` for `update-index --index-info`."""
    with tempfile.TemporaryDirectory(prefix="git-par-index-") as directory:
        copy = Path(directory) / "index"
        if index:
            shutil.copy2(index, copy)
        env: Mapping[str, str] = {"GIT_INDEX_FILE": str(copy)}
        plain = ("-c", "core.splitIndex=false")
        if lines or not index:
            git.run(*plain, "update-index", "--add", "--replace", "-z", "--index-info", feed=lines, env=env)
        return git.run(*plain, "write-tree", env=env).out.strip()
