"""Commands of the launcher, one file each."""
