"""Which connected system serves a need that no legal entity decides."""

# Codes of connected systems. A customer's own estate may call them otherwise: connect yours under these codes.
STAFFING = "staffing"
DOCUMENTS = "documents"
