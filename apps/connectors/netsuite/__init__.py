"""NetSuite ERP over SuiteTalk REST."""
