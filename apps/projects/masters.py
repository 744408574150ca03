"""The demo company's service lines, project templates and cost centres, as plain rows."""

from decimal import Decimal
from typing import Any

from apps.contracts.masters import ENTITIES
from apps.projects.models import CostCentre, ProjectTemplate, ServiceLine

SERVICE_LINES = (
    ServiceLine(code="ADVISORY", name="Advisory"),
    ServiceLine(code="IMPLEMENTATION", name="Implementation"),
    ServiceLine(code="MANAGED", name="Managed services"),
)


def _task(code: str, name: str, share: str) -> dict[str, Any]:
    return {"code": code, "name": name, "budget_share": share}


TEMPLATES = (
    ProjectTemplate(
        code="ADVISORY-STANDARD",
        service_line_id="ADVISORY",
        blended_rate=Decimal(185),
        tasks=[
            _task("LEAD", "Engagement lead", "0.15"),
            _task("ANALYSE", "Analysis and interviews", "0.35"),
            _task("RECOMMEND", "Recommendation", "0.35"),
            _task("HANDOVER", "Presentation and handover", "0.15"),
        ],
    ),
    ProjectTemplate(
        code="IMPLEMENTATION-STANDARD",
        service_line_id="IMPLEMENTATION",
        blended_rate=Decimal(160),
        tasks=[
            _task("LEAD", "Project management", "0.12"),
            _task("DESIGN", "Solution design", "0.18"),
            _task("BUILD", "Build and configure", "0.40"),
            _task("TEST", "Test and accept", "0.15"),
            _task("GOLIVE", "Go-live", "0.10"),
            _task("HANDOVER", "Handover to operations", "0.05"),
        ],
    ),
    # Other people do other work when most of it is done from afar.
    ProjectTemplate(
        code="IMPLEMENTATION-OFFSHORE",
        service_line_id="IMPLEMENTATION",
        delivery_model="offshore",
        blended_rate=Decimal(95),
        tasks=[
            _task("LEAD", "Project management", "0.15"),
            _task("DESIGN", "Solution design on site", "0.20"),
            _task("BUILD", "Build and configure", "0.45"),
            _task("TEST", "Test and accept", "0.15"),
            _task("GOLIVE", "Go-live", "0.05"),
        ],
    ),
    ProjectTemplate(
        code="MANAGED-STANDARD",
        service_line_id="MANAGED",
        blended_rate=Decimal(110),
        tasks=[
            _task("ONBOARD", "Take-over and onboarding", "0.10"),
            _task("SERVICE", "Service desk", "0.45"),
            _task("CHANGE", "Changes and improvements", "0.30"),
            _task("REPORT", "Service reporting", "0.15"),
        ],
    ),
)

COST_CENTRES = tuple(
    CostCentre(code=f"{entity.code}-{number}", legal_entity_id=entity.code, service_line_id=line.code)
    for entity in ENTITIES
    for number, line in zip(("4100", "4200", "4300"), SERVICE_LINES, strict=True)
)
