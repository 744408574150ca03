"""One settings module per place where Tieout runs."""
