"""Plans behind a gate: without the first task that breaks it, again and again, until the rest passes."""

from dataclasses import replace

from git_par.errors import Refused
from git_par.landing import culprit, plan
from git_par.landing.culprit import BaseFails, Passes
from git_par.landing.gate import Gate, Policy
from git_par.landing.pins import Pins
from git_par.landing.plan import Draft
from git_par.landing.planned import Failed, OnConflict, Plan, Skipped


def passing(draft: Draft, policy: Policy, pins: Pins) -> Plan:
    """The plan whose last commit passes; nothing lands when `policy.tries` plans do not.

    Refused when the base fails as it is: then nobody is to blame.
    """
    gate = Gate(draft.session, policy.command, draft.base, policy.line)
    failed: list[Failed] = []
    for _ in range(policy.tries):
        made = draft.made(failed)
        if not made.merged:
            return made
        pins.hold(made.after, made.before, *(one.tip for one in made.merged))
        verdict = culprit.judge(gate.passes, made.before, made.merged, each=policy.each)
        if isinstance(verdict, Passes):
            return made
        if isinstance(verdict, BaseFails):
            raise Refused(
                f"{draft.base}: the gate fails on the base alone, with status {verdict.result.exit}",
                hint=f"see '{gate.log}', and mend {draft.base} first, or merge without a gate: --gate ''",
            )
        broken = made.merged[verdict.index]
        failed.append(Failed(broken.item, policy.command, verdict.result.exit, str(gate.log)))
        draft.session.tell(f"{broken.item.name}: it breaks the gate (status {verdict.result.exit})")
        if draft.on_conflict is OnConflict.STOP:
            draft = _up_to(draft, broken.item.branch)
    tried = "plan was" if policy.tries == 1 else "plans were"
    return plan.nothing(draft.made(failed), "untested", f"{policy.tries} {tried} tested, and none passed")


def _up_to(draft: Draft, branch: str) -> Draft:
    """What comes before `branch`, and it; what comes after it is left."""
    place = next(at for at, (item, _) in enumerate(draft.ready) if item.branch == branch)
    detail = f"it comes after {draft.ready[place][0].name}, which breaks the gate"
    stopped = (Skipped(item, "stopped", detail) for item, _ in draft.ready[place + 1 :])
    return replace(draft, ready=draft.ready[: place + 1], left=(*draft.left, *stopped))
