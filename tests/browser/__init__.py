"""The screens in real Chromium."""
