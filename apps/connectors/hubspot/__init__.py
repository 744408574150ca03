"""HubSpot CRM."""
