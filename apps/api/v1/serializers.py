"""What the API takes and gives, in the caller's words."""

from rest_framework import serializers


class FaultSerializer(serializers.Serializer):
    """One fault in the input: where, what, and how to mend it."""

    path = serializers.CharField()
    message = serializers.CharField()
    mend = serializers.CharField(allow_blank=True)


class ProblemSerializer(serializers.Serializer):
    """A problem document (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    correlation_id = serializers.CharField()
    errors = FaultSerializer(many=True, required=False)  # type: ignore[assignment]  # RFC 9457's name


class ConfirmSerializer(serializers.Serializer):
    """Which CRM the opportunity is in."""

    system = serializers.SlugField(max_length=40, help_text="Code of the CRM, like hubspot.")


class OpportunityRef(serializers.RegexField):
    """The CRM's own reference of an opportunity, as it stands in the address."""

    def __init__(self) -> None:
        super().__init__(
            r"\A[\w.:-]{1,64}\Z", error_messages={"invalid": "Give the id the CRM uses, 64 characters at most."}
        )

    def read(self, value: str) -> str:
        """The reference; a fault names it ``ref``."""
        try:
            return str(self.run_validation(value))
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"ref": error.detail}) from error


class BlockerSerializer(serializers.Serializer):
    """One thing that stands in the way; `kind` is a kind of case."""

    kind = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(allow_blank=True)


class CheckSerializer(serializers.Serializer):
    """One project, one per legal entity."""

    project = serializers.CharField(source="project_id")
    legal_entity = serializers.CharField()
    state = serializers.CharField()
    blockers = BlockerSerializer(many=True)


class ConfirmationSerializer(serializers.Serializer):
    """What validation found. `contract` is empty while the CRM has not told us of the opportunity yet."""

    opportunity = serializers.CharField()
    contract = serializers.CharField(source="confirmation.contract_id", allow_blank=True)
    ready = serializers.BooleanField(source="confirmation.is_ready")
    projects = CheckSerializer(many=True, source="confirmation.checks")
    correlation_id = serializers.CharField(source="confirmation.correlation_id")
