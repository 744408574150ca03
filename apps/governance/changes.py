"""Changing a rule: propose, test, approve by another, put live, retire, roll back. Each is one audited change."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django_fsm import TransitionNotAllowed

from apps.access.policy import may
from apps.audit.work import Work
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import BadInput, Conflict
from apps.core.ids import new_id
from apps.governance.errors import NotPossible, NotYourDecision
from apps.governance.models import ApprovalPolicy, ContractVersion, QualityRule, SystemOfRecordRule, ValueMap
from apps.governance.people import person_behind
from apps.governance.rules import GovernedRule
from apps.governance.states import RuleState

R = TypeVar("R", bound=GovernedRule)

# What makes two rows revisions of one rule.
KEYS: dict[type[GovernedRule], tuple[str, ...]] = {
    SystemOfRecordRule: ("object", "field"),
    QualityRule: ("code", "gate"),
    ApprovalPolicy: ("kind", "entity", "currency", "threshold"),
    ValueMap: ("system", "entity", "kind", "source"),
    ContractVersion: ("name", "number"),
}
_OWN = frozenset({"id", "revision", "state", "version", "created_at", "updated_at", "audit_seq", "audit_head",
                  "proposed_by", "approved_by", "effective_from", "reason"})  # fmt: skip


def propose(model: type[R], values: Mapping[str, Any], *, by: Actor, why: str, effective_from: date | None = None) -> R:
    """A draft of the next revision; what counts now goes on counting. Raises NotYourDecision without ``rules.edit``,
    BadInput for a value that cannot be."""
    _require(by, "rules.edit")
    if not why.strip():
        raise BadInput("a reason is needed", path="why", mend="Say what the change is for.")
    key = {name: values[name] for name in KEYS[model]}
    with transaction.atomic():
        last = model._default_manager.filter(**key).aggregate(last=Max("revision"))["last"] or 0
        rule = model(
            id=new_id("RUL", model.__name__, *key.values(), last + 1),
            revision=last + 1,
            proposed_by=by.key,
            reason=why,
            effective_from=effective_from,
            **values,
        )
        _require_sound(rule)
        work = Work()
        work.create(rule, by=by, why=why, after=_content(rule))
        work.flush()
    return rule


def mark_tested(model: type[R], rule_id: str, *, by: Actor, why: str, expected_version: int | None = None) -> R:
    """Its effect has been looked at; `why` says what was found."""
    return _move(
        model, rule_id, "mark_tested", by=by, why=why, permission="rules.edit", expected_version=expected_version
    )


def send_back(model: type[R], rule_id: str, *, by: Actor, why: str, expected_version: int | None = None) -> R:
    """Another round is needed."""
    return _move(
        model, rule_id, "send_back", by=by, why=why, permission="rules.edit", expected_version=expected_version
    )


def approve(model: type[R], rule_id: str, *, by: Actor, why: str, expected_version: int | None = None) -> R:
    """A second person agrees: never the proposer, and one of the rule's approvers where it names them."""
    return _move(
        model, rule_id, "approve", by=by, why=why, permission="rules.approve", expected_version=expected_version
    )


def go_live(model: type[R], rule_id: str, *, by: Actor, why: str = "", expected_version: int | None = None) -> R:
    """It counts from now on; the revision that counted before is retired in the same transaction."""
    _require(by, "rules.edit", "rules.approve")
    with _held(model, rule_id, expected_version) as (work, rule):
        today = clock.today("UTC")
        if rule.effective_from is not None and rule.effective_from > today:
            raise NotPossible(f"{rule} takes effect on {rule.effective_from}; until then it stays approved.")
        _replace_live(work, rule, by=by, why=why, on=today)
    return rule


def go_live_due(*, by: Actor) -> int:
    """Put every approved rule live whose effective date has come. Returns how many."""
    due = [
        (model, pk)
        for model in KEYS
        for pk in model._default_manager.filter(
            state=RuleState.APPROVED, effective_from__lte=clock.today("UTC")
        ).order_by("revision").values_list("pk", flat=True)
    ]  # fmt: skip
    for model, pk in due:
        with _held(model, pk, None) as (work, rule):
            if rule.state == RuleState.APPROVED:
                _replace_live(work, rule, by=by, why="its effective date has come", on=clock.today("UTC"))
    return len(due)


def retire(model: type[R], rule_id: str, *, by: Actor, why: str, expected_version: int | None = None) -> R:
    """Withdrawn; for a live rule this takes the right to approve rules."""
    with _held(model, rule_id, expected_version) as (work, rule):
        _require(by, "rules.approve" if rule.state == RuleState.LIVE else "rules.edit")
        _moved(work, rule, "retire", by=by, why=why)
    return rule


def roll_back(model: type[R], rule_id: str, *, by: Actor, why: str) -> R:
    """A draft that says again what an earlier revision said. It is approved like any other."""
    earlier = model._default_manager.get(pk=rule_id)
    values = {
        field.attname: getattr(earlier, field.attname)
        for field in model._meta.concrete_fields
        if field.attname not in _OWN
    }
    return propose(model, values, by=by, why=f"back to revision {earlier.revision}: {why}")


def history(rule: R) -> list[R]:
    """Every revision of the rule, the newest first."""
    key = {name: getattr(rule, name) for name in KEYS[type(rule)]}
    return list(type(rule)._default_manager.filter(**key).order_by("-revision"))


def _replace_live(work: Work, rule: R, *, by: Actor, why: str, on: date) -> None:
    key = {name: getattr(rule, name) for name in KEYS[type(rule)]}
    live = type(rule)._default_manager.filter(**key, state=RuleState.LIVE).values_list("pk", flat=True)
    for earlier in work.lock(type(rule), list(live)).values():
        _moved(work, earlier, "retire", by=by, why=f"replaced by revision {rule.revision}")
    # The database allows one live revision at any instant, so the old one leaves first.
    work.flush()
    _moved(work, rule, "go_live", by=by, why=why, on=on)


def _move(
    model: type[R], rule_id: str, transition: str, *, by: Actor, why: str, permission: str, expected_version: int | None
) -> R:
    with _held(model, rule_id, expected_version) as (work, rule):
        _require(by, permission)
        if transition == "approve":
            _require_second_person(rule, by)
        _moved(work, rule, transition, by=by, why=why)
    return rule


@contextmanager
def _held(model: type[R], rule_id: str, expected_version: int | None) -> Iterator[tuple[Work, R]]:
    with transaction.atomic():
        work = Work()
        rule = work.lock(model, [rule_id]).get(rule_id)
        if rule is None:
            raise model.DoesNotExist(f"{model._meta.verbose_name} {rule_id} does not exist")
        if expected_version is not None and rule.version != expected_version:
            raise Conflict(f"{rule} has moved on to version {rule.version}, you saw version {expected_version}")
        yield work, rule
        work.flush()


def _moved(work: Work, rule: GovernedRule, transition: str, *, by: Actor, why: str, **arguments: Any) -> None:
    try:
        work.move(rule, transition, by=by, why=why, **arguments)
    except TransitionNotAllowed as error:
        raise NotPossible(f"{rule} cannot do this now ({transition}); it is {rule.state}.") from error


def _require_sound(rule: GovernedRule) -> None:
    try:
        # A protected state may be set once only, and checking sets it again.
        rule.clean_fields(exclude={"state"})
    except ValidationError as error:
        problems = {name: " ".join(words) for name, words in sorted(error.message_dict.items())}
        told = "; ".join(f"{name}: {words}" for name, words in problems.items())
        raise BadInput(told, path=", ".join(problems), mend="Correct this and propose the rule again.") from error


def _require_second_person(rule: GovernedRule, by: Actor) -> None:
    if by.key == rule.proposed_by:
        raise NotYourDecision("You proposed this rule yourself; somebody else must approve it.")
    person, approvers = person_behind(by), getattr(rule, "approvers", [])
    if approvers and (person is None or not set(approvers) & set(person.roles)):
        raise NotYourDecision(f"This rule is approved by: {', '.join(approvers)}. {by.name} is none of these.")


def _require(by: Actor, *permissions: str) -> None:
    person = person_behind(by)
    if person is None or not any(may(person, permission) for permission in permissions):
        raise NotYourDecision(f"{by.name} may not change rules ({' or '.join(permissions)}).")


def _content(rule: GovernedRule) -> dict[str, Any]:
    return {
        field.attname: value if isinstance(value, str | int | bool | list | dict) else str(value)
        for field in rule._meta.concrete_fields
        if field.attname not in _OWN and (value := getattr(rule, field.attname)) is not None
    }
