"""HubSpot CRM as Tieout sees it: objects, search, associations, properties, pipelines, signed webhooks."""
