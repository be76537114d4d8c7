"""Take back out of a branch what landed there, and what was taken back so: in the object database, as a new commit.

What came between two commits of a branch's history goes again when the older one is merged into its tip with the newer one
as the merge base.  Git takes the older one for merged long ago, so it is shown a commit with the same files on that base.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from git_par.landing import integrated, trees
from git_par.landing.attributes import Attributes
from git_par.landing.jobs import Clashing, Job, Made, Outcome, Vetoed, Way
from git_par.landing.planned import Strategy
from git_par.landing.select import Item
from git_par.landing.steps import Steps
from git_par.landing.workshop import Workshop
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.state.tasks import Landed


@dataclass(frozen=True)
class Place:
    """Where something is taken back: in the branch `base`, whose planned commit is `tip`; `item` is whose it is."""

    session: Session
    way: Way
    base: str
    item: Item
    tip: str


def take(place: Place, onto: str, commit: str) -> Outcome:
    """One commit on the planned one that takes back all that came after `onto` up to `commit`; None when nothing is left.

    It is made as the one commit of a squash is, by its hooks, drivers and signature.
    """
    repo = place.way.repo
    text = _message(repo, place.item, onto, commit)
    words = replace(place.way.words, text=text, template="")
    way = replace(place.way, strategy=Strategy.SQUASH, words=words)
    shown = trees.on_bases(repo, onto, (commit,))
    job = Job(place.item, place.tip, onto, (commit,), (commit,), shown=shown)
    with Workshop(place.session, way, place.base).opened() as workshop:
        return Steps(way, Attributes(repo, place.tip, (onto,)), workshop).take(job)


def again(place: Place, reverts: Sequence[str]) -> Made | Clashing | Vetoed:
    """Take back each of `reverts`, the newest first, so that what they took back stands again."""
    repo = place.way.repo
    made = Made(place.tip)
    for revert in reverts:
        done = take(replace(place, tip=made.commit), repo.git.line("rev-parse", f"{revert}^"), revert)
        if isinstance(done, Clashing | Vetoed):
            return done
        if done is not None:
            steps, driven = (*made.steps, *done.steps), (*made.driven, *done.driven)
            made = Made(done.commit, steps, made.private or done.private, driven)
    return made


def standing(repo: Repo, base: str, tip: str, landed: Landed | None, revert: str) -> list[str]:
    """The commits that took a landing back and that no other took back, the newest first; `revert` is one of them.

    A range of commits may have been reverted one by one.  What the task at `tip` took back itself is its own affair.
    """
    found = {revert: None}
    if landed and landed.onto:
        line = set(_line(repo, landed.onto, landed.commit))
        for commit, _, named in integrated.reverts_since(repo, base, [landed.commit]):
            for one in named:
                found.pop(one, None)
            if line & set(named):
                found[commit] = None
    return [one for one in reversed(found) if not _is_taken_back(repo, one, tip)]


def _is_taken_back(repo: Repo, revert: str, tip: str) -> bool:
    if not repo.git.holds("merge-base", "--is-ancestor", revert, tip):
        return False
    words = f"--grep=This reverts commit {revert}"
    return bool(repo.git.line("log", "--no-show-signature", "-1", "--format=%H", "-F", words, tip, f"^{revert}"))


def _line(repo: Repo, onto: str, commit: str) -> list[str]:
    """The commits after `onto` up to `commit` on the branch that they landed in, the newest first."""
    return repo.git.line("rev-list", "--first-parent", commit, f"^{onto}").split()


def _message(repo: Repo, item: Item, onto: str, commit: str) -> str:
    """What `git revert` writes; for a range a line for each of its commits."""
    line = _line(repo, onto, commit)
    said = []
    for one in line:
        shown = repo.git.line("log", "--no-show-signature", "-1", "--format=%P%n%s", one)
        parents, _, subject = shown.partition("\n")
        # git-revert(1) breaks the line so; the rest of it is for people.
        merge = f", reversing\nchanges made to {parents.split()[0]}" if " " in parents else ""
        said.append((subject, f"This reverts commit {one}{merge}."))
    title = f'Revert "{said[0][0]}"' if len(said) == 1 else f"Revert branch '{item.branch}'"
    return f"{title}\n\n" + "\n".join(text for _, text in said)
