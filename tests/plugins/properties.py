"""How property tests run here: by what they find, not by how busy the machine is."""

from hypothesis import settings

# Two cores are shared by databases, servers and browsers; a slow example says nothing about the code.
settings.register_profile("tieout", deadline=None)
settings.load_profile("tieout")
