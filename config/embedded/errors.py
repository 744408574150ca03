"""What can go wrong with the embedded services, worded for the person at the keyboard."""


class EmbeddedServiceError(Exception):
    """An embedded service cannot run; the message is one line and names the mend."""
