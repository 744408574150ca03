"""The part of SuiteQL that polling and look-ups need."""
