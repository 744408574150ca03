"""NetSuite SuiteTalk REST as Tieout sees it: OAuth 2.0 M2M, records, transforms, SuiteQL, async jobs, a RESTlet."""
