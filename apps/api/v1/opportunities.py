"""confirm: the one call of a person in the CRM; it answers at once, the rest runs by itself."""

from typing import cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.access.models import User
from apps.access.policy import may, works_for
from apps.api.v1.serializers import ConfirmationSerializer, ConfirmSerializer, OpportunityRef, ProblemSerializer
from apps.processes.confirmation import confirm_opportunity

PERMISSION = "opportunities.confirm"


class ConfirmOpportunity(APIView):
    """POST /api/v1/opportunities/{ref}/confirm"""

    @extend_schema(
        operation_id="confirm_opportunity",
        summary="Ask for a won opportunity to go ahead",
        description="Answers with what validation finds in what is known now, and reads the opportunity afresh.",
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="Repeating it asks the CRM once."
            )
        ],
        request=ConfirmSerializer,
        responses={202: ConfirmationSerializer, 401: ProblemSerializer, 403: ProblemSerializer, 422: ProblemSerializer},
    )
    def post(self, request: Request, ref: str) -> Response:
        """Check, ask the CRM, answer."""
        user = cast(User, request.user)
        if not may(user, PERMISSION):
            raise PermissionDenied(f"You need the permission {PERMISSION}.")
        asked = ConfirmSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = confirm_opportunity(
            OpportunityRef().read(ref),
            system=asked.validated_data["system"],
            request_key=request.headers.get("Idempotency-Key", "")[:200],
            sees=lambda entity: works_for(user, entity),
        )
        return Response(ConfirmationSerializer({"opportunity": ref, "confirmation": found}).data, status=202)
