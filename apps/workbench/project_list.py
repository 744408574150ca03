"""Projects as a list: filters in the address, and what one line shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Count, Q, QuerySet, Sum
from django.http import QueryDict
from django.urls import reverse

from apps.access.models import User
from apps.billing.models import Invoice
from apps.billing.queries import IN_THE_BOOKS
from apps.exceptions.queries import visible_cases
from apps.exceptions.states import LIVE_STATES
from apps.projects.models import Project
from apps.projects.states import ProjectState
from apps.workbench.activation_queue import visible_projects
from apps.workbench.keyset import Key

ORDER = (Key("created_at", descending=True), Key("id"))


class ProjectFilter(forms.Form):
    """The filters of the list."""

    q = forms.CharField(label="Name, customer or id", required=False, max_length=200)
    state = forms.ChoiceField(label="State", choices=[("", "Any"), *ProjectState.choices], required=False)
    entity = forms.ChoiceField(label="Legal entity", required=False)

    def __init__(self, query: QueryDict, *, entities: Sequence[str]) -> None:
        super().__init__(query)
        field = self.fields["entity"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Any"), *((code, code) for code in entities if code)]

    def narrowed(self, rows: QuerySet[Project]) -> QuerySet[Project]:
        """What was asked for; only after `is_valid()`."""
        asked = self.cleaned_data
        exact: dict[str, Any] = {"state": asked["state"], "legal_entity": asked["entity"]}
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        words = asked["q"].strip()
        return rows.filter(_mentions(words)) if words else rows


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """One project of the list; `posted` is what is in the books of it, before tax."""

    id: str
    url: str
    name: str
    customer: str
    entity: str
    state: str
    budget: Decimal
    posted: Decimal
    currency: str
    cases: int


def entities_of(rows: QuerySet[Project]) -> list[str]:
    """The legal entities there are projects of. One query."""
    return sorted(rows.order_by().values_list("legal_entity", flat=True).distinct()[:200])


def listed(user: User) -> QuerySet[Project]:
    """The visible projects with contract and customer."""
    return visible_projects(user).select_related("contract__account")


def lines(projects: Sequence[Project], *, user: User) -> list[ProjectLine]:
    """One page as lines. Two queries: what is posted, and what is stuck."""
    ids = [project.pk for project in projects]
    posted = dict(
        Invoice.objects.filter(project__in=ids, state__in=IN_THE_BOOKS)
        .order_by()
        .values_list("project_id")
        .annotate(sum=Sum("net"))
    )
    stories = {project.correlation_id for project in projects}
    stuck = visible_cases(user).filter(correlation_id__in=stories, state__in=LIVE_STATES).order_by()
    cases = {
        (story, entity): size
        for story, entity, size in stuck.values_list("correlation_id", "entity").annotate(size=Count("pk"))
    }
    return [_line(project, posted, cases) for project in projects]


def _mentions(words: str) -> Q:
    return (
        Q(pk__iexact=words)
        | Q(contract__pk__iexact=words)
        | Q(contract__ref=words)
        | Q(name__icontains=words)
        | Q(contract__account__name__icontains=words)
    )


def _line(project: Project, posted: Mapping[str, Decimal], cases: Mapping[tuple[str, str], int]) -> ProjectLine:
    account = project.contract.account
    return ProjectLine(
        id=project.pk,
        url=reverse("workbench:project", args=[project.pk]),
        name=project.name,
        customer=account.name if account else "",
        entity=project.legal_entity,
        state=project.state,
        budget=project.budget,
        posted=posted.get(project.pk, Decimal(0)),
        currency=project.currency,
        cases=cases.get((project.correlation_id, project.legal_entity), 0),
    )
