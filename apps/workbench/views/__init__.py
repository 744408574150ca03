"""The screens, one file per subject."""
